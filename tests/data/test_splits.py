import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.checks import JaxnnError
from jaxnn.data.splits import class_weights, split

SHARES = st.sampled_from([(0.8, 0.2), (0.64, 0.16, 0.2), (1 / 3, 1 / 3, 1 / 3), (0.7, 0.1, 0.1, 0.1), (1.0,)])


def covers(parts, rows):
    return np.array_equal(np.sort(np.concatenate(parts)), np.arange(rows)) and sum(map(len, parts)) == rows


@given(rows=st.integers(10, 300), shares=SHARES, seed=st.integers(0, 2**40))
def test_parts_are_disjoint_cover_all_and_have_their_sizes(rows, shares, seed):
    parts = split(rows, shares, seed)
    assert covers(parts, rows)
    for part, share in zip(parts, shares, strict=True):
        assert abs(len(part) - rows * share) < 1
        assert np.array_equal(part, np.sort(part))


@given(labels=st.lists(st.integers(0, 6), min_size=25, max_size=300), shares=SHARES, seed=st.integers(0, 99))
def test_each_class_is_in_each_part_by_its_share(labels, shares, seed):
    values = np.array(labels)
    try:
        parts = split(len(values), shares, seed, values)
    except JaxnnError:  # no class has as many rows as there are parts
        assert np.bincount(values).max() < len(shares)
        return
    assert covers(parts, len(values))
    for label in np.unique(values):
        rows = np.count_nonzero(values == label)
        counts = [np.count_nonzero(values[part] == label) for part in parts]
        if rows >= len(shares):
            assert min(counts) >= 1
        if rows * min(shares) >= 1:
            assert all(abs(count - rows * share) < 1 for count, share in zip(counts, shares, strict=True))


def test_many_small_classes_do_not_all_round_the_same_way():
    labels = np.repeat(np.arange(100), 7)  # 7 x 0.2 = 1.4: rounding each down would leave 100 of 140 rows
    train, test = split(700, (0.8, 0.2), labels=labels)
    assert (len(train), len(test)) == (560, 140)


def test_a_class_smaller_than_the_parts_goes_to_the_largest():
    labels = np.array([0] * 20 + [1] * 2 + [2])
    train, stop, test = split(23, (0.2, 0.64, 0.16), labels=labels)
    assert [sorted(set(labels[part].tolist())) for part in (train, stop, test)] == [[0, 1], [0, 1, 2], [0]]


def test_the_seed_and_nothing_else_decides():
    labels = np.arange(60) % 3
    first, again, other = (split(60, (0.5, 0.5), seed, labels)[0] for seed in (4, 4, 5))
    assert first.tolist() == again.tolist() != other.tolist()
    text = split(60, (0.5, 0.5), 4, labels.astype(str))[0]
    assert text.tolist() == first.tolist()


def test_iris_parts_keep_the_share_of_each_species():
    labels = np.repeat(["setosa", "versicolor", "virginica"], 50)
    for part, size in zip(split(150, (0.64, 0.16, 0.2), 0, labels), (32, 8, 10), strict=True):
        assert np.unique(labels[part], return_counts=True)[1].tolist() == [size] * 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, (1.0,)), "rows: got 0"),
        ((10, (0.5, 0.4)), r"shares: got \(0.5, 0.4\); needed positive numbers whose sum is 1"),
        ((10, (1.0, 0.0)), "shares: got 0.0; needed a number above 0"),
        ((10, (1.5, -0.5)), "shares: got 1.5"),
        ((10, ()), "sum is 1"),
        ((10, (0.5, 0.5), -1), "seed"),
        ((10, (0.5, 0.5), 0, [1, 2]), r"labels: got shape \(2,\)"),
        ((2, (0.6, 0.2, 0.2)), "shares: got 0.2 of 2 rows, which is none"),
        ((3, (0.6, 0.2, 0.2), 0, [1, 2, 3]), "which is none"),
    ],
)
def test_impossible_splits_are_refused(arguments, message):
    with pytest.raises(JaxnnError, match=message):
        split(*arguments)


def test_balanced_weights_are_those_of_scikit_learn():
    weights = pytest.importorskip("sklearn.utils.class_weight")
    labels = np.array(["a"] * 7 + ["b"] * 2 + ["c"])
    expected = weights.compute_sample_weight("balanced", labels)
    found = class_weights(labels, ("a", "b", "c", "never"), "balanced")
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32
    assert found.mean() == pytest.approx(1.0)


def test_weights_from_a_dict_and_none():
    assert class_weights([1, 0, 1], (0, 1)).tolist() == [1, 1, 1]
    assert class_weights([1, 0, 1], (0, 1), {1: 3}).tolist() == [3, 1, 3]
    assert class_weights([1, 0, 1], (0, 1), {"1": 3, "0": 0.5}).tolist() == [3, 0.5, 3]  # as TOML writes them
    assert class_weights(np.array([True, False]), (False, True), {True: 2.0}).tolist() == [2, 1]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"c": 1}, "class_weight: got class 'c'; needed one of the classes 'a', 'b'"),
        ({"a": -1}, "class_weight of 'a': got -1"),
        ({"a": float("inf")}, "class_weight of 'a': got inf"),
        ({"a": float("nan")}, "class_weight of 'a'"),
        ({"a": "x"}, "class_weight of 'a'"),
        ({"a": 0, "b": 0}, "a weight of 0 for every row"),
        ("balance", "needed None, 'balanced' or a dict"),
        (3, "needed None, 'balanced' or a dict"),
    ],
)
def test_wrong_weights_are_refused(spec, message):
    with pytest.raises(JaxnnError, match=message):
        class_weights(["a", "b"], ("a", "b"), spec)


def test_labels_outside_the_classes_are_refused():
    with pytest.raises(JaxnnError, match="labels: got 'z'; needed one of the classes 'a'"):
        class_weights(["z"], ("a",))
