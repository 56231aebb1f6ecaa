"""The experiments that the lab offers, from few words: a comparison, a sweep of the variance, a check of the claim.

All three are arms x conditions x seeds. Arms may differ in any setting; conditions are a grid of settings that hold for
all arms, from `variations` such as "depth=2,8".
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from vit_lab.axes import Grid
from vit_lab.config import RunConfig
from vit_lab.runs.plans import Plan
from vit_lab.runs.records import Kind
from vit_lab.settings import ConfigError, configure, flat
from vit_lab.spelling import named_by, parse_arm, parse_task, parse_variation

FEWEST_ARMS, MOST_ARMS, MOST_SEEDS = 2, 6, 100  # of what one launch trains
MOST_CONDITIONS = 100
FEWEST_FOR_EVIDENCE = 6  # pairs; fewer are a demo
SWEEP_STEPS = (1.0, 2.0, 3.0, 5.0)  # within a factor of ten: about even on a logarithmic axis, and 3 is xavier's place
CLAIM_ARMS = ("linear-default", "xavier")  # small and large variance, as ViT-Notes has them
CLAIM_SIZES: tuple[int | None, ...] = (200, 1_000, None)
CLAIM_NOISE = 0.4


def comparison(
    base: RunConfig, arms: Sequence[str], seeds: int, *, variations: Sequence[str] = (), fair_rate: bool = False
) -> Plan:
    """Two to six arms over `seeds` seeds from the base's on, under every condition. Raises ConfigError."""
    return _plan(base, arms, seeds, [{}], variations, "compare", fair_rate=fair_rate)


def sweep_scales(low: float = 0.1, high: float = 10.0) -> list[float]:
    """The variance scales of a sweep between two ends, both included if they are powers of ten."""
    scales = {float(f"{step}e{power}") for power in range(-6, 6) for step in SWEEP_STEPS}
    return sorted(scale for scale in scales if low <= scale <= high)


def sweep(
    base: RunConfig,
    scales: Sequence[float],
    sizes: Sequence[int | None],
    seeds: int,
    *,
    variations: Sequence[str] = (),
    fair_rate: bool = False,
) -> Plan:
    """The base's scheme at several variance scales, on training sets of these sizes (None: all). Raises ConfigError."""
    if len(set(scales)) < 2 or len(set(scales)) != len(scales):
        raise ConfigError("scale", "a sweep takes at least two different variance scales")
    arms = tuple(configure(base, variance_scale=scale) for scale in sorted(scales))
    of_sizes = [{"train_size": size} for size in sizes or [base.data.train_size]]
    return Plan(arms, _seeds(base, seeds), _conditions(arms, of_sizes, variations), "sweep", fair_rate)


def claim_tasks(dataset: str) -> list[str]:
    """A data set, and harder data in two ways: the same with noisy labels, and clothes."""
    return list(dict.fromkeys((dataset, f"{dataset}:{CLAIM_NOISE}", "fashion-10k")))


def claim(
    base: RunConfig,
    tasks: Sequence[str],
    sizes: Sequence[int | None],
    seeds: int,
    *,
    arms: Sequence[str] = CLAIM_ARMS,
    variations: Sequence[str] = (),
    fair_rate: bool = False,
) -> Plan:
    """ "A larger variance helps on smaller or harder data": arms on tasks of rising size. Raises ConfigError."""
    of_tasks = [parse_task(task) | {"train_size": size} for task in tasks for size in sizes]
    tried = [configure(base, **condition) for condition in of_tasks]
    full = [one.data.model_copy(update={"train_size": one.train_images}) for one in tried]
    if len(set(full)) != len(full):
        raise ConfigError("task", "a task is given twice with the same images; they must differ")
    if not of_tasks:
        raise ConfigError("task", "choose at least one task and one size")
    return _plan(base, arms, seeds, of_tasks, variations, "claim", fair_rate=fair_rate)


