"""Pictures travel with the page, whatever their kind, and come out as they went in."""

import base64
import io

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from vit_lab.ui.learn.timesformer.film import film

RNG = np.random.default_rng(0)
PICTURES = {
    "grey": RNG.integers(0, 256, (6, 5), np.uint8),
    "rgb": RNG.integers(0, 256, (6, 5, 3), np.uint8),
    "rgba": RNG.integers(0, 256, (6, 5, 4), np.uint8),
}


def page(picture):
    from vit_lab.ui.figures.picture import show_picture

    show_picture(picture, "what it shows", 150)


def shown(picture):
    """What is between the commas of the one data URL of a page, and its kind."""
    at = AppTest.from_function(page, args=[picture]).run()
    assert not at.exception
    (images,) = at.get("image")
    head, _, body = images.proto.imgs[0].url.partition(",")
    return head, Image.open(io.BytesIO(base64.b64decode(body)))


@pytest.mark.parametrize("kind", PICTURES)
def test_pixels_arrive_as_they_are(kind):
    head, image = shown(PICTURES[kind])
    assert head == "data:image/png;base64" and np.array_equal(np.asarray(image), PICTURES[kind])


def test_a_film_plays():
    head, image = shown(film(RNG.integers(0, 256, (4, 8, 8), np.uint8)))
    assert head == "data:image/gif;base64" and image.n_frames == 4
