"""What each arm says: its answer in large letters, and the probability of every class as bars of fixed height."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import streamlit as st

HTML = """
<div class="panels"></div>
"""

CSS = """
:host { display: block; font: 0.85rem var(--st-font); color: var(--st-text-color); }
.panels { display: grid; gap: 1.25rem; }
.head { font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.head b { color: #fff; border-radius: 0.3rem; padding: 0 0.45rem; margin-right: 0.4rem; }
.says { display: flex; align-items: baseline; gap: 0.7rem; height: 3.6rem; overflow: hidden; white-space: nowrap; }
.says .class { font-size: 3.1rem; font-weight: 750; line-height: 1.1; }
.says .long { font-size: 1.9rem; }
.says .share { font-size: 1.5rem; }
.says .verdict { font-size: 1rem; opacity: 0.85; }
.bars { display: flex; align-items: flex-end; gap: 3px; height: 72px;
        border-bottom: 1px solid var(--st-border-color); }
.bars div { flex: 1 1 0; min-width: 0; height: 100%; position: relative; }
.bars i { position: absolute; bottom: 0; left: 0; right: 0; border-radius: 3px 3px 0 0; transition: height 0.15s; }
.names { display: flex; gap: 3px; }
.names span { flex: 1 1 0; min-width: 0; text-align: center; overflow: hidden; text-overflow: ellipsis;
              white-space: nowrap; }
.long-names .names span { writing-mode: vertical-rl; transform: rotate(180deg); overflow: visible; text-align: right;
                          font-size: 0.8rem; }
.long-names .names { align-items: flex-start; min-height: 4.6rem; }
.long-names .names .true { box-shadow: inset 3px 0 0 var(--st-primary-color); }
.names .true { font-weight: 750; box-shadow: inset 0 -3px 0 var(--st-primary-color); }
.tall .bars { height: 205px; }
@media (max-width: 640px) {
  .tall .bars { height: 72px; }
  .panels { gap: 0.8rem; }
  .says { flex-wrap: wrap; height: 5rem; gap: 0 0.5rem; }
  .says .class { font-size: 2.4rem; }
  .says .long { font-size: 1.3rem; }
  .says .share { font-size: 1.1rem; }
  .says .verdict { font-size: 0.8rem; flex-basis: 100%; }
}
"""

JS = """
export default function (component) {
  const { data, parentElement } = component
  const root = parentElement.querySelector(".panels")
  root.style.gridTemplateColumns = `repeat(${data.panels.length}, minmax(0, 1fr))`
  root.classList.toggle("tall", data.tall)
  root.classList.toggle("long-names", data.panels.some(panel => panel.names.some(name => name.length > 3)))
  const laid = data.panels.length + ":" + data.panels.map(panel => panel.names.length).join()
  const make = (name, parent, className) => {
    const one = document.createElement(name)
    if (className) one.className = className
    parent.append(one)
    return one
  }
  if (root.dataset.laid !== laid) {
    root.replaceChildren()
    root.dataset.laid = laid
    for (const panel of data.panels) {
      const box = make("div", root)
      const head = make("div", box, "head")
      make("b", head)
      make("span", head, "words")
      const says = make("div", box, "says")
      for (const part of ["class", "share", "verdict"]) make("span", says, part)
      const bars = make("div", box, "bars"), names = make("div", box, "names")
      for (const _ of panel.names) {
        make("i", make("div", bars))
        make("span", names)
      }
    }
  }
  data.panels.forEach((panel, p) => {
    const box = root.children[p], find = name => box.querySelector(name)
    find("b").textContent = panel.letter
    find("b").style.background = panel.colour
    find(".words").textContent = panel.words
    find(".says .class, .says .long").className = panel.says.length > 3 ? "long" : "class"
    const says = box.querySelector(".says")
    says.children[0].textContent = panel.says
    says.children[1].textContent = panel.share
    says.children[2].textContent = panel.verdict
    find(".bars").setAttribute("role", "img")
    find(".bars").setAttribute("aria-label", `Arm ${panel.letter} says ${panel.says} with ${panel.share}`)
    const bars = find(".bars").children, names = find(".names").children
    panel.names.forEach((name, i) => {
      const bar = bars[i].firstChild, value = Math.max(0, Math.min(1, panel.shares[i] ?? 0))
      bar.style.height = `max(1px, ${100 * value}%)`
      bar.style.background = panel.colour
      bar.style.opacity = name === panel.says ? 1 : 0.5
      bars[i].title = `${name}: ${(100 * value).toFixed(1)} %`
      names[i].textContent = name
      names[i].className = name === data.label ? "true" : ""
    })
  })
}
"""

_ANSWERS = st.components.v2.component("vit_lab_answers", html=HTML, css=CSS, js=JS)


@dataclass(frozen=True)
class Answer:
    """One arm's answer; `names` are the classes that have a bar, `shares` their probabilities."""

    letter: str
    colour: str
    words: str
    says: str
    share: str
    verdict: str
    names: Sequence[str]
    shares: Sequence[float]


def draw_answers(answers: Sequence[Answer], label: str, *, tall: bool) -> None:
    """All arms side by side; the true class, where there is one, is underlined. Tall bars fill the height of a pad."""
    data = {"panels": [asdict(answer) for answer in answers], "label": label, "tall": tall}
    _ANSWERS(key="inside_answers", data=data)
