"""Named RunConfigs: where a person starts, with what each is for."""

from typing import NamedTuple

from vit_lab.config import RunConfig
from vit_lab.refusals import one_of
from vit_lab.settings import ConfigError, configure


class Preset(NamedTuple):
    """A named starting point and one sentence on what to expect of it."""

    config: RunConfig
    summary: str


NEEDS_MNIST = "Needs full MNIST, 67 MB to download if it is not here."

PRESETS: dict[str, Preset] = {
    "classroom": Preset(RunConfig(), "A small ViT that learns the bundled digits while the class watches."),
    "vit-notes": Preset(
        configure(
            dataset="mnist",
            normalise=False,
            patch_size=4,
            dim=8,
            depth=2,
            heads=2,
            mlp_ratio=4.0,
            pool="cls",
            position="sinusoidal",
            attention_dropout=0.1,
            qkv_bias=False,
            out_bias=False,
            final_norm=False,
            scheme="xavier",
            epochs=5,
            batch_size=128,
            learning_rate=5e-3,
            weight_decay=0.05,
            beta2=0.999,
            schedule="cosine",
            schedule_unit="epoch",
            warmup_steps=0,
            clip_norm=None,
            double_softmax=True,
        ),
        "The recipe of the ViT-Notes repository, softmax before the loss included: about 82 % on full MNIST, 78 to 86 "
        f"% by seed. {NEEDS_MNIST}",
    ),
    "accurate": Preset(
        configure(dataset="mnist", shift=1, scheme="xavier", epochs=6, warmup_steps=100),
        "Full MNIST, each image moved by up to a pixel, 6 epochs: about 99 % (98.9 with seed 0), in about two "
        f"minutes on one core. {NEEDS_MNIST}",
    ),
    "speedrun": Preset(
        configure(
            dataset="mnist",
            validation_size=1000,
            shift=1,
            dim=48,
            depth=3,
            heads=3,
            scheme="xavier",
            residual="zero",
            steps=2200,
            optimiser="muon",
            learning_rate=0.02,
            clip_norm=None,
        ),
        "Full MNIST in half the time of accurate, by Muon and a smaller model: 99.06 %, mean of ten seeds, with "
        f"residual branches that start at 0, which on Train is up to each arm. {NEEDS_MNIST}",
    ),
    "copy": Preset(
        configure(
            kind="transformer",
            dataset="copy",
            dim=64,
            depth=2,
            heads=4,
            scheme="xavier",
            steps=600,
            batch_size=64,
            learning_rate=2e-3,
            weight_decay=0.0,
            beta2=0.98,
            schedule="noam",
            warmup_steps=200,
            label_smoothing=0.1,
        ),
        "An encoder-decoder Transformer learns to write ten symbols again, all right after about 300 steps: half a "
        "minute on one core.",
    ),
    "moving-digits": Preset(
        configure(
            kind="timesformer",
            dataset="moving-direction",
            dim=48,
            depth=2,
            heads=4,
            scheme="xavier",
            steps=300,
            batch_size=32,
            learning_rate=3e-3,
        ),
        "A TimeSformer tells which way a digit goes in a clip of eight frames: 99 % with divided attention, within a "
        "minute.",
    ),
}


def preset(name: str) -> RunConfig:
    """The config of a preset. Raises ConfigError for an unknown name."""
    if name not in PRESETS:
        raise ConfigError("preset", f"there is no preset {name[:40]!r}; choose {one_of(list(PRESETS))}")
    return PRESETS[name].config
