"""The worked example of the course, every number of it: M. Mazur's 2-2-2 network, and the network of class attendance.

The expected numbers are the course's, computed apart from jaxnn; section 5.1 of its table.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import backprop
from jaxnn.backprop.trace import trace
from jaxnn.metrics import Accuracy
from quick import jit

NET = nn.Chain(("hidden", nn.Dense(2)), nn.sigmoid, ("output", nn.Dense(2)), nn.sigmoid)
X, T, ETA = [[0.05, 0.10]], [[0.01, 0.99]], 0.5
LOSS = nn.losses.half_squared_error

ten = partial(pytest.approx, rel=1e-10, abs=1e-12)
"""Ten digits; the course's table has twelve decimals."""


def start(w3=0.25, w2=0.20):
    """A column for each unit: w1 and w2 lead to h1, w3 and w4 to h2."""
    return {
        "hidden": {"kernel": np.array([[0.15, w3], [w2, 0.30]]), "bias": np.full(2, 0.35)},
        "output": {"kernel": np.array([[0.40, 0.50], [0.45, 0.55]]), "bias": np.full(2, 0.60)},
    }


TRACED = jit(partial(trace, NET, LOSS, learning_rate=ETA))


@pytest.fixture(scope="module")
def done():
    """The pass of the example, in float64."""
    with jax.enable_x64(True):
        return jax.device_get(TRACED(start(), {}, np.array(X), np.array(T)))


def by_weight(kernel):
    """w1, w2, w3, w4 of a hidden kernel: those into one unit stand together."""
    return np.asarray(kernel).T.ravel().tolist()


@pytest.mark.course("W04")
def test_forward_pass(done):
    assert done["hidden"].y[0].tolist() == ten([0.3775, 0.3925])
    assert done["activation_0"].y[0].tolist() == ten([0.593269992107, 0.596884378260])
    assert done["output"].y[0].tolist() == ten([1.105905967060, 1.224921404096])
    assert done.outputs[0].tolist() == ten([0.751365069552, 0.772928465321])
    errors = 0.5 * (np.asarray(done.targets) - np.asarray(done.outputs))[0] ** 2
    assert errors.tolist() == ten([0.274811083176, 0.023560025584])
    assert float(done.value) == pytest.approx(0.2983711087600027, rel=1e-14)
    assert done.losses.tolist() == [float(done.value)]


@pytest.mark.course("W05")
def test_gradient_of_w5_as_a_product_of_three(done):
    output = done["activation_1"]
    assert output.dy[0].tolist() == ten([0.741365069552, -0.217071534679])
    assert output.slope[0].tolist() == ten([0.186815601809, 0.175510052817])
    three = output.dy[0, 0], output.slope[0, 0], done["activation_0"].y[0, 0]
    assert [float(one) for one in three] == ten([0.741365069552, 0.186815601809, 0.593269992107])
    assert float(three[0] * three[1] * three[2]) == ten(0.082167040564)
    assert float(done.grads["output"]["kernel"][0, 0]) == ten(0.082167040564)
    assert done["output"].dy[0].tolist() == output.dx[0].tolist() == ten([0.138498561629, -0.038098236517])


@pytest.mark.course("W06")
def test_updated_output_weights(done):
    gradients = [0.082167040564, 0.082667627848, -0.022602540477, -0.022740242216]
    after = [0.358916479718, 0.408666186076, 0.511301270239, 0.561370121108]
    assert by_weight(done["output"].grads["kernel"]) == ten(gradients)
    assert by_weight(done["output"].updates["kernel"]) == ten([-ETA * gradient for gradient in gradients])
    assert by_weight(done["output"].new_params["kernel"]) == ten(after)
    assert by_weight(done.new_params["output"]["kernel"]) == ten(after)


