"""Every draw is a function of (run seed, what it is for): nothing seeds or reads torch's global generator.

Because each draw has a generator of its own, there is no generator state to save, and changing one part
of a model or a run leaves the draws of all other parts as they were.
"""

import hashlib

import torch


def generator_for(seed: int, *purpose: object) -> torch.Generator:
    """A fresh CPU generator for one purpose of a run, e.g. generator_for(seed, "batches", epoch)."""
    text = "/".join(str(part) for part in (seed, *purpose))
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest, "little") >> 1)
