"""A search in a process of its own, one of several, on several devices; prints a hash of its results."""

import hashlib
import sys


def main(index: int, processes: int, port: int, devices: int, schedule: str) -> None:
    """Search, and print hashes of the leaderboard and of all weights; "spoiled" for other data in process 1."""
    import jax

    jax.config.update("jax_num_cpu_devices", devices)  # before the first device is looked at
    if processes > 1:
        jax.distributed.initialize(f"127.0.0.1:{port}", processes, index, initialization_timeout=60)
    import numpy as np

    import jaxnn as nn

    random = np.random.default_rng(0)
    x = random.normal(size=(101, 4)).astype(np.float32)
    y = (x[:, 0] + random.normal(size=101) > 0).astype(np.int32)
    if schedule == "spoiled":
        schedule, y[0] = "full", y[0] ^ index
    grid = {"width": [3, 5], "learning_rate": [0.01, 0.1, 1e30], "dropout": [0.0, 0.2]}
    found = nn.search(
        lambda width, dropout: nn.models.mlp((width,), 2, dropout=dropout), (x, y), nn.losses.softmax_cross_entropy,
        grid=grid, folds=3, epochs=9, metric="accuracy", optimizer="sgd", schedule=schedule, refit=False,
    )  # fmt: skip
    assert jax.device_count() == devices * processes
    weights = hashlib.sha256()
    for run in found.runs:
        assert run is not None
        for leaf in jax.tree.leaves((run.params, run.state)):
            weights.update(np.asarray(leaf).tobytes())
    board = hashlib.sha256(found.table.csv().encode())
    sys.stdout.write(f"leaderboard {board.hexdigest()} {weights.hexdigest()}\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:5]), sys.argv[5])
