"""NPZ files that hold images and their labels, as Keras and MedMNIST write them."""

import hashlib
from typing import NamedTuple

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import npzfile
from jaxnn.data.imagearrays import MOST_CHANNELS, check_images, image_table, pixel_bytes
from jaxnn.data.places import listed, place
from jaxnn.data.table import Table

_LABELS = {
    "x": ("y",),
    "images": ("labels", "targets"),
    "image": ("label", "target"),
    "data": ("labels", "target", "y"),
}
"""What the labels of images of a name are called."""
_TRAIN, _HELD = ("train", "training"), ("test", "testing", "val", "valid", "validation")


class _Pair(NamedTuple):
    images: str
    labels: str | None
    part: str
    """train, test or ""."""


def has_images(shapes: dict[str, tuple[int, ...]]) -> bool:
    """Return whether an NPZ file of arrays of these shapes is one of images: one has three or four dimensions.

    >>> has_images({"x": (100, 28, 28), "y": (100,)}), has_images({"x": (100, 784), "y": (100,)})
    (True, False)
    """
    return any(len(shape) in (3, 4) for shape in shapes.values())


def read_images(data: bytes, source: str, *, held: bool = False) -> Table | None:
    """Read images and labels from the bytes of an NPZ file.

    Labels are the array of the images' name with y for x or labels for images (x_train and y_train), or the only other
    one of as many rows.

    Args:
        data: the bytes.
        source: the name of the file; messages begin with it.
        held: True to take the test images where the file has some, False the training images.

    Returns:
        The images, whose target has the name of the labels, and is None where there are none; None for a file of
        columns.

    Raises:
        JaxnnError: naming file and array.

    >>> import io
    >>> file = io.BytesIO()
    >>> np.savez(file, x_train=np.zeros((3, 8, 8), np.uint8), y_train=np.array([1, 0, 1]))
    >>> read_images(file.getvalue(), "tiny.npz")
    Table(3 rows, 64 columns, target 'y')
    """
    headers = npzfile.headers(data, source)
    shapes = {name: header.shape for name, header in headers.items()}
    if not has_images(shapes):
        return None
    chosen, others = _choose(shapes, source, held)
    where = place(source, None, chosen.images)
    check_images(_channels_last(shapes[chosen.images]), pixel_bytes(headers[chosen.images].dtype), where)
    images = npzfile.array(data, chosen.images, source)
    notes = [f"{listed(others)} left out"] if others else []
    if _channels_last(images.shape) != images.shape:
        images = np.moveaxis(images, 1, -1)
        notes.append(f"{chosen.images} has its channels first, and was taken as {images.shape}")
    labels = None if chosen.labels is None else npzfile.array(data, chosen.labels, source)
    name = None if chosen.labels is None else _without(chosen.labels, (*_TRAIN, *_HELD))
    return image_table(
        images, labels, where, target_name=name, description=f"{len(images)} images from {source}", source=source,
        sha256=hashlib.sha256(data).hexdigest(), notes=tuple(notes),
    )  # fmt: skip


def _choose(shapes: dict[str, tuple[int, ...]], source: str, held: bool) -> tuple[_Pair, list[str]]:
    """The images to take, and the names of what is not taken."""
    pairs = [_pair(name, shapes) for name, shape in shapes.items() if len(shape) in (3, 4)]
    wanted = ("test", "", "train") if held else ("train", "")
    found = next((chosen for part in wanted if (chosen := [pair for pair in pairs if pair.part == part])), pairs)
    if len(found) > 1:
        given = f"several arrays of images: {listed([pair.images for pair in found])}"
        fail(place(source), given, "one, or one of them named train, as x_train", "Save the others in other files")
    chosen = found[0]
    return chosen, [name for name in shapes if name not in (chosen.images, chosen.labels)]


def _pair(images: str, shapes: dict[str, tuple[int, ...]]) -> _Pair:
    words = images.lower().split("_")
    part = next((part for part, names in (("train", _TRAIN), ("test", _HELD)) if set(words) & set(names)), "")
    lower = {name.lower(): name for name in shapes}
    for word, partners in _LABELS.items():
        for partner in partners:
            named = "_".join(partner if each == word else each for each in words)
            if word in words and named in lower:
                return _Pair(images, lower[named], part)
    others = [name for name, shape in shapes.items() if len(shape) < 3 and shape[:1] == shapes[images][:1]]
    return _Pair(images, others[0] if len(others) == 1 else None, part)


def _without(name: str, words: tuple[str, ...]) -> str:
    """`y_train` without `train`: the target of training and test images has one name."""
    return "_".join(word for word in name.split("_") if word.lower() not in words) or name


def _channels_last(shape: tuple[int, ...]) -> tuple[int, ...]:
    """PyTorch has channels first: (n, 3, 32, 32)."""
    if len(shape) == 4 and shape[3] > MOST_CHANNELS and shape[1] in (1, 3, 4):
        return (shape[0], *shape[2:], shape[1])
    return shape
