"""The three kinds of model as data: frozen models with every default and every limit."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from vit_lab.datasets import DATASETS, Examples
from vit_lab.refusals import not_a_divisor, refusal

FUSED_FROM = 16  # features of a head, from which on `vit_lab.models.attend` is no faster than what torch has
FUSED_TOKENS = 32  # tokens that a token reads, from which on torch's fused kernel is no slower than the formula
Norm = Literal["pre", "post", "none"]


class Part(BaseModel):
    """A part of a run's config: frozen, finite, and without settings that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)


class _Blocks(Part):
    """The blocks, which all models have in common."""

    dim: int = Field(64, ge=2, le=512, description="Width of a token: how many numbers describe a patch.")
    depth: int = Field(4, ge=1, le=24, description="Encoder blocks on top of one another.")
    heads: int = Field(4, ge=1, le=32, description="Attention heads in a block; they share the width evenly.")
    mlp_ratio: float = Field(2.0, gt=0, le=8, description="Hidden width of the MLP, in multiples of dim.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of features dropped after embedding, attention and MLP.")
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="Share of attention weights dropped.")
    norm: Norm = Field(
        "pre",
        description="Where a block has its LayerNorms: before each branch, after each sum, or nowhere.",
    )
    final_norm: bool = Field(
        True, description="Whether a LayerNorm stands before the classifier, and at the end of an encoder."
    )
    residual_factor: float = Field(
        1.0,
        gt=0,
        le=100,
        description="What a block multiplies its tokens by before a branch is added to them; "
        "DeepNorm has the fourth root of twice the depth, with the norm after the sum.",
    )

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
    """A Vision Transformer (Dosovitskiy et al. 2021, Sec. 3.1)."""

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
    """A TimeSformer (Bertasius et al. 2021, Sec. 3); its classifier reads the mean token."""

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
    """An encoder-decoder Transformer (Vaswani et al. 2017, Sec. 3); `depth` counts for each of the two."""

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
