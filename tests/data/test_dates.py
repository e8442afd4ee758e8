import datetime as dt
import math

import numpy as np
import polars
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columns import series
from jaxnn.data.dates import FORMATS, PARTS, TYPED, format_of, parts, seconds_of

EPOCH = dt.datetime(1970, 1, 1)
MOMENTS = st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2100, 1, 1))


def seconds(moment):
    """Since 1970, by the standard library."""
    return (moment - EPOCH).total_seconds()


def spelt(moment, form):
    """A date as `datetime` writes it; polars writes fractions of a second as %.f."""
    return moment.strftime(form.replace("%.f", ".%f"))


@pytest.mark.parametrize("form", FORMATS)
@given(moments=st.lists(MOMENTS, min_size=1, max_size=10))
def test_every_format_is_read_as_the_standard_library_wrote_it(form, moments):
    # of two digits polars takes 69 for 2069, the standard library for 1969
    texts = [spelt(moment, form) for moment in moments if "%y" not in form or moment.year % 100 != 69]
    expected = [seconds(dt.datetime.strptime(text, form.replace("%.f", ".%f"))) for text in texts]
    assert seconds_of(series(*texts), form).tolist() == expected


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_recognised_by_days_that_no_other_one_has(form):
    days = [
        dt.datetime(2001, 12, 25, 13, 59, 58, 250_000),
        dt.datetime(2024, 2, 29, 23, 1, 2),
        dt.datetime(1999, 11, 30),
    ]
    found, share = format_of(series(*(spelt(day, form) for day in days)))
    assert share == 1
    same = [spelt(day, form) for day in days]
    assert [dt.datetime.strptime(text, str(found).replace("%.f", ".%f")) for text in same] == [
        dt.datetime.strptime(text, form.replace("%.f", ".%f")) for text in same
    ]


@pytest.mark.parametrize(
    ("cells", "form", "share"),
    [
        (["31/12/2024", "01/02/2025"], "%d/%m/%Y", 1.0),
        (["12/31/2024", "01/02/2025"], "%m/%d/%Y", 1.0),
        (["04/05/2024", "06/07/2024"], "%m/%d/%Y", 1.0),  # either; as pandas has it
        (["4/5/2024", "31/1/2024"], "%d/%m/%Y", 1.0),
        (["1/2/20", "3/4/21"], "%m/%d/%y", 1.0),  # the year 20 is 2020, not 20
        (["24.12.2024", "1.1.2025"], "%d.%m.%Y", 1.0),
        (["24.12.24", "1.1.25"], "%d.%m.%y", 1.0),
        (["2024-12-24T18:30:00Z", "2024-12-25T00:00:00+02:00"], "%Y-%m-%dT%H:%M:%S", 1.0),
        (["2024-12-24 18:30:00.5 UTC", "2024-12-25 00:00:00.25+0200"], "%Y-%m-%d %H:%M:%S%.f", 1.0),
        (["20241224", "20250101"], "%Y%m%d", 1.0),
        (["24 Dec 2024", "1 May 2025"], "%d %b %Y", 1.0),
        (["December 24, 2024", "May 1, 2025"], "%B %d, %Y", 1.0),
        (["2024-12-24", "2024-12-25", "2024-12-26", "soon"], "%Y-%m-%d", 0.75),
        (["2024-02-30", "2024-13-01"], None, 0.0),
        (["blue", "red"], None, 0.0),
        (["2024", "2025"], None, 0.0),  # years are numbers
        (["1.5", "2.25"], None, 0.0),
        (["12345678", "87654321"], None, 0.0),
        (["10.0.0.1", "192.168.1.1"], None, 0.0),
        (["555-123-4567", "555-987-6543"], None, 0.0),
        ([], None, 0.0),
    ],
)
def test_formats(cells, form, share):
    assert format_of(series(*cells)) == (form, share)


