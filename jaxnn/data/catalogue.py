"""Finding data by what the user typed: the name of a built-in set, or a path."""

import dataclasses
import difflib
import os
from collections.abc import Sequence
from typing import NamedTuple

from jaxnn.checks import JaxnnError, fail
from jaxnn.data import builtin, generated
from jaxnn.data.images import KINDS as IMAGES
from jaxnn.data.images import Wanted, load_images, read_images
from jaxnn.data.places import listed, place, shown
from jaxnn.data.rawtable import RawTable
from jaxnn.data.table import Table
from jaxnn.data.tablefile import KINDS, SUFFIXES, read_table
from jaxnn.data.tables import columns_named, to_table
from jaxnn.data.targets import typed_target
from jaxnn.data.textfile import DESCRIPTIONS, TEXTS


class Entry(NamedTuple):
    """One built-in data set, as `jaxnn datasets` lists it."""

    name: str
    rows: int | None
    """None of a text: how long it is depends on the version of Python."""
    columns: int | None
    task: str
    sentence: str


ENTRIES = (
    Entry("digits", 1797, 64, "classification", "8x8 images of handwritten digits"),
    Entry("iris", 150, 4, "classification", "sepals and petals of three species of iris"),
    Entry("wine", 178, 13, "classification", "chemical analyses of three wines"),
    Entry("breast_cancer", 569, 30, "classification", "cell nuclei of breast tumours"),
    Entry("diabetes", 442, 10, "regression", "progression of diabetes from ten measurements"),
    Entry("xor", 400, 2, "classification", "four clouds, opposite corners of a square alike"),
    Entry("moons", 400, 2, "classification", "two half circles that interlock"),
    Entry("circles", 400, 2, "classification", "a circle inside a circle"),
    Entry("spirals", 400, 2, "classification", "two spirals that interlock"),
    Entry("rings", 334, 2, "classification", "a disc inside a ring"),
    Entry("blobs", 400, 2, "classification", "three normal clouds"),
    *(Entry(name, None, None, "text", sentence) for name, sentence in DESCRIPTIONS.items()),
)
"""Every built-in set and text; a table here, so that listing them reads no file (a test compares it with the sets)."""

_SETS = {**builtin.SETS, **generated.SETS}


def names() -> list[Entry]:
    """Return the built-in data sets.

    Returns:
        (name, rows, columns, task, sentence) of each.

    >>> names()[1][:4]
    ('iris', 150, 4, 'classification')
    """
    return list(ENTRIES)


def read(source: str | os.PathLike[str], images: Wanted | None = None) -> Table | RawTable:
    """Read a built-in set or a file, without saying which column is the target: for prediction and evaluation.

    Args:
        source: a built-in name, the path of a file that `read_table` reads, or of images.
        images: how images are to be read.

    Returns:
        The table of a built-in set or of images, or the raw table of a file.

    Raises:
        JaxnnError: if it is neither, or the file is bad.

    >>> read("iris")
    Table(150 rows, 4 columns, target 'species')
    """
    name = os.fspath(source) if isinstance(source, str | os.PathLike) else source
    if not isinstance(name, str):
        fail("data", shown(source), "a built-in name (jaxnn datasets lists them) or a path")
    if name in _SETS:
        return _SETS[name]()
    if name in TEXTS:
        fail("data", f"{shown(name)}, a text", "a table", "Read it with jaxnn.data.read_text")
    stem = os.path.splitext(name)[0]
    if stem in _SETS and not os.path.exists(name):
        do = f"For the built-in set, leave out the suffix: {stem}"
        fail(place(name), "a path where there is no file", "a file or a built-in name", do)
    found = read_images(name, images or Wanted())
    if found is not None:
        return found
    if name.lower().endswith(SUFFIXES):
        return read_table(name)
    if os.path.exists(name):
        kind = f"a file whose name does not end in {', '.join(SUFFIXES)}"
        fail(place(name), kind, f"{KINDS}, {IMAGES}, or a built-in name")
    near = difflib.get_close_matches(name[:60], [*_SETS, *TEXTS], n=1)
    needed = "a built-in name (jaxnn datasets lists them) or a path"
    raise JaxnnError(
        f"data: got {shown(name)}; needed {needed}." + (f" Did you mean {shown(near[0])}?" if near else "")
    )


def load(
    source: str | os.PathLike[str],
    target: str | None = None,
    task: str = "auto",
    drop: Sequence[str] = (),
    keep: Sequence[str] = (),
    images: Wanted | None = None,
) -> Table:
    """Read a built-in set or a file for training.

    Args:
        source: a built-in name, the path of a file that `read_table` reads, or of images.
        target: name of the column to predict; a file needs it, a built-in set has its own.
        task: "classification", "regression", or "auto" for what `decide_task` says.
        drop: columns that are not to be features.
        keep: the only columns that are to be features; none: all.
        images: how images are to be read.

    Returns:
        The table, with a target.

    Raises:
        JaxnnError: if there is no such data, it is bad, or the target does not suit.

    >>> load("iris").rows([0, 75, 149]).target.tolist()
    ['setosa', 'versicolor', 'virginica']
    """
    if isinstance(source, str | os.PathLike) and os.fspath(source) not in _SETS:
        columns = (("--drop", drop), ("--keep", keep))
        pictures = load_images(os.fspath(source), target, task, columns, images or Wanted())
        if pictures is not None:
            return pictures
    found = read(source)
    if isinstance(found, RawTable):
        if target is None:
            fail("target", "none", f"the column to predict, one of {listed(found.columns)}")
        return to_table(found, target, task, drop, keep)
    if target not in (None, found.target_name):
        fail("target", shown(target), f"{shown(found.target_name)}, the target of the built-in set {found.source}")
    if drop or keep:
        kept = [name for name in found.columns if not keep or name in columns_named("--keep", keep, found.columns)]
        without = columns_named("--drop", drop, found.columns)
        found = found.chosen([name for name in kept if name not in without])
    assert found.target is not None  # every built-in set has one
    return dataclasses.replace(found, target=typed_target(found.target, task)[1])
