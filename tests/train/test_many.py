"""`fit_many`: every member is what `fit` makes of it alone, whatever the others do and however they are spread."""

import dataclasses

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.train import buckets, compiled, drive, many, memory, spread, tables
from jaxnn.train.standing import Standing

LOSS = nn.losses.softmax_cross_entropy
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(83, 4)).astype(np.float32)
Y = RANDOM.integers(0, 3, 83).astype(np.int32)
NET = nn.Chain(nn.Dense(6), nn.BatchNorm(), nn.tanh, nn.Dropout(0.2), nn.Dense(3))
SHARED = {"epochs": 4, "batch_size": 16}

pytestmark = pytest.mark.usefixtures("quick_compiles")


def same(one, other):
    leaves = [jax.tree.leaves((run.params, run.state)) for run in (one, other)]
    for mine, its in zip(*leaves, strict=True):
        np.testing.assert_array_equal(mine, its)
    for name in other.history:  # validated on rows of unequal counts, sums may round otherwise
        np.testing.assert_allclose(one.history[name], other.history[name], rtol=1e-6 if name == "val_loss" else 0)
    assert (one.stopped_because, one.best_epoch, one.steps) == (other.stopped_because, other.best_epoch, other.steps)


def with_rate(rate):
    return nn.Chain(nn.Dense(6), nn.BatchNorm(), nn.tanh, nn.Dropout(rate), nn.Dense(3))


MEMBERS = [
    {"key": 5, "learning_rate": 0.01, "net": with_rate(0.1)},
    {"key": 6, "learning_rate": 0.1, "epochs": 2, "penalties": [nn.penalties.l2(0.01)]},
    {"key": 5, "rows": np.arange(40), "validation_rows": np.arange(40, 83)},
    {"key": 7, "rows": np.arange(30, 83), "validation_rows": np.arange(11)},
    {"key": 8, "validation": 0.25, "stop": nn.EarlyStopping(1), "metrics": ["accuracy"], "epochs": 9},
    {"key": 1, "class_weight": "balanced", "optimizer": nn.optimizers.SGD(momentum=0.5)},
    {"key": 9, "loss": nn.losses.SoftmaxCrossEntropy(0.1)},
]


def alone(member):
    own = {"net": NET, "loss": LOSS, **SHARED, **member}
    rows, held = own.pop("rows", None), own.pop("validation_rows", None)
    data = (X, Y) if rows is None else (X[rows], Y[rows])
    if held is not None:
        own["validation"] = (X[held], Y[held])
    return nn.fit(own.pop("net"), data, own.pop("loss"), **own)


@pytest.mark.parametrize("threads", [1, 2])
def test_members_of_all_kinds_are_fits_alone_bit_for_bit(threads):
    runs = nn.fit_many(NET, (X, Y), LOSS, MEMBERS, threads=threads, **SHARED)
    for member, run in zip(MEMBERS, runs, strict=True):
        same(run, alone(member))


def test_numbers_seeds_and_unequal_rows_share_one_program():
    numbers = [{"key": k, "learning_rate": 0.01 * (k + 1), "net": with_rate(0.1 * k)} for k in range(9)]
    members = [one | {"epochs": 2 + k, "rows": np.arange(20 + 7 * k)} for k, one in enumerate(numbers)]
    before = compiled._compile.cache_info().misses
    nn.fit_many(None, (X, Y), LOSS, members, batch_size=16, threads=2)
    assert compiled._compile.cache_info().misses == before + 1


def test_a_member_that_diverges_keeps_its_last_finite_weights_and_changes_nobody():
    net = nn.models.mlp((6,), 3)
    members = [{"key": k, "learning_rate": 1e30 if k == 1 else 0.01, "optimizer": "sgd"} for k in range(4)]
    runs = nn.fit_many(net, (X, Y), LOSS, members, threads=1, **SHARED)
    others = nn.fit_many(net, (X, Y), LOSS, [members[i] for i in (0, 2, 3)], threads=1, **SHARED)
    for run, other in zip([runs[0], runs[2], runs[3]], others, strict=True):
        same(run, other)
    assert runs[1].diverged and "not finite" in runs[1].stopped_because
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(runs[1].params))
    same(runs[1], nn.fit(net, (X, Y), LOSS, **members[1], **SHARED))


