"""The lesson on self-attention: every control, and every number that it draws is the model's own."""

import numpy as np
import pytest
import torch
from controls import chart_rows, matrix_of, turned
from lessons import damage, finished, keep_steps, words_of
from places import FOLDER

from vit_lab import paths
from vit_lab.data.bundled import load_bundled_digits
from vit_lab.init.build import build_model
from vit_lab.init.schemes import SCHEMES
from vit_lab.models.attention import attention_weights
from vit_lab.probes.trace import trace
from vit_lab.runs.trained import trained_model
from vit_lab.settings import configure
from vit_lab.ui.learn.attention.scaling import RAW, SCALED, VARIANCES, softmax_rows, spread_rows
from vit_lab.ui.learn.attention.steps import AT_INIT, HEADS, TRAINED, patch_sizes
from vit_lab.ui.learn.image import BUNDLED, DRAWN
from vit_lab.ui.train.widgets import SCALES

PAGE = f"{FOLDER}/learn_attention.py"
NUMBERS = [str(place + 1) for place in range(16)]
CONTROLS = {
    "attention_way": [DRAWN, BUNDLED],
    "attention_label": range(10),
    "attention_which": [1, 2],
    "attention_model": [TRAINED, AT_INIT],
    "attention_scheme": list(SCHEMES),
    "attention_heads": HEADS,
    "attention_scale": SCALES,
    "attention_patch-28": patch_sizes("mnist-10k"),
    "block-4": range(1, 5),
    "head-4": range(1, 5),
    "query-16": NUMBERS,
    "qk_variance": VARIANCES,
}
STEPS = ["1 ·", "2 ·", "3 ·", "4 ·", "5 ·", "6 ·", "7 ·"]


def shown(at, **controls):
    """Turn some controls."""
    for key, value in controls.items():
        at.session_state[key.replace("_of_", "-")] = value
    return at.run()


def test_every_control(open_page):
    at = open_page(PAGE)
    for key, value in turned(at, CONTROLS):
        headings = [heading.value for heading in at.subheader]
        assert [heading[:3] for heading in headings] == STEPS, (key, value)
        size = value if key == "attention_patch-28" else 7
        heads = value if key == "attention_heads" else 4
        patches = (28 // size) ** 2
        assert f"`(1, {heads}, {patches}, {64 // heads})`" in words_of(at), (key, value)
        weights = matrix_of(chart_rows(at, "Attention weights"))
        np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-4)
        raw, scaled = (float(metric.value.replace(",", "")) for metric in at.metric[:2])
        assert raw == pytest.approx(scaled * 64 / heads, rel=0.05)  # two digits are told


def model_and_image(at):
    """The classroom model as the lesson's defaults build it, and its digit."""
    images, labels = load_bundled_digits()
    image = torch.from_numpy(images[np.flatnonzero(labels == 5)[0]])[None, None] / 255
    return build_model(configure()), (image - 0.1307) / 0.3081


@torch.no_grad()
def test_the_numbers_are_those_of_attention(open_page):
    at = open_page(PAGE)
    shown(at, block_of_4=2, head_of_4=3)
    model, image = model_and_image(at)
    block = model.blocks[1]
    x = block.norm_attention(trace(model, image).tokens[1])
    q, k, v = block.attention.project(x)
    weights = attention_weights(q, k)
    drawn = {
        "Queries": q[0, 2],
        "Keys": k[0, 2],
        "Values": v[0, 2],
        "Scores of all": (q @ k.transpose(-2, -1))[0, 2] / 4,
        "Attention weights": weights[0, 2],
        "After the output": block.attention(x)[0],
    }
    for words, expected in drawn.items():
        charts = [one for one in at.get("vega_lite_chart") if one.proto.alt.startswith(words)]
        if words != "Attention weights":
            assert len(charts) == 1
        np.testing.assert_allclose(matrix_of(chart_rows(at, words)), expected, atol=1e-5)
    query = NUMBERS.index(at.session_state["query-16"])
    told = matrix_of(chart_rows(at, "Weighted values"))
    np.testing.assert_allclose(told[:-1].sum(axis=0), told[-1], atol=1e-5)
    np.testing.assert_allclose(told[-1], (weights @ v)[0, 2, query], atol=1e-5)
    masked = matrix_of(chart_rows(at, "Weights with it"))
    assert not np.triu(masked, 1).any() and masked[0, 0] == 1
    np.testing.assert_array_equal(matrix_of(chart_rows(at, "The mask")), np.tri(16))


def test_the_maps_show_the_row_of_the_query(open_page):
    at = shown(open_page(PAGE), query_of_16="6", attention_patch_of_28=7)
    for over, whole in (
        ("Scores of the chosen", "Scores of all"),
        ("Attention map of the chosen", "Attention weights"),
    ):
        rows = chart_rows(at, over)
        patches = rows[rows["kind"] == "patch"].reset_index()
        np.testing.assert_allclose(patches["value"], matrix_of(chart_rows(at, whole))[5], atol=1e-6)
        assert patches["chosen"].tolist().index(True) == 5
        assert patches.loc[5, ["x", "x2", "y", "y2"]].tolist() == [7, 14, 7, 14]
        assert patches["place"][5] == "row 2, column 2"
        assert rows[rows["kind"] == "image"]["url"].iloc[0].startswith("data:image/png;base64,")


def test_more_variance_saturates_the_softmax_and_the_root_delays_it(open_page):
    at = open_page(PAGE)
    entropies = []
    for variance in VARIANCES[::3]:
        shown(at, qk_variance=variance)
        entropies.append(tuple(float(metric.value) for metric in at.metric[2:]))
    raw, scaled = zip(*entropies, strict=True)
    assert list(raw) == sorted(raw, reverse=True) and list(scaled) == sorted(scaled, reverse=True)
    assert all(one <= other for one, other in entropies)
    assert scaled[0] == pytest.approx(1, abs=0.001) and raw[-1] < 0.1


