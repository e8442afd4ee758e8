"""Every kind of bad input: one line on stderr, exit code 2, no traceback, and nothing written."""

import os

import pytest

from cli.commands import QUICK

ROWS = "a,b,kind\n" + "".join(f"{i},{i % 3},{'xyz'[i % 3]}\n" for i in range(30))

# what the file has, what the message must say (it begins with the place)
BAD_FILES = {
    "empty": (b"", "t.csv"),
    "only a header": (b"a,b,kind\n", "t.csv: got a header and no rows"),
    "ragged": (b"a,b,kind\n1,2,x\n1,2\n", "t.csv:3"),
    "not UTF-8": (b"a,b,kind\n1,2,\xff\n", "t.csv:2"),
    "a NUL byte": (b"a,b,kind\n1,\x002,x\n", "t.csv:2"),
    "unclosed quote": (b'a,b,kind\n1,"2,x\n1,2,y\n', "t.csv:2"),
    "duplicate columns": (b"a,a,kind\n1,2,x\n", "t.csv:1:a"),
    "empty column name": (b"a,,kind\n1,2,x\n", "t.csv:1:2"),
    "no target": (b"a,b,c\n1,2,x\n", "target: got 'kind'; needed one of the columns 'a', 'b', 'c'"),
    "constant target": (b"a,b,kind\n1,2,x\n1,3,x\n", "t.csv:1:kind: got the same value, 'x', in every row"),
    "target different in every row": (b"a,b,kind\n1,2,x\n1,3,y\n3,4,z\n", "t.csv: got too few rows, 3 of 3 classes"),
    "a target that names the rows": (
        b"a,kind\n" + b"".join(b"%d,n%d\n" % (i, i) for i in range(10)),
        "t.csv:1:kind: got a different class in every row",
    ),
    "inf": (ROWS.replace("\n1,1", "\n1,inf").encode(), "t.csv:3:b"),
    "1e999": (ROWS.replace("\n1,1", "\n1,1e999").encode(), "t.csv:3:b"),
    "infinite beside a row without a target": (
        ROWS.replace("\n1,1,y", "\n1,1,\n9,inf,y").encode(),
        "t.csv:4:b: got 'inf'; needed a finite number, at most 1.79e308 in size",
    ),
    "no target in any row": (b"a,kind\n1,\n2,NA\n", "t.csv:2:kind: got a target without a value in any row"),
    "no column of use": (
        b"a,b,kind\n" + b"".join(b"name %d,same,%d.5\n" % (i, i % 7) for i in range(30)),
        "t.csv: got no column that can be used ('a': identifier; 'b': constant); needed at least one",
    ),
    "one row": (b"a,b,kind\n1,2,x\n", "t.csv: got one row"),
    "fewer rows than classes need": (
        b"a,b,kind\n1,2,x\n1,3,y\n3,4,x\n",
        "--validation: got 0.1 of 3 rows, which is none",
    ),
    "too few rows for three parts": (b"a,b,kind\n1,2,1.5\n1,3,2.5\n", "data: got 2 rows; needed at least 10"),
    "only a target": (b"kind\nx\ny\nx\ny\n", "t.csv: got no column beside the target 'kind'"),
}


def refused(shell, place, *arguments):
    """Run a command that must fail without leaving a trace; return its one line."""
    before = sorted(place.rglob("*"))
    done = shell(*arguments)
    assert done.code == 2, done
    assert done.out == ""
    assert done.err.startswith("jaxnn: ")
    assert done.err.count("\n") == 1
    assert done.err.endswith("\n")
    assert "Traceback" not in done.err
    assert sorted(place.rglob("*")) == before
    return done.err.removeprefix("jaxnn: ")


@pytest.mark.parametrize("name", BAD_FILES)
def test_bad_tables_are_refused(shell, place, name):
    data, said = BAD_FILES[name]
    (place / "t.csv").write_bytes(data)
    assert refused(shell, place, "train", "t.csv", "--target", "kind").startswith(said)


