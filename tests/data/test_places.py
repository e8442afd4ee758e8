import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.places import known_column, listed, place, shown


def test_a_megabyte_is_cut_to_a_line():
    assert shown("y" * 1_000_000).endswith("(1000000 characters)")
    assert len(shown("y" * 1_000_000)) < 100
    assert len(listed(["z" * 1000] * 1000)) < 1500


@pytest.mark.parametrize("name", ["two\nlines", "bell\a", "\ud800"])
def test_a_place_is_one_printable_line(name):
    assert place(name, 3, name).isprintable()
    assert place("a.csv") == "a.csv"
    assert place("a.csv", 2, 7) == "a.csv:2:7"


def test_unknown_column_without_a_near_one():
    with pytest.raises(JaxnnError, match=r"^target: got 'zzz'; needed one of the columns 'a', 'b'\.$"):
        known_column("target", "zzz", ["a", "b"])
