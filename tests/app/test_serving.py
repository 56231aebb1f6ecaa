"""How a server ends."""

import subprocess
import sys

import pytest

ENDING = """
import atexit
from streamlit.runtime import Runtime
from vit_lab.ui.serving.server import leave_at_once

atexit.register(print, "taken down")
atexit.register(leave_at_once)
print("served")
"""
SERVER = "Runtime._instance = Runtime.__new__(Runtime)\n"


@pytest.mark.parametrize(
    ("kind", "ending", "said", "code"),
    [
        (SERVER, "", "served", 0),
        (SERVER, "raise OSError", "served", 1),
        ("", "", "served taken down", 0),
        ("", "raise OSError", "served taken down", 1),
    ],
)
def test_a_server_leaves_at_once_with_the_exit_code_that_it_would_have_had(kind, ending, said, code):
    process = subprocess.run([sys.executable, "-c", ENDING + kind + ending], capture_output=True, text=True)
    assert (process.stdout.split(), process.returncode) == (said.split(), code), process.stderr
