"""Stopping rules on sequences of validation values worked by hand."""

import jax.numpy as jnp
import pytest

from jaxnn import EarlyStopping, JaxnnError


def follow(values, patience, min_delta=0.0):
    """(epoch at which it stops or None, best epoch), both counted from 0."""
    rule = EarlyStopping()
    counters, best = rule.start(jnp.float32), None
    for epoch, value in enumerate(values):
        told = rule.observe(counters, jnp.float32(value), jnp.float32(0.1), patience=patience, min_delta=min_delta)
        counters, best = told.counters, epoch if bool(told.improved) else best
        if bool(told.ended):
            return epoch, best
    return None, best


@pytest.mark.course("S05", "S06")
def test_stops_after_patience_and_goes_back_to_the_best():
    assert follow([1.0, 0.8, 0.7, 0.72, 0.71, 0.73, 0.75], patience=3) == (5, 2)


@pytest.mark.course("S07")
def test_a_tie_is_no_improvement():
    assert follow([1, 1, 1, 1], patience=3) == (3, 0)


@pytest.mark.course("S07")
def test_min_delta_is_what_an_improvement_must_exceed():
    falling = [1.0, 0.9, 0.8, 0.7, 0.6]
    assert follow(falling, patience=2) == (None, 4)
    # 0.8 is the first below 1.0 - 0.15, 0.6 the first below 0.8 - 0.15: never two epochs in a row without
    assert follow(falling, patience=2, min_delta=0.15) == (None, 4)
    # 0.7 is the first below 1.0 - 0.25, but by then 0.9 and 0.8 were two in a row
    assert follow(falling, patience=2, min_delta=0.25) == (2, 2)


def test_slow_improvements_below_min_delta_still_move_the_best():
    assert follow([1.0, 0.95, 0.9], patience=2, min_delta=0.2) == (2, 2)


def test_nan_improves_nothing():
    assert follow([1.0, float("nan"), float("nan")], patience=2) == (2, 0)


@pytest.mark.parametrize("wrong", [{"patience": 0}, {"patience": 1.5}, {"min_delta": -1}, {"monitor": ""}])
def test_out_of_range_is_refused(wrong):
    with pytest.raises(JaxnnError, match=next(iter(wrong))):
        EarlyStopping(**wrong)
