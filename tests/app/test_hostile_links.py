"""Whatever a link holds, Train and the lessons open without an exception, and what Train would start is valid."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from places import FOLDER

from vit_lab.settings import PART_OF, parse
from vit_lab.ui.learn.lesson import LESSONS

AWKWARD = ["", "<script>alert(1)</script>", "9" * 400, "nan", "1e999", "-1", "null", "'; DROP TABLE runs; --", "🦊"]
AWKWARD += ["../../etc/passwd", "x" * 10_000, "0", "1", "2", "7", "64", "512", "xavier", "epochs", "true"]
KEYS = [
    *PART_OF,
    "compare",
    "length",
    "clip",
    "experiment",
    "a_scheme",
    "b_scheme",
    "a_variance_scale",
    "b_qk_scale",
    "preset",
]


@pytest.mark.timeout(300)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(query=st.dictionaries(st.sampled_from(KEYS), st.sampled_from(AWKWARD) | st.text(max_size=20), max_size=8))
@example(query=dict.fromkeys(KEYS, ""))
@example(query={"kind": "", "dataset": ""})
def test_no_link_breaks_the_page_or_starts_what_is_not_valid(open_page, workers, monkeypatch, query):
    monkeypatch.setattr("vit_lab.ui.train.preflight.preflight_panel", lambda configs: None)
    query.setdefault("patch_size", "14")
    query.setdefault("dim", "8")
    at = open_page(**query)
    assert not at.exception
    if any(button.key == "train" for button in at.button):
        at.button(key="train").click().run()
        assert not at.exception
        for run in workers.submitted[-1]:
            assert parse(run.config.model_dump()) == run.config


@pytest.mark.parametrize("lesson", LESSONS)
def test_no_link_breaks_a_lesson(open_page, workers, lesson):
    for text in AWKWARD[:3]:
        kept = ("guess", "guessed", "train_copy", "train_clips", "train_positions", "experiment", "kind", "patch")
        at = open_page(f"{FOLDER}/{lesson}.py", **dict.fromkeys(kept, text))
        assert not at.exception and not at.error, text
        assert len(at.subheader) >= 2, text
