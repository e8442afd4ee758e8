"""How a run goes on: resumed runs, schedules, rules that watch the training, penalties shared by the examples."""

import jax
import numpy as np
import optax
import pytest

import jaxnn as nn

quick = pytest.mark.usefixtures("quick_compiles")

LOSS = nn.losses.softmax_cross_entropy
RANDOM = np.random.default_rng(1)
Y = RANDOM.integers(0, 3, 60).astype(np.int32)
X = (RANDOM.normal(size=(60, 4)) * 1.5 + Y[:, None]).astype(np.float32)


def test_a_resumed_run_is_the_run_that_never_ended():
    net = nn.Chain(nn.Dense(8), nn.relu, nn.Dropout(0.3), nn.Dense(3))
    how = {
        "optimizer": "adam", "learning_rate": 0.01, "batch_size": 16, "validation": 0.2, "metrics": ["accuracy"],
        "penalties": [nn.penalties.l2(1e-3)], "stop": nn.EarlyStopping(patience=50), "key": 3,
    }  # fmt: skip
    whole = nn.fit(net, (X, Y), LOSS, epochs=7, **how)
    part = nn.fit(net, (X, Y), LOSS, epochs=3, **how)
    rest = nn.fit(net, (X, Y), LOSS, epochs=7, resume=part, **how)
    assert rest.history.csv() == whole.history.csv() and rest.best_epoch == whole.best_epoch
    for one, other in zip(jax.tree.leaves(rest.params), jax.tree.leaves(whole.params), strict=True):
        assert (one == other).all()
    for wrong, message in [
        ({"epochs": 3}, "needed more than 3"),
        ({"epochs": 9, "batch_size": 3}, "the data and batch_size of that run"),
        ({"epochs": 9, "optimizer": "sgd"}, "a run of the same network, optimiser"),
        ({"epochs": 9, "start": part}, "weights beside resume"),
    ]:
        with pytest.raises(nn.JaxnnError, match=message):
            nn.fit(net, (X, Y), LOSS, **(how | {"resume": part} | wrong))
    with pytest.raises(nn.JaxnnError, match="an earlier run"):
        nn.fit(net, (X, Y), LOSS, epochs=5, resume=(part.params, part.state), **how)


def test_a_schedule_gives_each_step_its_rate():
    """With a loss whose gradient is 1 everywhere, the bias has walked down by the sum of the rates."""
    slope_one = lambda outputs, targets: outputs[..., 0] + 0 * targets  # noqa: E731
    rates = [0.5, 0.25, 0.125, 0.0625, 0.03125, 0.015625]
    halving = lambda step: 0.5 * 0.5**step  # noqa: E731
    x, y = np.zeros((6, 1), np.float32), np.zeros(6, np.float32)
    run = nn.fit(nn.Dense(1), (x, y), slope_one, optimizer="sgd", learning_rate=halving, epochs=2, batch_size=2)
    assert float(run.params["bias"][0]) == -sum(rates)
    ours = nn.fit(nn.Dense(1), (X, Y[:, None] * 1.0), nn.losses.squared_error, learning_rate=0.05, epochs=3)
    theirs = nn.fit(
        nn.Dense(1), (X, Y[:, None] * 1.0), nn.losses.squared_error, learning_rate=optax.constant_schedule(0.05),
        epochs=3,
    )  # fmt: skip
    np.testing.assert_array_equal(ours.params["kernel"], theirs.params["kernel"])


@quick
def test_a_rule_that_watches_the_training_stops_on_what_is_minimised():
    """A learning rate of almost nothing: the first epoch is the only one that improves on infinity by min_delta."""
    rule = nn.EarlyStopping(patience=4, min_delta=1.0, on="training")
    run = nn.fit(nn.Dense(3), (X, Y), LOSS, learning_rate=1e-9, epochs=50, stop=rule)
    assert run.history.epochs == 5 and run.stopped_because == "no better training loss for 4 epochs"
    assert run.best_epoch == 4  # the last weights are kept
    held = nn.fit(nn.Dense(3), (X, Y), LOSS, learning_rate=1e-9, epochs=50, stop=rule, validation=0.2)
    assert held.history.epochs == 5 and "val_loss" in held.history and held.best_epoch == 4
    with pytest.raises(nn.JaxnnError, match="'accuracy' on the training"):
        nn.fit(
            nn.Dense(3), (X, Y), LOSS, metrics=["accuracy"], stop=nn.EarlyStopping(on="training", monitor="accuracy")
        )


@quick
@pytest.mark.parametrize("gradient", ["autodiff", "backprop"])
def test_a_penalty_per_example_is_divided_by_the_weight_of_the_minibatch(gradient):
    """One step of plain gradient descent on y = w x at w = 2, x = 0: only the penalty moves w; by hand."""
    x, y, weight = np.zeros((3, 1), np.float32), np.zeros((3, 1), np.float32), np.array([1.0, 2.0, 3.0])
    start = ({"dense_0": {"kernel": np.array([[2.0]], np.float32), "bias": np.zeros(1, np.float32)}}, {})
    run = nn.fit(
        nn.Chain(nn.Dense(1)), (x, y), nn.losses.squared_error, optimizer="sgd", learning_rate=0.1, epochs=1,
        batch_size=None, penalties=[nn.penalties.L2(3.0, per_example=True)], sample_weight=weight, start=start,
        gradient=gradient,
    )  # fmt: skip
    np.testing.assert_allclose(run.params["dense_0"]["kernel"], [[2 - 0.1 * 2 * 3.0 * 2 / 6]], rtol=1e-6)
    np.testing.assert_allclose(run.history["penalty"], [3.0 * 4 / 6], rtol=1e-6)


@quick
def test_counts_below_zero_and_metrics_of_rates():
    """Metrics of a Poisson regression compare rates, exp of the outputs, with the counts."""
    x, y = X[:, :1], np.round(np.exp(X[:, 0]))
    run = nn.fit(nn.Dense(1), (x, y), nn.losses.poisson, metrics=["mae"], epochs=3)
    by_hand = np.abs(np.exp(run.logits(x)[:, 0]) - y).mean()
    np.testing.assert_allclose(run.history["mae"][-1], by_hand, rtol=1e-5)
    with pytest.raises(nn.JaxnnError, match=r"data y: got -1.0 under PoissonDeviance\(\); needed counts"):
        nn.fit(nn.Dense(1), (x, y - 1 - y.min()), nn.losses.poisson)
