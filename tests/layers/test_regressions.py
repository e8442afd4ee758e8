"""Linear and logistic regression are networks without hidden layers: rows N15-N21, H01, H02, L14, L16, A18, A20."""

import hashlib

import chex
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn.data import generated

pytestmark = pytest.mark.usefixtures("quick_compiles")

HOUSE = np.array([5.0, 3.0, 3000.0])
GIVEN = {"optimizer": "sgd", "batch_size": None}


@pytest.mark.course("N15")
def test_the_linear_model_is_a_matrix_product(x64):
    random = np.random.default_rng(0)
    w, x = random.normal(size=(3, 4)), random.normal(size=(7, 4))
    layer, params = nn.Dense(3, use_bias=False), {"kernel": jnp.asarray(w.T)}
    batched, _ = layer.apply(params, {}, jnp.asarray(x))
    mapped = jax.vmap(lambda one: layer.apply(params, {}, one)[0])(jnp.asarray(x))
    np.testing.assert_allclose(batched, x @ w.T, rtol=0, atol=1e-14)
    np.testing.assert_allclose(mapped, np.stack([w @ one for one in x]), rtol=0, atol=1e-14)


@pytest.mark.course("N16", "N21")
def test_a_line_is_found_from_points_on_it(x64):
    x = np.linspace(-1, 1, 21)[:, None]
    run = nn.fit(nn.Dense(1), (x, 3 * x[:, 0] - 2), nn.losses.squared_error, learning_rate=0.3, epochs=200, **GIVEN)
    slope, intercept = np.polyfit(x[:, 0], 3 * x[:, 0] - 2, 1)
    assert float(run.params["kernel"][0, 0]) == pytest.approx(3, abs=1e-6) == pytest.approx(slope)
    assert float(run.params["bias"][0]) == pytest.approx(-2, abs=1e-6) == pytest.approx(intercept)


@pytest.mark.course("N17", "N21")
def test_several_features_reach_the_least_squares_solution(x64):
    random = np.random.default_rng(3)
    x, y = random.normal(size=(50, 3)), random.normal(size=50)
    run = nn.fit(nn.models.mlp((), 1), (x, y), nn.losses.squared_error, learning_rate=0.2, epochs=500, **GIVEN)
    exact = np.linalg.lstsq(np.concatenate([x, np.ones((50, 1))], axis=1), y, rcond=None)[0]
    found = np.append(run.params["dense_0"]["kernel"][:, 0], run.params["dense_0"]["bias"])
    np.testing.assert_allclose(found, exact, atol=1e-6)


@pytest.mark.course("N18")
def test_the_house_and_why_its_features_want_scaling(x64):
    params = {"kernel": jnp.ones((3, 1)), "bias": jnp.zeros(1)}
    price = lambda p: nn.Dense(1).apply(p, {}, jnp.asarray(HOUSE))[0][0]  # noqa: E731
    assert float(price(params)) == 3008
    assert jax.grad(price)(params)["kernel"][:, 0].tolist() == [5, 3, 3000]
    # the largest stable rate is 2 over the largest curvature: raw features leave the small directions no progress
    random = np.random.default_rng(0)
    x = np.stack([random.integers(1, 7, 200), random.integers(1, 4, 200), random.normal(2000, 600, 200)], axis=1)
    y = (x @ np.array([10.0, 5.0, 0.1])) / 100
    z = (x - x.mean(0)) / x.std(0)
    left = []
    for features, rate in ((x, 1 / np.linalg.eigvalsh(2 * x.T @ x / 200)[-1]), (z, 0.3)):
        run = nn.fit(
            nn.Dense(1), (features, y - y.mean()), nn.losses.squared_error, learning_rate=rate, epochs=300, **GIVEN
        )
        left.append(run.history["loss"][-1])
    assert left[1] < 1e-12 < 1e-3 < left[0]


@pytest.mark.course("N20", "N21")
def test_parallel_logistic_regressions_and_one_on_top_are_a_two_layer_network(x64):
    def logistic(w, b, x):
        return 1 / (1 + jnp.exp(-(jnp.dot(x, w) + b)))

    net = nn.Chain(nn.Dense(3), nn.sigmoid, nn.Dense(1), nn.sigmoid)
    params, _ = net.init(jax.random.key(1), jax.ShapeDtypeStruct((4,), jnp.float64))
    x = jnp.asarray(np.random.default_rng(0).normal(size=4))

    def composed(p):
        first, second = p["dense_0"], p["dense_1"]
        hidden = jnp.stack([logistic(first["kernel"][:, k], first["bias"][k], x) for k in range(3)])
        return logistic(second["kernel"][:, 0], second["bias"][0], hidden)

    network = jax.value_and_grad(lambda p: net.apply(p, {}, x)[0][0])(params)
    chex.assert_trees_all_close(network, jax.value_and_grad(composed)(params), rtol=0, atol=1e-12)


