"""What losses refuse before any arithmetic, and what they answer to targets that only a compiled program meets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.losses import LOSSES, Quantile, check_labels
from losscases import KINDS, PAIRED

CLASSES = KINDS["classification"]


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


@pytest.mark.parametrize("name", PAIRED)
@pytest.mark.parametrize(
    ("outputs", "targets"),
    [
        ((5, 1), (5, 5)),
        ((5, 3), (5,)),
        ((3, 3), (3,)),
        ((5, 3), (5, 1)),
        ((5, 1), (1, 5)),
        ((5,), (5, 1)),
        ((5, 1), (4,)),
    ],
)
def test_shapes_that_numpy_would_broadcast_are_refused(name, outputs, targets):
    with pytest.raises(JaxnnError) as caught:
        LOSSES[name](np.full(outputs, 0.5), np.full(targets, 0.5))
    message = str(caught.value)
    assert message.startswith(f"{name}: got outputs of shape {outputs} and targets of shape {targets}; needed targets")


@pytest.mark.parametrize(("loss", "name"), [(Quantile((0.1, 0.9)), "quantile"), (losses.gaussian_nll, "gaussian_nll")])
@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        ((5, 2), (5, 2), "and targets of shape (5, 2); needed targets of shape (5,) or (5, 1). Give one target"),
        ((5, 2), (1, 5), "and targets of shape (1, 5); needed targets of shape (5,) or (5, 1)"),
        ((5, 2), (), "and targets of shape (); needed targets of shape (5,) or (5, 1)"),
        ((2,), (2,), "and targets of shape (2,); needed targets of shape () or (1,)"),
        ((5, 1), (5,), "; needed 2 on the last axis, "),
        ((5, 3), (5, 3), "; needed 2 on the last axis, "),
    ],
)
def test_one_target_for_several_outputs(loss, name, outputs, targets, words):
    with pytest.raises(JaxnnError) as caught:
        loss(np.zeros(outputs), np.zeros(targets))
    assert str(caught.value).startswith(f"{name}: got outputs of shape {outputs}")
    assert words in str(caught.value)


@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize(
    ("outputs", "targets", "words"),
    [
        ((5, 3), np.zeros((5, 1), int), "Drop the last axis of the targets: targets[..., 0]."),
        ((5, 3), np.zeros(5), "got labels of dtype float32 for 3 classes; needed labels of an integer dtype"),
        ((5, 3), np.zeros(5, bool), "got labels of dtype bool for 3 classes"),
        ((5, 3), np.zeros(4, int), "got outputs of shape (5, 3) and targets of shape (4,)"),
        ((5, 3), np.zeros((5, 4)), "got outputs of shape (5, 3) and targets of shape (5, 4)"),
        ((5, 1), np.zeros(5, int), "Use sigmoid_cross_entropy for one output."),
        ((5, 3), np.array(list("abcab")), "got an array of dtype <U1; needed real numbers"),
        ((), np.zeros((), int), "got outputs without an axis"),
    ],
)
def test_targets_that_are_no_classes_are_refused(name, outputs, targets, words):
    with pytest.raises(JaxnnError) as caught:
        LOSSES[name](np.full(outputs, 0.25), targets)
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{name}: ")


def test_shapes_are_checked_under_jit():
    with pytest.raises(JaxnnError, match="squared_error: got outputs of shape"):
        jax.jit(losses.squared_error)(jnp.zeros((5, 1)), jnp.zeros((5, 5)))


@pytest.mark.parametrize("name", CLASSES)
def test_a_label_out_of_range_gives_nan_and_no_other_row_changes(name):
    outputs = np.full((5, 3), 1 / 3)
    each = np.asarray(jax.jit(LOSSES[name])(outputs, np.array([0, -1, 3, 2, 1])))
    np.testing.assert_array_equal(np.isnan(each), [False, True, True, False, False])


def test_targets_and_probabilities_out_of_range_give_nan():
    wrong = np.array([[0.5], [-0.1], [1.1], [1.0], [0.0], [1 + 1e-7]])
    logits = np.array([[0.5, 0.5], [3.0, -2.0]])

    @jax.jit
    def each(ones, halves, wrong, logits):
        return (
            losses.sigmoid_cross_entropy(ones, [-1, 0, 2]),
            losses.binary_cross_entropy(halves, [-1, 0, 2]),
            losses.binary_cross_entropy(wrong, np.ones(6)),
            losses.categorical_cross_entropy(logits, [0, 0]),
            losses.binary_focal(ones, [-1, 0, 2]),
            losses.poisson(ones, [-1, 0, 2]),
        )

    found = each(np.ones((3, 1)), np.full((3, 1), 0.5), wrong, logits)
    sigmoid, binary, probabilities, categorical, focal, poisson = found
    np.testing.assert_array_equal(np.isnan(sigmoid), [1, 0, 1])
    np.testing.assert_array_equal(np.isnan(binary), [1, 0, 1])
    np.testing.assert_array_equal(np.isnan(probabilities), [0, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(np.isnan(categorical), [0, 1])
    np.testing.assert_array_equal(np.isnan(focal), [1, 0, 1])
    np.testing.assert_array_equal(np.isnan(poisson), [1, 0, 0])


def test_check_labels():
    np.testing.assert_array_equal(check_labels([0, 2, 1], 3), [0, 2, 1])
    np.testing.assert_array_equal(check_labels(np.array([True, False]), 2), [True, False])
    for targets, classes, words in (
        ([0, 1, 3, 5], 3, "got the label 3 in row 2; needed labels from 0 to 2, as there are 3 classes."),
        ([0, -1], 3, "got the label -1 in row 1"),
        ([[0, 1], [1, 7]], 3, "got the label 7 in row 1, 1"),
        (np.array([255], np.uint8), 200, "got the label 255 in row 0"),
        ([0.0, 1.0], 3, "got labels of dtype float64"),
        ([True, False], 3, "got labels of dtype bool"),
        (["a", "b"], 2, "got labels of dtype <U1"),
        ([0], 1, "classes: got 1"),
    ):
        with pytest.raises(JaxnnError) as caught:
            check_labels(targets, classes)
        assert words in str(caught.value)
