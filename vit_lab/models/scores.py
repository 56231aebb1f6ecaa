"""What attention over space and time costs, counted without building a model (Bertasius et al. 2021, Sec. 3)."""

from typing import Literal

from vit_lab.model_config import TimesformerConfig

SpaceTime = Literal["space", "joint", "divided"]


def patches_read(space_time: SpaceTime, frames: int, patches: int) -> int:
    """How many different patches one patch reads in a block, itself among them: N, T N, or T + N - 1."""
    return scores_of_patch(space_time, frames, patches) - (space_time == "divided")


def scores_of_patch(space_time: SpaceTime, frames: int, patches: int) -> int:
    """Scores of one patch in one head: N, T N, or T + N, where a divided block scores the patch itself twice."""
    return {"space": patches, "joint": frames * patches, "divided": frames + patches}[space_time]


def attention_scores(space_time: SpaceTime, frames: int, patches: int) -> int:
    """Scores of one head for one clip: T N^2, (T N)^2, or N T^2 + T N^2."""
    return frames * patches * scores_of_patch(space_time, frames, patches)


def macs_per_token(c: TimesformerConfig) -> float:
    """Multiply-accumulate operations of a block for one token: projections and MLP, and 2 D for each score.

    A divided block has a second attention, and a projection after it.
    """
    projections = 9 if c.space_time == "divided" else 4
    own = projections * c.dim + 2 * c.mlp_ratio * c.dim
    return c.dim * (own + 2 * scores_of_patch(c.space_time, c.num_frames, c.num_patches))
