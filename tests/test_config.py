"""A config is refused with field, value and remedy, and survives every trip: flat, nested, JSON."""

import ast
import json
import math
import re
from pathlib import Path

import pytest

from vit_lab.config import NEEDS, SCHEMES, STANDARD_RATES, RunConfig
from vit_lab.presets import PRESETS, preset
from vit_lab.refusals import divisors, one_of
from vit_lab.settings import (
    PART_OF,
    PARTS,
    ConfigError,
    bounds,
    choices,
    configure,
    describe,
    difference,
    flat,
    models_of,
    parse,
    settings_of,
)

ROOT = Path(__file__).resolve().parents[1]
DEFAULTS = flat(RunConfig())
STARTS = {
    "vit": RunConfig(),
    "timesformer": preset("moving-digits"),
    "transformer": preset("copy"),
}  # a config of every kind of model
NUMERIC = [field for field in PART_OF if bounds(field) != (-math.inf, math.inf)]
BOUNDS = [(field, bound) for field in NUMERIC for bound in bounds(field) if math.isfinite(bound)]
CHOICES = {field: choices(field) for field in PART_OF if choices(field)}
SAMPLES = {
    "defaults": {},
    "another model": {"patch_size": 4, "dim": 48, "depth": 3, "heads": 6, "pool": "cls", "position": "learned"},
    "no biases": {"qkv_bias": False, "out_bias": False, "final_norm": False, "dropout": 0.1},
    "harder data": {
        "train_size": 100,
        "label_noise": 0.2,
        "pixel_noise": 0.1,
        "shift": 2,
        "flip": True,
        "validation_size": 500,
    },
    "another init": {"scheme": "normal", "variance_scale": 1 / 3, "qk_scale": 4.0, "head_scale": 1e-3},
    "another optimiser": {"epochs": 3, "clip_norm": None, "learning_rate": 1e-3, "schedule": "constant"},
    "seeded": {"seed": 2**31 - 1},
    "clips of digits": {"kind": "timesformer", "dataset": "moving-digits", "num_frames": 4, "space_time": "joint"},
    "sequences": {"kind": "transformer", "dataset": "reverse", "vocabulary": 5, "sequence_length": 3},
} | {f"preset {name}": flat(entry.config) for name, entry in PRESETS.items()}
a_sample = pytest.mark.parametrize("settings", SAMPLES.values(), ids=SAMPLES.keys())


def start_of(field) -> RunConfig:
    """A config that has the setting: the default one, if it does."""
    return next(config for config in STARTS.values() if field in flat(config))


def refusal(base=None, /, **settings) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        configure(base, **settings)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.message}"
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"patch_size": 5}, "patch_size: 5 does not divide image_size 28; choose 1, 2, 4, 7, 14 or 28"),
        ({"heads": 3}, "heads: 3 does not divide dim 64; choose 1, 2, 4, 8, 16 or 32"),
        ({"heads": 4, "dim": 6}, "heads: 4 does not divide dim 6; choose 1, 2, 3 or 6"),
        ({"depth": 99}, "depth: 99 does not work; it should be less than or equal to 24"),
        ({"depth": 0}, "depth: 0 does not work; it should be greater than or equal to 1"),
        ({"depth": 2.5}, "depth: 2.5 does not work; it should be a valid integer"),
        ({"depth": "deep"}, "depth: 'deep' does not work; it should be a valid integer"),
        ({"learning_rate": math.nan}, "learning_rate: nan does not work; it should be a finite number"),
        ({"learning_rate": math.inf}, "learning_rate: inf does not work; it should be a finite number"),
        ({"clip_norm": math.inf}, "clip_norm: inf does not work; it should be a finite number"),
        ({"dropout": 1}, "dropout: 1 does not work; it should be less than 1"),
        ({"qkv_bias": "perhaps"}, "qkv_bias: 'perhaps' does not work; it should be a valid boolean"),
        ({"pool": "max"}, "pool: 'max' does not work; it should be 'cls' or 'mean'"),
        ({"image_size": 56}, "image_size: 56 does not fit the images of mnist-10k; choose 28"),
        ({"channels": 3}, "channels: 3 does not fit the images of mnist-10k; choose 1"),
        ({"num_classes": 4}, "num_classes: 4 does not fit the images of mnist-10k; choose 10"),
        ({"seed": -1}, "seed: -1 does not work; it should be greater than or equal to 0"),
        ({"seed": None}, "seed: None does not work; it should be a valid integer"),
        (
            {"dataset": "cifar"},
            "dataset: 'cifar' does not work; it should be 'mnist-10k', 'fashion-10k', 'mnist', 'fashion-mnist', "
            "'cifar-10', 'moving-direction', 'moving-digits', 'copy' or 'reverse'",
        ),
        (
            {"validation_size": 7_991},
            "validation_size: 7991 leaves fewer than 10 images of mnist-10k to train on; choose at most 7990",
        ),
        (
            {"validation_size": 3_000, "train_size": 5_001},
            "train_size: 5001 is more than the 5000 training images of mnist-10k; choose at most 5000",
        ),
    ],
)
def test_a_refusal_names_field_value_and_remedy(settings, sentence):
    assert str(refusal(**settings)).startswith(sentence)


