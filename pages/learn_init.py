"""Learn: Weight initialisation."""

from vit_lab.ui.learn.frame import lesson

lesson("learn_init")
