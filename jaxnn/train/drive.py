"""The host's side of a run: between chunks it moves the bar, hears Ctrl-C, calls callbacks, and recovers from NaN."""

import contextlib
import math
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.train import compiled, progress, stopping
from jaxnn.train.history import History
from jaxnn.train.program import Data, Recipe, Rows, TrainState, batches, log_names
from jaxnn.train.progress import Progress
from jaxnn.train.run import Run
from jaxnn.train.tables import Table, Tables

CHUNK_SECONDS = 0.5
"""How long the host aims to be away: long enough to cost nothing, short enough for a bar and Ctrl-C."""

MOST_STEPS = 2**30
"""Minibatches of one chunk, and of a whole run, at most: the program counts them in 32 bits."""

FIRST_STEPS = 16
"""Minibatches of the first chunk, from which the time of one is measured."""


class At(NamedTuple):
    """Where a run is, read from the device at once."""

    epoch: int
    step: int
    stopped: int
    finite: bool
    """Whether the weights are."""
    trained: bool
    """Whether the losses of the unfinished epoch are finite."""
    best_epoch: int
    """-1 for none."""


def read(state: TrainState) -> At:
    """Return where a run of one member is.

    Args:
        state: its state.

    Returns:
        The numbers that the host decides by.
    """
    best = state.best["epoch"] if state.best is not None else np.full(1, -1)
    values = jax.device_get((state.epoch, state.step, state.stopped, state.finite, state.sums["loss"], best))
    epoch, step, stopped, finite, loss, best_epoch = (value[0].item() for value in values)
    return At(epoch, step, stopped, finite, math.isfinite(loss), best_epoch)


@dataclass
class _Driver:
    """One run on its way."""

    recipe: Recipe
    tables: Tables
    hyper: dict[str, Any]
    data: Data
    program: compiled.Program
    now: TrainState
    at: At
    sound: TrainState
    """The last state known to be finite: recovery runs again from here."""
    history: History
    told: str = ""
    """Why the run ended, where the program itself did not say so."""
    diverged: bool = False
    interrupted: bool = False

    @property
    def batches(self) -> int:
        return batches(self.recipe, self.data)

    @property
    def going(self) -> bool:
        """Whether there is more to do; weights that are not finite are trained no further, and shown to no callback."""
        return self.at.stopped == stopping.RUNNING and self.at.finite and not self.told

    def advance(self, steps: int) -> None:
        """Run one chunk and read what it logged."""
        before = self.at.epoch
        self.now, logs = self.program.chunk(self.now, self.data, self.hyper, np.int32(steps))
        self.at, logs = read(self.now), jax.device_get(logs)
        self.history = self.history.extended({name: logs[name][0, : self.at.epoch - before] for name in logs})
        if self.at.finite and self.at.stopped != stopping.NOT_FINITE:
            self.sound = self.now


def drive(
    recipe: Recipe, seeds: np.ndarray, hyper: dict[str, Any], tables: Tables, start: Any, callbacks: Any, shown: Any,
    earlier: Run | None = None,
) -> Run:  # fmt: skip
    """Run the compiled program of a population of one to its end.

    Args:
        recipe, hyper: what `prepare` made.
        seeds: (1, words) the key.
        tables: the checked data.
        start: weights to start from with a leading axis of one member, or None.
        callbacks: a list of functions of a `Run`.
        shown: what `fit` was given as `progress`.
        earlier: a run to go on with, or None.

    Returns:
        The run.

    Raises:
        JaxnnError: if the earlier run is not of this recipe.
    """
    data, before = _on_device(tables), History({name: [] for name in log_names(recipe)})
    with progress.reporter(shown) as report, _interrupts() as interrupted:
        report(Progress(0, int(hyper["epochs"][0]), {}, None))
        program = compiled.compiled(recipe, seeds, hyper, data, start, np.int32(0))
        epochs, hyper = int(hyper["epochs"][0]), jax.device_put(hyper)
        if earlier is None:
            now = program.init(seeds, hyper, data, start)
        else:
            now, before = _resumed(program, earlier), earlier.history
        run = _Driver(recipe, tables, hyper, data, program, now, read(now), now, before)
        _to_the_end(run, epochs, callbacks, report, interrupted)
    return _finished(run)


def _resumed(program: compiled.Program, earlier: Run) -> TrainState:
    """The state of an earlier run, running again."""
    shapes = [jax.tree.map(lambda leaf: (leaf.shape, str(leaf.dtype)), tree) for tree in (program.first, earlier.now)]
    if shapes[0] != shapes[1] or earlier.now is None:
        fail("resume", repr(earlier), "a run of the same network, optimiser, stopping rule and kind of validation")
    return replace(earlier.now, stopped=np.zeros(1, np.int32))


def _to_the_end(run: _Driver, epochs: int, callbacks: list[Any], report: Any, interrupted: list[int]) -> None:
    steps, began, done, total = FIRST_STEPS, time.monotonic(), 0, epochs * run.batches
    while run.going:
        before, since = run.at.step, time.monotonic()
        run.advance(min(steps, _until_callback(run, callbacks), total - before))
        taken, seconds = run.at.step - before, time.monotonic() - since
        done += taken
        # the time of a chunk is no part of any result: where chunks end changes no bit (tests/train/test_program.py)
        steps = max(1, min(int(CHUNK_SECONDS * taken / max(seconds, 1e-9)), MOST_STEPS, steps * 4096))
        latest = {name: float(values[-1]) for name, values in run.history.items() if len(values)}
        each = (time.monotonic() - began) / done
        report(Progress(run.at.epoch, epochs, latest, each * (total - run.at.step), run.history))
        if run.at.finite and run.at.stopped != stopping.NOT_FINITE:
            _call(run, callbacks)
        if interrupted and run.going:
            run.interrupted, run.told = True, f"interrupted after {stopping.counted(run.at.epoch)}"
    if run.at.stopped == stopping.NOT_FINITE or not run.at.finite:
        _recover(run)


