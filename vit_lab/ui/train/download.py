"""Downloading a data set that is not on this machine."""

import streamlit as st

from vit_lab.config import DatasetName
from vit_lab.data.errors import DatasetError


def offer_download(dataset: DatasetName) -> None:
    """A button that downloads the data set, with its progress; afterwards the page is drawn anew."""
    if st.button("Download", icon=":material/download:", key="download"):
        from vit_lab.data.download import download

        bar = st.progress(0.0, text="Downloading")
        try:
            for done in download(dataset):
                bar.progress(done, text="Downloading")
        except DatasetError as error:
            st.error(str(error))
        else:
            st.rerun()
