"""What a server needs to listen to a training is light, so that it may take place on another machine."""

import pickle
import subprocess
import sys

from vit_lab.events import Stepped
from vit_lab.runs.executors.messages import Ended, Said
from vit_lab.runs.states import Status


def test_messages_and_the_names_of_executors_bring_no_torch():
    names = "from vit_lab.runs.executors import choice, messages; choice.chosen_name()"
    code = f"import sys; {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_messages_can_be_carried():
    for message in (Said(((0.5, Stepped(step=1)),), 0.5, None), Ended(Status.FAILED, "why")):
        assert pickle.loads(pickle.dumps(message)) == message
