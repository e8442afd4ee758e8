import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn import JaxnnError, losses
from jaxnn.data.coding import BinaryCode, OneHot, from_columns, from_signs, to_columns, to_signs

pytestmark = pytest.mark.usefixtures("quick_compiles")

CODES = [OneHot, BinaryCode]


@pytest.mark.course("D06", "D07")
@pytest.mark.parametrize(
    ("classes", "one_hot", "binary"), [(1, 1, 0), (2, 2, 1), (3, 3, 2), (8, 8, 3), (9, 9, 4), (10, 10, 4), (16, 16, 4)]
)
def test_widths(classes, one_hot, binary):
    # k or log2 k nodes, rounded up
    assert (OneHot(classes).width, BinaryCode(classes).width) == (one_hot, binary)
    assert OneHot(classes).encode([0]).shape == (1, one_hot)
    assert BinaryCode(classes).encode([0]).shape == (1, binary)


@pytest.mark.course("D06")
def test_codes_by_hand():
    assert OneHot(3).encode([1, 0, 2]).tolist() == [[0, 1, 0], [1, 0, 0], [0, 0, 1]]
    assert BinaryCode(8).encode([0, 1, 4, 6]).tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0], [1, 1, 0]]
    assert OneHot(3).encode([1]).dtype == BinaryCode(3).encode([1]).dtype == np.float32


@pytest.mark.course("D06")
@pytest.mark.parametrize("code", CODES)
@given(st.data())
def test_round_trip_is_exact(code, data):
    classes = data.draw(st.integers(1, 70))
    indices = np.array(data.draw(st.lists(st.integers(0, classes - 1), max_size=20)), np.int64)
    found = code(classes).decode(code(classes).encode(indices))
    assert np.array_equal(found, indices)
    assert found.dtype == np.int64


@pytest.mark.course("D07")
def test_unused_codes_of_ten_classes():
    # 10..15 are 1010 1011 1100 1101 1110 1111; nearest in the number of digits that differ, of equal ones the smallest
    found = BinaryCode(10).decode([[1, 0, 1, 0], [1, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 1], [1, 1, 1, 0], [1, 1, 1, 1]])
    assert found.tolist() == [2, 3, 4, 5, 6, 7]
    # a surer digit counts more: of 1010 the first is nearly sure and the third is not
    assert BinaryCode(10).decode([[0.99, 0.01, 0.6, 0.01], [0.6, 0.01, 0.99, 0.01]]).tolist() == [8, 2]


@pytest.mark.course("D07")
@given(st.integers(1, 40), st.integers(0, 2**32 - 1), st.booleans())
def test_decoded_is_the_nearest_code(classes, seed, hard):
    code, generator = BinaryCode(classes), np.random.default_rng(seed)
    # digits, or quarters: sums and distances are exact, and ties occur
    steps = 1 if hard else 4
    outputs = generator.integers(0, steps, (20, code.width), endpoint=True) / steps
    each = np.array([[int(digit) for digit in f"{k:0{code.width}b}"[-code.width :]] for k in range(classes)])
    each = each.reshape(classes, -1)[:, : code.width]
    apart = np.abs(outputs[:, None] - each[None])  # (rows, classes, width)
    assert np.array_equal(code.decode(outputs), apart.sum(-1).argmin(1))
    assert np.array_equal(code.decode(outputs), np.square(apart).sum(-1).argmin(1))


def test_probabilities_and_logits_of_one_hot():
    assert OneHot(3).decode([[-5.0, 3.0, 2.0], [0.2, 0.2, 0.1]]).tolist() == [1, 0]


