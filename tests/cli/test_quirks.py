"""Tables as they are found train without a flag."""

import json
from collections import Counter

import pytest

from cli.commands import QUICK
from data import quirks

TABLES = {quirk.what: quirk for quirk in quirks.made()}


def test_there_are_twenty_of_them():
    assert len(TABLES) >= 20
    assert len({quirk.data for quirk in quirks.made()} & {quirk.data for quirk in TABLES.values()}) == len(TABLES)


@pytest.mark.parametrize("what", TABLES)
def test_a_table_as_it_is_found_trains_without_a_flag(shell, place, what):
    quirk = TABLES[what]
    (place / quirk.file).write_bytes(quirk.data)
    done = shell("train", quirk.file, "--target", quirk.target, *QUICK, "--out", "run")
    assert done.code == 0, done
    assert "Traceback" not in done.err
    said = [line.removeprefix("note").strip() for line in done.out.splitlines() if line.startswith("note")]
    assert len(said) == len(quirk.notes), said
    assert all(one.startswith(other) for one, other in zip(said, quirk.notes, strict=True)), said
    shown = json.loads(shell("show", "run", "--json").out)
    assert shown["task"] == quirk.task
    kinds = Counter(column["kind"] for column in shown["columns"])
    assert kinds == quirk.kinds, shown["columns"]
    first = next(layer for layer in shown["layers"] if layer["layer"].startswith("Dense"))
    assert first["parameters"] == (quirk.inputs + 1) * 4

    predicted = shell("predict", "run", quirk.file, "--json")
    assert predicted.code == 0, predicted
    rows = json.loads(predicted.out)
    assert len(rows["prediction"]) == rows["rows"]
    assert rows["ignored"] == []
    assert all(isinstance(value, float) for value in rows["prediction"]) == (quirk.task == "regression")
    assert shell("evaluate", "run", quirk.file).code == 0
