"""ViT Lab: what does the variance of the initial weights do to a Vision Transformer?

streamlit run dashboard.py
"""

from pathlib import Path

import streamlit as st

from vit_lab.ui.lab import problems_told

ICON = str(Path(__file__).parent / "vit_lab" / "ui" / "icon.svg")  # whatever folder streamlit was started in

st.set_page_config(page_title="ViT Lab", page_icon=ICON, layout="wide")
st.logo(ICON, size="large")

page = st.navigation(
    [
        st.Page(
            "pages/train.py",
            title="Train",
            icon=":material/play_circle:",
            default=True,
            help="Choose a model and two inits, train both side by side, and watch loss, accuracy and weights live.",
        ),
        st.Page(
            "pages/weights.py",
            title="Weights",
            icon=":material/bar_chart_4_bars:",
            help="What the init does to weights, signal and attention, at every step of a run.",
        ),
        st.Page(
            "pages/compare.py",
            title="Compare",
            icon=":material/balance:",
            help="Several inits over several seeds: which is better here, and how sure one may be.",
        ),
        st.Page(
            "pages/sweep.py",
            title="U-curve",
            icon=":material/ssid_chart:",
            help="Accuracy against the variance of the initial weights, at one or several training-set sizes.",
        ),
        st.Page(
            "pages/claim.py",
            title="Claim",
            icon=":material/fact_check:",
            help="Does a larger variance help on smaller or harder data? A ready experiment, and its report.",
        ),
        st.Page(
            "pages/runs.py",
            title="Runs",
            icon=":material/list_alt:",
            help="Every run so far: rename, tag, delete, run again, download.",
        ),
    ],
    position="top",
)
st.session_state["framed"] = True  # see vit_lab.ui.lab.start_from_dashboard
with problems_told():
    page.run()
