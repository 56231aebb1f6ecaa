"""Schemes that build a matrix as a whole, the ends of branches, and the control: each against a computation of its own.

Matrices are taken apart as the papers write them, applied to row vectors: W_Q of a head is (D, K).
"""

import math

import numpy as np
import pytest
import torch
from tiny import tiny, tiny_clips, tiny_sequences

from vit_lab.data.splits import load_run_data
from vit_lab.init.build import build_model
from vit_lab.init.outputs import output_of
from vit_lab.init.schemes import SCHEMES
from vit_lab.places import Place
from vit_lab.settings import ConfigError, configure
from vit_lab.spelling import arm_label, arm_spec, json_label, parse_arm
from vit_lab.training.cadence import PROBE_IMAGES

MODELS = {"vit": tiny(dim=32, heads=4), "clips": tiny_clips(zero_temporal=False), "sequences": tiny_sequences()}
every_model = pytest.mark.parametrize("config", MODELS.values(), ids=MODELS.keys())
STRUCTURED = ("orthogonal", "mimetic", "lsuv")


def batch_of(config):
    return load_run_data(config).probed(PROBE_IMAGES).inputs


def built(config, **init):
    config = configure(config, **init)
    return build_model(config, batch_of(config) if SCHEMES[config.init.scheme].needs_data else None)


def weights(model):
    """Every matrix by name, (fan_out, fan_in), float64."""
    return {matrix.name: matrix.weight.detach().double().numpy() for matrix in model.matrices()}


def attentions(model):
    """W_Q and W_K of each head, W_V and W_O of all together, for every attention of a model."""
    found = {}
    for matrix in model.matrices():
        if matrix.place.projection in ("q", "k", "v", "out"):
            key = matrix.name.rpartition(".")[0]
            found.setdefault(key, {})[matrix.place.projection] = matrix.weight.detach().double().numpy().T
            found[key]["heads"] = matrix.num_heads
    return list(found.values())


@every_model
@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_orthogonal_matrices_have_singular_values_of_one_and_the_sign_of_a_unique_qr(config, scale):
    for name, weight in weights(built(config, scheme="orthogonal", variance_scale=scale)).items():
        np.testing.assert_allclose(np.linalg.svd(weight, compute_uv=False), math.sqrt(scale), rtol=1e-5, err_msg=name)


def test_orthogonal_is_the_q_of_the_gaussian_that_normal_draws():
    z, q = weights(built(MODELS["vit"], scheme="normal")), weights(built(MODELS["vit"], scheme="orthogonal"))
    for name in z:
        tall = z[name] if z[name].shape[0] >= z[name].shape[1] else z[name].T
        r = (q[name] if tall is z[name] else q[name].T).T @ tall  # upper triangular with a positive diagonal
        np.testing.assert_allclose(np.tril(r, -1), 0, atol=1e-4)
        assert (np.diag(r) > 0).all()


@every_model
def test_mimetic_queries_and_keys_multiply_to_the_best_of_rank_k_of_their_target(config):
    model = built(config, scheme="mimetic")
    for one in attentions(model):
        width, heads = one["q"].shape[0], one["heads"]
        size = width // heads
        for head in range(heads):
            columns = slice(head * size, (head + 1) * size)
            product = one["q"][:, columns] @ one["k"][:, columns].T
            assert np.linalg.matrix_rank(product, tol=1e-4) == size
            # The halves share the singular values evenly
            np.testing.assert_allclose(
                np.linalg.norm(one["q"][:, columns], axis=0), np.linalg.norm(one["k"][:, columns], axis=0), rtol=1e-4
            )


def test_mimetic_targets_have_the_mean_and_the_noise_of_the_paper():
    """One head of all features: then nothing is cut off, and the product is the target itself."""
    model = built(configure(dim=128, heads=1, depth=3, patch_size=14), scheme="mimetic")
    for one in attentions(model):
        for product, noise, identity in ((one["q"] @ one["k"].T, 0.7, 0.7), (one["v"] @ one["out"], 0.4, -0.4)):
            rest = product - identity * np.eye(128)
            assert abs(np.diag(product).mean() - identity) < 5 * noise / 128
            assert rest.std() * math.sqrt(128) == pytest.approx(noise, rel=0.03)
            assert abs(rest.mean()) < 5 * noise / math.sqrt(128) / 128


def test_mimetic_of_several_heads_keeps_the_largest_singular_values_of_a_target_a_head():
    whole = built(configure(dim=64, heads=1, depth=1), scheme="mimetic")
    [one] = attentions(whole)
    target = one["q"] @ one["k"].T  # of head 0, whose draw does not depend on how many there are
    [four] = attentions(built(configure(dim=64, heads=4, depth=1), scheme="mimetic"))
    u, s, vt = np.linalg.svd(target)
    nearest = (u[:, :16] * s[:16]) @ vt[:16]
    np.testing.assert_allclose(four["q"][:, :16] @ four["k"][:, :16].T, nearest, atol=1e-4)
    assert not np.allclose(four["q"][:, 16:32] @ four["k"][:, 16:32].T, nearest, atol=0.1), "another Z for each head"


