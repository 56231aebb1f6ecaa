"""The lesson on the TimeSformer: every control works, it trains two kinds of attention, and shows their answers."""

import json

import pytest
import torch
from controls import turned
from lessons import damage, finished, keep_in_store, words_of
from places import LEARN_TIMESFORMER, ROOT
from test_train_page import wait_for_end

from vit_lab.analysis.findings import space_time_findings
from vit_lab.presets import preset
from vit_lab.runs.states import Status
from vit_lab.settings import configure
from vit_lab.training import glances
from vit_lab.ui.learn.timesformer import figures as timesformer
from vit_lab.ui.learn.timesformer import models as clip_models
from vit_lab.ui.learn.timesformer.film import FAINTEST, SPACE, TIME, film, grey, strip
from vit_lab.ui.learn.timesformer.models import clip_config
from vit_lab.ui.learn.timesformer.reversal import TWINS

CONTROLS = {
    "film_frames": [2, 4, 8, 16],
    "film_patch_size": [4, 7, 14],
    "film_weights": [timesformer.START, timesformer.TRAINED],
    "film_block": [1, 2],
    "film_clip": [1, 24],
    "film_shown_clip": [1, 24],
    "film_frame_8": [1, 8],
    "film_row_4": [1, 4],
    "film_column_4": [1, 4],
    "film_zero_temporal": [False, True],
}


def scores(at):
    """The table of what attention costs."""
    return at.table[0].value


def trained_twins(**settings):
    """A run of each kind of attention, trained for three steps."""
    return [finished(clip_config(way, steps=3, **settings)) for way in TWINS]


def test_every_control_works_without_a_trained_model(open_page):
    at = open_page(LEARN_TIMESFORMER)
    assert not at.exception and not at.error
    for _ in turned(at, CONTROLS):
        assert len(at.get("image")) == 5, "three strips and two films"
        assert len(at.get("vega_lite_chart")) == 4
    assert "answering as at step 0: space and divided" in at.info[0].value


def test_the_numbers_are_those_of_the_formulas(open_page):
    at = open_page(LEARN_TIMESFORMER)
    assert scores(at).iloc[:, 3].tolist() == ["2,048", "16,384", "3,072"], "T 8, N 16"
    at.select_slider(key="film_frames").set_value(2).run()
    at.select_slider(key="film_patch_size").set_value(14).run()
    assert scores(at).iloc[:, 0].tolist() == ["4", "8", "5"] and scores(at).iloc[:, 3].tolist() == ["32", "64", "48"]
    assert scores(at).columns[3] == "at T = 2, N = 4"
    assert (
        "**Divided: time, then space**: 5 of 8 patches are read, 2 over time and 4 in space, itself in both"
        in words_of(at)
    )


def test_the_last_patch_of_the_longest_clip_can_be_asked(open_page):
    at = open_page(LEARN_TIMESFORMER)
    at.select_slider(key="film_frames").set_value(16).run()
    at.select_slider(key="film_patch_size").set_value(4).run()
    for key, last in (("film_frame_16", 16), ("film_row_7", 7), ("film_column_7", 7)):
        at.slider(key=key).set_value(last).run()
        assert not at.exception and not at.error


def test_divided_attention_starts_exactly_as_space_alone_unless_the_switch_is_off(open_page):
    at = open_page(LEARN_TIMESFORMER)
    assert [metric.value for metric in at.metric] == ["exactly 0", "exactly 0"]
    table = at.table[1].value
    assert table.loc["block 1: projection after time", "std at step 0"] == "0.000" and len(table) == 13
    at.toggle(key="film_zero_temporal").set_value(False).run()
    assert all(float(metric.value) > 0.01 for metric in at.metric)
    table = at.table[1].value
    assert float(table.loc["block 1: projection after time", "std at step 0"]) > 0.1


def test_steps_can_be_measured_here(open_page, monkeypatch):
    monkeypatch.setattr(timesformer, "MEASURED_FRAMES", (2, 4))
    monkeypatch.setattr(timesformer, "REPEATS", 1)
    at = open_page(LEARN_TIMESFORMER)
    assert "Recorded earlier" in words_of(at)
    at.button(key="measure").click().run()
    assert not at.exception and "Measured here" in words_of(at) and len(at.get("vega_lite_chart")) == 4
    at.run()
    assert "Measured here" in words_of(at)


def test_a_button_trains_both_kinds_of_attention(open_page, workers, store):
    keep_in_store(workers, store)
    at = open_page(LEARN_TIMESFORMER)
    at.button(key="train_here").click().run()
    assert not at.exception and not at.error
    [[space, divided]] = workers.submitted
    assert divided.config == preset("moving-digits") and space.config == configure(divided.config, space_time="space")
    assert (space.name, divided.name, space.arm, divided.arm) == ("space, seed 0", "divided, seed 0", 0, 1)
    at.run()
    assert words_of(at).count("badge[queued]") == 2