@pytest.mark.parametrize(
    "settings", [{}, {"pool": "cls"}, {"patch_size": 14, "heads": 1}, {"patch_size": 4, "depth": 1}]
)
def test_a_trained_model_is_looked_into(open_page, settings):
    finished(patch_size=2)
    run = finished(**{"patch_size": 7} | settings)
    at = shown(open_page(PAGE), attention_model=TRAINED)
    assert not at.exception and not at.error
    words, model = words_of(at), run.config.model
    assert f"The numbers are those of run {run.number} (`linear-default`" in words
    assert ("The class token, which has no place" in words) == (model.pool == "cls")
    for query in (["class"] if model.pool == "cls" else []) + ["1", str(model.num_patches)]:
        at.session_state[f"query-{model.num_tokens}"] = query
        at.run()
        assert not at.exception
        assert ("The class token asks; it has no place." in words_of(at)) == (query == "class")
    _, image = model_and_image(at)
    trained = trained_model(run).requires_grad_(False)
    block = trained.blocks[0]
    q, k, _ = block.attention.project(block.norm_attention(trained.tokens(image)))
    np.testing.assert_allclose(matrix_of(chart_rows(at, "Attention weights")), attention_weights(q, k)[0, 0], atol=1e-5)


def test_without_a_run_the_page_says_so(open_page):
    finished(patch_size=2)
    at = shown(open_page(PAGE), attention_model=TRAINED)
    assert not at.exception and "No ViT with patches of 4, 7 or 14 pixels" in at.info[0].value
    assert "Train one" in [link.label for link in at.page_link]


def test_a_run_whose_checkpoint_is_damaged_is_passed_over_and_said(open_page):
    older, newer = finished(patch_size=7), finished(patch_size=7)
    damage(newer)
    at = shown(open_page(PAGE), attention_model=TRAINED)
    assert not at.exception and f"Run {newer.number} is passed over" in at.warning[0].value
    assert f"The numbers are those of run {older.number} (" in words_of(at) and len(at.subheader) == len(STEPS)


def test_any_run_may_be_chosen_at_any_step_that_it_kept(open_page):
    older, newer = finished(patch_size=7, scheme="xavier"), finished(patch_size=7)
    keep_steps(older, 1)
    at = shown(open_page(PAGE), attention_model=TRAINED)
    box = at.selectbox(key="attention_run")
    assert box.options == [f"#{run.number}: {run.name}, mnist-10k, {run.test_accuracy:.1%}" for run in (newer, older)]
    box.set_value(older.id).run()
    step = at.select_slider(key=f"attention_step-{older.id}")
    assert step.options == ["0", "1", "3"] and step.value == 3
    ended = matrix_of(chart_rows(at, "Queries"))
    _, image = model_and_image(at)
    for kept, model in ((0, build_model(older.config)), (1, trained_model(older, 1))):
        at.select_slider(key=f"attention_step-{older.id}").set_value(kept).run()
        assert not at.exception and not at.warning
        words = f"The numbers are those of step {kept} of run {older.number} (`xavier`, mnist-10k, seed 0)"
        assert words in words_of(at)
        block = model.requires_grad_(False).blocks[0]
        q = block.attention.project(block.norm_attention(model.tokens(image)))[0][0, 0]
        found = matrix_of(chart_rows(at, "Queries"))
        np.testing.assert_allclose(found, q, atol=1e-5)
        assert not np.allclose(found, ended, atol=1e-4)


def test_a_chosen_run_or_step_that_is_damaged_is_passed_over_and_said(open_page):
    older, newer = finished(patch_size=7), finished(patch_size=7)
    damage(older)
    keep_steps(newer, 1)
    paths.snapshot(newer.id, 1).write_bytes(b"not a snapshot")
    at = shown(open_page(PAGE), attention_model=TRAINED)
    assert not at.warning
    at.select_slider(key=f"attention_step-{newer.id}").set_value(1).run()
    assert "Step 1 of run 2 cannot be read back" in at.warning[0].value
    at.selectbox(key="attention_run").set_value(older.id).run()
    assert not at.exception and f"Run {older.number} is passed over" in at.warning[0].value
    assert f"The numbers are those of step 1 of run {newer.number}" not in words_of(at)
    assert f"The numbers are those of run {newer.number} (" in words_of(at)


def test_a_blank_image_is_borne(open_page):
    at = shown(open_page(PAGE), attention_way=DRAWN)
    assert not at.exception and "Draw a digit" in words_of(at)


def test_histograms_share_their_bins_and_hold_every_score():
    rows = spread_rows(np.array([[-4.0, 4.0], [0.0, 2.0]]), np.array([[-1.0, 1.0], [0.0, 0.5]]))
    assert rows.groupby("kind")["count"].sum().to_dict() == {RAW: 4, SCALED: 4}
    raw, scaled = (rows[rows["kind"] == kind][["low", "high"]].to_numpy() for kind in (RAW, SCALED))
    np.testing.assert_array_equal(raw, scaled)
    assert (raw[0, 0], raw[-1, 1]) == (-4, 4)


def test_softmax_rows_name_the_keys():
    rows = softmax_rows(np.array([0.9, 0.1]), np.array([0.6, 0.4]), ["class", "1"])
    names = {"kind": [RAW, RAW, SCALED, SCALED], "i": [0, 1] * 2, "key": ["class", "1"] * 2}
    assert rows.to_dict("list") == names | {"weight": [0.9, 0.1, 0.6, 0.4]}
