"""One draw at many scales: where a scale is a factor on each weight, nothing has to be drawn anew for another."""

import math

from vit_lab.config import SCALES, InitConfig, RunConfig
from vit_lab.init.build import Model, drawn, given_of, initialise, start_alike, unfilled
from vit_lab.init.schemes import SCHEMES
from vit_lab.settings import configure

UNSCALED = dict.fromkeys(("variance_scale", *SCALES), 1.0)


def unscaled(config: RunConfig) -> RunConfig | None:
    """The config with all scales at 1; configs that share it, share a draw.

    None where a scale is no mere factor: of a scheme that looks at what the weights have made of data so far, and of a
    control, whose norms are those of float32 weights.
    """
    init = config.init
    is_drawn_anew = SCHEMES[init.scheme].needs_data or init.norm_matched
    return None if is_drawn_anew else configure(config, **UNSCALED)


class Rescaled:
    """The model of an unscaled config, and with each call of `at` what it is at other scales.

    Equal to the model that is built of the scaled config but for the last bit of a weight here and there: products are
    of float64, as the draws are.
    """

    def __init__(self, config: RunConfig):
        self.model = unfilled(config.model).requires_grad_(False)
        given = given_of(self.model, config.init, config.seed)
        start_alike(self.model, given.matrices, config.seed)
        self._drawn = list(drawn(given))  # before the scheme settles, which may change what it draws from
        initialise(self.model, config.init, config.seed)

    def at(self, init: InitConfig) -> Model:
        """The same model each time, its matrices at the scales of an init."""
        for matrix, live, values in self._drawn:
            live.copy_(values * math.sqrt(init.scale(matrix.group)))
        return self.model
