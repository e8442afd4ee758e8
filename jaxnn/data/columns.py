"""The kinds of column that a network can use: what was learnt from the training rows, and what each then gives."""

import math
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.data import dates, numerals
from jaxnn.data.ordering import BOOLEANS
from jaxnn.data.places import listed, shown

if TYPE_CHECKING:
    import polars


WIDEST = 1024
"""Numbers in the vector of a category."""


class Fate(NamedTuple):
    """What became of one column of the table, in words."""

    name: str
    kind: str
    """numeric, Boolean, categorical, ordinal, date; or, of a column that is not used, constant, identifier, text ..."""
    became: str
    """Such as "1 input" or "dropped"."""
    note: str
    """Numbers that people want to see: range, categories, share of missing cells; or why it was dropped."""


class _OneValue:
    """What the columns of one measured value have in common."""

    @property
    def inputs(self: Any) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return (self.name, *_indicator(self))

    @property
    def scaling(self: Any) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Center, scale and fill of each measured value."""
        return (self.center,), (self.scale,), (self.fill,)


@config
class Numeric(_OneValue):
    """A number: `z = (x - center) / scale`, and 1 for a missing value where the training had some.

    Args:
        name: of the column.
        center, scale: mean and population standard deviation, or least and range; scale is positive.
        fill: what stands for a missing value, the median.
        low, high: the range in the training.
        missing: share of the training rows without a value, cells that are no number among them.
        style: how its numbers are written, one of `numerals.STYLES`.
        label: numeric, ordinal (few whole numbers) or Boolean (0 and 1): for people, it changes nothing.
        robust: whether center and scale are the median and what quartiles say of the spread, and z is bent towards
            3 and -3, `z / sqrt(1 + (z / 3)^2)`: of a column with outliers.
    """

    name: str
    center: float
    scale: float
    fill: float
    low: float
    high: float
    missing: float = 0.0
    style: str = "plain"
    label: str = "numeric"
    robust: bool = False

    def __post_init__(self) -> None:
        _check(self, positive=("scale",))
        if self.style not in numerals.STYLES:
            fail(f"column {shown(self.name)}", shown(self.style), "a known way to write numbers")

    def values(self, series: "polars.Series") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the numbers (rows, 1), NaN where missing; which cells are no number; which are infinite."""
        found = numerals.parse(series, self.style)
        return found.values[:, None], found.odd, found.infinite

    @property
    def fate(self) -> Fate:
        """What became of it."""
        style = self.style.removesuffix(", unit")
        with_unit = ["a currency or percent sign"] if style != self.style else []
        marks = ", ".join([style] * (style != "plain") + with_unit)
        written = f"written with {marks}; " if marks else ""
        middle = f"median {self.center:.4g}, outliers bent in" if self.robust else f"mean {self.center:.4g}"
        note = f"{written}{self.low:.6g} to {self.high:.6g}, {middle}{_missing_note(self, self.fill)}"
        return Fate(self.name, self.label, _counted(self.inputs), note)


