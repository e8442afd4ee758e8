import itertools

import pytest

from bench import interleaved
from bench.interleaved import Row, Timings, compare, interval, measure


def test_everything_runs_in_every_round_and_the_slow_in_some():
    asked = []

    def run(name, seconds):
        return lambda seed: asked.append((name, seed)) or seconds

    runs = {"ours": run("ours", 2.0), "theirs": run("theirs", 4.0), "slow": run("slow", 8.0)}
    found = measure("t", runs, 4, "theirs", {"slow": 3})
    assert found.seconds == {"ours": [2.0] * 4, "theirs": [4.0] * 4, "slow": [8.0] * 2, "control": [4.0] * 4}
    assert [seed for name, seed in asked if name == "slow"] == [1, 4]
    firsts = [name for name, _ in itertools.chain(asked[:1], asked[4:5])]
    assert firsts == ["ours", "theirs"]  # every round begins elsewhere
    row = compare(found, "ours / slow", "ours", "slow", 0.2)
    assert (row.ratio, row.interval, row.met, row.lost, row.aim) == (0.25, (0.25, 0.25), False, True, "at most 0.20")


@pytest.mark.parametrize(("control", "void"), [(1.04, False), (1.06, True), (0.94, True), (0.96, False)])
def test_a_restless_control_voids_the_table(control, void):
    assert Timings("t", {"a": [1.0, 2.0], "control": [3.0, control]}, "a").void is void


def test_the_interval_is_what_half_the_rounds_would_have_said():
    # of six rounds a half has three: the minimum is 4 with probability 1/20; six drawn with replacement: 1/64
    assert interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0]) == (1.0, 4.0)
    # 1 of 30 rounds was lucky: half of the halves do not know it
    low, high = interval([0.5] + [1.0] * 29, [1.0] * 30)
    assert (low, high) == (0.5, 1.0)
    assert interval([1.0], [2.0]) == (0.5, 0.5)


def test_without_an_aim_only_being_slower_is_lost():
    assert [Row("a", ratio).lost for ratio in (0.9, 1.1)] == [False, True]
    assert Row("a", 1.05, None, 1.1).lost  # slower, though the aim is met
    assert Row("a", 0.9).met is None


def test_time_is_told_by_the_clock(monkeypatch):
    ticks = iter([10.0, 12.5])
    monkeypatch.setattr(interleaved.time, "perf_counter", lambda: next(ticks))
    assert interleaved.timed(lambda: None)(1) == 2.5
