import dataclasses

import pytest

from bench import cost
from bench.problem import DIGITS, TINY

pytestmark = pytest.mark.usefixtures("quick_compiles", "compiles_as_users_do")


@pytest.mark.parametrize(
    "problem",
    [DIGITS, dataclasses.replace(DIGITS, rows=1408)],  # 45 minibatches, the last of 29 rows; 44 whole ones
    ids=["short last batch", "whole batches"],
)
def test_a_step_of_fit_takes_what_the_hand_written_one_takes(problem):
    ours, theirs = cost.of_fit(problem), cost.of_hand_written(problem)
    assert ours["FLOPs"] / theirs["FLOPs"] == pytest.approx(1.00, abs=0.005)
    # 0.991: the cross-entropy by hand is optax's, whose gradient writes the logits' once more
    assert 0.985 < ours["bytes accessed"] / theirs["bytes accessed"] < 1.005


def test_the_count_is_that_of_the_products():
    # forward 64 x 64 and 64 x 10, backward the same for the kernels and 10 x 64 for the hidden layer, 2 operations each
    products = 2 * 32 * (2 * 64 * 64 + 3 * 64 * 10)
    counted = cost.of_hand_written(DIGITS)["FLOPs"]
    adam = 4810 * 10  # a dozen operations or so for each parameter
    assert products + adam < counted < 1.02 * (products + 2 * adam)


def test_a_network_of_one_value_can_be_counted_too():
    assert cost.of_fit(TINY)["FLOPs"] == pytest.approx(cost.of_hand_written(TINY)["FLOPs"], rel=0.05)
