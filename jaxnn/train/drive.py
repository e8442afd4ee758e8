"""The host's side of a run: between chunks it moves the bar, hears Ctrl-C, calls callbacks, and recovers from NaN."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from jaxnn.train import compiled, progress, stopping
from jaxnn.train.history import History
from jaxnn.train.prepare import Table, Tables
from jaxnn.train.program import Data, Recipe, Rows, TrainState, batches, log_names
from jaxnn.train.progress import Progress
from jaxnn.train.run import Run

CHUNK_SECONDS = 0.5
"""How long the host aims to be away: long enough to cost nothing, short enough for a bar and Ctrl-C."""

FIRST_STEPS = 16
"""Minibatches of the first chunk, from which the time of one is measured."""


@dataclass
class _Driver:
    """One run on its way."""

    recipe: Recipe
    tables: Tables
    hyper: dict[str, Any]
    data: Data
    program: compiled.Program
    now: TrainState
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

    def value(self, name: str) -> int:
        return int(np.asarray(getattr(self.now, name))[0])

    def advance(self, steps: int) -> None:
        """Run one chunk and read what it logged."""
        before = self.value("epoch")
        self.now, logs = self.program.chunk(self.now, self.data, self.hyper, np.int32(steps))
        logs, finite = jax.device_get((logs, self.now.finite))
        completed = self.value("epoch") - before
        self.history = self.history.extended({name: logs[name][0, :completed] for name in logs})
        if finite[0] and self.value("stopped") != stopping.NOT_FINITE:
            self.sound = self.now


def drive(
    recipe: Recipe,
    seeds: np.ndarray,
    hyper: dict[str, Any],
    tables: Tables,
    start: Any,
    callbacks: list[Any],
    shown: Any,
) -> Run:
    """Run the compiled program of a population of one to its end.

    Args:
        recipe, hyper: what `prepare` made.
        seeds: (1, words) the key.
        tables: the checked data.
        start: weights to start from with a leading axis of one member, or None.
        callbacks: functions of a `Run`.
        shown: what `fit` was given as `progress`.

    Returns:
        The run.
    """
    data = _on_device(tables)
    with progress.reporter(shown) as report, _interrupts() as interrupted:
        report(Progress(0, int(hyper["epochs"][0]), {}, None))
        program = compiled.compiled(recipe, seeds, hyper, data, start, np.int32(0))
        hyper = jax.device_put(hyper)
        now = program.init(seeds, hyper, data, start)
        run = _Driver(recipe, tables, hyper, data, program, now, now, History({name: [] for name in log_names(recipe)}))
        _to_the_end(run, callbacks, report, interrupted)
    return _finished(run)


def _to_the_end(run: _Driver, callbacks: list[Any], report: Any, interrupted: list[int]) -> None:
    epochs = int(np.asarray(run.hyper["epochs"])[0])
    steps, began, done = FIRST_STEPS, time.monotonic(), 0
    while run.value("stopped") == stopping.RUNNING and not run.told:
        before, since = run.value("step"), time.monotonic()
        run.advance(min(steps, _until_callback(run, callbacks), epochs * run.batches - before))
        taken, seconds = run.value("step") - before, time.monotonic() - since
        done += taken
        # the time of a chunk is no part of any result: where chunks end changes no bit (tests/train/test_program.py)
        steps = max(1, min(int(CHUNK_SECONDS * taken / max(seconds, 1e-9)), 2**30, steps * 4096))
        each = (time.monotonic() - began) / done
        latest = {name: float(values[-1]) for name, values in run.history.items() if len(values)}
        report(Progress(run.value("epoch"), epochs, latest, each * (epochs * run.batches - run.value("step"))))
        if interrupted:
            run.interrupted, run.told = True, f"interrupted after {_count(run.history.epochs)}"
        elif run.value("stopped") == stopping.RUNNING:
            _call(run, callbacks)
    if run.value("stopped") == stopping.NOT_FINITE or not np.asarray(run.now.finite)[0]:
        _recover(run)


def _recover(run: _Driver) -> None:
    """Say where the run stopped being finite, and go back to the last finite weights by running them again."""
    run.diverged = True
    bad = run.value("step")
    epoch = (bad - 1) // run.batches + 1
    in_training = not np.isfinite(np.asarray(run.now.sums["loss"])[0]) or not np.asarray(run.now.finite)[0]
    what = f"the loss was not finite at epoch {epoch}, step {bad}"
    if not in_training:
        what = f"the validation loss was not finite after epoch {epoch}, step {bad}"
    else:
        low, sound = run.sound.step[0].item(), run.sound
        high = (
            bad - 1
        )  # the step whose loss was not finite came after finite weights, or after the step that broke them
        while low < high:
            middle = high if high == bad - 1 else (low + high + 1) // 2
            state = _after(run, sound, middle - sound.step[0].item())
            if np.asarray(state.finite)[0] and np.asarray(state.stopped)[0] != stopping.NOT_FINITE:
                low, sound = middle, state
            else:
                high = middle - 1
        run.now = sound
    has_best = run.now.best is not None and _best_epoch(run) >= 0
    kept = "weights of the best epoch" if has_best else f"weights after step {run.value('step')}"
    run.told = f"{what}; the {kept} are kept. A lower learning rate or scaled inputs usually help"
    run.history = History({name: values[: run.value("epoch")] for name, values in run.history.items()})


def _after(run: _Driver, state: TrainState, steps: int) -> TrainState:
    """Run `steps` more minibatches from a state, in as many chunks as the logs' capacity needs."""
    end = state.step[0].item() + steps
    while state.step[0].item() < end and np.asarray(state.stopped)[0] == stopping.RUNNING:
        state, _ = run.program.chunk(state, run.data, run.hyper, np.int32(end - state.step[0].item()))
    return state


