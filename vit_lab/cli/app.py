"""The lab from a shell: its commands, each a function of a module beside this one.

With --json the last line on stdout is one JSON object; progress goes to stderr.
Exit codes: 0 done, 1 the run failed (with why), 2 bad arguments (naming the field). Ctrl-C and SIGTERM stop a training
in order: its runs are marked interrupted, keep a checkpoint, and are told in the JSON line all the same.
"""

import io
import os
import sys
from contextlib import suppress
from typing import NoReturn

import typer

from vit_lab.cli.dashboard import dashboard
from vit_lab.cli.inside import look
from vit_lab.cli.kept import export, import_, runs, tidy
from vit_lab.cli.training import claim, compare, sweep, train

EXAMPLES = {
    "train": ("vit-lab train --init xavier --steps 600", "vit-lab train --preset vit-notes --train-size 1000 --json"),
    "compare": (
        "vit-lab compare --arm linear-default --arm xavier:3 --seeds 6",
        "vit-lab compare --arm xavier --arm xavier,norm=post --vary depth=2,8 --html report.html",
    ),
    "sweep": ("vit-lab sweep --init xavier --size 200 --size all", "vit-lab sweep --scale 0.1 --scale 1 --scale 10"),
    "claim": ("vit-lab claim --seeds 6 --fair-rate", "vit-lab claim --task mnist-10k:0.4 --size 200 --size all"),
    "runs": ("vit-lab runs", "vit-lab runs --json"),
    "look": ("vit-lab look RUN --step 100", "vit-lab look RUN --digit 7 --json"),
    "tidy": ("vit-lab tidy",),
    "import": ("vit-lab import class.zip",),
    "export": ("vit-lab export EXPERIMENT --html report.html", "vit-lab export RUN RUN --csv runs.csv"),
}
COMMANDS = (train, compare, sweep, claim, runs, look, export, import_, tidy)

app = typer.Typer(
    help="Measure what the variance of the initial weights does to a Vision Transformer.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    name = command.__name__.rstrip("_")  # import is a word of Python's own
    app.command(name, epilog="\n\n".join(["Examples:", *EXAMPLES[name]]))(command)
app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(dashboard)


def main(program: str = "vit-lab") -> NoReturn:
    """Run the command of this process's arguments, and leave at once; help calls the program by this name."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name may have letters that a terminal lacks
    code = 1
    try:
        app(prog_name=program)
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except OSError as error:  # of printing: of what commands do themselves, they have told
        code = _not_told(error)
    try:
        if sys.stdout is not None:  # closed by whoever gave the command
            sys.stdout.flush()
    except OSError as error:
        code = _not_told(error)
    with suppress(OSError, AttributeError):
        sys.stderr.flush()
    os._exit(code)  # taking torch down takes seconds on a busy machine


def _not_told(error: Exception) -> int:
    with suppress(OSError):
        print(f"the result cannot be printed ({error})", file=sys.stderr)
    return 1
