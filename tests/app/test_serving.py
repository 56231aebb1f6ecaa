"""What a server has one of, and how it ends."""

import subprocess
import sys
import threading
import time

import pytest
from places import COMPARE, LEARN_INIT, TRAIN

from vit_lab import paths
from vit_lab.ui.serving.once import Once

ENDING = """
import time
from vit_lab.ui.serving import lab, server
print("served", flush=True)
def keep():
    {keep}
    print("kept", flush=True)
lab.end = keep
server._end()
time.sleep(20)
"""


@pytest.mark.parametrize(("keep", "said", "code"), [("pass", "served kept", 0), ("raise OSError", "served", 1)])
def test_a_server_leaves_at_once_when_all_is_kept_and_says_whether_it_is(keep, said, code):
    program = ENDING.format(keep=keep)
    process = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (process.stdout.split(), process.returncode) == (said.split(), code), process.stderr


def test_what_there_is_one_of_is_made_once_however_many_ask():
    made = []

    def make():
        time.sleep(0.05)
        made.append(object())
        return made[-1]

    one, got = Once(make), []
    asking = [threading.Thread(target=lambda: got.append(one())) for _ in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    assert len(made) == 1 and all(found is made[0] for found in got) and len(got) == 8


def test_it_is_released_once_and_another_is_made_for_whoever_asks_then():
    numbers, released = iter(range(9)), []
    one = Once(lambda: next(numbers), released.append)
    one.end()
    assert [one(), one()] == [0, 0] and released == []
    one.end()
    one.end()
    assert released == [0] and one() == 1


def test_what_could_not_be_made_is_tried_again():
    answers = iter([OSError("not yet"), 5])

    def make():
        answer = next(answers)
        if isinstance(answer, OSError):
            raise answer
        return answer

    one = Once(make)
    with pytest.raises(OSError, match="not yet"):
        one()
    assert one() == 5


def test_a_database_that_is_gone_is_said_once_on_every_page(open_page, workers):
    open_page()
    paths.database().rename(paths.home() / "elsewhere")
    for page in (TRAIN, COMPARE, LEARN_INIT):
        told = [
            warning.value for warning in open_page(page).warning if "The database is not where it was" in warning.value
        ]
        assert len(told) == 1
