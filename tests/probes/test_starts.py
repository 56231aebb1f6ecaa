"""A cell of a map of starts is the preflight of its setting, however it was computed."""

import math

import pytest
import torch
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.axes import Grid
from vit_lab.config import SCHEMES
from vit_lab.data.splits import load_run_data
from vit_lab.init.build import build_model
from vit_lab.init.rescaled import Rescaled, unscaled
from vit_lab.probes.heads import Heads
from vit_lab.probes.preflight import preflight
from vit_lab.probes.starts import WEIGHTS_AT_ONCE, largest_spread, spread_of_scores, starts
from vit_lab.settings import configure
from vit_lab.training.first_look import first_look, first_looks

SCALED = {"variance_scale": 30.0, "qk_scale": 0.2, "vo_scale": 5.0, "mlp_scale": 0.01, "embed_scale": 2.0}
SCALED |= {"head_scale": 3.0}


def agrees(cell, look):
    """Whether a cell shows what a preflight says, to 1e-5."""
    *_, similarity = (value for measure, _, value in look.rows if measure == "token_similarity")
    assert cell.similarity == pytest.approx(similarity, abs=1e-5)
    assert vars(cell.start) == pytest.approx(vars(look.start), rel=1e-5, abs=1e-5)
    assert cell.findings == look.findings


@pytest.mark.parametrize("across", ["queries-keys", "all-weights", "tokens"])
@pytest.mark.parametrize("scheme", ["linear-default", "mimetic", "lsuv"])
def test_a_cell_is_the_preflight_of_its_setting(across, scheme):
    grid = Grid.around(configure(scheme=scheme, depth=2, dim=32), across, "values-mlp", is_coarse=True)
    cells = first_looks(grid, 16)
    assert len(cells) == len(grid.places)
    for index in (0, len(cells) // 2, len(cells) - 1):
        agrees(cells[index], first_look(grid.configs[index], 16))


def test_the_classroom_model_too_at_both_ends_and_in_the_middle():
    grid = Grid.around(configure(), "all-weights", "depth", is_coarse=True)
    cells = first_looks(grid, 64)
    for index in (0, 7, len(cells) - 1):
        agrees(cells[index], first_look(grid.configs[index], 64))


@pytest.mark.parametrize("base", [tiny(pool="cls"), tiny_clips(), tiny_sequences(), tiny(norm="post")])
def test_every_kind_of_model_has_a_map(base):
    batch = load_run_data(base).probed(8)
    grid = Grid.around(base, "queries-keys", "depth", is_coarse=True)
    for cell, config in zip(starts(grid.configs[:6], batch), grid.configs, strict=False):
        agrees(cell, preflight(config, batch))


@pytest.mark.parametrize("scheme", [name for name in SCHEMES if name != "lsuv"])
def test_a_rescaled_draw_is_the_model_that_is_built(scheme):
    config = configure(tiny(), scheme=scheme, biases="scheme", residual="depth-scaled", **SCALED)
    built, rescaled = build_model(config), Rescaled(unscaled(config))
    rescaled.at(tiny(qk_scale=9.0).init)
    for (name, ours), theirs in zip(rescaled.at(config.init).named_parameters(), built.parameters(), strict=True):
        assert torch.allclose(ours, theirs, rtol=2e-7, atol=0), name


def test_what_is_no_mere_factor_is_built_anew():
    assert unscaled(tiny(scheme="lsuv")) is None and unscaled(tiny(norm_matched=True)) is None
    assert unscaled(tiny(qk_scale=3.0)) == tiny() == unscaled(tiny(variance_scale=0.1))


def test_the_spread_of_scores_is_their_std_within_rows_and_forgets_what_all_keys_share():
    generator = torch.Generator().manual_seed(0)
    q, k = torch.randn(2, 5, 4, 7, 3, generator=generator)
    scores = q @ k.transpose(-2, -1) / math.sqrt(3)
    spread = spread_of_scores(Heads(q, k, k))
    assert spread == pytest.approx(float(scores.std(dim=-1, correction=0).mean()), rel=1e-5)
    assert spread_of_scores(Heads(q, k + 10, k)) == pytest.approx(spread, rel=1e-4)


def test_many_tokens_are_looked_at_a_few_images_at_a_time(monkeypatch):
    config = tiny()
    batch = load_run_data(config).probed(9)
    whole = starts([config], batch)
    monkeypatch.setattr("vit_lab.probes.starts.WEIGHTS_AT_ONCE", 2 * config.model.heads * config.model.num_tokens**2)
    (parts,) = starts([config], batch)
    assert WEIGHTS_AT_ONCE > 1 and parts.spread == pytest.approx(whole[0].spread, rel=1e-5)
    assert parts.start.entropy == pytest.approx(whole[0].start.entropy, abs=1e-6)


@pytest.mark.parametrize("patch_size", [7, pytest.param(4, marks=pytest.mark.long)])
def test_attention_leaves_its_uniform_phase_as_scores_spread(patch_size):
    """Entropy 0.9 at about a third of the predicted spread, 0.5 beyond it: what the pages say of the border."""
    grid = Grid.around(configure(depth=1, patch_size=patch_size), "queries-keys", "depth")
    cells = first_looks(grid, 16)[: len(grid.values[0])]
    assert [cell.spread for cell in cells] == sorted(cell.spread for cell in cells)
    assert all(cell.start.entropy > 0.9 for cell in cells if cell.spread < 0.3)
    assert all(cell.start.entropy < 0.9 for cell in cells if cell.spread > 0.4)
    assert all(cell.start.entropy > 0.5 for cell in cells if cell.spread < 1.0)
    assert all(cell.start.entropy < 0.5 for cell in cells if cell.spread > 1.6)


def test_scores_of_sixteen_tokens_leave_it_at_the_spread_of_the_theory():
    assert largest_spread(16) == pytest.approx(2.3548, abs=1e-4)


def test_a_token_alone_has_no_spread():
    config = tiny(patch_size=28)
    (cell,) = starts([config], load_run_data(config).probed(4))
    assert math.isnan(cell.spread) and cell.start.entropy == 1
