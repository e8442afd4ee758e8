"""`SearchCV`: scikit-learn's grid search, its fits trained as members of a few compiled programs."""

import math
import os
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, ParameterGrid, ParameterSampler
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing, get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_method_params, indexable

from jaxnn.checks import fail, one_of, whole_number
from jaxnn.estimators import prefit
from jaxnn.estimators.base import NeuralEstimator, keep
from jaxnn.estimators.prefit import Prefit
from jaxnn.population.races import SCHEDULES, brackets


class SearchCV(GridSearchCV):
    """scikit-learn's `GridSearchCV` and `HalvingGridSearchCV`, several times faster for estimators of `jaxnn`.

    Parameters and attributes are scikit-learn's; see its documentation for those not listed here. All candidates on all
    folds are trained at once, one thread for each core; then scikit-learn's own code takes each fitted estimator,
    scores it and makes its tables. A `Pipeline` whose last step is an estimator of `jaxnn` is taken too. What cannot be
    trained so (other estimators, callbacks, fit parameters other than `sample_weight`) is fitted one after another, as
    `GridSearchCV` does; `strategy_` says which way it went.

    Args:
        estimator: an estimator of `jaxnn.estimators`, a `Pipeline` that ends with one, or any other.
        param_grid: a dict from parameter to values, or a list of such dicts.
        n_jobs: threads; None or -1 for all cores.
        n_iter: draw so many candidates from `param_grid`, whose values may be distributions then, as
            `RandomizedSearchCV` does; None for all combinations.
        schedule: "full"; "halving": after a few epochs the best one in `factor` goes on; "hyperband": several halvings
            that begin with different numbers of epochs. What is dealt out is `max_iter`.
        factor: how many candidates are trained for one that goes on.
        min_resources: epochs before the first look; None for the schedule's own choice.
        max_resources: epochs of those that go all the way; None for the estimator's `max_iter`.
        strategy: "auto", "pad" (networks that differ in width share a program) or "bucket" (a program for each).
        random_state: of `n_iter`.

    Attributes beside `GridSearchCV`'s: `strategy_`, and with a schedule `n_resources_`, `n_candidates_`,
    `n_remaining_candidates_`, `n_iterations_`, `min_resources_`, `max_resources_`.

    >>> from sklearn.datasets import load_iris
    >>> from jaxnn.estimators import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), learning_rate_init=0.02, tol=1e-2, n_iter_no_change=5, random_state=0)
    >>> search = SearchCV(model, {"alpha": [1e-4, 1.0]}, cv=3).fit(X, y)
    >>> search.best_params_, bool(search.best_score_ > 0.9), search.cv_results_["mean_test_score"].shape
    ({'alpha': 0.0001}, True, (2,))
    """

    if TYPE_CHECKING:  # parameters are set by `keep`, fitted attributes by fit

        def __getattr__(self, name: str) -> Any: ...

    def __init__(
        self, estimator, param_grid, *, scoring=None, n_jobs=None, refit=True, cv=None, verbose=0,
        pre_dispatch="2*n_jobs", error_score=np.nan, return_train_score=False, n_iter=None, schedule="full", factor=3,
        min_resources=None, max_resources=None, strategy="auto", random_state=None,
    ):  # fmt: skip
        keep(self, {name: value for name, value in locals().items() if name != "__class__"})

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Try all candidates on all folds, and fit the best one to all rows.

        Args:
            X: `(examples, features)`.
            y: targets.
            **params: for the estimator's `fit`, the scorer and the splitter, as for `GridSearchCV`.

        Returns:
            The fitted search.

        Raises:
            ValueError: if a parameter or the data do not fit.
        """
        one_of("SearchCV.schedule", self.schedule, SCHEDULES)
        whole_number("SearchCV.factor", self.factor, 2)
        self._plan, self._spent, self._kept, self._sizes = None, {}, {}, {}
        self.strategy_ = why_not(self.estimator, params) or why_not_over(self.estimator, self.param_grid)
        self.strategy_ = self.strategy_ or why_not_twice(self.estimator, X, y)
        self._given, self._mapped = (X, y, params), not self.strategy_
        asked = self.n_jobs
        self._threads = threads_of(asked)
        try:
            if self._mapped:
                self.n_jobs = None  # scikit-learn's part, which scores
            super().fit(X, y, **params)
        finally:
            self.n_jobs = asked
            plan, mapped = self._plan, self._mapped
            for name in ("_given", "_kept", "_sizes", "_plan", "_spent", "_mapped", "_threads", "_seconds", "_splits"):
                vars(self).pop(name, None)
        self.strategy_ = f"mapped: {plan!r}" if mapped else f"one after another: {self.strategy_}"
        return self

    def _run_search(self, evaluate_candidates: Any, *, callback_ctx: Any = None) -> None:
        candidates = self._candidates()
        search = None
        if callback_ctx is not None:  # scikit-learn from 1.9 on
            search = callback_ctx.subcontext("search", max_subtasks=None).call_on_fit_task_begin(estimator=self)

        self._splits = _Splits(self._split())

        def evaluate(numbers: list[int], some: list[dict[str, Any]], rung: dict[str, list[int]], fewest: int) -> Any:
            told: dict[str, Any] = {"cv": self._splits}
            count = len(some) * self.n_splits_
            if search is not None:
                one = search.subcontext("rung", max_subtasks=count, sequential_subtasks=False)
                told["callback_ctx"] = one.call_on_fit_task_begin(estimator=self)
            results = self._evaluated(partial(evaluate_candidates, some, **told), numbers, some, rung, fewest)
            if search is not None:
                told["callback_ctx"].call_on_fit_task_end(estimator=self)
            return results

        if self.schedule == "full":
            evaluate(list(range(len(candidates))), candidates, {}, len(candidates))
        else:
            self._race(evaluate, candidates)
        if search is not None:
            search.call_on_fit_task_end(estimator=self)

    def _candidates(self) -> list[dict[str, Any]]:
        if self.n_iter is None:
            return list(ParameterGrid(self.param_grid))
        return list(ParameterSampler(self.param_grid, self.n_iter, random_state=self.random_state))

    def _split(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """The splits, drawn once: a splitter may draw others in every call."""
        X, y, params = self._given
        X, y = indexable(X, y)
        splitter: Any = self._checked_cv_orig
        routed = self._get_routed_params_for_fit(_check_method_params(X, params=params))
        return list(splitter.split(X, y, **routed.splitter.split))

    def _evaluated(
        self, evaluate: Any, numbers: list[int], candidates: list[Any], rung: dict[str, list[int]], fewest: int
    ) -> Any:
        """Train candidates, and have scikit-learn score them."""
        if not self._mapped:
            return evaluate(more_results=rung or None)
        begun, ready = time.perf_counter(), self._ready(numbers, candidates)
        folds = self.n_splits_
        how = {"strategy": self.strategy, "threads": self._threads, "shown": True if self.verbose else None}
        made = prefit.train(ready, fewest=fewest * folds if rung else None, sizes=self._sizes, **how)
        if any(one.error is None and (one.run is None or one.run.interrupted) for one in ready):
            raise KeyboardInterrupt  # what is half trained is not scored
        self._plan = self._plan or made
        self._seconds = (time.perf_counter() - begun) / max(len(ready), 1)
        with prefit.handing_out(ready):
            return evaluate(more_results=rung or None)

    def _format_results(self, candidate_params: Any, n_splits: int, out: Any, more_results: Any = None) -> Any:
        if self._mapped:
            for i, one in enumerate(out):
                if i not in self._spent:  # the share of each fit in what all of them took together
                    self._spent[i] = one["fit_time"] + self._seconds
                one["fit_time"] = self._spent[i]
        return super()._format_results(candidate_params, n_splits, out, more_results)

    def _ready(self, numbers: list[int], candidates: Sequence[dict[str, Any]]) -> list[Prefit]:
        """Every candidate on every fold, ready to be trained or to go on; without those whose pipeline fails."""
        X, y, params = self._given
        X, y = indexable(X, y)
        params = _check_method_params(X, params=params)
        weight = self._get_routed_params_for_fit(params).estimator.fit.get("sample_weight")
        parts = self._kept.setdefault("parts", {})
        for k, (train, _) in enumerate(self._splits.made):
            if k not in parts:
                parts[k] = tuple(None if one is None else _safe_indexing(one, train) for one in (X, y, weight))
        pairs = [(i, one) for i, one in zip(numbers, candidates, strict=True)]
        with prefit.checking_once(self._kept.setdefault("checked", {})):
            every = [self._one(i, one, k, part) for i, one in pairs for k, part in parts.items()]
        return [one for one in every if one is not None]

    def _one(self, number: int, candidate: dict[str, Any], fold: int, part: tuple[Any, Any, Any]) -> Prefit | None:
        """A candidate on a fold; where it was trained for fewer epochs before, the run goes on."""
        before = self._kept.get((number, fold))
        if before is not None:
            before = self._kept[number, fold] = before.longer(candidate[self._resource])
            before.parameters = before.parameters | {"max_iter": candidate[self._resource]}
            return before
        own: Any = clone(candidate, safe=False)
        estimator: Any = clone(self.estimator)
        try:
            estimator.set_params(**own)
            final, X = self._front(estimator, candidate, fold, part)
        except Exception:  # scikit-learn meets it again where it fits, and does as error_score says
            return None
        self._kept[number, fold] = Prefit(final, X, part[1], part[2])
        return self._kept[number, fold]

    def _front(self, estimator: Any, candidate: dict[str, Any], fold: int, part: tuple[Any, Any, Any]) -> Any:
        """The network's estimator, and the rows as the steps before it in a pipeline make them."""
        if not isinstance(estimator, Pipeline):
            return estimator, part[0]
        last, front = estimator.steps[-1], estimator[:-1]
        own = {name: value for name, value in candidate.items() if not name.startswith(f"{last[0]}__")}
        fitted = self._kept.setdefault(("front", fold), [])
        rows = next((made for known, made in fitted if prefit.same(known, own)), None)
        if rows is None:
            rows = front.fit_transform(part[0], part[1]) if len(front) else part[0]
            fitted.append((own, rows))
        return last[1], rows

    @available_if(lambda self: hasattr(self.estimator, "transform"))
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Return what the best estimator makes of the rows that it was found with; see `transform` and `fit`."""
        return self.fit(X, y, **params).transform(X)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags = get_tags(self.estimator).transformer_tags
        return tags

    @property
    def _resource(self) -> str:
        """The parameter that a schedule deals out."""
        return f"{self.estimator.steps[-1][0]}__max_iter" if isinstance(self.estimator, Pipeline) else "max_iter"

    def _race(self, evaluate: Any, candidates: list[dict[str, Any]]) -> None:
        """Successive halving, or several of them with different beginnings."""
        resource = self._resource
        if any(resource in candidate for candidate in candidates):
            fail("param_grid", f"{resource} beside schedule={self.schedule!r}", "other parameters", "It is dealt out")
        known = self.estimator.get_params()
        if resource not in known:
            fail("SearchCV.schedule", f"{self.schedule!r}", f"an estimator with {resource}", "Take schedule='full'")
        longest = self.max_resources if self.max_resources is not None else known[resource]
        longest = whole_number("SearchCV.max_resources", longest, 1)
        given = brackets(self.schedule, len(candidates), longest, self.factor, self.min_resources)
        self.max_resources_, self.min_resources_ = longest, given[0].ladder[0]
        self.n_resources_, self.n_candidates_, self.n_remaining_candidates_ = [], [], 0
        self.n_iterations_ = max(len(bracket.ladder) for bracket in given)
        for rung in range(self.n_iterations_):
            racing = [bracket for bracket in given if rung < len(bracket.ladder)]
            numbers = [i for bracket in racing for i in bracket.alive]
            some = [candidates[i] | {resource: b.ladder[rung]} for b in racing for i in b.alive]
            said = {"iter": [rung] * len(some), "n_resources": [one[resource] for one in some]}
            fewest = sum(max(len(b.alive) // self.factor ** (len(b.ladder) - 1 - rung), 1) for b in racing)
            results = evaluate(numbers, some, said, fewest)
            self.n_resources_.append(max(said["n_resources"]))
            self.n_candidates_.append(len(some))
            self._drop(racing, rung, self._ranks(results)[-len(some) :])
        self.n_remaining_candidates_ = sum(len(bracket.alive) for bracket in given)

    def _ranks(self, results: dict[str, Any]) -> np.ndarray:
        """The mean scores that decide, NaN last."""
        name = self.refit if isinstance(self.refit, str) else "score"
        means = results.get(f"mean_test_{name}")
        if means is None:
            fail("SearchCV.refit", repr(self.refit), "the name of the score that decides, with several of them")
        return np.where(np.isnan(means), -np.inf, means)

    def _drop(self, racing: Any, rung: int, means: np.ndarray) -> None:
        start = 0
        for bracket in racing:
            own = means[start : start + len(bracket.alive)]
            start += len(bracket.alive)
            if rung < len(bracket.ladder) - 1:
                count = max(len(own) // self.factor, 1)
                bracket.alive = sorted(bracket.alive[i] for i in np.argsort(-own, kind="stable")[:count])

    @staticmethod
    def _select_best_index(refit: Any, refit_metric: str, results: dict[str, Any]) -> Any:
        """The best among those that went all the way."""
        if callable(refit) or "n_resources" not in results:
            return GridSearchCV._select_best_index(refit, refit_metric, results)
        means = np.asarray(results[f"mean_test_{refit_metric}"], float)
        whole = np.asarray(results["n_resources"]) == max(results["n_resources"])
        return int(np.argmax(np.where(whole & ~np.isnan(means), means, -math.inf)))


def why_not_twice(estimator: Any, X: Any, y: Any) -> str:
    """Return why steps of a pipeline cannot be fitted twice, for training and for scoring; "" if they can.

    >>> why_not_twice(Pipeline([("last", None)]), None, None)
    ''
    """
    if not isinstance(estimator, Pipeline):
        return ""
    front: Any = estimator[:-1]
    drawing = [value for name, value in front.get_params().items() if name.split("__")[-1] == "random_state"]
    if all(isinstance(value, int) for value in drawing):
        return ""
    try:
        rows = np.arange(min(np.shape(X)[0], TRIED))
        few = [_safe_indexing(one, rows) for one in (X, y)]
        fronts: list[Any] = [clone(front) for _ in range(2)]
        one, other = (each.fit_transform(*few) for each in fronts)
    except Exception:  # what is wrong shows where it is fitted
        return ""
    return "" if prefit.same(one, other) else "a step of the pipeline draws at random: give it a random_state"


TRIED = 200
"""Rows with which it is tried whether steps of a pipeline draw at random."""


class _Splits:
    """Splits that were drawn once, as a splitter."""

    def __init__(self, made: list[tuple[np.ndarray, np.ndarray]]) -> None:
        self.made = made

    def split(self, *_: Any, **__: Any) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return them."""
        return self.made

    def get_n_splits(self, *_: Any, **__: Any) -> int:
        """Return how many there are."""
        return len(self.made)


