"""Cross-validation: what a network is worth on rows that it has not learnt, or what a search on the others is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jaxnn.checks import JaxnnError, fail, number_in
from jaxnn.population.combining import combined
from jaxnn.population.folds import Fold
from jaxnn.population.folds import folds as make_folds
from jaxnn.population.plan import Plan
from jaxnn.population.scoring import lost, measured, some_score
from jaxnn.population.settings import Maker
from jaxnn.population.trials import Trials, curves, metric_of, trials
from jaxnn.population.tuning import settings_of, splits_of
from jaxnn.train import Run
from jaxnn.train.job import Job
from jaxnn.train.run import outputs
from jaxnn.train.tables import Table


@dataclass(frozen=True, eq=False, repr=False)
class CrossValidation:
    """What a cross-validation found.

    >>> from jaxnn.population import folds
    >>> scores = {"loss": np.array([1.0, 2.0, 3.0])}
    >>> found = CrossValidation("loss", False, scores, [None] * 3, folds(np.zeros(9), None, 3), [{}] * 3)
    >>> found.mean, [round(end, 4) for end in found.interval()]  # 2 -+ 4.3027 (1/3 + 3/6)^0.5
    (2.0, [-1.9278, 5.9278])
    """

    metric: str
    higher_is_better: bool
    measures: dict[str, np.ndarray]
    """(folds,) of each fold's held-out rows, by the name "loss" and those of all metrics; NaN where the run stopped
    being finite."""
    runs: list[Run | None]
    """Of each fold; None for what Ctrl-C kept from beginning."""
    folds: Sequence[Fold]
    settings: list[dict[str, Any]]
    """Of each fold the hyper-parameters that its search chose; empty ones without a search."""
    tried: list[dict[str, Any]] = field(default_factory=list)
    """What each search tried."""
    inner_scores: np.ndarray | None = None
    """(tried, folds, inner folds) of the searches; None without."""
    inner_folds: list[list[Fold]] = field(default_factory=list)
    """Of each fold the splits of the rows that it learns."""
    plans: list[Plan] = field(default_factory=list)
    """Which programs the searches took, and the runs."""
    table: Table | None = None
    """The data, checked."""

    @property
    def scores(self) -> np.ndarray:
        """The metric on each fold: (folds,)."""
        return self.measures[self.metric]

    @property
    def mean(self) -> float:
        """The mean score over folds."""
        return float(self.scores.mean())

    @property
    def std(self) -> float:
        """Its standard deviation over folds (of the population)."""
        return float(self.scores.std())

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return an interval for the score of the method on new data.

        `mean -+ t s sqrt(1 / J + held out / learnt)` with the standard deviation s of the J scores (J - 1 in its
        denominator) and t of J - 1 degrees of freedom: the folds share rows, so their scores are no independent
        draws, and `s / sqrt(J)` would be too narrow.

        Args:
            level: how sure it is to be, from 0 to 1.

        Returns:
            The lower and the upper end; NaN where a score is.

        Raises:
            JaxnnError: if the level is out of range.

        Reference: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning, 2003.
        """
        from scipy.special import stdtrit  # not with `import jaxnn`

        number_in("level", level, 0, 1, open_low=True, open_high=True)
        count = len(self.folds)
        if count < 2:
            return float("nan"), float("nan")
        ratio = float(np.mean([len(fold.test) / len(fold.train) for fold in self.folds]))
        half = stdtrit(count - 1, 0.5 + level / 2) * self.scores.std(ddof=1) * (1 / count + ratio) ** 0.5
        return self.mean - float(half), self.mean + float(half)

    def curves(self, name: str = "val_loss") -> np.ndarray:
        """Return one column of the histories: (folds, epochs), NaN after the end of a run.

        Args:
            name: of the column, as in `Run.history`.
        """
        return curves(self.runs, name)

    @property
    def out_of_fold(self) -> np.ndarray:
        """What runs say of rows that they did not learn, (rows, outputs): NaN where there is none.

        Of several runs it is what they say together, as in `combined`. A calibration can be fitted on it.
        """
        assert self.table is not None
        pairs = zip(self.runs, self.folds, strict=True)
        kept = [(run, fold.test) for run, fold in pairs if run is not None and not lost(run)]
        said, known = [], np.zeros((len(kept), len(self.table.x)))
        for place, (run, rows) in enumerate(kept):
            mask = None if self.table.mask is None else self.table.mask[rows]
            own = outputs(run.net, run.params, run.state, self.table.x[rows], mask)
            said.append(np.zeros((known.shape[1], *own.shape[1:])))
            said[-1][rows], known[place, rows] = own, 1
        return combined(kept[0][0].loss, said, known) if kept else np.full((known.shape[1], 1), np.nan)

    def __repr__(self) -> str:
        done = np.isfinite(self.scores).sum()
        low, high = self.interval()
        searched = f", {len(self.tried)} settings tried in each" if self.tried else ""
        return (
            f"CrossValidation({self.metric} {self.mean:.4g}, 95 % interval {low:.4g} to {high:.4g}; "
            f"{done} of {len(self.folds)} folds{searched})"
        )