def test_an_unknown_scheme_is_answered_with_all_schemes():
    message = str(refusal(scheme="gauss"))
    assert message.startswith("scheme: 'gauss' does not work")
    assert all(scheme in message for scheme in SCHEMES)


@pytest.mark.parametrize("field", CHOICES)
def test_an_unknown_choice_is_answered_with_all_choices(field):
    error = refusal(start_of(field), **{field: "nonsense"})
    assert error.field == field and "'nonsense'" in error.message
    assert all(str(choice) in error.message for choice in CHOICES[field])


@pytest.mark.parametrize(("field", "bound"), BOUNDS)
def test_a_value_beyond_a_bound_is_answered_with_the_bound(field, bound):
    beyond = bound - 1 if bound == bounds(field)[0] else bound + 1
    error = refusal(start_of(field), **{field: beyond})
    assert error.field == field and error.message.startswith(f"{beyond} does not work")
    assert bound in [float(number) for number in re.findall(r"\d+\.?\d*", error.message)[1:]], error.message


@pytest.mark.parametrize("field", PART_OF)
@pytest.mark.parametrize("value", [object(), [1], {"a": 1}, "x" * 10_000])
def test_a_wrong_type_is_refused_in_one_short_sentence(field, value):
    error = refusal(**{field: value})
    assert error.field == field
    assert len(str(error)) < 240


def test_an_unknown_setting_is_answered_with_those_there_are():
    error = refusal(patchsize=4)
    assert error.field == "patchsize"
    assert all(field in error.message for field in PART_OF)


@pytest.mark.parametrize(
    ("nested", "field"),
    [
        ({"model": {"patches": 4}}, "patches"),
        ({"optimizer": {}}, "optimizer"),
        ({"model": {"kind": "resnet"}}, "kind"),
        ({"model": 3}, "model"),
        ('{"seed": ', "config"),
        ("[]", "config"),
        ("null", "config"),
        ("", "config"),
        ('{"optim": {"learning_rate": NaN}}', "learning_rate"),
    ],
)
def test_broken_nested_data_is_refused_with_the_field(nested, field):
    with pytest.raises(ConfigError) as caught:
        parse(nested)
    assert caught.value.field == field


def test_a_config_cannot_be_changed():
    with pytest.raises(ValueError, match="frozen"):
        RunConfig().seed = 1


def test_flat_names_are_unique_across_the_parts():
    names = [name for models in PARTS.values() for name in {field for model in models for field in model.model_fields}]
    assert sorted([*names, "seed"]) == sorted({*names, "seed"}) == sorted(PART_OF)


