"""A run as data: frozen models for data, model, init and optimiser, with every default and every limit.

Nowhere else has a setting a default. `vit_lab.settings` reads and writes all of them under flat names.
"""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, Field, model_validator
from pydantic_core import PydanticKnownError

from vit_lab.datasets import DATASETS, MEANT
from vit_lab.model_config import ModelConfig, Part, VitConfig, datasets_for
from vit_lab.refusals import one_of, refusal

SchemeName = Literal[
    "linear-default",
    "xavier",
    "kaiming",
    "vit",
    "normal",
    "lecun",
    "gamma",
    "gpt2",
    "t-fixup",
    "deepnorm",
    "orthogonal",
    "mimetic",
    "lsuv",
    "impulse",
]
GroupName = Literal["embed", "qk", "vo", "mlp", "head"]
OptimiserName = Literal["adamw", "sgd", "muon"]
# The learning rate that comes with an optimiser: measured on the classroom model, see docs/decisions/033.
STANDARD_RATES: dict[OptimiserName, float] = {"adamw": 4e-3, "sgd": 0.3, "muon": 0.02}
NEEDS: dict[str, dict[str, Any]] = {"impulse": {"position": "learned"}}  # without which a scheme cannot draw
SCHEMES: tuple[SchemeName, ...] = get_args(SchemeName)
GROUPS: tuple[GroupName, ...] = get_args(GroupName)
SCALES = tuple(f"{group}_scale" for group in GROUPS)  # settings of an init: factors of single groups
FEWEST = 10  # examples to train on
MOST = max(dataset.train_size(0) for dataset in DATASETS.values())


def _known(name: Any) -> Any:
    if not isinstance(name, str) or name not in DATASETS:
        raise PydanticKnownError("literal_error", {"expected": one_of(list(map(repr, DATASETS)))})
    return name


DatasetName = Annotated[str, BeforeValidator(_known)]  # not a Literal, so that a data set is an entry and no more


class DataConfig(Part):
    """What a run learns from, and how small or hard the task is made."""

    dataset: DatasetName = Field(
        "mnist-10k",
        description="What the run learns from: "
        + "; ".join(f"{name}, {dataset.words}" for name, dataset in DATASETS.items())
        + ".",
    )
    train_size: int | None = Field(
        None, ge=FEWEST, le=MOST, description="Training examples used; empty means all of them."
    )
    validation_size: int | None = Field(
        None,
        ge=0,
        le=MOST - FEWEST,
        description="Images held out of training for validation, 0 for none; empty means as many as the set says.",
    )
    label_noise: float = Field(0.0, ge=0, le=1, description="Fraction of training labels replaced by a random class.")
    pixel_noise: float = Field(0.0, ge=0, le=2, description="Std of Gaussian noise on every pixel, where white is 1.")
    normalise: bool = Field(
        True, description="Whether pixels get mean 0 and std 1 over the data set; otherwise black is 0 and white is 1."
    )
    shift: int = Field(
        0, ge=0, le=6, description="Largest random shift of a training image, in pixels, drawn anew each step."
    )
    flip: bool = Field(
        False,
        description="Whether a training image is mirrored left to right at random, drawn anew each step.",
    )


class InitConfig(Part):
    """How the weight matrices start: a scheme, and factors on its variance."""

    scheme: SchemeName = Field("linear-default", description="Distribution and variance of the initial weights.")
    variance_scale: float = Field(1.0, gt=0, le=1e6, description="Factor on the variance of every weight matrix.")
    embed_scale: float = Field(1.0, gt=0, le=1e6, description="Further factor on the variance of the embedding.")
    qk_scale: float = Field(1.0, gt=0, le=1e6, description="Further factor on the variance of queries and keys.")
    vo_scale: float = Field(1.0, gt=0, le=1e6, description="Further factor on the variance of values and output.")
    mlp_scale: float = Field(1.0, gt=0, le=1e6, description="Further factor on the variance of the MLP.")
    head_scale: float = Field(1.0, gt=0, le=1e6, description="Further factor on the variance of the classifier.")
    biases: Literal["zero", "scheme"] = Field(
        "zero",
        description="How biases start: at 0, or drawn by the scheme, each like a weight of its matrix.",
    )
    gamma: float = Field(0.5, gt=0, le=2, description="The power of the fan-in that the scheme gamma divides by.")
    residual: Literal["plain", "depth-scaled", "zero"] = Field(
        "plain",
        description="How the last matrix of a residual branch starts: as the scheme draws it, divided by the root of "
        "twice its block's number, or at 0.",
    )
    norm_matched: bool = Field(
        False,
        description="Whether this is a control: random matrices of the same norms, with nothing else of the scheme.",
    )

    @model_validator(mode="after")
    def _gamma_is_read(self) -> Self:
        if self.scheme != "gamma" and self.gamma != type(self).model_fields["gamma"].default:
            raise refusal("gamma", f"{self.gamma:g} is read by the scheme gamma alone; leave it out, or choose gamma")
        return self

    def scale(self, group: GroupName) -> float:
        """The whole factor on the variance of one group of matrices."""
        return self.variance_scale * float(getattr(self, f"{group}_scale"))


