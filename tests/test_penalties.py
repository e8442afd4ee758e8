"""Penalties against sums by hand, central differences and the course's network of eight weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.config import numbers
from jaxnn.penalties import L1, L2, l1, l2
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")


@pytest.fixture(autouse=True)
def strict_ranks():
    with jax.numpy_rank_promotion("raise"):
        yield


def eight_weights():
    """The weights of the course's worked example; its biases must not count."""
    hidden = {"kernel": np.array([[0.15, 0.25], [0.20, 0.30]]), "bias": np.array([0.35, 0.35])}
    output = {"kernel": np.array([[0.40, 0.50], [0.45, 0.55]]), "bias": np.array([0.60, 0.60])}
    return {"dense_0": hidden, "dense_1": output}


@pytest.mark.course("L19")
def test_sums_of_the_worked_example(x64):
    assert float(l2(1.0)(eight_weights())) == pytest.approx(1.13, abs=1e-12)
    assert float(l1(1.0)(eight_weights())) == pytest.approx(2.8, abs=1e-12)
    assert float(l2(0.5, leaves=("bias",))(eight_weights())) == pytest.approx(0.5 * (2 * 0.1225 + 2 * 0.36), abs=1e-12)
    assert float(l2(1.0, leaves=("kernel", "bias"))(eight_weights())) == pytest.approx(1.13 + 0.965, abs=1e-12)


@pytest.mark.course("L19")
def test_the_objective_is_the_mean_loss_plus_lambda_times_the_norm(x64):
    params = jax.tree.map(jnp.asarray, eight_weights())
    x, y = jnp.array([[0.05, 0.10], [0.3, 0.7], [1.0, -1.0]]), jnp.array([[0.01, 0.99], [0.5, 0.5], [0.2, 0.1]])

    def mean_loss(p):
        h = jax.nn.sigmoid(x @ p["dense_0"]["kernel"] + p["dense_0"]["bias"][None])
        return jnp.mean(jnp.sum((h @ p["dense_1"]["kernel"] + p["dense_1"]["bias"][None] - y) ** 2, axis=-1))

    def objective(p, a, b):
        return mean_loss(p) + l1(a)(p) + l2(b)(p)  # the elastic net

    expected = float(mean_loss(params)) + 0.01 * 2.8 + 0.1 * 1.13
    assert float(objective(params, 0.01, 0.1)) == pytest.approx(expected, abs=1e-12)

    value, gradient = jax.value_and_grad(mean_loss)(params)
    value_0, gradient_0 = jax.value_and_grad(objective)(params, 0, 0)
    assert float(value_0) == float(value)
    for a, b in zip(jax.tree.leaves(gradient_0), jax.tree.leaves(gradient), strict=True):
        np.testing.assert_array_equal(a, b)


def test_gradients(x64):
    params = jax.tree.map(jnp.asarray, {"a": {"kernel": np.array([1.5, -2.0, 0.0]), "bias": np.array([3.0])}})
    g2, g1 = jax.grad(L2(0.1))(params)["a"], jax.grad(L1(0.1))(params)["a"]
    np.testing.assert_allclose(g2["kernel"], 2 * 0.1 * np.array([1.5, -2.0, 0.0]), rtol=1e-15)
    np.testing.assert_allclose(g1["kernel"], 0.1 * np.array([1.0, -1.0, 0.0]), rtol=1e-15)
    assert float(g2["bias"][0]) == float(g1["bias"][0]) == 0


@given(weights=st.lists(st.floats(-100, 100, width=32), min_size=4, max_size=4), strength=st.floats(0, 10))
def test_values_are_numpy_sums(weights, strength):
    w = np.array(weights, np.float32)
    params = {"dense_0": {"kernel": w[:3]}, "dense_1": {"kernel": w[3:]}}
    w = w.astype(float)
    assert float(L2(strength)(params)) == pytest.approx(strength * (w**2).sum(), rel=1e-5, abs=1e-30)
    assert float(L1(strength)(params)) == pytest.approx(strength * np.abs(w).sum(), rel=1e-5, abs=1e-30)


def test_a_traced_strength_replaces_the_field_and_does_not_recompile():
    params = {"dense_0": {"kernel": jnp.array([1.0, 2.0])}}
    traces = []

    @jit
    def penalised(params, strength):
        traces.append(1)
        return L2(123.0)(params, strength)

    assert float(penalised(params, 0.1)) == pytest.approx(0.5)
    assert float(penalised(params, 0.2)) == pytest.approx(1.0)
    assert len(traces) == 1
    assert float(L1(5.0)(params, 0)) == 0


def test_members_of_a_population_have_their_own_strength():
    params = {"dense_0": {"kernel": jnp.array([[1.0, 2.0], [3.0, 4.0]])}}
    got = jax.vmap(L2(1.0))(params, jnp.array([0.1, 1.0]))
    np.testing.assert_allclose(got, [0.5, 25.0], rtol=1e-6)


def test_narrow_weights_are_summed_in_float32():
    total = L2(1.0)({"dense_0": {"kernel": jnp.ones(1000, jnp.bfloat16)}})  # bfloat16 sums stop at 256
    assert total.dtype == jnp.float32
    assert float(total) == 1000


def test_weights_of_two_dtypes(x64):
    params = {"a": {"kernel": jnp.ones(2, jnp.float32)}, "b": {"kernel": jnp.full(1, 1 / 3, jnp.float64)}}
    assert float(L2(1.0)(params)) == pytest.approx(2 + 1 / 9, abs=1e-15)


def test_settings_are_equal_but_for_their_strength():
    assert L2(0.1) == L2(0.2)
    assert hash(L2(0.1)) == hash(L2(0.2))
    assert L2(0.1) != L1(0.1)
    assert L2(0.1) != L2(0.1, leaves=("bias",))
    assert numbers(l1(0.3)) == {"strength": 0.3}
    assert repr(l2(1e-4)) == "L2(0.0001)"
    assert isinstance(l2(0).strength, float)


@pytest.mark.parametrize("make", [l1, l2])
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ((-1.0,), "strength: got -1.0; needed"),
        ((float("nan"),), "strength: got nan"),
        ((float("inf"),), "strength: got inf"),
        ((None,), "strength: got None"),
        ((0.1, "kernel"), "leaves: got 'kernel'; needed a tuple of names"),
        ((0.1, ()), "leaves: got ()"),
    ],
)
def test_wrong_settings(make, settings, words):
    with pytest.raises(JaxnnError) as caught:
        make(*settings)
    assert words in str(caught.value)


def test_a_penalty_on_nothing_is_refused():
    with pytest.raises(JaxnnError, match="got weight, which no parameter is called; needed names among bias, kernel"):
        l2(0.1, leaves=("weight",))(eight_weights())
    with pytest.raises(JaxnnError, match="got wait, which"):
        l2(0.1, leaves=("kernel", "wait"))(eight_weights())
    with pytest.raises(JaxnnError, match="needed parameters to penalise"):
        l1(0.1)({})
