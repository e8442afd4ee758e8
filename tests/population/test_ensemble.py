"""Ensembles against their members alone, and what they say together against NumPy, formulas and scikit-learn."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.ops import fold_in
from jaxnn.population import (
    CyclicCosine,
    Ensemble,
    bagging,
    combined,
    distinct_share,
    monte_carlo_predictions,
    snapshots,
)
from jaxnn.population.ensembles import sound
from jaxnn.population.folds import seeds
from jaxnn.train import compiled

pytestmark = pytest.mark.usefixtures("quick_compiles")

LOSS, CLASSES = nn.losses.squared_error, nn.losses.softmax_cross_entropy
NET = nn.Chain(nn.Dense(5), nn.tanh, nn.Dense(1))
HOW = {"epochs": 5, "batch_size": 8, "learning_rate": 0.05}
RANDOM = np.random.default_rng(8)
X = RANDOM.normal(size=(30, 3)).astype(np.float32)
Y = (X[:, 0] - np.sin(2 * X[:, 1]) + 0.1 * RANDOM.normal(size=30)).astype(np.float32)
LABELS = (X[:, 0] > 0).astype(np.int32) + (X[:, 1] > 0.5)
FLAT = jax.ShapeDtypeStruct((2,), np.dtype("float32"))


def same(one, other):
    leaves = zip(*map(jax.tree.leaves, (one, other)), strict=True)
    return all(np.array_equal(a, b) for a, b in leaves)


def softmax(z):
    grown = np.exp(z - z.max(axis=-1, keepdims=True))
    return grown / grown.sum(axis=-1, keepdims=True)


def linear(bias, loss, task):
    """A model whose outputs are x + bias."""
    params = {"kernel": np.eye(2, len(bias), dtype=np.float32), "bias": np.float32(bias)}
    return nn.Model(nn.Dense(len(bias)), params, {}, FLAT, loss, task=task)


def far(outputs, targets):
    return abs(outputs - targets).sum(-1)


def test_what_outputs_of_each_kind_say_together():
    """Probabilities, rates and moments of a mixture are averaged, whatever the outputs are."""
    z = RANDOM.normal(size=(3, 4, 2)) * 3
    shares = np.array([0.5, 0.25, 0.25])[:, None, None]
    weight = np.repeat([[2], [1], [1]], 4, axis=1)
    together = {loss: combined(nn.losses.by_name(loss), z, weight) for loss in nn.losses.LOSSES}
    np.testing.assert_allclose(softmax(together["softmax_cross_entropy"]), (shares * softmax(z)).sum(0), rtol=1e-12)
    mean = (shares / (1 + np.exp(-z))).sum(0)
    np.testing.assert_allclose(1 / (1 + np.exp(-together["sigmoid_cross_entropy"])), mean, rtol=1e-12)
    np.testing.assert_allclose(np.exp(together["poisson"]), (shares * np.exp(z)).sum(0), rtol=1e-12)
    for on_values in ("squared_error", "categorical_cross_entropy", "huber"):
        np.testing.assert_allclose(together[on_values], (shares * z).sum(0), rtol=1e-12)
    # draws of a mixture of normal distributions: mean and second moment are the means of theirs
    means, variances = z[..., 0], np.exp(z[..., 1])
    first = (shares[..., 0] * means).sum(0)
    second = (shares[..., 0] * (means**2 + variances)).sum(0)
    np.testing.assert_allclose(together["gaussian_nll"][:, 0], first, rtol=1e-12)
    np.testing.assert_allclose(np.exp(together["gaussian_nll"][:, 1]), second - first**2, rtol=1e-12)
    # one that says nothing of a row may say what it wants, and a row of which none says anything is NaN
    some = combined(CLASSES, np.array([[[-1e4, 1e4]], [[1e4, -1e4]]]), [[0], [1]])
    assert some.tolist() == [[0, -2e4]]  # a probability of e^-20000 is no 0 on the way
    assert np.isnan(combined(CLASSES, z, np.zeros((3, 4)))).all()


def test_a_deep_ensemble():
    before = compiled._compile.cache_info().misses
    net = nn.Chain(nn.Dense(5), nn.tanh, nn.Dense(3))
    together = nn.ensemble(net, (X, LABELS), CLASSES, 5, key=3, metrics=["accuracy"], **HOW)
    assert compiled._compile.cache_info().misses == before + 1
    assert str(together) == "Ensemble(5 members of Chain(Dense(5), tanh, Dense(3)), deep)"
    for key, run in zip(seeds(3, 5), together.members, strict=True):
        alone = nn.fit(net, (X, LABELS), CLASSES, key=key, **HOW)
        assert same(run.params, alone.params)
    each = together.logits(X)
    assert each.shape == (5, 30, 3)
    np.testing.assert_array_equal(each, np.stack([run.logits(X) for run in together.members]))
    p = softmax(each.astype(np.float64))
    np.testing.assert_allclose(together.probabilities(X), p.mean(0), rtol=1e-6)
    np.testing.assert_array_equal(together.predict(X), p.mean(0).argmax(1))
    votes = [np.bincount(column, minlength=3).argmax() for column in each.argmax(2).T]
    np.testing.assert_array_equal(together.vote(X), votes)
    np.testing.assert_allclose(together.spread(X), p.std(0), rtol=1e-5)
    np.testing.assert_allclose(together.interval(X, 0.8), np.quantile(p, [0.1, 0.9], axis=0), rtol=1e-5)
    measured = together.evaluate(X, LABELS)
    np.testing.assert_allclose(measured["loss"], -np.log(p.mean(0)[range(30), LABELS]).mean(), rtol=1e-5)
    np.testing.assert_allclose(measured["accuracy"], (p.mean(0).argmax(1) == LABELS).mean(), rtol=1e-6)
    weight = np.arange(30) % 3
    own = together.evaluate(X, LABELS, weight, metrics=[])
    losses = -np.log(p.mean(0)[range(30), LABELS])
    assert list(own) == ["loss"]
    np.testing.assert_allclose(own["loss"], (weight * losses).sum() / weight.sum(), rtol=1e-5)


def test_answers_of_each_task():
    x = np.array([[0.0, 0.5], [1.0, -2.0]], np.float32)
    values = Ensemble.of([linear(bias, LOSS, "regression") for bias in ([0.0, 1.0], [2.0, 2.0])])
    np.testing.assert_allclose(values.predict(x), x + np.array([1.0, 1.5]))
    np.testing.assert_allclose(values.spread(x), [[1.0, 0.5]] * 2)
    quarters = np.array([[[0.5, 1.25]], [[1.5, 1.75]]])
    np.testing.assert_allclose(values.interval(x, 0.5), x + quarters)
    with pytest.raises(nn.JaxnnError, match="vote: got members whose task is regression"):
        values.vote(x)
    yes = Ensemble.of([linear([b], nn.losses.sigmoid_cross_entropy, "binary") for b in (-0.1, -0.1, 5.0)])
    p = 1 / (1 + np.exp(-(x[:, 0] + np.array([[-0.1], [-0.1], [5.0]]))))
    np.testing.assert_allclose(yes.probabilities(x)[:, 1], p.mean(0), rtol=1e-6)
    assert yes.predict(x).tolist() == [1, 1] and yes.vote(x).tolist() == [0, 1]  # two weak noes outvote a loud yes
    labels = Ensemble.of([linear(b, nn.losses.sigmoid_cross_entropy, "multilabel") for b in ([1, 0], [-9, 0])])
    assert labels.vote(x).tolist() == [[0, 1], [0, 0]]  # one of two is no majority
    own = Ensemble.of([linear(bias, far, None) for bias in ([0.0, 1.0], [2.0, 2.0])])  # a loss of the user's own
    np.testing.assert_allclose(own.predict(x), values.predict(x))


def test_masked_sequences():
    net, example = nn.Chain(nn.GlobalAvgPool(rank=1), nn.Dense(2)), jax.ShapeDtypeStruct((3, 2), np.dtype("float32"))
    params = [{"dense_0": {"kernel": np.eye(2, dtype=np.float32), "bias": np.float32([0, b])}} for b in (0, 3)]
    together = Ensemble.of([nn.Model(net, one, {}, example, LOSS, task="regression") for one in params])
    x, mask = RANDOM.normal(size=(4, 3, 2)).astype(np.float32), np.arange(3) < np.array([[1], [2], [3], [2]])
    means = np.stack([row[real].mean(axis=0) for row, real in zip(x, mask, strict=True)])
    np.testing.assert_allclose(together.outputs(x, mask), means + np.array([0, 1.5]), rtol=1e-5)
    np.testing.assert_allclose(
        together.evaluate(x, np.zeros((4, 2)), mask=mask)["loss"],
        ((means + np.array([0, 1.5])) ** 2).sum(axis=1).mean(),
        rtol=1e-5,
    )


def test_an_ensemble_is_stored_as_its_members(tmp_path):
    together = nn.ensemble(NET, (X, Y), LOSS, 3, **HOW)
    paths = [tmp_path / f"{i}.safetensors" for i in range(3)]
    for path, run in zip(paths, together.members, strict=True):
        nn.save(path, run)
    back = Ensemble.of([nn.load(path) for path in paths])
    np.testing.assert_array_equal(back.logits(X), together.logits(X))
    np.testing.assert_array_equal(back.predict(X), together.predict(X))
    other = nn.fit(nn.Dense(1), (X, Y), LOSS, epochs=1)
    with pytest.raises(nn.JaxnnError, match=r"Ensemble, member 1: got net=Dense\(1\); needed that of the first"):
        Ensemble.of([together.members[0], other])
    with pytest.raises(nn.JaxnnError, match="got no members"):
        Ensemble.of([])
    with pytest.raises(nn.JaxnnError, match=r"x: got shape \(30, 2\)"):
        together.logits(X[:, :2])


def test_members_that_are_not_finished_are_left_out():
    run = nn.fit(NET, (X, Y), LOSS, **HOW)
    wild = dataclasses.replace(run, diverged=True, stopped_because="too hot")
    kept, gone = sound("bag", [wild, run, None, run])
    assert kept == [1, 3] and gone == {0: "too hot", 2: "interrupted before it began"}
    together = Ensemble.of([run, run], "bag", left_out=gone)
    assert str(together).endswith("bag, 2 left out)")
    with pytest.raises(nn.JaxnnError, match=r"no member of 2 that was finished.*The first: the loss was not finite"):
        nn.ensemble(NET, (X, Y), LOSS, 2, **HOW | {"optimizer": "sgd", "learning_rate": 1e30})


def test_a_bag():
    weight = 1.0 + np.arange(30) % 2
    before = compiled._compile.cache_info().misses
    together = nn.bag(NET, (X, Y), LOSS, 6, metric="mae", key=5, sample_weight=weight, **HOW)
    assert compiled._compile.cache_info().misses == before + 1
    assert together.rows.shape == (6, 30) and len({row.tobytes() for row in together.rows}) == 6
    for run, rows, key in zip(together.members, together.rows, together.keys, strict=True):
        alone = nn.fit(NET, (X[rows], Y[rows]), LOSS, key=key, sample_weight=weight[rows], **HOW)
        assert same(run.params, alone.params)
    each = together.logits(X)[..., 0].astype(np.float64)
    by_hand = np.full(30, np.nan)
    for row in range(30):
        outside = [member for member in range(6) if row not in together.rows[member]]
        assert together.out_of_bag_count[row] == len(outside)
        if outside:
            by_hand[row] = np.mean([each[member, row] for member in outside])
    assert np.isnan(by_hand).sum() == np.isnan(together.out_of_bag).sum() and np.isnan(by_hand).any()
    np.testing.assert_allclose(together.out_of_bag[:, 0], by_hand, rtol=1e-12)
    far = np.abs(by_hand - Y) * weight
    known = ~np.isnan(by_hand)
    np.testing.assert_allclose(together.out_of_bag_score, far[known].sum() / weight[known].sum(), rtol=1e-5)
    # a smaller bag has the same first members
    np.testing.assert_array_equal(bagging.bootstrap(30, 4, key=5), together.rows[:4])
    with pytest.raises(nn.JaxnnError, match="rows= for all members"):
        nn.bag(NET, (X, Y), LOSS, 2, rows=np.arange(3))
    alone = nn.bag(NET, (X[:1], Y[:1]), LOSS, 1, **HOW)
    assert np.isnan(alone.out_of_bag_score)  # one row, which is always in the bag


def test_out_of_bag_predictions_are_those_of_scikit_learn(monkeypatch):
    """On its samples: least squares, which a linear network trained to its optimum is."""
    from sklearn.ensemble import BaggingRegressor
    from sklearn.linear_model import LinearRegression

    theirs = BaggingRegressor(LinearRegression(), n_estimators=25, oob_score=True, random_state=0).fit(X, Y)
    samples = np.array(theirs.estimators_samples_, np.int32)
    monkeypatch.setattr(bagging, "bootstrap", lambda count, members, key: samples)
    how = {"optimizer": nn.optimizers.LBFGS(), "batch_size": None, "epochs": 60}
    ours = nn.bag(nn.Dense(1), (X, Y), LOSS, 25, metric="r_squared", **how)
    np.testing.assert_allclose(ours.out_of_bag[:, 0], theirs.oob_prediction_, atol=2e-4)
    np.testing.assert_allclose(ours.out_of_bag_score, theirs.oob_score_, atol=2e-4)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=2e-4)


def test_a_cyclic_learning_rate():
    """Equation 2 of the paper, whose steps count from 1, and which starts again after every ceil(T / M) of them."""
    rate = CyclicCosine(0.2, 7.0)
    paper = [0.2 / 2 * (np.cos(np.pi * ((t - 1) % 7) / 7) + 1) for t in range(1, 22)]
    np.testing.assert_allclose([float(rate(step)) for step in range(21)], paper, rtol=2e-6)
    for numbers in ((0.0, 7), (0.1, 0), (float("nan"), 7)):
        with pytest.raises(nn.JaxnnError, match=r"CyclicCosine\.(peak|steps)"):
            CyclicCosine(*numbers)


def test_snapshots_are_one_run_seen_at_the_end_of_each_cycle():
    how = {"batch_size": 8, "optimizer": nn.optimizers.SGD(momentum=0.5), "key": 2}
    together = snapshots(NET, (X, Y), LOSS, 3, epochs=4, learning_rate=0.2, **how)
    assert [run.history.epochs for run in together.members] == [4, 8, 12] and together.kind == "snapshots"
    rate, earlier = CyclicCosine(0.2, 16.0), None  # 30 rows are 4 minibatches
    for cycle, run in enumerate(together.members):
        earlier = nn.fit(NET, (X, Y), LOSS, epochs=4 * (cycle + 1), learning_rate=rate, resume=earlier, **how)
        assert same(run.params, earlier.params)
    assert not np.allclose(*(together.logits(X)[:2]))
    for name in ("validation", "stop"):
        with pytest.raises(nn.JaxnnError, match=f"{name}=; needed no such setting"):
            snapshots(NET, (X, Y), LOSS, 3, **{name: 0.2})
    with pytest.raises(nn.JaxnnError, match="no cycle that was finished: the loss was not finite"):
        snapshots(NET, (X, Y), LOSS, 3, learning_rate=1e30, optimizer="sgd")


def test_dropout_at_prediction_has_the_mean_and_spread_of_its_formula():
    """y = sum w_i x_i k_i / (1 - p) with k_i ~ Bernoulli(1 - p): mean sum w x, variance sum (w x)^2 p / (1 - p)."""
    net = nn.Chain(nn.Dropout(0.3), nn.Dense(1))
    params = {"dense_0": {"kernel": np.float32([[1.0], [-2.0]]), "bias": np.float32([3.0])}}
    state = {"dropout_0": {"rate": np.float32(0.3)}}
    model = nn.Model(net, params, state, FLAT, LOSS, task="regression")
    x = RANDOM.normal(size=(500, 2)).astype(np.float32)  # several blocks of 2^14 / 400 rows
    x[40] = x[0]  # the first row of the second block
    found = monte_carlo_predictions(model, x, passes=400, key=1)
    parts = x * [1.0, -2.0]
    std = np.sqrt((parts**2).sum(1) * 0.3 / 0.7)
    assert found.draws.shape == (400, 500)
    assert (np.abs(found.mean - parts.sum(1) - 3) < 5 * std / 20).all()
    assert 0.97 < np.mean(found.std / std) < 1.03
    np.testing.assert_array_equal(found.interval(0.9), np.quantile(found.draws, [0.05, 0.95], axis=0))
    # the first block is the layer's own function, and a row's draws do not depend on the rows after it
    key = fold_in(jax.random.key(1), 0)
    first = nn.monte_carlo(net, params, state, jnp.asarray(x[:40]), key=key, passes=400)
    np.testing.assert_allclose(found.draws[:, :40], first[..., 0], rtol=1e-5, atol=1e-5)
    few = monte_carlo_predictions(model, x[:7], passes=400, key=1)
    np.testing.assert_array_equal(few.draws, found.draws[:, :7])
    assert np.mean(found.draws[:, 0] != found.draws[:, 40]) > 0.3  # blocks draw with keys of their own
    with pytest.raises(nn.JaxnnError, match=r"x: got shape \(4, 3\)"):
        monte_carlo_predictions(model, np.ones((4, 3)))


def test_dropout_at_prediction_gives_probabilities_of_classes():
    net = nn.Chain(nn.Dense(8), nn.relu, nn.Dropout(0.5), nn.Dense(3))
    run = nn.fit(net, (X, LABELS), CLASSES, **HOW)
    found = monte_carlo_predictions(run, X, passes=20)
    assert found.draws.shape == (20, 30, 3)
    np.testing.assert_allclose(found.draws.sum(-1), 1, rtol=1e-12)
    assert (found.std > 0).all() and not np.array_equal(
        found.draws, monte_carlo_predictions(run, X, passes=20, key=1).draws
    )


def test_the_share_of_rows_that_a_sample_is_expected_to_hold():
    assert abs(distinct_share(2) - 0.75) < 1e-15  # of aa, ab, ba, bb: 1/2, 1, 1, 1/2
    assert distinct_share(1) == 1
