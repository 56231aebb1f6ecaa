"""Models at their start: built first, initialised second.

Schemes touch the weight matrices, each as one of a group: `embed` (patches or symbols), `qk` and `vo` of every
attention, `mlp`, `head`; the projection after attention over time belongs to `vo`. A residual rule of the model may
hold back the last matrix of a branch. Everything else starts alike in every arm: LayerNorm gains at 1, class token and
learned positions from a normal of std 0.02 truncated at two std, and biases at 0 unless the config asks the scheme for
them. A scheme may change what it was given as it settles: impulse makes positions larger. An init that is
`norm_matched` is a control for another: of every matrix only the Frobenius norm is kept, and what is no matrix is as in
the other.
"""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from vit_lab.config import InitConfig, RunConfig
from vit_lab.init.given import Given
from vit_lab.init.quantiles import quantile, uniforms
from vit_lab.init.residual import rule_of
from vit_lab.init.schemes import SCHEMES
from vit_lab.model_config import ModelConfig, TimesformerConfig, TransformerConfig
from vit_lab.models.matrix import Matrix
from vit_lab.models.timesformer import TimeSformer
from vit_lab.models.transformer import Transformer
from vit_lab.models.vit import VisionTransformer

Model = VisionTransformer | TimeSformer | Transformer


def unfilled(config: ModelConfig) -> Model:
    """The model of a config, its parameters not yet set."""
    if isinstance(config, TransformerConfig):
        return Transformer(config)
    return TimeSformer(config) if isinstance(config, TimesformerConfig) else VisionTransformer(config)


@torch.no_grad()
def initialise(model: Model, init: InitConfig, seed: int, batch: Tensor | None = None) -> None:
    """Give every parameter of a built model its start.

    Raises ValueError if the scheme lacks the batch it needs, or if nothing says how a parameter starts.
    """
    scheme, given = SCHEMES[init.scheme], given_of(model, init, seed, batch)
    if scheme.needs_data and batch is None:
        raise ValueError(f"init: {init.scheme} looks at data; give it a batch")
    start_alike(model, given.matrices, seed)
    for _, live, values in drawn(given):
        live.copy_(values)
    scheme.settle(given)
    if init.norm_matched:
        for matrix in given.matrices:
            z = given.more_normals(matrix, "control", matrix.weight.shape)  # not the Z that the arm may be built of
            matrix.weight.copy_(_held_back(z / z.norm(), float(matrix.weight.double().norm())))


def given_of(model: Model, init: InitConfig, seed: int, batch: Tensor | None = None) -> Given:
    """What the scheme of an init is given to draw the matrices of a model from."""
    return Given(
        matrices=list(model.matrices()),
        init=init,
        seed=seed,
        blocks=model.config.depth,
        model=model,
        batch=batch,
        rule=rule_of(model.config, init),
    )


def drawn(given: Given) -> Iterator[tuple[Matrix, Tensor, Tensor]]:
    """(matrix, live view, values in float64) of all that a scheme draws: weights, then biases if the init asks so."""
    scheme = SCHEMES[given.init.scheme]
    for matrix, weights in scheme.draw(given):
        yield matrix, matrix.weight, _held_back(weights, given.factor(matrix))
    if given.init.biases == "scheme":
        for matrix, biases in scheme.draw_biases(given):
            assert matrix.bias is not None
            yield matrix, matrix.bias, _held_back(biases, given.factor(matrix))


def build_model(config: RunConfig, batch: Tensor | None = None) -> Model:
    """The model of a run at step 0, on the CPU. `batch` is for schemes that look at data, as the model takes it."""
    model = unfilled(config.model)
    initialise(model, config.init, config.seed, batch)
    return model


def start_alike(model: nn.Module, matrices: Iterable[Matrix], seed: int) -> None:
    """Give everything that no scheme draws its start, and biases theirs at 0. A scheme may change it as it settles."""
    drawn = {matrix.parameter for matrix in matrices}
    gains = {module.weight for module in model.modules() if isinstance(module, nn.LayerNorm)}
    for name, parameter in model.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
        elif parameter in gains:
            parameter.fill_(1)
        elif name in ("class_token", "position", "time_position"):
            parameter.copy_(0.02 * quantile(uniforms(parameter.shape, seed, name), "truncated"))
        elif parameter not in drawn:
            raise ValueError(f"init: nothing says how {name} starts; tell it among the model's matrices, or here")


def _held_back(drawn: Tensor, factor: float) -> Tensor:
    return drawn * factor if factor else torch.zeros_like(drawn)  # a product with 0 has zeros of either sign
