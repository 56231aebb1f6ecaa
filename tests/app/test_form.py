"""The form offers every setting of a run, with the config's own defaults, and submits what it shows."""

from itertools import cycle, product

import pytest

from vit_lab.config import RunConfig
from vit_lab.data.images import load_dataset
from vit_lab.model_config import KINDS, datasets_for
from vit_lab.presets import PRESETS
from vit_lab.runs.designs import MOST_SEEDS
from vit_lab.settings import PART_OF, bounds, choices, configure, describe, difference, flat, settings_of
from vit_lab.ui.train.widgets import SCALES

BARE = {kind: configure(kind=kind, dataset=datasets_for(kind)[0]) for kind in KINDS}  # what a bare link to a kind opens
DEFAULTS = flat(RunConfig())
INIT = [field for field, part in PART_OF.items() if part == "init" and field != "gamma"]  # each arm has its own
# Another optimiser shows other settings: tests/app/test_optimiser_fields.py
ELSEWHERE = {"kind", "optimiser", "momentum", "nesterov"}
OF_KIND = {kind: [field for field in settings_of(kind) if field not in ELSEWHERE] for kind in KINDS}
SETTINGS = OF_KIND["vit"]
NEAR = {"patch_size": 14, "dim": 32, "heads": 8, "train_size": 64, "validation_size": 0, "epochs": 3}
NONSENSE = (
    "abc",
    "",
    "999999999",
    "-1",
    "nan",
    "inf",
    "5",
    "true",
    "'; DROP TABLE runs; --",
    "\u0000",
    "🦊" * 500,
)


@pytest.fixture(autouse=True)
def all_data_is_here(monkeypatch):
    """Every data set counts as being on disk, the bundled digits stand in for it, and any of them may be chosen.

    How each model starts is not looked at: another setting is another model, often with other data.
    """
    monkeypatch.setattr("vit_lab.ui.train.preflight.gauge_badge", lambda config: "")
    digits = load_dataset("mnist-10k", normalise=True)
    monkeypatch.setattr("vit_lab.datasets.is_available", lambda name: True)
    monkeypatch.setattr("vit_lab.data.splits.load_dataset", lambda name, normalise: digits)


def widget(at, field):
    """The setting's widget; epochs are only asked for when a run's length is given in them."""
    if field == "epochs":
        at.segmented_control(key="length").set_value("epochs").run()
    return at.get_by_key(field)


def another(field, kind="vit"):
    """A legal value that is not the default."""
    default = flat(BARE[kind])[field]
    if field in NEAR:
        return NEAR[field]
    if field == "dataset":
        return datasets_for(kind)[1]
    if choices(field):
        return next(choice for choice in choices(field) if choice != default)
    if isinstance(default, bool):
        return not default
    largest = bounds(field)[1]
    return min(default + 1, largest) if isinstance(default, int) else default / 2 or min(0.5, largest)


def submitted(at, workers):
    """The configs that a click on Train hands to the workers."""
    at.button(key="train").click().run()
    assert not at.exception and not at.error
    return [run.config for run in workers.submitted[-1]]


def test_every_setting_of_a_config_has_a_place_or_follows_from_the_data():
    for kind in KINDS:
        left_out = set(flat(BARE[kind])) - set(settings_of(kind)) - {*INIT, "gamma"}
        alone = {field for field in left_out if len(choices(field)) == 1}
        assert left_out - alone <= {
            "image_size",
            "channels",
            "num_classes",
            "label_noise",
            "pixel_noise",
            "normalise",
            "shift",
            "flip",
            "validation_size",
        }


@pytest.mark.parametrize("kind", KINDS)
def test_the_form_shows_every_default(open_page, kind):
    at = open_page(kind=kind)
    assert at.segmented_control(key="kind").value == kind and not at.warning
    for field in OF_KIND[kind]:
        if field != "epochs":
            assert at.get_by_key(field).value == flat(BARE[kind])[field], field
    shown = {box.key for box in (*at.number_input, *at.selectbox, *at.toggle)}
    assert not shown & (set(PART_OF) - set(settings_of(kind))), "a setting that this kind does not have"
    for letter, field in product("ab", INIT):
        if not choices(field):
            assert float(at.get_by_key(f"{letter}_{field}").value) == DEFAULTS[field], field


