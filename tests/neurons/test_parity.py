"""Wide, deep and counting networks of parity: rows B09-B14, errata E11, E12 and E34 of the course."""

import math

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons

# Table 5.2: N, wide units, wide parameters, the slide's count, deep units, deep parameters, depths of chain and tree,
# units and parameters of the counting network.
TABLE = """
    2    2     9     8   3   9   2  2   2    9
    3    4    21    20   6  18   4  4   3   16
    4    8    49    48   9  27   6  4   4   25
    5   16   113   112  12  36   8  6   5   36
    6   32   257   256  15  45  10  6   6   49
    7   64   577   576  18  54  12  6   7   64
    8  128  1281  1280  21  63  14  6   8   81
    9  256  2817  2816  24  72  16  8   9  100
   10  512  6145  6144  27  81  18  8  10  121
"""
ROWS = [tuple(map(int, line.split())) for line in TABLE.split("\n") if line.strip()]

pytestmark = pytest.mark.usefixtures("quick_compiles")


def all_rows(n):
    """Every combination of n bits, and its parity, by counting the ones of the number itself."""
    numbers = range(2**n)
    bits = np.array([[number >> k & 1 for k in reversed(range(n))] for number in numbers], np.float32)
    return bits, np.array([number.bit_count() % 2 for number in numbers], np.float32)


@pytest.mark.course("B09", "B10", "B11", "B13", "B14")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"N={row[0]}")
def test_units_parameters_depth_and_all_rows(row):
    n, wide_units, wide_parameters, _, deep_units, deep_parameters, chain_depth, tree_depth, units, parameters = row
    wide, chain, tree, counting = (
        make(n) for make in (neurons.parity_wide, neurons.parity_chain, neurons.parity_tree, neurons.parity_counting)
    )
    assert neurons.size_of(wide) == (wide_units + 1, wide_units, wide_parameters, 2)
    assert neurons.size_of(chain) == (deep_units, deep_units - 1, deep_parameters, chain_depth)
    assert neurons.size_of(tree) == (deep_units, deep_units - 1, deep_parameters, tree_depth)
    assert neurons.size_of(counting) == (units + 1, units, parameters, 2)
    bits, odd = all_rows(n)
    for network in (wide, chain, tree, counting):
        np.testing.assert_array_equal(network(bits)[:, 0], odd)


@pytest.mark.parametrize("network", [neurons.parity_chain(6), neurons.parity_tree(6)], ids=["chain", "tree"])
def test_the_counts_of_deep_networks_are_those_of_their_arrays(network):
    """Nine numbers for each of five XORs, 2 x 2 + 2 + 2 x 1 + 1, none of them 0; wires are frozen zeros and ones."""
    leaves = jax.tree.leaves(network.params)
    assert sorted(leaf.shape for leaf in leaves) == sorted([(2, 2), (2,), (2, 1), (1,)] * 5)
    assert all((np.asarray(leaf) != 0).all() for leaf in leaves)
    for wires in jax.tree.leaves(network.state):
        assert set(np.asarray(wires).ravel().tolist()) <= {0.0, 1.0} and (wires.sum(axis=0) == 1).all()
    summary = nn.summary(network.net, np.zeros(6, np.float32))
    assert summary.parameters == 45 and summary.frozen == nn.count(network.state)


@pytest.mark.course("B09", "B10")
def test_e11_the_slide_forgets_the_output_bias_and_counts_the_output_unit_as_hidden():
    for n, _, _, printed, *_ in ROWS:
        assert printed == (n + 2) * 2 ** (n - 1)
        assert neurons.size_of(neurons.parity_wide(n)).parameters == printed + 1
        assert neurons.size_of(neurons.parity_chain(n)).hidden == 3 * (n - 1) - 1  # printed: 3 (N - 1) "hidden nodes"


@pytest.mark.course("B12")
def test_e12_the_printed_tree_is_not_parity():
    x = neurons.truth_rows(8).astype(int)
    odd = x.sum(axis=1) % 2
    x1, x2, x3, x4, x5, x6, x7, x8 = x.T
    printed = ((x1 ^ x2) ^ (x3 ^ x4)) ^ ((x4 ^ x5) ^ (x6 ^ x7))
    assert (printed == odd).sum() == 128
    right = ((x1 ^ x2) ^ (x3 ^ x4)) ^ ((x5 ^ x6) ^ (x7 ^ x8))
    assert (right == odd).all()
    tree = neurons.parity_tree(8)
    pairs = [
        np.argwhere(tree.state["level_1"][f"xor_{k}"]["wires"]["params"]["kernel"])[:, 0].tolist() for k in range(4)
    ]
    assert pairs == [[0, 1], [2, 3], [4, 5], [6, 7]]  # counted from 0: X5 with X6 and X7 with X8, no X4 twice
    # the printed pairs as wires of the same network
    state = tree.state | {"level_1": dict(tree.state["level_1"])}
    for k, pair in ((2, [3, 4]), (3, [5, 6])):
        state["level_1"][f"xor_{k}"] = {"wires": {"params": {"kernel": np.eye(8, dtype=np.float32)[:, pair]}}}
    assert (np.asarray(tree._replace(state=state)(x))[:, 0] == odd).sum() == 128


@pytest.mark.course("B13", "B14")
def test_e34_one_hidden_layer_of_threshold_units_does_parity_with_as_many_units_as_inputs():
    """The slide's 2^(N-1) holds for AND and OR units: no smaller sum of products is there, but N units do it."""
    for n in (3, 4):
        bits, odd = all_rows(n)
        assert len(neurons.minimal_terms(odd)) == 2 ** (n - 1) > n
        counting = neurons.parity_counting(n)
        assert neurons.size_of(counting).hidden == n and neurons.size_of(counting).depth == 2
        np.testing.assert_array_equal(counting(bits)[:, 0], odd)


def test_depth_grows_as_the_logarithm_only_in_the_tree():
    for n in (11, 16, 17):
        assert neurons.size_of(neurons.parity_tree(n)).depth == 2 * math.ceil(math.log2(n))
        assert neurons.size_of(neurons.parity_chain(n)).depth == 2 * (n - 1)


@pytest.mark.parametrize(
    "make", [neurons.parity_wide, neurons.parity_chain, neurons.parity_tree, neurons.parity_counting]
)
def test_the_parity_of_one_input_needs_no_network(make):
    with pytest.raises(nn.JaxnnError, match=r"inputs: got 1; needed a whole number from 2 to"):
        make(1)
