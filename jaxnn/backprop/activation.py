"""Back through activations: `a = f(z)`, so `dE/dz = f'(z) dE/da`, for each number by itself; softmax for each row.

The derivative at a kink is a choice: that of `relu` at 0 is 0, as the course has it ("clip the gradient when you pass
zero") and as `jaxnn.relu` itself differentiates.
"""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from jaxnn import activations
from jaxnn.activations import Elu, LeakyRelu, Sign, Step
from jaxnn.backprop.rules import Pull, register, rule_of, to_input
from jaxnn.layers import Activation
from jaxnn.layers.base import as_float
from jaxnn.pytypes import Array, Params, State


@register(Activation)
def activation(layer: Activation, params: Params, state: State, x: Array, **how: Any) -> tuple[Array, State, Pull]:
    """Return `a = f(z)`, and the pull of dE/da to dE/dz by the rule of f."""
    a, pull = rule_of(layer.function)(layer.function, as_float(x))
    return a, state, lambda da: ({}, to_input(x, pull(da)))


def elementwise(*kinds: Any) -> Callable[[Callable[..., Array]], Callable[..., Array]]:
    """Return a decorator that makes a derivative the rule of an activation of each number by itself.

    Args:
        *kinds: the activations, plain functions or classes.

    Returns:
        The decorator of a function of (activation, z, a) that returns f'(z), where a = f(z) is known already.
    """

    def decorate(slope: Callable[..., Array]) -> Callable[..., Array]:
        def rule(f: Any, z: Array) -> tuple[Array, Callable[[Array], Array]]:
            a = f(z)
            return a, lambda da: da * slope(f, z, a)

        register(*kinds)(rule)
        return slope

    return decorate


@elementwise(activations.identity)
def identity(f: Any, z: Array, a: Array) -> Array:
    """f(z) = z, so f' = 1."""
    return jnp.ones_like(z)


@elementwise(activations.sigmoid)
def sigmoid(f: Any, z: Array, a: Array) -> Array:
    """a = 1 / (1 + e^-z), so f' = e^-z / (1 + e^-z)^2 = a (1 - a)."""
    return a * (1 - a)


@elementwise(activations.tanh)
def tanh(f: Any, z: Array, a: Array) -> Array:
    """A quotient of sinh and cosh: f' = (cosh^2 - sinh^2) / cosh^2 = 1 - a^2."""
    return 1 - a * a


@elementwise(activations.relu)
def relu(f: Any, z: Array, a: Array) -> Array:
    """f' = 1 where z > 0, else 0, at 0 too."""
    return (z > 0).astype(z.dtype)


@elementwise(activations.swish)
def swish(f: Any, z: Array, a: Array) -> Array:
    """a = z s with s = sigmoid(z), so f' = s + z s (1 - s) = s + a (1 - s)."""
    s = jax.nn.sigmoid(z)
    return s + a * (1 - s)


@elementwise(activations.gelu)
def gelu(f: Any, z: Array, a: Array) -> Array:
    """a = z/2 (1 + t) with t = tanh(u), u = c (z + k z^3): f' = (1 + t)/2 + z/2 (1 - t^2) c (1 + 3 k z^2)."""
    wide = z.astype(jnp.float32) if z.dtype == jnp.float16 else z  # z^3 leaves the range of float16 at 41
    c, k = math.sqrt(2 / math.pi), 0.044715
    t = jnp.tanh(c * (wide + k * wide**3))
    # 1 - t^2 is 0 where z^2 is large: beyond |z| = 1e13 the factor beside it would be infinite, and 0 infinity is NaN
    bent = jnp.where(jnp.abs(t) < 1, (1 - t * t) * c * (1 + 3 * k * wide * wide), 0)
    return ((1 + t) / 2 + wide / 2 * bent).astype(z.dtype)


@elementwise(activations.gelu_exact)
def gelu_exact(f: Any, z: Array, a: Array) -> Array:
    """a = z Phi(z), so f' = Phi(z) + z phi(z), the normal distribution function and its density."""
    return (1 + jax.lax.erf(z / math.sqrt(2))) / 2 + z * jnp.exp(-z * z / 2) / math.sqrt(2 * math.pi)


@elementwise(activations.softplus)
def softplus(f: Any, z: Array, a: Array) -> Array:
    """a = log(1 + e^z), so f' = e^z / (1 + e^z) = sigmoid(z)."""
    return jax.nn.sigmoid(z)


@elementwise(activations.square)
def square(f: Any, z: Array, a: Array) -> Array:
    """a = z^2, so f' = 2 z."""
    return 2 * z


@elementwise(activations.scaled_tanh)
def scaled_tanh(f: Any, z: Array, a: Array) -> Array:
    """a = A tanh(B z), so f' = A B (1 - tanh^2) = B / A (A^2 - a^2), with A = 1.7159 and B = 2/3."""
    return (2 / 3) / 1.7159 * (1.7159**2 - a * a)


@elementwise(LeakyRelu)
def leaky_relu(f: LeakyRelu, z: Array, a: Array) -> Array:
    """f' = 1 where z >= 0, else the slope."""
    return jnp.where(z >= 0, jnp.ones_like(z), jnp.full_like(z, f.slope))


@elementwise(Elu)
def elu(f: Elu, z: Array, a: Array) -> Array:
    """a = alpha (e^z - 1) where z <= 0, so f' = alpha e^z = a + alpha there, else 1."""
    return jnp.where(z > 0, jnp.ones_like(z), f.alpha * jnp.exp(jnp.minimum(z, 0)))


@elementwise(Step, Sign)
def step(f: Any, z: Array, a: Array) -> Array:
    """f' = 0 everywhere but at the threshold, where there is none: nothing can be learnt through it."""
    return jnp.zeros_like(z)


@register(activations.softmax)
def softmax(f: Any, z: Array) -> tuple[Array, Callable[[Array], Array]]:
    """dp_i/dz_j = p_i (delta_ij - p_j), so dE/dz_j = sum_i dE/dp_i dp_i/dz_j = p_j (dE/dp_j - sum_i p_i dE/dp_i)."""
    p = f(z)
    return p, lambda dp: p * (dp - jnp.sum(p * dp, axis=-1, keepdims=True))
