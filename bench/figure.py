"""Draws the figure of the README, docs/digits.svg: what `jaxnn train digits` learns, and what it finds hard."""

import os
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


def main() -> None:
    """Train with the defaults and draw."""
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
    path = Path(__file__).parent.parent / "docs" / "digits.svg"
    figure.savefig(path, metadata={"Date": None})
    print(f"{path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path}: {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