def threads_of(n_jobs: int | None) -> int | None:
    """Return how many threads `n_jobs` means: -1 is all cores, -2 all but one.

    >>> threads_of(2), threads_of(None), threads_of(-1)
    (2, None, None)
    """
    if n_jobs is None or n_jobs == -1:
        return None
    if n_jobs == 0:
        fail("SearchCV.n_jobs", "0", "a number of threads, or -1 for all cores")
    return n_jobs if n_jobs > 0 else max((os.cpu_count() or 1) + 1 + n_jobs, 1)


def why_not_over(estimator: Any, param_grid: Any) -> str:
    """Return why candidates of a grid cannot be trained together; "" if they can.

    >>> why_not_over(None, {"n_estimators": [1, 5]})
    'n_estimators is searched'
    """
    names = [name for one in ([param_grid] if hasattr(param_grid, "keys") else param_grid) for name in one]
    if any(name.split("__")[-1] == "n_estimators" for name in names):
        return "n_estimators is searched"
    steps = {name for name, _ in getattr(estimator, "steps", [])}
    replaced = [name for name in names if name in steps]
    return f"step {replaced[0]} of the pipeline is searched" if replaced else ""


def why_not(estimator: Any, params: dict[str, Any]) -> str:
    """Return why the fits of an estimator cannot be trained together; "" if they can.

    >>> from sklearn.linear_model import Ridge
    >>> why_not(Ridge(), {})
    'Ridge is no estimator of jaxnn'
    """
    final, front = estimator, []
    if isinstance(estimator, Pipeline):
        final, front = estimator.steps[-1][1], [step for _, step in estimator.steps[:-1]]
        if estimator.memory is not None:
            return "the pipeline has a memory"
    if not isinstance(final, NeuralEstimator):
        return f"{type(final).__name__} is no estimator of jaxnn"
    deep = [item for step in front if hasattr(step, "get_params") for item in step.get_params(deep=True).items()]
    if any(isinstance(one, NeuralEstimator) for one in (*front, *(value for _, value in deep))):
        return "a step before the last one is a network, or has one"
    other = [name for name in params if name not in ("sample_weight", "groups")]
    if other:
        return f"fit parameters {', '.join(other)}"
    if "sample_weight" in params and isinstance(estimator, Pipeline):
        return "sample_weight through a pipeline"
    if final.n_estimators > 1:
        return "the estimator is an ensemble, whose networks are trained together"
    if getattr(final, "_skl_callbacks", None):
        return "the estimator has callbacks"
    return ""
