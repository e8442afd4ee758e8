"""Activation functions, their table by name, and probes that tell what a layer of them is doing.

Every activation takes z of shape (...) and any real dtype and returns (...): a floating dtype is kept, integers and
Booleans become float32. All but softmax work on each number alone.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn.checks import fail, number_in, one_of
from jaxnn.config import config
from jaxnn.pytypes import Array
from jaxnn.shapes import floating_array, real_array


def identity(z: Any) -> Array:
    """Return the input unchanged, the activation of a regression output.

    f(z) = z, f'(z) = 1. Integers stay integers.

    >>> identity([-1.0, 2.0])
    Array([-1.,  2.], dtype=float32)
    """
    return real_array("identity", z)


def sigmoid(z: Any) -> Array:
    """Squash each number into (0, 1), where it can be read as a probability.

    f(z) = 1 / (1 + exp(-z)), f' = f (1 - f), at most 1/4.

    >>> f"{sigmoid(0.0):.4f}", f"{sigmoid(1.0):.4f}"
    ('0.5000', '0.7311')
    """
    return jax.nn.sigmoid(floating_array("sigmoid", z))


def tanh(z: Any) -> Array:
    """Squash each number into (-1, 1), around zero.

    f(z) = (exp(z) - exp(-z)) / (exp(z) + exp(-z)) = 2 sigmoid(2z) - 1, f' = 1 - f^2.

    >>> f"{tanh(0.0):.4f}", f"{tanh(1.0):.4f}"
    ('0.0000', '0.7616')
    """
    return jnp.tanh(floating_array("tanh", z))


def relu(z: Any) -> Array:
    """Cut off what is negative.

    f(z) = max(0, z), f' = 1 for z > 0, else 0 (at z = 0 too).

    >>> relu([-0.7, 0.7])
    Array([0. , 0.7], dtype=float32)
    """
    return jax.nn.relu(floating_array("relu", z))


def softmax(z: Any) -> Array:
    """Turn the scores on the last axis into probabilities that sum to 1.

    f(z)_i = exp(z_i) / sum_j exp(z_j), with the Jacobian diag(p) - p p^T.

    Args:
        z: (..., classes), else a `JaxnnError`.

    Returns:
        (..., classes), each in [0, 1]; adding a number to all scores changes nothing.

    >>> [f"{p:.4f}" for p in softmax([1.0, 2.0, 3.0])]
    ['0.0900', '0.2447', '0.6652']
    """
    x = floating_array("softmax", z)
    if x.ndim == 0:
        needed = "scores of the classes on the last axis"
        fail("softmax", "a number without an axis", needed, "A probe of one number at a time cannot take softmax")
    return jax.nn.softmax(x, axis=-1)


def swish(z: Any) -> Array:
    """Let each number through as far as its own sigmoid is open; also called SiLU.

    f(z) = z sigmoid(z), least -0.2784645428 at z = -1.27846.
    Source: Ramachandran, Zoph and Le, "Searching for activation functions", arXiv 1710.05941.

    >>> f"{swish(-1.0):.4f}", f"{swish(1.0):.4f}"
    ('-0.2689', '0.7311')
    """
    return jax.nn.silu(floating_array("swish", z))


def gelu(z: Any) -> Array:
    """Weight each number by the normal distribution function, in the tanh form that transformers use.

    f(z) = z/2 (1 + tanh(sqrt(2/pi) (z + 0.044715 z^3))), least -0.1700407506 at z = -0.75246, near `gelu_exact`.
    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv 1606.08415.

    >>> f"{gelu(-1.0):.4f}", f"{gelu(1.0):.4f}"
    ('-0.1588', '0.8412')
    """
    x = floating_array("gelu", z)
    if x.dtype == jnp.float16:
        # z^3 leaves the range of float16 at 41 and its derivative at 148, where 0 times infinity is NaN.
        return jax.nn.gelu(x.astype(jnp.float32), approximate=True).astype(jnp.float16)
    return jax.nn.gelu(x, approximate=True)


def gelu_exact(z: Any) -> Array:
    """Weight each number by the normal distribution function, without approximation.

    f(z) = z/2 (1 + erf(z / sqrt(2))), least -0.1699712075 at z = -0.75180.
    Source: Hendrycks and Gimpel, "Gaussian error linear units", arXiv 1606.08415.

    >>> f"{gelu_exact(-1.0):.4f}", f"{gelu_exact(1.0):.4f}"
    ('-0.1587', '0.8413')
    """
    return jax.nn.gelu(floating_array("gelu_exact", z), approximate=False)


def softplus(z: Any) -> Array:
    """Bend smoothly from 0 to z, as relu does sharply.

    f(z) = log(1 + exp(z)), f' = sigmoid.

    >>> f"{softplus(0.0):.4f}", f"{softplus(1.0):.4f}"
    ('0.6931', '1.3133')
    """
    return jax.nn.softplus(floating_array("softplus", z))


soft_exponential_linear_unit = softplus
"""The name that one course deck gives to log(1 + exp(z)): this is softplus, and not `Elu`."""


def square(z: Any) -> Array:
    """Square each number: two such units separate a disc from the ring around it.

    f(z) = z^2, f' = 2z.

    >>> square([-3.0, 2.0])
    Array([9., 4.], dtype=float32)
    """
    return jnp.square(floating_array("square", z))


def scaled_tanh(z: Any) -> Array:
    """Squash each number so that -1 and 1 stay (almost) where they are.

    f(z) = 1.7159 tanh(2z/3), f(1) = 0.9999972559.
    Source: LeCun, Bottou, Orr and Mueller, "Efficient BackProp", 1998, section 4.4.

    >>> f"{scaled_tanh(1.0):.4f}", f"{scaled_tanh(2.0):.4f}"
    ('1.0000', '1.4929')
    """
    return 1.7159 * jnp.tanh(floating_array("scaled_tanh", z) * (2 / 3))


def _finite(where: str, value: Any) -> float:
    number = number_in(where, value, float("-inf"), float("inf"))
    return number if math.isfinite(number) else fail(where, f"{number}", "a finite number")


@config
class LeakyRelu:
    """A rectifier that lets a share of what is negative through, so that no unit dies.

    f(z) = max(slope z, z), f' = slope for z < 0, else 1.

    Args:
        slope: the share, from 0 to 1, else a `JaxnnError`.

    >>> LeakyRelu()([-2.0, 2.0])
    Array([-0.02,  2.  ], dtype=float32)
    """

    slope: float = 0.01

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", number_in("LeakyRelu.slope", self.slope, 0, 1))

    def __call__(self, z: Any) -> Array:
        """Apply it to each number of `z` (...)."""
        return jax.nn.leaky_relu(floating_array("LeakyRelu", z), negative_slope=self.slope)


@config
class Elu:
    """A rectifier that bends exponentially to -alpha; not softplus.

    f(z) = z for z > 0, else alpha (exp(z) - 1).

    Args:
        alpha: the depth it tends to, at least 0, else a `JaxnnError`.

    Source: Clevert, Unterthiner and Hochreiter, "Exponential linear units", arXiv 1511.07289.

    >>> f"{Elu()(-1.0):.4f}", f"{Elu()(2.0):.4f}"
    ('-0.6321', '2.0000')
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "alpha", number_in("Elu.alpha", self.alpha, 0, float("inf"), open_high=True))

    def __call__(self, z: Any) -> Array:
        """Apply it to each number of `z` (...)."""
        return jax.nn.elu(floating_array("Elu", z), alpha=self.alpha)