@config
class Levels(_OneValue):
    """Words with an order, such as low, medium, high or no, yes: the place in the order, scaled like a number.

    Args:
        name: of the column.
        levels: in their order, lower case.
        center, scale, fill: of the places, from 0.
        missing: share of the training rows without a value.
        label: ordinal or Boolean.
    """

    name: str
    levels: tuple[str, ...]
    center: float
    scale: float
    fill: float
    missing: float = 0.0
    label: str = "ordinal"

    def __post_init__(self) -> None:
        _check(self, positive=("scale",))
        _check_names(self, self.levels)

    def values(self, series: "polars.Series") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the places (rows, 1), NaN where missing; which cells are no level; nothing is infinite."""
        texts = _category_text(series).str.to_lowercase()
        known = {word: float(place) for place, word in enumerate(self.levels)}
        if self.label == "Boolean":  # the same answer may be yes here and true there
            known = {word: float(place) for pair in (*BOOLEANS, ("0", "1")) for place, word in enumerate(pair)} | known
        found = texts.replace_strict(list(known), list(known.values()), default=math.nan).to_numpy()
        return found[:, None], np.isnan(found) & ~numerals.is_missing(texts), np.zeros(len(found), bool)

    @property
    def fate(self) -> Fate:
        """What became of it."""
        note = " < ".join(self.levels[:8]) + (" < ..." if len(self.levels) > 8 else "")
        return Fate(self.name, self.label, _counted(self.inputs), note + _missing_note(self))


@config
class Categories:
    """Words without an order: one input for each, 1 for the row's own.

    Args:
        name: of the column.
        categories: most frequent first.
        other: share of the training rows with a rarer one; above 0 there is an input for these and for unknown ones.
            Without it an unknown one is 0 in all inputs.
        missing: share of the training rows without a value; above 0 there is an input for these.
    """

    name: str
    categories: tuple[str, ...]
    other: float = 0.0
    missing: float = 0.0
    label: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        _check(self)
        _check_names(self, self.categories)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        named = tuple(f"{self.name} = {category}" for category in self.categories)
        return (*named, *((f"{self.name} = other",) if self.other else ()), *_indicator(self))

    def places(self, series: "polars.Series") -> tuple[np.ndarray, np.ndarray]:
        """Return which input is 1 for each row, -1 for none, int64 (rows,); and which cells are an unknown category."""
        found, missing = _places(self.categories, series)
        unknown = (found < 0) & ~missing
        elsewhere = len(self.categories) if self.other else -1
        found = np.where(unknown | missing, elsewhere, found)
        return np.where(missing & (self.missing > 0), len(self.inputs) - 1, found), unknown

    @property
    def fate(self) -> Fate:
        """What became of it."""
        return Fate(self.name, self.label, _counted(self.inputs), _category_note(self))


@config
class Embedded:
    """Words without an order: one input, the code of the row's own, of which the network learns a vector.

    `code = 0 ... K - 1` of the K categories, K of any other word, K + 1 of a missing one.

    Args:
        name: of the column.
        categories: most frequent first.
        width: of the vectors.
        other: share of the training rows with a rarer one.
        missing: share of the training rows without a value; without any a missing one later counts as another word.
    """

    name: str
    categories: tuple[str, ...]
    width: int
    other: float = 0.0
    missing: float = 0.0
    label: ClassVar[str] = "categorical"

    def __post_init__(self) -> None:
        _check(self)
        _check_names(self, self.categories)
        whole_number(f"column {shown(self.name)}: width", self.width, 1, WIDEST)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The name of the network's input."""
        return (self.name,)

    @property
    def rows(self) -> int:
        """How many codes there are."""
        return len(self.categories) + 1 + bool(self.missing)

    def places(self, series: "polars.Series") -> tuple[np.ndarray, np.ndarray]:
        """Return the code of each row, int64 (rows,); and which cells are an unknown category."""
        found, missing = _places(self.categories, series)
        unknown = (found < 0) & ~missing
        return np.where(missing, self.rows - 1, np.where(unknown, len(self.categories), found)), unknown

    @property
    def fate(self) -> Fate:
        """What became of it."""
        became = f"embedding of width {self.width} from {len(self.categories):,} categories"
        return Fate(self.name, self.label, became, _category_note(self))


