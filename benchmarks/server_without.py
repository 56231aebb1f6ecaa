"""The dashboard without one of its tricks: python -m benchmarks.server_without TRICK ARGUMENTS OF STREAMLIT.

An empty TRICK takes nothing away.
"""

import sys

from streamlit.web import cli

from vit_lab.ui.serving import server

TRICKS = ("SCHED_BATCH", "uvloop", "theme")


def take_away(trick: str) -> None:
    """Before anything of the dashboard is loaded."""
    if trick == "uvloop":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # so importing it fails
    elif trick == "SCHED_BATCH":
        server.serve_without_interrupting_runs = lambda: None
    elif trick == "theme":
        server.read_the_theme_once = lambda: None
    elif trick:
        raise ValueError(f"there is no trick {trick!r}; choose {', '.join(TRICKS)}")


if __name__ == "__main__":
    take_away(sys.argv.pop(1))
    sys.argv[0] = "streamlit"
    sys.exit(cli.main())
