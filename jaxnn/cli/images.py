"""From images and settings to a planned training run, as `pipeline` plans one on a table."""

import dataclasses
import re
from typing import Any

import numpy as np

from jaxnn import activations, augmentation, models, optimizers
from jaxnn.checks import JaxnnError, fail, whole_number
from jaxnn.cli.bar import reading_bar
from jaxnn.cli.pipeline import Part, Plan, parts_of, target_notes, usual_penalty
from jaxnn.cli.settings import DESCRIBED, Settings
from jaxnn.data import RawTable, Table, read
from jaxnn.data.imagearrays import LONGEST_SIDE, size_said
from jaxnn.data.images import Wanted
from jaxnn.data.pixels import Pixels
from jaxnn.layers import Chain, Flatten
from jaxnn.layers.base import walk

OF_TABLES = ("types", "drop", "keep", "categories", "embed", "scaling", "target_scale")
"""Settings that mean nothing for images."""

CHANNELS = (32, 64, 64, 128, 128)
"""Of the convolutions of the largest image."""

LARGE = 500
"""MiB of inputs that are worth a note."""

_SIZE = re.compile(r"([0-9]{1,4})(?:x([0-9]{1,4}))?")
_ENTRY = re.compile(r"([a-z]+)(?:=([0-9.eE+-]+))?")
_PIXELS = ("shift", "crop", "cutout")
"""Augmentations whose number is one of pixels."""


def asked(table: Table, settings: Settings) -> bool:
    """Return whether a run is one on images, and not on the columns of a table that pixels are too.

    Args:
        table: what to learn from.
        settings: of the run.

    Returns:
        True for images from files, for a network of images and for augmentation.

    >>> from jaxnn.data import load
    >>> asked(load("digits"), Settings()), asked(load("digits"), Settings(model="cnn"))
    (False, True)
    """
    return settings.model == "cnn" or bool(settings.augment) or settings.image_size is not None or _from_files(table)


def _from_files(table: Table) -> bool:
    """Built-in digits are float64, as all tables are."""
    own = isinstance(table.features, np.ndarray) and table.features.dtype != np.float64
    return own and table.image_shape is not None


def make_plan(table: Table, settings: Settings) -> Plan:
    """Check everything that can be checked without training.

    Args:
        table: images with classes.
        settings: of the run.

    Returns:
        The plan.

    Raises:
        JaxnnError: if something does not fit.

    >>> from jaxnn.data import load
    >>> plan = make_plan(load("digits"), Settings(model="cnn", hidden=(32,)))
    >>> plan.train.x.shape, plan.objective.width
    ((1258, 8, 8, 1), 10)
    """
    _check_suits(table, settings)
    assert table.target is not None  # `pipeline.make_plan` refuses a table without
    rows = parts_of(table, "classification", settings)
    learnt: Any = Pixels.fit(table.rows(rows[0]))
    features, y = np.asarray(table.features), learnt.encode_target(table.target)

    def name(row: int, column: str) -> str:
        return table.place(row, column)

    # each part by itself: of large images a copy of all would not fit beside them
    x = [learnt.encode(features[part], lambda row, column, part=part: name(int(part[row]), column)).x for part in rows]
    train, validation, test = (Part(part, numbers, y[part]) for part, numbers in zip(rows, x, strict=True))
    goal = models.objective("classification", len(learnt.classes))
    kind = "cnn" if settings.model == "auto" and _from_files(table) else settings.model
    kind = "mlp" if kind == "auto" else kind
    net = network(kind, learnt.shape, goal.width, settings)
    _, rate = optimizers.resolve(settings.optimizer, settings.learning_rate)
    l2 = usual_penalty(len(train)) if settings.l2 is None else settings.l2
    decided = dataclasses.replace(settings, task="classification", model=kind, learning_rate=rate, l2=l2)
    notes = (*table.notes, *_size_notes(x), *target_notes(table, rows, learnt))
    changes = augmentations(settings.augment, learnt.shape, goal.width)
    return Plan(decided, table, train, validation, test, learnt, net, goal, notes, changes, _said(kind, learnt, net))


def network(kind: str, shape: tuple[int, ...], outputs: int, settings: Settings, dropping: bool = False) -> Chain:
    """Return the network for images.

    Args:
        kind: "cnn" or "mlp".
        shape: (height, width, channels) of an image.
        outputs: width of the last layer.
        settings: with the dense layers, their activation and dropout.
        dropping: whether it has layers of dropout even where the rate is 0.

    Returns:
        The network; it takes (..., height, width, channels).
    """
    function = activations.by_name(settings.activation)
    dropout = settings.dropout if dropping else settings.dropout or None
    if kind == "mlp":
        dense = models.mlp(settings.hidden, outputs, function, dropout).layers
        return Chain(Flatten(3), *(layer for _, layer in dense))
    if settings.activation != "relu":
        fail("--activation", f"{settings.activation} with --model cnn", "relu, which it has", "Leave it out")
    return models.lenet(outputs, channels_for(shape), settings.hidden, dropout=dropout)


