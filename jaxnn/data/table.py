"""A table of features with a target: what every reader and generator of data returns."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.columns import Dropped
from jaxnn.data.places import listed, place, shown

if TYPE_CHECKING:
    import polars

    from jaxnn.data.rawtable import RawTable


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of features and, where known, what is to be predicted.

    Args:
        columns: names of the features, unique.
        features: float64 (rows, columns), NaN where missing; with an `image_shape` uint8 and float32 stay as they are;
            or the cells of a file as they are, a polars frame of these columns.
        target: (rows,): text, int or bool where rows have classes, float64 where they have values; None if unknown.
        target_name: name of the target column.
        image_shape: (height, width) or (height, width, channels) where the columns of a row are the pixels of one
            image, row by row.
        description: one sentence.
        source: what the user typed: a built-in name or a path.
        sha256: of the bytes read, in hex.
        raw: the file that the cells come from, and `origin` (rows,) the row in it of each row here.
        left_out: columns of the file that were not to be features.
        notes: what a person should know about the reading, in sentences.
        names: (rows,) what each row is called, such as the file of an image; None where rows are numbered.

    Raises:
        JaxnnError: if shapes or lengths disagree, a name occurs twice, or a feature is infinite.

    >>> Table(("length",), np.array([[1.0], [2.0]]), np.array(["short", "long"]), "size")
    Table(2 rows, 1 columns, target 'size')
    """

    columns: tuple[str, ...]
    features: "np.ndarray | polars.DataFrame"
    target: np.ndarray | None = None
    target_name: str | None = None
    image_shape: tuple[int, ...] | None = None
    description: str = ""
    source: str = ""
    sha256: str = ""
    raw: "RawTable | None" = None
    origin: np.ndarray | None = None
    left_out: tuple[Dropped, ...] = ()
    notes: tuple[str, ...] = ()
    names: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        if not hasattr(self.features, "get_columns"):  # no polars frame
            # 60,000 images of 28x28 are 47 MB as bytes and 376 MB as float64
            if self.image_shape is None or getattr(self.features, "dtype", None) not in (np.uint8, np.float32):
                object.__setattr__(self, "features", _float64(self.features))
            _check_features(self.columns, np.asarray(self.features))
        if self.target is not None:
            object.__setattr__(self, "target", _checked_target(self.target, len(self)))
        if self.image_shape is not None and np.prod(self.image_shape) != len(self.columns):
            fail("Table.image_shape", f"{self.image_shape}", f"a shape of {len(self.columns)} pixels, one a column")

    def __len__(self) -> int:
        """Return the number of rows."""
        return int(self.features.shape[0])

    def __repr__(self) -> str:
        name = "no target" if self.target is None else f"target {shown(self.target_name)}"
        return f"Table({len(self)} rows, {len(self.columns)} columns, {name})"

    def rows(self, indices: Any) -> "Table":
        """Return the table of some rows, in the order given.

        Args:
            indices: (n,) row numbers from 0, or a Boolean mask (rows,).

        Returns:
            A table of n rows with everything else unchanged.

        >>> table = Table(("length",), np.array([[1.0], [2.0], [3.0]]), np.array([0, 1, 0]), "kind")
        >>> table.rows([2, 0]).features.tolist()
        [[3.0], [1.0]]
        """
        target = None if self.target is None else self.target[indices]
        origin = None if self.origin is None else self.origin[indices]
        names = None if self.names is None else self.names[indices]
        chosen = np.arange(len(self))[indices]
        return replace(self, features=self.features[chosen], target=target, origin=origin, names=names)

    def chosen(self, columns: Sequence[str]) -> "Table":
        """Return the table of some columns; it is no table of images any more.

        Args:
            columns: names of features, in the order wanted, at least one.

        Returns:
            A table with these features.

        Raises:
            JaxnnError: if there is none.

        >>> Table(("a", "b"), np.array([[1.0, 2.0]])).chosen(["b"]).features.tolist()
        [[2.0]]
        """
        if not columns:
            fail("columns", "none", "at least one column of features")
        if list(columns) == list(self.columns):
            return self
        gone = tuple(Dropped(name, "dropped", "by the user") for name in self.columns if name not in columns)
        if isinstance(self.features, np.ndarray):
            features: Any = self.features[:, [self.columns.index(name) for name in columns]]
        else:
            features = self.features[list(columns)]
        return replace(
            self, columns=tuple(columns), features=features, image_shape=None, left_out=(*self.left_out, *gone)
        )

    def as_cells(self) -> "Table":
        """Return the same table with its features as cells, whose columns are typed as those of a file are.

        Returns:
            A table with a polars frame as features; it is no table of images any more.
        """
        import polars

        if not isinstance(self.features, np.ndarray):
            return self
        frame = polars.DataFrame(dict(zip(self.columns, self.features.T, strict=True)))
        return replace(self, features=frame.fill_nan(None), image_shape=None)

    def place(self, row: int, column: str) -> str:
        """Return how messages call a cell: `file:line:column` where the table comes from a file.

        Args:
            row: its number, from 0.
            column: the name of the column.

        Returns:
            The place.

        >>> Table(("length",), np.array([[1.5]])).place(0, "length")
        "features, row 0, 'length'"
        """
        if self.names is not None:
            return place(str(self.names[row]), None, column)
        if self.raw is None or self.origin is None:
            return f"features, row {row}, {shown(column)}"
        return self.raw.place(int(self.origin[row]), column)

    def record(self, row: int) -> dict[str, str]:
        """Return one row as people read it.

        Args:
            row: its number, from 0.

        Returns:
            The cell of each feature as text, by the name of the column; "" where it is missing.

        >>> Table(("length",), np.array([[1.5]])).record(0)
        {'length': '1.5'}
        """
        if isinstance(self.features, np.ndarray):
            values = zip(self.columns, self.features[row].tolist(), strict=True)
            return {name: "" if np.isnan(value) else f"{value:g}" for name, value in values}
        cells = zip(self.columns, self.features.row(row), strict=True)
        return {name: "" if cell is None else str(cell) for name, cell in cells}


def _float64(features: Any) -> np.ndarray:
    try:
        return np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError):
        fail("Table.features", f"an array of {np.asarray(features).dtype}", "numbers")


def _checked_target(target: Any, rows: int) -> np.ndarray:
    values = np.asarray(target)
    if values.dtype == object and len({type(value) for value in values.ravel().tolist()}) == 1:
        values = np.array(values.tolist())  # text as pandas keeps it
    if values.shape != (rows,):
        fail("Table.target", f"shape {values.shape}", f"({rows},), one for each row of features")
    if values.dtype.kind not in "Ubiuf":
        fail("Table.target", f"an array of {values.dtype}", "text, Booleans or numbers, all of one type")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        fail(f"Table.target, row {row}", f"{values[row]}", "a finite number")
    return values


def _check_features(columns: tuple[str, ...], features: np.ndarray) -> None:
    if features.ndim != 2 or features.shape[1] != len(columns):
        fail("Table.features", f"shape {features.shape}", f"(rows, {len(columns)}), one column for each name")
    if len(set(columns)) < len(columns):
        twice = sorted({name for name in columns if columns.count(name) > 1})
        fail("Table.columns", f"{listed(twice)} more than once", "a different name for each column")
    if features.dtype.kind == "f" and (infinite := np.isinf(features)).any():
        row, column = np.argwhere(infinite)[0]
        fail(f"Table.features, row {row}, {columns[column]}", f"{features[row, column]}", "a finite number")
