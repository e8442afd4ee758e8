"""The tables of searches and populations: everyone does the same, and rows say what was measured."""

import importlib

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import ParameterGrid

from bench import first_search, members, search
from bench.interleaved import CONTROL
from bench.peers import PEERS, members_fit, search_grid
from bench.problem import Problem

SMALL = Problem("small", "load_digits_16", 400, (4,), 8, 32)


class StandIn:
    """A worker that takes no time."""

    asked = None
    best, few = {}, {}
    """Scores that are not the usual ones, by the run's name."""

    def __init__(self, folder):
        self.losses = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prepare(self, peer, problem, name="", **options):
        name = name or PEERS[peer].title
        self.asked.append((peer, name, options))
        found = {"best": self.best.get(name, 0.94), "few": self.few.get(name, 0.93)}
        self.losses[name] = [found if peer != "members_fit" else 0.1 + 0.01 * self.few.get(name, 0)]
        first = 10.0 if peer == "search_scikit_learn" else 2.5 if options.get("cache") else 4.0
        return {"import": 1.0, "first": first, "whole": first + 1, "loss": found}

    def runner(self, name):
        peer = next(peer for peer, known, _ in self.asked if known == name)
        return lambda seed: {"search_fit": 1.0, "search_scikit_learn": 8.0, "members_fit": 3.2}.get(peer, 2.0)


@pytest.fixture
def asked(monkeypatch):
    for name, value in (("asked", []), ("best", {}), ("few", {})):
        monkeypatch.setattr(StandIn, name, value)
    for table in (search, first_search, members):
        monkeypatch.setattr(table, "Worker", StandIn)
    everyone = [peer for peer, _, _ in search.RUNS]
    monkeypatch.setattr(search, "installed", lambda peers: ([peer for peer in peers if peer in everyone], ["a note"]))
    return StandIn.asked


def test_rows_are_ours_over_theirs(asked):
    result = search.table(2)
    assert [row.ratio for row in result.rows] == [1 / 8, 1 / 8, 1.0] + [1 / 18] * 3  # 2 seconds for 20 of 180 fits
    assert [row.met for row in result.rows] == [True, None, False, True, True, True]
    assert not result.void
    assert "a note" in result.notes
    assert len(result.timings.seconds[PEERS["search_keras"].title]) == 1  # of two rounds
    assert len(result.timings.seconds[CONTROL]) == 2
    alike = {name.partition(",")[2]: options for peer, name, options in asked if peer == "search_fit"}
    assert alike[" float64"] == {"cast": "float64"}
    assert alike[" 64 settings by halving"] == alike[" 64 settings"] | {"schedule": "halving"}


@pytest.mark.parametrize(
    ("of", "name", "value", "void"),
    [
        ("best", search.OURS, 0.9449, False),
        ("best", search.OURS, 0.9451, True),
        ("best", f"{search.THEIRS}, float64", 0.93, True),
        ("best", search.HALVING, 0.93, True),
        ("best", search.HALVING, float("nan"), True),
        ("few", PEERS["search_keras"].title, 0.921, False),
        ("few", PEERS["search_keras"].title, 0.919, True),
        ("best", PEERS["search_keras"].title, 0.8, False),  # of four settings
    ],
)
def test_other_scores_void_the_table(of, name, value, void):
    names = [PEERS[peer].title + suffix for peer, suffix, _ in search.RUNS]
    found = {each: {"best": 0.94, "few": 0.93} for each in names}
    assert not search.differing(found)
    found[name][of] = value
    said = search.differing(found)
    assert (name in said) if void else not said


def test_the_first_search_has_a_cache_where_it_says_so(asked):
    result = first_search.table(2)
    assert [(row.ratio, row.met) for row in result.rows] == [(0.4, True), (0.25, True)]
    cached = [bool(options.get("cache")) for peer, _, options in asked if peer == "search_fit"]
    assert cached.count(False) == 2  # once a round, without a cache
    assert cached[0]  # which this one fills
    assert not result.void


def test_another_score_voids_the_first_search(asked, monkeypatch):
    monkeypatch.setitem(StandIn.best, search.THEIRS, 0.93)
    assert first_search.COLD in first_search.table(2).void


def test_members_are_counted(asked, monkeypatch):
    result = members.table(2)
    assert result.timings.seconds["fit"] == [0.1, 0.1]  # of 32 runs
    assert [(row.ratio, row.met) for row in result.rows] == [(0.125, True), (0.125, True)]  # of 256
    assert [options.get("threads") for _, _, options in asked] == [None, 1, None]
    assert not result.void
    monkeypatch.setitem(StandIn.few, "fit_many", 0.1)
    assert "fit_many" in members.table(2).void


def test_the_few_are_a_share_of_the_whole():
    grids = {name: list(ParameterGrid(grid)) for name, grid in search_grid.GRIDS.items()}
    assert {name: len(settings) for name, settings in grids.items()} == {"36": 36, "4": 4, "64": 64}
    assert search.TIMES * len(grids["4"]) == len(grids["36"])
    assert all(setting in grids["36"] for setting in grids["4"])
    assert {setting["hidden_layer_sizes"] for setting in grids["4"]} == set(search_grid.WIDTHS)


def test_figures_are_means_over_folds():
    settings = [{"hidden_layer_sizes": (16,), "learning_rate_init": rate, "alpha": 1e-2} for rate in (3e-3, 1e-2)]
    assert search_grid.figures(settings, [0.5, 0.9]) == {"best": 0.9, "few": 0.5}
    seen = []

    def accuracy(train, test, hidden_layer_sizes, learning_rate_init, alpha):
        seen.append((len(train), sorted(test)))
        return learning_rate_init + len(seen)

    grid = {"hidden_layer_sizes": [(16,)], "learning_rate_init": [0.0, 100.0], "alpha": [1.0]}
    found = search_grid.loop(accuracy, np.zeros((4, 1)), np.array([0, 1, 0, 1]), grid, folds=2)(0)
    assert found["best"] == 100 + (3 + 4) / 2
    assert seen == [(2, [0, 1]), (2, [2, 3])] * 2


@pytest.mark.parametrize(
    "peer", ["search_fit", "search_scikit_learn", "search_pytorch", "search_skorch", "search_keras"]
)
def test_a_peer_searches(peer, monkeypatch, quick_compiles):
    if PEERS[peer].missing:
        pytest.skip(f"{PEERS[peer].missing} is not installed; scripts/bench installs it")
    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # one of them sets it, for processes that it starts
    grid = {"hidden_layer_sizes": [(16,)], "learning_rate_init": [0.03], "alpha": [1e-2]}
    monkeypatch.setitem(search_grid.GRIDS, "1", grid)
    x, y = load_digits(return_X_y=True)
    jobs = {"n_jobs": 1} if peer in ("search_scikit_learn", "search_skorch") else {}
    module = importlib.import_module(f"bench.peers.{PEERS[peer].module}")
    found = module.prepare(SMALL, x[:400] / 16, y[:400], grid="1", folds=2, **jobs)(0)
    assert found["best"] > 0.7  # ten classes; with Adam's usual learning rate of 1e-3 it stays below 0.4


def test_members_alone_and_together_are_the_same(quick_compiles):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(30, 4)).astype(np.float32), (np.arange(30) % 3).astype(np.int32)
    given = {"members": 3, "losses": 2}
    problem = Problem("small", "digits", 30, (3,), 2, 8)
    alone, together = (members_fit.prepare(problem, x, y, alone=alone, **given)(5) for alone in (True, False))
    assert alone == together
