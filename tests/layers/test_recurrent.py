"""What the laws cannot know of recurrent layers: masks, initial states, directions, how they are drawn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.layers import base
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

LAYERS = [nn.RNN(3), nn.LSTM(3), nn.GRU(3)]
each_layer = pytest.mark.parametrize("layer", LAYERS, ids=str)


def drawn(layer, *shape, dtype=jnp.float32):
    """Parameters, and a batch of two."""
    params, _ = jit(lambda key: layer.init(key, jax.ShapeDtypeStruct(shape, dtype)))(jax.random.key(0))
    return params, jnp.asarray(np.random.default_rng(0).normal(size=(2, *shape)), dtype)


@each_layer
def test_a_masked_step_keeps_state_and_output_wherever_it_stands(layer):
    params, x = drawn(layer, 6, 2)
    real = np.array([[1, 1, 0, 1, 0, 1], [0, 1, 1, 1, 1, 0]], bool)
    y, _ = layer.apply(params, {}, x, mask=jnp.asarray(real))
    for i in range(2):
        alone, _ = layer.apply(params, {}, x[i][real[i]])
        np.testing.assert_allclose(y[i][real[i]], alone, rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(y[0, 2], y[0, 1])
    np.testing.assert_array_equal(y[0, 4], y[0, 3])
    np.testing.assert_array_equal(y[1, 0], np.zeros(3))
    np.testing.assert_array_equal(y[1, 5], y[1, 4])


@each_layer
def test_gradients_through_a_mask_are_those_of_the_short_sequence(layer, x64):
    params, x = drawn(layer, 5, 2, dtype=jnp.float64)

    def loss(params, x, mask=None):
        return jnp.square(layer.apply(params, {}, x, mask=mask)[0][:, :3]).sum()

    gradient = jit(jax.grad(loss, (0, 1)))
    masked, short = gradient(params, x, np.arange(5) < np.array([[3], [3]])), gradient(params, x[:, :3])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12), masked[0], short[0])
    np.testing.assert_allclose(masked[1][:, :3], short[1], rtol=1e-9, atol=1e-12)
    assert not masked[1][:, 3:].any()


@each_layer
def test_second_derivatives_equal_central_differences_of_the_first(layer, x64):
    params, x = drawn(layer, 4, 2, dtype=jnp.float64)
    gradient = jax.grad(lambda x: jnp.sin(layer.apply(params, {}, x)[0]).sum())

    @jit
    def both(x, step):
        differences = (gradient(x + 1e-6 * step) - gradient(x - 1e-6 * step)) / 2e-6
        return jax.jvp(gradient, (x,), (step,))[1], differences

    np.testing.assert_allclose(*both(x, np.random.default_rng(1).normal(size=x.shape)), rtol=1e-6, atol=1e-8)


def test_a_reversed_layer_is_the_layer_on_the_reversed_sequence():
    params, x = drawn(nn.LSTM(3), 5, 2)
    forward, _ = nn.LSTM(3).apply(params, {}, x[:, ::-1])
    backward, _ = nn.LSTM(3, reverse=True).apply(params, {}, x)
    np.testing.assert_allclose(backward, forward[:, ::-1], rtol=1e-6, atol=1e-6)
    last, _ = nn.LSTM(3, reverse=True, outputs="last").apply(params, {}, x)
    np.testing.assert_array_equal(last, backward[:, 0])


def test_an_initial_state_of_ones_own_continues_a_sequence():
    layer = nn.LSTM(3)
    params, x = drawn(layer, 6, 2)
    known = base.memory(layer, params, {}, (2,))
    for t in range(3):
        _, known = base.step(layer, params, {}, known, x[:, t])
    y, _ = base.step(layer, params, {}, {"h": known["h"], "c": known["c"]}, x[:, 3])
    np.testing.assert_allclose(y, layer.apply(params, {}, x)[0][:, 3], rtol=1e-6, atol=1e-6)


def test_both_directions_have_parameters_of_their_own():
    layer = nn.Bidirectional(nn.RNN(3))
    params, x = drawn(layer, 5, 2)
    assert not np.allclose(params["forward"]["kernel"], params["backward"]["kernel"])
    y, _ = layer.apply(params, {}, x)
    np.testing.assert_array_equal(y[..., :3], nn.RNN(3).apply(params["forward"], {}, x)[0])
    np.testing.assert_array_equal(y[..., 3:], nn.RNN(3, reverse=True).apply(params["backward"], {}, x)[0])


def test_each_gate_is_drawn_by_itself_and_the_forget_gate_is_open():
    params, _ = nn.LSTM(8).init(jax.random.key(0), jnp.zeros((5, 4)))
    for part in np.split(np.asarray(params["recurrent_kernel"]), 4, axis=1):
        np.testing.assert_allclose(part.T @ part, np.eye(8), rtol=0, atol=1e-5)
    assert params["bias"].tolist() == [0.0] * 8 + [1.0] * 8 + [0.0] * 16
    flat, _ = nn.LSTM(8, forget_bias=0.0, bias_init=nn.initializers.Ones()).init(jax.random.key(0), jnp.zeros((5, 4)))
    assert flat["bias"].tolist() == [1.0] * 32


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: nn.RNN(0), "RNN.features: got 0"),
        (lambda: nn.GRU(3, outputs="first"), "GRU.outputs: got 'first'; needed one of all, last"),
        (lambda: nn.LSTM(3, forget_bias=float("inf")), "LSTM.forget_bias: got inf"),
        (lambda: nn.Bidirectional(nn.Dense(3)), "Bidirectional.layer: got Dense(3); needed an RNN, LSTM or GRU"),
        (lambda: nn.Bidirectional(nn.RNN(3, reverse=True)), "that is not reversed"),
        (lambda: nn.RNN(3).init(jax.random.key(0), jnp.zeros(4)), "got an example of shape (4,); needed axes (time,"),
        (lambda: nn.RNN(3).apply(drawn(nn.RNN(3), 5, 2)[0], {}, jnp.zeros((5, 4))), "got an input of shape (5, 4)"),
    ],
)
def test_wrong_use(make, said):
    with pytest.raises(nn.JaxnnError) as caught:
        make()
    assert said in str(caught.value)


def test_a_character_model_is_the_chain_one_would_write():
    assert nn.models.char_rnn(5, 4, layers=2, cell="gru", dropout=0.1, embedding=3) == nn.Chain(
        nn.Embedding(5, 3), nn.GRU(4), nn.Dropout(0.1), nn.GRU(4), nn.Dropout(0.1), nn.Dense(5)
    )
    net = nn.models.char_rnn(5, 4)
    x = jnp.zeros((2, 7), jnp.int32)
    assert jax.eval_shape(lambda: net.apply(*net.init(jax.random.key(0), x[0]), x)[0]).shape == (2, 7, 5)
    with pytest.raises(nn.JaxnnError, match="cell"):
        nn.models.char_rnn(5, cell="elman")