@pytest.mark.course("N21", "N19")
def test_a_sigmoid_output_without_hidden_layers_is_logistic_regression(x64):
    random = np.random.default_rng(5)
    x, y = random.normal(size=(40, 3)), random.integers(0, 2, 40)
    net, goal = nn.models.mlp((), 1), nn.models.objective("binary")
    params, _ = net.init(jax.random.key(0), jax.ShapeDtypeStruct((3,), jnp.float64))
    loss = lambda p: goal.loss(net.apply(p, {}, jnp.asarray(x))[0], jnp.asarray(y)).mean()  # noqa: E731
    w, b = np.asarray(params["dense_0"]["kernel"])[:, 0], np.asarray(params["dense_0"]["bias"])[0]
    p = 1 / (1 + np.exp(-(x @ w + b)))
    value, grads = jax.value_and_grad(loss)(params)
    assert float(value) == pytest.approx(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(), abs=1e-12)
    np.testing.assert_allclose(grads["dense_0"]["kernel"][:, 0], x.T @ (p - y) / 40, atol=1e-12)
    np.testing.assert_allclose(grads["dense_0"]["bias"][0], (p - y).mean(), atol=1e-12)
    affordable = np.asarray(goal.activation(jnp.asarray(np.linspace(-5, 5, 11))))
    assert affordable[5] == 0.5 and (np.diff(affordable) > 0).all() and affordable[0] > 0 and affordable[-1] < 1


@pytest.mark.course("A20", "L14")
def test_a_task_asks_for_a_width_an_activation_and_a_loss():
    asked = {task: nn.models.objective(task, 4) for task in ("regression", "binary", "classification", "multilabel")}
    assert {task: goal.width for task, goal in asked.items()} == {
        "regression": 1, "binary": 1, "classification": 4, "multilabel": 4,
    }  # fmt: skip
    assert [goal.activation for goal in asked.values()] == [nn.identity, nn.sigmoid, nn.softmax, nn.sigmoid]
    z = np.array([[2.0, -1.0, 0.5, 1.0]], np.float32)
    p = 1 / (1 + np.exp(-z))
    targets = np.array([[1, 0, 0, 1]], np.float32)
    each = -(targets * np.log(p) + (1 - targets) * np.log(1 - p))
    assert float(asked["multilabel"].loss(z, targets)[0]) == pytest.approx(each.sum(), rel=1e-6)
    assert p.sum() > 1.5  # labels are not rivals
    assert float(asked["binary"].loss(z[:, :1], targets[:, 0])[0]) == pytest.approx(each[0, 0], rel=1e-6)
    assert float(asked["classification"].loss(z, np.array([2]))[0]) == pytest.approx(
        np.log(np.exp(z - 0.5).sum()), rel=1e-6
    )
    assert float(asked["regression"].loss(z[:, :1], np.array([0.5], np.float32))[0]) == 2.25
    for wrong in [("clasification", 3), ("classification", 1), ("multilabel", None)]:
        with pytest.raises(nn.JaxnnError):
            nn.models.objective(*wrong)


@pytest.mark.course("L16")
def test_the_loss_decides_what_an_outlier_does():
    x = np.linspace(0, 1, 21, dtype=np.float32)[:, None]
    y = 2 * x[:, 0]
    y[-1] += 20  # one wrong reading
    slopes = {}
    for loss, rate in (("squared_error", 0.3), ("absolute_error", 0.003)):
        run = nn.fit(nn.Dense(1), (x, y), getattr(nn.losses, loss), learning_rate=rate, epochs=3000, **GIVEN)
        slopes[loss] = float(run.params["kernel"][0, 0])
    assert slopes["squared_error"] == pytest.approx(np.polyfit(x[:, 0], y, 1)[0], rel=1e-3)  # 7.2: pulled
    assert slopes["squared_error"] > 7 and abs(slopes["absolute_error"] - 2) < 0.2
    # 5 of 100 are ill: saying "healthy" of everyone has accuracy 0.95 and finds none of them
    ill = np.arange(100) < 5
    said = np.stack([np.ones(100), np.zeros(100)], axis=1).astype(np.float32)
    assert float(nn.metrics.by_name("accuracy")(said, ill.astype(np.int32))) == pytest.approx(0.95)
    assert float(nn.metrics.by_name("accuracy")(said[ill], np.ones(5, np.int32))) == 0


