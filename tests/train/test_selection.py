from dataclasses import replace

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import JaxnnError
from jaxnn.data.parts import Holdout, Part, holdout
from jaxnn.train.selection import select

NET = nn.Dense(1, use_bias=False)


class Unreadable:
    """Stands for rows that nobody may look at: whatever reads it fails."""

    def __array__(self, *_, **__):
        raise AssertionError("the rows were read")

    def __getattr__(self, name):
        raise AssertionError(f"the rows were asked for {name}")


def line(slope, metrics=()):
    """The network y = slope x, as a finished run."""
    x = np.ones((2, 1), np.float32)
    run = nn.fit(NET, (x, x), nn.losses.squared_error, epochs=1, metrics=list(metrics))
    return replace(run, params=jax.tree.map(lambda leaf: np.full_like(leaf, slope), run.params))


def doubled(rows=20):
    x = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    return x, 2 * x


RUNS = {"one": line(1.0), "nearly two": line(1.75), "three": line(3.0)}


@pytest.mark.course("D04")
def test_the_lowest_loss_is_taken():
    x, y = doubled()
    chosen = select(RUNS, (x, y))
    square = float(np.square(x).mean())
    assert (chosen.name, chosen.metric) == ("nearly two", "loss")
    assert chosen.run is RUNS["nearly two"]
    assert chosen.values == pytest.approx({"one": square, "nearly two": square / 16, "three": square}, rel=1e-6)


def test_metrics_say_which_way_is_better():
    x, y = doubled()
    for metric in ("mae", "r_squared", "rmse", nn.metrics.MeanSquaredError()):
        assert select(RUNS, (x, y), metric).name == "nearly two"
    absolute = float(np.abs(x).mean())
    assert select(RUNS, (x, y), "mae").values["three"] == pytest.approx(absolute, rel=1e-6)
    assert select(RUNS, (x, y), "r_squared").values["one"] == pytest.approx(0.75, rel=1e-6)


def test_the_first_of_equals_and_of_a_list():
    x, y = doubled()
    assert select([line(3.0), line(1.0)], (x, y)).name == 0
    assert select([line(9.0), line(1.0), line(3.0)], (x, y)).name == 1


def test_a_value_that_is_not_finite_is_never_the_best():
    x, y = doubled()
    assert select({"lost": line(np.nan), "one": line(1.0)}, (x, y)).name == "one"
    for metric in ("loss", "r_squared"):
        with pytest.raises(JaxnnError, match=f"candidates: got no finite {metric}"):
            select({"lost": line(np.nan)}, (x, y), metric)


@pytest.mark.course("D04", "M06")
def test_the_test_part_is_refused_unread():
    test = Part(Unreadable(), Unreadable(), np.arange(9), "test")
    for part in (test, Part(Unreadable(), Unreadable(), test.indices[:3], test.role)):
        with pytest.raises(JaxnnError, match=r"part: got the test part; needed the validation part\. Keep"):
            select(RUNS, part)
    cut = holdout(doubled()).test.take([0, 1])
    with pytest.raises(JaxnnError, match="part: got the test part"):
        select(RUNS, cut)
    with pytest.raises(JaxnnError, match="part: got the training part"):
        select(RUNS, holdout(doubled()).train)


@pytest.mark.course("D04", "M06")
def test_development_does_not_read_the_test_part():
    x, y = doubled(100)
    parts = holdout((x, y))
    assert sorted(np.concatenate([parts.train.indices, parts.validation.indices, parts.test.indices])) == [*range(100)]
    unread = Holdout(parts.train, parts.validation, Part(Unreadable(), Unreadable(), parts.test.indices, "test"))

    def develop(parts):
        runs = {
            rate: nn.fit(
                NET, parts.train.pair, nn.losses.squared_error, optimizer="sgd", learning_rate=rate, epochs=3,
                validation=parts.validation.pair,
            )
            for rate in (0.001, 0.1)
        }  # fmt: skip
        return select(runs, parts.validation)

    chosen, blind = develop(parts), develop(unread)
    assert chosen.name == blind.name == 0.1
    assert chosen.values == blind.values
    assert np.array_equal(*(jax.tree.leaves(found.run.params)[0] for found in (chosen, blind)))
    # and at the end, once
    assert chosen.run.evaluate(*parts.test.pair)["loss"] < 0.1


@pytest.mark.parametrize(
    ("candidates", "part", "metric", "message"),
    [
        ({}, doubled(), "loss", "candidates: got 0"),
        (None, doubled(), "loss", "candidates: got a NoneType"),
        ([1], doubled(), "loss", "candidates: got 1"),
        (RUNS, doubled()[0], "loss", "part: got a ndarray"),
        (RUNS, doubled(), "los", "metric: got 'los'"),
        (RUNS, doubled(), None, "metric: got None"),
        (RUNS, (np.zeros((3, 2)), np.zeros(3)), "loss", "x: got shape"),
    ],
)
def test_bad_input_is_refused(candidates, part, metric, message):
    with pytest.raises(JaxnnError, match=message):
        select(candidates, part, metric)


def test_different_losses_are_not_compared():
    other = replace(line(2.0), loss=nn.losses.half_squared_error)
    with pytest.raises(JaxnnError, match="metric: got 'loss' where candidates have different ones"):
        select([line(1.0), other], doubled())
    assert select([line(1.0), other], doubled(), "mae").name == 1
