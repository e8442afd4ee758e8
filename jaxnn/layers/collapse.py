"""A network without activations is one affine map."""

import jax.numpy as jnp

from jaxnn.activations import identity
from jaxnn.checks import fail
from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, walk
from jaxnn.layers.linear import Dense
from jaxnn.pytypes import Params


def collapse(net: Layer, params: Params) -> Params:
    """Multiply out a network of `Dense` layers and identities to the one affine map that it is.

    `kernel = K_0 K_1 ... K_n` and `bias = (...(b_0 K_1 + b_1) K_2 ...) + b_n`: more layers of linear units do not help.

    Args:
        net: a `Chain` of `Dense` layers with nothing or `identity` between them.
        params: its parameters.

    Returns:
        `{"kernel": (in, out), "bias": (out,)}`.

    Raises:
        JaxnnError: if the network holds any other layer.

    >>> import jaxnn as nn
    >>> net = nn.Chain(nn.Dense(1), nn.Dense(1))
    >>> one = {"kernel": jnp.array([[2.0]]), "bias": jnp.array([3.0])}
    >>> flat = collapse(net, {"dense_0": one, "dense_1": one})
    >>> flat["kernel"].tolist(), flat["bias"].tolist()
    ([[4.0]], [9.0])
    """
    kernel = bias = None
    for path, layer in walk(net):
        if isinstance(layer, Dense):
            own = params
            for name in path.split("/") if path else ():
                own = own[name]
            own_bias = own.get("bias", jnp.zeros(own["kernel"].shape[1], own["kernel"].dtype))
            kernel = own["kernel"] if kernel is None else kernel @ own["kernel"]  # (in, out)
            bias = own_bias if bias is None else bias @ own["kernel"] + own_bias  # (out,)
        elif not (hasattr(layer, "children") or (isinstance(layer, Activation) and layer.function is identity)):
            fail("collapse", f"{layer!r} at {path}", "Dense layers and identities only", "Other layers are not linear")
    if kernel is None or bias is None:
        fail("collapse", f"{net!r}", "at least one Dense layer")
    return {"kernel": kernel, "bias": bias}
