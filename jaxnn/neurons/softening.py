"""From units that jump to units that can learn, and output weights without any steps of descent."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.activations import Sign, Step, sigmoid, tanh
from jaxnn.checks import fail, number_in
from jaxnn.layers import Activation, Chain, Dense, Parallel
from jaxnn.layers.base import Layer, walk
from jaxnn.neurons.construction import Construction, weights
from jaxnn.pytypes import Params


def soften(construction: Construction, slope: float = 10.0) -> Construction:
    """Return the same network with smooth units, which has gradients: training can go on from it.

    `step(z) -> sigmoid(slope z)` and `sign(z) -> tanh(slope z)`; the slope goes into the weights.

    The outputs are as near to the old ones as the sums z are far from 0: the networks of this package keep them at
    least 1/2 away on Boolean inputs, but for `and_gate` and `or_gate`, whose sums reach their threshold exactly.

    Args:
        construction: a network whose `Step()` and `Sign()` stand behind `Dense` layers.
        slope: above 0; the larger, the nearer to the jump and the smaller the gradients.

    Returns:
        A network of the same structure, parameters and state.

    Raises:
        JaxnnError: if a jump stands elsewhere or has a threshold of its own.

    >>> from jaxnn.neurons import xor_network, truth_rows
    >>> soft = soften(xor_network(), slope=20.0)
    >>> [round(y, 3) for y in soft(truth_rows(2))[:, 0].tolist()]
    [0.0, 1.0, 1.0, 0.0]
    """
    number_in("slope", slope, 0, float("inf"), open_low=True, open_high=True)
    net, params = _soft_chain(construction.net, construction.params, slope)
    for path, layer in walk(net):
        if _jump(layer):
            fail(f"soften, {path}", f"{layer!r}", "every jump right behind a Dense layer, with threshold 0")
    return Construction(net, params, construction.state)


def _jump(layer: Layer) -> Any:
    """The jump of an activation; None for any other layer."""
    function = layer.function if isinstance(layer, Activation) else None
    return function if isinstance(function, Step | Sign) else None


def _soft(layer: Layer, params: Params, slope: float) -> tuple[Any, Params]:
    if isinstance(layer, Chain):
        return _soft_chain(layer, params, slope)
    if isinstance(layer, Parallel):
        made = {name: _soft(child, params.get(name, {}), slope) for name, child in layer.layers}
        nets = [(name, net) for name, (net, _) in made.items()]
        return Parallel(*nets, how=layer.how), {name: own for name, (_, own) in made.items() if own}
    return layer, params


def _soft_chain(chain: Chain, params: Params, slope: float) -> tuple[Chain, Params]:
    made, params = [], dict(params)
    before: tuple[str, Any] = ("", None)
    for name, layer in chain.layers:
        jump = _jump(layer)
        if jump and isinstance(before[1], Dense) and jump.threshold == 0:
            params[before[0]] = jax.tree.map(lambda leaf: slope * leaf, params[before[0]])
            soft, own = Activation(sigmoid if isinstance(jump, Step) else tanh), {}
        else:
            soft, own = _soft(layer, params.get(name, {}), slope)
        params |= {name: own} if own else {}
        made.append((name, soft))
        before = name, layer
    return Chain(*made), params


def fit_outputs(construction: Construction, x: Any, y: Any) -> Construction:
    """Return the same network with the output weights that fit targets best, the hidden layers as they are.

    `min sum_i |a_i @ kernel + bias - y_i|^2` over the kernel and bias of the last `Dense` layer, where a_i is what that
    layer gets for x_i; the smallest weights where several are best.

    Args:
        construction: the network.
        x: `(examples, inputs)`.
        y: `(examples, outputs)`: targets of the last `Dense` layer, before any function behind it.

    Returns:
        The network with other weights in its last `Dense` layer.

    Raises:
        JaxnnError: if the network has no hidden layer, or the targets do not fit.

    >>> from jaxnn.neurons import pulse
    >>> fitted = fit_outputs(pulse(0.25, 0.5), [[0.0], [0.3], [0.7]], [[1.0], [5.0], [2.0]])
    >>> [round(y, 4) for y in fitted([[0.1], [0.4], [0.9]])[:, 0].tolist()]
    [1.0, 5.0, 2.0]
    """
    net, params, state = construction
    names = [name for name, layer in net.layers]
    dense = [k for k, (_, layer) in enumerate(net.layers) if isinstance(layer, Dense)]
    if not dense or dense[-1] == 0:
        fail("fit_outputs", repr(net)[:100], "a Chain with a hidden layer and a Dense layer behind it")
    last = names[dense[-1]]
    examples = jnp.asarray(x)
    hidden = np.asarray(net.outputs(params, state, examples)[names[dense[-1] - 1]], np.float64)
    targets = np.asarray(y, np.float64)
    width = params[last]["kernel"].shape[1]
    if hidden.ndim != 2 or targets.shape != (len(hidden), width):
        fail("fit_outputs", f"x {examples.shape} and y {targets.shape}", f"(examples, inputs) and (examples, {width})")
    with_one = np.concatenate([hidden, np.ones((len(hidden), 1))], axis=1)  # (examples, hidden + 1)
    if "bias" not in params[last]:
        with_one = hidden
    best = np.linalg.lstsq(with_one, targets, rcond=None)[0]
    fitted = weights(best[:-1], best[-1]) if "bias" in params[last] else weights(best)
    return Construction(net, params | {last: fitted}, state)
