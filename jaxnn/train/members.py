"""A slice of members on its way through one compiled program: chunks, histories, recovery from NaN, finished runs."""

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.train import stopping
from jaxnn.train.compiled import Program
from jaxnn.train.history import History
from jaxnn.train.program import Data, Recipe, TrainState, log_names
from jaxnn.train.run import Run

FROZEN = 9
"""`TrainState.stopped` of a member that takes no part for now."""


class At(NamedTuple):
    """Where the members are, read from the device at once; arrays `(members,)`."""

    epoch: np.ndarray
    step: np.ndarray
    stopped: np.ndarray
    finite: np.ndarray
    """Whether the weights are."""
    trained: np.ndarray
    """Whether the losses of the unfinished epoch are finite."""
    best_epoch: np.ndarray
    """-1 for none."""

    @property
    def sound(self) -> np.ndarray:
        """Whether neither losses nor weights have stopped being finite."""
        return self.finite & (self.stopped != stopping.NOT_FINITE)


def read(state: TrainState) -> At:
    """Return where members are.

    Args:
        state: of some members.

    Returns:
        The numbers that the host decides by.
    """
    best = state.best["epoch"] if state.best is not None else np.full(state.epoch.shape, -1)
    values = jax.device_get((state.epoch, state.step, state.stopped, state.finite, state.sums["loss"], best))
    epoch, step, stopped, finite, loss, best_epoch = map(np.asarray, values)
    return At(epoch, step, stopped, finite, np.isfinite(loss), best_epoch)


