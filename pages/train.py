"""Train: choose a model and its inits, start them, watch them."""

import streamlit as st

from vit_lab.data.errors import DatasetError
from vit_lab.datasets import is_available
from vit_lab.model_config import KINDS
from vit_lab.runs.designs import MOST_ARMS
from vit_lab.runs.experiments import Experiment
from vit_lab.runs.plans import Plan
from vit_lab.ui.arms import chip, variance_words
from vit_lab.ui.experiments.choose import experiment_on_screen
from vit_lab.ui.experiments.launch import TRAIN_FORM, launch
from vit_lab.ui.experiments.skeleton import live
from vit_lab.ui.prose import inform, prose
from vit_lab.ui.serving.lab import open_store, warm_up
from vit_lab.ui.train.download import offer_download
from vit_lab.ui.train.form import Form
from vit_lab.ui.train.link import tell_refused
from vit_lab.ui.train.live import experiment_panel
from vit_lab.ui.train.map import map_panel
from vit_lab.ui.train.next_run import NEXT, next_run, next_run_in_a_line
from vit_lab.ui.train.optimiser import optimiser_fields
from vit_lab.ui.train.overview import is_large, overview_panel
from vit_lab.ui.train.preflight import GAUGE_HELP, gauge_badge, preflight_panel
from vit_lab.ui.train.presets import preset_picker

ARMS = "How many inits are trained side by side."
FAIR = prose("""
    Each arm first chooses its rate on validation, from one small grid, for another variance may want another rate.
""")

store = open_store()
form = Form()

with st.sidebar:
    first, top = st.container(), st.container()
    examples = KINDS[form.kind()].reads
    arms = st.selectbox("Arms", list(range(1, MOST_ARMS + 1)), index=1, key="arms", bind="query-params", help=ARMS)
    with first:  # what the lab is about
        arm_values = form.arms(arms)

    st.markdown("#### Size")
    one, two = st.columns(2, wrap=False)
    with one:
        form.choice("patch_size", "Patch size", form.patch_sizes())
        form.number("sequence_length", "Sequence length", step=1)
        form.number("dim", "Width", step=8)
    with two:
        form.number("depth", "Depth", step=1)
        form.number("heads", "Heads", step=1)
    form.choice("space_time", "Attention over")

    st.markdown("#### Data")
    form.choice("dataset", examples.capitalize())
    form.number("train_size", f"Training {examples}", step=100, empty="all")

    st.markdown("#### Training")
    form.length()
    one, two = st.columns(2, wrap=False)
    with one:
        form.number("learning_rate", "Learning rate", step=0.001)
    with two:
        form.number("batch_size", "Batch size", step=32)
    one, two = st.columns(2, wrap=False)
    with one:
        form.number("seed", "Seed", step=1)
    with two:
        seeds = form.seeds()
    fair = arms > 1 and st.toggle("Fair learning rate", key="fair", bind="query-params", help=FAIR)

    with st.expander("More settings"):
        form.choice("pool", "Pooling")
        form.number("num_frames", "Frames", step=1)
        form.number("vocabulary", "Symbols", step=1)
        form.choice("position", "Positions")
        form.number("mlp_ratio", "MLP width, × width", step=0.5)
        form.number("dropout", "Dropout", step=0.05)
        form.number("attention_dropout", "Attention dropout", step=0.05)
        form.switch("zero_temporal", "Attention over time starts at 0")
        form.switch("qkv_bias", "Bias in queries, keys, values")
        form.switch("out_bias", "Bias after attention")
        form.choice("norm", "LayerNorm of a branch")
        form.number("residual_factor", "Residual factor", step=0.1)
        form.switch("final_norm", "Final LayerNorm")
        form.number("validation_size", f"Validation {examples}", step=500, empty="as many as usual")
        form.number("label_noise", "Label noise", step=0.05)
        form.number("pixel_noise", "Pixel noise", step=0.05)
        form.switch("normalise", "Normalise pixels")
        form.number("shift", "Random shift", step=1)
        form.switch("flip", "Random flip")
        form.choice("schedule", "Learning rate falls")
        form.choice("schedule_unit", "Rate changes each")
        form.number("warmup_steps", "Warm-up steps", step=10)
        optimiser_fields(form)
        form.clipping()
        form.number("label_smoothing", "Label smoothing", step=0.05)
        form.switch("double_softmax", "Softmax before the loss")
with top:
    preset_picker()  # drawn last, for it compares what all the others hold, also on the first visit of a link

configs = st.session_state[TRAIN_FORM] = form.configs(arm_values)
tell_refused(form.link)
with st.container():
    experiment = Experiment.read(store, experiment_on_screen(store) or "")
trains = bool(experiment.active)  # then its curves have the page, and what the form holds stands below them
strip, notice, above, runs, below = (st.container() for _ in range(5))
ready = bool(configs) and is_available(configs[0].data.dataset)
if configs:
    if trains:
        with strip:
            click = next_run_in_a_line(configs)
    with below if trains else strip:
        place, gauges = next_run(configs, heading=f"{NEXT}: " if experiment.stored else "")
    label = f"Train {arms * seeds} runs" if seeds > 1 else {1: "Train", 2: "Train both"}.get(arms, "Train all")
    with notice:
        if not ready:
            offer_download(configs[0].data.dataset)
        elif (click if trains else place).button(label, type="primary", icon=":material/play_arrow:", key="train"):
            plan = Plan(configs, range(configs[0].seed, configs[0].seed + seeds), fair_rate=fair)
            launch(plan, "pages/compare.py" if arms > 1 and (seeds > 1 or fair) else None)
else:
    strip.info(f"{form.wrong} Mend it in the form, and training can start.")

with runs:
    if is_large(experiment):
        live(overview_panel, experiment.id)
    elif experiment.stored:
        experiment_panel(experiment)
    elif not store.latest_experiment():
        inform(f"""
            No runs yet: train your first pair. Both arms start from the same random draw, see the same {examples} in
            the same order, and differ only in their initial weights. The settings stand on the left; on a phone, »
            opens them.
        """)

warm_up()
if ready:  # at the end of the page: the first time, torch must load
    preflight = below if trains else above
    try:
        for arm, (slot, config) in enumerate(zip(gauges, configs, strict=True)):
            slot.markdown(f"{chip(arm)} {variance_words(config)} {gauge_badge(config)}", help=GAUGE_HELP)
        with preflight:
            preflight_panel(configs)
            map_panel(configs)
    except DatasetError as error:
        preflight.error(str(error))
