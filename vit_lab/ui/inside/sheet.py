"""All digits at once: a sheet of those about which the arms disagree, to be clicked, and a confusion matrix an arm."""

import base64
from collections.abc import Sequence

import numpy as np
import streamlit as st

from vit_lab.model_config import TransformerConfig
from vit_lab.training.looks import Answers, Array
from vit_lab.ui.arms import chip
from vit_lab.ui.figures import matrix
from vit_lab.ui.inside import looks
from vit_lab.ui.inside.choice import OF_TEST_SET
from vit_lab.ui.inside.grid import clicked
from vit_lab.ui.inside.held import choose, held
from vit_lab.ui.inside.shown import Shown, class_names

MOST_TILES, MOST_CLASSES = 48, 20

HTML = """
<div class="tiles"></div>
"""

CSS = """
:host { display: block; font: 0.75rem var(--st-font); color: var(--st-text-color); }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(76px, 1fr)); gap: 8px; }
button { padding: 4px; border: 1px solid var(--st-border-color); border-radius: 6px; cursor: pointer; font: inherit;
         color: inherit; background: var(--st-background-color); }
button:hover, button:focus-visible, button.chosen { border-color: var(--st-primary-color);
         box-shadow: 0 0 0 1px var(--st-primary-color); }
canvas { width: 100%; aspect-ratio: 1; image-rendering: pixelated; display: block; border-radius: 3px; }
span { display: block; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; margin-top: 2px; }
"""

JS = """
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const root = parentElement.querySelector(".tiles")
  while (root.children.length > data.tiles.length) root.lastChild.remove()
  while (root.children.length < data.tiles.length) {
    const tile = document.createElement("button")
    tile.type = "button"
    tile.append(document.createElement("canvas"), document.createElement("span"))
    root.append(tile)
  }
  const ink = Uint8Array.from(atob(data.ink), letter => letter.charCodeAt(0)), pixels = data.side * data.side
  data.tiles.forEach((told, i) => {
    const tile = root.children[i], canvas = tile.firstChild
    canvas.width = canvas.height = data.side
    const picture = canvas.getContext("2d").createImageData(data.side, data.side)
    for (let p = 0; p < pixels; p++) picture.data.set([...Array(3).fill(ink[i * pixels + p]), 255], 4 * p)
    canvas.getContext("2d").putImageData(picture, 0, 0)
    tile.lastChild.textContent = told.words
    tile.title = tile.ariaLabel = `${told.digit}: ${told.words}`
    tile.className = told.digit === data.chosen ? "chosen" : ""
    tile.onclick = () => setTriggerValue("clicked", [0, 0, told.digit, Date.now()])
  })
}
"""

_SHEET = st.components.v2.component("vit_lab_sheet", html=HTML, css=CSS, js=JS)


def disagreements(answers: Sequence[Answers]) -> Array:
    """Examples of the test set that the two arms answer differently, in order; of sequences, at the last place."""
    one, other = (_last(found.answers) for found in answers)
    found: Array = np.flatnonzero(one != other)
    return found


def confusion(answers: Answers, classes: int) -> Array:
    """How much of each class gets each answer, (Y, Y): rows are what it is and sum to 1 where there is any."""
    counts = np.zeros((classes, classes))
    np.add.at(counts, (_last(answers.labels), _last(answers.answers)), 1)
    shares: Array = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return shares


def accuracy(answers: Answers) -> float:
    """The share that is right; of sequences, of all symbols."""
    return float((answers.labels == answers.answers).mean())


def disagreement_sheet(shown: Sequence[Shown], found: Array, answers: Sequence[Answers]) -> None:
    """Some of the examples on which the arms disagree; a click looks at one."""
    config, names = shown[0].run.config, class_names(shown[0].run)
    some = [int(digit) for digit in found[:MOST_TILES]]
    drawn = looks.pictures(config, some).mean(axis=-1).astype(np.uint8)
    drawn = drawn[:, drawn.shape[1] // 2] if drawn.ndim == 4 else drawn  # of a clip, its middle
    told = []
    for digit in some:
        says = [f"{one.letter} {names[_last(has.answers)[digit]]}" for one, has in zip(shown, answers, strict=True)]
        told.append({"digit": digit, "words": " · ".join(says)})
    ink = base64.b64encode(np.ascontiguousarray(drawn).tobytes()).decode()
    data = {"tiles": told, "side": drawn.shape[-1], "ink": ink, "chosen": held("inside_digit", 0)}
    _SHEET(key="inside_sheet", data=data, on_clicked_change=_take)


def _take() -> None:
    if (found := clicked("inside_sheet")) is not None:
        choose("inside_digit", found[2])
        choose("inside_way", OF_TEST_SET)


def confusion_matrices(shown: Sequence[Shown], answers: Sequence[Answers]) -> None:
    """What each arm says of each class."""
    names = class_names(shown[0].run)
    for column, one, found in zip(st.columns(len(shown)), shown, answers, strict=True):
        with column:
            st.markdown(f"{chip(one.run.arm)} {one.name}: **{accuracy(found):.1%}** right")
            if len(names) <= MOST_CLASSES:
                words = f"What arm {one.letter} says of each class"
                shares = confusion(found, len(names))
                key = f"inside_confusion-{one.run.arm}"
                matrix.matrix(shares, matrix.CONFUSION, key, words, rows=names, columns=names)


def can_be_shown(shown: Sequence[Shown]) -> bool:
    """Whether the examples are pictures, which a sheet can hold."""
    return not isinstance(shown[0].run.config.model, TransformerConfig)


def _last(numbers: Array) -> Array:
    return numbers if numbers.ndim == 1 else numbers[:, -1]
