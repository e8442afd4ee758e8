"""The progress bars of reading, training and searching, on stderr; without a terminal a line at start and end."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from jaxnn.cli.screen import say
from jaxnn.train import Progress
from jaxnn.train.progress import QUIET_SECONDS, reporter, said


@contextlib.contextmanager
def training_bar(epochs: int, quiet: bool) -> Iterator[Callable[[Progress], None]]:
    """Show where a run is while it goes on.

    Args:
        epochs: at most.
        quiet: True to show nothing.

    Yields:
        What `fit` takes as `progress`.
    """
    if quiet:
        yield lambda _: None
        return
    if not sys.stderr.isatty():
        yield from _lines(epochs)
        return
    with reporter(True) as report:
        yield report


@contextlib.contextmanager
def reading_bar(what: str, quiet: bool) -> Iterator[Callable[[int, int], None]]:
    """Show how far the reading of many files is, in a terminal and once it takes over two seconds.

    Args:
        what: what is read, such as "images".
        quiet: True to show nothing.

    Yields:
        What to call with how many were read, and of how many.
    """
    if quiet or not sys.stderr.isatty():
        yield lambda done, count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Live

    since = time.monotonic()
    console = Console(stderr=True, highlight=False)
    live = Live(TextColumn(f"reading {what}"), BarColumn(), MofNCompleteColumn(), console=console, transient=True)
    task = live.add_task("read", total=None)

    def show(done: int, count: int) -> None:
        if time.monotonic() - since >= QUIET_SECONDS:
            live.start()  # once: a second call changes nothing
            live.update(task, completed=done, total=count)

    try:
        yield show
    finally:
        live.stop()


def _lines(epochs: int) -> Iterator[Callable[[Progress], None]]:
    since, last = time.monotonic(), [Progress(0, epochs, {}, None)]
    say(f"training for at most {epochs} epoch{'' if epochs == 1 else 's'}")
    yield lambda at: last.__setitem__(0, at)
    at = last[0]
    numbers = f" ({said(at.latest)})" if at.latest else ""
    say(f"trained {at.epoch} epoch{'' if at.epoch == 1 else 's'} in {time.monotonic() - since:.1f} s{numbers}")


@contextlib.contextmanager
def population_bar(begun: str, done: str, quiet: bool) -> Iterator[bool]:
    """Show where a population of runs is while it goes on.

    Args:
        begun, done: the lines at start and end where there is no terminal.
        quiet: True to show nothing.

    Yields:
        What `search` and `fit_many` take as `progress`: a terminal shows their table.
    """
    if quiet or sys.stderr.isatty():
        yield not quiet
        return
    since = time.monotonic()
    say(begun)
    yield False
    say(f"{done} in {time.monotonic() - since:.1f} s")
