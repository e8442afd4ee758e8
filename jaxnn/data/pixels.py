"""What is learnt of images: their shape, the mean and spread of their pixels, and their classes."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.data.columns import Fate, Numeric
from jaxnn.data.imagearrays import LONGEST_SIDE, MOST_CHANNELS, image_shape, pixel_names, same_shape, size_said
from jaxnn.data.inputs import Encoded
from jaxnn.data.places import listed, shown
from jaxnn.data.preprocessing import Preprocessing, check_classes
from jaxnn.data.table import Table

_FIELDS = ("classes", "high", "low", "mean", "scale", "shape", "target_name")
_ROWS = 1024
"""Images at a time, so that their float64 takes little memory."""
_OTHER_RANGE = 8
"""How many times darker or brighter the brightest pixel may be than in training: pixels of 0 to 1, 16 and 255 differ by
16 and more, and a network of one of them knows nothing of the other."""


@config
class Pixels:
    """How images become inputs of a network, and its outputs classes, as learnt from training images.

    `z = (x - mean) / scale` of each channel, over all training pixels; scale is the population standard deviation, or 1
    where all pixels are the same. An image of 28x28 then takes 3 kB, 60,000 of them 188 MB.

    Args:
        shape: (height, width, channels) of every image.
        mean, scale: one for each channel.
        low, high: the least and the largest pixel.
        classes: in the order of the network's outputs, all text, all int or all bool.
        target_name: name of what is predicted.

    Raises:
        JaxnnError: if a length is not in its range, a number not finite, a scale not positive, or a class occurs twice.

    >>> table = Table(("a", "b"), np.array([[0.0, 4.0], [2.0, 2.0]]), np.array(["x", "o"]), "mark", image_shape=(1, 2))
    >>> learnt = Pixels.fit(table)
    >>> learnt.mean, learnt.classes, learnt.transform(table.features).shape
    ((2.0,), ('o', 'x'), (2, 1, 2, 1))
    """

    shape: tuple[int, ...]
    mean: tuple[float, ...]
    scale: tuple[float, ...]
    low: float
    high: float
    classes: tuple[str | int | bool, ...]
    target_name: str | None = None

    dropped = ()
    target_mean = None
    target_scale = None
    target_log = False
    task = "classification"

    def __post_init__(self) -> None:
        _check_shape(self.shape)
        for name in ("mean", "scale"):
            values = getattr(self, name)
            if not isinstance(values, tuple) or len(values) != self.shape[2]:
                fail(f"pixels.{name}", shown(values), f"a tuple of {self.shape[2]} numbers, one for each channel")
            for value in values:
                if not isinstance(value, float) or not math.isfinite(value) or (name == "scale" and value <= 0):
                    fail(f"pixels.{name}", shown(value), f"a {'positive ' if name == 'scale' else ''}finite number")
        limits = (self.low, self.high)
        if not all(isinstance(value, float) and math.isfinite(value) for value in limits) or self.low > self.high:
            fail("pixels.low", shown(str(limits)), "two finite numbers, low and high")
        if self.classes is None:
            fail("pixels.classes", "None", "a tuple of classes")
        self._answers  # noqa: B018 (checks classes and name)

    def __repr__(self) -> str:
        named = f" of {self.target_name}" if self.target_name else ""
        return f"Pixels({size_said(image_shape(self.shape))}, {len(self.classes)} classes{named})"

    @classmethod
    def fit(cls, table: Table) -> "Pixels":
        """Learn mean, spread and classes from training images (and from no others: test images must stay unseen).

        Args:
            table: the training images, with a target of classes.

        Returns:
            The pixels; classes are sorted.

        Raises:
            JaxnnError: if the table has no images, no target, or a target of values.
        """
        if table.image_shape is None or not isinstance(table.features, np.ndarray) or not len(table):
            fail(table.source or "table", "a table whose columns are no pixels", "images")
        if table.target is None or table.target.dtype.kind == "f":
            given = "no target" if table.target is None else "a target of values"
            fail(table.source or "table", given, "images with classes")
        shape = _whole_shape(table.image_shape)
        mean, scale = _moments(table.features.reshape(-1, shape[2]), _ROWS * shape[0] * shape[1])
        low, high = float(table.features.min()), float(table.features.max())
        return cls(shape, mean, scale, low, high, tuple(np.unique(table.target).tolist()), table.target_name)

    @property
    def _answers(self) -> Preprocessing:
        """Classes as tables have them: the same checks, the same errors."""
        return Preprocessing(_NOTHING, classes=self.classes, target_name=self.target_name)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the pixels, as the columns of a table of them have."""
        return pixel_names(image_shape(self.shape))

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs: the pixels."""
        return self.columns

    @property
    def used(self) -> tuple[str, ...]:
        """What is looked at as one: the image."""
        return ("image",)

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What became of the image."""
        spread = ", ".join(f"{mean:.4g} ({scale:.4g})" for mean, scale in zip(self.mean, self.scale, strict=True))
        said = f"{size_said(image_shape(self.shape))}; mean (standard deviation) {spread}"
        return (Fate("image", "pixels", f"{math.prod(self.shape)} inputs", said),)

    def check(self, example: tuple[int, ...], task: str | None, width: int | None) -> None:
        """Check that a network takes these images and answers with these classes.

        Args:
            example: the shape of one example of the network.
            task: what the outputs answer.
            width: how many outputs there are.

        Raises:
            JaxnnError: if it does not.
        """
        if example != self.shape:
            fail("pixels", f"images of shape {self.shape} for examples of shape {example}", "the same shape")
        check_classes(self.classes, task, width)

    def features_of(self, table: Table) -> np.ndarray:
        """Return the pixels of images, which must be as large as those that the network was trained on.

        Args:
            table: of images.

        Returns:
            (images, pixels).

        Raises:
            JaxnnError: if they are of another shape, or the table is none of images.
        """
        if table.image_shape is None or not isinstance(table.features, np.ndarray):
            fail(table.source or "table", "columns that are no pixels", f"images of {size_said(self.shape)}")
        same_shape(table.image_shape, self.shape, table.source or "table")
        return table.features

    def encode(self, features: Any, place: Callable[[int, str], str] | None = None) -> Encoded:
        """Return the inputs that the network takes, and whether the pixels seem to be of another range.

        Args:
            features: numbers (images, pixels), (images, height, width) or (images, height, width, channels); or a table
                of polars or pandas, or a dict, with the names of `columns`.
            place: how messages call the pixel of an image (from 0); None: by these.

        Returns:
            float32 (images, height, width, channels), and at most one note.

        Raises:
            JaxnnError: if they are of another shape, or a pixel is no finite number.
        """
        called = place or (lambda row, column: f"image {row}, {column}")
        numbers = self._numbers(features, called)
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused
            x = numbers.astype(np.float32).reshape(-1, *self.shape)  # a copy, also of float32
        if numbers.dtype.kind == "f" and not np.isfinite(x).all():
            row, *index = np.argwhere(~np.isfinite(x))[0].tolist()
            pixel = int(np.ravel_multi_index(index, self.shape))
            fail(called(row, self.columns[pixel]), f"{numbers.reshape(len(x), -1)[row, pixel]}", "a finite number")
        notes = self._range_notes(x)
        x -= np.array(self.mean, np.float32)
        x /= np.array(self.scale, np.float32)
        return Encoded(x, notes)

    def _range_notes(self, x: np.ndarray) -> tuple[str, ...]:
        high = float(x.max()) if x.size else self.high
        if self.high <= 0 or self.high / _OTHER_RANGE <= high <= self.high * _OTHER_RANGE:
            return ()
        return (f"the largest pixel is {high:g}, in the training it was {self.high:g}: are they of the same range?",)

    def transform(self, features: Any, place: Callable[[int, str], str] | None = None) -> np.ndarray:
        """Return the inputs that the network takes; see `encode`."""
        return self.encode(features, place).x

    def encode_target(self, target: Any) -> np.ndarray:
        """Return the index of each class, int32 (rows,); a class that is unknown raises."""
        return self._answers.encode_target(target)

    def decode_classes(self, indices: Any) -> np.ndarray:
        """Return the classes of indices; see `Preprocessing.decode_classes`."""
        return self._answers.decode_classes(indices)

    def decode_values(self, values: Any) -> np.ndarray:
        """Raise: images have classes."""
        return self._answers.decode_values(values)

    def renamed(self, target_name: str) -> "Pixels":
        """Return the same with another name for the target."""
        return replace(self, target_name=target_name)  # pyright: ignore[reportArgumentType]  # what @config makes

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, text and numbers; `from_json` gives back an equal object, to the last bit."""
        found = {name: getattr(self, name) for name in _FIELDS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def from_json(cls, document: Any) -> "Pixels":
        """Make pixels from what `to_json` returned, checking everything: the document may be hostile.

        Args:
            document: what `json.loads` returned.

        Returns:
            The pixels.

        Raises:
            JaxnnError: naming the field that has the wrong type, length or value.

        >>> first = Pixels((1, 2, 1), (0.5,), (2.0,), 0.0, 1.0, ("a", "b"))
        >>> Pixels.from_json(first.to_json()) == first
        True
        """
        if not isinstance(document, Mapping) or set(document) != set(_FIELDS):
            given = listed([str(key) for key in document]) if isinstance(document, Mapping) else type(document).__name__
            fail("pixels", given, f"an object with the fields {', '.join(_FIELDS)}")
        fields = dict(document)
        for name in ("classes", "mean", "scale", "shape"):
            if not isinstance(fields[name], list):
                fail(f"pixels.{name}", type(fields[name]).__name__, "a list")
            fields[name] = tuple(fields[name])
        for name in ("mean", "scale"):
            fields[name] = tuple(_number(value) for value in fields[name])
        fields |= {name: _number(fields[name]) for name in ("low", "high")}
        return cls(**fields)

    def _numbers(self, features: Any, called: Callable[[int, str], str]) -> np.ndarray:
        """Features as an array whose rows are images."""
        if isinstance(features, Mapping) or hasattr(features, "columns"):
            return _from_cells(features, self.columns, called)
        try:
            numbers = np.asarray(features)
        except ValueError:
            fail("images", "rows of different lengths", f"images of shape {self.shape}")
        if numbers.dtype.kind not in "biuf":
            fail("images", f"an array of {numbers.dtype}", "numbers")
        if numbers.shape[1:] not in (self.shape, image_shape(self.shape), (math.prod(self.shape),)) or not numbers.ndim:
            fail("images", f"shape {numbers.shape}", f"(images, {', '.join(map(str, self.shape))})")
        return numbers


_NOTHING = (Numeric("image", 0.0, 1.0, 0.0, 0.0, 1.0),)
"""The columns of a preprocessing that is asked about classes alone."""


def _number(value: Any) -> Any:
    """JSON writers may drop the point of 2.0."""
    return float(value) if type(value) is int and abs(value) < 2**63 else value


def _whole_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 1) if len(shape) == 2 else tuple(shape)


def _check_shape(shape: Any) -> None:
    good = isinstance(shape, tuple) and len(shape) == 3 and all(type(length) is int for length in shape)
    if not good or min(shape) < 1 or max(shape) > LONGEST_SIDE or shape[2] > MOST_CHANNELS:
        needed = f"height and width from 1 to {LONGEST_SIDE}, and 1 to {MOST_CHANNELS} channels"
        fail("pixels.shape", shown(str(shape)), needed)


def _moments(pixels: np.ndarray, step: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel of (pixels, channels), in float64 and in pieces."""
    pieces = range(0, len(pixels), step)
    mean = sum(pixels[at : at + step].sum(axis=0, dtype=np.float64) for at in pieces) / len(pixels)
    squares = sum(np.square(pixels[at : at + step] - mean).sum(axis=0) for at in pieces) / len(pixels)
    scale = np.sqrt(squares)
    # a constant's mean may be off by rounding
    flat = scale <= 1e-12 * np.maximum(np.abs(mean), 1)
    return tuple(np.asarray(mean).tolist()), tuple(np.where(flat, 1.0, scale).tolist())


def _from_cells(cells: Any, columns: tuple[str, ...], called: Callable[[int, str], str]) -> np.ndarray:
    """The columns of a table as float32 (rows, pixels)."""
    import polars

    there = set(cells) if isinstance(cells, Mapping) else set(map(str, cells.columns))
    missing = [name for name in columns if name not in there]
    if missing:
        fail("images", f"no column {listed(missing)}", f"all {len(columns)} pixels that the model was trained on")
    found = np.empty((len(cells[columns[0]]), len(columns)), np.float32)
    for position, name in enumerate(columns):
        series = polars.Series(name, cells[name])
        numbers = series.cast(polars.Float64, strict=False)
        if numbers.null_count():
            row = int(numbers.is_null().arg_max() or 0)
            fail(called(row, name), shown(series[row]), "a number, the brightness of the pixel")
        found[:, position] = numbers.to_numpy()
    return found
