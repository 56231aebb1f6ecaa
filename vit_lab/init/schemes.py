"""The init schemes: one entry each, with how it draws, what variance it promises, and where it comes from.

A scheme draws all matrices of a model from their places and their uniforms. Most draw each weight by itself and are an
`Elementwise`: a distribution and a variance from the fans. A scheme that builds matrices of one another, or looks at
data, is a `Scheme` of its own.
"""

from vit_lab.config import InitConfig, SchemeName
from vit_lab.init.impulse import Impulse
from vit_lab.init.scheme import Elementwise, Scheme
from vit_lab.init.structured import Lsuv, Mimetic, Orthogonal
from vit_lab.places import Place

ALONE = Place(part="mlp", group="mlp", projection="up")  # a matrix that stands by itself counts as one of an MLP


def _xavier(_: InitConfig, fan_in: int, fan_out: int) -> float:
    return 2 / (fan_in + fan_out)


def over_all_branches(place: Place, blocks: int) -> float:
    """The end of each residual branch divided by sqrt(2 L), the root of how many an encoder has."""
    return (2 * blocks) ** -0.5 if place.ends_branch else 1.0


def t_fixup(place: Place, blocks: int) -> float:
    """Huang et al. 2020, Sec. 3: what makes an update of a whole model without norms as large as one of a shallow one.

    Encoder: 0.67 L^-1/4 on values, attention output and both layers of the MLP; decoder: (9 L)^-1/4 in its place.
    Embedding: (9 L)^-1/4, of tables of symbols as well, which the paper draws from a normal.
    """
    if place.group == "embed":
        return (9 * blocks) ** -0.25
    if place.group not in ("vo", "mlp"):
        return 1.0
    return (9 * blocks) ** -0.25 if place.stack == "decoder" else 0.67 * blocks**-0.25


def deepnorm(place: Place, blocks: int) -> float:
    """Wang et al. 2022, Fig. 2: a factor on values, attention output and both layers of the MLP.

    (8 L)^-1/4 for an encoder alone; with a decoder, both of L blocks, 0.87 L^-5/16 in the encoder, (12 L)^-1/4 in it.
    """
    if place.group not in ("vo", "mlp"):
        return 1.0
    if place.stack == "encoder":
        return 0.87 * blocks ** (-5 / 16)
    return ((12 if place.stack == "decoder" else 8) * blocks) ** -0.25


LINEAR_DEFAULT = Elementwise(
    "uniform",
    lambda _, fan_in, __: 1 / (3 * fan_in),
    summary="what nn.Linear does",
    source="torch.nn.Linear",
    latex=r"\sigma^2 = \frac{1}{3\, \mathrm{fan_{in}}}",
    made_for="nothing in particular: a default that was kept",
)
SCHEMES: dict[SchemeName, Scheme] = {
    "linear-default": LINEAR_DEFAULT,
    "xavier": Elementwise(
        "uniform",
        _xavier,
        summary="the signal keeps its size on the way there, the gradient on the way back, as far as both can be",
        source="Glorot & Bengio 2010, Eq. 16",
        latex=r"\sigma^2 = \frac{2}{\mathrm{fan_{in}} + \mathrm{fan_{out}}}",
        made_for="deep networks with tanh",
    ),
    "kaiming": Elementwise(
        "normal",
        lambda _, fan_in, __: 2 / fan_in,
        summary="the signal keeps its size although ReLU takes half of it",
        source="He et al. 2015, Eq. 10",
        latex=r"\sigma^2 = \frac{2}{\mathrm{fan_{in}}}",
        made_for="deep networks with ReLU",
    ),
    "vit": Elementwise(
        "truncated",
        lambda *_: 0.02**2,
        summary="std 0.02 whatever the width, cut at two std, as much Transformer code since BERT",
        source="Devlin et al. 2019, BERT's released code",
        latex=r"\sigma = 0.02",
        made_for="Transformers of width 768, pre-trained at length",
    ),
    "normal": Elementwise(
        "normal",
        lambda *_: 1.0,
        summary="variance 1 whatever the width; the scale is the variance",
        source="this lab",
        latex=r"\sigma^2 = 1",
        made_for="setting a variance directly",
    ),
    "lecun": Elementwise(
        "normal",
        lambda _, fan_in, __: 1 / fan_in,
        summary="the signal keeps its size through a linear layer",
        source="LeCun et al. 1998, Sec. 4.6",
        latex=r"\sigma^2 = \frac{1}{\mathrm{fan_{in}}}",
        made_for="networks whose inputs have variance 1",
    ),
    "gamma": Elementwise(
        "normal",
        lambda init, fan_in, _: fan_in ** (-2 * init.gamma),
        summary="std fan_in to the power of -gamma: 0.5 is lecun, more is smaller",
        source="Zhang et al. 2024, arXiv 2405.05409",
        latex=r"\sigma = \mathrm{fan_{in}}^{-\gamma}",
        made_for="asking whether a Transformer reasons or memorises: small starts towards the first",
    ),
    "gpt2": Elementwise(
        "normal",
        lambda *_: 0.02**2,
        summary="std 0.02; the end of each residual branch divided by the root of twice the number of blocks",
        source="Radford et al. 2019, Sec. 2.3",
        latex=r"\sigma = 0.02,\quad \text{ends of branches: } \frac{0.02}{\sqrt{2 L}}",
        made_for="deep pre-norm language models",
        factor=over_all_branches,
    ),
    "t-fixup": Elementwise(
        "uniform",
        _xavier,
        summary="xavier, but values, attention output and MLP smaller the deeper the model, and so the embedding",
        source="Huang et al. 2020, Sec. 3",
        latex=r"\text{values, output, MLP: } \sigma = 0.67 L^{-1/4}\, \sigma_{\text{xavier}},\quad "
        r"\text{embedding: } (9 L)^{-1/4}\, \sigma_{\text{xavier}},\quad \text{others: } \sigma_{\text{xavier}}",
        made_for="models without norms, trained without warm-up",
        wants=(("norm", "none"), ("warmup_steps", 0)),
        factor=t_fixup,
    ),
    "deepnorm": Elementwise(
        "uniform",
        _xavier,
        summary="xavier, but values, attention output and MLP smaller the deeper the model",
        source="Wang et al. 2022, Fig. 2, arXiv 2203.00555",
        latex=r"\text{values, output, MLP: } \sigma = (8 L)^{-1/4}\, \sigma_{\text{xavier}},\quad "
        r"\text{others: } \sigma_{\text{xavier}},\quad x \leftarrow \mathrm{LN}\big((2 L)^{1/4} x + f(x)\big)",
        made_for="very deep models with norms after the sums, whose residual factor grows with the depth",
        wants=(("norm", "post"),),
        factor=deepnorm,
    ),
    "orthogonal": Orthogonal(),
    "mimetic": Mimetic(LINEAR_DEFAULT),
    "lsuv": Lsuv(),
    "impulse": Impulse(LINEAR_DEFAULT),
}
ELEMENTWISE = tuple(name for name, scheme in SCHEMES.items() if isinstance(scheme, Elementwise))


def expected_variance(init: InitConfig, place: Place, fan_in: int, fan_out: int, blocks: int = 1) -> float:
    """The variance that the config's scheme promises a weight; NaN where it has no formula."""
    return SCHEMES[init.scheme].variance(init, place, fan_in, fan_out, blocks)
