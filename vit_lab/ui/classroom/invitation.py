"""How students get into a round: a code for a phone's camera, and an address short enough to be typed."""

from html import escape

import segno
import streamlit as st

from vit_lab.runs.rounds import Round
from vit_lab.ui.prose import warn
from vit_lab.ui.serving.address import network_address

JOIN = "join"  # the page, as an address has it
QUIET = 2  # modules of white around the code, without which cameras do not see it on a dark page
BIG = '<div style="font-size: {size}rem; line-height: 1.15; font-weight: 700; overflow-wrap: anywhere">{words}</div>'


def invitation(asked: Round, pixels: int) -> None:
    """The code to photograph, the address to type and the round's own code; or why there are none."""
    where = network_address(st.context.url or "")
    if where is None:
        warn("""
            Only this machine can open this lab, so nobody can join yet: start it with `--server.address=0.0.0.0`, as
            the README says under *In a class*. On a machine that is in no network, others cannot reach it.
        """)
    else:
        st.image(qr_code(f"{where}/{JOIN}?code={asked.code}"), width=pixels, alt="QR code that opens this round")
        st.html(BIG.format(size=1.7, words=escape(f"{where.partition('://')[2]}/{JOIN}")))
    st.html(BIG.format(size=3.2, words=f"<span style='letter-spacing: 0.15em'>{asked.code}</span>"))


def qr_code(address: str) -> str:
    """An address as an SVG drawing, dark on white, whatever the page's colours are."""
    code = segno.make(address, error="m", micro=False)
    return str(code.svg_inline(border=QUIET, dark="#000", light="#fff", scale=10, omitsize=True))
