"""A run as one readable script of torch and numpy, which trains it again: each loss is the run's, to the bit.

The script knows nothing of the lab. It has sections that a notebook takes as cells (`# %%`), and of each only the lines
that this run needs; see `vit_lab.analysis.script.pieces` for how they are chosen.
"""

import textwrap
from collections.abc import Collection

from vit_lab.analysis.script import attention, data, init, model, structured, training
from vit_lab.analysis.script.facts import constants, facts_of, where_from
from vit_lab.analysis.script.pieces import asked_for, chosen, laid_out, mentions, pieces_of, settings
from vit_lab.config import RunConfig
from vit_lab.datasets import DATASETS
from vit_lab.init.schemes import SCHEMES
from vit_lab.model_config import FUSED_TOKENS
from vit_lab.runs.records import run_name
from vit_lab.training.optimisers import OPTIMISERS

TITLE = '''
"""{name}

{words}
"""
'''
WORDS = (
    "Each `# %%` begins a notebook's cell{data}. With the run's machine, torch and lab, losses "
    "are the run's to the bit. B batch, N tokens, D width, H heads."
)
OF_DATA = "DATA is where pictures lie"
MODULES = {name: f"import {name}" for name in ("hashlib", "itertools", "math", "pickle", "re")}
STANDARD = MODULES | {
    "Path": "from pathlib import Path",
    "NormalDist": "from statistics import NormalDist",
}
OTHERS = {
    "np": "import numpy as np",
    "torch": "import torch",
    "F": "import torch.nn.functional as F",
    "nn": "from torch import nn",
}
WIDTH = 88  # of a line, so that it fits a cell of a notebook
ONE_THREAD = "torch.set_num_threads(1)  # the order of sums, and so their last bits, depends on it"
MODELS = {"vit": "VisionTransformer", "timesformer": "TimeSformer", "transformer": "Transformer"}


class ScriptError(Exception):
    """There is no script of a run; the message is one sentence for a person."""


def missing(config: RunConfig) -> str | None:
    """Why there is no script of a run, as a sentence; None if there is one."""
    if config.fork:
        return "no script is known of a fork; its parent may have one"
    known = {
        "scheme": (config.init.scheme, init.KNOWN),
        "optimiser": (config.optim.optimiser, tuple(training.MADE)),
        "data set": (DATASETS[config.data.dataset].load, data.LOADERS),
    }
    unknown = [f"{what} {name}" for what, (name, names) in known.items() if name not in names]
    return f"no script is known of the {unknown[0]}; `vit_lab/analysis/script` has the others" if unknown else None


def script_of(config: RunConfig, *, is_elsewhere: bool = False) -> str:
    """The script of a run. It reads data from where that is on this machine. Raises ScriptError, see `missing`.

    One that goes elsewhere, to whoever looks at a page, reads it from beside itself, and says where it comes from.
    """
    if why := missing(config):
        raise ScriptError(why)
    facts = facts_of(config)
    facts |= init.more_facts(facts)
    values = _values(config, facts)
    cells = {
        title: [piece for text in texts for piece in pieces_of(chosen(text, facts, values))]
        for title, texts in _texts(config, facts).items()
    }
    cells = asked_for(cells)
    body = "\n".join(piece for pieces in cells.values() for piece in pieces)
    known = settings(constants(config, is_elsewhere), body, WIDTH)
    read = f"{known}\n{body}\n{ONE_THREAD}"
    imports = ["\n".join(line for name, line in lines.items() if mentions(read, name)) for lines in (STANDARD, OTHERS)]
    name = textwrap.fill(f"One run: {run_name(config)}.", WIDTH - 3)
    of_data = where_from(config) if is_elsewhere else OF_DATA if "pixels" in facts else ""
    words = textwrap.fill(WORDS.format(data=f"; {of_data}" if of_data else ""), WIDTH, break_on_hyphens=False)
    head = [TITLE.strip().format(name=name, words=words), *imports]
    return "\n\n".join(head) + "\n\n" + laid_out({"Settings": [f"{ONE_THREAD}\n{known}"]} | cells)


def _texts(config: RunConfig, facts: Collection[str]) -> dict[str, list[str]]:
    """The texts of each cell, by its title."""
    source = data.SEQUENCES if "sequences" in facts else data.PIXELS
    of_clips = [data.CLIPS] if "clips" in facts else []
    scheme, optimiser = SCHEMES[config.init.scheme], OPTIMISERS[config.optim.optimiser]
    changed = [training.OPTIMISER, data.AUGMENTATION, training.LOOP]
    return {
        "Data": [data.GENERATOR, source, data.NOISE, *of_clips, data.BATCHES],
        f"Model: {config.model.kind}": [attention.ATTENTION, model.BLOCKS, model.WHOLE],
        f"Init: {config.init.scheme} ({scheme.source})": [init.DRAWS, structured.STRUCTURED, init.START],
        f"Training: {config.optim.optimiser} ({optimiser.source})": changed,
        "Test": [training.TEST],
    }


def _values(config: RunConfig, facts: Collection[str]) -> dict[str, str]:
    """What stands for the names with a `$`."""
    transformer = "transformer" in facts
    attended = ", generator" if "attention_dropout" in facts else ""
    fused_if = ["generator is None"] * bool(attended) + [f"k.shape[-2] >= {FUSED_TOKENS}"] * ("few_tokens" in facts)
    wide = {
        "mask": ", attn_mask=mask" if transformer else "",
        "fused_if": " and ".join(fused_if),
        "formula": chosen(attention.FORMULA, facts, {}),
    }
    optimiser, how = training.MADE[config.optim.optimiser]
    activation = "F.relu" if transformer else "F.gelu"
    return init.values_of(facts) | {
        "model": MODELS[config.model.kind],
        "shape": "(B T, N, D)" if {"space", "divided"} & set(facts) else "(B, N, D)",
        "generator": ", generator=None" if "drops" in facts else "",
        "given": ", generator" if "drops" in facts else "",
        "attention_generator": ", generator=None" if attended else "",
        "memory": ", memory=None, mask=None" if transformer else "",
        "no_qkv_bias": "" if "qkv_bias" in facts else ", bias=False",
        "no_out_bias": "" if "out_bias" in facts else ", bias=False",
        "wide": chosen(attention.WIDE, facts, wide),
        "narrow": chosen(attention.NARROW, facts, {}),
        "over_time": model.over_time(facts) if "divided" in facts else "",
        "attention": model.branch(facts, "norm_attention", f"self.attention({{x}}{attended})"),
        "mlp": model.branch(facts, "norm_mlp", f"self.mlp.down({activation}(self.mlp.up({{x}})))", "return"),
        "masked": model.branch(facts, "norm_attention", f"self.attention({{x}}{attended}, mask=mask)"),
        "cross": model.branch(facts, "norm_cross", f"self.cross({{x}}{attended}, memory=memory)"),
        "read": "read" if attended else "e",
        "optimiser": optimiser,
        "how": how + (", nesterov=True" if "by-sgd" in facts and "nesterov" in facts else ""),
        "smoothing": ", label_smoothing=SMOOTHING" if "smooth" in facts else "",
    }
