"""Networks that functions return."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.initializers import GlorotUniform, HeNormal, LecunNormal

pytestmark = pytest.mark.usefixtures("quick_compiles")


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


def _shapes(net, *shape):
    """The outputs of all layers for one example, by name, and the number of parameters."""
    example = jax.ShapeDtypeStruct(shape, jnp.float32)
    params, state = jax.eval_shape(lambda key: net.init(key, example), jax.random.key(0))
    outputs = jax.eval_shape(net.outputs, params, state, example)
    return {name: y.shape for name, y in outputs.items()}, nn.count(params)


def test_lenet_on_images_of_28_and_of_8():
    net = nn.models.lenet(10)
    shapes, parameters = _shapes(net, 28, 28, 1)
    # 3*3*1*32 + 32, 3*3*32*64 + 64, 7*7*64*128 + 128, 128*10 + 10
    assert parameters == 320 + 18496 + 401536 + 1290
    assert (shapes["max_pool_0"], shapes["max_pool_1"], shapes["dense_1"]) == ((14, 14, 32), (7, 7, 64), (10,))
    assert _shapes(net, 8, 8, 1)[0]["flatten_0"] == (2 * 2 * 64,)
    assert "Dropout(rate=0.2)" in repr(nn.models.lenet(10, dropout=0.2))


@pytest.mark.course("C24")
def test_the_sizes_of_the_course():
    shapes, _ = _shapes(nn.models.lenet(10, (8, 16), (), 5, "VALID"), 28, 28, 1)
    assert [shapes[name][0] for name in ("conv_0", "max_pool_0", "conv_1", "max_pool_1")] == [24, 12, 8, 4]


def test_small_resnet_halves_at_every_stage():
    shapes, parameters = _shapes(nn.models.small_resnet(10, (4, 8), blocks=2), 8, 8, 3)
    assert [shapes[f"residual_{i}"] for i in range(4)] == [(8, 8, 4)] * 2 + [(4, 4, 8)] * 2
    convs = 9 * 3 * 4 + 4 * 9 * 4 * 4 + 9 * 4 * 8 + 3 * 9 * 8 * 8 + 4 * 8
    norms = 2 * (5 * 4 + 5 * 8)
    assert shapes["dense_0"] == (10,) and parameters == convs + norms + 8 * 10 + 10