def jobs(members, mapping="map", **shared):
    whole = tables.table("data", (X, Y), None, None)
    made = many.jobs_of(NET, whole, LOSS, members, SHARED | shared)
    return [job._replace(recipe=dataclasses.replace(job.recipe, mapping=mapping)) for job in made]


def test_side_by_side_the_survivors_move_into_smaller_programs(monkeypatch):
    """As on an accelerator: after every chunk those still running go on in a program of the next power of two."""
    monkeypatch.setattr(drive, "FIRST_STEPS", 6)
    monkeypatch.setattr(drive, "next_steps", lambda *_: 6)
    members = [{"key": k, "epochs": 1 + k, "optimizer": "sgd"} for k in range(6)]
    sizes = []
    begun = spread._begun
    monkeypatch.setattr(spread, "_begun", lambda *given: (sizes.append(given[1].size), begun(*given))[1])
    at_once = spread.spread(jobs(members, "vmap"), 1)
    assert sizes == [6, 2, 1] or sizes == [6, 4, 2, 1], sizes
    for member, run in zip(members, at_once, strict=True):
        one = alone(member)
        assert run.history.epochs == one.history.epochs and run.stopped_because == one.stopped_because
        for mine, its in zip(jax.tree.leaves(run.params), jax.tree.leaves(one.params), strict=True):
            np.testing.assert_allclose(mine, its, atol=2e-5)


def test_a_population_goes_on_where_it_ended_in_the_same_program():
    members = [{"key": k, "epochs": 4} for k in range(5)]
    whole = nn.fit_many(NET, (X, Y), LOSS, members, batch_size=16)
    half = nn.fit_many(NET, (X, Y), LOSS, [one | {"epochs": 2} for one in members], batch_size=16)
    rest = nn.fit_many(
        NET, (X, Y), LOSS, [one | {"resume": run} for one, run in zip(members, half, strict=True)], batch_size=16
    )
    for one, other in zip(whole, rest, strict=True):
        same(one, other)


def test_ctrl_c_keeps_what_is_finished(monkeypatch):
    monkeypatch.setattr(drive, "FIRST_STEPS", 3)
    monkeypatch.setattr(drive, "next_steps", lambda *_: 3)
    monkeypatch.setattr(spread.drive, "interrupts", lambda: _Heard())
    said = []

    def stop_after_one(at: Standing) -> None:
        said.append(at)
        if at.finished:
            _Heard.heard.append(2)

    monkeypatch.setattr(buckets, "_size", lambda *_: 1)
    runs = nn.fit_many(NET, (X, Y), LOSS, [{}] * 5, threads=1, progress=stop_after_one, **SHARED)
    assert [run is not None for run in runs] == [True, False, False, False, False]
    assert not runs[0].interrupted and said[-1].alive == 4 and said[0].seconds_left is None
    assert said[-1].best == pytest.approx(runs[0].history["loss"][-1])


class _Heard:
    heard: list[int] = []  # noqa: RUF012

    def __enter__(self):
        self.heard.clear()
        return self.heard

    def __exit__(self, *_):
        return None


def test_memory_is_looked_at_before_it_starts(monkeypatch):
    monkeypatch.setattr(memory, "available", lambda device: 60.0e6)
    with pytest.raises(
        nn.JaxnnError, match=r"members: got 9000 that need 0\.\d GiB; needed what .* Take at most \d+ members"
    ):
        nn.fit_many(nn.models.mlp((64,), 3), (X, Y), LOSS, [{}] * 9000, **SHARED)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ([{}, {"learnin_rate": 0.1}], r"members\[1\]: got 'learnin_rate'.* Did you mean learning_rate"),
        ([{"learning_rate": -1.0}], "learning_rate: got -1.0"),
        ([{"rows": []}], r"members\[0\].rows"),
        ([{"rows": [83]}], "from 0 to 82"),
        ([{"validation": 0.2, "validation_rows": [1]}], "one of them"),
    ],
)
def test_what_does_not_fit_names_the_member(members, said):
    with pytest.raises(nn.JaxnnError, match=said):
        nn.fit_many(NET, (X, Y), LOSS, members, **SHARED)
