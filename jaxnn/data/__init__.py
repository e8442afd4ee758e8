"""Data on the host: tables and where they come from, scaling, splits."""

from typing import TYPE_CHECKING

from jaxnn import lazy

if TYPE_CHECKING:
    from jaxnn.data.catalogue import load, names, read
    from jaxnn.data.coding import BinaryCode, OneHot, from_columns, from_signs, to_columns, to_signs
    from jaxnn.data.parts import Holdout, Part, holdout
    from jaxnn.data.pixels import Pixels
    from jaxnn.data.preprocessing import Preprocessing
    from jaxnn.data.rawtable import RawTable
    from jaxnn.data.splits import class_weights, split
    from jaxnn.data.table import Table
    from jaxnn.data.tablefile import read_table
    from jaxnn.data.tables import features_for, target_for, to_table
    from jaxnn.data.targets import decide_task
    from jaxnn.data.textfile import Text, read_text
    from jaxnn.data.tokenisers import Bytes, Characters
    from jaxnn.data.windows import consecutive, next_tokens, sliding_windows

__getattr__ = lazy.attributes(
    __name__,
    dict.fromkeys(["load", "names", "read"], "jaxnn.data.catalogue")
    | dict.fromkeys(
        ["BinaryCode", "OneHot", "from_columns", "from_signs", "to_columns", "to_signs"], "jaxnn.data.coding"
    )
    | {"RawTable": "jaxnn.data.rawtable", "read_table": "jaxnn.data.tablefile"}
    | dict.fromkeys(["Holdout", "Part", "holdout"], "jaxnn.data.parts")
    | {"Pixels": "jaxnn.data.pixels", "Preprocessing": "jaxnn.data.preprocessing"}
    | dict.fromkeys(["class_weights", "split"], "jaxnn.data.splits")
    | {"Table": "jaxnn.data.table"}
    | dict.fromkeys(["features_for", "target_for", "to_table"], "jaxnn.data.tables")
    | {"decide_task": "jaxnn.data.targets"}
    | dict.fromkeys(["Text", "read_text"], "jaxnn.data.textfile")
    | dict.fromkeys(["Bytes", "Characters"], "jaxnn.data.tokenisers")
    | dict.fromkeys(["consecutive", "next_tokens", "sliding_windows"], "jaxnn.data.windows"),
)

__all__ = [
    "BinaryCode",
    "Bytes",
    "Characters",
    "Holdout",
    "OneHot",
    "Part",
    "Pixels",
    "Preprocessing",
    "RawTable",
    "Table",
    "Text",
    "class_weights",
    "consecutive",
    "decide_task",
    "features_for",
    "from_columns",
    "from_signs",
    "holdout",
    "load",
    "names",
    "next_tokens",
    "read",
    "read_table",
    "read_text",
    "sliding_windows",
    "split",
    "target_for",
    "to_columns",
    "to_signs",
    "to_table",
]
