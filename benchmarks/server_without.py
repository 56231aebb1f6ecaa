"""The dashboard without one of its tricks: python -m benchmarks.server_without TRICK ARGUMENTS OF STREAMLIT.

An empty TRICK takes nothing away.
"""

import sys

from streamlit.web import cli

TRICKS = ("uvloop",)


def take_away(trick: str) -> None:
    """Before anything of the dashboard is loaded."""
    if trick == "uvloop":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # so importing it fails
    elif trick:
        raise ValueError(f"there is no trick {trick!r}; choose {', '.join(TRICKS)}")


if __name__ == "__main__":
    take_away(sys.argv.pop(1))
    sys.argv[0] = "streamlit"
    sys.exit(cli.main())
