"""A character model of each kind learns what the same model learns in PyTorch from the same weights and batches."""

import importlib
import importlib.util
import os

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.data import Characters, next_tokens
from jaxnn.data.textfile import pydoc

pytestmark = pytest.mark.usefixtures("quick_compiles")

CONTEXT, BATCH, RATE, EPOCHS = 32, 16, 3e-3, 2


@pytest.fixture(scope="module")
def windows():
    """Windows of Python's documentation to learn from, and held-out ones."""
    text = pydoc().text[:16_000]
    characters = Characters.of(text)
    x, y = next_tokens(characters.tokens(text), CONTEXT)
    cut = len(x) * 4 // 5 // BATCH * BATCH
    return (x[:cut], y[:cut]), (x[cut:], y[cut:]), len(characters.vocabulary)


def recurrent(torch, kind, of, x):
    module = getattr(torch.nn, kind)(of["kernel"].shape[0], of["recurrent_kernel"].shape[0], batch_first=True)
    own = of.get("recurrent_bias", torch.zeros(0))
    weights = {
        "weight_ih_l0": of["kernel"].T, "weight_hh_l0": of["recurrent_kernel"].T, "bias_ih_l0": of["bias"],
        "bias_hh_l0": torch.cat([torch.zeros(len(of["bias"]) - len(own)), own]),
    }  # fmt: skip
    return torch.func.functional_call(module, weights, (x,))[0]


def dense(of, x):
    return x @ of["kernel"] + of["bias"]


def block(torch, of, x):
    from cases.attention import _torch_attention

    def norm(x, scales):
        return torch.nn.functional.layer_norm(x, x.shape[-1:], scales["scale"], scales["bias"], 1e-6)

    attention, network = of["attention"]["layer"], of["network"]["layer"]
    x = x + _torch_attention(True)(attention["multi_head_attention_0"], {}, norm(x, attention["layer_norm_0"]))
    hidden = torch.nn.functional.gelu(dense(network["dense_0"], norm(x, network["layer_norm_0"])), approximate="tanh")
    return x + dense(network["dense_1"], hidden)


def logits_in(torch, kind, params, x):
    x = params["embedding_0"]["embedding"][x]
    if kind != "transformer":
        return dense(params["dense_0"], recurrent(torch, kind.upper(), params[f"{kind}_0"], x))
    x = block(torch, params["transformer_block_0"], x + params["learned_positions_0"]["embedding"])
    last = params["layer_norm_0"]
    x = torch.nn.functional.layer_norm(x, x.shape[-1:], last["scale"], last["bias"], 1e-6)
    return dense(params["dense_0"], x)


def trained_in(torch, kind, params, train, held):
    """Held-out loss after the same steps of Adam in PyTorch."""
    leaves = jax.tree.map(lambda leaf: torch.tensor(np.asarray(leaf), requires_grad=True), params)
    rule = torch.optim.Adam(jax.tree.leaves(leaves), lr=RATE)

    def loss(x, y):
        logits = logits_in(torch, kind, leaves, torch.tensor(x, dtype=torch.long))
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), torch.tensor(y, dtype=torch.long).flatten())

    for _ in range(EPOCHS):
        for start in range(0, len(train[0]), BATCH):
            rule.zero_grad()
            loss(*(part[start : start + BATCH] for part in train)).backward()
            rule.step()
    with torch.no_grad():
        return loss(*held).item()


@pytest.mark.parametrize("kind", ["rnn", "lstm", "gru", "transformer"])
def test_the_held_out_loss_is_that_of_pytorch(kind, windows):
    if importlib.util.find_spec("torch") is None and "torch" not in os.environ.get("JAXNN_TESTS_NEED", ""):
        pytest.skip("PyTorch is not installed: pip install torch==2.13.0")
    torch = importlib.import_module("torch")
    train, held, vocabulary = windows
    if kind == "transformer":
        net = nn.models.transformer_lm(vocabulary, 32, 1, 2, CONTEXT, positions="learned")
    else:
        net = nn.models.char_rnn(vocabulary, 32, cell=kind, embedding=16)
    params, state = jax.jit(lambda key: net.init(key, jnp.zeros(CONTEXT, jnp.int32)))(jax.random.key(0))
    run = nn.fit(
        net, train, nn.losses.softmax_cross_entropy, epochs=EPOCHS, batch_size=BATCH, learning_rate=RATE,
        start=(params, state), shuffle=False,
    )  # fmt: skip
    ours, theirs = run.evaluate(*held)["loss"], trained_in(torch, kind, params, train, held)
    assert ours < 0.9 * np.log(vocabulary)  # it has learnt something
    np.testing.assert_allclose(ours, theirs, rtol=0.01)