def map_of_ends(grid: Grid) -> Plan:
    """The cells of a map, each trained once from the base's seed: its columns are arms, its rows conditions."""
    across, up = grid.axes
    columns, rows = grid.values
    arms = [across.at(grid.base, x) for x in columns]
    return Plan(arms, (grid.base.seed,), [up.settings_at(grid.base, y) for y in rows])


def _plan(
    base: RunConfig,
    specs: Sequence[str],
    seeds: int,
    conditions: Sequence[Mapping[str, Any]],
    variations: Sequence[str],
    kind: Kind,
    *,
    fair_rate: bool,
) -> Plan:
    if not FEWEST_ARMS <= len(specs) <= MOST_ARMS:
        raise ConfigError("arm", f"{len(specs)} of them cannot be compared; choose {FEWEST_ARMS} to {MOST_ARMS}")
    arms = _arms(base, specs)
    conditions = _conditions(arms, conditions, variations)
    varied = {field for condition in conditions for field in condition}
    named = {spec: named_by(spec) for spec in specs}
    for field in sorted(varied & {field for fields in named.values() for field in fields}):
        raise ConfigError("arm", f"{field} is set by an arm and varied for all of them; choose one of the two")
    if fair_rate and "learning_rate" in varied.union(*named.values()):
        raise ConfigError("learning_rate", "with the fair rate each arm picks its own; do not set or vary it as well")
    for condition in conditions:
        here = [configure(arm, **condition) for arm in arms]
        for spec, arm, config in zip(specs, arms, here, strict=True):
            if lost := [field for field in named[spec] if flat(config)[field] != flat(arm)[field]]:
                raise ConfigError("arm", f"{spec[:40]} sets {lost[0]}, and so does what is varied; vary something else")
        if len(set(here)) < len(here):
            raise ConfigError("arm", "two of the arms are the same under one of the conditions; they must differ")
    return Plan(arms, _seeds(base, seeds), conditions, kind=kind, fair_rate=fair_rate)


def _arms(base: RunConfig, specs: Sequence[str]) -> tuple[RunConfig, ...]:
    arms: list[RunConfig] = []
    for spec in specs:
        try:
            arms.append(configure(base, **parse_arm(spec)))
        except ConfigError as error:
            raise error if error.field == "arm" else ConfigError("arm", f"{spec[:40]}: {error}") from None
        if arms.count(arms[-1]) > 1:
            raise ConfigError("arm", f"{spec[:40]} is given twice; arms must differ")
    return tuple(arms)


def _conditions(
    arms: Iterable[RunConfig], conditions: Sequence[Mapping[str, Any]], variations: Sequence[str]
) -> list[dict[str, Any]]:
    """Each condition under each combination of what is varied; the last of them changes fastest. Raises ConfigError."""
    varied = [parse_variation(variation) for variation in variations]
    fields = [field for field, _ in varied]
    for field in fields:
        if fields.count(field) > 1 or any(field in condition for condition in conditions):
            raise ConfigError("vary", f"{field} is varied twice; give all of its values at once")
    values = product(*(of_one for _, of_one in varied))
    grid = [dict(zip(fields, combination, strict=True)) for combination in values]
    found = [{**condition, **cell} for cell in grid for condition in conditions]
    if len(found) > MOST_CONDITIONS:
        raise ConfigError("vary", f"{len(found)} conditions are too many; choose at most {MOST_CONDITIONS}")
    for arm in arms:
        configs = [configure(arm, **condition) for condition in found]
        if len(set(configs)) < len(configs):
            raise ConfigError("vary", "two of the conditions are the same; they must differ")
    return found


def _seeds(base: RunConfig, count: int) -> tuple[int, ...]:
    if not 1 <= count <= MOST_SEEDS:
        raise ConfigError("seeds", f"{count} does not work; choose 1 to {MOST_SEEDS}")
    return tuple(range(base.seed, base.seed + count))
