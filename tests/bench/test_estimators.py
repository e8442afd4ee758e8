"""The tables of the estimators: both sides do the same, and rows say what was measured."""

import json

import numpy as np
import pytest

import jaxnn
from bench import estimators, fits, notebook
from bench.interleaved import CONTROL, Timings
from bench.peers import estimator
from bench.problem import write_data
from bench.workers import Worker

OURS_SECONDS, THEIRS_SECONDS = 0.5, 2.0


class StandIn:
    """A worker that takes no time; every fit of ours has 10 epochs, of theirs 20."""

    asked = None
    loss = 0.2505

    def __init__(self, folder):
        self.losses = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def prepare(self, peer, problem, name, **options):
        self.asked.append((peer, name, options))
        self.losses[name] = []

    def runner(self, name):
        def run(seed):
            mine = name.startswith("jaxnn")
            figures = {"iterations": 10 if mine else 20, "loss": self.loss if mine else 0.25, "resident": 100.0 + seed}
            self.losses[name].append(figures)
            return OURS_SECONDS if mine else THEIRS_SECONDS

        return run


@pytest.fixture
def asked(monkeypatch):
    monkeypatch.setattr(StandIn, "asked", [])
    monkeypatch.setattr(estimators, "Worker", StandIn)
    monkeypatch.setattr(fits, "Worker", StandIn)
    return StandIn.asked


def test_rows_are_ours_over_theirs(asked):
    result = estimators.table(2)
    ratios = {row.what: row.ratio for row in result.rows}
    assert ratios.pop("MLPClassifier, an epoch of fit / scikit-learn") == 0.05 / 0.1
    assert set(ratios.values()) == {0.25}
    assert len(ratios) == 3 + 2 + 3  # fits, L-BFGS, predict
    assert [row.met for row in result.rows if row.at_most] == [True] * 6
    assert not result.void
    assert result.timings.seconds["jaxnn, predict, 100 rows"] == [OURS_SECONDS / 300] * 2  # of one call of many


def test_both_do_the_same(asked):
    estimators.table(2)
    done = {name: options for _, name, options in asked}
    alike = [name.removeprefix("jaxnn, ") for name in done if name.startswith("jaxnn")]
    alike.remove("fit, float32")
    assert len(alike) == 6
    assert all(done[f"jaxnn, {task}"] == done[f"scikit-learn, {task}"] for task in alike)
    assert done["jaxnn, fit, float32"] == {"task": "fit", "dtype": "float32"}
    assert done["scikit-learn, fit, X float32"] == {"task": "fit", "cast": "float32"}


@pytest.mark.parametrize("loss", [0.2515, float("nan")])
def test_another_loss_voids_the_table(asked, monkeypatch, loss):
    monkeypatch.setattr(StandIn, "loss", loss)
    assert "jaxnn, lbfgs, breast_cancer" in estimators.table(2).void


def test_growing_memory_is_seen(asked):
    table = fits.table(2)
    assert [(peer, options) for peer, _, options in asked] == [
        ("estimator", {"task": "many", "fits": 1000}), ("estimator_scikit_learn", {"task": "many", "fits": 1000}),
    ]  # fmt: skip
    assert table.rows[1].ratio == 102 / 101  # a run for each round, and here none before
    timings = Timings("t", {"jaxnn": [3.0], "scikit-learn": [1.0], CONTROL: [1.0]}, "scikit-learn")
    memory = {"jaxnn": [300.0, 305.0, 310.0], "scikit-learn": [100.0, 100.0, 101.0]}
    seconds, ours, theirs = fits.rows_of(timings, memory)
    assert (seconds.ratio, theirs.ratio, theirs.met) == (3.0, 1.01, None)
    assert ours.what == "jaxnn, resident memory after 3,000 fits / after 1,000"
    assert (ours.ratio, ours.met) == (pytest.approx(31 / 30), False)


def test_resident_memory_is_that_of_the_process():
    before = estimator.resident()
    block = np.ones(10_000_000)
    assert estimator.resident() - before == pytest.approx(block.nbytes / 1e6, rel=0.2)


