"""Arguments of a formula as arrays: real numbers, wide enough to sum, and targets that fit the outputs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail
from jaxnn.pytypes import Array


def real_array(where: str, value: Any) -> Array:
    """Return `value` as an array of real numbers or Booleans, its dtype kept.

    Args:
        where: the name to begin an error message with.
        value: anything that `numpy.asarray` accepts.

    Returns:
        An array of the same shape.

    Raises:
        JaxnnError: if it holds text, objects or complex numbers.

    >>> real_array("targets", ["cat", "dog"])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: targets: got an array of dtype <U3; needed real numbers or Booleans.
    """
    held = value if isinstance(value, jax.Array) else np.asarray(value)
    real = jnp.issubdtype(held.dtype, jnp.floating) or jnp.issubdtype(held.dtype, jnp.integer)
    if not real and held.dtype != np.bool_:
        fail(where, f"an array of dtype {held.dtype}", "real numbers or Booleans")
    return jnp.asarray(held)


def floating_array(where: str, value: Any) -> Array:
    """Return `value` as an array of a floating dtype: its own if it has one, else the default (float32).

    Args:
        where: the name to begin an error message with.
        value: anything that `numpy.asarray` accepts; integers and Booleans are converted.

    Returns:
        A floating array of the same shape.

    Raises:
        JaxnnError: if it holds text, objects or complex numbers.

    >>> floating_array("x", [1, 2])
    Array([1., 2.], dtype=float32)
    """
    x = real_array(where, value)
    return x if jnp.issubdtype(x.dtype, jnp.floating) else x.astype(jnp.result_type(float))


def summable_array(where: str, value: Any) -> Array:
    """Return `value` as a floating array of at least 32 bits, so that sums and logarithms of it keep their digits.

    Args:
        where: the name to begin an error message with.
        value: anything that `numpy.asarray` accepts.

    Returns:
        An array of the same shape: float64 stays, every other dtype becomes float32.

    Raises:
        JaxnnError: if it holds text, objects or complex numbers.

    >>> summable_array("x", jnp.ones(2, jnp.bfloat16)).dtype
    dtype('float32')
    """
    x = floating_array(where, value)
    return x if x.dtype.itemsize >= 4 else x.astype(jnp.float32)


def paired_targets(where: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    """Return outputs and targets as two arrays of one shape, so that nothing broadcasts by accident.

    Args:
        where: the name to begin an error message with.
        outputs: (..., outputs), of a network.
        targets: the same shape; or without the last axis where there is one output.

    Returns:
        Both in the shape of the outputs and in one floating dtype of at least 32 bits.

    Raises:
        JaxnnError: if the shapes do not fit, (n, 1) against (n, n) included.

    >>> [x.shape for x in paired_targets("squared_error", np.zeros((5, 1)), np.zeros(5))]
    [(5, 1), (5, 1)]
    >>> paired_targets("squared_error", np.zeros((5, 3)), np.zeros(5))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: squared_error: got outputs of shape (5, 3) and targets of shape (5,); \
needed targets of shape (5, 3). Give one target for each output, or let the last layer have as many outputs as targets.
    """
    y, t = _checked_outputs(where, outputs), real_array(where, targets)
    one_output = y.shape[-1] == 1
    if t.shape != y.shape and not (one_output and t.shape == y.shape[:-1]):
        _fail_shapes(
            where,
            y.shape,
            t.shape,
            f"targets of shape {y.shape}" + (f" or {y.shape[:-1]}" if one_output else ""),
            "Give one target for each output, or let the last layer have as many outputs as targets",
        )
    return y, t.reshape(y.shape).astype(y.dtype)  # (...,) -> (..., 1) where there is one output


def single_targets(where: str, outputs: Any, targets: Any, width: int, each: str) -> tuple[Array, Array]:
    """Return outputs and targets as two arrays where several outputs describe one target.

    Args:
        where: the name to begin an error message with.
        outputs: (..., width), of a network.
        targets: (...,) or (..., 1).
        width: how many outputs there are.
        each: what they are, for the message.

    Returns:
        The outputs, and the targets as (..., 1), in one floating dtype of at least 32 bits.

    Raises:
        JaxnnError: if the shapes do not fit.

    >>> [x.shape for x in single_targets("gaussian_nll", np.zeros((5, 2)), np.zeros(5), 2, "mean and log variance")]
    [(5, 2), (5, 1)]
    >>> single_targets("gaussian_nll", np.zeros((5, 1)), np.zeros(5), 2, "mean and log variance")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: gaussian_nll: got outputs of shape (5, 1); \
