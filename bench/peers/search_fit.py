"""Ours: `SearchCV` over `MLPClassifier`."""

import warnings
from collections.abc import Callable

import numpy as np

import jaxnn
from bench.peers.search_grid import FOLDS, GRIDS, Figures, figures
from bench.problem import Problem
from jaxnn.estimators import MLPClassifier, SearchCV


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, grid: str = "36", folds: int = FOLDS, cast: str = "float32",
    cache: str = "", **options: str,
) -> Callable[[int], Figures]:  # fmt: skip
    """Return the run; `cache` is the folder to keep compiled programs in, "" for none, `options` are the search's."""
    if cache:
        jaxnn.enable_cache(cache)
    x, epochs = x.astype(cast), problem.epochs

    def run(_: int) -> Figures:
        model = MLPClassifier(max_iter=epochs, n_iter_no_change=epochs, batch_size=problem.batch, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge": that is asked for
            search = SearchCV(model, GRIDS[grid], cv=folds, refit=False, **options).fit(x, y)
        found = figures(search.cv_results_["params"], search.cv_results_["mean_test_score"])
        return found | {"best": float(search.best_score_)}  # of those that had all epochs

    return run
