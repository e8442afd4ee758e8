import json
import shutil
import webbrowser

import pytest

from cli.commands import QUICK
from jaxnn.cli import runfolder


@pytest.fixture
def run(iris_run, place):
    """A run folder of one's own."""
    shutil.copytree(iris_run, place / "run")
    return place / "run"


def test_training_writes_a_report_that_is_made_again_with_the_same_bytes(shell, run):
    made = (run / "report.html").read_bytes()
    assert made.startswith(b"<!DOCTYPE html>")
    (run / "report.html").unlink()
    done = shell("report", "run")
    assert (done.code, done.out, done.err) == (0, "report  run/report.html\n", "")
    assert (run / "report.html").read_bytes() == made
    assert shell("report", "run/", "--out", "other.html").code == 0
    assert (run.parent / "other.html").read_bytes() == made


def test_a_report_says_what_metrics_json_says(run):
    report, metrics = (json.loads((run / name).read_text()) for name in ("report.json", "metrics.json"))
    assert report["scored"] == "test"
    assert report["classes"]["accuracy"] == metrics["test"]["accuracy"]
    assert [report["classes"]["low"], report["classes"]["high"]] == metrics["test"]["interval_95"]
    assert report["classes"]["confusion"] == metrics["test"]["confusion"]
    assert report["training"]["kept"] == metrics["best_epoch"]


def test_open_shows_it(shell, run, monkeypatch):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or True)
    assert shell("report", "run", "--open").err == ""
    assert opened == [(run / "report.html").as_uri()]
    monkeypatch.setattr(webbrowser, "open", lambda address: False)
    done = shell("report", "run", "--open")
    assert (done.code, done.err) == (0, "jaxnn: found no browser to open; open run/report.html in one\n")


def test_a_folder_without_numbers(shell, run):
    (run / "report.json").unlink()
    done = shell("report", "run")
    assert done.code == 2
    assert done.err == (
        "jaxnn: run: got a folder without report.json; needed a run folder. "
        "For a run of an earlier version: jaxnn train --config run/run.toml --out NEW.\n"
    )


@pytest.mark.parametrize(("path", "given"), [("nowhere", "no such folder"), ("run/model.safetensors", "a file")])
def test_what_is_no_run_folder(shell, run, path, given):
    done = shell("report", path)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"{path}: got {given}; needed a run folder." in done.err


@pytest.mark.parametrize(
    "text", ["", "{}", "[" * 100_000, '{"version": NaN}', " " * 10_000_000, '{"version": "one"}', "\x00", "null"]
)
def test_damaged_numbers_are_one_line_and_change_nothing(shell, run, text):
    before = (run / "report.html").read_bytes()
    (run / "report.json").write_text(text)
    done = shell("report", "run")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("jaxnn: run/report.json: got ")
    assert (run / "report.html").read_bytes() == before


def test_a_field_that_is_wrong_is_named(shell, run):
    document = json.loads((run / "report.json").read_text())
    document["data"]["rows"] = "all"
    (run / "report.json").write_text(json.dumps(document))
    done = shell("report", "run")
    assert done.err.startswith("jaxnn: run/report.json: data.rows: got 'all'; needed a whole number of at least 0.")


def test_a_folder_that_cannot_be_written(shell, run):
    done = shell("report", "run", "--out", "no/such/folder.html")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "no/such/folder.html: got no/such, which is no folder" in done.err


def test_a_report_that_cannot_be_made_costs_no_network(shell, place, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("of a picture")

    monkeypatch.setattr(runfolder, "page", broken)
    done = shell("train", "iris", *QUICK)
    assert done.code == 0
    assert done.err.splitlines()[-1] == (
        "jaxnn: the run is saved without a report, which met an unexpected ZeroDivisionError: of a picture"
    )
    names = sorted(path.name for path in (place / "runs/iris").iterdir())
    assert names == ["history.csv", "metrics.json", "model.safetensors", "run.toml"]
    assert "look" not in done.out


def test_a_run_with_a_report_is_replaced_whole(shell, run):
    assert shell("train", "diabetes", *QUICK, "--out", "run", "--overwrite").code == 0
    assert json.loads((run / "report.json").read_text())["data"]["source"] == "diabetes"


@pytest.mark.parametrize("values", [[1.0], [1.7e308, 1e-190]])
def test_numbers_that_no_run_has(shell, run, values):
    document = json.loads((run / "report.json").read_text())
    training = document["training"]
    training["epochs"] = [1 + at % len(values) for at in range(len(training["epochs"]))]
    training["curves"] = [
        {"name": "loss", "training": [values[at % len(values)] for at in range(len(training["epochs"]))],
         "validation": None}
    ]  # fmt: skip
    (run / "report.json").write_text(json.dumps(document))
    done = shell("report", "run")
    assert done.code == 2
    assert done.err.startswith("jaxnn: run/report.json: got numbers that no picture can show")


@pytest.mark.parametrize("name", [runfolder.MODEL, runfolder.EVIDENCE])
def test_a_report_replaces_no_other_file_of_the_run(shell, run, name):
    before = (run / name).read_bytes()
    done = shell("report", "run", "--out", f"run/{name}")
    assert done.code == 2
    assert done.err.startswith(f"jaxnn: --out run/{name}: got a file of the run itself; needed another file.")
    assert (run / name).read_bytes() == before
