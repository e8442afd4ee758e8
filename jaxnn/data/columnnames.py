"""Names of columns in files that store them as they like: no two alike, none empty."""

from collections.abc import Sequence

from jaxnn.checks import fail
from jaxnn.data.places import listed, place


def checked_names(names: Sequence[str], source: str) -> list[str]:
    """Return names of columns without spaces around them.

    Args:
        names: as the file has them.
        source: the name of the file, for messages.

    Returns:
        The names.

    Raises:
        JaxnnError: if there is none, one is empty, or two are the same.

    >>> checked_names(["age", " name"], "people.parquet")
    ['age', 'name']
    """
    stripped = [name.strip() for name in names]
    if not stripped:
        fail(place(source), "no columns", "a table with columns")
    if "" in stripped:
        where = place(source, f"column {stripped.index('') + 1}")
        fail(where, "an empty column name", "a name for each column", "Name the column or remove it")
    seen: set[str] = set()
    twice = [name for name in stripped if name in seen or seen.add(name)]
    if twice:
        fail(place(source), f"{listed(twice)} more than once", "a different name for each column")
    return stripped
