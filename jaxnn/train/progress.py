"""What is shown while a run goes on."""

import contextlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

QUIET_SECONDS = 2.0
"""A run that takes no longer shows no bar unless it is asked for."""


class Progress(NamedTuple):
    """Where a run is."""

    epoch: int
    """Epochs completed."""
    epochs: int
    """Epochs at most."""
    latest: dict[str, float]
    """What the last completed epoch logged, by name; empty before the first."""
    seconds_left: float | None
    """Until the last epoch, if no rule stops the run earlier; None while it is being compiled."""


@contextlib.contextmanager
def reporter(shown: bool | Callable[[Progress], None] | None) -> Iterator[Callable[[Progress], None]]:
    """Give the function to call with every `Progress`, and clean up after it.

    Args:
        shown: True for a bar, False for nothing, None for a bar in a terminal after `QUIET_SECONDS`, or a function.

    Yields:
        A function of a `Progress`.
    """
    if callable(shown):
        yield shown
    elif shown or (shown is None and sys.stderr.isatty() and importlib.util.find_spec("rich")):
        bar = _Bar(0.0 if shown else QUIET_SECONDS)
        try:
            yield bar.update
        finally:
            bar.close()
    else:
        yield lambda _: None


class _Bar:
    """A line with a bar, the epoch, the losses and the time left, by rich, on stderr."""

    def __init__(self, quiet: float) -> None:
        self.since, self.quiet, self.live = time.monotonic(), quiet, None
        self.task: Any = None

    def update(self, at: Progress) -> None:
        if self.live is None and time.monotonic() - self.since >= self.quiet:
            self.open(at.epochs)
        if self.live is not None:
            said = "  ".join(f"{name} {value:.4f}" for name, value in at.latest.items())
            left = "compiling, once" if at.seconds_left is None else f"at most {_span(at.seconds_left)} left"
            self.live.update(self.task, completed=at.epoch, said=said, left=left)
            self.live.refresh()

    def open(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn
        from rich.progress import Progress as Live

        columns: list[Any] = [
            TextColumn("epoch {task.completed}/{task.total}"), BarColumn(30), TextColumn("{task.fields[said]}"),
            TextColumn("[dim]{task.fields[left]}"),
        ]  # fmt: skip
        self.live = Live(*columns, console=Console(stderr=True), auto_refresh=False)
        self.live.start()
        self.task = self.live.add_task("train", total=epochs, said="", left="")

    def close(self) -> None:
        if self.live is not None:
            self.live.update(self.task, left="")
            self.live.stop()


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