@config
class Step:
    """The McCulloch-Pitts unit: it fires from its threshold on, and has no gradient to train by.

    f(z) = 1 for z >= threshold, else 0 (NaN stays NaN); f' = 0 almost everywhere.

    Args:
        threshold: a finite number, else a `JaxnnError`.

    Source: McCulloch and Pitts, "A logical calculus of the ideas immanent in nervous activity", 1943.

    >>> Step(2.0)([1.0, 2.0, 3.0])
    Array([0., 1., 1.], dtype=float32)
    """

    threshold: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", _finite("Step.threshold", self.threshold))

    def __call__(self, z: Any) -> Array:
        """Apply it to each number of `z` (...)."""
        above = floating_array("Step", z) - self.threshold
        return jnp.heaviside(above, jnp.ones((), above.dtype))


@config
class Sign:
    """The sign with three values, at a threshold; it has no gradient to train by.

    f(z) = -1, 0 or 1 where z is below, at or above the threshold: sign(z - threshold).

    Args:
        threshold: a finite number, else a `JaxnnError`.

    >>> Sign(0.2)([0.1, 0.2, 0.3])
    Array([-1.,  0.,  1.], dtype=float32)
    """

    threshold: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", _finite("Sign.threshold", self.threshold))

    def __call__(self, z: Any) -> Array:
        """Apply it to each number of `z` (...)."""
        return jnp.sign(floating_array("Sign", z) - self.threshold)


