"""What is shown while a run goes on."""

import contextlib
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

QUIET_SECONDS = 2.0
"""A run that takes no longer shows no bar unless it is asked for."""


class Progress(NamedTuple):
    """Where a run is.

    >>> Progress(3, 50, {"loss": 0.25}, 1.5).epoch
    3
    """

    epoch: int
    """Epochs completed."""
    epochs: int
    """Epochs at most."""
    latest: dict[str, float]
    """What the last completed epoch logged, by name; empty before the first."""
    seconds_left: float | None
    """Until the last epoch, if no rule stops the run earlier; None while it is being compiled."""
    history: Mapping[str, np.ndarray] | None = None
    """Every completed epoch, by name."""


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
    """A line with epoch, bar, losses and time left, drawn by rich in a thread: its wheel turns while XLA compiles."""

    def __init__(self, quiet: float) -> None:
        self.since, self.quiet, self.live = time.monotonic(), quiet, None
        self.task: Any = None

    def update(self, at: Progress) -> None:
        if self.live is None and time.monotonic() - self.since >= self.quiet:
            self.open(at.epochs)
        if self.live is not None:
            left = "compiling, once" if at.seconds_left is None else f"at most {span(at.seconds_left)}"
            self.live.update(self.task, completed=at.epoch, said=said(at.latest), left=left)

    def open(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Live

        columns: list[Any] = [
            SpinnerColumn(), TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"), BarColumn(None),
            TextColumn("{task.fields[said]}"), TextColumn("{task.fields[left]}", style="dim"),
        ]  # fmt: skip
        console = Console(stderr=True, highlight=False)
        console.width = min(console.width - 3, 100)  # the ^C of a terminal would wrap a full line, which then stays
        self.live = Live(*columns, console=console, transient=True, expand=True)
        self.live.start()
        self.task = self.live.add_task("train", total=epochs, said="", left="compiling, once")

    def close(self) -> None:
        if self.live is not None:
            self.live.stop()


def said(latest: dict[str, float]) -> str:
    """Return losses and metrics of an epoch in few words, for a line of 80 columns.

    Args:
        latest: what the epoch logged, by name.

    Returns:
        Names and values; of what was measured on validation data, not the training data's own.

    >>> said({"loss": 0.51, "val_loss": 0.6, "val_accuracy": 0.9})
    'loss 0.5100  val 0.6000  accuracy 0.9000'
    """
    shown = {name: value for name, value in latest.items() if name != "penalty"}
    words = [("val" if name == "val_loss" else name.removeprefix("val_"), value) for name, value in shown.items()]
    return "  ".join(f"{word} {value:.4f}" for word, value in words)


def span(seconds: float) -> str:
    """Return a time in words.

    >>> span(83.2), span(3723)
    ('1:23', '1:02:03')
    """
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
