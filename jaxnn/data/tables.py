"""From a file's columns to a table that can be trained on, and to the features that a trained model needs."""

import difflib
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import cells
from jaxnn.data.columns import Dropped
from jaxnn.data.pixels import Pixels
from jaxnn.data.places import known_column, listed, place, shown
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.rawtable import RawTable
from jaxnn.data.table import Table
from jaxnn.data.targets import decide_task, typed_target

if TYPE_CHECKING:
    import polars

_FEW = 10
"""Rows of which a different class in each says nothing about the column, only that there are too few."""


def to_table(
    raw: RawTable, target: str, task: str = "auto", drop: Sequence[str] = (), keep: Sequence[str] = ()
) -> Table:
    r"""Make a table for training; what its columns mean is decided later, from the training rows.

    Args:
        raw: what `read_table` read.
        target: name of the column to predict.
        task: "classification", "regression", or "auto" for what `decide_task` says.
        drop: columns that are not to be features.
        keep: the only columns that are to be features; none: all.

    Returns:
        The table of the rows that have a target, which is text, int64 or bool for classes and float64 for values.

    Raises:
        JaxnnError: naming `file:line:column` or the column: unknown, constant or identifier-like target, value that is
            no finite number, fewer than two rows, unknown column, no column left.

    >>> from jaxnn.data.csvfile import parse
    >>> table = to_table(parse(b"x,kind\n1,a\n2,b\n3,b\n4,a\n", "tiny.csv"), "kind")
    >>> table, table.target.tolist()
    (Table(4 rows, 1 columns, target 'kind'), ['a', 'b', 'b', 'a'])
    """
    known_column("target", target, raw.columns)
    left_out = _left_out(raw, target, drop, keep)
    without = {target, *(column.name for column in left_out)}
    features = tuple(name for name in raw.columns if name not in without)
    if not features:
        fail(place(raw.source), f"no column beside the target {shown(target)}", "at least one column of features")
    found = cells.target_values(raw, target, task)
    if len(found.rows) < 2:
        fail(place(raw.source), "one row", "at least two rows to learn from, and more to test on")
    values = _checked_target(raw, target, found, task)
    notes = raw.notes
    if len(found.rows) < len(raw):
        gone = len(raw) - len(found.rows)
        notes = (*notes, f"{gone:,} row{'' if gone == 1 else 's'} without a {target} left out")
    frame = raw.cells[list(features)]
    frame = frame if len(found.rows) == len(raw) else frame[found.rows]
    about = f"{len(found.rows)} rows of {len(features)} columns from {raw.source}"
    return Table(features, frame, values, target, None, about, raw.source, raw.sha256, raw, found.rows, left_out, notes)


def features_for(
    data: RawTable | Table, preprocessing: Preprocessing | Pixels
) -> tuple["np.ndarray | polars.DataFrame", tuple[str, ...]]:
    r"""Take from new data the columns that a trained model needs, in its order.

    Args:
        data: a file's raw table, or a built-in table.
        preprocessing: of the trained model.

    Returns:
        What `preprocessing.encode` takes, and the names of the columns that were ignored (the target and those that
        the training dropped are not counted as ignored).

    Raises:
        JaxnnError: listing the columns that are missing.

    >>> from jaxnn.data.csvfile import parse
    >>> learnt = Preprocessing.fit(Table(("x", "y"), np.eye(2), np.array([0, 1]), "kind"))
    >>> features, ignored = features_for(parse(b"y,note,x\n1,good,2\n", "new.csv"), learnt)
    >>> features.columns, ignored
    (['x', 'y'], ('note',))
    """
    if isinstance(preprocessing, Pixels) and isinstance(data, Table):
        return preprocessing.features_of(data), ()
    there = set(data.columns)
    missing = [name for name in preprocessing.columns if name not in there]
    if missing:
        _refuse_missing(data, missing, preprocessing)
    used = {*(fate.name for fate in preprocessing.fates), preprocessing.target_name}
    ignored = tuple(name for name in data.columns if name not in used)
    if isinstance(data, RawTable):
        return data.cells[list(preprocessing.columns)], ignored
    if not isinstance(data.features, np.ndarray):
        return data.features[list(preprocessing.columns)], ignored
    where = {name: position for position, name in enumerate(data.columns)}
    return data.features[:, [where[name] for name in preprocessing.columns]], ignored


