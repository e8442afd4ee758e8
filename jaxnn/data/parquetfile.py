"""Parquet files as columns.

polars reads them, in a process of its own: on a damaged file it prints traces, and where such a file asks for more
memory than there is, it ends the process (polars 2.1: one in a hundred files with a changed byte). The process costs
0.2 s.
"""

import hashlib
import io
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.data import parquetprocess
from jaxnn.data.columnnames import checked_names
from jaxnn.data.limits import LARGEST_TEXT, LONGEST_FIELD, MOST_CELLS, MOST_COLUMNS
from jaxnn.data.places import place, shown
from jaxnn.data.rawtable import RawTable

_SECONDS = 300
"""Time after which the process is ended; a table at the limit of cells takes 10 s."""


def parse(data: bytes, source: str) -> RawTable:
    """Read the bytes of a Parquet file as columns.

    Numbers, Booleans, dates and text stay what they are; categories become text, decimal numbers floats, durations and
    times of day seconds (which a note says), NaN a missing value.

    Args:
        data: the bytes.
        source: the name of the file; messages begin with it.

    Returns:
        The raw table; its lines are numbers of rows.

    Raises:
        JaxnnError: naming the file, and the column where there is one: damaged, empty, too large, a column of lists,
            records or bytes, an empty or repeated name.

    >>> import io, polars
    >>> file = io.BytesIO()
    >>> polars.DataFrame({"age": [31, None], "name": ["Ann", "Bo"]}).write_parquet(file)
    >>> raw = parse(file.getvalue(), "people.parquet")
    >>> raw.cells["age"].to_list(), raw.place(1, "age")
    ([31, None], 'people.parquet:row 2:age')
    """
    import polars

    answer, rest = _decoded(data, source)
    if answer.get("refused"):
        column, given, needed = answer["refused"]
        where = place(source, None, None if column is None else answer["columns"][column])
        fail(where, given, needed)
    names = checked_names(answer["columns"], source)
    cells = polars.read_ipc_stream(io.BytesIO(rest))
    if not len(cells):
        fail(place(source), "no rows", "a table with rows")
    cells.columns = names
    notes = tuple(f"{place(source, None, names[at])}: read {kind} as seconds" for at, kind in answer["seconds"])
    lines = np.arange(1, len(cells) + 1)
    return RawTable(source, tuple(names), cells, lines, hashlib.sha256(data).hexdigest(), "parquet", notes)


def _decoded(data: bytes, source: str) -> tuple[dict[str, Any], bytes]:
    """What the process says of the file, and the columns as an Arrow stream."""
    limits = {"columns": MOST_COLUMNS, "cells": MOST_CELLS, "field": LONGEST_FIELD, "text": LARGEST_TEXT}
    # without -P the folder of the script would be searched for modules first; more threads only take address space
    command = [sys.executable, "-P", parquetprocess.__file__, json.dumps(limits)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "4"}
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=_SECONDS, env=environment, check=False)
    except subprocess.TimeoutExpired:
        fail(place(source), f"a Parquet file that takes over {_SECONDS} s to read", "one that is sound")
    except OSError as error:
        fail(place(source), f"no process to read it in ({shown(error.strerror)})", "room for one more process")
    head, _, rest = done.stdout.partition(b"\n")
    if done.returncode or not head:
        fail(place(source), "a damaged Parquet file", "one that polars can read", "Copy or write the file again")
    return json.loads(head), rest