def test_a_zone_leaves_the_hour_of_the_clock():
    cells = series("2024-12-24T18:30:00+05:00", "2024-12-24T18:30:00Z", "2024-12-24T18:30:00")
    assert seconds_of(cells, "%Y-%m-%dT%H:%M:%S").tolist() == [seconds(dt.datetime(2024, 12, 24, 18, 30))] * 3


@pytest.mark.parametrize("name", ["x", "^d.*$", "*"])
def test_dates_of_files_that_have_types(name):
    day, moment = dt.date(2024, 2, 29), dt.datetime(1969, 12, 31, 23, 59, 59)
    assert seconds_of(polars.Series(name, [day, None]), TYPED).tolist() == pytest.approx(
        [seconds(dt.datetime(2024, 2, 29)), math.nan], nan_ok=True
    )
    for unit in ("ms", "us", "ns"):
        typed = polars.Series([moment], dtype=polars.Datetime(unit)).alias(name)
        assert seconds_of(typed, TYPED).tolist() == [-1.0]
    zoned = polars.Series([moment], dtype=polars.Datetime("us")).dt.replace_time_zone("Asia/Tokyo")
    assert seconds_of(zoned.alias(name), TYPED).tolist() == [-1.0]
    # new rows may be text where the training had dates, and the other way round
    assert seconds_of(polars.Series(name, ["2024-02-29", "?"]), TYPED).tolist() == pytest.approx(
        [seconds(dt.datetime(2024, 2, 29)), math.nan], nan_ok=True
    )
    assert seconds_of(polars.Series(name, [day]), "%d.%m.%Y").tolist() == [seconds(dt.datetime(2024, 2, 29))]
    assert np.isnan(seconds_of(polars.Series(name, [1.5, 2.5]), TYPED)).all()


@given(st.lists(MOMENTS, min_size=1))
def test_parts_are_those_of_the_standard_library(moments):
    found = dict(zip(PARTS, parts(np.array([seconds(moment) for moment in moments])).T, strict=True))
    assert found["year"].tolist() == [moment.year for moment in moments]
    assert found["days"].tolist() == [moment.toordinal() - EPOCH.toordinal() for moment in moments]
    hours = [moment.hour + moment.minute / 60 + (moment.second + moment.microsecond / 1e6) / 3600 for moment in moments]
    cycles = {
        "month": ([moment.month - 1 for moment in moments], 12),
        "weekday": ([moment.weekday() for moment in moments], 7),
        "hour": (hours, 24),
    }
    for name, (position, length) in cycles.items():
        angle = 2 * np.pi * np.array(position) / length
        np.testing.assert_allclose(found[f"{name} sine"], np.sin(angle), atol=2e-8)
        np.testing.assert_allclose(found[f"{name} cosine"], np.cos(angle), atol=2e-8)


def test_december_lies_beside_january_and_sunday_beside_monday():
    days = [dt.datetime(2023, 12, 31), dt.datetime(2024, 1, 1), dt.datetime(2024, 7, 1)]
    rows = parts(np.array([seconds(day) for day in days]))[:, 1:5]
    near, far = np.linalg.norm(rows[0] - rows[1]), np.linalg.norm(rows[0] - rows[2])
    assert near < 1.1 < 2 < far  # by hand: (2 sin 15°)² + (2 sin(180°/7))² = 1.02²
    assert near == pytest.approx(np.hypot(2 * np.sin(np.pi / 12), 2 * np.sin(np.pi / 7)))


def test_a_missing_date_has_no_parts():
    assert np.isnan(parts(np.array([math.nan, math.inf]))).all()
    assert parts(np.zeros(0)).shape == (0, 8)


def test_whole_numbers_may_spell_dates():
    spelt = polars.Series([19700102, 19700103, None])
    assert seconds_of(spelt, "%Y%m%d")[:2].tolist() == [86400.0, 172800.0]
    assert seconds_of(spelt.cast(polars.Float64), "%Y%m%d")[:2].tolist() == [86400.0, 172800.0]
    assert np.isnan(seconds_of(spelt, "%Y%m%d")[2])
    assert np.isnan(seconds_of(spelt, "%Y-%m-%d")).all()
