"""Dates as people write them in tables, and the numbers that a network can use of them."""

from typing import TYPE_CHECKING

import numpy as np

from jaxnn.data import numerals

if TYPE_CHECKING:
    import polars

FORMATS = (
    "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f", "%Y/%m/%d", "%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%Y.%m.%d",
    "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%Y %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%d/%m/%Y %H:%M",
    "%d.%m.%Y", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y", "%b %d, %Y",
    "%B %d, %Y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%Y%m%d", "%Y%m%dT%H%M%S",
)  # fmt: skip
"""In the order in which they are tried: 04/05/2024, which could be either, is the fifth of April as in pandas."""

TYPED = "typed"
"""The format of a column whose file has a type for dates."""

PARTS = ("year", "month sine", "month cosine", "weekday sine", "weekday cosine", "days", "hour sine", "hour cosine")
"""What becomes of a date: cycles as points on a circle, so that December lies beside January; days since 1970-01-01."""

_ZONE = r"(:\d{2}(\.\d+)?) ?(Z|UTC|[+-]\d{2}:?\d{2})$"
"""A time zone after a time is left out: the hour of the clock says more than that of Greenwich."""

_SHAPE = r"^\d{1,4}[-/. ]([0-9]{1,2}|[A-Za-z]{3,9})[-/. ]\d{1,4}|^[A-Za-z]{3,9} \d{1,2}, \d{4}|^(19|20)\d{6}(T\d{6})?$"


def format_of(texts: "polars.Series") -> tuple[str | None, float]:
    """Find how the dates of a column are written.

    Args:
        texts: the cells that are not missing, without spaces around them.

    Returns:
        A format of `FORMATS` and the share of cells that are dates in it; None where hardly any cell looks like one.

    >>> import polars
    >>> format_of(polars.Series(["31/12/2024", "01/02/2025"]))
    ('%d/%m/%Y', 1.0)
    >>> format_of(polars.Series(["blue", "red"]))
    (None, 0.0)
    """
    if not len(texts) or 2 * int(texts.str.contains(_SHAPE).sum()) < len(texts):
        return None, 0.0
    best, most = None, 0
    for form in FORMATS:
        count = len(texts) - _parsed(texts, form).null_count()
        if count > most:
            best, most = form, count
        if most == len(texts):
            break
    return best, most / len(texts)


def seconds_of(series: "polars.Series", form: str) -> np.ndarray:
    """Return dates as seconds since 1970-01-01 00:00, of the clock as it is written.

    Args:
        series: text, or numbers or dates of a file that has types.
        form: one of `FORMATS`, or `TYPED`.

    Returns:
        float64 (rows,); NaN where there is no date.

    >>> import polars
    >>> seconds_of(polars.Series(["1970-01-02", "soon"]), "%Y-%m-%d").tolist()
    [86400.0, nan]
    """
    import polars

    series = series.alias("cells")  # methods of polars take a column's name such as ^a.*$ for a pattern
    if series.dtype.is_numeric():  # 20241231
        series = numerals.stripped(series)
    if series.dtype == polars.String:
        form = form if form != TYPED else format_of(series.drop_nulls().str.strip_chars())[0] or FORMATS[0]
        moments = _parsed(series.str.strip_chars(), form)
    elif series.dtype == polars.Date or isinstance(series.dtype, polars.Datetime):
        moments = series.dt.replace_time_zone(None) if isinstance(series.dtype, polars.Datetime) else series
        moments = moments.cast(polars.Datetime("us"))
    else:
        return np.full(len(series), np.nan)
    micro = moments.to_physical().cast(polars.Float64).fill_null(np.nan)
    return micro.to_numpy() / 1e6


def parts(seconds: np.ndarray) -> np.ndarray:
    """Return the numbers that a network uses of dates.

    `(sin, cos)(2 pi (month - 1) / 12)`, weekday from Monday over 7, hour over 24.

    Args:
        seconds: float64 (rows,), from `seconds_of`.

    Returns:
        float64 (rows, 8), the columns of `PARTS`; NaN where there is no date.

    >>> parts(np.array([0.0])).round(3).tolist()  # a Thursday
    [[1970.0, 0.0, 1.0, 0.434, -0.901, 0.0, 0.0, 1.0]]
    """
    known = np.isfinite(seconds)
    whole = np.where(known, seconds, 0.0)
    months = (whole * 1e6).astype("datetime64[us]").astype("datetime64[M]").astype(np.int64)
    days = np.floor(whole / 86400)
    found = [1970 + months // 12, *_circle(months % 12, 12), *_circle((days + 3) % 7, 7), days]
    found += _circle((whole - 86400 * days) / 3600, 24)
    made = np.stack([np.asarray(part, np.float64) for part in found], axis=1)  # (rows, 8)
    made[~known] = np.nan
    return made


def _parsed(texts: "polars.Series", form: str) -> "polars.Series":
    import polars

    bare = texts.str.replace(_ZONE, "$1")
    # polars reads 1/2/20 as the year 1, and 1/2/2020 as one of 20
    long = bare.str.contains(r"\d{4}")
    kept = long if "%Y" in form else ~long
    bare = bare.to_frame("text").select(polars.when(kept).then(polars.col("text"))).to_series()
    return bare.str.to_datetime(form, strict=False, exact=True, time_unit="us")


def _circle(position: np.ndarray, length: int) -> list[np.ndarray]:
    angle = 2 * np.pi * position / length
    return [np.sin(angle), np.cos(angle)]
