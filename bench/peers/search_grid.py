"""The search that all do: settings of one hidden layer, scored by accuracy over stratified folds in the rows' order."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from sklearn.model_selection import ParameterGrid, StratifiedKFold

Figures = dict[str, float]
Grid = dict[str, list[Any]]

WIDTHS = [(16,), (32,), (64,), (128,)]

GRID: Grid = {
    "hidden_layer_sizes": WIDTHS, "learning_rate_init": [1e-3, 3e-3, 1e-2], "alpha": [1e-4, 1e-2, 1.0],
}  # fmt: skip
"""36 settings, named as `MLPClassifier` names them: its penalty is `alpha / 2` times the squares over the batch."""

FEW: Grid = {"hidden_layer_sizes": WIDTHS, "learning_rate_init": [3e-3], "alpha": [1e-2]}
"""What slow ones fit: of every width as large a share as in the whole grid."""

MANY: Grid = {
    "hidden_layer_sizes": WIDTHS, "learning_rate_init": [5e-4, 1e-3, 3e-3, 1e-2], "alpha": [1e-4, 1e-2, 0.1, 1.0],
}  # fmt: skip
"""64 settings, for halving."""

GRIDS = {"36": GRID, "4": FEW, "64": MANY}
"""By the number of settings, which is how a worker is told."""

FOLDS = 5


def figures(settings: Sequence[dict[str, Any]], means: Sequence[float]) -> Figures:
    """Return the best of the settings' mean scores, and the mean over the settings of `FEW`.

    Args:
        settings: as `ParameterGrid` has them.
        means: the mean over the folds of each.

    Returns:
        "best" and "few"; the last is NaN where none of the settings is one of `FEW`.
    """
    few = [m for setting, m in zip(settings, means, strict=True) if all(setting[name] in FEW[name] for name in FEW)]
    return {"best": float(max(means)), "few": float(np.mean(few)) if few else float("nan")}


def loop(
    accuracy: Callable[..., float], x: np.ndarray, y: np.ndarray, grid: Grid = FEW, folds: int = FOLDS
) -> Callable[[int], Figures]:
    """Return a run that fits in two plain loops, over settings and folds.

    Args:
        accuracy: trains with `train=` rows and a setting's names, and returns the accuracy on `test=` rows.
        x, y: examples.
        grid: which settings.
        folds: how many.

    Returns:
        The run.
    """
    settings, splits = list(ParameterGrid(grid)), list(StratifiedKFold(folds).split(x, y))

    def run(_: int) -> Figures:
        means = [
            float(np.mean([accuracy(train=train, test=test, **setting) for train, test in splits]))
            for setting in settings
        ]
        return figures(settings, means)

    return run
