"""A round on the pages: the host leads it, students take part step by step, the board hides and reveals."""

from urllib.parse import parse_qsl, quote, urlsplit

import pytest
from controls import chart_rows
from places import COMPARE, JOIN, ROUND, TRAIN
from starlette.requests import Request
from streamlit.runtime.context import ContextProxy
from tiny import tiny, tiny_sequences

from vit_lab.events import Finished
from vit_lab.runs.classroom import Board, Classroom
from vit_lab.runs.limits import HOST
from vit_lab.runs.ready_rounds import READY
from vit_lab.runs.rounds import LONGEST_NICKNAME
from vit_lab.runs.states import Status
from vit_lab.ui.classroom import invitation
from vit_lab.ui.classroom.board import standing
from vit_lab.ui.experiments.launch import OF_TRAIN, TRAIN_FORM
from vit_lab.ui.serving import key as keys
from vit_lab.ui.serving import lab
from vit_lab.ui.serving.address import ENTRANCE
from vit_lab.ui.serving.server import ROUTES
from vit_lab.ui.serving.visitor import visitor

ARMS = [tiny(scheme=scheme) for scheme in ("linear-default", "xavier")]
QUESTION = "Which twin is ahead, & by how many points <b>?"
NAMES = ("ann", "bob", "eve", "kim", "lea", "max", "noa")


def cookie(name):
    return f"2|00000000|{(name * 8)[:16].encode().hex()}|1"


@pytest.fixture
def become(monkeypatch):
    """Become a student of a class, or, without a name, the host."""

    def turn_into(name=None):
        monkeypatch.setenv("VIT_LAB_CLASS", "1" if name else "0")
        cookies = {"_streamlit_xsrf": cookie(name)} if name else {}
        monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: cookies))

    return turn_into


@pytest.fixture(autouse=True)
def no_training(monkeypatch):
    monkeypatch.setattr("vit_lab.runs.executors.pool.WorkerPool.call", lambda self: None)
    monkeypatch.setattr("vit_lab.ui.classroom.host.cost_words", lambda plan, cores: f"{2 * len(plan.seeds)} runs")


@pytest.fixture
def round_id(home):
    return rooms().open(QUESTION, ARMS)


def rooms(name=HOST):
    return Classroom(lab._manager().as_visitor(name))


def take_part(become, round_id, guesses):
    """Students who have joined and guessed, by name."""
    for name, (arm, points) in guesses.items():
        become(name)
        rooms(visitor()).join(round_id, name.title())
        rooms(visitor()).commit(round_id, arm, points)
    become()


def finish(seed, *accuracies):
    store = lab._store()
    runs = sorted((run for run in store.runs() if run.config.seed == seed), key=lambda run: run.arm)
    for run, accuracy in zip(runs, accuracies, strict=True):
        done = Finished(
            step=10, test_loss=1.0, test_accuracy=accuracy, best_step=10, best_val_accuracy=0.5, best_test_accuracy=0.5
        )
        store.append(run.id, [(1.0, done)], 1.0, 1.0)
        store.end(run.id, Status.FINISHED)


def words(at):
    """All that the page says."""
    said = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.header, *at.subheader]
    return "\n".join([one.value for one in said] + [f"{metric.label} {metric.value}" for metric in at.metric])


def drawn(at):
    """What the charts of the page say to those who cannot see them."""
    return [chart.proto.alt for chart in at.get("vega_lite_chart")]


def keys_of(at):
    return {button.key for button in at.button}


def everything_sent(at):
    """The page as it goes to the browser."""
    return str(at.main.children) + "".join(str(getattr(one, "proto", "")) for one in at.main)


# The host


