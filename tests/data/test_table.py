import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.table import Table

X = np.arange(6.0).reshape(3, 2)


def test_rows_takes_indices_and_masks_and_keeps_the_rest():
    table = Table(("a", "b"), X, np.array([1, 0, 1]), "kind", (1, 2), "about", "src", "00")
    part = table.rows(np.array([2, 0]))
    assert part.features.tolist() == [[4.0, 5.0], [0.0, 1.0]]
    assert part.target is not None
    assert part.target.tolist() == [1, 1]
    assert (part.image_shape, part.description, part.source, part.sha256) == ((1, 2), "about", "src", "00")
    assert len(table.rows(np.array([True, False, True]))) == 2
    assert Table(("a", "b"), X).rows([1]).target is None


def test_a_table_of_numbers_becomes_one_of_cells_and_keeps_the_rest():
    table = Table(("a", "b"), [[0.5, np.nan], [2, 3]], np.array([1, 0]), "kind", (1, 2), "about")
    cells = table.as_cells()
    assert cells.features.to_dict(as_series=False) == {"a": [0.5, 2.0], "b": [None, 3.0]}
    assert (cells.columns, cells.target_name, cells.image_shape, cells.description) == (
        ("a", "b"),
        "kind",
        None,
        "about",
    )
    assert cells.as_cells() is cells
    assert cells.rows([1]).features.rows() == [(2.0, 3.0)]
    assert cells.rows(np.array([False, True])).target.tolist() == [0]


@pytest.mark.parametrize("as_cells", [False, True])
def test_chosen_columns_and_those_left_out(as_cells):
    table = Table(("a", "b", "c"), np.arange(6.0).reshape(2, 3))
    table = table.as_cells() if as_cells else table
    part = table.chosen(["c", "a"])
    assert np.array(part.features).tolist() == [[2.0, 0.0], [5.0, 3.0]]
    assert part.columns == ("c", "a")
    assert [tuple(fate.fate) for fate in part.left_out] == [("b", "dropped", "dropped", "by the user")]
    assert table.chosen(["a", "b", "c"]) is table
    assert table.record(1) == ({"a": "3.0", "b": "4.0", "c": "5.0"} if as_cells else {"a": "3", "b": "4", "c": "5"})
    with pytest.raises(JaxnnError, match="columns: got none"):
        table.chosen([])


def test_text_of_pandas_becomes_text_of_numpy():
    table = Table(("a", "b"), X, np.array(["u", "v", "u"], dtype=object), "kind")
    assert table.target is not None
    assert table.target.dtype.kind == "U"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a",), X), r"Table.features: got shape \(3, 2\)"),
        ((("a", "a"), X), "'a' more than once"),
        ((("a", "b"), [["x", "y"]]), "needed numbers"),
        ((("a", "b"), X - np.inf), "row 0, a: got -inf"),
        ((("a", "b"), X, [1, 2]), r"Table.target: got shape \(2,\)"),
        ((("a", "b"), X, [1.0, np.inf, 2.0]), "row 1: got inf"),
        ((("a", "b"), X, np.array([1, "x", None], dtype=object)), "all of one type"),
        ((("a", "b"), X, [1, 2, 3], "t", (3, 3)), "image_shape"),
    ],
)
def test_wrong_tables_are_refused(arguments, message):
    with pytest.raises(JaxnnError, match=message):
        Table(*arguments)