def cross_validate(
    make_net: Maker,
    data: tuple[Any, Any],
    loss: Any,
    *,
    folds: int | Sequence[Any] = 5,
    repeats: int = 1,
    metric: Any = "loss",
    metrics: Sequence[Any] = (),
    grid: Any = None,
    space: Mapping[str, Any] | None = None,
    n: int | None = None,
    inner_folds: int = 3,
    key: Any = 0,
    groups: Any = None,
    strategy: str = "auto",
    threads: int | None = None,
    progress: Any = None,
    **shared: Any,
) -> CrossValidation:
    """Train on all folds but one and measure on that one, for each of them; all runs are members of one program.

    A run is measured with its last weights; with `stop=EarlyStopping(...)` on validation data, these are a tenth of the
    rows learnt (or `inner_validation`), never the fold.

    With a grid or a space the cross-validation is nested: for each fold, a search among the rows learnt chooses the
    setting, by a cross-validation of its own, and the fold measures it. That is what the search is worth on new data;
    `search`'s own best score is too good, because it is the best of many. The searches of all folds are one
    population.

    Args:
        make_net: a network; with a grid or space also a function of hyper-parameters that returns one.
        data, loss: as for `fit`.
        folds: how many, at least 2; or a list of pairs of row numbers (learnt, held out).
        repeats: how often all folds are done, with other parts.
        metric: what decides, and what `scores` are: "loss", or a metric or its name.
        metrics: further ones, to be measured beside it.
        grid, space, n: of the searches, as for `search`.
        inner_folds: of each search.
        key: the same key gives the same folds and runs.
        groups: `(rows,)` what must not be on both sides of a split; None for single rows.
        strategy, threads, progress: as for `search`.
        **shared: settings of `fit` that all runs share.

    Returns:
        The `CrossValidation`: `scores`, `mean`, `std`, `interval()`, `runs`, and more.

    Raises:
        JaxnnError: for an unknown hyper-parameter, folds that cannot be made, or if no run stayed finite.

    Reference: G. Cawley and N. Talbot, "On over-fitting in model selection and subsequent selection bias in performance
    evaluation", 2010, for nesting.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 48, dtype=np.float32)[:, None]
    >>> grid = {"learning_rate": [0.0001, 0.1]}
    >>> found = nn.cross_validate(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, folds=4, grid=grid)
    >>> found.settings[0], found.inner_scores.shape, bool(found.mean < 0.01)
    ({'learning_rate': 0.1}, (2, 4, 3), True)
    """
    given = splits_of(data, loss, folds, repeats, shared.pop("validation", None), key, groups)
    inner = shared.pop("inner_validation", None)
    if inner is not None:
        shared["validation"] = inner
    how = {"key": key, "strategy": strategy, "threads": threads, "progress": progress}
    made, more = trials(make_net, data, loss, given, metric, shared, **how), _further(metric, metrics)
    if grid is None and space is None:
        return _found(made, _trained(made, made.jobs([{}]), more), more, [{}] * len(given))
    tried = settings_of(grid, space, n, key)
    inside = [_inside(fold, made.table.y, loss, inner_folds, key, groups) for fold in given]
    return _nested(made, tried, inside, more)


