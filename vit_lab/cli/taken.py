"""What leaves the lab for other programs and other machines: a script, event files, weights, bundles."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vit_lab.cli.files import check_file, check_folder, refuse_file
from vit_lab.cli.refusals import fail, stderr
from vit_lab.runs.records import RunRecord
from vit_lab.runs.store import Store


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Where each goes; None is not asked for."""

    code: Path | None
    tensorboard: Path | None
    weights: Path | None
    bundle: Path | None

    @property
    def is_wanted(self) -> bool:
        """Whether anything is asked for."""
        return any(path is not None for path in vars(self).values())

    def check(self) -> None:
        """Refuse what cannot be written before anything is."""
        for option in ("code", "weights", "bundle"):
            if (path := getattr(self, option)) is not None:
                check_file(option, path)
        if self.tensorboard:
            from vit_lab.analysis.tensorboard import TensorboardError, writer_class

            try:
                writer_class()
            except TensorboardError as error:
                fail(f"tensorboard: {error}", code=2)
            check_folder("tensorboard", self.tensorboard)

    def write(self, store: Store, found: Sequence[RunRecord]) -> None:
        """Write what is asked for, and say so on stderr."""
        if self.code:
            _write_code(_only(found, "code"), self.code)
        if self.weights:
            _write_weights(_only(found, "weights"), self.weights)
        if self.tensorboard:
            _write_tensorboard(store, found, self.tensorboard)
        if self.bundle:
            _write_bundle(store, found, self.bundle)


def _only(found: Sequence[RunRecord], option: str) -> RunRecord:
    if len(found) != 1:
        fail(f"{option}: a file has one run, and {len(found)} are named; give the id of one", code=2)
    return found[0]


def _write_code(run: RunRecord, path: Path) -> None:
    from vit_lab.analysis.script.compose import ScriptError, script_of

    try:
        script = script_of(run.config)
        path.write_text(script, encoding="utf-8")
    except ScriptError as error:
        fail(f"code: {error}", code=2)
    except OSError as error:
        refuse_file(path, "code", error)
    stderr.print(f"{path}: the run in {len(script.splitlines())} lines; python {path}", markup=False)


def _write_weights(run: RunRecord, path: Path) -> None:
    from vit_lab.analysis.weights import HOW, write_weights
    from vit_lab.training.checkpoint import CheckpointError

    try:
        count = write_weights(run, path)
    except CheckpointError as error:
        fail(f"weights: {error}")
    except OSError as error:
        refuse_file(path, "weights", error)
    stderr.print(f"{path}: {count:,} weights after step {run.step}; to have them as a model:\n", markup=False)
    stderr.print(HOW.format(file=str(path)), markup=False)


def _write_tensorboard(store: Store, found: Sequence[RunRecord], folder: Path) -> None:
    from vit_lab.analysis.tensorboard import TensorboardError, write_tensorboard

    try:
        scalars, histograms = write_tensorboard(store, found, folder)
    except TensorboardError as error:
        fail(f"tensorboard: {error}", code=2)
    except OSError as error:
        refuse_file(folder, "tensorboard", error)
    told = f"{scalars} scalars and {histograms} histograms of {len(found)} runs; tensorboard --logdir {folder}"
    stderr.print(f"{folder}: {told}", markup=False)


def _write_bundle(store: Store, found: Sequence[RunRecord], path: Path) -> None:
    from vit_lab.runs.bundles import write_bundle

    experiments = list(dict.fromkeys(run.experiment for run in found))
    try:
        count = write_bundle(store, experiments, path)
    except OSError as error:
        refuse_file(path, "bundle", error)
    told = f"{count} runs of {len(experiments)} experiments; python -m vit_lab import {path}"
    stderr.print(f"{path}: {told}", markup=False)
