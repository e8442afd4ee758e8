"""The checks that losses and metrics share; what they refuse is tested there, through their messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.shapes import class_targets, floating_array, paired_targets, real_array, summable_array


@pytest.mark.parametrize(
    ("given", "real", "floating", "summable"),
    [
        (jnp.ones(2, jnp.bfloat16), "bfloat16", "bfloat16", "float32"),
        (np.ones(2, np.float16), "float16", "float16", "float32"),
        (np.ones(2), "float32", "float32", "float32"),
        (np.ones(2, np.uint8), "uint8", "float32", "float32"),
        ([True, False], "bool", "float32", "float32"),
        (3, "int32", "float32", "float32"),
    ],
)
def test_dtypes(given, real, floating, summable):
    assert real_array("x", given).dtype == real
    assert floating_array("x", given).dtype == floating
    assert summable_array("x", given).dtype == summable


def test_float64_stays(x64):
    assert summable_array("x", np.ones(2)).dtype == "float64"
    assert floating_array("x", [1]).dtype == "float64"


@pytest.mark.parametrize("given", ["text", [None], [1j], np.array(["2020-01-01"], "M8[D]")])
def test_what_is_no_real_number_is_refused(given):
    with pytest.raises(JaxnnError, match=r"x: got an array of dtype .*; needed real numbers or Booleans\."):
        real_array("x", given)


def test_targets_take_the_shape_and_dtype_of_the_outputs():
    y, t = paired_targets("loss", np.zeros((2, 3, 1)), np.ones((2, 3), int))
    assert t.shape == y.shape == (2, 3, 1)
    assert t.dtype == y.dtype == "float32"
    y, t = class_targets("loss", np.zeros((2, 4), np.float16), np.eye(4, dtype=int)[:2])
    assert t.shape == y.shape
    assert t.dtype == y.dtype == "float32"
    _, labels = class_targets("loss", np.zeros((2, 300)), np.array([1, 2], np.uint8))
    assert labels.shape == (2,)
    assert labels.dtype == "int32"


def test_tracers_pass():
    checked = jax.jit(lambda y, t: paired_targets("loss", y, t)[1])
    assert checked(jnp.zeros((2, 1)), jnp.ones(2, bool)).shape == (2, 1)
