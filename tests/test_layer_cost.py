"""A layer costs what its formula costs: operations and bytes of a compiled step, as XLA counts them."""

import numpy as np
import pytest

from bench.layers import AT_MOST, EXAMPLES, step_cost
from cases import CASES
from quick import jit

# the machine code, which `quick_compiles` leaves as it comes, has no part in what is counted
pytestmark = pytest.mark.usefixtures("quick_compiles", "compiles_as_users_do")


@pytest.mark.parametrize("case", [case for case in CASES if case.formula], ids=lambda case: case.name)
def test_a_layer_costs_what_its_formula_costs(case, getkey):
    params, state = jit(lambda key: case.layer.init(key, case.example()))(getkey())
    x = case.batch(getkey(), EXAMPLES)
    both = jit(lambda *given: (case.layer.apply(*given)[0], case.formula(*given)))
    np.testing.assert_allclose(*both(params, state, x), rtol=1e-5, atol=1e-6)
    ours = step_cost(lambda *given: case.layer.apply(*given)[0], params, state, x)
    theirs = step_cost(case.formula, params, state, x)
    assert all(ours[what] <= AT_MOST * theirs[what] for what in theirs)
