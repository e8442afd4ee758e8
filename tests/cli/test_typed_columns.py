"""What the commands do and say where columns are more than numbers."""

import csv
import io
import json

import pytest

from cli.commands import QUICK


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


HEADER = "id,a,b=c,zip,size,note,born,kind\n"


def line(row, **cells):
    """One row of the table; other cells where they are given."""
    made = {
        "id": 1000 + 7 * row, "a": f"{row % 11}.5", "b=c": ["red", "green", '"b,l"'][row % 3], "zip": f"0{row % 4}139",
        "size": ["low", "medium", "high"][row % 3], "note": "same", "born": f"{row % 28 + 1}.{row % 12 + 1}.2001",
        "kind": "xy"[row % 2],
    }  # fmt: skip
    return ",".join(str(cell) for cell in (made | cells).values()) + "\n"


@pytest.fixture
def table(place):
    """A file with a column of each kind, a missing cell, a stray word and a row without a target."""
    rows = [line(row) for row in range(60)]
    rows[4], rows[30] = line(4, a="?"), line(30, a="many")
    (place / "people.csv").write_text(HEADER + "".join([*rows, line(60, kind="")]))
    return "people.csv"


@pytest.fixture
def run(shell, table):
    """A run folder of it."""
    done = shell("train", table, "--target", "kind", *QUICK, "--test", "0", "--validation", "0", "--out", "run")
    assert done.code == 0, done
    said = [row.removeprefix("note").strip() for row in done.out.splitlines() if row.startswith("note")]
    assert said == [
        "1 row without a kind left out", "a: 1 cell that is no number counts as missing, such as 'many'",
    ]  # fmt: skip
    assert "dropped id (identifier), note (constant)" in done.out
    return "run"


def test_what_became_of_each_column_is_shown(shell, run):
    out = shell("show", run).out
    table = [row.split("  ") for row in out.splitlines()]
    cells = {row[0]: [cell.strip() for cell in row[1:] if cell.strip()] for row in table}
    assert cells["a"] == ["numeric", "2 inputs", "0.5 to 10.5, mean 5.207; 3.33 % missing, taken as 5"]
    assert cells["b=c"] == ["categorical", "3 inputs", "3: 'b,l', 'green', 'red'"]
    assert cells["zip"] == ["categorical", "4 inputs", "4: '00139', '01139', '02139', '03139'"]
    assert cells["size"] == ["ordinal", "1 input", "low < medium < high"]
    assert cells["born"] == ["date", "5 inputs", "written %d.%m.%Y; month, weekday, days"]
    assert cells["id"] == ["identifier", "dropped", "a different whole number in every row"]
    assert cells["note"] == ["constant", "dropped", "always 'same'"]
    columns = json.loads(shell("show", run, "--json").out)["columns"]
    assert [column["name"] for column in columns] == ["a", "b=c", "zip", "size", "born", "id", "note"]
    assert set(columns[0]) == {"name", "kind", "became", "note"}


def test_new_rows_may_have_words_and_gaps_that_the_training_had_not(shell, place, run):
    rows = [line(1), line(2, **{"b=c": "<new>", "a": ""}), line(3, size="huge", born="NA"), line(4, a="x")]
    (place / "new.csv").write_text(HEADER.replace("id,", "").replace(",kind", "") + "".join(
        row.partition(",")[2].rpartition(",")[0] + "\n" for row in rows
    ))  # fmt: skip
    done = shell("predict", run, "new.csv")
    assert done.code == 0
    assert done.err.splitlines() == [
        "jaxnn: a: 1 cell that is no number counts as missing, such as 'x'",
        "jaxnn: b=c: 1 cell with a category that the training did not have, such as '<new>'",
        "jaxnn: size: 1 cell that is no known word counts as missing, such as 'huge'",
    ]
    assert len(list(csv.DictReader(io.StringIO(done.out)))) == 4
    # a column that is mostly something else is another column
    (place / "new.csv").write_text(HEADER + line(1, a="x") + line(2, a="y") + line(3))
    refused = shell("predict", run, "new.csv")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith("jaxnn: new.csv:2:a: got 'x'; needed a number.")


def test_rows_without_a_target_are_not_scored(shell, run, table):
    done = shell("evaluate", run, table)
    assert done.code == 0
    assert "jaxnn: 1 row without a kind left out\n" in done.err
    assert json.loads(shell("evaluate", run, table, "--json").out)["rows"] == 60


CHOICES = [
    (["--drop", "b=c,zip", "--drop", "born"], {"a", "size"}, {}),
    (["--keep", "a", "--keep", "b=c"], {"a", "b=c"}, {}),
    (["--keep", "a,size", "--drop", "size"], None, "--drop and --keep: got both 'size'"),
    (
        ["--types", "id=numeric,zip=numeric"],
        {"id", "a", "b=c", "zip", "size", "born"},
        {"id": "numeric", "zip": "numeric"},
    ),
    (["--types", "b=c=green<red"], {"a", "b=c", "zip", "size", "born"}, {"b=c": "ordinal"}),
    (["--types", "size=categorical"], {"a", "b=c", "zip", "size", "born"}, {"size": "categorical"}),
    (["--types", "b=c=ordinal"], None, "types of 'b=c': got words without a known order"),
]


