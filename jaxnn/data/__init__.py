"""Data on the host: tables and where they come from, scaling, splits."""

from jaxnn.data.catalogue import load, names, read
from jaxnn.data.csvfile import RawTable, read_table
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.splits import class_weights, split
from jaxnn.data.table import Table
from jaxnn.data.tables import features_for, target_for, to_table
from jaxnn.data.targets import decide_task

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
