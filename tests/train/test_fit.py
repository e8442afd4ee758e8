"""`fit`: what it learns, what it restores, what it says, what it refuses."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn import ops

# what is said of runs; the bits of a run, and runs against loops by hand, are of programs compiled as users do
quick = pytest.mark.usefixtures("quick_compiles")

LOSS = nn.losses.softmax_cross_entropy
NET = nn.Chain(nn.Dense(6), nn.relu, nn.Dense(3))
RANDOM = np.random.default_rng(1)
Y = RANDOM.integers(0, 3, 60).astype(np.int32)
X = (RANDOM.normal(size=(60, 4)) * 1.5 + Y[:, None]).astype(np.float32)


def same_bits(one, other):
    jax.tree.map(np.testing.assert_array_equal, one, other)


def by_hand(net, x, y, tx, epochs, batch_size=None, key=0, loss=LOSS, params=None, weight=None):
    """The run as a Python loop over the same order, in plain JAX."""
    key = jax.random.key(key)
    drawn, state = net.init(ops.fold_in(key, 0), jax.ShapeDtypeStruct(x.shape[1:], x.dtype))
    params = drawn if params is None else params
    opt_state, size = tx.init(params), batch_size or len(x)
    weight = np.ones(len(x), np.float32) if weight is None else weight

    @jax.jit
    def step(params, opt_state, x, y, w):
        def objective(p):
            return jnp.sum(w * loss(net.apply(p, state, x, train=True)[0], y)) / jnp.sum(w)

        value, grads = jax.value_and_grad(objective)(params)
        updates, opt_state = tx.update(grads, opt_state, params)
        return optax.apply_updates(params, updates), opt_state, value

    for epoch in range(epochs):
        order = np.arange(len(x))
        if batch_size:
            order = ops.permuted(ops.fold_in(ops.fold_in(key, 1), epoch), jnp.arange(len(x)))
        for i in range(0, len(x), size):
            rows = np.asarray(order)[i : i + size]
            params, opt_state, _ = step(params, opt_state, x[rows], y[rows], weight[rows])
    return params


RULES = {
    "sgd": lambda: optax.sgd(0.05), "momentum": lambda: optax.sgd(0.05, momentum=0.9), "adam": lambda: optax.adam(0.05),
    "adamw": lambda: optax.adamw(0.05, weight_decay=0.01),
}  # fmt: skip


@pytest.mark.parametrize("name", RULES)
def test_a_run_equals_a_hand_written_loop_with_optax(name):
    with jax.numpy_dtype_promotion("standard"):
        expected = by_hand(NET, X, Y, RULES[name](), epochs=3, batch_size=16)
    run = nn.fit(NET, (X, Y), LOSS, optimizer=name, learning_rate=0.05, epochs=3, batch_size=16)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-5), run.params, expected)
    assert run.steps == 12 and run.history.epochs == 3 and run.best_epoch == 2


@quick
def test_any_optax_optimizer_is_taken_and_its_extra_arguments_are_given():
    run = nn.fit(NET, (X, Y), LOSS, optimizer=optax.chain(optax.clip(1.0), optax.sgd(0.05)), epochs=2)
    assert run.history["loss"][1] < run.history["loss"][0]
    for rule in (optax.noisy_sgd(0.05, key=3), optax.MultiSteps(optax.sgd(0.1), 2)):  # a key in the state; a class
        assert nn.fit(NET, (X, Y), LOSS, optimizer=rule, epochs=5).history["loss"][-1] < run.history["loss"][0]
    searched = nn.fit(NET, (X, Y), LOSS, optimizer=optax.lbfgs(), epochs=15, batch_size=None)
    adam = nn.fit(NET, (X, Y), LOSS, epochs=15, batch_size=None, learning_rate=0.01)
    assert searched.history["loss"][-1] < adam.history["loss"][-1]


@quick
@pytest.mark.course("S06")
def test_the_best_weights_are_restored_and_the_history_is_of_exactly_them():
    rule = nn.EarlyStopping(patience=3)
    given = {"validation": 0.3, "metrics": ["accuracy"], "learning_rate": 0.1, "batch_size": 8, "key": 3}
    run = nn.fit(NET, (X, Y), LOSS, epochs=200, stop=rule, **given)
    values = run.history["val_loss"]
    assert run.best_epoch == np.argmin(values) == len(values) - 4 and run.history.epochs < 200
    assert run.stopped_because == "no better validation loss for 3 epochs"
    shorter = nn.fit(NET, (X, Y), LOSS, epochs=run.best_epoch + 1, stop=rule, **given)
    same_bits(run.params, shorter.params)
    # the split is a function of the key: measure the held rows again, by NumPy
    held = nn.train.tables.tables((X, Y), 0.3, None, None, seed=np.array([0, 3], np.uint32), loss=LOSS).validation.rows
    logits = run.logits(X[held])
    chance = np.exp(logits - logits.max(1, keepdims=True))
    chance /= chance.sum(1, keepdims=True)
    assert values[run.best_epoch] == pytest.approx(-np.log(chance[np.arange(len(held)), Y[held]]).mean(), rel=1e-5)
    assert run.history["val_accuracy"][run.best_epoch] == pytest.approx((logits.argmax(1) == Y[held]).mean())
    assert run.evaluate(X[held], Y[held]) == pytest.approx(
        {"loss": values[run.best_epoch], "accuracy": run.history["val_accuracy"][run.best_epoch]}, rel=1e-5
    )
    with pytest.raises(nn.JaxnnError, match=r"x: got shape \(18, 3\)"):
        run.evaluate(X[held][:, :3], Y[held])


@quick
@pytest.mark.course("S05")
def test_a_metric_where_higher_is_better_can_decide():
    rule = nn.EarlyStopping(patience=4, monitor="accuracy")
    run = nn.fit(NET, (X, Y), LOSS, epochs=60, stop=rule, validation=0.3, metrics=["accuracy"], learning_rate=0.05)
    assert run.best_epoch == np.argmax(run.history["val_accuracy"])


@quick
def test_without_validation_the_last_weights_are_kept_and_metrics_are_of_the_training_data():
    run = nn.fit(NET, (X, Y), LOSS, epochs=4, metrics=["accuracy"])
    assert list(run.history) == ["loss", "accuracy"] and run.best_epoch == 3
    assert run.history["accuracy"][-1] == pytest.approx((run.logits(X).argmax(1) == Y).mean())
    assert run.stopped_because == "all 4 epochs done"


def test_the_same_key_gives_the_same_bits_and_another_key_another_run():
    runs = [nn.fit(NET, (X, Y), LOSS, epochs=3, key=key) for key in (5, 5, jax.random.key(5), 6)]
    same_bits(runs[0].params, runs[1].params)
    same_bits(runs[0].params, runs[2].params)
    assert not np.array_equal(runs[0].params["dense_0"]["kernel"], runs[3].params["dense_0"]["kernel"])


@quick
def test_a_run_goes_on_from_earlier_weights():
    first = nn.fit(NET, (X, Y), LOSS, epochs=2, optimizer="sgd", batch_size=None)
    second = nn.fit(NET, (X, Y), LOSS, epochs=3, optimizer="sgd", batch_size=None, start=first)
    pair = nn.fit(NET, (X, Y), LOSS, epochs=3, optimizer="sgd", batch_size=None, start=(first.params, first.state))
    same_bits(second.params, pair.params)
    whole = nn.fit(NET, (X, Y), LOSS, epochs=5, optimizer="sgd", batch_size=None)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), second.params, whole.params)


@quick
def test_a_weight_of_two_is_a_row_given_twice_and_one_of_zero_a_row_left_out():
    weight = np.ones(60, np.float32)
    weight[:10], weight[50:] = 2, 0
    rows = np.concatenate([np.arange(10), np.arange(50)])
    given = {"epochs": 5, "batch_size": None, "optimizer": "sgd", "learning_rate": 0.1}
    weighted = nn.fit(NET, (X, Y), LOSS, sample_weight=weight, **given)
    repeated = nn.fit(NET, (X[rows], Y[rows]), LOSS, **given)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), weighted.params, repeated.params)


@quick
@pytest.mark.parametrize("spec", ["balanced", {0: 3.0, 1: 1.0, 2: 0.5}])
def test_class_weights_are_sample_weights_by_class(spec):
    table = {0: 3.0, 1: 1.0, 2: 0.5} if isinstance(spec, dict) else {c: 60 / (3 * (c == Y).sum()) for c in range(3)}
    own = np.array([table[int(label)] for label in Y], np.float32)
    given = {"epochs": 3, "batch_size": 16, "validation": 0.2}
    same_bits(
        nn.fit(NET, (X, Y), LOSS, class_weight=spec, **given).params,
        nn.fit(NET, (X, Y), LOSS, sample_weight=own, **given).params,
    )


@quick
def test_class_weights_of_the_training_data_weigh_validation_data_too():
    few = Y < 2  # the validation lacks a class
    balanced = nn.fit(NET, (X, Y), LOSS, epochs=2, class_weight="balanced", validation=(X[few], Y[few]))
    own = np.array([60 / (3 * (c == Y).sum()) for c in Y], np.float32)
    by_rows = nn.fit(NET, (X, Y), LOSS, epochs=2, sample_weight=own, validation=(X[few], Y[few], own[few]))
    same_bits(dict(balanced.history), dict(by_rows.history))


@quick
def test_weights_count_in_the_validation_too():
    weight = np.where(np.arange(60) % 2, 3.0, 0.5).astype(np.float32)
    run = nn.fit(NET, (X, Y), LOSS, epochs=1, validation=(X, Y, weight), metrics=["accuracy"])
    expected = np.average(run.logits(X).argmax(1) == Y, weights=weight)
    assert run.history["val_accuracy"][0] == pytest.approx(expected)


@quick
@pytest.mark.parametrize("batch_size", [7, None])
def test_a_loss_that_is_not_finite_restores_the_last_finite_weights_and_says_where(batch_size):
    y = np.linspace(0, 1, 40, dtype=np.float32)
    x = np.stack([y, 1 - y], axis=1)
    net = nn.Chain(nn.Dense(1))
    given = {"optimizer": "sgd", "learning_rate": 40.0, "batch_size": batch_size}
    run = nn.fit(net, (x, y), nn.losses.squared_error, epochs=300, **given)
    assert run.diverged and run.stopped_because.startswith("the loss was not finite at epoch ")
    assert f"weights after step {run.steps} are kept" in run.stopped_because
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))
    assert np.isfinite(run.history["loss"]).all()
    # one more step from there is not finite: these were the last
    size = batch_size or 40
    per_epoch = -(-40 // size)
    assert run.history.epochs == run.steps // per_epoch
    again = nn.fit(net, (x, y), nn.losses.squared_error, epochs=run.steps // per_epoch or 1, **given)
    assert not again.diverged or run.steps < per_epoch


@quick
def test_with_validation_a_diverged_run_keeps_the_best_epoch():
    y = np.linspace(0, 1, 40, dtype=np.float32)
    x = np.stack([y, 1 - y], axis=1)
    net = nn.Chain(nn.Dense(1))
    run = nn.fit(
        net, (x, y), nn.losses.squared_error, optimizer="sgd", learning_rate=2.0, epochs=500, validation=(x, y)
    )
    assert run.diverged and "weights of the best epoch are kept" in run.stopped_because
    assert run.best_epoch == np.argmin(run.history["val_loss"])


def test_recovery_is_the_same_wherever_chunks_end(monkeypatch):
    y = np.linspace(0, 1, 40, dtype=np.float32)
    x = np.stack([y, 1 - y], axis=1)
    runs = []
    for first, seconds in [(16, 0.5), (1, 0.0), (3, 1e-4)]:
        monkeypatch.setattr(nn.train.drive, "FIRST_STEPS", first)
        monkeypatch.setattr(nn.train.drive, "CHUNK_SECONDS", seconds)
        given = {"optimizer": "sgd", "learning_rate": 20.0, "epochs": 60, "batch_size": 7}
        runs.append(nn.fit(nn.Chain(nn.Dense(1)), (x, y), nn.losses.squared_error, **given))
    assert len({run.stopped_because for run in runs}) == 1 and runs[0].diverged
    for run in runs[1:]:
        same_bits(run.params, runs[0].params)
        same_bits(dict(run.history), dict(runs[0].history))


@quick
def test_a_gradient_that_is_not_finite_after_a_finite_loss_is_undone_too():
    def root(outputs, targets):  # the derivative of the root at 0 is infinite
        return jnp.sqrt(jnp.abs(outputs[:, 0] - targets))

    run = nn.fit(
        nn.Chain(nn.Dense(1, kernel_init=nn.initializers.Zeros())), (X, np.zeros(60, np.float32)), root, epochs=2
    )
    assert run.diverged and run.steps == 0
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))


def test_callbacks_come_after_their_epochs_and_may_end_the_run():
    seen = []

    class Every2:
        every = 2

        def __call__(self, run):
            seen.append((run.history.epochs, run.steps))
            return run.history.epochs == 6

    run = nn.fit(NET, (X, Y), LOSS, epochs=20, batch_size=16, callbacks=[Every2()])
    assert seen == [(2, 8), (4, 16), (6, 24)]
    assert run.stopped_because == "Every2 ended it after 6 epochs" and run.history.epochs == 6
    same_bits(run.params, nn.fit(NET, (X, Y), LOSS, epochs=6, batch_size=16).params)


@quick
def test_ctrl_c_ends_the_run_and_keeps_the_best_weights(listening):
    def press(at):
        if at.epoch >= 1:
            signal.raise_signal(signal.SIGINT)

    run = nn.fit(NET, (X, Y), LOSS, epochs=10**7, validation=0.2, progress=press)
    assert run.interrupted and run.stopped_because.startswith("interrupted after ")
    assert run.best_epoch == np.argmin(run.history["val_loss"])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@quick
def test_more_epochs_than_the_logs_of_a_chunk_hold():
    run = nn.fit(nn.Chain(nn.Dense(3)), (X, Y), LOSS, epochs=600, batch_size=None, optimizer="sgd", learning_rate=0.01)
    assert run.history.epochs == 600 and (np.diff(run.history["loss"]) <= 1e-6).all()


def test_logits_do_not_depend_on_the_rows_beside(compiles_as_users_do):
    net = nn.Chain(nn.Dense(7), nn.relu, nn.Dense(3))  # whose program no other test has compiled
    run = nn.fit(net, (X, Y), LOSS, epochs=1)
    many = np.concatenate([X] * 9)
    whole = run.logits(many)
    assert whole.shape == (540, 3)
    np.testing.assert_array_equal(run.logits(many[255:258]), whole[255:258])
    np.testing.assert_array_equal(run.logits(X[:0]), whole[:0])


@quick
def test_penalties_are_logged_apart_and_shrink_the_weights():
    free = nn.fit(NET, (X, Y), LOSS, epochs=10, learning_rate=0.05)
    held = nn.fit(NET, (X, Y), LOSS, epochs=10, learning_rate=0.05, penalties=[nn.penalties.l2(0.1)])
    assert list(held.history) == ["loss", "penalty"]
    kernels = [[run.params[name]["kernel"] for name in ("dense_0", "dense_1")] for run in (free, held)]
    size = [sum(float((kernel**2).sum()) for kernel in pair) for pair in kernels]
    assert size[1] < size[0] / 2
    nothing = nn.fit(NET, (X, Y), LOSS, epochs=10, learning_rate=0.05, penalties=[nn.penalties.l2(0.0)])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), nothing.params, free.params)


REFUSED = {
    "y shorter": (lambda: nn.fit(NET, (X, Y[:5]), LOSS), "60 rows of x and 5 of y"),
    "no rows": (lambda: nn.fit(NET, (X[:0], Y[:0]), LOSS), r"x of shape \(0, 4\)"),
    "one axis": (lambda: nn.fit(NET, (X[:, 0], Y), LOSS), r"x\[:, None\]"),
    "text": (lambda: nn.fit(NET, (X.astype(str), Y), LOSS), "dtype <U"),
    "NaN": (
        lambda: nn.fit(NET, (np.where(np.arange(4) == 2, np.nan, X), Y), LOSS),
        "data x at row 0, column 2: got nan",
    ),
    "label out of range": (lambda: nn.fit(NET, (X, Y + 1), LOSS), "3"),
    "two outputs for regression": (lambda: nn.fit(NET, (X, Y * 1.0), nn.losses.squared_error), r"\(32, 3\)"),
    "epochs": (lambda: nn.fit(NET, (X, Y), LOSS, epochs=0), "epochs: got 0; needed a whole number"),
    "batch size": (lambda: nn.fit(NET, (X, Y), LOSS, batch_size=0), "batch_size: got 0"),
    "learning rate": (lambda: nn.fit(NET, (X, Y), LOSS, learning_rate=-1), "learning_rate: got -1"),
    "optimizer": (lambda: nn.fit(NET, (X, Y), LOSS, optimizer="adan"), "Did you mean adam"),
    "rate beside optax": (
        lambda: nn.fit(NET, (X, Y), LOSS, optimizer=optax.sgd(0.1), learning_rate=1.0),
        "has its own",
    ),
    "validation": (lambda: nn.fit(NET, (X, Y), LOSS, validation=1.5), "validation: got 1.5"),
    "validation of another width": (lambda: nn.fit(NET, (X, Y), LOSS, validation=(X[:, :2], Y)), r"shape \(2,\)"),
    "stop without validation": (lambda: nn.fit(NET, (X, Y), LOSS, stop=nn.EarlyStopping()), "needed validation="),
    "monitor": (
        lambda: nn.fit(NET, (X, Y), LOSS, validation=0.2, stop=nn.EarlyStopping(monitor="accuracy")),
        "metrics= too",
    ),
    "metric": (lambda: nn.fit(NET, (X, Y), LOSS, metrics=["acuracy"]), "Did you mean accuracy"),
    "sample weight": (lambda: nn.fit(NET, (X, Y), LOSS, sample_weight=-np.ones(60)), "sample_weight"),
    "validation weight": (lambda: nn.fit(NET, (X, Y), LOSS, validation=(X, Y, -np.ones(60))), "validation weight"),
    "class weight": (lambda: nn.fit(NET, (X, Y), LOSS, class_weight={7: 1.0}), "7"),
    "start of another net": (lambda: nn.fit(NET, (X, Y), LOSS, start=({}, {})), "start params/dense_0"),
    "nothing to train": (lambda: nn.fit(nn.Chain(nn.relu), (X, Y), LOSS), "nothing to train"),
    "no layer": (lambda: nn.fit(nn.relu, (X, Y), LOSS), "a layer"),
    "step units": (lambda: nn.fit(nn.Chain(nn.Dense(3), nn.Step()), (X, Y), LOSS), "net activation_0"),
    "a diagnostic": (lambda: nn.fit(NET, (X, Y * 1.0), nn.losses.signed_error), "diagnostic"),
    "mean as loss": (lambda: nn.fit(NET, (X, Y), lambda o, t: jnp.mean(o)), "one loss for each example"),
    "key": (lambda: nn.fit(NET, (X, Y), LOSS, key="a"), "key: got 'a'"),
    "negative key": (lambda: nn.fit(NET, (X, Y), LOSS, key=-1), "key: got -1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_wrong_use_is_refused_in_our_words(name):
    call, said = REFUSED[name]
    with pytest.raises(nn.JaxnnError, match=said):
        call()


def test_an_error_inside_a_layer_says_in_which():
    net = nn.Chain(nn.Dense(4), ("head", nn.Chain(nn.Flatten(3))))
    with pytest.raises(nn.JaxnnError, match=r"^in head/flatten_0: Flatten\(3\): got an input of shape \(4,\)"):
        nn.fit(net, (X, Y), LOSS)
