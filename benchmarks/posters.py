"""Posters of the ready rounds: the question, every pair of the ten that were measured, and the verdict.

    python -m benchmarks.posters

draws docs/posters/ from the tables in docs/findings/rounds/, writes what they came to into ready-rounds.csv, and prints
it as docs/teaching.md has it.
"""

import copy
import csv
import textwrap
from pathlib import Path
from typing import Any

import vl_convert

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import Comparison, arm_outcomes, compare, verdict
from vit_lab.analysis.comparison_rows import final_rows
from vit_lab.analysis.findings import FINDINGS, experiment_in
from vit_lab.analysis.scores import scores_of
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.ready_rounds import READY, ReadyRound, table

POSTERS = FINDINGS.parent / "posters"
WIDTH, HEIGHT, ACROSS = 1_000, 900, 58  # pixels; letters in a line
FOREGROUND, GREY = "#1d2b2f", "#5a686c"


def outcome(name: str) -> tuple[Experiment, Comparison]:
    """The measured pairs of a ready round, and how they compare."""
    experiment = experiment_in(FINDINGS / "rounds" / f"{name}.csv")
    if experiment is None:
        raise FileNotFoundError(name)
    [found] = compare(experiment, scores_of(experiment))
    return experiment, found


def line(name: str) -> dict[str, Any]:
    """What a ready round came to, as a line of its table: points by which the second arm is ahead."""
    test = outcome(name)[1].test
    ends = {field: f"{100 * (getattr(test, field) or 0):.2f}" for field in ("mean", "low", "high")}
    return {"round": name, "pairs": test.n} | ends


def lesson_row(name: str) -> str:
    """The same as a row of the table in docs/teaching.md, with the accuracy of each twin."""
    experiment, found = outcome(name)
    one, other = (arm.summary.mean or 0 for arm in arm_outcomes(experiment, scores_of(experiment)))
    mean, low, high = (f"{100 * (end or 0):+.1f}" for end in (found.test.mean, found.test.low, found.test.high))
    told = f"{100 * one:.1f} % | {100 * other:.1f} % | {mean} | {low} to {high}".replace("-", "−")
    return f"| `/round?start={name}` | {told} | [{name}](posters/{name}.svg) |"


def poster(name: str, ready: ReadyRound) -> str:
    """A round as a picture to be read from the last row, SVG."""
    experiment, found = outcome(name)
    spec = copy.deepcopy(charts.FINAL_DOTS())
    names = experiment.names
    said = verdict(found, names[found.a], names[found.b])
    arms = [f"{letter(arm)}: {words}" for arm, words in names.items()]
    rows = final_rows(arm_outcomes(experiment, scores_of(experiment)), experiment.proper)
    spec |= {"width": WIDTH, "height": HEIGHT, "padding": 60, "background": "white"}
    spec["data"] = {"values": rows.to_dict("records")}
    spec["title"] = {
        "text": textwrap.wrap(ready.question, ACROSS),
        "subtitle": [*textwrap.wrap(said, ACROSS + 12), "", "   ".join(arms)],
        "anchor": "start",
        "fontSize": 34,
        "subtitleFontSize": 27,
        "subtitleLineHeight": 36,
        "lineHeight": 44,
        "subtitlePadding": 18,
        "offset": 36,
        "color": FOREGROUND,
        "subtitleColor": GREY,
    }
    spec["config"]["axis"] |= {"labelFontSize": 26, "titleFontSize": 26}
    return _larger(spec)


def _larger(spec: dict[str, Any]) -> str:
    """With letters and marks for a wall."""
    for layer in spec["layer"]:
        x, mark = layer.get("encoding", {}).get("x", {}), layer["mark"]
        if x.get("axis"):
            x["axis"]["labelFontSize"] = 40
        if mark["type"] == "point":
            mark["size"] = 260
        if mark["type"] in ("rule", "tick"):
            mark |= {"strokeWidth": 9} if mark["type"] == "rule" else {"thickness": 8, "width": 80}
    picture: str = vl_convert.vegalite_to_svg(spec)
    return picture


def main(folder: Path = POSTERS) -> None:
    """Draw all, and write the table."""
    folder.mkdir(exist_ok=True)
    for name, ready in READY.items():
        (folder / f"{name}.svg").write_text(poster(name, ready), encoding="utf-8")
    with table().open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["round", "pairs", "mean", "low", "high"], lineterminator="\n")
        rows.writeheader()
        rows.writerows(line(name) for name in READY)
    print(*map(lesson_row, READY), sep="\n")


if __name__ == "__main__":
    main()
