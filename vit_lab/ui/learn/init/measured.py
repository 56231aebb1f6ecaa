"""What the lab measured of the claim that the lesson on weight initialisation asks about."""

import streamlit as st

from vit_lab.analysis.comparison import Comparison, arm_outcomes
from vit_lab.analysis.findings import findings
from vit_lab.analysis.scores import scores_of
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
    _where_it_decides()
    for number in ("004", "006", "007"):
        finding_link(number)


def _where_it_decides() -> None:
    """Who learns at all where norms are missing and blocks are many; nothing if that is not measured here."""
    if learned := _who_learned(norm="none", depth=16):
        told = ", ".join(f"`{arm}` in {count} of {of} seeds" for arm, (count, of) in learned.items())
        everybody = all(count == of for count, of in _who_learned(norm="pre", depth=16).values())
        say(f"""
            **Where it does decide.** In a model of 16 blocks without norms, these learned anything: {told}.
            {"With norms before the branches, all of them did, in every seed." if everybody else ""}
        """)
        finding_link("005")


@st.cache_data(show_spinner=False)
def _who_learned(norm: str, depth: int) -> dict[str, tuple[int, int]]:
    """By arm of finding 005: how many of its seeds learned anything under that norm and depth."""
    finding = findings().get("005")
    experiment = finding.experiment if finding else None
    if experiment is None:
        return {}
    asked = {"norm": norm, "depth": depth}
    [condition] = [
        one for one in experiment.data if all(experiment.varied[field][one] == value for field, value in asked.items())
    ]
    outcomes = arm_outcomes(experiment.under(condition), scores_of(experiment))
    return {experiment.names[one.arm]: (one.trained, one.summary.n) for one in outcomes}
