"""The lesson on the Transformer: every control works, it trains from a button, and it writes what the model writes."""

import pytest
import torch
from controls import turned
from lessons import damage, finished, keep_in_store, words_of
from places import LEARN_TRANSFORMER
from test_train_page import wait_for_end
from tiny import tiny_sequences

from vit_lab import paths
from vit_lab.data.sequences import START
from vit_lab.init.build import build_model
from vit_lab.presets import preset
from vit_lab.probes.anatomy import anatomy
from vit_lab.runs.states import Status
from vit_lab.runs.store import Store
from vit_lab.runs.trained import trained_model
from vit_lab.settings import configure
from vit_lab.ui.learn.transformer.drawing import drawing
from vit_lab.ui.learn.transformer.figures import task
from vit_lab.ui.learn.transformer.writing import MEAN, attention_rows

CONTROLS = {
    "writing_task": ["copy", "reverse"],
    "writing_look": ["Cross", "Decoder", "Encoder"],
    "writing_warmup": [10, 50, 100, 200, 400, 800],
    "writing_block-2": [1, 2],
    "writing_head-4": [MEAN, 1, 2, 3, 4],
    "writing_epsilon": [0.0, 0.5],
    "writing_place-10": [1, 10],
}
SOURCE = "writing_source-10-10"


def badges(at, line):
    """The symbols of a line, such as "Written", as (colour, symbol)."""
    text = next(m.value for m in at.markdown if m.value.startswith("Source"))
    part = text.split("Written ")[1] if line == "Written" else text.split("\n")[0]
    return [tuple(piece[1:-1].split("-badge[")) for piece in part.split() if "badge" in piece]


def test_every_control_works_without_a_trained_model(open_page):
    at = open_page(LEARN_TRANSFORMER)
    assert not at.exception and len(at.get("vega_lite_chart")) == 7
    assert "No model has been trained to copy yet, so an untrained one writes" in at.info[0].value
    for key, value in turned(at, CONTROLS):
        assert len(at.get("vega_lite_chart")) == 7
        if key == "writing_task":
            assert f"trained to {value} yet" in at.info[0].value
            assert ("**anti-diagonal**" in words_of(at)) == (value == "reverse")


def test_what_is_written_is_what_the_model_writes(open_page):
    at = open_page(LEARN_TRANSFORMER)
    at.text_input(key=SOURCE).set_value("5 5 1 10 2 3 9, 8 7 6").run()
    source = [5, 5, 1, 10, 2, 3, 9, 8, 7, 6]
    written = build_model(preset("copy")).greedy_decode(torch.tensor([source]), START)[0].tolist()
    assert [int(symbol) for _, symbol in badges(at, "Source")] == source
    assert badges(at, "Written") == [
        ("green" if a == b else "red", str(b)) for a, b in zip(source, written, strict=True)
    ]
    at.slider(key="writing_place-10").set_value(3).run()
    assert [symbol for _, symbol in badges(at, "Written")] == [*map(str, written[:3]), "…"]


@pytest.mark.parametrize(
    ("text", "named"), [("1 2 3", "3 symbols"), ("", "0 symbols"), ("1 2 3 4 5 6 7 8 9 11", "'11'"), ("<b>", "'<b>'")]
)
def test_a_source_that_does_not_fit_is_refused_in_one_sentence(open_page, text, named):
    at = open_page(LEARN_TRANSFORMER)
    at.text_input(key=SOURCE).set_value(text).run()
    assert not at.exception and len(at.error) == 1
    assert named in at.error[0].value and "type 10 whole numbers from 1 to 10" in at.error[0].value
    assert not at.error[0].value.startswith("sequence:") and "Cross-attention of a trained model" not in words_of(at)


@pytest.mark.parametrize("dataset", ["copy", "reverse"])
def test_a_button_trains_the_preset_to_the_chosen_task(open_page, workers, store, dataset):
    keep_in_store(workers, store)
    at = open_page(LEARN_TRANSFORMER)
    at.segmented_control(key="writing_task").set_value(dataset).run()
    at.button(key="train_here").click().run()
    assert not at.exception and not at.error
    [[run]] = workers.submitted
    assert (
        run.config == configure(preset("copy"), dataset=dataset) == task(dataset) and run.name == f"{dataset}, seed 0"
    )
    at.run()
    assert "badge[queued]" in words_of(at)
    again = open_page(LEARN_TRANSFORMER, **{f"train_{dataset}": run.experiment})
    again.segmented_control(key="writing_task").set_value(dataset).run()
    assert "badge[queued]" in words_of(again), "a reload finds it again"


