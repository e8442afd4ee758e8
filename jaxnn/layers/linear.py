"""Affine maps of the feature axis."""

from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.initializers import Initializer, LecunNormal, Zeros
from jaxnn.layers.base import parameter_dtype
from jaxnn.ops import product
from jaxnn.pytypes import Array, Example, Key, Params, State


@config
class Dense:
    """An affine map of the last axis.

    `y = x @ kernel + bias`

    Args:
        features: width of the output.
        use_bias: False leaves the bias out.
        kernel_init: how the kernel `(in, out)` is drawn; Flax's default.
        bias_init: how the bias `(out,)` is made.

    Input `(..., in)`, any dtype; output `(..., features)` in the dtype of the parameters. Parameters: `kernel`
    `(in, features)` and `bias` `(features,)`.

    Raises:
        JaxnnError: if `features` is not a whole number of at least 1, or an input has another width than the kernel.

    >>> import jax, jax.numpy as jnp
    >>> layer = Dense(2)
    >>> params, state = layer.init(jax.random.key(0), jnp.zeros(3))
    >>> {name: leaf.shape for name, leaf in params.items()}
    {'kernel': (3, 2), 'bias': (2,)}
    >>> y, _ = layer.apply({"kernel": jnp.ones((3, 2)), "bias": jnp.array([0.0, 1.0])}, {}, jnp.array([1.0, 2.0, 3.0]))
    >>> print(y)
    [6. 7.]
    """

    features: int
    use_bias: bool = True
    kernel_init: Initializer = LecunNormal()
    bias_init: Initializer = Zeros()

    def __post_init__(self) -> None:
        whole_number("Dense.features", self.features, 1)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw `kernel` `(in, features)` and make `bias` `(features,)`."""
        if len(example.shape) < 1:
            fail(repr(self), f"an example of shape {example.shape}", "at least one axis of features")
        dtype = parameter_dtype(example)
        # the bias has no key of its own: every initializer that is usual for it is constant
        params = {"kernel": self.kernel_init(key, (example.shape[-1], self.features), dtype)}
        if self.use_bias:
            params["bias"] = self.bias_init(key, (self.features,), dtype)
        return params, {}

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return `x @ kernel + bias` and the unchanged state."""
        kernel = params["kernel"]
        if x.ndim < 1 or x.shape[-1] != kernel.shape[0]:
            needed = f"{kernel.shape[0]} features on the last axis, as the kernel {kernel.shape} has"
            fail(repr(self), f"an input of shape {x.shape}", needed)
        y = product(x.astype(kernel.dtype), kernel)  # (..., in) -> (..., features)
        return (y + params["bias"] if self.use_bias else y), state
