"""The processes that `benchmarks.in_turn` lets run in turn: python -m benchmarks.contenders NAME SIZE COUNTER.

| name | what it does, for ever or until its run has ended |
| --- | --- |
| lab | an arm as a worker of the dashboard trains it: data, metrics, evaluations, probes, store, checkpoints |
| lab-bare, lab-bare-too | the lab's step alone: batch, forward, backward, update |
| simple | SimpleViT of vit-pytorch, with torchvision's MNIST, ToTensor, DataLoader as it is, AdamW |
| timm | VisionTransformer of timm, with the same |
| simple-bare, timm-bare | the same step on one batch that lies in memory |

All have the same patch size, width, depth, heads and MLP, as many tokens, no dropout, the same fused AdamW, clipping
and batch, and one intra-op thread. None has biases in attention, for SimpleViT cannot; that it has two norms more
before the first block, and that timm's model learns its positions, could not be helped. The usual loops need
torchvision's MNIST in VIT_LAB_DATA.
"""

import mmap
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import cycle
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vit_lab import paths
from vit_lab.config import RunConfig
from vit_lab.data.splits import load_run_data
from vit_lab.datasets import is_available
from vit_lab.events import Stepped
from vit_lab.init.build import build_model
from vit_lab.model_config import VitConfig
from vit_lab.models.loss import training_loss
from vit_lab.presets import preset
from vit_lab.settings import configure
from vit_lab.training.optimisers import adamw

SIZES: dict[str, dict[str, Any]] = {
    "vit-notes": {"patch_size": 4, "dim": 8, "depth": 2, "heads": 2, "mlp_ratio": 4.0},
    "classroom": {"patch_size": 7, "dim": 64, "depth": 4, "heads": 4, "mlp_ratio": 2.0},
}


def config(size: str) -> RunConfig:
    """The run of the lab at that size: the preset on MNIST for five epochs, with no more than all contenders have."""
    dataset = "mnist" if is_available("mnist") else "mnist-10k"
    common = {"pool": "mean", "attention_dropout": 0.0, "qkv_bias": False, "out_bias": False}
    return configure(preset(size), dataset=dataset, epochs=5, **common, **SIZES[size])


def peer(name: str, model: VitConfig) -> nn.Module:
    """The model of another library with the same dimensions and as many tokens."""
    hidden = round(model.dim * model.mlp_ratio)
    if name == "simple":
        from vit_pytorch import SimpleViT

        return SimpleViT(
            image_size=model.image_size,
            patch_size=model.patch_size,
            num_classes=model.num_classes,
            channels=model.channels,
            dim=model.dim,
            depth=model.depth,
            heads=model.heads,
            dim_head=model.dim // model.heads,
            mlp_dim=hidden,
        )
    from timm.models.vision_transformer import VisionTransformer

    return VisionTransformer(
        img_size=model.image_size,
        patch_size=model.patch_size,
        num_classes=model.num_classes,
        in_chans=model.channels,
        embed_dim=model.dim,
        depth=model.depth,
        num_heads=model.heads,
        mlp_ratio=model.mlp_ratio,
        qkv_bias=model.qkv_bias,
        proj_bias=model.out_bias,
        class_token=False,
        global_pool="avg",
        final_norm=model.final_norm,
    )


def peer_steps(name: str, size: str) -> Iterator[None]:
    """The usual loop; without data if the name ends in -bare."""
    run = config(size)
    assert isinstance(run.model, VitConfig)
    model = peer(name.removesuffix("-bare"), run.model)
    optimiser = torch.optim.AdamW(model.parameters(), lr=run.optim.learning_rate, fused=True)
    if name.endswith("-bare"):
        images, labels = torch.randn(run.optim.batch_size, 1, 28, 28), torch.arange(run.optim.batch_size) % 10
        batches: Any = cycle([(images, labels)])
    else:
        batches = _usual_batches(run.optim.batch_size)
    for images, labels in batches:
        loss = F.cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        if run.optim.clip_norm is not None:
            nn.utils.clip_grad_norm_(model.parameters(), run.optim.clip_norm)
        optimiser.step()
        yield


def _usual_batches(batch_size: int) -> Iterator[tuple[Tensor, Tensor]]:
    from torch.utils.data import DataLoader
    from torchvision import datasets, transforms

    images = datasets.MNIST(str(paths.data_folder()), train=True, transform=transforms.ToTensor())
    while True:
        yield from DataLoader(images, batch_size=batch_size, shuffle=True)


def bare_steps(size: str) -> Iterator[None]:
    """The lab's own step and nothing else."""
    run = config(size)
    model, data = build_model(run), load_run_data(run)
    [optimiser] = adamw(model, run.optim)
    for epoch in range(10**6):
        for images, labels in data.train.batches(run.optim.batch_size, run.seed, epoch):
            loss = training_loss(model(images), labels, run.optim)
            model.zero_grad()
            loss.backward()
            if run.optim.clip_norm is not None:
                nn.utils.clip_grad_norm_(model.parameters(), run.optim.clip_norm)
            optimiser.step()
            yield


def train_in_the_lab(size: str, counted: Callable[[], None]) -> None:
    """One run through the store and a worker, to its end; every step is counted."""
    from vit_lab.runs.executors import follow
    from vit_lab.runs.executors.messages import Ended
    from vit_lab.runs.executors.worker import Worker
    from vit_lab.runs.records import NewRun, RunRecord
    from vit_lab.runs.states import Status
    from vit_lab.runs.store import Store
    from vit_lab.training.trainer import Training

    class Counted(Training):
        def __next__(self) -> Any:
            event = super().__next__()
            if isinstance(event, Stepped):
                counted()
            return event

    class OfOneRun(Worker):
        def train(self, run: RunRecord) -> Ended:
            ended = super().train(run)
            self.end()
            return ended

    follow.train = Counted
    load_run_data(config(size))
    store = Store(paths.database())
    print("ready", flush=True)
    store.add([NewRun(config(size), size, "benchmark")])
    worker = threading.Thread(target=OfOneRun(store, store.presence.name, follow.train_here).work)
    worker.start()
    worker.join()
    (run,) = store.runs()
    if run.status != Status.FINISHED:
        raise RuntimeError(run.error)


def main(name: str, size: str, counter: str) -> None:
    """Work, and count."""
    torch.set_num_threads(1)
    with open(counter, "r+b") as file, mmap.mmap(file.fileno(), 8) as steps:  # noqa: PTH123
        count = 0

        def counted() -> None:
            nonlocal count
            count += 1
            steps[:8] = struct.pack("q", count)

        if name == "lab":
            train_in_the_lab(size, counted)
            return
        working = bare_steps(size) if name.startswith("lab-bare") else peer_steps(name, size)
        for _ in range(5):
            next(working)
        print("ready", flush=True)
        for _ in working:
            counted()


if __name__ == "__main__":
    main(*sys.argv[1:])