@pytest.mark.parametrize("name", READY)
def test_the_host_opens_a_ready_round(open_page, name):
    at = open_page(ROUND, start=name)
    assert at.selectbox(key="round_start").value == name
    assert not at.exception and at.text_area(key=f"round_question_{name}").value == READY[name].question
    at.number_input(key="round_students").set_value(12).run()
    assert "For 12 students: 24 runs." in words(at)
    at.button(key="round_open").click().run()
    assert not at.exception and not at.error
    (opened,) = lab._store().rounds.all()
    assert (opened.question, opened.arms, opened.free) == (READY[name].question, READY[name].configs, ())
    assert "Nobody has joined yet" in words(at) and "round_close" in keys_of(at) and "start" not in at.query_params


def test_the_host_opens_a_round_about_the_form_of_train(open_page):
    at = open_page(TRAIN, dim="8", depth="1", heads="1", patch_size="14", a_scheme="kaiming", b_scheme="vit", steps="7")
    at.switch_page(ROUND).run()
    at.selectbox(key="round_start").set_value("the form of Train").run()
    at.text_area(key="round_question_the form of Train").set_value("  Who   wins? ").run()
    at.multiselect(key="round_free_the form of Train").set_value(["depth"]).run()
    at.button(key="round_open").click().run()
    (opened,) = lab._store().rounds.all()
    assert not at.exception and opened.question == "Who wins?" and opened.free == ("depth",)
    assert [arm.init.scheme for arm in opened.arms] == ["kaiming", "vit"] and opened.arms[0].optim.steps == 7


def test_a_visitor_sees_the_board_and_leads_nothing(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 3.0)})
    become("bob")
    at = open_page(ROUND)
    assert not at.exception and "Ann" in words(at)
    assert not {key for key in keys_of(at) if key.startswith("round_")}
    assert not at.selectbox


def test_the_host_closes_and_reveals_and_the_board_shows_what_it_may(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 33.3), "bob": (0, 44.4)})
    at = open_page(ROUND)
    assert "Guesses are hidden" in words(at) and "Ann ✓" in words(at)
    finish(0, 0.5, 0.55)
    at.run()
    assert "Pairs trained 1 of 2" in words(at)
    for hidden in ("33.3", "44.4", "xavier is"):
        assert hidden not in everything_sent(at), "a guess or a result went to the browser before the close"
    assert not drawn(at) and not at.dataframe, "and none as data either, which are not text"
    assert not at.get("page_link"), "nor the way to where they are"
    at.button(key="round_close").click().run()
    assert not at.exception and at.dataframe[0].value["Guess"].tolist() == ["B +33.3", "A +44.4"]
    assert drawn(at) == ["Guesses above the axis, pairs below it"]
    assert chart_rows(at, "Guesses")["points"].round(1).tolist() == [33.3, -44.4, 5.0, 5.0]
    assert "Closest" not in words(at)
    at.button(key="round_reveal").click().run()
    assert not at.exception and "Closest: Ann" in words(at)
    assert "The class came to B +5.0; the guess was B +33.3, 28.3 points off. 1 of 2 guessed" in words(at)
    assert "Not all pairs are in" in words(at)
    at.button(key="round_rest").click().run()
    assert {run.status for run in lab._store().runs() if run.config.seed == 1} == {Status.QUEUED}


@pytest.mark.parametrize("pairs", [1, 3, 5, 7])
def test_the_board_gives_the_verdict_of_compare_and_calls_it_a_demo_below_six(open_page, become, round_id, pairs):
    take_part(become, round_id, dict.fromkeys(NAMES, (1, 3.0)))
    for seed in range(pairs):
        finish(seed, 0.5, 0.53 + 0.01 * (seed % 3))
    told = {}
    for state in ("open", "closed"):
        board, compared = open_page(ROUND, round=round_id), open_page(COMPARE, experiment=round_id)
        assert not board.exception and not compared.exception
        told[state] = [
            [one.value.lstrip("#") for one in at.markdown if one.value.startswith("###")] for at in (board, compared)
        ]
        rooms().close(round_id)
    assert told["open"][0] == [] and "with each guess until the round" in told["open"][1][0], "however many are in"
    verdicts = told["closed"]
    assert verdicts[0] == verdicts[1] != []
    assert ("demo" in words(board)) == (pairs < 6)
    assert ("xavier is better than linear-default" in verdicts[0][0]) == (pairs == len(NAMES)), "all that were guessed"


