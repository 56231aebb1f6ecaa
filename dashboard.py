"""ViT Lab, what the variance of initial weights does to a Vision Transformer: streamlit run dashboard.py"""

from importlib.resources import files

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App

from vit_lab.ui.serving.server import MIDDLEWARE, lifespan

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
        ("sweep", "U-curve", "ssid_chart", SWEEP),
        ("claim", "Claim", "fact_check", CLAIM),
        ("round", "Class", "groups", ROUND),
        ("join", "Join", "login", "Take part in the round of your class: guess, and train your pair."),
        ("runs", "Runs", "list_alt", "Every run so far: rename, tag, delete, run again, download."),
    ],
    "Learn": [
        ("learn_patches", "Patches", "grid_view", "An image comes apart into patches, and patches become tokens."),
        ("learn_positions", "Positions", "pin_drop", "How a token knows where it is, and what happens if it does not."),
        ("learn_attention", "Self-attention", "hub", "One digit, step by step: queries, keys, scores, softmax."),
        ("learn_init", "Weight initialisation", "tune", "What variance does to one layer, to ten, and to the softmax."),
        ("learn_transformer", "Transformer", "swap_horiz", "Encoder and decoder learn to write a sequence again."),
        ("learn_timesformer", "TimeSformer", "movie", "Attention over space and time tells which way a digit moves."),
    ],
}

if not get_script_run_ctx(suppress_warning=True):  # `streamlit run` looks for a server in this file, and starts it
    app = App(__file__, lifespan=lifespan, middleware=MIDDLEWARE)
else:
    from vit_lab.ui.serving.lab import problems_told, tell_loss  # its caches want the server to be there
    from vit_lab.ui.serving.visitor import greet

    st.set_page_config(page_title="ViT Lab", page_icon=ICON, layout="wide", initial_sidebar_state=400)
    st.logo(ICON, size="large")
    greet()
    sections = {
        section: [
            st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", help=words, default=name == "train")
            for name, title, icon, words in pages
        ]
        for section, pages in PAGES.items()
    }
    page = st.navigation(sections, position="top")
    st.session_state["framed"] = True  # see vit_lab.ui.serving.lab.start_from_dashboard
    with problems_told():
        tell_loss()
        page.run()
