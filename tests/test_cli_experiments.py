"""Experiments from a shell: compare, sweep and claim print what was found, and the numbers are those of the CSV."""

import csv

import pytest
from commands import SMALL, last_object, run, stored_runs
from scipy import stats
from tiny import tiny

from vit_lab.cli.files import of_runs
from vit_lab.cli.work import _watch
from vit_lab.config import SCHEMES
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.training.trainer import train

QUICK = [*SMALL, "--steps=3"]
ARM_KEYS = {"label", "n", "test_accuracy", "planned", "diverged", "missing", "learning_rate", "seeds"}
PAIR_KEYS = {"a", "b", "n", "mean_difference", "ci95", "p_value", "p_holm", "planned", "winner", "verdict"}


def accuracies(file, scheme):
    """The test accuracies of one init in a CSV, by seed; the CSV beside it says which runs are of which init."""
    with of_runs(file).open(encoding="utf-8", newline="") as lines:
        of_scheme = {row["run_id"] for row in csv.DictReader(lines) if row["scheme"] == scheme}
    with file.open(encoding="utf-8", newline="") as lines:
        rows = [
            row for row in csv.DictReader(lines) if row["measure"] == "test_accuracy" and row["run_id"] in of_scheme
        ]
    return [float(row["value"]) for row in sorted(rows, key=lambda row: int(row["seed"]))]


def test_compare_prints_arms_and_pairs_that_follow_from_the_csv(tmp_path):
    file, again = tmp_path / "compared.csv", tmp_path / "exported.csv"
    arms = ["--arm=linear-default", "--arm=xavier", "--arm=vit"]
    done = run("compare", *QUICK, *arms, "--seeds=3", "--seed=5", "--csv", str(file), "--json")
    assert done.exit_code == 0, done.stderr
    assert len(done.stdout.splitlines()) == 1
    result = last_object(done.stdout)
    assert result["kind"] == "compare" and result["fair_learning_rate"] is False and len(result["run_ids"]) == 9
    assert [arm["label"] for arm in result["arms"]] == ["linear-default", "xavier", "vit"]
    assert all(set(arm) >= ARM_KEYS and arm["n"] == 3 and arm["seeds"] == [5, 6, 7] for arm in result["arms"])
    assert all(set(pair) >= PAIR_KEYS and pair["n"] == 3 and pair["winner"] is None for pair in result["pairs"])
    assert [(pair["a"], pair["b"]) for pair in result["pairs"]] == [
        ("linear-default", "xavier"),
        ("linear-default", "vit"),
        ("xavier", "vit"),
    ]

    assert run("export", result["experiment"], "--csv", str(again)).exit_code == 0
    assert again.read_text(encoding="utf-8") == file.read_text(encoding="utf-8")
    for arm in result["arms"]:
        values = accuracies(file, arm["label"])
        assert arm["test_accuracy"]["values"] == values
        assert arm["test_accuracy"]["mean"] == pytest.approx(sum(values) / 3)
        assert arm["test_accuracy"]["sd"] == pytest.approx(stats.tstd(values))
    for pair in result["pairs"]:
        a, b = accuracies(file, pair["a"]), accuracies(file, pair["b"])
        expected = stats.ttest_rel(b, a)
        assert pair["mean_difference"] == pytest.approx(sum(b) / 3 - sum(a) / 3)
        assert pair["p_value"] == pytest.approx(expected.pvalue)
        assert pair["ci95"] == pytest.approx([*expected.confidence_interval(0.95)])


def test_compare_reads_its_verdict_out_and_defaults_to_the_small_and_the_large_variance():
    done = run("compare", *QUICK, "--seeds=1")
    assert done.exit_code == 0
    small, large, verdict = done.stdout.splitlines()
    assert small.startswith("linear-default: ") and large.startswith("xavier: ")
    assert "n = 1, learning rate 0.004" in small
    assert "after 1 pair: too few for an interval, which takes 3." in verdict


def test_compare_with_fair_rates_says_which_were_picked():
    done = run("compare", *QUICK, "--seeds=1", "--fair-rate", "--json")
    assert done.exit_code == 0
    result = last_object(done.stdout)
    assert result["fair_learning_rate"] is True and len(result["run_ids"]) == 2
    proper = [found for found in stored_runs() if not found.pilot]
    assert {arm["arm"]: arm["learning_rate"] for arm in result["arms"]} == {
        found.config.init.scheme: found.config.optim.learning_rate for found in proper
    }
    assert len(stored_runs()) == 10


