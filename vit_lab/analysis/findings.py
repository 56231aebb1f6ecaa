"""What this lab has measured and keeps in docs/findings, read back from its tables."""

from pathlib import Path

import pandas as pd

from vit_lab import paths
from vit_lab.analysis.comparison import Comparison
from vit_lab.analysis.statistics import holm, paired_test

FINDINGS = paths.top() / "docs" / "findings"
CLAIM_TABLE, SPACE_TIME_TABLE = FINDINGS / "001-the-claim.csv", FINDINGS / "002-space-time.csv"


def claim_findings(file: Path = CLAIM_TABLE) -> dict[str, Comparison]:
    """Finding 001: `xavier` minus `linear-default` on each task and size, empty if the table is not here.

    A label tells data set and training images; "noisy" has 40 % of the training labels replaced at random.
    """
    if not file.is_file():
        return {}
    table = pd.read_csv(file)
    labels, differences = [], []
    for _, runs in table.groupby("condition"):
        first = runs.iloc[0]
        size = "all" if pd.isna(first["train_size"]) else f"{first['train_size']:,.0f}"
        noise = ", noisy" if first["label_noise"] else ""
        labels.append(f"{first['dataset']}, {size}{noise}")
        scores = runs.pivot(index="seed", columns="arm", values="test_accuracy")
        differences.append((scores[1] - scores[0]).to_dict())
    tests = [paired_test(list(found.values())) for found in differences]
    adjusted = holm([test.p_value for test in tests])
    return {
        label: Comparison(0, 1, condition, found, test, planned=len(found), still=0, comparisons=len(tests), p_holm=p)
        for condition, (label, found, test, p) in enumerate(zip(labels, differences, tests, adjusted, strict=True))
    }


def space_time_findings(file: Path = SPACE_TIME_TABLE) -> pd.DataFrame | None:
    """Finding 002: the cost of a step of joint and of divided attention by number of frames; None if it is not here.

    Columns: frames, joint_ms, divided_ms, and joint over divided as measured (ratio), by all multiplications
    (macs_ratio) and by the attention scores alone (scores_ratio).
    """
    return pd.read_csv(file) if file.is_file() else None
