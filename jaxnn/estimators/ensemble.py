"""`n_estimators=`: several networks from other random numbers, trained at once, which answer together."""

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from jaxnn.checks import fail
from jaxnn.estimators import prefit
from jaxnn.estimators.prefit import Prefit


def fit(estimator: Any, X: Any, y: Any, weight: Any, X_val: Any, y_val: Any, incremental: bool) -> None:
    """Fit the networks of an ensemble, all at once; the estimator itself takes what the first one has learnt.

    Args:
        estimator: with `n_estimators` above 1.
        X, y, weight, X_val, y_val: as for its `fit`.
        incremental: True in `partial_fit`, which an ensemble does not have.

    Raises:
        JaxnnError: for `partial_fit`, `warm_start` and callbacks, or what the fit of one network raises.
    """
    owner = type(estimator).__name__
    if incremental or estimator.warm_start:
        what = "partial_fit" if incremental else "warm_start=True"
        fail(f"{owner}.n_estimators", f"{estimator.n_estimators} with {what}", "1", "An ensemble learns in one call")
    if getattr(estimator, "_skl_callbacks", None):
        fail(f"{owner}.n_estimators", f"{estimator.n_estimators} with callbacks", "1", "They follow one network")
    random = check_random_state(copy.deepcopy(estimator.random_state))
    members = []
    for _ in range(estimator.n_estimators):
        member = copy.copy(estimator)
        member.set_params(n_estimators=1, random_state=int(random.randint(np.iinfo(np.int32).max)))
        members.append(Prefit(member, X, y, weight, X_val, y_val))
    for one in members:
        if one.error is not None:
            raise one.error
    prefit.train(members, shown=True if estimator.verbose else None)
    for one in members:
        one.give(one.estimator)
    estimator.estimators_ = [one.estimator for one in members]
    parameters, first = estimator.get_params(deep=False), estimator.estimators_[0]
    fitted = {name: value for name, value in first.__dict__.items() if name not in parameters}
    estimator.__dict__.update(fitted)


def answered(estimator: Any, answer: Callable[[Any], np.ndarray]) -> np.ndarray | None:
    """Return what every network of an ensemble answers, `(n_estimators, ...)`; None where there is one network.

    Args:
        estimator: a fitted one.
        answer: from a network's estimator to its answer.

    Returns:
        The answers side by side.
    """
    many = getattr(estimator, "estimators_", None)
    return None if many is None else np.stack([answer(one) for one in many])


def alone(estimator: Any, what: str) -> None:
    """Refuse what one network has and an ensemble has not.

    Raises:
        JaxnnError: for an ensemble.
    """
    many = getattr(estimator, "estimators_", None)
    if many is not None:
        fail(what, f"an ensemble of {len(many)} networks", "one network", f"Ask one of them: estimators_[0].{what}")
