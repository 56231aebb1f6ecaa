"""What the lab measured of the claim that the lesson on weight initialisation asks about."""

import streamlit as st

from vit_lab.analysis.comparison import Comparison
from vit_lab.ui.learn.findings.words import finding_link
from vit_lab.ui.learn.init.figures import findings_chart
from vit_lab.ui.learn.lesson import look_for
from vit_lab.ui.prose import note, say


def what_was_measured(found: dict[str, Comparison]) -> None:
    """The findings in words, every task as a row of a chart, and how to read it; nothing if there are none."""
    if not found:
        return
    names = ("linear-default", "xavier")
    decided = [f"{names[c.winner]} is better on {label}" for label, c in found.items() if c.winner is not None]
    thousand = found["mnist, 1,000"].test
    say(f"""
        This lab compared `linear-default` with `xavier`, up to three times its variance, in {len(found)} settings of
        {thousand.n} pairs each, at one learning rate. It did **not** see the claim borne out. {len(decided)}
        differences are decided once all {len(found)} are counted: {"; ".join(decided)}. By size and by noise, both
        point the other way. That `xavier` wins on Fashion-MNIST, the harder of the two, may be read as support; on
        its smaller sets nothing is decided.
    """)
    st.markdown("**← linear-default is better · xavier is better →**")
    findings_chart(found)
    look_for(f"""
        A small dot is a pair of runs of one seed, the diamond their mean on its 95 % interval, green is decided.
        "Noisy" data has 40 % of its training labels replaced at random. All {len(found)} comparisons are counted
        together (Holm), so an interval without 0 does not decide by itself. *Not decided* is not the same as *equal*.
    """)
    note("""
        Test accuracy at the last of 450 steps, in points.
    """)
    finding_link("001")
