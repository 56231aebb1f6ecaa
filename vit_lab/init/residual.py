"""How the ends of residual branches start, whatever the scheme. Without torch.

A rule is a factor on what a scheme draws for one matrix, weights and biases, by the matrix's place. It says 1 of every
matrix that is not the last of its branch (`Place.ends_branch`). A factor of 0 lets a branch add nothing at first.
"""

from collections.abc import Callable

from vit_lab.config import InitConfig
from vit_lab.model_config import ModelConfig, TimesformerConfig
from vit_lab.places import Place

Rule = Callable[[Place], float]


def plain(place: Place) -> float:
    """Every matrix as the scheme draws it."""
    return 1.0


def zero_over_time(place: Place) -> float:
    """A block with divided attention starts as one of space alone (Bertasius et al. 2021, the authors' release)."""
    return 0.0 if place.part == "time" and place.ends_branch else 1.0


def by_depth(place: Place) -> float:
    """Divided by sqrt(2 l) in block l = 1..L (timm, `fix_init_weight` of its BEiT)."""
    return (2 * (place.block or 1)) ** -0.5 if place.ends_branch else 1.0


def zero(place: Place) -> float:
    """Every block starts as the identity (Goyal et al. 2017, Sec. 5.1; Bachlechner et al. 2020)."""
    return 0.0 if place.ends_branch else 1.0


RULES: dict[str, Rule] = {"plain": plain, "depth-scaled": by_depth, "zero": zero}


def rule_of(model: ModelConfig, init: InitConfig) -> Rule:
    """The rule that a model and its init ask for; the depth of the model may be in it."""
    own = RULES[init.residual]
    if not (isinstance(model, TimesformerConfig) and model.zero_temporal):
        return own
    return zero_over_time if own is plain else lambda place: own(place) * zero_over_time(place)
