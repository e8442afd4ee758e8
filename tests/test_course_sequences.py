"""The course's recurrent networks (area Q): by hand, on "hello", and in the shapes that it lists."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.config import config
from jaxnn.generation import generate_tokens, sample
from jaxnn.layers import base
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

HELLO = np.array([0, 1, 2, 2, 3])  # of the vocabulary h, e, l, o
ONE_HOT = np.eye(4, dtype=np.float32)[HELLO[:-1]]
MODEL = nn.Chain(nn.RNN(3, use_bias=False), nn.Dense(4, use_bias=False))

FIGURE = np.array([[1.0, 2.2, -3.0, 4.1], [0.5, 0.3, -1.0, 1.2], [0.1, 0.5, 1.9, -1.1], [0.2, -1.5, -0.1, 2.2]])


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.course("Q01", "Q02")
def test_the_recurrence_is_a_loop_over_time(x64):
    layer = nn.RNN(4)
    params = {"kernel": drawn(3, 4), "recurrent_kernel": drawn(4, 4, seed=1) / 2, "bias": drawn(4, seed=2)}
    x, h = drawn(20, 3, seed=3), np.zeros(4)
    y, _ = jit(lambda params, x: layer.apply(params, {}, x))(params, x)
    for t in range(20):
        h = np.tanh(x[t] @ params["kernel"] + h @ params["recurrent_kernel"] + params["bias"])
        np.testing.assert_allclose(y[t], h, rtol=0, atol=1e-12)


@pytest.mark.course("Q02")
def test_two_steps_by_hand(x64):
    params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), 0.5)}
    y, _ = nn.RNN(1, use_bias=False).apply(params, {}, jnp.array([[1.0], [0.0]]))
    np.testing.assert_allclose(y[:, 0], [0.7615941560, 0.3633994844], rtol=0, atol=1e-10)


def untied(kernel, kernels, x):
    """The sum of squares of all outputs, with a recurrent kernel of its own at each step."""
    h, total = jnp.zeros(kernels[0].shape[0]), 0.0
    for one, now in zip(kernels, x, strict=True):
        h = jnp.tanh(now @ kernel + h @ one)
        total += jnp.square(h).sum()
    return total


@pytest.mark.course("Q03")
def test_the_gradient_of_the_tied_kernel_is_the_sum_over_the_steps(x64):
    kernel, recurrent, x = jnp.asarray(drawn(2, 3)), jnp.asarray(drawn(3, 3, seed=1) / 2), jnp.asarray(drawn(6, 2))
    layer = nn.RNN(3, use_bias=False)

    def loss(recurrent):
        return jnp.square(layer.apply({"kernel": kernel, "recurrent_kernel": recurrent}, {}, x)[0]).sum()

    tied = jit(loss)
    by_step = jit(jax.grad(untied, 1))(kernel, [recurrent] * 6, x)
    gradient = jit(jax.grad(loss))(recurrent)
    np.testing.assert_allclose(gradient, sum(by_step), rtol=0, atol=1e-10)
    for i, j in [(0, 0), (1, 2), (2, 1)]:
        moved = [tied(recurrent.at[i, j].add(side)) for side in (1e-6, -1e-6)]
        assert (moved[0] - moved[1]) / 2e-6 == pytest.approx(float(gradient[i, j]), abs=1e-7)


@pytest.mark.course("Q04", "Q09")
def test_many_to_many_has_an_output_and_a_loss_at_each_step():
    params, state = MODEL.init(jax.random.key(0), jax.ShapeDtypeStruct((4, 4), jnp.float32))
    assert nn.count(params) == 12 + 9 + 12 == 33
    assert ONE_HOT[0].tolist() == [1, 0, 0, 0]
    logits, _ = MODEL.apply(params, state, jnp.asarray(ONE_HOT))
    assert logits.shape == (4, 4)
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    by_step = [-np.log(p[t, HELLO[t + 1]]) for t in range(4)]
    assert float(nn.losses.softmax_cross_entropy(logits, HELLO[1:]).sum()) == pytest.approx(sum(by_step), rel=1e-5)


@pytest.mark.course("Q05", "Q06", "Q08")
def test_many_to_one_learns_the_parity_of_bits():
    bits = (np.arange(64)[:, None] >> np.arange(6) & 1).astype(np.float32)[..., None]
    parity = bits.sum((1, 2)).astype(np.int32) % 2
    net = nn.Chain(nn.GRU(12, outputs="last"), nn.Dense(2))
    run = nn.fit(net, (bits, parity), nn.losses.softmax_cross_entropy, epochs=400, batch_size=64, learning_rate=0.03)
    logits = run.logits(bits)
    assert logits.shape == (64, 2) and (logits.argmax(-1) == parity).all()
    outputs = net.outputs(run.params, run.state, jnp.asarray(bits))
    every, _ = nn.GRU(12).apply(run.params["gru_0"], {}, jnp.asarray(bits))
    np.testing.assert_allclose(outputs["gru_0"], every[:, -1], rtol=1e-6, atol=1e-6)


@pytest.mark.course("Q05")
def test_only_the_last_output_of_many_to_one_has_a_gradient():
    def loss(outputs):
        return jnp.square(outputs[-1]).sum()

    every, _ = nn.RNN(3).apply(nn.RNN(3).init(jax.random.key(0), jnp.ones((5, 2)))[0], {}, jnp.ones((5, 2)))
    gradient = np.asarray(jax.grad(loss)(every))
    assert not gradient[:-1].any() and gradient[-1].all()


@config
class Written:
    """What a decoder writes from the vector that an encoder makes of the input: its first state, nothing after it."""

    encoder: nn.Layer
    decoder: nn.Layer
    length: int

    def init(self, key, example):
        first, _ = self.encoder.init(key, example)
        blank = jax.ShapeDtypeStruct((self.length, 1), jnp.float32)
        return {"encoder": first, "decoder": self.decoder.init(jax.random.fold_in(key, 1), blank)[0]}, {}

    def apply(self, params, state, x, *, train=False, key=None, mask=None):
        code, _ = self.encoder.apply(params["encoder"], {}, x)

        def write(memory, _):
            blank = jnp.zeros((*code.shape[:-1], 1))
            y, memory = base.step(self.decoder, params["decoder"], {}, memory, blank)
            return memory, y

        _, y = jax.lax.scan(write, {"gru_0": {"h": code}}, length=self.length)
        return jnp.moveaxis(y, 0, -2), state


@pytest.mark.course("Q06", "Q08")
def test_an_encoder_and_a_decoder_reverse_a_short_string():
    strings = np.stack(np.meshgrid(*[np.arange(4)] * 3, indexing="ij"), -1).reshape(-1, 3)  # all 64 of three letters
    x, y = np.eye(4, dtype=np.float32)[strings], strings[:, ::-1].astype(np.int32)
    net = Written(nn.GRU(32, outputs="last"), nn.Chain(nn.GRU(32), nn.Dense(4)), 3)
    run = nn.fit(net, (x, y), nn.losses.softmax_cross_entropy, epochs=300, batch_size=64, learning_rate=0.02)
    logits = run.logits(x)
    assert logits.shape == (64, 3, 4) and (logits.argmax(-1) == y).all()


@pytest.mark.course("Q06", "Q08")
def test_one_to_many_writes_the_word_of_a_picture():
    pictures, words = np.eye(3, 5, dtype=np.float32), np.array([[0, 1, 2, 2, 3], [2, 3, 2, 3, 2], [3, 3, 0, 0, 1]])
    net = Written(nn.Chain(nn.Dense(16), nn.tanh), nn.Chain(nn.GRU(16), nn.Dense(4)), 5)
    run = nn.fit(net, (pictures, words.astype(np.int32)), nn.losses.softmax_cross_entropy, epochs=300,
                 learning_rate=0.02)  # fmt: skip
    assert (run.logits(pictures).argmax(-1) == words).all()


@pytest.mark.course("Q06")
@pytest.mark.parametrize(
    ("net", "given", "returned"),
    [
        (nn.Chain(nn.Dense(3), nn.tanh, nn.Dense(2)), (5,), (2,)),  # one to one
        (Written(nn.Dense(4), nn.Chain(nn.GRU(4), nn.Dense(2)), 7), (5,), (7, 2)),  # one to many
        (nn.Chain(nn.RNN(3, outputs="last"), nn.Dense(2)), (6, 5), (2,)),  # many to one
        (nn.Chain(nn.RNN(3), nn.Dense(2)), (6, 5), (6, 2)),  # many to many, at each step
        (Written(nn.GRU(4, outputs="last"), nn.Chain(nn.GRU(4), nn.Dense(2)), 7), (6, 5), (7, 2)),  # after the whole
    ],
)
def test_the_five_types(net, given, returned):
    example, x = (jax.ShapeDtypeStruct(shape, jnp.float32) for shape in (given, (8, *given)))
    made, _ = jax.eval_shape(lambda x: net.apply(*net.init(jax.random.key(0), example), x), x)
    assert made.shape == (8, *returned)


@pytest.fixture(scope="module")
def hello():
    """100 seeds trained side by side by plain gradient descent, in one program; parameters and mean losses."""
    rule = optax.sgd(0.1)

    def loss(params):
        logits, _ = MODEL.apply(params, {}, jnp.asarray(ONE_HOT))
        return nn.losses.softmax_cross_entropy(logits, jnp.asarray(HELLO[1:])).mean()

    def train(key):
        params, _ = MODEL.init(key, jax.ShapeDtypeStruct((4, 4), jnp.float32))

        def step(carry, _):
            params, state = carry
            updates, state = rule.update(jax.grad(loss)(params), state)
            return (optax.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(step, (params, rule.init(params)), length=3000)
        return params, loss(params)

    return jit(jax.vmap(train))(jax.random.split(jax.random.key(0), 100))


@pytest.mark.course("Q07", "Q10", "Q11")
def test_every_seed_learns_hello(hello):
    params, losses = hello
    logits = jit(jax.vmap(lambda p: MODEL.apply(p, {}, jnp.asarray(ONE_HOT))[0]))(params)
    assert (np.argmax(logits, -1) == HELLO[1:]).all()
    assert np.median(losses) == pytest.approx(0.0040, abs=0.001) and np.max(losses) < 0.007
    assert np.max(losses) < np.log(2) / 2  # what no model without memory can reach


@pytest.mark.course("Q07", "Q11")
def test_without_memory_the_two_targets_of_l_cost_their_entropy():
    logits = 40.0 * np.array([[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0.5, 0.5], [0, 0, 0.5, 0.5]], np.float32)  # the best
    best = nn.losses.softmax_cross_entropy(jnp.asarray(logits), HELLO[1:])
    assert float(best.mean()) == pytest.approx(0.3465735903, abs=1e-6)
    assert float(best.sum()) == pytest.approx(1.3862943611, abs=1e-5)
    net = nn.Dense(4)
    run = nn.fit(net, (ONE_HOT, HELLO[1:].astype(np.int32)), nn.losses.softmax_cross_entropy, epochs=500,
                 learning_rate=0.1)  # fmt: skip
    assert 0.3465735 <= run.history["loss"][-1] < 0.36
    uniform = nn.losses.softmax_cross_entropy(jnp.zeros(4), jnp.asarray(2))
    assert float(uniform) == pytest.approx(1.3862943611, abs=1e-6)


@pytest.mark.course("Q12", "W19")
def test_softmax_and_losses_of_the_figure(x64):
    p = nn.softmax(FIGURE)
    rows = [
        [0.0377, 0.1251, 0.0007, 0.8365], [0.2466, 0.2019, 0.0550, 0.4965], [0.1131, 0.1687, 0.6841, 0.0341],
        [0.1074, 0.0196, 0.0796, 0.7935],
    ]  # fmt: skip
    np.testing.assert_allclose(p, rows, rtol=0, atol=5.1e-5)
    losses = nn.losses.softmax_cross_entropy(jnp.asarray(FIGURE), jnp.asarray(HELLO[1:]))
    np.testing.assert_allclose(losses, [2.0785168, 2.9001020, 0.3795885, 0.2313638], rtol=0, atol=5e-8)
    assert float(losses.sum()) == pytest.approx(5.5895710, abs=1e-7)
    assert float(losses.mean()) == pytest.approx(1.3973928, abs=1e-7) and losses.mean() > np.log(4)


@pytest.mark.course("Q13")
def test_sampling_draws_and_does_not_take_the_largest():
    logits, count = jnp.asarray(FIGURE[0], jnp.float32), 100_000
    p = np.exp(FIGURE[0]) / np.exp(FIGURE[0]).sum()
    many = jnp.broadcast_to(logits, (count, 4))
    draws = np.asarray(sample(many, jnp.float32(1), None, jax.random.key(1)))
    frequencies = np.bincount(draws, minlength=4) / count
    assert (np.abs(frequencies - p) < 3 * np.sqrt(p * (1 - p) / count)).all()
    assert frequencies[1] > 0.12 and p.argmax() == 3  # the figure samples "e", the largest is "o"
    cold = np.asarray(sample(many[:1000], jnp.float32(0), None, jax.random.key(1)))
    assert (cold == 3).all()


@pytest.mark.course("Q13")
def test_from_h_the_trained_model_writes_hello(hello):
    net = nn.Chain(nn.Embedding(4, 4), *MODEL.layers)
    params = {"embedding_0": {"embedding": jnp.eye(4)}} | jax.tree.map(lambda leaf: leaf[0], hello[0])
    written = generate_tokens(net, params, {}, [0], 4, temperature=0)
    assert np.asarray(written)[-4:].tolist() == HELLO[1:].tolist()


@pytest.mark.course("Q15")
@pytest.mark.parametrize(("weight", "factor"), [(0.9, 0.0051537752), (1.1, 117.3908529)])
def test_a_gradient_vanishes_or_explodes_through_time(weight, factor, x64):
    params = {"kernel": jnp.ones((1, 1)), "recurrent_kernel": jnp.full((1, 1), weight)}
    layer = nn.RNN(1, activation=nn.identity, outputs="last", use_bias=False)
    gradient = jit(jax.grad(lambda x: layer.apply(params, {}, x)[0].sum()))(jnp.ones((51, 1)))
    assert float(gradient[0, 0]) == pytest.approx(factor, rel=2e-9)


@pytest.mark.course("Q15")
def test_a_clipped_gradient_keeps_its_direction_and_no_more_than_the_length():
    grads = {"a": jnp.array([3.0, 0.0]), "b": jnp.array([4.0])}
    for rule in (nn.optimizers.SGD(clip=1.0), nn.optimizers.SGD(clip=10.0)):
        made = rule.transformation(1.0)
        step, _ = made.update(grads, made.init(grads))
        share = min(1, rule.clip / 5)
        np.testing.assert_allclose(step["a"], [-3 * share, 0], rtol=1e-6)
        np.testing.assert_allclose(step["b"], [-4 * share], rtol=1e-6)


@pytest.mark.course("Q16")
def test_a_recurrent_network_looks_back_and_a_feed_forward_one_does_not():
    x = jnp.asarray(drawn(4, 2), jnp.float32)

    def reach(net):
        params, state = jit(lambda key: net.init(key, x))(jax.random.key(0))
        by = jit(jax.jacobian(lambda x: net.apply(params, state, x)[0].sum(-1)))(x)
        return (np.abs(by).sum(-1) > 0).tolist(), base.memory(net, params, state, ())

    seen, memory = reach(nn.Chain(nn.Dense(3), nn.tanh, nn.Dense(2)))
    assert seen == np.eye(4, dtype=bool).tolist() and memory == {}
    seen, memory = reach(nn.Chain(nn.RNN(3), nn.Dense(2)))
    assert seen == np.tri(4, dtype=bool).tolist() and list(memory) == ["rnn_0"]
    assert reach(nn.Bidirectional(nn.RNN(3)))[0] == np.ones((4, 4), bool).tolist()
