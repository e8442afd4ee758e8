"""Draws the figures of the README: what `jaxnn train digits` learns and finds hard, and the top of its report."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from jaxnn.cli.pipeline import Outcome, train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import load

SHOWN = 12


def hardest(outcome: Outcome) -> list[tuple[np.ndarray, int, int, float]]:
    """Return image, class, answer and its probability of the test digits with the least probability for their class."""
    plan, y = outcome.plan, outcome.plan.test.y
    chance = np.asarray(plan.objective.activation(outcome.run.logits(plan.test.x)))
    order = np.argsort(chance[np.arange(len(y)), y])[:SHOWN]
    images = plan.table.features[plan.test.rows].reshape(-1, 8, 8)
    answers = chance.argmax(1)
    return [(images[i], int(y[i]), int(answers[i]), float(chance[i, answers[i]])) for i in order]


def photograph(path: Path) -> None:
    """Write the top of the report of `jaxnn train digits` as a browser shows it, in 64 colours."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        train = [sys.executable, "-m", "jaxnn", "train", "digits", "--quiet", "--out", f"{folder}/run"]
        subprocess.run(train, check=True)
        browser = [str(shutil.which("chromium")), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
        shot = ["--window-size=1080,1330", f"--user-data-dir={folder}/browser", f"--screenshot={folder}/shot.png"]
        subprocess.run([*browser, *shot, f"file://{folder}/run/report.html"], check=True, capture_output=True)
        picture = Image.open(f"{folder}/shot.png").convert("RGB").quantize(64)
        picture.save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes")


def main() -> None:
    """Train with the defaults and draw; the report only where there is a browser."""
    outcome = train_table(load("digits"), Settings())
    history, best = outcome.run.history, outcome.run.best_epoch
    assert outcome.test is not None
    figure = plt.figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.15])
    axes = left.subplots()
    epochs = np.arange(1, history.epochs + 1)
    axes.plot(epochs, history["loss"], label="training loss", color="#3366aa")
    axes.plot(epochs, history["val_loss"], label="validation loss", color="#cc6633")
    axes.axvline(best + 1, color="#888888", linestyle=":", label=f"best epoch, {best + 1}: its weights are kept")
    axes.set(xlabel="epoch", yscale="log")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    score = getattr(outcome.test, "accuracy", 0.0)
    left.suptitle(f"jaxnn train digits: {score:.1%} of {outcome.test.rows} test digits right", fontsize=10)
    right.suptitle("the test digits it finds hardest, and what it says", fontsize=10)
    for axes, (image, label, answer, chance) in zip(right.subplots(2, SHOWN // 2).flat, hardest(outcome), strict=True):
        axes.imshow(image, cmap="gray_r")
        axes.set_axis_off()
        mark = "" if label == answer else f", is {label}"
        axes.set_title(f"{answer} ({chance:.0%}){mark}", fontsize=7, color="#227733" if label == answer else "#aa2222")
    if shutil.which("chromium"):
        photograph(Path(__file__).parent.parent / "docs" / "report.png")
    path = Path(__file__).parent.parent / "docs" / "digits.svg"
    figure.savefig(path, metadata={"Date": None})
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
