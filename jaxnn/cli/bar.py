"""The progress bar of a training run, on stderr; without a terminal a line at its start and its end."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from jaxnn.cli.screen import say
from jaxnn.train import Progress


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
    bar = _Bar(epochs)
    with bar.live:
        yield bar.update


def _lines(epochs: int) -> Iterator[Callable[[Progress], None]]:
    since, last = time.monotonic(), [Progress(0, epochs, {}, None)]
    say(f"training for at most {epochs} epoch{'' if epochs == 1 else 's'}")
    yield lambda at: last.__setitem__(0, at)
    at = last[0]
    said = f" ({_numbers(at.latest)})" if at.latest else ""
    say(f"trained {at.epoch} epoch{'' if at.epoch == 1 else 's'} in {time.monotonic() - since:.1f} s{said}")


class _Bar:
    """Drawn by rich in a thread of its own, so that the clock goes on while XLA compiles."""

    def __init__(self, epochs: int) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Live

        columns: list[Any] = [
            SpinnerColumn(), TextColumn("epoch {task.completed:.0f}/{task.total:.0f}"), BarColumn(None),
            TextColumn("{task.fields[said]}"), TextColumn("{task.fields[left]}", style="dim"),
        ]  # fmt: skip
        console = Console(stderr=True, highlight=False)
        console.width = min(console.width, 100)
        self.live = Live(*columns, console=console, transient=True, expand=True)
        self.task = self.live.add_task("train", total=epochs, said="", left="compiling, once")

    def update(self, at: Progress) -> None:
        left = "compiling, once" if at.seconds_left is None else f"at most {_span(at.seconds_left)}"
        self.live.update(self.task, completed=at.epoch, said=_numbers(at.latest), left=left)


def _numbers(latest: dict[str, float]) -> str:
    """The losses and the metric, short enough for 80 columns."""
    shown = [("loss", "loss"), ("val_loss", "val"), ("val_accuracy", "accuracy"), ("accuracy", "accuracy")]
    return "  ".join(f"{label} {latest[name]:.4f}" for name, label in shown if name in latest)


def _span(seconds: float) -> str:
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