@pytest.mark.parametrize(("flags", "used", "more"), CHOICES)
def test_the_user_chooses_columns_and_their_kinds(shell, table, flags, used, more):
    done = shell("train", table, "--target", "kind", *QUICK, "--out", "run", *flags)
    if used is None:
        assert done.code == 2
        assert done.err.startswith(f"jaxnn: {more}")
        return
    assert done.code == 0, done
    columns = json.loads(shell("show", "run", "--json").out)["columns"]
    assert {column["name"] for column in columns if column["became"] != "dropped"} == used
    kinds = {column["name"]: column["kind"] for column in columns}
    assert {name: kinds[name] for name in more} == more
    # and run.toml says so: the same network comes again
    first = json.loads(shell("show", "run", "--json").out)
    again = shell("train", "--config", "run/run.toml", "--out", "again")
    assert again.code == 0, again
    assert json.loads(shell("show", "again", "--json").out)["columns"] == first["columns"]


def test_dates_where_numbers_were_are_refused(shell, place):
    import datetime

    import polars

    (place / "t.csv").write_text("a,y\n" + "".join(f"{row % 7}.5,{row % 11}.25\n" for row in range(40)))
    assert shell("train", "t.csv", "--target", "y", *QUICK, "--out", "run").code == 0
    polars.DataFrame({"a": [datetime.date(2024, 1, 1)]}).write_parquet(place / "new.parquet")
    done = shell("predict", "run", "new.parquet")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jaxnn: new.parquet:row 1:a: got datetime.date(2024, 1, 1); needed a number")


def test_whole_numbers_are_dates_where_the_user_says_so(shell, place):
    import polars

    days = [20240101 + 100 * (row % 12) + row % 25 for row in range(60)]
    table = polars.DataFrame({"d": days, "y": [row % 13 + 0.5 for row in range(60)]})
    table.write_parquet(place / "t.parquet")
    done = shell("train", "t.parquet", "--target", "y", "--types", "d=date", *QUICK, "--out", "run")
    assert "columns  1 date\n" in done.out
    table.write_csv(place / "t.csv")
    again = [shell("predict", "run", name).out for name in ("t.parquet", "t.csv")]
    assert again[0] == again[1]


def test_the_scale_of_a_target_is_named(shell, place):
    rows = "".join(f"{row % 7}.5,{2.0 ** (row % 11) + 0.25}\n" for row in range(40))
    (place / "t.csv").write_text("a,y\n" + rows)
    shell("train", "t.csv", "--target", "y", "--target-scale", "log", *QUICK, "--out", "run")
    assert "target      mean of its logarithm " in shell("show", "run").out
    # the mean of the target itself, which the training compares with, is not in the model
    assert json.loads(shell("evaluate", "run", "t.csv", "--json").out)["rmse_of_mean"] is None


def test_what_reading_did_is_said_of_new_rows_too(shell, place):
    rows = [f"{row % 7}.5,{row % 11}.25\n" for row in range(40)]
    (place / "t.csv").write_text("a,y\n" + "".join(rows))
    shell("train", "t.csv", "--target", "y", *QUICK, "--out", "run")
    (place / "new.csv").write_text(",a,y\n" + "".join(f"r{row},{text}" for row, text in enumerate(rows)))
    for command in ("predict", "evaluate"):
        said = shell(command, "run", "new.csv").err
        assert said.startswith("jaxnn: new.csv:1:1: left out the first column, which has no name")


def test_the_folder_of_a_compressed_table_is_called_as_the_table(shell, place):
    import gzip

    text = "a,y\n" + "".join(f"{row % 7}.5,{row % 11}.25\n" for row in range(40))
    (place / "t.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert shell("train", "t.csv.gz", "--target", "y", *QUICK).code == 0
    assert (place / "runs" / "t" / "run.toml").exists()


def test_columns_in_a_file_of_settings_are_called_by_their_line(shell, place, table):
    (place / "s.toml").write_text('data = "people.csv"\ntarget = "kind"\ndrop = ["nix"]\n')
    assert shell("train", "--config", "s.toml").err.startswith("jaxnn: s.toml:3: --drop: got 'nix'; needed one of")


def test_a_comma_between_semicolons_marks_decimals(shell, place):
    rows = "".join(f"{i % 7},{i % 10}00;{1 + i % 5},0{i % 10}{i % 3}\n" for i in range(60))
    (place / "t.csv").write_text("a;price\n" + rows)
    assert shell("train", "t.csv", "--target", "price", *QUICK, "--out", "run").code == 0
    said = json.loads(shell("show", "run", "--json").out)
    assert said["columns"][0]["note"].startswith("written with decimal comma; 0 to 6.")
    assert 1 < float(rows_of(shell("predict", "run", "t.csv").out)[0]["prediction"]) < 7


def test_a_counter_is_left_out_and_said(shell, place):
    (place / "t.csv").write_text("n,id,b,y\n" + "".join(f"{i},{1000 - i},{i % 7}.5,{i % 5}.25\n" for i in range(60)))
    done = shell("train", "t.csv", "--target", "y", *QUICK, "--out", "run")
    assert "n numbers the rows and is left out; --types n=numeric uses it" in done.out
    assert "id numbers" not in done.out  # its name says so
    done = shell("train", "t.csv", "--target", "y", *QUICK, "--types", "n=numeric", "--out", "again")
    assert "2 numeric" in done.out and "numbers the rows" not in done.out


def test_the_type_of_the_target_is_not_given_with_types(shell, place):
    (place / "t.csv").write_text("a,y\n" + "".join(f"{i % 7},{i % 3}\n" for i in range(60)))
    done = shell("train", "t.csv", "--target", "y", "--types", "y=categorical")
    assert done.code == 2
    assert done.err.startswith("jaxnn: --types: got the target 'y'; needed columns of features. Say what the target is")


def test_predictions_never_overwrite_a_file_of_the_run(shell, place, iris_run):
    done = shell("predict", iris_run, "iris", "--out", iris_run / "run.toml")
    assert done.code == 2 and "a file of the run itself" in done.err
