import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from columns import EVERY_KIND, UNUSED, numeric, numerics
from jaxnn.checks import JaxnnError
from jaxnn.data.csvfile import parse
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.table import Table
from jaxnn.data.tables import to_table
from jaxnn.data.wishes import Wishes

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=5)


def fit(x, target=None, task="auto", wishes=None):
    x = np.array(x, dtype=float)
    names = tuple(f"c{index}" for index in range(x.shape[1]))
    table = Table(names, x, np.arange(len(x)) % 2 if target is None else target, "t")
    return Preprocessing.fit(table, task, wishes)


def centers(learnt):
    return tuple(column.center for column in learnt.used)


def scales(learnt):
    return tuple(column.scale for column in learnt.used)


@pytest.mark.course("D02")
@pytest.mark.parametrize(
    ("scaling", "expected", "later"),
    [("z-score", [-1.3416, -0.4472, 0.4472, 1.3416], 97.5 / np.sqrt(1.25)), ("min-max", [0, 1 / 3, 2 / 3, 1], 33.0)],
)
def test_scalings_of_the_course(scaling, expected, later):
    x = [[1.0, 5.0], [2.0, 5.0], [3.0, 5.0], [4.0, 5.0]]
    learnt = fit(x, wishes=Wishes(scaling=scaling))
    z = learnt.transform(x)
    np.testing.assert_allclose(z[:, 0], expected, atol=5e-5)
    assert z[:, 1].tolist() == [0, 0, 0, 0]  # a constant column
    assert (centers(learnt)[1], scales(learnt)[1]) == (5.0, 1.0)
    assert z.dtype == np.float32
    # statistics are of the training rows, whatever comes later
    np.testing.assert_allclose(learnt.transform([[100.0, 6.0]]), [[later, 1.0]], rtol=1e-6)


@given(hnp.arrays(float, st.tuples(st.integers(2, 30), st.integers(1, 3)), elements=st.floats(-1e6, 1e6)))
def test_statistics_are_those_of_numpy(x):
    learnt = fit(x)
    np.testing.assert_allclose(centers(learnt), x.mean(axis=0), rtol=1e-9, atol=1e-9)
    assert [column.fill for column in learnt.used] == np.median(x, axis=0).tolist()
    spread = x.std(axis=0)
    size = np.abs(x).max(axis=0)
    varies = (np.ptp(x, axis=0) > 1e-5 * size) & (size > 1e-100)  # squares of smaller ones are 0 for numpy
    np.testing.assert_allclose(np.array(scales(learnt))[varies], spread[varies], rtol=1e-6)


@given(hnp.arrays(float, st.tuples(st.integers(1, 20), st.integers(1, 3)), elements=FLOATS))
def test_any_finite_numbers_have_finite_z_scores_of_at_most_the_root_of_the_rows(x):
    learnt = fit(x)
    z = learnt.transform(x)
    assert np.isfinite(z).all()
    normal = np.array(scales(learnt)) > 1e-290  # below, a scale has too few bits left
    assert (np.abs(z[:, normal]) <= np.sqrt(len(x)) * 1.001).all()


def test_huge_and_tiny_and_nearly_equal_numbers():
    np.testing.assert_allclose(fit([[1e300], [-1e300]]).transform([[1e300], [0.0]]), [[1.0], [0.0]])
    np.testing.assert_allclose(fit([[1.7e308], [-1.7e308]]).transform([[1.7e308], [-1.7e308]]), [[1.0], [-1.0]])
    far = [[1.7e308], [1.7e308], [-1.7e308]]  # the distance to the mean is no float64
    np.testing.assert_allclose(fit(far).transform(far).ravel(), [0.5**0.5, 0.5**0.5, -(2**0.5)], rtol=1e-6)
    np.testing.assert_allclose(fit([[1e-300], [3e-300]]).transform([[1e-300], [3e-300]]), [[-1.0], [1.0]])
    np.testing.assert_allclose(fit([[1.7e9], [1.7e9 + 2]]).transform([[1.7e9], [1.7e9 + 2]]), [[-1.0], [1.0]])
    equal = fit([[0.1]] * 7)
    assert (centers(equal), scales(equal)) == ((0.1,), (1.0,))


