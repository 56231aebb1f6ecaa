"""The files under test."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD, FOLDER = ROOT / "dashboard.py", "pages"
TRAIN, RUNS, WEIGHTS, INSIDE, COMPARE, SWEEP, CLAIM, ROUND, JOIN = (
    f"{FOLDER}/{name}.py"
    for name in ("train", "runs", "weights", "inside", "compare", "sweep", "claim", "round", "join")
)
LEARN_INIT, LEARN_TRANSFORMER, LEARN_TIMESFORMER = (
    f"{FOLDER}/learn_{name}.py" for name in ("init", "transformer", "timesformer")
)
