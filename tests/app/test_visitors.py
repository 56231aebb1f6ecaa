"""In a class every visitor changes their own runs only; at a machine of one's own nobody is asked who they are."""

import pytest
from every_kind import PAIRS
from places import COMPARE, RUNS, TRAIN
from streamlit.runtime.context import ContextProxy

from vit_lab.runs.limits import HOST, VISITOR_LIMITS
from vit_lab.runs.records import NewRun
from vit_lab.runs.states import Status
from vit_lab.ui.serving import lab
from vit_lab.ui.serving import visitor as visitor_module
from vit_lab.ui.serving.visitor import NOT_YOURS, is_class, visitor

TOKENS = {"ann": bytes(range(16)), "bob": bytes(range(1, 17))}


def cookie(token, mask):
    """The token as Streamlit's server sends it, under a mask that is new each time."""
    return f"2|{mask.hex()}|{bytes(byte ^ mask[i % 4] for i, byte in enumerate(token)).hex()}|1700000000"


@pytest.fixture
def someone(monkeypatch):
    """Become a person of a class; None sends no cookie."""
    monkeypatch.setenv("VIT_LAB_CLASS", "1")

    def become(name, mask=b"\1\2\3\4"):
        cookies = {"_streamlit_xsrf": cookie(TOKENS[name], mask)} if name else {}
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: cookies))

    return become


def test_on_an_own_machine_everybody_is_the_host(monkeypatch):
    assert not is_class() and visitor() == HOST
    monkeypatch.setenv("VIT_LAB_CLASS", "0")
    assert visitor() == HOST


@pytest.mark.parametrize("address", ["0.0.0.0", None, "192.168.0.7"])
@pytest.mark.parametrize(
    ("ip", "headers", "host"),
    [(None, {}, True), ("192.168.0.9", {}, False), (None, {"X-Forwarded-For": "192.168.0.9"}, False)],
)
def test_a_server_that_answers_to_others_knows_who_sits_at_the_machine(monkeypatch, address, ip, headers, host):
    options = {"server.address": address, "server.allowedHosts": []}
    monkeypatch.setattr(visitor_module.st, "get_option", options.get)
    monkeypatch.setattr(ContextProxy, "ip_address", property(lambda _: ip))
    monkeypatch.setattr(ContextProxy, "headers", property(lambda _: headers | {"Host": "localhost:8501"}))
    assert is_class() and (visitor() == HOST) == host


def test_a_visitor_stays_the_same_under_every_mask_and_differs_from_others(someone):
    someone("ann")
    ann = visitor()
    someone("ann", b"\xff\0\x7f\x01")
    assert visitor() == ann != HOST
    assert TOKENS["ann"].hex() not in ann, "what is stored does not tell the token"
    someone("bob")
    assert visitor() not in (ann, HOST)


NO_TOKENS = ["", "2|", "2|x|y|1", "2|0102|00|1", "1|01020304|" + "00" * 16 + "|1", "2|01020304||1", "🦊", "|||"]


@pytest.mark.parametrize("text", [*NO_TOKENS, "2|01020304|00|1|1"])
def test_a_forged_or_broken_cookie_makes_a_visitor_and_never_the_host(monkeypatch, someone, text):
    someone(None)
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: {"_streamlit_xsrf": text}))
    assert visitor() != HOST


@pytest.fixture
def runs_of(every_kind, someone):
    """Give all runs of the prepared store to a person."""

    def give(name):
        someone(name)
        owner = visitor() if name else HOST
        for run_id in every_kind.ids.values():
            every_kind.store._set(run_id, owner=owner)

    return give


@pytest.mark.parametrize("owner", ["ann", "bob", None])
@pytest.mark.parametrize("experiment", PAIRS)
def test_only_the_own_runs_can_be_steered_and_the_others_say_why(open_page, runs_of, someone, owner, experiment):
    runs_of(owner)
    someone("bob")
    at = open_page(experiment=experiment)
    assert not at.exception
    steering = [at.button(key=key) for key in ("pause", "resume", "stop")]
    if owner == "bob":
        assert any(not button.disabled for button in steering) == (experiment != "done")
    elif experiment != "done":
        assert all(button.disabled and button.help == NOT_YOURS for button in steering)


@pytest.mark.parametrize("owner", ["ann", "bob"])
def test_only_the_own_experiments_can_be_added_to_and_the_others_say_why(open_page, runs_of, someone, owner):
    runs_of(owner)
    someone("bob")
    at = open_page(COMPARE, experiment="still")
    at.text_input(key="arm_to_add").set_value("kaiming").run()
    adding = [button for button in at.button if button.key.startswith(("add_", "resume-", "over-"))]
    assert not at.exception and len(adding) == 6
    for button in adding:
        assert (button.disabled, button.help or None) == ((False, None) if owner == "bob" else (True, NOT_YOURS))


@pytest.mark.parametrize("owner", ["ann", "bob"])
def test_only_the_own_runs_can_be_deleted_or_renamed(open_page, runs_of, someone, every_kind, owner):
    runs_of(owner)
    someone("bob")
    at = open_page(RUNS)
    row = every_kind.newest_first.index(Status.FINISHED)
    at.session_state["table"] = {"selection": {"rows": [row], "columns": [], "cells": []}}
    at.run()
    for key in ("delete", "edit"):
        assert at.button(key=key).disabled == (owner != "bob")
    assert not at.button(key="again").disabled, "everybody may run it again, as their own"


def test_a_click_that_a_page_did_not_offer_is_refused_all_the_same(
    open_page, runs_of, someone, every_kind, monkeypatch
):
    runs_of("ann")
    someone("bob")
    monkeypatch.setattr(
        "vit_lab.ui.experiments.controls.not_theirs", lambda runs: None
    )  # as if a browser pressed what is disabled
    at = open_page(experiment="at-work")
    at.button(key="stop").click().run()
    assert not at.exception and "somebody else's" in at.error[0].value
    assert every_kind.store.run(every_kind.ids[Status.QUEUED]).status == Status.QUEUED


def test_a_visitor_owns_what_they_start_and_is_told_when_it_is_too_much(open_page, someone, monkeypatch):
    someone("ann")
    at = open_page(TRAIN, dim="8", depth="1", heads="1", patch_size="14", steps="6", train_size="64", warmup_steps="2")
    monkeypatch.setattr("vit_lab.runs.executors.pool.WorkerPool.call", lambda self: None)
    at.button(key="train").click().run()
    assert not at.exception and {run.owner for run in lab._store().runs()} == {visitor()}
    config = lab._store().runs()[0].config
    lab._store().add([NewRun(config, "n", "more")] * (VISITOR_LIMITS.runs - 3), owner=visitor())
    at.number_input(key="seed").set_value(1).run()  # the same pair would not be launched twice
    at.button(key="train").click().run()
    assert not at.exception and f"{VISITOR_LIMITS.runs} is the most" in at.error[0].value
    assert len(lab._store().runs()) == VISITOR_LIMITS.runs - 1


def test_a_link_to_a_run_that_is_too_large_for_a_class_starts_nothing(open_page, someone, monkeypatch):
    someone("ann")
    at = open_page(TRAIN, dim="8", depth="1", heads="1", patch_size="14", steps="50000")
    at.button(key="train").click().run()
    assert not at.exception and "steps: 50,000 steps is more than the 20,000" in at.error[0].value
    assert lab._store().runs() == []
