"""What the commands print: results on stdout, messages on stderr, colours only in a terminal."""

import contextlib
import json
import os
import sys
import textwrap
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

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
        width = _columns(sys.stderr) if sys.stderr.isatty() else UNLIMITED
        lines = _wrapped(f"jaxnn: {one_line(message)}", width, " " * len("jaxnn: "))
        print("\n".join(lines), file=sys.stderr, flush=True)


@contextlib.contextmanager
def unless_closed() -> Iterator[None]:
    """Print on stdout while it has a reader; once the reader is gone, what is printed goes nowhere."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        silence_stdout()
    except SystemExit as end:  # rich ends so when the reader of stdout has gone
        if end.code != 1:
            raise
        silence_stdout()


def silence_stdout() -> None:
    """Let what is left in stdout, and what comes after, be written to nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _columns(stream: TextIO) -> int:
    """The width of a terminal; one column is left free, as some wrap a full line."""
    try:
        given = int(os.environ.get("COLUMNS", ""))
    except ValueError:
        given = 0
    if given <= 0:
        try:
            given = os.get_terminal_size(stream.fileno()).columns
        except (OSError, ValueError):
            given = 80
    return max(given - 1, 20)


def _wrapped(text: str, width: int, indent: str) -> list[str]:
    """Lines broken between words alone: a path or a command can still be copied."""
    return textwrap.wrap(text, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


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
    from rich.console import Console
    from rich.text import Text

    labelled = [(one_line(label), one_line(text)) for label, text in rows]
    indent = max((len(label) for label, _ in labelled), default=0) + 2
    console = Console(highlight=False, markup=False, emoji=False)
    width = _columns(sys.stdout) - indent if console.is_terminal else UNLIMITED
    for label, text in labelled:
        first, *more = _wrapped(text, max(width, 20), "") or [""]
        lines = [Text.assemble((f"{label:{indent}}", "bold"), first), *(Text(" " * indent + line) for line in more)]
        for line in lines:
            console.print(line, soft_wrap=True) if console.is_terminal else print(line.plain.rstrip())
    sys.stdout.flush()


def writing(text: str, indent: str = "") -> None:
    """Print a text line by line as it is; in a terminal without control characters, which would steer it.

    Args:
        text: of any source.
        indent: what every line begins with.
    """
    if sys.stdout.isatty():
        text = "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
    print("\n".join(f"{indent}{line}".rstrip() if indent else line for line in text.split("\n")), flush=True)


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
        longest = max((len(word) for row in rows for word in one_line(row[position]).split()), default=0)
        # no column gets narrower than its longest word while there is room
        grid.add_column(
            name, justify="right" if position in right else "left", overflow="fold", min_width=min(longest, 40)
        )
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
