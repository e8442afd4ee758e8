"""Settings trained on folds: jobs made, planned, spread, and measured on what was held out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from jaxnn import metrics
from jaxnn.checks import fail
from jaxnn.population import settings as hyper
from jaxnn.population.folds import Fold, seeds
from jaxnn.population.plan import Plan, plan
from jaxnn.population.scoring import lost, measured
from jaxnn.train import Run, standing, tables
from jaxnn.train.job import Job
from jaxnn.train.many import jobs_of
from jaxnn.train.spread import spread
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.tables import Table

INNER = 0.1
"""The share of the rows learnt that early stopping looks at, where no other is asked for."""


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
    inner: list[bool] = field(default_factory=list)
    """Of the settings of the last jobs: whether their runs have validation data of their own, never the fold."""

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
        asked = [metric_of(metric) for metric in self.shared.get("metrics", ())]
        measured = {metric.name: metric for metric in (*asked, self.metric) if metric is not None}
        shared = {"loss": self.loss, **self.shared, "metrics": list(measured.values())}
        keys, members, self.inner = seeds(self.key, len(self.folds)), [], []
        for i, setting in enumerate(settings):
            made = hyper.member(self.make_net, setting, shared)
            made |= {} if epochs is None else {"epochs": epochs[i]}
            stop = made.get("stop")
            self.inner.append(made.get("validation") is not None or getattr(stop, "on", "") == "validation")
            made |= {"validation": made.get("validation") or INNER} if self.inner[-1] else {}
            for fold, key in zip(self.folds, keys, strict=True):
                own = {"rows": fold.train, "key": key} | made
                members.append(own if self.inner[-1] else own | {"validation_rows": fold.test})
        called = [hyper.called(setting) for setting in settings for _ in self.folds]
        jobs = jobs_of(None, self.table, self.loss, members, {}, called)
        inner = [one for one in self.inner for _ in self.folds]
        return [job if own else self._watching(job) for job, own in zip(jobs, inner, strict=True)]

    def _watching(self, job: Job) -> Job:
        """A job whose held-out rows are measured at every epoch and decide nothing; no class of them weighs more."""
        held = job.tables.validation
        assert held is not None
        job = job._replace(tables=job.tables._replace(validation=self.table._replace(rows=held.rows)))
        if job.recipe.stops_early:
            return job
        return job._replace(recipe=replace(job.recipe, rule=EarlyStopping(on="training")))

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
        many, chosen = len(self.folds), () if self.metric is None else (self.metric,)
        found = np.full(len(runs), np.nan)
        for place, run in enumerate(runs):
            if run is not None and not lost(run) and not self.inner[place // many]:
                values = run.history[f"val_{self.score_name}"]
                found[place] = values[-1] if len(values) else np.nan
        own = [place for place in range(len(runs)) if self.inner[place // many]]
        if own:
            rows = [self.folds[place % many].test for place in own]
            found[own] = measured([runs[place] for place in own], self.table, rows, chosen)[self.score_name]
        return found.reshape(-1, many)


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
    for place, fold in enumerate(given):
        for name, rows in (("learnt", fold.train), ("held out", fold.test)):
            if table.weight is not None and not table.weight[rows].any():
                fail("sample_weight", f"only 0 among the rows {name} of fold {place}", "a weight above 0 among them")
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
