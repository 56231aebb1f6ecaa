"""One experiment as one HTML file that opens without a network: verdicts, tables, charts as pictures, how to repeat it."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert

from vit_lab.analysis import comparison_charts as charts
from vit_lab.analysis.arms import letter
from vit_lab.analysis.command import command
from vit_lab.analysis.comparison import arm_outcomes, compare, condition_labels, scores_of
from vit_lab.analysis.comparison_rows import difference_rows, final_rows, u_curve_rows
from vit_lab.analysis.export import outcomes_csv
from vit_lab.analysis.summary import arm_configs, arm_differences, arm_names, experiment_summary, rate_words
from vit_lab.config import RunConfig
from vit_lab.runs.records import Kind, RunRecord
from vit_lab.runs.states import ACTIVE
from vit_lab.runs.store import Store
from vit_lab.settings import difference

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


def report(store: Store, runs: Sequence[RunRecord]) -> str:
    """The report of one experiment, given all its runs. Raises ReportError for runs of several experiments."""
    if len({run.experiment for run in runs}) != 1:
        raise ReportError("a report is about one experiment; give the id of one")
    record = store.experiment(runs[0].experiment)
    summary = experiment_summary(runs)
    proper = [run for run in runs if not run.pilot]
    pages = jinja2.Environment(loader=jinja2.FileSystemLoader(Path(__file__).parent), autoescape=True)
    pages.filters |= FILTERS
    unfinished = sum(run.status in ACTIVE for run in runs)
    seeds = len({run.config.seed for run in proper})
    about = f"{len(proper)} runs over {seeds} seed{'' if seeds == 1 else 's'}, launched {record.created_at[:10]}."
    return pages.get_template("report.html").render(
        title=TITLES[record.kind],
        about=about + (f" {unfinished} of them are still at work: this is how far it got." if unfinished else ""),
        pairs=summary["pairs"] if record.kind != "sweep" else [],
        arms=summary["arms"],
        pictures=_pictures(proper, record.kind),
        rates=rate_words(runs),
        extended=record.extended,
        names=list(arm_names(runs).values()),
        told=[(field.replace("_", " "), values) for field, values in arm_differences(runs).items()],
        settings=[(field.replace("_", " "), value) for field, value in _shared(proper).items()],
        command=command(runs, record.kind),
        csv=outcomes_csv(runs),
        date=datetime.now(UTC).date().isoformat(),
    )


def _pictures(runs: Sequence[RunRecord], kind: Kind) -> list[dict[str, str]]:
    scores, names, conditions = scores_of(runs), arm_names(runs), condition_labels(runs)
    outcomes, comparisons = arm_outcomes(runs, scores), compare(runs, scores)
    if kind == "sweep":
        rows = u_curve_rows(outcomes, arm_configs(runs), conditions)
        return [
            _picture(charts.U_CURVE, rows, "Test accuracy by variance scale: means with 95 % intervals, a dot a run.")
        ]
    labels = [conditions[c.condition] or f"{names[c.b]} − {names[c.a]}" for c in comparisons]
    words = "Paired differences: a small dot is a pair, the diamond the mean on its 95 % interval."
    found = [_picture(charts.DIFFERENCES, difference_rows(comparisons, labels), words)]
    if len(conditions) == 1:
        arms = ", ".join(f"{letter(arm)}: {name}" for arm, name in names.items())
        found.insert(0, _picture(charts.FINAL_DOTS, final_rows(outcomes, runs), f"Test accuracy of every run. {arms}."))
    return found


def _picture(spec: dict[str, Any], rows: pd.DataFrame, words: str) -> dict[str, str]:
    values = json.loads(rows.to_json(orient="records"))
    svg = vl_convert.vegalite_to_svg(spec | {"data": {"values": values}, "width": 640})
    return {"svg": svg, "words": words}


def _shared(runs: Sequence[RunRecord]) -> dict[str, Any]:
    """The settings that all runs share and that are not those of the classroom preset."""
    varied = difference(*[run.config for run in runs])
    return {
        field: values[1] for field, values in difference(RunConfig(), runs[0].config).items() if field not in varied
    }
