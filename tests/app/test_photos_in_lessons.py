"""Where CIFAR-10 is on the machine, lessons show its photos in colour, in models that read photos."""

import base64
import io
from dataclasses import replace

import cifar
import numpy as np
import pytest
import torch
from controls import chart_rows, matrix_of
from lessons import finished, words_of
from PIL import Image
from places import FOLDER

from vit_lab.datasets import DATASETS
from vit_lab.init.build import build_model
from vit_lab.models.attention import attention_weights
from vit_lab.models.vit import patchify
from vit_lab.probes.filters import patch_filters
from vit_lab.runs.trained import trained_model
from vit_lab.settings import configure
from vit_lab.ui.figures.picture import apart
from vit_lab.ui.learn.attention.steps import TRAINED
from vit_lab.ui.learn.image import BUNDLED, DRAWN
from vit_lab.ui.learn.patches.figures import as_levels, costs

PATCHES, ATTENTION = f"{FOLDER}/learn_patches.py", f"{FOLDER}/learn_attention.py"


@pytest.fixture
def photos(home, monkeypatch):
    """A small made-up CIFAR-10: its images (n, 3, 32, 32) and labels, as far as lessons show them."""
    monkeypatch.setitem(DATASETS, "cifar-10", replace(DATASETS["cifar-10"], sizes=cifar.SIZES))
    monkeypatch.setattr("vit_lab.data.images._loaded", {})
    written = cifar.write(home / "data")
    return [np.concatenate([written[file][part] for file in cifar.TRAIN_FILES]) for part in (0, 1)]


def turn(at, **controls):
    for key, value in controls.items():
        at.session_state[key.replace("_of_", "-")] = value
    return at.run()


def pictures(at):
    """All pictures of a page by what they are said to show, (height, width, 4)."""
    found = {}
    for image in at.get("image"):
        _, _, body = image.proto.imgs[0].url.partition(",")
        found[image.proto.imgs[0].alt] = np.asarray(Image.open(io.BytesIO(base64.b64decode(body))))
    return found


def a_run(**settings):
    small = {"dim": 8, "depth": 2, "heads": 2, "batch_size": 16, "steps": 3, "warmup_steps": 1}
    return finished(configure(dataset="cifar-10", **small | settings))


@pytest.mark.parametrize(("page", "key"), [(PATCHES, "patches"), (ATTENTION, "attention")])
def test_without_the_set_nothing_is_offered(open_page, page, key):
    assert open_page(page).segmented_control(key=f"{key}_way").options == [BUNDLED, DRAWN]


def test_a_photo_comes_apart_in_colour(open_page, photos):
    images, labels = photos
    at = turn(open_page(PATCHES), patches_way="cifar-10")
    at = turn(at, patches_class=3, patches_photo=2, patch_of_32=16)
    assert not at.exception and not at.error
    image = images[np.flatnonzero(labels == 3)[1]].transpose(1, 2, 0)
    assert "32 / 16 = 2, so cat 2 of cifar-10 comes apart into 2 × 2 = **4 patches**" in words_of(at)
    assert "`(1, 3, 32, 32)` becomes `(B, N, P·P·C)` = `(1, 4, 768)`" in words_of(at)
    shown = pictures(at)
    assert np.array_equal(shown["cat 2 of cifar-10 in patches of 16 pixels"], apart(image, 16))
    strip = shown["Pixels of each patch as a row"]
    assert strip.shape == (4 * 12 + 3 * 3, 4 * 256, 4)
    rows = patchify(torch.from_numpy(image.transpose(2, 0, 1).copy())[None], 16)[0].reshape(4, 256, 3)
    assert np.array_equal(strip[::15, ::4, :3], rows.numpy())


def test_filters_are_in_colour_before_and_after_training(open_page, photos):
    finished(patch_size=7)
    run = a_run()
    at = turn(open_page(PATCHES), patches_way="cifar-10")
    assert not at.exception and f"run {run.number} (`linear-default`, cifar-10" in words_of(at)
    for words, model in (
        ("Patch filters at the init", build_model(run.config)),
        ("Patch filters after training", trained_model(run)),
    ):
        found, sheet = as_levels(patch_filters(model).permute(0, 2, 3, 1).numpy()), pictures(at)[words]
        zoom = 420 // (8 * 8)
        assert np.array_equal(sheet[: 8 * zoom : zoom, : 8 * zoom : zoom, :3], found[0])
        assert len(np.unique(found[0].reshape(-1, 3), axis=0)) == 64
    at = turn(at, principal=True)
    assert not at.exception and "A tile is a direction" in words_of(at)


@pytest.mark.parametrize("size", [1, 4, 32])
def test_every_size_of_patch_is_borne(open_page, photos, size):
    at = turn(turn(open_page(PATCHES), patches_way="cifar-10"), patch_of_32=size)
    assert not at.exception and not at.error
    at = turn(at, patches_way=BUNDLED)
    assert not at.exception and "28 / 7 = 4, so bundled digit 5" in words_of(at)


def test_attention_is_that_of_a_model_of_photos(open_page, photos):
    finished(patch_size=7)
    images, labels = photos
    at = turn(open_page(ATTENTION), attention_way="cifar-10")
    assert not at.exception and at.segmented_control(key="attention_patch-32").options == ["4 px", "8 px", "16 px"]
    at = turn(at, attention_model=TRAINED)
    assert "No ViT with patches of 4, 8 or 16 pixels has finished here yet" in at.info[0].value
    run = a_run(patch_size=8)
    at = turn(at, attention_class=int(labels[0]))
    assert not at.exception and f"The numbers are those of run {run.number} (" in words_of(at)
    mean, std = torch.tensor([[0.4914, 0.4822, 0.4465], [0.2470, 0.2435, 0.2616]])[:, :, None, None]
    model, image = trained_model(run).requires_grad_(False), (torch.from_numpy(images[0])[None] / 255 - mean) / std
    block = model.blocks[0]
    q, k, _ = block.attention.project(block.norm_attention(model.tokens(image)))
    drawn = matrix_of(chart_rows(at, "Attention weights"))
    np.testing.assert_allclose(drawn, attention_weights(q, k)[0, 0], atol=1e-5)


def test_damaged_files_are_told_and_a_digit_stands_in(open_page, photos, home):
    (home / "data" / cifar.FOLDER / "test_batch").write_bytes(b"garbage")
    at = turn(open_page(PATCHES), patches_way="cifar-10")
    assert not at.exception and "the files of cifar-10" in at.error[0].value and "are damaged" in at.error[0].value
    assert "bundled digit 5, number 1" in words_of(at)


def test_the_table_of_costs_counts_colours():
    table = costs("cifar-10")
    assert table.loc["8"].tolist() == ["16", "192", "256"] and "numbers a patch P²·C" in table.columns
