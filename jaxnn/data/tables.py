"""From a file's columns of text to a table that can be trained on, and to the features that a trained model needs."""

import difflib

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import cells
from jaxnn.data.csvfile import RawTable
from jaxnn.data.places import known_column, listed, place, shown
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.table import Table
from jaxnn.data.targets import decide_task, typed_target

_FEW = 10
"""Rows of which a different class in each says nothing about the column, only that there are too few."""


def to_table(raw: RawTable, target: str, task: str = "auto") -> Table:
    r"""Make a table for training: every column but the target is a numeric feature.

    Args:
        raw: what `read_table` read.
        target: name of the column to predict.
        task: "classification", "regression", or "auto" for what `decide_task` says.

    Returns:
        The table, its target text, int64 or bool for classes and float64 for values.

    Raises:
        JaxnnError: naming `file:line:column` or the column: unknown, constant or identifier-like target, class of a
            single row, feature that is not a finite number, missing value, fewer than two rows.

    >>> from jaxnn.data.csvfile import parse
    >>> table = to_table(parse(b"x,kind\n1,a\n2,b\n3,b\n4,a\n", "tiny.csv"), "kind")
    >>> table, table.target.tolist()
    (Table(4 rows, 1 columns, target 'kind'), ['a', 'b', 'b', 'a'])
    """
    known_column("target", target, raw.columns)
    features = tuple(name for name in raw.columns if name != target)
    if not features:
        fail(place(raw.source), f"no column beside the target {shown(target)}", "at least one column of features")
    if len(raw) < 2:
        fail(place(raw.source), "one row", "at least two rows to learn from, and more to test on")
    values = _checked_target(raw, target, cells.target_values(raw, target, task), task)
    numbers = cells.numbers(raw, features)
    about = f"{len(raw)} rows of {len(features)} columns from {raw.source}"
    return Table(features, numbers, values, target, None, about, raw.source, raw.sha256)


def features_for(data: RawTable | Table, preprocessing: Preprocessing) -> tuple[np.ndarray, tuple[str, ...]]:
    r"""Take from new data the columns that a trained model needs, in its order.

    Args:
        data: a file's raw table, or a built-in table.
        preprocessing: of the trained model.

    Returns:
        float64 (rows, columns), not yet scaled, and the names of the columns that were ignored (the target, if it is
        there, is not counted as ignored).

    Raises:
        JaxnnError: listing the columns that are missing, or naming `file:line:column` of a cell that is no number.

    >>> from jaxnn.data.csvfile import parse
    >>> learnt = Preprocessing(("x", "y"), (0.0, 0.0), (1.0, 1.0), classes=(0, 1))
    >>> features, ignored = features_for(parse(b"y,note,x\n1,good,2\n", "new.csv"), learnt)
    >>> features.tolist(), ignored
    ([[2.0, 1.0]], ('note',))
    """
    there = set(data.columns)
    missing = [name for name in preprocessing.columns if name not in there]
    if missing:
        _refuse_missing(data, missing, preprocessing)
    used = {*preprocessing.columns, preprocessing.target_name}
    ignored = tuple(name for name in data.columns if name not in used)
    if isinstance(data, RawTable):
        return cells.numbers(data, preprocessing.columns), ignored
    where = {name: position for position, name in enumerate(data.columns)}
    return data.features[:, [where[name] for name in preprocessing.columns]], ignored


def target_for(data: RawTable | Table, preprocessing: Preprocessing) -> np.ndarray:
    r"""Take the known target from new data, to evaluate a trained model on it.

    Args:
        data: a file's raw table, or a built-in table.
        preprocessing: of the trained model; it has the target's name and classes.

    Returns:
        (rows,) classes of the type of `preprocessing.classes`, or float64 values.

    Raises:
        JaxnnError: if the column is missing, or naming `file:line:column` of a class that the model does not know or of
            a cell that is no number.

    >>> from jaxnn.data.csvfile import parse
    >>> learnt = Preprocessing(("x",), (0.0,), (1.0,), classes=(0, 1), target_name="kind")
    >>> target_for(parse(b"x,kind\n5,1\n6,0\n", "new.csv"), learnt).tolist()
    [1, 0]
    """
    name = preprocessing.target_name or ""
    if isinstance(data, Table):
        if data.target is None or data.target_name != name:
            fail(data.source or "table", f"target {shown(data.target_name)}", f"the target {shown(name)}")
        preprocessing.encode_target(data.target)
        return data.target
    known_column("target", name, data.columns)
    if preprocessing.classes is None:
        return cells.numbers(data, (name,), role="target")[:, 0]
    return cells.class_values(data, name, preprocessing.classes)


def _checked_target(raw: RawTable, name: str, values: np.ndarray, task: str) -> np.ndarray:
    where = place(raw.source, 1, name)
    present, first, counts = np.unique(values, return_index=True, return_counts=True)
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
    if counts.min() == 1:
        rare = first[counts == 1].min()
        given = f"class {shown(values[rare])} in one row only"
        do = "A class of one row cannot be both learnt and tested: remove the row or join the class with another"
        fail(raw.place(int(rare), name), given, "at least two rows of each class", do)
    return typed_target(values, task)[1]


def _refuse_missing(data: RawTable | Table, missing: list[str], preprocessing: Preprocessing) -> None:
    known = set(preprocessing.columns)
    spare = [name for name in data.columns if name not in known]
    near = {name: difflib.get_close_matches(name, spare, n=1) for name in missing[:12]}
    guesses = [f"{shown(name)} may be {shown(found[0])}" for name, found in near.items() if found]
    where = place(data.source, 1) if isinstance(data, RawTable) else place(data.source or "table")
    needed = f"all {len(preprocessing.columns)} columns that the model was trained on"
    fail(where, f"no column {listed(missing)}", needed, "; ".join(guesses))
