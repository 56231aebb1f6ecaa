"""The optimiser on the Train form, but for its learning rate, which stands further up."""

import streamlit as st

from vit_lab.training.optimisers import OPTIMISERS
from vit_lab.ui.train.form import Form
from vit_lab.ui.train.presets import follow_optimiser


def optimiser_fields(form: Form) -> None:
    """Which optimiser, and of its settings those that it reads."""
    form.choice("optimiser", "Optimiser", on_change=follow_optimiser)
    chosen = st.session_state["drawn_optimiser"] = form.values["optimiser"]
    read = OPTIMISERS[chosen].settings
    if "momentum" in read:
        form.number("momentum", "Momentum", step=0.01)
    if "nesterov" in read:
        form.switch("nesterov", "Nesterov momentum")
    if "weight_decay" in read:
        form.number("weight_decay", "Weight decay", step=0.01)
    if "decay" in read:
        form.choice("decay", "Weight decay shrinks")
    if "beta1" in read:
        form.number("beta1", "AdamW beta 1", step=0.01)
    if "beta2" in read:
        form.number("beta2", "AdamW beta 2", step=0.001)
