"""Every peer trains the same: with one minibatch an epoch the order of rows is nothing, and all must agree."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import quick
from bench.digits import installed
from bench.peers import PEERS, hand_written
from bench.problem import DIGITS, TINY, write_data
from bench.workers import Worker

PROBLEMS = [
    dataclasses.replace(DIGITS, rows=96, batch=96, epochs=7, rate=0.01),
    dataclasses.replace(TINY, rows=64, batch=64, epochs=7, rate=0.01),
]


OTHERS = ["keras_jax", "flax_nnx", "flax_nnx_cached", "equinox_loop", "pytorch", "pytorch_best"]


@cache
def by_hand(problem):
    rule, step = hand_written.make_step(problem)
    return rule, quick.jit(step)


def expected(problem, x, y, seed):
    """The last loss of the hand-written step from the weights that all begin with."""
    rule, step = by_hand(problem)
    params = tuple(problem.weights(seed))
    opt_state, value = rule.init(params), np.nan
    for _ in range(problem.epochs):
        params, opt_state, value = step(params, opt_state, x, y)
    return float(value)


@pytest.fixture(scope="module")
def worker(tmp_path_factory):
    """One process for all of them, or each would import JAX again."""
    with Worker(tmp_path_factory.mktemp("data"), quick.ENVIRONMENT) as worker:
        yield worker


@pytest.mark.parametrize("peer", OTHERS)
def test_a_peer_does_what_the_hand_written_step_does(peer, worker):
    if PEERS[peer].missing:
        pytest.skip(f"{PEERS[peer].missing} is not installed; scripts/bench installs it")
    for problem in PROBLEMS:
        with np.load(write_data(problem, worker.folder)) as data:
            x, y = data["x"], data["y"]
        name = f"{peer}, {problem.name}"
        taken = worker.prepare(peer, problem, name)
        assert taken["loss"] == pytest.approx(expected(problem, x, y, 0), rel=2e-4)
        run = worker.runner(name)
        assert min(run(5), run(5), taken["import"], taken["first"]) > 0
        # twice the same: no run goes on from the weights, or from Adam's averages, of the one before
        assert worker.losses[name][1:] == [pytest.approx(expected(problem, x, y, 5), rel=2e-4)] * 2


def test_those_that_draw_for_themselves_come_near(worker):
    problem = dataclasses.replace(DIGITS, rows=320, epochs=30, rate=0.003)
    peers = ("fit", "jax_scan", "jax_loop", "scikit_learn")
    assert not [peer for peer in peers if PEERS[peer].missing]
    losses = [worker.prepare(peer, problem)["loss"] for peer in peers]
    assert max(losses) < 1.6 * min(losses)
    assert max(losses) < 0.1  # ln 10 = 2.3 at the start


def test_a_peer_that_is_not_installed_is_left_out_and_named(monkeypatch):
    absent = dataclasses.replace(PEERS["pytorch"], packages=("jax", "no_such_package"))
    monkeypatch.setitem(PEERS, "pytorch", absent)
    line = "PyTorch loop: left out, no_such_package is not installed."
    assert installed(("fit", "pytorch", "jax_scan")) == (["fit", "jax_scan"], [line])


def test_a_worker_that_dies_says_why(tmp_path):
    with Worker(tmp_path) as worker, pytest.raises(SystemExit, match="KeyError: 'never prepared'"):
        worker.runner("never prepared")(1)


def test_weights_have_the_spread_that_they_should():
    (hidden, bias), (last, _) = DIGITS.weights(0)
    assert (hidden.std(), last.std()) == (pytest.approx((2 / 64) ** 0.5, rel=0.03), pytest.approx(1 / 8, rel=0.06))
    assert abs(hidden).max() <= 2 * (2 / 64) ** 0.5 / 0.8796
    assert not bias.any()


def test_rows_beyond_those_of_the_set_are_the_same_again(tmp_path):
    with np.load(write_data(dataclasses.replace(DIGITS, rows=1440), tmp_path)) as data:
        assert (len(data["x"]), data["x"].max()) == (1440, 1.0)
        np.testing.assert_array_equal(data["x"][1437:], data["x"][:3])
        np.testing.assert_array_equal(data["y"][1437:], data["y"][:3])
