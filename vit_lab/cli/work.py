"""Training the runs of a plan in a shell: its data made sure of, its runs queued, a bar until the last has ended."""

import time
from collections.abc import Iterable

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from vit_lab import paths
from vit_lab.cli.early import left_at_ctrl_c
from vit_lab.cli.refusals import stderr
from vit_lab.config import DatasetName
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import is_available
from vit_lab.lineage import lineage
from vit_lab.runs.errors import StoreError
from vit_lab.runs.executors.choice import check
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.forks import ForkPlan
from vit_lab.runs.manager import RunManager
from vit_lab.runs.plans import Plan, new_experiment
from vit_lab.runs.store import Store
from vit_lab.spelling import warm_up_words


def work_off(store: Store, plan: Plan | ForkPlan, download: bool, workers: int | None = None) -> Experiment:
    """Queue the runs of a plan, once their data is there, and show how far they are until the last has ended.

    Ctrl-C ends the wait: the runs are then interrupted, and returned as they are; before they are queued it is raised.

    Raises:
        ConfigError: if the data is smaller than a run asks for.
        DatasetError: if a data set is not here, or cannot be read.
        StoreError: if the runs cannot be stored, or no worker can be started.
    """
    experiment = new_experiment()
    new = plan.runs(experiment)
    for words in dict.fromkeys(warm_up_words(run.config) for run in new):
        if words:
            stderr.print(words)
    manager = RunManager(store, workers)
    try:
        config_of = {config.data.dataset: config for run in new for config in lineage(run.config)}
        _make_sure_of_files(config_of, download)
        manager.prepare(len(new))  # while the data is looked at
        with left_at_ctrl_c():
            from vit_lab.data.splits import load_run_data  # imports torch
        check()  # refused before a run is queued for it
        for config in config_of.values():  # one run of each data set is enough
            load_run_data(config)
        manager.submit(new, plan.kind)
        _watch(store, experiment, manager)
    except KeyboardInterrupt:
        if not store.runs(experiment=experiment):
            raise
        stderr.print("stopping; what is done is kept and can be resumed from the dashboard")
    finally:
        manager.shutdown()
    return Experiment.read(store, experiment)


def _watch(store: Store, experiment_id: str, manager: RunManager) -> None:
    """Show how far the runs of an experiment are until nothing will happen any more."""
    columns = TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} steps")
    with Progress(*columns, TimeRemainingColumn(), console=stderr, transient=True) as progress:
        bar, told = progress.add_task("starting", total=None), ""
        while not (experiment := Experiment.read(store, experiment_id)).is_settled:
            if manager.is_hopeless:
                raise StoreError(manager.problem)
            if (problem := manager.problem) != told and not stderr.is_terminal:  # where there is no bar to tell it
                stderr.print(problem or "it goes on")
            told = problem
            total = sum(run.planned_steps for run in experiment.runs)
            done = sum(run.step for run in experiment.runs)
            progress.update(bar, description=problem or _told(experiment), total=total, completed=done)
            time.sleep(0.1 if len(experiment.stored) == 1 else 0.5)


def _told(experiment: Experiment) -> str:
    count = len(experiment.stored)
    if count > 1:
        return f"{count - len(experiment.active)} of {count} runs"
    [run] = experiment.stored
    told = [] if run.train_loss is None else [f"loss {run.train_loss:.3f}"]
    told += [] if run.val_accuracy is None else [f"val accuracy {run.val_accuracy:.1%}"]
    return ", ".join(told) or "starting"


def _make_sure_of_files(datasets: Iterable[DatasetName], download: bool) -> None:
    """Fetch data sets, or refuse those that cannot be had, before a run is queued for them."""
    from vit_lab.data.download import download as download_dataset

    for dataset in datasets:
        if download:
            with Progress(console=stderr, transient=True) as progress:
                bar = progress.add_task(f"downloading {dataset}", total=1.0)
                for done in download_dataset(dataset):
                    progress.update(bar, completed=done)
        elif not is_available(dataset):
            raise DatasetError(
                f"dataset: {dataset} is not in {paths.data_folder()}; add --download to fetch it, "
                "point VIT_LAB_DATA to a folder that has it, or choose mnist-10k, which is bundled"
            )
