"""Regions of the plane as networks of threshold units: half-planes, convex polygons, unions of them.

A unit fires on one side of a line. An AND of such units fires on a convex region, an OR of those on any union of them.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.activations import Step
from jaxnn.checks import fail
from jaxnn.neurons.construction import Construction, layered


def half_planes(kernel: Any, bias: Any) -> Construction:
    """Return a network that fires where all of some linear functions are at least 0: an open or closed convex region.

    `h_k = [x . w_k + b_k >= 0]`, `y = [sum_k h_k >= K - 1/2]`; a single one is one unit without a hidden layer.

    Args:
        kernel: `(inputs, K)`, the w_k as columns.
        bias: `(K,)`.

    Returns:
        The network, with K hidden units for K above 1.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> quadrant = half_planes([[1, 0], [0, 1]], [0, 0])
    >>> quadrant([[1, 1], [1, -1], [5, 0]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    w, b = np.asarray(kernel, np.float64), np.asarray(bias, np.float64)
    if w.ndim != 2 or b.shape != w.shape[1:] or not b.size:
        fail("half_planes", f"a kernel {w.shape} and a bias {b.shape}", "(inputs, K) and (K,), K at least 1")
    return layered([(w, b), _all_of(len(b))] if len(b) > 1 else [(w, b)], Step())


def _all_of(units: int) -> tuple[np.ndarray, list[float]]:
    return np.ones((units, 1)), [0.5 - units]


def polygon_edges(corners: Any, where: str = "polygon") -> tuple[np.ndarray, np.ndarray]:
    """Return the lines through the edges of a convex polygon, positive on its inner side.

    Args:
        corners: `(corners, 2)` in order, clockwise or not.
        where: what messages are to call it.

    Returns:
        kernel `(2, edges)` and bias `(edges,)`; `x @ kernel + bias` is the distance from each line.

    Raises:
        JaxnnError: if there are fewer than three corners, two edges cross, or a corner turns inward; with its number.

    >>> kernel, bias = polygon_edges([[0, 0], [2, 0], [2, 2], [0, 2]])
    >>> (np.array([0.5, 1.0]) @ kernel + bias).tolist()
    [1.0, 1.5, 1.0, 0.5]
    """
    points = _checked_corners(where, corners)
    edges = np.roll(points, -1, axis=0) - points
    inward = np.stack([-edges[:, 1], edges[:, 0]]) / np.hypot(*edges.T)  # (2, edges), to the left of each
    return inward, -(points * inward.T).sum(axis=1)


def polygon_network(corners: Any) -> Construction:
    """Return a network that fires inside a convex polygon: the AND of its edges' half-planes.

    As many hidden units as edges; their sum is the number of edges inside, and less everywhere outside.

    Args:
        corners: `(corners, 2)` in order, clockwise or not.

    Returns:
        The network.

    Raises:
        JaxnnError: if there are fewer than three corners, two edges cross, or a corner turns inward.

    >>> triangle = polygon_network([[0, 0], [4, 0], [0, 4]])
    >>> triangle([[1, 1], [3, 3]])[:, 0].tolist()
    [1.0, 0.0]
    >>> polygon_network([[0, 0], [1, 1], [1, 0], [0, 1]])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: polygon: got edges from corner 0 and corner 2 that cross; needed a polygon that does not \
cross itself. Give the corners in their order around it.
    """
    return half_planes(*polygon_edges(corners))


def union_network(polygons: Sequence[Any]) -> Construction:
    """Return a network that fires inside any of some convex polygons: an OR of ANDs of half-planes.

    Two hidden layers: a unit for every edge, then one for every polygon. Polygons may overlap.

    Args:
        polygons: for each its corners, `(corners, 2)` in order.

    Returns:
        The network.

    Raises:
        JaxnnError: if there is no polygon, or as `polygon_network`, with the polygon's number.

    >>> squares = union_network([[[0, 0], [1, 0], [1, 1], [0, 1]], [[3, 0], [4, 0], [4, 1], [3, 1]]])
    >>> squares([[0.5, 0.5], [2, 0.5], [3.5, 0.5]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    lines = edges_of(polygons)
    sizes = [len(bias) for _, bias in lines]
    own = np.repeat(np.eye(len(sizes)), sizes, axis=0)  # (edges, polygons): 1 for a polygon's own edges
    layers = [
        (np.concatenate([kernel for kernel, _ in lines], axis=1), np.concatenate([bias for _, bias in lines])),
        (own, 0.5 - np.array(sizes)),
        (np.ones((len(sizes), 1)), [-0.5]),
    ]
    return layered(layers, Step())


def edges_of(polygons: Sequence[Any]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the lines of several polygons; see `polygon_edges`.

    Args:
        polygons: for each its corners.

    Returns:
        Kernel and bias of each.

    Raises:
        JaxnnError: if there is none, or one is no convex polygon.
    """
    if not len(polygons):
        fail("polygons", "none", "at least one polygon")
    return [polygon_edges(corners, f"polygon {k}") for k, corners in enumerate(polygons)]


def _checked_corners(where: str, corners: Any) -> np.ndarray:
    """The corners, counterclockwise."""
    points = np.asarray(corners, np.float64)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) < 3:
        fail(where, f"corners of shape {points.shape}", "at least 3 corners (x, y): (corners, 2)")
    if not np.isfinite(points).all():
        bad = int(np.argwhere(~np.isfinite(points))[0, 0])
        fail(f"{where}, corner {bad}", _shown(points[bad]), "finite numbers")
    edges = np.roll(points, -1, axis=0) - points
    still = np.flatnonzero((edges == 0).all(axis=1))
    if len(still):
        fail(f"{where}, corner {still[0]}", f"{_shown(points[still[0]])} twice in a row", "corners that differ")
    scale = np.ptp(points, axis=0).max() ** 2 * 1e-12  # areas below it are rounding
    _check_crossings(where, points, scale)
    before = np.roll(edges, 1, axis=0)
    turns = _cross(before, edges)
    # one half circle back is a spike; a whole circle to one side is what a convex polygon makes, and no more
    angles = np.arctan2(np.where(np.abs(turns) > scale, turns, 0.0), (before * edges).sum(axis=1))
    around = angles.sum() / (2 * np.pi)
    side = np.sign(around) if abs(around) > 0.5 else 1.0
    wrong = np.flatnonzero((side * angles < 0) | (np.abs(angles) > np.pi - 1e-9))
    if len(wrong):
        given = f"{_shown(points[wrong[0]])}, where the polygon turns inward or back"
        fail(f"{where}, corner {wrong[0]}", given, "a convex polygon", "Cut it and give the pieces to union_network")
    if round(abs(around)) != 1:
        fail(where, f"corners that go around {abs(around):.0f} times", "corners that go around once")
    return points if side > 0 else points[::-1]


def _check_crossings(where: str, points: np.ndarray, scale: float) -> None:
    """Two edges cross where each has its ends on both sides of the other."""
    edges = np.roll(points, -1, axis=0) - points
    # of which side of edge i corner j is: (edges, corners)
    sides = _cross(edges[:, None], points[None] - points[:, None])
    sides = np.where(np.abs(sides) > scale, np.sign(sides), 0)
    split = sides * np.roll(sides, -1, axis=1) < 0  # the ends of edge j lie on both sides of edge i
    crossing = np.argwhere(split & split.T)
    if len(crossing):
        first, second = crossing[0]
        given = f"edges from corner {first} and corner {second} that cross"
        do = "Give the corners in their order around it"
        fail(where, given, "a polygon that does not cross itself", do)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]


def _shown(point: np.ndarray) -> str:
    return f"({point[0]:g}, {point[1]:g})"