def _until_callback(run: _Driver, callbacks: list[Any]) -> int:
    """How many minibatches until the next callback is due; boundaries are forced there, so that no clock decides."""
    waits = [
        (every - run.value("epoch") % every) * run.batches - (run.value("step") - run.value("epoch") * run.batches)
        for every in (getattr(callback, "every", 1) for callback in callbacks)
    ]
    return min(waits, default=2**31 - 1)


def _call(run: _Driver, callbacks: list[Any]) -> None:
    epoch = run.value("epoch")
    if not callbacks or epoch == 0 or run.value("step") != epoch * run.batches:
        return
    for callback in callbacks:
        if epoch % getattr(callback, "every", 1) == 0 and callback(_finished(run)) is True:
            name = getattr(callback, "__name__", type(callback).__name__)
            run.told = f"{name} ended it after {_count(epoch)}"


def _best_epoch(run: _Driver) -> int:
    if run.now.best is None:
        return run.value("epoch") - 1
    return int(np.asarray(run.now.best["epoch"])[0])


def _finished(run: _Driver) -> Run:
    """The run as it would be if it ended now: with validation the best weights, else the last."""
    best, recipe = _best_epoch(run), run.recipe
    kept = (
        run.now.best if run.now.best is not None and best >= 0 else {"params": run.now.params, "state": run.now.state}
    )
    # slicing on the host: an eager slice compiles once for every shape, 16 to 40 ms each (measured.md)
    weights = jax.tree.map(lambda leaf: leaf[0], jax.device_get((kept["params"], kept["state"])))
    params, state = jax.device_put(weights)
    because = run.told
    if not because and run.value("stopped") == stopping.EPOCHS_DONE:
        because = f"all {_count(run.value('epoch'))} done"
    elif not because and run.value("stopped") == stopping.OUT_OF_PATIENCE:
        patience = int(np.asarray(run.hyper["patience"])[0])
        because = f"no better validation {recipe.monitor} for {_count(patience)}"
    x = run.tables.train.x
    return Run(
        net=recipe.net, loss=recipe.loss, params=params, state=state, history=run.history, best_epoch=best,
        metrics=recipe.metrics,
        stopped_because=because or f"still running after {_count(run.value('epoch'))}", steps=run.value("step"),
        interrupted=run.interrupted, diverged=run.diverged, example=jax.ShapeDtypeStruct(x.shape[1:], x.dtype),
    )  # fmt: skip


def _count(epochs: int) -> str:
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def _on_device(tables: Tables) -> Data:
    """Put the tables on the device; parts of one table are put there once."""
    put: dict[int, Any] = {}

    def once(array: np.ndarray | None) -> Any:
        # device_put compiles nothing, jnp.asarray a small program for each shape
        return None if array is None else put.setdefault(id(array), jax.device_put(array))

    def rows(table: Table | None) -> Rows | None:
        return table and Rows(once(table.x), once(table.y), once(table.weight), jax.device_put(table.rows[None]))

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
