"""The lesson on patches: every control, the shapes it tells, the numbers it draws, and drawings by hand."""

import base64

import numpy as np
import pytest
import torch
from controls import chart_rows, matrix_of, turned
from lessons import damage, finished, words_of
from places import FOLDER
from streamlit.testing.v1 import AppTest

from vit_lab.data.bundled import load_bundled_digits
from vit_lab.init.build import build_model
from vit_lab.models.vit import patchify
from vit_lab.refusals import divisors
from vit_lab.settings import configure
from vit_lab.spelling import counted
from vit_lab.training import glances
from vit_lab.ui.figures.picture import PIXELS, apart, sheet
from vit_lab.ui.learn.image import BUNDLED, DRAWN
from vit_lab.ui.learn.pad import decoded
from vit_lab.ui.learn.patches.figures import as_levels, costs

PAGE = f"{FOLDER}/learn_patches.py"
PATCH_SIZES = divisors(28)
CONTROLS = {
    "patch-28": PATCH_SIZES,
    "patches_way": [DRAWN, BUNDLED],
    "patches_label": range(10),
    "patches_which": [1, 2, 900],
    "principal": [True, False],
}


def sent(image: np.ndarray) -> str:
    """An image as the pad sends it."""
    return base64.b64encode(image.astype(np.uint8).tobytes()).decode()


def a_stroke() -> np.ndarray:
    """A vertical stroke."""
    ink = np.zeros((28, 28), np.uint8)
    ink[4:24, 13:16] = 255
    return ink


def draw(at: AppTest, pixels: str) -> AppTest:
    """Turn to the pad and let its browser send something."""
    at.session_state["patches_way"] = DRAWN
    at.session_state["patches_pad"] = {"pixels": pixels}
    return at.run()


