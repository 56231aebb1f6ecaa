"""Learn: Self-attention."""

from vit_lab.ui.learn.frame import lesson

lesson("learn_attention")
