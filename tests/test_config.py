"""Configurations compare by what the program depends on, and print what a reader needs."""

import dataclasses

import pytest

import jaxnn as nn
from jaxnn.config import config, number, numbers


@config
class Bell:
    """A configuration with every kind of field."""

    size: int
    tone: str = "a"
    loudness: float | None = number(default=0.5)
    clapper: object = nn.relu


def test_numbers_count_by_presence_alone():
    assert Bell(1, loudness=0.1) == Bell(1, loudness=0.9) and hash(Bell(1, loudness=0.1)) == hash(Bell(1))
    assert Bell(1, loudness=None) != Bell(1)
    assert Bell(1) != Bell(2) and Bell(1, "b") != Bell(1) and Bell(1) != "Bell"
    assert numbers(Bell(1)) == {"loudness": 0.5} and numbers(Bell(1, loudness=None)) == {} == numbers(3)


def test_prints_what_differs_from_the_defaults():
    assert repr(Bell(3)) == "Bell(3)"
    assert repr(Bell(3, "b", 0.7, nn.tanh)) == "Bell(3, tone='b', loudness=0.7, clapper=tanh)"
    assert repr(nn.Dropout(0.5)) == "Dropout()" and repr(nn.Dropout(None)) == "Dropout(rate=None)"


def test_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Bell(1).size = 2  # pyright: ignore[reportAttributeAccessIssue]
