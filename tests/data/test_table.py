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
        ((("a", "b"), X * np.nan), "row 0, a: got nan"),
        ((("a", "b"), X, [1, 2]), r"Table.target: got shape \(2,\)"),
        ((("a", "b"), X, [1.0, np.inf, 2.0]), "row 1: got inf"),
        ((("a", "b"), X, np.array([1, "x", None], dtype=object)), "all of one type"),
        ((("a", "b"), X, [1, 2, 3], "t", (3, 3)), "image_shape"),
    ],
)
def test_wrong_tables_are_refused(arguments, message):
    with pytest.raises(JaxnnError, match=message):
        Table(*arguments)
