"""Networks that functions return."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.initializers import GlorotUniform, HeNormal, LecunNormal


def test_mlp_is_the_chain_one_would_write():
    assert nn.models.mlp((), 3) == nn.Chain(nn.Dense(3))
    he = HeNormal()
    assert nn.models.mlp((8, 4), 2, dropout=0.1) == nn.Chain(
        nn.Dense(8, kernel_init=he), nn.relu, nn.Dropout(0.1), nn.Dense(4, kernel_init=he), nn.relu, nn.Dropout(0.1),
        nn.Dense(2),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("activation", "drawn"),
    [
        (nn.relu, HeNormal()), (nn.LeakyRelu(0.2), HeNormal()), (nn.gelu, HeNormal()), (nn.tanh, GlorotUniform()),
        (nn.sigmoid, GlorotUniform()), (jnp.sin, LecunNormal()),
    ],
)  # fmt: skip
def test_kernels_are_drawn_for_their_activation(activation, drawn):
    net = nn.models.mlp((5,), 1, activation)
    assert net.children()["dense_0"] == nn.Dense(5, kernel_init=drawn) and net.children()["dense_1"] == nn.Dense(1)


def test_parameters_of_the_course_digits():
    net = nn.models.mlp((30,), 10)
    params = jax.eval_shape(lambda key: net.init(key, jax.ShapeDtypeStruct((784,), jnp.float32))[0], jax.random.key(0))
    assert nn.count(params) == 23860


@pytest.mark.parametrize("wrong", [{"hidden": (0,)}, {"hidden": (4,), "dropout": 2}])
def test_wrong_widths_and_rates_are_refused(wrong):
    with pytest.raises(nn.JaxnnError, match=r"hidden|dropout"):
        nn.models.mlp(**{"outputs": 2} | wrong)


def test_an_autoencoder_learns_digits_better_than_as_many_principal_components():
    images = nn.data.load("digits").features.astype(np.float32) / 16
    net = nn.models.autoencoder(64, (64, 4))
    run = nn.fit(net, (images, images), nn.losses.mean_squared_error, epochs=30, learning_rate=3e-3)
    centred = images - images.mean(axis=0)
    components = np.linalg.svd(centred, full_matrices=False)[2][:4]
    by_components = np.square(centred - centred @ components.T @ components).mean()
    assert run.history["loss"][-1] < by_components
    code, _ = net.children()["encoder"].apply(run.params["encoder"], run.state, images[:3])
    assert code.shape == (3, 4)
