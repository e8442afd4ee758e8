"""Data sets made by formula: clouds and curves in the plane, and truth tables of Boolean functions."""

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxnn.checks import number_in, whole_number
from jaxnn.data.table import Table


def xor(rows: int = 400, noise: float = 0.1, seed: int = 0) -> Table:
    """Return points around the four corners of the unit square; the class is the exclusive or of the corner.

    Args:
        rows: number of points; the corners take turns.
        noise: standard deviation of both coordinates around the corner.
        seed: of the noise and the order of the rows.

    Returns:
        A table of two columns with class 0 or 1.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> xor(rows=8, noise=0.0).target.tolist().count(1)
    4
    """
    rows, noise, generator = _arguments(rows, 4, noise, seed)
    corner = np.arange(rows) % 4
    points = np.stack([corner // 2, corner % 2], axis=1).astype(float)
    target = (corner // 2) ^ (corner % 2)
    return _plane("xor", points, target, noise, generator, "four clouds, opposite corners of a square alike")


def moons(rows: int = 400, noise: float = 0.1, seed: int = 0) -> Table:
    """Return two half circles of radius 1 that reach into each other.

    Class 0 is (cos t, sin t), class 1 is (1 - cos t, 1/2 - sin t), for t evenly from 0 to pi.

    Args:
        rows: number of points, half of each class.
        noise: standard deviation of what is added to both coordinates.
        seed: of the noise and the order of the rows.

    Returns:
        A table of two columns with class 0 or 1.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> moons(rows=10)
    Table(10 rows, 2 columns, target 'class')
    """
    rows, noise, generator = _arguments(rows, 4, noise, seed)
    first, second = (np.linspace(0, np.pi, size) for size in _halves(rows))
    points = np.concatenate([_polar(1.0, first), np.array([1.0, 0.5]) - _polar(1.0, second)])
    return _plane("moons", points, _blocks(_halves(rows)), noise, generator, "two half circles that interlock")


def circles(rows: int = 400, noise: float = 0.05, seed: int = 0, ratio: float = 0.5) -> Table:
    """Return points on two circles around the origin, of radius 1 (class 0) and `ratio` (class 1).

    Args:
        rows: number of points, half of each class.
        noise: standard deviation of what is added to both coordinates.
        seed: of the noise and the order of the rows.
        ratio: radius of the inner circle, above 0 and below 1.

    Returns:
        A table of two columns with class 0 or 1.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> circles(rows=4, noise=0.0).features.min().round(6)
    np.float64(-1.0)
    """
    rows, noise, generator = _arguments(rows, 4, noise, seed)
    number_in("ratio", ratio, 0, 1, open_low=True, open_high=True)
    outer, inner = (np.arange(size) * 2 * np.pi / size for size in _halves(rows))
    points = np.concatenate([_polar(1.0, outer), _polar(ratio, inner)])
    return _plane("circles", points, _blocks(_halves(rows)), noise, generator, "a circle inside a circle")


def spirals(rows: int = 400, noise: float = 0.02, seed: int = 0, turns: float = 1.5) -> Table:
    """Return two spirals from near the origin to radius 1, the second turned by half a turn (Lang and Witbrock, 1988).

    Args:
        rows: number of points, half on each spiral.
        noise: standard deviation of what is added to both coordinates.
        seed: of the noise and the order of the rows.
        turns: how often each spiral goes round.

    Returns:
        A table of two columns with class 0 or 1.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> spirals(rows=10)
    Table(10 rows, 2 columns, target 'class')
    """
    rows, noise, generator = _arguments(rows, 4, noise, seed)
    number_in("turns", turns, 0, 100, open_low=True)
    arms = []
    for size, start in zip(_halves(rows), (0.0, np.pi), strict=True):
        radius = np.linspace(0.1, 1.0, size)
        arms.append(_polar(radius, start + 2 * np.pi * turns * radius))
    return _plane(
        "spirals", np.concatenate(arms), _blocks(_halves(rows)), noise, generator, "two spirals that interlock"
    )


def rings(rows: int = 334, noise: float = 0.0, seed: int = 0) -> Table:
    """Return concentric classes: 1 inside radius^2 < 1, 0 outside radius^2 > 1.5, and nothing between.

    The points are those of a two-dimensional standard normal distribution with the gap left out; 53 of 100 rows are
    outside.

    Args:
        rows: number of points.
        noise: standard deviation of what is added to both coordinates; 0 keeps the gap clear.
        seed: of the points, the noise and the order of the rows.

    Returns:
        A table of two columns with class 0 or 1.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> rings().target.mean().round(2)
    np.float64(0.47)
    """
    rows, noise, generator = _arguments(rows, 4, noise, seed)
    inside = round(0.47 * rows)
    # radius^2 of a standard normal point is exponential with mean 2: draw it by inverting its distribution
    area = generator.uniform(size=rows)
    square = np.where(np.arange(rows) < inside, -2 * np.log1p(-area * -np.expm1(-0.5)), 1.5 - 2 * np.log1p(-area))
    points = _polar(np.sqrt(square), generator.uniform(0, 2 * np.pi, rows))
    return _plane("rings", points, (np.arange(rows) < inside).astype(int), noise, generator, "a disc inside a ring")


def blobs(rows: int = 400, noise: float = 1.0, seed: int = 0, classes: int = 3) -> Table:
    """Return normal clouds around centres that are evenly spaced on a circle of radius 5.

    Args:
        rows: number of points; the classes take turns.
        noise: standard deviation of both coordinates around the centre.
        seed: of the noise and the order of the rows.
        classes: number of clouds, from 2 to 20.

    Returns:
        A table of two columns with class 0 to `classes - 1`.

    Raises:
        JaxnnError: if an argument is out of range.

    >>> sorted(set(blobs().target.tolist()))
    [0, 1, 2]
    """
    classes = whole_number("classes", classes, 2, 20)
    rows, noise, generator = _arguments(rows, 2 * classes, noise, seed)
    target = np.arange(rows) % classes
    points = _polar(5.0, 2 * np.pi * target / classes)
    return _plane("blobs", points, target, noise, generator, "three normal clouds")


def xor_table() -> Table:
    """Return the four rows of the exclusive or.

    Returns:
        Columns X1 and X2 of 0 and 1, and class 0 or 1.

    >>> xor_table().target.tolist()
    [0, 1, 1, 0]
    """
    return _truth("xor", 2, lambda x: x.sum(axis=1) == 1)


def or_table() -> Table:
    """Return the four rows of the inclusive or.

    Returns:
        Columns X1 and X2 of 0 and 1, and class 0 or 1.

    >>> or_table().target.tolist()
    [0, 1, 1, 1]
    """
    return _truth("or", 2, lambda x: x.any(axis=1))


def and_table() -> Table:
    """Return the four rows of the conjunction.

    Returns:
        Columns X1 and X2 of 0 and 1, and class 0 or 1.

    >>> and_table().target.tolist()
    [0, 0, 0, 1]
    """
    return _truth("and", 2, lambda x: x.all(axis=1))


def five_variable_table() -> Table:
    """Return the 32 rows of the five-variable function that is true for minterms 6, 11, 12, 17, 23 and 25.

    Returns:
        Columns X1 (the highest bit) to X5 of 0 and 1, and class 0 or 1.

    >>> five_variable_table().target.nonzero()[0].tolist()
    [6, 11, 12, 17, 23, 25]
    """
    return _truth("five_variable", 5, lambda x: np.isin(np.arange(len(x)), (6, 11, 12, 17, 23, 25)))


def parity_table(bits: int) -> Table:
    """Return the 2^bits rows of parity: class 1 where an odd number of bits is 1.

    Args:
        bits: number of columns, from 1 to 16.

    Returns:
        Columns X1 (the highest bit) to X`bits` of 0 and 1, and class 0 or 1.

    Raises:
        JaxnnError: if `bits` is out of range.

    >>> parity_table(3).target.tolist()
    [0, 1, 1, 0, 1, 0, 0, 1]
    """
    return _truth("parity", whole_number("bits", bits, 1, 16), lambda x: x.sum(axis=1) % 2 == 1)


SETS: dict[str, Callable[[], Table]] = {
    "xor": xor,
    "moons": moons,
    "circles": circles,
    "spirals": spirals,
    "rings": rings,
    "blobs": blobs,
}
"""The generators by the names that users type (truth tables are too small to be split, and are for Python only)."""


def _arguments(rows: int, least: int, noise: float, seed: int) -> tuple[int, float, np.random.Generator]:
    rows = whole_number("rows", rows, least, 10_000_000)
    noise = number_in("noise", noise, 0, 1e6)
    return rows, noise, np.random.default_rng(whole_number("seed", seed, 0))


def _halves(rows: int) -> tuple[int, int]:
    return rows - rows // 2, rows // 2


def _blocks(sizes: tuple[int, int]) -> np.ndarray:
    return np.repeat(np.arange(2), sizes)


def _polar(radius: float | np.ndarray, angle: np.ndarray) -> np.ndarray:
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)


def _plane(
    name: str, points: np.ndarray, target: np.ndarray, noise: float, generator: np.random.Generator, about: str
) -> Table:
    """Add noise and shuffle: rows in the order of their classes mislead whoever takes the first ones."""
    order = generator.permutation(len(points))
    points = points + noise * generator.normal(size=points.shape)
    return _table(name, ("x", "y"), points[order], target[order], about)


def _truth(name: str, bits: int, function: Callable[[np.ndarray], Any]) -> Table:
    inputs = (np.arange(2**bits)[:, None] >> np.arange(bits)[::-1]) & 1
    names = tuple(f"X{position}" for position in range(1, bits + 1))
    return _table(name, names, inputs, np.asarray(function(inputs)), f"truth table of {bits} variables")


def _table(name: str, columns: tuple[str, ...], features: np.ndarray, target: np.ndarray, about: str) -> Table:
    features, target = features.astype(np.float64), target.astype(np.int64)
    digest = hashlib.sha256(features.tobytes() + target.tobytes()).hexdigest()
    return Table(columns, features, target, "class", None, about, name, digest)
