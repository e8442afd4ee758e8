"""Functions of one number as networks, and what width and depth buy: rows B22-B29 of the course."""

import math
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons

pytestmark = pytest.mark.usefixtures("x64", "quick_compiles")


def values(network, x):
    return np.asarray(network(np.asarray(x)[:, None]))[:, 0]


def sine(x):
    return np.sin(2 * np.pi * x)


@pytest.mark.course("B22")
def test_a_square_pulse_is_two_threshold_units_and_a_sum():
    network = neurons.pulse(0.3, 0.7)
    assert network.net == nn.Chain(nn.Dense(2), nn.Step(), nn.Dense(1)) and neurons.size_of(network).units == 3
    x = np.array([-5.0, 0.3 - 1e-12, 0.3, 0.5, 0.7 - 1e-12, 0.7, 9.0])
    assert values(network, x).tolist() == [0, 0, 1, 1, 1, 0, 0]
    assert values(neurons.pulse(-2.0, 5.0, 3.5), [-3.0, -2.0, 4.9, 5.0]).tolist() == [0, 3.5, 3.5, 0]
    soft = neurons.soften(network, slope=1000.0)
    assert soft.net == nn.Chain(nn.Dense(2), nn.sigmoid, nn.Dense(1))
    x = np.linspace(0, 1, 2001)
    clear = np.minimum(abs(x - 0.3), abs(x - 0.7)) >= 0.03
    np.testing.assert_allclose(values(soft, x)[clear], ((x >= 0.3) & (x < 0.7))[clear], atol=1e-10, rtol=0)
    assert abs(values(soft, [0.3])[0] - 0.5) < 1e-12  # half way up at the edge itself


@pytest.mark.course("B23", "B28")
def test_the_error_of_a_sum_of_pulses_falls_with_their_number():
    """For sin(2 pi x) with heights at the middles the error is sin(pi / n), at most pi / n."""
    errors = {}
    for n in (10, 20, 50, 100, 1000):
        edges = np.arange(n + 1) / n  # where the error is largest: at an edge, and just in front of it
        x = np.sort(np.concatenate([edges[:-1], edges[1:] - 1e-13, np.linspace(0, 1, 997, endpoint=False)]))
        network = neurons.pulse_sum(sine, 0.0, 1.0, n)
        assert neurons.size_of(network)[:2] == (2 * n + 1, 2 * n)
        errors[n] = np.abs(values(network, x) - sine(x)).max()
        assert errors[n] < math.pi / n
    assert errors[10] == pytest.approx(0.30902, abs=5e-6)
    assert errors[100] == pytest.approx(0.031411, abs=5e-7)
    assert errors[1000] == pytest.approx(0.0031416, abs=5e-8)
    table = list(errors.values())  # B28: width against sup error, strictly falling
    assert table == sorted(table, reverse=True) and len(set(table)) == 5


@pytest.mark.course("B24")
def test_networks_compose_boolean_functions_regions_and_functions():
    """The three headings of the deck, each by its smallest example; B04, B16-B18 and B23 hold the numbers."""
    table = [0, 1, 1, 0, 1, 0, 0, 1]
    assert neurons.dnf_network(table)(neurons.truth_rows(3))[:, 0].tolist() == table
    square = np.array([[0, 0], [1, 0], [1, 1], [0, 1]])
    x = [[0.5, 0.5], [1.5, 0.5], [2.5, 0.5]]
    assert neurons.polygon_network(square)(x)[:, 0].tolist() == [1, 0, 0]
    assert neurons.union_network([square, square + np.array([2, 0])])(x)[:, 0].tolist() == [1, 0, 1]
    x = np.linspace(0, 1, 100, endpoint=False)
    assert np.abs(values(neurons.pulse_sum(sine, 0, 1, 100), x) - sine(x)).max() < math.pi / 100


@pytest.mark.course("B25")
def test_the_mean_error_of_sigmoids_for_a_step_function_falls_below_a_hundredth():
    def jumps(x):
        return np.where(x < 1 / 3, 0.0, np.where(x < 0.71, 1.0, -0.5))

    x = (np.arange(20_000) + 0.5) / 20_000
    errors = []
    for n in (5, 20, 80, 320):
        network = neurons.soften(neurons.pulse_sum(jumps, 0.0, 1.0, n), slope=20.0 * n)
        assert network.net == nn.Chain(nn.Dense(2 * n), nn.sigmoid, nn.Dense(1))
        errors.append(np.abs(values(network, x) - jumps(x)).mean())
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01 < errors[0]