@pytest.mark.timeout(60)
def test_compare_ends_with_1_and_why_when_a_pilot_fails(monkeypatch):
    def fails_at_one_rate(config, data, device, checkpoint):
        if config.optim.learning_rate == 0.012:
            raise RuntimeError("no room")
        return train(config, data, device, checkpoint)

    monkeypatch.setattr("vit_lab.runs.executors.follow.train", fails_at_one_rate)
    done = run("compare", *QUICK, "--seeds=1", "--fair-rate", "--json")
    assert done.exit_code == 1
    assert done.stderr.endswith("4 of 10 runs have no result: RuntimeError: no room\n")
    assert [arm["n"] for arm in last_object(done.stdout)["arms"]] == [0, 0]
    assert {found.status for found in stored_runs() if not found.pilot} == {Status.INTERRUPTED}


def test_sweep_has_an_arm_for_each_scale_and_size():
    words = ["--scale=4", "--scale=0.5", "--size=20", "--size=all", "--seeds=1", "--init=xavier"]
    small = [word for word in QUICK if not word.startswith("--train-size")]
    result = last_object(run("sweep", *small, *words, "--json").stdout)
    assert result["kind"] == "sweep"
    assert [(arm["label"], arm["condition"], arm["n"]) for arm in result["arms"]] == [
        ("xavier x0.5", "20 images", 1),
        ("xavier x4", "20 images", 1),
        ("xavier x0.5", "all images", 1),
        ("xavier x4", "all images", 1),
    ]


def test_claim_compares_two_inits_on_every_task_and_size():
    words = ["--task=mnist-10k", "--task=mnist-10k:0.4", "--size=20", "--seeds=1"]
    small = [word for word in QUICK if not word.startswith("--train-size")]
    done = run("claim", *small, *words)
    assert done.exit_code == 0
    lines = done.stdout.splitlines()
    assert (
        len(lines) == 7
        and lines[6].startswith("How xavier minus linear-default changes for each 1 of label noise")
        and lines[0].startswith("linear-default (clean labels): ")
    )
    assert lines[4].startswith("clean labels: ") and lines[5].startswith("40% noisy labels: ")
    configs = [found.config for found in stored_runs()[::-1]]
    assert configs == [
        tiny(steps=3, train_size=20, label_noise=noise, scheme=scheme)
        for noise in (0.0, 0.4)
        for scheme in ("linear-default", "xavier")
    ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["compare", "--arm=gauss", "--arm=xavier"], "arm: there is no scheme 'gauss'; choose "),
        (["compare", "--arm=xavier:x", "--arm=vit"], "arm: 'x' is not a number; write for example xavier:0.5"),
        (["compare", "--arm=xavier", "--arm=xavier"], "arm: xavier is given twice; arms must differ"),
        (["compare", "--arm=xavier"], "arm: 1 of them cannot be compared; choose 2 to 6"),
        (["compare", "--seeds=0"], "seeds: 0 does not work; choose 1 to 100"),
        (["compare", "--heads=3"], "heads: 3 does not divide dim 64"),
        (["compare", "--init=xavier"], "init: it is not given this way here; use --arm"),
        (["compare", "--variance-scale=2"], "variance-scale: it is not given this way here; use --arm"),
        (["compare", "--csv=no/such/folder.csv"], "csv: the folder no/such is not there; choose another file"),
        (["sweep", "--scale=1"], "scale: a sweep takes at least two different variance scales"),
        (["sweep", "--variance-scale=1"], "variance-scale: it is not given this way here; use --scale"),
        (["sweep", "--train-size=20"], "train-size: it is not given this way here; use --size"),
        (["sweep", "--size=few"], "size: 'few' does not work; give a number of images, or all"),
        (["claim", "--task=cifar"], "task: there is no data set 'cifar'; choose "),
        (["claim", "--arm=vit"], "arm: 1 of them cannot be compared; choose 2 to 6"),
        (["claim", "--dataset=mnist"], "dataset: it is not given this way here; use --task"),
    ],
)
def test_a_refusal_is_one_sentence_that_names_the_option(words, sentence):
    done = run(*words, "--json")
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(sentence) and done.stderr.count("\n") == 1
    assert stored_runs() == []


def test_an_unknown_init_is_answered_with_all_schemes():
    done = run("compare", "--arm=gauss", "--arm=xavier")
    assert all(scheme in done.stderr for scheme in SCHEMES)


def test_a_report_of_some_runs_is_one_of_their_whole_experiment(tmp_path, store, monkeypatch):
    ids = store.add([NewRun(tiny(seed=seed), "n", "e", arm) for seed in (0, 1) for arm in (0, 1)])
    told = []
    monkeypatch.setattr("vit_lab.analysis.report.report", lambda experiment: told.append(experiment) or "")
    assert run("export", *ids[:2], "--html", str(tmp_path / "x.html")).exit_code == 0
    [experiment] = told
    assert [one.id for one in experiment.proper] == [ids[0], ids[2], ids[1], ids[3]]


def test_export_of_what_is_not_there_and_to_nowhere_is_refused(tmp_path):
    assert run("export", "nothing", "--csv", str(tmp_path / "x.csv")).exit_code == 1
    done = run("export", "nothing")
    assert done.exit_code == 2 and done.stderr.startswith("csv: give a file to write, with --csv, --html, --parquet")


