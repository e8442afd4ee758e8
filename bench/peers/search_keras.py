"""Keras on the JAX backend: `compile` and `fit` of a new model for every setting and fold, as its tuner does."""

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

from bench.peers.search_grid import FOLDS, GRIDS, Figures, loop
from bench.problem import Problem


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, grid: str = "4", folds: int = FOLDS
) -> Callable[[int], Figures]:
    """Return the run."""
    x = x.astype(np.float32)

    def accuracy(
        train: np.ndarray, test: np.ndarray, hidden_layer_sizes: tuple[int], learning_rate_init: float, alpha: float
    ) -> float:
        keras.utils.set_random_seed(0)
        (width,), penalty = hidden_layer_sizes, keras.regularizers.L2(alpha / 2 / problem.batch)
        hidden = keras.layers.Dense(width, activation="relu", kernel_regularizer=penalty)
        model = keras.Sequential([keras.Input((64,)), hidden, keras.layers.Dense(10, kernel_regularizer=penalty)])
        crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(keras.optimizers.Adam(learning_rate_init), crossed)
        model.fit(x[train], y[train], batch_size=problem.batch, epochs=problem.epochs, verbose=0)
        return float(np.mean(model.predict(x[test], verbose=0).argmax(axis=1) == y[test]))

    return loop(accuracy, x, y, GRIDS[grid], folds)