ACTIVATIONS: dict[str, Callable[[Any], Array]] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": LeakyRelu(),
    "elu": Elu(),
    "softmax": softmax,
    "swish": swish,
    "gelu": gelu,
    "gelu_exact": gelu_exact,
    "softplus": softplus,
    "soft_exponential_linear_unit": soft_exponential_linear_unit,
    "square": square,
    "scaled_tanh": scaled_tanh,
    "step": Step(),
    "sign": Sign(),
}
"""Every activation of jaxnn by the name that files and commands use."""


def by_name(name: str) -> Callable[[Any], Array]:
    """Return the activation of a name.

    Args:
        name: a key of `ACTIVATIONS`.

    Returns:
        The function or instance; else a `JaxnnError` with the list of names and the nearest.

    >>> by_name("leaky_relu")
    LeakyRelu()
    """
    return ACTIVATIONS[one_of("activation", name, ACTIVATIONS)]


def name_of(activation: Callable[[Any], Any]) -> str | None:
    """Return the name of an activation in the table.

    Args:
        activation: a function or an instance.

    Returns:
        Its name, "softplus" for the alias too; None for a user's own and for settings that are not the default.

    >>> name_of(relu), name_of(LeakyRelu()), name_of(LeakyRelu(0.2))
    ('relu', 'leaky_relu', None)
    """
    return next((name for name, known in ACTIVATIONS.items() if known is activation or known == activation), None)


def has_gradient(activation: Callable[[Any], Any]) -> bool:
    """Return whether gradient descent can train through an activation.

    Args:
        activation: a function or an instance.

    Returns:
        False for `Step` and `Sign`, whose derivative is 0 wherever it exists; a user's own is trusted.

    >>> has_gradient(relu), has_gradient(Step())
    (True, False)
    """
    return not isinstance(activation, Step | Sign)


def dead_fraction(activation: Callable[[Any], Array], z: Any) -> Array:
    """Return the share of units whose derivative is exactly 0 for every example: they learn nothing from these.

    Args:
        activation: one that works on each number alone; softmax raises a `JaxnnError`.
        z: (..., units), the pre-activations of at least one example, else a `JaxnnError`.

    Returns:
        A scalar from 0 to 1.

    >>> dead_fraction(relu, [[-1.0, -2.0], [3.0, -4.0]])
    Array(0.5, dtype=float32)
    """
    slopes = _derivative("dead_fraction", activation, z)
    dead = jnp.all(slopes == 0, axis=tuple(range(slopes.ndim - 1)))  # (units,)
    return jnp.mean(dead, dtype=jnp.float32)


def saturation(activation: Callable[[Any], Array], z: Any, threshold: float = 0.01) -> Array:
    """Return the share of pre-activations at which the activation is nearly flat.

    Args:
        activation: one that works on each number alone; softmax raises a `JaxnnError`.
        z: (..., units), the pre-activations.
        threshold: an absolute derivative below it counts as flat; above 0.

    Returns:
        A scalar from 0 to 1.

    >>> saturation(sigmoid, [[0.0, 10.0], [1.0, -10.0]])
    Array(0.5, dtype=float32)
    """
    limit = number_in("saturation.threshold", threshold, 0, float("inf"), open_low=True)
    return jnp.mean(jnp.abs(_derivative("saturation", activation, z)) < limit, dtype=jnp.float32)


def active(activation: Callable[[Any], Array], z: Any, level: float | None = None) -> Array:
    """Return where a unit is "on": where its output is above a level.

    By default the level is the output at z = 0 (1/2 for sigmoid, 0 for relu), so that the active side is the half-space
    z > 0; for `Step` and `Sign` it begins at their threshold. The boundary is off, but on for `Step` (a tie fires).

    Args:
        activation: a function or an instance; softmax needs a level.
        z: (...), the pre-activations.
        level: the output above which a unit is on.

    Returns:
        (...), Boolean.

    >>> active(sigmoid, [-1.0, 0.0, 1.0]), active(Step(), [-1.0, 0.0, 1.0])
    (Array([False, False,  True], dtype=bool), Array([False,  True,  True], dtype=bool))
    """
    x = floating_array("active", z)
    if level is None:
        fixed = 0.5 if isinstance(activation, Step) else 0.0
        return activation(x) > (activation(jnp.zeros((), x.dtype)) if has_gradient(activation) else fixed)
    return activation(x) > level


def _derivative(where: str, activation: Callable[[Any], Array], z: Any) -> Array:
    """The derivative at each number, one number at a time, so that a function of a whole row fails loudly."""
    x = floating_array(where, z)
    if x.size == 0 or x.ndim == 0:
        fail(where, f"pre-activations of shape {x.shape}", "at least one example with units on the last axis")
    return jax.vmap(jax.grad(activation))(x.reshape(-1)).reshape(x.shape)
