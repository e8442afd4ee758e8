"""`MLPClassifier`, ours or scikit-learn's: the same lines but the module that it is imported from.

The generator of weights and of the order of rows always begins at 0, so that a fit takes the same epochs every time.
"""

import gc
import importlib
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from bench.problem import Problem

Figures = dict[str, float]

SHAPES = [(20, 3, (5,)), (24, 4, (4, 3)), (32, 2, (8,)), (40, 5, ()), (50, 8, (16,)), (64, 6, (6, 6, 6))]
"""Rows, features and hidden layers of many small fits."""


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, module: str, task: str, **options: Any) -> Callable:
    """Return the run of a task.

    Args:
        problem: where x and y are from.
        x, y: examples as scikit-learn has them.
        module: that has `MLPClassifier`.
        task: "fit", "predict" or "many".
        options: of the task.

    Returns:
        The run; it returns figures by name.
    """
    make = {"fit": _fit, "predict": _predict, "many": _many}[task]
    run = make(importlib.import_module(module).MLPClassifier, x, y, **options)

    def quietly(seed: int) -> Figures:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge": that is asked for
            return run(seed)

    return quietly


def _fit(
    estimator: Any, x: np.ndarray, y: np.ndarray, cast: str = "float64", **parameters: Any
) -> Callable[[int], Figures]:
    x = x.astype(cast)

    def run(_: int) -> Figures:
        model = estimator(random_state=0, **parameters).fit(x, y)
        return {"iterations": int(model.n_iter_), "loss": float(model.loss_)}

    return run


def _predict(estimator: Any, x: np.ndarray, y: np.ndarray, rows: int, calls: int) -> Callable[[int], Figures]:
    model = estimator(random_state=0, max_iter=10)
    asked, fitted = x[np.arange(rows) % len(x)], []

    def run(_: int) -> Figures:
        if not fitted:  # within the first run, which does not count
            fitted.append(model.fit(x, y))
        answers = [model.predict(asked) for _ in range(calls)]
        return {"right": float(np.mean(answers[-1] == y[np.arange(rows) % len(y)]))}

    return run


def _many(estimator: Any, x: np.ndarray, y: np.ndarray, fits: int) -> Callable[[int], Figures]:
    """Small fits, each with numbers and weights of its own, as a search has them."""

    def run(seed: int) -> Figures:
        random = np.random.default_rng(seed)
        for i in range(fits):
            rows, features, hidden = SHAPES[i % len(SHAPES)]
            numbers = {"alpha": 10 ** random.uniform(-6, -2), "learning_rate_init": 10 ** random.uniform(-4, -1)}
            model = estimator(hidden, max_iter=3, random_state=seed * fits + i, **numbers)
            model.fit(random.normal(size=(rows, features)), np.arange(rows) % 2)
        gc.collect()
        return {"resident": resident()}

    return run


def resident() -> float:
    """Return the MB of memory that this process has; where the system does not tell, the most that it ever had."""
    try:
        with open("/proc/self/statm", encoding="ascii") as told:
            return int(told.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1e6 if sys.platform == "darwin" else 1e3)