@pytest.mark.parametrize("name", [notebook.WARM, notebook.COLD, notebook.PEER])
def test_the_notebook_tells_its_parts(name, tmp_path, monkeypatch, capsys):
    done = []

    class Model:
        def __init__(self, random_state):
            done.append(random_state)

        def fit(self, x, y):
            done.append(x.shape)
            return self

        def predict(self, x):
            done.append(x.dtype)

    import sklearn.neural_network

    monkeypatch.setattr(sklearn.neural_network, "MLPClassifier", Model)
    monkeypatch.setattr("jaxnn.estimators.MLPClassifier", Model)
    monkeypatch.setattr(jaxnn, "enable_cache", done.append)
    exec(notebook.script(name, tmp_path), {})
    assert done == [str(tmp_path)] * (name != notebook.PEER) + [0, (1797, 64), np.float64]
    parts = json.loads(capsys.readouterr().out)
    assert len(parts) == len(notebook.PARTS) - 1
    assert min(parts) > 0


def test_rows_of_the_notebook():
    part = {name: dict.fromkeys(notebook.PARTS, 0.0) for name in (notebook.WARM, notebook.COLD, notebook.PEER)}
    for name, first in zip(part, (0.35, 2.0, 1.0), strict=True):
        part[name]["first fit"] = first
    whole = {notebook.WARM: [2.0], notebook.COLD: [6.0], notebook.PEER: [4.0], CONTROL: [4.0]}
    rows = notebook.rows_of(Timings("t", whole, notebook.PEER), {name: [one] for name, one in part.items()})
    assert [(row.what.removeprefix("notebook, "), row.ratio, row.met) for row in rows] == [
        ("first fit, warm cache / 0.7 s", 0.5, True),
        ("whole process, warm cache / scikit-learn", 0.5, None),
        ("first fit, warm cache / scikit-learn", 0.35, None),
        ("whole process, cold cache / scikit-learn", 1.5, None),
        ("first fit, cold cache / scikit-learn", 2.0, None),
    ]


def test_data_are_as_scikit_learn_has_them(tmp_path):
    found = []
    for problem in (estimators.AS_LOADED, estimators.SCALED, estimators.CANCER):
        with np.load(write_data(problem, tmp_path)) as data:
            found.append((data["x"], data["y"]))
    assert [(x.shape, x.dtype, len(y)) for x, y in found] == [
        ((1797, 64), np.float64, 1797), ((1797, 64), np.float64, 1797), ((569, 30), np.float64, 569),
    ]  # fmt: skip
    assert (found[0][0].max(), found[1][0].max()) == (16, 1)
    np.testing.assert_allclose(found[2][0].std(axis=0), 1)


def test_a_worker_fits_asks_and_counts(tmp_path):
    with Worker(tmp_path) as worker:
        few = {"task": "fit", "max_iter": 2, "hidden_layer_sizes": (4,), "cast": "float32"}
        worker.prepare("estimator_scikit_learn", estimators.CANCER, "fit", **few)
        assert worker.runner("fit")(1) > 0
        worker.prepare("estimator_scikit_learn", estimators.CANCER, "ask", task="predict", rows=600, calls=2)
        worker.prepare("estimator_scikit_learn", estimators.CANCER, "many", task="many", fits=2)
    first, second = worker.losses["fit"]
    assert first == second  # the same weights and the same order of rows
    assert first["iterations"] == 2
    assert worker.losses["ask"][0]["right"] > 0.9
    assert worker.losses["many"][0]["resident"] > 20


def test_ours_takes_the_same_tasks(quick_compiles):
    x, y = np.random.default_rng(0).normal(size=(20, 3)), np.arange(20) % 2
    few = {"max_iter": 2, "hidden_layer_sizes": (3,), "dtype": "float32"}
    run = estimator.prepare(estimators.AS_LOADED, x, y, "jaxnn.estimators", "fit", **few)
    first, second = run(0), run(1)
    assert first == second
    assert (first["iterations"], first["loss"]) == (2, pytest.approx(np.log(2), abs=0.5))
