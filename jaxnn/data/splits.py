"""Which rows are for training, validation and test, and how much each row counts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.data.places import listed, shown


def split(rows: int, shares: Sequence[float], seed: int = 0, labels: Any = None) -> tuple[np.ndarray, ...]:
    """Divide rows at random into parts that share none and cover all.

    With labels, each class is divided by itself, by largest remainder, so that every part has its share of every class;
    a class of as many rows as there are parts or more is in each part, a smaller one in the largest parts.

    Args:
        rows: how many rows there are.
        shares: of each part; positive, with sum 1.
        seed: the same seed gives the same parts.
        labels: (rows,) classes; None for a split without regard to them.

    Returns:
        One int64 array of row numbers, ascending, for each share.

    Raises:
        JaxnnError: if a share is not positive, their sum is not 1, or a part would be empty.

    >>> train, test = split(10, (0.8, 0.2), seed=0, labels=[0] * 5 + [1] * 5)
    >>> len(train), len(test), (test // 5).tolist()
    (8, 2, [0, 1])
    """
    rows, seed = whole_number("rows", rows, 1), whole_number("seed", seed, 0)
    parts = np.array([number_in("shares", share, 0, 1, open_low=True) for share in shares])
    if not len(parts) or abs(parts.sum() - 1) > 1e-9:
        fail("shares", f"{tuple(shares)}", "positive numbers whose sum is 1")
    groups = _groups(rows, labels)
    generator = np.random.default_rng(seed)
    chosen: list[list[np.ndarray]] = [[] for _ in parts]
    owed = np.zeros(len(parts))  # rows that earlier classes left each part short of its share
    for group in groups:
        counts = _counts(len(group), parts, owed)
        owed += len(group) * parts - counts
        pieces = np.split(generator.permutation(group), np.cumsum(counts)[:-1])
        for part, piece in zip(chosen, pieces, strict=True):
            part.append(piece)
    found = tuple(np.sort(np.concatenate(part)) for part in chosen)
    for share, part in zip(parts, found, strict=True):
        if not len(part):
            fail("shares", f"{share:g} of {rows} rows, which is none", "at least one row in each part")
    return found


def _groups(rows: int, labels: Any) -> list[np.ndarray]:
    """Row numbers of each class, or of all rows."""
    if labels is None:
        return [np.arange(rows)]
    values = np.asarray(labels)
    if values.shape != (rows,):
        fail("labels", f"shape {values.shape}", f"({rows},), one for each row")
    inverse = np.unique(values, return_inverse=True)[1]
    order = np.argsort(inverse, kind="stable")
    return np.split(order, np.cumsum(np.bincount(inverse))[:-1])


def _counts(size: int, parts: np.ndarray, owed: np.ndarray) -> np.ndarray:
    """How many of `size` rows each part gets: the whole part of its quota, then rows by largest remainder.

    What earlier classes owe a part counts as remainder: without it, many small classes would round the same way and
    the parts as a whole would miss their shares.
    """
    if size < len(parts):
        counts = np.zeros(len(parts), int)
        counts[np.argsort(-parts, kind="stable")[:size]] = 1
        return counts
    quota = size * parts
    counts = np.floor(quota + 1e-9).astype(int)
    rest = size - int(counts.sum())
    counts[np.argsort(-(quota - counts + owed), kind="stable")[:rest]] += 1
    for empty in np.flatnonzero(counts == 0):
        counts[counts.argmax()] -= 1
        counts[empty] += 1
    return counts


def class_weights(labels: Any, classes: Sequence[Any], spec: Any = None) -> np.ndarray:
    """Return how much each row counts in the loss, by its class.

    "balanced": `rows / (K * rows of the class)`, K being the number of classes that occur; the mean weight is then 1.

    Args:
        labels: (rows,) entries of `classes`.
        classes: all classes.
        spec: None (every row counts 1), "balanced", or a dict from class to weight (1 where a class is not in it).

    Returns:
        float32 (rows,).

    Raises:
        JaxnnError: if a class is unknown, a weight is negative or not finite, or no row has a positive weight.

    >>> class_weights(["a", "a", "a", "b"], ["a", "b"], "balanced")
    array([0.6666667, 0.6666667, 0.6666667, 2.       ], dtype=float32)
    """
    values, known = np.asarray(labels), {str(name): name for name in classes}
    present, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    for name in present.tolist():
        if str(name) not in known:
            fail("labels", shown(name), f"one of the classes {listed(list(classes))}")
    if spec is None:
        return np.ones(len(values), np.float32)
    if isinstance(spec, str) and spec == "balanced":
        return (len(values) / (len(present) * counts))[inverse].astype(np.float32)
    if not isinstance(spec, Mapping):
        fail("class_weight", shown(spec), "None, 'balanced' or a dict from class to weight")
    weights = _weights_of(spec, known, listed(list(classes)))
    each = np.array([weights.get(str(name), 1.0) for name in present.tolist()])[inverse]
    if len(values) and not each.any():
        fail("class_weight", "a weight of 0 for every row", "a positive weight for at least one class")
    return each.astype(np.float32)


def _weights_of(spec: Mapping[Any, Any], known: Mapping[str, Any], names: str) -> dict[str, float]:
    """Weights by the text of the class: a shell and TOML write the class 1 as "1"."""
    for name in spec:
        if str(name) not in known:
            fail("class_weight", f"class {shown(name)}", f"one of the classes {names}")
    return {
        str(name): number_in(f"class_weight of {shown(name)}", weight, 0, float("inf"), open_high=True)
        for name, weight in spec.items()
    }
