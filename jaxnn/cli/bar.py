"""The progress bar of a training run, on stderr; without a terminal a line at its start and its end."""

import contextlib
import sys
import time
from collections.abc import Callable, Iterator

from jaxnn.cli.screen import say
from jaxnn.train import Progress
from jaxnn.train.progress import reporter, said


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


def _lines(epochs: int) -> Iterator[Callable[[Progress], None]]:
    since, last = time.monotonic(), [Progress(0, epochs, {}, None)]
    say(f"training for at most {epochs} epoch{'' if epochs == 1 else 's'}")
    yield lambda at: last.__setitem__(0, at)
    at = last[0]
    numbers = f" ({said(at.latest)})" if at.latest else ""
    say(f"trained {at.epoch} epoch{'' if at.epoch == 1 else 's'} in {time.monotonic() - since:.1f} s{numbers}")