@pytest.mark.course("W07")
def test_hidden_layer_and_its_weights(done):
    hidden = done["activation_0"]
    delta = done["output"].dy[0]
    parts = delta * done.layers[2].params["kernel"][0]  # over w5 from o1, over w7 from o2
    assert parts.tolist() == ten([0.055399424651, -0.019049118258])
    assert hidden.dy[0].tolist() == ten([0.036350306393, 0.041370322649])
    assert hidden.slope[0].tolist() == ten([0.241300708572, 0.240613417249])
    assert done["hidden"].dy[0].tolist() == ten([0.008771354689, 0.009954254705])
    gradients = [0.000438567734, 0.000877135469, 0.000497712735, 0.000995425471]
    assert by_weight(done["hidden"].grads["kernel"]) == pytest.approx(gradients, abs=6e-13)  # all digits printed
    after = [0.149780716133, 0.199561432266, 0.249751143632, 0.299502287265]
    assert by_weight(done["hidden"].new_params["kernel"]) == ten(after)


@pytest.mark.course("W04", "W05", "W07")
def test_truncated_figures_of_the_slides(done):
    """E18: the scan reads 0.752928465 for out_o2, and cuts 0.5932 and 0.5968 off where they round to 0.5933, 0.5969."""
    assert abs(float(done.outputs[0, 1]) - 0.752928465) > 0.01
    assert f"{done.outputs[0, 1]:.9f}" == "0.772928465"
    assert [f"{a:.4f}" for a in done["activation_0"].y[0].tolist()] == ["0.5933", "0.5969"]
    assert [int(a * 1e4) for a in done["activation_0"].y[0].tolist()] == [5932, 5968]


def in_place(params, x, t):
    """One pass in which the output layer moves before the hidden layer's gradient is taken through it."""
    z, _, to_hidden = backprop.pullback(nn.Dense(2), params["hidden"], {}, x)
    a, _, to_z = backprop.pullback(nn.Activation(nn.sigmoid), {}, {}, z)
    o, _, to_output = backprop.pullback(nn.Dense(2), params["output"], {}, a)
    y, _, to_o = backprop.pullback(nn.Activation(nn.sigmoid), {}, {}, o)
    delta = to_o(y - t)[1]
    output = to_output(delta)[0]
    moved = params["output"] | {"kernel": params["output"]["kernel"] - ETA * output["kernel"]}
    _, da = backprop.pullback(nn.Dense(2), moved, {}, a)[2](delta)
    return {"hidden": to_hidden(to_z(da)[1])[0], "output": output}


def simultaneous(params, x, t):
    """One pass in which every gradient is taken through the old weights."""
    return backprop.value_and_grad(NET, LOSS)(params, {}, x, t)[1]


def of_biases(gradient, mode):
    """A bias of each unit's own has its own gradient, one that a layer shares the sum of them; a fixed one has none."""
    return jnp.stack([jnp.zeros(2), jnp.full(2, gradient.sum()), gradient])[mode]


STEPS = [1, 2, 10, 100, 1000, 9999, 10000]


@partial(jit, static_argnums=0)
@partial(jax.vmap, in_axes=(None, 0, None))
def descend(order, mode, params):
    """Errors after `STEPS`, the first gradients and weights, and the last outputs."""
    x, t = jnp.array(X), jnp.array(T)

    def step(params, _):
        grads = order(params, x, t)
        grads = {name: own | {"bias": of_biases(own["bias"], mode)} for name, own in grads.items()}
        params = jax.tree.map(lambda w, g: w - ETA * g, params, grads)
        outputs = NET.apply(params, {}, x)[0]
        return params, (LOSS(outputs, t)[0], outputs[0], grads)

    _, (errors, outputs, grads) = jax.lax.scan(step, params, None, length=STEPS[-1])
    first = jax.tree.map(lambda leaf: leaf[0], grads)
    return errors[jnp.array(STEPS) - 1], outputs[-1], outputs[0], first


