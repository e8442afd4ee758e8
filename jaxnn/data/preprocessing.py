"""What was learnt about the columns of the training rows: how to scale them, and what the classes are."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.data.places import listed, place, shown
from jaxnn.data.table import Table
from jaxnn.data.targets import typed_target


class Fate(NamedTuple):
    """What became of one column of the table, in words."""

    name: str
    kind: str
    """numeric, Boolean, categorical, ordinal, date; or, of a column that is not used, constant, identifier, text ..."""
    became: str
    """Such as "1 input" or "dropped"."""
    note: str
    """Numbers that people want to see: range, categories, share of missing cells; or why it was dropped."""


_Place = Callable[[int, str], str]
"""How messages call the cell of a row, from 0, and a column."""

_FIELDS = ("columns", "means", "scales", "classes", "target_name", "target_mean", "target_scale")


@config
class Preprocessing:
    """Z-scores of the features, and the classes or the z-score of the target, as learnt from training rows.

    `z = (x - mean) / scale`, where scale is the population standard deviation, or 1 for a constant column.

    Args:
        columns: names of the features.
        means, scales: one for each column, in its unit; scales are positive.
        classes: the classes in the order of the network's outputs, all text, all int or all bool; None for regression.
        target_name: name of the target column.
        target_mean, target_scale: of the target of a regression, in its unit; None for classes.

    Raises:
        JaxnnError: if lengths differ, a name or class occurs twice, a number is not finite or a scale not positive.

    >>> table = Table(("x",), np.array([[1.0], [2.0], [3.0], [4.0]]), np.array(["b", "a", "b", "a"]), "kind")
    >>> learnt = Preprocessing.fit(table)
    >>> learnt.classes, learnt.transform(table.features).ravel()
    (('a', 'b'), array([-1.3416408, -0.4472136,  0.4472136,  1.3416408], dtype=float32))
    """

    columns: tuple[str, ...]
    means: tuple[float, ...]
    scales: tuple[float, ...]
    classes: tuple[str | int | bool, ...] | None = None
    target_name: str | None = None
    target_mean: float | None = None
    target_scale: float | None = None

    def __post_init__(self) -> None:
        _check_names("columns", self.columns)
        for field in ("means", "scales"):
            _check_numbers(field, getattr(self, field), len(self.columns), positive=field == "scales")
        if self.target_name is not None and not isinstance(self.target_name, str):
            fail("preprocessing.target_name", shown(self.target_name), "text")
        _check_text("target_name", (self.target_name,))
        values = (self.target_mean, self.target_scale)
        if self.classes is not None:
            _check_classes(self.classes)
            if values != (None, None):
                fail("preprocessing.target_mean", shown(values), "no target_mean and no target_scale beside classes")
        elif values != (None, None):
            _check_numbers("target_mean", (self.target_mean,), 1)
            _check_numbers("target_scale", (self.target_scale,), 1, positive=True)

    def __repr__(self) -> str:
        columns = f"{len(self.columns)} column{'' if len(self.columns) == 1 else 's'}"
        learnt = "values" if self.classes is None else f"{len(self.classes)} classes"
        return f"Preprocessing({columns}, {learnt}{f' of {place(self.target_name)}' if self.target_name else ''})"

    @classmethod
    def fit(cls, table: Table, task: str = "auto") -> "Preprocessing":
        """Learn means, scales and classes from training rows (and from no others: test rows must stay unseen).

        Args:
            table: the training rows, with a target.
            task: "classification", "regression", or "auto" for what `decide_task` says.

        Returns:
            The preprocessing; classes are sorted.

        Raises:
            JaxnnError: if the table has no rows or no target, or its target does not suit the task.
        """
        if not len(table):
            fail("table", "no rows", "the training rows")
        if table.target is None:
            fail("table", "no target", "a table whose target is known")
        means, scales = _z_scores(table.features)
        known = {"columns": table.columns, "means": means, "scales": scales, "target_name": table.target_name}
        task, target = typed_target(table.target, task)
        if task == "classification":
            return cls(**known, classes=tuple(np.unique(target).tolist()))
        (mean,), (scale,) = _z_scores(target[:, None])
        return cls(**known, target_mean=mean, target_scale=scale)

    @property
    def fates(self) -> tuple[Fate, ...]:
        """Return what became of each column, in the order of the table."""
        rows = zip(self.columns, self.means, self.scales, strict=True)
        return tuple(
            Fate(name, "numeric", "1 input", f"mean {mean:.4g}, spread {scale:.4g}") for name, mean, scale in rows
        )

    @property
    def task(self) -> str:
        """Return "classification" if there are classes, else "regression"."""
        return "regression" if self.classes is None else "classification"

    def transform(self, features: Any, place: Callable[[int, str], str] | None = None) -> np.ndarray:
        """Return the z-scores `(x - mean) / scale` of features.

        Args:
            features: numbers (rows, columns), the columns in the order of `columns`.
            place: how messages call the cell of a row (from 0) and a column, such as `RawTable.place`; None: by these.

        Returns:
            float32 (rows, columns).

        Raises:
            JaxnnError: if the number of columns differs, a feature is not finite, or its z-score exceeds float32.
        """
        try:
            x = np.asarray(features, dtype=np.float64)
        except (TypeError, ValueError):
            fail("features", "what is no array of numbers", f"(rows, {len(self.columns)}) numbers")
        if x.ndim != 2 or x.shape[1] != len(self.columns):
            fail("features", f"shape {x.shape}", f"(rows, {len(self.columns)})")
        return _z32("features", x, self.columns, self.means, self.scales, place)

    def encode_target(self, target: Any) -> np.ndarray:
        """Return what a loss takes: the index of each class, or the z-scored target.

        Args:
            target: (rows,) classes or values.

        Returns:
            int32 (rows,) indices into `classes`, or float32 (rows,).

        Raises:
            JaxnnError: if a class is unknown or a value is not a finite number.

        >>> Preprocessing(("x",), (0.0,), (1.0,), classes=("no", "yes")).encode_target(["yes", "no"]).tolist()
        [1, 0]
        """
        if self.classes is not None:
            return _indices(np.asarray(target), self.classes)
        mean, scale = self._target_scaling()
        values = np.asarray(target)
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            fail("target", f"{values.dtype} of shape {values.shape}", "numbers of shape (rows,)")
        return _z32("target", values[:, None].astype(np.float64), ("value",), (mean,), (scale,))[:, 0]

    def decode_classes(self, indices: Any) -> np.ndarray:
        """Return the classes of indices.

        Args:
            indices: int (rows,), from 0.

        Returns:
            (rows,) of text, int or bool.

        Raises:
            JaxnnError: if there are no classes or an index is out of range.

        >>> Preprocessing(("x",), (0.0,), (1.0,), classes=("no", "yes")).decode_classes([1, 0]).tolist()
        ['yes', 'no']
        """
        if self.classes is None:
            fail("decode_classes", "the preprocessing of a regression", "classes")
        chosen = np.asarray(indices)
        if chosen.size and (chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= len(self.classes)):
            fail("indices", f"{chosen.dtype} outside the classes", f"whole numbers from 0 to {len(self.classes) - 1}")
        return np.array(self.classes)[chosen.astype(np.intp)]

    def decode_values(self, values: Any) -> np.ndarray:
        """Return z-scored predictions in the unit of the target: `z * scale + mean`.

        Args:
            values: any shape.

        Returns:
            float64 of the same shape.

        Raises:
            JaxnnError: if there are classes.

        >>> learnt = Preprocessing(("x",), (0.0,), (1.0,), target_mean=152.0, target_scale=77.0)
        >>> learnt.decode_values([0.0, 1.0]).tolist()
        [152.0, 229.0]
        """
        mean, scale = self._target_scaling()
        return np.asarray(values, dtype=np.float64) * scale + mean

    def _target_scaling(self) -> tuple[float, float]:
        if self.target_mean is None or self.target_scale is None:
            fail("preprocessing", "no mean and scale of a target", "the preprocessing of a regression")
        return self.target_mean, self.target_scale

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, text and numbers; `from_json` gives back an equal object, to the last bit.

        Returns:
            What `json.dumps` takes, with every field.
        """
        values = {name: getattr(self, name) for name in _FIELDS}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}

    @classmethod
    def from_json(cls, document: Any) -> "Preprocessing":
        """Make a preprocessing from what `to_json` returned, checking everything: the document may be hostile.

        Args:
            document: what `json.loads` returned.

        Returns:
            The preprocessing.

        Raises:
            JaxnnError: naming the field that has the wrong type, length or value.

        >>> first = Preprocessing(("x",), (0.1,), (1.0,), classes=(False, True))
        >>> Preprocessing.from_json(first.to_json()) == first
        True
        """
        if not isinstance(document, Mapping) or set(document) != set(_FIELDS):
            given = listed([str(key) for key in document]) if isinstance(document, Mapping) else type(document).__name__
            fail("preprocessing", given, f"an object with the fields {', '.join(_FIELDS)}")
        fields = dict(document)
        for name in ("columns", "means", "scales", "classes"):
            if isinstance(fields[name], list):
                fields[name] = tuple(fields[name])
            elif name != "classes" or fields[name] is not None:
                fail(f"preprocessing.{name}", type(fields[name]).__name__, "a list")
        for name in ("means", "scales"):  # JSON writers may drop the point of 2.0
            fields[name] = tuple(_as_float(value) for value in fields[name])
        for name in ("target_mean", "target_scale"):
            fields[name] = _as_float(fields[name])
        return cls(**fields)


