"""Finding: what the lab has measured once and written down, read in the app."""

import streamlit as st

from vit_lab.ui.learn.findings import findings_here, text_of
from vit_lab.ui.prose import as_code
from vit_lab.ui.serving.lab import open_store

open_store()  # also on a cold server, where a link leads here first
titles = findings_here()
asked = st.query_params.get("finding")
if asked and asked not in titles:
    st.warning(f"There is no finding {as_code(asked)} here; choose one of these.")
if asked in titles and st.session_state.get("finding_linked") != asked:
    st.session_state["finding"] = asked
if titles:
    chosen = st.selectbox("Finding", list(titles), format_func=lambda number: titles[number], key="finding")
    st.query_params["finding"] = st.session_state["finding_linked"] = chosen
    st.markdown(text_of(chosen))
