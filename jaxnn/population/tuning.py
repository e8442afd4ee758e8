"""The search for hyper-parameters: every setting on every fold, through as few compiled programs as can be."""

import inspect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.population import settings as hyper
from jaxnn.population import space as spaces
from jaxnn.population.folds import Fold, folds, holdout
from jaxnn.population.leaderboard import Leaderboard
from jaxnn.population.plan import Plan
from jaxnn.population.races import Race, brackets, check_epochs, race
from jaxnn.population.trials import Trials, curves, trials
from jaxnn.train import Run, drive
from jaxnn.train.job import job
from jaxnn.train.prepare import seed_of

EPOCHS: int = inspect.signature(job).parameters["epochs"].default
"""Of `fit`, where none are given."""


@dataclass(frozen=True, eq=False)
class Search:
    """What a search found.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> grid = {"learning_rate": [0.001, 0.1]}
    >>> found = nn.search(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, grid=grid, folds=4)
    >>> found.best, len(found.table["mean"]), found.refit.stopped_because
    ({'learning_rate': 0.1}, 2, 'all 50 epochs done')
    """

    settings: list[dict[str, Any]] = field(repr=False)
    """In the order in which they were tried."""
    table: Leaderboard
    best: dict[str, Any] | None
    """The best setting; None where none was finished."""
    best_score: float
    """Its mean score over folds."""
    metric: str
    higher_is_better: bool
    scores: np.ndarray = field(repr=False)
    """(settings, folds) in the order of `settings`."""
    runs: list[Run | None] = field(repr=False)
    """Of every setting on every fold, setting by setting."""
    folds: Sequence[Fold] = field(repr=False)
    refit: Run | None = field(repr=False)
    """The best setting trained on all rows; None with `refit=False`."""
    plan: Plan
    rungs: list[tuple[int, int]] = field(repr=False)
    """Epochs and settings alive at the end of each rung of the schedule."""
    interrupted: bool = False
    gap: float | None = None
    """With `verify`, the largest difference between a member's weights and those of the same run done alone."""

    def curves(self, place: int, name: str = "val_loss") -> np.ndarray:
        """Return one column of the histories of a setting: (folds, epochs), NaN after the end of a run.

        Args:
            place: of the setting in `settings`.
            name: of the column, as in `Run.history`.
        """
        many = len(self.folds)
        return curves(self.runs[place * many : (place + 1) * many], name)


