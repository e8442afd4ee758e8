"""Labels of two classes, as 0 and 1 or as -1 and +1."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from jaxnn.checks import fail
from jaxnn.pytypes import Array
from jaxnn.shapes import floating_array, real_array


def signs(y: Any) -> Array:
    """Return labels of two classes as -1 and +1.

    Args:
        y: (examples,), all of them 0 or 1 (Booleans too), or all of them -1 or +1.

    Returns:
        (examples,), -1.0 or +1.0. Inside a compiled program, where values cannot be looked at, +1 is what is above 0.

    Raises:
        JaxnnError: naming the labels, if there are others or both codes are mixed; or the shape, if it is another.

    >>> signs([0, 1, 1]).tolist(), signs([-1, 1, 1]).tolist()
    ([-1.0, 1.0, 1.0], [-1.0, 1.0, 1.0])
    >>> signs([-1, 0, 1])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: y: got the labels -1, 0, 1; needed -1 and +1, or 0 and 1, and no others.
    """
    labels = floating_array("y", y)
    if labels.ndim != 1:
        fail("y", f"labels of shape {labels.shape}", "one label for each example: (examples,)")
    if not isinstance(labels, Tracer):
        found = np.unique(np.asarray(labels))
        if not (set(found.tolist()) <= {-1, 1} or set(found.tolist()) <= {0, 1}):
            shown = ", ".join(f"{label:g}" for label in found[:5]) + (" ..." if len(found) > 5 else "")
            fail("y", f"the labels {shown}", "-1 and +1, or 0 and 1, and no others")
    return jnp.where(labels > 0, 1.0, -1.0)


def examples(x: Any, y: Any) -> tuple[Array, Array]:
    """Return examples and what belongs to each, checked against each other.

    Args:
        x: (examples, features).
        y: (examples, ...).

    Returns:
        x, floating; y as it is.

    Raises:
        JaxnnError: if x has another rank, no row, or not as many as y; or naming a row that has a number not finite.

    >>> [array.shape for array in examples([[0, 1], [1, 1]], [0, 1])]
    [(2, 2), (2,)]
    """
    rows, of_rows = floating_array("x", x), real_array("y", y)
    if rows.ndim != 2 or rows.shape[0] == 0:
        fail("x", f"shape {rows.shape}", "at least one example: (examples, features)")
    if of_rows.ndim == 0 or of_rows.shape[0] != rows.shape[0]:
        fail("y", f"shape {of_rows.shape} for {rows.shape[0]} examples", "one label or target for each example")
    for name, array in (("x", rows), ("y", of_rows)):
        if not isinstance(array, Tracer) and not np.isfinite(array).all():
            row = np.argwhere(~np.isfinite(array))[0, 0]
            fail(f"{name}, row {row}", "a number that is not finite", "finite numbers")
    return rows, of_rows
