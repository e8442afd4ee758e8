"""Losses of what describes a distribution (rate, quantiles, mean and variance), against SciPy and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import backprop, losses
from jaxnn.checks import JaxnnError
from jaxnn.losses import GaussianNLL, Quantile, values_of

pytestmark = pytest.mark.usefixtures("quick_compiles")

RANDOM = np.random.default_rng(32)
THREE = Quantile((0.1, 0.5, 0.75))


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def both(loss, outputs, targets):
    """The losses and the gradients of their sum, by autodiff and by the rule, which must agree."""

    @jax.jit
    def ways(y, t):
        each, pull = jax.vjp(lambda y: loss(y, t), y)
        same, by_hand = backprop.rule_of(loss)(loss, y, t)
        return each, pull(jnp.ones_like(each))[0], same, by_hand(jnp.ones_like(each))

    each, slopes, same, by_hand = jax.device_get(ways(np.asarray(outputs), np.asarray(targets)))
    np.testing.assert_array_equal(each, same)
    np.testing.assert_allclose(slopes, by_hand, rtol=1e-12 if each.dtype == np.float64 else 1e-5)
    return each, slopes


def test_poisson_is_half_the_deviance_of_scikit_learn(x64):
    z, counts = RANDOM.normal(size=(9, 2)), RANDOM.poisson(2, (9, 2))
    assert (counts == 0).any()
    each, slopes = both(losses.poisson, z, counts)
    theirs = [sklearn.metrics.mean_poisson_deviance(t, y) for t, y in zip(counts, np.exp(z), strict=True)]  # of 2
    np.testing.assert_allclose(each, theirs, rtol=1e-12)
    np.testing.assert_allclose(slopes, np.exp(z) - counts, rtol=1e-12)
    # 2 - 3 ln 2 + 3 ln 3 - 3, and 1 for a rate of 1 where nothing came
    np.testing.assert_allclose(both(losses.poisson, [[np.log(2)], [0.0]], [3, 0])[0], [3 * np.log(1.5) - 1, 1])


def test_poisson_is_least_at_the_mean_where_it_fits_it_is_nothing(x64):
    counts = np.array([0.0, 1, 4, 2.5])
    mean = np.full((4, 1), np.log(counts.mean()))
    assert both(losses.poisson, mean, counts)[1].sum() == pytest.approx(0, abs=1e-14)
    each, slopes = both(losses.poisson, np.log(counts[1:, None]), counts[1:])
    np.testing.assert_allclose([each, slopes[:, 0]], np.zeros((2, 3)), rtol=0, atol=1e-14)


def test_poisson_of_far_rates_and_of_what_is_no_count():
    z = np.array([[-1000.0], [-1000.0], [80.0], [0.0], [0.0]], np.float32)
    each, slopes = both(losses.poisson, z, np.array([0, 2, 1, -1, -0.5], np.float32))
    np.testing.assert_allclose(each, [0, 2000 + 2 * np.log(2) - 2, np.exp(80.0), np.nan, np.nan], rtol=1e-6)
    np.testing.assert_allclose(slopes[:, 0], [0, -2, np.exp(80.0), 0, 0], rtol=1e-5)


def test_quantiles_are_the_pinball_losses_of_scikit_learn(x64):
    y, t = RANDOM.normal(size=(8, 3)), RANDOM.normal(size=8)
    each, slopes = both(THREE, y, t)
    q = np.array(THREE.quantiles)
    theirs = [sklearn.metrics.mean_pinball_loss(t, y[:, j], alpha=q[j]) for j in range(3)]
    assert each.mean() == pytest.approx(sum(theirs), rel=1e-12)
    np.testing.assert_array_equal(slopes, np.where(t[:, None] > y, -q, 1 - q))
    with_axis, _ = both(THREE, y, t[:, None])
    np.testing.assert_array_equal(with_axis, each)


def test_quantile_by_hand(x64):
    """Errors 2, 0 and -4: 0.1 * 2 of the first, nothing of what is met, a quarter of 4 of the last."""
    each, slopes = both(THREE, [1.0, 3.0, 7.0], 3.0)
    assert each == pytest.approx(0.2 + 0 + 1.0, rel=1e-14)
    np.testing.assert_allclose(slopes, [-0.1, 0, 0.25], rtol=1e-14)
    y, t = RANDOM.normal(size=(5, 1)), RANDOM.normal(size=5)
    np.testing.assert_allclose(losses.quantile(y, t), losses.absolute_error(y, t) / 2, rtol=1e-14)
    assert np.isnan(both(THREE, [1.0, np.nan, 2.0], 3.0)[0])


@jax.jit
def pinball_slope(y, t):
    return jax.grad(lambda y: Quantile((0.3,))(y * jnp.ones((7, 1)), t).sum())(y)


@given(t=st.lists(st.integers(-50, 50), min_size=7, max_size=7))
def test_the_least_mean_is_at_the_quantile(t):
    """0.3 of 7 is 2.1: a little below the third smallest the loss falls, a little above it it rises."""
    third = float(np.quantile(t, 0.3, method="inverted_cdf"))
    assert third == sorted(t)[2]
    targets = np.array(t, np.float32)
    assert pinball_slope(np.float32(third - 0.25), targets) < 0 < pinball_slope(np.float32(third + 0.25), targets)


def test_settings_of_quantile():
    assert Quantile([0.5]) == losses.quantile and hash(Quantile([0.5])) == hash(losses.quantile)
    assert Quantile((0.5, 0.9)) != losses.quantile
    assert repr(Quantile((0.1, np.float32(0.5)))) == "Quantile(quantiles=(0.1, 0.5))"
    for given_, words in (
        (0.5, r"got 0\.5; needed a tuple of numbers above 0 and below 1\. Write \(0\.5,\)"),
        ((), r"got \(\); needed a tuple"),
        ((0.1, 1.0), r"quantiles\[1\]: got 1\.0; needed a number above 0 and below 1"),
        ((0.0,), r"quantiles\[0\]: got 0\.0"),
        (("a",), r"quantiles\[0\]: got 'a'"),
        ((0.1, 0.9, 0.5), r"got 0\.5 after 0\.9; needed numbers that increase"),
        ((0.5, 0.5), r"got 0\.5 after 0\.5"),
    ):
        with pytest.raises(JaxnnError, match=rf"^Quantile\.quantiles.*{words}" if words[:3] == "got" else words):
            Quantile(given_)  # pyright: ignore[reportArgumentType]


def test_gaussian_is_the_log_density_of_scipy(x64):
    y, t = RANDOM.normal(size=(9, 2)) * 2, RANDOM.normal(size=9)
    deviation = np.exp(y[:, 1] / 2)
    each, slopes = both(losses.gaussian_nll, y, t)
    np.testing.assert_allclose(each, -scipy.stats.norm.logpdf(t, y[:, 0], deviation), rtol=1e-12)
    standard = (t - y[:, 0]) / deviation
    np.testing.assert_allclose(slopes[:, 0], -standard / deviation, rtol=1e-12)
    np.testing.assert_allclose(slopes[:, 1], (1 - standard**2) / 2, rtol=1e-10, atol=1e-13)
    np.testing.assert_array_equal(both(losses.gaussian_nll, y, t[:, None])[0], each)


def test_gaussian_is_least_at_mean_and_variance(x64):
    t = np.array([1.0, 4.0, 2.0, 9.0])
    y = np.tile([t.mean(), np.log(t.var())], (4, 1))
    np.testing.assert_allclose(both(losses.gaussian_nll, y, t)[1].sum(axis=0), [0, 0], atol=1e-14)


def test_a_variance_below_the_least_counts_as_the_least(x64):
    loss, low = GaussianNLL(0.01), np.log(0.01)
    y = np.array([[1.0, -1000.0], [1.0, low], [1.0, -np.inf], [1.0, np.nan]])
    each, slopes = both(loss, y, [1.2, 1.2, 1.2, 1.2])
    expected = -scipy.stats.norm.logpdf(1.2, 1.0, 0.1)
    np.testing.assert_allclose(each, [expected, expected, expected, np.nan], rtol=1e-12)
    # (m - t) / 0.01, and (1 - 0.04 / 0.01) / 2 of what is not below
    np.testing.assert_allclose(slopes[:3], [[-20, 0], [-20, -1.5], [-20, 0]], rtol=1e-10)
    sure, _ = both(losses.gaussian_nll, np.array([[0.0, -1000.0], [0.0, 1000.0]], np.float32), np.float32([0, 1]))
    np.testing.assert_allclose(sure, 0.5 * np.log(2 * np.pi) + np.array([np.log(1e-6) / 2, 500]), rtol=1e-6)
    for least in (0, -1, 1e-31, float("inf"), None):
        with pytest.raises(JaxnnError, match=r"GaussianNLL\.least_variance: got .*; needed a number of at least 1e-30"):
            GaussianNLL(least)  # pyright: ignore[reportArgumentType]


def test_values_that_outputs_predict():
    y = np.array([[0.0, 1.0], [2.0, -3.0]], np.float32)
    for asked in (y, jnp.asarray(y)):
        for loss, expected in (
            (losses.poisson, np.exp(y)),
            (losses.gaussian_nll, y[:, :1]),
            (Quantile((0.1, 0.9)), y),
            (losses.squared_error, y),
            (len, y),
        ):
            found = values_of(loss, asked)
            assert isinstance(found, type(asked)) and found.dtype == "float32"
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert values_of(losses.poisson, np.float32([100])).tolist() == [np.inf]
