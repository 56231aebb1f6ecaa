"""The command line: one JSON object at the end of stdout, one sentence on stderr, and exit codes 0, 1 and 2."""

import csv
import io

import pytest
from commands import SMALL, last_object, run, shell, stored_runs
from tiny import tiny
from typer.main import get_command

from vit_lab import paths
from vit_lab.cli.app import app
from vit_lab.cli.options import FIELDS, option_name
from vit_lab.config import SCHEMES, RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import DECIDED
from vit_lab.events import Evaluated, Finished
from vit_lab.presets import PRESETS, preset
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.settings import PART_OF, configure, flat, parse
from vit_lab.training.trainer import train

TRAIN_KEYS = {
    "run_id",
    "status",
    "config",
    "steps",
    "wall_seconds",
    "images_per_second",
    "train_loss",
    "val_accuracy",
    "test_accuracy",
}


def test_a_shell_gets_one_json_object_and_exit_code_0():
    done = shell("train", *SMALL, "--init", "xavier", "--seed", "4", "--json")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    result = last_object(done.stdout)
    config = tiny(scheme="xavier", seed=4)
    events = list(train(config, load_run_data(config)))
    assert set(result) >= TRAIN_KEYS
    assert (result["status"], result["steps"], parse(result["config"])) == ("finished", 10, config)
    assert result["test_accuracy"] == next(e.test_accuracy for e in events if isinstance(e, Finished))
    assert result["val_accuracy"] == [e.accuracy for e in events if isinstance(e, Evaluated)][-1]
    assert result["wall_seconds"] > 0 and result["images_per_second"] > 0
    assert [found.id for found in stored_runs()] == [result["run_id"]]


def test_a_shell_gets_exit_code_2_and_a_sentence_without_a_traceback():
    done = shell("train", "--patch-size", "5", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "patch-size: 5 does not divide image_size 28; choose 1, 2, 4, 7, 14 or 28\n"


def test_train_without_json_says_how_it_ended():
    done = run("train", *SMALL)
    assert done.exit_code == 0
    assert done.stdout.startswith("linear-default, seed 0: finished after 10 steps in ")
    assert "test accuracy " in done.stdout and done.stdout.endswith("%\n")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--heads", "3"], "heads: 3 does not divide dim 64; choose 1, 2, 4, 8, 16 or 32"),
        (["--depth", "99"], "depth: 99 does not work; it should be less than or equal to 24"),
        (["--learning-rate", "nan"], "learning-rate: nan does not work; it should be a finite number"),
        (["--seed", "-1"], "seed: -1 does not work; it should be greater than or equal to 0"),
        (["--steps", "0"], "steps: 0 does not work; it should be greater than or equal to 1"),
        (["--train-size", "5"], "train-size: 5 does not work; it should be greater than or equal to 10"),
        (["--preset", "clasroom"], "preset: there is no preset 'clasroom'; choose "),
        (["--pool", "max"], "pool: 'max' does not work; it should be 'cls' or 'mean'"),
    ],
)
def test_a_refusal_names_the_option_on_stderr_and_ends_with_2(words, sentence):
    done = run("train", *words, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence) and done.stderr.count("\n") == 1
    assert not paths.database().exists(), "nothing was started"


def test_an_unknown_init_is_answered_with_all_schemes():
    done = run("train", "--init", "gauss")
    assert done.exit_code == 2 and done.stderr.startswith("init: 'gauss' does not work")
    assert all(scheme in done.stderr for scheme in SCHEMES)


@pytest.mark.parametrize("words", [["--patch-size", "four"], ["--nonsense"], ["--seed"]])
def test_what_is_no_option_or_no_number_ends_with_2_and_names_it(words):
    done = run("train", *words)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words[0] in done.stderr


def test_an_absent_data_set_ends_with_1_and_the_remedies():
    done = run("train", *SMALL, "--dataset", "mnist", "--json")
    assert done.exit_code == 1
    result = last_object(done.stdout)
    assert set(result) >= TRAIN_KEYS and (result["run_id"], result["status"]) == (None, "failed")
    assert result["error"] + "\n" == done.stderr
    assert done.stderr.startswith("dataset: mnist is not in ")
    assert all(word in done.stderr for word in ("--download", "VIT_LAB_DATA", "mnist-10k"))
    assert stored_runs() == []


