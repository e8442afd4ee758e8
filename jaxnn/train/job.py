"""A run that was asked for, checked: what decides its program, and the arguments of that program."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn import checks, optimizers
from jaxnn.checks import fail
from jaxnn.layers.base import Layer
from jaxnn.train import prepare
from jaxnn.train.program import Recipe
from jaxnn.train.run import Run
from jaxnn.train.tables import Tables

MOST_STEPS = 2**30
"""Minibatches of one chunk, and of a whole run, at most: the program counts them in 32 bits."""


class Job(NamedTuple):
    """One run before it begins; arrays have a leading axis of one member."""

    recipe: Recipe
    seed: np.ndarray
    """(1, words) of its key, uint32."""
    hyper: dict[str, Any]
    tables: Tables
    start: Any
    """`(params, state)` to begin with, or None to draw them."""
    earlier: Run | None
    """The run that it goes on with, or None."""

    @property
    def epochs(self) -> int:
        """Passes over the data at most."""
        return int(self.hyper["epochs"][0])

    @property
    def batches(self) -> int:
        """Minibatches of an epoch."""
        return -(-len(self.tables.train.rows) // self.recipe.batch_size)

    @property
    def steps(self) -> int:
        """Minibatches that are still to come, at most."""
        done = 0 if self.earlier is None or self.earlier.now is None else int(self.earlier.now.step[0])
        return self.epochs * self.batches - done


def job(
    net: Any,
    loss: Any,
    given: Tables,
    key: tuple[np.ndarray, str],
    *,
    optimizer: Any = "adam",
    learning_rate: float | Callable[..., Any] | None = None,
    epochs: int = 50,
    batch_size: int | None = 32,
    stop: Any = None,
    penalties: Sequence[Any] = (),
    metrics: Sequence[Any] = (),
    start: Any = None,
    resume: Run | None = None,
    augment: Sequence[Callable[..., Any]] = (),
    gradient: str = "auto",
    shuffle: bool = True,
    most_rows: int = 0,
) -> Job:
    """Check what a run was given, and make the arguments of its program; nothing is computed.

    Args:
        net, loss, optimizer, learning_rate, epochs, batch_size, stop, penalties, metrics, start, resume, augment,
            gradient, shuffle: as for `fit`.
        given: the checked data.
        key: what `prepare.seed_of` made of the key.
        most_rows: of the largest run that is to share this one's program; a minibatch has no more.

    Returns:
        The job.

    Raises:
        JaxnnError: if something does not fit.
    """
    if not isinstance(net, Layer):
        fail("net", repr(net), "a layer, such as jaxnn.Chain(...)")
    rule, rate = optimizers.resolve(optimizer, learning_rate)
    checks.whole_number("epochs", epochs, 1, 2**31 - 1)
    for name, many in (("penalties", penalties), ("metrics", metrics), ("augment", augment)):
        if not isinstance(many, list | tuple):
            fail(name, repr(many), "a list", "Put square brackets around it")
    if stop is not None:
        _check_stop(stop, given)
    words, impl = key
    asked = (penalties, metrics, stop, batch_size, shuffle)
    schedule = rate if callable(rate) else None
    rows = max(most_rows, len(given.train.rows))
    recipe = prepare.recipe(net, loss, rule, *asked, rows, given, impl, augment, gradient, schedule)
    hyper = prepare.hyper(net, recipe, rate, epochs, stop)
    prepare.check_fit(recipe, given, rows)
    batches = -(-len(given.train.rows) // recipe.batch_size)
    if epochs * batches > MOST_STEPS:
        most = MOST_STEPS // batches
        fail("epochs", f"{epochs} of {batches} minibatches", f"at most {most}, which is 2^30 minibatches in all")
    first = prepare.starting_weights(net, start if resume is None else resume, given.train.x)
    earlier = None if resume is None else prepare.resumable(resume, start, epochs, batches)
    return Job(recipe, np.stack([words]), hyper, given, first, earlier)


def _check_stop(stop: Any, given: Tables) -> None:
    if isinstance(stop, type) or not hasattr(stop, "observe"):
        fail("stop", repr(stop), "jaxnn.EarlyStopping(...), or a rule like it")
    if given.validation is None and stop.on == "validation":
        do = "Give a share such as validation=0.2, or (x, y); or watch the training: EarlyStopping(on='training')"
        fail("stop", repr(stop), "validation= beside it", do)
