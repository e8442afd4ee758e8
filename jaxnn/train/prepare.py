"""From what a user gives `fit` to the arguments of the compiled program: every check, on the host."""

from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn import activations, config, losses, metrics
from jaxnn.checks import JaxnnError, fail, one_of, whole_number
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, layer_numbers, walk
from jaxnn.train.gradient import GRADIENTS
from jaxnn.train.program import Recipe, searches
from jaxnn.train.stopping import EarlyStopping
from jaxnn.train.tables import Tables


def seed_of(key: Any) -> tuple[np.ndarray, str]:
    """Return the words of a key and the name of its generator.

    Args:
        key: a whole number, a `jax.random.key`, or an old-style uint32 key.

    Returns:
        uint32 words, and the generator's name. A whole number gives the words of `jax.random.key(number)`, without
        running a program for it.

    Raises:
        JaxnnError: if it is none of these.

    >>> seed_of(7)
    (array([0, 7], dtype=uint32), 'threefry2x32')
    """
    if isinstance(key, jax.Array | np.ndarray) and key.ndim < 2:
        if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) and key.shape == ():
            return np.asarray(jax.random.key_data(key)), str(jax.random.key_impl(key))
        if key.dtype == np.uint32 and key.shape == (2,):
            return np.asarray(key), "threefry2x32"
    if not isinstance(key, int | np.integer) or isinstance(key, bool):
        fail("key", repr(key), "a whole number or a key of jax.random.key")
    return np.array([0, whole_number("key", key, 0, 2**32 - 1)], np.uint32), "threefry2x32"


def recipe(
    net: Layer,
    loss: Any,
    rule: Any,
    penalties: Any,
    asked: Any,
    stop: Any,
    batch_size: int | None,
    shuffle: bool,
    rows: int,
    data: Tables,
    impl: str,
    augment: Any = (),
    gradient: str = "auto",
    schedule: Any = None,
) -> Recipe:
    """Return what decides the program.

    Args:
        net, loss, rule, penalties, stop, batch_size, shuffle: as given to `fit`.
        asked: names of metrics, or metrics.
        rows: how many rows are learnt in an epoch at most.
        data: the checked tables.
        impl: the generator of the run's key.
        augment: functions of (key, x, y).
        gradient: how it is found.
        schedule: a function of the step that gives the learning rate, or None.

    Returns:
        The recipe.

    Raises:
        JaxnnError: if the network cannot be trained, a metric is unknown, or the monitor is not measured.
    """
    _check_trainable(net, loss)
    size = rows if batch_size is None else min(whole_number("batch_size", batch_size, 1), rows)
    measured = tuple(metrics.by_name(metric) if isinstance(metric, str) else metric for metric in asked)
    for metric in measured:
        if not hasattr(metric, "statistics") or not hasattr(metric, "name"):
            fail("metrics", repr(metric), f"names ({', '.join(metrics.METRICS)}) or metrics as in jaxnn.metrics")
    rule_of_end = stop or EarlyStopping()
    names = ["loss", *(metric.name for metric in measured)]
    if len(set(names)) != len(names):
        fail("metrics", ", ".join(names[1:]), "metrics whose names differ from each other and from 'loss'")
    if rule_of_end.on == "optimizer" and not searches(rule):
        fail("stop", f"{rule_of_end!r}, which asks the optimizer", "optimizers.LBFGS(), which searches along a line")
    if rule_of_end.on == "training" and rule_of_end.monitor != "loss":
        fail("stop.monitor", f"{rule_of_end.monitor!r} on the training", "'loss', or a metric on the validation data")
    if rule_of_end.monitor not in names:
        given = repr(rule_of_end.monitor)
        fail("stop.monitor", given, f"one of {', '.join(names)}", "Name the metric in metrics= too")
    return Recipe(
        net=net, loss=loss, optimizer=rule, penalties=tuple(penalties), metrics=measured, rule=rule_of_end,
        stops_early=stop is not None, schedule=schedule, batch_size=size, shuffle=bool(shuffle),
        validated=data.validation is not None,
        key_impl=impl, augment=_augmentations(augment), gradient=one_of("gradient", gradient, GRADIENTS),
        mapping="map" if jax.default_backend() == "cpu" else "vmap",
    )  # fmt: skip


def _augmentations(augment: Any) -> tuple[Any, ...]:
    for one in augment:
        if isinstance(one, type) or not callable(one) or getattr(type(one), "__hash__", None) is None:
            fail(
                "augment", repr(one), "functions of (key, x, y) that return (x, y), such as jaxnn.augmentation.Shift(2)"
            )
    return tuple(augment)


