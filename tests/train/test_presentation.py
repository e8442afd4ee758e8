"""How data is put before a network decides how it learns: scale, order, coding, and a second look each epoch."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn import losses, ops
from jaxnn.data.coding import BinaryCode, OneHot
from jaxnn.data.parts import holdout

pytestmark = pytest.mark.usefixtures("quick_compiles")


def houses(rows=200):
    """Bedrooms, bathrooms and square feet, about (4, 2, 2400), and a price that they decide, in thousands."""
    generator = np.random.default_rng(0)
    bedrooms = generator.integers(1, 7, rows).astype(float)
    bathrooms = np.clip(np.round(bedrooms / 2 + generator.normal(0, 0.7, rows)), 1, None)
    area = 500 * bedrooms + generator.normal(500, 400, rows)
    return np.stack([bedrooms, bathrooms, area], axis=1), 20 * bedrooms + 30 * bathrooms + area / 10 + 50


def descent(x, y, share):
    """Fewest steps after which gradient descent from zero has that share of its first loss, and the rate for it.

    Along each direction in which the mean squared error is curved by c, a step at rate r multiplies the distance to the
    minimum by 1 - r c.
    """
    inputs = np.c_[x, np.ones(len(x))]
    curvature, directions = np.linalg.eigh(2 * inputs.T @ inputs / len(x))
    distance = directions.T @ np.linalg.lstsq(inputs, y, rcond=None)[0]
    first = curvature * distance**2

    def steps(rate):
        """By bisection: at a rate that does not diverge the loss never rises."""
        low, high = 0, 2**40
        while low < high:
            middle = (low + high) // 2
            left = (first * (1 - rate * curvature) ** (2.0 * middle)).sum()
            low, high = (low, middle) if left <= share * first.sum() else (middle + 1, high)
        return low

    # finely near the limit: beyond 2 / largest curvature it diverges
    rates = 2 / curvature[-1] * np.concatenate([np.linspace(0.05, 0.99, 300), 1 - np.logspace(-2, -9, 50)])
    best = min(rates, key=steps)
    return steps(best), best


@pytest.mark.course("D03")
def test_scaled_features_need_far_fewer_steps(x64):
    x, y = houses()
    scaled = (x - x.mean(0)) / x.std(0)
    (few, fast), (many, slow) = (descent(features, y, 1e-4) for features in (scaled, x))
    assert many / few > 100, f"{few} steps scaled, {many} raw"  # 17 and 32.7 million

    def losses_of(features, rate, steps):
        net = nn.Dense(1)
        start = ({"kernel": np.zeros((3, 1)), "bias": np.zeros(1)}, {})
        run = nn.fit(
            net, (features, y), losses.squared_error, optimizer="sgd", learning_rate=rate, epochs=steps + 1,
            batch_size=None, start=start,
        )  # fmt: skip
        return run.history["loss"] / run.history["loss"][0]  # before each step

    left = losses_of(scaled, fast, few)
    assert left[few - 1] > 1e-4 >= left[few]  # the steps that the curvatures foretold
    assert losses_of(x, slow, 101 * few).min() > 1e-4  # and 101 times as many are not enough for the raw ones


@pytest.mark.course("D05")
@given(st.sampled_from([1, 2, 31, 256]), st.integers(0, 2**32 - 1))
def test_an_order_is_a_permutation(rows, seed):
    values = np.random.default_rng(seed).integers(0, 5, rows)  # with repetitions: a multiset
    found = ops.permuted(jax.random.key(seed), jnp.asarray(values))
    assert np.array_equal(np.sort(found), np.sort(values))


@pytest.mark.course("D05")
def test_every_epoch_shows_every_row_once_in_another_order():
    shown = []

    def loss(outputs, rows):
        jax.debug.callback(lambda batch: shown.append(np.asarray(batch).tolist()), rows, ordered=True)
        return jnp.square(outputs[:, 0] - rows)

    def orders(**settings):
        shown.clear()
        nn.fit(nn.Dense(1), (np.zeros((12, 2)), np.arange(12.0)), loss, batch_size=4, epochs=4, **settings)
        jax.effects_barrier()
        assert [len(batch) for batch in shown] == [4] * 12  # an update after each 4
        return np.array(shown).reshape(4, 12)

    found = orders(key=7)
    assert np.array_equal(np.sort(found, axis=1), np.tile(np.arange(12), (4, 1)))
    assert len({tuple(order) for order in found.tolist()}) == 4
    assert np.array_equal(orders(key=7), found)
    assert not np.array_equal(orders(key=8), found)
    assert np.array_equal(orders(key=7, shuffle=False), np.tile(np.arange(12), (4, 1)))


@pytest.mark.course("D07")
@pytest.mark.parametrize(("coding", "nodes"), [(OneHot, 10), (BinaryCode, 4)])
def test_both_codings_of_the_output_learn_the_digits(coding, nodes):
    table = nn.data.load("digits")
    labels = np.asarray(table.target, int)
    parts = holdout((np.asarray(table.features, np.float32) / 16, labels), seed=1, labels=labels)
    code = coding(10)
    train, test = ((part.x, code.encode(part.y)) for part in (parts.train, parts.test))
    assert train[1].shape[1] == nodes
    loss = losses.softmax_cross_entropy if coding is OneHot else losses.sigmoid_cross_entropy
    run = nn.fit(nn.models.mlp((64,), nodes), train, loss, learning_rate=0.01, epochs=10)
    logits = run.logits(test[0])
    called = code.decode(logits if coding is OneHot else nn.sigmoid(logits))
    assert set(called) == set(range(10))
    assert np.mean(called == parts.test.y) > 0.9  # by chance 0.1


@pytest.mark.course("M05")
@pytest.mark.parametrize("patience", [None, 2])
def test_the_error_on_held_out_data_is_known_for_every_epoch(patience):
    generator = np.random.default_rng(0)
    x = generator.normal(size=(60, 3))
    y = x[:, 0] + generator.normal(size=60)
    stop = None if patience is None else nn.EarlyStopping(patience=patience)
    parts = holdout((x, y))
    seen = []
    run = nn.fit(
        nn.models.mlp((16,), 1), parts.train.pair, losses.squared_error, learning_rate=0.02, epochs=30,
        validation=parts.validation.pair, stop=stop, callbacks=[seen.append],
    )  # fmt: skip
    epochs = len(seen)
    assert (epochs == 30) == (patience is None)
    assert run.history["loss"].shape == run.history["val_loss"].shape == (epochs,)
    assert run.history.epochs == epochs
    # The last entry of each epoch's history is the loss of that moment's weights, measured apart.
    errors = [now.evaluate(*parts.validation.pair)["loss"] for now in seen if now.best_epoch == now.history.epochs - 1]
    bests = [now.history["val_loss"][-1] for now in seen if now.best_epoch == now.history.epochs - 1]
    assert len(bests) > 1
    assert errors == pytest.approx(bests, rel=1e-5)
