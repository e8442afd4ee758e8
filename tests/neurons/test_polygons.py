"""Regions of the plane as networks: rows B15-B21, erratum E35 of the course."""

import math
import re

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from jaxnn.neurons.polygons import polygon_edges

pytestmark = pytest.mark.usefixtures("quick_compiles")


def regular(corners, centre=(0.0, 0.0), radius=1.0, turned=0.3):
    angles = turned + 2 * np.pi * np.arange(corners) / corners
    return np.array(centre) + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def inside(points, corners):
    """Whether a ray to the right crosses the outline an odd number of times, in float64."""
    x, y = np.asarray(points, np.float64).T
    odd = np.zeros(len(x), bool)
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if y0 != y1:
            odd ^= ((y0 > y) != (y1 > y)) & (x < x0 + (y - y0) * (x1 - x0) / (y1 - y0))
    return odd


def distance(points, corners):
    """From the outline: what lies nearer than float32 can tell is left out."""
    nearest = np.full(len(points), np.inf)
    for a, b in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        along = np.clip((points - a) @ (b - a) / ((b - a) @ (b - a)), 0, 1)
        nearest = np.minimum(nearest, np.hypot(*(points - a - along[:, None] * (b - a)).T))
    return nearest


def grid(low, high, points):
    axis = np.linspace(low, high, points, dtype=np.float32)
    return np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)


def fires(network, points):
    said = np.asarray(network(points))[:, 0]
    assert set(said.tolist()) <= {0.0, 1.0}
    return said == 1


LEFT, RIGHT = regular(5, (-0.55, -0.2), 0.38), regular(5, (0.5, 0.5), 0.38, turned=1.0)


@pytest.mark.course("B15")
@pytest.mark.parametrize(
    ("gate", "half_plane"),
    [
        (neurons.and_gate([1, 1]), lambda x1, x2: x1 + x2 >= 2),
        (neurons.or_gate([1, 1]), lambda x1, x2: x1 + x2 >= 1),
        (neurons.and_gate([-1, 0]), lambda x1, x2: x1 <= 0),  # NOT
        (neurons.and_gate([-1, 1]), lambda x1, x2: x2 - x1 >= 1),
    ],
    ids=["and", "or", "not", "negated"],
)
def test_a_gate_with_real_inputs_is_a_half_plane(gate, half_plane):
    points = grid(-0.5, 2, 41)  # steps of 1/16, exact in float32
    w, b = neurons.hyperplanes(gate.params)
    labels = fires(gate, points)
    np.testing.assert_array_equal(labels, points @ np.asarray(w[0]) + np.asarray(b[0]) >= 0)
    np.testing.assert_array_equal(labels, half_plane(*points.T.astype(np.float64)))
    assert 0 < labels.sum() < len(labels)


@pytest.mark.course("B16")
@pytest.mark.parametrize("clockwise", [False, True])
def test_a_pentagon_is_the_and_of_five_half_planes(clockwise):
    corners = regular(5)
    network = neurons.polygon_network(corners[::-1] if clockwise else corners)
    assert neurons.size_of(network).hidden == 5
    points = grid(-1.3, 1.3, 200)
    clear = distance(points, corners) > 1e-5
    assert clear.sum() > 39_900
    np.testing.assert_array_equal(fires(network, points)[clear], inside(points, corners)[clear])
    hidden = network.net.outputs(network.params, {}, points)["activation_0"]
    np.testing.assert_array_equal(fires(network, points), np.asarray(hidden).sum(1) >= 5)


@pytest.mark.course("B17")
def test_the_sum_of_half_planes_falls_outside_a_polygon():
    def count(network, points):
        return np.asarray(network.net.outputs(network.params, {}, np.float32(points))["activation_0"]).sum(axis=1)

    five, thousand = neurons.polygon_network(regular(5)), neurons.polygon_network(regular(1000))
    middles = (regular(5) + np.roll(regular(5), -1, axis=0)) / 2
    assert count(five, [[0, 0]]).tolist() == [5]
    assert count(five, 1.01 * middles).tolist() == [4] * 5
    assert set(count(five, 1e4 * regular(360)).tolist()) == {2, 3}
    assert count(thousand, [[0, 0]]).tolist() == [1000]
    assert set(count(thousand, 1e4 * regular(60, turned=0.01)).tolist()) <= {500, 501}
    # at twice the radius: N (1 - arccos(1/2) / pi) = 2 N / 3
    assert math.isclose(1000 * (1 - math.acos(0.5) / math.pi), 2000 / 3)
    at_twice = count(thousand, 2 * regular(60, turned=0.01))
    assert set(at_twice.tolist()) <= {666, 667} and 667 in at_twice


