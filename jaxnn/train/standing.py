"""What is shown while a population of runs goes on."""

import contextlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from jaxnn.train.progress import QUIET_SECONDS, span


class Standing(NamedTuple):
    """Where a population is.

    >>> Standing(180, 20, 160, 0.25, None, 1.5).finished
    20
    """

    members: int
    finished: int
    alive: int
    """Members that have not ended."""
    best: float | None
    """The lowest loss of a finished member, on the validation data where there are any; None before the first."""
    seconds_left: float | None
    """Until the last one ends, if none stops early; None while programs are being compiled."""
    seconds: float
    """Since the beginning."""


@contextlib.contextmanager
def reporter(shown: bool | Callable[[Standing], None] | None) -> Iterator[Callable[[Standing], None]]:
    """Give the function to call with every `Standing`, and clean up after it.

    Args:
        shown: True for a table, False for nothing, None for one in a terminal after `QUIET_SECONDS`, or a function.

    Yields:
        A function of a `Standing`.
    """
    if callable(shown):
        yield shown
    elif shown or (shown is None and sys.stderr.isatty() and importlib.util.find_spec("rich")):
        table = _Table(0.0 if shown else QUIET_SECONDS)
        try:
            yield table.update
        finally:
            table.close()
    else:
        yield lambda _: None


class _Table:
    """Members alive and finished, the best so far and the time left, drawn by rich in a thread."""

    def __init__(self, quiet: float) -> None:
        self.since, self.quiet, self.live = time.monotonic(), quiet, None
        self.task: Any = None

    def update(self, at: Standing) -> None:
        """Show where the population is."""
        if self.live is None and time.monotonic() - self.since >= self.quiet:
            self.open(at.members)
        if self.live is not None:
            best = "" if at.best is None else f"best loss {at.best:.4f}"
            left = "compiling, once" if at.seconds_left is None else f"at most {span(at.seconds_left)}"
            alive = f"{at.alive} alive"
            self.live.update(self.task, completed=at.finished, total=at.members, alive=alive, best=best, left=left)

    def open(self, members: int) -> None:
        """Begin to draw."""
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Live

        columns: list[Any] = [
            SpinnerColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} done"), BarColumn(None),
            TextColumn("{task.fields[alive]}"), TextColumn("{task.fields[best]}"),
            TextColumn("{task.fields[left]}", style="dim"),
        ]  # fmt: skip
        console = Console(stderr=True, highlight=False)
        console.width = min(console.width - 3, 100)  # the ^C of a terminal would wrap a full line, which then stays
        self.live = Live(*columns, console=console, transient=True, expand=True)
        self.live.start()
        self.task = self.live.add_task(
            "train", total=members, alive=f"{members} alive", best="", left="compiling, once"
        )

    def close(self) -> None:
        """Take the table away."""
        if self.live is not None:
            self.live.stop()