@pytest.mark.parametrize(
    ("target", "classes", "indices"),
    [
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        ([7, 3, 7], (3, 7), [1, 0, 1]),
        ([7.0, 3.0, 7.0], (3, 7), [1, 0, 1]),
        ([True, False, True], (False, True), [1, 0, 1]),
    ],
)
def test_classes_keep_their_type_through_encoding_and_json(target, classes, indices):
    learnt = fit([[1.0], [2.0], [3.0]], target, "classification")
    again = Preprocessing.from_json(json.loads(json.dumps(learnt.to_json())))
    assert again == learnt
    assert again.classes == classes
    assert [type(value) for value in again.classes] == [type(value) for value in classes]
    assert again.task == "classification"
    codes = again.encode_target(np.array(target))
    assert codes.tolist() == indices
    assert codes.dtype == np.int32
    assert again.decode_classes(codes).tolist() == target
    assert again.encode_target(np.array(target)[:0]).shape == (0,)


def test_regression_targets_are_z_scored_and_come_back_in_their_unit():
    target = np.array([100.0, 150.0, 230.5])
    learnt = fit([[1.0], [2.0], [3.0]], target)
    assert (learnt.classes, learnt.task) == (None, "regression")
    z = learnt.encode_target(target)
    assert z.dtype == np.float32
    np.testing.assert_allclose([z.mean(), z.std()], [0, 1], atol=1e-6)
    np.testing.assert_allclose(learnt.decode_values(z), target, rtol=1e-6)
    np.testing.assert_allclose(learnt.decode_values(z.reshape(3, 1)), target[:, None], rtol=1e-6)


@given(
    st.lists(st.tuples(TEXTS, FLOATS, st.floats(5e-324, 1e308)), min_size=1, unique_by=lambda row: row[0]),
    st.one_of(
        st.lists(TEXTS, min_size=1, unique=True),
        st.lists(st.integers(-(2**53), 2**53), min_size=1, unique=True),
        st.just([False, True]),
        st.tuples(FLOATS, st.floats(5e-324, 1e308)),
    ),
)
def test_json_round_trip_is_exact(columns, target):
    names, means, spreads = (tuple(values) for values in zip(*columns, strict=True))
    used = numerics(names, means, spreads)
    if isinstance(target, tuple):
        learnt = Preprocessing(used, (), None, "y", *target)
    else:
        learnt = Preprocessing(used, (), tuple(target), "y")
    again = Preprocessing.from_json(json.loads(json.dumps(learnt.to_json())))
    assert again == learnt
    assert np.array(centers(again)).tobytes() == np.array(means).tobytes()
    assert np.array(scales(again)).tobytes() == np.array(spreads).tobytes()


def test_json_keeps_columns_of_every_kind_those_that_are_not_used_and_the_log():
    learnt = Preprocessing(EVERY_KIND, UNUSED, None, "€", 0.1, 1 / 3, True)
    again = Preprocessing.from_json(json.loads(json.dumps(learnt.to_json())))
    assert again == learnt
    assert (again.used, again.dropped, again.target_log) == (EVERY_KIND, UNUSED, True)