def test_the_untouched_form_submits_the_default_config_for_the_two_inits_under_study(open_page, workers):
    assert submitted(open_page(), workers) == [configure(scheme="linear-default"), configure(scheme="xavier")]


@pytest.mark.parametrize("kind", ["timesformer", "transformer"])
def test_a_bare_link_to_a_kind_submits_that_kind(open_page, workers, kind):
    small, large = submitted(open_page(kind=kind), workers)
    assert small == BARE[kind] and large == configure(BARE[kind], scheme="xavier")


@pytest.mark.parametrize("kind", KINDS)
def test_changed_settings_reach_both_arms(open_page, workers, kind):
    """All at once, for drawing the page takes as long as all else; steps last, for a length is in them or in epochs."""
    at = open_page(kind=kind)
    at.segmented_control(key="length").set_value("epochs").run()
    fields = [field for field in OF_KIND[kind] if field != "steps"]
    for field in fields:
        at.get_by_key(field).set_value(another(field, kind))
    small, large = submitted(at, workers)
    changed = difference(BARE[kind], small)
    for field in fields:
        assert changed.pop(field) == (flat(BARE[kind])[field], another(field, kind)), field
    assert set(changed) <= {"num_classes"}, "which follows the data set"
    assert set(difference(small, large)) == {"scheme"}
    at.segmented_control(key="length").set_value("steps").run()
    at.number_input(key="steps").set_value(another("steps", kind))
    assert all(config.optim.steps == another("steps", kind) for config in submitted(at, workers))


def test_every_widget_explains_itself_and_no_number_keeps_a_value_from_the_page(open_page):
    at = open_page()
    assert at.selectbox(key="patch_size").options == [str(size) for size in (1, 2, 4, 7, 14, 28)]
    for field in SETTINGS:
        box = widget(at, field)
        assert box.help == describe(field)
        if at.number_input and box in at.number_input:
            assert not box.proto.has_min and not box.proto.has_max, field


@pytest.mark.parametrize("letter", ["a", pytest.param("b", marks=pytest.mark.long)])
def test_the_arms_differ_only_in_their_init(open_page, workers, letter):
    at = open_page()
    for count, field in enumerate(INIT, start=1):
        words = {"scheme": "kaiming", "biases": "scheme", "residual": "zero", "norm_matched": True}
        value = words.get(field, "10")
        at.get_by_key(f"{letter}_{field}").set_value(value).run()
        configs = submitted(at, workers)
        assert str(getattr(configs["ab".index(letter)].init, field)).removesuffix(".0") == str(value)
        assert set(difference(*configs)) == set(INIT[:count])


def test_the_power_of_gamma_is_asked_for_where_it_is_read(open_page, workers):
    at = open_page(b_scheme="gamma")
    assert "a_gamma" not in {box.key for box in at.number_input}
    at.number_input(key="b_gamma").set_value(0.75).run()
    small, large = submitted(at, workers)
    assert (small.init.gamma, large.init.gamma) == (0.5, 0.75)


def test_each_arm_is_a_run_of_one_experiment(open_page, workers):
    at = open_page()
    submitted(at, workers)
    submitted(at, workers)
    first, second = workers.submitted
    assert [run.arm for run in first] == [0, 1]
    assert first[0].experiment == first[1].experiment != second[0].experiment == second[1].experiment
    assert [run.name for run in first] == ["linear-default, seed 0", "xavier, seed 0"]
    assert at.query_params["experiment"] == second[0].experiment


