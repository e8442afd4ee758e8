"""Corners of `fit`: dtypes, callbacks at the end, shares of a regression, weights that break with a finite loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.train import drive

pytestmark = pytest.mark.usefixtures("quick_compiles")

LOSS = nn.losses.squared_error
NET = nn.Chain(nn.Dense(1))
X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
Y = X[:, 0] - 0.5 * X[:, 1]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32"])
def test_data_of_another_dtype_than_the_default_float_train(dtype):
    # numbers of the program are float64 under x64, float32 without: neither may widen what the loop carries
    with jax.enable_x64(dtype == "float32"):
        data = (np.asarray(X, jnp.dtype(dtype)), np.asarray(Y, jnp.dtype(dtype)))
        run = nn.fit(NET, data, LOSS, optimizer="momentum", epochs=4)
    assert run.params["dense_0"]["kernel"].dtype == dtype and run.history["loss"][-1] < run.history["loss"][0]


def test_sums_of_half_precision_do_not_overflow():
    def far(outputs, targets):
        return jnp.abs(outputs[:, 0]) * 0 + jnp.float16(100.0)

    x = np.ones((2000, 1), np.float16)
    run = nn.fit(NET, (x, x[:, 0]), far, epochs=1, batch_size=None, optimizer="sgd")
    assert run.history["loss"][0] == 100.0


def test_dropout_of_whole_numbers_keeps_the_mean():
    layer = nn.Dropout(0.2)
    _, state = layer.init(jax.random.key(0), jax.ShapeDtypeStruct((), jnp.uint8))
    y, _ = layer.apply({}, state, jnp.full(20_000, 200, jnp.uint8), train=True, key=jax.random.key(1))
    assert set(np.unique(y)) == {0.0, 250.0} and float(y.mean()) == pytest.approx(200, rel=0.02)


@pytest.mark.parametrize("values", [np.arange(100), np.repeat(np.arange(50), 2), np.r_[np.arange(40), np.full(60, 99)]])
def test_a_share_of_whole_number_targets_of_a_regression_is_that_share(values):
    x = np.arange(100, dtype=np.float32)[:, None]
    parts = nn.train.tables.tables((x, values), 0.2, None, None, seed=np.zeros(2, np.uint32), loss=LOSS)
    assert len(parts.validation.rows) == 20 and len(parts.train.rows) == 80


def test_callbacks_hear_of_the_last_epoch_and_a_comparison_ends_the_run():
    heard = []
    nn.fit(NET, (X, Y), LOSS, epochs=3, callbacks=[lambda run: heard.append(run.history.epochs)])
    assert heard == [1, 2, 3]
    run = nn.fit(NET, (X, Y), LOSS, epochs=9, callbacks=[lambda run: run.history["loss"][-1] < 1e9])
    assert run.history.epochs == 1 and run.stopped_because.endswith("ended it after 1 epoch")


def test_weights_that_break_with_a_finite_loss_are_undone_and_no_callback_sees_them():
    def update(grads, count, params=None):
        broken = jnp.where(count == 5, jnp.inf, -0.01)
        return jax.tree.map(lambda g: broken * g, grads), count + 1

    rule = optax.GradientTransformation(lambda params: jnp.zeros((), jnp.int32), update)
    seen = []
    run = nn.fit(
        nn.Chain(nn.Dense(1), nn.tanh), (X, Y), LOSS, optimizer=rule, epochs=9, batch_size=None,
        callbacks=[lambda run: seen.append(np.isfinite(run.params["dense_0"]["kernel"]).all())],
    )  # fmt: skip
    assert all(seen) and run.steps == 5 and run.history.epochs == 5
    assert run.stopped_because.startswith("the weights were not finite at epoch 6, step 6; the weights after step 5")


def test_after_ctrl_c_in_the_midst_of_an_epoch_no_epoch_is_claimed(monkeypatch):
    monkeypatch.setattr(drive, "FIRST_STEPS", 7)
    monkeypatch.setattr(drive, "interrupts", lambda: _heard([2]))
    run = nn.fit(NET, (X, Y), LOSS, epochs=4, batch_size=8)
    assert run.interrupted and run.steps == 7 and run.best_epoch == -1 and run.history.epochs == 1


class _heard:  # noqa: N801
    """Ctrl-C was pressed before the first chunk ended."""

    def __init__(self, signals):
        self.signals = signals

    def __enter__(self):
        return self.signals

    def __exit__(self, *error):
        return None


def test_the_users_array_may_change_while_the_run_goes_on():
    x, y = X.copy(), Y.copy()

    def scribble(run):
        x[:], y[:] = 0, 0

    run = nn.fit(NET, (x, y), LOSS, epochs=3, callbacks=[scribble])
    untouched = nn.fit(NET, (X, Y), LOSS, epochs=3, callbacks=[lambda run: None])
    np.testing.assert_array_equal(run.history["loss"], untouched.history["loss"])


def test_the_same_network_again_is_traced_no_more():
    traces = []

    class Counted:
        """Dense, and a note of every trace."""

        def init(self, key, example):
            return nn.Dense(1).init(key, example)

        def apply(self, params, state, x, *, train=False, key=None, mask=None):
            traces.append(1)
            return nn.Dense(1).apply(params, state, x)

    layer = Counted()
    nn.fit(layer, (X, Y), LOSS, epochs=1)
    before = len(traces)
    nn.fit(layer, (X, Y), LOSS, epochs=2, learning_rate=0.5)
    assert len(traces) == before


def fit(**given):
    return nn.fit(NET, (X, Y), LOSS, **given)


ONES, WIDE = np.ones(40, np.float32), np.full((40, 1), 2**40)
START = ({"dense_0": {"kernel": 1.0}}, {})
REFUSED = {
    "labels that wrap round": (lambda: nn.fit(NET, (X, np.arange(40) + 2**40), LOSS), "data y: got 1099511627776"),
    "features that wrap round": (lambda: nn.fit(NET, (WIDE, Y), LOSS), "whole numbers from -2147483648"),
    "too many minibatches": (lambda: fit(epochs=2**30), "epochs: got 1073741824 of 2 minibatches"),
    "a tiny share": (lambda: fit(validation=0.001), "validation: got a share of 0.001 of 40 rows"),
    "no weight in a part": (lambda: fit(validation=0.5, sample_weight=np.eye(40)[3]), "only 0 among"),
    "ragged": (lambda: nn.fit(NET, ([[1.0], [1.0, 2.0]], [1.0, 2.0]), LOSS), "rows of different lengths"),
    "no features": (lambda: nn.fit(NET, (X[:, :0], Y), LOSS), r"x of shape \(40, 0\)"),
    "a metric that is none": (lambda: fit(metrics=[max]), "metrics: got"),
    "penalties without brackets": (lambda: fit(penalties=nn.penalties.l2(1.0)), "square brackets"),
    "a stop that is none": (lambda: fit(validation=0.2, stop=3), "EarlyStopping"),
    "an array as share": (lambda: fit(validation=ONES), "validation: got a ndarray"),
    "a callback of no epochs": (lambda: fit(callbacks=[_Every0()]), "callback.every: got 0"),
    "floats as start": (lambda: fit(start=START), "start params/dense_0"),
    "a width for mlp": (lambda: nn.models.mlp(64, 3), r"Write \(64,\)"),
}


class _Every0:
    every = 0

    def __call__(self, run):
        return None


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused_in_our_words(name):
    call, said = REFUSED[name]
    with pytest.raises(nn.JaxnnError, match=said):
        call()
