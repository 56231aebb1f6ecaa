"""The pages of the lab as its menu shows them, and that it closes after a choice where it covers them: on a phone."""

import streamlit as st

from vit_lab.ui.look import HIDDEN, look

TRAIN = "Choose a model and up to six inits, train them side by side, and watch loss, accuracy and weights live."
COMPARE = "Several inits over several seeds: which is better here, and how sure one may be."
SWEEP = "Accuracy against the variance of the initial weights, at one or several training-set sizes."
ROUND = "A round for a class: a question, everybody's guess, everybody's pair, and what came out."
CLAIM = "Does a larger variance help on smaller or harder data? A ready experiment, and its report."
PAGES = {  # by section: a page's file, its title, its icon, and what it is for
    "": [
        ("train", "Train", "play_circle", TRAIN),
        ("weights", "Weights", "bar_chart_4_bars", "What the init does to weights, signal and attention."),
        ("inside", "Inside", "neurology", "Two twins side by side: what they say and where they look, at any step."),
        ("compare", "Compare", "balance", COMPARE),
        ("runs", "Runs", "list_alt", "Every run so far: rename, tag, delete, run again, download."),
        ("present", "Present", "present_to_all", "One experiment for the last row of a class."),
    ],
    "Experiments": [
        ("sweep", "Arch", "ssid_chart", SWEEP),
        ("claim", "Claim", "fact_check", CLAIM),
    ],
    "In class": [
        ("round", "Class", "groups", ROUND),
        ("join", "Join", "login", "Take part in the round of your class: guess, and train your pair."),
    ],
    "Learn": [
        ("learn_patches", "1 · Patches", "grid_view", "An image comes apart into patches, and patches become tokens."),
        ("learn_positions", "2 · Positions", "pin_drop", "How a token knows where it is, and what if it does not."),
        ("learn_attention", "3 · Self-attention", "hub", "One digit, step by step: queries, keys, scores, softmax."),
        ("learn_init", "4 · Weight initialisation", "tune", "What variance does to one layer, to ten, to the softmax."),
        ("learn_transformer", "5 · Transformer", "swap_horiz", "Encoder and decoder learn to write a sequence again."),
        ("learn_timesformer", "6 · TimeSformer", "movie", "Attention over space and time tells which way digits go."),
        ("learn_findings", "Findings", "science", "What this lab has measured itself, with its intervals."),
    ],
}
LESSONS = {name: title for name, title, *_ in PAGES["Learn"] if "·" in title}

JS = """
const NARROW = 768  // pixels, below which Streamlit lays the sidebar over the page

export default function ({ data }) {
  const before = window.vitLabPage
  window.vitLabPage = data.page
  if (before === undefined || before === data.page || window.innerWidth >= NARROW) return
  const close = document.querySelector('[data-testid="stSidebarCollapseButton"] button')
  if (close && close.getBoundingClientRect().left >= 0) close.click()
}
"""
LESSON = """
[data-testid="stTopNavSection"] { font-weight: 600; border-radius: 0.5rem;
                                  background: color-mix(in srgb, currentColor 10%, transparent); }
"""
_CLOSES = st.components.v2.component("vit_lab_menu", html=f"<style>{HIDDEN}</style>", js=JS, isolate_styles=False)


def menu_closes(page: str) -> None:
    """Close the menu of a narrow screen if another page is shown than before."""
    with st.container(key="look_menu"):  # takes no place: see vit_lab.ui.look
        _CLOSES(key="menu", data={"page": page})


def highlight_lessons() -> None:
    """Light up the menu's section of lessons, as the menu itself does for single pages."""
    look(LESSON, "lessons")
