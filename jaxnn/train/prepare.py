"""From what a user gives `fit` to the arguments of the compiled program: every check, on the host."""

from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn import activations, config, losses, metrics
from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.data import splits
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, layer_numbers, walk
from jaxnn.train.gradient import GRADIENTS
from jaxnn.train.program import Recipe
from jaxnn.train.stopping import EarlyStopping


class Table(NamedTuple):
    """Checked examples on the host, and which rows take part."""

    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray | None
    rows: np.ndarray
    """(n,) indices"""
    mask: np.ndarray | None = None
    """(examples, time), True at real positions"""


class Tables(NamedTuple):
    """What a run learns from and is validated on."""

    train: Table
    validation: Table | None


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


def tables(
    data: Any, validation: Any, sample_weight: Any, class_weight: Any, *, seed: np.ndarray, loss: Any, mask: Any = None
) -> Tables:
    """Check the data and split off the validation part.

    Args:
        data: `(x, y)`.
        validation: a share, `(x, y)`, `(x, y, weight)`, `(x, y, weight, mask)` or None.
        sample_weight: `(examples,)` or None.
        class_weight: a dict, "balanced" or None.
        seed: the words of the run's key; the split is a function of them.
        loss: where it is one for classes, a share takes its part of every class.
        mask: `(examples, time)`, True at real positions, or None.

    Returns:
        The tables; with a share, both parts are rows of one table.

    Raises:
        JaxnnError: if shapes or values do not fit.
    """
    whole = table("data", data, sample_weight, class_weight, mask)
    x, y, weight, *_ = whole
    if validation is None:
        return Tables(whole, None)
    if isinstance(validation, tuple | list):
        own_weight, own_mask = (*validation[2:4], None, None)[:2]
        same = None if own_weight is not None or class_weight is None else _weight_of_class(class_weight, y)
        held = table("validation", validation[:2], own_weight, same, own_mask)
        if held.x.shape[1:] != x.shape[1:] or held.x.dtype != x.dtype:
            needed = f"examples of shape {x.shape[1:]} and dtype {x.dtype}, as in data"
            fail("validation", f"examples of shape {held.x.shape[1:]} and dtype {held.x.dtype}", needed)
        return Tables(whole, held)
    share = number_in("validation", validation, 0, 1, open_low=True, open_high=True)
    if not 1 <= round(share * len(x)) < len(x):
        fail("validation", f"a share of {share:g} of {len(x)} rows", "a share that leaves both parts at least one row")
    rows = splits.split(len(x), (1 - share, share), int(seed[-1]), _classes(y, loss))
    for part, which in zip(rows, ("training", "validation"), strict=True):
        if weight is not None and not weight[part].any():
            fail("sample_weight", f"only 0 among the {which} rows", "a weight above 0 among them")
    return Tables(*(whole._replace(rows=part.astype(np.int32)) for part in rows))


def _classes(y: np.ndarray, loss: Any) -> np.ndarray | None:
    """The labels to split by: whole numbers under a loss for classes, each of them at least twice."""
    if getattr(loss, "kind", "") not in ("classification", "binary") or y.ndim != 1 or y.dtype.kind not in "iub":
        return None
    return y if np.unique(y, return_counts=True)[1].min() > 1 else None


def table(name: str, data: Any, sample_weight: Any, class_weight: Any, mask: Any = None) -> Table:
    """Check examples and their weights.

    Args:
        name: what the user calls the data.
        data: `(x, y)`.
        sample_weight: `(examples,)` or None.
        class_weight: a dict, "balanced" or None.
        mask: `(examples, time)` or None.

    Returns:
        The table, with all of its rows.

    Raises:
        JaxnnError: if shapes or values do not fit.
    """
    x, y = _pair(name, data)
    weight = _weights(name, sample_weight, class_weight, y)
    return Table(x, y, weight, np.arange(len(x), dtype=np.int32), None if mask is None else _mask(name, mask, x))


def _mask(name: str, mask: Any, x: np.ndarray) -> np.ndarray:
    """Booleans over examples and time, with something real in every example."""
    called, mask = ("mask" if name == "data" else f"{name} mask"), np.asarray(mask)
    if mask.dtype != np.bool_:
        fail(called, f"dtype {mask.dtype}", "Booleans: True at real positions, False at padding")
    if mask.ndim != 2 or mask.shape != x.shape[:2]:
        fail(called, f"shape {mask.shape}", f"one Boolean for each example and position: {x.shape[:2]}")
    if not mask.any(axis=1).all():
        fail(f"{called}, row {int((~mask.any(axis=1)).argmax())}", "no real position", "at least one in every example")
    return mask


