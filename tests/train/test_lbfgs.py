"""L-BFGS in the training program: the minimum, how it ends, what it refuses."""

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.optimizers import LBFGS
from jaxnn.train.stopping import Converged

quick = pytest.mark.usefixtures("quick_compiles")

RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(60, 4))
Y = X @ np.array([[1.0], [-2.0], [0.5], [3.0]]) + 0.7 + 0.1 * RANDOM.normal(size=(60, 1))
WEIGHT = RANDOM.uniform(0.1, 3.0, 60)
LINE = nn.Chain(nn.Dense(1))
HOW = {"optimizer": LBFGS(), "batch_size": None, "shuffle": False, "epochs": 200}


def fitted(net=LINE, x=X, y=Y, loss=nn.losses.half_squared_error, **how):
    return nn.fit(net, (x, y), loss, **HOW | {"stop": Converged(gtol=1e-9, ftol=0.0)} | how)


@quick
@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["alike", "weighted"])
def test_least_squares(weight, x64):
    """The minimum is that of the normal equations, reached in few iterations; every one lowers the loss."""
    run = fitted(sample_weight=weight)
    scale = np.sqrt(np.ones(60) if weight is None else weight)[:, None]
    best = np.linalg.lstsq(scale * np.column_stack([X, np.ones(60)]), scale * Y, rcond=None)[0]
    found = np.vstack([run.params["dense_0"]["kernel"], run.params["dense_0"]["bias"][None]])
    np.testing.assert_allclose(found, best, atol=1e-8)
    assert run.history.epochs < 30 and (np.diff(run.history["loss"]) <= 0).all()
    assert run.stopped_because == "no component of the gradient is above 1e-09"
    residual = Y - np.column_stack([X, np.ones(60)]) @ best
    least = (scale**2 * residual**2).sum() / 2 / (scale**2).sum()
    np.testing.assert_allclose(run.history["loss"][-1], least, rtol=1e-9)  # measured at the end of the iteration


@quick
def test_penalties_and_batch_statistics(x64):
    """Ridge: (X'X + 2 n s I) w = X'y, without bias; and running statistics are those of the weights kept."""
    strength = 0.05
    net = nn.Chain(nn.Dense(1, use_bias=False))
    run = fitted(net, penalties=[nn.penalties.l2(strength)])
    best = np.linalg.solve(X.T @ X + 2 * 60 * strength * np.eye(4), X.T @ Y)
    np.testing.assert_allclose(run.params["dense_0"]["kernel"], best, atol=1e-8)
    np.testing.assert_allclose(run.history["penalty"][-1], strength * (best**2).sum(), rtol=1e-7)
    normed = fitted(nn.Chain(nn.Dense(3), nn.BatchNorm(momentum=0.0), nn.tanh, nn.Dense(1)), epochs=5)
    z = X @ np.asarray(normed.params["dense_0"]["kernel"]) + normed.params["dense_0"]["bias"]
    np.testing.assert_allclose(normed.state["batch_norm_0"]["mean"], z.mean(axis=0), rtol=1e-6)


def test_resumed_and_in_float32():
    """Three iterations and three more are six, bit for bit; at the limit of float32 it ends by itself."""
    x, y = X.astype(np.float32), Y.astype(np.float32)
    net = nn.Chain(nn.Dense(5), nn.tanh, nn.Dense(1))
    whole, part = fitted(net, x, y, epochs=6), fitted(net, x, y, epochs=3)
    rest = fitted(net, x, y, epochs=6, resume=part)
    jax.tree.map(np.testing.assert_array_equal, rest.params, whole.params)
    run = fitted(LINE, x, y, stop=Converged(gtol=0.0, ftol=0.0))
    assert run.history.epochs < 100 and np.isfinite(run.history["loss"]).all()
    flat = fitted(LINE, x, y, stop=Converged(max_evaluations=3, gtol=0.0, ftol=0.0))
    assert flat.history.epochs <= 3 and flat.stopped_because == "more than 3 evaluations"


@quick
def test_what_cannot_be_searched_is_refused():
    for wrong, message in [
        ({"batch_size": 32}, r"LBFGS\(\): got minibatches of 32 of 60 examples; needed all of them"),
        ({"net": nn.Chain(nn.Dense(3), nn.Dropout(0.5), nn.Dense(1))}, r"LBFGS\(\): got a network that draws"),
        ({"augment": [lambda key, x, y: (x, y)]}, r"LBFGS\(\): got augmentation"),
        ({"gradient": "backprop"}, r"LBFGS\(\): got gradient='backprop'"),
        ({"optimizer": "adam"}, "Converged.*needed optimizers.LBFGS"),
    ]:
        with pytest.raises(nn.JaxnnError, match=message):
            fitted(**wrong)
    with pytest.raises(nn.JaxnnError, match=r"Converged.gtol: got -1"):
        Converged(gtol=-1)
    with pytest.raises(nn.JaxnnError, match=r"LBFGS.memory_size: got 0"):
        LBFGS(memory_size=0)
    diverged = fitted(x=X.astype(np.float32), y=np.full((60, 1), 3e38, np.float32))
    assert diverged.diverged and "loss was not finite at epoch 1" in diverged.stopped_because
