"""Deciding what a column of the training rows is, and learning what is needed to use it."""

import re
from typing import TYPE_CHECKING

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import dates, numerals
from jaxnn.data.columns import Categories, Column, Date, Dropped, Embedded, Levels, Numeric
from jaxnn.data.ordering import boolean_of, order_of
from jaxnn.data.places import listed, shown
from jaxnn.data.wishes import Wishes

if TYPE_CHECKING:
    import polars

MOST_EMBEDDED = 10_000
"""Categories of an embedded column; rarer ones share a vector. The file keeps their names."""

FEWEST_ROWS = 2
"""Rows of a category that has an input of its own."""

OUTLYING = 8.0
"""Standard deviations from the mean from which on a column has outliers; its z-scores are then robust. On a table with
one cell in a hundred a thousand times too large, R2 went from 0.25 to 0.78 (`scripts/bench tables`)."""

MOSTLY = 0.9
"""Share of a column's cells that must be numbers, or dates, for it to be one: the others count as missing."""

_MOST_ORDINAL = 10
_ENOUGH = 20
"""Rows of which different values in each tell that they name the rows."""

NUMBERS_ROWS = "a different whole number in every row"
"""Why a column of numbers is taken for an identifier."""

_NAMES_ROWS = re.compile(
    r"(^|[^a-z])(id|ids|idx|index|key|uuid|guid|row|rowid|serial|nr|no|number)$|^id([^a-z]|$)", re.IGNORECASE
)
_CAMEL_ID = re.compile(r"[a-z](Id|ID)$")
_COUNTS_TIME = re.compile(
    r"date|day|time|year|month|week|hour|minute|second|season|(^|[^a-z])age|step|^t$", re.IGNORECASE
)
_DATED = re.compile(r"date|day|time", re.IGNORECASE)


def embedding_width(categories: int) -> int:
    """Return how long the vector of a category is where no width was asked for: `ceil(log2(categories + 1))`.

    R2 with 8 from 200 categories was that of 31 (`1.6 k^0.56`) and 50 (`k / 2`) within the noise, in a shorter step.

    Args:
        categories: of the column.

    Returns:
        The width.

    >>> embedding_width(200)
    8
    """
    return categories.bit_length()


def learn_all(frame: "polars.DataFrame", wishes: Wishes) -> list[Column | Dropped]:
    """Decide what each column is, and learn from its cells.

    Args:
        frame: the cells of the training rows.
        wishes: what the user decided.

    Returns:
        The columns in their order.

    Raises:
        JaxnnError: if cells do not suit what the user decided.
    """
    import polars

    plain: dict[str, np.ndarray] = {}
    texts = frame.select(polars.selectors.string()) if frame.width else frame
    if texts.width:
        # most tables are mostly plain numbers: those are read at once
        values, good = numerals.parse_plain(texts)
        codes = np.array(texts.select(polars.all().str.contains(r"^\s*0\d+\s*$").any()).row(0))
        columns = zip(texts.columns, values.T, good & ~codes & ~np.isnan(values).all(axis=0), strict=True)
        plain = {name: column for name, column, readable in columns if readable and not _DATED.search(name)}
    return [
        _number(series.name, plain[series.name], "plain", wishes)
        if series.name in plain and series.name not in wishes.types
        else learn(series, wishes)
        for series in frame
    ]


