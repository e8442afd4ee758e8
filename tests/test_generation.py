"""Sequences that networks write: the sampler's shares, one program for all, and what is refused."""

from functools import partial
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.generation import generate, generate_tokens, sample
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

LOGITS = np.array([1.0, 2.2, -3.0, 4.1], np.float32)  # the course's figure, row Q12
SHARES = np.array([0.0377, 0.1251, 0.0007, 0.8365])


def table_net(rows):
    """A network whose logits after token i are row i."""
    rows = np.asarray(rows, np.float32)
    return SimpleNamespace(net=nn.Embedding(*rows.shape), params={"embedding": rows}, state={})


@pytest.mark.course("Q13")
def test_draws_come_as_often_as_the_softmax_says_and_without_heat_the_likeliest():
    rows = np.tile(LOGITS, (100_000, 1))
    draw = partial(jit(sample), rows)
    for key in range(2):
        counts = np.bincount(draw(jnp.float32(1), None, jax.random.key(key)), minlength=4)
        error = np.sqrt(SHARES * (1 - SHARES) / 100_000)
        assert (np.abs(counts / 100_000 - SHARES) < 3 * error + 5e-5).all()  # the shares are rounded to 4 digits
    assert set(np.asarray(draw(jnp.float32(0), None, jax.random.key(0)))) == {3}
    assert set(np.asarray(draw(jnp.float32(0.01), None, jax.random.key(0)))) == {3}
    two = np.bincount(draw(jnp.float32(1), jnp.int32(2), jax.random.key(0)), minlength=4) / 100_000
    assert two[0] == two[2] == 0 and two[1] == pytest.approx(1 / (1 + np.exp(4.1 - 2.2)), abs=0.005)


def test_each_position_draws_anew_and_the_key_decides():
    model = table_net(np.zeros((4, 4)))
    first = generate(model, [0], 4000)
    np.testing.assert_array_equal(first, generate(model, [0], 4000))
    assert (np.bincount(first, minlength=4) > 850).all()  # 1000 expected, standard deviation 27
    assert (first != generate(model, [0], 4000, key=1)).mean() > 0.7
    pairs = np.bincount(4 * first[:-1] + first[1:], minlength=16)
    assert (pairs > 170).all()  # 250 expected, standard deviation 15
    rows = generate(model, np.zeros((3, 1), int), 50)
    assert rows.shape == (3, 50) and (rows[0] != rows[1]).any() and (rows[1] != rows[2]).any()


def test_one_program_for_all_lengths_temperatures_and_keys():
    traces = []
    net = nn.Chain(nn.Embedding(5, 5), lambda x: (traces.append(1), x)[1])
    model = SimpleNamespace(net=net, params={"embedding_0": {"embedding": np.eye(5, dtype=np.float32)}}, state={})
    seen = []
    for prompt, length, heat, key in [([1], 3, 0, 0), ([1, 2, 3], 20, 1.5, 7), ([4] * 30, 34, 0.1, 2), ([1], 64, 1, 0)]:
        assert generate(model, prompt, length, heat, key=key).shape == (length,)
        seen.append(len(traces))
    first, *more = np.diff([0, *seen])
    # each call looks at the shape of the logits; the first traces the program, and the last, which needs more room
    assert more[:2] == [1, 1] and more[2] == first > 1


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal"])
def test_from_step_to_step_a_transformer_writes_what_it_says_of_the_whole(positions):
    net = nn.models.transformer_lm(7, width=8, depth=2, heads=2, context=12, positions=positions)
    params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((12,), jnp.int32))
    prompt = np.array([[3, 1, 4], [1, 5, 2]])
    written = generate_tokens(net, params, state, prompt, 9, temperature=0)
    whole = np.concatenate([prompt, written], axis=1)
    logits, _ = jit(net.apply)(params, state, jnp.asarray(whole))
    np.testing.assert_array_equal(np.argmax(logits[:, 2:-1], axis=-1), written)


@pytest.mark.course("T05")
def test_a_transformer_learns_hello():
    letters = np.array(["h", "e", "l", "o"])
    x, y = np.array([[0, 1, 2, 2]]), np.array([[1, 2, 2, 3]])
    net = nn.models.transformer_lm(4, width=16, depth=1, heads=2, context=4)
    run = nn.fit(net, (x, y), nn.losses.softmax_cross_entropy, learning_rate=0.01, epochs=200)
    assert run.history["loss"][-1] < 0.01
    assert "h" + "".join(letters[generate(run, [0], 4, temperature=0)]) == "hello"


def test_text_in_text_out_where_the_model_knows_how():
    coding = SimpleNamespace(tokens=lambda text: np.array(["ab".index(c) for c in text]),
                             text=lambda tokens: "".join("ab"[t] for t in tokens))  # fmt: skip
    model = table_net([[0, 9], [9, 0]])
    with pytest.raises(nn.JaxnnError, match="does not know how text becomes tokens"):
        generate(model, "ab", 3, 0)
    model.preprocessing = coding
    assert generate(model, "ab", 3, temperature=0) == "aba"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prompt": []}, "prompt: got nothing"),
        ({"prompt": [0.5]}, "prompt: got dtype float64; needed whole numbers"),
        ({"prompt": [0, 3]}, "prompt: got the token 3; needed tokens from 0 to 2"),
        ({"prompt": [-1]}, "prompt: got the token -1"),
        ({"prompt": [[0], [0, 1]]}, "sequences of different lengths"),
        ({"length": 0}, "length: got 0; needed a whole number"),
        ({"temperature": -1}, "temperature: got -1; needed a number of at least 0"),
        ({"top_k": 4}, "top_k: got 4; needed a whole number from 1 to 3"),
        ({"key": "a"}, "key: got 'a'"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, said):
    with pytest.raises(nn.JaxnnError, match=said):
        generate(table_net(np.eye(3)), **{"prompt": [0], "length": 2} | arguments)


def test_diverged_weights_are_told():
    with pytest.raises(nn.JaxnnError, match="logits of NaN"):
        generate(table_net([[0, np.nan], [0, 0]]), [0], 2)


def test_what_cannot_go_on_is_refused_with_numbers():
    net = nn.models.transformer_lm(5, width=4, depth=1, heads=2, context=6, positions="learned")
    params, state = net.init(jax.random.key(0), jax.ShapeDtypeStruct((6,), jnp.int32))
    assert generate_tokens(net, params, state, [1, 2], 5).shape == (5,)
    with pytest.raises(nn.JaxnnError, match="a prompt of 2 and 6 new tokens, which take 7 positions; needed at most 6"):
        generate_tokens(net, params, state, [1, 2], 6)
    blind = nn.Chain(nn.Embedding(3, 4), nn.TransformerBlock(4, 2), nn.Dense(3))
    params, state = blind.init(jax.random.key(0), jax.ShapeDtypeStruct((6,), jnp.int32))
    with pytest.raises(nn.JaxnnError, match="whole"):
        generate_tokens(blind, params, state, [1], 2)
