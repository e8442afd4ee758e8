"""The perceptron: where it ends, after how many updates, and when it never does: rows N04-N07."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)  # in the course's order
OR, AND, NAND, XOR = [-1, 1, 1, 1], [-1, -1, -1, 1], [1, 1, 1, -1], [-1, 1, 1, -1]


def weights(run):
    return neurons.extended_weights(run.params["dense_0"])[:, 0].tolist()


def classes(run, x, tie=-1):
    return neurons.side(nn.Chain(nn.Dense(1)).apply(run.params, {}, jnp.asarray(x))[0][:, 0], tie).tolist()


def by_hand(x, y, passes, tie=-1):
    """The algorithm as the slide has it: (weights, updates, mistakes of each pass, greatest length)."""
    w, mistakes, lengths = np.zeros(x.shape[1] + 1), [], [0.0]
    while len(mistakes) < passes and mistakes[-1:] != [0]:
        mistakes.append(0)
        for row, label in zip(np.column_stack([np.ones(len(x)), x]), y, strict=True):
            z = w @ row
            called = tie if z == 0 else np.sign(z)
            if called != label:
                w, mistakes[-1] = w + label * row, mistakes[-1] + 1
                lengths.append(np.linalg.norm(w))
    return w.tolist(), sum(mistakes), mistakes, max(lengths)


def separated_clouds(seed, rows=60, features=3):
    """Points on both sides of a random plane that keeps a distance to all of them."""
    random = np.random.default_rng(seed)
    x, plane = random.normal(size=(2 * rows, features)), random.normal(size=features)
    z = x @ plane / np.linalg.norm(plane) - 0.2
    far = np.abs(z) > 0.1
    return x[far][:rows].astype(np.float32), np.sign(z[far][:rows]).astype(int)


@pytest.mark.course("N05", "N04")
@pytest.mark.parametrize(
    ("labels", "end", "updates", "passes"),
    [(OR, [0, 1, 1], 4, 4), (AND, [-2, 1, 2], 10, 6), (NAND, [3, -1, -2], 11, None)],
)
def test_boolean_functions_end_at_the_weights_of_the_course(labels, end, updates, passes):
    run = neurons.perceptron(ROWS, labels)
    assert (weights(run), int(run.updates), bool(run.separated)) == (end, updates, True)
    assert passes is None or int(run.passes) == passes
    assert classes(run, ROWS) == labels
    assert jax.tree.map(jnp.shape, run.params) == {"dense_0": {"kernel": (2, 1), "bias": (1,)}}
    assert neurons.perceptron(ROWS, (np.array(labels) + 1) // 2).updates == updates  # the same in 0 and 1


@pytest.mark.course("N05", "N03")
@pytest.mark.parametrize("tie", [-1, 0, 1])
def test_every_pass_is_the_one_by_hand(tie):
    random = np.random.default_rng(3)
    x, y = random.integers(-3, 4, (12, 2)).astype(np.float32), random.choice([-1, 1], 12)
    run = neurons.perceptron(x, y, passes=30, tie=tie)
    end, updates, mistakes, longest = by_hand(x, y, 30, tie)
    assert (weights(run), int(run.updates), run.mistakes.tolist()) == (end, updates, mistakes)
    assert float(run.longest) == pytest.approx(longest, rel=1e-6)


@pytest.mark.course("N04", "N06")
def test_separable_data_ends_without_error_and_within_the_bound(x64):
    assert neurons.mistake_bound(ROWS, OR) == pytest.approx(27, abs=1e-9)
    assert neurons.mistake_bound(ROWS, AND) == pytest.approx(51, abs=1e-9)
    for labels, updates in ((OR, 4), (AND, 10)):
        assert updates == int(neurons.perceptron(ROWS, labels).updates) <= neurons.mistake_bound(ROWS, labels)
    for seed in range(5):
        x, y = separated_clouds(seed)
        assert neurons.separable(x, y)
        run = neurons.perceptron(x, y)
        assert classes(run, x) == y.tolist()
        assert int(run.updates) <= neurons.mistake_bound(x, y) < float("inf")
        assert int(run.mistakes[run.passes - 1]) == 0 < int(run.mistakes[run.passes - 2])


@pytest.mark.course("N07")
def test_xor_keeps_the_perceptron_busy_within_bounds():
    run = neurons.perceptron(ROWS, XOR, passes=1000)
    assert (int(run.updates), int(run.passes), bool(run.separated)) == (3997, 1000, False)
    assert int(run.mistakes.min()) >= 1
    assert float(run.longest) == pytest.approx(by_hand(ROWS, XOR, 40)[3])  # after 40 passes as after 1000
    assert str(run).startswith("did not separate the classes in 1000 passes with 3997 updates, 4 mistakes in the last")
    assert neurons.mistake_bound(ROWS, XOR) == float("inf")
    # the best that any line does: the agreement with each function that a line can be
    reached = neurons.threshold_functions(2) == np.array([False, True, True, False])
    assert reached.mean(axis=1).max() == 3 / 4


def test_many_problems_are_one_program():
    labels = jnp.array([OR, AND, NAND])
    together = jit(jax.vmap(lambda y: neurons.perceptron(ROWS, y)))(labels)
    assert together.updates.tolist() == [4, 10, 11]
    assert together.params["dense_0"]["bias"].tolist() == [[0], [-2], [3]]


def test_other_labels_and_shapes_are_refused_with_what_was_given():
    for labels, shown in (([0, 1, 2, 1], "0, 1, 2"), ([-1, 0, 1, 1], "-1, 0, 1"), ([0.5, 1, 1, 1], "0.5, 1")):
        with pytest.raises(nn.JaxnnError, match=f"^y: got the labels {shown}; needed -1 and \\+1, or 0 and 1, and no"):
            neurons.perceptron(ROWS, labels)
    with pytest.raises(nn.JaxnnError, match=r"y: got shape \(3,\) for 4 examples"):
        neurons.perceptron(ROWS, [1, 1, -1])
    with pytest.raises(nn.JaxnnError, match=r"y: got labels of shape \(4, 1\)"):
        neurons.perceptron(ROWS, np.ones((4, 1)))
    with pytest.raises(nn.JaxnnError, match=r"x: got shape \(4,\)"):
        neurons.perceptron(ROWS[:, 0], OR)
    with pytest.raises(nn.JaxnnError, match="passes: got 0"):
        neurons.perceptron(ROWS, OR, passes=0)
