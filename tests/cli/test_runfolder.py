import json
import os

import pytest

from jaxnn.checks import JaxnnError
from jaxnn.cli import runfolder


def test_where_a_run_may_be_put(place):
    assert runfolder.destination("a/b/c/", overwrite=False) == "a/b/c"
    assert not (place / "a").exists()  # looking writes nothing
    (place / "empty").mkdir()
    assert runfolder.destination("empty", overwrite=False) == "empty"
    (place / "run").mkdir()
    (place / "run" / runfolder.MODEL).touch()
    assert runfolder.destination("run", overwrite=True) == "run"
    with pytest.raises(JaxnnError, match="Give --overwrite or another --out"):
        runfolder.destination("run", overwrite=False)


def test_a_link_to_nowhere_and_a_folder_that_may_not_be_written(place, monkeypatch):
    os.symlink("nowhere", "link")
    with pytest.raises(JaxnnError, match="--out link: got a file"):
        runfolder.destination("link", overwrite=False)
    monkeypatch.setattr("os.access", lambda *_: False)  # whoever runs the tests may be root
    with pytest.raises(JaxnnError, match=r"may not be written; needed a folder to write to"):
        runfolder.destination("a/b", overwrite=False)


def test_a_run_folder_is_opened_whole(iris_run):
    opened = runfolder.open_run(str(iris_run))
    assert opened.model.preprocessing == runfolder.preprocessing_of(opened)
    assert opened.metrics == json.loads((iris_run / "metrics.json").read_text())
    assert opened.recipe["data"] == "iris"
    alone = runfolder.open_run(str(iris_run / "model.safetensors"))
    assert (alone.metrics, alone.recipe) == ({}, {})


def test_flags_of_xla_are_recorded(monkeypatch):
    assert "xla_flags" not in runfolder.made_with()
    monkeypatch.setenv("XLA_FLAGS", "--xla_x=1")
    assert runfolder.made_with()["xla_flags"] == "--xla_x=1"


def test_differences_are_told_in_one_line():
    here = runfolder.made_with()
    assert runfolder.differences({}) == []
    assert runfolder.differences(here) == []
    said = runfolder.differences(here | {"jax": "0.9", "device": "TPU v9"})
    assert said == [
        f"the run was made with jax 0.9 (now {here['jax']}), device TPU v9 (now cpu): the last bits may differ"
    ]


def test_a_run_that_may_not_be_read(iris_run, monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)  # whoever runs the tests may be root
    with pytest.raises(JaxnnError, match=r"a folder that may not be read; .* Ask its owner for permission"):
        runfolder.open_run(str(iris_run))
