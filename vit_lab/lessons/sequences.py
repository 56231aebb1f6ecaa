"""What the lesson on the Transformer shows: its pieces, mask and positions, its loss, and what it writes."""

from collections.abc import Sequence

import torch

from vit_lab.config import OptimConfig, RunConfig
from vit_lab.data.sequences import START
from vit_lab.lessons.models import of_kind
from vit_lab.lessons.seen import Array, Written
from vit_lab.model_config import TransformerConfig
from vit_lab.models.loss import training_loss
from vit_lab.models.transformer import Transformer, causal_mask
from vit_lab.models.vit import sinusoidal_positions
from vit_lab.probes.anatomy import anatomy
from vit_lab.probes.decoding import decoded
from vit_lab.probes.piece import Piece
from vit_lab.training.looks import Weights


def pieces(config: RunConfig) -> tuple[dict[str, Piece], int]:
    """The pieces of a model at its init by their paths, and how many parameters it has."""
    assert isinstance(config.model, TransformerConfig)
    model = of_kind(Transformer, config, Weights(0))
    found = anatomy(model, torch.ones((1, 2, config.model.sequence_length), dtype=torch.int64))
    return found, sum(p.numel() for p in model.parameters())


def mask_and_positions(length: int, dim: int) -> tuple[Array, Array]:
    """Which place may read which, (L, L), and what is added to the embeddings, (L, D)."""
    return causal_mask(length).numpy(), sinusoidal_positions(length, dim).numpy()


def losses(optim: OptimConfig, classes: int, shares: Sequence[float]) -> list[float]:
    """The loss of one symbol whose right one has each of these probabilities; the others share the rest evenly."""
    others, found = classes - 1, []
    for p in shares:
        logits = torch.tensor([[p, *[(1 - p) / others] * others]], dtype=torch.float64).log()
        found.append(float(training_loss(logits, torch.tensor([0]), optim)))
    return found


def written(config: RunConfig, weights: Weights, source: Sequence[int]) -> Written:
    """What a model writes for a source, and where it looks."""
    found = decoded(of_kind(Transformer, config, weights), torch.tensor(source), START)
    looks = (getattr(found, name).numpy() for name in ("probabilities", "encoder", "decoder", "cross"))
    return Written(found.written.tolist(), *looks)