def test_a_run_that_diverges_ends_with_1_and_is_told_in_json_all_the_same():
    absurd = ["--preset=vit-notes", "--dataset=mnist-10k", "--no-double-softmax"]  # it does not clip gradients
    absurd += ["--init=normal", "--variance-scale=1e6", "--learning-rate=10"]
    absurd += [f"--{group}-scale=1e6" for group in ("embed", "vo", "mlp", "head")]
    done = run("train", *SMALL, *absurd, "--json")
    assert done.exit_code == 1
    result = last_object(done.stdout)
    assert result["status"] == "diverged" and result["test_accuracy"] is None
    assert f"the run {result['run_id']} diverged: the loss or its gradient was not a number at step" in done.stderr


def test_an_unusable_home_ends_with_1_and_a_sentence(home):
    paths.database().write_bytes(b"garbage" * 1000)
    for words in (["train", *SMALL], ["runs"], ["export", "x", "--csv", str(home / "x.csv")]):
        done = run(*words)
        assert (done.exit_code, done.stdout) == (1, "")
        assert done.stderr.startswith("the database ") and "VIT_LAB_HOME" in done.stderr


def test_every_setting_has_an_option_and_every_option_a_help():
    options = {word: p for p in get_command(app).commands["train"].params for word in p.opts}
    assert set(PART_OF) - set(FIELDS) == {"kind", *DECIDED}, "only what can have one value is left out"
    for field in FIELDS:
        assert options[f"--{option_name(field)}"].help
    assert {"--patch-size", "--dim", "--depth", "--heads", "--init", "--variance-scale", "--steps", "--epochs"} <= set(
        options
    )
    assert {"--preset", "--dataset", "--train-size", "--seed", "--json"} <= set(options)


@pytest.mark.parametrize("command", get_command(app).commands)
def test_every_command_has_a_help(command):
    done = run(command, "--help")
    assert done.exit_code == 0 and get_command(app).commands[command].help in " ".join(done.stdout.split())


def options_of(config):
    """A config as options; flags for yes and no."""
    words = []
    for field, value in config.items():
        name = option_name(field)
        if isinstance(value, bool):
            words.append(f"--{name}" if value else f"--no-{name}")
        elif value is not None and field != "kind":
            words.append(f"--{name}={value}")
    return words


@pytest.fixture
def submitted(monkeypatch):
    """The configs that `train` would have trained."""
    configs = []

    def stand_in(store, plan, download, workers):
        configs.extend(run.config for run in plan.runs("e"))
        raise SystemExit(0)

    monkeypatch.setattr("vit_lab.cli.training.work_off", stand_in)
    return configs


def test_every_option_reaches_its_setting(submitted):
    settings = {
        "seed": 7,
        "dataset": "fashion-mnist",
        "train_size": 99,
        "validation_size": 900,
        "label_noise": 0.1,
        "pixel_noise": 0.2,
        "normalise": False,
        "shift": 3,
        "flip": True,
        "patch_size": 14,
        "dim": 36,
        "depth": 3,
        "heads": 6,
        "mlp_ratio": 1.5,
        "pool": "cls",
        "position": "learned",
        "dropout": 0.1,
        "attention_dropout": 0.2,
        "qkv_bias": False,
        "out_bias": False,
        "final_norm": False,
        "scheme": "gamma",
        "variance_scale": 2.0,
        "embed_scale": 3.0,
        "qk_scale": 4.0,
        "vo_scale": 5.0,
        "mlp_scale": 6.0,
        "head_scale": 7.0,
        "biases": "scheme",
        "gamma": 0.6,
        "residual": "zero",
        "norm_matched": True,
        "norm": "post",
        "residual_factor": 1.5,
        "momentum": 0.7,
        "nesterov": False,
        "steps": 11,
        "epochs": 2,
        "batch_size": 9,
        "optimiser": "adamw",
        "learning_rate": 0.01,
        "weight_decay": 0.3,
        "decay": "all",
        "beta1": 0.8,
        "beta2": 0.9,
        "schedule": "constant",
        "schedule_unit": "epoch",
        "warmup_steps": 4,
        "clip_norm": 2.0,
        "label_smoothing": 0.1,
        "double_softmax": True,
    }
    fixed = {"kind", "image_size", "channels", "num_classes"}  # of every data set there is
    assert set(settings) == set(flat(RunConfig())) - fixed
    assert run("train", *options_of(settings)).exit_code == 0
    assert submitted == [configure(**settings)]


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_is_where_the_options_start(submitted, name):
    assert run("train", "--preset", name).exit_code == 0
    assert run("train", "--preset", name, "--steps", "20", "--seed", "3").exit_code == 0
    assert submitted == [preset(name), configure(preset(name), steps=20, seed=3)]
    assert submitted[1].optim.total_steps(60_000) == 20