def test_all_but_the_attention_of_mimetic_is_linear_default():
    mimetic, default = (weights(built(MODELS["vit"], scheme=scheme)) for scheme in ("mimetic", "linear-default"))
    for name in default:
        assert np.array_equal(mimetic[name], default[name]) == (".attention." not in name), name


@every_model
@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_lsuv_gives_every_matrix_an_output_of_std_one_and_keeps_it_orthogonal(config, scale):
    config = configure(config, scheme="lsuv", variance_scale=scale)
    batch = batch_of(config)
    model = build_model(config, batch)
    for matrix in model.matrices():
        assert float(output_of(model, batch, matrix).double().std()) == pytest.approx(math.sqrt(scale), rel=0.011)
        values = np.linalg.svd(matrix.weight.detach().double().numpy(), compute_uv=False)
        np.testing.assert_allclose(values, values[0], rtol=1e-4)


def test_the_output_of_a_matrix_is_its_product_with_what_comes_in():
    config = MODELS["vit"]
    model, batch = build_model(config), batch_of(config)[:3]
    matrices = {matrix.name: matrix for matrix in model.matrices()}
    with torch.no_grad():
        normed = model.blocks[0].norm_attention(model.tokens(batch))
        for name in ("q", "k", "v"):
            found = output_of(model, batch, matrices[f"blocks.0.attention.{name}"])  # (B, H, N, K)
            expected = normed @ matrices[f"blocks.0.attention.{name}"].weight.T
            torch.testing.assert_close(found.transpose(1, 2).flatten(2), expected)
        head = output_of(model, batch, matrices["head"])
        torch.testing.assert_close(head, model(batch))


@every_model
@pytest.mark.parametrize("scheme", ["xavier", *STRUCTURED])
def test_branches_that_end_at_zero_make_every_block_the_identity(config, scheme):
    model = built(config, scheme=scheme, residual="zero")
    stack = Place(stack="encoder" if config.model.kind == "transformer" else None)
    from vit_lab.models.record import Recorder

    record, batch = Recorder(), batch_of(config)[:4]
    with torch.no_grad():
        model(batch, record=record)
    first = record[Place(stack=stack.stack, depth=0)]["tokens"]
    last = record[Place(stack=stack.stack, depth=config.model.depth)]["tokens"]
    assert torch.equal(first, last) and first.std() > 0


@every_model
def test_depth_scaled_ends_are_divided_by_the_root_of_twice_their_block(config):
    plain, scaled = (weights(built(config, scheme="xavier", residual=r)) for r in ("plain", "depth-scaled"))
    places = {matrix.name: matrix.place for matrix in built(config).matrices()}
    divided = 0
    for name, place in places.items():
        ends = name.endswith((".mlp.down", ".project", "cross.out")) or (
            name.endswith(".attention.out") and place.part == "attention"
        )
        factor = 1 / math.sqrt(2 * place.block) if ends else 1.0
        divided += ends
        np.testing.assert_allclose(scaled[name], factor * plain[name], rtol=1e-6)
    assert divided >= 2 * config.model.depth


def test_gpt2_divides_the_ends_of_branches_by_the_root_of_twice_the_depth():
    model = built(configure(dim=128, depth=8, patch_size=14), scheme="gpt2")
    for matrix in model.matrices():
        ends = matrix.name.endswith((".attention.out", ".mlp.down"))
        expected = 0.02 / math.sqrt(16) if ends else 0.02
        assert float(matrix.weight.detach().std()) == pytest.approx(expected, rel=0.06), matrix.name


def factors_on_xavier(config, scheme):
    """By name, the factor between the matrices of a scheme and those of xavier, which must be one for all weights."""
    ours, xavier = (weights(built(config, scheme=name)) for name in (scheme, "xavier"))
    for name in ours:
        np.testing.assert_allclose(ours[name], ours[name].std() / xavier[name].std() * xavier[name], rtol=1e-5)
    return {name: ours[name].std() / xavier[name].std() for name in ours}


def test_t_fixup_of_an_encoder_and_of_a_decoder():
    """Against Huang et al. 2020, Sec. 3.2, at depth 3."""
    found = factors_on_xavier(tiny_sequences(depth=3), "t-fixup")
    encoder, decoder = 0.67 * 3 ** (-1 / 4), (9 * 3) ** (-1 / 4)
    for stack, factor in (("encoder", encoder), ("decoder", decoder)):
        for block in range(3):
            for part in ("attention", "cross") if stack == "decoder" else ("attention",):
                for matrix, expected in (("q", 1), ("k", 1), ("v", factor), ("out", factor)):
                    assert found[f"{stack}.{block}.{part}.{matrix}"] == pytest.approx(expected, rel=1e-5)
            for matrix in ("up", "down"):
                assert found[f"{stack}.{block}.mlp.{matrix}"] == pytest.approx(factor, rel=1e-5)
    for embedding in ("source_embed", "target_embed"):
        assert found[embedding] == pytest.approx(decoder, rel=1e-5)
    assert found["head"] == pytest.approx(1, rel=1e-5)


