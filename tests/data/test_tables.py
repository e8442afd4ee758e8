import dataclasses

import numpy as np
import pytest

from columns import numerics
from jaxnn.checks import JaxnnError
from jaxnn.data import builtin
from jaxnn.data.csvfile import parse
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.tables import columns_named, features_for, target_for, to_table, types_named


def table_of(text, target="t", task="auto", drop=(), keep=()):
    return to_table(parse(text.encode(), "x.csv"), target, task, drop, keep)


def test_iris_from_a_file_is_the_built_in_iris():
    iris = builtin.iris()
    lines = [",".join([*iris.columns[:2], "species", *iris.columns[2:]])]
    for x, species in zip(iris.features, iris.target, strict=True):
        lines.append(",".join([*map(str, x[:2]), species, *map(str, x[2:])]))
    table = table_of("\n".join(lines), "species")
    assert table.columns == iris.columns
    assert table.target_name == "species"
    np.testing.assert_array_equal(table.target, iris.target)
    # the cells stay text; what is learnt of them, and the inputs, are those of the numbers
    learnt, known = Preprocessing.fit(table), Preprocessing.fit(iris)
    for column, number in zip(learnt.used, known.used, strict=True):
        assert dataclasses.astuple(column)[3:6] == dataclasses.astuple(number)[3:6]  # median and range
        assert (column.center, column.scale) == pytest.approx((number.center, number.scale), rel=1e-14)
    x = known.transform(iris.features)
    np.testing.assert_allclose(learnt.transform(table.features), x, rtol=3e-7, atol=1e-7)  # two roundings of float32


@pytest.mark.parametrize(
    ("cells", "task", "kind"),
    [
        ("a b a b", "auto", "U"),
        ("true false true false", "auto", "b"),
        ("3 7 3 7", "auto", "i"),
        ("3 7 3 7", "regression", "f"),
        ("0.5 7 3 7", "auto", "f"),
        ("1 2 3 4", "auto", "f"),
        ("1 2 x x 1 2", "classification", "U"),
    ],
)
def test_the_type_of_the_target_follows_the_task(cells, task, kind):
    target = table_of("x,t\n" + "".join(f"1,{cell}\n" for cell in cells.split()), task=task).target
    assert target is not None
    assert target.dtype.kind == kind


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("a,target\n1,2\n3,4\n", "auto", "target: got 't'; needed one of the columns 'a', 'target'"),
        ("t\n1\n2\n", "auto", "x.csv: got no column beside the target 't'"),
        ("a,t\n1,2\n", "auto", "x.csv: got one row; needed at least two"),
        ("a,t\n1,u\n2,u\n", "auto", "x.csv:1:t: got the same value, 'u', in every row; needed a target that varies"),
        ("a,t\n1,2.5\n2,2.50\n", "auto", "x.csv:1:t: got the same value, 2.5, in every row"),
        ("a,t\n1,u\n2,v\n3,w\n", "auto", "x.csv: got too few rows, 3 of 3 classes; needed at least two rows of"),
        (
            "a,t\n" + "".join(f"{i},u{i}\n" for i in range(10)),
            "auto",
            "x.csv:1:t: got a different class in every row; .* Choose another target",
        ),
        ("a,t\n1,1\n2,2\n3,3\n", "classification", "x.csv: got too few rows, 3 of 3 classes"),
        ("a,t\n1,0.5\n2,1.5\n", "classification", "task: got 'classification' with a target of numbers such as 0.5"),
        ("a,t\n1,u\n2,v\n", "regression", "x.csv:2:t: got 'u'; needed a number"),
        ("a,t\n1,\n2,u\n3,NA\n", "auto", "x.csv: got one row; needed at least two"),
        ("a,t\n1,\n2,\n", "auto", "x.csv:2:t: got a target without a value in any row; needed a value in most rows"),
        ("a,t\n1,-\n2,\n", "regression", "x.csv:2:t: got a target without a value in any row; needed a number"),
        ("a,t\n1,2\n3,4\n", "cluster", "task: got 'cluster'"),
    ],
)
def test_tables_that_cannot_be_learnt_from_are_refused(text, task, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        table_of(text, task=task)


@pytest.mark.parametrize(
    ("cells", "left", "target", "note"),
    [
        ("u v  u", [0, 1, 3], ["u", "v", "u"], "1 row without a t left out"),
        ("? u NA v nan u", [1, 3, 5], ["u", "v", "u"], "3 rows without a t left out"),
        ("1.5 NA 2.5 - 7", [0, 2, 4], [1.5, 2.5, 7.0], "2 rows without a t left out"),
        ("none v none", [0, 1, 2], ["none", "v", "none"], None),  # a word that may well be a class
    ],
)
def test_rows_without_a_target_are_left_out_and_said(cells, left, target, note):
    table = table_of("a,t\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells.split(" "))))
    assert table.target is not None
    assert table.target.tolist() == target
    assert table.features["a"].to_list() == [str(row) for row in left]
    assert table.notes == ((note,) if note else ())
    assert table.place(1, "a") == f"x.csv:{left[1] + 2}:a"  # of the row in the file


def test_rare_classes_and_cells_of_any_kind_are_accepted():
    assert table_of("a,t\n1,u\n2,u\n3,v\n").target.tolist() == ["u", "u", "v"]
    table = table_of("a,b,t\nred,,u\nblue,1,v\n,x,u\nred,2,v\n")
    assert table.features.rows() == [("red", ""), ("blue", "1"), ("", "x"), ("red", "2")]


NAMES = ("age", "zip", "a,b", "x=y", "size", " last first".strip())


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (["age,zip"], ("age", "zip")),
        ([" age , zip ", "size"], ("age", "zip", "size")),
        (["a,b"], ("a,b",)),
        (["x=y", "age"], ("x=y", "age")),
        (["age", "age,age"], ("age",)),
        (["age,"], ("age",)),
        ([], ()),
        (["last first"], ("last first",)),
    ],
)
def test_columns_are_named_with_commas_in_between_or_in_them(entries, found):
    assert columns_named("--drop", entries, NAMES) == found


