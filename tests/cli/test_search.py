import csv
import dataclasses
import json
import os
import tomllib

import numpy as np
import pytest

from cli.commands import QUICK
from cli.conftest import _cache_in
from jaxnn.checks import JaxnnError
from jaxnn.cli import pipeline, search
from jaxnn.cli.main import main
from jaxnn.cli.searchgrid import tried
from jaxnn.cli.settings import Settings
from jaxnn.data import load
from jaxnn.layers.base import walk
from jaxnn.population import Leaderboard
from jaxnn.report import from_json

GRID = ("--grid", "learning_rate=1e-9,0.1", "--grid", "l2=0,3", "--folds", "2")
FILES = [
    "history.csv", "leaderboard.csv", "metrics.json", "model.safetensors", "report.html", "report.json", "run.toml",
    "search.json",
]  # fmt: skip


@pytest.fixture(scope="module")
def searched(tmp_path_factory, cache_folder):
    """The folder of a search on iris."""
    folder = tmp_path_factory.mktemp("searched") / "run"
    with _cache_in(cache_folder):
        assert main(["search", "iris", *QUICK, *GRID, "--quiet", "--out", str(folder)]) == 0
    return folder


def board(folder):
    with open(folder / "leaderboard.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_search_is_told_from_data_to_score(shell, place):
    done = shell("search", "iris", *QUICK, *GRID)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[:5] == [
        "data    iris: 150 rows, 4 columns, 3 classes of species",
        "split   105 to train on, 15 to validate, 30 to test",
        "search  4 settings on 2 folds of 120 rows: 8 runs",
        "        learning_rate 1e-09, 0.1",
        "        l2 0, 3",
    ]
    assert lines[5].startswith("plan  1 program for 8 runs")
    assert lines[7].split() == ["rank", "learning_rate", "l2", "accuracy", "std", "epochs"]
    assert [line.split()[0] for line in lines[8:12]] == ["1", "2", "3", "4"]
    assert lines[13].startswith("best     learning_rate 0.1, l2 0")
    assert "over 2 folds)" in lines[13]
    assert "network  4-4-3, relu: 35 parameters" in lines
    assert lines[-3] == "saved  runs/iris-search"
    assert sorted(os.listdir("runs/iris-search")) == FILES
    said = done.err.splitlines()
    assert said[0] == "jaxnn: searching 4 settings on 2 folds: 8 runs"
    assert [line.split(" in ")[0] for line in said[1:]] == [
        "jaxnn: searched", "jaxnn: training for at most 3 epochs", "jaxnn: trained 3 epochs",
    ]  # fmt: skip


def test_the_table_has_every_setting_on_every_fold(searched):
    rows = board(searched)
    assert list(rows[0]) == ["rank", "learning_rate", "l2", "mean", "std", "fold_0", "fold_1", "epochs", "status"]
    assert sorted((row["learning_rate"], row["l2"]) for row in rows) == [
        ("0.1", "0.0"), ("0.1", "3.0"), ("1e-09", "0.0"), ("1e-09", "3.0"),
    ]  # fmt: skip
    for row in rows:
        each = np.array([float(row["fold_0"]), float(row["fold_1"])])
        assert float(row["mean"]) == each.mean()
        assert float(row["std"]) == each.std()
        np.testing.assert_allclose(60 * each, np.round(60 * each), atol=1e-4)  # shares of 60 rows
    means = [float(row["mean"]) for row in rows]
    assert means == sorted(means, reverse=True)
    assert (rows[0]["learning_rate"], rows[0]["l2"]) == ("0.1", "0.0")  # the other rate learns nothing
    assert [row["mean"] for row in rows if row["learning_rate"] == "0.1"][1] != rows[0]["mean"]  # L2 is told apart
    facts = json.loads((searched / "search.json").read_text())
    assert (facts["settings"], facts["runs"], facts["folds"], facts["metric"]) == (4, 8, 2, "accuracy")
    assert facts["score"] == {"mean": means[0], "std": float(rows[0]["std"])}


def test_the_best_setting_is_trained_as_train_would(shell, place, searched):
    best = json.loads((searched / "search.json").read_text())["best"]
    typed = ["--learning-rate", best["learning_rate"], "--l2", best["l2"]]
    assert shell("train", "iris", *QUICK, *typed, "--quiet", "--out", "alone").code == 0
    for name in ("model.safetensors", "run.toml", "history.csv", "metrics.json"):
        assert (place / "alone" / name).read_bytes() == (searched / name).read_bytes()
    recipe = tomllib.loads((searched / "run.toml").read_text())
    assert {name: recipe[name] for name in best} == best


def test_the_table_is_the_same_when_rows_of_the_test_are_others(shell, place, searched):
    table = load("iris")
    test = pipeline.parts_of(table, "classification", Settings())[2]
    features = np.array(table.features)
    features[test] *= -1000
    named = [[*table.columns, "species"], *([*row, kind] for row, kind in zip(features, table.target, strict=True))]
    with open("changed.csv", "w", newline="") as file:
        csv.writer(file).writerows(named)
    assert shell("search", "changed.csv", "--target", "species", *QUICK, *GRID, "--quiet", "--out", "run").code == 0
    assert (place / "run/leaderboard.csv").read_bytes() == (searched / "leaderboard.csv").read_bytes()


def test_json_is_one_object(shell, place, searched):
    done = shell("search", "iris", *QUICK, *GRID, "--json", "--quiet", "--out", "a")
    document = json.loads(done.out)
    assert done.err == ""
    assert document["search"]["best"] == json.loads((searched / "search.json").read_text())["best"]
    assert document["test"]["rows"] == 30


def test_the_report_shows_the_search_and_is_made_again(shell, searched):
    html = (searched / "report.html").read_bytes()
    part = from_json((searched / "report.json").read_text()).search
    assert part is not None
    assert (part.settings, part.names, len(part.rows)) == (4, ("learning_rate", "l2"), 4)
    assert part.means()[0] == pytest.approx(float(board(searched)[-1]["mean"]), abs=1e-5)  # by value, 1e-9 first
    for said in (b"How these settings were found", b"4 settings of 2 hyper-parameters", b"Leaderboard"):
        assert said in html
    assert shell("report", searched).code == 0
    assert (searched / "report.html").read_bytes() == html


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ([], "--grid: got none; needed values of at least one of hidden, activation, dropout"),
        (["--grid", "lerning_rate=1"], "Did you mean learning_rate?"),
        (["--grid", "l2=0,-1"], "--grid l2: got -1.0; needed a number of at least 0."),
        (["--grid", "l2=0", "--grid", "l2=1"], "--grid l2: got it twice"),
        (["--grid", "l2=0", "--l2", "1"], "--grid l2: got values of it beside --l2; needed one of the two."),
        (["--grid", "l2=0..1"], "Give a range with --space, and --random N."),
        (["--space", "l2=1e-5..1:log"], "--space: got a range without --random"),
        (["--space", "l2=0..1:log", "--random", "2"], "--space l2: got '0..1:log'; needed two numbers above 0"),
        (["--grid", "l2=0,,1"], "--grid l2: got nothing between two commas; needed a value."),
        (["--grid", "l2=0", "--folds", "121"], "--folds: got 121 of 120 rows; needed at most 120."),
        (["--grid", "l2=0", "--folds", "41"], "--folds: got 41 with 40 rows of class 'setosa' to search on"),
        (["--grid", "l2=0", "--metric", "r_squared"], "--metric: got r_squared for a classification"),
        (["--grid", "l2=0", "--schedule", "halve"], "needed one of full, halving, hyperband. Did you mean halving?"),
        (["--grid", "epochs=1,2", "--schedule", "halving"], "epochs: got a hyper-parameter beside schedule='halving'"),
        (
            ["--grid", f"l2={','.join(map(str, range(150)))}", "--grid", f"l1={','.join(map(str, range(150)))}"],
            "22,500",
        ),
        (
            ["--grid", "learning_rate=1e37,1e38", "--optimizer", "sgd", "--epochs", "3", *GRID[4:]],
            "search: got 4 of 4 runs that stopped",
        ),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_written(shell, place, typed, said):
    done = shell("search", "iris", "--hidden", "4", *typed)
    assert done.code == 2
    last = done.err.splitlines()[-1]
    assert last.startswith("jaxnn: ")
    assert said in last
    assert os.listdir() == []


def test_a_text_is_refused(shell, place):
    done = shell("search", "pydoc", "--grid", "l2=0,1")
    assert (done.code, "got a text; needed a table or images" in done.err) == (2, True)


def cut_off(found, finished):
    """The same search as Ctrl-C would have left it."""
    scores, runs, status = found.scores.copy(), list(found.runs), ["done"] * len(found.settings)
    for place in range(finished, len(status)):
        scores[place], runs[2 * place : 2 * place + 2], status[place] = np.nan, [None, None], "interrupted"
    epochs = np.full(scores.shape, 3.0)
    table = Leaderboard(found.settings, scores, epochs, status, True)
    return dataclasses.replace(found, table=table, scores=scores, runs=runs, interrupted=True, best={})


@pytest.mark.parametrize("finished", [3, 0])
def test_what_was_finished_before_ctrl_c_is_kept(shell, place, monkeypatch, searched, finished):
    whole = search.search_population
    monkeypatch.setattr(search, "search_population", lambda *given, **more: cut_off(whole(*given, **more), finished))
    done = shell("search", "iris", *QUICK, *GRID, "--out", "run")
    assert done.code == 130
    if not finished:
        assert done.err.endswith("jaxnn: interrupted; nothing was saved, because no setting was finished\n")
        assert os.listdir() == []
        return
    assert "interrupted after 3 of 4 settings; no network was trained; their table is saved in run/" in done.err
    assert sorted(os.listdir("run")) == ["leaderboard.csv", "search.json"]
    whole_table = {(row["learning_rate"], row["l2"]): row["mean"] for row in board(searched)}
    kept = board(place / "run")
    assert len(kept) == 3
    assert all(whole_table[row["learning_rate"], row["l2"]] == row["mean"] for row in kept)
    assert "a folder without model.safetensors" in shell("predict", "run", "iris").err
    # a search alone may be replaced, a network that is there is not given up for a table
    monkeypatch.setattr(search, "search_population", whole)
    assert shell("search", "iris", *QUICK, *GRID, "--quiet", "--out", "run", "--overwrite").code == 0
    monkeypatch.setattr(search, "search_population", lambda *given, **more: cut_off(whole(*given, **more), finished))
    done = shell("search", "iris", *QUICK, *GRID, "--quiet", "--out", "run", "--overwrite")
    assert "nothing was saved: it would have replaced a trained network" in done.err
    assert sorted(os.listdir("run")) == FILES


def test_entries_become_settings():
    found = tried(["hidden=0,8,64x32", "class-weight=none,balanced"], [], None, 0, {})
    assert [one["hidden"] for one in found] == [(), (), (8,), (8,), (64, 32), (64, 32)]
    assert found[1]["class_weight"] == "balanced"
    assert tried(["l2=0,0,1"], [], None, 0, {}) == [{"l2": 0.0}, {"l2": 1.0}]  # a value twice is one


def test_ranges_are_drawn_from():
    entries = ["learning_rate=1e-4..1e-1:log", "hidden=8..16", "dropout=0..0.5"]
    found = tried(["activation=relu,tanh"], entries, 200, 0, {})
    assert found == tried(["activation=relu,tanh"], entries, 300, 0, {})[:200]
    rates = np.log10([one["learning_rate"] for one in found])
    assert -4 <= rates.min() < rates.max() < -1
    assert 70 <= (rates < -2.5).sum() <= 130  # half of the logarithms: 100 +- 4 standard deviations of 7.07
    assert {one["hidden"] for one in found} == {(width,) for width in range(8, 17)}
    assert {one["activation"] for one in found} == {"relu", "tanh"}
    with pytest.raises(JaxnnError, match="the width of one hidden layer at each end"):
        tried([], ["hidden=8,8..16"], 3, 0, {})


def test_members_differ_in_numbers_alone_where_a_value_is_0():
    """So that they share one program: a dropout or a penalty of 0 is there all the same."""
    settings = Settings(hidden=(4,))
    plan = pipeline.make_plan(load("iris"), settings)
    names = {"dropout", "l1", "l2"}
    zero, some = (search._member(plan, settings, dict.fromkeys(names, value), names) for value in (0.0, 0.5))
    assert zero["net"] == some["net"]
    assert zero["penalties"] == some["penalties"]
    assert [penalty.strength for penalty in zero["penalties"] + some["penalties"]] == [0.0, 0.0, 0.5, 0.5]
    assert [layer.rate for _, layer in walk(some["net"]) if hasattr(layer, "rate")] == [0.5]
    # what was left open is what `jaxnn train` decides: 2 / 105 is more than 0.01
    plain = search._member(plan, settings, {"batch_size": 16}, {"batch_size"})
    assert (plain["learning_rate"], plain["penalties"][0].strength, plain["batch_size"]) == (None, 0.01, 16)


def test_images_are_searched_with_their_network():
    settings = Settings(model="cnn", hidden=(8,))
    plan = pipeline.make_plan(load("digits"), settings)
    made = search._member(plan, settings, {"hidden": (16,)}, {"hidden"})
    widths = [layer.features for _, layer in walk(made["net"]) if hasattr(layer, "features")]
    assert widths == [32, 64, 16, 10]
