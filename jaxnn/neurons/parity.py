"""Parity, whether an odd number of inputs is 1, as networks that are wide, deep, or neither.

    network    units (with the output)   parameters           depth
    wide       2^(N-1) + 1               (N+2) 2^(N-1) + 1    2
    chain      3 (N-1)                   9 (N-1)              2 (N-1)
    tree       3 (N-1)                   9 (N-1)              2 ceil(log2 N)
    counting   N + 1                     (N+1)^2              2

As a sum of products parity needs exponentially many units, and XORs of XORs only linearly many. That holds for AND and
OR units: general threshold units in one hidden layer do it with N.
"""

from typing import Any

import numpy as np

from jaxnn.activations import Step
from jaxnn.checks import whole_number
from jaxnn.layers import Chain, Dense, Frozen, Parallel
from jaxnn.neurons.boolean import dnf_network, truth_rows, xor_network
from jaxnn.neurons.construction import Construction, layered, weights
from jaxnn.pytypes import Params, State


def parity_wide(inputs: int) -> Construction:
    """Return the parity of 0/1 inputs as the sum of products that it is: an AND for every row with an odd number of 1s.

    2^(N-1) hidden units and (N+2) 2^(N-1) + 1 parameters. No two of its products can be joined.

    Args:
        inputs: N, from 2 to 16.

    Returns:
        The network.

    Raises:
        JaxnnError: if N is another.

    >>> parity_wide(3)([[1, 0, 0], [1, 1, 0], [1, 1, 1]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    whole_number("inputs", inputs, 2, 16)
    return dnf_network(truth_rows(inputs).sum(axis=1) % 2)


def parity_chain(inputs: int) -> Construction:
    """Return the parity of 0/1 inputs as XOR(... XOR(XOR(x1, x2), x3) ..., xN), one XOR a level.

    3 (N-1) units, the output unit among them, and 9 (N-1) parameters; 2 (N-1) layers deep. Wires lead the inputs that
    are not yet used past the XORs: frozen layers in `state`, which are neither parameters nor units.

    Args:
        inputs: N, from 2 to 24.

    Returns:
        The network; start from its weights, because `net.init` would draw other wires.

    Raises:
        JaxnnError: if N is another.

    >>> parity_chain(3)([[1, 0, 0], [1, 1, 0], [1, 1, 1]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    whole_number("inputs", inputs, 2, 24)
    return _levels([(width, 1) for width in range(inputs, 1, -1)])


def parity_tree(inputs: int) -> Construction:
    """Return the parity of 0/1 inputs as a balanced tree of XORs: every level joins its values two by two.

    3 (N-1) units, the output unit among them, and 9 (N-1) parameters, as the chain; but only 2 ceil(log2 N) layers
    deep. Where a level has an odd number of values, a wire leads the last one past it, as in `parity_chain`.

    Args:
        inputs: N, from 2 to 24.

    Returns:
        The network; start from its weights, because `net.init` would draw other wires.

    Raises:
        JaxnnError: if N is another.

    >>> parity_tree(3)([[1, 0, 0], [1, 1, 0], [1, 1, 1]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    widths = [whole_number("inputs", inputs, 2, 24)]
    while widths[-1] > 2:
        widths.append((widths[-1] + 1) // 2)
    return _levels([(width, width // 2) for width in widths])


def parity_counting(inputs: int) -> Construction:
    """Return the parity of 0/1 inputs with N hidden threshold units, which count the inputs that are 1.

    `h_k = [sum_i x_i >= k]` for k = 1 ... N, and `y = [sum_k (-1)^(k+1) h_k >= 1/2]`; (N+1)^2 parameters.

    Args:
        inputs: N, from 2 to 1024.

    Returns:
        The network.

    Raises:
        JaxnnError: if N is another.

    >>> parity_counting(3)([[1, 0, 0], [1, 1, 0], [1, 1, 1]])[:, 0].tolist()
    [1.0, 0.0, 1.0]
    """
    whole_number("inputs", inputs, 2, 1024)
    k = np.arange(1, inputs + 1)
    at_least_k = np.ones((inputs, inputs)), 0.5 - k
    odd = np.where(k % 2 == 1, 1.0, -1.0)[:, None], [-0.5]  # +1 for the first, -1 for the second, ...
    return layered([at_least_k, odd], Step())


def _levels(levels: list[tuple[int, int]]) -> Construction:
    """XORs of the first pairs of each level's values; levels are (values, pairs)."""
    nets, params, state = [], {}, {}
    for k, (values, pairs) in enumerate(levels, start=1):
        net, params[f"level_{k}"], state[f"level_{k}"] = _level(values, pairs)
        nets.append((f"level_{k}", net))
    return Construction(Chain(*nets), params, state)


def _level(values: int, pairs: int) -> tuple[Parallel, Params, State]:
    """The XOR of values 0 and 1, of 2 and 3, ..., and behind them the values in no pair."""
    gate = xor_network().params
    branches: list[tuple[str, Any]] = []
    params: Params = {}
    state: State = {}
    for k in range(pairs):
        wires, state[f"xor_{k}"] = _wires(values, [2 * k, 2 * k + 1])
        branches.append((f"xor_{k}", Chain(wires, Dense(2), Step(), Dense(1), Step())))
        params[f"xor_{k}"] = gate
    rest = list(range(2 * pairs, values))
    if rest:
        wires, passed = _wires(values, rest)
        state |= passed
        branches.append(wires)
    return Parallel(*branches), params, state


def _wires(values: int, taken: list[int]) -> tuple[tuple[str, Frozen], State]:
    """A layer that hands on some of its inputs: columns of the unit matrix, frozen."""
    _, state = Frozen.weights(weights(np.eye(values)[:, taken]), {})
    return ("wires", Frozen(Dense(len(taken), use_bias=False))), {"wires": state}