def test_many_classes_take_little_memory():
    code = BinaryCode(2**31 - 5)
    indices = np.array([0, 1, 2**31 - 6])
    assert code.decode(code.encode(indices)).tolist() == indices.tolist()
    assert code.decode(np.ones((1, 31))).tolist() == [2**30 - 1]  # any one digit may be wrong, the first gives least


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: OneHot(0), "OneHot.classes: got 0"),
        (lambda: BinaryCode(2.0), "BinaryCode.classes: got 2.0"),
        (lambda: BinaryCode(2**32), "BinaryCode.classes: got 4294967296"),
        (lambda: OneHot(3).encode([0, 3]), "OneHot.encode, row 1: got 3; needed a class index from 0 to 2"),
        (lambda: BinaryCode(3).encode([-1]), "BinaryCode.encode, row 0: got -1"),
        (lambda: BinaryCode(3).encode([1.0]), "BinaryCode.encode: got an array of float64"),
        (lambda: OneHot(3).encode([[1]]), "OneHot.encode: got an array of int64, shape"),
        (lambda: OneHot(3).decode([[1, 0]]), "OneHot.decode: got an array of int64, shape"),
        (lambda: OneHot(2).decode([[np.nan, 0]]), "OneHot.decode: got NaN"),
        (lambda: OneHot(2).decode([["a", "b"]]), "OneHot.decode: got an array of <U1"),
        (lambda: BinaryCode(3).decode([[2.0, -1.0]]), "Take the sigmoid of logits"),
        (lambda: to_signs([0, -1]), "to_signs: got an array of int64; needed 0 and 1 alone"),
        (lambda: to_signs(["a"]), "to_signs: got an array of <U1"),
        (lambda: from_signs([0.0, 1.0]), "from_signs: got an array of float64; needed -1 and 1 alone"),
        (lambda: OneHot(2).decode([[1, 0], [1]]), "OneHot.decode: got rows of different lengths"),
        (lambda: OneHot(2).encode(None), "OneHot.encode: got an array of object"),
        (lambda: to_columns(3), "to_columns: got shape"),
        (lambda: from_columns([1, 2]), "from_columns: got shape"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(JaxnnError, match=message):
        call()


@pytest.mark.course("D08")
def test_one_hot_targets_are_the_labels(x64):
    generator = np.random.default_rng(1)
    logits, labels = generator.normal(size=(20, 5)), generator.integers(0, 5, 20)
    by_label = losses.softmax_cross_entropy(logits, labels)
    by_code = losses.softmax_cross_entropy(logits, OneHot(5).encode(labels).astype(float))
    assert np.abs(by_label - by_code).max() < 1e-12


@pytest.mark.course("D09")
def test_signs():
    assert to_signs([[0, 1], [1, 1]]).tolist() == [[-1, 1], [1, 1]]
    assert to_signs([False, True]).tolist() == [-1, 1]
    assert from_signs([-1, 1.0]).tolist() == [0, 1]
    bits = np.random.default_rng(2).integers(0, 2, 50)
    assert np.array_equal(from_signs(to_signs(bits)), bits)
    assert np.array_equal(from_signs(2 * bits - 1), (2 * bits - 1 + 1) / 2)


def for_signs(params):
    """The kernel and bias that give for signs what these give for bits: w x + b = w/2 (2 x - 1) + (b + sum w/2)."""
    return {"kernel": params["kernel"] / 2, "bias": params["bias"] + params["kernel"].sum(0) / 2}


def outputs(net, layers, x):
    params, state = net.init(jax.random.key(0), x[0])
    names = sorted(params)
    assert [params[name]["kernel"].shape for name in names] == [layer["kernel"].shape for layer in layers]
    return net.apply(dict(zip(names, layers, strict=True)), state, x)[0]


@pytest.mark.course("D09")
@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_threshold_networks_say_the_same_in_both_codings(seed):
    if seed is None:  # exclusive or: "at least one" and "not both"
        inputs, first = 2, {"kernel": np.array([[1.0, -1.0], [1.0, -1.0]]), "bias": np.array([-0.5, 1.5])}
        second = {"kernel": np.array([[1.0], [1.0]]), "bias": np.array([-1.5])}
    else:  # whole numbers and a half: no unit is ever on its threshold, where step and sign differ
        generator, inputs = np.random.default_rng(seed), 4
        first = {"kernel": generator.integers(-3, 4, (4, 6)) * 1.0, "bias": generator.integers(-3, 4, 6) + 0.5}
        second = {"kernel": generator.integers(-3, 4, (6, 2)) * 1.0, "bias": generator.integers(-3, 4, 2) + 0.5}
    layers = [jax.tree.map(jnp.float32, layer) for layer in (first, second)]
    bits = np.array(list(itertools.product([0.0, 1.0], repeat=inputs)), np.float32)
    width, last = layers[1]["kernel"].shape
    of_bits = outputs(nn.Chain(nn.Dense(width), nn.Step(), nn.Dense(last), nn.Step()), layers, bits)
    signs = nn.Chain(nn.Dense(width), nn.Sign(), nn.Dense(last), nn.Sign())
    of_signs = outputs(signs, [for_signs(layer) for layer in layers], to_signs(bits))
    assert np.array_equal(from_signs(of_signs), of_bits)
    assert len(np.unique(of_bits)) == 2
    if seed is None:
        assert of_bits[:, 0].tolist() == [0, 1, 1, 0]


@pytest.mark.course("D01")
def test_layouts():
    x = np.arange(6).reshape(3, 2)
    columns = to_columns(x)
    assert columns.tolist() == [[0, 2, 4], [1, 3, 5]]
    assert np.array_equal(from_columns(columns), x)
    assert to_columns(np.arange(3)).tolist() == [[0, 1, 2]]  # Y is 1 x m
    assert from_columns(to_columns(np.arange(3))).tolist() == [[0], [1], [2]]


@pytest.mark.course("D01")
def test_both_layouts_give_the_same_loss(x64):
    generator = np.random.default_rng(3)
    x, y = generator.normal(size=(7, 3)), generator.normal(size=7)  # m = 7 examples of n = 3 features
    net = nn.Dense(1)
    params, state = net.init(jax.random.key(1), x[0])
    mine = losses.squared_error(net.apply(params, state, x)[0], y).mean()
    # the course's layout: W (1, n) times X (n, m) plus b, against Y (1, m)
    columns, targets = to_columns(x), to_columns(y)
    assert (columns.shape, targets.shape) == ((3, 7), (1, 7))
    theirs = np.square(np.asarray(params["kernel"]).T @ columns + np.asarray(params["bias"]) - targets).mean()
    assert float(mine) == pytest.approx(theirs, rel=1e-14)
    again = losses.squared_error(net.apply(params, state, from_columns(columns))[0], from_columns(targets)).mean()
    assert float(again) == float(mine)