@pytest.mark.course("B18")
def test_the_union_of_two_pentagons_takes_a_third_layer():
    network = neurons.union_network([LEFT, RIGHT])
    assert [network.params[f"dense_{k}"]["kernel"].shape for k in range(3)] == [(2, 10), (10, 2), (2, 1)]
    assert neurons.size_of(network).depth == 3
    points = grid(-1, 1, 200)
    clear = np.minimum(distance(points, LEFT), distance(points, RIGHT)) > 1e-5
    np.testing.assert_array_equal(fires(network, points)[clear], (inside(points, LEFT) | inside(points, RIGHT))[clear])
    one = neurons.union_network([LEFT])
    clear = distance(points, LEFT) > 1e-5
    np.testing.assert_array_equal(fires(one, points)[clear], inside(points, LEFT)[clear])


@pytest.mark.course("B20")
def test_regions_by_depth():
    points = grid(-2, 2, 65)  # steps of 1/16, exact in float32
    x, y = points.T
    half_space = neurons.half_planes([[1], [1]], [-0.5])
    wedge = neurons.half_planes([[1, 0], [0, 1]], [0, -1])
    squares = [np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) + shift for shift in ([-1.53, 0.03], [0.03, -1.53])]
    depths = [neurons.size_of(one).depth for one in (half_space, wedge, neurons.union_network(squares))]
    assert depths == [1, 2, 3]
    np.testing.assert_array_equal(fires(half_space, points), x + y >= 0.5)
    np.testing.assert_array_equal(fires(wedge, points), (x >= 0) & (y >= 1))  # open to the right and above
    in_either = inside(points, squares[0]) | inside(points, squares[1])
    np.testing.assert_array_equal(fires(neurons.union_network(squares), points), in_either)


@pytest.fixture(scope="module")
def exercise():
    """A grid that no network is fitted on, the union of the two pentagons on it, and the answers of B21."""
    points = np.float32(grid(-0.995, 0.995, 100))
    target = inside(points, LEFT) | inside(points, RIGHT)
    # wrong area over target area with the seeds 0 to 5: 3.1 to 5.1 % with 110 units, 1.9 to 4.7 % with 310
    frame = ((-1, 1), (-1, 1))
    networks = {lines: neurons.one_hidden_layer([LEFT, RIGHT], lines, frame=frame) for lines in (100, 300)}
    return points, target, networks


@pytest.mark.course("B19", "B21")
def test_two_polygons_with_one_hidden_layer(exercise):
    points, target, networks = exercise
    assert 0.15 < target.mean() < 0.19  # of the frame
    wrong = {lines: (fires(network, points) != target).sum() / target.sum() for lines, network in networks.items()}
    assert [neurons.size_of(network)[1::2] for network in networks.values()] == [(110, 2), (310, 2)]
    assert wrong[300] < 0.05
    assert wrong[300] < wrong[100] < 0.2


@pytest.mark.course("B21")
def test_equal_cylinders_are_the_coarser_answer(exercise):
    points, target, networks = exercise
    fitted = (fires(networks[300], points) != target).sum() / target.sum()
    best = {}
    for radius in (0.1, 0.05):
        axis = np.arange(-1, 1, 1.6 * radius)
        centres = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2)
        centres = centres[inside(centres, LEFT) | inside(centres, RIGHT)]
        network = neurons.cylinder_network(centres, radius, level=0.0, planes=16)
        assert neurons.size_of(network).depth == 2
        net, params, _ = network
        sums = np.asarray(nn.Chain(*net.layers[:-1]).apply(params, {}, points)[0])[:, 0]
        levels = np.quantile(sums, np.linspace(0.7, 0.95, 40))
        best[radius] = min(((sums >= level) != target).sum() / target.sum() for level in levels)
    assert fitted < best[0.05] < best[0.1] < 0.4


