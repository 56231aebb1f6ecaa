"""python -m benchmarks probes | space_time | positions: measure, print, and keep the figures in benchmarks/results/."""

import json
import sys
from pathlib import Path

from benchmarks import positions, probes, space_time
from benchmarks.machine import machine

BENCHMARKS = {"probes": probes.measure, "space_time": space_time.measure, "positions": positions.measure}
RESULTS = Path(__file__).parent / "results"


def main(names: list[str]) -> int:
    """Run the named benchmarks, all if none is named."""
    for name in names or list(BENCHMARKS):
        if name not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; choose {', '.join(BENCHMARKS)}", file=sys.stderr)
            return 2
        figures = machine() | BENCHMARKS[name]()
        for key, value in figures.items():
            print(f"{name:<8} {key:<28} {value}")
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"{name}.json").write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