def test_after_a_round_there_is_something_to_take_home_and_the_host_puts_it_away(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 3.0), "bob": (0, 2.0)})
    finish(0, 0.5, 0.55)
    rooms().reveal(round_id)
    at = open_page(ROUND)
    assert {"round_archive", "round_remove"} <= keys_of(at)
    at.button(key="round_remove").click().run()
    assert not at.exception and "4 runs of 2 visitors will go" in words(at)
    at.button(key="remove_confirmed").click()
    at.button(key="round_remove").click().run()  # a dialog is drawn again with what opened it
    assert lab._store().runs() == [] and len(Board.read(lab._store(), round_id).guesses) == 2
    at.button(key="round_archive").click().run()
    assert "2 students, 2 guesses and 0 runs stay" in words(at)
    at.button(key="archive_confirmed").click()
    at.button(key="round_archive").click().run()
    assert not at.exception and lab._store().rounds.all()[0].archived_at


def test_all_that_visitors_have_trained_leaves_out_what_an_open_round_waits_for(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 3.0)})
    rooms().close(round_id)
    other = rooms().open("Another question", ARMS)
    take_part(become, other, {"ann": (1, 3.0), "bob": (0, 2.0)})
    at = open_page(ROUND, round=round_id)
    at.button(key="round_remove").click().run()
    at.radio(key="remove_scope").set_value("All that visitors have trained here")
    at.button(key="round_remove").click().run()  # a dialog is drawn again with what opened it
    assert not at.exception and "2 runs of 1 visitor will go" in words(at) and "that are open keep theirs" in words(at)
    at.button(key="remove_confirmed").click()
    at.button(key="round_remove").click().run()
    assert {run.experiment for run in lab._store().runs()} == {other} and len(lab._store().runs()) == 4


def test_what_stands_outside_of_the_ticks_follows_from_what_has_it_drawn_again(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 3.0)})
    first, stood = open_page(ROUND), standing(Board.read(lab._store(), round_id))
    take_part(become, round_id, {"bob": (0, 2.0)})
    assert standing(Board.read(lab._store(), round_id)) == stood, "or each guess would draw the whole page anew"
    later = open_page(ROUND)
    assert [button.label for button in later.button] == [button.label for button in first.button]
    later.button(key="round_rest").click().run()
    assert {run.status for run in lab._store().runs()} == {Status.QUEUED}


def test_the_host_is_told_what_cannot_go_on_until_nothing_stands_still(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 3.0), "bob": (0, 2.0)})
    store = lab._store()
    first = min(store.runs(), key=lambda run: run.number)
    store._set(first.id, wall_seconds=1e6)
    at = open_page(ROUND)
    at.button(key="round_rest").click().run()
    assert not at.exception and "Not all could be queued: the run" in words(at.run())
    assert [run.status for run in store.runs()].count(Status.QUEUED) == 3
    store.end(first.id, Status.DIVERGED)
    assert "Not all could be queued" not in words(at.run())


def test_the_host_is_offered_for_students_what_both_twins_have_alike(open_page):
    at = open_page(ROUND)
    assert {"depth", "patch size"} <= set(at.multiselect(key="round_free_variance").options)
    at.session_state[TRAIN_FORM] = [tiny_sequences(depth=1), tiny_sequences(depth=2)]
    at.run()
    at.selectbox(key="round_start").set_value(OF_TRAIN).run()
    offered = set(at.multiselect(key=f"round_free_{OF_TRAIN}").options)
    assert not at.exception and not {"depth", "patch size"} & offered and "heads" in offered


def test_several_rounds_are_told_apart_and_a_link_shows_its_own(open_page, round_id):
    newer = rooms().open("Another question", ARMS)
    assert "Another question" in words(open_page(ROUND))
    at = open_page(ROUND, round=round_id)
    assert r"Which twin is ahead, & by how many points \<b\>?" in words(at)
    at.selectbox(key="round_shown").set_value(newer).run()
    assert not at.exception and "Another question" in words(at) and newer in at.query_params["round"]
    assert "The round of this link is not here" in words(open_page(ROUND, round="<script>"))


