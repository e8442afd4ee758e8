"""One fit of an estimator: its parameters as arguments of the one training program, and how a later call goes on."""

import copy
import warnings
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnn.checks import fail
from jaxnn.estimators import solvers
from jaxnn.estimators.callbacks import USER, Lines, Tasks
from jaxnn.optimizers import LBFGS
from jaxnn.penalties import L2
from jaxnn.train import History, Run, fit, stopping
from jaxnn.train.job import MOST_STEPS


class Continuation(NamedTuple):
    """Where the training stood at the end of the last call, in NumPy."""

    now: Any
    """The run's `TrainState`."""
    settings: tuple[Any, ...]
    """What must be the same for the optimiser to go on."""
    examples: int
    """Rows learnt in an epoch."""
    batch_size: int


class Examples(NamedTuple):
    """Rows as the network takes them."""

    x: np.ndarray
    targets: np.ndarray
    weight: np.ndarray | None


class Asked(NamedTuple):
    """One fit that was asked for, checked."""

    train: Examples
    held: Examples | None
    """Rows to validate on."""
    random: Any
    """The generator that the key is drawn from."""
    incremental: bool
    """True for one epoch of `partial_fit`."""
    given: dict[str, Any]
    """X, y and metadata for callbacks."""


class Request(NamedTuple):
    """What a fit asks of the training program, in its words."""

    net: Any
    loss: Any
    key: int
    how: dict[str, Any]
    """Settings of `jaxnn.fit` that say how, not on what."""
    settings: tuple[Any, ...]
    """As in `Continuation`."""


def request(estimator: Any, asked: Asked) -> Request:
    """Return an estimator's parameters in the words of `jaxnn.fit`.

    Args:
        estimator: with its parameters and the weights to begin from.
        asked: the fit.

    Returns:
        The request.
    """
    train, held, random, incremental, _ = asked
    objective, size = estimator._objective(), batch_size(estimator, len(train.x))
    watched = estimator._stops_early and held is not None
    settings = (estimator.solver, estimator._net, watched, estimator.learning_rate == "adaptive", str(train.x.dtype))
    # from a copy: a generator that several estimators share gives each the weights that it would give theirs
    key = int(copy.deepcopy(random).randint(np.iinfo(np.int32).max))
    params, state = estimator._weights()
    earlier, done = _earlier(estimator, settings, len(train.x), size, incremental, key, (params, state))
    most = MOST_STEPS // -(-len(train.x) // size)
    how = {
        "epochs": min(done + (1 if incremental else int(estimator.max_iter)), most),
        "batch_size": None if estimator.solver == "lbfgs" else size,
        **_solver(estimator, len(train.x), size, done), "stop": _rule(estimator, watched, objective.score.name),
        "metrics": [] if held is None else [objective.score],
        "penalties": [L2(estimator.alpha / 2, per_example=True)] if estimator.alpha > 0 else [],
        "start": (params, state) if earlier is None else None, "resume": earlier,
    }  # fmt: skip
    return Request(estimator._net, objective.loss, key, how, settings)


def run(estimator: Any, asked: Asked) -> Run:
    """Train an estimator's network on checked examples.

    Args:
        estimator: with its parameters and the weights to begin from.
        asked: the fit.

    Returns:
        The run; `estimator._continuation` is where it stood.
    """
    wanted, (train, held, *_) = request(estimator, asked), asked
    callbacks = []
    if getattr(estimator, "_skl_callbacks", None):
        callbacks = [Tasks(estimator, asked.given, estimator._attributes)]
    finished = fit(
        wanted.net, (train.x, train.targets), wanted.loss, key=wanted.key,
        validation=None if held is None else tuple(held), sample_weight=train.weight, callbacks=callbacks,
        progress=Lines() if estimator.verbose else False, **wanted.how,
    )  # fmt: skip
    for callback in callbacks:
        callback.close()
    finish(estimator, wanted, asked, finished)
    return finished


def finish(estimator: Any, wanted: Request, asked: Asked, finished: Run) -> None:
    """Keep where the training stood, for a later call to go on from.

    Args:
        estimator: that was fitted.
        wanted, asked: its fit.
        finished: the run.
    """
    assert finished.now is not None
    # lbfgs knows value and gradient of the last point, which may be of other data next time: it begins anew
    goes_on = estimator.solver != "lbfgs"
    now = jax.device_get(finished.now) if goes_on else None
    kept = Continuation(now, wanted.settings, len(asked.train.x), wanted.how["batch_size"])
    estimator._continuation = kept if goes_on else None
    estimator._one_epoch = asked.incremental


