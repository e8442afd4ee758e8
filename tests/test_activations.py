"""Activations against hand-computed tables, NumPy and SciPy, identities, and the limits of their dtypes."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import activations as act
from jaxnn.activations import ACTIVATIONS, Elu, LeakyRelu, Sign, Step
from jaxnn.checks import JaxnnError
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

ELEMENTWISE = [name for name in ACTIVATIONS if name != "softmax"]
DTYPES = ["float16", "bfloat16", "float32"]

compiled = functools.cache(jit)
compiled_slope = functools.cache(lambda activation: jit(jax.vmap(jax.grad(activation))))

# course.md, section 5.3, at x = -2, -1, 0, 0.7, 1, 2
TABLE = {
    "sigmoid": [0.1192029220, 0.2689414214, 0.5, 0.6681877722, 0.7310585786, 0.8807970780],
    "tanh": [-0.9640275801, -0.7615941560, 0, 0.6043677771, 0.7615941560, 0.9640275801],
    "relu": [0, 0, 0, 0.7, 1, 2],
    "leaky_relu": [-0.02, -0.01, 0, 0.7, 1, 2],
    "softplus": [0.1269280110, 0.3132616875, 0.6931471806, 1.1031860489, 1.3132616875, 2.1269280110],
    "swish": [-0.2384058440, -0.2689414214, 0, 0.4677314405, 0.7310585786, 1.7615941560],
    "gelu": [-0.0454023059, -0.1588080094, 0, 0.5305701347, 0.8411919906, 1.9545976941],
    "gelu_exact": [-0.0455002639, -0.1586552539, 0, 0.5306254434, 0.8413447461, 1.9544997361],
    "elu": [-0.8646647168, -0.6321205588, 0, 0.7, 1, 2],
    "scaled_tanh": [-1.4929388054, -0.9999972559, 0, 0.7472780773, 0.9999972559, 1.4929388054],
    "identity": [-2, -1, 0, 0.7, 1, 2],
    "square": [4, 1, 0, 0.49, 1, 4],
}


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def values(activation, z, program=compiled):
    """An activation of each number alone, in vectors of one length: compiled once for each dtype, not each shape."""
    z = np.asarray(z)
    vector = np.zeros(20_001, z.dtype)
    vector[: z.size] = z.reshape(-1)
    return np.asarray(program(activation)(vector))[: z.size].reshape(z.shape)


def slope(activation, z):
    """The derivative at each number."""
    return values(activation, z, compiled_slope)


@pytest.mark.course("A01", "A02", "A03", "A04", "A06", "A09", "A10", "A11", "A12", "A24")
@pytest.mark.parametrize("name", TABLE)
def test_values_of_the_course_table(name, x64):
    x = np.array([-2.0, -1.0, 0.0, 0.7, 1.0, 2.0])
    np.testing.assert_allclose(values(ACTIVATIONS[name], x), TABLE[name], rtol=0, atol=5.1e-11)


@pytest.mark.course("A01")
def test_identity_has_slope_one_and_keeps_integers(x64):
    np.testing.assert_array_equal(slope(act.identity, [-3.0, 0.0, 5.0]), 1.0)
    assert jnp.issubdtype(act.identity(np.array([1, 2])).dtype, jnp.integer)


@pytest.mark.course("A02")
def test_sigmoid_slope(x64):
    x = np.linspace(-6, 6, 101)
    s = 1 / (1 + np.exp(-x))
    got = slope(act.sigmoid, x)
    np.testing.assert_allclose(got, s * (1 - s), rtol=1e-12)
    assert got.max() == 0.25
    assert x[got.argmax()] == 0
    assert slope(act.sigmoid, 10.0) == pytest.approx(4.5396e-05, rel=1e-5)


@pytest.mark.course("A03")
def test_tanh_is_a_shifted_sigmoid(x64):
    x = np.linspace(-8, 8, 101)
    np.testing.assert_allclose(values(act.tanh, x), 2 * values(act.sigmoid, 2 * x) - 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(slope(act.tanh, x), 1 - np.tanh(x) ** 2, rtol=0, atol=1e-12)
    assert slope(act.tanh, 0.0) == 1


@pytest.mark.course("A04")
def test_relu_values_and_slopes():
    np.testing.assert_array_equal(values(act.relu, [0.7, -0.7, 0.0]), np.array([0.7, 0, 0], np.float32))
    np.testing.assert_array_equal(slope(act.relu, [-5.0, -1e-6, 0.0, 1e-6, 5.0]), [0, 0, 0, 1, 1])


@pytest.mark.course("A06")
def test_leaky_relu_slope_is_a_setting():
    np.testing.assert_array_equal(values(LeakyRelu(), [-1.0, -2.0, 2.0]), np.array([-0.01, -0.02, 2], np.float32))
    np.testing.assert_array_equal(values(LeakyRelu(0.2), [-1.0, 2.0]), np.array([-0.2, 2], np.float32))
    np.testing.assert_array_equal(slope(LeakyRelu(), [-3.0, -1e-6, 3.0]), np.array([0.01, 0.01, 1], np.float32))


@pytest.mark.course("A07")
def test_a_unit_pushed_below_zero_dies_with_relu_and_not_with_leaky_relu():
    rng = np.random.default_rng(7)
    x = rng.uniform(-1, 1, (50, 3)).astype(np.float32)
    kernel, bias = rng.uniform(size=(3, 2)).astype(np.float32), np.array([-10, 0], np.float32)

    def gradient(activation, w):
        return jax.grad(lambda w: activation(x @ w + bias[None]).sum())(w)

    @jit
    def probe(w):
        z = x @ w + bias[None]
        deaths = [(act.relu, z), (act.relu, z.reshape(5, 10, 2)), (LeakyRelu(), z)]
        return gradient(act.relu, w), gradient(LeakyRelu(), w), [act.dead_fraction(*death) for death in deaths]

    dead, leaky, fractions = jax.device_get(probe(kernel))
    np.testing.assert_array_equal(dead[:, 0], 0)
    assert np.all(leaky[:, 0] != 0) and np.all(dead[:, 1] != 0)
    assert fractions == [0.5, 0.5, 0]


def test_a_unit_alive_for_one_example_is_not_dead():
    probe = jit(act.dead_fraction, static_argnums=0)
    assert float(probe(act.relu, np.array([[-1.0, -1.0], [-1.0, 1e-3]]))) == 0.5
    assert float(probe(Step(), np.array([[-1.0, 3.0]]))) == 1


@pytest.mark.course("A08")
def test_softmax(x64):
    z, rows = np.array([1.0, 2.0, 3.0]), np.arange(12.0).reshape(2, 2, 3) ** 1.5
    p, shifted = np.asarray(compiled(act.softmax)(z)), compiled(act.softmax)(z + 1000)
    np.testing.assert_allclose(p, [0.0900305732, 0.2447284711, 0.6652409558], rtol=0, atol=5.1e-11)
    np.testing.assert_allclose(shifted, p, rtol=1e-12)
    np.testing.assert_allclose(p.sum(), 1, rtol=0, atol=1e-15)
    np.testing.assert_allclose(jit(jax.jacobian(act.softmax))(z), np.diag(p) - np.outer(p, p), rtol=0, atol=1e-15)
    np.testing.assert_allclose(compiled(act.softmax)(rows), scipy.special.softmax(rows, axis=-1), rtol=1e-12)


@pytest.mark.course("A09", "A10")
@pytest.mark.parametrize(
    ("name", "least", "where"),
    [("swish", -0.2784645428, -1.27846), ("gelu", -0.1700407506, -0.75246), ("gelu_exact", -0.1699712075, -0.75180)],
)
def test_minima(name, least, where, x64):
    x = np.linspace(-3, 0, 300_001)
    y = np.asarray(compiled(ACTIVATIONS[name])(x))
    assert y.min() == pytest.approx(least, abs=1e-10)
    assert x[y.argmin()] == pytest.approx(where, abs=1.1e-5)


@pytest.mark.course("A10")
def test_largest_gap_of_the_two_gelus(x64):
    x = np.linspace(-5, 5, 300_001)
    exact = x * 0.5 * (1 + scipy.special.erf(x / np.sqrt(2)))
    np.testing.assert_allclose(compiled(act.gelu_exact)(x), exact, rtol=0, atol=1e-14)
    gap = np.abs(np.asarray(compiled(act.gelu)(x)) - exact)
    assert gap.max() == pytest.approx(4.7324e-04, abs=5e-9)
    assert abs(x[gap.argmax()]) == pytest.approx(2.6989, abs=1e-4)


@pytest.mark.course("A11")
def test_softplus_slope_and_alias(x64):
    x = np.linspace(-30, 30, 101)
    np.testing.assert_allclose(slope(act.softplus, x), scipy.special.expit(x), rtol=1e-12)
    np.testing.assert_array_equal(values(act.softplus, [-1000.0, 1000.0]), [0, 1000])
    assert act.soft_exponential_linear_unit is act.softplus
    assert act.by_name("soft_exponential_linear_unit") is act.softplus


@pytest.mark.course("A12")
def test_elu_is_not_softplus(x64):
    assert values(Elu(), -1.0) == pytest.approx(-0.6321205588, abs=5e-11)
    assert values(Elu(), 2.0) == 2
    assert values(Elu(0.5), -1.0) == pytest.approx(-0.3160602794, abs=5e-11)
    assert abs(values(Elu(), -1.0) - values(act.softplus, -1.0)) > 0.9


@pytest.mark.course("A13")
def test_rectifiers_do_not_saturate_and_relu_is_sparse(x64):
    assert slope(act.relu, 50.0) == 1
    assert slope(act.softplus, 50.0) > 1 - 1e-15
    z = np.random.default_rng(13).normal(size=10_000)
    assert abs((values(act.relu, z) == 0).mean() - 0.5) < 3 * 0.5 / 100  # three standard errors
    assert (values(act.softplus, z) == 0).sum() == 0


@pytest.mark.course("A13")
def test_relu_keeps_the_gradient_of_ten_layers_and_sigmoid_loses_it():
    depth, width, rng = 10, 32, np.random.default_rng(13)
    kernels = np.float32(np.sqrt(2 / width) * rng.normal(size=(depth, width, width)))
    x = np.float32(rng.normal(size=(64, width)))

    def total(kernels, activation):
        return jax.lax.scan(lambda h, kernel: (activation(h @ kernel), None), x, kernels)[0].sum()

    slopes = jit(lambda kernels: [jax.grad(total)(kernels, activation) for activation in (act.relu, act.sigmoid)])
    norms = np.linalg.norm(slopes(kernels), axis=(2, 3))  # (2 activations, depth)
    relu_ratio, sigmoid_ratio = norms[:, 0] / norms[:, -1]  # of the first layer's gradient to that of the last
    assert relu_ratio > 0.05 and sigmoid_ratio < 1e-3
    assert relu_ratio > 1000 * sigmoid_ratio


@pytest.mark.course("A14")
def test_step_fires_at_a_tie_and_cannot_be_trained():
    np.testing.assert_array_equal(values(Step(), [-1.0, -1e-6, 0.0, 2.0]), [0, 0, 1, 1])
    np.testing.assert_array_equal(values(Step(2.0), [1.0, 2.0, 3.0]), [0, 1, 1])
    np.testing.assert_array_equal(slope(Step(), [-1.0, 0.0, 1.0]), 0)
    assert not act.has_gradient(Step())
    assert not act.has_gradient(Sign(0.2))
    assert all(act.has_gradient(ACTIVATIONS[name]) for name in ACTIVATIONS if name not in ("step", "sign"))
    assert np.isnan(values(Step(), np.nan))


@pytest.mark.course("A15")
def test_sign_has_three_values():
    np.testing.assert_array_equal(values(Sign(), [-2.0, 0.0, 3.0]), [-1, 0, 1])


@pytest.mark.course("A16")
def test_sign_with_a_threshold_is_sign_with_a_bias():
    np.testing.assert_array_equal(values(Sign(0.2), [0.2, 0.3, 0.1]), [0, 1, -1])
    z = np.linspace(-1, 1, 41, dtype=np.float32)
    np.testing.assert_array_equal(values(Sign(0.2), z), values(Sign(), z - np.float32(0.2)))


@pytest.mark.course("A17")
def test_active_is_the_half_space_above_zero():
    axis = np.linspace(-2, 2, 9, dtype=np.float32)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)  # (81, 2), with points on the boundary
    z = grid @ np.array([1.0, -1.0], np.float32)
    centred = [act.relu, act.sigmoid, act.tanh, act.softplus, act.swish, act.gelu, LeakyRelu(), Sign()]
    cases = [*((activation,) for activation in [*centred, Step(), Step(1.0)]), (act.sigmoid, 0.9)]
    *sides, tie, threshold, level = jit(lambda z: [act.active(case[0], z, *case[1:]) for case in cases])(z)
    np.testing.assert_array_equal(sides, [z > 0] * 8)
    np.testing.assert_array_equal(tie, z >= 0)  # a tie fires
    np.testing.assert_array_equal(threshold, z >= 1)
    np.testing.assert_array_equal(level, z > np.log(9))


@pytest.mark.course("A19")
def test_without_activations_a_deep_network_is_one_affine_map(x64):
    widths, rng = [3, 7, 5, 6, 2], np.random.default_rng(19)
    layers = [(rng.normal(size=(a, b)), rng.normal(size=b)) for a, b in itertools.pairwise(widths)]
    x = rng.normal(size=(20, 3))

    kernel, bias = np.eye(3), np.zeros(3)
    affine = bent = x
    for w, b in layers:
        kernel, bias = kernel @ w, bias @ w + b
        affine, bent = values(act.identity, affine @ w + b), values(act.tanh, bent @ w + b)
    np.testing.assert_allclose(affine, x @ kernel + bias, rtol=0, atol=1e-12 * np.abs(affine).max())
    assert np.abs(bent - (x @ kernel + bias)).max() > 0.1


@pytest.mark.course("A22")
@pytest.mark.parametrize(
    ("name", "low", "high"),
    list(
        zip(
            ["sigmoid", "tanh", "relu", "leaky_relu", "swish", "gelu", "gelu_exact", "softplus", "elu", "scaled_tanh"],
            [0, -1, 0, -0.5, -0.27846455, -0.17004076, -0.16997121, 0, -1, -1.7159],
            [1, 1, 50, 50, 50, 50, 50, 50.0000001, 50, 1.7159],
            strict=True,
        )
    ),
)
def test_ranges(name, low, high, x64):
    y = values(ACTIVATIONS[name], np.linspace(-50, 50, 20_001))
    assert low <= y.min() < low + 0.01 * (high - low)
    assert high - 0.01 * (high - low) < y.max() <= high


@pytest.mark.course("A22")
def test_softmax_stays_within_zero_and_one(x64):
    p = np.asarray(compiled(act.softmax)(np.stack([np.linspace(-50, 50, 101), np.zeros(101)], axis=-1)))
    assert p.min() >= 0
    assert p.max() <= 1
    assert p.min() < 1e-20


@pytest.mark.course("A23")
def test_saturation(x64):
    assert slope(act.tanh, 2.0) == pytest.approx(0.0706508, abs=5e-8)
    assert slope(act.sigmoid, 10.0) == pytest.approx(4.54e-05, abs=5e-8)
    z = np.array([[0.0, 10.0, -10.0, 2.0], [1.0, 20.0, 3.0, -1.0]])
    cases = [(act.sigmoid,), (act.tanh,), (act.tanh, 0.1), (act.identity,)]
    shares = jit(lambda z: [act.saturation(case[0], z, *case[1:]) for case in cases])(z)
    np.testing.assert_array_equal(shares, [3 / 8, 4 / 8, 5 / 8, 0])  # tanh'(3) = 0.00987


@pytest.mark.parametrize("name", ELEMENTWISE)
@given(x=st.floats(-1000, 1000, width=32))
def test_values_and_slopes_are_finite_and_slopes_are_central_differences(name, x):
    activation = ACTIVATIONS[name]
    step = 1e-2
    value, above, below = values(activation, np.array([x, x + step, x - step], np.float32))
    derivative = slope(activation, np.float32(x))
    assert np.isfinite(value)
    assert np.isfinite(derivative)
    if abs(x) < 0.01 or abs(x) > 100:  # a kink, or too large for differences
        return
    difference = (float(above) - float(below)) / (2 * step)
    assert float(derivative) == pytest.approx(difference, rel=2e-2, abs=2e-3)


@functools.cache
def at_extremes(name):
    """The numbers, values and slopes in each dtype, all from one program."""

    def pulled(numbers):
        outputs, pull = jax.vjp(lambda numbers: jax.tree.map(ACTIVATIONS[name], numbers), numbers)
        return numbers, outputs, *pull(jax.tree.map(jnp.ones_like, outputs))

    return jit(pulled)({dtype: jnp.array([-1000.0, -200.0, 0.0, 200.0, 1000.0], dtype) for dtype in DTYPES})


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_dtype_is_kept_and_extremes_have_finite_slopes(name, dtype):
    x, value, gradient = (each[dtype] for each in at_extremes(name))
    assert value.dtype == gradient.dtype == x.dtype == dtype
    assert np.all(np.isfinite(np.asarray(gradient, np.float32)))
    if not (name == "square" and dtype == "float16"):  # 1000^2 is beyond float16
        assert np.all(np.isfinite(np.asarray(value, np.float32)))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_integers_booleans_and_lists_become_floats(name):
    activation = ACTIVATIONS[name]
    bits = np.array([[0, 1, 1], [1, 0, 1]])  # the shape of the next test, whose programs it shares
    expected = activation(bits.astype(np.float32))
    for given_as in (bits, bits.astype(np.uint8), bits.astype(bool), bits.tolist()):
        np.testing.assert_array_equal(np.asarray(activation(given_as), np.float32), expected)
        if name != "identity":
            assert activation(given_as).dtype == jnp.float32


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_jit_and_vmap_change_nothing(name):
    activation = ACTIVATIONS[name]
    x = jnp.array([[-1.5, 0.0, 0.3], [2.0, -0.1, 4.0]])
    expected = activation(x)
    for found in jit(lambda x: (activation(x), jax.vmap(activation)(x)))(x):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_probes_work_compiled():
    z = np.array([[-1, 2], [-3, 4]], np.float32)
    probes = jit(lambda z: (act.dead_fraction(act.relu, z), act.saturation(act.relu, z), act.active(act.relu, z)))
    dead, saturated, active = probes(z)
    assert float(dead) == float(saturated) == 0.5
    np.testing.assert_array_equal(active, z > 0)


def test_names():
    for name, activation in ACTIVATIONS.items():
        assert act.by_name(name) is activation
        expected = "softplus" if name == "soft_exponential_linear_unit" else name
        assert act.name_of(activation) == expected
    assert act.name_of(LeakyRelu()) == "leaky_relu"
    assert act.name_of(LeakyRelu(0.2)) is None
    assert act.name_of(jnp.sin) is None and act.name_of(lambda z: z) is None


def test_settings_compare_print_and_normalise():
    assert LeakyRelu(0.01) == LeakyRelu()
    assert hash(Step(1)) == hash(Step(1.0))
    assert repr(LeakyRelu(0.2)) == "LeakyRelu(slope=0.2)" and repr(Step()) == "Step()"
    assert isinstance(LeakyRelu(1).slope, float)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: act.by_name("rellu"), "Did you mean relu?"),
        (lambda: LeakyRelu(-0.1), "LeakyRelu.slope: got -0.1; needed a number from 0 to 1."),
        (lambda: Elu(-1.0), "Elu.alpha"),
        (lambda: Step(float("nan")), "Step.threshold: got nan; needed"),
        (lambda: Sign(float("inf")), "Sign.threshold: got inf; needed a finite number."),
        (lambda: act.relu("text"), "relu: got an array of dtype <U4"),
        (lambda: act.relu(1j), "relu: got an array of dtype complex128"),
        (lambda: act.softmax(1.0), "softmax: got a number without an axis"),
        (lambda: act.dead_fraction(act.softmax, np.ones((2, 3))), "one number at a time cannot take softmax"),
        (lambda: act.active(act.softmax, np.ones((2, 3))), "cannot take softmax"),
        (lambda: act.dead_fraction(act.relu, np.ones((0, 3))), r"shape (0, 3)"),
        (lambda: act.saturation(act.relu, np.ones(3), threshold=0.0), "saturation.threshold"),
    ],
)
def test_wrong_use(call, words):
    with pytest.raises(JaxnnError) as caught:
        call()
    assert words in str(caught.value)
