"""Columns and frames for tests, in as few words as a test wants to read."""

import polars

from jaxnn.data.columns import Categories, Date, Dropped, Levels, Numeric


def numeric(name, mean=0.0, scale=1.0, **fields):
    """A column of numbers without missing ones, whose median is the mean."""
    return Numeric(name, **({"center": mean, "scale": scale, "fill": mean, "low": mean, "high": mean} | fields))


def numerics(names, means=None, scales=None):
    """Several of them: a name each, a mean of 0 and a scale of 1 unless given."""
    means, scales = means or [0.0] * len(names), scales or [1.0] * len(names)
    return tuple(numeric(*row) for row in zip(names, means, scales, strict=True))


def series(*cells, name="x"):
    """Cells of text, as a file has them."""
    return polars.Series(name, list(cells), dtype=polars.String)


EVERY_KIND = (
    Numeric("price", 0.1, 1 / 3, -2e-300, -1e-5, 7.0, 0.125, "decimal comma, thousands point, unit", "numeric"),
    Levels("size, EU", ("s", "m", "l"), 1.1, 0.7, 1.0, 0.25, "ordinal"),
    Categories("<script>", ("ß", "a = b", "😀"), 0.125, 0.0625),
    Date("day", "%d.%m.%Y", ("year", "days"), (2020.5, 18_500.25), (0.5, 182.6), 0.03125),
)
"""One used column of each kind with everything that a column can have: 2 + 2 + 5 + 3 inputs."""

UNUSED = (Dropped("id", "identifier", "a different whole number in every row"), Dropped('"', "constant", "always 'x'"))
