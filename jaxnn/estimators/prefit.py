"""Many fits of estimators trained at once, and handed out one by one when `fit` is called."""

import contextlib
import copy
import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import replace
from typing import Any

import numpy as np

from jaxnn.estimators import prediction, training
from jaxnn.population.plan import Plan, plan
from jaxnn.population.trials import continued
from jaxnn.train import Run, standing, stopping, tables
from jaxnn.train.job import Job, job
from jaxnn.train.prepare import seed_of
from jaxnn.train.spread import spread
from jaxnn.train.tables import Table, Tables

_WAITING: ContextVar[deque["Prefit"] | None] = ContextVar("waiting", default=None)


class Prefit:
    """One fit of an estimator, made ready before `fit` is called.

    Args:
        estimator: an unfitted estimator of `jaxnn.estimators`.
        X, y, weight, X_val, y_val: what `fit` will be given.
    """

    def __init__(
        self, estimator: Any, X: Any, y: Any, weight: Any = None, X_val: Any = None, y_val: Any = None
    ) -> None:
        self.estimator, self.given = estimator, (X, y)
        self.parameters = estimator.get_params(deep=False)
        self.error: Exception | None = None
        self.asked: Any = None
        self.wanted: Any = None
        self.run: Run | None = None
        self.computed: Run | None = None
        """The run as it was planned; `run` is of the network that was asked for."""
        self.job: Job | None = None
        """As it was planned."""
        self.ended = False
        """Whether there is nothing to train any more."""
        self.plan: tuple[Plan, int] | None = None
        """And the place of the job in it."""
        try:
            self.asked = estimator._ask_for(X, y, weight, X_val, y_val, False)
            with prediction.precision(self.asked.train.x.dtype):
                self.wanted = training.request(estimator, self.asked)
        except Exception as error:  # it is raised where `fit` is called, as it would have been
            self.error = error

    def to_job(self, kept: dict[Any, Any], most_rows: int) -> Job:
        """Return what the engine takes; equal tables become the same arrays."""
        train, held = self.asked.train, self.asked.held
        seed = seed_of(self.wanted.key)
        both = Tables(_table("data", train, kept), None if held is None else _table("validation", held, kept))
        return job(self.wanted.net, self.wanted.loss, both, seed, most_rows=most_rows, **self.wanted.how)

    def longer(self, epochs: int) -> "Prefit":
        """Return the fit that differs from this one in `max_iter` alone: it goes on, unless this one has ended."""
        made = copy.copy(self)
        if self.error is not None or self.job is None or self.computed is None or self.computed.now is None:
            return made
        made.ended = int(self.computed.now.stopped[0]) != stopping.EPOCHS_DONE
        made.job = self.job if made.ended else continued(self.job, self.computed, epochs)
        return made

    def give(self, estimator: Any) -> None:
        """Make an estimator with the same parameters a fitted one."""
        if self.error is not None:
            raise self.error
        if self.run is None or self.job is None:
            raise KeyboardInterrupt
        parameters = estimator.get_params(deep=False)
        own = self.estimator.__dict__.items()
        estimator.__dict__.update({name: value for name, value in own if name not in parameters})
        training.finish(estimator, self.wanted, self.asked, self.run)
        if self.run.net is not self.job.recipe.net:  # the optimiser's state is that of the padded network
            estimator._continuation = None
        estimator._take(self.run, len(self.asked.train.x), self.asked.held is not None)


def _table(name: str, rows: Any, kept: dict[Any, Any]) -> Table:
    """Checked rows; those of equal content are checked once and are the same arrays."""
    wish = (name, *(None if one is None else _content(one, kept) for one in rows))
    if wish not in kept:
        kept[wish] = tables.table(name, (rows.x, rows.targets), rows.weight, None)
    return kept[wish]


def _content(array: np.ndarray, kept: dict[Any, Any]) -> Any:
    if id(array) not in kept:
        whole = np.ascontiguousarray(array)
        kept[id(array)] = (whole.shape, str(whole.dtype), hashlib.blake2b(whole.view(np.uint8).data).digest(), array)
    return kept[id(array)][:3]


_ONCE: ContextVar[dict[Any, Any] | None] = ContextVar("once", default=None)


@contextlib.contextmanager
def checking_once(kept: dict[Any, Any]) -> Iterator[None]:
    """Let fits that are made ready share what depends on their data alone: it was a third of the time of a search.

    Args:
        kept: what was found so far; it is added to.
    """
    before = _ONCE.set(kept)
    try:
        yield
    finally:
        _ONCE.reset(before)