def search(
    make_net: hyper.Maker,
    data: tuple[Any, Any],
    loss: Any,
    *,
    grid: Any = None,
    space: Mapping[str, Any] | None = None,
    n: int | None = None,
    folds: int | Sequence[Any] | None = None,
    repeats: int = 1,
    validation: float | None = None,
    metric: Any = "loss",
    schedule: str = "full",
    factor: int = 3,
    min_epochs: int | None = None,
    refit: bool = True,
    key: Any = 0,
    groups: Any = None,
    strategy: str = "auto",
    threads: int | None = None,
    verify: bool = False,
    progress: Any = None,
    **shared: Any,
) -> Search:
    """Search for the best hyper-parameters by cross-validation; all runs are members of a few compiled programs.

    Every setting is trained on every fold, from the same seeds and minibatch orders as the others, and measured with
    its last weights on the rows held out; with `stop=EarlyStopping(...)` on validation data, these are a tenth of the
    rows learnt (or `inner_validation`), never the fold. A setting that stops being finite on a fold has no score.

    Args:
        make_net: a network, or a function of hyper-parameters that returns one.
        data: `(x, y)`, as for `fit`.
        loss: as for `fit`.
        grid: a dict from hyper-parameter to values, of which every combination is tried; or a list of such dicts.
            Hyper-parameters are the parameters of `make_net`, settings of `fit` (`learning_rate`, `batch_size`,
            `epochs`, `optimizer`, `penalties`, `class_weight`, ...), `l1` and `l2` (strengths on all kernels), and the
            numbers of optimiser, stopping rule and loss: `momentum`, `b1`, `b2`, `eps`, `weight_decay`, `clip`,
            `patience`, `min_delta`, `smoothing`.
        space: in place of a grid: a dict from hyper-parameter to values, a distribution of `population.space` or of
            SciPy; `n` settings are drawn from it.
        n: how many settings of a space; of a grid, so many of its combinations at random.
        folds: how many, at least 2; or a list of pairs of row numbers or masks (learnt, held out), or a splitter of
            scikit-learn. None for one split.
        repeats: how often all folds are done, with other parts.
        validation: without folds, the share of rows held out; 0.2 by default.
        metric: what decides: "loss", or a metric or its name.
        schedule: "full" trains every setting to the end; "halving" looks after a few epochs, keeps one setting in
            `factor`, and goes on; "hyperband" runs several halvings that begin at different lengths.
        factor: for a schedule.
        min_epochs: before a schedule's first look; None for its own choice.
        refit: whether the best setting is trained on all rows at the end.
        key: the same key gives the same folds, settings and runs.
        groups: `(rows,)` what must not be on both sides of a split; None for single rows.
        strategy: "auto", "pad" (networks that differ in width share a program) or "bucket" (a program for each).
        threads, progress: as for `fit_many`.
        verify: whether the best setting's first run is done again alone, to tell the `gap`: 0 on a CPU.
        **shared: settings of `fit` that all runs share, such as `epochs`.

    Returns:
        The `Search`: `table`, `best`, `refit`, and more.

    Raises:
        JaxnnError: for an unknown hyper-parameter, an impossible setting, folds that cannot be made, or if no setting
            stayed finite.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 60, dtype=np.float32)[:, None]
    >>> how = {"space": {"learning_rate": spaces.LogUniform(1e-4, 1)}, "n": 5, "schedule": "halving", "epochs": 9}
    >>> found = nn.search(nn.models.mlp((8,), 1), (x, x**2), nn.losses.squared_error, **how)
    >>> found.rungs, found.best_score == min(found.table["mean"])
    ([(3, 5), (9, 1)], True)
    """
    settings = settings_of(grid, space, n, key)
    check_epochs(schedule, settings)
    differ = [name for name in ("loss", "smoothing") if len({repr(setting.get(name)) for setting in settings}) > 1]
    if isinstance(metric, str) and metric == "loss" and differ:
        do = "Name one of jaxnn.metrics, such as metric='accuracy'"
        fail("metric", f"'loss' where settings differ in {differ[0]}", "a measure that is the same for all", do)
    inner = shared.pop("inner_validation", None)
    if inner is not None:
        shared["validation"] = inner
    given = splits_of(data, loss, folds, repeats, validation, key, groups)
    how = {"key": key, "strategy": strategy, "threads": threads, "progress": progress}
    made = trials(make_net, data, loss, given, metric, shared, **how)
    epochs = [int(setting.get("epochs", shared.get("epochs", EPOCHS))) for setting in settings]
    racing = brackets(schedule, len(settings), max(epochs), factor, min_epochs)
    at = race(made, settings, epochs, racing, factor)
    return _found(made, settings, at, refit, verify)


def splits_of(
    data: Any, loss: Any, wanted: Any, repeats: int, validation: float | None, key: Any, groups: Any
) -> list[Fold]:
    """Return the folds that a user asked for: made, or given as pairs of row numbers.

    Args:
        data, loss: as for `fit`.
        wanted, repeats, validation, key, groups: as for `search`.

    Returns:
        The folds.

    Raises:
        JaxnnError: if they cannot be made.
    """
    if not (isinstance(data, tuple | list) and len(data) == 2):
        fail("data", type(data).__name__, "a pair (x, y)")
    y = np.asarray(data[1])
    if wanted is None:
        if groups is not None:
            fail("groups", "groups without folds", "folds= beside them")
        return holdout(y, loss, 0.2 if validation is None else validation, repeats, key)
    if validation is not None:
        fail("validation", f"{validation!r} beside folds", "one of the two", "Early stopping takes inner_validation=")
    if isinstance(wanted, int | np.integer):
        return folds(y, loss, int(wanted), repeats, key, groups)
    if repeats != 1:
        fail("repeats", f"{repeats} beside folds of your own", "1", "Give all of the folds")
    if hasattr(wanted, "split"):  # a splitter of scikit-learn
        wanted = wanted.split(np.zeros((len(y), 1)), y, groups)
    pairs = [tuple(_row_numbers(part) for part in pair) for pair in wanted]
    if not pairs or any(len(pair) != 2 or not len(pair[0]) or not len(pair[1]) for pair in pairs):
        fail("folds", "a list of something else", "pairs of row numbers, those learnt and those held out")
    return [Fold(train.astype(np.int32), test.astype(np.int32)) for train, test in pairs]


