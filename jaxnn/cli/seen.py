"""What a network that sees images looks at: rows, mean images of the classes and weights, as small images."""

import base64
from collections.abc import Callable
from typing import Any

import numpy as np

from jaxnn.cli.pipeline import Outcome
from jaxnn.data import Table
from jaxnn.report.document import Named, Pictures

MOST_UNITS, MOST_CLASSES, LONGEST = 36, 20, 64
"""At most so many images of weights, of classes, and pixels along a side: of larger images every n-th is drawn."""


class Images:
    """How the rows of a table whose columns are pixels become small images.

    Args:
        table: rows with an `image_shape`.

    >>> images = Images(Table(("a", "b"), np.array([[0.0, 4.0], [2.0, 2.0]]), image_shape=(1, 2)))
    >>> images.shape, base64.b64decode(images.ink(np.array([0.0, 2.0]))).hex()
    ((1, 2), '0080')
    """

    def __init__(self, table: Table) -> None:
        self._features = np.asarray(table.features)
        self._low, self._high = float(np.nanmin(self._features)), float(np.nanmax(self._features))
        self._whole = tuple(table.image_shape or ())
        self._step = -(-max(self._whole[:2]) // LONGEST)
        height, width = (len(range(0, length, self._step)) for length in self._whole[:2])
        self.shape = (height, width, *self._whole[2:])

    @classmethod
    def of(cls, table: Table) -> "Images | None":
        """Return the images of a table; None if its columns are no pixels."""
        shape = table.image_shape
        drawable = shape is not None and len(shape) in (2, 3) and tuple(shape[2:]) in ((), (3,))
        return cls(table) if drawable else None

    def row(self, row: int) -> str:
        """Return the image of a row in base64, one byte a pixel."""
        return self.ink(self._features[row])

    def mean(self, rows: np.ndarray) -> str:
        """Return the mean image of rows."""
        return self.ink(self._features[rows].mean(axis=0))

    def ink(self, pixels: np.ndarray) -> str:
        """Return pixels (columns,) as bytes in base64: 0 and 255 are the least and the largest pixel of the table."""
        known = np.nan_to_num(pixels, nan=self._low)
        shares = (known - self._low) / ((self._high - self._low) or 1.0)
        return self.bytes(np.rint(shares * 255).clip(0, 255).astype(np.uint8))

    def bytes(self, pixels: np.ndarray) -> str:
        """Return bytes (columns,) in base64, of large images every n-th pixel."""
        thinned = pixels.reshape(self._whole)[:: self._step, :: self._step]
        return base64.b64encode(np.ascontiguousarray(thinned).tobytes()).decode()


def pictures_of(outcome: Outcome, images: Images | None, name_of: Callable[[Any], str]) -> Pictures | None:
    """Return what a network that sees images has learnt to look for.

    Args:
        outcome: the finished run.
        images: of its table.
        name_of: makes the name of a class text.

    Returns:
        The mean images of the classes and the weights of the first layer; None if the columns are no pixels.
    """
    plan = outcome.plan
    if images is None:
        return None
    means = []
    for index, name in enumerate((plan.preprocessing.classes or ())[:MOST_CLASSES]):
        rows = plan.train.rows[plan.train.y == index]
        if len(rows):
            means.append(Named(name_of(name), images.mean(rows)))
    weights, units = _weights(outcome, images, name_of)
    return Pictures(images.shape, tuple(means), weights, units, bool(weights) and not plan.settings.hidden)


def _weights(outcome: Outcome, images: Images, name_of: Callable[[Any], str]) -> tuple[tuple[Named, ...], int]:
    """The columns of the first kernel, each times the spread of its pixel: what a usual change of the pixel does."""
    plan, classes = outcome.plan, outcome.preprocessing.classes
    kernel = next((np.asarray(layer["kernel"]) for layer in outcome.run.params.values() if "kernel" in layer), None)
    pixels = (len(plan.table.columns),)  # the kernel of a convolution looks at a few of them
    if kernel is None or kernel.ndim != 2 or kernel.shape[:1] != pixels or len(images.shape) != 2:
        return (), 0
    # a pixel that is always the same has a spread of 0: its weights are what they were drawn as, and mean nothing
    effect = kernel * plan.train.x.std(axis=0).reshape(-1, 1)
    units, templates = effect.shape[1], not plan.settings.hidden
    chosen = list(range(min(units, MOST_UNITS)))
    if not templates:
        chosen = np.argsort(-np.square(effect).sum(axis=0), kind="stable")[:MOST_UNITS].tolist()
    largest = float(np.abs(effect[:, chosen]).max()) or 1.0
    named = []
    for unit in chosen:
        name = name_of(classes[unit]) if templates and classes else f"unit {unit + 1}"
        scaled = np.rint(effect[:, unit] / largest * 127).clip(-127, 127).astype(np.int8)
        named.append(Named(name, images.bytes(scaled)))
    return tuple(named), units
