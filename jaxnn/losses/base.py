"""What every loss is, and the values that the outputs of a regression predict."""

from typing import Any, ClassVar, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.pytypes import Array


class Loss(Protocol):
    """What every loss is: outputs (..., outputs) and targets go in, one number for each example (...) comes out.

    `kind` is "classification", "binary" or "regression"; `on` is what the outputs are: "logits", "probabilities",
    "values", "log_rates" or "mean_and_log_variance"; `minimisable` is False for a diagnostic whose minimum means
    nothing.
    """

    kind: ClassVar[str]
    on: ClassVar[str]
    minimisable: ClassVar[bool]

    def __call__(self, outputs: Any, targets: Any, /) -> Array:
        """Return the loss of each example, of shape outputs.shape[:-1]."""
        ...


def values_of(loss: Any, outputs: Any) -> Any:
    """Return the values that outputs predict, which are what metrics of a regression compare with the targets.

    exp(z) of log-rates z, the mean alone of mean and log variance, any other outputs as they are.

    Args:
        loss: that of the network; a function of your own has outputs that are taken as they are.
        outputs: (..., outputs), of NumPy or JAX.

    Returns:
        (..., values), of the same library and dtype.

    >>> from jaxnn.losses import gaussian_nll
    >>> values_of(gaussian_nll, np.array([[3.0, 0.1], [4.0, 0.2]])).tolist()
    [[3.0], [4.0]]
    """
    on = getattr(loss, "on", None)
    if on == "mean_and_log_variance":
        return outputs[..., :1]
    if on != "log_rates":
        return outputs
    if isinstance(outputs, jax.Array):
        return jnp.exp(outputs)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, as in JAX
        return np.exp(outputs)
