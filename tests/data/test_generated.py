import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data import generated


@pytest.mark.course("D13")
@pytest.mark.parametrize(
    ("table", "bits", "ones"),
    [
        (generated.xor_table(), 2, [1, 2]),
        (generated.or_table(), 2, [1, 2, 3]),
        (generated.and_table(), 2, [3]),
        (generated.five_variable_table(), 5, [6, 11, 12, 17, 23, 25]),
        (generated.parity_table(1), 1, [1]),
        (generated.parity_table(4), 4, [i for i in range(16) if bin(i).count("1") % 2]),
        (generated.parity_table(8), 8, [i for i in range(256) if bin(i).count("1") % 2]),
    ],
)
def test_truth_tables_list_every_row_once_and_the_true_ones(table, bits, ones):
    written = [[int(bit) for bit in format(i, f"0{bits}b")] for i in range(2**bits)]
    assert table.features.tolist() == written
    assert table.features.dtype == np.float64
    assert np.flatnonzero(table.target).tolist() == ones
    assert table.target.dtype == np.int64
    assert table.columns == tuple(f"X{i + 1}" for i in range(bits))


@pytest.mark.course("D13")
def test_five_variable_rows_are_those_of_the_course():
    table = generated.five_variable_table()
    rows = {tuple(row) for row in table.features[table.target == 1].astype(int).tolist()}
    assert rows == {
        (0, 0, 1, 1, 0),
        (0, 1, 0, 1, 1),
        (0, 1, 1, 0, 0),
        (1, 0, 0, 0, 1),
        (1, 0, 1, 1, 1),
        (1, 1, 0, 0, 1),
    }


@pytest.mark.course("D13")
def test_rings_leave_a_gap_and_have_the_base_rate():
    table = generated.rings()
    square = (table.features**2).sum(axis=1)
    assert table.features.shape == (334, 2)
    assert np.array_equal(square < 1, table.target == 1)
    assert np.array_equal(square > 1.5, table.target == 0)
    assert np.bincount(table.target).tolist() == [177, 157]
    assert round(177 / 334, 2) == 0.53


def test_rings_are_normal_points_without_the_gap():
    table = generated.rings(rows=20_000)
    square = (table.features**2).sum(axis=1)
    # exponential with mean 2, truncated: conditional means by integration
    inner = 2 - np.exp(-0.5) / (1 - np.exp(-0.5))
    assert abs(square[table.target == 1].mean() - inner) < 0.01
    assert abs(square[table.target == 0].mean() - 3.5) < 0.06
    assert np.abs(table.features.mean(axis=0)).max() < 0.05


@pytest.mark.course("D13")
@pytest.mark.parametrize("name", generated.SETS)
def test_sets_are_balanced_shuffled_and_depend_on_the_seed_alone(name):
    make = generated.SETS[name]
    table, again, other = make(), make(), make(seed=1)
    assert table.features.tobytes() == again.features.tobytes()
    assert table.sha256 == again.sha256
    assert table.features.tobytes() != other.features.tobytes()
    counts = np.bincount(table.target)
    expected = {"blobs": [134, 133, 133], "rings": [177, 157]}.get(name, [200, 200])
    assert counts.tolist() == expected
    assert len(set(table.target[:20].tolist())) == len(counts)  # not in the order of the classes
    assert make(rows=41).features.shape == (41, 2)


@pytest.mark.parametrize("noise", [0.0, 0.3])
def test_noise_is_the_standard_deviation_around_the_formula(noise):
    table = generated.xor(rows=20_000, noise=noise)
    corner = np.round(generated.xor(rows=20_000, noise=0.0).features)
    rest = table.features - corner
    assert abs(rest.std() - noise) < 0.01
    assert np.array_equal(corner.sum(axis=1) == 1, table.target == 1)


def test_curves_lie_where_their_formulas_say():
    circle = generated.circles(noise=0.0, ratio=0.25)
    np.testing.assert_allclose(np.hypot(*circle.features.T), np.where(circle.target == 0, 1.0, 0.25))
    moon = generated.moons(noise=0.0)
    first, second = moon.features[moon.target == 0], moon.features[moon.target == 1]
    np.testing.assert_allclose(np.hypot(*first.T), 1.0)
    np.testing.assert_allclose(np.hypot(*(second - [1.0, 0.5]).T), 1.0)
    assert first[:, 1].min() > -1e-9
    assert second[:, 1].max() < 0.5 + 1e-9
    spiral = generated.spirals(noise=0.0)
    x, y = spiral.features.T
    radius = np.hypot(x, y)
    start = np.where(spiral.target == 0, 0.0, np.pi)
    np.testing.assert_allclose(np.cos(np.arctan2(y, x) - start - 2 * np.pi * 1.5 * radius), 1.0)
    centre = generated.blobs(noise=0.0, classes=5)
    assert len(np.unique(centre.features.round(6), axis=0)) == 5
    np.testing.assert_allclose(np.hypot(*centre.features.T), 5.0)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("xor", {"rows": 3}),
        ("xor", {"noise": -0.1}),
        ("moons", {"seed": -1}),
        ("moons", {"rows": 2.5}),
        ("circles", {"ratio": 1.0}),
        ("spirals", {"turns": 0.0}),
        ("blobs", {"classes": 1}),
        ("blobs", {"classes": 4, "rows": 7}),
        ("rings", {"noise": float("nan")}),
    ],
)
def test_arguments_out_of_range_are_refused(name, options):
    with pytest.raises(JaxnnError, match=f"^{[*options][-1]}: got "):
        generated.SETS[name](**options)


def test_parity_has_a_largest_size():
    with pytest.raises(JaxnnError, match="bits: got 17; needed a whole number from 1 to 16"):
        generated.parity_table(17)
