"""The optimiser on the Train form, but for its learning rate, which stands further up."""

from vit_lab.ui.train.form import Form


def optimiser_fields(form: Form) -> None:
    """Which optimiser, once there is a choice, and its own settings."""
    form.choice("optimiser", "Optimiser")
    form.number("weight_decay", "Weight decay", step=0.01)
    form.choice("decay", "Weight decay shrinks")
    form.number("beta1", "AdamW beta 1", step=0.01)
    form.number("beta2", "AdamW beta 2", step=0.001)
