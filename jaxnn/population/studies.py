"""Studies of one network: how its scores grow with the number of rows, and how they scatter over seeds."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.layers.base import Layer
from jaxnn.population.folds import Fold, seeds
from jaxnn.population.leaderboard import Leaderboard
from jaxnn.population.scoring import measured, some_score, status_of
from jaxnn.population.trials import metric_of
from jaxnn.population.tuning import seed_number, splits_of
from jaxnn.train import Run, fit_many, tables


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve:
    """What a network is worth after so many rows.

    >>> LearningCurve([8, 32], np.zeros((2, 1)), np.array([[0.5], [0.25]]), "loss", False, [], [], [])
    LearningCurve(loss over 1 folds)
    rows       train        test
    8              0         0.5
    32             0        0.25
    """

    sizes: list[int]
    """Rows learnt."""
    train: np.ndarray
    """(sizes, folds) the metric on the rows learnt; NaN where a run stopped being finite."""
    test: np.ndarray
    """(sizes, folds) the metric on the rows held out."""
    metric: str
    higher_is_better: bool
    folds: Sequence[Fold]
    rows: list[np.ndarray]
    """Of each fold the rows it learns, in the order in which they are added."""
    runs: list[Run | None]
    """Of every size on every fold, size by size."""

    def __repr__(self) -> str:
        lines = [f"LearningCurve({self.metric} over {self.test.shape[1]} folds)", "rows       train        test"]
        for size, *both in zip(self.sizes, self.train.mean(axis=1), self.test.mean(axis=1), strict=True):
            lines.append(f"{size:<6} {both[0]:>9.4g}   {both[1]:>9.4g}")
        return "\n".join(lines)


def learning_curve(
    net: Layer,
    data: tuple[Any, Any],
    loss: Any,
    *,
    sizes: Sequence[float] = (0.1, 0.33, 0.55, 0.78, 1.0),
    folds: int | Sequence[Any] = 5,
    repeats: int = 1,
    metric: Any = "loss",
    key: Any = 0,
    groups: Any = None,
    sample_weight: Any = None,
    mask: Any = None,
    **shared: Any,
) -> LearningCurve:
    """Train on more and more of the rows of each fold, all of it through one compiled program.

    A curve of the test scores that still rises says that more data would help; one that has met the training scores
    says that a larger network might.

    Args:
        net, data, loss, sample_weight, mask: as for `fit`.
        sizes: how many rows: whole numbers, or shares above 0 and at most 1 of what the smallest fold learns. A larger
            size holds the rows of the smaller ones; where the targets are classes, each has its share of every class.
        folds, repeats, groups: as for `cross_validate`.
        metric: "loss", or a metric or its name.
        key: the same key gives the same folds, rows and runs.
        **shared: settings of `fit` that all runs share, and `threads` and `progress` as for `fit_many`.

    Returns:
        The `LearningCurve`: `sizes`, `train` and `test`.

    Raises:
        JaxnnError: if a size is out of range, or no run stayed finite.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> learning_curve(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, sizes=[4, 16], folds=2, epochs=5).sizes
    [4, 16]
    """
    given = splits_of(data, loss, folds, repeats, None, key, groups)
    whole, chosen = tables.table("data", data, sample_weight, None, mask), metric_of(metric)
    counts = _counts(sizes, min(len(fold.train) for fold in given))
    labels, keys = tables.classes(whole.y, loss), seeds(key, len(given))
    orders = [_order(fold.train, labels, seed_number(one)) for fold, one in zip(given, keys, strict=True)]
    learnt = [order[:count] for count in counts for order in orders]
    each = [{"rows": rows, "key": one} for rows, one in zip(learnt, keys * len(counts), strict=True)]
    runs = fit_many(net, data, loss, each, sample_weight=sample_weight, mask=mask, **shared)
    metrics = [] if chosen is None else [chosen]
    name = "loss" if chosen is None else chosen.name
    held = [fold.test for fold in given] * len(counts)
    both = measured([*runs, *runs], whole, [*learnt, *held], metrics)[name].reshape(2, len(counts), len(given))
    some_score("learning_curve", both, runs)
    higher = chosen is not None and chosen.higher_is_better
    return LearningCurve(counts, both[0], both[1], name, higher, given, orders, runs)


def _counts(sizes: Sequence[float], most: int) -> list[int]:
    """Ascending numbers of rows, each once."""
    if not isinstance(sizes, list | tuple | np.ndarray) or not len(sizes):
        fail("sizes", repr(sizes), "a list of shares or of numbers of rows")
    found = set()
    for size in np.asarray(sizes).tolist():
        if isinstance(size, int):
            found.add(whole_number("sizes", size, 1, most))
        else:
            found.add(max(int(number_in("sizes", size, 0, 1, open_low=True) * most), 1))
    return sorted(found)


def _order(rows: np.ndarray, labels: np.ndarray | None, seed: int) -> np.ndarray:
    """Rows at random, so that the first ones, however many, have their share of every class."""
    order = np.random.default_rng(seed).permutation(rows)
    if labels is None:
        return order
    place = np.zeros(len(order))
    for label in np.unique(labels[order]):
        own = labels[order] == label
        place[own] = (np.arange(own.sum()) + 0.5) / own.sum()
    return order[np.argsort(place, kind="stable")]


@dataclass(frozen=True, eq=False, repr=False)
class SeedStudy:
    """How the scores of one network scatter over its keys.

    >>> study = SeedStudy([0, 1, 2, 3], np.array([0.1, 0.3, 0.7, 0.1]), "loss", False, [None] * 4)
    >>> study.share(0.2), round(study.best_of(2, 0.2), 4), study.best_key  # 1 - C(2, 2) / C(4, 2)
    (0.5, 0.8333, 0)
    >>> study
    SeedStudy(loss 0.3 -+ 0.2449, 0.1 to 0.7, median 0.2; 4 keys)
    """

    keys: list[int]
    scores: np.ndarray
    """(keys,) of the metric at the end of each run; NaN where it stopped being finite."""
    metric: str
    higher_is_better: bool
    runs: list[Run | None]

    @property
    def finite(self) -> np.ndarray:
        """The scores that there are."""
        return self.scores[np.isfinite(self.scores)]

    @property
    def mean(self) -> float:
        """Of the finite scores."""
        return float(self.finite.mean())

    @property
    def std(self) -> float:
        """Of the finite scores (of the population)."""
        return float(self.finite.std())

    def quantiles(self, shares: Sequence[float] = (0.0, 0.25, 0.5, 0.75, 1.0)) -> np.ndarray:
        """Return quantiles of the finite scores.

        Args:
            shares: from 0 (the lowest) to 1 (the highest).
        """
        return np.quantile(self.finite, shares)

    @property
    def table(self) -> Leaderboard:
        """Key, score (as `mean` and `fold_0`), epochs and status of every run, the best first."""
        epochs = np.array([[0 if run is None else run.history.epochs] for run in self.runs], np.float64)
        status = [status_of(run) for run in self.runs]
        given = [{"key": key} for key in self.keys]
        return Leaderboard(given, self.scores[:, None], epochs, status, self.higher_is_better)

    @property
    def best_key(self) -> int:
        """The key of the best run; `fit` with it is that run."""
        return self.keys[self._place]

    @property
    def best(self) -> Run:
        """The best run: the one to keep of several restarts."""
        run = self.runs[self._place]
        assert run is not None
        return run

    @property
    def _place(self) -> int:
        return int(np.nanargmax(self.scores) if self.higher_is_better else np.nanargmin(self.scores))

    def share(self, threshold: float) -> float:
        """Return the share of all runs whose score is better than a threshold; one without a score is not.

        Args:
            threshold: below it, or above it where a higher score is better.
        """
        return float(self._better(threshold).mean())

    def best_of(self, restarts: int, threshold: float) -> float:
        """Return how likely the best of several of these runs, drawn without replacement, is better than a threshold.

        `1 - C(failures, restarts) / C(runs, restarts)`

        Args:
            restarts: how many are drawn, at most as many as there are.
            threshold: as for `share`.

        Raises:
            JaxnnError: if there are fewer runs.
        """
        whole_number("restarts", restarts, 1, len(self.keys))
        failures = int((~self._better(threshold)).sum())
        return 1 - math.comb(failures, restarts) / math.comb(len(self.keys), restarts)

    def _better(self, threshold: float) -> np.ndarray:
        return self.scores > threshold if self.higher_is_better else self.scores < threshold

    def __repr__(self) -> str:
        if not len(self.finite):
            return f"SeedStudy({self.metric}; {len(self.keys)} keys, none of which was finished)"
        low, middle, high = self.quantiles((0.0, 0.5, 1.0))
        scattered = f"{self.mean:.4g} -+ {self.std:.4g}, {low:.4g} to {high:.4g}, median {middle:.4g}"
        lost = len(self.scores) - len(self.finite)
        without = f", {lost} without a score" if lost else ""
        return f"SeedStudy({self.metric} {scattered}; {len(self.keys)} keys{without})"


def seed_study(
    net: Layer,
    data: tuple[Any, Any],
    loss: Any,
    *,
    count: int = 20,
    keys: Sequence[int] | None = None,
    test: tuple[Any, Any] | None = None,
    metric: Any = "loss",
    sample_weight: Any = None,
    mask: Any = None,
    **shared: Any,
) -> SeedStudy:
    """Train the same network from many keys, all of it through one compiled program.

    One run says little about a method: first weights and the order of minibatches are a matter of luck. Each run is
    what `fit` makes of its key, bit for bit on a CPU.

    Args:
        net, data, loss, sample_weight, mask: as for `fit`.
        count: how many keys: 0, 1, 2 and so on.
        keys: others in their place.
        test: `(x, y)` to measure on. None for the validation data where `validation=(x, y)` is given, else for the data
            that all of them learn.
        metric: "loss", or a metric or its name.
        **shared: settings of `fit` that all runs share, and `threads` and `progress` as for `fit_many`.

    Returns:
        The `SeedStudy`: `scores`, `table`, `quantiles()`, `share(threshold)`, `best`.

    Raises:
        JaxnnError: if something given does not fit, or no run stayed finite.

    >>> import jaxnn as nn
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    >>> net = nn.Chain(nn.Dense(4), nn.tanh, nn.Dense(2))
    >>> data = (x, np.array([0, 1, 1, 0]))
    >>> study = seed_study(net, data, nn.losses.softmax_cross_entropy, count=8, metric="accuracy", learning_rate=0.1)
    >>> len(study.runs), study.metric, bool(study.mean > 0.7)
    (8, 'accuracy', True)
    """
    chosen = metric_of(metric)
    used = list(range(whole_number("count", count, 1))) if keys is None else list(keys)
    if not used:
        fail("keys", "none", "at least one")
    runs = fit_many(net, data, loss, [{"key": one} for one in used], sample_weight=sample_weight, mask=mask, **shared)
    validation = shared.get("validation")
    pair = validation if test is None and isinstance(validation, tuple | list) else test
    weights = (sample_weight, mask) if pair is None else (*pair[2:4], None, None)[:2]
    whole = tables.table("test", data if pair is None else pair[:2], weights[0], None, weights[1])
    metrics = [] if chosen is None else [chosen]
    scores = measured(runs, whole, [whole.rows] * len(used), metrics)["loss" if chosen is None else chosen.name]
    some_score("seed_study", scores, runs)
    higher = chosen is not None and chosen.higher_is_better
    return SeedStudy(used, scores, "loss" if chosen is None else chosen.name, higher, runs)
