"""The command that opens the dashboard."""

import os
import subprocess
import sys

import typer

from vit_lab import paths


def dashboard(context: typer.Context) -> None:
    """Open the dashboard; what follows goes to `streamlit run`, as in --server.port=8600."""
    script = str(paths.top() / "dashboard.py")  # with its settings beside it, in .streamlit
    command = [sys.executable, "-P", "-m", "streamlit", "run", script, *context.args]  # -P: as `streamlit` itself does
    if os.name == "nt":  # there, a process that another one replaces seems to have ended
        raise typer.Exit(subprocess.run(command).returncode)
    os.execv(sys.executable, command)