def target_for(data: RawTable | Table, preprocessing: Preprocessing | Pixels) -> cells.Target:
    r"""Take the known target from new data, to evaluate a trained model on it.

    Args:
        data: a file's raw table, or a built-in table.
        preprocessing: of the trained model; it has the target's name and classes.

    Returns:
        Classes of the type of `preprocessing.classes`, or float64 values; and the rows that have one.

    Raises:
        JaxnnError: if the column is missing, or naming `file:line:column` of a class that the model does not know or of
            a cell that is no number.

    >>> from jaxnn.data.csvfile import parse
    >>> learnt = Preprocessing.fit(Table(("x",), np.array([[0.0], [1.0]]), np.array([0, 1]), "kind"))
    >>> target_for(parse(b"x,kind\n5,1\n6,\n", "new.csv"), learnt)
    Target(values=array([1]), rows=array([0]))
    """
    name = preprocessing.target_name or ""
    if isinstance(data, Table):
        own = isinstance(preprocessing, Pixels)  # images have one target, whatever it is called
        if data.target is None or (data.target_name != name and not own):
            fail(data.source or "table", f"target {shown(data.target_name)}", f"the target {shown(name)}")
        preprocessing.encode_target(data.target)
        return cells.Target(data.target, np.arange(len(data)))
    known_column("target", name, data.columns)
    if preprocessing.classes is None:
        return cells.number_values(data, name)
    return cells.class_values(data, name, preprocessing.classes)


def _left_out(raw: RawTable, target: str, drop: Sequence[str], keep: Sequence[str]) -> tuple[Dropped, ...]:
    dropped = columns_named("--drop", drop, raw.columns)
    kept = columns_named("--keep", keep, raw.columns)
    if target in dropped:
        fail("--drop", f"the target {shown(target)}", "columns of features", "Leave it out of --drop")
    both = [name for name in dropped if name in kept]
    if both:
        fail("--drop and --keep", f"both {listed(both)}", "a column in one of them")
    others = [name for name in raw.columns if keep and name not in kept and name not in dropped and name != target]
    found = dict.fromkeys(dropped, "by --drop") | dict.fromkeys(others, "not in --keep")
    return tuple(Dropped(name, "dropped", found[name]) for name in raw.columns if name in found)


def columns_named(where: str, names: Sequence[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that a user listed; an entry is a name, or several separated by commas.

    Args:
        where: what was being looked for, as its user types it.
        names: as typed.
        columns: the names there are; a name with a comma in it is found too.

    Returns:
        The names.

    Raises:
        JaxnnError: with the nearest name.

    >>> columns_named("--drop", ["a, b", "c,d"], ["a", "b", "c,d"])
    ('a', 'b', 'c,d')
    """
    found: list[str] = []
    for entry in names:
        parts = [entry] if entry in columns else [part.strip() for part in entry.split(",") if part.strip()]
        found += [known_column(where, part, columns) for part in parts]
    return tuple(dict.fromkeys(found))


def types_named(entries: Sequence[str], columns: Sequence[str]) -> dict[str, str]:
    """Return what a user said of columns; an entry is `column=kind`, or several separated by commas.

    Args:
        entries: as typed.
        columns: the names there are.

    Returns:
        Kind by column.

    Raises:
        JaxnnError: if there is no equals sign, or with the nearest name of a column.

    >>> types_named(["zip=categorical,age=numeric", "size=s<m<l"], ["zip", "age", "size"])
    {'zip': 'categorical', 'age': 'numeric', 'size': 's<m<l'}
    """
    found: dict[str, str] = {}
    for entry in entries:
        parts = [entry] if entry.rpartition("=")[0].strip() in columns else entry.split(",")
        for part in filter(str.strip, parts):
            name, sign, kind = part.rpartition("=")
            if not sign:
                fail("--types", shown(part), "a column and its kind, such as zip=categorical")
            found[known_column("--types", name.strip(), columns)] = kind.strip()
    return found


def _checked_target(raw: RawTable, name: str, found: cells.Target, task: str) -> np.ndarray:
    where, values = place(raw.source, 1, name), found.values
    present = np.unique(values)
    if len(present) == 1:
        fail(where, f"the same value, {shown(present[0])}, in every row", "a target that varies")
    if decide_task(values, task) == "regression":
        return typed_target(values, task)[1]
    if len(present) == len(values) < _FEW:
        given = f"too few rows, {len(values)} of {len(present)} classes"
        fail(place(raw.source), given, "at least two rows of each class", "Add rows")
    if len(present) == len(values):
        do = "Choose another target: this column seems to name the rows"
        fail(where, "a different class in every row", "classes of at least two rows each", do)
    return typed_target(values, task)[1]


def _refuse_missing(data: RawTable | Table, missing: list[str], preprocessing: Preprocessing | Pixels) -> None:
    known = set(preprocessing.columns)
    spare = [name for name in data.columns if name not in known]
    near = {name: difflib.get_close_matches(name, spare, n=1) for name in missing[:12]}
    guesses = [f"{shown(name)} may be {shown(found[0])}" for name, found in near.items() if found]
    where = place(data.source, 1) if isinstance(data, RawTable) else place(data.source or "table")
    needed = f"all {len(preprocessing.columns)} columns that the model was trained on"
    fail(where, f"no column {listed(missing)}", needed, "; ".join(guesses))
