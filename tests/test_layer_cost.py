"""A layer costs what its formula costs: operations and bytes of a compiled step, as XLA counts them."""

import numpy as np
import pytest

from bench.layers import AT_MOST, pair
from cases import CASES


@pytest.mark.parametrize("case", [case for case in CASES if case.formula], ids=lambda case: case.name)
def test_a_layer_costs_what_its_formula_costs(case, getkey):
    params, state = case.layer.init(getkey(), case.example())
    x = case.batch(getkey(), 3)
    y, _ = case.layer.apply(params, state, x)
    np.testing.assert_allclose(y, case.formula(params, state, x), rtol=1e-5, atol=1e-6)
    ours, theirs = pair(case, getkey())
    assert all(ours[what] <= AT_MOST * theirs[what] for what in theirs)
