"""ViT Lab, what the variance of initial weights does to a Vision Transformer: streamlit run dashboard.py"""

from importlib.resources import files

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.starlette import App

from vit_lab.ui.menu import PAGES, menu_closes
from vit_lab.ui.serving.server import MIDDLEWARE, ROUTES, lifespan

ICON = str(files("vit_lab.ui") / "icon.svg")

if not get_script_run_ctx(suppress_warning=True):  # `streamlit run` looks for a server in this file, and starts it
    app = App(__file__, lifespan=lifespan, middleware=MIDDLEWARE, routes=ROUTES)
else:
    from vit_lab.ui.poll import forget_late_ticks
    from vit_lab.ui.serving.lab import problems_told, tell_loss  # its caches want the server to be there
    from vit_lab.ui.serving.visitor import greet

    st.set_page_config(page_title="ViT Lab", page_icon=ICON, layout="wide", initial_sidebar_state=400)
    st.logo(ICON, size="large")
    greet()

    def page_of(name: str, title: str, icon: str, words: str) -> st.Page:
        how = {"train": {"default": True}, "present": {"visibility": "hidden"}}.get(name, {})
        return st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", help=words, **how)

    page = st.navigation({name: [page_of(*one) for one in pages] for name, pages in PAGES.items()}, position="top")
    st.session_state["framed"] = True  # see vit_lab.ui.serving.lab.start_from_dashboard
    menu_closes(page.url_path)
    try:
        with problems_told():
            tell_loss()
            page.run()
    finally:
        forget_late_ticks()
