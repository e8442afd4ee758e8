"""How classes, yes and no, and whole data sets are written as numbers, and read back exactly."""

from typing import Any

import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.config import config

MOST_CLASSES = 2**31
"""A class index is a 32-bit number on the device."""


@config
class OneHot:
    """A class index as one node for each class: 1 at the index, 0 elsewhere.

    Args:
        classes: K, at least 1.

    Raises:
        JaxnnError: if it is not.

    >>> code = OneHot(3)
    >>> code.encode([2, 0]).tolist(), code.decode([[0.1, 0.7, 0.2]]).tolist()
    ([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], [1])
    """

    classes: int

    def __post_init__(self) -> None:
        whole_number("OneHot.classes", self.classes, 1, MOST_CLASSES)

    @property
    def width(self) -> int:
        """How many nodes: K."""
        return self.classes

    def encode(self, indices: Any) -> np.ndarray:
        """Return the codes, float32 (rows, K), of class indices (rows,)."""
        numbers = _indices("OneHot.encode", indices, self.classes)
        codes = np.zeros((len(numbers), self.classes), np.float32)
        codes[np.arange(len(numbers)), numbers] = 1
        return codes

    def decode(self, outputs: Any) -> np.ndarray:
        """Return the class indices, int64 (rows,), of codes, probabilities or logits (rows, K): the largest's."""
        return _outputs("OneHot.decode", outputs, self.width).argmax(axis=1)


@config
class BinaryCode:
    """A class index as its binary digits, the most significant first: ceil(log2 K) nodes in place of K.

    A pattern that is no class's code, such as 10 to 15 where K is 10, is read as the nearest code that is one.

    Args:
        classes: K, at least 1; one class needs no node.

    Raises:
        JaxnnError: if it is not.

    >>> code = BinaryCode(10)
    >>> code.width, code.encode([9]).tolist(), code.decode([[0.9, 0.2, 0.1, 0.8]]).tolist()
    (4, [[1.0, 0.0, 0.0, 1.0]], [9])
    >>> code.decode([[0.9, 0.6, 0.1, 0.8]]).tolist()  # 13 is no class; its second digit is the least sure
    [9]
    """

    classes: int

    def __post_init__(self) -> None:
        whole_number("BinaryCode.classes", self.classes, 1, MOST_CLASSES)

    @property
    def width(self) -> int:
        """How many nodes: ceil(log2 K)."""
        return (self.classes - 1).bit_length()

    def encode(self, indices: Any) -> np.ndarray:
        """Return the codes, float32 (rows, ceil(log2 K)), of class indices (rows,)."""
        numbers = _indices("BinaryCode.encode", indices, self.classes)
        return (numbers[:, None] >> self._places & 1).astype(np.float32)

    def decode(self, outputs: Any) -> np.ndarray:
        """Return the class whose code is nearest to each row of outputs, the smallest of equally near ones.

        The sum of the distances of the digits and that of their squares put the codes of 0s and 1s in the same order,
        so that there is one nearest. Where the digits rounded (1 strictly above 0.5) are a class's code, it is that.

        Args:
            outputs: (rows, ceil(log2 K)) digits, or the probability that each is 1: the sigmoid of logits.

        Returns:
            int64 (rows,) class indices.

        Raises:
            JaxnnError: if the shape differs or a number is not from 0 to 1.
        """
        chances = _outputs("BinaryCode.decode", outputs, self.width)
        if ((chances < 0) | (chances > 1)).any():
            needed = "digits or probabilities, from 0 to 1"
            fail("BinaryCode.decode", "a number outside 0 to 1", needed, "Take the sigmoid of logits")
        pull = 2 * chances - 1  # (rows, width): how much nearer a 1 is than a 0
        found = ((pull > 0) << self._places).sum(axis=1)  # (rows,)
        unused = found >= self.classes
        found[unused] = self._nearest(pull[unused])
        return found

    def _nearest(self, pull: np.ndarray) -> np.ndarray:
        """The code below K with the largest sum of pulls over its 1s, the smallest of equals.

        Below K are K - 1 itself, and what shares its digits down to one of its 1s, has 0 there, and is free from there
        on. So there are as many candidates as 1s, and one more, where comparing with every code takes rows x K.
        """
        last, position = (self.classes - 1) >> self._places & 1, np.arange(self.width)  # (width,)
        found, best = np.zeros(len(pull), np.int64), np.full(len(pull), -np.inf)
        for digit in (*np.flatnonzero(last)[::-1], self.width):
            tried = np.where(position < digit, last, (pull > 0) & (position > digit))  # (rows, width)
            number, sums = (tried << self._places).sum(axis=1), (tried * pull).sum(axis=1)
            better = (sums > best) | ((sums == best) & (number < found))
            found, best = np.where(better, number, found), np.where(better, sums, best)
        return found

    @property
    def _places(self) -> np.ndarray:
        return np.arange(self.width, dtype=np.int64)[::-1]


