"""ViT Lab, what the variance of initial weights does to a Vision Transformer: streamlit run dashboard.py"""

from importlib.resources import files

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App

from vit_lab.ui.serving.server import MIDDLEWARE, ROUTES, lifespan

ICON = str(files("vit_lab.ui") / "icon.svg")

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
        ("sweep", "Arch", "ssid_chart", SWEEP),
        ("claim", "Claim", "fact_check", CLAIM),
        ("round", "Class", "groups", ROUND),
        ("join", "Join", "login", "Take part in the round of your class: guess, and train your pair."),
        ("present", "Present", "present_to_all", "One experiment for the last row of a class."),
        ("runs", "Runs", "list_alt", "Every run so far: rename, tag, delete, run again, download."),
    ],
    "Learn": [
        ("learn_patches", "Patches", "grid_view", "An image comes apart into patches, and patches become tokens."),
        ("learn_positions", "Positions", "pin_drop", "How a token knows where it is, and what happens if it does not."),
        ("learn_attention", "Self-attention", "hub", "One digit, step by step: queries, keys, scores, softmax."),
        ("learn_init", "Weight initialisation", "tune", "What variance does to one layer, to ten, and to the softmax."),
        ("learn_transformer", "Transformer", "swap_horiz", "Encoder and decoder learn to write a sequence again."),
        ("learn_timesformer", "TimeSformer", "movie", "Attention over space and time tells which way a digit moves."),
        ("learn_findings", "Findings", "science", "What this lab has measured itself, with its intervals."),
    ],
}

if not get_script_run_ctx(suppress_warning=True):  # `streamlit run` looks for a server in this file, and starts it
    app = App(__file__, lifespan=lifespan, middleware=MIDDLEWARE, routes=ROUTES)
else:
    from vit_lab.ui.serving.lab import problems_told, tell_loss  # its caches want the server to be there
    from vit_lab.ui.serving.visitor import greet

    st.set_page_config(page_title="ViT Lab", page_icon=ICON, layout="wide", initial_sidebar_state=400)
    st.logo(ICON, size="large")
    greet()

    def page_of(name: str, title: str, icon: str, words: str) -> st.Page:
        how = {"train": {"default": True}, "present": {"visibility": "hidden"}}.get(name, {})
        return st.Page(f"pages/{name}.py", title=lessons.get(name, title), icon=f":material/{icon}:", help=words, **how)

    lessons = {name: f"{place} · {title}" for place, (name, title, *_) in enumerate(PAGES["Learn"], start=1)}
    page = st.navigation({name: [page_of(*one) for one in pages] for name, pages in PAGES.items()}, position="top")
    st.session_state["framed"] = True  # see vit_lab.ui.serving.lab.start_from_dashboard
    with problems_told():
        tell_loss()
        page.run()
