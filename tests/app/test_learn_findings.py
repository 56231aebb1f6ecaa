"""The page of findings: every one that has been measured opens, with its figures, and leads on to others."""

import pytest
from places import FOLDER

from vit_lab.analysis.findings import findings
from vit_lab.ui.learn.findings.words import on_the_page

PAGE = f"{FOLDER}/learn_findings.py"
MEASURED = findings()


@pytest.mark.parametrize("number", MEASURED)
def test_a_finding_opens_by_its_link(home, open_page, number):
    at = open_page(PAGE, finding=number)
    assert not at.exception and at.selectbox[0].value == number
    assert on_the_page(MEASURED[number]) in [one.value for one in at.markdown]
    assert [one.label for one in at.get("download_button")] == list(MEASURED[number].files)
    assert bool(at.get("vega_lite_chart")) == (MEASURED[number].experiment is not None)


def test_links_between_findings_open_in_the_lab_and_others_are_words_alone():
    text = on_the_page(MEASURED["001"])
    assert "](001-" not in text and ".html)" not in text and "The report" in text
    assert "](learn_findings?finding=" in on_the_page(MEASURED["002"]) or "012" in on_the_page(MEASURED["002"])


def test_what_is_only_expected_is_no_finding(tmp_path):
    (tmp_path / "001-x.md").write_text("# 001: A question\n\n**Not measured yet.** What is expected.\n")
    (tmp_path / "002-y.md").write_text("# 002: An answer\n\nIt was measured.\n")
    assert list(findings(tmp_path)) == ["002"]


def test_all_tables_and_reports_of_a_finding_can_be_taken_along():
    names = [file.name.removeprefix("004-the-claim-fairly") for file in MEASURED["004"].files.values()]
    assert names == [".csv", ".html", "-full.csv", "-full.html"]
