"""Numbers as people write them in tables: missing values, decimal commas, thousands marks, currencies, percents."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import polars

MISSING = (
    "", "na", "n/a", "#n/a", "n.a.", "<na>", "null", "(null)", "\\n", "none", "nan", "-nan", "nat", "nil", "?", "-",
    "--", ".", "..", "missing", "#value!", "#div/0!", "#ref!", "#num!", "#name?",
)  # fmt: skip
"""Cells that say that a value is not known, in lower case: of pandas, R, SQL, ARFF and spreadsheets."""

INFINITE = ("inf", "+inf", "-inf", "infinity", "+infinity", "-infinity")

PLAIN = r"^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$"
"""A decimal number in any locale: no 1_000, no 0x10, no nan, no thousands marks."""

_UNIT = "$€£¥₹%"
_COMMA = r"[+-]?([0-9]+,?[0-9]*|,[0-9]+)([eE][+-]?[0-9]+)?"
_GROUPS = {
    # a group of three never follows a zero: 0,125 is an eighth
    "thousands comma": r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]*)?",
    "decimal comma, thousands point": r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+(,[0-9]*)?",
    "thousands space": r"[+-]?[1-9][0-9]{0,2}([ '’\u{a0}\u{202f}][0-9]{3})+(\.[0-9]*)?",
    "decimal comma, thousands space": r"[+-]?[1-9][0-9]{0,2}([ '’\u{a0}\u{202f}][0-9]{3})+(,[0-9]*)?",
}
_PATTERNS = {
    "plain": PLAIN,
    "thousands comma": f"{PLAIN}|^{_GROUPS['thousands comma']}$",
    "decimal comma": f"^{_COMMA}$",
    "decimal comma, thousands point": f"^{_COMMA}$|^{_GROUPS['decimal comma, thousands point']}$",
    "thousands space": f"{PLAIN}|^{_GROUPS['thousands space']}$",
    "decimal comma, thousands space": f"^{_COMMA}$|^{_GROUPS['decimal comma, thousands space']}$",
}
"""In the order in which they are tried: of several that fit, the first is meant."""

STYLES = (*_PATTERNS, *(f"{name}, unit" for name in _PATTERNS))
"""How the numbers of a column are written; with "unit", currency and percent signs are left out."""


class Parsed(NamedTuple):
    """What a column of text means as numbers, each (rows,)."""

    values: np.ndarray
    """float64; NaN where there is no number."""
    missing: np.ndarray
    """bool: the cell says that the value is not known."""
    odd: np.ndarray
    """bool: the cell has something else than a number."""
    infinite: np.ndarray
    """bool: a number that is not finite or beyond 1.79e308."""


def unnamed(series: "polars.Series") -> "polars.Series":
    """Return the cells without the name of their column: methods of polars take ^a.*$ for a pattern."""
    return series.alias("cells")


def stripped(series: "polars.Series") -> "polars.Series":
    """Return the cells as text, without spaces around them; null as ""; without a name."""
    import polars

    series = unnamed(series)
    if series.dtype != polars.String:
        series = _as_text(series)
    return series.fill_null("").str.strip_chars(" \t\u00a0")


def is_missing(texts: "polars.Series") -> np.ndarray:
    """Return which cells say that a value is not known.

    Args:
        texts: from `stripped`.

    Returns:
        bool (rows,).

    >>> import polars
    >>> is_missing(polars.Series(["1", "N/A", "", "?"])).tolist()
    [False, True, True, True]
    """
    return texts.str.to_lowercase().is_in(list(MISSING)).to_numpy()


def style_of(texts: "polars.Series", decimal: str = ".") -> tuple[str, float]:
    """Find how the numbers of a column are written.

    Args:
        texts: the cells that are not missing, from `stripped`.
        decimal: "," if a comma rather marks decimals than thousands: 1,085 can be both.

    Returns:
        One of `STYLES` and the share of the cells that are numbers then; of several that fit equally, the plainest.

    >>> import polars
    >>> style_of(polars.Series(["1,5", "2,25", "unknown"]))
    ('decimal comma', 0.667)
    >>> style_of(polars.Series(["$1,200", "$950"]))
    ('thousands comma, unit', 1.0)
    >>> style_of(polars.Series(["1,085", "2,250"])), style_of(polars.Series(["1,085", "2,250"]), ",")
    (('thousands comma', 1.0), ('decimal comma', 1.0))
    """
    best, most = "plain", 0
    likely = ("plain", *(style for style in _PATTERNS if style.startswith("decimal comma"))) if decimal == "," else ()
    for style in dict.fromkeys((*likely, *STYLES)):
        if style == "plain, unit" and not texts.str.contains(f"[{_UNIT}−]").any():
            break  # none of the styles with a unit can do better
        count = int(_bare(texts, style).str.contains(_PATTERNS[_base(style)]).sum())
        if count > most:
            best, most = style, count
        if most == len(texts):
            break
    return best, most / max(len(texts), 1)


def parse(series: "polars.Series", style: str = "plain") -> Parsed:
    """Read a column as numbers.

    Args:
        series: text, numbers or Booleans.
        style: one of `STYLES`, for text.

    Returns:
        Values, and what is none.

    >>> import polars
    >>> parse(polars.Series(["1.234,5", "n/a", "7"]), "decimal comma, thousands point").values.tolist()
    [1234.5, nan, 7.0]
    """
    import polars

    if series.dtype != polars.String:
        return _native(unnamed(series))
    texts = stripped(series)
    missing = is_missing(texts)
    bare = _bare(texts, style)
    good = bare.str.contains(_PATTERNS[_base(style)]).to_numpy()
    values = _plain(bare, _base(style)).cast(polars.Float64, strict=False).fill_null(np.nan).to_numpy(writable=True)
    words = texts.str.to_lowercase().is_in(list(INFINITE)).to_numpy()
    infinite = words | (good & ~np.isfinite(values))
    values[~good | infinite] = np.nan
    return Parsed(values, missing, ~(good | missing | infinite), infinite)


def parse_plain(frame: "polars.DataFrame") -> tuple[np.ndarray, np.ndarray]:
    """Read many columns as numbers at once: one by one, 10,000 columns take ten times as long.

    Args:
        frame: columns of text.

    Returns:
        float64 (rows, columns), NaN where there is no finite number; and bool (columns,): all cells are plain finite
        numbers or missing.
    """
    import polars

    texts = frame.select(polars.all().fill_null("").str.strip_chars(" \t\u00a0"))
    values = texts.cast(polars.Float64, strict=False).fill_null(np.nan).to_numpy(order="c", writable=True)
    good = texts.select(polars.all().str.contains(PLAIN)).to_numpy()
    missing = texts.select(polars.all().str.to_lowercase().is_in(list(MISSING))).to_numpy()
    finite = good & np.isfinite(values)
    values[~finite] = np.nan
    return values, np.logical_and.reduce(finite | missing)


def _base(style: str) -> str:
    return style.removesuffix(", unit")


def _bare(texts: "polars.Series", style: str) -> "polars.Series":
    """Text without currency and percent signs, where the style has them."""
    if not style.endswith(", unit"):
        return texts
    signs = f"[{_UNIT}]"
    plain = texts.str.replace("−", "-", literal=True)
    return plain.str.replace(rf"^([+-]?){signs}\s*", "$1").str.replace(rf"\s*{signs}$", "")


def _plain(texts: "polars.Series", base: str) -> "polars.Series":
    """Numbers of a style as Python writes them."""
    if "comma" not in base and "thousands" not in base:
        return texts
    mark = {"comma": ",", "point": "."}.get(base.rsplit("thousands ", 1)[1] if "thousands" in base else "", "")
    if "space" in base:
        texts = texts.str.replace_all("[ '’\u00a0\u202f]", "")
    elif mark:
        texts = texts.str.replace_all(mark, "", literal=True)
    return texts.str.replace(",", ".", literal=True) if base.startswith("decimal comma") else texts


def _native(series: "polars.Series") -> Parsed:
    """Numbers and Booleans of a file that has types; its dates are no numbers."""
    import polars

    missing = series.is_null().to_numpy().copy()
    if series.dtype.is_temporal():  # polars casts a date to days, and a time to microseconds
        none = np.zeros(len(series), bool)
        return Parsed(np.full(len(series), np.nan), missing, ~missing, none)
    values = series.cast(polars.Float64, strict=False).fill_null(np.nan).to_numpy(writable=True)
    missing |= np.isnan(values)
    infinite = np.isinf(values)
    values[infinite] = np.nan
    return Parsed(values, missing, np.zeros(len(values), bool), infinite)


def _as_text(series: "polars.Series") -> "polars.Series":
    """Typed cells as one would write them: a whole float without its point, so that 1.0 and 1 are one category."""
    import polars

    if series.dtype.is_float():
        series = series.fill_nan(None)
        whole = bool(((series == series.floor()) & (series.abs() < 2**53)).all())
        series = series.cast(polars.Int64) if whole else series
    return series.cast(polars.String)
