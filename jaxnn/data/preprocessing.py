"""What was learnt from the training rows: how columns become a network's inputs, and what the target is."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.data.columnjson import from_json, to_json
from jaxnn.data.columns import Column, Dropped, Embedded, Fate
from jaxnn.data.inputs import Encoded, encode, z_scores
from jaxnn.data.kinds import NUMBERS_ROWS, learn_all, learn_numbers, spread
from jaxnn.data.places import listed, place, shown
from jaxnn.data.table import Table
from jaxnn.data.targets import check_classes, typed_target
from jaxnn.data.wishes import Wishes

_TARGET = ("classes", "target_name", "target_mean", "target_scale", "target_log")


@config
class Preprocessing:
    """How cells become inputs of a network, and its outputs classes or values, as learnt from training rows.

    Numbers are z-scored, `z = (x - mean) / scale`, where scale is the population standard deviation, or 1 for a
    constant column; a missing one is taken as the median, with an input that says so. Categories have an input
    each, or one input with their code, see `Embedded`.

    Args:
        used: the columns that become inputs.
        dropped: those that do not.
        classes: the classes in the order of the network's outputs, all text, all int or all bool; None for regression.
        target_name: name of the target column.
        target_mean, target_scale: of the target of a regression, in its unit or, with `target_log`, of its logarithm;
            None for classes.
        target_log: whether the network learns the logarithm of the target.

    Raises:
        JaxnnError: if a name or class occurs twice, a number is not finite or a scale not positive.

    >>> table = Table(("x",), np.array([[1.0], [2.0], [3.0], [4.0]]), np.array(["b", "a", "b", "a"]), "kind")
    >>> learnt = Preprocessing.fit(table)
    >>> learnt.classes, learnt.transform(table.features).ravel()
    (('a', 'b'), array([-1.3416408, -0.4472136,  0.4472136,  1.3416408], dtype=float32))
    """

    used: tuple[Column, ...]
    dropped: tuple[Dropped, ...] = ()
    classes: tuple[str | int | bool, ...] | None = None
    target_name: str | None = None
    target_mean: float | None = None
    target_scale: float | None = None
    target_log: bool = False

    def __post_init__(self) -> None:
        if not isinstance(self.used, tuple) or not self.used or not all(isinstance(c, Column) for c in self.used):
            fail("preprocessing.used", shown(self.used), "a tuple of at least one column")
        if not isinstance(self.dropped, tuple) or not all(isinstance(c, Dropped) for c in self.dropped):
            fail("preprocessing.dropped", shown(self.dropped), "a tuple of columns that are not used")
        names = [column.name for column in (*self.used, *self.dropped)]
        if len(set(names)) < len(names):
            fail("preprocessing.columns", "a name more than once", "a different name for each column")
        if self.target_name is not None and not isinstance(self.target_name, str):
            fail("preprocessing.target_name", shown(self.target_name), "text")
        _check_text("target_name", (self.target_name,))
        if not isinstance(self.target_log, bool):
            fail("preprocessing.target_log", shown(self.target_log), "true or false")
        values = (self.target_mean, self.target_scale)
        if self.classes is not None:
            _check_classes(self.classes)
            if values != (None, None) or self.target_log:
                fail("preprocessing.target_mean", shown(values), "no target_mean and no target_scale beside classes")
        elif values != (None, None):
            _check_number("target_mean", self.target_mean)
            _check_number("target_scale", self.target_scale, positive=True)

    def __repr__(self) -> str:
        width = f"{len(self.used)} column{'' if len(self.used) == 1 else 's'}"
        learnt = "values" if self.classes is None else f"{len(self.classes)} classes"
        return f"Preprocessing({width}, {learnt}{f' of {place(self.target_name)}' if self.target_name else ''})"

    @classmethod
    def fit(
        cls, table: Table, task: str = "auto", wishes: Wishes | None = None, target_log: bool = False
    ) -> "Preprocessing":
        """Learn columns and target from training rows (and from no others: test rows must stay unseen).

        Args:
            table: the training rows, with a target. Features that are an array are numbers and all used; the columns
                of a file are typed first.
            task: "classification", "regression", or "auto" for what `decide_task` says.
            wishes: what the user decided about columns.
            target_log: True to learn the logarithm of the target of a regression.

        Returns:
            The preprocessing; classes are sorted.

        Raises:
            JaxnnError: if the table has no rows or no target, no column is left, or target or columns do not suit what
                is asked.
        """
        if not len(table):
            fail("table", "no rows", "the training rows")
        if table.target is None:
            fail("table", "no target", "a table whose target is known")
        wishes = replace(wishes or Wishes(), decimal="." if table.raw is None else table.raw.decimal)
        if isinstance(table.features, np.ndarray):
            found: tuple[Any, ...] = learn_numbers(
                table.columns, table.features, wishes.scaling, pixels=table.image_shape is not None
            )
        else:
            found = tuple(learn_all(table.features, wishes))
            counters = [c.name for c in found if isinstance(c, Dropped) and c.why == NUMBERS_ROWS]
            if counters and all(isinstance(column, Dropped) for column in found):
                # better than nothing: x = 1, 2, 3 ... is how a first table is made
                wanted = replace(wishes, types=dict.fromkeys(counters, "numeric") | wishes.types)
                found = tuple(learn_all(table.features, wanted))
        used = tuple(column for column in found if not isinstance(column, Dropped))
        dropped = (*(column for column in found if isinstance(column, Dropped)), *table.left_out)
        if not used:
            said = "; ".join(f"{shown(column.name)}: {column.label}" for column in dropped[:6])
            fail(table.source or "table", f"no column that can be used ({said})", "at least one", "See --types")
        known = {"used": used, "dropped": dropped, "target_name": table.target_name}
        task, target = typed_target(table.target, task)
        if task == "classification":
            return cls(**known, classes=tuple(np.unique(target).tolist()))
        (mean,), (scale,) = spread(_logged(target, table.target_name) if target_log else target[:, None])
        return cls(**known, target_mean=mean, target_scale=scale, target_log=target_log)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns that are used."""
        return tuple(column.name for column in self.used)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return tuple(name for column in self.used for name in column.inputs)

    @property
    def embedded(self) -> tuple[tuple[int, int, int], ...]:
        """Which inputs are codes of categories: `ColumnEmbedding.columns`, (position, rows, width) of each."""
        found, position = [], 0
        for column in self.used:
            found += [(position, column.rows, column.width)] if isinstance(column, Embedded) else []
            position += len(column.inputs)
        return tuple(found)

    @property
    def fates(self) -> tuple[Fate, ...]:
        """What became of each column: those that are used, then the others."""
        return tuple(column.fate for column in (*self.used, *self.dropped))

    @property
    def task(self) -> str:
        """Return "classification" if there are classes, else "regression"."""
        return "regression" if self.classes is None else "classification"

    def check(self, example: tuple[int, ...], task: str | None, width: int | None) -> None:
        """Check that a network takes these inputs and answers with these classes or values.

        Args:
            example: the shape of one example of the network.
            task: what the outputs answer.
            width: how many outputs there are.

        Raises:
            JaxnnError: if it does not.
        """
        if example != (len(self.inputs),):
            given = f"{len(self.inputs)} inputs for examples of shape {example}"
            fail("preprocessing", given, "as many inputs as an example has numbers")
        check_classes(self.classes, task, width)

    def encode(self, features: Any, place: Callable[[int, str], str] | None = None) -> Encoded:
        """Return the inputs that the network takes, and what a person should know about them.

        Args:
            features: if all columns are numeric, numbers (rows, columns) in the order of `columns`, NaN where missing;
                or a table with those names: of polars or pandas, or a dict of columns.
            place: how messages call the cell of a row (from 0) and a column, such as `RawTable.place`; None: by these.

        Returns:
            float32 (rows, inputs), and a sentence for each column with cells that could not be taken as they are.

        Raises:
            JaxnnError: if columns are missing, a number is infinite or too far from those of the training for float32,
                or most cells of a column of numbers or dates are none.
        """
        return encode(self.used, features, place)

    def transform(self, features: Any, place: Callable[[int, str], str] | None = None) -> np.ndarray:
        """Return the inputs that the network takes; see `encode`.

        Args:
            features, place: as for `encode`.

        Returns:
            float32 (rows, inputs).

        Raises:
            JaxnnError: as `encode`.
        """
        return self.encode(features, place).x

    def encode_target(self, target: Any) -> np.ndarray:
        """Return what a loss takes: the index of each class, or the z-scored target.

        Args:
            target: (rows,) classes or values.

        Returns:
            int32 (rows,) indices into `classes`, or float32 (rows,).

        Raises:
            JaxnnError: if a class is unknown, a value is not a finite number, or has no logarithm where that is learnt.

        >>> from jaxnn.data.columns import Numeric
        >>> Preprocessing((Numeric("x", 0.0, 1.0, 0.0, 0.0, 1.0),), classes=("no", "yes")).encode_target(["yes", "no"])
        array([1, 0], dtype=int32)
        """
        if self.classes is not None:
            return _indices(np.asarray(target), self.classes)
        mean, scale = self._target_scaling()
        values = np.asarray(target)
        if values.dtype.kind not in "iuf" or values.ndim != 1:
            fail("target", f"{values.dtype} of shape {values.shape}", "numbers of shape (rows,)")
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            fail(f"target, row {row}", f"{values[row]}", "a finite number")
        values = _logged(values, self.target_name) if self.target_log else values[:, None].astype(np.float64)
        return z_scores(values, ("value",), (mean,), (scale,), lambda row, _: f"target, row {row}")[:, 0]

    def decode_classes(self, indices: Any) -> np.ndarray:
        """Return the classes of indices.

        Args:
            indices: int (rows,), from 0.

        Returns:
            (rows,) of text, int or bool.

        Raises:
            JaxnnError: if there are no classes or an index is out of range.

        >>> from jaxnn.data.columns import Numeric
        >>> learnt = Preprocessing((Numeric("x", 0.0, 1.0, 0.0, 0.0, 1.0),), classes=("no", "yes"))
        >>> learnt.decode_classes([1, 0]).tolist()
        ['yes', 'no']
        """
        if self.classes is None:
            fail("decode_classes", "the preprocessing of a regression", "classes")
        chosen = np.asarray(indices)
        if chosen.size and (chosen.dtype.kind not in "iu" or chosen.min() < 0 or chosen.max() >= len(self.classes)):
            fail("indices", f"{chosen.dtype} outside the classes", f"whole numbers from 0 to {len(self.classes) - 1}")
        return np.array(self.classes)[chosen.astype(np.intp)]

    def decode_values(self, values: Any) -> np.ndarray:
        """Return z-scored predictions in the unit of the target: `z * scale + mean`, or `exp` of it.

        Args:
            values: any shape.

        Returns:
            float64 of the same shape.

        Raises:
            JaxnnError: if there are classes.

        >>> from jaxnn.data.columns import Numeric
        >>> used = (Numeric("x", 0.0, 1.0, 0.0, 0.0, 1.0),)
        >>> Preprocessing(used, target_mean=152.0, target_scale=77.0).decode_values([0.0, 1.0]).tolist()
        [152.0, 229.0]
        """
        mean, scale = self._target_scaling()
        found = np.asarray(values, dtype=np.float64) * scale + mean
        if not self.target_log:
            return found
        with np.errstate(over="ignore"):
            return np.minimum(np.exp(found), np.finfo(np.float64).max)

    def renamed(self, target_name: str) -> "Preprocessing":
        """Return the same with another name for the target."""
        return replace(self, target_name=target_name)  # pyright: ignore[reportArgumentType]  # what @config makes

    def _target_scaling(self) -> tuple[float, float]:
        if self.target_mean is None or self.target_scale is None:
            fail("preprocessing", "no mean and scale of a target", "the preprocessing of a regression")
        return self.target_mean, self.target_scale

    def to_json(self) -> dict[str, Any]:
        """Return plain lists, text and numbers; `from_json` gives back an equal object, to the last bit.

        Returns:
            What `json.dumps` takes, with every field.
        """
        target = {name: getattr(self, name) for name in _TARGET}
        target["classes"] = None if self.classes is None else list(self.classes)
        return {"columns": [to_json(column) for column in (*self.used, *self.dropped)]} | target

    @classmethod
    def from_json(cls, document: Any) -> "Preprocessing":
        """Make a preprocessing from what `to_json` returned, checking everything: the document may be hostile.

        Args:
            document: what `json.loads` returned.

        Returns:
            The preprocessing.

        Raises:
            JaxnnError: naming the field that has the wrong type, length or value.

        >>> from jaxnn.data.columns import Numeric
        >>> first = Preprocessing((Numeric("x", 0.1, 1.0, 0.0, 0.0, 1.0),), classes=(False, True))
        >>> Preprocessing.from_json(first.to_json()) == first
        True
        """
        known = {"columns", *_TARGET}
        if not isinstance(document, Mapping) or set(document) != known:
            given = listed([str(key) for key in document]) if isinstance(document, Mapping) else type(document).__name__
            fail("preprocessing", given, f"an object with the fields {', '.join(sorted(known))}")
        fields = dict(document)
        if not isinstance(fields["columns"], list):
            fail("preprocessing.columns", type(fields["columns"]).__name__, "a list")
        found = [from_json(column) for column in fields.pop("columns")]
        if isinstance(fields["classes"], list):
            fields["classes"] = tuple(fields["classes"])
        elif fields["classes"] is not None:
            fail("preprocessing.classes", type(fields["classes"]).__name__, "a list")
        for name in ("target_mean", "target_scale"):
            value = fields[name]
            fields[name] = float(value) if type(value) is int and abs(value) < 2**63 else value
        used = tuple(column for column in found if not isinstance(column, Dropped))
        return cls(used, tuple(column for column in found if isinstance(column, Dropped)), **fields)


