"""A round of a class as one HTML file that opens without a network: what was asked, guessed and found, to take home."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import jinja2
import pandas as pd

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import COLOURS, letter
from vit_lab.analysis.command import command
from vit_lab.analysis.comparison import Comparison, verdict
from vit_lab.analysis.comparison_rows import BANDS, seed_curves
from vit_lab.analysis.guesses import Line, ahead, comparisons, guess_rows, lines, right_twin
from vit_lab.analysis.report import picture
from vit_lab.runs.classroom import Board
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.ready_rounds import ready_for
from vit_lab.spelling import arm_names

SHARED = (
    "Both twins of a pair start from the same random draw and see the same examples in the same order: what differs "
)
SHARED += "in the end comes from what sets them apart."
SEEDS = "One pair is a demonstration. Seeds differ, so it takes several pairs, and an interval, to tell a difference."
RATE = "Both twins have one learning rate, although another start may want another rate; that is a question of its own."


def handout(board: Board, curves: Mapping[str, pd.DataFrame], *, names: bool = False) -> str:
    """The handout of a closed round; `curves` are those of validation accuracy by run id, as `seed_curves` takes them.

    Nobody is named unless `names` says so.
    """
    assert board.round is not None
    found = comparisons(board)
    told, experiment = lines(board, found), board.experiment
    ready = ready_for(board.round.arms)
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    pages.filters |= {"ahead": ahead, "tenth": lambda value: "–" if value is None else f"{value:.1f}"}
    return pages.get_template("handout.html").render(
        question=board.round.question,
        arms=[
            {"letter": letter(arm), "colour": COLOURS[arm], "name": name}
            for arm, name in enumerate(arm_names(board.round.arms))
        ],
        settings=f"Both: {experiment.shared_words}." if experiment.proper and experiment.shared_words else "",
        verdicts=_verdicts(experiment, found),
        pictures=_pictures(experiment, curves, told, found, names=names),
        guessed=_guessed(told),
        names=names,
        told=sorted(told, key=lambda line: (line.off_by is None, line.off_by or 0.0)),
        takeaways=ready.takeaways if ready else (SHARED, SEEDS, RATE),
        command=command(experiment) if experiment.proper else None,
        why_no_command="students changed settings, or runs have been removed"
        if experiment.proper
        else "nothing was trained",
        date=datetime.now(UTC).date().isoformat(),
    )


def _verdicts(experiment: Experiment, found: Sequence[Comparison]) -> list[dict[str, str]]:
    names = experiment.names if experiment.proper else {}
    conditions = experiment.conditions if experiment.proper else {}
    return [{"condition": conditions[c.condition], "verdict": verdict(c, names[c.a], names[c.b])} for c in found]


def _guessed(told: Sequence[Line]) -> str:
    guessed = [line.arm for line in told if line.arm is not None]
    if not guessed:
        return "Nobody has committed a guess."
    for_b = sum(guessed)
    right, of = right_twin(told)
    words = f"{len(guessed)} guesses: {for_b} that B ends ahead, {len(guessed) - for_b} that A does."
    return words + (f" {right} of {of} guessed the twin that is ahead." if of else "")


def _pictures(
    experiment: Experiment,
    curves: Mapping[str, pd.DataFrame],
    told: Sequence[Line],
    found: Sequence[Comparison],
    *,
    names: bool,
) -> list[dict[str, str]]:
    words = "Guesses above the axis, pairs below it; the diamond is the mean of the pairs on its 95 % interval."
    pictures = [picture(charts.GUESSES(), guess_rows(told, found, names=names), words)]
    if experiment.proper:
        rows = seed_curves(curves, experiment.proper, experiment.names, by_time=False, band=BANDS[0], smoothing=1)
        words = (
            "Validation accuracy by step: thin lines are pairs, bold ones the means of the twins with their intervals."
        )
        pictures.append(picture(charts.ACCURACY_CURVES[False, False](), rows, words))
    return pictures