@pytest.mark.parametrize(
    ("entries", "found"),
    [
        (["zip=categorical", "age=numeric"], {"zip": "categorical", "age": "numeric"}),
        ([" zip = categorical , age = date "], {"zip": "categorical", "age": "date"}),
        (["a,b=categorical"], {"a,b": "categorical"}),
        (["x=y=categorical"], {"x=y": "categorical"}),
        (["size=small<medium<large,age=numeric"], {"size": "small<medium<large", "age": "numeric"}),
        (["age=numeric", "age=date"], {"age": "date"}),
        ([], {}),
    ],
)
def test_types_are_named_with_commas_and_equals_signs_in_the_names(entries, found):
    assert types_named(entries, NAMES) == found


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: columns_named("--drop", ["agee"], NAMES), "--drop: got 'agee'; .* Did you mean 'age'"),
        (lambda: types_named(["zip"], NAMES), "--types: got 'zip'; needed a column and its kind"),
        (lambda: types_named(["zap=numeric"], NAMES), "--types: got 'zap'; .* Did you mean 'zip'"),
        (lambda: table_of("a,t\n1,2\n3,4\n", drop=["t"]), "--drop: got the target 't'"),
        (lambda: table_of("a,t\n1,2\n3,4\n", drop=["a"]), "x.csv: got no column beside the target 't'"),
        (lambda: table_of("a,t\n1,2\n3,4\n", drop=["a"], keep=["a"]), "--drop and --keep: got both 'a'"),
        (lambda: table_of("a,t\n1,2\n3,4\n", keep=["b"]), "--keep: got 'b'; needed one of the columns"),
    ],
)
def test_columns_that_are_not_there_are_refused(call, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        call()


def test_columns_are_left_out_and_said_why():
    text = "a,b,c,t\n1,2,3,u\n4,5,6,v\n7,8,9,u\n"
    dropped, kept = table_of(text, drop=["b"]), table_of(text, keep=["c", "a"])
    assert (dropped.columns, kept.columns) == (("a", "c"), ("a", "c"))
    assert [tuple(column.fate) for column in dropped.left_out] == [("b", "dropped", "dropped", "by --drop")]
    assert [tuple(column.fate) for column in kept.left_out] == [("b", "dropped", "dropped", "not in --keep")]
    assert table_of(text, keep=["t", "a"]).columns == ("a",)
    learnt = Preprocessing.fit(dropped)
    assert [fate.name for fate in learnt.fates] == ["a", "c", "b"]
    # a column that was dropped in training is neither missing nor ignored later
    assert features_for(parse(b"c,a\n1,2\n", "new.csv"), learnt)[1] == ()
    assert features_for(parse(b"c,a,b\n1,2,3\n", "new.csv"), learnt)[1] == ()


LEARNT = Preprocessing(numerics(("length", "width")), classes=("u", "v"), target_name="t")
VALUED = Preprocessing(numerics(("length", "width")), (), None, "t", 0.0, 1.0)


def test_columns_come_in_any_order_and_extra_ones_are_reported():
    raw = parse(b"note,width,t,length,id\nx,1,u,2,7\ny,3,v,4,8\n", "new.csv")
    features, ignored = features_for(raw, LEARNT)
    assert features.rows() == [("2", "1"), ("4", "3")]
    assert LEARNT.transform(features).tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert ignored == ("note", "id")
    assert target_for(raw, LEARNT).values.tolist() == ["u", "v"]
    target, rows = target_for(parse(b"t\n?\nv\n\nu\n", "new.csv"), LEARNT)
    assert (target.tolist(), rows.tolist()) == (["v", "u"], [1, 3])


def test_missing_columns_are_listed_with_the_nearest():
    raw = parse(b"lenght,Width,z\n1,2,3\n", "new.csv")
    with pytest.raises(JaxnnError) as caught:
        features_for(raw, LEARNT)
    assert str(caught.value) == (
        "new.csv:1: got no column 'length', 'width'; needed all 2 columns that the model was trained on. "
        "'length' may be 'lenght'; 'width' may be 'Width'."
    )


def test_cells_of_another_type_are_refused_with_their_place():
    raw = parse(b"length,width\n1,\n1,wide\n", "new.csv")
    with pytest.raises(JaxnnError, match=r"^new.csv:3:width: got 'wide'; needed a number"):
        LEARNT.encode(features_for(raw, LEARNT)[0], raw.place)
    with pytest.raises(JaxnnError, match=r"^new.csv:3:t: got 'w'; needed one of the classes 'u', 'v'"):
        target_for(parse(b"length,t\n1,u\n1,w\n", "new.csv"), LEARNT)
    with pytest.raises(JaxnnError, match=r"^new.csv:2:t: got 'u'; needed a number"):
        target_for(parse(b"length,t\n1,u\n", "new.csv"), VALUED)
    with pytest.raises(JaxnnError, match=r"^target: got 't'; needed one of the columns"):
        target_for(parse(b"length,width\n1,2\n", "new.csv"), LEARNT)


def test_one_row_can_be_predicted_and_evaluated():
    raw = parse(b"length,width,t\n1,2,3.5\n", "new.csv")
    assert VALUED.transform(features_for(raw, VALUED)[0]).tolist() == [[1.0, 2.0]]
    assert target_for(raw, VALUED).values.tolist() == [3.5]


def test_built_in_tables_serve_as_new_data():
    iris = builtin.iris()
    learnt = Preprocessing.fit(iris)
    features, ignored = features_for(iris, learnt)
    assert ignored == ()
    np.testing.assert_array_equal(features, iris.features)
    target, rows = target_for(iris, learnt)
    np.testing.assert_array_equal(target, iris.target)
    np.testing.assert_array_equal(rows, np.arange(150))
    with pytest.raises(JaxnnError, match=r"^wine: got no column 'sepal length .cm.'"):
        features_for(builtin.wine(), learnt)
    with pytest.raises(JaxnnError, match=r"^wine: got target 'cultivar'; needed the target 'species'"):
        target_for(builtin.wine(), learnt)
