"""Focal losses: cross-entropy at gamma 0, against numbers by hand, derivatives of NumPy's formula, and optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import backprop, losses
from jaxnn.checks import JaxnnError
from jaxnn.losses import BinaryFocal, Focal

pytestmark = pytest.mark.usefixtures("quick_compiles")

GAMMAS = [0.0, 0.3, 1.0, 2.0, 5.0]
RANDOM = np.random.default_rng(31)
Z, LABELS, SHARES = RANDOM.normal(size=(6, 4)), RANDOM.integers(0, 4, 6), RANDOM.dirichlet(np.ones(4), 6)
YES = np.array([[1, 0, 1, 1], [0, 0, 1, 0]] * 3, float)


def both(loss, targets, outputs):
    each, pull = jax.vjp(lambda y: loss(y, targets), outputs)
    return each, *pull(jnp.ones_like(each))


def by_rule(loss, targets, outputs):
    each, pull = backprop.rule_of(loss)(loss, outputs, targets)
    return each, pull(jnp.ones_like(each))


def focal_by_numpy(z, t, gamma):
    p = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    return -(t * (1 - p) ** gamma * np.log(p)).sum(-1)


def binary_focal_by_numpy(z, t, gamma):
    p = 1 / (1 + np.exp(-z))
    return -(t * (1 - p) ** gamma * np.log(p) + (1 - t) * p**gamma * np.log(1 - p)).sum(-1)


def slopes_by_numpy(formula, z, t, gamma):
    """The derivative by every logit: the imaginary part of a step that is imaginary, which cancels nothing."""
    steps = 1e-30j * np.eye(z.shape[-1])
    return np.stack([formula(z + step, t, gamma).imag / 1e-30 for step in steps], axis=-1)


@pytest.mark.parametrize(
    ("kind", "formula", "targets", "rows"),
    [
        (Focal, focal_by_numpy, LABELS, np.eye(4)[LABELS]),
        (Focal, focal_by_numpy, SHARES, SHARES),
        (BinaryFocal, binary_focal_by_numpy, YES, YES),
        (BinaryFocal, binary_focal_by_numpy, SHARES, SHARES),
    ],
    ids=["labels", "shares", "yes or no", "probabilities"],
)
def test_values_and_gradients_are_those_of_the_formula(kind, formula, targets, rows, x64):
    def of_all(z):
        return [[how(kind(gamma), targets, z) for how in (both, by_rule)] for gamma in GAMMAS]

    for gamma, ways in zip(GAMMAS, jax.device_get(jax.jit(of_all)(Z)), strict=True):
        for each, slopes in ways:
            np.testing.assert_allclose(each, formula(Z, rows, gamma), rtol=1e-12)
            np.testing.assert_allclose(slopes, slopes_by_numpy(formula, Z, rows, gamma), rtol=1e-11, atol=1e-14)


def test_by_hand(x64):
    """p = 1/2 costs 1/4 ln 2 at gamma 2; p = 9/10 costs a hundredth of its ln(10/9)."""
    at = np.log(9)
    expected = [np.log(2) / 4, np.log(10 / 9) / 100, 0.81 * np.log(10)]
    np.testing.assert_allclose(losses.focal(np.array([[0.0, 0], [at, 0], [at, 0]]), [0, 0, 1]), expected, rtol=1e-13)
    np.testing.assert_allclose(losses.binary_focal(np.array([[0.0], [at], [at]]), [1, 1, 0]), expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("focal", "plain", "targets"),
    [
        (Focal(0), losses.softmax_cross_entropy, LABELS),
        (Focal(0), losses.softmax_cross_entropy, SHARES),
        (BinaryFocal(0), losses.sigmoid_cross_entropy, SHARES),
    ],
)
def test_gamma_of_zero_is_the_cross_entropy(focal, plain, targets, x64):
    scaled = Z * np.array([[1, 1, 1, 10, 100, 1000]]).T  # sure to the last bit too
    one, other = jax.jit(lambda z: (both(focal, targets, z), both(plain, targets, z)))(scaled)
    np.testing.assert_allclose(one[0], other[0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-12, atol=1e-15)


def test_one_logit_is_two_classes_of_which_the_other_has_logit_zero(x64):
    z, yes = Z.reshape(-1, 1), YES.reshape(-1, 1)
    pairs = np.concatenate([np.zeros_like(z), z], axis=-1)

    def of_all(z, pairs):
        return [(BinaryFocal(gamma)(z, yes), Focal(gamma)(pairs, yes[:, 0].astype(int))) for gamma in GAMMAS]

    for one, two in jax.jit(of_all)(z, pairs):
        np.testing.assert_allclose(one, two, rtol=1e-12)


@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_hard_labels_are_as_in_optax(gamma, x64):
    def ways(z, yes):
        return BinaryFocal(gamma)(z, yes), optax.losses.sigmoid_focal_loss(z, yes, gamma=gamma).sum(-1)

    np.testing.assert_allclose(*jax.jit(ways)(Z, YES), rtol=1e-12)


@jax.jit
def extremes(z, yes):
    return [
        [how(loss, targets, z) for how in (both, by_rule)]
        for gamma in GAMMAS
        for loss, targets in ((Focal(gamma), 1), (Focal(gamma), yes), (BinaryFocal(gamma), yes))
    ]


@given(z=st.lists(st.floats(-1000, 1000, width=32), min_size=3, max_size=3))
def test_logits_of_a_thousand_have_finite_losses_and_slopes(z):
    """Where p is 1 to the last bit, (1 - p)^gamma has an infinite slope for gamma below 1."""
    for (each, slopes), (same, by_hand) in extremes(np.array(z, np.float32), np.array([0, 1, 0], np.float32)):
        assert np.isfinite(each) and each == same and each >= 0
        assert np.all(np.isfinite(slopes))
        np.testing.assert_allclose(by_hand, slopes, rtol=1e-4, atol=1e-5)


def test_what_is_right_costs_nothing_and_what_is_wrong_its_cross_entropy():
    z = np.array([[1000, -1000], [-1000, 1000]], np.float32)
    yes = np.array([[1, 0], [1, 0]])
    found = jax.jit(lambda z: [(Focal(gamma)(z, yes[:, 1]), BinaryFocal(gamma)(z, yes)) for gamma in GAMMAS])(z)
    assert np.asarray(found).tolist() == [[[0, 2000]] * 2] * len(GAMMAS)


def test_a_masked_class_counts_nothing():
    z, soft = np.array([[1.0, -np.inf, 2.0]], np.float32), np.array([[0.5, 0.0, 0.5]], np.float32)
    expected = focal_by_numpy(np.array([[1.0, 2.0]]), np.array([[0.5, 0.5], [0.0, 1.0]]), 2)
    ways = jax.jit(lambda z: [[how(losses.focal, t, z) for t in (soft, np.array([2]))] for how in (both, by_rule)])(z)
    for way in ways:
        for (each, slopes), value in zip(way, expected, strict=True):
            np.testing.assert_allclose(each, [value], rtol=1e-5)
            assert np.all(np.isfinite(slopes))


def test_targets_out_of_range_have_no_slope():
    z, labels, yes = np.ones((3, 2), np.float32), np.array([-1, 1, 2]), np.array([[-1], [1], [2]] * np.ones((1, 2)))
    ways = jax.jit(
        lambda z: [(how(losses.focal, labels, z), how(losses.binary_focal, yes, z)) for how in (both, by_rule)]
    )
    for way in ways(z):
        for each, slopes in way:
            np.testing.assert_array_equal(np.isnan(each), [1, 0, 1])
            np.testing.assert_array_equal((slopes == 0).all(axis=-1), [1, 0, 1])


def test_settings():
    assert Focal(2) == losses.focal and BinaryFocal(2) == losses.binary_focal
    assert (repr(Focal(0)), repr(BinaryFocal(0.5))) == ("Focal(gamma=0.0)", "BinaryFocal(gamma=0.5)")
    for kind in (Focal, BinaryFocal):
        for gamma in (-1, float("inf"), float("nan"), "2", True):
            with pytest.raises(JaxnnError, match=rf"^{kind.__name__}\.gamma: got .*; needed a number of at least 0"):
                kind(gamma)
