"""Settings trained on folds: jobs made, planned, spread, and measured on what was held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from typing import Any

import jax
import numpy as np

from jaxnn import metrics
from jaxnn.checks import fail
from jaxnn.population import settings as hyper
from jaxnn.population.folds import Fold, seeds
from jaxnn.population.plan import Plan, plan
from jaxnn.train import Run, measure, standing, tables
from jaxnn.train.job import Job
from jaxnn.train.many import jobs_of
from jaxnn.train.measure import Rows
from jaxnn.train.spread import spread
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.tables import Table


def metric_of(metric: Any) -> Any:
    """Return the metric that a search goes by: None for the loss.

    Raises:
        JaxnnError: if there is no such metric.

    >>> metric_of("accuracy"), metric_of("loss")
    (Accuracy(), None)
    """
    if isinstance(metric, str):
        return None if metric == "loss" else metrics.by_name(metric)
    if not hasattr(metric, "statistics") or not hasattr(metric, "higher_is_better"):
        fail("metric", repr(metric), f"'loss', one of {', '.join(metrics.METRICS)}, or a metric as in jaxnn.metrics")
    return metric


@dataclass
class Trials:
    """What every setting of a search shares."""

    make_net: Any
    table: Table
    loss: Any
    folds: Sequence[Fold]
    metric: Any
    """None for the loss."""
    shared: dict[str, Any]
    """Settings of `fit`."""
    key: Any = 0
    strategy: str = "auto"
    threads: int | None = None
    progress: Any = None
    plans: list[Plan] = field(default_factory=list)
    sizes: dict[Any, int] = field(default_factory=dict)
    """Of slices, from one rung of a schedule to the next."""

    @property
    def inner(self) -> bool:
        """Whether the runs have validation data of their own, which the fold must not be."""
        stop = self.shared.get("stop")
        return self.shared.get("validation") is not None or (stop is not None and stop.on == "validation")

    @property
    def score_name(self) -> str:
        """What scores are called in histories."""
        return "loss" if self.metric is None else self.metric.name

    @property
    def higher_is_better(self) -> bool:
        """Whether a better setting has a higher score."""
        return self.metric is not None and self.metric.higher_is_better

    def jobs(self, settings: Sequence[Mapping[str, Any]], epochs: Sequence[int] | None = None) -> list[Job]:
        """Return the jobs of settings, setting by setting, each on every fold.

        Args:
            settings: hyper-parameters.
            epochs: of each setting, in place of its own.

        Returns:
            `len(settings) * len(folds)` jobs.

        Raises:
            JaxnnError: naming the setting that is impossible.
        """
        shared = {"loss": self.loss, **self.shared}
        shared["metrics"] = [*([] if self.metric is None else [self.metric])]
        if self.inner:
            shared.setdefault("validation", 0.1)
        elif "stop" not in self.shared:  # measured at every epoch, but no weights are chosen by it
            shared["stop"] = None
        keys, members = seeds(self.key, len(self.folds)), []
        for i, setting in enumerate(settings):
            made = hyper.member(self.make_net, setting, shared)
            made |= {} if epochs is None else {"epochs": epochs[i]}
            for fold, key in zip(self.folds, keys, strict=True):
                own = {"rows": fold.train, "key": key} | made
                members.append(own if self.inner else own | {"validation_rows": fold.test})
        called = [hyper.called(setting) for setting in settings for _ in self.folds]
        jobs = jobs_of(None, self.table, self.loss, members, {}, called)
        return jobs if self.inner else [_watching(job) for job in jobs]

    def planned(self, jobs: Sequence[Job]) -> Plan:
        """Decide which jobs share programs, and keep the plan."""
        self.plans.append(plan(jobs, self.strategy, self.threads))
        return self.plans[-1]

    def run(self, jobs: Sequence[Job], fewest: int | None = None) -> list[Run | None]:
        """Train planned jobs, one table of progress for all; `fewest` as for `spread`."""
        with standing.reporter(self.progress) as report:
            return spread(jobs, self.threads, report, fewest, self.sizes)

    def scores(self, runs: Sequence[Run | None]) -> np.ndarray:
        """Return what runs are worth on the rows held out.

        Args:
            runs: setting by setting, each on every fold; None for what was never begun.

        Returns:
            (settings, folds) scores; NaN where a run stopped being finite or was not finished.
        """
        each = [float("nan") if _lost(run) else self._score(run, i) for i, run in enumerate(runs)]
        return np.array(each, np.float64).reshape(-1, len(self.folds))

    def _score(self, run: Any, place: int) -> float:
        if not self.inner:
            values = run.history[f"val_{self.score_name}"]
            return float(values[run.history.epochs - 1]) if len(values) else float("nan")
        return self.measured(run, self.folds[place % len(self.folds)].test)

    def measured(self, run: Run, rows: np.ndarray) -> float:
        """Return the score of a run on some rows of the table."""
        most = max(len(fold.test) for fold in self.folds)
        table = self.table._replace(rows=np.resize(rows, max(most, len(rows))))
        arrays = jax.device_put((table.x, table.y, table.weight, table.rows, table.mask))
        given = Rows(*arrays, real=jax.device_put(np.int32(len(rows))))
        chosen = () if self.metric is None else (self.metric,)
        return float(_evaluation(run.net, run.loss, chosen)(run.params, run.state, given)[self.score_name])


def _lost(run: Run | None) -> bool:
    return run is None or run.diverged or run.interrupted


def _watching(job: Job) -> Job:
    """A job whose held-out rows are measured at every epoch, and decide nothing: the last weights are kept."""
    if job.recipe.stops_early:
        return job
    rule = EarlyStopping(on="training")
    return job._replace(recipe=replace(job.recipe, rule=rule))


@lru_cache(64)
def _evaluation(net: Any, loss: Any, chosen: tuple[Any, ...]) -> Any:
    return jax.jit(partial(measure.evaluate, net, loss, chosen))


def continued(job: Job, run: Run, epochs: int) -> Job:
    """Return the job that goes on with a run until so many epochs.

    Args:
        job: the run's, as it was planned.
        run: as it was computed.
        epochs: in all.

    Returns:
        The job.
    """
    return job._replace(hyper=job.hyper | {"epochs": np.full(1, epochs, np.int32)}, earlier=run)


def trials(
    make_net: Any, data: Any, loss: Any, given: Sequence[Fold], metric: Any, shared: Mapping[str, Any], **how: Any
) -> Trials:
    """Check what all settings share.

    Args:
        make_net, loss, shared: as for `search`.
        data: `(x, y)`.
        given: the folds.
        metric: as for `search`.
        **how: `key`, `strategy`, `threads` and `progress`.

    Returns:
        The trials.

    Raises:
        JaxnnError: if the data do not fit.
    """
    rest = dict(shared)
    table = tables.table("data", data, rest.pop("sample_weight", None), None, rest.pop("mask", None))
    return Trials(make_net, table, loss, given, metric_of(metric), rest, **how)


def curves(runs: Sequence[Run | None], name: str) -> np.ndarray:
    """Return one column of many histories side by side.

    Args:
        runs: of any lengths.
        name: of the column.

    Returns:
        (runs, epochs), NaN after the end of each.
    """
    columns = [np.zeros(0) if run is None else np.asarray(run.history.get(name, np.zeros(0))) for run in runs]
    most = max((len(column) for column in columns), default=0)
    return np.stack([np.pad(column, (0, most - len(column)), constant_values=np.nan) for column in columns])
