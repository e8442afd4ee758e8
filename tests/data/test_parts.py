import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn import JaxnnError
from jaxnn.data.parts import Part, holdout


def data(rows, classes=3):
    generator = np.random.default_rng(rows)
    return generator.normal(size=(rows, 4)), generator.integers(0, classes, rows)


@pytest.mark.course("D04")
@given(
    st.integers(3, 200), st.integers(0, 2**32), st.sampled_from([(0.6, 0.2, 0.2), (0.8, 0.1, 0.1), (0.34, 0.33, 0.33)])
)
def test_parts_share_no_row_and_cover_all(rows, seed, shares):
    if rows * min(shares) < 1:
        return
    x, y = data(rows)
    parts = holdout((x, y), shares, seed)
    every = [parts.train, parts.validation, parts.test]
    assert [part.role for part in every] == ["train", "validation", "test"]
    assert sorted(np.concatenate([part.indices for part in every])) == list(range(rows))
    for part, share in zip(every, shares, strict=True):
        assert abs(len(part) - share * rows) < 1
        assert np.array_equal(part.x, x[part.indices])
        assert np.array_equal(part.y, y[part.indices])
    again = holdout((x, y), shares, seed)
    assert np.array_equal(again.test.indices, parts.test.indices)


@pytest.mark.course("D04")
def test_every_class_is_divided_in_proportion():
    labels = np.repeat(["rare", "some", "many"], [10, 50, 140])
    parts = holdout((np.arange(200.0)[:, None], labels), (0.6, 0.2, 0.2), seed=1, labels=labels)
    for part, each in ((parts.train, 0.6), (parts.validation, 0.2), (parts.test, 0.2)):
        assert [np.sum(part.y == name) for name in ("rare", "some", "many")] == [10 * each, 50 * each, 140 * each]


def test_another_seed_gives_other_parts():
    one, other = holdout(data(100), seed=1), holdout(data(100), seed=2)
    assert not np.array_equal(one.test.indices, other.test.indices)


@pytest.mark.course("M06")
def test_what_is_taken_from_the_test_part_is_of_the_test_part():
    test = holdout(data(100)).test
    for rows in ([3, 1], slice(0, 2), np.arange(len(test)) < 2):
        cut = test.take(rows)
        assert (cut.role, len(cut)) == ("test", 2)
        assert np.array_equal(cut.x, test.x[rows])
        assert np.array_equal(cut.indices, test.indices[rows])
        assert cut.take([0]).role == "test"
    x, y = test.pair
    assert x is test.x
    assert y is test.y


def test_a_part_is_a_copy():
    x, y = data(50)
    parts = holdout((x, y))
    before = parts.validation.x.copy()
    x[:] = 0
    assert np.array_equal(parts.validation.x, before)


@pytest.mark.parametrize(
    ("given", "shares", "message"),
    [
        (([[1.0]] * 5, [1] * 4), (0.6, 0.2, 0.2), "data: got x of shape"),
        (([[1.0], [1.0, 2.0]], [1, 1]), (0.6, 0.2, 0.2), "data: got rows of different lengths"),
        ((1.0, 2.0), (0.6, 0.2, 0.2), "data: got x of shape"),
        ([[1.0]] * 5, (0.6, 0.2, 0.2), "data: got a list; needed a pair"),
        (Part(np.zeros((5, 1)), np.zeros(5), np.arange(5), "test"), (0.6, 0.2, 0.2), "data: got a Part"),
        (([[1.0]] * 5, [1] * 5), (0.8, 0.2), r"shares: got \(0.8, 0.2\); needed three"),
        (([[1.0]] * 5, [1] * 5), 0.8, "shares: got 0.8; needed three"),
        (([[1.0]] * 5, [1] * 5), (0.8, 0.1, 0.2), "shares: got"),
        (([[1.0]] * 2, [1] * 2), (0.8, 0.1, 0.1), "shares: got 0.1 of 2 rows, which is none"),
    ],
)
def test_bad_input_is_refused(given, shares, message):
    with pytest.raises(JaxnnError, match=message):
        holdout(given, shares)


@pytest.mark.parametrize("rows", [[99], "x", [True, False], None, [0.5], 3])
def test_rows_that_are_not_there(rows):
    part = nn.data.holdout(data(50)).test
    with pytest.raises(JaxnnError, match=r"Part\.take: got"):
        part.take(rows)
