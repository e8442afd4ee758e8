"""scikit-learn: its own network, which must not stop early; it draws weights of its own (Glorot's uniform)."""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.neural_network import MLPClassifier, MLPRegressor

from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run, in float32 as the data is."""
    kind = MLPClassifier if problem.classifies else MLPRegressor
    targets = y if problem.classifies else y[:, 0]

    def run(seed: int) -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge": that is asked for
            model = kind(
                hidden_layer_sizes=problem.hidden, alpha=0.0, batch_size=problem.batch, tol=0.0, random_state=seed,
                learning_rate_init=problem.rate, max_iter=problem.epochs, n_iter_no_change=problem.epochs,
            ).fit(x, targets)  # fmt: skip
        return float(model.loss_) * (1 if problem.classifies else 2)  # its loss is half the squared error

    return run
