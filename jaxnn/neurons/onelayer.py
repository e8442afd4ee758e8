"""Any region with one hidden layer: two answers to the exercise that the union of two polygons sets.

An AND of half-planes is convex, so that one hidden layer seems to do convex regions only. With another threshold on
the weighted sum it comes as near to any region as one likes, with many more units.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.activations import Step
from jaxnn.checks import fail, number_in, whole_number
from jaxnn.neurons.construction import Construction, layered
from jaxnn.neurons.polygons import edges_of, union_network
from jaxnn.neurons.softening import fit_outputs


def cylinder_network(centres: Any, radius: float, level: float = 0.5, planes: int = 32) -> Construction:
    """Return a network with one hidden layer that adds up a cylinder over each of some circles, and a threshold.

    The half-planes that touch a circle on its outside are N inside it and about N/2 far away; less N/2, and divided by
    N/2, their sum is a cylinder of height 1 whose tail falls as 1/r. The tails of many cylinders add up: cover a region
    with small circles, and try several levels.

    Args:
        centres: of the circles, `(circles, 2)`.
        radius: of all circles.
        level: the sum of the cylinders from which on the network fires.
        planes: N, half-planes for each circle, at least 3.

    Returns:
        The network, with `circles * planes` hidden units.

    Raises:
        JaxnnError: if the centres are none, or a number is out of range.

    >>> cylinder_network([[1.0, 1.0]], radius=0.5)([[1.0, 1.4], [3.0, 1.0]])[:, 0].tolist()
    [1.0, 0.0]
    """
    points = np.asarray(centres, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or not len(points):
        fail("centres", f"shape {points.shape}", "one (x, y) for each circle: (circles, 2)")
    number_in("radius", radius, 0, float("inf"), open_low=True, open_high=True)
    angles = 2 * np.pi * np.arange(whole_number("planes", planes, 3)) / planes
    inward = -np.stack([np.cos(angles), np.sin(angles)])  # (2, planes)
    kernel = np.tile(inward, len(points))  # (2, circles * planes)
    bias = radius - points @ inward  # (circles, planes)
    output = np.full((kernel.shape[1], 1), 2 / planes), [-len(points) - level]
    return layered([(kernel, bias.ravel()), output], Step())


def one_hidden_layer(
    polygons: Sequence[Any], lines: int = 300, *, frame: Any = None, grid: int = 60, seed: int = 0
) -> Construction:
    """Return a network with one hidden layer that fires in about the union of convex polygons.

    Its hidden units are the polygons' edges and random lines through the frame; its output weights are those that fit
    +1/2 inside and -1/2 outside best on a grid, by least squares, and the output unit fires from 0 on.

    Args:
        polygons: for each its corners, `(corners, 2)` in order.
        lines: how many lines are drawn besides the edges.
        frame: `((left, right), (bottom, top))`, what the network is fitted on; outside of it, it may say anything.
            None for the polygons' extent and a quarter of it on each side.
        grid: so many points each way.
        seed: of the lines.

    Returns:
        The network, with `edges + lines` hidden units.

    Raises:
        JaxnnError: if a polygon is none, or a number is out of range.

    >>> two = [[[-2, 0], [-1, 0], [-1, 1], [-2, 1]], [[1, 0], [2, 0], [2, 1], [1, 1]]]
    >>> one_hidden_layer(two, lines=100)([[-1.5, 0.5], [0, 0.5], [1.5, 0.5]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    whole_number("lines", lines, 0)
    edges = edges_of(polygons)
    low, high = _frame(polygons, frame)
    random = np.random.default_rng(whole_number("seed", seed, 0))
    angles, through = random.uniform(0, 2 * np.pi, lines), random.uniform(low, high, (lines, 2))
    normals = np.stack([np.cos(angles), np.sin(angles)])  # (2, lines)
    kernel = np.concatenate([*(kernel for kernel, _ in edges), normals], axis=1)
    bias = np.concatenate([*(bias for _, bias in edges), -(through * normals.T).sum(axis=1)])
    network = layered([(kernel, bias), (np.zeros((len(bias), 1)), [0.0])], Step())
    axes = np.linspace(low, high, whole_number("grid", grid, 2))  # (grid, 2)
    points = np.stack(np.meshgrid(*axes.T), axis=-1).reshape(-1, 2)
    return fit_outputs(network, points, np.asarray(union_network(polygons)(points)) - 0.5)


def _frame(polygons: Sequence[Any], frame: Any) -> tuple[np.ndarray, np.ndarray]:
    """The lower left and the upper right corner."""
    if frame is None:
        points = np.concatenate([np.asarray(corners, np.float64) for corners in polygons])
        low, high = points.min(axis=0), points.max(axis=0)
        return low - (high - low) / 4, high + (high - low) / 4
    sides = np.asarray(frame, np.float64)
    if sides.shape != (2, 2) or not (sides[:, 0] < sides[:, 1]).all():
        fail("frame", f"{frame!r}"[:60], "((left, right), (bottom, top))")
    return sides[:, 0], sides[:, 1]