def _logged(target: np.ndarray, name: str | None) -> np.ndarray:
    if target.min() <= 0:
        row = int((target <= 0).argmax())
        do = "Use the linear scale"
        fail(f"target {shown(name)}", f"{target[row]} in row {row}", "positive values, which have a logarithm", do)
    return np.log(target.astype(np.float64))[:, None]


def _check_text(field: str, names: Any) -> None:
    """JSON can spell half a surrogate pair, which no terminal and no file in UTF-8 can show."""
    for name in names:
        if isinstance(name, str) and any("\ud800" <= letter <= "\udfff" for letter in name):
            fail(f"preprocessing.{field}", shown(name), "text that UTF-8 can encode")


def _check_number(field: str, value: Any, positive: bool = False) -> None:
    if not isinstance(value, float) or not math.isfinite(value) or (positive and value <= 0):
        fail(f"preprocessing.{field}", shown(value), "a positive finite number" if positive else "a finite number")


def _check_classes(classes: Any) -> None:
    where = "preprocessing.classes"
    given = {type(value) for value in classes} if isinstance(classes, tuple) else set()
    if len(given) != 1 or not given <= {str, int, bool}:
        fail(where, shown(classes), "a tuple of classes that are all text, all int or all bool")
    _check_text("classes", classes)
    if len(set(classes)) < len(classes):
        fail(where, "a class more than once", "a different name for each class")
    if given == {int} and max(abs(value) for value in classes) >= 2**63:
        fail(where, "a whole number beyond 64 bits", "whole numbers of at most 64 bits")


def _indices(target: np.ndarray, classes: tuple[str | int | bool, ...]) -> np.ndarray:
    known = {value: index for index, value in enumerate(classes)}
    whole = target.dtype.kind == "f" and isinstance(classes[0], int)
    present, inverse = np.unique(target, return_inverse=True)
    types = (bool,) if isinstance(classes[0], bool) else (int, float) if whole else (type(classes[0]),)
    for value in present.tolist():
        # True == 1 in a dict: the type has to agree too
        if type(value) not in types or value not in known:
            fail("target", shown(value), f"one of the classes {listed(classes)}")
    order = np.array([known[value] for value in present.tolist()], dtype=np.int32)
    return order[inverse.reshape(target.shape)] if len(present) else np.zeros(target.shape, np.int32)
