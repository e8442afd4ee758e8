"""A training run as three pure functions over one pytree, mapped over members, compiled once.

`init(recipe, seed, hyper, data, start) -> TrainState`, `chunk(recipe, TrainState, data, hyper, steps) -> TrainState,
logs`, `evaluate(net, loss, metrics, params, state, rows) -> metrics`. What a run asks for decides the program, static
(`Recipe`); every number is an argument, traced (`hyper`), so that changing one never recompiles.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnn.config import config, with_numbers
from jaxnn.layers.base import Layer, put_numbers
from jaxnn.ops import fold_in, permuted
from jaxnn.pytypes import Array, Key, Params, State
from jaxnn.train import stopping
from jaxnn.train.gradient import Objective, value_and_grad
from jaxnn.train.measure import Rows, evaluate, minibatch_of, summed

AUGMENTATION = 2**20
"""Augmentations draw with keys from this number on, layers from 0: neither changes the other's draws."""

CAPACITY = 256
"""Epochs that the logs of one chunk can hold; a chunk ends when they are full."""


@config
class Recipe:
    """What decides which program is compiled: everything about a run that is not a number or an array."""

    net: Layer
    loss: Any
    optimizer: Any
    penalties: tuple[Any, ...]
    metrics: tuple[Any, ...]
    rule: Any
    """The stopping rule; where none was asked for, it only finds the weights with the best validation loss."""
    stops_early: bool
    schedule: Any
    """A function of the step and numbers of its own that gives the learning rate; None for one number."""
    batch_size: int
    shuffle: bool
    validated: bool
    key_impl: str
    augment: tuple[Any, ...]
    """Functions of (key, x, y) that change every minibatch before it is learnt."""
    gradient: str
    """"auto", "autodiff" or "backprop": how the gradient is found."""
    mapping: str
    """How members are mapped: "map" one after another (bits of a run alone; faster on CPU), "vmap" at once."""

    @property
    def restores(self) -> bool:
        """Whether the weights of the best validation are kept beside the last."""
        return self.validated and self.rule.on == "validation"


class Data(NamedTuple):
    """What a run learns from, and what it is validated on."""

    train: Rows
    validation: Rows | None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything that a run is, at one moment; the arguments `data` and `hyper` complete it."""

    params: Params
    state: State
    opt_state: Any
    key: Array
    """The words of the run's key, uint32."""
    epoch: Array
    """Epochs completed."""
    step: Array
    """Minibatches taken since the start of the run."""
    sums: dict[str, Array]
    """Loss, penalty and weight, summed over the minibatches of the unfinished epoch."""
    best: dict[str, Any] | None
    """params, state and epoch with the best validation so far; None where the last weights are kept."""
    patience: Any
    """The counters of the stopping rule; None without one."""
    stopped: Array
    """0 while running, else the reason, a constant of `stopping`."""
    finite: Array
    """Whether all parameters were finite at the end of the last chunk."""


