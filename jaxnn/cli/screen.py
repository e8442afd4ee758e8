"""What the commands print: results on stdout, messages on stderr, colours only in a terminal."""

import contextlib
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

UNLIMITED = 100_000
"""Columns of what is no terminal: nothing is cut or wrapped there."""


def say(message: str) -> None:
    """Print one line on stderr, without control characters.

    Args:
        message: text; whatever would end the line or steer the terminal is escaped.
    """
    with contextlib.suppress(OSError, ValueError):  # stderr may be closed
        print(f"jaxnn: {one_line(message)}", file=sys.stderr, flush=True)


def one_line(message: str) -> str:
    r"""Return text as one printable line.

    Args:
        message: any text.

    Returns:
        Line breaks and their spaces as one space, other control characters escaped.

    >>> one_line("two\n  lines\x1b[0m")
    'two lines\\x1b[0m'
    """
    text = " ".join(message.split())
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def print_json(document: Any) -> None:
    """Print one JSON object on stdout.

    Args:
        document: what `json.dumps` takes; NaN is refused there, so None stands for what is not defined.
    """
    print(json.dumps(document, indent=2, allow_nan=False))


def facts(rows: Sequence[tuple[str, str]]) -> None:
    """Print labels and what belongs to them, in two columns.

    Args:
        rows: (label, text); an empty label goes on with the one above.
    """
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for label, text in rows:
        grid.add_row(Text(one_line(label)), Text(one_line(text)))
    _print(grid)


def table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> None:
    """Print a table.

    Args:
        header: names of the columns.
        rows: cells as text.
        right: the columns of numbers, which are aligned on the right.
    """
    from rich.table import Table
    from rich.text import Text

    grid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for position, name in enumerate(header):
        grid.add_column(name, justify="right" if position in right else "left", overflow="fold")
    for row in rows:
        grid.add_row(*(Text(one_line(cell)) for cell in row))
    _print(grid)


def blank() -> None:
    """Print an empty line on stdout."""
    print()


def _print(grid: "Table") -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if console.is_terminal:
        console.print(grid)
        return
    console.width = UNLIMITED
    with console.capture() as captured:
        console.print(grid)
    # rich fills the last column with spaces
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), flush=True)