def recipe(
    net: Layer,
    loss: Any,
    rule: Any,
    penalties: Any,
    asked: Any,
    stop: EarlyStopping | None,
    batch_size: int | None,
    shuffle: bool,
    data: Tables,
    impl: str,
    augment: Any = (),
    gradient: str = "auto",
) -> Recipe:
    """Return what decides the program.

    Args:
        net, loss, rule, penalties, stop, batch_size, shuffle: as given to `fit`.
        asked: names of metrics, or metrics.
        data: the checked tables.
        impl: the generator of the run's key.
        augment: functions of (key, x, y).
        gradient: how it is found.

    Returns:
        The recipe.

    Raises:
        JaxnnError: if the network cannot be trained, a metric is unknown, or the monitor is not measured.
    """
    _check_trainable(net, loss)
    examples = len(data.train.rows)
    size = examples if batch_size is None else min(whole_number("batch_size", batch_size, 1), examples)
    measured = tuple(metrics.by_name(metric) if isinstance(metric, str) else metric for metric in asked)
    for metric in measured:
        if not hasattr(metric, "statistics") or not hasattr(metric, "name"):
            fail("metrics", repr(metric), f"names ({', '.join(metrics.METRICS)}) or metrics as in jaxnn.metrics")
    monitor = stop.monitor if stop else "loss"
    names = ["loss", *(metric.name for metric in measured)]
    if len(set(names)) != len(names):
        fail("metrics", ", ".join(names[1:]), "metrics whose names differ from each other and from 'loss'")
    if monitor not in names:
        fail("stop.monitor", repr(monitor), f"one of {', '.join(names)}", "Name the metric in metrics= too")
    return Recipe(
        net=net, loss=loss, optimizer=rule, penalties=tuple(penalties), metrics=measured, monitor=monitor,
        stops_early=stop is not None, batch_size=size, shuffle=bool(shuffle), validated=data.validation is not None,
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


def hyper(net: Layer, made: Recipe, rate: float, epochs: int, stop: EarlyStopping | None) -> dict[str, Any]:
    """Return the numbers of one member, each with a leading axis of one member.

    Args:
        net: the network with its own numbers (the recipe's may be another's that is equal but for them).
        made: the recipe.
        rate: the learning rate.
        epochs: how many.
        stop: the stopping rule.

    Returns:
        A nested dict of arrays of shape (1,).
    """
    rule = stop or EarlyStopping()
    values = {
        "learning_rate": rate, "net": layer_numbers(net), "optimizer": config.numbers(made.optimizer),
        "penalties": tuple(config.numbers(penalty) for penalty in made.penalties), "min_delta": float(rule.min_delta),
    }  # fmt: skip
    # strong dtypes: a weak one would compile the program again
    out = jax.tree.map(lambda value: np.full(1, value, jnp.result_type(float)), values)
    return out | {"epochs": np.full(1, epochs, np.int32), "patience": np.full(1, rule.patience, np.int32)}


def check_fit(made: Recipe, data: Tables) -> None:
    """Check on shapes alone that network, loss and targets fit, and that labels are classes of the network.

    Args:
        made: the recipe.
        data: the checked tables.

    Raises:
        JaxnnError: if they do not fit.
    """
    x, y = data.train.x, data.train.y
    example, target = jax.ShapeDtypeStruct(x.shape[1:], x.dtype), jax.ShapeDtypeStruct(y.shape[1:], y.dtype)
    x64 = jax.config.jax_enable_x64  # pyright: ignore[reportAttributeAccessIssue]
    outputs = _output_shape(made.net, made.loss, made.batch_size, example, target, x64)
    if made.augment:
        example, target = _augmented(made.augment, made.batch_size, example, target)
        _output_shape(made.net, made.loss, made.batch_size, example, target, x64)
    if getattr(made.loss, "kind", "") == "classification" and y.dtype.kind in "iu" and y.ndim < len(outputs):
        for table in (data.train, data.validation):
            if table is not None:
                losses.check_labels(table.y, outputs[-1])


def _augmented(augment: Any, size: int, *one: jax.ShapeDtypeStruct) -> tuple[jax.ShapeDtypeStruct, ...]:
    """Shape and dtype of one example and one target after all augmentations."""
    batch = tuple(jax.ShapeDtypeStruct((size, *each.shape), each.dtype) for each in one)
    for change in augment:
        batch = jax.eval_shape(lambda x, y, change=change: change(jax.random.key(0), x, y), *batch)
        if not isinstance(batch, tuple) or len(batch) != 2 or {each.shape[:1] for each in batch} != {(size,)}:
            fail(f"augment {change!r}", "what it returned", f"(x, y) of {size} examples, as it was given")
    return tuple(jax.ShapeDtypeStruct(each.shape[1:], each.dtype) for each in batch)


@lru_cache(64)  # the same network again is traced no more: it was 20 of the 24 ms of a short run
def _output_shape(
    net: Layer, loss: Any, size: int, example: jax.ShapeDtypeStruct, target: jax.ShapeDtypeStruct, x64: bool
) -> tuple[int, ...]:
    """The shape of the outputs for a batch, if network, loss and targets fit each other."""
    key = jax.eval_shape(lambda: jax.random.key(0))
    params, state = jax.eval_shape(lambda k: net.init(k, example), key)
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
    key = jax.eval_shape(lambda: jax.random.key(0))
    needed = jax.eval_shape(lambda k: net.init(k, jax.ShapeDtypeStruct(x.shape[1:], x.dtype)), key)
    has, needs = (_described({"params": tree[0], "state": tree[1]}) for tree in (given, needed))
    for path in sorted(has.keys() | needs.keys()):
        if has.get(path) != needs.get(path):
            fail(f"start {path}", has.get(path, "nothing"), needs.get(path, "nothing"))
    return jax.tree.map(lambda leaf: np.asarray(leaf)[None], tuple(given))


def _described(tree: Any) -> dict[str, str]:
    """Shape and dtype of every leaf by its path."""
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    keys = (jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in leaves)
    about = (
        f"{np.asarray(leaf).dtype} {np.shape(leaf)}" if np.isscalar(leaf) else f"{leaf.dtype} {leaf.shape}"
        for _, leaf in leaves
    )
    return dict(zip(keys, about, strict=True))


def _pair(name: str, data: Any) -> tuple[np.ndarray, np.ndarray]:
    if not (isinstance(data, tuple | list) and len(data) == 2):
        fail(name, type(data).__name__, "a pair (x, y)")
    x, y = (_on_host(f"{name} {part}", values) for part, values in zip("xy", data, strict=True))
    if x.ndim < 2:
        fail(
            f"{name} x", f"shape {x.shape}", "one row for each example: (examples, features)", "One feature? x[:, None]"
        )
    if len(x) != len(y):
        fail(name, f"{len(x)} rows of x and {len(y)} of y", "as many of the one as of the other")
    if len(x) == 0 or x[0].size == 0:
        fail(name, f"x of shape {x.shape}", "at least one row and one feature")
    return x, y


def _on_host(name: str, values: Any) -> np.ndarray:
    """A NumPy array of a dtype that JAX has, all values finite."""
    try:
        array = np.asarray(values)
    except ValueError:  # NumPy's "inhomogeneous shape"
        fail(name, "rows of different lengths", "rows of one length")
    if array.dtype.kind not in "fiub" and str(array.dtype) != "bfloat16":
        fail(name, f"dtype {array.dtype}", "numbers", "Encode text as whole numbers first")
    kept = jax.dtypes.canonicalize_dtype(array.dtype)
    if array.size and array.dtype.kind in "iu" and np.iinfo(kept).bits < np.iinfo(array.dtype).bits:
        low, high = np.iinfo(kept).min, np.iinfo(kept).max
        far = array[(array < low) | (array > high)]
        if far.size:  # JAX would wrap them round
            fail(name, f"{far[0]}", f"whole numbers from {low} to {high}", "Make them floats, and scale them")
    array = np.asarray(array, kept)
    if array.dtype.kind not in "iub" and not np.isfinite(array).all():
        where = np.argwhere(~np.isfinite(array))[0]
        place = ", ".join(
            f"{axis} {i}" for axis, i in zip(["row", "column", *["axis"] * len(where)], where, strict=False)
        )
        fail(f"{name} at {place}", f"{array[tuple(where)]}", "finite numbers", "Remove or fill in such rows")
    return array


def _weights(name: str, sample_weight: Any, class_weight: Any, y: np.ndarray) -> np.ndarray | None:
    weight, called = None, "sample_weight" if name == "data" else f"{name} weight"
    if sample_weight is not None:
        weight = _on_host(called, sample_weight).astype(np.float32)
        if weight.shape != (len(y),):
            fail(called, f"shape {weight.shape}", f"one weight for each example: ({len(y)},)")
        if (weight < 0).any() or not weight.any():
            fail(called, "a negative weight or none above 0", "weights of at least 0, not all of them 0")
    if class_weight is not None:
        of_class = class_weight if name == "validation" else _weight_of_class(class_weight, y)
        own = np.array([of_class.get(label, 1.0) for label in y.tolist()], np.float32)
        weight = own if weight is None else weight * own
    return weight


def _weight_of_class(class_weight: Any, y: np.ndarray) -> dict[Any, float]:
    """The weight of every class of the training data, which the validation shares."""
    if y.ndim != 1 or y.dtype.kind not in "iub":
        fail("class_weight", f"targets of shape {y.shape} and dtype {y.dtype}", "one whole-number class per example")
    classes, first = np.unique(y, return_index=True)
    weights = splits.class_weights(y, tuple(classes.tolist()), class_weight)[first]
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))


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
