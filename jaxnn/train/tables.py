"""Checks of what a run learns from: examples, targets, weights, masks, and the part held out."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, number_in
from jaxnn.data import splits


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
    return divided(whole, validation, class_weight, seed, loss)


def divided(whole: Table, validation: Any, class_weight: Any, seed: np.ndarray, loss: Any) -> Tables:
    """Split the validation part off the rows of a table.

    Args:
        whole: the checked table.
        validation, class_weight, seed, loss: as for `tables`.

    Returns:
        The tables.

    Raises:
        JaxnnError: if shapes or values do not fit.
    """
    x, y, weight, among, _ = whole
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
    count = len(among)
    if not 1 <= round(share * count) < count:
        fail("validation", f"a share of {share:g} of {count} rows", "a share that leaves both parts at least one row")
    parts = splits.split(count, (1 - share, share), int(seed[-1]), classes(y[among], loss))
    rows = [among[part] for part in parts]
    for part, which in zip(rows, ("training", "validation"), strict=True):
        if weight is not None and not weight[part].any():
            fail("sample_weight", f"only 0 among the {which} rows", "a weight above 0 among them")
    return Tables(*(whole._replace(rows=part.astype(np.int32)) for part in rows))


def classes(y: np.ndarray, loss: Any) -> np.ndarray | None:
    """Return the labels to split by: whole numbers under a loss for classes, each of them at least twice; else None."""
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


def with_class_weight(whole: Table, class_weight: Any, rows: np.ndarray | None) -> np.ndarray:
    """Return the weights of a table's rows with those of their classes in them.

    Args:
        whole: the table.
        class_weight: a dict, or "balanced" by the classes of `rows`.
        rows: those that are learnt, None for all.

    Returns:
        `(rows of the table,)`
    """
    counted = whole.y if rows is None or isinstance(class_weight, dict) else whole.y[rows]
    of_class = _weight_of_class(class_weight, counted)
    own = np.array([of_class.get(label, 1.0) for label in whole.y.tolist()], _weight_dtype())
    return own if whole.weight is None else own * whole.weight


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
        weight = _on_host(called, sample_weight).astype(_weight_dtype())
        if weight.shape != (len(y),):
            fail(called, f"shape {weight.shape}", f"one weight for each example: ({len(y)},)")
        if (weight < 0).any() or not weight.any():
            fail(called, "a negative weight or none above 0", "weights of at least 0, not all of them 0")
    if class_weight is not None:
        of_class = class_weight if name == "validation" else _weight_of_class(class_weight, y)
        own = np.array([of_class.get(label, 1.0) for label in y.tolist()], _weight_dtype())
        weight = own if weight is None else weight * own
    return weight


def _weight_dtype() -> Any:
    """That of every number of a run: float64 where JAX has it switched on."""
    return jnp.result_type(float)


def _weight_of_class(class_weight: Any, y: np.ndarray) -> dict[Any, float]:
    """The weight of every class of the training data, which the validation shares."""
    if y.ndim != 1 or y.dtype.kind not in "iub":
        fail("class_weight", f"targets of shape {y.shape} and dtype {y.dtype}", "one whole-number class per example")
    classes, first = np.unique(y, return_index=True)
    weights = splits.class_weights(y, tuple(classes.tolist()), class_weight)[first]
    return dict(zip(classes.tolist(), weights.tolist(), strict=True))