def test_one_arm_alone(open_page, workers):
    at = open_page()
    at.selectbox(key="arms").set_value(1).run()
    assert [box.key for box in at.selectbox if box.key.endswith("scheme")] == ["a_scheme"]
    assert at.button(key="train").label == "Train"
    at.select_slider(key="a_qk_scale").set_value("0.1").run()
    assert submitted(at, workers) == [configure(qk_scale=0.1)]


def test_a_run_may_be_measured_in_epochs(open_page, workers):
    at = open_page()
    widget(at, "epochs").set_value(2).run()
    assert all(config.optim.epochs == 2 for config in submitted(at, workers))
    at.segmented_control(key="length").set_value("steps").run()
    assert all(config.optim.epochs is None for config in submitted(at, workers))


def test_an_emptied_number_of_images_means_all_of_them(open_page, workers):
    at = open_page(train_size="64")
    at.number_input(key="train_size").set_value(None).run()
    assert submitted(at, workers)[0] == configure()


def test_clipping_can_be_switched_off_by_hand_and_by_a_link(open_page, workers):
    at = open_page()
    at.toggle(key="clip").set_value(False).run()
    assert submitted(at, workers)[0] == submitted(open_page(clip="false"), workers)[0] == configure(clip_norm=None)
    at.toggle(key="clip").set_value(True).run()
    assert submitted(at, workers)[0] == configure()


# Presets


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_fills_the_form_and_is_lit(open_page, workers, name):
    at = open_page(dim="16", heads="2")
    assert at.pills(key="preset").value is None, "no preset is like this"
    at.pills(key="preset").set_value(name).run()
    assert at.pills(key="preset").value == name
    small, _ = submitted(at, workers)
    assert set(difference(small, PRESETS[name].config)) <= {"scheme", "residual"}, "the start is what arms differ in"


CHANGES = (("depth", 9), ("dropout", 0.25), ("learning_rate", 0.0123))


@pytest.mark.parametrize(("name", "change"), list(zip(PRESETS, cycle(CHANGES), strict=False)))
def test_any_change_puts_the_light_out_and_undoing_it_lights_it_again(open_page, name, change):
    at, (field, other) = open_page(), change
    at.pills(key="preset").set_value(name).run()
    before = at.number_input(key=field).value
    assert at.number_input(key=field).set_value(other).run().pills(key="preset").value is None
    assert at.number_input(key=field).set_value(before).run().pills(key="preset").value == name


def test_a_link_that_is_no_preset_lights_none(open_page):
    assert open_page(dim="8").pills(key="preset").value is None
    assert open_page().pills(key="preset").value == "classroom"
    assert open_page(seed="3").pills(key="preset").value == "classroom", "a preset has any seed"


# Another kind of model


@pytest.mark.parametrize(("kind", "start"), [("timesformer", "moving-digits"), ("transformer", "copy")])
def test_another_kind_fills_in_its_preset_and_the_way_back_the_classroom(open_page, workers, kind, start):
    at = open_page()
    at.segmented_control(key="kind").set_value(kind).run()
    assert not at.exception and at.pills(key="preset").value == start
    small, large = submitted(at, workers)
    assert small == configure(PRESETS[start].config, scheme="linear-default")
    assert large == configure(PRESETS[start].config, scheme="xavier")
    assert at.query_params["kind"] == kind
    at.segmented_control(key="kind").set_value("vit").run()
    assert at.pills(key="preset").value == "classroom" and "kind" not in at.query_params
    assert submitted(at, workers) == [configure(), configure(scheme="xavier")]


def test_what_was_changed_by_hand_stays_with_another_kind(open_page, workers):
    at = open_page(a_variance_scale="0.4")
    for field, value in (("depth", 1), ("batch_size", 16), ("train_size", 64)):
        at.number_input(key=field).set_value(value).run()
    at.selectbox(key="patch_size").set_value(4).run()
    at.segmented_control(key="kind").set_value("transformer").run()
    kept = {"depth": 1, "batch_size": 16, "train_size": 64, "scheme": "linear-default", "variance_scale": 0.4}
    assert submitted(at, workers)[0] == configure(PRESETS["copy"].config, **kept)


