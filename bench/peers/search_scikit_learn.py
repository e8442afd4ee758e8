"""scikit-learn: `GridSearchCV` over its own network, in processes of joblib's, which stay once they have started."""

import os
import warnings
from collections.abc import Callable

os.environ["PYTHONWARNINGS"] = "ignore"  # "did not converge": that is asked for, and joblib's processes would tell it

import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.neural_network import MLPClassifier

from bench.peers.search_grid import FOLDS, GRIDS, Figures, figures
from bench.problem import Problem


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, grid: str = "36", folds: int = FOLDS, cast: str = "float32",
    n_jobs: int = 2,
) -> Callable[[int], Figures]:  # fmt: skip
    """Return the run."""
    x, epochs = x.astype(cast), problem.epochs

    def run(_: int) -> Figures:
        model = MLPClassifier(max_iter=epochs, n_iter_no_change=epochs, batch_size=problem.batch, random_state=0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            search = GridSearchCV(model, GRIDS[grid], cv=folds, refit=False, n_jobs=n_jobs).fit(x, y)
        return figures(search.cv_results_["params"], search.cv_results_["mean_test_score"])

    return run
