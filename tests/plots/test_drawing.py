import math
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnn.plots import drawing
from jaxnn.plots.drawing import Picture, Scale, distinct, number, spanning

FINITE = st.floats(allow_nan=False, allow_infinity=False)


def test_a_logarithmic_scale_gives_equal_ratios_equal_lengths():
    scale = Scale(0.01, 100.0, 0.0, 400.0, log=True)
    assert [scale(x) for x in (0.01, 0.1, 1.0, 10.0, 100.0)] == pytest.approx([0, 100, 200, 300, 400])
    assert (scale(1e-9), scale(1e9)) == (0, 400)  # what lies outside is put at the end


@pytest.mark.parametrize(
    ("low", "high", "log", "ticks"),
    [
        (0, 1, False, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (-97, 203, False, [-50, 0, 50, 100, 150, 200]),
        (0.9, 1.1, False, [0.9, 0.95, 1.0, 1.05, 1.1]),
        (1, 171, False, [50, 100, 150]),
        (1e-5, 3, True, [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]),
        (1e-12, 1, True, [1e-12, 1e-9, 1e-6, 1e-3, 1]),
        (0.3, 2, True, [0.5, 1, 1.5, 2]),  # not two powers of ten: round numbers
    ],
)
def test_ticks_are_round_numbers(low, high, log, ticks):
    assert Scale(low, high, 0, 1, log).ticks() == pytest.approx(ticks)


@given(st.lists(FINITE, max_size=5))
def test_every_number_has_a_place_and_ticks(values):
    scale = spanning(values, 100.0, 0.0)
    assert all(0 <= scale(value) <= 100 for value in values)
    ticks = scale.ticks()
    assert len(ticks) <= 15
    assert all(map(math.isfinite, ticks))
    assert ticks == sorted(ticks)


@given(st.one_of(st.floats(-1e12, 1e12), st.floats(-1e307, 1e307)))
def test_a_number_beside_a_mark_is_short_and_near(value):
    shown = number(value)
    assert len(shown) <= 12
    read = float(shown.replace("\N{MINUS SIGN}", "-").replace(",", ""))
    assert read == pytest.approx(value, rel=0.006, abs=5e-324)


def test_numbers_beside_an_axis_are_five_letters():
    shown = [drawing.tick(value) for value in (0, 0.0001, -0.00005, 0.05, 5000, 40000, -1.5e6, 2e9)]
    assert shown == ["0", "1e−4", "−5e−5", "0.05", "5,000", "40k", "−1.5M", "2e9"]


def test_text_is_escaped_everywhere():
    picture = Picture('<a> & "b"')
    picture.words(0, 0, "<script>", title="'\"</title>", data_name='"><b>')
    root = ElementTree.fromstring(picture.svg())
    assert root.attrib["aria-label"] == '<a> & "b"'
    text = root[0]
    assert text.attrib["data-name"] == '"><b>'
    assert (text[0].tag, text[0].text, text[0].tail) == ("title", "'\"</title>", "<script>")


def test_names_that_share_their_ends_are_told_apart():
    assert distinct(["species 008 of all", "species 012 of all"], 8) == ["…008…", "…012…"]
    assert distinct(["abcdefghij", "klmnopqrst"], 8) == ["abcdefg…", "klmnopq…"]
    assert distinct(["the same beginning", "the same end"], 8) == ["…beginn…", "…end"]
    assert distinct(["only one that is long"], 8) == ["only on…"]
    assert distinct(["word", "word and more than that"], 8)[0] == "word"


def test_the_type_is_as_large_as_the_pictures_are_meant_for():
    assert (drawing.WIDTH, drawing.HEIGHT) == (380, 260)  # the style sheet has its type in these units
