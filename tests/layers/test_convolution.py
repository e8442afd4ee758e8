"""Convolutions against numbers by hand and loops, and what they refuse (the course, C06-C08 and C25-C27)."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import convolutions
from jaxnn.layers.geometry import output_size, same_padding
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")


def drawn(layer, *shape, seed=0):
    """Parameters of a layer and an input of a shape, all generic."""
    params, _ = jax.eval_shape(lambda: layer.init(jax.random.key(seed), jax.ShapeDtypeStruct(shape[1:], jnp.float32)))
    random = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), leaf.dtype), params), jnp.asarray(
        random.normal(size=shape), jnp.float32
    )


@pytest.mark.course("C06")
def test_how_often_a_window_fits():
    assert [output_size(7, 3, stride) for stride in (1, 2)] == [5, 3]
    with pytest.raises(nn.JaxnnError, match=r"does not fit: \(7 - 3\)/3 \+ 1 = 2\.3333"):
        output_size(7, 3, 3)
    assert output_size(7, 3, 3, fit="floor") == 2


def test_a_layer_says_what_does_not_fit():
    layer, x = nn.Conv(2, 3, strides=3, padding="VALID"), jax.ShapeDtypeStruct((7, 7, 1), jnp.float32)
    net = nn.Chain(nn.Conv(1, 1), layer)
    with pytest.raises(nn.JaxnnError) as said:
        net.init(jax.random.key(0), x)
    assert "(7 - 3)/3 + 1 = 2.3333" in str(said.value) and 'fit="floor"' in str(said.value)
    floored = nn.Conv(2, 3, strides=3, padding="VALID", fit="floor")
    params, x = drawn(floored, 1, 7, 7, 1)
    y = floored.apply(params, {}, x)[0]
    assert y.shape == (1, 2, 2, 2)
    np.testing.assert_array_equal(y, layer.apply(params, {}, x[:, :6, :6])[0])


@pytest.mark.course("C07")
def test_padding_that_keeps_the_size():
    params, x = drawn(nn.Conv(1, 3), 1, 7, 7, 1)
    for padding in ("SAME", 1, (1, 1), ((1, 1), 1)):
        y = nn.Conv(1, 3, padding=padding).apply(params, {}, x)[0]
        assert y.shape == (1, 7, 7, 1)
        np.testing.assert_array_equal(y, nn.Conv(1, 3).apply(params, {}, x)[0])
    assert [same_padding(window) for window in (3, 5, 7)] == [1, 2, 3]
    with pytest.raises(nn.JaxnnError, match="even length 4"):
        same_padding(4)


def by_loops(x, kernel, bias, stride, padding):
    """The convolution of one image with one filter after another, value by value."""
    x = np.pad(x, ((padding, padding), (padding, padding), (0, 0)))
    size = kernel.shape[0]
    high, wide = ((length - size) // stride + 1 for length in x.shape[:2])
    y = np.zeros((high, wide, kernel.shape[-1]))
    for i, j, d in np.ndindex(y.shape):
        seen = x[i * stride : i * stride + size, j * stride : j * stride + size]
        y[i, j, d] = (seen * kernel[..., d]).sum() + bias[d]
    return y


@pytest.mark.course("C08")
def test_sizes_parameters_and_values():
    layer = nn.Conv(6, 5, padding="VALID")
    params, x = drawn(layer, 1, 32, 32, 3)
    assert layer.apply(params, {}, x)[0].shape == (1, 28, 28, 6)
    assert (params["kernel"].size, params["bias"].size, nn.count(params)) == (450, 6, 456)
    random, tried = np.random.default_rng(0), 0
    while tried < 200:
        size, window, stride, padding = (int(random.integers(*ends)) for ends in ((3, 40), (1, 8), (1, 5), (0, 4)))
        if window > size + 2 * padding or (size + 2 * padding - window) % stride:
            continue
        legal = nn.Conv(2, window, strides=stride, padding=padding)
        example = jax.ShapeDtypeStruct((size, size, 3), jnp.float32)
        made = jax.eval_shape(lambda x, net=legal: net.apply(*net.init(jax.random.key(0), x), x)[0], example)
        assert made.shape == ((size - window + 2 * padding) // stride + 1,) * 2 + (2,)
        tried += 1
    strided = nn.Conv(2, 3, strides=2, padding=1)
    params, x = drawn(strided, 1, 5, 7, 3)
    expected = by_loops(np.asarray(x[0]), np.asarray(params["kernel"]), np.asarray(params["bias"]), 2, 1)
    np.testing.assert_allclose(strided.apply(params, {}, x)[0][0], expected, rtol=1e-5, atol=1e-5)


@pytest.mark.course("C25")
def test_one_by_one_is_dense_at_every_pixel():
    layer = nn.Conv(4, 1)
    params, x = drawn(layer, 2, 3, 5, 3)
    assert nn.count(params) == 3 * 4 + 4
    dense = {"kernel": params["kernel"][0, 0], "bias": params["bias"]}
    np.testing.assert_allclose(layer.apply(params, {}, x)[0], nn.Dense(4).apply(dense, {}, x)[0], rtol=1e-6)


@pytest.mark.course("C26")
def test_goodfellows_figure():
    image, (w, x, y, z) = np.arange(1.0, 13).reshape(3, 4), (2.0, 3.0, 5.0, 7.0)
    kernel = jnp.array([[w, x], [y, z]], jnp.float32)[..., None, None]
    out = nn.Conv(1, 2, padding="VALID").apply({"kernel": kernel, "bias": jnp.zeros(1)}, {}, image[..., None])[0]
    a, b, e, f = image[0, 0], image[0, 1], image[1, 0], image[1, 1]
    assert out.shape == (2, 3, 1) and float(out[0, 0, 0]) == a * w + b * x + e * y + f * z == 75


@pytest.mark.course("C27")
def test_one_axis_is_two_with_a_height_of_one():
    line, plane = nn.Conv(4, (3,)), nn.Conv(4, (1, 3))
    params, x = drawn(line, 2, 9, 3)
    same = params | {"kernel": params["kernel"][None]}
    np.testing.assert_allclose(
        line.apply(params, {}, x)[0], plane.apply(same, {}, x[:, None])[0][:, 0], rtol=1e-6, atol=1e-6
    )
    mean = {"kernel": jnp.full((3, 1, 1), 1 / 3), "bias": jnp.zeros(1)}
    series = jnp.array([3.0, 6.0, 0.0, 9.0, 3.0])[:, None]
    moving = nn.Conv(1, (3,), padding="VALID").apply(mean, {}, series)[0][:, 0]
    np.testing.assert_allclose(moving, [3.0, 5.0, 4.0], rtol=1e-6)


@pytest.mark.parametrize("layer", [nn.Conv(3, 3), nn.ConvTranspose(3, (2, 2), strides=2)], ids=["conv", "transposed"])
def test_images_in_parts_are_images_at_once(layer, monkeypatch):
    params, x = drawn(layer, 7, 4, 4, 2)

    def gradients(params, x):
        return jax.value_and_grad(lambda p, x: jnp.sin(layer.apply(p, {}, x)[0]).sum(), (0, 1))(params, x)

    whole = jit(lambda *given: gradients(*given))(params, x)
    monkeypatch.setattr(convolutions, "PATCHES", 3000)  # two or three images: 7 are padded
    parts = jit(gradients).lower(params, x)
    assert "while" in parts.as_text()
    for one, other in zip(jax.tree.leaves(parts.compile()(params, x)), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_second_derivatives():
    layer = nn.Conv(2, (3,))
    params, x = drawn(layer, 1, 4, 1)

    def energy(x):
        return (jnp.square(layer.apply(params, {}, x)[0]) / 2).sum()

    # the energy of a linear map J is x'J'Jx / 2 and more of lower degree
    jacobian = np.asarray(jit(jax.jacobian(lambda x: layer.apply(params, {}, x)[0]))(x)).reshape(8, 4)
    hessian = np.asarray(jit(jax.hessian(energy))(x)).reshape(4, 4)
    np.testing.assert_allclose(hessian, jacobian.T @ jacobian, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"features": 0}, "Conv.features: got 0"),
        ({"kernel_size": (1, 2, 3, 4)}, "tuple of one to three"),
        ({"kernel_size": [3, 3]}, r"Write \(3,\), \(3, 3\)"),
        ({"kernel_size": (3, 0)}, "Conv.kernel_size: got 0"),
        ({"strides": (1, 2, 3)}, "Conv.strides: got .*2 of them"),
        ({"padding": "same"}, "one of SAME, VALID"),
        ({"padding": (1, 2, 3)}, "2 numbers or pairs"),
        ({"padding": -1}, "Conv.padding: got -1"),
        ({"groups": 3}, "multiple of the groups"),
        ({"fit": "round"}, "one of exact, floor"),
    ],
)
def test_wrong_settings_are_refused(wrong, said):
    with pytest.raises(nn.JaxnnError, match=said):
        nn.Conv(**{"features": 4, "kernel_size": 3} | wrong)


def test_wrong_inputs_are_refused():
    net = nn.Chain(nn.Conv(32, (3, 3)), nn.Flatten(3), nn.Conv(32, (3, 3)))
    with pytest.raises(nn.JaxnnError) as said:
        net.init(jax.random.key(0), jnp.zeros((1, 1, 1)))
    assert str(said.value) == (
        "in conv_1: Conv(32, (3, 3)): got an input of shape (32,); needed (..., height, width, channels)."
    )
    params, _ = drawn(nn.Conv(4, 3), 1, 5, 5, 2)
    with pytest.raises(nn.JaxnnError, match=r"shape \(5, 5, 3\); needed 2 channels"):
        nn.Conv(4, 3).apply(params, {}, jnp.zeros((5, 5, 3)))
    with pytest.raises(nn.JaxnnError, match="3 channels; needed a multiple of groups=2"):
        nn.Conv(4, 3, groups=2).init(jax.random.key(0), jnp.zeros((5, 5, 3)))
    with pytest.raises(nn.JaxnnError, match="a window of 5 on an axis of 2; needed a window of at most 4 = 2 \\+ 2"):
        nn.Conv(4, (3,), padding=1, dilation=2).apply({"kernel": jnp.zeros((3, 1, 4))}, {}, jnp.zeros((2, 1)))
    params, halved = {"kernel": jnp.zeros((2, 1, 1)), "bias": jnp.zeros(1)}, nn.Conv(1, (2,), strides=2)
    with pytest.raises(nn.JaxnnError, match="mask over 4 positions, of which the output has 2"):
        halved.apply(params, {}, jnp.zeros((4, 1)), mask=jnp.ones(4, bool))
    with pytest.raises(nn.JaxnnError, match="leaves 0 positions"):
        nn.ConvTranspose(1, (2,), padding=0).apply(params, {}, jnp.zeros((1, 1)))


def test_no_batch_and_several_batch_axes():
    layer = nn.Conv(3, (2, 2))
    params, x = drawn(layer, 6, 4, 4, 2)
    y = layer.apply(params, {}, x)[0]
    np.testing.assert_allclose(layer.apply(params, {}, x[0])[0], y[0], rtol=1e-5, atol=1e-6)
    several = layer.apply(params, {}, x.reshape(2, 3, 4, 4, 2))[0]
    np.testing.assert_allclose(several.reshape(y.shape), y, rtol=1e-5, atol=1e-6)


def test_every_combination_that_two_layers_share_with_xla():
    """Strides, dilation and uneven padding together, over one axis, against XLA's own convolution."""
    for stride, dilation, (low, high) in itertools.product((1, 2, 3), (1, 2), ((0, 0), (2, 1))):
        layer = nn.Conv(2, (3,), strides=stride, padding=((low, high),), dilation=dilation, use_bias=False, fit="floor")
        params, x = drawn(layer, 2, 8, 2)

        @jit
        def both(params, x, layer=layer, given=((stride,), [(low, high)], None, (dilation,))):
            theirs = jax.lax.conv_general_dilated(x, params["kernel"], *given, ("NWC", "WIO", "NWC"))
            return layer.apply(params, {}, x)[0], theirs

        np.testing.assert_allclose(*both(params, x), rtol=1e-5, atol=1e-5)