WRONG_USE = {
    "no data": (["train"], "DATA: got none"),
    "no such file": (["train", "no.csv", "--target", "a"], "no.csv: got a path where there is no file"),
    "no such set": (["train", "irs"], "data: got 'irs'; needed a built-in name"),
    "a folder": (["train", "folder", "--target", "a"], "folder: got a folder"),
    "an unknown kind of file": (["train", "t.xlsx", "--target", "a"], "t.xlsx: got a file whose name"),
    "a column to drop that is not there": (["train", "good.csv", "--target", "kind", "--drop", "c"], "--drop: got 'c'"),
    "the target dropped": (
        ["train", "good.csv", "--target", "kind", "--drop", "kind"],
        "--drop: got the target 'kind'",
    ),
    "a column to keep that is not there": (
        ["train", "good.csv", "--target", "kind", "--keep", "a,c"],
        "--keep: got 'c'",
    ),
    "a kind of column that is none": (
        ["train", "good.csv", "--target", "kind", "--types", "a=number"],
        "types of 'a': got 'number'; needed one of numeric, categorical, ordinal, date. Did you mean numeric?",
    ),
    "a type without a kind": (["train", "good.csv", "--target", "kind", "--types", "a"], "--types: got 'a'"),
    "dates that are none": (
        ["train", "good.csv", "--target", "kind", "--types", "b=date"],
        "types of 'b': got cells such as '1'; needed dates such as 2024-12-31",
    ),
    "the logarithm of classes": (
        ["train", "good.csv", "--target", "kind", "--target-scale", "log"],
        "--target-scale: got log with a target of classes",
    ),
    "the logarithm of zero": (
        ["train", "good.csv", "--target", "b", "--target-scale", "log", "--task", "regression"],
        "good.csv:2:b: got 0; needed a positive number, which has a logarithm. Leave out --target-scale",
    ),
    "a scaling that is none": (
        ["train", "iris", "--scaling", "robust"],
        "--scaling: got 'robust'; needed one of z-score",
    ),
    "target of a file not named": (["train", "good.csv"], "target: got none; needed the column to predict"),
    "another target of a built-in set": (["train", "iris", "--target", "color"], "target: got 'color'"),
    "regression on text": (["train", "iris", "--task", "regression"], "task: got 'regression'"),
    "unknown flag": (["train", "iris", "--epoch", "3"], "No such option: --epoch"),
    "a flag without its value": (["train", "iris", "--epochs"], "Option '--epochs' requires an argument"),
    "unknown command": (["trian"], "No such command 'trian'"),
    "missing argument": (["predict"], "Missing argument 'RUN'"),
    "one argument too many": (["show", "a", "b"], "Got unexpected extra argument"),
    "out of range": (["train", "iris", "--epochs", "0"], "--epochs: got 0; needed a whole number from 1 to"),
    "not a number": (
        ["train", "iris", "--dropout", "x"],
        "--dropout: got 'x'; needed a number of at least 0 and below 1",
    ),
    "shares of everything": (["train", "iris", "--test", "0.5", "--validation", "0.5"], "--test and --validation"),
    "bad settings": (["train", "iris", "--config", "bad.toml"], "bad.toml:2: got the unknown setting 'hiden'"),
    "no settings": (["train", "iris", "--config", "no.toml"], "no.toml: got no such file"),
    "out is a file": (["train", "iris", "--out", "good.csv"], "--out good.csv: got a file"),
    "out goes through a file": (["train", "iris", "--out", "good.csv/run"], "--out good.csv/run: got a path through"),
    "out is someone's folder": (
        ["train", "iris", "--out", "folder", "--overwrite"],
        "--out folder: got a folder of other",
    ),
    "out is the current folder": (["train", "iris", "--out", "."], "--out .: got the current folder"),
    "out contains the current folder": (["train", "iris", "--out", ".."], "--out ..: got a folder that the current"),
    "a flag of train without its value": (
        ["train", "--hidden"],
        "Option '--hidden' requires an argument. See: jaxnn train --help",
    ),
    "the target comes before the folder": (
        ["train", "good.csv", "--target", "kid", "--out", "good.csv"],
        "target: got",
    ),
    "a share of no row": (["train", "iris", "--test", "0.001"], "--test: got 0.001 of 150 rows"),
    "a number beyond all": (["train", "iris", "--learning-rate", "1e999"], "--learning-rate: got inf; needed a finite"),
    "out has no name": (["train", "iris", "--out", ""], "--out: got ''"),
    "a run that is a folder of other files": (["show", "folder"], "folder: got a folder without model.safetensors"),
    "a run that is not there": (["show", "nowhere"], "nowhere: got no such file; needed a model file or a run folder"),
    "a run that is a table": (
        ["predict", "good.csv", "iris"],
        "good.csv: got what is no model file; needed a model file or a run folder. The run",
    ),
    "an unwritable name": (["train", "iris", "--out", "a\0b"], "--out: got 'a\\x00b'"),
}