def hyper(net: Layer, made: Recipe, rate: Any, epochs: int, stop: Any) -> dict[str, Any]:
    """Return the numbers of one member, each with a leading axis of one member.

    Args:
        net: the network with its own numbers (the recipe's may be another's that is equal but for them).
        made: the recipe.
        rate: the learning rate, or a schedule of it.
        epochs: how many.
        stop: the stopping rule.

    Returns:
        A nested dict of arrays of shape (1,).
    """
    values = {
        "learning_rate": 0.0 if callable(rate) else rate, "schedule": config.numbers(rate),
        "rule": config.numbers(stop or EarlyStopping()), "loss": config.numbers(made.loss),
        "net": layer_numbers(net), "optimizer": config.numbers(made.optimizer),
        "penalties": tuple(config.numbers(penalty) for penalty in made.penalties),
    }  # fmt: skip
    # strong dtypes: a weak one would compile the program again
    out = jax.tree.map(lambda value: np.full(1, value, jnp.result_type(float)), values)
    return out | {"epochs": np.full(1, epochs, np.int32)}


def check_fit(made: Recipe, data: Tables, rows: int) -> None:
    """Check on shapes alone that network, loss and targets fit, and that labels are classes of the network.

    Args:
        made: the recipe.
        data: the checked tables.
        rows: how many rows are learnt in an epoch at most.

    Raises:
        JaxnnError: if they do not fit.
    """
    x, y = data.train.x, data.train.y
    example, target = jax.ShapeDtypeStruct(x.shape[1:], x.dtype), jax.ShapeDtypeStruct(y.shape[1:], y.dtype)
    x64 = _x64()
    outputs = _output_shape(made.net, made.loss, made.batch_size, example, target, x64)
    if searches(made.optimizer):
        _check_search(made, rows, example)
    if made.augment:
        example, target = _augmented(made.augment, made.batch_size, example, target)
        _output_shape(made.net, made.loss, made.batch_size, example, target, x64)
    for table in (data.train, data.validation):
        if table is not None and getattr(made.loss, "on", "") == "log_rates" and (table.y < 0).any():
            fail("data y", f"{table.y.min()} under {made.loss!r}", "counts or rates of at least 0")
    if getattr(made.loss, "kind", "") == "classification" and y.dtype.kind in "iu" and y.ndim < len(outputs):
        for table in (data.train, data.validation):
            if table is not None:
                losses.check_labels(table.y, outputs[-1])


def _check_search(made: Recipe, examples: int, example: jax.ShapeDtypeStruct) -> None:
    """A search along a line needs one function: all examples, nothing drawn."""
    where = repr(made.optimizer)
    if made.batch_size != examples:
        given = f"minibatches of {made.batch_size} of {examples} examples"
        fail(where, given, "all of them at once", "Give batch_size=None")
    if made.gradient == "backprop":
        fail(where, "gradient='backprop'", "'auto' or 'autodiff'", "The search differentiates by itself")
    if made.augment:
        fail(where, "augmentation, which changes the examples", "the same ones in every step", "Use another optimizer")
    params, state = weight_shapes(made.net, example, _x64())
    batch = jax.ShapeDtypeStruct((examples, *example.shape), example.dtype)
    try:
        jax.eval_shape(lambda p, s, b: made.net.apply(p, s, b, train=True)[0], params, state, batch)
    except JaxnnError as error:
        if "key" not in str(error):
            raise
        fail(where, f"a network that draws while training ({error})", "one without dropout", "Use another optimizer")