def channels_for(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the channels of the convolutions of a network for images, each followed by a pool of 2x2.

    Args:
        shape: (height, width, channels) of an image.

    Returns:
        As many as leave 4 to 7 pixels along the shorter side of a large image, two for a small one.

    >>> [channels_for((side, side, 1)) for side in (2, 8, 28, 64, 224)]
    [(32,), (32, 64), (32, 64), (32, 64, 64, 128), (32, 64, 64, 128, 128)]
    """
    doublings = int(np.log2(min(shape[:2])))
    halvings = min(max(doublings - 2, 2), doublings, len(CHANNELS))
    return CHANNELS[:halvings]


def augmentations(entries: tuple[str, ...], shape: tuple[int, ...], classes: int) -> tuple[Any, ...]:
    """Return what `--augment` asks for.

    Args:
        entries: such as "shift=2", "flip" or "shift=2,flip".
        shape: (height, width, channels) of an image.
        classes: how many there are.

    Returns:
        The augmentations, in the order given.

    Raises:
        JaxnnError: naming the entry that is unknown or out of range.

    >>> augmentations(("shift=2,flip", "mixup=0.2"), (28, 28, 1), 10)
    (Shift(2), Flip(), Mixup(0.2, classes=10))
    """
    return tuple(
        _augmentation(part, shape, classes) for entry in entries for part in map(str.strip, entry.split(",")) if part
    )


def image_size(settings: Settings) -> tuple[int, int] | None:
    """Return the height and width that `--image-size` asks for.

    Args:
        settings: of the run.

    Returns:
        Both, or None where it was not given.

    Raises:
        JaxnnError: if it is no size, or one out of range.

    >>> image_size(Settings(image_size="32x48")), image_size(Settings(image_size="32")), image_size(Settings())
    ((32, 48), (32, 32), None)
    """
    if settings.image_size is None:
        return None
    found = _SIZE.fullmatch(settings.image_size.strip().lower())
    if not found:
        fail("--image-size", repr(settings.image_size)[:60], "height and width such as 32x48, or 32 for both")
    height = whole_number("--image-size", int(found[1]), 1, LONGEST_SIDE)
    return height, whole_number("--image-size", int(found[2] or height), 1, LONGEST_SIDE)


def read_for(learnt: Any, data: str, quiet: bool = False) -> Table | RawTable:
    """Read data for a trained network, images in the size and colours that it takes.

    Args:
        learnt: the network's preprocessing, of images or of a table.
        data: a built-in name or a path.
        quiet: True for no bar while many images are read.

    Returns:
        What `data.read` returns.

    Raises:
        JaxnnError: if there is no such data, or it is bad.
    """
    with reading_bar("images", quiet) as progress:
        if not isinstance(learnt, Pixels):
            return read(data, Wanted(progress=progress))
        height, width, channels = learnt.shape
        return read(data, Wanted((height, width), channels, progress=progress))


def _augmentation(entry: str, shape: tuple[int, ...], classes: int) -> Any:
    found = _ENTRY.fullmatch(entry.lower())
    known = augmentation.AUGMENTATIONS
    where = "--augment"
    if not found or found[1] not in known:
        fail(where, repr(entry)[:60], f"one of {', '.join(known)}, with a number as in shift=2")
    name, text = found[1], found[2]
    if text is None and name != "flip":
        fail(where, repr(entry), f"a number, such as {name}={ {'noise': 0.1, 'mixup': 0.2}.get(name, 2) }")
    try:
        numbers: list[Any] = [] if text is None else [int(text) if name in _PIXELS else float(text)]
        more = {"classes": classes} if name == "mixup" else {}
        made = known[name](*numbers, **more)
    except JaxnnError as error:
        raise JaxnnError(f"{where}: {error}") from None
    except ValueError:
        fail(where, repr(entry)[:60], f"{'a whole number' if name in _PIXELS else 'a number'} after {name}=")
    if name in ("shift", "crop") and numbers[0] >= min(shape[:2]):
        fail(where, repr(entry), f"fewer pixels than the images have, {shape[0]}x{shape[1]}")
    return made


def _check_suits(table: Table, settings: Settings) -> None:
    if table.image_shape is None or not isinstance(table.features, np.ndarray):
        asked_by = next(
            flag for flag, given in (
                ("--model cnn", settings.model == "cnn"), ("--augment", bool(settings.augment)), ("--image-size", True)
            ) if given
        )  # fmt: skip
        fail(asked_by, "a table of columns", "images", "Leave it out, or give a folder of images or an IDX file")
    if settings.image_size is not None and table.names is None:
        do = "Leave it out"
        fail("--image-size", f"images that are {size_said(table.image_shape)} in their file", "a folder of images", do)
    for name in OF_TABLES:
        if getattr(settings, name) != DESCRIBED[name].default:
            flag = DESCRIBED[name].flag
            fail(flag, "with images", "a table of columns", f"Leave {flag} out")
    if settings.model in ("rnn", "transformer"):
        fail("--model", settings.model, "cnn or mlp for images", "Leave it out")
    if settings.task == "regression":
        fail("--task", "regression", "classification, which images are for", "Leave it out")


def _size_notes(parts: list[np.ndarray]) -> list[str]:
    size = sum(part.nbytes for part in parts) // 2**20
    if size < LARGE:
        return []
    return [f"the pixels take {size:,} MiB of memory, four times what they have in their file"]


def _said(kind: str, learnt: Pixels, net: Chain) -> str:
    """What people read of the network: its kind, its image, and the widths of its layers."""
    widths = [str(getattr(layer, "features", "")) for _, layer in walk(net)]
    return f"{kind} {'x'.join(map(str, learnt.shape))}-{'-'.join(filter(None, widths))}"