def test_students_are_asked_in_under_an_address_that_is_not_localhost(open_page, become, monkeypatch, round_id):
    monkeypatch.setattr(invitation, "network_address", lambda seen: "http://192.168.1.7:8501")
    asked = lab._store().rounds.round(round_id)
    at = open_page(ROUND)
    told = "".join(element.proto.body for element in at.get("html"))
    assert "192.168.1.7:8501/join" in told and asked.code in told
    assert "localhost" not in told and len(at.get("image")) == 1
    svg = invitation.qr_code(f"http://192.168.1.7:8501/join?code={asked.code}")
    assert svg.startswith("<svg") and "<script" not in svg
    monkeypatch.setattr(invitation, "network_address", lambda seen: None)
    assert "Only this machine can open this lab" in words(open_page(ROUND))


# A student


def test_a_student_joins_guesses_once_and_trains_their_own_pair(open_page, become, round_id):
    become("ann")
    at = open_page(JOIN)
    assert not at.exception and "Which twin is ahead" in words(at)
    at.text_input(key="nickname").set_value("<b>")
    at.button(key="join").click().run()
    assert "nickname: it may have letters" in words(at)
    at.text_input(key="nickname").set_value("Ann")
    at.button(key="join").click().run()
    assert not at.exception and at.button(key="commit").disabled
    at.pills(key="arm").set_value(1).run()
    at.number_input(key="points").set_value(7.5).run()
    at.button(key="commit").click().run()
    assert not at.exception and "ahead by 7.5" in words(at) and keys_of(at) == {"train_mine"}
    at.button(key="train_mine").click().run()
    assert not at.exception and keys_of(at) == set()
    assert {(run.owner, run.status, run.config.seed) for run in lab._store().runs()} == {(visitor(), Status.QUEUED, 0)}
    again = open_page(JOIN, code=lab._store().rounds.round(round_id).code)
    assert "ahead by 7.5" in words(again) and not again.pills, "by the address there is no second guess either"


def test_a_student_sees_their_pair_and_after_the_reveal_how_close_they_were(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 6.0), "bob": (0, 2.0)})
    finish(0, 0.5, 0.55)
    finish(1, 0.5, 0.57)
    become("bob")
    at = open_page(JOIN)
    assert "Your pair: B +7.0" in words(at) and "The class" not in words(at)
    become()
    rooms().reveal(round_id)
    code = lab._store().rounds.round(round_id).code
    become("bob")
    at = open_page(JOIN, code=code)
    assert "The class: B +6.0" in words(at) and "You were 8.0 points off; 1 came closer." in words(at)
    become("ann")
    assert "Nobody came closer than you" in words(open_page(JOIN, code=code))


def test_an_interrupted_pair_goes_on_at_its_students_word(open_page, become, round_id):
    take_part(become, round_id, {"ann": (1, 6.0)})
    store = lab._store()
    for run in store.runs():
        store._set(run.id, status=Status.INTERRUPTED, step=4)
    become("ann")
    at = open_page(JOIN)
    assert at.button(key="train_mine").label == "Go on with my pair"
    at.button(key="train_mine").click().run()
    assert {run.status for run in store.runs()} == {Status.QUEUED}


def test_who_comes_too_late_or_with_a_wrong_code_is_told(open_page, become, round_id):
    rooms().close(round_id)
    become("ann")
    code = lab._store().rounds.round(round_id).code
    at = open_page(JOIN, code=code)
    assert "takes no more guesses" in words(at) and keys_of(at) == set()
    at = open_page(JOIN, code="<script>")
    assert not at.exception and "There is no round with this code" in words(at)
    at.text_input(key="code_typed").set_value(code.lower())
    at.button(key="code_go").click().run()
    assert "takes no more guesses" in words(at)
    assert "No round is open yet" in words(open_page(JOIN))