needed 2 on the last axis, mean and log variance. Let the last layer have 2 outputs.
    """
    y, t = _checked_outputs(where, outputs), real_array(where, targets)
    if y.shape[-1] != width:
        do = f"Let the last layer have {width} output" + ("s" if width > 1 else "")
        fail(where, f"outputs of shape {y.shape}", f"{width} on the last axis, {each}", do)
    examples = y.shape[:-1]
    if t.shape not in (examples, (*examples, 1)):
        needed = f"targets of shape {examples} or {(*examples, 1)}"
        _fail_shapes(where, y.shape, t.shape, needed, "Give one target for each example")
    return y, t.reshape(*examples, 1).astype(y.dtype)  # (...,) -> (..., 1)


def class_targets(where: str, outputs: Any, targets: Any) -> tuple[Array, Array]:
    """Return outputs of at least two classes and their targets, as integer labels or as rows of shares.

    Args:
        where: the name to begin an error message with.
        outputs: (..., classes).
        targets: integer labels (...,) from 0 to classes - 1 (Booleans where there are two classes), or one-hot
            or soft rows (..., classes) of any real dtype.

    Returns:
        The outputs, floating, at least 32 bits; the targets, integer (...,) or in the outputs' shape and dtype.

    Raises:
        JaxnnError: if the shapes or dtypes do not fit, labels of shape (n, 1) or of a floating dtype included.

    >>> class_targets("accuracy", np.zeros((5, 3)), np.zeros((5, 1), int))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: accuracy: got outputs of shape (5, 3) and targets of shape (5, 1); \
needed integer labels of shape (5,) or rows of shape (5, 3). Drop the last axis of the targets: targets[..., 0].
    """
    y, t = _checked_outputs(where, outputs), real_array(where, targets)
    classes = y.shape[-1]
    if classes < 2:
        given = f"outputs of shape {y.shape}, which is one class"
        fail(where, given, "at least two classes on the last axis", "Use sigmoid_cross_entropy for one output")
    if t.shape == y.shape:
        return y, t.astype(y.dtype)
    if t.shape != y.shape[:-1]:
        extra_axis = t.shape == (*y.shape[:-1], 1)
        _fail_shapes(
            where,
            y.shape,
            t.shape,
            f"integer labels of shape {y.shape[:-1]} or rows of shape {y.shape}",
            "Drop the last axis of the targets: targets[..., 0]" if extra_axis else "Give one target for each example",
        )
    integers = jnp.issubdtype(t.dtype, jnp.integer) or (t.dtype == jnp.bool_ and classes == 2)
    if not integers:
        given = f"labels of dtype {t.dtype} for {classes} classes"
        fail(where, given, "labels of an integer dtype", "Convert them: targets.astype(int)")
    # A uint8 label cannot be compared with 300 classes.
    return y, t if t.dtype.itemsize >= 4 else t.astype(jnp.int32)


def _checked_outputs(where: str, outputs: Any) -> Array:
    y = summable_array(where, outputs)
    if y.ndim == 0:
        fail(where, "outputs without an axis", "outputs on the last axis", "Add it: outputs[..., None]")
    return y


def _fail_shapes(where: str, outputs: tuple[int, ...], targets: tuple[int, ...], needed: str, do: str) -> None:
    fail(where, f"outputs of shape {outputs} and targets of shape {targets}", needed, do)
