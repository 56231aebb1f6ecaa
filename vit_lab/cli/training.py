"""The commands that train: one run, or an experiment."""

import json
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import typer

from vit_lab import paths
from vit_lab.cli.files import check_writable, write_files
from vit_lab.cli.options import (
    CsvFile,
    Download,
    FairRate,
    HtmlFile,
    Json,
    PresetName,
    Seeds,
    Vary,
    settings_as_options,
)
from vit_lab.cli.refusals import fail, refusals, refuse, stderr
from vit_lab.cli.work import work_off
from vit_lab.config import GROUPS, OF_AN_ARM
from vit_lab.presets import preset as preset_config
from vit_lab.runs import designs
from vit_lab.runs.forks import ForkPlan, parse_factor, parse_fork
from vit_lab.runs.plans import Plan
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import ConfigError, configure

USUAL = "classroom"  # the preset
TRAIN_KEYS = (
    "run_id",
    "name",
    "status",
    "config",
    "steps",
    "wall_seconds",
    "images_per_second",
    "train_loss",
    "val_accuracy",
    "test_accuracy",
    "error",
)
EXPERIMENT_KEYS = ("experiment", "kind", "run_ids", "arms", "pairs", "status", "error")


@settings_as_options
def train(
    *,
    fork: Annotated[
        str | None,
        typer.Option(
            metavar="RUN@STEP",
            help="Go on from a step of that run, with its settings but for those given; init, model, optimiser and "
            "seed stay.",
        ),
    ] = None,
    factor: Annotated[
        list[str] | None,
        typer.Option(
            help=f"With --fork: what a group's weights are multiplied by, as qk=2. Groups: {', '.join(GROUPS)}."
        ),
    ] = None,
    preset: PresetName = USUAL,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train one run and print how it ended."""
    with refusals(TRAIN_KEYS if json_ else ()):
        if factor and not fork:
            raise ConfigError("factor", "weights are multiplied where a run goes on from another; give --fork, too")
        if fork and preset != USUAL:
            raise ConfigError("preset", f"{preset[:40]} is not read beside --fork, whose settings are the parent's")
        factors = dict(map(parse_factor, factor or ()))
        config = None if fork else configure(preset_config(preset), **settings)
        with closing(Store(paths.database())) as store:
            plan: Plan | ForkPlan
            if config is None:
                run_id, step = parse_fork(fork or "")
                plan = ForkPlan.of([store.run(run_id)], step, [settings | factors])
            else:
                plan = Plan([config], [config.seed])
            [run] = work_off(store, plan, download, workers=1).stored
    if json_:
        spelt = {"run_id": run.id, "config": run.config.model_dump(), "steps": run.step}
        print(json.dumps({key: spelt[key] if key in spelt else getattr(run, key) for key in TRAIN_KEYS}))
    else:
        shown = "no test accuracy" if run.test_accuracy is None else f"test accuracy {run.test_accuracy:.2%}"
        print(f"{run.name}: {run.status} after {run.step} steps in {run.wall_seconds:.1f} s, run {run.id}, {shown}")
    if run.status != Status.FINISHED:
        fail(f"the run {run.id} {run.status}" + (f": {run.error}" if run.error else ""))


@settings_as_options
def compare(
    *,
    arm: Annotated[
        list[str] | None,
        typer.Option(
            help="An arm: scheme, scheme:variance scale, norm-matched:scheme, each with ,setting=value after it; "
            "two to six of them. (default: linear-default and xavier)"
        ),
    ] = None,
    vary: Vary = None,
    seeds: Seeds = 6,
    fair_rate: FairRate = False,
    preset: PresetName = USUAL,
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train several arms on the same seeds and print how they differ, and how sure one may be."""
    refuse(settings, *OF_AN_ARM, instead="--arm")
    with refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        plan = designs.comparison(base, arm or designs.CLAIM_ARMS, seeds, variations=vary or (), fair_rate=fair_rate)
        _experiment(plan, download, json_, csv, html)


@settings_as_options
def sweep(
    *,
    scale: Annotated[
        list[float] | None, typer.Option(help="A variance scale; several of them. (default: 0.1 to 10)")
    ] = None,
    size: Annotated[list[str] | None, typer.Option(help="Training images, or all; may be given several times.")] = None,
    vary: Vary = None,
    seeds: Seeds = 3,
    fair_rate: FairRate = False,
    preset: PresetName = USUAL,
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Train one scheme at several variance scales: accuracy against variance, the arch."""
    refuse(settings, "variance_scale", instead="--scale")
    refuse(settings, "train_size", instead="--size")
    with refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        scales, sizes = scale or designs.sweep_scales(), _sizes(size or ["all"])
        plan = designs.sweep(base, scales, sizes, seeds, variations=vary or (), fair_rate=fair_rate)
        _experiment(plan, download, json_, csv, html)


@settings_as_options
def claim(
    *,
    arm: Annotated[
        list[str] | None,
        typer.Option(help="As in compare; smaller variance first. (default: linear-default and xavier)"),
    ] = None,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="Images: a data set, or data set:share of noisy labels; several. "
            "(default: digits, noisy ones, clothes)"
        ),
    ] = None,
    size: Annotated[
        list[str] | None, typer.Option(help="Training images, or all. (default: 200, 1000 and all)")
    ] = None,
    vary: Vary = None,
    seeds: Seeds = 6,
    fair_rate: FairRate = False,
    preset: PresetName = USUAL,
    csv: CsvFile = None,
    html: HtmlFile = None,
    download: Download = False,
    json_: Json = False,
    settings: dict[str, Any],
) -> None:
    """Check the claim that a larger variance helps on smaller or harder data."""
    refuse(settings, *OF_AN_ARM, instead="--arm")
    refuse(settings, "train_size", instead="--size")
    refuse(settings, "dataset", "label_noise", instead="--task")
    with refusals(EXPERIMENT_KEYS if json_ else ()):
        base = configure(preset_config(preset), **settings)
        tasks = task or designs.claim_tasks(base.data.dataset)
        sizes = _sizes(size) if size else designs.CLAIM_SIZES
        arms = arm or designs.CLAIM_ARMS
        plan = designs.claim(base, tasks, sizes, seeds, arms=arms, variations=vary or (), fair_rate=fair_rate)
        _experiment(plan, download, json_, csv, html)


def _experiment(plan: Plan, download: bool, json_: bool, csv: Path | None, html: Path | None) -> None:
    """Train all runs of a plan, print what they say, and fail if one of them has no result."""
    from vit_lab.analysis.summary import experiment_summary  # scipy takes a while to import

    check_writable(csv, html)
    with closing(Store(paths.database())) as store:
        experiment = work_off(store, plan, download)
        result = experiment_summary(experiment, for_json=json_)
        if json_:
            ids = [run.id for run in experiment.proper]
            print(json.dumps({"experiment": experiment.id, "kind": plan.kind, "run_ids": ids} | result), flush=True)
        else:
            _print_result(result, with_pairs=plan.kind != "sweep")
            stderr.print(
                f"experiment {experiment.id}, {len(experiment.proper)} runs: `runs` and the dashboard list them"
            )
        write_files(store, experiment.stored, csv, html)
    if missing := [run for run in experiment.stored if not run.has_ended]:
        told = next((run.error for run in missing if run.error), None)
        fail(f"{len(missing)} of {len(experiment.stored)} runs have no result" + (f": {told}" if told else ""))


def _print_result(result: dict[str, Any], *, with_pairs: bool) -> None:
    for arm in result["arms"]:
        trained = arm["trained"]
        mean, sd = arm["test_accuracy"]["mean"], arm["test_accuracy"]["sd"]
        shown = "no result" if mean is None else f"{mean:.2%}" + ("" if sd is None else f", sd {sd:.2%}")
        where = f" ({arm['condition']})" if arm["condition"] else ""
        print(
            f"{arm['label']}{where}: {shown}, n = {arm['n']}, learning rate {arm['learning_rate']:g}"
            + (f"; {trained['count']} of {trained['n']} learned anything" if trained["count"] < trained["n"] else "")
        )
    for pair in result["pairs"] if with_pairs else []:
        print((f"{pair['condition']}: " if pair["condition"] else "") + pair["verdict"])
    for one in result["interactions"] if with_pairs else []:
        print((f"{one['condition']}: " if one["condition"] else "") + one["verdict"])


def _sizes(words: list[str]) -> list[int | None]:
    """Training set sizes as the command line spells them. Raises ConfigError."""
    try:
        return [None if word == "all" else int(word) for word in words]
    except ValueError:
        raise ConfigError("size", f"{', '.join(words)[:40]!r} does not work; give a number of images, or all") from None
