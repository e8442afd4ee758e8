"""What a hyperplane can separate: rows N22, N23. Each answer has a proof beside it that does not use the solver."""

import itertools

import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from jaxnn.neurons.separability import LARGEST_WEIGHT

CORNERS = np.array(list(itertools.product((0, 1), repeat=2)))
OR, AND, XOR, XNOR = [0, 1, 1, 1], [0, 0, 0, 1], [0, 1, 1, 0], [1, 0, 0, 1]


def margins(params, x, y):
    """y_n (w.x_n + b), with y_n of -1 or +1."""
    own = params["dense_0"]
    return (2 * np.asarray(y) - 1) * (x @ np.asarray(own["kernel"])[:, 0] + float(own["bias"][0]))


def summable(tables, inputs):
    """Which tables have true rows a, b and false rows c, d with a + b = c + d, which no weights can satisfy."""
    corners = np.array(list(itertools.product((0, 1), repeat=inputs)))
    pairs = list(itertools.combinations_with_replacement(range(len(corners)), 2))
    found = np.zeros(len(tables), bool)
    for (a, b), (c, d) in itertools.permutations(pairs, 2):
        if (corners[a] + corners[b] == corners[c] + corners[d]).all():
            found |= tables[:, a] & tables[:, b] & ~tables[:, c] & ~tables[:, d]
    return found


def all_tables(inputs):
    numbers = np.arange(2**2**inputs)
    return (numbers[:, None] >> np.arange(2**inputs)) % 2 == 1


@pytest.mark.course("N22")
def test_or_and_and_are_separable_and_xor_is_not():
    assert [neurons.separable(CORNERS, labels) for labels in (OR, AND, XOR)] == [True, True, False]
    for labels in (OR, AND):
        found = neurons.separating_hyperplane(CORNERS, labels)
        assert margins(found, CORNERS, labels).min() == pytest.approx(1, abs=1e-6)
        net = nn.Chain(nn.Dense(1), nn.Step())
        assert net.apply(found, {}, CORNERS.astype(np.float32))[0][:, 0].tolist() == labels


@pytest.mark.course("N22")
def test_all_but_two_of_the_functions_of_two_inputs_are_separable():
    separable = [labels.tolist() for labels in all_tables(2) if neurons.separable(CORNERS, labels)]
    assert len(separable) == 14 and [table for table in all_tables(2).tolist() if table not in separable] == [
        [bool(bit) for bit in XOR], [bool(bit) for bit in XNOR],
    ]  # fmt: skip
    assert sorted(separable) == neurons.threshold_functions(2).tolist()


@pytest.mark.course("N22")
@pytest.mark.parametrize(("inputs", "count"), [(1, 4), (2, 14), (3, 104), (4, 1882)])
def test_the_threshold_functions_are_those_and_no_others(inputs, count):
    tables = neurons.threshold_functions(inputs)
    assert tables.shape == (count, 2**inputs) and len(np.unique(tables, axis=0)) == count
    # the weights found are a proof that these are separable, and a + b = c + d that all others are not
    everything = all_tables(inputs)
    left = everything[~summable(everything, inputs)]
    np.testing.assert_array_equal(np.unique(left, axis=0), tables)


def test_no_smaller_weights_are_enough():
    assert LARGEST_WEIGHT == {1: 1, 2: 1, 3: 2, 4: 3}  # S. Muroga's table of minimal weights: 1, 1, 2, 3, 5, 9, ...
    smaller = (
        np.array(list(itertools.product(range(-2, 3), repeat=4)))
        @ np.array(list(itertools.product((0, 1), repeat=4))).T
    )
    reached = np.unique((smaller[:, None] >= np.arange(-8, 10)[:, None]).reshape(-1, 16), axis=0)
    assert len(reached) < 1882


@pytest.mark.course("N23")
def test_a_threshold_unit_cannot_tell_whether_two_bits_are_equal():
    assert neurons.separating_hyperplane(CORNERS, XNOR) is None
    assert neurons.largest_margin(CORNERS, XNOR) == 0
    # w1 < theta, w2 < theta, w1 + w2 >= theta, 0 >= theta: two of each kind have the same left-hand sides in sum,
    # w1 + w2, so that the first two say w1 + w2 < 2 theta and the others w1 + w2 >= 2 theta
    equal, unequal = CORNERS[np.array(XNOR) == 1], CORNERS[np.array(XNOR) == 0]
    assert equal.sum(axis=0).tolist() == unequal.sum(axis=0).tolist() == [1, 1]
    for w1, w2, theta in np.random.default_rng(0).uniform(-2, 2, (1000, 3)):
        assert not (w1 < theta and w2 < theta and w1 + w2 >= theta and theta <= 0)


def test_the_linear_program_agrees_with_the_margin_on_random_points():
    random = np.random.default_rng(1)
    answers = []
    for _ in range(40):
        x, y = random.normal(size=(6, 2)) * [1e-3, 1e3] + [5, -7e3], random.integers(0, 2, 6)
        found = neurons.separating_hyperplane(x, y)
        answers.append(found is not None)
        # another way to the answer: on a line through the origin of the scaled extended space
        assert answers[-1] == (neurons.largest_margin((x - x.mean(axis=0)) / x.std(axis=0), y) > 0)
    assert 5 < sum(answers) < 35


def test_the_largest_margin_is_that_of_the_hyperplane_in_the_middle():
    # in one dimension by hand: u = (b, w) with the points -1 and +1 on either side has b = 0, w = 1
    assert neurons.largest_margin([[-1.0], [1.0]], [0, 1]) == pytest.approx(1)
    # (1, x) for 1 and 3: maximise the smaller of -(b + w) and b + 3 w: both 1 at w = 1, b = -2, of length sqrt 5
    assert neurons.largest_margin([[1.0], [3.0]], [0, 1]) == pytest.approx(1 / np.sqrt(5))


def test_one_class_alone_a_constant_feature_and_touching_classes(x64):
    assert margins(neurons.separating_hyperplane([[1.0], [2.0]], [1, 1]), np.array([[1.0], [2.0]]), [1, 1]).min() > 0
    x = np.array([[3.0, 0.0], [3.0, 1.0]])
    assert margins(neurons.separating_hyperplane(x, [0, 1]), x, [0, 1]) == pytest.approx([1, 1])
    assert not neurons.separable([[0.0], [1.0], [1.0], [2.0]], [0, 0, 1, 1])
    assert neurons.separable([[0.0], [1.0], [1.0001], [2.0]], [0, 0, 1, 1])


def test_what_does_not_fit_is_refused():
    with pytest.raises(nn.JaxnnError, match="y: got the labels 0, 1, 2, 3"):
        neurons.separable(CORNERS, [0, 1, 2, 3])
    with pytest.raises(nn.JaxnnError, match="x, row 1: got a number that is not finite; needed finite numbers"):
        neurons.separable([[0.0], [np.nan]], [0, 1])
    with pytest.raises(nn.JaxnnError, match="inputs: got 5; needed a whole number from 1 to 4"):
        neurons.threshold_functions(5)
