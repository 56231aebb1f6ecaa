"""ViT Lab: what does the variance of the initial weights do to a Vision Transformer? `streamlit run dashboard.py`"""

from importlib.resources import files

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App

from vit_lab.ui.menu import menu_closes
from vit_lab.ui.serving.server import MIDDLEWARE, lifespan

ICON = str(files("vit_lab.ui") / "icon.svg")

TRAIN = "Choose a model and up to six inits, train them side by side, and watch loss, accuracy and weights live."
WEIGHTS = "What the init does to weights, signal and attention, at every step of a run."
COMPARE = "Several inits over several seeds: which is better here, and how sure one may be."
SWEEP = "Accuracy against the variance of the initial weights, at one or several training-set sizes."
CLAIM = "Does a larger variance help on smaller or harder data? A ready experiment, and its report."
PAGES = {  # by section: a page's file, its title, its icon, and what it is for
    "": [
        ("train", "Train", "play_circle", TRAIN),
        ("weights", "Weights", "bar_chart_4_bars", WEIGHTS),
        ("inside", "Inside", "neurology", "Two twins side by side: what they say and where they look, at any step."),
        ("compare", "Compare", "balance", COMPARE),
        ("sweep", "Arch", "ssid_chart", SWEEP),
        ("claim", "Claim", "fact_check", CLAIM),
        ("runs", "Runs", "list_alt", "Every run so far: rename, tag, delete, run again, download."),
    ],
    "Learn": [
        ("learn_patches", "Patches", "grid_view", "An image comes apart into patches, and patches become tokens."),
        ("learn_positions", "Positions", "pin_drop", "How a token knows where it is, and what happens if it does not."),
        ("learn_attention", "Self-attention", "hub", "One digit, step by step: queries, keys, scores, softmax, sum."),
        ("learn_init", "Weight initialisation", "tune", "What variance does to one layer, to ten, and to the softmax."),
        ("learn_transformer", "Transformer", "swap_horiz", "Encoder and decoder learn to write a sequence again."),
        ("learn_timesformer", "TimeSformer", "movie", "Attention over space and time tells which way a digit moves."),
    ],
}
HIDDEN = [("present", "Present"), ("finding", "Finding")]  # other pages lead there

if not get_script_run_ctx(suppress_warning=True):  # `streamlit run` looks for a server in this file, and starts it
    app = App(__file__, lifespan=lifespan, middleware=MIDDLEWARE)
else:
    from vit_lab.ui.serving.lab import problems_told, tell_loss  # its caches want the server to be there

    st.set_page_config(page_title="ViT Lab", page_icon=ICON, layout="wide", initial_sidebar_state=400)
    st.logo(ICON, size="large")

    def page_of(name: str, title: str, icon: str, words: str) -> st.Page:
        title, file = lessons.get(name, title), f"pages/{name}.py"
        return st.Page(file, title=title, icon=f":material/{icon}:", help=words, default=name == "train")

    lessons = {name: f"{place} · {title}" for place, (name, title, *_) in enumerate(PAGES["Learn"], start=1)}
    hidden = [st.Page(f"pages/{name}.py", title=title, visibility="hidden") for name, title in HIDDEN]
    shown = {name: [page_of(*one) for one in pages] for name, pages in PAGES.items()}
    page = st.navigation(shown | {"": shown[""] + hidden}, position="top")
    st.session_state["framed"] = True  # see vit_lab.ui.serving.lab.start_from_dashboard
    menu_closes(page.url_path)
    with problems_told():
        tell_loss()
        page.run()
