"""Images as arrays: which arrays are images, and the table whose columns are their pixels."""

import math
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.limits import LARGEST_TEXT
from jaxnn.data.places import place, shown
from jaxnn.data.table import Table

MOST_CHANNELS, LONGEST_SIDE = 4, 1024
"""Grey with or without transparency, colours with or without; and pixels along a side."""


def pixel_names(shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return the names of the pixels of an image, row by row.

    Args:
        shape: (height, width) or (height, width, channels).

    Returns:
        A name for each number of the image.

    >>> pixel_names((1, 2)), pixel_names((1, 1, 3))
    (('pixel_0_0', 'pixel_0_1'), ('pixel_0_0_0', 'pixel_0_0_1', 'pixel_0_0_2'))
    """
    return tuple("pixel_" + "_".join(map(str, index)) for index in np.ndindex(*shape))


def image_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of one image without an axis of one channel.

    >>> image_shape((28, 28, 1)), image_shape((32, 32, 3)), image_shape((8, 8))
    ((28, 28), (32, 32, 3), (8, 8))
    """
    return shape[:2] if shape[2:] == (1,) else tuple(shape)


def size_said(shape: tuple[int, ...]) -> str:
    """Return how messages call the size of an image.

    >>> size_said((28, 28)), size_said((32, 48, 3)), size_said((8, 8, 2))
    ('28x28, grey', '32x48, colour', '8x8, 2 channels')
    """
    kinds = {(): "grey", (1,): "grey", (3,): "colour"}
    return f"{shape[0]}x{shape[1]}, {kinds.get(tuple(shape[2:])) or f'{shape[2]} channels'}"


def check_images(shape: tuple[int, ...], itemsize: int, where: str) -> None:
    """Check that an array of this shape is one of images of a sensible size and number.

    Args:
        shape: (images, height, width) or (images, height, width, channels).
        itemsize: bytes that a pixel will take.
        where: how messages call the array.

    Raises:
        JaxnnError: if it is not, or would take more than 1 GiB.

    >>> check_images((60000, 28, 28), 1, "x")
    >>> check_images((60000, 784), 1, "x")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: x: got shape (60000, 784); needed (images, height, width) or (images, height, width, ...
    """
    if len(shape) not in (3, 4) or (len(shape) == 4 and shape[3] > MOST_CHANNELS):
        text = str(tuple(shape)) if len(shape) < 9 else f"{len(shape)} dimensions"
        fail(where, f"shape {text}", f"(images, height, width) or (images, height, width, 1 to {MOST_CHANNELS})")
    if min(shape) < 1:
        fail(where, f"shape {tuple(shape)}", "at least one image of at least one pixel")
    if max(shape[1:3]) > LONGEST_SIDE:
        fail(where, f"images of {shape[1]}x{shape[2]}", f"at most {LONGEST_SIDE} pixels along a side")
    if math.prod(shape) * itemsize > LARGEST_TEXT:
        given = f"{shape[0]} images of {shape[1]}x{shape[2]}, {math.prod(shape) * itemsize // 2**20} MiB"
        fail(where, given, f"at most {LARGEST_TEXT // 2**20} MiB", "Leave out images, or make them smaller")


def pixel_bytes(dtype: np.dtype) -> int:
    """Return how many bytes a pixel of such an array takes in a table: 1 for whole numbers of a byte, else 4.

    >>> pixel_bytes(np.dtype("uint8")), pixel_bytes(np.dtype("float64"))
    (1, 4)
    """
    return 1 if np.dtype(dtype).kind in "ub" and np.dtype(dtype).itemsize == 1 else 4


def as_pixels(images: np.ndarray, where: str) -> np.ndarray:
    """Return images as rows of pixels, in a byte each where that loses nothing.

    Args:
        images: numbers (images, height, width) or (images, height, width, channels).
        where: how messages call them.

    Returns:
        uint8 or float32 (images, pixels).

    Raises:
        JaxnnError: if they are no numbers, or one is not finite in float32.

    >>> as_pixels(np.array([[[0, 255]], [[7, 8]]]), "x")
    array([[  0, 255],
           [  7,   8]], dtype=uint8)
    """
    if images.dtype.kind not in "biuf":
        fail(where, f"an array of {images.dtype}", "numbers")
    flat = images.reshape(len(images), -1)  # (n, h, w, c) -> (n, h * w * c)
    if images.dtype.kind == "b" or (images.dtype.kind in "iu" and flat.min() >= 0 and flat.max() <= 255):
        return np.ascontiguousarray(flat, np.uint8)
    with np.errstate(over="ignore"):
        numbers = np.ascontiguousarray(flat, np.float32)
    wrong = ~np.isfinite(numbers).all(axis=1)
    if wrong.any():
        row = int(wrong.argmax())
        pixel = int((~np.isfinite(numbers[row])).argmax())
        fail(f"{where}, image {row + 1}", f"{flat[row, pixel]} in pixel {pixel + 1}", "finite numbers")
    return numbers


def as_labels(labels: np.ndarray, count: int, where: str) -> np.ndarray:
    """Return the classes of images as one array.

    Args:
        labels: (images,) or (images, 1) of text, whole numbers or Booleans.
        count: how many images there are.
        where: how messages call them.

    Returns:
        (images,) of text, int64 or bool.

    Raises:
        JaxnnError: if they are others than classes, of another number, or all the same.

    >>> as_labels(np.array([[1], [0]], np.uint8), 2, "y")
    array([1, 0])
    """
    values: Any = labels[:, 0] if labels.ndim == 2 and labels.shape[1] == 1 else labels  # (n, 1) -> (n,)
    if values.ndim != 1:
        fail(where, f"shape {labels.shape}", "one class for each image", "Of one row of 0 and 1 each, give the argmax")
    if len(values) != count:
        fail(where, f"{len(values)} labels for {count} images", "one label for each image")
    if values.dtype.kind == "f" and np.array_equal(values, np.rint(values)) and np.abs(values).max() < 2**53:
        values = values.astype(np.int64)  # MATLAB and some spreadsheets know no whole numbers
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind not in "biuU":
        fail(where, f"an array of {labels.dtype}", "classes: text, whole numbers or Booleans")
    return values.astype(np.int64) if values.dtype.kind in "iu" else values


def image_table(images: np.ndarray, labels: np.ndarray | None, where: str, **about: Any) -> Table:
    """Return the table of images.

    Args:
        images: numbers (images, height, width) or (images, height, width, channels).
        labels: (images,) classes, or None where they are not known.
        where: how messages call the images.
        about: other fields of `Table`; its target needs a `target_name`.

    Returns:
        A table whose columns are pixels, uint8 or float32.

    Raises:
        JaxnnError: if images or labels are no such arrays.

    >>> table = image_table(np.zeros((2, 8, 8, 1), np.uint8), np.array([3, 4]), "x", target_name="digit")
    >>> table, table.image_shape, table.features.dtype
    (Table(2 rows, 64 columns, target 'digit'), (8, 8), dtype('uint8'))
    """
    check_images(images.shape, pixel_bytes(images.dtype), where)
    shape = image_shape(images.shape[1:])
    target = None if labels is None else as_labels(labels, len(images), f"{where}: labels")
    return Table(pixel_names(shape), as_pixels(images, where), target, image_shape=shape, **about)


def check_classes(table: Table) -> Table:
    """Return a table of images that a network can be trained on.

    Args:
        table: with a target.

    Returns:
        The same.

    Raises:
        JaxnnError: if its target has one class, or a different one for every image.

    >>> check_classes(image_table(np.zeros((2, 8, 8)), np.array([3, 3]), "x", target_name="digit", source="x"))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: x: got one class, 3; needed at least two.
    """
    assert table.target is not None
    present = np.unique(table.target)
    if len(present) < 2:
        fail(place(table.source), f"one class, {shown(present[0])}", "at least two")
    if len(present) == len(table):
        given = f"{len(table)} images of {len(present)} classes"
        fail(place(table.source), given, "at least two images of a class", "Add images")
    return table


def same_shape(found: tuple[int, ...], wanted: tuple[int, ...], where: str) -> None:
    """Check that images have the shape that a network takes.

    Raises:
        JaxnnError: if not.

    >>> same_shape((8, 8), (28, 28, 1), "x.npz")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: x.npz: got images of 8x8, grey; needed 28x28, grey, as the network was trained on.
    """
    if image_shape(found) != image_shape(wanted):
        fail(where, f"images of {size_said(found)}", f"{size_said(wanted)}, as the network was trained on")
