"""Predict, then run: a guess that is committed before a pair may train, and stays beside the outcome."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import streamlit as st

from vit_lab.analysis.arms import LETTERS
from vit_lab.config import RunConfig
from vit_lab.runs.states import Status
from vit_lab.settings import configure
from vit_lab.ui.arms import chip
from vit_lab.ui.learn.training import forget, start, started, watch
from vit_lab.ui.prose import say

GUESS, EXPERIMENT, SEED = "guess", "guessed", "guess_seed"  # where they are kept, in the session and in the address
MOST_POINTS, MOST_SEED = 50.0, 999
COMMIT = "Choose a twin first; the pair may train once a guess is committed."


@dataclass(frozen=True)
class Guess:
    """Which of two arms ends ahead, and by how many points."""

    arm: int
    points: float

    def __str__(self) -> str:
        return f"{LETTERS[self.arm]}{self.points:g}"

    @classmethod
    def read(cls, text: str | None) -> Self | None:
        """The inverse of `str`; None for a text that is no guess."""
        try:
            arm, points = "AB".index((text or "")[:1] or "?"), float((text or "")[1:])
        except ValueError:
            return None
        return cls(arm, points) if 0 <= points <= MOST_POINTS else None


def outcome_words(guess: Guess, names: Sequence[str], difference: float) -> str:
    """The guess beside what happened; `difference` is arm B minus arm A, in points."""
    if abs(difference) < 0.05:
        return f"They are even, to a tenth of a point; the guess was {_points(guess.points)}."
    ahead = int(difference > 0)
    told = f"{chip(ahead)} **{names[ahead]} is ahead by {abs(difference):.1f} points**"
    if ahead != guess.arm:
        return f"{told}: the other way round than guessed."
    return f"{told}: the right twin, and {abs(abs(difference) - guess.points):.1f} points from the guess."


def has_guessed() -> bool:
    """Whether a guess is committed, of this pair or of one before."""
    kept = st.session_state.get(GUESS) or st.query_params.get(GUESS)
    return Guess.read(kept) is not None or bool(_seed())


def predict_then_run(question: str, arms: dict[str, RunConfig]) -> bool:
    """Ask, lock the answer, train the pair, and set the outcome beside it. Returns whether there is an outcome.

    Each further guess is of a seed of its own, for the outcome of the last one is known.
    """
    seed = _seed()
    arms = {name: configure(config, seed=seed) for name, config in arms.items()}
    guess = Guess.read(st.session_state.get(GUESS) or st.query_params.get(GUESS))
    runs = started(EXPERIMENT, arms)
    if guess is None:
        _ask(question if seed == 0 else f"{question} This is another draw, **seed {seed}**.", list(arms))
        return False
    st.session_state[GUESS] = st.query_params[GUESS] = str(guess)
    say(f"""
        :material/lock: Your guess: {chip(guess.arm)} **{list(arms)[guess.arm]}** ahead by
        **{_points(guess.points)}**.
    """)
    if not runs:
        with st.container(horizontal=True):
            if st.button("Train the pair", type="primary", icon=":material/play_arrow:", key="guess_train"):
                start(EXPERIMENT, arms)
            _again("Change the guess", seed)
        return False
    watch(runs, list(arms))
    if any(run.is_active for run in runs):
        return False
    done = [run.val_accuracy for run in runs if run.status == Status.FINISHED and run.val_accuracy is not None]
    if len(done) == 2:
        st.markdown("#### " + outcome_words(guess, list(arms), 100 * (done[1] - done[0])))
    else:
        st.info("The pair has no result: a run was stopped, failed or diverged. Resume it above, or guess again.")
    _again("Guess again", seed + 1 if len(done) == 2 and seed < MOST_SEED else seed)
    return len(done) == 2


def _ask(question: str, names: Sequence[str]) -> None:
    st.markdown(question)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        labels = [f"{LETTERS[arm]} · {name}" for arm, name in enumerate(names)]
        arm = st.segmented_control("Ahead", [0, 1], format_func=lambda arm: labels[arm], key="guess_arm")
        points = st.number_input(  # knows no limits: a browser keeps to itself what lies beyond them
            "By about, points", value=1.0, step=0.5, format="%g", key="guess_points", width=160
        )
        can_be = points is not None and 0 <= points <= MOST_POINTS
        if st.button(
            "Commit", icon=":material/lock:", disabled=arm is None or not can_be, key="guess_commit", help=COMMIT
        ):
            st.session_state[GUESS] = str(Guess(arm or 0, points or 0.0))
            st.rerun()
    if points is not None and not can_be:
        st.error(f"By about: {points:g} points cannot be a guess; choose 0 to {MOST_POINTS:g}.")


def _seed() -> int:
    text = str(st.session_state.get(SEED) or st.query_params.get(SEED, ""))
    seed = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(MOST_SEED)) else 0
    if seed:
        st.session_state[SEED] = st.query_params[SEED] = str(seed)
    return seed


def _points(points: float) -> str:
    return f"{points:g} point{'' if points == 1 else 's'}"


def _again(label: str, seed: int) -> None:
    if st.button(label, icon=":material/undo:", key="guess_again"):
        forget(GUESS)
        forget(EXPERIMENT)
        if seed:
            st.session_state[SEED] = str(seed)
        st.rerun()
