import numpy as np
import polars

from jaxnn.data.rawtable import RawTable


def test_a_place_is_a_line_or_a_row():
    cells = polars.DataFrame({"a": ["x", "y"]})
    text = RawTable("t.csv", ("a",), cells, np.array([2, 5]), "")
    assert (len(text), text.place(1, "a"), text.notes) == (2, "t.csv:5:a", ())
    for kind in ("parquet", "npz"):
        assert RawTable(f"t.{kind}", ("a",), cells, np.array([1, 2]), "", kind).place(1, "a") == f"t.{kind}:row 2:a"
