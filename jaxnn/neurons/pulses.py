"""Functions of one number as networks: pulses and sums of them, and the tent map that depth folds."""

from collections.abc import Callable
from typing import Any

import numpy as np

from jaxnn.activations import Step, relu
from jaxnn.checks import fail, number_in, whole_number
from jaxnn.neurons.construction import Construction, layered


def pulse(start: float, end: float, height: float = 1.0) -> Construction:
    """Return a square pulse: two threshold units and a unit that adds up.

    `y = height (step(x - start) - step(x - end))`: the height for start <= x < end, else 0.

    Args:
        start, end: where it begins and ends.
        height: between them.

    Returns:
        The network, of one input and one output; `soften(pulse(...), slope)` makes it smooth.

    Raises:
        JaxnnError: if it does not end after it starts.

    >>> pulse(0.25, 0.5)([[0.2], [0.25], [0.4], [0.5]])[:, 0].tolist()
    [0.0, 1.0, 1.0, 0.0]
    """
    _check_interval("pulse", start, end)
    return _pulses(np.array([start]), np.array([end]), np.array([height]))


def pulse_sum(function: Callable[[np.ndarray], Any], low: float, high: float, pulses: int) -> Construction:
    """Return a function of one number as the sum of narrow pulses: as exact as one likes with enough of them.

    Between `low` and `high` the pulses lie side by side, each as high as the function in its middle; 0 elsewhere. The
    error is at most (high - low) / (2 pulses) times the largest slope.

    Args:
        function: of an array `(pulses,)`, to an array of that shape.
        low, high: where it is needed; `high` itself lies outside.
        pulses: how many.

    Returns:
        The network, with `2 * pulses` hidden units.

    Raises:
        JaxnnError: if the interval or the number of pulses is none, or the function is not finite somewhere.

    >>> steps = pulse_sum(np.square, 0.0, 1.0, pulses=4)
    >>> steps([[0.0], [0.3], [0.6], [0.99]])[:, 0].tolist()
    [0.015625, 0.140625, 0.390625, 0.765625]
    """
    _check_interval("pulse_sum", low, high)
    edges = np.linspace(low, high, whole_number("pulses", pulses, 1) + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    heights = np.asarray(function(middles), np.float64)
    if heights.shape != middles.shape:
        fail("pulse_sum: function", f"values of shape {heights.shape}", f"one for each of {pulses} numbers")
    if not np.isfinite(heights).all():
        wrong = int(np.flatnonzero(~np.isfinite(heights))[0])
        fail("pulse_sum: function", f"{heights[wrong]} at {middles[wrong]:g}", "finite values")
    return _pulses(edges[:-1], edges[1:], heights)


def _pulses(starts: np.ndarray, ends: np.ndarray, heights: np.ndarray) -> Construction:
    jumps = np.concatenate([starts, ends])
    output = np.concatenate([heights, -heights])[:, None], [0.0]
    return layered([(np.ones((1, len(jumps))), -jumps), output], Step(), linear=True)


def _check_interval(where: str, low: float, high: float) -> None:
    for value in (low, high):
        number_in(where, value, -float("inf"), float("inf"), open_low=True, open_high=True)
    if low >= high:
        fail(where, f"{low} to {high}", "an end above the start")


def tent_map(levels: int) -> Construction:
    """Return the tent map applied to itself: every layer folds the interval from 0 to 1 once more.

    `t(x) = 2 relu(x) - 4 relu(x - 1/2)`, and `y = t(t(... t(x)))`: with 2 k ReLU units 2^k straight pieces between 0
    and 1. One hidden layer has a kink for each unit, so that it needs at least 2^k - 1 of them.

    Args:
        levels: k, from 1 to 20.

    Returns:
        The network: k hidden layers of two units, of one input and one output.

    Raises:
        JaxnnError: if k is another.

    Source: M. Telgarsky, "Benefits of depth in neural networks", 2016.

    >>> tent_map(2)([[0.0], [0.125], [0.25], [0.5], [0.75], [1.0]])[:, 0].tolist()
    [0.0, 0.5, 1.0, 0.0, 1.0, 0.0]
    """
    whole_number("levels", levels, 1, 20)
    fold = np.array([[2.0], [-4.0]])  # of relu(x) and relu(x - 1/2)
    first = np.ones((1, 2)), [0.0, -0.5]
    again = fold @ np.ones((1, 2)), [0.0, -0.5]  # the sum that a level returns goes straight into the next
    return layered([first, *[again] * (levels - 1), (fold, [0.0])], relu, linear=True)
