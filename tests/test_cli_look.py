"""The command `look`: a model at a step, as JSON or in sentences."""

import json

import numpy as np
import pytest
import torch
from commands import last_object, run, shell, stored_runs
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab import paths
from vit_lab.cli.options import option_name
from vit_lab.data.splits import load_run_data
from vit_lab.settings import configure, flat
from vit_lab.training.trainer import train

KEYS = ["step", "label", "probabilities", "lens", "rollout", "attention"]


def trained(config):
    """The id of a run of a config, trained by a command; what differs from the default is given as options."""
    default = flat(configure(kind=config.model.kind, dataset=config.data.dataset))
    given = {field: value for field, value in flat(config).items() if default.get(field) != value}
    options = [f"--{option_name(field)}={value}" for field, value in given.items()]
    if config.model.kind != "vit":
        options.append(f"--preset={'copy' if config.model.kind == 'transformer' else 'moving-digits'}")
        options.append(f"--dataset={config.data.dataset}")
    done = run("train", *options, "--json")
    assert done.exit_code == 0, done.stderr
    return last_object(done.stdout)["run_id"]


def after(config, step):
    training = train(config, load_run_data(config))
    while training.step < step:
        next(training)
    return training.model


def test_a_look_is_one_json_object_that_says_what_the_model_of_the_step_computes():
    config = tiny(steps=40, pool="cls")
    run_id = trained(config)
    for step in (0, 8, 23, 23, 40):
        seen = last_object(run("look", run_id, "--step", str(step), "--digit", "5", "--json").stdout)
        assert list(seen) == KEYS and seen["step"] == step
        test, model = load_run_data(config).test, after(config, step)
        with torch.no_grad():
            expected = model(test.inputs[5:6]).softmax(dim=-1)[0]
        assert seen["label"] == int(test.labels[5]) and seen["probabilities"] == expected.tolist()
        assert seen["lens"][-1] == seen["probabilities"] and np.shape(seen["lens"]) == (2, 10)
        assert np.shape(seen["rollout"]) == (5,) and sum(seen["rollout"]) == pytest.approx(1, abs=1e-5)
        assert np.shape(seen["attention"]) == (2, 2, 5, 5)
    assert paths.snapshot(run_id, 23).is_file(), "the second look was quick"


def test_without_a_step_it_is_the_last_and_without_a_digit_the_first():
    run_id = trained(tiny())
    assert run("look", run_id, "--json").stdout == run("look", run_id, "--step=10", "--digit=0", "--json").stdout


def test_without_json_it_is_told_in_sentences():
    run_id = trained(tiny())
    lines = run("look", run_id).stdout.splitlines()
    assert lines[0].startswith("linear-default, seed 0, step 10, example 0 of its test set: true class ")
    assert [line.split(" the ")[0] for line in lines[1:3]] == ["after block 1", "after block 2"]
    assert "of the rollout" in lines[3] and len(lines) == 4


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["nobody"], "run: there is no run 'nobody'"),
        (["RUN", "--step=11"], "step: 11 is beyond what linear-default, seed 0 has made, 10 steps; choose 0 to 10"),
        (["RUN", "--step=-1"], "step: -1 is beyond"),
        (["RUN", "--digit=2000"], "digit: 2000 is beyond the test set of 2000; choose 0 to 1999"),
        (["RUN", "--digit=-1"], "digit: -1 is beyond the test set of 2000"),
    ],
)
def test_what_is_not_there_is_refused_in_a_sentence_with_exit_code_2(words, sentence):
    run_id = trained(tiny())
    done = run("look", *(run_id if word == "RUN" else word for word in words), "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence) and done.stderr.count("\n") == 1


@pytest.mark.parametrize("config", [tiny_clips(), tiny_clips(space_time="joint"), tiny_sequences()])
def test_clips_and_sequences_are_looked_at_too(config):
    seen = last_object(run("look", trained(config), "--step=3", "--json").stdout)
    assert list(seen) == KEYS and len(seen["rollout"]) == config.model.num_tokens
    assert np.shape(seen["lens"]) == (2, config.model.num_classes) and len(np.shape(seen["attention"])) in (4, 5)


def test_a_damaged_snapshot_is_replayed_and_mended():
    run_id = trained(tiny())
    whole, path = run("look", run_id, "--step=4", "--json").stdout, paths.snapshot(run_id, 4)
    path.write_bytes(path.read_bytes()[:-100])
    done = run("look", run_id, "--step=4", "--json")
    assert done.exit_code == 0 and done.stdout == whole
    assert "what is kept of step 4 cannot be read" in done.stderr
    assert run("look", run_id, "--step=4", "--json").stderr == ""


def test_what_is_no_number_is_null_in_json():
    run_id = trained(tiny())
    from vit_lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint

    kept = load_checkpoint(paths.snapshot(run_id, 4))
    broken = {name: torch.full_like(value, torch.nan) for name, value in kept.tensors.items()}
    save_checkpoint(Checkpoint(broken, kept.counters), paths.snapshot(run_id, 4))
    text = run("look", run_id, "--step=4", "--json").stdout
    assert json.loads(text)["probabilities"] == [None] * 10 and "NaN" not in text


def test_a_shell_looks_too():
    run_id = trained(tiny())
    done = shell("look", run_id, "--json")
    assert done.returncode == 0 and len(done.stdout.splitlines()) == 1, done.stderr
    assert [found.id for found in stored_runs()] == [run_id]