def _as_float(value: Any) -> Any:
    """A float for an int that has one; everything else is left for the checks to refuse."""
    small = isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
    return float(value) if small else value


def _check_names(field: str, names: Any) -> None:
    if not isinstance(names, tuple) or not names or not all(isinstance(name, str) for name in names):
        fail(f"preprocessing.{field}", shown(names), "a tuple of at least one name")
    _check_text(field, names)
    if len(set(names)) < len(names):
        fail(f"preprocessing.{field}", "a name more than once", "a different name for each column")


def _check_text(field: str, names: Any) -> None:
    """JSON can spell half a surrogate pair, which no terminal and no file in UTF-8 can show."""
    for name in names:
        if isinstance(name, str) and any("\ud800" <= letter <= "\udfff" for letter in name):
            fail(f"preprocessing.{field}", shown(name), "text that UTF-8 can encode")


def _check_numbers(field: str, values: Any, count: int, positive: bool = False) -> None:
    where = f"preprocessing.{field}"
    if not isinstance(values, tuple) or len(values) != count:
        fail(where, shown(values), f"a tuple of {count} numbers")
    for value in values:
        if not isinstance(value, float) or not math.isfinite(value) or (positive and value <= 0):
            fail(where, shown(value), "a positive finite number" if positive else "a finite number")


