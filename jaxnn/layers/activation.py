"""An elementwise function as a layer."""

from collections.abc import Callable

from jaxnn import activations
from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.layers.base import as_float
from jaxnn.pytypes import Array, Example, Key, Params, State


@config
class Activation:
    """A function of the pre-activations as a layer; a bare function in a `Chain` becomes one.

    `a = function(z)`

    Args:
        function: one of `jaxnn.activations`, or your own function of one array.

    Input and output `(...)`; integers and Booleans become the default float first, so that any function applies.

    Raises:
        JaxnnError: if `function` cannot be called.

    >>> import jax.numpy as jnp
    >>> Activation(activations.relu).apply({}, {}, jnp.array([-1.0, 2.0]))[0].tolist()
    [0.0, 2.0]
    """

    function: Callable[[Array], Array]

    def __post_init__(self) -> None:
        if not callable(self.function):
            fail("Activation", repr(self.function), "a function of one array", "jaxnn.activations has the usual ones")

    def __repr__(self) -> str:
        name = activations.name_of(self.function)
        return name or getattr(self.function, "__name__", None) or repr(self.function)

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Return no parameters and no state."""
        return {}, {}

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
        """Return `function(x)` and the unchanged state."""
        return self.function(as_float(x)), state
