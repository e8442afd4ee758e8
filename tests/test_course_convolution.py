"""Convolution as the course writes it (area C, and R23): the numbers of its slides, in float64.

Rows C06-C08, C20-C22 and C25-C27 are in tests/layers/, trained networks in tests/test_course_convnets.py.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from images import applied, convolved, normal, shapes_of, single, size_after
from jaxnn.layers.geometry import output_size
from quick import jit

pytestmark = pytest.mark.usefixtures("x64", "quick_compiles")

# The well-known animation of a convolution of a 6 x 6 image in colours, of which the course shows a corner.
RED = [[0] * 6, [0, 156, 155, 156, 158, 158], [0, 153, 154, 157, 159, 159], [0, 149, 151, 155, 158, 159],
       [0, 146, 146, 149, 153, 158], [0, 145, 143, 143, 148, 158]]  # fmt: skip
GREEN = [[0] * 6, [0, 167, 166, 167, 169, 169], [0, 164, 165, 168, 170, 170], [0, 160, 162, 166, 169, 170],
         [0, 156, 156, 159, 163, 168], [0, 155, 153, 153, 158, 168]]  # fmt: skip
BLUE = [[0] * 6, [0, 163, 162, 163, 165, 165], [0, 160, 161, 164, 166, 166], [0, 156, 158, 162, 165, 166],
        [0, 155, 155, 158, 162, 167], [0, 154, 152, 152, 157, 167]]  # fmt: skip
KERNELS = [
    [[-1, -1, 1], [0, 1, -1], [0, 1, 1]], [[1, 0, 0], [1, -1, -1], [1, 0, -1]], [[0, 1, 1], [0, 1, 0], [1, -1, 1]]
]  # fmt: skip
IMAGE = np.stack([RED, GREEN, BLUE], axis=-1).astype(float)  # (6, 6, 3)
KERNEL = np.stack(KERNELS, axis=-1).astype(float)[..., None]  # (3, 3, 3, 1)


def scanned(x, kernel, bias):
    """The course's scan: the filter is laid on every place, multiplied with what lies under it, and added up."""
    rows, columns, _, filters = kernel.shape
    out = np.zeros((x.shape[0] - rows + 1, x.shape[1] - columns + 1, filters))
    for i, j, f in np.ndindex(*out.shape):
        out[i, j, f] = bias[f] + sum(
            x[i + a, j + b, c] * kernel[a, b, c, f] for a, b, c in np.ndindex(*kernel.shape[:3])
        )
    return out


@pytest.mark.course("C01")
def test_a_convolution_is_a_scan_with_a_filter_that_is_not_turned():
    x, kernel, bias = normal(7, 6, 2), normal(3, 2, 2, 3), normal(3)
    by_layer = convolved(x, kernel, bias)
    np.testing.assert_allclose(by_layer, scanned(x, kernel, bias), rtol=0, atol=1e-12)
    by_xla = jax.lax.conv_general_dilated(
        x[None], kernel, (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )[0]  # fmt: skip
    np.testing.assert_allclose(by_layer, by_xla + bias, rtol=0, atol=1e-12)
    turned = scanned(x, kernel[::-1, ::-1], bias)
    assert np.abs(by_layer - turned).max() > 1


@pytest.mark.course("C02")
def test_the_convolution_of_mathematics_turns_the_kernel_first():
    corner, kernel = IMAGE[:3, :3, 1:2], KERNEL[:, :, 1:2]
    assert convolved(corner, kernel).item() == -498
    assert convolved(corner, kernel[::-1, ::-1]).item() == 164
    x, weights = normal(9), normal(4)
    by_layer = convolved(single(x), weights[::-1, None, None])[:, 0]
    np.testing.assert_allclose(by_layer, np.convolve(x, weights, mode="valid"), rtol=0, atol=1e-12)


@pytest.mark.course("C03")
def test_a_filter_of_two_by_two_finds_the_diagonal():
    found = convolved(np.eye(4)[..., None], np.eye(2)[..., None, None])[..., 0]
    assert found.tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]
    np.testing.assert_array_equal(found == 2, np.eye(3, dtype=bool))  # ticks on the diagonal, crosses elsewhere
    assert output_size(4, 2) == 4 - 2 + 1 == 3


