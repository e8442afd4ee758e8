"""A table of numbers with a target: what every reader and generator of data returns."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.places import listed, shown


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of numeric features and, where known, what is to be predicted.

    Args:
        columns: names of the features, unique.
        features: float64 (rows, columns), finite.
        target: (rows,): text, int or bool where rows have classes, float64 where they have values; None if unknown.
        target_name: name of the target column.
        image_shape: (height, width) where the columns of a row are the pixels of one image, row by row.
        description: one sentence.
        source: what the user typed: a built-in name or a path.
        sha256: of the bytes read, in hex.

    Raises:
        JaxnnError: if shapes or lengths disagree, a name occurs twice, or a feature is not finite.

    >>> Table(("length",), np.array([[1.0], [2.0]]), np.array(["short", "long"]), "size")
    Table(2 rows, 1 columns, target 'size')
    """

    columns: tuple[str, ...]
    features: np.ndarray
    target: np.ndarray | None = None
    target_name: str | None = None
    image_shape: tuple[int, ...] | None = None
    description: str = ""
    source: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        object.__setattr__(self, "features", _float64(self.features))
        _check_features(self.columns, self.features)
        if self.target is not None:
            object.__setattr__(self, "target", _checked_target(self.target, len(self)))
        if self.image_shape is not None and np.prod(self.image_shape) != len(self.columns):
            fail("Table.image_shape", f"{self.image_shape}", f"a shape of {len(self.columns)} pixels, one a column")

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.features.shape[0]

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
        return replace(self, features=self.features[indices], target=target)

    def record(self, row: int) -> dict[str, str]:
        """Return one row as people read it.

        Args:
            row: its number, from 0.

        Returns:
            The cell of each feature as text, by the name of the column; "" where it is missing.

        >>> Table(("length",), np.array([[1.5]])).record(0)
        {'length': '1.5'}
        """
        return {name: f"{value:g}" for name, value in zip(self.columns, self.features[row], strict=True)}


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
    finite = np.isfinite(features)
    if not finite.all():
        row, column = np.argwhere(~finite)[0]
        fail(f"Table.features, row {row}, {columns[column]}", f"{features[row, column]}", "a finite number")
