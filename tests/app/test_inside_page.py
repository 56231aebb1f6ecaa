"""Inside shows what differs in two twins: each kind of model, every view, links, and what is not kept."""

import base64
import json

import numpy as np
import pytest
from lessons import words_of
from places import INSIDE
from test_learn_patches import a_stroke, sent
from tiny import tiny, tiny_clips, tiny_sequences
from twins import trained_twins
from waiting import wait_for

from vit_lab import paths
from vit_lab.runs import snapshots
from vit_lab.training.inside import answers, look, occluded
from vit_lab.training.looks import Answers, Weights
from vit_lab.ui.inside.choice import VIEWS, packed, unpacked
from vit_lab.ui.inside.example import by_disagreement, by_hardness
from vit_lab.ui.inside.sheet import confusion, disagreements
from vit_lab.ui.serving import lab

STEPS = 4
KINDS = {
    "images": (tiny, {}),
    "with a class token": (tiny, {"pool": "cls"}),
    "clips": (tiny_clips, {}),
    "frames that read all frames": (tiny_clips, {"space_time": "joint"}),
    "sequences": (tiny_sequences, {}),
}
WRONG = {
    "experiment": "nowhere",
    "seed": "17",
    "step": "99999",
    "digit": "2000",
    "reads": "17",
    "open": "9.1",
    "class": "10",
    "drawing": "<script>",
}


def twins(kind="images", kept=(2,), **settings):
    """Two arms of a kind."""
    make, own = KINDS[kind]
    return trained_twins(
        [make(steps=STEPS, scheme=name, **own, **settings) for name in ("linear-default", "xavier")], kept
    )


def drawn(at, key):
    """What the page sends to one of its own figures; None if that is not on it."""
    found = [one.proto for one in at.get("bidi_component") if one.proto.id.endswith(key)]
    return json.loads(found[0].json) if found else None


def values(panel):
    """The numbers of an arm's maps."""
    return np.frombuffer(base64.b64decode(panel["values"]), "<f4").reshape(panel["shape"])


def box(at, label):
    """A box by what is written above it, for its key changes when code chooses."""
    return next(one for one in at.selectbox if one.label == label)


def number(at):
    """The box with the number of the digit."""
    return next(one for one in at.number_input if one.label == "Number")


def test_an_empty_home_is_said_in_words(open_page):
    at = open_page(INSIDE)
    assert not at.exception and "No runs yet" in at.info[0].value


@pytest.mark.parametrize("kind", KINDS)
def test_every_view_opens_for_every_kind_of_model(open_page, kind):
    twins(kind)
    for view in VIEWS:
        at = open_page(INSIDE, view=view)
        assert not at.exception and not at.error and not at.warning, (view, words_of(at))
        assert [panel["letter"] for panel in drawn(at, "inside_answers")["panels"]] == ["A", "B"]
        assert at.query_params["experiment"] == "twins"


def test_what_is_shown_is_what_the_models_compute(open_page):
    runs = twins()
    at = open_page(INSIDE, step="2", digit="5", reads="2")
    seen = [look(run.config, snapshots.kept_weights(run, 2), 5) for run in runs]
    for panel, maps, one in zip(
        drawn(at, "inside_answers")["panels"], drawn(at, "inside_maps")["panels"], seen, strict=True
    ):
        assert panel["shares"] == pytest.approx(one.probabilities.tolist(), abs=1e-6)
        assert values(maps).reshape(2, 2, 4) == pytest.approx(one.attention[:, :, 1], abs=1e-3)
        assert maps["frames"] == [1] and maps["side"] == 28
    at = open_page(INSIDE, step="2", digit="5", view="needs", **{"class": "3"})
    for panel, run in zip(drawn(at, "inside_occlusion")["panels"], runs, strict=True):
        lost = occluded(run.config, snapshots.kept_weights(run, 2), 5, 3)
        assert values(panel).ravel() == pytest.approx(lost, abs=1e-6)


def test_a_link_opens_the_same_view(open_page):
    twins()
    asked = {"step": "2", "digit": "7", "reads": "3", "open": "1.2", "view": "needs", "class": "4"}
    at = open_page(INSIDE, experiment="twins", **asked)
    assert not at.warning
    assert dict(at.query_params.items()) == asked | {"experiment": "twins"}
    again = open_page(INSIDE, **dict(at.query_params.items()))
    assert drawn(again, "inside_occlusion") == drawn(at, "inside_occlusion")


def test_a_wrong_link_says_one_sentence_for_each_part_and_falls_back(open_page):
    twins()
    at = open_page(INSIDE, **WRONG)
    assert not at.exception and not at.error and len(at.warning) == len(WRONG)
    assert len(drawn(at, "inside_maps")["panels"]) == 2
    for text in ("", "🦊", "9" * 400):
        at = open_page(INSIDE, **dict.fromkeys(WRONG, text), frame=text, arms=text, condition=text, typed=text)
        assert not at.exception and not at.error, text
        assert len(drawn(at, "inside_maps")["panels"]) == 2


def test_a_step_that_is_not_kept_is_trained_again(open_page):
    runs = twins()
    at = open_page(INSIDE, step="3")
    assert list(at.select_slider[0].options) == ["0", "2", "3", "4", "newest"]
    assert "Step 3 of A and B is not kept, so step 2 is shown." in words_of(at)
    at.button(key="inside_replay").click().run()
    wait_for(lambda: all(snapshots.kept_weights(run, 3) for run in runs), seconds=20)
    wait_for(lambda: all(lab.replays().asked(run, 3).is_over for run in runs), seconds=20)
    at.run()
    assert not at.exception and all("step 3" in panel["words"] for panel in drawn(at, "inside_answers")["panels"])


