"""Learn: TimeSformer."""

from vit_lab.ui.learn.frame import lesson

lesson("learn_timesformer")
