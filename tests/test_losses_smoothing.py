"""Label smoothing: PyTorch's, the rule by hand, a number that runs share a program over, kept in the model file."""

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.backprop import rules
from jaxnn.losses import SoftmaxCrossEntropy
from jaxnn.train import compiled

Z = np.random.default_rng(0).normal(size=(6, 4))
LABELS = np.array([0, 3, 1, 1, 2, 0])


@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
def test_smoothed_losses_are_those_of_shares_given_to_all(share):
    p = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
    targets = (1 - share) * np.eye(4)[LABELS] + share / 4
    loss = SoftmaxCrossEntropy(share)
    np.testing.assert_allclose(loss(Z, LABELS), -(targets * np.log(p)).sum(axis=1), rtol=1e-5)
    np.testing.assert_allclose(loss(Z, np.eye(4)[LABELS]), loss(Z, LABELS), rtol=1e-5)
    slope = jax.grad(lambda z: loss(z, LABELS).sum())(Z.astype(np.float32))
    np.testing.assert_allclose(slope, p - targets, atol=1e-6)
    for given in (LABELS, np.eye(4, dtype=np.float32)[LABELS]):
        _, pull = rules.registered(loss)(loss, Z.astype(np.float32), given)
        np.testing.assert_allclose(pull(np.ones(6, np.float32)), slope, atol=1e-6)


def test_it_is_that_of_pytorch():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    wanted = torch.nn.functional.cross_entropy(
        torch.tensor(Z), torch.tensor(LABELS), label_smoothing=0.2, reduction="none"
    )
    np.testing.assert_allclose(SoftmaxCrossEntropy(0.2)(Z, LABELS), wanted.numpy(), rtol=1e-5)


def test_runs_with_other_shares_share_a_program_and_keep_their_own(tmp_path, quick_compiles):
    x, net = Z.astype(np.float32), nn.Dense(4)
    before = compiled._compile.cache_info().misses
    runs = {
        share: nn.fit(net, (x, LABELS), SoftmaxCrossEntropy(share), epochs=2, gradient="backprop")
        for share in (0.1, 0.9)
    }
    assert compiled._compile.cache_info().misses == before + 1
    assert runs[0.1].loss.smoothing == 0.1 and runs[0.1].history["loss"][0] != runs[0.9].history["loss"][0]
    by_autodiff = nn.fit(net, (x, LABELS), SoftmaxCrossEntropy(0.9), epochs=2, gradient="autodiff")
    np.testing.assert_allclose(by_autodiff.params["kernel"], runs[0.9].params["kernel"], atol=1e-6)
    nn.save(tmp_path / "smooth.safetensors", runs[0.9])
    assert nn.load(tmp_path / "smooth.safetensors").loss.smoothing == 0.9


def test_a_share_is_from_0_to_1():
    with pytest.raises(nn.JaxnnError, match=r"SoftmaxCrossEntropy\.smoothing: got 1\.5"):
        SoftmaxCrossEntropy(1.5)
