import json

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import jaxnn as nn
from jaxnn import JaxnnError
from jaxnn.data.tokenisers import MOST_CHARACTERS, Bytes, Characters
from jaxnn.model import Model

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@given(TEXTS)
def test_text_comes_back_from_its_tokens(text):
    for tokeniser in (Characters.of(text), Bytes()):
        tokens = tokeniser.tokens(text)
        assert tokens.dtype == np.int32
        assert tokens.min() >= 0
        assert tokens.max() < tokeniser.size
        assert tokeniser.text(tokens) == text
    assert len(Characters.of(text).tokens(text)) == len(text)
    assert len(Bytes().tokens(text)) == len(text.encode())


def test_the_vocabulary_is_ordered_and_bounded():
    assert Characters.of("hello") == Characters("ehlo")
    assert Characters.of("hello").tokens("hole").tolist() == [1, 3, 2, 0]
    assert repr(Characters("abc")) == "Characters(3 of them)"
    many = "".join(map(chr, [*range(0xD800), *range(0xE000, 0xE000 + MOST_CHARACTERS - 0xD800 + 1)]))
    assert Characters(many[:-1]).size == MOST_CHARACTERS
    with pytest.raises(JaxnnError, match=r"Characters\.vocabulary: got 65,537 characters; needed from 1 to 65,536"):
        Characters(many)


def test_every_unknown_character_is_listed():
    known = Characters.of("abc\n ")
    with pytest.raises(JaxnnError) as error:
        known.tokens("abba cab\nxé a€x", "PROMPT")
    assert str(error.value) == (
        "PROMPT:2:1: got 3 unknown characters 'x', 'é', '€'; needed one of the 5 that the model learnt: '\\n abc'."
    )
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 100)))
    with pytest.raises(JaxnnError, match=r"^text: got 100 unknown characters '一', .* and 60 more; needed") as error:
        known.tokens(many)
    assert len(str(error.value)) < 500
    with pytest.raises(JaxnnError, match=r"got the unknown character '\\udc80'"):
        known.tokens("a\udc80")
    with pytest.raises(JaxnnError, match=r"got the character '\\udc80'; needed characters that UTF-8 can encode"):
        Bytes().tokens("a\udc80")


def test_bytes_that_are_no_utf8_are_marked():
    assert Bytes().text([0xC3, 0x28]) == "\N{REPLACEMENT CHARACTER}("


@pytest.mark.parametrize("tokens", [[3], [-1], [0.5], [[0]], "a"])
def test_tokens_out_of_range_are_refused(tokens):
    with pytest.raises(JaxnnError, match=r"^tokens: got"):
        Characters("abc").text(tokens)


@pytest.mark.parametrize("texts", [["ab", "a"], [], 3, [b"ab"], None])
def test_texts_that_do_not_stack_are_refused(texts):
    with pytest.raises(JaxnnError, match=r"^texts: got"):
        Characters("abc").transform(texts)
    assert Characters("abc").transform(["ab", "ca"]).tolist() == [[0, 1], [2, 0]]
    assert Bytes().transform("ab").tolist() == [[97, 98]]


@pytest.mark.parametrize("tokeniser", [Characters("\n ab\N{GREEK SMALL LETTER ALPHA}😀"), Bytes()])
def test_json_gives_back_an_equal_one(tokeniser):
    assert type(tokeniser).from_json(json.loads(json.dumps(tokeniser.to_json()))) == tokeniser


@pytest.mark.parametrize(
    "document",
    [
        None, [], "abc", {}, {"vocabulary": None}, {"vocabulary": 3}, {"vocabulary": ""}, {"vocabulary": "ba"},
        {"vocabulary": "aa"}, {"vocabulary": "a\ud800"}, {"vocabulary": ["a"]}, {"vocabulary": "ab", "size": 2},
        {"vocabulary": "a" * 10**6}, {"x" * 10**5: 1},
    ],
)  # fmt: skip
def test_hostile_documents_are_refused(document):
    with pytest.raises(JaxnnError) as error:
        Characters.from_json(document)
    assert len(str(error.value)) < 500
    if document:
        with pytest.raises(JaxnnError):
            Bytes.from_json(document)


def model_of(tokeniser, example=(4,), width=None, task="text"):
    """An untrained network from tokens to logits."""
    net = nn.Chain(nn.Embedding(tokeniser.size, width or tokeniser.size))
    shape = jax.ShapeDtypeStruct(example, np.dtype("int32"))
    params, state = net.init(jax.random.key(0), shape)
    return Model(net, params, state, shape, nn.losses.softmax_cross_entropy, tokeniser, task)


@pytest.mark.parametrize("tokeniser", [Characters("abc"), Bytes()])
def test_a_model_file_keeps_its_tokens(tokeniser, tmp_path):
    model = model_of(tokeniser)
    nn.save(tmp_path / "a.safetensors", model)
    again = nn.load(tmp_path / "a.safetensors")
    assert again.preprocessing == tokeniser
    assert again.task == "text"
    assert (tmp_path / "a.safetensors").read_bytes().count(type(tokeniser).__name__.encode()) == 1
    for ask in (model.predict, model.probabilities):
        with pytest.raises(JaxnnError, match=r"Use jaxnn\.generate"):
            ask(["abca"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"width": 4}, "got 3 tokens for 4 outputs; needed one output for each token"),
        ({"task": "classification"}, "for the task classification; needed the task 'text'"),
        ({"example": (2, 4)}, "for examples of shape (2, 4); needed examples of shape (length,)"),
    ],
)
def test_a_network_that_does_not_fit_its_tokens_is_refused(changes, said):
    with pytest.raises(JaxnnError) as error:
        model_of(Characters("abc"), **changes)
    assert said in str(error.value)
