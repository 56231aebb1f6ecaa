"""A run as data: frozen models for data, model, init and optimiser, with every default and every limit.

Nowhere else has a setting a default. `vit_lab.settings` reads and writes all of them under flat names.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticKnownError

from vit_lab.datasets import DATASETS, MEANT, Examples
from vit_lab.refusals import not_a_divisor, one_of, refusal

SchemeName = Literal["linear-default", "xavier", "kaiming", "vit", "normal"]
GroupName = Literal["embed", "qk", "vo", "mlp", "head"]
OptimiserName = Literal["adamw"]
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


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class DataConfig(_Part):
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


class _Blocks(_Part):
    """The blocks, which all models have in common."""

    dim: int = Field(64, ge=2, le=512, description="Width of a token: how many numbers describe a patch.")
    depth: int = Field(4, ge=1, le=24, description="Encoder blocks on top of one another.")
    heads: int = Field(4, ge=1, le=32, description="Attention heads in a block; they share the width evenly.")
    mlp_ratio: float = Field(2.0, gt=0, le=8, description="Hidden width of the MLP, in multiples of dim.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of features dropped after embedding, attention and MLP.")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="Share of attention weights dropped.")

    @model_validator(mode="after")
    def _widths_fit(self) -> Self:
        if round(self.dim * self.mlp_ratio) < 1:
            raise refusal("mlp_ratio", f"{self.mlp_ratio:g} of dim {self.dim} leaves the MLP no width; choose more")
        if self.dim % self.heads:
            raise not_a_divisor(self, "heads", "dim")
        return self


class _Vision(_Blocks):
    """What models of images and of clips have in common."""

    image_size: int = Field(28, ge=4, le=64, description="Height and width of an image, in pixels.")
    channels: int = Field(1, ge=1, le=4, description="Colour channels of an image.")
    num_classes: int = Field(10, ge=2, le=100, description="Classes to tell apart.")
    patch_size: int = Field(
        7, ge=1, le=64, description="Height and width of a patch, in pixels; it must divide the image."
    )
    position: Literal["learned", "sinusoidal", "none"] = Field(
        "sinusoidal", description="How a token knows where it is."
    )
    qkv_bias: bool = Field(True, description="Whether the query, key and value projections have a bias.")
    out_bias: bool = Field(True, description="Whether the projection after attention has a bias.")
    final_norm: bool = Field(True, description="Whether a LayerNorm stands before the classifier.")

    @property
    def num_patches(self) -> int:
        """Patches of one image or frame."""
        return (self.image_size // self.patch_size) ** 2

    @model_validator(mode="after")
    def _patches_fit(self) -> Self:
        if self.image_size % self.patch_size:
            raise not_a_divisor(self, "patch_size", "image_size")
        return self


class VitConfig(_Vision):
    """A Vision Transformer (Dosovitskiy et al. 2021, Sec. 3.1), pre-norm."""

    reads: ClassVar[Examples] = "images"
    kind: Literal["vit"] = "vit"
    pool: Literal["cls", "mean"] = Field(
        "mean", description="What the classifier reads: a class token, or the mean token."
    )

    @property
    def num_tokens(self) -> int:
        """Tokens N that attention sees: the patches, and the class token if there is one."""
        return self.num_patches + (self.pool == "cls")


class TimesformerConfig(_Vision):
    """A TimeSformer (Bertasius et al. 2021, Sec. 3), pre-norm; its classifier reads the mean token."""

    reads: ClassVar[Examples] = "clips"
    kind: Literal["timesformer"] = "timesformer"
    num_frames: int = Field(8, ge=2, le=32, description="Frames of a clip.")
    space_time: Literal["space", "joint", "divided"] = Field(
        "divided",
        description="What a patch attends to: its own frame, all frames, or its place over time and then its frame.",
    )
    zero_temporal: bool = Field(
        True,
        description="Whether the projection after attention over time starts at 0, as in the authors' release; "
        "otherwise the scheme sets it, in group vo.",
    )

    @property
    def num_tokens(self) -> int:
        """Tokens of a clip: the patches of all frames."""
        return self.num_patches * self.num_frames


class TransformerConfig(_Blocks):
    """An encoder-decoder Transformer (Vaswani et al. 2017, Sec. 3), pre-norm; `depth` counts for each of the two."""

    reads: ClassVar[Examples] = "sequences"
    kind: Literal["transformer"] = "transformer"
    vocabulary: int = Field(11, ge=3, le=1_000, description="Different symbols, the start symbol 0 included.")
    sequence_length: int = Field(10, ge=1, le=128, description="Symbols of a sequence, the start symbol not counted.")

    @property
    def num_classes(self) -> int:
        """What an output is chosen from: the symbols."""
        return self.vocabulary

    @property
    def num_tokens(self) -> int:
        """Tokens that the encoder sees."""
        return self.sequence_length


KINDS: dict[str, type[VitConfig | TimesformerConfig | TransformerConfig]] = {
    "vit": VitConfig,
    "timesformer": TimesformerConfig,
    "transformer": TransformerConfig,
}


def datasets_for(kind: str) -> tuple[str, ...]:
    """The data sets that a kind of model reads."""
    return tuple(name for name, dataset in DATASETS.items() if dataset.examples == KINDS[kind].reads)


def _kind(model: Any) -> str:
    """Which model a plain dict means; a ViT if it does not say."""
    return str(model.get("kind", "vit") if isinstance(model, Mapping) else getattr(model, "kind", "vit"))


ModelConfig = Annotated[
    Annotated[VitConfig, Tag("vit")]
    | Annotated[TimesformerConfig, Tag("timesformer")]
    | Annotated[TransformerConfig, Tag("transformer")],
    Discriminator(_kind),
]


class InitConfig(_Part):
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

    def taking(self, arm: "InitConfig") -> Self:
        """This init with what is an arm's own: all settings but scales of groups and biases, which arms share."""
        shared = (*SCALES, "biases")
        return self.model_copy(update={field: value for field, value in vars(arm).items() if field not in shared})

    def scale(self, group: GroupName) -> float:
        """The whole factor on the variance of one group of matrices."""
        return self.variance_scale * float(getattr(self, f"{group}_scale"))


class OptimConfig(_Part):
    """The optimiser and its schedule. A run lasts `steps`, or `epochs` if those are given."""

    steps: int = Field(300, ge=1, le=100_000, description="Training steps, one batch each.")
    epochs: int | None = Field(
        None, ge=1, le=1_000, description="Passes over the training examples; if given, steps follow from it."
    )
    batch_size: int = Field(128, ge=1, le=4_096, description="Examples in a step.")
    optimiser: OptimiserName = Field("adamw", description="What turns gradients into updates of the weights.")
    learning_rate: float = Field(4e-3, gt=0, le=10, description="Largest step size of the optimiser.")
    weight_decay: float = Field(0.05, ge=0, le=10, description="Decoupled weight decay.")
    decay: Literal["matrices", "all"] = Field(
        "matrices", description="What weight decay shrinks: the weight matrices only, or all parameters."
    )
    beta1: float = Field(0.9, ge=0, lt=1, description="Decay of AdamW's running mean of gradients.")
    beta2: float = Field(0.99, ge=0, lt=1, description="Decay of AdamW's running mean of squared gradients.")
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


class RunConfig(_Part):
    """One training of one model from one seed."""

    seed: int = Field(0, ge=0, le=2**31 - 1, description="Number from which every random draw of the run follows.")
    data: DataConfig = DataConfig()
    model: ModelConfig = VitConfig()
    init: InitConfig = InitConfig()
    optim: OptimConfig = OptimConfig()

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
