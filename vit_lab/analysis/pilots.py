"""How the arms of an experiment picked their learning rates: the grid, the scores and the pick, as a table."""

from vit_lab.runs.experiments import Experiment
from vit_lab.runs.rates import picks
from vit_lab.runs.states import Status
from vit_lab.spelling import percent


def pilot_rows(experiment: Experiment) -> list[dict[str, str]]:
    """One row for each condition and arm with pilots: validation accuracy by rate, an arrow at the rate it picked.

    A pilot that diverged says so; one that has no result yet is a dash.
    """
    picked, names, conditions = picks(experiment), experiment.names, experiment.conditions
    rates = sorted({run.config.optim.learning_rate for run in experiment.pilots})
    rows = []
    for (arm, condition), runs in experiment.pilots_by_cell.items():
        by_rate = {run.config.optim.learning_rate: run for run in runs}
        row = {"Arm": names.get(arm, f"arm {arm + 1}")}
        if len(conditions) > 1:
            row = {"Condition": conditions.get(condition, "")} | row
        for rate in rates:
            run, pick = by_rate.get(rate), picked.get((arm, condition))
            told = "" if run is None else "diverged" if run.status == Status.DIVERGED else percent(run.val_accuracy)
            row[f"rate {rate:g}"] = f"→ {told}" if pick and pick.rate == rate else told
        pick = picked.get((arm, condition))
        row["Picked"] = "not yet" if pick is None else f"{pick.rate:g}" + (", edge of the grid" if pick.at_edge else "")
        rows.append(row)
    return rows