# What cannot be


WRONG = {  # by field: a value that cannot be, and what is said of it
    "heads": (3, "3 does not divide width 64; choose 1, 2, 4, 8, 16 or 32"),
    "dim": (30, "4 does not divide width 30; choose 1, 2, 3, 5, 6, 10, 15 or 30"),
    "learning_rate": (0.0, "0.0 does not work; it should be greater than 0"),
    "mlp_ratio": (0.0, "0.0 does not work; it should be greater than 0"),
    "depth": (99, "99 does not work; it should be less than or equal to 24"),
    "steps": (-3, "-3 does not work; it should be greater than or equal to 1"),
    "dropout": (1.0, "1.0 does not work; it should be less than 1"),
}


def test_what_cannot_be_is_said_beside_the_field_and_cannot_be_trained(open_page):
    at = open_page()
    for field, (value, sentence) in WRONG.items():
        at.number_input(key=field).set_value(value).run()
        assert not at.exception
        assert [error.value for error in at.error] == [sentence]
        assert not any(button.key == "train" for button in at.button)
        assert at.info[0].value.endswith(f"**: {sentence}. Mend it in the form, and training can start.")
        at.number_input(key=field).set_value(DEFAULTS[field])
    at.run()
    assert not at.error and at.button(key="train")


@pytest.mark.parametrize("count", [0, 101, 10**6])
def test_a_number_of_seeds_that_cannot_be_is_refused_too(open_page, count):
    at = open_page()
    at.number_input(key="seeds").set_value(count).run()
    assert [error.value for error in at.error] == [f"{count} does not work; choose 1 to {MOST_SEEDS}"]
    assert not any(button.key == "train" for button in at.button)


@pytest.mark.parametrize(
    ("field", "value"), [("depth", "99"), ("steps", "-3"), ("learning_rate", "11"), ("seeds", "0")]
)
def test_a_number_of_a_link_that_cannot_be_is_shown_and_refused_like_a_typed_one(open_page, field, value):
    at = open_page(**{field: value})
    assert at.number_input(key=field).value == float(value) and not at.warning
    [error] = at.error
    assert error.value.startswith(value) and "does not work" in error.value
    assert not any(button.key == "train" for button in at.button)


def test_the_sentence_stands_next_to_its_field(open_page):
    at = open_page()
    at.number_input(key="heads").set_value(3).run()
    column = next(c for c in at.columns if any(n.key == "heads" for n in c.number_input) and len(c.number_input) == 2)
    assert [n.key for n in column.number_input] == ["depth", "heads"] and len(column.error) == 1


# Links


@pytest.mark.parametrize(
    ("query", "settings"),
    [
        ({"patch_size": "4", "depth": "2"}, {"patch_size": 4, "depth": 2}),
        (
            {"dim": "8", "heads": "1", "steps": "6", "train_size": "64"},
            {"dim": 8, "heads": 1, "steps": 6, "train_size": 64},
        ),
        ({"length": "epochs", "epochs": "3"}, {"epochs": 3}),
        ({"learning_rate": "0.01", "dropout": "0.25"}, {"learning_rate": 0.01, "dropout": 0.25}),
        ({"qkv_bias": "false", "double_softmax": "true"}, {"qkv_bias": False, "double_softmax": True}),
        ({"position": "learned", "schedule": "constant"}, {"position": "learned", "schedule": "constant"}),
    ],
)
def test_a_link_fills_the_form(open_page, workers, query, settings):
    assert submitted(open_page(**query), workers)[0] == configure(**settings)


def test_a_link_chooses_the_inits(open_page, workers):
    small, large = submitted(open_page(a_variance_scale="0.1", b_scheme="kaiming"), workers)
    assert small == configure(scheme="linear-default", variance_scale=0.1) and large == configure(scheme="kaiming")


