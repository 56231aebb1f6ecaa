"""Which runs are looked at: an experiment, a seed, and one or two of its arms; as the address says it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from vit_lab.analysis.arms import LETTERS, letter
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.records import RunRecord
from vit_lab.ui.experiments.choose import LOOKED_AT, tell_others


@dataclass(frozen=True)
class Pair:
    """The runs that are shown, and what their arms are called; `wrong` says what the address asked for in vain."""

    experiment: str
    runs: tuple[RunRecord, ...]
    names: Mapping[int, str]
    wrong: tuple[str, ...]
    address: Mapping[str, str | int | None]


def choose_pair(experiments: Sequence[Experiment], others: int) -> Pair:
    """Boxes that choose the runs; there is at least one experiment, and so many `others` that no box lists."""
    wrong: list[str] = []
    by_id = {one.id: one for one in experiments}
    arriving = "inside_experiment" not in st.session_state
    if arriving:
        _arrive(by_id, wrong)
    elif st.session_state["inside_experiment"] not in by_id:
        st.session_state["inside_experiment"] = experiments[0].id
    boxes = st.container(horizontal=True, vertical_alignment="bottom")
    labels = {one.id: _title(one) for one in experiments}
    chosen = boxes.selectbox(
        "Runs", list(labels), format_func=labels.__getitem__, key="inside_experiment", help=tell_others(others)
    )
    experiment = st.session_state[LOOKED_AT] = str(chosen)
    found = by_id[experiment]
    address = st.query_params.to_dict() if arriving else {}
    condition = _one_of("condition", "Condition", list(found.conditions), found.conditions, boxes, address, wrong)
    under = found.under(condition)
    seeds = {seed: f"seed {seed}" for seed in under.seeds}
    seed = _one_of("seed", "Seed", list(seeds), seeds, boxes, address, wrong)
    of_seed = {run.arm: run for run in under.proper if run.config.seed == seed}
    arms = _arms(of_seed, found.names, boxes, address, wrong)
    told: dict[str, str | int | None] = {
        "experiment": experiment,
        "condition": condition if len(found.conditions) > 1 else None,
        "seed": seed if len(seeds) > 1 else None,
        "arms": "".join(map(letter, arms)) if len(of_seed) > 2 else None,
    }
    return Pair(experiment, tuple(of_seed[arm] for arm in arms), found.names, tuple(wrong), told)


def _arrive(by_id: Mapping[str, Experiment], wrong: list[str]) -> None:
    linked = st.query_params.get("experiment")
    if linked and linked not in by_id:
        wrong.append("The experiment of this link is not here any more; another is shown.")
    wanted = linked or st.session_state.get(LOOKED_AT)
    st.session_state["inside_experiment"] = wanted if wanted in by_id else next(iter(by_id))


def _one_of(
    key: str,
    words: str,
    options: list[int],
    names: Mapping[int, str],
    boxes: "st.delta_generator.DeltaGenerator",
    address: Mapping[str, str],
    wrong: list[str],
) -> int:
    """A box for one of several numbers, if there are several."""
    if (text := address.get(key)) is not None:
        asked = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if asked in options:
            st.session_state[f"inside_{key}"] = asked
        else:
            wrong.append(f"{words} {text[:12]} is none of this experiment's; {options[0]} is shown.")
    if len(options) < 2:
        return options[0]
    if st.session_state.get(f"inside_{key}") not in options:
        st.session_state[f"inside_{key}"] = options[0]
    return int(boxes.selectbox(words, options, format_func=lambda one: names[one], key=f"inside_{key}", width=160))


def _arms(
    runs: Mapping[int, RunRecord],
    names: Mapping[int, str],
    boxes: "st.delta_generator.DeltaGenerator",
    address: Mapping[str, str],
    wrong: list[str],
) -> list[int]:
    """The one or two arms that are shown, in order; boxes choose them where there are more."""
    arms = sorted(runs)
    if len(arms) < 3:
        return arms
    if text := address.get("arms"):
        asked = [LETTERS.find(one) for one in text[:6]]
        if len(set(asked)) == len(asked) == 2 and all(arm in runs for arm in asked):
            st.session_state["inside_left"], st.session_state["inside_right"] = asked
        else:
            wrong.append(f"Arms {text[:12]} are no two of this experiment's; the first and the last are shown.")
    for key, arm in (("inside_left", arms[0]), ("inside_right", arms[-1])):
        if st.session_state.get(key) not in runs:
            st.session_state[key] = arm
    left = boxes.selectbox("Left", arms, format_func=lambda arm: _named(arm, names), key="inside_left", width=220)
    others = [arm for arm in arms if arm != left]
    if st.session_state["inside_right"] not in others:
        st.session_state["inside_right"] = others[-1]
    right = boxes.selectbox("Right", others, format_func=lambda arm: _named(arm, names), key="inside_right", width=220)
    return [left, right]


def _named(arm: int, names: Mapping[int, str]) -> str:
    return f"{letter(arm)}  {names[arm]}"


def _title(experiment: Experiment) -> str:
    number, names = min(run.number for run in experiment.proper), list(experiment.names.values())
    told = " against ".join(names) if len(names) <= 3 else f"{names[0]} to {names[-1]}, {len(names)} arms"
    return f"#{number}: {told}, {experiment.proper[0].config.data.dataset}"
