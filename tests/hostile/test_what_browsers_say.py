"""Messages that no button sends: whatever a visitor says, other people's runs go on."""

import threading
from contextlib import suppress

import pytest
from peer import ANN, BOB, Peer
from streamlit.proto.BackMsg_pb2 import BackMsg
from waiting import wait_for
from websockets.exceptions import ConnectionClosed

from vit_lab.runs.states import Status
from vit_lab.runs.store import Store

SINGLE = "arms=1&patch_size=14&dim=32&depth=2&heads=2&train_size=1000&steps=20000&seed=1"
KINDS = BackMsg.DESCRIPTOR.oneofs_by_name["type"].fields


def hostile(kind: str) -> BackMsg:
    """A message of a kind, saying yes to whatever it asks."""
    message = BackMsg()
    field = BackMsg.DESCRIPTOR.fields_by_name[kind]
    if field.message_type:
        getattr(message, kind).SetInParent()
    else:
        setattr(message, kind, "x" if field.cpp_type == field.CPPTYPE_STRING else True)
    return message


def test_every_kind_of_message_leaves_the_runs_of_others_alone(class_server):
    ann = Peer(class_server, ANN).open(SINGLE)
    ann.open(SINGLE, click="train")
    store = Store(class_server.home / "runs.sqlite3")
    before = wait_for(lambda: (runs := store.runs()) and runs[0].step > 0 and runs[0])
    bob = Peer(class_server, BOB).open()
    for kind in [field.name for field in KINDS] + ["clear_cache"]:
        with suppress(ConnectionClosed):  # by the message before
            bob.send(hostile(kind))
            bob.send(hostile("app_heartbeat"))
            continue
        bob = Peer(class_server, BOB).open()
        bob.send(hostile(kind))
    assert Peer(class_server, BOB).open().elements
    now = wait_for(lambda: (run := store.run(before.id)).step > before.step and run)
    assert (now.status, now.turn, now.worker) == (Status.RUNNING, before.turn, before.worker), "never interrupted"
    assert len(store.runs()) == 1
    store.close()
    class_server.kill()  # a connection that is closed by a message leaves many lines in the terminal


def test_a_tick_of_a_page_that_was_left_does_not_bring_it_back(server):
    peer = Peer(server).open(SINGLE)
    peer.open(SINGLE, click="train")
    left, tick, arrived = peer.pages[-1], peer.tick(), threading.Event()

    def go_on():  # also while the page that the button leads to is drawn, of which the timer has not heard
        while not arrived.wait(0.02):
            peer.send(tick)

    timer = threading.Thread(target=go_on)
    peer.ask(click="present")
    timer.start()
    try:
        while peer.pages[-1] == left:
            peer.read()
    finally:
        arrived.set()
        timer.join()
    arrived_at = peer.pages[-1]
    with suppress(TimeoutError):
        while True:
            peer.read(seconds=2.0)
    assert left not in peer.pages[peer.pages.index(arrived_at) :]
    assert "no verdict yet" in peer.text


@pytest.mark.long
def test_noise_ends_nothing_but_its_own_connection(class_server):
    for noise in (b"", b"\x00" * 1000, b"\xff" * 1000, b"\x0a\xff\xff\xff\xff\x0f", "text", "\x00"):
        peer = Peer(class_server, BOB).open()
        with suppress(ConnectionClosed):
            peer.send(noise)
            peer.send(noise)
        peer.close()
        assert Peer(class_server, ANN).open().elements, f"after {noise[:6]!r} nobody is served"
    class_server.kill()  # its terminal tells of each in many lines, which `stop` would object to
