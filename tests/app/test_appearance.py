"""Settings of the server and the look of the pages: what was measured once must not get lost."""

import copy
import re
import tomllib

import altair as alt
import pytest
from places import DASHBOARD, FOLDER, ROOT

from vit_lab.analysis import comparison_charts
from vit_lab.analysis.arms import COLOURS, LETTERS
from vit_lab.axes import AXES
from vit_lab.ui import arms
from vit_lab.ui.figures import charts, matrix, patch_map
from vit_lab.ui.inside import shown
from vit_lab.ui.learn.attention import scaling
from vit_lab.ui.learn.init import charts as learn_init
from vit_lab.ui.learn.positions import figures as positions
from vit_lab.ui.learn.positions import shuffle
from vit_lab.ui.learn.timesformer import charts as timesformer
from vit_lab.ui.learn.transformer import charts as transformer
from vit_lab.ui.maps import charts as maps
from vit_lab.ui.menu import PAGES

CONFIG = tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))


def specs_of(module):
    """All specs that a module has as constants, by name."""
    found = {name: value for name, value in vars(module).items() if name.isupper()}
    for name, several in list(found.items()):
        if isinstance(several, dict):
            found |= {f"{name} {key}": spec for key, spec in several.items()}
    return {name: spec() for name, spec in found.items() if hasattr(spec, "cache_info")}


def specs():
    """All chart specs by name."""
    found = {name: spec for name, spec in specs_of(charts).items() if " " not in name}
    return found | {name: spec() for name, spec in charts.WEIGHTS.items()}


SPECS = specs()
PAGE_FILES = sorted((ROOT / FOLDER).glob("*.py"))


def test_no_garbage_collection_after_every_tick():
    assert CONFIG["runner"]["postScriptGC"] is False


def test_the_server_keeps_to_itself():
    assert CONFIG["server"]["address"] == "127.0.0.1"
    assert CONFIG["browser"]["gatherUsageStats"] is False
    assert CONFIG["client"]["showErrorDetails"] == "type"


def test_an_arm_has_one_colour_everywhere():
    assert tuple(CONFIG["theme"]["chartCategoricalColors"]) == COLOURS
    assert arms.MARKDOWN_COLOURS[:2] == ("blue", "orange")
    for mode in ("light", "dark"):
        assert (CONFIG["theme"][mode]["blueColor"], CONFIG["theme"][mode]["orangeColor"]) == COLOURS[:2]
    assert len(LETTERS) == len(COLOURS) == len(arms.MARKDOWN_COLOURS) == len(set(COLOURS))


@pytest.mark.parametrize("path", sorted((ROOT / "vit_lab").rglob("*.py")), ids=lambda path: path.name)
def test_the_colours_of_arms_mean_arms_alone(path):
    text = path.read_text(encoding="utf-8")
    assert path.name == "arms.py" or "inside" in path.parts or not [colour for colour in COLOURS if colour in text]
    assert not re.search(r"tableau|blueorange|category10", text), "a scale with the arms' blue and orange in it"


def luminance(colour):
    """Relative luminance as WCAG 2 defines it."""
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    linear = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize(
    ("colour", "contrast"), [("textColor", 7), ("blueTextColor", 4.5), ("orangeTextColor", 4.5), ("primaryColor", 3)]
)
def test_colours_stand_out_from_the_page(mode, colour, contrast):
    theme = CONFIG["theme"][mode]
    bright, dim = sorted((luminance(theme[colour]), luminance(theme["backgroundColor"])), reverse=True)
    assert (bright + 0.05) / (dim + 0.05) >= contrast


def everywhere(spec):
    """Every mapping in a spec."""
    if isinstance(spec, dict):
        yield spec
        for part in spec.values():
            yield from everywhere(part)
    elif isinstance(spec, list):
        for part in spec:
            yield from everywhere(part)


def test_there_are_specs():
    assert {"LOSS", "ACCURACY", "weight_std/qk", "weight_distance/head"} <= set(SPECS)


@pytest.mark.parametrize("name", SPECS)
def test_a_chart_spec_holds_no_rows_and_no_changing_words(name):
    for part in everywhere(SPECS[name]):
        assert "data" not in part and "datasets" not in part
    text = str(SPECS[name])
    assert all(colour in text for colour in COLOURS) or name.endswith("_MAP"), "a map's colours are values"
    assert not re.search(r"seed|xavier|linear-default", text)


EVERYWHERE = [comparison_charts, charts, matrix, patch_map, shown, scaling, learn_init, positions, shuffle]
EVERYWHERE += [timesformer, transformer]


@pytest.mark.parametrize("module", EVERYWHERE, ids=lambda module: module.__name__)
def test_a_spec_is_what_vega_lite_reads(module):
    found = specs_of(module)
    assert found
    for spec in found.values():
        alt.LayerChart.from_dict(spec, validate=True)


@pytest.mark.parametrize("shade", maps.SHADES)
def test_the_spec_of_a_map_is_what_vega_lite_reads(shade):
    across, up, *_ = AXES
    for spec in (maps.start_map_spec(across, up, shade), maps.end_map_spec(across, up)):
        alt.LayerChart.from_dict(spec, validate=True)


def test_drawing_a_chart_leaves_its_spec_alone(open_page, every_kind):
    before = copy.deepcopy(SPECS)
    identities = {name: id(spec) for name, spec in SPECS.items()}
    at = open_page(experiment="done")
    first = [chart.proto.spec for chart in at.get("vega_lite_chart")]
    second = [chart.proto.spec for chart in open_page(experiment="at-work").get("vega_lite_chart")]
    assert first and first == second, "a spec depends on the runs it shows"
    assert before == SPECS
    assert identities == {name: id(spec) for name, spec in specs().items()}


@pytest.mark.parametrize("path", [*PAGE_FILES, DASHBOARD], ids=lambda path: path.name)
def test_a_page_reads_like_the_screen(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= (60 if path == DASHBOARD else 150)
    assert lines[0].startswith('"""')
    assert "unsafe_allow_html" not in "\n".join(lines)


def test_every_page_is_in_the_navigation():
    assert {name for pages in PAGES.values() for name, *_ in pages} == {path.stem for path in PAGE_FILES}
