"""Reading images from wherever they lie: an IDX file, an NPZ file, one image, or a folder of them."""

import os
from collections.abc import Callable, Sequence
from typing import NamedTuple

from jaxnn.checks import fail
from jaxnn.data import idxfile, imagefolder, npzimages
from jaxnn.data.fileformats import check_format
from jaxnn.data.imagearrays import check_classes
from jaxnn.data.limits import LARGEST_TEXT
from jaxnn.data.places import place, shown
from jaxnn.data.table import Table
from jaxnn.files import reading

KINDS = "an IDX file, an .npz file of images, or a folder of images"
"""In words, for messages."""


class Wanted(NamedTuple):
    """How images are to be read.

    >>> Wanted((32, 32)).labelled
    False
    """

    size: tuple[int, int] | None = None
    """(height, width) to which the images of a folder are resized; None for their own most frequent one."""
    channels: int | None = None
    """1 for grey, 3 for colours; None for what the images of a folder are."""
    labelled: bool = False
    """Whether they are to be learnt from: classes are needed, and of test and training images those for training."""
    progress: Callable[[int, int], None] = lambda done, all_: None
    """Called with how many images of a folder were read, and of how many."""


def read_images(source: str, wanted: Wanted = Wanted()) -> Table | None:  # noqa: B008 (it is immutable)
    """Read images, if a name is that of images.

    Args:
        source: a path.
        wanted: how they are to be read.

    Returns:
        The table of images; None if the path is that of something else, or of an NPZ file of columns.

    Raises:
        JaxnnError: naming file and byte, if what is there is bad.

    >>> read_images("iris.csv") is None
    True
    """
    if idxfile.is_idx(source):
        return idxfile.read_images(source, labelled=wanted.labelled)
    if source.lower().endswith(".npz") and os.path.isfile(source):
        with reading(source, "an .npz file") as file:
            data = file.read(LARGEST_TEXT + 1)
        if len(data) > LARGEST_TEXT:
            fail(place(source), "a file of more than 1 GiB", "a smaller one", "Leave out rows")
        check_format(data, "npz", source)
        return npzimages.read_images(data, source, held=not wanted.labelled)
    if os.path.isdir(source) or source.lower().endswith(imagefolder.SUFFIXES):
        size, channels = wanted.size, wanted.channels
        return imagefolder.read_folder(source, size, channels, labelled=wanted.labelled, progress=wanted.progress)
    return None


def load_images(
    source: str,
    target: str | None = None,
    task: str = "auto",
    columns: Sequence[tuple[str, object]] = (),
    wanted: Wanted = Wanted(),  # noqa: B008 (it is immutable)
) -> Table | None:
    """Read images to be learnt from, if a name is that of images.

    Args:
        source: a path.
        target: what the user called the target; None for its own name.
        task: "auto" or "classification".
        columns: settings of columns with what was given, such as ("--drop", ()): images have none.
        wanted: how they are to be read; they have to have classes.

    Returns:
        The table of images with a target of at least two classes; None if the path is that of something else.

    Raises:
        JaxnnError: if what is there is bad, or something was asked that images have not.
    """
    found = read_images(source, wanted._replace(labelled=True))
    if found is None:
        return None
    if found.target is None:
        fail(place(source), "images without labels", "labels beside them, such as the arrays x and y")
    if target not in (None, found.target_name):
        fail("target", shown(target), f"{shown(found.target_name)}, the target of {place(source)}", "Leave it out")
    if task not in ("auto", "classification"):
        fail("task", shown(task), "classification, which images are for", "Leave it out")
    for flag, given in columns:
        if given:
            fail(flag, "columns beside images", "a table of columns", f"Leave {flag} out")
    return check_classes(found)
