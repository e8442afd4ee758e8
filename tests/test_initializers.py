"""Initial values against the moments and limits of their formulas, within standard errors of one large draw each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn import initializers as init
from jaxnn.activations import sigmoid
from jaxnn.checks import JaxnnError
from jaxnn.initializers import INITIALIZERS
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

FANS = ["lecun_normal", "lecun_uniform", "he_normal", "he_uniform", "glorot_normal", "glorot_uniform"]
RANDOM = ["normal", *FANS]


def assert_moments(values, mean, variance, kurtosis=3.0):
    """Within three standard errors; that of the variance needs the fourth moment of the distribution."""
    values = np.asarray(values, float).ravel()
    n = values.size
    assert abs(values.mean() - mean) < 3 * np.sqrt(variance / n)
    assert abs(values.var() - variance) < 3 * variance * np.sqrt((kurtosis - 1) / n)


@pytest.mark.course("I04")
@pytest.mark.parametrize("name", RANDOM)
def test_the_same_key_gives_the_same_numbers_and_another_key_others(name, getkey):
    initializer, (one, other) = INITIALIZERS[name], (getkey(), getkey())
    first, again, different = (np.asarray(initializer(key, (64, 64))) for key in (one, one, other))
    np.testing.assert_array_equal(first, again)
    assert np.all(first != different)


@pytest.mark.course("I04")
def test_normal_is_small_random_numbers(getkey):
    values = init.Normal()(getkey(), (1000, 100))
    assert_moments(values, 0, 0.01**2)
    assert_moments(init.Normal(0.5)(getkey(), (1000, 100)), 0, 0.25)


@pytest.mark.course("I05")
def test_uniform_has_the_moments_of_its_interval(getkey):
    values = np.asarray(init.Uniform(-1.0, 3.0)(getkey(), (1000, 100)))
    assert values.min() >= -1
    assert values.max() < 3
    assert_moments(values, (-1 + 3) / 2, (3 + 1) ** 2 / 12, kurtosis=1.8)


@pytest.mark.course("I06")
def test_lecun_uniform_keeps_unit_variance(getkey):
    kernel = np.asarray(init.LecunUniform()(getkey(), (64, 2000)))
    assert 0.2164 < np.abs(kernel).max() <= 0.2165063509 + 1e-8  # sqrt(3/64)
    x = np.random.default_rng(6).normal(size=(500, 64))
    z = x @ kernel
    assert z.var() == pytest.approx(1, abs=0.05)


@pytest.mark.course("I06")
def test_fan_in_keeps_sigmoids_midrange_and_plain_normals_saturate_them(getkey):
    d = 1000
    x = np.random.default_rng(6).normal(size=(200, d)).astype(np.float32)
    outputs = np.asarray(sigmoid(x @ np.asarray(init.LecunUniform()(getkey(), (d, 100)))))
    plain = np.asarray(sigmoid(x @ np.asarray(init.Normal(1.0)(getkey(), (d, 100)))))

    def midrange(y):
        return np.mean((y > 0.1) & (y < 0.9))

    assert midrange(outputs) > 0.95
    assert midrange(plain) < 0.1


@pytest.mark.course("I06", "I07")
@pytest.mark.parametrize(
    ("name", "limit"), [("lecun_uniform", 0.2165063509), ("glorot_uniform", 0.2165063509), ("he_uniform", 0.3061862178)]
)
def test_uniform_limits_for_64_to_64(name, limit, getkey, x64):
    values = np.stack([INITIALIZERS[name](getkey(), (64, 64), jnp.float64) for _ in range(25)])
    assert np.abs(values).max() <= limit + 1e-10
    assert np.abs(values).max() > limit * (1 - 1e-3)  # the largest of 102,400 comes this near
    assert_moments(values, 0, limit**2 / 3, kurtosis=1.8)


@pytest.mark.course("I07")
@pytest.mark.parametrize(("name", "std"), [("he_normal", 0.1767767), ("lecun_normal", 0.125), ("glorot_normal", 0.125)])
def test_normal_standard_deviations_for_64_to_64(name, std, getkey):
    values = np.stack([INITIALIZERS[name](getkey(), (64, 64)) for _ in range(25)])
    assert_moments(values, 0, std**2)
    assert np.abs(values).max() < 2.274 * std  # cut at 2 and divided by 0.8796


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("lecun_normal", 1 / 36),
        ("he_normal", 2 / 36),
        ("glorot_normal", 2 / (36 + 9 * 512)),
        ("lecun_uniform", 1 / 36),
        ("he_uniform", 2 / 36),
        ("glorot_uniform", 2 / (36 + 9 * 512)),
    ],
)
def test_fans_of_a_convolution_count_its_window(name, variance, getkey):
    values = INITIALIZERS[name](getkey(), (3, 3, 4, 512))  # fan_in 3*3*4, fan_out 3*3*512
    assert_moments(values, 0, variance)


@pytest.mark.parametrize("shape", [(8, 8), (16, 4), (4, 16), (2, 3, 4)])
def test_orthogonal_kernels_keep_lengths(shape, getkey):
    kernel = np.asarray(init.Orthogonal()(getkey(), shape)).reshape(-1, shape[-1])
    small = kernel.T @ kernel if kernel.shape[0] >= kernel.shape[1] else kernel @ kernel.T
    np.testing.assert_allclose(small, np.eye(len(small)), rtol=0, atol=1e-5)


def test_constants():
    key = jax.random.key(0)
    np.testing.assert_array_equal(init.Zeros()(key, (2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(init.Ones()(key, (2, 3)), np.ones((2, 3)))
    np.testing.assert_array_equal(init.Constant(0.3)(key, (2, 3)), np.full((2, 3), np.float32(0.3)))


@jit
def all_compiled(key):
    """Every initializer in one program, which draws their random bits once."""
    return {name: initializer(key, (4, 2), jnp.bfloat16) for name, initializer in INITIALIZERS.items()}


@pytest.mark.parametrize("name", INITIALIZERS)
def test_shape_and_dtype_under_jit(name, getkey):
    assert INITIALIZERS[name](getkey(), (64, 64)).dtype == jnp.float32
    compiled = all_compiled(getkey())[name]
    assert compiled.shape == (4, 2)
    assert compiled.dtype == jnp.bfloat16


def test_names_and_settings():
    for name, initializer in INITIALIZERS.items():
        assert init.by_name(name) is initializer
    assert init.HeNormal() == init.HeNormal()
    assert hash(init.Normal(0.1)) == hash(init.Normal(0.1))
    assert repr(init.Uniform(-1, 1)) == "Uniform(-1.0, 1.0)"
    assert repr(init.Normal(0.1)) == "Normal(std=0.1)"
    assert init.Normal(0.1) != init.Normal(0.2)
    assert isinstance(init.Constant(1).value, float)


@pytest.mark.parametrize("name", [*FANS, "orthogonal"])
def test_a_bias_has_no_fan(name, getkey):
    with pytest.raises(JaxnnError, match=r"got shape \(5,\); needed at least two axes.*Use Zeros, Normal or Uniform"):
        INITIALIZERS[name](getkey(), (5,))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: init.by_name("he"), "needed one of zeros, ones"),
        (lambda: init.by_name("henormal"), "Did you mean he_normal?"),
        (lambda: init.Normal(-1.0), "Normal.std"),
        (lambda: init.Normal(float("inf")), "Normal.std"),
        (lambda: init.Uniform(1.0, 1.0), "Uniform.high: got 1.0; needed a number above low, which is 1.0."),
        (lambda: init.Uniform(float("-inf"), 1.0), "Uniform.low: got -inf; needed a finite number."),
        (lambda: init.Constant(float("nan")), "Constant.value: got nan"),
    ],
)
def test_wrong_use(call, words):
    with pytest.raises(JaxnnError) as caught:
        call()
    assert words in str(caught.value)
