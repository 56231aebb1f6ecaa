"""Downloading a data set that is not on this machine."""

import streamlit as st

from vit_lab.config import DatasetName
from vit_lab.data.errors import DatasetError
from vit_lab.datasets import DATASETS


def offer_download(dataset: DatasetName) -> None:
    """Say that the data set is not here, beside a button that downloads it; afterwards the page is drawn anew."""
    wanted = DATASETS[dataset].download
    size = f" ({wanted.bytes / 1e6:.0f} MB)" if wanted else ""
    st.warning(f"{dataset} is not on this machine. Download it{size}, or choose mnist-10k, which is bundled.")
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
