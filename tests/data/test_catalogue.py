import numpy as np
import pytest

import jaxnn.data as data
from jaxnn.checks import JaxnnError
from jaxnn.data import builtin, catalogue, generated, textfile


def test_the_list_says_what_the_sets_are():
    entries = catalogue.names()
    assert [entry.name for entry in entries] == [*builtin.SETS, *generated.SETS, *textfile.TEXTS]
    for name, rows, columns, task, sentence in entries:
        if name in textfile.TEXTS:
            # how long it is depends on the version of Python
            assert (rows, columns, task, sentence) == (None, None, "text", textfile.TEXTS[name]().description)
            continue
        table = catalogue.load(name)
        assert table.features.shape == (rows, columns)
        assert data.decide_task(table.target) == task
        assert table.description == sentence


def test_a_path_gives_a_table_with_its_target(tmp_path):
    path = tmp_path / "size.csv"
    path.write_text("x,size\n1,big\n2,small\n3,big\n4,small\n")
    table = catalogue.load(path, "size")
    assert table.target is not None
    assert table.target.tolist() == ["big", "small", "big", "small"]
    assert table.source == str(path)
    assert len(table.sha256) == 64
    assert isinstance(catalogue.read(str(path)), data.RawTable)
    with pytest.raises(JaxnnError, match="target: got none; needed the column to predict, one of 'x', 'size'"):
        catalogue.load(path)


def test_the_task_can_be_overridden():
    target = catalogue.load("digits", task="regression").target
    assert target is not None
    assert target.dtype == np.float64
    with pytest.raises(JaxnnError, match="task: got 'regression' with a target that is not numbers"):
        catalogue.load("iris", task="regression")


@pytest.mark.parametrize(
    ("source", "target", "message"),
    [
        (
            "irsi",
            None,
            r"data: got 'irsi'; needed a built-in name \(jaxnn datasets lists them\) or a path. Did you mean 'iris'",
        ),
        ("qqqqqq", None, r"data: got 'qqqqqq'; needed a built-in name \(jaxnn datasets lists them\) or a path\.$"),
        ("iris.csv", None, "iris.csv: got a path where there is no file; .* leave out the suffix: iris"),
        ("none.csv", "t", "none.csv: got a path where there is no file"),
        ("iris", "length", "target: got 'length'; needed 'species', the target of the built-in set iris"),
        (3, None, "data: got 3"),
        ("x" * 9999, None, "data: got 'xxx"),
    ],
)
def test_what_is_no_data_is_refused(source, target, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(JaxnnError, match=f"^{message}"):
        catalogue.load(source, target)


@pytest.mark.parametrize("name", ["x.xlsx", "x.json", "x.gz", "x.npz.gz", "noend"])
def test_other_formats_are_refused_by_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"x")
    with pytest.raises(JaxnnError, match=f"^{name}: got a file whose name does not end in .csv, .tsv, .txt, .csv.gz"):
        catalogue.load(name)


def test_every_suffix_is_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for suffix in (".csv", ".TSV", ".txt", ".csv.gz", ".tsv.gz", ".txt.GZ", ".parquet", ".npz"):
        with pytest.raises(JaxnnError, match=f"^x{suffix}: got a path where there is no file"):
            catalogue.read(f"x{suffix}")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(JaxnnError, match=r"got an empty folder; needed images .* in a sub-folder for each class"):
        catalogue.load(tmp_path)