def _augmented(augment: Any, size: int, *one: jax.ShapeDtypeStruct) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Shape and dtype of one example and one target after all augmentations."""
    batch = tuple(jax.ShapeDtypeStruct((size, *each.shape), each.dtype) for each in one)
    for change in augment:
        batch = jax.eval_shape(lambda x, y, change=change: change(jax.random.key(0), x, y), *batch)
        if not isinstance(batch, tuple) or len(batch) != 2 or {each.shape[:1] for each in batch} != {(size,)}:
            fail(f"augment {change!r}", "what it returned", f"(x, y) of {size} examples, as it was given")
    return tuple(jax.ShapeDtypeStruct(each.shape[1:], each.dtype) for each in batch)


def _x64() -> bool:
    return jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]


@lru_cache(256)
def weight_shapes(net: Layer, example: jax.ShapeDtypeStruct, x64: bool) -> Any:
    """Return shapes and dtypes of a network's weights; traced once, as it was most of the time of a small run.

    Args:
        net: the network.
        example: of its examples.
        x64: whether JAX has 64 bits switched on, which decides dtypes.

    Returns:
        `(params, state)` of `jax.ShapeDtypeStruct`.
    """
    return jax.eval_shape(lambda: net.init(jax.random.key(0), example))


@lru_cache(64)  # the same network again is traced no more: it was 20 of the 24 ms of a short run
def _output_shape(
    net: Layer, loss: Any, size: int, example: jax.ShapeDtypeStruct, target: jax.ShapeDtypeStruct, x64: bool
) -> tuple[int, ...]:
    """The shape of the outputs for a batch, if network, loss and targets fit each other."""
    params, state = weight_shapes(net, example, x64)
    if not jax.tree.leaves(params):
        fail("net", repr(net), "at least one layer with parameters", "There is nothing to train")
    batch, targets = (jax.ShapeDtypeStruct((size, *one.shape), one.dtype) for one in (example, target))
    outputs = jax.eval_shape(lambda p, s, b: net.apply(p, s, b)[0], params, state, batch)
    said = jax.eval_shape(lambda o, t: loss(o, t), outputs, targets)
    if getattr(said, "shape", ())[:1] != (size,):
        given = f"a result of shape {getattr(said, 'shape', said)} for {size} examples"
        fail("loss", given, "one loss for each example", "Leave the mean over examples to fit")
    return tuple(outputs.shape)


def starting_weights(net: Layer, start: Any, x: np.ndarray) -> Any:
    """Return the weights to start from with a leading axis of one member, or None to draw them.

    Args:
        net: the network.
        start: `(params, state)`, a run, or None.
        x: the examples.

    Returns:
        `(params, state)` or None.

    Raises:
        JaxnnError: if they are not of the network's structure, shapes and dtypes, naming the first that is not.
    """
    if start is None:
        return None
    given = (start.params, start.state) if hasattr(start, "params") else start
    if not (isinstance(given, tuple | list) and len(given) == 2):
        fail("start", type(start).__name__, "(params, state) or an earlier run")
    needed = weight_shapes(net, jax.ShapeDtypeStruct(x.shape[1:], x.dtype), _x64())
    has, needs = (_described({"params": tree[0], "state": tree[1]}) for tree in (given, needed))
    for path in sorted(has.keys() | needs.keys()):
        if has.get(path) != needs.get(path):
            fail(f"start {path}", has.get(path, "nothing"), needs.get(path, "nothing"))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[None], tuple(given))


def resumable(run: Any, start: Any, epochs: int, batches: int) -> Any:
    """Return an earlier run if this one can go on with it.

    Args:
        run: what was given as `resume`.
        start: what was given beside it, which must be nothing.
        epochs: in all.
        batches: minibatches of an epoch.

    Returns:
        The run.

    Raises:
        JaxnnError: if it is no run that can be resumed, has had its epochs, or was cut at other minibatches.
    """
    if getattr(run, "now", None) is None:
        fail("resume", type(run).__name__, "an earlier run, as fit returned it")
    if start is not None:
        fail("start", "weights beside resume", "one of the two", "A resumed run goes on with its own weights")
    done, step = int(run.now.epoch[0]), int(run.now.step[0])
    if not done * batches <= step <= (done + 1) * batches:
        given = f"a run after {step} minibatches in {done} epochs, and data that make {batches} an epoch"
        fail("resume", given, "the data and batch_size of that run")
    if epochs <= done:
        fail("epochs", f"{epochs} beside a run of {done}", f"more than {done}", "The earlier run's epochs are counted")
    return run


def _described(tree: Any) -> dict[str, str]:
    """Shape and dtype of every leaf by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    keys = (jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves)
    about = (
        f"{np.asarray(leaf).dtype} {np.shape(leaf)}" if np.isscalar(leaf) else f"{leaf.dtype} {leaf.shape}"
        for _, leaf in leaves
    )
    return dict(zip(keys, about, strict=True))


def _check_trainable(net: Layer, loss: Any) -> None:
    for path, layer in walk(net):
        if isinstance(layer, Activation) and not activations.has_gradient(layer.function):
            do = "Use sigmoid, tanh or relu, or train such units with the perceptron rule"
            fail(f"net {path}", f"{layer!r}, whose derivative is 0", "an activation with a gradient", do)
    if not callable(loss):
        fail("loss", repr(loss), "one of jaxnn.losses, or a function of (outputs, targets)")
    for name, one in (("net", net), ("loss", loss)):
        if getattr(type(one), "__hash__", None) is None:
            fail(
                name,
                f"a {type(one).__name__} that has no hash",
                "a frozen dataclass, or a function or class of its own",
            )
    if not getattr(loss, "minimisable", True):
        fail("loss", repr(loss), "a loss that has a least value", "This one is a diagnostic")