def test_deepnorm_divides_values_output_and_mlp_by_the_fourth_root_of_eight_depths():
    for name, factor in factors_on_xavier(configure(MODELS["vit"], depth=5), "deepnorm").items():
        expected = (8 * 5) ** (-1 / 4) if name.endswith((".v", ".out", ".up", ".down")) else 1
        assert factor == pytest.approx(expected, rel=1e-5), name


def test_deepnorm_of_an_encoder_with_a_decoder():
    """Wang et al. 2022, Fig. 2: 0.87 (N^4 M)^-1/16 and (12 M)^-1/4, here with N = M = 3."""
    for name, factor in factors_on_xavier(tiny_sequences(depth=3), "deepnorm").items():
        by_stack = {"encoder": 0.87 * (3**4 * 3) ** (-1 / 16), "decoder": 36 ** (-1 / 4)}
        expected = by_stack[name.split(".")[0]] if name.endswith((".v", ".out", ".up", ".down")) else 1
        assert factor == pytest.approx(expected, rel=1e-5), name


@every_model
@pytest.mark.parametrize("scheme", ["vit", *STRUCTURED])
def test_a_control_has_the_norms_of_its_arm_and_nothing_of_its_structure(config, scheme):
    arm, control = (weights(built(config, scheme=scheme, norm_matched=matched)) for matched in (False, True))
    for name in arm:
        assert np.linalg.norm(control[name]) == pytest.approx(np.linalg.norm(arm[name]), rel=1e-5)
    if scheme == "orthogonal":
        square = next(name for name in arm if arm[name].shape[0] == arm[name].shape[1])
        values = np.linalg.svd(control[square], compute_uv=False)
        assert values.max() > 2 * values.min(), "singular values spread as those of a Gaussian"


@pytest.mark.parametrize("scheme", ["lecun", "orthogonal"])
def test_a_control_has_a_draw_of_its_own(scheme):
    arm, control = (weights(built(MODELS["vit"], scheme=scheme, norm_matched=matched)) for matched in (False, True))
    for name in arm:
        assert abs(np.corrcoef(arm[name].ravel(), control[name].ravel())[0, 1]) < 5 / math.sqrt(arm[name].size), name


def test_the_control_of_zeros_is_zeros_without_a_sign():
    for matrix in built(MODELS["vit"], scheme="xavier", residual="zero", norm_matched=True).matrices():
        if matrix.place.ends_branch:
            assert not matrix.weight.any() and not torch.signbit(matrix.weight).any()


@every_model
@pytest.mark.parametrize("scheme", STRUCTURED)
def test_a_seed_is_a_start_and_another_another(config, scheme):
    one, again, other = (weights(built(config, scheme=scheme, seed=seed)) for seed in (0, 0, 1))
    assert all(np.array_equal(one[name], again[name]) and not np.array_equal(one[name], other[name]) for name in one)


SPELLED = {
    "mimetic": "mimetic",
    "norm-matched:mimetic": "norm-matched mimetic",
    "norm-matched:xavier:3": "norm-matched xavier × 3",
    "xavier:3,residual=zero": "xavier × 3 (residual zero)",
    "gamma,gamma=0.75": "gamma (gamma 0.75)",
    "norm-matched:gamma:2,gamma=0.75,residual=zero": "norm-matched gamma × 2 (gamma 0.75; residual zero)",
}


def test_a_scale_is_spelled_with_all_of_its_digits():
    init = configure(**parse_arm("xavier:1.2345678")).init
    assert parse_arm(arm_spec(init))["variance_scale"] == 1.2345678


@pytest.mark.parametrize("spec", SPELLED)
def test_an_arm_is_spelled_and_read_back(spec):
    init = configure(**parse_arm(spec)).init
    assert arm_spec(init) == spec and arm_label(init) == SPELLED[spec]
    assert json_label(init).startswith(SPELLED[spec].split(" ×")[0].split(" (")[0])


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("norm-matched", "there is no scheme 'norm-matched'"),
        ("norm-matched:nothing", "there is no scheme 'nothing'"),
        ("xavier,seed=3", "'seed=3' is no setting of an arm; write for example residual=zero"),
        ("xavier,scheme=lecun", "'scheme=lecun' is no setting of an arm"),
        ("xavier,residual=none", "'none' does not work; it should be 'plain', 'depth-scaled' or 'zero'"),
        ("gamma,gamma=-1", "-1"),
        ("lecun,gamma=0.7", "0.7 is read by the scheme gamma alone; leave it out, or choose gamma"),
        ("xavier:3:4", "'3:4' is not a number"),
    ],
)
def test_an_arm_that_cannot_be_is_refused_in_a_sentence(spec, words):
    with pytest.raises(ConfigError) as refused:
        parse_arm(spec)
    assert refused.value.field == "arm" and words in refused.value.message