def test_the_button_really_trains_and_the_page_follows(open_page, monkeypatch):
    """With a shorter run in the preset's place."""
    short = configure(preset("moving-digits"), steps=2, dim=8, depth=1, heads=1, batch_size=4, warmup_steps=1)
    monkeypatch.setattr(clip_models, "preset", lambda name: short)
    at = open_page(LEARN_TIMESFORMER)
    at.button(key="train_here").click().run()
    runs = wait_for_end()
    assert [run.status for run in runs] == [Status.FINISHED] * 2
    at.run()
    assert not at.exception and words_of(at).count("badge[finished]") == 2 and not at.info


def test_both_answer_for_a_clip_and_its_reverse_and_space_says_the_same(open_page):
    trained_twins()
    at = open_page(LEARN_TIMESFORMER)
    text = words_of(at)
    assert not at.exception and not at.info
    told = text.split("On 500 test clips and their 500 reverses: ")[1]
    assert "the same answer both ways for 100.0%; **divided**" in told
    answers = [m.value for m in at.markdown if m.value.startswith(":blue-badge[A] space: ")]
    assert len(answers) == 2 and answers[0].split(" :")[0] == answers[1].split(" :")[0]
    ways = [
        m.value.split("**")[3] for m in at.markdown if m.value.startswith(("**The clip** goes", "**Its reverse** goes"))
    ]
    assert set(ways) in ({"up", "down"}, {"left", "right"})
    at.segmented_control(key="film_weights").set_value(timesformer.TRAINED).run()
    assert (
        not at.exception
        and words_of(at).count(":gray-badge[run ") == 2
        and words_of(at).count(":gray-badge[at step 0]") == 1
    )


def test_models_of_other_sizes_do_not_answer(open_page):
    trained_twins(num_frames=4)
    assert "answering as at step 0" in open_page(LEARN_TIMESFORMER).info[0].value


def test_a_damaged_checkpoint_is_passed_over_and_said(open_page):
    older, newer = trained_twins(), trained_twins()
    damage(newer[1])
    at = open_page(LEARN_TIMESFORMER)
    assert not at.exception and not at.error and not at.info, "the run before it answers"
    assert [warning.value.split(",")[0] for warning in at.warning] == [f"Run {newer[1].number} is passed over"]
    for run in (*older, newer[0]):
        damage(run)
    glances._models.clear()
    at = open_page(LEARN_TIMESFORMER)
    assert not at.exception and not at.error and len(at.warning) == 4 and len(at.get("image")) == 5
    assert "answering as at step 0: space and divided" in at.info[0].value


def test_the_recorded_costs_are_those_of_the_benchmark():
    recorded = json.loads((ROOT / "benchmarks" / "results" / "space_time.json").read_text())
    table = space_time_findings()
    for row in table.to_dict("records"):
        frames = int(row.pop("frames"))
        assert row == recorded[f"step_with_{frames}_frames"]


# Pictures


def test_a_strip_colours_what_is_read_and_leaves_the_rest_grey():
    clip = grey(torch.zeros(3, 4, 4).numpy())
    weights = torch.zeros(3, 4)
    weights[1] = torch.tensor([0.1, 0.2, 0.4, 0.3])
    time = torch.zeros(3, 4)
    time[:, 0] = torch.tensor([0.5, 0.25, 0.25])
    picture = strip(clip, 2, (1, 3), [(time.numpy(), TIME), (weights.numpy(), SPACE)])
    side = picture.shape[0]
    tile, gap = side // 2, (picture.shape[1] - 3 * side) // 2
    assert picture.shape[1] == 3 * side + 2 * gap and picture[0, side + gap // 2, 3] == 0, "gaps are see-through"
    first, second, third = (picture[:, k * (side + gap) : k * (side + gap) + side, :3] for k in range(3))
    assert (first[tile + 2 :, :] == 0).all() and (first[: tile - 2, tile + 2 :] == 0).all(), "out of reach stays black"
    assert first[tile // 2, tile // 2].tolist() == [int(0.85 * c) for c in TIME]
    assert third[tile // 2, tile // 2, 0] < first[tile // 2, tile // 2, 0], "what is read less is fainter"
    strongest, weakest = second[tile + tile // 2, tile // 2], second[tile // 2, tile + tile // 2]
    assert strongest.tolist() == [int(0.85 * c) for c in SPACE] and weakest.sum() < strongest.sum()
    assert weakest[1] > FAINTEST * SPACE[1]
    assert second[tile + tile // 2, -2].tolist() == [59, 130, 246], "the query is framed"


def test_sixteen_frames_take_two_rows():
    clip = grey(torch.rand((16, 28, 28), generator=torch.Generator().manual_seed(0)).numpy())
    picture = strip(clip, 7, (0, 0), [])
    assert picture.shape[1] / picture.shape[0] == pytest.approx(4, rel=0.05)


def test_a_film_plays_all_frames_in_order():
    import io

    from PIL import Image

    clip = (torch.arange(5)[:, None, None] * 50).expand(5, 6, 6).numpy().astype("uint8")
    played = Image.open(io.BytesIO(film(clip, zoom=2)))
    assert played.n_frames == 5 and played.size == (12, 12) and played.info["loop"] == 0
    levels = []
    for number in range(5):
        played.seek(number)
        levels.append(played.convert("L").getpixel((3, 3)))
    assert levels == [0, 50, 100, 150, 200]
