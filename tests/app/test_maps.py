"""Maps of starts and of ends: what is drawn, where the arms stand, and that nothing is computed unasked or twice."""

import math

import pytest
from controls import chart_rows
from lessons import words_of
from places import LEARN_INIT
from played import play
from test_appearance import everywhere

from vit_lab import paths
from vit_lab.axes import Grid
from vit_lab.forkserver.calls import CannotStartError, TooMuchError
from vit_lab.probes.gauge import Cell, Start, gauge
from vit_lab.runs.records import NewRun
from vit_lab.runs.store import Store
from vit_lab.settings import configure
from vit_lab.ui.maps import charts, starts
from vit_lab.ui.maps.contour import contour
from vit_lab.ui.maps.dots import Dot, dots

TINY = {"dim": "8", "depth": "1", "heads": "1", "patch_size": "14", "train_size": "64", "map": "true"}
TINY |= {"steps": "6", "warmup_steps": "2"}
SMALL = configure(**{key: int(value) for key, value in TINY.items() if key != "map"})
AXES = ("queries-keys", "values-mlp")


def cell(entropy=0.9, growth=1.5, spread=0.3):
    start = Start(block_share=0.5, growth=growth, entropy=entropy, loss=2.3, num_classes=10)
    return Cell(start, gauge(start), similarity=0.5, spread=spread)


@pytest.fixture
def looked(monkeypatch):
    """What is asked to be computed apart; each cell's spread is its place across, over 10."""
    asked = []

    def apart(target, grid, images, beside):
        asked.append((grid, images))
        return [cell(spread=x / 10, growth=1 + y) for x, y in grid.places]

    monkeypatch.setattr(starts, "apart", apart)
    return asked


def test_nothing_is_computed_while_the_fold_is_closed_and_no_map_twice(open_page, looked):
    open_page(**TINY | {"map": "false"})
    assert not looked
    at = open_page(**TINY)
    assert not at.exception and len(looked) == 1
    at.number_input(key="learning_rate").set_value(0.01).run()
    at.selectbox(key="map_shade").set_value("signal").run()
    at.select_slider(key="a_qk_scale").set_value("3").run()
    assert not at.exception and len(looked) == 1, "none of this changes a cell"
    at.number_input(key="seed").set_value(5).run()
    assert len(looked) == 2


def test_the_map_has_a_row_for_each_cell_and_a_dot_for_each_arm(open_page, looked):
    rows = chart_rows(open_page(**TINY), "A map of starts by how widely attention looks")
    cells, arms, border = (rows[rows["kind"] == kind] for kind in ("cell", "arm", "border"))
    assert len(cells) == 225 and set(cells[cells["y"] > 4]["mark"]) == {"▲"}
    assert list(arms["arm"]) == ["A", "B"] and list(arms["x"]) == pytest.approx([1, 3])
    assert list(arms["fill"] == "white") == [False, True], "xavier lies beside a map of linear-default"
    assert len(border) == 28 and border["left"].tolist() == pytest.approx([10] * 28)


def test_a_link_opens_the_map_that_it_names(open_page, looked):
    link = TINY | {"map_across": "all-weights", "map_up": "depth", "map_shade": "similarity", "map_arm": "B"}
    at = open_page(**link)
    assert not at.exception and looked[0][0] == Grid.around(
        starts.at_its_start(configure(SMALL, scheme="xavier")), "all-weights", "depth"
    )
    assert any("how alike tokens become" in chart.proto.alt for chart in at.get("vega_lite_chart"))


@pytest.mark.parametrize("text", ["", "x", "queries-keys", "<b>", "9" * 400])
def test_no_link_breaks_the_map(open_page, looked, text):
    at = open_page(**TINY | dict.fromkeys(("map_across", "map_up", "map_shade", "map_arm"), text))
    assert not at.exception and not at.error and len(looked) == 1


@pytest.mark.parametrize(
    ("error", "said"), [(TooMuchError("takes long"), starts.TOO_LARGE), (CannotStartError("no"), starts.TOO_MANY)]
)
def test_a_map_that_cannot_be_computed_says_so(open_page, monkeypatch, error, said):
    def apart(target, grid, images, beside):
        raise error

    monkeypatch.setattr(starts, "apart", apart)
    at = open_page(**TINY)
    assert not at.exception and said in [info.value for info in at.info]


