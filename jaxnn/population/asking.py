"""Searches that somebody else steers: Optuna, or anything that is asked for trials and told what they are worth."""

from collections.abc import Callable, Mapping
from typing import Any

from jaxnn.checks import fail, whole_number
from jaxnn.population.settings import Maker
from jaxnn.population.trials import trials
from jaxnn.population.tuning import splits_of


def tune(
    study: Any,
    suggest: Callable[[Any], Mapping[str, Any]],
    make_net: Maker,
    data: tuple[Any, Any],
    loss: Any,
    *,
    batch: int = 16,
    rounds: int = 4,
    folds: Any = None,
    repeats: int = 1,
    validation: float | None = None,
    metric: Any = "loss",
    key: Any = 0,
    groups: Any = None,
    strategy: str = "auto",
    threads: int | None = None,
    progress: Any = None,
    **shared: Any,
) -> Any:
    """Let an Optuna study choose settings: ask it for a batch, train all of them at once, tell it their scores.

    Args:
        study: of `optuna.create_study`, in the direction of the metric; or anything with `ask()` and `tell(...)`.
        suggest: from a trial to a setting, by `trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True)` and so on;
            the names are those of `jaxnn.search`.
        make_net, data, loss, folds, repeats, validation, metric: as for `jaxnn.search`.
        key, groups, strategy, threads, progress: as for `jaxnn.search`.
        batch: trials asked for at a time: they are members of one population.
        rounds: how often.
        **shared: settings of `fit` that all runs share.

    Returns:
        The study; a trial whose runs stopped being finite has failed.

    Raises:
        JaxnnError: for an unknown hyper-parameter, an impossible setting, or a study of the other direction.

    >>> import numpy as np, jaxnn as nn
    >>> class Study:  # anything that can be asked and told
    ...     told = []
    ...     def ask(self):
    ...         return len(self.told)
    ...     def tell(self, trial, value):
    ...         self.told.append(value)
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> rates = lambda trial: {"learning_rate": [0.001, 0.1][trial]}
    >>> study = tune(Study(), rates, nn.Dense(1), (x, 3 * x), nn.losses.squared_error, batch=1, rounds=2)
    >>> study.told[1] < study.told[0]
    True
    """
    whole_number("batch", batch, 1)
    given = splits_of(data, loss, folds, repeats, validation, key, groups)
    how = {"key": key, "strategy": strategy, "threads": threads, "progress": progress}
    made = trials(make_net, data, loss, given, metric, shared, **how)
    _check_direction(study, made.higher_is_better, made.score_name)
    for _ in range(whole_number("rounds", rounds, 1)):
        asked = [study.ask() for _ in range(batch)]
        settings = [dict(suggest(trial)) for trial in asked]
        plan = made.planned(made.jobs(settings))
        runs = made.run(plan.jobs)
        unpadded = [None if run is None else plan.unpadded(place, run) for place, run in enumerate(runs)]
        for trial, own in zip(asked, made.scores(unpadded), strict=True):
            _tell(study, trial, float(own.mean()))
        if any(run is None or run.interrupted for run in runs):
            break
    return study


def _tell(study: Any, trial: Any, score: float) -> None:
    if score == score:
        study.tell(trial, score)
    elif type(study).__module__.startswith("optuna"):
        from optuna.trial import TrialState  # pyright: ignore[reportMissingImports]

        study.tell(trial, state=TrialState.FAIL)
    else:
        study.tell(trial, float("inf"))


def _check_direction(study: Any, higher_is_better: bool, name: str) -> None:
    direction = getattr(getattr(study, "direction", None), "name", None)
    wanted = "MAXIMIZE" if higher_is_better else "MINIMIZE"
    if direction is not None and direction != wanted:
        do = f"optuna.create_study(direction={wanted.lower()!r})"
        fail("study", f"direction {direction.lower()}", f"{wanted.lower()}, as {name} is to be", do)