def _recover(run: _Driver) -> None:
    """Say where the run stopped being finite, and go back to the last finite weights."""
    run.diverged = True
    what = "validation loss" if run.at.trained and run.at.finite else "loss" if not run.at.trained else "weights"
    bad = run.at.step
    if what != "validation loss":
        run.now = _last_finite(run, bad)
        run.at = read(run.now)
        bad = bad if what == "loss" else run.at.step + 1
    where = f"epoch {(bad - 1) // run.batches + 1}, step {bad}"
    kept = "weights of the best epoch" if run.at.best_epoch >= 0 else f"weights after step {run.at.step}"
    were = "were" if what == "weights" else "was"
    do = "A lower learning rate or scaled inputs usually help"
    run.told = f"the {what} {were} not finite at {where}; the {kept} are kept. {do}"
    run.history = History({name: values[: run.at.epoch] for name, values in run.history.items()})


def _last_finite(run: _Driver, bad: int) -> TrainState:
    """The state before the first step whose loss, or whose weights after it, are not finite, by bisection.

    Most often it is the state right before the step `bad`; but a step may break the weights with a finite loss.
    """
    sound, low, high = run.sound, int(run.sound.step[0]), bad - 1
    middle = high
    while low < high:
        state = _after(run, sound, middle - low)
        at = read(state)
        if at.finite and at.stopped != stopping.NOT_FINITE:
            sound, low = state, middle
        else:
            high = middle - 1
        middle = (low + high + 1) // 2
    return sound


def _after(run: _Driver, state: TrainState, steps: int) -> TrainState:
    """Run `steps` more minibatches from a state, in as many chunks as the logs' capacity needs."""
    at = read(state)
    end = at.step + steps
    while at.step < end and at.stopped == stopping.RUNNING:
        state, _ = run.program.chunk(state, run.data, run.hyper, np.int32(end - at.step))
        at = read(state)
    return state


def _until_callback(run: _Driver, callbacks: list[Any]) -> int:
    """How many minibatches until the next callback is due; boundaries are forced there, so that no clock decides."""
    into = run.at.step - run.at.epoch * run.batches
    waits = [every(callback) - run.at.epoch % every(callback) for callback in callbacks]
    return min(waits) * run.batches - into if waits else MOST_STEPS


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


def _call(run: _Driver, callbacks: list[Any]) -> None:
    epoch = run.at.epoch
    if not callbacks or epoch == 0 or run.at.step != epoch * run.batches:
        return
    for callback in callbacks:
        ended = callback(_finished(run)) if epoch % every(callback) == 0 else False
        # a comparison of NumPy numbers is no `bool`
        if isinstance(ended, bool | np.bool_) and ended and run.at.stopped == stopping.RUNNING:
            name = getattr(callback, "__name__", type(callback).__name__)
            run.told = f"{name} ended it after {stopping.counted(epoch)}"


def _finished(run: _Driver) -> Run:
    """The run as it would be if it ended now: with validation the best weights, else the last."""
    at, recipe = run.at, run.recipe
    kept = {"params": run.now.params, "state": run.now.state}
    whole = at.step == at.epoch * run.batches  # else these weights are not those that the last epoch's row is about
    best = at.best_epoch if run.now.best is not None else at.epoch - 1 if whole else -1
    if run.now.best is not None and best >= 0:
        kept = run.now.best
    # slicing on the host: an eager slice compiles once for every shape, 16 to 40 ms each (measured.md)
    weights = jax.tree.map(lambda leaf: leaf[0], jax.device_get((kept["params"], kept["state"])))
    params, state = jax.device_put(weights)
    because = run.told
    if not because and at.stopped == stopping.EPOCHS_DONE:
        because = f"all {stopping.counted(at.epoch)} done"
    elif not because and at.stopped == stopping.OUT_OF_PATIENCE:
        numbers = {name: float(value[0]) for name, value in run.hyper["rule"].items()}
        because = recipe.rule.reason(jax.tree.map(lambda leaf: np.asarray(leaf)[0], run.now.patience), **numbers)
    x = run.tables.train.x
    return Run(
        net=recipe.net, loss=recipe.loss, params=params, state=state, history=run.history, best_epoch=best,
        metrics=recipe.metrics, stopped_because=because or f"still running after {stopping.counted(at.epoch)}",
        steps=at.step, interrupted=run.interrupted, diverged=run.diverged, now=run.now,
        example=jax.ShapeDtypeStruct(x.shape[1:], x.dtype),
    )  # fmt: skip


def _on_device(tables: Tables) -> Data:
    """Put the tables on the device; parts of one table are put there once."""
    put: dict[int, Any] = {}

    def once(array: np.ndarray | None) -> Any:
        # device_put compiles nothing, jnp.asarray a small program for each shape; a copy of our own, because
        # the user may write to the array while the run goes on, and JAX may read the very memory it is given
        return None if array is None else put.setdefault(id(array), jax.device_put(np.array(array)))

    def rows(table: Table | None) -> Rows | None:
        if table is None:
            return None
        arrays = map(once, (table.x, table.y, table.weight))
        return Rows(*arrays, rows=jax.device_put(table.rows[None]), mask=once(table.mask))

    train = rows(tables.train)
    assert train is not None
    return Data(train, rows(tables.validation))


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Collect Ctrl-C while the run goes on; the second one is raised as usual.

    Only the main thread can, and a process started in the background, which ignores Ctrl-C, goes on doing so.
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
