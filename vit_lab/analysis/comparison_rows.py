"""What an experiment's runs say, as the rows that `comparison_charts` draws and the tables that stand beside them."""

import math
from collections.abc import Mapping, Sequence
from statistics import median_high
from typing import Any

import pandas as pd

from vit_lab.analysis.arms import letter
from vit_lab.analysis.comparison import ArmOutcome, Comparison
from vit_lab.analysis.line_names import apart
from vit_lab.analysis.statistics import summarise
from vit_lab.init.schemes import SCHEMES
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.runs.states import Status
from vit_lab.spelling import percent

BANDS = ("95 % interval of the mean", "± 1 standard deviation")
ENOUGH = 0.9  # the accuracy to which steps are counted
NAME_GAP = 0.13  # of the height of a chart, which a name takes
BESIDE = 1.04  # how far apart training sets stand at one variance scale, as a factor on it


def seed_curves(
    curves: Mapping[str, pd.DataFrame],
    runs: Sequence[RunRecord],
    names: Mapping[int, str],
    *,
    by_time: bool,
    band: str,
    smoothing: int,
    hidden: Sequence[int] = (),
) -> pd.DataFrame:
    """Thin rows of every seed that is not hidden, and per arm the mean of its finished runs with a band.

    `curves` holds step, seconds and value by run id. `smoothing` averages that many neighbouring points for the eye.
    """
    frames = []
    for run in runs:
        if len(curve := curves.get(run.id, pd.DataFrame())):
            who = {"run": run.id, "arm": letter(run.arm), "name": names[run.arm], "seed": str(run.config.seed)}
            frames.append(curve.assign(kind="run", **who, ended=run.status == Status.FINISHED))
    if not frames:
        return pd.DataFrame(columns=["kind", "arm", "x", "value", "low", "high"])
    rows = pd.concat(frames, ignore_index=True)
    means = [_mean_curve(part, band) for _, part in rows[rows["ended"]].groupby("arm")]
    shown = rows[~rows["seed"].isin([str(seed) for seed in hidden])]
    whole = pd.concat([shown, *means], ignore_index=True)
    if smoothing > 1:  # the lines only: a band of smoothed values would promise too much
        smoothed = whole.groupby(["kind", "arm", "seed"])["value"].transform(lambda values: _smooth(values, smoothing))
        whole = whole.assign(value=smoothed)
    whole = whole.assign(x=whole["seconds"] if by_time else whole["step"]).drop(columns="ended")
    lines = whole[whole["kind"] == "mean"] if means else whole
    return pd.concat([whole, name_rows(lines, "x", "value")], ignore_index=True)