def test_a_setting_that_several_models_have_means_the_same_in_each():
    for field in PART_OF:
        said = {
            (model.model_fields[field].description, str(model.model_fields[field].metadata))
            for model in models_of(field)
        }
        assert len(said) == 1, field


def test_runs_stored_before_there_were_other_models_still_open():
    stored = {
        "seed": 3,
        "data": {"dataset": "mnist", "train_size": None, "label_noise": 0.0, "pixel_noise": 0.0}
        | {"normalise": False, "shift": 0},
        "model": {"kind": "vit", "image_size": 28, "channels": 1, "num_classes": 10, "patch_size": 4, "dim": 8}
        | {"depth": 2, "heads": 2, "mlp_ratio": 4.0, "pool": "cls", "position": "sinusoidal", "dropout": 0.0}
        | {"attention_dropout": 0.1, "qkv_bias": False, "out_bias": False, "final_norm": False},
        "init": {"scheme": "xavier", "variance_scale": 1.0, "embed_scale": 1.0, "qk_scale": 1.0, "vo_scale": 1.0}
        | {"mlp_scale": 1.0, "head_scale": 1.0},
        "optim": {"steps": 300, "epochs": 5, "batch_size": 128, "learning_rate": 0.005, "weight_decay": 0.05}
        | {"beta2": 0.999, "schedule": "cosine", "schedule_unit": "epoch", "warmup_steps": 0, "clip_norm": None}
        | {"label_smoothing": 0.0, "double_softmax": True},
    }
    assert parse(json.dumps(stored)) == configure(preset("vit-notes"), seed=3)


@pytest.mark.parametrize("kind", STARTS)
def test_choices_tell_all_kinds_and_each_of_them_can_be_configured(kind):
    assert choices("kind") == tuple(STARTS)
    start = STARTS[kind]
    assert configure(kind=kind, dataset=start.data.dataset).model.kind == kind


def test_another_kind_keeps_what_both_kinds_have():
    vit = configure(dim=32, heads=8, patch_size=14, pool="cls")
    clips = configure(vit, kind="timesformer", dataset="moving-direction", num_frames=4)
    assert (clips.model.dim, clips.model.heads, clips.model.patch_size) == (32, 8, 14)
    assert clips.model.num_classes == 4 and configure(clips, dataset="moving-digits").model.num_classes == 10
    back = configure(clips, kind="vit", dataset="mnist-10k")
    assert difference(vit, back) == {"pool": ("cls", "mean")}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"dataset": "copy"},
            "dataset: copy is nothing that a vit reads; choose mnist-10k, fashion-10k, mnist, fashion-mnist or "
            "cifar-10",
        ),
        ({"kind": "transformer"}, "dataset: mnist-10k is nothing that a transformer reads; choose copy or reverse"),
        ({"kind": "resnet"}, "kind: 'resnet' does not work; it should be 'vit', 'timesformer' or 'transformer'"),
        ({"num_frames": 4}, "num_frames: a vit has no such setting"),
        (
            {"kind": "timesformer", "dataset": "moving-digits", "num_classes": 4},
            "num_classes: 4 does not fit the clips",
        ),
        ({"kind": "transformer", "dataset": "copy", "shift": 1}, "shift: 1 is for images, and copy has none; choose 0"),
        (
            {"kind": "timesformer", "dataset": "moving-digits", "flip": True},
            "flip: True is for images, and moving-digits has none; choose False",
        ),
        (
            {"kind": "timesformer", "dataset": "moving-digits", "validation_size": 0},
            "validation_size: 0 is for images, and moving-digits has none; leave it out",
        ),
        ({"kind": "transformer", "dataset": "copy", "heads": 3}, "heads: 3 does not divide dim 64; choose 1, 2, 4"),
    ],
)
def test_a_model_and_data_that_do_not_fit_are_told_apart_in_words(settings, sentence):
    assert str(refusal(**settings)).startswith(sentence)


@pytest.mark.parametrize("field", PART_OF)
def test_every_setting_says_what_it_is(field):
    if field != "kind":
        assert describe(field).endswith(".")