def to_signs(bits: Any) -> np.ndarray:
    """Return 0 and 1 as -1 and +1.

    `x_signs = 2 x_bits - 1`

    Args:
        bits: (...) of 0 and 1, or Booleans.

    Returns:
        float32 (...).

    Raises:
        JaxnnError: if anything else is among them.

    >>> to_signs([0, 1]).tolist()
    [-1.0, 1.0]
    """
    return 2 * _two_valued("to_signs", bits, (0, 1)) - 1


def from_signs(signs: Any) -> np.ndarray:
    """Return -1 and +1 as 0 and 1.

    `x_bits = (x_signs + 1) / 2`

    Args:
        signs: (...) of -1 and +1.

    Returns:
        float32 (...).

    Raises:
        JaxnnError: if anything else is among them.

    >>> from_signs([-1, 1]).tolist()
    [0.0, 1.0]
    """
    return (_two_valued("from_signs", signs, (-1, 1)) + 1) / 2


def to_columns(examples: Any) -> np.ndarray:
    """Return a data set with one column for each example, the layout of `W X + b`.

    Args:
        examples: (examples, features), or (examples,) for one number each.

    Returns:
        (features, examples), or (1, examples).

    Raises:
        JaxnnError: if it has another number of axes.

    >>> to_columns([[1, 2], [3, 4], [5, 6]]).tolist(), to_columns([7, 8, 9]).tolist()
    ([[1, 3, 5], [2, 4, 6]], [[7, 8, 9]])
    """
    array = _array("to_columns", examples)
    if array.ndim not in (1, 2):
        fail("to_columns", f"shape {array.shape}", "(examples, features) or (examples,)")
    return np.atleast_2d(array.T)


def from_columns(columns: Any) -> np.ndarray:
    """Return a data set with one row for each example, the layout of everything else in jaxnn.

    Args:
        columns: (features, examples).

    Returns:
        (examples, features).

    Raises:
        JaxnnError: if it has another number of axes.

    >>> from_columns([[1, 3, 5], [2, 4, 6]]).tolist()
    [[1, 2], [3, 4], [5, 6]]
    """
    array = _array("from_columns", columns)
    if array.ndim != 2:
        fail("from_columns", f"shape {array.shape}", "(features, examples)")
    return array.T


def _array(where: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail(where, "rows of different lengths", "rows of one length")


def _indices(where: str, indices: Any, classes: int) -> np.ndarray:
    numbers = _array(where, indices)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu"):
        fail(where, f"an array of {numbers.dtype}, shape {numbers.shape}", "whole numbers, (rows,)")
    outside = (numbers < 0) | (numbers >= classes)
    if outside.any():
        row = int(outside.argmax())
        fail(f"{where}, row {row}", f"{numbers[row]}", f"a class index from 0 to {classes - 1}")
    return numbers.astype(np.int64)


def _outputs(where: str, outputs: Any, width: int) -> np.ndarray:
    array = _array(where, outputs)
    if array.ndim != 2 or array.shape[1] != width or array.dtype.kind not in "fiub":
        fail(where, f"an array of {array.dtype}, shape {array.shape}", f"numbers, (rows, {width})")
    array = array.astype(np.float64)
    if np.isnan(array).any():
        fail(where, "NaN", "numbers")
    return array


def _two_valued(where: str, values: Any, allowed: tuple[int, int]) -> np.ndarray:
    array = _array(where, values)
    low, high = allowed
    if array.dtype.kind not in "fiub" or not ((array == low) | (array == high)).all():
        fail(where, f"an array of {array.dtype}", f"{low} and {high} alone")
    return array.astype(np.float32)