@pytest.mark.course("A18")
def test_any_function_can_be_an_activation_and_the_right_one_is_feature_engineering():
    rings = generated.rings()
    x, y = rings.features.astype(np.float32), np.unique(rings.target, return_inverse=True)[1].astype(np.int32)

    def best_accuracy(activation, width):
        net, loss = nn.models.mlp((width,), 2, activation), nn.losses.softmax_cross_entropy
        given = {"learning_rate": 0.05, "epochs": 1000, "batch_size": None, "metrics": ["accuracy"]}
        return max(nn.fit(net, (x, y), loss, key=key, **given).history["accuracy"].max() for key in range(5))

    def own_square(z):
        return z * z

    assert best_accuracy(own_square, 2) == 1.0
    assert best_accuracy(nn.relu, 2) <= 0.88
    assert best_accuracy(nn.relu, 4) == 1.0
    assert best_accuracy(nn.identity, 2) <= 0.6


@pytest.mark.course("H01")
def test_the_gradient_sees_parameters_and_never_hyper_parameters():
    net = nn.Chain(nn.Dense(3), nn.Dropout(0.3), nn.Dense(1))
    params, state = net.init(jax.random.key(0), jnp.zeros(2))
    grads = jax.grad(lambda p: net.apply(p, state, jnp.ones(2), train=True, key=jax.random.key(1))[0].sum())(params)
    paths = {
        jax.tree_util.keystr(path, simple=True, separator="/") for path, _ in jax.tree_util.tree_leaves_with_path(grads)
    }
    assert paths == {"dense_0/kernel", "dense_0/bias", "dense_1/kernel", "dense_1/bias"}
    assert jax.tree.leaves(net) == [net], "the configuration holds no arrays"
    rate = float(state["dropout_0"]["rate"])
    run = nn.fit(net, (np.ones((8, 2), np.float32), np.ones(8, np.float32)), nn.losses.squared_error, epochs=3)
    assert float(run.state["dropout_0"]["rate"]) == rate == pytest.approx(0.3)


@pytest.mark.course("H02")
def test_each_of_the_eight_knobs_alone_changes_the_run():
    random = np.random.default_rng(0)
    x, y = random.normal(size=(40, 3)).astype(np.float32), random.integers(0, 2, 40).astype(np.float32)

    def trajectory(hidden=(4,), activation=nn.tanh, loss=nn.losses.sigmoid_cross_entropy, **given):
        knobs = {"learning_rate": 0.01, "epochs": 3, "batch_size": 8} | given
        run = nn.fit(nn.models.mlp(hidden, 1, activation), (x, y), loss, **knobs)
        return hashlib.sha256(
            run.history["loss"].tobytes() + np.asarray(run.params["dense_0"]["kernel"]).tobytes()
        ).hexdigest()

    turned = [
        {}, {"learning_rate": 0.02}, {"epochs": 4}, {"batch_size": 10}, {"hidden": (4, 4)}, {"hidden": (5,)},
        {"activation": nn.sigmoid}, {"loss": nn.losses.squared_error}, {"penalties": [nn.penalties.l2(0.01)]},
    ]  # fmt: skip
    assert len({trajectory(**knob) for knob in turned}) == len(turned)
    assert trajectory() == trajectory()


@pytest.mark.course("L20")
def test_ascent_on_the_likelihood_is_descent_on_its_negative():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 0, 0, 1], np.float32)
    runs = [
        nn.fit(nn.Dense(1), (x, y), loss, optimizer=optax.sgd(rate), batch_size=None, epochs=50)
        for loss, rate in (
            (nn.losses.sigmoid_cross_entropy, 0.5),
            (lambda outputs, targets: -nn.losses.sigmoid_cross_entropy(outputs, targets), -0.5),
        )
    ]
    jax.tree.map(np.testing.assert_array_equal, runs[0].params, runs[1].params)
