"""Codes of categories as vectors: what the laws, which draw whole numbers alone, cannot know."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.checks import JaxnnError
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

TABLE = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]], np.float32)
LAYER = nn.ColumnEmbedding(((1, 3, 2),))


def embed(x):
    return LAYER.apply({"embedding_0": jnp.asarray(TABLE)}, {}, jnp.asarray(x))[0]


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int32, np.uint8])
def test_a_code_becomes_its_row_where_it_stood(dtype):
    x = np.array([[7, 0, 9], [7, 2, 9]], dtype)
    assert embed(x).tolist() == [[7, 0, 1, 9], [7, 4, 5, 9]]


@pytest.mark.parametrize("code", [-1.0, 3.0, 0.5, 1e30, -1e30, np.nan, np.inf])
def test_a_code_without_a_row_is_no_other_row(code):
    x = np.array([[7.0, code, 9.0]], np.float32)
    compiled = np.asarray(jit(embed)(x))
    np.testing.assert_array_equal(compiled, [[7, np.nan, np.nan, 9]])
    with pytest.raises(JaxnnError, match=re.escape(f"got the code {code:g} as input 1; needed codes from 0 to 2")):
        embed(x)


@pytest.mark.parametrize("code", [-1, 3, 2**31 - 1, -(2**31)])
def test_a_whole_number_without_a_row_is_no_other_row(code):
    np.testing.assert_array_equal(jit(embed)(np.array([[7, code, 9]], np.int32)), [[7, np.nan, np.nan, 9]])


def test_only_the_rows_of_a_batch_have_a_gradient():
    def loss(table):
        return LAYER.apply({"embedding_0": table}, {}, jnp.array([[7.0, 2.0, 9.0], [7.0, 2.0, 9.0]]))[0].sum()

    assert jax.grad(loss)(jnp.asarray(TABLE)).tolist() == [[0, 0], [0, 0], [2, 2]]


def test_unless_told_otherwise_vectors_begin_as_zeros_and_are_learnt():
    x = np.array([[code] for code in (0, 1, 2) * 8], np.float32)
    y = np.array([[1.0], [-2.0], [3.0]] * 8, np.float32)
    net = nn.Chain(nn.ColumnEmbedding(((0, 4, 2),)), nn.Dense(1))
    run = nn.fit(net, (x, y), nn.losses.squared_error, epochs=60, batch_size=8, learning_rate=0.1)
    np.testing.assert_allclose(run.logits(x), y, atol=0.05)
    assert (np.asarray(run.params["column_embedding_0"]["embedding_0"])[3] == 0).all()  # of no row


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((), "a tuple of .position, rows, width., at least one"),
        (((0, 3),), "a tuple of .position, rows, width."),
        (((-1, 3, 2),), "position"),
        (((0, 0, 2),), "rows"),
        (((0, 3, 0),), "width"),
        (((1, 3, 2), (1, 3, 2)), "positions that rise"),
        (((2, 3, 2), (1, 3, 2)), "positions that rise"),
    ],
)
def test_refused_columns(columns, words):
    with pytest.raises(JaxnnError, match=words):
        nn.ColumnEmbedding(columns)


def test_an_input_too_short_is_refused():
    words = r"got an input of shape \(4, 1\); needed at least 2 inputs on the last axis"
    with pytest.raises(JaxnnError, match=words):
        embed(np.zeros((4, 1), np.float32))
    with pytest.raises(JaxnnError, match="needed at least 2 inputs"):
        LAYER.init(jax.random.key(0), jnp.zeros(()))