def _check_classes(classes: Any) -> None:
    where = "preprocessing.classes"
    kinds = {type(value) for value in classes} if isinstance(classes, tuple) else set()
    if len(kinds) != 1 or not kinds <= {str, int, bool}:
        fail(where, shown(classes), "a tuple of classes that are all text, all int or all bool")
    _check_text("classes", classes)
    if len(set(classes)) < len(classes):
        fail(where, "a class more than once", "a different name for each class")
    if kinds == {int} and max(abs(value) for value in classes) >= 2**63:
        fail(where, "a whole number beyond 64 bits", "whole numbers of at most 64 bits")


def _z_scores(x: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and population standard deviation of each column, without overflow up to the largest float."""
    size = np.abs(x).max(axis=0)
    size[size == 0] = 1.0
    # Equal numbers are all 1 or -1 here, so that their mean is exact: rounding must not become a spread.
    means = (x / size).mean(axis=0) * size
    # Half differences of numbers of any size are finite, and divided by the largest number they can be squared.
    half = (x * 0.5 - means * 0.5) / size
    scales = 2 * np.sqrt(np.square(half).mean(axis=0)) * size
    return tuple(means.tolist()), tuple(np.where(scales == 0, 1.0, scales).tolist())


def _z32(
    where: str, x: np.ndarray, columns: tuple[str, ...], means: Any, scales: Any, called: _Place | None = None
) -> np.ndarray:
    """`(x - mean) / scale` in float32, finite or an error that names the row and the column."""
    named = called or (lambda row, column: f"{where}, row {row}, {shown(column)}")
    _check_finite(named, x, x, columns, "a finite number")
    center, scale = np.array(means), np.array(scales)
    with np.errstate(over="ignore", invalid="ignore"):
        z = (x - center) / scale
        # where the difference alone overflows, the quotients need not
        short = np.where(np.isfinite(z), z, x / scale - center / scale).astype(np.float32)
    _check_finite(named, short, x, columns, "a number nearer to the training rows: its z-score exceeds float32")
    return short


def _check_finite(called: _Place, z: np.ndarray, given: np.ndarray, columns: tuple[str, ...], needed: str) -> None:
    finite = np.isfinite(z)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        fail(called(int(row), columns[column]), f"{given[row, column]}", needed)


def _indices(target: np.ndarray, classes: tuple[str | int | bool, ...]) -> np.ndarray:
    known = {value: index for index, value in enumerate(classes)}
    whole = target.dtype.kind == "f" and isinstance(classes[0], int)
    present, inverse = np.unique(target, return_inverse=True)
    kinds = (bool,) if isinstance(classes[0], bool) else (int, float) if whole else (type(classes[0]),)
    for value in present.tolist():
        # True == 1 in a dict: the type has to agree too
        if type(value) not in kinds or value not in known:
            fail("target", shown(value), f"one of the classes {listed(classes)}")
    order = np.array([known[value] for value in present.tolist()], dtype=np.int32)
    return order[inverse.reshape(target.shape)] if len(present) else np.zeros(target.shape, np.int32)