def test_the_button_really_trains_and_the_page_follows(open_page, monkeypatch):
    """With a shorter run in the preset's place."""
    short = configure(preset("copy"), steps=6, dim=16, warmup_steps=2)
    monkeypatch.setattr("vit_lab.ui.learn.transformer.figures.preset", lambda name: short)
    at = open_page(LEARN_TRANSFORMER)
    at.button(key="train_here").click().run()
    [run] = wait_for_end()
    assert run.status == Status.FINISHED and run.config == short
    at.run()
    assert not at.exception and "badge[finished]" in words_of(at) and "Run 1 writes" in words_of(at) and not at.info


def test_the_latest_trained_model_writes_and_every_control_suits_its_sizes(open_page):
    config = tiny_sequences(steps=3, sequence_length=4, vocabulary=6, depth=3, heads=2)
    run = finished(config)
    store = Store(paths.database())
    store.rename(run.id, "**bold** [link](javascript:alert(1))")
    store.close()
    at = open_page(LEARN_TRANSFORMER)
    assert "Run 1 writes" in words_of(at) and not at.info and "javascript" not in words_of(at)
    source = [1, 4, 2, 5]
    assert [int(symbol) for _, symbol in badges(at, "Source")] == source
    written = trained_model(run).greedy_decode(torch.tensor([source]), START)[0].tolist()
    assert [int(symbol) for _, symbol in badges(at, "Written")] == written
    own = {"writing_block-3": [1, 2, 3], "writing_head-2": [MEAN, 1, 2], "writing_place-4": [1, 4]}
    for _ in turned(at, {key: values for key, values in CONTROLS.items() if "-" not in key} | own):
        pass


def test_a_run_whose_checkpoint_is_damaged_is_passed_over_and_said(open_page):
    damage(finished(tiny_sequences(steps=2)))
    at = open_page(LEARN_TRANSFORMER)
    assert not at.exception and not at.error and "Run 1 is passed over" in at.warning[0].value
    assert "an untrained one writes" in at.info[0].value and badges(at, "Written")


def test_the_drawing_has_every_box_with_the_models_own_numbers():
    config = preset("copy")
    model = build_model(config)
    rows = drawing(anatomy(model, torch.ones((1, 2, 10), dtype=torch.int64)), config.model)
    boxes = rows[rows["kind"] == "box"]
    assert list(boxes["name"]).count("LayerNorm") == 2 + 3 + 2 and len(boxes) == 6 + 8 + 1
    detail = dict(zip(boxes["name"], boxes["detail"], strict=True))
    assert detail["Cross-attention, 4 heads"] == f"10 × 64 · {4 * 64 * 65:,}"
    assert detail["Linear"] == f"10 × 11 · {64 * 11 + 11}"
    counted = {name: int(text.split(" · ")[1].replace(",", "")) for name, text in detail.items()}
    inside = 2 * (
        7 * 0 + sum(int(t.split(" · ")[1].replace(",", "")) for t in boxes["detail"])
    )  # both blocks of a tower
    once = 2 * counted["Embedding × √64"] + 2 * counted["LayerNorm"] + counted["Linear"]
    assert inside - once == sum(p.numel() for p in model.parameters()), "boxes in a frame count twice, the others once"
    assert rows.loc[rows["kind"] == "plus"].shape[0] == 2 + 2 + 3 and (rows["x"].dropna() <= 100).all()


def test_rows_of_attention_are_named_by_place_and_symbol():
    table = [[1.0, 0.0], [0.25, 0.75]]
    rows = attention_rows(torch.tensor(table).numpy(), "decoder", [7, 8], [3, 4], 1)
    assert list(rows["x"]) == ["start", "1 · 3"] * 2 and list(rows["y"]) == ["1 · 3"] * 2 + ["2 · 4"] * 2
    assert rows["value"].tolist()[:2] == [1.0, 0.0] and rows["value"].isna().tolist() == [False, False, True, True]
    assert rows["chosen"].tolist() == [True, True, False, False]
    cross = attention_rows(torch.tensor(table).numpy(), "cross", [7, 8], [3, 4], 2)
    assert list(cross["x"][:2]) == ["1 · 7", "2 · 8"] and cross["value"].tolist() == [1.0, 0.0, 0.25, 0.75]