def once(what: str, given: Sequence[Any], compute: Callable[[], Any]) -> Any:
    """Return what depends on some arrays alone, computed once for the same arrays while fits are made ready.

    Args:
        what: its name.
        given: the arrays, and settings that can be compared.
        compute: a function without arguments.

    Returns:
        What it returns; nobody is to change it.
    """
    kept = _ONCE.get()
    if kept is None:
        return compute()
    key = (what, *(one if isinstance(one, str | type) else id(one) for one in given))
    if key not in kept:
        kept[key] = (compute(), given)  # the arrays stay alive, and with them their identities
    return kept[key][0]


def taken(estimator: Any, X: Any, y: Any) -> Prefit | None:
    """Return the fit that was made ready for this call of `fit`, of the same parameters and data; None if none was."""
    waiting = _WAITING.get()
    if not waiting:
        return None
    wanted = (type(estimator), estimator.get_params(deep=False), (X, y))
    for place, ready in enumerate(waiting):
        if same((type(ready.estimator), ready.parameters, ready.given), wanted):
            del waiting[place]
            return ready
    return None


def same(one: Any, other: Any) -> bool:
    """Return whether two parameters, or two pieces of data, are the same in content.

    >>> same({"a": [1, np.zeros(2)]}, {"a": [1, np.zeros(2)]}), same(1, 1.0), same(np.zeros(2), np.ones(2))
    (True, False, False)
    """
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.random.RandomState):
        return True  # copies of one generator, of which each has drawn since
    if hasattr(one, "tocoo"):
        return one.shape == other.shape and (one != other).nnz == 0
    if hasattr(one, "shape"):
        arrays = np.asarray(one), np.asarray(other)
        numbers = arrays[0].dtype.kind == "f"
        return one.shape == other.shape and bool(np.array_equal(*arrays, equal_nan=numbers))
    try:
        return bool(one == other) or bool(one != one and other != other)
    except (TypeError, ValueError):
        return False


@contextlib.contextmanager
def handing_out(ready: Sequence[Prefit]) -> Iterator[None]:
    """Let the next calls of `fit` take what was made ready, in this order.

    Args:
        ready: the fits.
    """
    before = _WAITING.set(deque(ready))
    try:
        yield
    finally:
        _WAITING.reset(before)


def train(
    fits: Sequence[Prefit],
    *,
    strategy: str = "auto",
    threads: int | None = None,
    shown: Any = False,
    fewest: int | None = None,
    sizes: dict[Any, int] | None = None,
) -> Plan | None:
    """Train what was made ready, all at once.

    Args:
        fits: those with an error are left out; those that have a run already go on with it, in the same program.
        strategy, threads: as for `jaxnn.search`.
        shown: as `progress` of `jaxnn.fit_many`.
        fewest, sizes: as for `spread`.

    Returns:
        The plan of those that are new; None where none is.
    """
    sound = [one for one in fits if one.error is None and not one.ended]
    if not sound:
        return None
    dtypes = {one.asked.train.x.dtype for one in sound}
    made = None
    for dtype in sorted(dtypes, key=str):
        with prediction.precision(dtype):
            mine = [one for one in sound if one.asked.train.x.dtype == dtype]
            made = _trained(mine, strategy, threads, shown, fewest, sizes)
    return made


def _trained(
    fits: list[Prefit], strategy: str, threads: int | None, shown: Any, fewest: int | None, sizes: Any
) -> Plan | None:
    kept: dict[Any, Any] = {}
    fresh = [one for one in fits if one.job is None]
    made = None
    if fresh:
        most, jobs = max(len(one.asked.train.x) for one in fresh), []
        for one in list(fresh):
            try:
                jobs.append(one.to_job(kept, most))
            except Exception as error:
                one.error = error
                fresh.remove(one)
        fits = [one for one in fits if one.error is None]
        if not fits:
            return None
        made = plan(jobs, strategy, threads)
        for place, (one, planned) in enumerate(zip(fresh, made.jobs, strict=True)):
            one.job, one.plan = planned, (made, place)
    with standing.reporter(shown) as report:
        jobs = [one.job for one in fits if one.job is not None]
        runs = spread(jobs, threads, report, fewest, sizes)
    for one, run in zip(fits, runs, strict=True):
        one.computed, one.run = run, run
        if run is not None and one.plan is not None:
            whole, place = one.plan
            one.run = replace(whole.unpadded(place, run), now=run.now)
    return made