def name_rows(lines: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """A row for each arm's name, at the end of its line, and apart from those of the others; see `named_ends`."""
    ends = lines.groupby("arm", sort=False).tail(1).dropna(subset=[y]).set_index("arm")
    gap = NAME_GAP * (lines[y].max() - lines[y].min()) if len(ends) else 0.0
    places = apart(ends[y].to_dict(), gap)
    rows = [{"arm": arm, "name": ends["name"][arm], x: ends[x][arm], y: place} for arm, place in places.items()]
    return pd.DataFrame(rows, columns=["arm", "name", x, y]).assign(kind="name", split="name")


def _mean_curve(rows: pd.DataFrame, band: str) -> pd.DataFrame:
    found = []
    for step, part in rows.groupby("step"):
        s = summarise(part["value"].tolist())
        low, high = s.low, s.high
        if band != BANDS[0] and s.sd is not None and s.mean is not None:
            low, high = s.mean - s.sd, s.mean + s.sd
        found.append({"step": step, "seconds": part["seconds"].mean(), "value": s.mean, "low": low, "high": high})
    first = rows.iloc[0]
    return pd.DataFrame(found).assign(
        kind="mean", arm=first["arm"], name=first["name"], seed=f"mean of {rows['run'].nunique()}"
    )


def _smooth(values: pd.Series, points: int) -> pd.Series:
    return values.rolling(points, min_periods=1, center=True).mean()


def final_rows(outcomes: Sequence[ArmOutcome], runs: Sequence[RunRecord]) -> pd.DataFrame:
    """Rows for FINAL_DOTS."""
    diverged = {(run.arm, run.config.seed) for run in runs if run.status == Status.DIVERGED}
    rows: list[dict[str, Any]] = []
    for one in outcomes:
        arm, s = {"arm": letter(one.arm)}, one.summary
        for seed, score in one.scores.items():
            state = "diverged" if (one.arm, seed) in diverged else "finished"
            rows.append(arm | {"kind": "run", "seed": str(seed), "score": score, "state": state})
        if s.low is not None:
            mean = {"kind": "mean", "seed": f"mean of {s.n}", "score": s.mean, "low": s.low, "high": s.high}
            rows.append(arm | mean)
    return pd.DataFrame(rows, columns=["kind", "arm", "seed", "score", "state", "low", "high"])


def difference_rows(comparisons: Sequence[Comparison], labels: Sequence[str]) -> pd.DataFrame:
    """Rows for DIFFERENCES, in points of accuracy, under these labels."""
    rows: list[dict[str, Any]] = []
    for c, label in zip(comparisons, labels, strict=True):
        known, test = {"comparison": label}, c.test
        for seed, value in c.differences.items():
            rows.append(known | {"kind": "pair", "seed": str(seed), "difference": value * 100})
        if test.low is not None and test.high is not None and test.mean is not None:
            mean = {"kind": "mean", "seed": f"mean of {test.n}", "difference": test.mean * 100}
            interval = {"low": test.low * 100, "high": test.high * 100}
            rows.append(known | mean | interval | {"verdict": "decided" if c.state == "decided" else "not decided"})
    return pd.DataFrame(rows, columns=["kind", "comparison", "seed", "difference", "low", "high", "verdict"])


def pair_label(experiment: Experiment, c: Comparison) -> str:
    """What a comparison is called among all of its experiment: by its condition, by its arms, or by both."""
    arms, condition = f"{letter(c.b)} − {letter(c.a)}", experiment.conditions[c.condition]
    if not condition:
        return f"{experiment.names[c.b]} − {experiment.names[c.a]}"
    return condition if len(experiment.arms) == 2 else f"{condition}: {arms}"


def grid_table(experiment: Experiment, outcomes: Sequence[ArmOutcome]) -> pd.DataFrame:
    """One row a condition, one column an arm: mean accuracy and half its interval, and how many runs learned anything.

    Where all did, that is left out.
    """
    cells: dict[str, dict[str, str]] = {}
    for one in outcomes:
        s, column = one.summary, f"{letter(one.arm)}  {experiment.names[one.arm]}"
        told = "…" if s.mean is None else percent(s.mean)
        told += f" ± {(s.high - s.mean) * 100:.1f}" if s.mean is not None and s.high is not None else ""
        told += f", {one.trained} of {s.n} learned" if one.trained < s.n else ""
        cells.setdefault(experiment.conditions[one.condition] or "all runs", {})[column] = told
    return pd.DataFrame.from_dict(cells, orient="index").fillna("–")


def over_rows(
    experiment: Experiment, outcomes: Sequence[ArmOutcome], values: Mapping[int, float], where: Sequence[int]
) -> pd.DataFrame:
    """Rows for the chart `over`: each run and each mean of each arm, against the value that a setting has by condition.

    `where` are the conditions to draw. Arms stand a little apart, so that no bar hides another.
    """
    rows: list[dict[str, Any]] = []
    for one in outcomes:
        if one.condition not in where:
            continue
        place = _beside(values, one.condition, one.arm - (len(experiment.arms) - 1) / 2)
        common = {"arm": letter(one.arm), "name": experiment.names[one.arm], "value": values[one.condition]}
        rows += [common | {"kind": "run", "place": place, "score": score} for score in one.scores.values()]
        s = one.summary
        if s.mean is not None:
            rows.append(
                common | {"kind": "mean", "place": place, "score": s.mean, "low": s.low, "high": s.high, "n": s.n}
            )
    columns = ["kind", "arm", "name", "value", "place", "score", "low", "high", "n", "split"]
    means = pd.DataFrame(rows, columns=columns)
    return pd.concat([means, name_rows(means[means["kind"] == "mean"], "place", "score")], ignore_index=True)


def _beside(values: Mapping[int, float], condition: int, away: float) -> float:
    """Where an arm stands that is `away` from the middle one: beside the value by 1.2 % of it, or of the axis at 0."""
    value = values[condition]
    if min(values.values()) > 0:
        return value * (1 + 0.012 * away)
    return value + 0.006 * away * (max(values.values()) - min(values.values()))


def steps_to(curve: pd.DataFrame, accuracy: float = ENOUGH) -> int | None:
    """The first evaluated step with that validation accuracy."""
    reached = curve.loc[curve["value"] >= accuracy, "step"]
    return int(reached.iloc[0]) if len(reached) else None


def arm_table(
    outcomes: Sequence[ArmOutcome],
    names: Mapping[int, str],
    comparisons: Sequence[Comparison],
    steps: Mapping[int, list[int | None]],
    rates: Mapping[int, str],
) -> pd.DataFrame:
    """One row an arm; accuracies in percent, the mean paired difference to the baseline in points."""
    against = {c.b: c for c in comparisons}
    rows = []
    for one in outcomes:
        s = one.summary
        reached = sorted(math.inf if step is None else step for step in steps.get(one.arm, []))
        row = {
            "Arm": f"{letter(one.arm)}  {names[one.arm]}",
            "Mean": percent(s.mean),
            "95 % interval": "–" if s.low is None or s.high is None else f"{s.low:.1%} to {s.high:.1%}",
            "SD, points": "–" if s.sd is None else f"{s.sd * 100:.2f}",
            "n": f"{s.n} of {one.planned}",
            "vs baseline, points": _against(against.get(one.arm)),
            f"Steps to {ENOUGH:.0%}": _median_steps(reached),
            "Diverged": str(one.diverged),
            "No result": str(one.missing),
            "Learning rate": rates[one.arm],
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _against(c: Comparison | None) -> str:
    """The mean paired difference; a star where it is decided."""
    if c is None or c.test.mean is None:
        return "–"
    return f"{c.test.mean * 100:+.1f}" + (" *" if c.state == "decided" else "")


def _median_steps(reached: Sequence[float]) -> str:
    """The median over all runs, those that never got there being slower than any; of no runs, none."""
    if not reached:
        return "–"
    if reached[0] == math.inf:
        return "never yet"
    half, count = median_high(reached), sum(step < math.inf for step in reached)
    return ("not in half of the runs" if half == math.inf else f"{half:,.0f}") + f" ({count} of {len(reached)})"


def arch_rows(
    outcomes: Sequence[ArmOutcome], configs: Mapping[int, Any], conditions: Mapping[int, str]
) -> pd.DataFrame:
    """Rows for ARCH: every run, every mean with its interval, and where the two named schemes stand on the axis.

    `place` is the scale, or a little beside it where training sets share the axis, so that no bar hides another.
    """
    beside = {condition: BESIDE ** (at - (len(conditions) - 1) / 2) for at, condition in enumerate(conditions)}
    rows: list[dict[str, Any]] = []
    for one in outcomes:
        scale = configs[one.arm].init.variance_scale
        common = {"scale": scale, "place": scale * beside[one.condition], "condition": conditions[one.condition]}
        rows += [common | {"kind": "run", "score": score} for score in one.scores.values()]
        s = one.summary
        if s.mean is not None:
            rows.append(common | {"kind": "mean", "score": s.mean, "low": s.low, "high": s.high, "n": s.n})
    scales = [config.init.variance_scale for config in configs.values()]
    for name, scale in scheme_marks(next(iter(configs.values()))).items():
        if min(scales) <= scale <= max(scales):
            rows.append({"kind": "mark", "place": scale, "name": name})
    return pd.DataFrame(rows, columns=["kind", "scale", "place", "condition", "score", "low", "high", "n", "name"])


def scheme_marks(config: Any) -> dict[str, float]:
    """By named scheme: the scale at which the swept one has its variance, on a square matrix of the model's width."""
    dim, init = config.model.dim, config.init
    own = SCHEMES[init.scheme].sigma2(init, dim, dim)
    return {name: SCHEMES[name].sigma2(init, dim, dim) / own for name in ("linear-default", "xavier")}