@dataclass
class Members:
    """Members of one program, in one slice."""

    recipe: Recipe
    example: jax.ShapeDtypeStruct
    hyper: Any
    """Of all members, on the device."""
    data: Data
    program: Program
    batches: np.ndarray
    """(members,) minibatches of an epoch."""
    now: TrainState
    at: At
    columns: list[dict[str, list[np.ndarray]]] = field(default_factory=list)
    """What each member logged, chunk by chunk."""
    told: dict[int, str] = field(default_factory=dict)
    """Why a member ended, where the program itself did not say so."""
    diverged: set[int] = field(default_factory=set)
    interrupted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.columns:
            self.columns = [{name: [] for name in log_names(self.recipe)} for _ in range(len(self.batches))]

    def go_on(self, member: int, earlier: Run) -> None:
        """Let a member's history begin with that of an earlier run."""
        for name, parts in self.columns[member].items():
            parts[:] = [earlier.history[name]] if name in earlier.history else []

    @property
    def going(self) -> np.ndarray:
        """(members,) whether there is more to do."""
        told = np.array([member in self.told for member in range(len(self.batches))])
        return (self.at.stopped == stopping.RUNNING) & self.at.finite & ~told

    def advance(self, steps: int) -> None:
        """Run one chunk, read what it logged, and take members back that stopped being finite."""
        sound, before = self.now, self.at
        self.now, logs = self.program.chunk(self.now, self.data, self.hyper, np.int32(steps))
        self.at, logs = read(self.now), jax.device_get(logs)
        for member, columns in enumerate(self.columns):
            count = self.at.epoch[member] - before.epoch[member]
            for name in columns if count else ():
                columns[name].append(logs[name][member, :count])
        for member in np.flatnonzero(before.sound & ~self.at.sound):
            self._recover(int(member), sound)

    def history(self, member: int) -> History:
        """Return what a member logged in every completed epoch."""
        if self.columns[member] and all(len(parts) == 1 for parts in self.columns[member].values()):
            return History({name: parts[0] for name, parts in self.columns[member].items()})
        return History({name: np.concatenate([[], *parts]) for name, parts in self.columns[member].items()})

    def _recover(self, member: int, sound: TrainState) -> None:
        """Say where a member stopped being finite, and go back to its last finite weights, where it stays."""
        at, batches = self.at, int(self.batches[member])
        trained, finite, bad = bool(at.trained[member]), bool(at.finite[member]), int(at.step[member])
        what = "validation loss" if trained and finite else "loss" if not trained else "weights"
        if what != "validation loss":
            self._put(member, self._last_finite(member, sound, bad))
            bad = bad if what == "loss" else int(self.at.step[member]) + 1
        self.diverged.add(member)
        step, epochs = int(self.at.step[member]), int(self.at.epoch[member])
        kept = "weights of the best epoch" if self.at.best_epoch[member] >= 0 else f"weights after step {step}"
        where = f"epoch {(bad - 1) // batches + 1}, step {bad}"
        were = "were" if what == "weights" else "was"
        do = "A lower learning rate or scaled inputs usually help"
        self.told[member] = f"the {what} {were} not finite at {where}; the {kept} are kept. {do}"
        kept_rows = {name: [np.concatenate([[], *parts])[:epochs]] for name, parts in self.columns[member].items()}
        self.columns[member] = kept_rows

    def _put(self, member: int, state: TrainState) -> None:
        """Put a member's own state in place of what it has, and freeze it."""
        host, other = jax.device_get((self.now, state))

        def put(leaf: np.ndarray, own: np.ndarray) -> np.ndarray:
            leaf = np.array(leaf)
            leaf[member] = own[member]
            return leaf

        self.now = jax.tree.map(put, host, other)
        self.now.stopped[member] = stopping.NOT_FINITE
        self.at = read(self.now)

    def _last_finite(self, member: int, sound: TrainState, bad: int) -> TrainState:
        """The state before the first step whose loss, or whose weights after it, are not finite, by bisection.

        Most often it is the state right before the step `bad`; but a step may break the weights with a finite loss.
        """
        others = np.arange(len(self.batches)) != member
        stopped = np.where(others, FROZEN, np.asarray(sound.stopped)).astype(np.int32)
        sound = replace(sound, stopped=stopped)
        low = int(np.asarray(sound.step)[member])
        high = middle = bad - 1
        while low < high:
            state = self._after(member, sound, middle - low)
            if read(state).sound[member]:
                sound, low = state, middle
            else:
                high = middle - 1
            middle = (low + high + 1) // 2
        return sound

    def _after(self, member: int, state: TrainState, steps: int) -> TrainState:
        """Run `steps` more minibatches of one member, in as many chunks as the logs' capacity needs."""
        at = read(state)
        end = at.step[member] + steps
        while at.step[member] < end and at.stopped[member] == stopping.RUNNING:
            state, _ = self.program.chunk(state, self.data, self.hyper, np.int32(end - at.step[member]))
            at = read(state)
        return state

    def finished(self, member: int, host: TrainState | None = None) -> Run:
        """Return a member's run as it would be if it ended now: with validation the best weights, else the last.

        Args:
            member: which.
            host: the state of all members in NumPy, if the caller has it.

        Returns:
            The run; its weights are NumPy's.
        """
        now = self.now
        if len(self.batches) > 1:
            now = jax.tree.map(lambda leaf: leaf[member : member + 1], jax.device_get(now) if host is None else host)
        epoch, step, best_epoch = (int(values[member]) for values in (self.at.epoch, self.at.step, self.at.best_epoch))
        kept = {"params": now.params, "state": now.state}
        whole = step == epoch * self.batches[member]  # else the last epoch's row is not about these weights
        best = best_epoch if now.best is not None else epoch - 1 if whole else -1
        if now.best is not None and best >= 0:
            kept = now.best
        # slicing on the host: an eager slice compiles once for every shape, 16 to 40 ms each (measured.md)
        params, state = jax.tree.map(lambda leaf: leaf[0], jax.device_get((kept["params"], kept["state"])))
        return Run(
            net=self.recipe.net, loss=self.recipe.loss, params=params, state=state, history=self.history(member),
            best_epoch=best, metrics=self.recipe.metrics, stopped_because=self._because(member, now), steps=step,
            interrupted=member in self.interrupted, diverged=member in self.diverged, now=now, example=self.example,
        )  # fmt: skip

    def _because(self, member: int, now: TrainState) -> str:
        """Why a member ended, in words."""
        stopped, epochs = int(self.at.stopped[member]), stopping.counted(int(self.at.epoch[member]))
        if member in self.told:
            return self.told[member]
        if stopped == stopping.EPOCHS_DONE:
            return f"all {epochs} done"
        if stopped != stopping.OUT_OF_PATIENCE:
            return f"still running after {epochs}"
        numbers = {name: float(np.asarray(value)[member]) for name, value in self.hyper["rule"].items()}
        return self.recipe.rule.reason(jax.tree.map(lambda leaf: np.asarray(leaf)[0], now.patience), **numbers)
