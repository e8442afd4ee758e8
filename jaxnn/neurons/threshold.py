"""The threshold unit, and which side of a hyperplane a point lies on."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnn.activations import Step
from jaxnn.checks import fail, one_of
from jaxnn.neurons.construction import Construction, layered
from jaxnn.pytypes import Array
from jaxnn.shapes import floating_array


def threshold_unit(weights: Any, threshold: float = 0.0) -> Construction:
    """Return a McCulloch-Pitts unit as a network: it fires when the weighted sum reaches its threshold.

    y = 1 if sum_i w_i x_i >= threshold, else 0; a tie fires. The threshold is the bias with its sign changed.

    Args:
        weights: (inputs,).
        threshold: what the sum has to reach.

    Returns:
        `Chain(Dense(1), Step())` with its parameters; inputs (..., inputs) give (..., 1).

    Raises:
        JaxnnError: if the weights are not one axis of at least one number.

    Source: W. McCulloch and W. Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.

    >>> threshold_unit([1, 1], threshold=2)([[0, 0], [1, 0], [0, 1], [1, 1]])[:, 0].tolist()  # AND
    [0.0, 0.0, 0.0, 1.0]
    """
    w = np.asarray(weights)
    if w.ndim != 1 or w.size == 0:
        fail("weights", f"shape {w.shape}", "one weight for each input: (inputs,)")
    return layered([(w[:, None], [-threshold])], Step())


def side(z: Any, tie: int = -1) -> Array:
    """Return the class -1 or +1 of each activation, and `tie` where it is exactly 0.

    y = +1 if z > 0, -1 if z < 0, `tie` if z = 0: on the hyperplane itself the rule leaves the class open.

    Args:
        z: (...), activations.
        tie: -1, +1, or 0 for neither.

    Returns:
        (...), floating.

    Raises:
        JaxnnError: if the tie is none of these.

    >>> side([-0.5, 0.0, 0.5]).tolist(), side(0.0, tie=1).tolist()
    ([-1.0, -1.0, 1.0], 1.0)
    """
    one_of("tie", tie, [-1, 0, 1])
    activation = floating_array("z", z)
    return jnp.where(activation == 0, tie, jnp.sign(activation))
