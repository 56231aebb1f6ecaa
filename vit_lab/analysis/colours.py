"""The colours of charts and tables that stand for no arm, each once. Those of the arms: `vit_lab.analysis.arms`."""

GREY = "#8a979b"  # rules, guides, and what is not decided: readable on a light and on a dark page
TEAL = "#0f8f83"  # what is measured, decided or better
RED = "#d1495b"  # worse
OTHERS = ("#2a9d8f", "#b08d57", "#8a979b", "#5fb3a8", "#7a6652", "#1d7a70")  # lines and bars of what is no arm
DIVERGING = "brownbluegreen"  # values on both sides of 0
