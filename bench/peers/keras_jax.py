"""Keras on the JAX backend: `compile` and `fit`."""

import os
from collections.abc import Callable

os.environ["KERAS_BACKEND"] = "jax"

import keras
import numpy as np

from bench.problem import Problem


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray) -> Callable[[int], float]:
    """Return the run: the model is built once and put back to fresh weights, or `fit` would compile every time."""
    hidden = [keras.layers.Dense(width, activation="relu") for width in problem.hidden]
    model = keras.Sequential([keras.Input(x.shape[1:]), *hidden, keras.layers.Dense(problem.widths[-1])])
    crossed = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(problem.rate), crossed if problem.classifies else "mean_squared_error")
    model.optimizer.build(model.trainable_variables)
    untouched = [np.asarray(variable) for variable in model.optimizer.variables]

    def run(seed: int) -> float:
        keras.utils.set_random_seed(seed)  # of the order of rows
        model.set_weights([array for pair in problem.weights(seed) for array in pair])
        for variable, value in zip(model.optimizer.variables, untouched, strict=True):
            variable.assign(value)
        done = model.fit(x, y, batch_size=problem.batch, epochs=problem.epochs, verbose=0)
        return float(done.history["loss"][-1])

    return run
