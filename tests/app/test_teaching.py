"""Every address in the plans for lessons opens what it promises."""

import re

import pytest
from places import FOLDER, ROOT

TEXT = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
ADDRESSES = sorted(set(re.findall(r"`(/[a-z_]+(?:\?[^`]*)?)`", TEXT)))


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_of_a_lesson_opens_with_all_that_it_asks_for(open_page, workers, monkeypatch, address):
    monkeypatch.setattr("vit_lab.ui.classroom.host.cost_words", lambda plan, cores: "")
    page, _, query = address[1:].partition("?")
    asked = dict(part.split("=") for part in query.split("&")) if query else {}
    at = open_page(f"{FOLDER}/{page}.py", **asked)
    assert not at.exception and not at.error and not at.warning
    if start := asked.get("start"):
        assert at.selectbox(key="round_start").value == start


def test_the_plans_have_addresses():
    assert len(ADDRESSES) >= 7
