"""Masks of positions and augmentations, from `fit` to the compiled step."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.config import config

pytestmark = pytest.mark.usefixtures("quick_compiles")

LOSS = nn.losses.softmax_cross_entropy
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 6, 3)).astype(np.float32)
Y = RANDOM.integers(0, 2, (20, 6)).astype(np.int32)
LENGTHS = RANDOM.integers(1, 7, 20)
MASK = np.arange(6) < LENGTHS[:, None]
NET = nn.Chain(nn.Dense(4), nn.tanh, nn.Dense(2))


def weights(run):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(run.params)])


def train(x=X, y=Y, **settings):
    return nn.fit(NET, (x, y), LOSS, **({"epochs": 3, "batch_size": 8} | settings))


def test_what_the_mask_hides_teaches_nothing():
    hidden = np.where(MASK[..., None], X, 1e3).astype(np.float32)
    run = train(mask=MASK)
    np.testing.assert_array_equal(weights(run), weights(train(hidden, np.where(MASK, Y, 1), mask=MASK)))
    assert not np.allclose(weights(run), weights(train()))
    np.testing.assert_allclose(weights(train(mask=np.ones_like(MASK))), weights(train()), rtol=1e-6, atol=1e-7)


def test_the_loss_is_the_mean_over_real_positions():
    run = train(mask=MASK)
    each = np.asarray(LOSS(jnp.asarray(run.logits(X)), jnp.asarray(Y)))
    np.testing.assert_allclose(run.evaluate(X, Y, mask=MASK)["loss"], each[MASK].mean(), rtol=1e-5)
    weight = np.linspace(0, 2, 20, dtype=np.float32)
    by_hand = (each * weight[:, None])[MASK].sum() / (np.ones_like(each) * weight[:, None])[MASK].sum()
    np.testing.assert_allclose(run.evaluate(X, Y, weight, MASK)["loss"], by_hand, rtol=1e-5)
    held = train(mask=MASK, validation=(X, Y, None, MASK), epochs=1)
    np.testing.assert_allclose(held.history["val_loss"][0], held.evaluate(X, Y, mask=MASK)["loss"], rtol=1e-5)
    assert train(mask=MASK, validation=0.3, epochs=1).history["val_loss"][0] > 0


def test_one_answer_for_each_sequence_counts_it_once():
    @config
    class MeanOverTime:
        step = None

        def init(self, key, example):
            return {}, {}

        def apply(self, params, state, x, *, train=False, key=None, mask=None):
            real = jnp.ones(x.shape[:-1], x.dtype) if mask is None else mask.astype(x.dtype)
            return (x * real[..., None]).sum(axis=-2) / real.sum(axis=-1)[..., None], state

    net = nn.Chain(MeanOverTime(), nn.Dense(2))
    run = nn.fit(net, (X, Y[:, 0]), LOSS, mask=MASK, epochs=2, batch_size=8)
    logits = run.logits(X, MASK)
    short, _ = net.apply(run.params, run.state, jnp.asarray(X[0, : LENGTHS[0]]))
    np.testing.assert_allclose(logits[0], short, rtol=1e-5, atol=1e-6)
    mean = float(np.mean(LOSS(jnp.asarray(logits), jnp.asarray(Y[:, 0]))))
    np.testing.assert_allclose(run.evaluate(X, Y[:, 0], mask=MASK)["loss"], mean, rtol=1e-5)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mask": np.ones((20, 5), bool)}, r"mask: got shape \(20, 5\); needed .*\(20, 6\)"),
        ({"mask": np.ones((20, 6))}, "mask: got dtype float64; needed Booleans"),
        ({"mask": np.arange(6) < np.r_[3:20, 0, 1, 2][:, None]}, "mask, row 17: got no real position"),
        ({"validation": (X, Y, None, np.ones((20, 5), bool))}, r"validation mask: got shape \(20, 5\)"),
        ({"augment": [3]}, "augment: got 3; needed functions"),
        ({"augment": [lambda key, x, y: x]}, r"augment .* got what it returned; needed \(x, y\) of 8 examples"),
        ({"augment": [lambda key, x, y: (x[..., :2], y)]}, "got an input of shape .*needed 3 features"),
    ],
)
def test_what_does_not_fit_is_refused(settings, said):
    with pytest.raises(nn.JaxnnError, match=said):
        train(**settings)


def test_an_augmentation_changes_what_is_learnt_and_not_what_is_measured():
    @config
    class Shifted:
        by: float

        def __call__(self, key, x, y):
            return x + self.by, y

    run = train(augment=[Shifted(1.0), Shifted(1.0)])
    np.testing.assert_allclose(weights(run), weights(train(X + 2)), rtol=1e-5, atol=1e-6)
    measured = train(augment=[Shifted(2.0)], validation=(X, Y), epochs=1)
    np.testing.assert_allclose(measured.history["val_loss"][0], measured.evaluate(X, Y)["loss"], rtol=1e-5)


def test_every_step_and_augmentation_draws_with_a_key_of_its_own():
    seen = []

    def noted(key, x, y):
        jax.debug.callback(lambda words: seen.append(tuple(words.tolist())), jax.random.key_data(key))
        return x, y

    run = train(augment=[noted, lambda *given: noted(*given)], epochs=2)
    jax.effects_barrier()
    assert len(seen) == len(set(seen)) == 2 * run.steps


def test_long_sequences_and_large_images_are_measured_in_smaller_parts():
    """1,024 windows at once of a text with attention, or of many distinct characters, would take gigabytes."""
    seen = set()

    @config
    class Heights:
        def init(self, key, example):
            return {}, {}

        def apply(self, params, state, x, *, train=False, key=None, mask=None):
            seen.add((train, x.shape[0])) if x.ndim == 3 else None
            return x, state

    x = np.zeros((300, 64, 1), np.float32)
    net = nn.Chain(Heights(), nn.Dense(512), nn.Dense(2))  # 64 x 512 values: 32 at a time
    run = nn.fit(net, (x, np.zeros((300, 64), np.int32)), LOSS, epochs=1, batch_size=50, metrics=["accuracy"])
    assert run.logits(x).shape == (300, 64, 2)
    assert {rows for train, rows in seen if not train} == {32, 50} and {rows for train, rows in seen if train} == {50}
    by_hand = float(np.mean(LOSS(jnp.asarray(run.logits(x)), jnp.zeros((300, 64), jnp.int32))))
    np.testing.assert_allclose(run.evaluate(x, np.zeros((300, 64), np.int32))["loss"], by_hand, rtol=1e-5)
