"""How errors about data name what they mean: one printable line, `file:line:column`, and the nearest column name."""

import difflib
from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxnn.checks import JaxnnError

_LONGEST = 60
"""Characters of a cell or name that a message shows: a hostile field of a megabyte must not become the message."""


def shown(value: Any) -> str:
    r"""Return a cell, name or class as a message shows it: quoted if text, on one line, cut to 60 characters.

    Args:
        value: text, number or Boolean.

    Returns:
        Printable text without line breaks.

    >>> print(shown("two\nlines"), shown(3), shown("x" * 70))
    'two\nlines' 3 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' (70 characters)
    """
    if isinstance(value, str) and len(value) > _LONGEST:
        return f"{value[:_LONGEST] + '...'!r} ({len(value)} characters)"
    text = repr(value.item() if isinstance(value, np.generic) else value)
    return text if len(text) <= _LONGEST + 2 else text[:_LONGEST] + "..."


def listed(names: Sequence[Any], most: int = 12) -> str:
    """Return names separated by commas, at most `most` of them.

    Args:
        names: names or classes.
        most: how many are written out.

    Returns:
        The names as `shown` shows them, and how many more there are.

    >>> listed(["a", "b", "c"], most=2)
    "'a', 'b' and 1 more"
    """
    text = ", ".join(shown(name) for name in names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} more"


def place(source: str, line: int | str | None = None, column: str | int | None = None) -> str:
    """Return `file:line:column`, the start of a message about a file or one of its cells.

    Args:
        source: the file as its user typed it.
        line: the physical line, 1 for the first, or words such as "row 3"; None for the whole file.
        column: the name of the column, or its index from 1; None for the whole line.

    Returns:
        The place on one printable line.

    >>> place("iris.csv", 3, "species")
    'iris.csv:3:species'
    """
    words = [source if source.isprintable() else repr(source)]
    if line is not None:
        words.append(str(line))
    if column is not None:
        text = str(column)
        words.append(text if text.isprintable() and len(text) <= _LONGEST else shown(text))
    return ":".join(words)


def known_column(where: str, name: str, columns: Sequence[str]) -> str:
    """Return `name` if it is one of `columns`, else raise with the nearest name and the list.

    Args:
        where: what was being looked for, as its user types it.
        name: the name given.
        columns: the names there are.

    Returns:
        The name.

    Raises:
        JaxnnError: with the nearest name and the first dozen columns.

    >>> known_column("target", "specis", ["size", "species"])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: target: got 'specis'; needed one of the columns 'size', 'species'. Did you mean 'species'?
    """
    if name in columns:
        return name
    near = difflib.get_close_matches(name[:_LONGEST], columns, n=1)
    needed = f"one of the columns {listed(columns)}"
    raise JaxnnError(
        f"{where}: got {shown(name)}; needed {needed}." + (f" Did you mean {shown(near[0])}?" if near else "")
    )
