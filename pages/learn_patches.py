"""Learn: Patches."""

from vit_lab.ui.learn.frame import lesson

lesson("learn_patches")