def learn(series: "polars.Series", wishes: Wishes) -> Column | Dropped:
    """Decide what a column is, and learn from its cells.

    Args:
        series: the cells of the training rows.
        wishes: what the user decided.

    Returns:
        The column, or that it is not used and why.

    Raises:
        JaxnnError: if the cells do not suit what the user decided.

    >>> import polars
    >>> learn(polars.Series("size", ["low", "high", "medium", "low"]), Wishes()).levels
    ('low', 'medium', 'high')
    """
    import polars

    name, wish = series.name, wishes.types.get(series.name)
    texts = numerals.stripped(series)
    present = texts.filter(~polars.Series(numerals.is_missing(texts)))
    if not len(present):
        return Dropped(name, "empty", "no cell has a value")
    dated = series.dtype == polars.Date or isinstance(series.dtype, polars.Datetime)
    if dated and wish in (None, "date"):
        return _date(name, series, dates.TYPED, wishes) or _categories(name, texts, present, wishes)
    if wish is not None:
        return _as_wished(name, series, texts, present, wish, wishes)
    style, share = numerals.style_of(present, wishes.decimal) if series.dtype == polars.String else ("plain", 1.0)
    if series.dtype == polars.Boolean:  # as true and false of a text: the rows to predict may come as one
        return _words(name, texts, present, wishes)
    if series.dtype.is_numeric():
        return _read_number(name, series, style, wishes)
    if share == 1 and _DATED.search(name):
        form, dated_share = dates.format_of(present)
        if form and dated_share == 1:
            return _date(name, series, form, wishes) or _categories(name, texts, present, wishes)
    if share >= MOSTLY and not present.str.contains(r"^0\d+$").any():
        return _read_number(name, series, style, wishes)
    form, share = dates.format_of(present)
    if form and share >= MOSTLY:
        return _date(name, series, form, wishes) or _categories(name, texts, present, wishes)
    return _words(name, texts, present, wishes)


def learn_numbers(
    names: tuple[str, ...], x: np.ndarray, scaling: str = "z-score", pixels: bool = False
) -> tuple[Numeric, ...]:
    """Learn from columns that are numbers already; each is used, whatever is in it.

    Args:
        names: of the columns.
        x: float64 (rows, columns); NaN where missing.
        scaling: one of `wishes.SCALINGS`.
        pixels: whether the columns are those of an image: a bright pixel in a dark corner is no outlier.

    Returns:
        The columns.

    >>> learn_numbers(("x",), np.array([[1.0], [2.0], [3.0], [np.nan]]))[0].fill
    2.0
    """
    missing = np.isnan(x)
    if pixels and not missing.any():
        centers, scales = spread(x, scaling)
        fills, lows, highs = np.median(x, axis=0), x.min(axis=0), x.max(axis=0)
        rows = zip(names, centers, scales, fills.tolist(), lows.tolist(), highs.tolist(), strict=True)
        return tuple(Numeric(*row) for row in rows)
    found = []
    for position, name in enumerate(names):
        known = x[~missing[:, position], position]
        found.append(_numeric(name, known if len(known) else np.zeros(1), scaling, missing[:, position].mean()))
    return tuple(found)