@pytest.mark.course("B26")
def test_one_layer_of_fifty_sigmoids_follows_the_sine_everywhere():
    network = neurons.soften(neurons.pulse_sum(np.sin, -math.pi, math.pi, 25), slope=4.0)
    assert network.net == nn.Chain(nn.Dense(50), nn.sigmoid, nn.Dense(1))
    given = np.linspace(-math.pi, math.pi, 200)[:, None]
    fitted = neurons.fit_outputs(network, given, np.sin(given))
    x = np.linspace(-math.pi, math.pi, 5003)
    assert np.abs(values(fitted, x) - np.sin(x)).max() < 0.01
    assert np.abs(values(network, x) - np.sin(x)).max() > 0.01  # so that it is the output weights that do it


@pytest.mark.course("B27")
def test_squares_never_do_the_absolute_value_and_two_rectifiers_do():
    """However wide, a layer of squares is a parabola; the best one for |x| on [-1, 1] is x^2 + 1/8, wrong by 1/8."""
    x = np.linspace(-1, 1, 401)
    draw = np.random.default_rng(0)
    for width in (1, 40):
        net = nn.Chain(nn.Dense(width), nn.square, nn.Dense(1))
        drawn = {
            "dense_0": {"kernel": draw.normal(size=(300, 1, width)), "bias": draw.normal(size=(300, width))},
            "dense_1": {"kernel": draw.normal(size=(300, width, 1)) / width, "bias": draw.normal(size=(300, 1))},
        }
        y = jax.vmap(lambda params, net=net: net.apply(params, {}, x[:, None])[0][:, 0])(drawn)
        assert np.abs(np.asarray(y) - abs(x)).max(axis=1).min() >= 1 / 8
        one = neurons.Construction(net, jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), drawn), {})
        fitted = neurons.fit_outputs(one, x[:, None], abs(x)[:, None])
        assert np.abs(values(fitted, x) - abs(x)).max() >= 1 / 8
    best = neurons.layered([([[1.0]], [0.0]), ([[1.0]], [1 / 8])], nn.square, linear=True)
    assert np.abs(values(best, x) - abs(x)).max() == pytest.approx(1 / 8, abs=1e-12)
    rectifiers = neurons.layered([([[1.0, -1.0]], [0.0, 0.0]), ([[1.0], [1.0]], [0.0])], nn.relu, linear=True)
    assert neurons.size_of(rectifiers).hidden == 2
    np.testing.assert_array_equal(values(rectifiers, x), abs(x))


def pieces(y):
    """Straight pieces of a function, from its values on an even grid whose points include every kink."""
    slopes = np.diff(y)
    return 1 + int((np.abs(np.diff(slopes)) > 1e-9).sum())


@pytest.mark.course("B29")
def test_each_layer_of_the_tent_map_doubles_the_pieces():
    x = np.arange(1025) / 1024
    for k in range(1, 9):
        network = neurons.tent_map(k)
        assert neurons.size_of(network).hidden == 2 * k
        y = values(network, x)
        assert pieces(y) == 2**k
        np.testing.assert_array_equal(y[:: 1024 >> k], np.arange(2**k + 1) % 2)  # from 0 up to 1 and back
        assert y.min() == 0 and y.max() == 1


@pytest.mark.course("B29")
def test_one_hidden_layer_has_a_kink_for_each_unit_and_no_more():
    """So 2^k pieces take at least 2^k - 1 rectifiers side by side."""
    draw = np.random.default_rng(3)
    x = np.arange(4097) / 4096
    for units in (1, 7, 31):
        kinks = draw.choice(np.arange(1, 4096, 2), units, replace=False) / 4096
        signs = draw.choice([-1.0, 1.0], units)
        network = neurons.layered(
            [(signs[None], -signs * kinks), (draw.uniform(1, 2, (units, 1)), [0.3])], nn.relu, linear=True
        )
        w, b = neurons.hyperplanes(network.params)
        np.testing.assert_allclose(np.sort(np.asarray(-b / w[:, 0])), np.sort(kinks), atol=1e-12)
        assert pieces(values(network, x)) <= units + 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: neurons.pulse(0.5, 0.5), "pulse: got 0.5 to 0.5; needed an end above the start."),
        (lambda: neurons.pulse(0.5, math.inf), "pulse: got inf; needed a number above -inf"),
        (lambda: neurons.pulse_sum(np.sin, 0, 1, 0), "pulses: got 0; needed a whole number of at least 1."),
        (lambda: neurons.pulse_sum(lambda x: np.where(x > 0.5, np.inf, 0), 0, 1, 4),
         "pulse_sum: function: got inf at 0.625; needed finite values."),
        (lambda: neurons.pulse_sum(lambda x: 1.0, 0, 1, 4),
         "pulse_sum: function: got values of shape (); needed one for each of 4 numbers."),
        (lambda: neurons.tent_map(0), "levels: got 0; needed a whole number from 1 to 20."),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(nn.JaxnnError, match=re.escape(message)):
        make()