def test_what_is_damaged_is_said_and_can_be_trained_again(open_page):
    run, _ = twins()
    paths.snapshot(run.id, 2).write_bytes(b"not a snapshot")
    at = open_page(INSIDE, step="2")
    assert not at.exception and "A: what is kept of step 2 cannot be read" in at.warning[0].value
    assert any(button.key == "inside_replay" for button in at.button)
    at.run()
    assert not at.exception and not at.warning and "Step 2 of A is not kept, so step 0 is shown." in words_of(at)


def test_the_film_goes_through_all_steps_and_stops(open_page):
    twins(kept=(1, 2))
    at = open_page(INSIDE)
    at.button(key="inside_play").click().run()
    seen = [at.select_slider[0].value]
    while at.session_state["inside_plays"]:
        at.run()
        seen.append(at.select_slider[0].value)
    assert seen == [0, 1, 2, 4] and not at.exception


def test_the_hardest_for_an_arm_and_where_they_disagree_are_those_of_the_answers(open_page):
    runs = twins()
    found = [answers(run.config, snapshots.kept_weights(run, STEPS)) for run in runs]
    at = open_page(INSIDE)
    at.button(key="inside_hardest-1").click().run()
    assert number(at).value == int(found[1].true_probabilities.argmin())
    at.button(key="inside_disagree").click().run()
    apart = np.abs(found[0].true_probabilities - found[1].true_probabilities)
    assert apart[number(at).value] == apart.max()
    at.button(key="inside_next").click().run()
    digit = number(at).value
    assert found[0].labels[digit] == box(at, "Class").value


def test_a_drawing_of_a_lesson_is_offered_here_and_stands_in_the_address(open_page):
    runs = twins()
    at = open_page("pages/learn_patches.py")
    at.session_state["patches_way"] = "Draw one"
    at.session_state["patches_pad"] = {"pixels": sent(a_stroke())}
    at.run()
    at.switch_page(INSIDE).run()
    at.session_state["inside_way"] = "Draw one"
    at.run()
    seen = look(runs[0].config, Weights(STEPS, paths.checkpoint(runs[0].id)), a_stroke().tobytes())
    panel = drawn(at, "inside_answers")["panels"][0]
    assert panel["shares"] == pytest.approx(seen.probabilities.tolist(), abs=1e-6) and panel["verdict"] == ""
    assert np.array_equal(unpacked(at.query_params["drawing"]), a_stroke())


def test_a_typed_sequence_is_looked_at(open_page):
    runs = twins("sequences")
    at = open_page(INSIDE, typed="4 3 2 1")
    seen = look(runs[0].config, snapshots.kept_weights(runs[0], STEPS), (4, 3, 2, 1))
    panel = drawn(at, "inside_answers")["panels"][0]
    assert panel["shares"] == pytest.approx(seen.probabilities.tolist(), abs=1e-6) and seen.label == 1
    at = open_page(INSIDE, typed="4 3 2")
    assert len(at.warning) == 1 and not at.exception


def test_another_class_is_followed_also_from_a_digit_to_a_drawing(open_page):
    runs = twins()
    at = open_page(INSIDE, view="knows", **{"class": "4"})
    seen = look(runs[0].config, snapshots.kept_weights(runs[0], STEPS), 0)
    for _ in range(2):
        tokens = values(drawn(at, "inside_tokens")["panels"][0]).reshape(2, 4)
        assert not at.exception and tokens == pytest.approx(seen.token_lens[:, :, 4], abs=1e-6)
        at.session_state["inside_way"] = "Draw one"
        at.run()
        seen = look(runs[0].config, snapshots.kept_weights(runs[0], STEPS), bytes(784))
    box(at, "Class followed").set_value(-1).run()
    assert not at.exception and "each arm's own answer" in words_of(at)


def test_two_of_many_arms_are_chosen_and_a_run_that_ended_before_is_shown_as_it_ended(open_page):
    trained_twins([tiny(steps=steps, variance_scale=steps) for steps in (2, 3, 4)])
    at = open_page(INSIDE, arms="AC")
    panels = drawn(at, "inside_answers")["panels"]
    assert [panel["letter"] for panel in panels] == ["A", "C"]
    assert ["step 2" in panels[0]["words"], "step 4" in panels[1]["words"]] == [True, True]
    at.selectbox(key="inside_left").set_value(1).run()
    assert [panel["letter"] for panel in drawn(at, "inside_answers")["panels"]] == ["B", "C"]
    assert at.query_params["arms"] == "BC"


def test_a_drawing_survives_the_address_and_nothing_else_does():
    levels = np.arange(784, dtype=np.uint8).reshape(28, 28)
    assert np.array_equal(unpacked(packed(levels)), levels) and len(packed(a_stroke())) < 200
    for text in ("", "AAAA", "é", "x" * 5_000, packed(levels)[:-9]):
        assert unpacked(text) is None


def test_orders_and_tables_are_those_of_small_examples():
    one = Answers(np.array([0, 1, 1]), np.array([0, 1, 0]), np.float32([0.9, 0.5, 0.1]))
    other = Answers(np.array([0, 1, 1]), np.array([0, 0, 0]), np.float32([0.8, 0.1, 0.2]))
    assert by_hardness(one).tolist() == [2, 1, 0] and by_disagreement([one, other])[0] == 1
    assert disagreements([one, other]).tolist() == [1]
    assert confusion(one, 2).tolist() == [[1, 0], [0.5, 0.5]]
