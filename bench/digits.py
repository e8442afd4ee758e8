"""digits, 64-64-10, ReLU, Adam, batch 32, 100 epochs, in a running process: ours, hand-written JAX, scikit-learn."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnn as nn
from bench.interleaved import Row, Table, measure
from jaxnn.data import builtin

EPOCHS, BATCH, RATE, TRAIN_ROWS = 100, 32, 1e-3, 1437


def data() -> tuple[np.ndarray, np.ndarray]:
    """The first 1437 of the 1797 digits, pixels from 0 to 1."""
    table = builtin.digits()
    return (table.features[:TRAIN_ROWS] / 16).astype(np.float32), np.asarray(table.target)[:TRAIN_ROWS].astype(np.int32)


def hand_written() -> Any:
    """The run as one writes it in JAX for this case alone: two nested scans, the short last batch left out."""
    rule = optax.adam(RATE)

    def forward(params: Any, x: Any) -> Any:
        (w1, b1), (w2, b2) = params
        return jax.nn.relu(x @ w1 + b1) @ w2 + b2

    def loss(params: Any, x: Any, y: Any) -> Any:
        return optax.softmax_cross_entropy_with_integer_labels(forward(params, x), y).mean()

    @jax.jit
    def train(key: Any, x: Any, y: Any) -> Any:
        first, second, order_key = jax.random.split(key, 3)
        params = (
            (jax.nn.initializers.he_normal()(first, (64, 64)), jnp.zeros(64)),
            (jax.nn.initializers.lecun_normal()(second, (64, 10)), jnp.zeros(10)),
        )
        batches = len(x) // BATCH

        def step(carry: Any, rows: Any) -> Any:
            params, opt_state = carry
            value, grads = jax.value_and_grad(loss)(params, x[rows], y[rows])
            updates, opt_state = rule.update(grads, opt_state, params)
            return (optax.apply_updates(params, updates), opt_state), value

        def epoch(carry: Any, key: Any) -> Any:
            order = jax.random.permutation(key, len(x))[: batches * BATCH].reshape(batches, BATCH)
            carry, values = jax.lax.scan(step, carry, order)
            return carry, values.mean()

        (params, _), values = jax.lax.scan(epoch, (params, rule.init(params)), jax.random.split(order_key, EPOCHS))
        return params, values

    x, y = map(jnp.asarray, data())
    return lambda: jax.block_until_ready(train(jax.random.key(0), x, y))


def ours(dropout: float | None = None) -> Any:
    """The same by `fit`; it also takes the short last batch (45 steps an epoch against 44)."""
    x, y = data()
    net = nn.models.mlp((64,), 10, dropout=dropout)
    return lambda: nn.fit(
        net,
        (x, y),
        nn.losses.softmax_cross_entropy,
        learning_rate=RATE,
        epochs=EPOCHS,
        batch_size=BATCH,
        progress=False,
    )


def scikit_learn() -> Any:
    """The same by `MLPClassifier`, which must not stop early."""
    from sklearn.neural_network import MLPClassifier

    x, y = data()

    def run() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # "did not converge": that is asked for
            return MLPClassifier(
                (64,), alpha=0.0, batch_size=BATCH, learning_rate_init=RATE, max_iter=EPOCHS, tol=0.0,
                n_iter_no_change=EPOCHS, random_state=0,
            ).fit(x, y)  # fmt: skip

    return run


def table(rounds: int) -> tuple[Table, list[Row], dict[str, float]]:
    """Measure, and state the aims.

    Args:
        rounds: how often each runs.

    Returns:
        The table, its rows, and the last training loss of each, so that one sees that they do the same.
    """
    runs = {
        "fit": ours(),
        "fit, dropout 0.2": ours(0.2),
        "hand-written JAX scan": hand_written(),
        "scikit-learn": scikit_learn(),
    }
    ends = {
        "fit": float(runs["fit"]().history["loss"][-1]),
        "hand-written JAX scan": float(runs["hand-written JAX scan"]()[1][-1]),
        "scikit-learn": float(runs["scikit-learn"]().loss_),
    }
    runs["fit, dropout 0.2"]()
    measured = measure(
        "digits 64-64-10, Adam, batch 32, 100 epochs, running process", runs, rounds, "hand-written JAX scan"
    )
    least = measured.seconds
    hand, theirs = least["hand-written JAX scan"], least["scikit-learn"]
    plain, dropped = least["fit"], least["fit, dropout 0.2"]
    return (
        measured,
        [
            Row("fit against a hand-written JAX scan", plain, hand, "at most 1.10 (aim 1.00)", plain / hand <= 1.10),
            Row("fit with dropout 0.2 against the scan without", dropped, hand, "at most 1.40", dropped / hand <= 1.40),
            Row(
                "fit against scikit-learn's MLPClassifier", plain, theirs, "at most 0.167 (6x)", plain / theirs <= 1 / 6
            ),
        ],
        ends,
    )