OF_AN_ARM = tuple(field for field in InitConfig.model_fields if field not in (*SCALES, "biases"))


class OptimConfig(Part):
    """The optimiser and its schedule. A run lasts `steps`, or `epochs` if those are given."""

    steps: int = Field(300, ge=1, le=100_000, description="Training steps, one batch each.")
    epochs: int | None = Field(
        None, ge=1, le=1_000, description="Passes over the training examples; if given, steps follow from it."
    )
    batch_size: int = Field(128, ge=1, le=4_096, description="Examples in a step.")
    optimiser: OptimiserName = Field("adamw", description="What turns gradients into updates of the weights.")
    learning_rate: float = Field(
        STANDARD_RATES["adamw"],
        gt=0,
        le=10,
        description="Largest step size of the optimiser; by default the one that suits it.",
    )
    weight_decay: float = Field(0.05, ge=0, le=10, description="Decoupled weight decay.")
    decay: Literal["matrices", "all"] = Field(
        "matrices", description="What weight decay shrinks: the weight matrices only, or all parameters."
    )
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of AdamW's running mean of gradients.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Decay of AdamW's running mean of squared gradients.")
    momentum: float = Field(0.9, ge=0, lt=1, description="Decay of the running mean of gradients of SGD and Muon.")
    nesterov: bool = Field(True, description="Whether SGD looks ahead along its momentum (Nesterov).")
    schedule: Literal["cosine", "constant", "noam"] = Field(
        "cosine",
        description="How the learning rate falls after the warm-up; "
        "noam: with the root of the step (Vaswani et al. 2017, Sec. 5.3).",
    )
    schedule_unit: Literal["step", "epoch"] = Field(
        "step", description="Whether the rate changes at each step or each epoch."
    )
    warmup_steps: int = Field(50, ge=0, le=100_000, description="Steps over which the learning rate rises from 0.")
    clip_norm: float | None = Field(
        1.0, gt=0, description="Largest norm of the whole gradient; empty means no clipping."
    )
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="Share of the target spread evenly over all classes.")
    double_softmax: bool = Field(False, description="Feed softmax(logits) to the cross-entropy, as ViT-Notes does.")

    def total_steps(self, examples: int) -> int:
        """Steps of a whole run over that many training examples."""
        return self.epochs * self.steps_per_epoch(examples) if self.epochs else self.steps

    def steps_per_epoch(self, examples: int) -> int:
        """Batches in one pass; the last may be smaller."""
        return -(-examples // self.batch_size)


FACTORS = tuple(f"{group}_factor" for group in GROUPS)  # of a fork: what the weights of single groups are multiplied by
MOST_GENERATIONS = 8  # of forks of forks
# What may change at a fork; not the optimiser, whose state goes on.
MAY_CHANGE = {*DataConfig.model_fields, *OptimConfig.model_fields, "dropout", "attention_dropout"} - {"optimiser"}


class ForkConfig(Part):
    """What a run goes on from: a step of another, its parent, whose settings stand here whole.

    So a fork needs nobody: it trains its parent's part again, equal to the bit, also where the parent is deleted.
    """

    run: str = Field(
        "", pattern=r"^[0-9a-z_-]{0,64}$", description="The id of the parent; empty if nobody has trained it alone."
    )
    step: int = Field(ge=0, description="The step of the parent after which all goes on.")
    parent: "RunConfig" = Field(description="The settings of the parent.")
    embed_factor: float = Field(1.0, gt=0, le=1e3, description="Factor on the weights of the embedding at that step.")
    qk_factor: float = Field(1.0, gt=0, le=1e3, description="Factor on the weights of queries and keys at that step.")
    vo_factor: float = Field(1.0, gt=0, le=1e3, description="Factor on the weights of values and output at that step.")
    mlp_factor: float = Field(1.0, gt=0, le=1e3, description="Factor on the weights of the MLP at that step.")
    head_factor: float = Field(1.0, gt=0, le=1e3, description="Factor on the weights of the classifier at that step.")

    @property
    def factors(self) -> dict[GroupName, float]:
        """The factors that change something, by group."""
        found = {group: float(getattr(self, f"{group}_factor")) for group in GROUPS}
        return {group: factor for group, factor in found.items() if factor != 1}

    @property
    def generations(self) -> int:
        """How many parents one behind another there are."""
        return 1 + (self.parent.fork.generations if self.parent.fork else 0)


class RunConfig(Part):
    """One training of one model from one seed, which may go on from a step of another."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Number from which every random draw of the run follows.")
    data: DataConfig = DataConfig()
    model: ModelConfig = VitConfig()
    init: InitConfig = InitConfig()
    optim: OptimConfig = OptimConfig()
    fork: ForkConfig | None = None

    @property
    def seedless(self) -> "RunConfig":
        """What the runs of an arm have in common: the same with the seed 0, and of parents no more than that."""
        fork = self.fork and self.fork.model_copy(update={"run": "", "parent": self.fork.parent.seedless})
        return self.model_copy(update={"seed": 0, "fork": fork})

    @property
    def total_steps(self) -> int:
        """Steps of the whole run; of a fork, those of its parents' part among them."""
        return self.optim.total_steps(self.train_images)

    @property
    def train_images(self) -> int:
        """Training examples that the run learns from: images, clips or sequences."""
        return self.data.train_size or DATASETS[self.data.dataset].train_size(self.data.validation_size)

    @model_validator(mode="after")
    def _model_fits_data(self) -> Self:
        name, kind = self.data.dataset, self.model.kind
        dataset = DATASETS[name]
        if dataset.examples != self.model.reads:
            raise refusal("dataset", f"{name} is nothing that a {kind} reads; choose {one_of(datasets_for(kind))}")
        for field, needed in dataset.asks.items():
            if (value := getattr(self.model, field)) != needed:
                raise refusal(field, f"{value} does not fit the {dataset.examples} of {name}; choose {needed}")
        for field, info in DataConfig.model_fields.items():
            if field not in MEANT[dataset.examples] and (value := getattr(self.data, field)) != info.default:
                remedy = "leave it out" if info.default is None else f"choose {str(info.default).removesuffix('.0')}"
                raise refusal(field, f"{value} is for images, and {name} has none; {remedy}")
        return self

    @model_validator(mode="after")
    def _scheme_fits_model(self) -> Self:
        scheme, kind = self.init.scheme, self.model.kind
        for field, needed in NEEDS.get(scheme, {}).items():
            if field not in type(self.model).model_fields:
                others = one_of([name for name in SCHEMES if name not in NEEDS])
                raise refusal(
                    "scheme", f"{scheme} needs {field} {needed}, and a {kind} has no such setting; choose {others}"
                )
            if (value := getattr(self.model, field)) != needed:
                raise refusal(field, f"{value} does not go with the scheme {scheme}; choose {needed}")
        return self

    @model_validator(mode="after")
    def _data_suffices(self) -> Self:
        dataset, data = DATASETS[self.data.dataset], self.data
        if data.validation_size is not None and data.validation_size > (most := dataset.train_size(0) - FEWEST):
            message = (
                f"{data.validation_size} leaves fewer than {FEWEST} {dataset.examples} of {data.dataset} to train on"
            )
            raise refusal("validation_size", f"{message}; choose at most {most}")
        if data.train_size is not None and data.train_size > (most := dataset.train_size(data.validation_size)):
            message = f"{data.train_size} is more than the {most} training {dataset.examples} of {data.dataset}"
            raise refusal("train_size", f"{message}; choose at most {most}")
        return self

    @model_validator(mode="after")
    def _goes_on_from_its_parent(self) -> Self:
        if self.fork is None:
            return self
        parent, step = self.fork.parent, self.fork.step
        for part in ("model", "init", "optim"):
            before, now = getattr(parent, part), getattr(self, part)
            for field in type(now).model_fields:
                if field not in MAY_CHANGE and getattr(now, field) != (was := getattr(before, field, None)):
                    raise refusal(field, f"{getattr(now, field)} does not work, a fork keeps it; leave it at {was}")
        if self.seed != parent.seed:
            raise refusal("seed", f"{self.seed} does not work, a fork keeps it; leave it at {parent.seed}")
        if (first := parent.fork.step if parent.fork else 0) > step or step > parent.total_steps:
            most = f"choose {first} to {parent.total_steps}"
            raise refusal("fork", f"step {step} is none that the parent trains; {most}")
        if step >= self.total_steps:
            raise refusal("steps", f"{self.total_steps} leaves nothing to train after step {step}; choose more")
        if self.fork.generations > MOST_GENERATIONS:
            raise refusal("fork", f"{self.fork.generations} generations are too many; fork one of the parents")
        return self
