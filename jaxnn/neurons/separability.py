"""Which classes a hyperplane can separate, and which Boolean functions one threshold unit can be."""

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.checks import whole_number
from jaxnn.neurons.labels import examples, signs
from jaxnn.pytypes import Params

LEAST_MARGIN = 1e-7
"""A smaller margin counts as none, with features scaled to [-1, 1]: it is the tolerance of the linear program."""

LARGEST_WEIGHT = {1: 1, 2: 1, 3: 2, 4: 3}
"""By number of inputs: whole weights up to this reach every threshold function (a test proves that no other is one)."""


def separable(x: Any, y: Any) -> bool:
    """Return whether a hyperplane separates two classes strictly.

    Args:
        x: (examples, features).
        y: (examples,), -1 and +1, or 0 and 1.

    Returns:
        True or False; see `separating_hyperplane`.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    >>> corners = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> separable(corners, [0, 1, 1, 1]), separable(corners, [0, 1, 1, 0])  # OR, XOR
    (True, False)
    """
    return separating_hyperplane(x, y) is not None


def separating_hyperplane(x: Any, y: Any) -> Params | None:
    """Return a hyperplane that separates two classes, found by linear programming, or None where there is none.

    Maximise t subject to `y_n (w.x_n + b) >= t`, |w_i| <= 1 and |b| <= 1 + features, with features scaled to [-1, 1]:
    the classes are separable exactly if t > 0. Computed in float64 on the host.

    Args:
        x: (examples, features).
        y: (examples,), -1 and +1, or 0 and 1.

    Returns:
        The parameters of `Chain(Dense(1))`, scaled so that y_n z_n >= 1 with equality somewhere; or None. A margin of
        less than 1e-7 of the data's range counts as none.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    >>> found = separating_hyperplane([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1])  # AND
    >>> found["dense_0"]["kernel"].ravel().tolist(), found["dense_0"]["bias"].tolist()
    ([2.0, 2.0], [-3.0])
    """
    from scipy.optimize import linprog  # not with `import jaxnn`

    rows, y_n = _on_host(x, y)
    low, high = rows.min(axis=0), rows.max(axis=0)
    middle, half = (low + high) / 2, np.where(high > low, (high - low) / 2, 1)
    scaled = (rows - middle) / half  # (examples, features), from -1 to 1
    features = rows.shape[1]
    signed = y_n[:, None] * np.column_stack([np.ones(len(rows)), scaled])  # y_n (1, x_n)
    constraints = np.column_stack([-signed, np.ones(len(rows))])  # t - y_n (b + w.x_n) <= 0
    limits = [(-1 - features, 1 + features), *[(-1, 1)] * features, (0, None)]
    best = linprog(np.r_[np.zeros(1 + features), -1], constraints, np.zeros(len(rows)), bounds=limits)
    margin = (signed @ best.x[:-1]).min()  # computed anew: what the solver calls t is met within its tolerance only
    if margin < LEAST_MARGIN:
        return None
    bias, weights = best.x[0] / margin, best.x[1:-1] / half / margin
    kernel = jnp.asarray(weights[:, None], jnp.result_type(float))
    return {"dense_0": {"kernel": kernel, "bias": jnp.asarray([bias - weights @ middle], kernel.dtype)}}


def largest_margin(x: Any, y: Any) -> float:
    """Return the largest margin of a hyperplane through the origin of the extended space (1, x).

    `gamma = max over |u| = 1 of min_n y_n u.(1, x_n)`, the quantity in the perceptron's mistake bound. With the rows
    y_n (1, x_n) of A, it is 1 / |v| of the shortest v with A v >= 1, found by non-negative least squares.

    Args:
        x: (examples, features).
        y: (examples,), -1 and +1, or 0 and 1.

    Returns:
        The margin, in the unit of x; 0 where no hyperplane separates the classes.

    Raises:
        JaxnnError: if labels or shapes do not fit.

    Source: C. Lawson and R. Hanson, "Solving Least Squares Problems", 1974, chapter 23 (problem LDP).

    >>> f"{largest_margin([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1]):.4f}"  # OR: 1/3
    '0.3333'
    """
    from scipy.optimize import nnls

    rows, y_n = _on_host(x, y)
    a = y_n[:, None] * np.column_stack([np.ones(len(rows)), rows])
    length = np.linalg.norm(a, axis=1).max()
    system = np.vstack([a.T / length, np.ones(len(rows))])  # (2 + features, examples)
    target = np.r_[np.zeros(len(system) - 1), 1]
    weights, _ = nnls(system, target)
    rest = system @ weights - target  # v = -rest[:-1] / rest[-1], and |rest|^2 = -rest[-1]
    if -rest[-1] < LEAST_MARGIN**2:
        return 0.0
    shortest = rest[:-1] / -rest[-1]
    return float(length / np.linalg.norm(shortest))


def threshold_functions(inputs: int) -> np.ndarray:
    """Return the truth tables of all Boolean functions that one threshold unit can compute.

    Every table of `sum_i w_i x_i >= theta` over whole weights up to 1, 1, 2, 3 for 1 to 4 inputs, each once. These are
    all: every other table has true rows a, b and false rows c, d with a + b = c + d, so that no weights fit.

    Args:
        inputs: 1 to 4; 5 have 94572 among 4294967296 tables.

    Returns:
        Boolean (functions, 2^inputs), one table a row, in the order of their numbers; the columns are the rows of a
        truth table, counted in binary with the first input first (00, 01, 10, 11).

    Raises:
        JaxnnError: if the number is outside its range.

    Reference: S. Muroga, "Threshold Logic and Its Applications", 1971.

    >>> [len(threshold_functions(inputs)) for inputs in (1, 2, 3, 4)]
    [4, 14, 104, 1882]
    """
    whole_number("inputs", inputs, 1, 4)
    corners = np.array(list(itertools.product((0, 1), repeat=inputs)))  # (2^inputs, inputs)
    most = LARGEST_WEIGHT[inputs]
    weights = np.array(list(itertools.product(range(-most, most + 1), repeat=inputs)))
    sums = weights @ corners.T  # (weights, 2^inputs)
    thresholds = np.arange(-most * inputs, most * inputs + 2)
    tables = (sums[:, None, :] >= thresholds[:, None]).reshape(-1, len(corners))
    return np.unique(tables, axis=0)


def _on_host(x: Any, y: Any) -> tuple[np.ndarray, np.ndarray]:
    """Examples (examples, features) and signs (examples,), checked, in float64."""
    _, labels = examples(x, y)
    return np.asarray(x, np.float64), np.asarray(signs(labels), np.float64)
