"""The host's side of one run: between chunks it moves the bar, hears Ctrl-C and calls callbacks."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.train import compiled, placing, progress, stopping
from jaxnn.train.job import MOST_STEPS, Job
from jaxnn.train.members import Members, read
from jaxnn.train.program import TrainState
from jaxnn.train.progress import Progress
from jaxnn.train.run import Run

CHUNK_SECONDS = 0.5
"""How long the host aims to be away: long enough to cost nothing, short enough for a bar and Ctrl-C."""

FIRST_STEPS = 16
"""Minibatches of the first chunk, from which the time of one is measured."""


def next_steps(steps: int, taken: int, seconds: float) -> int:
    """Return how many minibatches the next chunk has, so that it takes `CHUNK_SECONDS`.

    The time of a chunk is no part of any result: where chunks end changes no bit (tests/train/test_program.py).

    Args:
        steps: how many the last one had at most.
        taken: how many it took.
        seconds: how long that was.

    Returns:
        At least 1, at most 4096 times as many as before.

    >>> next_steps(16, 16, 0.001)
    8000
    """
    return max(1, min(int(CHUNK_SECONDS * taken / max(seconds, 1e-9)), MOST_STEPS, steps * 4096))


def drive(asked: Job, callbacks: list[Any], shown: bool | Callable[[Progress], None] | None) -> Run:
    """Run the compiled program of a population of one to its end.

    Args:
        asked: the checked run.
        callbacks: functions of a `Run`.
        shown: what `fit` was given as `progress`.

    Returns:
        The run.

    Raises:
        JaxnnError: if the earlier run is not of this recipe.
    """
    data, recipe = placing.on_device([asked.tables]), asked.recipe
    with progress.reporter(shown) as report, interrupts() as interrupted:
        report(Progress(0, asked.epochs, {}, None))
        program = compiled.compiled(recipe, asked.seed, asked.hyper, data, asked.start, np.int32(0))
        hyper = jax.device_put(asked.hyper)
        if asked.earlier is None:
            now = program.init(asked.seed, hyper, data, asked.start)
        else:
            now = resumed(program, asked.earlier)
        batches = np.array([asked.batches])
        run = Members(recipe, placing.example(asked.tables), hyper, data, program, batches, now, read(now))
        if asked.earlier is not None:
            run.go_on(0, asked.earlier)
        _to_the_end(run, asked.epochs, callbacks, report, interrupted)
    return _finished(run)


def resumed(program: compiled.Program, earlier: Run) -> TrainState:
    """Return the state of an earlier run, running again.

    Args:
        program: that is to go on with it.
        earlier: a run of one member.

    Returns:
        Its state.

    Raises:
        JaxnnError: if the earlier run is not of this recipe.
    """
    shapes = [
        jax.tree.map(lambda leaf: (leaf.shape[1:], str(leaf.dtype)), tree) for tree in (program.first, earlier.now)
    ]
    if shapes[0] != shapes[1] or earlier.now is None:
        fail("resume", repr(earlier), "a run of the same network, optimiser, stopping rule and kind of validation")
    return replace(earlier.now, stopped=np.zeros(1, np.int32))


def _to_the_end(run: Members, epochs: int, callbacks: list[Any], report: Any, interrupted: list[int]) -> None:
    batches = int(run.batches[0])
    steps, began, done, total = FIRST_STEPS, time.monotonic(), 0, epochs * batches
    while run.going[0]:
        before, since = int(run.at.step[0]), time.monotonic()
        run.advance(min(steps, _until_callback(run, callbacks), total - before))
        # after a recovery the steps are fewer than those taken, and nothing goes on
        taken, seconds = max(int(run.at.step[0]) - before, 1), time.monotonic() - since
        done, steps = done + taken, next_steps(steps, taken, seconds)
        history = run.history(0)
        latest = {name: float(values[-1]) for name, values in history.items() if len(values)}
        each = (time.monotonic() - began) / done
        report(Progress(int(run.at.epoch[0]), epochs, latest, each * (total - int(run.at.step[0])), history))
        if run.at.sound[0] and not run.diverged:
            _call(run, callbacks)
        if interrupted and run.going[0]:
            run.interrupted.add(0)
            run.told[0] = f"interrupted after {stopping.counted(int(run.at.epoch[0]))}"


def _until_callback(run: Members, callbacks: list[Any]) -> int:
    """How many minibatches until the next callback is due; boundaries are forced there, so that no clock decides."""
    epoch, batches = int(run.at.epoch[0]), int(run.batches[0])
    into = int(run.at.step[0]) - epoch * batches
    waits = [every(callback) - epoch % every(callback) for callback in callbacks]
    return min(waits) * batches - into if waits else MOST_STEPS


def every(callback: Any) -> int:
    """Return after how many epochs a callback is called each time.

    Args:
        callback: any function; its attribute `every`, if it has one, says.

    Returns:
        At least 1.

    Raises:
        JaxnnError: if `every` is no whole number of at least 1.
    """
    return whole_number("callback.every", getattr(callback, "every", 1), 1)


def _call(run: Members, callbacks: list[Any]) -> None:
    epoch = int(run.at.epoch[0])
    if not callbacks or epoch == 0 or run.at.step[0] != epoch * run.batches[0]:
        return
    for callback in callbacks:
        ended = callback(_finished(run)) if epoch % every(callback) == 0 else False
        # a comparison of NumPy numbers is no `bool`
        if isinstance(ended, bool | np.bool_) and ended and run.at.stopped[0] == stopping.RUNNING:
            name = getattr(callback, "__name__", type(callback).__name__)
            run.told[0] = f"{name} ended it after {stopping.counted(epoch)}"


def _finished(run: Members) -> Run:
    """The run, its weights on the device."""
    made = run.finished(0)
    params, state = jax.device_put((made.params, made.state))
    return replace(made, params=params, state=state)


@contextlib.contextmanager
def interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C while runs go on; the second one is raised as usual.

    Only the main thread can, and a process started in the background, which ignores Ctrl-C, goes on doing so.

    Yields:
        A list that is empty until the first one is heard.
    """
    heard: list[int] = []
    ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if ignored or threading.current_thread() is not threading.main_thread():
        yield heard
        return

    def hear(number: int, frame: Any) -> None:
        heard.append(number)
        if len(heard) > 1:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, hear)
    try:
        yield heard
    finally:
        signal.signal(signal.SIGINT, before)
