"""Learn: what this lab has measured itself, each finding with its expectation, its command and its intervals."""

import streamlit as st

from vit_lab.analysis.findings import findings
from vit_lab.ui.learn.findings.figures import figures
from vit_lab.ui.learn.findings.words import on_the_page
from vit_lab.ui.prose import as_code, say
from vit_lab.ui.serving.lab import open_store

open_store()  # also on a cold server, where a link leads here first
st.header("What was measured", anchor=False)
say("""
    Questions that this lab has put to itself: what was expected was written down first, every number comes from runs
    that anybody can repeat with the command on the page, and "not decided" is an answer.
""")
found = findings()
if not found:
    st.info("The findings are not part of this installation.")
    st.stop()
asked = st.query_params.get("finding")
if asked and asked not in found:
    st.warning(f"There is no finding {as_code(asked)} here; another is shown.")
number = st.selectbox(
    "Finding",
    list(found),
    list(found).index(asked) if asked in found else 0,
    format_func=lambda one: f"{one} · {found[one].title}",
    label_visibility="collapsed",
)
st.query_params["finding"] = number
finding = found[number]
figures(finding)
st.markdown(on_the_page(finding))
with st.container(horizontal=True):
    for words, file in finding.files.items():
        st.download_button(words, file.read_bytes, file.name, icon=":material/download:", on_click="ignore")
