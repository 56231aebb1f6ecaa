"""What is seen of a model at a step, as plain data without torch: a process that draws it need not load that.

E blocks, H heads, N tokens, T frames, P patches a frame, C channels, S image size, L symbols, Y classes. The shapes of
attention are those of `vit_lab.probes.maps.Maps`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Array = NDArray[Any]
# An example: its number in the run's test set, from 0; or the levels of an image, 0 to 255, row by row; or the symbols
# of a source, from 1.
Example = int | bytes | tuple[int, ...]
UNKNOWN = -1  # the class of an image that nobody has named
MEAN = -1  # in the place of a token that reads: the mean over all


@dataclass(frozen=True)
class Weights:
    """Where the weights of a run after a step are: a snapshot or a checkpoint; those of step 0 can be drawn again."""

    step: int
    file: Path | None = None


@dataclass(frozen=True)
class Look:
    """What one example becomes in a model. Of sequences, what is said of one answer is said of the last place."""

    step: int
    example: Array  # (C, S, S) or (T, C, S, S), black 0 and white 1 but for noise; or (2, L) symbols
    label: int  # the true class; of sequences, the symbol that the last place should write; UNKNOWN of a drawing
    probabilities: Array  # (Y,)
    lens: Array  # (E, Y), after each block; the last is `probabilities`
    token_lens: Array  # (E, N, Y), of each token alone: T P of a clip, frame by frame; of sequences the places written
    rollout: Array  # (N,)
    attention: Array
    time: Array | None
    decoder: Array | None
    cross: Array | None


@dataclass(frozen=True)
class Glance:
    """What a page shows of a look at one time: what one token reads, and of one class what each token would say.

    Small, also of models whose look is large.
    """

    step: int
    example: Array  # as that of a `Look`
    label: int
    of: int  # the class that is followed: the true one unless another was asked for, or the likeliest of a drawing
    probabilities: Array  # (Y,)
    lens: Array  # (E, Y)
    tokens: Array  # (E, N), of that class, after each block
    rollout: Array  # (N,)
    # (E, H, N) of one token, of a ViT with its class token first; (E, H, P) of one patch within its frame; of sequences
    # the whole maps, (E, H, L, L), if they can be drawn
    reads: Array
    time: Array | None  # (E, H, T), of one place over time
    decoder: Array | None  # (E, H, L, L), whole
    cross: Array | None  # (E, H, L, L), whole


@dataclass(frozen=True)
class Answers:
    """What a model answers to the first examples of the run's test set, n of them; (n, L) each of sequences."""

    labels: Array  # (n,) int64
    answers: Array  # (n,) int64, the likeliest class
    true_probabilities: Array  # (n,) float32, of the true class