FIXED, SHARED, OWN = range(3)
ERRORS = {
    simultaneous: [
        [0.2910277736936, 0.2835471331224, 0.2209185920539, 2.004682824943e-02, 1.114349453734e-03,
         3.510854812251e-05, 3.510187782979e-05],
        [0.2857508866993, 0.2727972642000, 0.1752380107751, 9.997164794094e-03, 3.460750103483e-04,
         4.356536817666e-06, 4.355321066164e-06],
        [0.2804714467914, 0.2619076230693, 0.1255270380441, 6.083131061206e-03, 2.707045878957e-04,
         2.448337557626e-06, 2.447562235932e-06],
    ],
    in_place: [
        [0.2910279239054, 0.2835473640697, 0.2209163374585, 2.003975195077e-02, 1.113940433945e-03,
         3.509145381072e-05, 3.508478629631e-05],
        [0.2857744700694, 0.2728309872198, 0.1747227795841, 9.905071115527e-03, 3.463797126897e-04,
         4.368529120585e-06, 4.367310582617e-06],
        [0.2804840766060, 0.2619283480852, 0.1254032049391, 6.053919318847e-03, 2.697846023285e-04,
         2.438104890438e-06, 2.437332412465e-06],
    ],
}  # fmt: skip
OUTPUTS = {
    simultaneous: [[0.015913620, 0.984064274], [0.012102159, 0.987928390], [0.011587527, 0.988458935]],
    in_place: [[0.015912196, 0.984065734], [0.012104739, 0.987925224], [0.011583827, 0.988461768]],
}


@pytest.fixture(scope="module")
def runs():
    """Of both orders, for all three kinds of biases at once."""
    with jax.enable_x64(True):
        return {order: jax.device_get(descend(order, jnp.arange(3), start())) for order in ERRORS}


@pytest.mark.course("W08", "W09", "W10")
@pytest.mark.parametrize("order", ERRORS, ids=lambda order: order.__name__)
def test_errors_after_many_updates(runs, order):
    errors, last, _, _ = runs[order]
    np.testing.assert_allclose(errors, ERRORS[order], rtol=1e-11, atol=6e-14)  # all digits of the table
    np.testing.assert_allclose(last, OUTPUTS[order], atol=5.1e-10)


@pytest.mark.course("W08")
def test_error_after_one_step_is_not_the_published_one(runs, done):
    """E19: 0.291027924 is what the in-place order gives."""
    errors, _, first, _ = runs[simultaneous]
    assert errors[FIXED, 0] == pytest.approx(0.29102777369359933, rel=1e-14)
    assert f"{errors[FIXED, 0]:.9f}" != "0.291027924" == f"{runs[in_place][0][FIXED, 0]:.9f}"
    assert runs[in_place][0][FIXED, 0] == pytest.approx(0.29102792390544, rel=1e-13)
    assert first[FIXED].tolist() == ten([0.742088111191, 0.775284968294])
    moved = done.new_params["output"]["kernel"]
    through_new = done["output"].dy[0] @ moved.T * done["activation_0"].slope[0]
    new = start()["hidden"]["kernel"] - ETA * np.outer(X[0], through_new)
    assert by_weight(new) == ten([0.149817638561, 0.199635277122, 0.249788185198, 0.299576370396])


@pytest.mark.course("W09")
def test_error_after_10000_steps_is_not_the_published_one(runs):
    """E19: 3.51085e-05 is the error after 9999 updates, and the outputs printed beside it are of the other order."""
    errors, last, _, _ = runs[simultaneous]
    assert errors[FIXED, -1] == pytest.approx(3.510187782979e-05, rel=1e-12, abs=1e-16)
    assert f"{errors[FIXED, -1]:.5e}" != "3.51085e-05" == f"{errors[FIXED, -2]:.5e}"
    published = ["0.015912196", "0.984065734"]
    assert [f"{a:.9f}" for a in last[FIXED]] == ["0.015913620", "0.984064274"]
    assert [f"{a:.9f}" for a in runs[in_place][1][FIXED]] == published


@pytest.mark.course("W10")
def test_biases_are_trained_too(runs, done):
    errors, _, _, first = runs[simultaneous]
    assert errors[OWN, [0, -1]] == pytest.approx([0.280471446791, 2.447562236e-06], rel=1e-9)
    assert errors[SHARED, [0, -1]] == pytest.approx([0.285750886699, 4.355321066e-06], rel=1e-9)
    assert done.new_params["hidden"]["bias"].tolist() == ten([0.345614322655, 0.345022872647])
    assert done.new_params["output"]["bias"].tolist() == ten([0.530750719186, 0.619049118258])
    gradients = [first[name]["bias"][SHARED, 0] for name in ("hidden", "output")]
    assert gradients == ten([0.018725609395, 0.100400325112])
    assert [0.35 - ETA * gradients[0], 0.60 - ETA * gradients[1]] == ten([0.340637195303, 0.549799837444])