def batch_size(estimator: Any, examples: int) -> int:
    """Return how many examples a minibatch has; scikit-learn's warning where it is more than there are."""
    if estimator.solver == "lbfgs":
        return examples
    if estimator.batch_size == "auto":
        return min(200, examples)
    if estimator.batch_size > examples:
        said = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
        warnings.warn(said, stacklevel=USER)
    return min(estimator.batch_size, examples)


def _solver(estimator: Any, examples: int, size: int, done: int) -> dict[str, Any]:
    """Optimiser and learning rate."""
    if estimator.solver == "lbfgs":
        if np.any(estimator.dropout):
            owner, do = type(estimator).__name__, "Take solver='adam' or 'sgd'"
            fail(
                f"{owner}.dropout", f"{estimator.dropout!r} with solver='lbfgs'", "0: its search needs one function", do
            )
        return {"optimizer": LBFGS(), "shuffle": False}
    if estimator.solver == "adam":
        rule = solvers.Adam(float(estimator.beta_1), float(estimator.beta_2), float(estimator.epsilon))
        return {"optimizer": rule, "learning_rate": float(estimator.learning_rate_init), "shuffle": estimator.shuffle}
    rule, rate = solvers.SGD(float(estimator.momentum), bool(estimator.nesterovs_momentum)), None
    if estimator.learning_rate == "invscaling":
        # steps are counted from the first epoch that the run's state knows of
        seen, batches = estimator.t_ - done * examples, -(-examples // size)
        start, power = float(estimator.learning_rate_init), float(estimator.power_t)
        rate = solvers.InverseScaling(start, power, seen, batches, examples)
    return {
        "optimizer": rule, "learning_rate": rate or float(estimator.learning_rate_init), "shuffle": estimator.shuffle,
    }  # fmt: skip


def _rule(estimator: Any, watched: bool, score: str) -> Any:
    """When to stop: by the score of the validation, or by what is minimised."""
    if estimator.solver == "lbfgs":
        return stopping.Converged(gtol=float(estimator.tol), max_evaluations=int(estimator.max_fun))
    divides = estimator.solver == "sgd" and estimator.learning_rate == "adaptive"
    where = ("validation", score) if watched else ("training", "loss")
    return solvers.NoImprovement(float(estimator.tol), float(estimator.n_iter_no_change), where[1], where[0], divides)


def _earlier(
    estimator: Any, settings: Any, examples: int, size: int, incremental: bool, key: int, weights: Any
) -> tuple[Run | None, int]:
    """The run to go on with, and its epochs; None to begin with a fresh optimiser."""
    before = getattr(estimator, "_continuation", None)
    if before is None or before.settings != settings:
        return None, 0
    now, best = before.now, before.now.best
    kept = now.params if best is None or best["epoch"][0] < 0 else best["params"]
    if not jax.tree.all(jax.tree.map(lambda mine, own: np.array_equal(mine, own[0]), weights[0], kept)):
        own_params, own_state = jax.tree.map(lambda leaf: leaf[None], weights)  # the user has put others in
        now = replace(now, params=own_params, state=own_state)
    if incremental or (before.examples, before.batch_size) != (examples, size):
        # other draws in every call, also from one seed
        words = np.array([[estimator.t_ % 2**32, key]], np.uint32)
        now = replace(now, epoch=np.zeros(1, np.int32), step=np.zeros(1, np.int32), key=words)
        now = replace(now, sums=jax.tree.map(np.zeros_like, now.sums))
    # a penalty may be new or gone; the sums of a whole epoch are 0
    names = ["loss", "weight", *(["penalty"] if estimator.alpha > 0 else [])]
    now = replace(now, sums={name: now.sums.get(name, np.zeros_like(now.sums["loss"])) for name in names})
    params, state = jax.tree.map(lambda leaf: leaf[0], (now.params, now.state))
    run = Run(estimator._net, None, params, state, History({}), -1, "", 0, now=now)
    return run, int(now.epoch[0])