@pytest.mark.course("B19", "B20")
def test_e35_one_hidden_layer_is_convex_with_an_and_and_any_region_with_another_threshold(exercise):
    """Both slides are right: an AND of half-planes has no gap between two points of it, a weighted sum may have."""
    a, b = LEFT.mean(axis=0), RIGHT.mean(axis=0)
    between = np.float32([a, (a + b) / 2, b])
    _, _, networks = exercise
    assert fires(networks[300], between).tolist() == [True, False, True]
    draw = np.random.default_rng(0)
    kernels, biases = draw.normal(size=(200, 2, 6)), draw.uniform(0, 1, (200, 6))
    x = np.float32(0.5 * draw.normal(size=(200, 2, 2)))
    net = neurons.half_planes(kernels[0], biases[0]).net
    params = [neurons.half_planes(w, c).params for w, c in zip(kernels, biases, strict=True)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *params)
    middle = x.mean(axis=1, keepdims=True)
    apply = jax.vmap(lambda own, points: net.apply(own, {}, points)[0][:, 0])
    ends, centres = (np.asarray(apply(stacked, points)) == 1 for points in (x, middle))
    both = ends.all(axis=1)
    assert both.sum() > 10 and centres[both].all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: neurons.polygon_network([[0, 0], [1, 1]]),
         "polygon: got corners of shape (2, 2); needed at least 3 corners (x, y): (corners, 2)."),
        (lambda: neurons.polygon_network([[0, 0], [1, 1], [1, 0], [0, 1]]),
         "polygon: got edges from corner 0 and corner 2 that cross; needed a polygon that does not cross itself."),
        (lambda: neurons.polygon_network(regular(5)[[0, 2, 4, 1, 3]]), "cross; needed a polygon that does not cross"),
        (lambda: neurons.union_network([regular(3), [[0, 0], [4, 0], [1, 1], [0, 4]]]),
         "polygon 1, corner 2: got (1, 1), where the polygon turns inward or back; needed a convex polygon."),
        (lambda: neurons.polygon_network([[0, 4], [1, 1], [4, 0], [0, 0]]), "polygon, corner 1: got (1, 1), where"),
        (lambda: neurons.polygon_network([[0, 0], [1, 1], [2, 2]]), "where the polygon turns inward or back"),
        (lambda: neurons.polygon_network([[0, 0], [1, 0], [1, 0], [0, 1]]),
         "polygon, corner 1: got (1, 0) twice in a row; needed corners that differ."),
        (lambda: neurons.polygon_network([[0, 0], [1, 0], [0, np.nan]]), "polygon, corner 2: got (0, nan);"),
        (lambda: neurons.polygon_network(np.tile(regular(3), (2, 1))),
         "polygon: got corners that go around 2 times; needed corners that go around once."),
        (lambda: neurons.union_network([]), "polygons: got none; needed at least one polygon."),
        (lambda: neurons.half_planes([[1, 0], [0, 1]], [0]), "half_planes: got a kernel (2, 2) and a bias (1,);"),
        (lambda: neurons.cylinder_network([0, 0], 1), "centres: got shape (2,); needed one (x, y) for each circle"),
        (lambda: neurons.one_hidden_layer([LEFT], 5, frame=((1, -1), (0, 1))), "frame: got ((1, -1), (0, 1)); needed"),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(nn.JaxnnError, match=re.escape(message)):
        make()


def test_corners_on_an_edge_are_allowed():
    on_one_side = np.arange(30)[:, None] / 29 * [0.7, 0.3]  # but for rounding, to one side of the line or the other
    triangle = np.concatenate([on_one_side, [[0.2, 0.9]]])
    points = np.float32([[0.3, 0.3], [0.35, 0.16], [0.35, 0.14]])
    assert fires(neurons.polygon_network(triangle), points).tolist() == [True, True, False]


def test_edges_measure_distances():
    triangle = np.array([[0.0, 0.0], [3.0, 1.0], [1.0, 2.0]])
    points = triangle.mean(axis=0) + np.array([[0, 0], [0.2, 0.1], [-0.1, 0.05]])
    kernel, bias = polygon_edges(triangle)
    np.testing.assert_allclose((points @ kernel + bias).min(axis=1), distance(points, triangle), rtol=1e-12)