@a_sample
def test_flat_is_the_inverse_of_configure(settings):
    config = configure(**settings)
    if config.model.kind == "vit":
        assert flat(config) == DEFAULTS | settings
    assert settings.items() <= flat(config).items()
    assert configure(**flat(config)) == config


@a_sample
def test_nested_data_and_json_give_the_same_config_back(settings):
    config = configure(**settings)
    assert parse(config.model_dump()) == config
    assert parse(config.model_dump_json()) == config
    assert parse(json.dumps(config.model_dump())) == config


@a_sample
def test_configure_changes_nothing_but_what_is_given(settings):
    base = configure(**settings)
    assert difference(base, configure(base, seed=5)) == {"seed": (base.seed, 5)}


def test_what_is_left_out_has_its_default():
    assert parse({}) == parse("{}") == RunConfig() == configure()
    assert parse({"model": {"depth": 2}}) == configure(depth=2)


def test_difference_lists_the_settings_that_are_not_alike():
    a, b, c = configure(scheme="xavier"), configure(scheme="vit"), configure(scheme="vit", seed=3)
    assert difference(a, b, c) == {"scheme": ("xavier", "vit", "vit"), "seed": (0, 0, 3)}
    assert difference(a, a) == difference(a) == {}


def test_steps_replace_the_epochs_of_a_preset():
    assert preset("vit-notes").optim.epochs is not None
    config = configure(preset("vit-notes"), steps=20)
    assert config.optim.epochs is None and config.optim.total_steps(60_000) == 20


def test_another_optimiser_brings_its_learning_rate_unless_one_is_given():
    def rate(*base, **settings):
        return configure(*base, **settings).optim.learning_rate

    notes = preset("vit-notes")
    assert (rate(), rate(optimiser="sgd"), rate(optimiser="muon")) == tuple(STANDARD_RATES.values())
    assert rate(notes, optimiser="sgd") == STANDARD_RATES["sgd"]
    assert rate(notes, optimiser="adamw") == rate(notes) == 0.005, "it has this one already"
    assert rate(optimiser="sgd", learning_rate=0.004) == rate(learning_rate=0.004, optimiser="sgd") == 0.004
    slow = configure(optimiser="sgd", learning_rate=0.02)
    assert rate(slow, depth=2) == rate(slow, optimiser="sgd") == rate(parse(slow.model_dump())) == 0.02
    assert rate(slow, optimiser="adamw") == STANDARD_RATES["adamw"]
    assert parse({"optim": {"optimiser": "sgd"}}).optim.learning_rate == 0.004, "what is stored says its own"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_scheme_can_be_had_with_what_it_needs(scheme):
    config = configure(preset("vit-notes"), scheme=scheme, depth=1)
    assert config == configure(preset("vit-notes"), scheme=scheme, depth=1, **NEEDS.get(scheme, {}))
    for other in NEEDS:
        with pytest.raises(ConfigError, match=f"scheme: {other} needs position learned"):
            configure(preset("copy"), scheme=other)


def test_epochs_given_with_steps_or_alone_count():
    assert configure(epochs=2, batch_size=16).optim.total_steps(50) == 2 * 4
    assert configure(epochs=2, steps=3, batch_size=16).optim.total_steps(50) == 2 * 4


@pytest.mark.parametrize(("images", "batch_size", "batches"), [(50, 16, 4), (48, 16, 3), (10, 16, 1), (1, 1, 1)])
def test_an_epoch_has_a_batch_for_every_image(images, batch_size, batches):
    assert configure(batch_size=batch_size).optim.steps_per_epoch(images) == batches


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("depth", (1, 24)),
        ("train_size", (10, 60_000)),  # may be empty
        ("validation_size", (0, 59_990)),  # may be empty
        ("dropout", (0, 1)),  # below 1
        ("learning_rate", (0, 10)),  # above 0
        ("clip_norm", (0, math.inf)),
        ("seed", (0, 2**31 - 1)),
        ("pool", (-math.inf, math.inf)),
    ],
)
def test_bounds_are_those_of_the_field(field, expected):
    assert bounds(field) == expected