def test_runs_are_listed_newest_first_in_words_and_in_json():
    assert run("runs").stdout == "No runs yet: python -m vit_lab train\n"
    assert last_object(run("runs", "--json").stdout) == {"runs": []}
    for seed in (1, 2):
        assert run("train", *SMALL, "--seed", str(seed)).exit_code == 0
    listed = last_object(run("runs", "--json").stdout)["runs"]
    assert [entry["name"] for entry in listed] == ["linear-default, seed 2", "linear-default, seed 1"]
    assert all(set(entry) >= {"run_id", "name", "status", "test_accuracy"} for entry in listed)
    assert all(entry["status"] == "finished" and entry["step"] == 10 for entry in listed)
    lines = run("runs").stdout.splitlines()
    assert [line.split()[:2] for line in lines] == [[entry["run_id"], "finished"] for entry in listed]


def test_listing_runs_marks_those_of_dead_processes_interrupted():
    run("train", *SMALL)
    store = Store(paths.database())
    store._set(store.runs()[0].id, status=Status.RUNNING, process="dead")
    store.close()
    assert last_object(run("runs", "--json").stdout)["runs"][0]["status"] == "interrupted"


def test_export_writes_every_measurement_of_the_runs_named(tmp_path):
    ids = [last_object(run("train", *SMALL, "--seed", seed, "--json").stdout)["run_id"] for seed in ("1", "2", "3")]
    file = tmp_path / "out.csv"
    done = run("export", ids[0], ids[2], "--csv", str(file))
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
    beside = f"{tmp_path / 'out-runs.csv'}: the settings and results of 2 runs"
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", f"{file}: {len(rows)} rows; {beside}\n")
    assert {row["run_id"] for row in rows} == {ids[0], ids[2]}
    assert sum(row["measure"] == "train_loss" for row in rows) == 2 * 10


def test_export_refuses_an_unknown_run_and_a_file_that_cannot_be_written(tmp_path):
    done = run("export", "nothing", "--csv", str(tmp_path / "out.csv"))
    assert done.exit_code == 1 and "there is no run 'nothing'" in done.stderr
    assert not (tmp_path / "out.csv").exists()
    run_id = last_object(run("train", *SMALL, "--json").stdout)["run_id"]
    done = run("export", run_id, "--csv", str(tmp_path / "no" / "out.csv"))
    assert done.exit_code == 2 and done.stderr.startswith("csv: ") and "choose another file" in done.stderr


def test_commands_leave_no_sign_of_life_behind(home):
    run("train", *SMALL)
    run("runs")
    run("export", "nothing", "--csv", str(home / "x.csv"))
    assert [file.name for file in (home / "processes").iterdir()] == []


def test_more_training_images_than_there_are_end_with_2_and_leave_no_run_behind():
    done = run("train", *SMALL, "--train-size", "7901", "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(
        "train-size: 7901 is more than the 7900 training images of mnist-10k; choose at most 7900"
    )
    assert stored_runs() == []


def test_a_failed_run_ends_with_1_and_why(monkeypatch):
    def fails(*_, **__):
        raise RuntimeError("boom")

    monkeypatch.setattr("vit_lab.runs.executors.follow.train", fails)
    done = run("train", *SMALL, "--json")
    assert done.exit_code == 1
    assert last_object(done.stdout)["error"] == "RuntimeError: boom"
    assert done.stderr.endswith(" failed: RuntimeError: boom\n")
