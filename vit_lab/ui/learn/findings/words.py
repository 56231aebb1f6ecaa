"""The text of a finding as a page of the lab shows it: its links lead to other findings, and to nothing outside."""

import re

import streamlit as st

from vit_lab.analysis.findings import Finding, findings

PAGE = "learn_findings"
LINK = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")
OTHER = re.compile(r"(\d{3})-[\w-]+\.md")


def finding_link(number: str) -> None:
    """A link that opens a finding in the app, if it is here."""
    if finding := findings().get(number):
        label = f"Finding {number}: {finding.title}"
        st.page_link(f"pages/{PAGE}.py", label=label, icon=":material/science:", query_params={"finding": number})


def on_the_page(finding: Finding) -> str:
    """Its Markdown, of which links to files that a browser cannot open keep their words alone."""
    return LINK.sub(_link, finding.text)


def _link(found: re.Match[str]) -> str:
    words, target = found.groups()
    if other := OTHER.fullmatch(target):
        return f"[{words}]({PAGE}?finding={other[1]})"
    return found[0] if target.startswith("https://") else words
