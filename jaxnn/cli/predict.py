"""`jaxnn predict`: what a trained network says of new rows, as CSV or JSON."""

import csv
import io
import os
import sys
from typing import Any

import numpy as np

from jaxnn import cache
from jaxnn.checks import fail
from jaxnn.cli import images, runfolder, screen
from jaxnn.cli.report import counted
from jaxnn.data import Preprocessing, Table, features_for
from jaxnn.data.places import listed
from jaxnn.files import shown_path, write_atomically
from jaxnn.model import Model


def predict(run: str, data: str, out: str | None, *, as_json: bool) -> int:
    """Predict every row of a table.

    Args:
        run: a run folder or a model file.
        data: a built-in name or a file; the target need not be in it.
        out: the CSV file to write; None for stdout.
        as_json: print one JSON object in place of CSV, or in place of the line that says what was written.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the run, the data or the place to write to is bad; nothing was written then.
    """
    opened = runfolder.open_run(run)
    if out is not None:
        check_out(out, data, opened.path)
    learnt = runfolder.preprocessing_of(opened)
    table = images.read_for(learnt, data, as_json)
    features, ignored = features_for(table, learnt)
    x, notes = learnt.encode(features, table.place)
    cache.turn_on()
    columns = answers(opened.model, learnt, opened.model.logits(x))
    if isinstance(table, Table) and table.names is not None:
        columns = {"file": [os.path.relpath(name, data) if name != data else name for name in table.names]} | columns
    for note in (*table.notes, *notes):
        screen.say(note)
    if ignored:
        screen.say(f"ignored {counted(len(ignored), 'column')} that the model does not use: {listed(ignored)}")
    if out is not None:
        write_atomically(out, as_csv(columns).encode())
    if as_json:
        screen.print_json({"rows": len(x), "ignored": list(ignored), **({"out": out} if out else columns)})
    elif out is not None:
        screen.say(f"wrote {counted(len(x), 'prediction')} to {shown_path(out)}")
    else:
        _print_csv(columns)
    return 0


def answers(model: Model, learnt: Preprocessing, outputs: np.ndarray) -> dict[str, list[Any]]:
    """Return the columns of predictions.

    Args:
        model: the trained network.
        learnt: its preprocessing.
        outputs: (rows, outputs) of the network.

    Returns:
        `prediction`, and for classes `probability_<class>` of each, every column with one entry for each row.
    """
    if learnt.classes is None:
        return {"prediction": model.answers(outputs).tolist()}
    # the prediction is the class of the highest probability
    shares = model.shares(outputs)  # (rows, classes)
    columns: dict[str, list[Any]] = {"prediction": learnt.decode_classes(shares.argmax(axis=1)).tolist()}
    # digits beyond float32 would be noise: the network computed in it
    short = shares.astype(np.float32).astype(str).astype(np.float64)
    for position, name in enumerate(learnt.classes):
        columns[f"probability_{name}"] = short[:, position].tolist()
    return columns


def as_csv(columns: dict[str, list[Any]]) -> str:
    """Return columns as CSV; numbers read back to the same bits.

    Args:
        columns: lists of one length by name.

    Returns:
        The text, lines ending in a line feed.

    >>> print(as_csv({"prediction": ["a,b", "c"], "probability_a": [0.5, 0.25]}), end="")
    prediction,probability_a
    "a,b",0.5
    c,0.25
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _print_csv(columns: dict[str, list[Any]]) -> None:
    # a table is UTF-8 wherever it goes, whatever the terminal's encoding
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8", newline="\n")
    sys.stdout.write(as_csv(columns))


def check_out(out: str, data: str, model: str) -> None:
    """Check, before any work is done, that a file can be written and is none that is needed.

    Args:
        out: the file as typed.
        data: what is read, as typed.
        model: the model file.

    Raises:
        JaxnnError: if it is one of the two, lies beside the model under the name of one of a run's files, or its folder
            is not there.
    """
    if not out:
        fail("--out", "''", "the name of a file")
    for path, what in ((data, "the data that is to be predicted"), (model, "the model itself")):
        if os.path.exists(path) and os.path.exists(out) and os.path.samefile(path, out):
            fail(f"--out {shown_path(out)}", what, "another file", "It would be overwritten")
    folder = os.path.dirname(os.path.realpath(out))
    if folder == os.path.dirname(os.path.realpath(model)) and os.path.basename(out) in runfolder.EVERY:
        fail(f"--out {shown_path(out)}", "a file of the run itself", "another file", "It would be overwritten")
    if os.path.isdir(out):
        fail(f"--out {shown_path(out)}", "a folder", "the name of a file", "Name a file in it")
    if not os.path.isdir(folder):
        given = f"a file in {shown_path(os.path.dirname(out))}, which is no folder"
        fail(f"--out {shown_path(out)}", given, "a file in a folder that is there", "Make the folder first")
