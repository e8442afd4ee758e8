"""A LeNet-like network on 2,048 synthetic images of 28 x 28, batch 64: `fit` beside PyTorch and XLA's convolution."""

import dataclasses
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench.digits import installed
from bench.interleaved import compare, measure
from bench.peers import PEERS
from bench.problem import IMAGES
from bench.result import Result, agreement
from bench.workers import Worker

APART = ("conv_fit", "conv_pytorch", "conv_scan", "conv_members", "conv_members_vmap")
AIMS: dict[str, tuple[float, str]] = {
    "conv_pytorch": (1.3, "at most 1.30, better 1.00"),
    "conv_scan": (1 / 10, "at most 0.100 (10x)"),
}
"""The ratio to `fit` and how to write it."""

WITHIN = 0.25
"""Of the median loss after the last epoch."""

MEMBERS = dataclasses.replace(IMAGES, rows=256)
"""For the populations: eight networks by XLA's convolution in a loop take 230 seconds for an epoch of all images."""

SLOW = 5
"""A slow peer takes part in every fifth round."""


def table(rounds: int | None) -> Result:
    """Measure; each has a process of its own, and its first run, which compiles, does not count."""
    present, notes = installed(APART)
    titles = {peer: PEERS[peer].title for peer in present}
    with tempfile.TemporaryDirectory() as folder, ExitStack() as open_workers:
        workers: dict[str, Worker] = {}
        for peer in present:
            workers[peer] = open_workers.enter_context(Worker(Path(folder)))
            workers[peer].prepare(peer, MEMBERS if "members" in peer else IMAGES)
        timings = measure(
            f"LeNet on 28 x 28 x 1, Adam, batch {IMAGES.batch}, {IMAGES.rows} images, one epoch",
            {titles[peer]: worker.runner(titles[peer]) for peer, worker in workers.items()},
            rounds or 10, titles["conv_fit"], {titles[peer]: SLOW for peer in present if PEERS[peer].slow},
        )  # fmt: skip
    rows = [
        compare(timings, f"images: fit / {titles[peer]}", titles["conv_fit"], titles[peer], *AIMS[peer])
        for peer in present
        if peer in AIMS
    ]
    mapped, together = titles["conv_members"], titles["conv_members_vmap"]
    rows.append(compare(timings, f"images: {mapped} / {together}", mapped, together, 1 / 5, "at most 0.200 (5x)"))
    alone = {titles[peer]: workers[peer].losses[titles[peer]] for peer in present if "members" not in peer}
    said, differing = agreement(alone, WITHIN)
    notes.append(f"Eight networks: on {MEMBERS.rows} of the images; data in memory and compilation left out.")
    return Result(timings, rows, [], [*notes, said], differing)