def test_what_is_left_to_students_is_a_field_and_nothing_else(open_page, become):
    free = rooms().open(QUESTION, ARMS, ["depth", "train_size"])
    become("ann")
    rooms(visitor()).join(free, "Ann")
    at = open_page(JOIN)
    assert {widget.key for widget in at.number_input} == {"points", "free_depth", "free_train_size"}
    at.number_input(key="free_depth").set_value(1)
    at.pills(key="arm").set_value(0).run()
    at.button(key="commit").click().run()
    assert not at.exception and {run.config.model.depth for run in lab._store().runs()} == {1}
    assert "with depth 1" in words(at)


def test_a_nickname_has_so_many_letters(open_page, become, round_id):
    become("ann")
    assert open_page(JOIN).text_input(key="nickname").max_chars == LONGEST_NICKNAME


# Who is the host


@pytest.fixture
def elsewhere(become):
    become("ann")
    yield
    keys._opened.clear(), keys._tickets.clear()


def link_opened(key):
    """Where a browser is sent that opens the link with a key: the page, and the ticket in its address."""
    query = f"key={quote(key)}".encode()
    request = Request({"type": "http", "method": "GET", "path": ENTRANCE, "query_string": query, "headers": []})
    answer = next(route for route in ROUTES if route.path == ENTRANCE).endpoint(request)
    assert answer.status_code == 303 and answer.headers["cache-control"] == "no-store"
    where = urlsplit(answer.headers["location"])
    assert where.path == "round" and keys.key() not in answer.headers["location"]
    return dict(parse_qsl(where.query))


def test_the_link_with_the_key_makes_a_browser_the_host_and_no_page_has_the_key(open_page, elsewhere, round_id):
    at = open_page(ROUND, **link_opened(keys.key()))
    assert not at.exception and "round_close" in keys_of(at)
    assert "host" not in at.query_params and keys.key() not in everything_sent(at)
    assert "round_close" in keys_of(open_page(ROUND)), "also when the page is loaded again"


def test_what_stays_in_the_history_of_a_browser_makes_nobody_else_the_host(open_page, elsewhere, become, round_id):
    used = link_opened(keys.key())
    open_page(ROUND, **used)
    become("bob")
    assert "round_close" not in keys_of(open_page(ROUND, **used)), "a ticket works once"
    late = link_opened(keys.key())
    keys._tickets[late["host"]] -= keys.TICKET_SECONDS + 1
    assert "round_close" not in keys_of(open_page(ROUND, **late)), "and not for long"
    assert "round_close" not in keys_of(open_page(ROUND, host=keys.key())), "and a key in a page's address does nothing"


@pytest.mark.parametrize("wrong", ["", "x", "é🦊", "\ud800", "nearly"])
def test_nothing_else_does(open_page, elsewhere, become, round_id, wrong):
    text = keys.key()[:-1] if wrong == "nearly" else wrong
    if wrong == "\ud800":
        assert not keys.is_key(text) and keys.ticket_for(text) is None
        return
    assert link_opened(text) == {}
    at = open_page(ROUND, host=text)
    assert not at.exception and "round_close" not in keys_of(at) and "host" not in at.query_params
    open_page(ROUND, **link_opened(keys.key()))
    become("bob")
    assert "round_close" not in keys_of(open_page(ROUND)), "another browser is not the host"


def test_a_browser_without_cookies_is_the_host_for_its_session(open_page, become, monkeypatch, round_id):
    become("ann")
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _: {}))
    at = open_page(ROUND, **link_opened(keys.key()))
    assert "round_close" in keys_of(at) and "round_close" in keys_of(at.run())
    assert "round_close" not in keys_of(open_page(ROUND)) and not keys._opened


def test_each_server_has_a_key_that_nobody_guesses():
    assert len(keys.key()) >= 24 and keys.is_key(keys.key()) and not keys.is_key("")