@config
class Date:
    """A date: year, month and weekday as points on a circle, days elapsed, hour; each scaled like a number.

    Args:
        name: of the column.
        form: how it is written, one of `dates.FORMATS` or `dates.TYPED`.
        parts: those of `dates.PARTS` that vary in the training.
        centers, scales: one for each part.
        missing: share of the training rows without a date.
    """

    name: str
    form: str
    parts: tuple[str, ...]
    centers: tuple[float, ...]
    scales: tuple[float, ...]
    missing: float = 0.0
    label: ClassVar[str] = "date"

    def __post_init__(self) -> None:
        _check(self, positive=("scales",))
        known = self.form in (*dates.FORMATS, dates.TYPED) and set(self.parts) <= set(dates.PARTS) and self.parts
        if not known or not len(set(self.parts)) == len(self.parts) == len(self.centers) == len(self.scales):
            fail(f"column {shown(self.name)}", "a date of unknown format or parts", "what Preprocessing.fit made")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of the network's inputs."""
        return (*(f"{self.name}: {part}" for part in self.parts), *_indicator(self))

    @property
    def scaling(self) -> tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]:
        """Center, scale and fill of each measured value."""
        return self.centers, self.scales, self.centers

    def values(self, series: "polars.Series") -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the parts (rows, k), NaN where missing; which cells are no date; nothing is infinite."""
        seconds = dates.seconds_of(series, self.form)
        wanted = [dates.PARTS.index(part) for part in self.parts]
        odd = np.isnan(seconds) & ~numerals.is_missing(numerals.stripped(series))
        return dates.parts(seconds)[:, wanted], odd, np.zeros(len(odd), bool)

    @property
    def fate(self) -> Fate:
        """What became of it."""
        written = "" if self.form == dates.TYPED else f"written {self.form}; "
        plain = dict.fromkeys(part.split()[0] for part in self.parts)
        return Fate(
            self.name, self.label, _counted(self.inputs), f"{written}{', '.join(plain)}{_missing_note(self)}"
        )  # fmt: skip


@config
class Dropped:
    """A column that is not used.

    Args:
        name: of the column.
        label: constant, empty, identifier, text; or dropped, by the user.
        why: in a few words.
    """

    name: str
    label: str
    why: str = ""

    def __post_init__(self) -> None:
        _check(self)

    @property
    def fate(self) -> Fate:
        """What became of it."""
        return Fate(self.name, self.label, "dropped", self.why)


Column = Numeric | Levels | Categories | Embedded | Date
"""A column that is used."""


def fields_of(kind: type) -> dict[str, Any]:
    """Return the annotation of each field of a kind of column, by name."""
    return {name: annotation for name, annotation in kind.__annotations__.items() if annotation != ClassVar[str]}


def _check(column: Any, positive: tuple[str, ...] = ()) -> None:
    """Every field of its annotated type, numbers finite, shares within 0 and 1, text that UTF-8 can encode."""
    for name, annotation in fields_of(type(column)).items():
        value = getattr(column, name)
        where = f"column {shown(column.name)}: {name}"
        several = annotation in (tuple[str, ...], tuple[float, ...])
        if several and not isinstance(value, tuple):
            fail(where, shown(value), "a tuple")
        kind = annotation if annotation in (bool, int) else str if annotation in (str, tuple[str, ...]) else float
        for item in value if several else (value,):
            if not isinstance(item, kind) or (isinstance(item, float) and not math.isfinite(item)):
                fail(
                    where,
                    shown(item),
                    {str: "text", bool: "true or false", int: "a whole number"}.get(kind, "a finite number"),
                )
            if isinstance(item, float) and name in positive and item <= 0:
                fail(where, shown(item), "a positive number")
            if isinstance(item, float) and name in _SHARES and not 0 <= item <= 1:
                fail(where, shown(item), "a share from 0 to 1")
            if isinstance(item, str) and any("\ud800" <= letter <= "\udfff" for letter in item):
                fail(where, shown(item), "text that UTF-8 can encode")


_SHARES = ("missing", "other")
_NEEDED = {str: "text", bool: "true or false", int: "a whole number", float: "a finite number"}


def _check_names(column: Any, names: tuple[str, ...]) -> None:
    if not names or len(set(names)) < len(names):
        fail(f"column {shown(column.name)}", "no names, or one more than once", "different names, at least one")


def _category_text(series: "polars.Series") -> "polars.Series":
    """Cells as text; pandas writes the whole numbers of a column with gaps as 1.0."""
    return numerals.stripped(series).str.replace(r"^([+-]?\d+)\.0+$", "$1")


def _places(categories: tuple[str, ...], series: "polars.Series") -> tuple[np.ndarray, np.ndarray]:
    """Which category each cell is, -1 for none, int64 (rows,); and which cells of these are missing."""
    texts = _category_text(series)
    found = texts.replace_strict(list(categories), list(range(len(categories))), default=-1)
    places = found.to_numpy().astype(np.int64)
    return places, numerals.is_missing(texts) & (places < 0)


def _category_note(column: Any) -> str:
    rest = f", {_percent(column.other)} other" if column.other else ""
    return f"{len(column.categories)}: {listed(column.categories, most=5)}{rest}{_missing_note(column)}"


def _indicator(column: Any) -> tuple[str, ...]:
    return (f"{column.name} is missing",) if column.missing else ()


def _missing_note(column: Any, fill: float | None = None) -> str:
    if not column.missing:
        return ""
    return f"; {_percent(column.missing)} missing" + ("" if fill is None else f", taken as {fill:.4g}")


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def _counted(inputs: tuple[str, ...]) -> str:
    return f"{len(inputs)} input{'' if len(inputs) == 1 else 's'}"
