"""Whole processes, as a user waits for them: the import alone, and a training run from the shell."""

import os
import re
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

from bench.interleaved import compare, measure, timed
from bench.result import Result

ROUNDS = 7

SCIKIT_LEARN = """
import warnings
import joblib
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

warnings.simplefilter("ignore")
x, y = load_digits(return_X_y=True)
x, test_x, y, test_y = train_test_split(x, y, test_size=0.2, stratify=y, random_state=0)
model = make_pipeline(
    StandardScaler(),
    MLPClassifier(
        {hidden}, batch_size={batch_size}, learning_rate_init={learning_rate}, max_iter={epochs}, early_stopping=True,
        validation_fraction={share}, n_iter_no_change={patience}, tol=0.0, alpha=0.0, random_state=0,
    ),
)
model.fit(x, y)
print("accuracy", model.score(test_x, test_y))
joblib.dump(model, "model.joblib")
"""
"""What `jaxnn train digits` does but the penalty and the report: split, scale, train, stop early, score, save."""


def imports(rounds: int | None) -> Result:
    """Compare `import jaxnn` with `import jax, optax`, each by `python -X importtime` in a new process.

    Args:
        rounds: how often each runs.

    Returns:
        The table; seconds are those that the interpreter counts, not the clock's.
    """
    codes = ("import jaxnn", "import jax, optax")
    runs = {code: partial(_import_seconds, code) for code in codes}
    timings = measure("import, new process (python -X importtime)", runs, rounds or 2 * ROUNDS, codes[1])
    return Result(timings, [compare(timings, f"{codes[0]} / {codes[1]}", *codes, 1.20)])


def training(rounds: int | None) -> Result:
    """Compare `jaxnn train digits` with a warm compilation cache with a scikit-learn script that does the same.

    Args:
        rounds: how often each runs.

    Returns:
        The table.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "peer.py"
        script.write_text(_peer())
        commands = {
            "jaxnn train digits": [*_OURS, "--out", "run", "--overwrite", "--quiet"],
            "scikit-learn script": [sys.executable, str(script)],
        }
        for command in commands.values():  # fills the compilation cache, and the disk's
            _run(command, folder)
        runs = {name: timed(partial(_run, command, folder)) for name, command in commands.items()}
        title = "train on digits, whole process, warm cache"
        timings = measure(title, runs, rounds or ROUNDS, "scikit-learn script")
    ours, theirs = commands
    return Result(timings, [compare(timings, f"{ours}, whole process / {theirs}", ours, theirs, 1.0, "below 1")])


_OURS = [sys.executable, "-m", "jaxnn", "train", "digits"]


def _peer() -> str:
    from jaxnn.cli.settings import Settings

    ours = Settings()
    return SCIKIT_LEARN.format(
        hidden=tuple(ours.hidden), batch_size=ours.batch_size, learning_rate=ours.learning_rate or 1e-3,
        epochs=ours.epochs, share=ours.validation / (1 - ours.test), patience=ours.patience,
    )  # fmt: skip


def _run(command: list[str], folder: str) -> None:
    environment = os.environ | {"JAXNN_CACHE_DIR": str(Path(folder) / "cache"), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr}")


def _import_seconds(code: str, _: int) -> float:
    """The cumulated microseconds of everything imported at the top level, from the interpreter's own list."""
    said = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", code], capture_output=True, text=True, check=True
    ).stderr
    rows = re.findall(r"^import time:\s+\d+ \|\s+(\d+) \| (\S+)$", said, re.MULTILINE)
    names = {"jaxnn"} if "jaxnn" in code else {"jax", "optax"}
    return sum(int(microseconds) for microseconds, name in rows if name in names) / 1e6