def _further(metric: Any, metrics: Sequence[Any]) -> list[Any]:
    """Further metrics, without the one that decides."""
    if not isinstance(metrics, list | tuple):
        fail("metrics", repr(metrics), "a list", "Put square brackets around it")
    found = {one.name: one for one in map(metric_of, metrics) if one is not None}
    decides = metric_of(metric)
    return [one for name, one in found.items() if decides is None or name != decides.name]


def _inside(fold: Fold, y: np.ndarray, loss: Any, count: int, key: Any, groups: Any) -> list[Fold]:
    """The splits of the rows that a fold learns."""
    within = None if groups is None else np.asarray(groups)[fold.train]
    try:
        parts = make_folds(y[fold.train], loss, count, 1, key, within)
    except JaxnnError as error:
        error.args = (f"inner_folds, of {len(fold.train)} rows learnt: {error}",)
        raise
    return [Fold(fold.train[part.train], fold.train[part.test]) for part in parts]


def _nested(
    made: Trials, tried: list[dict[str, Any]], inside: list[list[Fold]], more: Sequence[Any]
) -> CrossValidation:
    """The searches of all folds as one population, then a run of each fold with what its search chose."""
    count = len(made.folds)
    searched = replace(made, folds=[one for many in inside for one in many], plans=[], sizes={})
    runs = _trained(searched, searched.jobs(tried), ())
    scores = searched.scores(runs).reshape(len(tried), count, -1)
    some_score("cross_validate", scores, runs)
    told = {"tried": tried, "inner_scores": scores, "inner_folds": inside}
    made.plans += searched.plans
    if any(run is None or run.interrupted for run in runs):
        return _found(made, [None] * count, more, [{}] * count, **told)
    chosen = _best(scores.mean(axis=-1), made.higher_is_better)
    used = sorted(set(chosen))
    jobs = made.jobs([tried[i] for i in used])
    last = _trained(made, [jobs[used.index(i) * count + k] for k, i in enumerate(chosen)], more)
    return _found(made, last, more, [tried[i] for i in chosen], **told)


def _best(scores: np.ndarray, higher_is_better: bool) -> list[int]:
    """Of each fold (a column) the best setting, of equals the first; one that is not finite is never the best."""
    worth = np.where(np.isfinite(scores), -scores if higher_is_better else scores, np.inf)
    for fold in np.flatnonzero(np.isinf(worth).all(axis=0)):
        needed = "at least one that stays finite on all inner folds"
        fail("cross_validate", f"{len(scores)} settings for fold {fold}, none of them finite", needed)
    return worth.argmin(axis=0).tolist()


def _trained(made: Trials, jobs: Sequence[Job], more: Sequence[Any]) -> list[Run | None]:
    """Runs of jobs whose histories have further metrics too."""
    jobs = [job._replace(recipe=replace(job.recipe, metrics=(*job.recipe.metrics, *more))) for job in jobs]
    planned = made.planned(jobs)
    runs = made.run(planned.jobs)
    return [None if run is None else planned.unpadded(place, run) for place, run in enumerate(runs)]


def _found(
    made: Trials, runs: list[Run | None], more: Sequence[Any], settings: list[dict[str, Any]], **nested: Any
) -> CrossValidation:
    metrics = [*([] if made.metric is None else [made.metric]), *more]
    if any(made.inner):  # histories are of validation data of the runs' own
        measures = measured(runs, made.table, [fold.test for fold in made.folds], metrics)
    else:
        names = ("loss", *(metric.name for metric in metrics))
        measures = {name: np.array([_last(run, f"val_{name}") for run in runs]) for name in names}
    some_score("cross_validate", measures[made.score_name], runs)
    nested |= {"plans": made.plans, "table": made.table}
    return CrossValidation(made.score_name, made.higher_is_better, measures, runs, made.folds, settings, **nested)


def _last(run: Run | None, name: str) -> float:
    return float("nan") if run is None or lost(run) else float(run.history[name][-1])
