"""A colour data set, which no page knows of, can be chosen, seen and launched."""

import base64
import io

import numpy as np
import pytest
import stripes
from PIL import Image

from vit_lab.datasets import DATASETS
from vit_lab.ui.figures.picture import apart, example


@pytest.fixture(autouse=True)
def entry(monkeypatch):
    monkeypatch.setitem(DATASETS, "stripes", stripes.STRIPES)


def picture_of(at):
    """The one picture of a page, and what it is said to show."""
    (images,) = at.get("image")
    _, _, body = images.proto.imgs[0].url.partition(",")
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(body)))), str(images.proto)


def test_a_link_opens_it_with_its_own_picture_and_patch_sizes(open_page, workers):
    at = open_page(dataset="stripes", patch_size="16")
    assert not at.exception and not at.error and not at.warning
    assert at.selectbox(key="patch_size").options == ["1", "2", "4", "8", "16", "32"]
    picture, proto = picture_of(at)
    assert "An image of stripes in 16-pixel patches" in proto
    assert np.array_equal(picture, apart(stripes.load("stripes").train_images[0], 16))
    assert len(np.unique(picture[..., :3].reshape(-1, 3), axis=0)) > 256, "in colour"
    at.button(key="train").click().run()
    assert {run.config.data.dataset for run in workers.submitted[-1]} == {"stripes"}
    assert {run.config.model.image_size for run in workers.submitted[-1]} == {32}


def test_choosing_it_brings_a_patch_size_that_fits(open_page):
    at = open_page()
    at.selectbox(key="dataset").set_value("stripes").run()
    assert not at.exception and not at.error
    assert 32 % int(at.selectbox(key="patch_size").value) == 0
    at.selectbox(key="dataset").set_value("mnist-10k").run()
    assert not at.exception and not at.error
    assert 28 % int(at.selectbox(key="patch_size").value) == 0


def test_where_the_data_is_not_here_a_digit_of_its_size_stands_for_it():
    assert example("fashion-mnist", 28).shape == (28, 28)
    assert example("fashion-mnist", 32).shape == (32, 32)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_any_number_of_channels_can_be_drawn(channels):
    image = np.random.default_rng(0).integers(0, 256, (8, 8, channels), np.uint8)
    picture = apart(image, 8)
    assert picture.shape[2] == 4 and (picture[..., 3] == 255).all()
    if channels in (1, 3):
        assert np.array_equal(picture[::31, ::31, :3], np.broadcast_to(image, (8, 8, 3)))