@pytest.mark.course("C04")
def test_weights_of_a_dense_a_local_and_a_convolution_layer():
    def weights(net, *example):
        return size_after(net, *example)[1]

    assert weights(nn.Dense(25, use_bias=False), 49) == 1225
    one = nn.Conv(1, 3, padding="VALID", use_bias=False)
    assert size_after(one, 7, 7, 1) == ((5, 5, 1), 9)
    # unshared: each of the 25 windows is a group with a filter of its own
    windows = nn.Conv(25, 3, padding="VALID", groups=25, use_bias=False)
    assert size_after(windows, 3, 3, 25) == ((1, 1, 25), 225)
    # and with 25 times the same filter, that is the convolution
    x, kernel = normal(7, 7, 1), normal(3, 3, 1, 1)
    seen = np.stack([x[i : i + 3, j : j + 3, 0] for i, j in np.ndindex(5, 5)], axis=-1)  # (3, 3, 25)
    unshared = convolved(seen, np.tile(kernel, 25), groups=25)
    np.testing.assert_allclose(unshared.reshape(5, 5, 1), convolved(x, kernel), rtol=0, atol=1e-12)


@pytest.mark.course("C05")
def test_seven_by_seven_with_a_filter_of_three_by_three():
    assert size_after(nn.Conv(1, 3, padding="VALID"), 7, 7, 1)[0] == (5, 5, 1)


@pytest.mark.course("C09")
def test_six_filters_give_a_new_image_of_six_maps():
    filters = normal(6, 5, 5, 3, 1)
    image = normal(32, 32, 3)
    maps = np.stack([convolved(image, one)[..., 0] for one in filters], axis=-1)
    assert maps.shape == (28, 28, 6)
    np.testing.assert_allclose(convolved(image, np.concatenate(filters, axis=-1)), maps, rtol=0, atol=1e-12)


@pytest.mark.course("C10")
def test_volumes_shrink_until_no_window_fits():
    layers = [nn.Conv(1, 5, padding="VALID")] * 8
    assert [width for width, *_ in shapes_of(nn.Chain(*layers[:7]), 32, 32, 1)] == [28, 24, 20, 16, 12, 8, 4]
    with pytest.raises(nn.JaxnnError, match=r"in conv_7: .* a window of 5 on an axis of 4"):
        shapes_of(nn.Chain(*layers), 32, 32, 1)


@pytest.mark.course("C11")
def test_a_fully_connected_layer_on_an_image():
    shape, parameters = size_after(nn.Chain(nn.Flatten(3), nn.Dense(10)), 32, 32, 3)
    assert shape == (10,) and parameters == 30720 + 10
    assert size_after(nn.Flatten(3), 32, 32, 3)[0] == (3072,)
    assert size_after(nn.Dense(28 * 28 * 6, use_bias=False), 3072)[1] == 14_450_688
    assert size_after(nn.Conv(6, 5, padding="VALID"), 32, 32, 3) == ((28, 28, 6), 456)
    # spatial structure lost: pixels in another order are the same network with its kernel's rows in that order
    order, kernel, x = np.random.default_rng(1).permutation(12), normal(12, 2), normal(12)
    params = [{"kernel": jnp.asarray(k), "bias": jnp.zeros(2)} for k in (kernel, kernel[order])]
    plain, moved = (nn.Dense(2).apply(p, {}, jnp.asarray(v))[0] for p, v in zip(params, (x, x[order]), strict=True))
    np.testing.assert_allclose(plain, moved, rtol=0, atol=1e-12)


@pytest.mark.course("C12")
def test_a_convolution_of_a_shifted_image_is_the_shifted_convolution():
    pattern, kernel = normal(6, 6, 2), normal(3, 3, 2, 4)
    here, there = np.zeros((2, 20, 20, 2))
    here[5:11, 6:12], there[9:15, 3:9] = pattern, pattern  # 4 down, 3 to the left
    first, second = (convolved(x, kernel, np.ones(4), padding="SAME") for x in (here, there))
    # away from the border, where the padding's zeros are not what shifts in
    np.testing.assert_array_equal(second[5:19, 1:16], first[1:15, 4:19])
    assert np.abs(second - first).max() > 1


