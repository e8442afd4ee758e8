"""Training, validation and test data that know which they are, so that the test data cannot be chosen by."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.splits import split

Role = Literal["train", "validation", "test"]


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a data set, and what they may be used for.

    Args:
        x: (rows, ...) examples.
        y: (rows, ...) targets.
        indices: int64 (rows,) where they stood in the data set.
        role: "train", "validation" or "test".

    >>> Part(np.zeros((2, 3)), np.zeros(2), np.array([4, 7]), "test")
    Part('test', 2 rows)
    """

    x: np.ndarray
    y: np.ndarray
    indices: np.ndarray
    role: Role

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indices)

    def __repr__(self) -> str:
        return f"Part({self.role!r}, {len(self)} rows)"

    @property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Examples and targets, as `fit` and `Run.evaluate` take them."""
        return self.x, self.y

    def take(self, rows: Any) -> "Part":
        """Return some of the rows; they keep the role.

        Args:
            rows: (n,) row numbers from 0, a Boolean mask (rows,) or a slice.

        Returns:
            A part of n rows.

        Raises:
            JaxnnError: if there are no such rows.

        >>> Part(np.zeros((2, 3)), np.zeros(2), np.array([4, 7]), "test").take([1]).indices
        array([7])
        """
        try:
            chosen = np.arange(len(self))[rows]
        except IndexError:
            chosen = None
        if chosen is None or chosen.ndim != 1:
            fail("Part.take", "something else", f"numbers of some of its {len(self)} rows, a mask of all, or a slice")
        return Part(self.x[chosen], self.y[chosen], self.indices[chosen], self.role)


@dataclass(frozen=True, eq=False)
class Holdout:
    """A data set in three parts that share no row and together are all of it.

    >>> parts = holdout((np.zeros((100, 3)), np.zeros(100)))
    >>> parts.train, parts.validation, parts.test
    (Part('train', 64 rows), Part('validation', 16 rows), Part('test', 20 rows))
    """

    train: Part
    """What the weights learn from."""
    validation: Part
    """What says when to stop and which of several networks to take."""
    test: Part
    """What says, once and at the end, how good the one taken is."""


def holdout(data: Any, shares: Sequence[float] = (0.64, 0.16, 0.2), seed: int = 0, labels: Any = None) -> Holdout:
    """Divide a data set at random into training, validation and test part.

    The training part is for the weights, the validation part for stopping and selection, the test part for the final
    score alone: `jaxnn.train.select` refuses it.

    Args:
        data: `(x, y)`: x `(rows, ...)`, y `(rows, ...)`.
        shares: of the three parts; positive, with sum 1.
        seed: the same seed gives the same parts.
        labels: (rows,) classes, each of which is divided by itself; None for a division without regard to them.

    Returns:
        The three parts, with copies of their rows in the order of the data.

    Raises:
        JaxnnError: if the lengths differ, the shares do not fit or a part would be empty.

    >>> parts = holdout((np.arange(10.0)[:, None], np.arange(10) % 2), (0.6, 0.2, 0.2), labels=np.arange(10) % 2)
    >>> parts.train, parts.validation, parts.test, parts.test.y.tolist()
    (Part('train', 6 rows), Part('validation', 2 rows), Part('test', 2 rows), [0, 1])
    """
    if not (isinstance(data, tuple | list) and len(data) == 2):
        fail("data", f"a {type(data).__name__}", "a pair (x, y)")
    try:
        x, y = (np.asarray(values) for values in data)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail("data", "rows of different lengths", "rows of one length")
    if not x.ndim or not y.ndim or len(x) != len(y):
        fail("data", f"x of shape {x.shape} and y of shape {y.shape}", "as many rows of the one as of the other")
    if not isinstance(shares, tuple | list) or len(shares) != 3:
        fail("shares", f"{shares}", "three numbers: training, validation, test")
    rows = split(len(x), shares, seed, labels)
    roles: tuple[Role, ...] = ("train", "validation", "test")
    return Holdout(*(Part(x[part], y[part], part, role) for part, role in zip(rows, roles, strict=True)))
