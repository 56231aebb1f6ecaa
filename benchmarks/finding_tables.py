"""The tables of a finding's page, from the table of its runs, worked out by what works out every experiment.

    python -m benchmarks.finding_tables docs/findings/005-where-the-init-decides.csv norm

prints them as Markdown; the settings that are named after the file each get tables of their own. A test holds every row
of the pages to what this prints.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from vit_lab.analysis.comparison import Comparison, State, arm_outcomes, compare
from vit_lab.analysis.findings import experiment_in
from vit_lab.analysis.interaction import Interaction, interactions
from vit_lab.analysis.pilots import pilot_rows
from vit_lab.analysis.scores import scores_of
from vit_lab.analysis.statistics import PairedTest
from vit_lab.runs.experiments import Experiment
from vit_lab.spelling import setting_words

Row = Sequence[str]
ACCURACY = "Test accuracy in percent, mean ± half a 95 % interval; where not all runs learned anything, how many did."


def accuracy_tables(experiment: Experiment, apart: Sequence[str] = ()) -> Iterator[tuple[str, list[Row]]]:
    """A row an arm, a column a condition; one table for each value of the settings named in `apart`, and its title."""
    cells = {(one.arm, one.condition): one for one in arm_outcomes(experiment, scores_of(experiment))}
    groups: dict[str, list[int]] = {}
    for condition in experiment.conditions:
        others = [field for field in experiment.varied if field not in apart]
        groups.setdefault(experiment.told(condition, *others), []).append(condition)
    for title, conditions in groups.items():
        rows: list[Row] = [["arm", *(experiment.told(condition, *apart) or "accuracy" for condition in conditions)]]
        for arm, name in experiment.names.items():
            told = []
            for condition in conditions:
                one = cells[arm, condition]
                s = one.summary
                assert s.mean is not None and s.high is not None
                text = f"{100 * s.mean:.1f} ± {100 * (s.high - s.mean):.1f}"
                text += f", {one.trained} of {s.n}" if one.trained < s.n else ""
                told.append(text + (f", {one.diverged} diverged" if one.diverged else ""))
            rows.append([name, *told])
        yield title, rows


def comparison_rows(experiment: Experiment) -> Iterator[tuple[Comparison, Row]]:
    """Every comparison, and its row."""
    for c in compare(experiment, scores_of(experiment)):
        a, b = experiment.names[c.a], experiment.names[c.b]
        words = f"**{experiment.names[c.winner]}**" if c.winner is not None else c.state
        yield c, [experiment.conditions[c.condition], f"{b} − {a}", *_interval(c.test, c.p_holm), words]


def interaction_rows(experiment: Experiment) -> Iterator[tuple[Interaction, Row]]:
    """Every interaction, and its row: points for each tenfold of a setting, or for each 1 of it."""
    for one in interactions(experiment, scores_of(experiment)):
        pair = f"{experiment.names[one.b]} − {experiment.names[one.a]}"
        per = f"{setting_words(one.field)}, {'tenfold' if one.by_tenfold else 'each 1'}"
        yield one, [one.where, per, pair, *_interval(one.test, one.p_holm), one.state]


def picked_rows(experiment: Experiment) -> list[Row]:
    """Validation accuracy of each pilot by rate, and the pick."""
    rows = pilot_rows(experiment)
    return [list(rows[0]), *(list(row.values()) for row in rows)] if rows else []


def every_row(file: Path, apart: Sequence[str] = ()) -> set[str]:
    """All rows that tables of a finding may have, as Markdown."""
    experiment = _read(file)
    rows = [row for _, table in accuracy_tables(experiment, apart) for row in table]
    rows += [row for _, row in comparison_rows(experiment)] + [row for _, row in interaction_rows(experiment)]
    return {_line(row) for row in rows + picked_rows(experiment)}


def _interval(test: PairedTest, p_holm: float | None) -> list[str]:
    """Points, their interval, and the corrected p value, four cells."""
    mean, low, high = (f"{100 * value:+.1f}".replace("-", "−") for value in (test.mean, test.low, test.high))  # type: ignore[operator]
    p = "–" if p_holm is None else "< 0.0001" if p_holm < 1e-4 else f"{p_holm:.4f}"
    return [mean, f"{low} to {high}", str(test.n), p]


def _read(file: Path) -> Experiment:
    experiment = experiment_in(file)
    if experiment is None:
        raise FileNotFoundError(file)
    return experiment


def _line(row: Row) -> str:
    return f"| {' | '.join(row)} |"


def _table(head: Row, rows: Sequence[Row]) -> str:
    return "\n".join([_line(head), _line(["---"] * len(head)), *map(_line, rows)])


def _print(experiment: Experiment, apart: Sequence[str]) -> None:
    decided: State = "decided"
    print(ACCURACY)
    for title, (head, *rows) in accuracy_tables(experiment, apart):
        print(f"\n{title}\n\n{_table(head, rows)}")
    compared = list(comparison_rows(experiment))
    found = [row for c, row in compared if c.state == decided]
    print(f"\n{len(found)} of {len(compared)} comparisons are decided.\n")
    measured = ["points", "95 % interval", "n", "p, Holm"]
    print(_table(["condition", "arms", *measured, "better"], found))
    slopes = list(interaction_rows(experiment))
    print(f"\n{sum(one.state == decided for one, _ in slopes)} of {len(slopes)} interactions are decided.\n")
    print(_table(["where", "with", "arms", *measured, "state"], [row for _, row in slopes]))
    if picked := picked_rows(experiment):
        print(f"\n{_table(picked[0], picked[1:])}")


if __name__ == "__main__":
    _print(_read(Path(sys.argv[1])), sys.argv[2:])