def test_a_model_too_large_for_a_map_says_so_before_anything_is_computed(open_page, looked):
    at = open_page(**TINY | {"dim": "512", "depth": "24", "heads": "8", "patch_size": "2"})
    assert starts.TOO_LARGE in [info.value for info in at.info] and not looked


def test_what_is_tuned_on_data_gets_a_map_of_fewer_cells(open_page, looked):
    at = open_page(**TINY | {"a_scheme": "lsuv"})
    assert len(looked[0][0].places) == 25 and "so cells are few" in words_of(at)
    assert "Not on this map: B." in words_of(at)


def test_stored_runs_are_drawn_beside_it(open_page, looked):
    store = Store(paths.database())
    runs = [configure(SMALL, seed=seed, qk_scale=10.0) for seed in (0, 1)] + [configure(SMALL, mlp_scale=2.0)]
    for run_id in store.add([NewRun(config, "n", "e", arm) for arm, config in enumerate(runs)]):
        play(store, run_id, 0.75)
    store.close()
    at = open_page(**TINY)
    rows = chart_rows(at, "A map of ends").dropna(subset="accuracy")
    assert rows[["x", "y", "accuracy", "runs"]].values.tolist() == [[10.0, 1.0, 0.75, 2.0]]
    assert "2 stored runs on 1 of 225 cells" in words_of(at)


def test_the_lesson_opens_its_map_on_request_and_says_what_to_look_for(open_page, looked):
    assert "Open the map" in words_of(open_page(LEARN_INIT)) and not looked
    at = open_page(LEARN_INIT, lesson_map="true")
    assert not at.exception and "120 of 225 cells are healthy" in words_of(at)
    at.selectbox(key="map_scheme").set_value("xavier").run()
    assert not at.exception and looked[-1][0].base.init.scheme == "xavier"


def test_where_arms_stand():
    arms = [configure(qk_scale=3.0), configure(scheme="xavier"), configure(scheme="mimetic"), configure(qk_scale=1e5)]
    assert dots(Grid.around(configure(), *AXES), arms) == [
        Dot(0, (3.0, 1.0), True),
        Dot(1, (pytest.approx(3.0), pytest.approx(3.0)), False),
    ]
    assert [dot.arm for dot in dots(Grid.around(configure(), "queries-keys", "depth"), arms)] == [0]
    assert dots(Grid.around(configure(), "all-weights", "depth"), arms[1:2]) == [
        Dot(0, (pytest.approx(3.0), 4.0), False)
    ]


def test_a_contour_runs_where_a_value_passes_one():
    places = [0.1, 1.0, 10.0]
    found = list(contour({(x, y): x * y for x in places for y in places}, places, places))
    assert found and all(x * y == pytest.approx(1) for piece in found for x, y in piece)
    assert not list(contour({(x, y): math.nan for x in places for y in places}, places, places))
    assert not list(contour({(x, y): 2.0 for x in places for y in places}, places, places))


def test_a_border_is_drawn_only_where_an_axis_moves_the_scores():
    grid = Grid.around(configure(), "values-mlp", "depth")
    assert charts.border(grid, [cell(spread=x) for x, _ in grid.places]) == []


def test_every_finding_has_a_mark():
    found = Start(0.0, 1e9, 0.0, 1e9, 10), Start(1.0, 1.0, 1.0, math.nan, 10)
    assert {finding for start in found for finding in gauge(start)} == set(charts.MARKS)
    assert set(charts.SHADES) == set(starts.SHOWN)


def test_a_spec_is_made_once_and_holds_no_rows():
    for spec in (charts.start_map_spec(*AXES, "entropy"), charts.end_map_spec(*AXES)):
        assert all("data" not in part and "datasets" not in part for part in everywhere(spec))
    assert charts.start_map_spec(*AXES, "entropy") is charts.start_map_spec(*AXES, "entropy")


def test_the_map_is_trained_on_a_click_and_its_cost_is_told_before(open_page, looked, monkeypatch, workers):
    monkeypatch.setattr("vit_lab.ui.experiments.cost.seconds_per_run", lambda config: 2.0)
    at = open_page(**TINY)
    assert not [button for button in at.button if button.key == "train_map"]
    at.session_state["train_map_offer"] = True
    at.run()
    assert any(text.value.startswith("25 runs, about ") for text in at.markdown)
    at.button(key="train_map").click().run()
    [submitted] = workers.submitted
    scales = {(run.config.init.qk_scale, run.config.init.mlp_scale) for run in submitted}
    assert not at.exception and len(submitted) == len(scales) == 25
