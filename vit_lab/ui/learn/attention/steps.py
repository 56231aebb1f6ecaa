"""What the lesson on self-attention looks at: a model, a place in it, and the steps of attention there."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.init.schemes import SCHEMES
from vit_lab.lessons.seen import Array, Steps
from vit_lab.model_config import VitConfig
from vit_lab.refusals import divisors, one_of
from vit_lab.runs.records import RunRecord
from vit_lab.runs.snapshots import kept_steps
from vit_lab.settings import configure
from vit_lab.spelling import percent
from vit_lab.ui.figures.patch_map import place_words
from vit_lab.ui.learn.image import Image
from vit_lab.ui.learn.models import can_be_read, computed, recent_vits, run_words, weights_of
from vit_lab.ui.serving.caches import BY_CONFIG
from vit_lab.ui.train.widgets import SCALES, train_link

AT_INIT, TRAINED = "At its init", "After training"
MOST_PATCHES = 64  # few enough to write a number on each; and more than one
HEADS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Shown:
    """The model of the lesson: a config, and, if it is trained, the run it is of, and its step unless the last."""

    config: RunConfig
    run: RunRecord | None = None
    step: int | None = None

    @property
    def model(self) -> VitConfig:
        """The config of the ViT."""
        assert isinstance(self.config.model, VitConfig)
        return self.config.model

    @property
    def words(self) -> str:
        """Which model it is."""
        return run_words(self.run, self.step) if self.run else "the classroom model at its init"

    @property
    def tokens(self) -> list[str]:
        """The names of the tokens: patches counted from 1, after the class token if there is one."""
        return ["class"] * (self.model.pool == "cls") + [str(place + 1) for place in range(self.model.num_patches)]


@dataclass(frozen=True)
class Look:
    """What the lesson looks at: a model on an image, and in it one head of one block and the token that asks there."""

    shown: Shown
    chosen: Image
    found: Steps
    block: int  # this and the next two count from 0
    head: int
    query: int

    def class_words(self, row: Array, what: str) -> str:
        """A sentence on the class token's number in a row of scores or weights; nothing if there is no such token."""
        there = self.shown.model.pool == "cls"
        return f"The class token, which has no place, has {what} {row[0]:.3f}." if there else ""


def patch_sizes(dataset: str) -> list[int]:
    """The patch sizes whose patches can be told apart in a figure, for images of a data set."""
    size = DATASETS[dataset].asks["image_size"]
    return [patch for patch in divisors(size) if 1 < (size // patch) ** 2 <= MOST_PATCHES]


def choose_model(chosen: Image) -> Shown:
    """Controls that choose a model for an image: initialised in a way of one's choice, or of a run, at a kept step."""
    sizes, base = patch_sizes(chosen.dataset), configure(dataset=chosen.dataset)
    assert isinstance(base.model, VitConfig)
    way = st.segmented_control("Model", [AT_INIT, TRAINED], default=AT_INIT, required=True, key="attention_model")
    if way == TRAINED:
        if runs := recent_vits(lambda model: model.patch_size in sizes, chosen.dataset):
            return _choose_trained(runs)
        st.info(f"No ViT with patches of {one_of(sizes)} pixels has finished here yet; this is one at its init.")
        link = train_link([base])
        st.page_link("pages/train.py", label="Train one", icon=":material/play_circle:", query_params=link)
        return Shown(base)
    left, right = st.columns(2, wrap=False)
    scheme = left.selectbox("Init", list(SCHEMES), key="attention_scheme")
    heads = right.selectbox("Heads", HEADS, index=HEADS.index(4), key="attention_heads")
    scale = st.select_slider("Variance ×", SCALES, value="1", key="attention_scale")
    size = st.segmented_control(
        "Patch size",
        sizes,
        default=base.model.patch_size,
        required=True,
        key=f"attention_patch-{chosen.size}",
        format_func=lambda size: f"{size} px",
    )
    return Shown(configure(base, scheme=scheme, variance_scale=float(scale), heads=heads, patch_size=size))


def _choose_trained(runs: Sequence[RunRecord]) -> Shown:
    """A box with runs, the first of which can be read back, and a slider over the steps that one of them kept."""
    by_id = {run.id: run for run in runs}
    if st.session_state.get("attention_run") not in by_id:
        st.session_state.pop("attention_run", None)
    run = by_id[st.selectbox("Run", list(by_id), format_func=lambda one: _offered(by_id[one]), key="attention_run")]
    run = run if can_be_read(run) else runs[0]
    step = st.select_slider("Step", kept_steps(run), value=run.step, key=f"attention_step-{run.id}")
    return Shown(run.config, run, step if step != run.step and can_be_read(run, step) else None)


def _offered(run: RunRecord) -> str:
    return f"#{run.number}: {run.name}, {run.config.data.dataset}, {percent(run.test_accuracy)}"


def choose_place(shown: Shown) -> tuple[int, int, int]:
    """Controls that choose a block, a head and the token whose query is followed; all counted from 0."""
    model, names = shown.model, shown.tokens
    left, right = st.columns(2, wrap=False)
    block = left.selectbox("Block", range(1, model.depth + 1), key=f"block-{model.depth}")
    head = right.selectbox("Head", range(1, model.heads + 1), key=f"head-{model.heads}")
    middle = model.num_tokens // 2
    query = st.select_slider("Query: the token that reads", names, value=names[middle], key=f"query-{len(names)}")
    place = names.index(query)
    if query != "class":
        side = round(model.num_patches**0.5)
        st.caption(f"Patch {query}: {place_words(int(query) - 1, side)}.")
    return block - 1, head - 1, place


def steps(shown: Shown, chosen: Image, block: int, variance: float = 1.0) -> Steps:
    """The steps of attention in one block (from 0) on the chosen image.

    `variance` multiplies that of the weights of queries and keys.
    """
    return _steps(chosen.pixels, shown.config, shown.run.id if shown.run else None, shown.step, block, variance)


@st.cache_data(show_spinner=False, max_entries=64, hash_funcs=BY_CONFIG)
def _steps(
    pixels: bytes, config: RunConfig, run_id: str | None, step: int | None, block: int, variance: float
) -> Steps:
    found: Steps = computed("images:steps", config, weights_of(run_id, step), pixels, block, variance)
    return found