def test_every_control_and_the_shapes_that_it_leads_to(open_page):
    at = open_page(PAGE)
    seen = set()
    for key, value in turned(at, CONTROLS):
        size = value if key == "patch-28" else 7
        patches, numbers = (28 // size) ** 2, size**2
        words = words_of(at)
        for shape in ("`(1, 1, 28, 28)` becomes", f"`(1, {patches}, {numbers})`", f"`(1, {patches}, 64)`"):
            assert shape in words, (key, value)
        assert f"**{counted(patches, 'token')}**" in words and f"**{counted(patches**2, 'score')}**" in words
        seen.add(key)
    assert seen == set(CONTROLS)


def test_rows_and_tokens_are_those_of_the_model(open_page):
    at = open_page(PAGE)
    image, label = (part[0] for part in load_bundled_digits())
    at.session_state["patches_label"] = int(label)
    at.session_state["patch-28"] = 14
    at.run()
    config = configure(patch_size=14)
    grey = torch.from_numpy(image)[None, None] / 255
    model = build_model(config)
    patches = patchify((grey - 0.1307) / 0.3081, 14)
    rows = matrix_of(chart_rows(at, "Pixels of each patch"))
    np.testing.assert_allclose(rows, patchify(grey, 14)[0], atol=1e-6)
    with torch.no_grad():
        np.testing.assert_allclose(matrix_of(chart_rows(at, "Tokens before")), model.embed(patches)[0], atol=1e-5)
        tokens = model.tokens((grey - 0.1307) / 0.3081)[0]
        np.testing.assert_allclose(matrix_of(chart_rows(at, "Tokens with")), tokens, atol=1e-5)


def test_without_a_run_the_page_says_so_and_leads_to_training(open_page):
    at = open_page(PAGE, patch_size="7")
    assert "No run with patch size 7" in at.info[0].value
    links = ["Train with patch size 7", "Train with patches of 7 pixels", "Next: 2 · Positions"]
    assert [link.label for link in at.page_link] == links


@pytest.mark.parametrize("settings", [{}, {"pool": "cls"}, {"position": "learned"}, {"normalise": False, "dim": 80}])
def test_the_latest_run_with_that_patch_size_is_looked_into(open_page, settings):
    finished(patch_size=7)
    run = finished(patch_size=14, **settings)
    at = open_page(PAGE)
    at.session_state["patch-28"] = 14
    at.run()
    words, model = words_of(at), run.config.model
    assert not at.exception and not at.info and f"run {run.number} (`linear-default`" in words
    assert ("class token comes first" in words) == (model.pool == "cls")
    assert f"`(1, 4, {model.dim})`" in words
    assert ("The first 64 of 80 columns are shown." in words) == (model.dim == 80)
    assert len(chart_rows(at, "Tokens with")) == model.num_tokens * min(model.dim, 64)
    for principal in (True, False):
        at.toggle(key="principal").set_value(principal).run()
        assert not at.exception
        assert ("A tile is a direction" in words_of(at)) == principal


def test_one_run_with_positions_is_shown_all_over_the_page(open_page):
    placed, _ = finished(patch_size=7), finished(patch_size=7, position="none")
    at = open_page(PAGE)
    words = words_of(at)
    assert f"The numbers are those of run {placed.number} (" in words and f"Both are of run {placed.number} (" in words


def test_a_run_whose_checkpoint_is_damaged_is_passed_over_and_said(open_page):
    older, newer = finished(patch_size=7), finished(patch_size=7)
    damage(newer)
    at = open_page(PAGE)
    assert not at.exception and not at.error and f"Run {newer.number} is passed over" in at.warning[0].value
    assert f"those of run {older.number} (" in words_of(at), "the next one is shown"
    damage(older)
    glances._models.clear()
    at = open_page(PAGE)
    assert not at.exception and not at.error and len(at.warning) == 2
    assert "those of the classroom model at its init" in words_of(at) and len(at.get("vega_lite_chart")) == 3


def test_a_drawing_goes_through_the_model(open_page):
    at = draw(open_page(PAGE), sent(a_stroke()))
    assert not at.exception and "your drawing comes apart" in words_of(at)
    rows = matrix_of(chart_rows(at, "Pixels of each patch"))
    np.testing.assert_allclose(rows, patchify(torch.from_numpy(a_stroke())[None, None] / 255, 7)[0], atol=1e-6)
    at.session_state["patch-28"] = 4
    at.run()
    assert "your drawing" in words_of(at) and matrix_of(chart_rows(at, "Pixels of each patch")).sum() == 60


@pytest.mark.parametrize(
    "pixels", ["", "not base64 at all!", sent(np.zeros((28, 28))), sent(np.ones((5, 5))), "é", None, 7]
)
def test_what_no_pad_would_send_is_a_blank_image(open_page, pixels):
    assert decoded(pixels) is None
    at = draw(open_page(PAGE), pixels)
    assert not at.exception and "Draw a digit" in words_of(at)
    assert not matrix_of(chart_rows(at, "Pixels of each patch")).any()


def test_what_a_pad_sends_is_the_drawing():
    ink = (np.arange(28 * 28) % 251).reshape(28, 28)
    np.testing.assert_array_equal(decoded(sent(ink)), ink)


@pytest.mark.parametrize("size", PATCH_SIZES)
def test_the_pieces_of_a_picture_put_together_are_the_image(size):
    image = load_bundled_digits()[0][3]
    picture = apart(image, size)
    solid = picture[picture[:, :, 3].any(axis=1)][:, picture[:, :, 3].any(axis=0)]
    assert solid.shape == (PIXELS, PIXELS, 4)
    np.testing.assert_array_equal(solid[4::9, 4::9, 0], image)


def test_a_sheet_lays_tiles_in_rows():
    tiles = np.arange(1, 4, dtype=np.uint8)[:, None, None]
    picture = sheet(tiles, columns=2, gap=1)
    assert picture.shape == (3, 3, 4)
    assert picture[:, :, 0].tolist() == [[1, 0, 2], [0, 0, 0], [3, 0, 0]]
    assert picture[:, :, 3].tolist() == [[255, 0, 255], [0, 0, 0], [255, 0, 0]]


def test_weights_as_levels():
    filters = np.array([[[0.0, 2.0], [-2.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]]])
    assert as_levels(filters).tolist() == [[[128, 255], [0, 191]], [[128, 128], [128, 128]]]


def test_one_of_a_thing_has_no_plural():
    assert [counted(1, "patch"), counted(2, "patch"), counted(2401, "score")] == [
        "1 patch",
        "2 patches",
        "2,401 scores",
    ]


def test_the_table_of_costs():
    table = costs("mnist-10k")
    assert list(table.index) == [str(size) for size in PATCH_SIZES]
    assert table.loc["7"].tolist() == ["16", "49", "256"]
    assert table.loc["1"].tolist() == ["784", "1", "614,656"]
    assert all(28 % size == 0 for size in PATCH_SIZES) and max(PATCH_SIZES) == 28
