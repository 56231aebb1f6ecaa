"""What a browser is told of the runs on Inside: by the page, and over and over without it."""

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

from every_kind import EveryKind
from places import INSIDE
from starlette.applications import Starlette
from tiny import tiny
from twins import trained_twins

from vit_lab.events import Stepped
from vit_lab.runs import snapshots
from vit_lab.runs.errors import StoreError
from vit_lab.runs.states import Status
from vit_lab.training.checkpoint import Checkpoint
from vit_lab.ui.inside import news
from vit_lab.ui.serving.address import NEWS
from vit_lab.ui.serving.server import MIDDLEWARE, ROUTES

SERVED = Starlette(routes=ROUTES, middleware=MIDDLEWARE)


def asked(address, host="localhost:8501"):
    """Status and text of what a server answers to a browser."""
    path, _, query = address.partition("?")
    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode()}
    scope["headers"] = [(b"host", host.encode())]
    sent = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    asyncio.run(SERVED(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()


def told(at):
    """What the page told its watch."""
    return json.loads(next(one.proto.json for one in at.get("bidi_component") if one.proto.id.endswith("inside_news")))


def ids_in(address):
    """The runs of which an address asks for news."""
    return parse_qs(urlsplit(address).query)["runs"][0].split(",")


def anew():
    """As if the time had passed for which news are kept."""
    news._lately.clear()


def test_news_change_with_a_step_that_is_kept_and_with_the_end(every_kind: EveryKind, open_page):
    at = open_page(INSIDE, experiment="at-work")
    page = told(at)
    assert page["live"] and asked(page["address"])[1] == page["seen"]
    store, seen = every_kind.store, [page["seen"]]
    runs = store.runs(ids_in(page["address"]))
    for run in runs:
        store.append(run.id, [(1.0, Stepped(step=20))], 1.0, None)
        snapshots.keep(run.id, Checkpoint({}, {"step": 20, "tensors": 0}))
    anew()
    seen.append(asked(page["address"])[1])
    for run in runs:
        store.end(run.id, Status.STOPPED)
    anew()
    seen.append(asked(page["address"])[1])
    assert seen == ["2 2 0", "2 2 20", "2 0 20"]


def test_who_looks_at_runs_that_have_ended_asks_for_nothing(home, open_page):
    trained_twins([tiny(), tiny(scheme="xavier")])
    assert not told(open_page(INSIDE))["live"]


def test_strange_questions_are_answered_in_a_line(home):
    for query in ("", "?runs=", "?runs=nobody", "?runs=" + ",".join("abcdefgh"), "?runs='; DROP TABLE runs"):
        assert asked(f"{NEWS}{query}") == (200, "0 0 0"), query


def test_a_store_that_cannot_be_read_is_no_news(home, monkeypatch):
    def fails():
        raise StoreError("it is damaged")

    monkeypatch.setattr(news, "store_as_it_is", fails)
    assert asked(f"{NEWS}?runs=nobody") == (503, "The runs cannot be read.")


def test_another_site_is_told_nothing(home):
    assert asked(NEWS, "evil.example")[0] == 403
