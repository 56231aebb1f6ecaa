"""One experiment as one HTML file that opens without a network: verdicts, tables, charts, how to repeat it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.command import command
from vit_lab.analysis.comparison import arm_outcomes, compare
from vit_lab.analysis.comparison_rows import arch_rows, difference_rows, final_rows, pair_label
from vit_lab.analysis.export import outcomes_csv
from vit_lab.analysis.pilots import pilot_rows
from vit_lab.analysis.scores import scores_of
from vit_lab.analysis.summary import experiment_summary, rate_words
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import counted, setting_words, told_value

TITLES = {
    "compare": "Which init is better here?",
    "sweep": "Accuracy against the variance of the initial weights",
    "claim": "Does a larger variance help on smaller or harder data?",
}
FILTERS = {
    "percent": lambda share: "–" if share is None else f"{share:.2%}",
    "interval": lambda ends: "–" if ends is None else f"{ends[0]:.2%} to {ends[1]:.2%}",
    "points": lambda share: "–" if share is None else f"{share * 100:+.2f} points",
    "point_interval": lambda ends: "–" if ends is None else f"{ends[0] * 100:+.2f} to {ends[1] * 100:+.2f}",
    "p": lambda p: "–" if p is None else "< 0.0001" if p < 1e-4 else f"{p:.4f}",
}


class ReportError(ValueError):
    """A report cannot be written; the message is one sentence for a person."""


def report(experiment: Experiment) -> str:
    """The report of one experiment. Raises ReportError if none of its runs can be read."""
    if not experiment.proper:
        raise ReportError("a report is about the runs of an experiment; this one has none that can be read here")
    summary, kind = experiment_summary(experiment), experiment.kind
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    pages.filters |= FILTERS
    return pages.get_template("report.html").render(
        title=TITLES[kind],
        about=_about(experiment),
        pairs=summary["pairs"] if kind != "sweep" else [],
        arms=summary["arms"],
        pictures=_pictures(experiment),
        rates=rate_words(experiment),
        interactions=summary["interactions"] if kind != "sweep" else [],
        pilots=pilot_rows(experiment),
        extended=experiment.extended,
        names=list(experiment.names.values()),
        told=[
            (setting_words(field), [told_value(field, value) for value in values])
            for field, values in experiment.differences.items()
        ],
        settings=[(setting_words(field), told_value(field, value)) for field, value in experiment.shared.items()],
        command=command(experiment),
        csv=outcomes_csv(experiment.runs),
        date=datetime.now(UTC).date().isoformat(),
    )


def _about(experiment: Experiment) -> str:
    seeds, lost = len(experiment.seeds), len(experiment.unreadable)
    unfinished = sum(run.is_active for run in experiment.proper)  # the pilots, and what cannot be read, are not counted
    words = f"{len(experiment.proper)} runs over {counted(seeds, 'seed')}"
    words += f", launched {experiment.created_at[:10]}."
    words += f" {unfinished} of them are still at work: this is how far it got." if unfinished else ""
    return words + (f" {lost} more cannot be read here, and are in no number." if lost else "")


def _pictures(experiment: Experiment) -> list[dict[str, str]]:
    scores, conditions = scores_of(experiment), experiment.conditions
    outcomes, comparisons = arm_outcomes(experiment, scores), compare(experiment, scores)
    if experiment.kind == "sweep":
        words = "Test accuracy by variance scale: means with 95 % intervals, a dot a run."
        return [picture(charts.ARCH(), arch_rows(outcomes, experiment.arms, conditions), words)]
    labels = [pair_label(experiment, c) for c in comparisons]
    words = "Paired differences: a small dot is a pair, the diamond the mean on its 95 % interval."
    found = [picture(charts.DIFFERENCES(), difference_rows(comparisons, labels), words)]
    if len(conditions) == 1:
        arms = ", ".join(f"{letter(arm)}: {name}" for arm, name in experiment.names.items())
        dots = final_rows(outcomes, experiment.proper)
        found.insert(0, picture(charts.FINAL_DOTS(), dots, f"Test accuracy of every run. {arms}."))
    return found


def picture(spec: dict[str, Any], rows: pd.DataFrame, words: str) -> dict[str, str]:
    """A constant spec with its rows as an SVG drawing, and what is said below it."""
    values = json.loads(rows.to_json(orient="records"))
    svg = vl_convert.vegalite_to_svg(spec | {"data": {"values": values}, "width": 640})
    return {"svg": svg, "words": words}