def _row_numbers(part: Any) -> np.ndarray:
    """Row numbers, given as such or as a mask."""
    found = np.asarray(part)
    if found.dtype == np.bool_:
        return np.flatnonzero(found)
    if found.ndim != 1 or found.dtype.kind not in "iu":
        fail("folds", f"{found.dtype} of shape {found.shape}", "row numbers, or a mask with a Boolean for each row")
    return found


def settings_of(grid: Any, space: Any, n: int | None, key: Any) -> list[dict[str, Any]]:
    """Return the settings that a search tries.

    Args:
        grid, space, n, key: as for `search`.

    Returns:
        Hyper-parameters of each.

    Raises:
        JaxnnError: unless there is one of grid and space, or if one of them does not fit.
    """
    if (grid is None) == (space is None):
        fail("search", "grid and space" if grid is not None else "neither grid nor space", "one of the two")
    seed = seed_number(key)
    if grid is None:
        if n is None:
            fail("n", "None beside a space", "how many settings are to be drawn")
        return spaces.draws(space, n, seed)
    every = spaces.grid(grid)
    if n is None or whole_number("n", n, 1) >= len(every):
        return every
    return [every[i] for i in np.sort(np.random.default_rng(seed).permutation(len(every))[:n])]


def seed_number(key: Any) -> int:
    """Return a whole number that a key stands for."""
    words = seed_of(key)[0]
    return int(np.random.SeedSequence([int(word) for word in words]).generate_state(1)[0])


def _found(made: Trials, settings: list[dict[str, Any]], at: Race, refit: bool, verify: bool) -> Search:
    many = len(made.folds)
    epochs = np.array([0 if run is None else run.history.epochs for run in at.runs], np.float64).reshape(-1, many)
    status = [_status(i, at, many) for i in range(len(settings))]
    table = Leaderboard(settings, at.scores, epochs, status, made.higher_is_better)
    interrupted = "interrupted" in status
    first = table.order[0]
    score = float(at.scores[first].mean())
    done = status[first] in ("done", "dropped") and math.isfinite(score)
    if not done and not interrupted:
        lost = [run for run in at.runs if run is not None and run.diverged]
        given = f"{len(lost)} of {len(at.runs)} runs that stopped being finite, and no setting without one"
        because = lost[0].stopped_because if lost else "scores are not finite"
        fail("search", given, "a setting that stays finite on every fold", f"The first: {because}")
    best = settings[first] if done else None
    whole = refitted(made, best) if refit and best is not None and not interrupted else None
    return Search(
        settings=settings, table=table, best=best, best_score=score, metric=made.score_name,
        higher_is_better=made.higher_is_better, scores=at.scores, runs=at.runs, folds=made.folds, refit=whole,
        plan=made.plans[0], rungs=at.rungs, interrupted=interrupted,
        gap=_gap(made, at, first * many) if verify and done else None,
    )  # fmt: skip


def _status(i: int, at: Race, many: int) -> str:
    runs = at.runs[i * many : (i + 1) * many]
    if any(run is None or run.interrupted for run in runs):
        return "interrupted"
    if any(run is not None and run.diverged for run in runs):
        return "diverged"
    return "dropped" if i in at.dropped else "done"


def refitted(made: Trials, setting: Mapping[str, Any]) -> Run:
    """Return a setting trained on all rows.

    Args:
        made: what all settings share.
        setting: hyper-parameters.

    Returns:
        The run.
    """
    rows = np.arange(len(made.table.x), dtype=np.int32)
    every = Trials(made.make_net, made.table, made.loss, [Fold(rows, rows)], made.metric, made.shared, made.key)
    (one,) = every.jobs([setting])
    if not every.inner[0]:
        one = one._replace(tables=one.tables._replace(validation=None))
        one = one._replace(recipe=replace(one.recipe, validated=False))
    return drive.drive(one, [], made.progress if isinstance(made.progress, bool) else None)


def _gap(made: Trials, at: Race, place: int) -> float:
    """The largest difference between a run's weights and those of the same run done alone, from its beginning."""
    plan, together = made.plans[0], at.runs[place]
    assert together is not None
    whole = {"epochs": np.full(1, together.history.epochs, np.int32)}  # a schedule had cut it into rungs
    again = plan.jobs[place]._replace(hyper=plan.jobs[place].hyper | whole)
    alone = plan.unpadded(place, drive.drive(again, [], False))
    gaps = jax.tree.map(lambda a, b: float(np.abs(a - b).max(initial=0)), together.params, alone.params)
    return max(jax.tree.leaves(gaps))
