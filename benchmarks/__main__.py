"""python -m benchmarks [NAME ...]: print goal, figure and ratio of each, and keep them. `quick` names some of them.

In results/: the latest as JSON, and a line each in history.csv, which `python -m benchmarks.history` draws.

Nothing else should run meanwhile. A benchmark that cannot run here says why, and the others go on.
"""

import importlib
import sys
import time

from benchmarks.figures import keep, show

BENCHMARKS = {
    "peers": "one arm against the usual loop around vit-pytorch and timm",
    "twins": "two arms on two cores, and a queue",
    "overhead": "what measuring and one viewer cost",
    "accurate": "accuracy for time on full MNIST",
    "limit": "GFLOP/s of a step against torch.mm",
    "growth": "depth, tokens, width, stored runs",
    "classroom": "thirty viewers while two runs train",
    "inside": "thirty viewers draw on Inside while two runs train",
    "cold_start": "from `streamlit run` to a usable page",
    "memory": "a server at work, and how it grows",
    "speedrun": "the preset of that name: ten seeds, and their time",
    "probes": "what probes and the preflight cost",
    "snapshots": "what keeping snapshots costs a run",
    "positions": "patches in another order, with and without positions",
    "tricks": "each speed trick, with it and without it",
    "space_time": "space and time attention: what they tell, what they cost",
    "streams": "a thousand runs that stream into one store, simulated",
    "cluster": "two machines over one, by Ray",
    "maps": "a map of starts, in a process of its own",
}
PARTS = {"peers:classroom": ("peers", "classroom")}  # of a benchmark; kept in the history alone
# What `quick` stands for: the figures with goals of their own, within a quarter of an hour.
QUICK = ("peers:classroom", "cold_start", "memory", "growth")


def main(names: list[str]) -> int:
    """Run the named benchmarks, all if none is named."""
    wanted = [one for name in names or list(BENCHMARKS) for one in (QUICK if name == "quick" else (name,))]
    failed = False
    for name in wanted:
        module, *part = PARTS.get(name, (name,))
        if module not in BENCHMARKS:
            print(f"there is no benchmark {name!r}; choose quick, or {', '.join(BENCHMARKS)}", file=sys.stderr)
            return 2
        began = time.monotonic()
        try:
            figures, details = importlib.import_module(f"benchmarks.{module}").measure(*part)
        except (ImportError, RuntimeError) as error:
            print(f"{name}: not measured, {error}", file=sys.stderr)
            failed = True
            continue
        keep(module, figures, details | {"took": round(time.monotonic() - began)}, latest=not part)
        show(name, figures)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