@pytest.mark.course("C12")
def test_convolutions_and_global_max_pooling_do_not_see_where_a_pattern_lies():
    def net(pool):
        return nn.Chain(nn.Conv(5, 3), nn.relu, nn.Conv(4, 3), nn.relu, pool)

    pattern = normal(5, 5, 1)
    images = np.zeros((16, 14, 14, 1))
    for image, (i, j) in zip(images, np.ndindex(4, 4), strict=True):
        image[3 + i : 8 + i, 3 + j : 8 + j] = pattern  # outputs that see both the pattern and the padding would differ
    params = {
        f"conv_{i}": {"kernel": jnp.asarray(normal(3, 3, *channels)), "bias": jnp.ones(channels[1])}
        for i, channels in enumerate([(1, 5), (5, 4)])
    }
    found = applied(net(nn.GlobalMaxPool()), params, images)
    assert np.all(np.ptp(found, axis=0) == 0) and np.any(found[0] > 0)
    flat = applied(net(nn.Flatten(3)), params, images)
    assert np.ptp(flat, axis=0).max() > 0.1


@pytest.mark.course("C13")
def test_a_convolution_is_local_and_shares_its_weights():
    kernel = normal(3, 3, 1, 1)
    params = {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(1)}
    jacobian = jit(jax.jacrev(lambda x: applied(nn.Conv(1, 3), params, x)))
    slopes = np.asarray(jacobian(jnp.asarray(normal(6, 6, 1))))[:, :, 0, :, :, 0]
    for i, j, m, n in np.ndindex(6, 6, 6, 6):
        a, b = m - i + 1, n - j + 1  # the place of the window that input (m, n) has for output (i, j)
        weight = kernel[a, b, 0, 0] if 0 <= a < 3 and 0 <= b < 3 else 0
        assert slopes[i, j, m, n] == pytest.approx(weight, abs=1e-12)
    np.testing.assert_allclose(slopes[1:, 1:, 1:, 1:], slopes[:-1, :-1, :-1, :-1], rtol=0, atol=1e-12)  # Toeplitz


@pytest.mark.course("C14")
def test_convolution_and_pooling_leave_fewer_inputs():
    net = nn.Chain(nn.Conv(1, 3, padding="VALID"), nn.MaxPool(2))
    assert size_after(net, 28, 28, 1)[0] == (13, 13, 1)
    assert (28 * 28, 13 * 13) == (784, 169)


@pytest.mark.course("C15", "C26")
def test_goodfellows_figure_and_when_a_result_is_smaller_by_one():
    a, b, c, d, e, f, g, h, i, j, k, m = normal(12)
    w, x, y, z = normal(4)
    image, kernel = [[a, b, c, d], [e, f, g, h], [i, j, k, m]], single(single([[w, x], [y, z]]))
    by_hand = [
        [a * w + b * x + e * y + f * z, b * w + c * x + f * y + g * z, c * w + d * x + g * y + h * z],
        [e * w + f * x + i * y + j * z, f * w + g * x + j * y + k * z, g * w + h * x + k * y + m * z],
    ]
    result = convolved(single(image), kernel)[..., 0]
    assert result.shape == (2, 3)  # of 3 x 4
    np.testing.assert_allclose(result, by_hand, rtol=0, atol=1e-12)
    sizes = {window: [output_size(n, window) for n in range(5, 12)] for window in range(1, 6)}
    assert sizes == {window: [n - window + 1 for n in range(5, 12)] for window in range(1, 6)}
    assert [window for window in sizes if sizes[window] == [n - 1 for n in range(5, 12)]] == [2]
    assert size_after(nn.Conv(1, 2), 3, 4, 1)[0] == (3, 4, 1)  # "use padding to keep size"


@pytest.mark.course("C16")
def test_activations_have_three_axes_and_a_filter_is_as_deep_as_its_input():
    net = nn.Chain(nn.Conv(6, 5, padding="VALID"), nn.relu, nn.Conv(10, 5, padding="VALID"))
    image = jax.ShapeDtypeStruct((32, 32, 3), jnp.float32)
    params, _ = jax.eval_shape(lambda key: net.init(key, image), jax.random.key(0))
    assert params["conv_0"]["kernel"].shape == (5, 5, 3, 6) and params["conv_1"]["kernel"].shape == (5, 5, 6, 10)
    maps = jax.eval_shape(lambda p, x: net.outputs(p, {}, x), params, image)
    assert [one.shape for one in maps.values()] == [(28, 28, 6), (28, 28, 6), (24, 24, 10)]
    with pytest.raises(nn.JaxnnError, match=r"in conv_0: .*\(32, 32, 4\); needed 3 channels"):
        jax.eval_shape(net.apply, params, {}, jax.ShapeDtypeStruct((32, 32, 4), jnp.float32))