def init(recipe: Recipe, seed: Array, hyper: dict[str, Any], data: Data, start: Any) -> TrainState:
    """Make the state of one member's run before its first step.

    Args:
        recipe: the run.
        seed: the words of the member's key, uint32.
        hyper: the member's numbers.
        data: the data; only shapes and dtypes matter.
        start: `(params, state)` to begin from, or None to draw them.

    Returns:
        The state.
    """
    key = _key(recipe, seed)
    x = data.train.x
    drawn = recipe.net.init(fold_in(key, 0), jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
    params, state = drawn if start is None else start
    state = put_numbers(state, hyper["net"])
    zero = jnp.zeros((), jnp.int32)
    dtype = jnp.result_type(float)
    opt_state = _transformation(recipe, hyper).init(params)
    best = {"params": params, "state": state, "epoch": zero - 1} if recipe.restores else None
    watched = recipe.restores or recipe.stops_early
    return TrainState(
        params=params, state=state, opt_state=opt_state, key=seed, epoch=zero, step=zero,
        sums=_no_sums(recipe, dtype), best=best, patience=recipe.rule.start(dtype) if watched else None,
        stopped=zero + stopping.RUNNING, finite=jnp.ones((), bool),
    )  # fmt: skip


def chunk(
    recipe: Recipe, now: TrainState, data: Data, hyper: dict[str, Any], steps: Array
) -> tuple[TrainState, dict[str, Array]]:
    """Run at most `steps` minibatches of one member's run; where chunks begin and end changes no bit.

    A chunk ends early when the run stops, at the first loss that is not finite, and when its logs are full.

    Args:
        recipe: the run.
        now: the state before.
        data: the data, with this member's rows.
        hyper: the member's numbers.
        steps: how many minibatches, int32 scalar.

    Returns:
        The state after, and the logs: `(CAPACITY,)` arrays, a value for each epoch completed in this chunk.
    """
    end = now.step + steps
    logs = {name: jnp.zeros(CAPACITY, jnp.result_type(float)) for name in log_names(recipe)}

    def running(carry: tuple[TrainState, dict[str, Array]]) -> Array:
        t, _ = carry
        return (t.step < end) & (t.stopped == stopping.RUNNING) & (t.epoch - now.epoch < CAPACITY)

    def one_epoch(carry: tuple[TrainState, dict[str, Array]]) -> tuple[TrainState, dict[str, Array]]:
        t, logs = carry
        t = _minibatches(recipe, t, data, hyper, end)
        t = replace(t, stopped=jnp.where(jnp.isfinite(t.sums["loss"]), t.stopped, stopping.NOT_FINITE))
        complete = (t.step == (t.epoch + 1) * batches(recipe, data)) & (t.stopped == stopping.RUNNING)
        close = partial(_close_epoch, recipe, data, hyper, now.epoch)
        return jax.lax.cond(complete, close, lambda t, logs: (t, logs), t, logs)

    now, logs = jax.lax.while_loop(running, one_epoch, (replace(now, finite=jnp.ones((), bool)), logs))
    return replace(now, finite=_all_finite(now.params)), logs


def init_members(recipe: Recipe, seeds: Array, hyper: dict[str, Any], data: Data, start: Any) -> TrainState:
    """`init` of every member: `seeds`, `hyper`, the rows of `data` and `start` have a leading axis of members."""
    return _over_members(recipe, lambda m, d: init(recipe, m[0], m[1], d, m[2]), (seeds, hyper, start), data)


def chunk_members(
    recipe: Recipe, now: TrainState, data: Data, hyper: dict[str, Any], steps: Array
) -> tuple[TrainState, dict[str, Array]]:
    """`chunk` of every member; each takes at most `steps` minibatches and stops for reasons of its own."""
    return _over_members(recipe, lambda m, d: chunk(recipe, m[0], d, m[1], steps), (now, hyper), data)


def _over_members(recipe: Recipe, function: Any, stacked: Any, data: Data) -> Any:
    """Map over the leading axis of `stacked` and of the row indices; the tables themselves are shared."""
    rows = [None if table is None else (table.rows, table.real) for table in data]

    def one(member: Any) -> Any:
        own, mine = member
        pairs = zip(data, mine, strict=True)
        tables: Any = [None if table is None else table._replace(rows=its[0], real=its[1]) for table, its in pairs]
        return function(own, Data(*tables))

    members = (stacked, rows)
    if data.train.rows.shape[0] == 1:  # under vmap, a conditional would compute both its sides
        alone = one(jax.tree.map(lambda leaf: leaf[0], members))
        return jax.tree.map(lambda leaf: leaf[None], alone)
    # one after another keeps every member's bits those of the run done alone, vmap does not (measured.md)
    return jax.lax.map(one, members) if recipe.mapping == "map" else jax.vmap(one)(members)


def batches(recipe: Recipe, data: Data) -> Any:
    """Return the number of minibatches in an epoch; the last may be short.

    Args:
        recipe: the run.
        data: the data of one member.

    Returns:
        The rows over the batch size, rounded up: a number; an int32 scalar where members have different counts.
    """
    return -(-data.train.examples // recipe.batch_size)


def log_names(recipe: Recipe) -> list[str]:
    """Return the names of what every epoch logs.

    Args:
        recipe: the run.

    Returns:
        "loss", "penalty" where there is one, then validation loss and metrics, or the metrics on the training data.
    """
    names = ["loss"] + (["penalty"] if recipe.penalties else [])
    metrics = [metric.name for metric in recipe.metrics]
    return names + ([f"val_{name}" for name in ["loss", *metrics]] if recipe.validated else metrics)


def _minibatches(recipe: Recipe, now: TrainState, data: Data, hyper: dict[str, Any], end: Array) -> TrainState:
    """Run from the state's step to the end of the epoch or of the chunk, or to a loss that is not finite."""
    count, size, key = batches(recipe, data), recipe.batch_size, _key(recipe, now.key)
    train, first, order = data.train, now.epoch * count, data.train.rows
    if recipe.shuffle:  # a function of (key, epoch), so that any step can be the next one after a restart
        order = permuted(fold_in(fold_in(key, 1), now.epoch), order, train.real)
    short = -order.shape[0] % size
    padded = short != 0 or train.real is not None
    if train.real is not None:
        order = order[jnp.arange(order.shape[0], dtype=jnp.int32) % train.real]
    # filled up with rows of its own: an augmentation may mix the rows of a minibatch
    order = jnp.pad(order, (0, short), mode="wrap")  # (n,) -> (count * size,)
    noise = fold_in(key, 2)

    def more(carry: Any) -> Array:
        step, (*_, sums) = carry
        # the sum stays NaN or infinite once one term is: that ends the loop at its step without a latch on the weights
        return (step < jnp.minimum(first + count, end)) & jnp.isfinite(sums["loss"])

    def one_batch(carry: Any) -> Any:
        step, learnt = carry
        batch = minibatch_of(train, order, step - first, size, padded)
        own = _with_rate(recipe, hyper, step, now.patience)
        return step + 1, minibatch(recipe, own, batch, fold_in(noise, step), learnt)

    carry = (now.step, (now.params, now.state, now.opt_state, now.sums))
    step, (params, state, opt_state, sums) = jax.lax.while_loop(more, one_batch, carry)
    return replace(now, params=params, state=state, opt_state=opt_state, step=step, sums=sums)


def _with_rate(recipe: Recipe, hyper: dict[str, Any], step: Array, counters: Any) -> dict[str, Any]:
    """The numbers with the learning rate of a step: the schedule's, times what the stopping rule makes of it."""
    rate = hyper["learning_rate"]
    if recipe.schedule is not None:
        with jax.numpy_dtype_promotion("standard"):  # optax's raise floats to the power of a whole step
            rate = jnp.asarray(recipe.schedule(step, **hyper["schedule"])).astype(rate.dtype)
    scale = getattr(counters, "scale", None)
    return hyper | {"learning_rate": rate if scale is None else rate * scale}


def minibatch(recipe: Recipe, hyper: dict[str, Any], batch: Any, key: Key, learnt: Any) -> Any:
    """Take one optimised step; apart from the loop, so that its arithmetic can be counted.

    Args:
        recipe, hyper: the run and the member's numbers.
        batch: x, y, weights and the mask of what is real; None for either where all are alike.
        key: of this step's randomness.
        learnt: params, state, opt_state and the sums of the epoch.

    Returns:
        The four after the step.
    """
    params, state, opt_state, sums = learnt
    x, y, weight, mask = batch
    for i, change in enumerate(recipe.augment):
        x, y = change(fold_in(key, AUGMENTATION + i), x, y)
    objective = Objective(recipe.net, _loss(recipe, hyper), recipe.penalties, hyper["penalties"])
    given = (state, x, y, weight, mask, key)
    if searches(recipe.optimizer):
        return _searched(recipe, hyper, objective, given, learnt)
    (value, (state, terms)), grads = value_and_grad(objective, recipe.gradient, params, *given)
    with jax.numpy_dtype_promotion("standard"):  # optax raises float32 to an int32 power
        more_told = {"value": value, "grad": grads, "value_fn": lambda p: objective(p, *given)[0]}
        updates, after = _transformation(recipe, hyper).update(grads, opt_state, params, **more_told)
        params: Any = optax.apply_updates(params, updates)  # casts to the dtypes of the parameters
    return params, state, _as_before(after, opt_state), {name: sums[name] + terms[name] for name in sums}


def searches(optimizer: Any) -> bool:
    """Return whether an optimiser searches along a line: it evaluates the objective of all examples by itself.

    Args:
        optimizer: of a recipe.

    Returns:
        True for `optimizers.LBFGS`.
    """
    return getattr(optimizer, "full_batch", False)


def _searched(recipe: Recipe, hyper: dict[str, Any], objective: Objective, given: Any, learnt: Any) -> Any:
    """One iteration of an optimiser that searches; what it logs is measured where the search ended."""
    params, _, opt_state, sums = learnt
    state, x, _, weight, mask, key = given
    with jax.numpy_dtype_promotion("standard"):
        rule = _transformation(recipe, hyper)
        updates, after = rule.update(params, opt_state, params, value_fn=lambda p: objective(p, *given)[0])
        params: Any = optax.apply_updates(params, updates)
    opt_state = _as_before(after, opt_state)
    if jax.tree.leaves(state):  # statistics of the weights that are kept
        _, state = recipe.net.apply(params, state, x, train=True, key=key, mask=mask)
    value = recipe.optimizer.seen(opt_state).value
    total = summed(jnp.ones((len(x), 1), value.dtype), weight, mask if mask is None else mask.any(axis=-1))[1]
    penalty = objective.penalty(params, total)
    terms = {"loss": (value - penalty) * total, "weight": total, "penalty": penalty * total}
    return params, state, opt_state, {name: sums[name] + terms[name].astype(sums[name].dtype) for name in sums}


def _as_before(after: Any, before: Any) -> Any:
    """In the dtypes of before: float32 data under x64, or float16, must not change those of the carry."""
    return jax.tree.map(lambda new, old: new if new.dtype == old.dtype else new.astype(old.dtype), after, before)


def _close_epoch(
    recipe: Recipe, data: Data, hyper: dict[str, Any], first: Array, now: TrainState, logs: dict[str, Array]
) -> tuple[TrainState, dict[str, Array]]:
    """At an epoch's end: validation, logs, best weights, stopping rule."""
    row = {"loss": now.sums["loss"] / now.sums["weight"]}
    if recipe.penalties:
        row["penalty"] = now.sums["penalty"] / now.sums["weight"]
    stopped, best, patience = now.stopped, now.best, now.patience
    watched = row["loss"] + row.get("penalty", 0)
    measure = partial(evaluate, recipe.net, _loss(recipe, hyper), recipe.metrics, now.params, now.state)
    if data.validation is not None:
        measured = measure(data.validation)
        row |= {f"val_{name}": value for name, value in measured.items()}
        if recipe.restores:
            monitor = recipe.rule.monitor
            sign = -1 if any(m.name == monitor and m.higher_is_better for m in recipe.metrics) else 1
            watched = sign * measured[monitor]
        stopped = jnp.where(jnp.isfinite(measured["loss"]), stopped, stopping.NOT_FINITE)
    elif recipe.metrics:
        measured = measure(data.train)
        row |= {metric.name: measured[metric.name] for metric in recipe.metrics}
    if recipe.rule.on == "optimizer":
        watched = recipe.optimizer.seen(now.opt_state)
    if patience is not None:
        verdict = recipe.rule.observe(patience, watched, hyper["learning_rate"], **hyper["rule"])
        patience = verdict.counters
        if recipe.restores:
            fresh = {"params": now.params, "state": now.state, "epoch": now.epoch}
            best = jax.tree.map(partial(jnp.where, verdict.improved), fresh, now.best)
        if recipe.stops_early:
            out = verdict.ended & (stopped == stopping.RUNNING)
            stopped = jnp.where(out, stopping.OUT_OF_PATIENCE, stopped)
    logs = {name: logs[name].at[now.epoch - first].set(row[name].astype(logs[name].dtype)) for name in logs}
    last = (now.epoch + 1 >= hyper["epochs"]) & (stopped == stopping.RUNNING)
    now = replace(
        now, epoch=now.epoch + 1, sums=jax.tree.map(jnp.zeros_like, now.sums), best=best, patience=patience,
        stopped=jnp.where(last, stopping.EPOCHS_DONE, stopped).astype(jnp.int32),
    )  # fmt: skip
    return now, logs


def _transformation(recipe: Recipe, hyper: dict[str, Any]) -> optax.GradientTransformationExtraArgs:
    rule = recipe.optimizer.transformation(hyper["learning_rate"], **hyper["optimizer"])
    return optax.with_extra_args_support(rule)


def _loss(recipe: Recipe, hyper: dict[str, Any]) -> Any:
    return with_numbers(recipe.loss, hyper["loss"])


def _key(recipe: Recipe, words: Array) -> Key:
    return jax.random.wrap_key_data(words, impl=recipe.key_impl)


def _no_sums(recipe: Recipe, dtype: Any) -> dict[str, Array]:
    names = ["loss", "weight"] + (["penalty"] if recipe.penalties else [])
    return {name: jnp.zeros((), dtype) for name in names}


def _all_finite(params: Params) -> Array:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(params)] or [jnp.ones((), bool)]).all()
