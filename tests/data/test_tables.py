import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data import builtin
from jaxnn.data.csvfile import parse
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.tables import features_for, target_for, to_table


def table_of(text, target="t", task="auto"):
    return to_table(parse(text.encode(), "x.csv"), target, task)


def test_iris_from_a_file_is_the_built_in_iris():
    iris = builtin.iris()
    lines = [",".join([*iris.columns[:2], "species", *iris.columns[2:]])]
    for x, species in zip(iris.features, iris.target, strict=True):
        lines.append(",".join([*map(str, x[:2]), species, *map(str, x[2:])]))
    table = table_of("\n".join(lines), "species")
    assert table.columns == iris.columns
    assert table.target_name == "species"
    np.testing.assert_array_equal(table.features, iris.features)
    np.testing.assert_array_equal(table.target, iris.target)


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
        (
            "a,t\n1,u\n2,u\n3,v\n",
            "auto",
            "x.csv:4:t: got class 'v' in one row only; .* cannot be both learnt and tested",
        ),
        ("a,t\n1,0.5\n2,1.5\n", "classification", "task: got 'classification' with a target of numbers such as 0.5"),
        ("a,t\n1,u\n2,v\n", "regression", "x.csv:2:t: got 'u'; needed a number"),
        ("a,t\n1,u\n,v\n3,u\n4,v\n", "auto", "x.csv:3:a: got an empty cell"),
        ("a,t\nred,u\nblue,v\nred,u\nred,v\n", "auto", "x.csv:2:a: got 'red'; .* drop the column 'a'"),
        ("a,t\n1,2\n3,4\n", "cluster", "task: got 'cluster'"),
    ],
)
def test_tables_that_cannot_be_learnt_from_are_refused(text, task, message):
    with pytest.raises(JaxnnError, match=f"^{message}"):
        table_of(text, task=task)


LEARNT = Preprocessing(("length", "width"), (0.0, 0.0), (1.0, 1.0), classes=("u", "v"), target_name="t")
VALUED = Preprocessing(("length", "width"), (0.0, 0.0), (1.0, 1.0), None, "t", 0.0, 1.0)


def test_columns_come_in_any_order_and_extra_ones_are_reported():
    raw = parse(b"note,width,t,length,id\nx,1,u,2,7\ny,3,v,4,8\n", "new.csv")
    features, ignored = features_for(raw, LEARNT)
    assert features.tolist() == [[2.0, 1.0], [4.0, 3.0]]
    assert ignored == ("note", "id")
    assert target_for(raw, LEARNT).tolist() == ["u", "v"]


def test_missing_columns_are_listed_with_the_nearest():
    raw = parse(b"lenght,Width,z\n1,2,3\n", "new.csv")
    with pytest.raises(JaxnnError) as caught:
        features_for(raw, LEARNT)
    assert str(caught.value) == (
        "new.csv:1: got no column 'length', 'width'; needed all 2 columns that the model was trained on. "
        "'length' may be 'lenght'; 'width' may be 'Width'."
    )


def test_cells_of_another_type_are_refused_with_their_place():
    with pytest.raises(JaxnnError, match=r"^new.csv:3:width: got 'wide'; needed a number"):
        features_for(parse(b"length,width\n1,2\n1,wide\n", "new.csv"), LEARNT)
    with pytest.raises(JaxnnError, match=r"^new.csv:3:t: got 'w'; needed one of the classes 'u', 'v'"):
        target_for(parse(b"length,t\n1,u\n1,w\n", "new.csv"), LEARNT)
    with pytest.raises(JaxnnError, match=r"^new.csv:2:t: got 'u'; needed a number"):
        target_for(parse(b"length,t\n1,u\n", "new.csv"), VALUED)
    with pytest.raises(JaxnnError, match=r"^target: got 't'; needed one of the columns"):
        target_for(parse(b"length,width\n1,2\n", "new.csv"), LEARNT)


def test_one_row_can_be_predicted_and_evaluated():
    raw = parse(b"length,width,t\n1,2,3.5\n", "new.csv")
    assert features_for(raw, VALUED)[0].tolist() == [[1.0, 2.0]]
    assert target_for(raw, VALUED).tolist() == [3.5]


def test_built_in_tables_serve_as_new_data():
    iris = builtin.iris()
    learnt = Preprocessing.fit(iris)
    features, ignored = features_for(iris, learnt)
    assert ignored == ()
    np.testing.assert_array_equal(features, iris.features)
    np.testing.assert_array_equal(target_for(iris, learnt), iris.target)
    with pytest.raises(JaxnnError, match=r"^wine: got no column 'sepal length .cm.'"):
        features_for(builtin.wine(), learnt)
    with pytest.raises(JaxnnError, match=r"^wine: got target 'cultivar'; needed the target 'species'"):
        target_for(builtin.wine(), learnt)
