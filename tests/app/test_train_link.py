"""A link made from configs opens the form with exactly these configs, for every kind of model."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from places import COMPARE, RUNS, TRAIN

from vit_lab import paths
from vit_lab.config import GROUPS, SCHEMES, InitConfig, RunConfig
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.presets import PRESETS
from vit_lab.runs.designs import MOST_ARMS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.runs.rates import PILOT_SEED
from vit_lab.runs.store import Store
from vit_lab.settings import PART_OF, ConfigError, bounds, choices, configure, flat, settings_of
from vit_lab.training.optimisers import OPTIMISERS
from vit_lab.ui.train.reuse import form_of
from vit_lab.ui.train.widgets import filled_in, for_another_kind, spelled, train_link, widgets_of

INIT = [field for field, part in PART_OF.items() if part == "init"]
OPEN_ENDS = {"clip_norm": (1e-3, 50.0)}
SMALLER = {"epochs": (1, 9), "train_size": (10, 7_000), "validation_size": (0, 1_000)}


@pytest.fixture(autouse=True)
def only_the_form(monkeypatch):
    """The gauges would build every model; all data counts as here."""
    monkeypatch.setattr("vit_lab.ui.train.preflight.gauge_badge", lambda config: "")
    monkeypatch.setattr("vit_lab.datasets.is_available", lambda name: True)


def floats(field):
    low, high = OPEN_ENDS.get(field) or bounds(field)
    return st.floats(low, high, exclude_min=low == 0, exclude_max=high == 1, allow_subnormal=False)


def values(field, kind):
    default = flat(configure(kind=kind, dataset=datasets_for(kind)[0]))[field]
    if field == "dataset":
        return st.sampled_from(datasets_for(kind))
    if field == "patch_size":
        return st.sampled_from([1, 2, 4, 7, 14, 28])
    if choices(field):
        return st.sampled_from(choices(field))
    if isinstance(default, bool):
        return st.booleans()
    if isinstance(default, float):
        return floats(field) | (st.none() if field == "clip_norm" else st.nothing())
    low, high = SMALLER.get(field) or bounds(field)
    return st.integers(int(low), int(high)) | (st.none() if default is None else st.nothing())


@st.composite
def inits(draw):
    scales = {f"{group}_scale": floats("qk_scale") | st.just(1.0) for group in (*GROUPS, "variance")}
    more = {field: st.sampled_from(choices(field)) for field in ("biases", "residual")}
    more["norm_matched"] = st.booleans()
    init = draw(st.fixed_dictionaries({"scheme": st.sampled_from(SCHEMES)}, optional=scales | more))
    return init | ({"gamma": draw(floats("gamma"))} if init["scheme"] == "gamma" else {})


@st.composite
def arms(draw):
    kind = draw(st.sampled_from(list(KINDS)))
    fields = [field for field in settings_of(kind) if field not in ("kind", "heads", "steps")]
    chosen = draw(st.fixed_dictionaries({}, optional={field: values(field, kind) for field in fields}))
    dim = chosen.get("dim", 64)
    chosen["heads"] = draw(st.sampled_from([n for n in range(1, 33) if dim % n == 0]))
    if chosen.get("epochs") is None:
        chosen["steps"] = draw(st.integers(1, 100_000))
    assume(chosen.get("seed") != PILOT_SEED)  # which no launch takes
    read = OPTIMISERS[chosen.get("optimiser", "adamw")].settings
    unread = {field for optimiser in OPTIMISERS.values() for field in optimiser.settings if field not in read}
    chosen = {field: value for field, value in chosen.items() if field not in unread}
    chosen = {"dataset": datasets_for(kind)[0]} | chosen
    try:
        configs = [
            configure(kind=kind, **chosen, **init) for init in draw(st.lists(inits(), min_size=1, max_size=MOST_ARMS))
        ]
    except ConfigError:
        assume(False)
    shared = {config.model_copy(update={"init": InitConfig()}) for config in configs}
    assume(len(shared) == 1)  # a scheme may bring a setting to its own arm alone, which no form holds
    return list(dict.fromkeys(configs))


def submitted(open_page, workers, link):
    at = open_page(**link)
    assert not at.exception and not at.error and not at.warning
    at.button(key="train").click().run()
    assert not at.exception and not at.error
    return workers.submitted[-1]


@pytest.mark.parametrize("name", PRESETS)
def test_a_link_to_a_preset_opens_it(open_page, workers, name):
    config = configure(PRESETS[name].config, seed=7)
    other = configure(config, scheme="kaiming")
    assert [run.config for run in submitted(open_page, workers, train_link([config]))] == [config]
    assert [run.config for run in submitted(open_page, workers, train_link([config, other]))] == [config, other]
    assert open_page(**train_link([config])).pills(key="preset").value == name


@pytest.mark.timeout(300)
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(configs=arms())
def test_a_link_to_any_arms_opens_exactly_them(open_page, workers, configs):
    assert [run.config for run in submitted(open_page, workers, train_link(configs))] == configs


def test_a_link_tells_seeds_and_the_fair_rate(open_page, workers):
    pair = [configure(seed=3), configure(seed=3, scheme="vit")]
    runs = submitted(open_page, workers, train_link(pair, seeds=2, fair=True))
    assert [run.config for run in runs if not run.pilot] == [configure(arm, seed=n) for n in (3, 4) for arm in pair]
    assert len({run.config.optim.learning_rate for run in runs if run.pilot}) == 4


def test_a_link_leaves_out_what_is_as_by_default():
    assert train_link([RunConfig()]) == {"form": "new", "arms": "1", "a_scheme": "linear-default"}
    assert train_link([configure(kind="transformer", dataset="copy")])["kind"] == "transformer"


@given(value=st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_a_number_in_a_link_is_read_as_it_was(value):
    assert type(value)(spelled(value)) == value


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(configs=arms(), kind=st.sampled_from(list(KINDS)))
def test_another_kind_of_model_is_always_one_that_can_be_trained(configs, kind):
    widgets = for_another_kind(filled_in(configs), kind)
    fields = {key: value for key, value in widgets.items() if key in PART_OF and key not in ("epochs", "clip_norm")}
    assert configure(**fields).model.kind == kind and set(widgets) == set(widgets_of(configure(**fields)))


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize(
    ("kind", "start"), [("vit", "classroom"), ("timesformer", "moving-digits"), ("transformer", "copy")]
)
def test_from_a_preset_another_kind_begins_with_its_own_preset(name, kind, start):
    wanted = widgets_of(PRESETS[start].config)
    assert for_another_kind(widgets_of(PRESETS[name].config), kind) == wanted


def test_what_a_person_changed_goes_along_to_another_kind_if_it_fits():
    shown = widgets_of(configure(depth=3, batch_size=16, patch_size=4, dim=30, heads=3, train_size=200))
    wanted = widgets_of(configure(PRESETS["copy"].config, depth=3, batch_size=16, dim=30, heads=3, train_size=200))
    assert for_another_kind(shown, "transformer") == wanted
    alone = for_another_kind(widgets_of(configure(dim=30, heads=5)) | {"heads": 4}, "timesformer")
    assert (alone["dim"], alone["heads"]) == (48, 4), "30 does not go with the heads of the preset"


# Settings of an experiment


@pytest.fixture
def store(home):
    opened = Store(paths.database())
    yield opened
    opened.close()


CLIPS = configure(kind="timesformer", dataset="moving-direction", depth=1, dim=8, heads=2, epochs=2, seed=4)
PLAN = Plan([CLIPS, configure(CLIPS, scheme="xavier", qk_scale=0.37)], [4])


@pytest.mark.parametrize("page", [RUNS, COMPARE])
def test_the_settings_of_an_experiment_are_a_link_away(open_page, workers, store, page):
    store.add(PLAN.runs("mine"), PLAN.kind)
    at = open_page(dim="16", pool="cls", b_variance_scale="7")
    at.switch_page(page).run()
    if page == RUNS:
        at.session_state["table"] = {"selection": {"rows": [0]}}
        at.run().button(key="reuse").click().run()
        assert at.query_params["experiment"] == "mine"
        at.switch_page(TRAIN).run()
    else:
        [link] = [link for link in at.page_link if link.label == "Use these settings in Train"]
        query = dict(parse_qsl(link.proto.query_string))
        assert query == train_link(PLAN.arms) | {"experiment": "mine"}
        at = open_page(**query)
    assert not at.exception and not at.warning
    at.button(key="train").click().run()
    assert [run.config for run in workers.submitted[-1]] == list(PLAN.arms)


def test_the_settings_of_the_shown_experiment_are_a_click_away(open_page, workers, store):
    store.add(PLAN.runs("mine"), PLAN.kind)
    at = open_page(dim="16", pool="cls", b_variance_scale="7")
    at.button(key="reuse").click().run()
    assert not at.exception and at.segmented_control(key="kind").value == "timesformer"
    at.button(key="train").click().run()
    assert [run.config for run in workers.submitted[-1]] == list(PLAN.arms)


def test_an_experiment_with_seeds_and_pilots_comes_back_as_it_was_launched(store):
    plan = Plan([configure(dim=32), configure(dim=32, scheme="vit")], [2, 3, 4], fair_rate=True)
    store.add(plan.runs("fair"), plan.kind)
    for run in store.runs(experiment="fair"):  # as if the pilots had picked
        if not run.pilot:
            store.release(run.id, configure(run.config, learning_rate=1e-3 * (1 + run.arm)))
    form = form_of(Experiment.read(store, "fair"))
    assert form == {"arms": [configure(arm, seed=2) for arm in plan.arms], "seeds": 3, "fair": True}


def test_what_the_form_cannot_hold_is_not_offered(store):
    for name, plan in {
        "conditions": Plan(PLAN.arms, [0], conditions=({"train_size": 50}, {"train_size": 60})),
        "gaps": Plan(PLAN.arms, [0, 2]),
        "many": Plan([configure(variance_scale=n) for n in range(1, 9)], [0]),
        "unlike": Plan([configure(dim=8, heads=1), configure(dim=16)], [0]),
    }.items():
        store.add(plan.runs(name), plan.kind)
        assert form_of(Experiment.read(store, name)) is None, name
    assert form_of(Experiment()) is None
