"""Whatever arrives on the command line or lies in the store: a sentence, never a traceback, and no run too many."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny import tiny
from typer.testing import CliRunner

from vit_lab import paths
from vit_lab.cli.app import app
from vit_lab.cli.options import FIELDS, option_name
from vit_lab.config import RunConfig
from vit_lab.runs.designs import parse_task
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import LONGEST_NAME, Store
from vit_lab.settings import PART_OF, ConfigError, flat, parse
from vit_lab.spelling import parse_arm
from vit_lab.ui.runs.table import runs_table

A_HOME_FOR_ALL = [HealthCheck.function_scoped_fixture]
AGAIN_AND_AGAIN = settings(max_examples=30, deadline=None, suppress_health_check=A_HOME_FOR_ALL)
AWKWARD = [
    "",
    " ",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "-1",
    "0",
    "1e6",
    "9" * 400,
    "0x10",
    "1_000",
    "None",
    "null",
    "true",
    "[]",
    "../../etc/passwd",
    "'; DROP TABLE runs; --",
    "<script>",
    "🦊",
    "\u202e",
    "%s",
    "--",
    "-",
    "x" * 10_000,
    "٣",
    "1,5",
]
words = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(max_size=30).filter(lambda text: "\0" not in text),
    st.integers().map(str),
    st.floats().map(str),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
HOSTILE_NAMES = [
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE runs; --",
    "../../../etc/passwd",
    "C:\\\\con",
    "🦊" * 3_000,
    "a" * 10_000,
    "\0",
    "${HOME}",
    "{{7*7}}",
]


def almost_a_part(part):
    """Settings of one part of a config, each with a value that may not be one; or something else altogether."""
    fields = st.sampled_from([field for field in PART_OF if PART_OF[field] == part])
    return st.dictionaries(fields, json_values, max_size=4) | json_values


almost_configs = st.fixed_dictionaries(
    {}, optional={"seed": json_values} | {part: almost_a_part(part) for part in ("data", "model", "init", "optim")}
)


@pytest.fixture
def nothing_trains(monkeypatch):
    """Notes the plans that would have been trained."""
    plans = []

    def work_off(store, plan, download, workers=None):
        plans.append(plan.runs("e"))
        raise KeyboardInterrupt

    monkeypatch.setattr("vit_lab.cli.training.work_off", work_off)
    return plans


def refused_or_valid(done, plans):
    """A command was refused in a sentence that names what is wrong, or it plans runs whose settings are all valid."""
    assert done.exit_code in (0, 1, 2) and "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    if plans:
        assert all(parse(run.config.model_dump()) == run.config for run in plans.pop())
    else:
        assert done.exit_code in (1, 2) and done.stderr.strip()


@AGAIN_AND_AGAIN
@given(st.dictionaries(st.sampled_from(FIELDS), words, min_size=1, max_size=4))
def test_no_option_of_a_run_brings_a_traceback(nothing_trains, given_settings):
    options = [f"--{option_name(field)}={value}" for field, value in given_settings.items()]
    refused_or_valid(CliRunner().invoke(app, ["train", *options, "--json"]), nothing_trains)


@pytest.mark.long
@pytest.mark.parametrize("field", FIELDS)
def test_each_option_with_each_awkward_value(nothing_trains, field):
    for word in AWKWARD:
        done = CliRunner().invoke(app, ["train", f"--{option_name(field)}={word}", "--json"])
        refused_or_valid(done, nothing_trains)
        assert len(done.stderr) < 2_000 or nothing_trains, f"{field}={word[:20]}"


@AGAIN_AND_AGAIN
@given(
    st.sampled_from(["compare", "sweep", "claim", "runs", "export", "train", "nonsense"]),
    st.lists(st.tuples(st.sampled_from(["arm", "seeds", "scale", "size", "task", "preset", "csv", "x"]), words)),
)
def test_no_command_brings_a_traceback(nothing_trains, home, command, given_options):
    options = [f"--{name}={home / 'out' if name == 'csv' else value}" for name, value in given_options]
    done = CliRunner().invoke(app, [command, *options])
    if command != "runs":
        refused_or_valid(done, nothing_trains)
    else:
        assert done.exit_code in (0, 2)


@pytest.mark.parametrize("read", [parse_arm, parse_task])
@given(text=words | words.map(lambda text: f"xavier:{text}") | words.map(lambda text: f"mnist:{text}"))
def test_an_arm_or_a_task_is_read_or_refused(read, text):
    try:
        read(text)
    except ConfigError as error:
        assert len(error.message) < 400 and error.field


@given(almost_configs | json_values)
def test_a_stored_config_is_valid_or_refused_in_a_sentence(value):
    try:
        config = parse(json.dumps(value))
    except ConfigError as error:
        assert error.message
    else:
        assert isinstance(config, RunConfig) and parse(config.model_dump_json()) == config and flat(config)


@AGAIN_AND_AGAIN
@given(st.text(max_size=200) | st.binary(max_size=50).map(lambda b: b.decode("latin-1")) | json_values.map(json.dumps))
def test_whatever_is_stored_as_a_config_the_table_lists_the_run(text):
    store = Store(paths.database())
    (run_id,) = store.add([NewRun(tiny(), "n", "e")])
    store._set(run_id, config=text.encode("utf-8", "replace").decode())
    assert list(runs_table(store.runs([run_id]))["name"]) == ["n"]
    assert store.queue.take().id == run_id
    store.close()


@AGAIN_AND_AGAIN
@given(st.sampled_from(HOSTILE_NAMES) | st.text(max_size=300))
def test_a_name_is_stored_as_text_and_makes_no_file(home, name):
    store = Store(paths.database())
    try:
        name.encode()
    except UnicodeEncodeError:
        store.close()
        return
    (run_id,) = store.add([NewRun(tiny(), "n", "e")])
    files = {file for file in home.rglob("*") if file.parent.name != "processes"}
    store.rename(run_id, name)
    store.tag(run_id, name)
    kept = " ".join(name.split())[:LONGEST_NAME]
    assert (store.run(run_id).name, store.run(run_id).tags) == (kept or "unnamed", kept)
    assert {file for file in home.rglob("*") if file.parent.name != "processes"} == files
    store.close()


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_half_a_character_does_not_break_a_name(name):
    store = Store(paths.database())
    (run_id,) = store.add([NewRun(tiny(), name, "e")])
    store.rename(run_id, name)
    assert store.run(run_id).name
    store.close()
