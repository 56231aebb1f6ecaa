"""The experiments that the lab offers ready-made, from few words: a comparison, a sweep of the variance, the claim."""

from collections.abc import Sequence

from vit_lab.config import RunConfig
from vit_lab.runs.plans import Plan
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import parse_arm, parse_task

FEWEST_ARMS, MOST_ARMS, MOST_SEEDS = 2, 6, 100  # of what one launch trains
FEWEST_FOR_EVIDENCE = 6  # pairs; fewer are a demo
SWEEP_STEPS = (1.0, 2.0, 3.0, 5.0)  # within a factor of ten: about even on a logarithmic axis, and 3 is xavier's place
CLAIM_ARMS = ("linear-default", "xavier")  # small and large variance, as ViT-Notes has them
CLAIM_SIZES: tuple[int | None, ...] = (200, 1_000, None)
CLAIM_NOISE = 0.4


def comparison(base: RunConfig, arms: Sequence[str], seeds: int, *, fair_rate: bool = False) -> Plan:
    """Two to six inits over `seeds` seeds from the base's on. Raises ConfigError."""
    if not FEWEST_ARMS <= len(arms) <= MOST_ARMS:
        raise ConfigError("arm", f"{len(arms)} of them cannot be compared; choose {FEWEST_ARMS} to {MOST_ARMS}")
    return Plan(_with_inits(base, arms), _seeds(base, seeds), fair_rate=fair_rate)


def sweep_scales(low: float = 0.1, high: float = 10.0) -> list[float]:
    """The variance scales of a sweep between two ends, both included if they are powers of ten."""
    scales = {float(f"{step}e{power}") for power in range(-6, 6) for step in SWEEP_STEPS}
    return sorted(scale for scale in scales if low <= scale <= high)


def sweep(base: RunConfig, scales: Sequence[float], sizes: Sequence[int | None], seeds: int) -> Plan:
    """The base's scheme at several variance scales, on training sets of these sizes (None: all). Raises ConfigError."""
    if len(set(scales)) < 2 or len(set(scales)) != len(scales):
        raise ConfigError("scale", "a sweep takes at least two different variance scales")
    arms = tuple(configure(base, variance_scale=scale) for scale in sorted(scales))
    return Plan(
        arms, _seeds(base, seeds), [{"train_size": size} for size in sizes or [base.data.train_size]], kind="sweep"
    )


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
    fair_rate: bool = False,
) -> Plan:
    """ "A larger variance helps on smaller or harder data": two inits on tasks of rising size. Raises ConfigError."""
    conditions = [parse_task(task) | {"train_size": size} for task in tasks for size in sizes]
    tried = [configure(base, **condition) for condition in conditions]
    full = [one.data.model_copy(update={"train_size": one.train_images}) for one in tried]
    if len(set(full)) != len(full):
        raise ConfigError("task", "a task is given twice with the same images; they must differ")
    if not conditions:
        raise ConfigError("task", "choose at least one task and one size")
    if len(arms) != 2:
        raise ConfigError("arm", f"the claim is about two inits, not {len(arms)}")
    return Plan(_with_inits(base, arms), _seeds(base, seeds), conditions, kind="claim", fair_rate=fair_rate)


def _with_inits(base: RunConfig, specs: Sequence[str]) -> tuple[RunConfig, ...]:
    inits = [base.init.taking(parse_arm(spec)) for spec in specs]
    for spec, init in zip(specs, inits, strict=True):
        if inits.count(init) > 1:
            raise ConfigError("arm", f"{spec[:40]} is given twice; arms must differ")
    return tuple(configure(base.model_copy(update={"init": init})) for init in inits)


def _seeds(base: RunConfig, count: int) -> tuple[int, ...]:
    if not 1 <= count <= MOST_SEEDS:
        raise ConfigError("seeds", f"{count} does not work; choose 1 to {MOST_SEEDS}")
    return tuple(range(base.seed, base.seed + count))
