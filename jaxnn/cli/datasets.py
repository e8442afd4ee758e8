"""`jaxnn datasets`: the built-in data sets."""

from jaxnn.cli import screen
from jaxnn.data import names


def datasets(*, as_json: bool) -> int:
    """Print the built-in data sets.

    Args:
        as_json: print one JSON object in place of text.

    Returns:
        The exit code.
    """
    entries = names()
    if as_json:
        screen.print_json({"datasets": [entry._asdict() for entry in entries]})
        return 0
    rows = [(entry.name, *map(_size, (entry.rows, entry.columns)), entry.task, entry.sentence) for entry in entries]
    screen.table(["name", "rows", "columns", "task", "what it is"], rows, right=(1, 2))
    return 0


def _size(count: int | None) -> str:
    """A text has no rows and columns."""
    return "" if count is None else f"{count:,}"
