"""From the cells of new rows to the inputs of a network, by what was learnt of the columns."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import numerals
from jaxnn.data.columns import Categories, Column, Date, Embedded, Levels, Numeric
from jaxnn.data.places import listed, shown

if TYPE_CHECKING:
    import polars

BEND = 3.0
"""Where the z-scores of a column with outliers end (Holzmüller et al., "Better by default", NeurIPS 2024)."""

SEVERAL = 10
"""Rows from which on a column of mostly unknown words is taken for another column than that of the training."""

Place = Callable[[int, str], str]
"""How messages call the cell of a row, from 0, and a column."""


class Encoded(NamedTuple):
    """The inputs of a network, and what a person should know about the cells that they came from."""

    x: np.ndarray
    """float32 (rows, inputs)."""
    notes: tuple[str, ...]
    """A sentence for each column with cells that could not be taken as they are."""


class _Measured(NamedTuple):
    """The values of some rows that are to be scaled, and where they go."""

    values: np.ndarray  # (rows, k), NaN where missing
    column: Column
    position: int  # of the first of its inputs


def encode(columns: Sequence[Column], features: Any, place: Place | None = None) -> Encoded:
    """Return the inputs that a network takes.

    Args:
        columns: what was learnt.
        features: numbers (rows, columns) in their order, NaN where missing, if all columns are numeric; or a table
            with their names: of polars or pandas, or a dict of columns.
        place: how messages call a cell, such as `RawTable.place`; None: by row and column.

    Returns:
        The inputs, and notes.

    Raises:
        JaxnnError: if columns are missing, a number is infinite or too far from those of the training for float32, or
            most cells of a column of numbers or dates are none.

    >>> from jaxnn.data.columns import Categories, Numeric
    >>> columns = [Numeric("age", 40.0, 10.0, 38.0, 20.0, 60.0, missing=0.1), Categories("job", ("cook", "smith"))]
    >>> encode(columns, {"age": ["50", ""], "job": ["smith", "pilot"]})
    Encoded(x=array([[ 1. ,  0. ,  0. ,  1. ],
           [-0.2,  1. ,  0. ,  0. ]], dtype=float32), notes=("job: 1 cell with a category that the training \
did not have, such as 'pilot'",))
    """
    positions = np.cumsum([0, *(len(column.inputs) for column in columns)])
    if isinstance(features, np.ndarray | list) or not (hasattr(features, "columns") or isinstance(features, Mapping)):
        return Encoded(_from_numbers(columns, features, positions, place), ())
    frame = _frame(features, [column.name for column in columns])
    called = place or _named
    x = np.zeros((frame.height, int(positions[-1])), np.float32)
    measured, notes = [], []
    read = _plain_numbers(columns, frame)
    for column, position in zip(columns, positions.tolist(), strict=False):
        series = frame[column.name]
        if isinstance(column, Categories):
            places, unknown = column.places(series)
            rows = np.flatnonzero(places >= 0)
            x[rows, position + places[rows]] = 1
            notes += _unknown_note(column, series, unknown)
            continue
        if isinstance(column, Embedded):
            x[:, position], unknown = column.places(series)
            notes += _unknown_note(column, series, unknown)
            continue
        if column.name in read:
            values = read[column.name]
        else:
            values, odd, infinite = column.values(series)
            _check_cells(column, series, odd, infinite, called)
            notes += _odd_note(column, series, odd)
        measured.append(_Measured(values, column, position))
    _scale_into(x, measured, called)
    return Encoded(x, tuple(notes))


def _plain_numbers(columns: Sequence[Column], frame: "polars.DataFrame") -> dict[str, np.ndarray]:
    """The columns that are plain numbers throughout, read at once."""
    import polars

    plain = [c.name for c in columns if isinstance(c, Numeric) and c.style == "plain"]
    schema = frame.schema  # made anew each time it is asked for
    texts = [name for name in plain if schema[name] == polars.String]
    if not texts:
        return {}
    values, good = numerals.parse_plain(frame[texts])
    return {texts[i]: values[:, i : i + 1] for i in np.flatnonzero(good).tolist()}


def _from_numbers(columns: Sequence[Column], features: Any, positions: np.ndarray, place: Place | None) -> np.ndarray:
    words = next((column for column in columns if not isinstance(column, Numeric)), None)
    if words is not None:
        do = "Give a table of polars or pandas, or a dict of columns"
        fail("features", "an array", f"columns with names, because {shown(words.name)} is {words.label}", do)
    try:
        x = np.asarray(features, dtype=np.float64)
    except (TypeError, ValueError):
        fail("features", "what is no array of numbers", f"(rows, {len(columns)}) numbers")
    if x.ndim != 2 or x.shape[1] != len(columns):
        fail("features", f"shape {x.shape}", f"(rows, {len(columns)})")
    called = place or _named
    if np.isinf(x).any():
        row, column = np.argwhere(np.isinf(x))[0]
        fail(called(int(row), columns[column].name), f"{x[row, column]}", "a finite number")
    out = np.zeros((len(x), int(positions[-1])), np.float32)
    plain = not any(column.robust for column in columns if isinstance(column, Numeric))
    if plain and not np.isnan(x).any() and len(columns) == positions[-1]:
        names = [column.name for column in columns]
        centers, scales, _ = (np.array(part) for part in zip(*(_scaling(column) for column in columns), strict=True))
        return z_scores(x, names, centers[:, 0], scales[:, 0], called)
    values = [_Measured(x[:, i : i + 1], c, int(positions[i])) for i, c in enumerate(columns)]
    _scale_into(out, values, called)
    return out


def _scaling(column: Column) -> tuple[Any, Any, Any]:
    assert not isinstance(column, Categories | Embedded)
    return column.scaling


def _scale_into(x: np.ndarray, measured: list[_Measured], called: Place) -> None:
    """Scale all measured values at once and put them into their inputs, with the indicators of missing ones."""
    if not measured:
        return
    targets, names, parts, robust = [], [], [], []
    for values, column, position in measured:
        missing = np.isnan(values[:, 0])
        width = values.shape[1]
        if column.missing:
            x[:, position + width] = missing
        targets += range(position, position + width)
        names += [column.name] * width
        robust += [isinstance(column, Numeric) and column.robust] * width
        parts.append(_scaling(column))
    centers, scales, fills = (np.concatenate([np.asarray(part[i]) for part in parts]) for i in range(3))
    values = np.concatenate([entry.values for entry in measured], axis=1)  # (rows, all measured values)
    values = np.where(np.isnan(values), fills, values)
    x[:, targets] = z_scores(values, names, centers, scales, called, np.array(robust))


def z_scores(
    x: np.ndarray, names: Sequence[str], centers: Any, scales: Any, called: Place, robust: np.ndarray | None = None
) -> np.ndarray:
    """Return `z = (x - center) / scale` in float32, or raise naming the row and the column.

    Args:
        x: float64 (rows, columns), finite.
        names: of the columns.
        centers, scales: one for each column.
        called: how messages call a cell.
        robust: bool (columns,), which are bent towards 3 and -3: `z / sqrt(1 + (z / 3)^2)`; None: no column.

    Returns:
        float32 (rows, columns).

    Raises:
        JaxnnError: if a z-score exceeds float32.

    >>> z_scores(np.array([[3.0]]), ["x"], (1.0,), (2.0,), lambda row, name: name)
    array([[1.]], dtype=float32)
    """
    center, scale = np.array(centers), np.array(scales)
    with np.errstate(over="ignore", invalid="ignore"):
        z = (x - center) / scale
        # where the difference alone overflows, the quotients need not
        z = np.where(np.isfinite(z), z, x / scale - center / scale)
        if robust is not None and robust.any():
            # hypot, because squares of large numbers overflow
            z[:, robust] = np.where(np.isinf(z), np.sign(z) * BEND, BEND * z / np.hypot(BEND, z))[:, robust]
        short = z.astype(np.float32)
    finite = np.isfinite(short)
    if not finite.all():
        row, column = (int(position) for position in np.argwhere(~finite)[0])
        needed = "a number nearer to the training rows: its z-score exceeds float32"
        fail(called(row, names[column]), f"{x[row, column]}", needed)
    return short


def _named(row: int, column: str) -> str:
    return f"features, row {row}, {shown(column)}"


def _frame(features: Any, names: list[str]) -> "polars.DataFrame":
    import polars

    there = set(features.keys() if isinstance(features, Mapping) else map(str, features.columns))
    missing = [name for name in names if name not in there]
    if missing:
        fail("features", f"no column {listed(missing)}", f"all {len(names)} columns that the model was trained on")
    if isinstance(features, polars.DataFrame):
        return features[names]  # not `select`, for which ^a.*$ is a pattern
    return polars.DataFrame([polars.Series(name, list(features[name]), strict=False) for name in names])


def _check_cells(column: Column, series: "polars.Series", odd: np.ndarray, infinite: np.ndarray, called: Place) -> None:
    if infinite.any():
        row = int(infinite.argmax())
        fail(called(row, column.name), shown(series[row]), "a finite number, at most 1.79e308 in size")
    # a few stray words are missing values; if most cells are none, it is another column than that of the training
    present = ~numerals.is_missing(numerals.stripped(series))
    if isinstance(column, Numeric | Date) and 2 * odd.sum() > present.sum():
        row = int(odd.argmax())
        if isinstance(column, Date):
            fail(called(row, column.name), shown(series[row]), f"a date, written {column.form}")
        written = "" if column.style == "plain" else f" written with {column.style}"
        do = "Write it in plain digits, or leave the cell empty"
        fail(called(row, column.name), shown(series[row]), f"a number{written}", do)
    if isinstance(column, Levels) and len(odd) >= SEVERAL and 2 * odd.sum() > present.sum():
        row = int(odd.argmax())
        fail(called(row, column.name), shown(series[row]), f"one of {listed(column.levels)}, as in the training")


def _odd_note(column: Column, series: "polars.Series", odd: np.ndarray) -> list[str]:
    if not odd.any():
        return []
    kind = "number" if isinstance(column, Numeric) else "date" if isinstance(column, Date) else "known word"
    count = int(odd.sum())
    cells = "1 cell that is" if count == 1 else f"{count:,} cells that are"
    verb = "counts" if count == 1 else "count"
    return [f"{column.name}: {cells} no {kind} {verb} as missing, such as {shown(series[int(odd.argmax())])}"]


def _unknown_note(column: Categories | Embedded, series: "polars.Series", unknown: np.ndarray) -> list[str]:
    count = int(unknown.sum())
    # rare ones are a part of the data; where most are, it may be another spelling, or another column
    tolerated = (1 + column.other) / 2 if column.other or isinstance(column, Embedded) else 0
    if count <= len(unknown) * tolerated:
        return []
    cells = "1 cell" if count == 1 else f"{count:,} cells"
    word = shown(series[int(unknown.argmax())])
    if column.other:
        return [f"{column.name}: {cells} with a category that is none of the model's, such as {word}, taken as other"]
    return [f"{column.name}: {cells} with a category that the training did not have, such as {word}"]
