"""Columns of categories of which the network learns vectors: what is learnt of them, and their codes."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columns import numeric, series
from jaxnn.checks import JaxnnError
from jaxnn.data import kinds
from jaxnn.data.columnjson import from_json, to_json
from jaxnn.data.columns import Categories, Dropped, Embedded
from jaxnn.data.inputs import encode
from jaxnn.data.kinds import embedding_width, learn
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.data.wishes import Wishes

TOWN = Embedded("town", ("Bern", "Rom"), 3, missing=0.25)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


def words(*counts):
    """w0 so many times, w1 so many times, and so on, the commonest last."""
    return series(*(f"w{word}" for word, count in enumerate(counts) for _ in range(count)))


def test_each_category_has_a_code_and_so_have_unknown_and_missing_ones():
    assert TOWN.rows == 4
    assert TOWN.inputs == ("town",)
    found = encode([numeric("age"), TOWN], {"age": [1.5] * 5, "town": ["Rom", "", "Bern", "Ulm", "Rom"]})
    assert found.x.tolist() == [[1.5, 1], [1.5, 3], [1.5, 0], [1.5, 2], [1.5, 1]]
    assert found.notes == ()  # an unknown one is what its code is for


def test_without_missing_ones_in_the_training_a_missing_one_is_unknown():
    town = Embedded("town", ("Bern", "Rom"), 3)
    assert town.rows == 3
    assert encode([town], {"town": ["Rom", "", "Ulm"]}).x.ravel().tolist() == [1, 2, 2]


def test_mostly_unknown_ones_are_said():
    (note,) = encode([TOWN], {"town": ["Ulm", "Rom", "Ulm", "Jena"]}).notes
    assert note == "town: 3 cells with a category that the training did not have, such as 'Ulm'"


def test_auto_embeds_columns_with_more_categories_than_inputs_allow():
    few, many = words(*[2] * 50), words(*[2] * 51)
    assert isinstance(learn(few, Wishes(embed="auto")), Categories)
    found = learn(many, Wishes(embed="auto"))
    assert isinstance(found, Embedded)
    assert (len(found.categories), found.width, found.other) == (51, 6, 0.0)
    assert isinstance(learn(many, Wishes(embed="off")), Categories)
    assert isinstance(learn(many, Wishes()), Categories)
    assert isinstance(learn(few, Wishes(embed="auto", categories=49)), Embedded)


def test_a_width_embeds_every_column_of_categories():
    assert learn(words(1, 3, 2), Wishes(embed=5)) == Embedded("x", ("w1", "w2", "w0"), 5)
    assert not isinstance(learn(series("no", "yes", "no"), Wishes(embed=5)), Embedded)  # Boolean


@pytest.mark.parametrize(("categories", "width"), [(1, 1), (3, 2), (4, 3), (200, 8), (10_000, 14)])
def test_the_width_is_the_logarithm_of_the_categories(categories, width):
    assert embedding_width(categories) == width == int(np.ceil(np.log2(categories + 1)))


def test_words_that_are_all_different_name_rows_and_are_not_embedded():
    found = learn(series(*(f"w{i}" for i in range(100))), Wishes({"x": "categorical"}, embed=5))
    assert isinstance(found, Dropped) and found.label == "identifier"


def test_beyond_the_limit_the_rarest_share_a_code(monkeypatch):
    monkeypatch.setattr(kinds, "MOST_EMBEDDED", 2)
    found = learn(words(1, 2, 3, 4), Wishes(embed=5))
    assert (found.categories, found.other) == (("w3", "w2"), pytest.approx(0.3))
    assert found.places(words(1, 2, 3))[0].tolist() == [2, 2, 2, 1, 1, 1]


def test_what_became_of_it_is_said():
    said = TOWN.fate
    assert (said.kind, said.became) == ("categorical", "embedding of width 3 from 2 categories")
    assert said.note == "2: 'Bern', 'Rom'; 25 % missing"


def test_the_preprocessing_says_which_inputs_are_codes():
    used = (numeric("a"), TOWN, Categories("c", ("x", "y")), Embedded("d", ("u",), 2))
    learnt = Preprocessing(used, target_mean=0.0, target_scale=1.0)
    assert learnt.inputs == ("a", "town", "c = x", "c = y", "d")
    assert learnt.embedded == ((1, 4, 3), (4, 2, 2))


NAMES = st.lists(TEXTS, min_size=1, max_size=4, unique=True).map(tuple)


@given(st.builds(Embedded, TEXTS, NAMES, st.integers(1, 1024), st.floats(0, 1), st.floats(0, 1)))
def test_any_embedded_column_comes_back_from_json(column):
    again = from_json(json.loads(json.dumps(to_json(column))))
    assert again == column and repr(again) == repr(column)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"width": 0}, "width: got 0; needed"),
        ({"width": 1025}, "width: got 1025; needed"),
        ({"width": 2**70}, "width: got"),
        ({"width": 3.0}, "width: got 3.0; needed a whole number"),
        ({"width": True}, "width: got True; needed"),
        ({"width": None}, "width: got None; needed"),
        ({"width": [3]}, "width: got"),
        ({"categories": []}, "no names"),
        ({"categories": ["a", "a"]}, "more than once"),
        ({"categories": "ab"}, "needed a tuple"),
        ({"missing": 2.0}, "needed a share"),
        ({"kind": "Categories"}, "the fields of Categories"),
    ],
)
def test_hostile_documents_are_refused(change, words):
    with pytest.raises(JaxnnError, match=words):
        from_json(to_json(TOWN) | change)


@pytest.mark.parametrize("embed", [0, -1, 1025, 2.5, True, "on", None, [8]])
def test_refused_widths(embed):
    with pytest.raises(JaxnnError, match=r"embed: got .* needed auto, off, or a width from 1 to 1024"):
        Wishes(embed=embed)