@pytest.mark.course("C17", "W20")
def test_the_example_in_three_colours():
    maps = [convolved(IMAGE[:3, :3, c : c + 1], KERNEL[:, :, c : c + 1]).item() for c in range(3)]
    assert maps == [308, -498, 164] and sum(maps) + 1 == -25
    assert convolved(IMAGE, KERNEL, [1.0])[..., 0].tolist() == [
        [-25, 466, 466, 475], [295, 787, 798, 812], [291, 776, 784, 800], [293, 771, 773, 782]
    ]  # fmt: skip


@pytest.mark.course("C18")
def test_each_filter_gives_one_activation_map():
    net = nn.Chain(("features", nn.Conv(2, 3, padding="VALID")), nn.relu)
    across = np.array([[-1, -1, -1], [0, 0, 0], [1, 1, 1]])  # dark above, bright below
    kernel = jnp.asarray(np.stack([across, across.T], axis=-1)[:, :, None, :].astype(float))
    square = np.zeros((9, 9, 1))
    square[3:6, 3:6] = 1
    maps = net.outputs({"features": {"kernel": kernel, "bias": jnp.zeros(2)}}, {}, jnp.asarray(square))
    active = np.asarray(maps["activation_0"])
    assert active.shape == (7, 7, 2)
    assert active[1, 3, 0] == 3 and active[3, 1, 1] == 3  # the upper edge in map 0, the left one in map 1
    assert active[5, 3, 0] == 0 and active[3, 5, 1] == 0  # not the lower and the right one
    np.testing.assert_array_equal(active[..., 1], active[..., 0].T)


@pytest.mark.course("C19")
def test_a_stride_of_two_is_every_second_output():
    x, kernel, bias = normal(9, 11, 3), normal(3, 3, 3, 4), normal(4)
    every = convolved(x, kernel, bias)
    np.testing.assert_array_equal(convolved(x, kernel, bias, strides=2), every[::2, ::2])
    assert every.shape == (7, 9, 4) and nn.Conv(4, 3).strides == 1


@pytest.mark.course("R23")
def test_a_shared_kernel_gets_the_sum_of_the_gradients_of_its_copies():
    x, kernel, error = normal(6, 5, 2), normal(3, 3, 2, 4), normal(4, 3, 4)
    windows = np.stack([x[i : i + 3, j : j + 3] for i, j in np.ndindex(4, 3)])  # (12, 3, 3, 2)

    def shared(kernel):
        return (applied(nn.Conv(4, 3, padding="VALID", use_bias=False), {"kernel": kernel}, x) * error).sum()

    def with_copies(copies):  # every place has a kernel of its own
        seen = jnp.einsum("pabc,pabcf->pf", windows, copies)
        return (seen.reshape(4, 3, 4) * error).sum()

    copies = jnp.tile(jnp.asarray(kernel), (12, 1, 1, 1, 1))
    value, slope = jit(jax.value_and_grad(shared))(jnp.asarray(kernel))
    same, each = jit(jax.value_and_grad(with_copies))(copies)
    np.testing.assert_allclose(value, same, rtol=0, atol=1e-12)
    np.testing.assert_allclose(slope, each.sum(axis=0), rtol=0, atol=1e-12)
    assert np.abs(each[0] - each[1]).max() > 0.1


@pytest.mark.course("R23")
def test_a_recurrent_kernel_gets_the_sum_of_the_gradients_of_its_copies():
    layer, xs, error = nn.RNN(3), normal(5, 2), normal(5, 3)
    params = {"kernel": normal(2, 3), "recurrent_kernel": normal(3, 3), "bias": normal(3)}

    def shared(params):
        return (layer.apply(params, {}, jnp.asarray(xs))[0] * error).sum()

    def with_copies(copies):  # every moment has weights of its own
        memory, total = layer.memory(copies[0], {}, ()), 0.0
        for own, x, e in zip(copies, xs, error, strict=True):
            y, memory = layer.step(own, {}, memory, jnp.asarray(x))
            total = total + (y * e).sum()
        return total

    value, slope = jit(jax.value_and_grad(shared))(params)
    same, each = jit(jax.value_and_grad(with_copies))([params] * 5)
    np.testing.assert_allclose(value, same, rtol=0, atol=1e-12)
    for name in params:
        copies = np.stack([one[name] for one in each])
        np.testing.assert_allclose(slope[name], copies.sum(axis=0), rtol=0, atol=1e-12)
        assert np.abs(copies[2] - copies[3]).max() > 1e-3