DOCUMENT = Preprocessing(numerics("xy", (0.5, 1.5), (1.0, 2.0)), (), ("a", "b"), "t").to_json()
X, Y = DOCUMENT["columns"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": []}, "used: got .*; needed a tuple of at least one column"),
        ({"columns": [X | {"kind": "Dropped"}]}, "columns: got .*; needed the fields of Dropped"),
        ({"columns": [X, X]}, "columns: got a name more than once"),
        ({"columns": [X, 3]}, "columns: got int; needed an object whose kind is one of Numeric"),
        ({"columns": X}, "columns: got dict; needed a list"),
        ({"columns": "xy"}, "columns: got str; needed a list"),
        ({"columns": None}, "columns: got NoneType; needed a list"),
        ({"classes": []}, "classes"),
        ({"classes": ["a", 1]}, "classes: .* needed a tuple of classes that are all text, all int or all bool"),
        ({"classes": [1, True]}, "classes"),
        ({"classes": [0.5, 1.5]}, "classes"),
        ({"classes": [["a"], ["b"]]}, "classes"),
        ({"classes": ["a", "a"]}, "classes: got a class more than once"),
        ({"classes": ["a", "\udfff"]}, "classes: got '.udfff'; needed text that UTF-8 can encode"),
        ({"target_name": "\ud800"}, "target_name: got '.ud800'"),
        ({"classes": [1, 2**63]}, "classes: got a whole number beyond 64 bits"),
        ({"classes": {"a": 1}}, "classes: got dict; needed a list"),
        ({"target_name": 3}, "target_name"),
        ({"target_mean": 1.0, "target_scale": 1.0}, "beside classes"),
        ({"classes": None, "target_mean": 1.0}, "target_scale: got None"),
        ({"classes": None, "target_mean": "1", "target_scale": 1.0}, "target_mean: got '1'"),
        ({"classes": None, "target_mean": 1.0, "target_scale": 0.0}, "target_scale: got 0.0"),
        ({"target_log": 1}, "target_log: got 1; needed true or false"),
        ({"target_log": True}, "beside classes"),
        ({"extra": 1}, "needed an object with the fields classes, columns, target_log"),
    ],
)
def test_hostile_documents_are_refused(change, message):
    with pytest.raises(JaxnnError, match=f"^preprocessing.*{message}"):
        Preprocessing.from_json({**DOCUMENT, **change})


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, st.dictionaries(st.sampled_from(sorted(DOCUMENT)), JSON))
def test_any_json_is_a_preprocessing_or_our_own_error(document, change):
    for candidate in (document, {**DOCUMENT, **change}):
        message = ""
        try:
            Preprocessing.from_json(candidate)
        except JaxnnError as error:
            message = str(error)
        assert len(message) < 500


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: p.transform([[1.0, 2.0]]), r"features: got shape \(1, 2\); needed \(rows, 1\)"),
        (lambda p: p.transform([1.0]), r"features: got shape \(1,\)"),
        (lambda p: p.transform([["x"]]), "features: got what is no array of numbers"),
        (lambda p: p.transform([[1.0], [-np.inf]]), "features, row 1, 'c0': got -inf; needed a finite number"),
        (lambda p: p.transform({"c1": [1.0]}), "features: got no column 'c0'; needed all 1 columns"),
        (lambda p: p.transform([[1e300]]), "features, row 0, 'c0': got 1e[+]300; .* z-score exceeds float32"),
        (lambda p: p.encode_target(["a", "z"]), "target: got 'z'; needed one of the classes 'a', 'b'"),
        (lambda p: p.encode_target([1]), "target: got 1; needed one of the classes"),
        (lambda p: p.decode_classes([2]), "indices: got"),
        (lambda p: p.decode_classes([-1]), "indices: got"),
        (lambda p: p.decode_classes([0.0]), "indices: got float64"),
        (lambda p: p.decode_values([0.0]), "preprocessing: got no mean and scale of a target"),
    ],
)
def test_wrong_use_is_refused(call, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        call(fit([[1.0], [2.0], [4.0]], ["a", "b", "a"]))


def test_a_one_is_no_true():
    learnt = fit([[1.0], [2.0]], [True, False])
    with pytest.raises(JaxnnError, match="target: got 0; needed one of the classes False, True"):
        learnt.encode_target([1, 0])
    learnt = fit([[1.0], [2.0]], [1, 0])
    with pytest.raises(JaxnnError, match="target: got True"):
        learnt.encode_target([True])


def test_regression_refuses_classes_and_text():
    learnt = fit([[1.0], [2.0]], [0.5, 1.5])
    with pytest.raises(JaxnnError, match="decode_classes: got the preprocessing of a regression"):
        learnt.decode_classes([0])
    with pytest.raises(JaxnnError, match="target: got <U1"):
        learnt.encode_target(["a"])
    with pytest.raises(JaxnnError, match="target, row 1: got inf"):
        learnt.encode_target([1.0, np.inf])


def test_a_table_without_rows_or_target_cannot_be_learnt_from():
    table = Table(("x",), np.ones((2, 1)), np.array([0, 1]), "t")
    with pytest.raises(JaxnnError, match="table: got no rows"):
        Preprocessing.fit(table.rows([]))
    with pytest.raises(JaxnnError, match="table: got no target"):
        Preprocessing.fit(dataclasses.replace(table, target=None))


def test_a_preprocessing_is_shown_in_a_few_words():
    assert repr(fit([[1.0], [2.0]], ["a", "b"])).startswith("Preprocessing(1 column, 2 classes")
    wide = Preprocessing(numerics([f"c{i}" for i in range(64)]), (), tuple(range(10)), "digit")
    assert repr(wide) == "Preprocessing(64 columns, 10 classes of digit)"
    assert repr(Preprocessing((numeric("x"),), (), None, "y", 1.0, 2.0)) == "Preprocessing(1 column, values of y)"


def test_a_counter_is_used_where_there_is_nothing_else():
    raw = parse(b"x,y\n" + b"".join(b"%d,%d\n" % (i, 3 * i) for i in range(1, 51)), "line.csv")
    learnt = Preprocessing.fit(to_table(raw, "y", "regression"), "regression")
    assert (learnt.columns, learnt.dropped) == (("x",), ())
    raw = parse(b"x,z,y\n" + b"".join(b"%d,%d,%d\n" % (i, i * i % 7, 3 * i) for i in range(1, 51)), "line.csv")
    learnt = Preprocessing.fit(to_table(raw, "y", "regression"), "regression")
    assert [column.name for column in learnt.dropped] == ["x"]
