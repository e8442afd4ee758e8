"""Losses against numbers by hand, NumPy, SciPy and scikit-learn's identities; shapes that must not broadcast."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special
from hypothesis import given
from hypothesis import strategies as st

from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.losses import LOSSES, BinaryCrossEntropy, CategoricalCrossEntropy, Huber
from losscases import KINDS, PAIRED, example

pytestmark = pytest.mark.usefixtures("quick_compiles")

# The course's worked network of two outputs, section 5.1.
MAZUR_OUTPUTS, MAZUR_TARGETS = np.array([0.751365069552, 0.772928465321]), np.array([0.01, 0.99])
CLASSES = KINDS["classification"]


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


@functools.cache
def compiled(loss):
    return jax.jit(loss)


@functools.cache
def compiled_gradient(loss):
    return jax.jit(jax.grad(lambda y, t: loss(y, t).sum()))


def value(loss, outputs, targets):
    """The loss in one program: one compilation instead of one for each operation. Arrays in a list become one array."""
    return np.asarray(compiled(loss)(np.asarray(outputs), np.asarray(targets)))


def gradient(loss, outputs, targets):
    """The gradient of the summed loss with respect to the outputs."""
    return np.asarray(compiled_gradient(loss)(np.asarray(outputs), np.asarray(targets)))


def both(loss, targets, outputs):
    """The losses and the gradient of their sum, to be called within a program."""
    each, pull = jax.vjp(lambda y: loss(y, targets), outputs)
    return each, *pull(jnp.ones_like(each))


def together(function, *arrays):
    """What a function of arrays returns, from one program: a compilation costs far more than these numbers."""
    return jax.device_get(jax.jit(function)(*arrays))


@pytest.mark.course("L01", "L02", "L03")
@pytest.mark.parametrize("name", LOSSES)
def test_one_number_an_example_summed_or_averaged_by_the_caller(name, x64):
    loss = LOSSES[name]
    outputs, targets, expected = example(name)

    def losses_and_slopes(y, t):
        alone = jax.lax.map(lambda example: loss(*example), (y, t))  # examples without a batch axis
        slopes = [
            jax.grad(lambda y, reduction=reduction: reduction(loss(y, t)))(y) for reduction in (jnp.sum, jnp.mean)
        ]
        return loss(y, t), alone, loss(y, t).sum(), loss(y, t).mean(), slopes, jax.vmap(jax.grad(loss))(y, t)

    each, alone, total, mean, (slope_of_total, slope_of_mean), one_by_one = together(
        losses_and_slopes, outputs, targets
    )
    np.testing.assert_allclose(each, expected, rtol=1e-12)
    np.testing.assert_allclose(each, alone, rtol=1e-14)
    assert float(total) == pytest.approx(sum(alone), rel=1e-14)
    assert float(mean) == pytest.approx(sum(alone) / 5, rel=1e-14)
    np.testing.assert_allclose(slope_of_mean, slope_of_total / 5, rtol=1e-14)
    np.testing.assert_allclose(slope_of_total, one_by_one, rtol=1e-14)


@pytest.mark.course("L04", "L05", "L06")
def test_the_three_squared_errors(x64):
    three = [losses.squared_error, losses.half_squared_error, losses.mean_squared_error]
    compute = jax.jit(lambda y, t: tuple(zip(*(both(loss, t, y) for loss in three), strict=True)))
    values, (squared, half, _) = compute(MAZUR_OUTPUTS, MAZUR_TARGETS)
    assert np.stack(values).tolist() == pytest.approx([0.5967422175, 0.2983711088, 0.2983711088], rel=0, abs=5e-11)
    error = MAZUR_OUTPUTS - MAZUR_TARGETS
    np.testing.assert_allclose(squared, 2 * error, rtol=1e-14)
    np.testing.assert_allclose(half, error, rtol=1e-14)
    (_, value_of_half, _), (_, half, _) = compute(np.array([0.45]), np.array([1.0]))
    assert float(value_of_half) == pytest.approx(0.15125, abs=1e-15)
    np.testing.assert_allclose(half, [-0.55], rtol=1e-14)
    y, t = np.array([1.0, 2.0, 4.0]), np.array([0.0, 4.0, 1.0])  # three outputs tell the mean from the half
    values, (_, _, mean) = compute(y, t)
    assert np.stack(values).tolist() == pytest.approx([14, 7, 14 / 3], abs=1e-14)
    np.testing.assert_allclose(mean, -(2 / 3) * (t - y), rtol=1e-14)


@pytest.mark.course("L07", "L08")
def test_binary_cross_entropy_has_its_minus_sign(x64):
    loss = losses.binary_cross_entropy
    assert float(value(loss, [0.45], [1.0])) == pytest.approx(0.7985076962, abs=5e-11)
    assert gradient(loss, [0.45], [1.0])[0] == pytest.approx(-2.2222222, abs=5e-8)
    p, t = np.array([0.1, 0.45, 0.8]), np.array([1.0, 0.0, 0.3])
    np.testing.assert_allclose(gradient(loss, p, t), (p - t) / (p * (1 - p)), rtol=1e-13)

    def as_printed(y, t):  # the log-likelihood: what one deck calls the loss
        return t * jnp.log(y) + (1 - t) * jnp.log(1 - y)

    printed, slope = together(jax.value_and_grad(as_printed), 0.45, 1.0)
    assert printed == pytest.approx(-0.7985, abs=5e-5)
    assert slope == pytest.approx(2.2222, abs=5e-5)
    assert float(value(loss, [0.45], [1.0])) == -printed


@pytest.mark.course("L09")
@pytest.mark.parametrize("targets", [2, np.array([0.0, 0.0, 1.0])])
def test_categorical_cross_entropy(targets, x64):
    z = np.array([1.0, 2.0, 3.0])
    assert float(value(losses.softmax_cross_entropy, z, targets)) == pytest.approx(0.4076059644, abs=5e-11)
    p = scipy.special.softmax(z)
    assert float(value(losses.categorical_cross_entropy, p, targets)) == pytest.approx(0.4076059644, abs=5e-11)
    expected = [0.0900306, 0.2447285, -0.3347590]
    np.testing.assert_allclose(gradient(losses.softmax_cross_entropy, z, targets), expected, rtol=0, atol=5.1e-8)
    through = gradient(lambda z, t: losses.categorical_cross_entropy(jax.nn.softmax(z), t), z, targets)
    np.testing.assert_allclose(through, expected, rtol=0, atol=5.1e-8)


@pytest.mark.course("L09")
def test_a_uniform_guess_costs_the_logarithm_of_the_classes(x64):
    assert float(value(losses.softmax_cross_entropy, np.zeros(10), 3)) == pytest.approx(2.302585, abs=5e-7)
    assert float(value(losses.categorical_cross_entropy, np.full(10, 0.1), 3)) == pytest.approx(2.302585, abs=5e-7)


@pytest.mark.course("L10")
@pytest.mark.parametrize("name", CLASSES)
def test_integer_and_one_hot_targets_agree(name, x64):
    loss = LOSSES[name]
    outputs, labels, _ = example(name, rows=20, width=4)
    rows = np.eye(4)[labels]

    def losses_of(y, kinds):
        return [both(loss, t, y) for t in kinds]

    kinds = [labels, rows, rows.astype(int), rows.astype(bool), rows.astype(np.float32), labels.astype(np.uint8)]
    (each, hot, *same, small), (slopes, hot_slopes, *_) = zip(*together(losses_of, outputs, kinds), strict=True)
    np.testing.assert_allclose(each, hot, rtol=0, atol=1e-12)
    np.testing.assert_allclose(slopes, hot_slopes, rtol=0, atol=1e-12)
    np.testing.assert_array_equal(same, [hot] * 3)
    np.testing.assert_array_equal(small, each)
    (booleans, _), (integers, _) = together(losses_of, outputs[:, :2], [labels > 1, (labels > 1).astype(int)])
    np.testing.assert_array_equal(booleans, integers)


@pytest.mark.parametrize("name", CLASSES)
def test_soft_targets_are_the_mixture_of_the_losses(name, x64):
    loss = LOSSES[name]
    outputs, _, _ = example(name)
    zeros = np.zeros(5, int)
    mixed = value(loss, outputs, np.tile([0.7, 0.1, 0.2], (5, 1)))
    parts = [0.7, 0.1, 0.2] @ np.stack([value(loss, outputs, zeros + k) for k in range(3)])
    np.testing.assert_allclose(mixed, parts, rtol=1e-12)


@pytest.mark.course("L11")
def test_cross_entropy_is_the_negative_log_likelihood(x64):
    z, labels, _ = example("softmax_cross_entropy")
    log_likelihood = np.log(scipy.special.softmax(z, -1)[np.arange(5), labels]).sum()
    assert float(value(losses.softmax_cross_entropy, z, labels).sum()) + log_likelihood == pytest.approx(0, abs=1e-12)
    z, yes, _ = example("sigmoid_cross_entropy", width=1)
    p = scipy.special.expit(z)
    log_likelihood = np.log(np.where(yes == 1, p, 1 - p)).sum()
    assert float(value(losses.sigmoid_cross_entropy, z, yes).sum()) + log_likelihood == pytest.approx(0, abs=1e-12)


@pytest.mark.course("L12")
def test_the_error_on_the_logits_is_p_minus_y(x64):
    z, yes, _ = example("sigmoid_cross_entropy")
    np.testing.assert_allclose(
        gradient(losses.sigmoid_cross_entropy, z, yes), scipy.special.expit(z) - yes, rtol=0, atol=1e-10
    )
    at = np.log(0.45 / 0.55)
    assert gradient(losses.sigmoid_cross_entropy, [at], [1.0])[0] == pytest.approx(-0.55, abs=1e-10)
    z, labels, _ = example("softmax_cross_entropy")
    expected = scipy.special.softmax(z, -1) - np.eye(3)[labels]
    np.testing.assert_allclose(gradient(losses.softmax_cross_entropy, z, labels), expected, rtol=0, atol=1e-10)


@pytest.mark.course("L13")
def test_signed_errors_cancel_and_are_no_loss(x64):
    targets, outputs = np.array([1.0, 0.0]), np.array([[0.45], [0.55]])
    np.testing.assert_allclose(value(losses.signed_error, outputs, targets), [0.55, -0.55], rtol=1e-14)
    assert float(value(losses.signed_error, outputs, targets).sum()) == 0.0
    assert float(value(losses.squared_error, outputs, targets).sum()) == pytest.approx(0.605, abs=1e-15)
    assert [name for name in LOSSES if not LOSSES[name].minimisable] == ["signed_error"]


@pytest.mark.course("L17")
def test_logits_of_a_thousand_are_finite_and_probabilities_are_clipped():
    z = np.array([[1000, -1000], [-1000, 1000], [1000, 1000]], np.float32)
    softmax, sigmoid = losses.softmax_cross_entropy, losses.sigmoid_cross_entropy
    pairs = [
        (softmax, np.array([1, 1, 0])),
        (softmax, np.array([[0, 1], [0.5, 0.5], [1, 0]], np.float32)),
        (sigmoid, np.array([[0, 1], [0, 1], [0.5, 1]], np.float32)),
        (sigmoid, np.array([[0, 1]] * 3)),
    ]
    values, gradients = together(lambda z: tuple(zip(*(both(*pair, z) for pair in pairs), strict=True)), z)
    assert np.all(np.isfinite(values))
    assert np.all(np.isfinite(gradients))
    assert float(values[0][0]) == float(values[3][0]) == 2000
    clipped = [
        value(losses.binary_cross_entropy, [0.0], [1.0]),
        value(losses.binary_cross_entropy, [1.0], [0.0]),
        value(losses.categorical_cross_entropy, [0.0, 1.0], 0),
    ]
    np.testing.assert_allclose(clipped, 16.118096, rtol=0, atol=1.5e-6)  # -ln 1e-7 in float32
    assert float(value(BinaryCrossEntropy(1e-3), [0.0], [1.0])) == pytest.approx(6.907755, abs=1e-6)
    assert float(value(CategoricalCrossEntropy(1e-3), [0.0, 1.0], 0)) == pytest.approx(6.907755, abs=1e-6)
    for p in (0.0, 1.0):
        assert np.isfinite(gradient(losses.binary_cross_entropy, [p], [1.0]))


@jax.jit
def cross_entropies(z, label, yes):
    return both(losses.softmax_cross_entropy, label, z), both(losses.sigmoid_cross_entropy, yes, z)


@pytest.mark.course("L17")
@given(z=st.lists(st.floats(-1000, 1000, width=32), min_size=3, max_size=3), label=st.integers(0, 2))
def test_cross_entropies_are_those_of_float64(z, label):
    z32, yes = np.array(z, np.float32), np.eye(3, dtype=np.float32)[label]
    softmax = -scipy.special.log_softmax(z32.astype(float))[label]
    (softmax_loss, softmax_slopes), (sigmoid_loss, sigmoid_slopes) = cross_entropies(z32, np.int32(label), yes)
    assert float(softmax_loss) == pytest.approx(softmax, rel=1e-5, abs=1e-4)
    sigmoid = np.logaddexp(0, np.where(yes == 1, -z32, z32).astype(float)).sum()
    assert float(sigmoid_loss) == pytest.approx(sigmoid, rel=1e-5, abs=1e-6)
    assert np.all(np.abs(softmax_slopes) <= 1)
    assert np.all(np.abs(sigmoid_slopes) <= 1)


@pytest.mark.course("L18")
def test_the_multi_label_loss_is_the_sum_of_binary_losses(x64):
    z, yes = np.array([[0.3, -2.0, 1.5]]), np.array([[1, 0, 1]])
    alone = [float(value(losses.sigmoid_cross_entropy, z[:, k : k + 1], yes[:, k])[0]) for k in range(3)]
    assert float(value(losses.sigmoid_cross_entropy, z, yes)[0]) == pytest.approx(sum(alone), abs=1e-14)
    p = scipy.special.expit(z)
    assert float(value(losses.binary_cross_entropy, p, yes)[0]) == pytest.approx(sum(alone), abs=1e-12)


@pytest.mark.course("L20")
def test_ascent_on_the_likelihood_is_descent_on_the_loss_to_the_bit():
    rng = np.random.default_rng(20)
    x, labels = rng.normal(size=(30, 4)).astype(np.float32), rng.integers(0, 3, 30)

    def negative(w):
        return losses.softmax_cross_entropy(x @ w, labels).sum()

    def log_likelihood(w):
        return -losses.softmax_cross_entropy(x @ w, labels).sum()

    def path(objective, rate):
        optimizer = optax.sgd(rate)

        def step(carry, _):
            w, state = carry
            updates, state = optimizer.update(jax.grad(objective)(w), state)
            w = optax.apply_updates(w, updates)
            return (w, state), (w, negative(w))

        return together(lambda w: jax.lax.scan(step, (w, optimizer.init(w)), None, 20)[1], np.zeros((4, 3), np.float32))

    (down, loss), (up, _) = path(negative, 0.05), path(log_likelihood, -0.05)
    np.testing.assert_array_equal(down, up)
    assert loss[-1] < loss[0] < 30 * np.log(3)


@pytest.mark.course("N19")
def test_can_we_afford_it(x64):
    rng = np.random.default_rng(3)
    x = rng.uniform([1, 1, 500], [6, 4, 4000], (200, 3))  # bedrooms, bathrooms, square feet
    w, b = np.array([-0.5, -0.25, -0.001]), 5.0
    z = x @ w + b
    p = np.asarray(jax.nn.sigmoid(z))
    assert np.all((p > 0) & (p < 1))
    assert np.all(np.diff(p[np.argsort(z)]) > 0)
    on_plane = np.array([4.0, 2.0, 2500.0])  # -2 - 0.5 - 2.5 + 5 = 0
    assert float(jax.nn.sigmoid(on_plane @ w + b)) == 0.5
    assert float(value(losses.sigmoid_cross_entropy, [on_plane @ w + b], 1)) == pytest.approx(np.log(2), abs=1e-15)


def test_huber_is_a_parabola_and_then_a_line(x64):
    e = np.array([[-5.0], [-2.0], [-0.5], [0.0], [1.9], [7.0]])
    expected = np.where(np.abs(e) <= 2, e**2 / 2, 2 * (np.abs(e) - 1))[:, 0]
    np.testing.assert_allclose(value(Huber(2.0), e, np.zeros(6)), expected, rtol=1e-14)
    np.testing.assert_allclose(gradient(Huber(2.0), e, np.zeros(6)), np.clip(e, -2, 2), rtol=1e-14)


def test_absolute_error_has_no_slope_where_it_is_zero(x64):
    np.testing.assert_array_equal(gradient(losses.absolute_error, [2.0, 0.0, -2.0], [0.0, 0.0, 0.0]), [1, 0, -1])


@pytest.mark.parametrize("name", LOSSES)
def test_every_axis_in_front_is_a_batch_axis(name):
    loss = LOSSES[name]
    outputs, targets, expected = (np.asarray(a, np.float32) for a in example(name, rows=6))
    targets = targets.astype(np.int32) if name in CLASSES else targets

    def stacked_and_mapped(y, t):
        return loss(y.reshape(2, 3, -1), t.reshape(2, 3, *t.shape[1:])), jax.vmap(loss)(y, t)

    shaped, mapped = together(stacked_and_mapped, outputs, targets)
    np.testing.assert_allclose(shaped, expected.reshape(2, 3), rtol=1e-4)
    assert shaped.dtype == jnp.float32
    np.testing.assert_allclose(mapped, expected, rtol=1e-4)


@pytest.mark.parametrize("name", [*PAIRED, "quantile"])
def test_one_output_takes_targets_without_its_axis(name):
    loss = LOSSES[name]
    outputs, targets, expected = example(name, rows=4, width=1)
    targets = targets.reshape(4, 1)
    without, full = together(lambda y, t: (loss(y, t[:, 0]), loss(y, t)), outputs, targets)
    np.testing.assert_allclose(without, expected, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(without, full)


def test_a_masked_class_counts_nothing():
    z, soft = np.array([[1.0, -np.inf, 2.0]]), np.array([[0.5, 0.0, 0.5]])
    loss = losses.softmax_cross_entropy
    (each, slopes), labelled = together(lambda z, soft: (both(loss, soft, z), loss(z, [2])), z, soft)
    np.testing.assert_allclose(each, [np.logaddexp(1.0, 2.0) - 1.5], rtol=1e-6)
    assert np.all(np.isfinite(slopes))
    np.testing.assert_allclose(labelled, [np.logaddexp(1.0, 2.0) - 2], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_outputs_are_judged_in_float32(dtype):
    z = jnp.array([[1.0, 2.0, 3.0]], dtype)
    loss, _ = together(functools.partial(both, losses.softmax_cross_entropy, np.array([2])), z)
    _, slope = together(functools.partial(both, losses.squared_error, np.zeros((1, 3))), z)
    assert loss.dtype == jnp.float32
    assert float(loss[0]) == pytest.approx(0.4076059644, abs=1e-6)
    assert slope.dtype == z.dtype


def test_names_kinds_and_settings():
    for name, loss in LOSSES.items():
        assert losses.by_name(name) is loss
        assert getattr(losses, name) is loss
        assert name in KINDS[loss.kind]
        other = {"poisson": "log_rates", "gaussian_nll": "mean_and_log_variance"}
        other |= dict.fromkeys(("binary_cross_entropy", "categorical_cross_entropy"), "probabilities")
        assert loss.on == other.get(name, "values" if loss.kind == "regression" else "logits")
    assert sum(map(len, KINDS.values())) == len(LOSSES)
    assert Huber() == losses.huber
    assert Huber(2.0) != Huber()
    assert repr(Huber(2)) == "Huber(delta=2.0)"
    assert repr(losses.softmax_cross_entropy) == "SoftmaxCrossEntropy()"
    for call, words in (
        (lambda: losses.by_name("hubre"), "Did you mean huber?"),
        (lambda: Huber(0.0), "Huber.delta"),
        (lambda: BinaryCrossEntropy(0.5), "BinaryCrossEntropy.epsilon"),
        (lambda: CategoricalCrossEntropy(0.0), "CategoricalCrossEntropy.epsilon"),
    ):
        with pytest.raises(JaxnnError, match=words.replace("?", r"\?")):
            call()