@pytest.mark.course("W11")
def test_wiring_of_the_slide(x64):
    """E39: net_h1 = w1 i1 + w3 i2 + b1 is the transposed network; it is not the one whose numbers are printed."""
    wrong = start(w3=0.20, w2=0.25)
    done = TRACED(wrong, {}, np.array(X), np.array(T))
    assert done["hidden"].y[0].tolist() == ten([0.3825, 0.3900])
    assert float(done.value) == ten(0.298390054478)
    fixed = {name: own | {"bias": wrong[name]["bias"]} for name, own in done.new_params.items()}
    after = TRACED(fixed, {}, np.array(X), np.array(T)).value
    assert float(after) == ten(0.291040360348)
    assert abs(float(done.value) - 0.2983711087600027) > 1e-5


@pytest.mark.course("W10")
def test_fit_by_hand_written_rules_ends_at_the_error_of_the_table(x64):
    run = nn.fit(
        NET, (np.array(X), np.array(T)), LOSS, optimizer="sgd", learning_rate=ETA, epochs=100, batch_size=1,
        start=(start(), {}), gradient="backprop",
    )  # fmt: skip
    assert float(TRACED(run.params, {}, np.array(X), np.array(T)).value) == pytest.approx(6.083131061206e-03, rel=1e-11)


def attendance():
    """Difficulty, assignments due and days until the midterm; four hidden units, one probability."""
    return nn.Chain(nn.Dense(4), nn.relu, nn.Dense(1), nn.sigmoid)


@pytest.mark.course("W01")
def test_network_of_class_attendance(getkey):
    params, _ = jax.eval_shape(lambda key: attendance().init(key, jnp.zeros(3)), getkey())
    shapes = jax.tree.map(jnp.shape, params)
    assert shapes["dense_0"] == {"kernel": (3, 4), "bias": (4,)}  # the slides' (4, 3) transposed
    assert shapes["dense_1"] == {"kernel": (4, 1), "bias": (1,)}
    assert nn.layers.count(params) == 21


@pytest.mark.course("W02")
def test_hidden_unit_of_class_attendance(x64):
    """The slide rounds z to 0.7; with w3 = 0.0058824 it would be."""
    x = np.array([[0.4, 2.0, 17.0]])
    run = jit(partial(trace, nn.Chain(nn.Dense(1), nn.relu), LOSS))

    def traced(w3):
        params = {"dense_0": {"kernel": np.array([[0.5], [0.1], [w3]]), "bias": np.array([0.2])}}
        return run(params, {}, x, np.zeros((1, 1)))

    exact, rounded = traced(0.0058), traced(0.0058824)
    assert float(exact["dense_0"].y[0, 0]) == pytest.approx(0.6986, rel=1e-15)
    assert float(exact["activation_0"].y[0, 0]) == pytest.approx(0.6986, rel=1e-15)
    assert float(rounded["dense_0"].y[0, 0]) == pytest.approx(0.7, abs=1e-6)
    assert float(nn.relu(0.7)) == 0.7


@pytest.mark.course("W03")
def test_loss_and_decision_of_class_attendance(x64):
    logit = np.log(np.array([[0.45]]) / 0.55)
    assert float(logit[0, 0]) == pytest.approx(-0.2006706955, abs=5e-11)
    assert float(nn.losses.binary_cross_entropy([[0.45]], [[1.0]])[0]) == pytest.approx(0.7985076962, abs=5e-11)
    run = jit(partial(trace, nn.Activation(nn.sigmoid), nn.losses.binary_cross_entropy))
    done = run({}, {}, logit, np.ones((1, 1)))
    assert float(done.value) == pytest.approx(0.7985076962, abs=5e-11)
    assert f"{done.value:.6f}" == "0.798508"
    goes = Accuracy(threshold=0.5)  # the share of rows on which the decision is the target's
    for probability, decision in ((0.45, 0.0), (0.5, 0.0), (0.51, 1.0)):  # strictly above: 0.5 itself skips
        assert float(goes(jnp.array([[probability]]), jnp.array([[decision]]))) == 1.0