def spread(x: np.ndarray, scaling: str = "z-score") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return center and scale of each column: mean and population standard deviation, or least and range.

    Args:
        x: float64 (rows, columns), finite.
        scaling: one of `wishes.SCALINGS`.

    Returns:
        The centers and the scales; a scale of 0 is given as 1.

    >>> spread(np.array([[1.0], [2.0], [3.0], [4.0]]))
    ((2.5,), (1.118,))
    >>> spread(np.array([[1.0], [2.0], [3.0], [4.0]]), "min-max")
    ((1.0,), (3.0,))
    """
    size = np.abs(x).max(axis=0)
    size[size == 0] = 1.0
    if scaling == "min-max":
        low = x.min(axis=0)
        scales = 2 * (x.max(axis=0) * 0.5 - low * 0.5)
        return tuple(low.tolist()), tuple(np.where(scales == 0, 1.0, np.minimum(scales, _LARGEST)).tolist())
    # Equal numbers are all 1 or -1 here, so that their mean is exact: rounding must not become a spread.
    means = (x / size).mean(axis=0) * size
    # Half differences of numbers of any size are finite, and divided by the largest number they can be squared.
    half = (x * 0.5 - means * 0.5) / size
    with np.errstate(over="ignore"):
        scales = np.minimum(2 * np.sqrt(np.square(half).mean(axis=0)) * size, _LARGEST)
    return tuple(means.tolist()), tuple(np.where(scales == 0, 1.0, scales).tolist())


_LARGEST = np.finfo(np.float64).max


def _as_wished(
    name: str, series: "polars.Series", texts: "polars.Series", present: "polars.Series", wish: str, wishes: Wishes
) -> Column | Dropped:
    if wish == "categorical":
        return _categories(name, texts, present, wishes)
    if "<" in wish or wish == "ordinal":
        known = tuple(word.strip().lower() for word in wish.split("<")) if "<" in wish else None
        order = known or order_of(set(present.str.to_lowercase().unique().to_list()))
        if order is not None:
            return _levels(name, texts, order, "ordinal", wishes)
        if wish == "ordinal" and numerals.style_of(present, wishes.decimal)[1] == 1:
            return _read_number(name, series, numerals.style_of(present, wishes.decimal)[0], wishes, "ordinal")
        given = f"words without a known order, such as {listed(present.unique().sort().to_list(), most=4)}"
        fail(f"types of {shown(name)}", given, "an order", f'Give it: --types "{name}=least < more < most"')
    if wish == "numeric":
        style, share = numerals.style_of(present, wishes.decimal)
        if share < 0.5 and (series.dtype == present.dtype or series.dtype.is_temporal()):
            given = f"cells of which {share:.0%} are numbers, such as {shown(present[0])}"
            fail(f"types of {shown(name)}", given, "mostly numbers", "Leave it out of --types, or choose categorical")
        return _read_number(name, series, style, wishes, "numeric")
    form, share = dates.format_of(present)
    if form is None or share < 0.5:
        given = f"cells such as {shown(present[0])}"
        fail(f"types of {shown(name)}", given, "dates such as 2024-12-31, 31.12.2024 or 12/31/2024")
    return _date(name, series, form, wishes) or _categories(name, texts, present, wishes)


def _read_number(
    name: str, series: "polars.Series", style: str, wishes: Wishes, wish: str | None = None
) -> Column | Dropped:
    return _number(name, numerals.parse(series, style).values, style, wishes, wish)


def _number(name: str, values: np.ndarray, style: str, wishes: Wishes, wish: str | None = None) -> Column | Dropped:
    known = values[~np.isnan(values)]
    missing = 1 - len(known) / len(values)
    if not len(known):
        return Dropped(name, "empty", "no cell has a number")
    distinct = np.unique(known)
    if len(distinct) == 1 and not missing and wish is None:
        return Dropped(name, "constant", f"always {distinct[0]:.6g}")
    whole = bool((known == np.floor(known)).all())
    if wish is None and whole and len(distinct) == len(known) >= _ENOUGH and _numbers_rows(name, known):
        return Dropped(name, "identifier", NUMBERS_ROWS)
    label = wish or "numeric"
    if wish is None and set(distinct.tolist()) <= {0.0, 1.0}:
        label = "Boolean"
    elif wish is None and whole and 3 <= len(distinct) <= _MOST_ORDINAL and len(known) >= 3 * len(distinct):
        label = "ordinal"
    return _numeric(name, known, wishes.scaling, missing, style, label)


def _numeric(
    name: str, known: np.ndarray, scaling: str, missing: float, style: str = "plain", label: str = "numeric"
) -> Numeric:
    (center,), (scale,) = spread(known[:, None], scaling)
    fill, low, high = float(np.median(known)), float(known.min()), float(known.max())
    robust = scaling == "z-score" and max(high - center, center - low) > OUTLYING * scale
    if robust:
        center, scale = fill, _robust_scale(known, scale)
    return Numeric(name, center, scale, fill, low, high, float(missing), style, label, robust)


def _robust_scale(known: np.ndarray, scale: float) -> float:
    """The standard deviation of a normal distribution with the same quartiles; where these are one, of wider ones."""
    for low, high, width in ((25, 75, 1.349), (5, 95, 3.290), (1, 99, 4.653)):
        between = float(np.percentile(known, high) - np.percentile(known, low))
        if 0 < between / width < np.inf:
            return between / width
    return scale


def names_rows(name: str) -> bool:
    """Return whether a column is called as identifiers are.

    Args:
        name: of the column.

    Returns:
        True for id, PassengerId, row number and the like.

    >>> [names_rows(name) for name in ("customer_id", "PassengerId", "time")]
    [True, True, False]
    """
    return _NAMES_ROWS.search(name) is not None or _CAMEL_ID.search(name) is not None


def _numbers_rows(name: str, known: np.ndarray) -> bool:
    """Whether whole numbers that all differ count or name the rows: by the name, or as they rise from 0 or 1 on."""
    if names_rows(name) or _COUNTS_TIME.search(name):
        return names_rows(name)
    return bool((np.diff(known) > 0).all()) and 0 <= known[0] <= 5 and known[-1] - known[0] < 2 * len(known)


def _date(name: str, series: "polars.Series", form: str, wishes: Wishes) -> Date | None:
    """None where nothing varies but whether there is a date: then it is a category."""
    seconds = dates.seconds_of(series, form)
    known = dates.parts(seconds[~np.isnan(seconds)])
    if not len(known):
        return None
    vary = known.min(axis=0) < known.max(axis=0)
    if not vary.any():
        return None
    centers, scales = spread(known[:, vary], wishes.scaling)
    parts = tuple(part for part, varies in zip(dates.PARTS, vary.tolist(), strict=True) if varies)
    return Date(name, form, parts, centers, scales, float(1 - len(known) / len(series)))


def _words(name: str, texts: "polars.Series", present: "polars.Series", wishes: Wishes) -> Column | Dropped:
    small = present.str.to_lowercase()
    words = small.unique() if small.n_unique() <= _ENOUGH else small.head(0)
    if len(words) == 1 and len(present) == len(texts):
        return _constant(name, present)
    if pair := boolean_of(words.to_list()):
        return _levels(name, texts, pair, "Boolean", wishes)
    if order := order_of(words.to_list()):
        return _levels(name, texts, order, "ordinal", wishes)
    distinct = present.n_unique() / len(present)
    length, spaces = present.str.len_chars().mean(), present.str.count_matches(r"\s+").mean()
    assert isinstance(length, float) and isinstance(spaces, float)
    if distinct > 0.3 and len(present) >= _ENOUGH and (length > 50 or spaces >= 3):
        return Dropped(name, "text", f"free text of {spaces + 1:.0f} words on average")
    if distinct > 0.95 and len(present) >= _ENOUGH:
        return Dropped(name, "identifier", f"{present.n_unique():,} different words in {len(present):,} rows")
    return _categories(name, texts, present, wishes)


def _levels(name: str, texts: "polars.Series", order: tuple[str, ...], label: str, wishes: Wishes) -> Levels:
    first = Levels(name, order, 0.0, 1.0, 0.0, 0.0, label)
    found = first.values(texts)[0][:, 0]
    known = found[~np.isnan(found)]
    if not len(known):
        fail(f"types of {shown(name)}", f"an order without {shown(texts[0])}", "the words of the column")
    (center,), (scale,) = spread(known[:, None], wishes.scaling)
    missing = float(1 - len(known) / len(found))
    return Levels(name, order, center, scale, float(np.median(known)), missing, label)


def _categories(
    name: str, texts: "polars.Series", present: "polars.Series", wishes: Wishes
) -> Categories | Embedded | Dropped:
    plain = present.str.replace(r"^([+-]?\d+)\.0+$", "$1").alias("word")
    # equally frequent ones by name: the order must not depend on the order of rows
    counts = plain.value_counts(name="rows").sort(["rows", "word"], descending=[True, False])
    kept = counts.filter(counts["rows"] >= FEWEST_ROWS).head(wishes.categories)
    embed = isinstance(wishes.embed, int) or (wishes.embed == "auto" and len(counts) > wishes.categories)
    if not len(kept):
        why = f"{len(counts):,} different words in {len(present):,} rows"
        return Dropped(name, "identifier", why)
    if embed:
        kept = counts.head(MOST_EMBEDDED)
    missing, rest = 1 - len(present) / len(texts), 1 - kept["rows"].sum() / len(present)
    if len(kept) == 1 and not missing and rest <= 0:
        return _constant(name, present)
    other = float(rest * len(present) / len(texts)) if len(kept) < len(counts) else 0.0
    words = tuple(kept["word"].to_list())
    if embed:
        width = wishes.embed if isinstance(wishes.embed, int) else embedding_width(len(words))
        return Embedded(name, words, width, other, float(missing))
    return Categories(name, words, other, float(missing))


def _constant(name: str, present: "polars.Series") -> Dropped:
    return Dropped(name, "constant", f"always {shown(present[0])}")