@pytest.mark.parametrize("value", NONSENSE, ids=range(len(NONSENSE)))
def test_a_nonsense_link_opens_the_page_with_what_it_can_use(open_page, value):
    arms = [f"{letter}_{field}" for letter, field in product("ab", INIT)]
    fields = [*SETTINGS, *arms, "arms", "seeds", "fair", "length", "clip", "preset"]
    at = open_page(**dict.fromkeys(fields, value))
    assert not at.exception
    for field in SETTINGS:
        if field != "epochs":
            shown = at.get_by_key(field).value
            assert shown == DEFAULTS[field] or str(shown).lower() in (value, f"{value}.0"), field


def test_values_that_cannot_be_leave_the_defaults_and_are_told(open_page, workers):
    query = {"depth": "abc", "heads": "9e99", "dataset": "foo", "patch_size": "5", "dim": "1e30", "steps": "inf"}
    query |= {"learning_rate": "nan", "beta2": "high", "arms": "maybe", "pool": "<b>cls</b>", "seed": "1e999"}
    query |= {"clip_norm": "off", "a_scheme": "evil", "a_variance_scale": "-4", "b_qk_scale": "ten", "shift": "🦊"}
    at = open_page(**query)
    [told] = [warning.value for warning in at.warning]
    assert told.startswith(
        "Not everything in the link can be used: `depth=abc` does not work, so it is 4; `heads=9e99`"
    )
    assert told.endswith(f"; and {len(query) - 3} more.")
    assert submitted(at, workers) == [configure(), configure(scheme="xavier")]
    assert not at.run().warning, "said once"


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ({"depth": "four"}, "`depth=four` does not work, so it is 4."),
        ({"kind": "rnn"}, "`kind=rnn` does not work, so it is vit."),
        ({"kind": ""}, "`kind=` does not work, so it is vit."),
        ({"length": ""}, "`length=` does not work, so it is steps."),
        ({"train_size": "few"}, "`train_size=few` does not work, so it is left empty."),
        ({"vocabulary": "7"}, "`vocabulary=7` has no place in this form."),
        ({"kind": "transformer", "patch_size": "7"}, "`patch_size=7` has no place in this form."),
        ({"kind": "transformer", "dataset": "mnist"}, "`dataset=mnist` does not work, so it is copy."),
        ({"epochs": "3"}, "`epochs=3` has no place in this form."),
        ({"c_scheme": "vit"}, "`c_scheme=vit` has no place in this form."),
        ({"a_scheme": "`<b>"}, "`a_scheme='<b>` does not work, so it is linear-default."),
    ],
)
def test_what_a_link_asks_in_vain_is_said_in_one_line(open_page, query, sentence):
    at = open_page(**query)
    assert [warning.value for warning in at.warning] == [f"Not everything in the link can be used: {sentence}"]
    assert at.session_state["kind"] and at.session_state["length"], "one is lit"


@pytest.mark.parametrize(
    "query",
    [
        {"depth": "4", "qkv_bias": "true", "train_size": "", "a_qk_scale": "2.0"},
        {"experiment": "none", "theme": "dark"},
    ],
)
def test_a_link_that_is_followed_is_not_commented_on(open_page, query):
    assert not open_page(**query).warning


@pytest.mark.parametrize("scale", ["0.001", "10", "10.0", "1e2", "4", "0.0377", "999999"])
def test_a_variance_scale_in_a_link_is_taken_exactly(open_page, workers, scale):
    at = open_page(a_variance_scale=scale, b_qk_scale=scale)
    assert not at.exception and not at.warning
    small, large = submitted(at, workers)
    assert small.init.variance_scale == large.init.qk_scale == float(scale)
    numbers = [float(option) for option in at.select_slider(key="a_variance_scale").options]
    assert numbers == sorted({*map(float, SCALES), float(scale)})
    at.select_slider(key="a_variance_scale").set_value("1").run()
    assert submitted(at, workers)[0].init.variance_scale == 1
