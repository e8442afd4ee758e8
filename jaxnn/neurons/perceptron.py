"""The perceptron: Rosenblatt's algorithm, and the bound on its mistakes."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import one_of, whole_number
from jaxnn.neurons.extended import dense_params, extended_inputs
from jaxnn.neurons.labels import examples, signs
from jaxnn.neurons.separability import largest_margin
from jaxnn.neurons.threshold import side
from jaxnn.pytypes import Array, Params


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class PerceptronRun:
    """What the perceptron algorithm learnt, and how; a pytree.

    >>> print(perceptron([[0.0], [1.0]], [-1, 1]))
    separated the classes in 3 passes with 2 updates
    """

    params: Params
    """Of `Chain(Dense(1))`: a weight for each feature, and one bias."""
    updates: Array
    """How often the weights changed."""
    mistakes: Array
    """(passes allowed,): wrong examples in each pass; 0 in those that were not needed."""
    passes: Array
    """How many were made; with separable data the last one is clean."""
    longest: Array
    """The greatest length that (bias, weights) had: it stays bounded even if the classes cannot be separated."""

    @property
    def separated(self) -> Array:
        """Whether the last pass made no mistake."""
        return self.mistakes[self.passes - 1] == 0

    def __str__(self) -> str:
        made = f"in {self.passes} passes with {self.updates} updates"
        if self.separated:
            return f"separated the classes {made}"
        last = f"{self.mistakes[self.passes - 1]} mistakes in the last; `separable` tells whether more would help"
        return f"did not separate the classes {made}, {last}"


def perceptron(x: Any, y: Any, *, passes: int = 1000, tie: int = -1) -> PerceptronRun:
    """Learn a hyperplane between two classes by correcting the weights at every mistake.

    Go through the examples in their order; `w = w + y_n x_n` for one whose side is not y_n, and nothing for one that is
    right. Start at 0, with the bias as the weight of x_0 = 1; there is no step size. Ends after a pass without mistake.

    Args:
        x: (examples, features).
        y: (examples,), -1 and +1, or 0 and 1.
        passes: the most to make: classes that no hyperplane separates keep it busy for ever.
        tie: the side of an example whose activation is exactly 0: -1, +1, or 0 for neither, which is a mistake.

    Returns:
        The run; under `jit` and `vmap` too, where the labels are not checked (+1 is what is above 0).

    Raises:
        JaxnnError: if labels, shapes or numbers do not fit.

    Source: F. Rosenblatt, "The perceptron: a probabilistic model for information storage", Psychological Review 1958.

    >>> run = perceptron([[0, 0], [1, 0], [0, 1], [1, 1]], [-1, -1, -1, 1])  # AND
    >>> run.params["dense_0"]["bias"].tolist(), run.params["dense_0"]["kernel"].tolist(), run.updates.tolist()
    ([-2.0], [[1.0], [2.0]], 10)
    >>> print(perceptron([[0, 0], [1, 0], [0, 1], [1, 1]], [-1, 1, 1, -1], passes=100))  # XOR
    did not separate the classes in 100 passes with 397 updates, 4 mistakes in the last; `separable` tells whether \
more would help
    """
    whole_number("passes", passes, 1)
    one_of("tie", tie, [-1, 0, 1])
    rows, labels = examples(x, y)
    return _learn(extended_inputs(rows), signs(labels).astype(rows.dtype), passes, tie)


@partial(jax.jit, static_argnames=("passes", "tie"))
def _learn(x: Array, y: Array, passes: int, tie: int) -> PerceptronRun:
    """The algorithm on extended inputs (examples, 1 + features) and signs (examples,)."""

    def visit(w: Array, example: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        row, label = example
        wrong = side(jnp.sum(w * row), tie) != label
        w = jnp.where(wrong, w + label * row, w)
        return w, (wrong, jnp.linalg.norm(w))

    def one_pass(carry: tuple[Array, ...]) -> tuple[Array, ...]:
        w, mistakes, done, longest = carry
        w, (wrong, lengths) = jax.lax.scan(visit, w, (x, y))
        return w, mistakes.at[done].set(jnp.sum(wrong)), done + 1, jnp.maximum(longest, jnp.max(lengths))

    def goes_on(carry: tuple[Array, ...]) -> Array:
        _, mistakes, done, _ = carry
        return (done < passes) & ((done == 0) | (mistakes[done - 1] > 0))

    nothing = jnp.zeros((), int)
    start = (jnp.zeros_like(x[0]), jnp.zeros(passes, nothing.dtype), nothing, jnp.zeros((), x.dtype))
    w, mistakes, done, longest = jax.lax.while_loop(goes_on, one_pass, start)
    # every mistake is one update
    return PerceptronRun({"dense_0": dense_params(w[:, None])}, jnp.sum(mistakes), mistakes, done, longest)


def mistake_bound(x: Any, y: Any) -> float:
    """Return the most updates that the perceptron can need, whatever the order of the examples.

    `(R / gamma)^2` with the longest extended example R = max |(1, x_n)| and the largest margin gamma of a hyperplane
    through the origin of the extended space: y_n u.(1, x_n) >= gamma for a unit vector u.

    Args:
        x: (examples, features).
        y: (examples,), -1 and +1, or 0 and 1.

    Returns:
        The bound; infinity where no hyperplane separates the classes.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    Source: A. Novikoff, "On convergence proofs for perceptrons", 1962.

    >>> f"{mistake_bound([[0, 0], [1, 0], [0, 1], [1, 1]], [-1, -1, -1, 1]):.4f}"  # AND, which took 10
    '51.0000'
    """
    gamma = largest_margin(x, y)
    lengths = 1 + np.sum(np.square(np.asarray(x, np.float64)), axis=1)  # |(1, x_n)|^2, (examples,)
    return float(lengths.max()) / gamma**2 if gamma else math.inf
