"""A pad to draw a digit on, with a mouse, a pen or a finger: 28 x 28 grey levels, white on black as in MNIST.

Its set-up runs once for each pad on a page, so that a rerun keeps the drawing. Each stroke is sent when it ends.
"""

import base64
import binascii

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from vit_lab.data.bundled import SIDE

HTML = """
<canvas width="28" height="28" role="img" aria-label="Pad to draw a digit on, with mouse, pen or finger"></canvas>
<button type="button">Clear</button>
"""

CSS = """
:host { display: block; }
canvas { display: block; box-sizing: border-box; width: min(100%, 252px); aspect-ratio: 1; image-rendering: pixelated;
         background: #000; border: 1px solid var(--st-border-color); border-radius: var(--st-base-radius);
         touch-action: none; cursor: crosshair; }
button { margin-top: 0.5rem; padding: 0.3rem 0.9rem; font: inherit; color: var(--st-text-color); cursor: pointer;
         background: var(--st-background-color); border: 1px solid var(--st-border-color);
         border-radius: var(--st-button-radius); }
button:hover { border-color: var(--st-primary-color); color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""

JS = """
const SIDE = 28, CORE = 0.7, EDGE = 1.7  // a stroke is white up to CORE pixels from its line, black from EDGE on
const pads = new WeakMap()

function paint(context, ink) {
  const picture = context.createImageData(SIDE, SIDE)
  ink.forEach((grey, i) => picture.data.set([grey, grey, grey, 255], 4 * i))
  context.putImageData(picture, 0, 0)
}

function stroke(ink, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y]
  const length = dx * dx + dy * dy
  for (let i = 0; i < ink.length; i++) {
    const [px, py] = [(i % SIDE) + 0.5 - from.x, Math.floor(i / SIDE) + 0.5 - from.y]
    const along = length ? Math.min(1, Math.max(0, (px * dx + py * dy) / length)) : 0
    const distance = Math.hypot(px - along * dx, py - along * dy)
    ink[i] = Math.max(ink[i], Math.round(255 * Math.min(1, Math.max(0, (EDGE - distance) / (EDGE - CORE)))))
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  if (pads.has(parentElement)) {
    pads.get(parentElement).send = setStateValue
    return
  }
  const canvas = parentElement.querySelector("canvas"), context = canvas.getContext("2d")
  const ink = new Uint8ClampedArray(SIDE * SIDE)
  const pad = { send: setStateValue }
  pads.set(parentElement, pad)
  const kept = data?.pixels ? atob(data.pixels) : ""
  if (kept.length === ink.length) ink.set(Array.from(kept, letter => letter.charCodeAt(0)))
  paint(context, ink)

  let last = null
  const place = event => {
    const box = canvas.getBoundingClientRect()
    return { x: ((event.clientX - box.left) / box.width) * SIDE, y: ((event.clientY - box.top) / box.height) * SIDE }
  }
  const draw = event => {
    const here = place(event)
    stroke(ink, last ?? here, here)
    last = here
    paint(context, ink)
  }
  canvas.onpointerdown = event => {
    if (event.button !== 0) return
    canvas.setPointerCapture(event.pointerId)
    draw(event)
  }
  canvas.onpointermove = event => { if (last) draw(event) }
  canvas.onpointerup = canvas.onpointercancel = () => {
    if (!last) return
    last = null
    pad.send("pixels", btoa(String.fromCharCode(...ink)))
  }
  parentElement.querySelector("button").onclick = () => {
    ink.fill(0)
    paint(context, ink)
    pad.send("pixels", "")
  }
}
"""

DRAWING = "drawing"  # in the session: the latest, as a pad sends it
_PAD = st.components.v2.component("vit_lab_digit_pad", html=HTML, css=CSS, js=JS)


def digit_pad(key: str) -> NDArray[np.uint8] | None:
    """What is drawn on the pad, (28, 28) grey levels; None while it is empty.

    A drawing goes with the visitor: the pad of another page begins with it.
    """
    kept = st.session_state.get(key, {}).get("pixels", st.session_state.get(DRAWING, ""))
    drawn = _PAD(key=key, data={"pixels": kept}, default={"pixels": kept}, on_pixels_change=lambda: None)
    found = decoded(drawn.pixels)
    st.session_state[DRAWING] = "" if found is None else drawn.pixels
    return found


def decoded(pixels: object) -> NDArray[np.uint8] | None:
    """The drawing that a browser has sent; None if it is empty, or nothing that the pad would send."""
    try:
        content = base64.b64decode(pixels, validate=True) if isinstance(pixels, str) else b""
    except (binascii.Error, ValueError):
        return None
    if len(content) != SIDE * SIDE or not any(content):
        return None
    return np.frombuffer(content, np.uint8).reshape(SIDE, SIDE)