@pytest.mark.parametrize(
    ("field", "words"), [("pool", ("cls", "mean")), ("scheme", SCHEMES), ("depth", ()), ("seed", ())]
)
def test_choices_are_the_words_a_setting_may_be(field, words):
    assert choices(field) == words


@pytest.mark.parametrize("field", NUMERIC)
def test_every_default_lies_within_its_bounds(field):
    low, high = bounds(field)
    default = models_of(field)[0].model_fields[field].default
    assert default is None or low <= default <= high


def test_the_scale_of_a_group_is_the_product_of_both_factors():
    init = configure(variance_scale=3.0, qk_scale=0.5).init
    assert (init.scale("qk"), init.scale("mlp")) == (1.5, 3.0)


@pytest.mark.parametrize(("patch_size", "pool", "tokens"), [(7, "mean", 16), (7, "cls", 17), (28, "mean", 1)])
def test_tokens_are_the_patches_and_the_class_token(patch_size, pool, tokens):
    assert configure(patch_size=patch_size, pool=pool).model.num_tokens == tokens


def test_an_unknown_preset_is_answered_with_those_there_are():
    with pytest.raises(ConfigError) as caught:
        preset("clasroom")
    assert caught.value.field == "preset"
    assert "'clasroom'" in caught.value.message and all(name in caught.value.message for name in PRESETS)


@pytest.mark.parametrize(("whole", "found"), [(1, [1]), (7, [1, 7]), (28, [1, 2, 4, 7, 14, 28])])
def test_what_divides_a_number(whole, found):
    assert divisors(whole) == found


@pytest.mark.parametrize(("words", "text"), [([1], "1"), ([1, 2], "1 or 2"), ([1, 2, 4], "1, 2 or 4")])
def test_choices_read_as_a_phrase(words, text):
    assert one_of(words) == text


def second_defaults(source: str) -> list[str]:
    """Parameters and class fields that are called like a setting and have a default of their own.

    `kind` is left out: an experiment has one too.
    """
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            names = [*node.args.posonlyargs, *node.args.args]
            given = [*zip(names[len(names) - len(node.args.defaults) :], node.args.defaults, strict=True)]
            given += [*zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
            pairs = [(name.arg, default) for name, default in given]
        elif isinstance(node, ast.ClassDef):
            fields = [
                item for item in node.body if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
            ]
            pairs = [(item.target.id, item.value) for item in fields]
        else:
            continue
        found += [
            name
            for name, default in pairs
            if name in PART_OF and name != "kind" and isinstance(default, ast.Constant) and default.value is not None
        ]
    return found


def test_a_second_default_would_be_found():
    source = "def f(a, depth=2, *, pool='cls', seed=None): ...\nclass A:\n  dim: int = 3\ng = lambda heads=1: 0"
    assert sorted(second_defaults(source)) == ["depth", "dim", "heads", "pool"]


def test_no_other_file_gives_a_setting_a_default():
    files = [*(ROOT / "vit_lab").rglob("*.py"), *(ROOT / "pages").glob("*.py"), *ROOT.glob("*.py")]
    found = {str(file.relative_to(ROOT)): second_defaults(file.read_text(encoding="utf-8")) for file in files}
    found.pop("vit_lab/config.py")
    assert {file: names for file, names in found.items() if names} == {}


def test_settings_that_sequences_have_do_not_speak_of_images():
    told = {field: describe(field) for field in settings_of("transformer") if field != "dataset"}
    assert {"train_size", "epochs", "batch_size"} < set(told)
    assert not [field for field, words in told.items() if "image" in words.lower()]
    with pytest.raises(ConfigError, match=r"is more than the \d+ training sequences of copy"):
        configure(kind="transformer", dataset="copy", train_size=50_000)