def test_compare_varies_settings_and_tells_what_depends_on_them(tmp_path):
    arms = ["--arm=linear-default", "--arm=xavier,learning_rate=0.01"]
    done = run("compare", *QUICK, *arms, "--vary=train-size=20,50", "--vary=norm=pre,none", "--seeds=1", "--json")
    assert done.exit_code == 0, done.stderr
    result = last_object(done.stdout)
    assert [arm["arm"] for arm in result["arms"][:2]] == [
        "linear-default,learning_rate=0.004",
        "xavier,learning_rate=0.01",
    ]
    assert [arm["condition"] for arm in result["arms"][::2]] == [
        "20 images, norm pre",
        "20 images, norm none",
        "50 images, norm pre",
        "50 images, norm none",
    ]
    assert [(one["setting"], one["condition"]) for one in result["interactions"]] == [
        ("train_size", "norm pre"),
        ("train_size", "norm none"),
    ]
    folder = tmp_path / "tables"
    folder.mkdir()
    assert run("export", result["experiment"], "--parquet", str(folder)).exit_code == 0
    assert sorted(file.name for file in folder.iterdir()) == ["curves.parquet", "runs.parquet"]
    (tmp_path / "file").touch()
    assert run("export", result["experiment"], "--parquet", str(tmp_path / "file" / "such")).exit_code == 2


def test_a_table_that_no_export_wrote_is_not_overwritten(tmp_path, store):
    [run_id] = store.add([NewRun(tiny(), "n", "e")])
    own = tmp_path / "a-runs.csv"
    own.write_text("mine", encoding="utf-8")
    done = run("export", run_id, "--csv", str(tmp_path / "a.csv"))
    assert done.exit_code == 2 and done.stderr.startswith(f"csv: {own} is there already")
    assert own.read_text(encoding="utf-8") == "mine" and not (tmp_path / "a.csv").exists()
    own.unlink()
    for _ in range(2):
        assert run("export", run_id, "--csv", str(tmp_path / "a.csv")).exit_code == 0


def test_an_export_makes_its_folder(tmp_path, store):
    [run_id] = store.add([NewRun(tiny(), "n", "e")])
    assert run("export", run_id, "--parquet", str(tmp_path / "new")).exit_code == 0
    assert sorted(file.name for file in (tmp_path / "new").iterdir()) == ["curves.parquet", "runs.parquet"]


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["compare", "--arm=xavir", "--arm=vit"], "xavier"),
        (["compare", "--arm=xavier,nrom=post", "--arm=vit"], "norm"),
        (["compare", "--vary=dept=2,4"], "depth"),
        (["train", "--init=kaimin"], "kaiming"),
        (["claim", "--task=fashion10k"], "fashion-10k"),
    ],
)
def test_a_mistyped_word_is_answered_with_the_one_that_was_meant(words, meant):
    done = run(*words)
    assert done.exit_code == 2 and done.stderr.endswith(f"; did you mean {meant}?\n")


def test_runs_are_told_with_their_experiment_and_their_condition(store):
    store.add([NewRun(tiny(depth=depth), "a run", "grid", condition=depth - 1) for depth in (1, 2)])
    done = run("runs")
    of_runs, of_experiments = (heads.split() for heads in done.stderr.split("\n\n"))
    assert of_runs == ["run", "state", "steps", "test", "experiment", "name"]
    assert of_experiments == ["experiment", "kind", "runs", "ended", "seeds", "arms"]
    *runs, experiment = done.stdout.splitlines()
    assert [line.split("grid")[1].strip() for line in runs] == ["a run (depth 2)", "a run (depth 1)"]
    assert experiment.split() == ["grid", "compare", "2", "0", "1", "linear-default"]


def test_help_is_in_groups_with_defaults_and_examples():
    told = run("compare", "--help").stdout
    assert all(words in told for words in ("Model", "Training", "Where it trains", "(classroom:", "Examples:"))


def test_a_run_that_never_leaves_its_warm_up_is_told():
    done = run("train", *QUICK, "--warmup-steps=500")
    assert "steps are warm-up, which takes 500" in done.stderr


class HeldUp:
    """A manager with a problem that passes; then all has ended."""

    is_hopeless = False

    def __init__(self, store, run_id, problems):
        self.store, self.run_id, self.problems = store, run_id, problems

    @property
    def problem(self):
        if len(self.problems) == 1:
            self.store.end(self.run_id, Status.FINISHED)
        return self.problems.pop(0)


def test_what_holds_training_up_is_told_once_also_where_there_is_no_bar(store, capfd):
    [run_id] = store.add([NewRun(tiny(), "n", "e")])
    _watch(store, "e", HeldUp(store, run_id, ["", "no cluster", "no cluster", ""]))
    assert capfd.readouterr().err.split("\n")[:2] == ["no cluster", "it goes on"]