@pytest.fixture
def files(place):
    (place / "folder").mkdir()
    (place / "folder" / "notes.txt").write_text("mine")
    (place / "good.csv").write_text(ROWS)
    (place / "t.xlsx").write_bytes(b"PK")
    (place / "bad.toml").write_text("epochs = 3\nhiden = [4]\n")
    return place


@pytest.mark.parametrize("name", WRONG_USE)
def test_wrong_use_is_refused(shell, files, name):
    arguments, said = WRONG_USE[name]
    assert refused(shell, files, *arguments).startswith(said)


def test_a_run_in_the_way_is_refused(shell, files, iris_run):
    os.symlink(iris_run, files / "run")
    said = refused(shell, files, "train", "iris", *QUICK, "--out", "run")
    assert said.startswith("--out run: got a folder that is already there")
    assert "--overwrite" in said


NEW_ROWS = {
    "a column missing": ("sepal length (cm),sepal width (cm),petal length (cm)\n1,2,3\n", "new.csv:1: got no column"),
    "a column of text": (
        "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n1,2,3,wide\n",
        "new.csv:2:petal width (cm)",
    ),
}


@pytest.mark.parametrize("name", NEW_ROWS)
@pytest.mark.parametrize("out", [(), ("--out", "p.csv")])
def test_rows_that_a_model_cannot_take_are_refused(shell, place, iris_run, name, out):
    (place / "new.csv").write_text(NEW_ROWS[name][0])
    assert refused(shell, place, "predict", iris_run, "new.csv", *out).startswith(NEW_ROWS[name][1])


def test_predictions_do_not_overwrite_what_they_are_made_of(shell, place, iris_run):
    header = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm)\n"
    (place / "new.csv").write_text(header + "1,2,3,4\n")
    (place / "link.csv").symlink_to("new.csv")
    (place / "folder").mkdir()
    assert "the data that is to be predicted" in refused(
        shell, place, "predict", iris_run, "new.csv", "--out", "link.csv"
    )
    model = iris_run / "model.safetensors"
    assert "the model itself" in refused(shell, place, "predict", iris_run, "new.csv", "--out", model)
    assert "got a folder" in refused(shell, place, "predict", iris_run, "new.csv", "--out", "folder")
    assert "is no folder" in refused(shell, place, "predict", iris_run, "new.csv", "--out", "no/p.csv")


def test_classes_that_a_model_does_not_know_are_refused(shell, place, iris_run):
    header = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),species\n"
    (place / "new.csv").write_text(header + "1,2,3,4,setosa\n1,2,3,4,rose\n")
    assert refused(shell, place, "evaluate", iris_run, "new.csv").startswith("new.csv:3:species")
    assert refused(shell, place, "evaluate", iris_run, "new.csv", "--target", "kind").startswith("--target: got 'kind'")


def test_a_damaged_run_is_refused(shell, place, iris_run):
    (place / "run").mkdir()
    model = bytearray((iris_run / "model.safetensors").read_bytes())
    model[-5] ^= 1
    (place / "run" / "model.safetensors").write_bytes(model)
    assert refused(shell, place, "predict", "run", "iris").startswith("run/model.safetensors")
    (place / "run" / "model.safetensors").write_bytes((iris_run / "model.safetensors").read_bytes())
    (place / "run" / "metrics.json").write_text("[" * 100_000)
    assert refused(shell, place, "show", "run").startswith("run/metrics.json: got what jaxnn train did not write")
    (place / "run" / "metrics.json").unlink()
    (place / "run" / "run.toml").write_bytes(b"\xff")
    assert refused(shell, place, "show", "run").startswith("run/run.toml: got what jaxnn train did not write")


def test_a_model_without_columns_is_refused_where_columns_are_needed(shell, place):
    import numpy as np

    from jaxnn import fit, losses, modelfile
    from jaxnn.layers import Chain, Dense

    x = np.zeros((2, 1), np.float32)
    modelfile.save("bare.safetensors", fit(Chain(Dense(1)), (x, x), losses.squared_error, epochs=1))
    assert refused(shell, place, "predict", "bare.safetensors", "iris").startswith(
        "bare.safetensors: got a model without"
    )
    assert shell("show", "bare.safetensors").code == 0
