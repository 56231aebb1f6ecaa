"""The files under test."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD, FOLDER = ROOT / "dashboard.py", "pages"
TRAIN, RUNS, WEIGHTS = f"{FOLDER}/train.py", f"{FOLDER}/runs.py", f"{FOLDER}/weights.py"
