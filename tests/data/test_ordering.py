import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.data.ordering import BOOLEANS, SCALES, boolean_of, order_of


@pytest.mark.parametrize(
    "order",
    [
        ["low", "medium", "high"],
        ["none", "low", "medium"],
        ["s", "m", "l", "xl"],
        ["po", "fa", "ta", "gd", "ex"],
        ["very poor", "poor", "fair", "average", "good", "very good", "excellent"],
        ["strongly disagree", "disagree", "neutral", "agree", "strongly agree"],
        ["never", "sometimes", "always"],
        ["fair", "good", "very good", "premium", "ideal"],
        ["<18", "18-25", "26-35", "65+"],
        ["under 18", "18 to 25", "26 to 35", "over 65"],
        ["0-5", "5-10", "10-100"],  # by number, not by letter
        ["<= 5", "5", "> 5"],
        ["grade 1", "grade 2", "grade 10"],
        ["1st", "2nd", "3rd", "10th"],
        ["1 year", "2 years", "10+ years"],
        ["<1 year", "1 year", "2 years"],
        ["$0-$1,000", "$1,000-$20,000", "$20,000+"],
        ["10k", "25k", "100k"],
        ["5%", "10%", "20%"],
        ["first", "second", "third"],
    ],
)
def test_words_with_an_order(order):
    for seed in range(5):
        words = random.Random(seed).sample(order, len(order))
        assert order_of(words) == tuple(order)


@pytest.mark.parametrize(
    "words",
    [
        ["red", "green", "blue"],
        ["low", "high"],  # two words: one input says as much
        ["a11", "a12", "a13"],  # codes, not brackets
        ["grade 1", "class 2", "grade 3"],  # different words before the number
        ["low", "medium", "blue"],
        ["1-5", "1-7", "8-9"],  # the same number twice
        [f"{i}-{i + 1}" for i in range(21)],  # too many to be steps
        ["10.0.0.1", "10.0.0.2", "10.0.0.3"],
        ["2024-01-01", "2024-01-02", "2024-01-03"],
        ["01234", "02139", "90210"],  # codes
        [],
    ],
)
def test_words_without_one(words):
    assert order_of(words) is None


@pytest.mark.parametrize("pair", BOOLEANS)
def test_no_and_yes(pair):
    assert boolean_of(pair) == boolean_of(pair[::-1]) == pair
    assert boolean_of(pair[:1]) is None
    assert boolean_of([*pair, "maybe"]) is None


def test_no_two_scales_disagree():
    """Words of several scales have one order in all of them, so that the first that fits is right."""
    for one, other in itertools.combinations(SCALES, 2):
        shared = [word for word in one if word in other]
        if len(shared) >= 3:
            assert shared == [word for word in other if word in one]
    assert all(len(set(scale)) == len(scale) for scale in SCALES)


@given(st.sets(st.text(max_size=12), max_size=8))
def test_any_words_have_an_order_of_themselves_or_none(words):
    found = order_of(words)
    assert found is None or set(found) == words
    assert boolean_of(words) is None or len(words) == 2


def test_a_number_behind_a_name_is_no_order():
    assert order_of(["bus 3", "bus 7", "bus 12"]) is None
    assert order_of(["floor 1", "floor 2", "floor 10"]) == ("floor 1", "floor 2", "floor 10")
