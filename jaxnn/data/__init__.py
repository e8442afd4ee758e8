"""Data on the host: tables and where they come from, scaling, splits."""

from typing import TYPE_CHECKING

from jaxnn import lazy

if TYPE_CHECKING:
    from jaxnn.data.catalogue import load, names, read
    from jaxnn.data.csvfile import RawTable, read_table
    from jaxnn.data.preprocessing import Preprocessing
    from jaxnn.data.splits import class_weights, split
    from jaxnn.data.table import Table
    from jaxnn.data.tables import features_for, target_for, to_table
    from jaxnn.data.targets import decide_task

__getattr__ = lazy.attributes(
    __name__,
    dict.fromkeys(["load", "names", "read"], "jaxnn.data.catalogue")
    | dict.fromkeys(["RawTable", "read_table"], "jaxnn.data.csvfile")
    | {"Preprocessing": "jaxnn.data.preprocessing"}
    | dict.fromkeys(["class_weights", "split"], "jaxnn.data.splits")
    | {"Table": "jaxnn.data.table"}
    | dict.fromkeys(["features_for", "target_for", "to_table"], "jaxnn.data.tables")
    | {"decide_task": "jaxnn.data.targets"},
)

__all__ = [
    "Preprocessing",
    "RawTable",
    "Table",
    "class_weights",
    "decide_task",
    "features_for",
    "load",
    "names",
    "read",
    "read_table",
    "split",
    "target_for",
    "to_table",
]
