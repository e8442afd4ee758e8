"""A layer costs what its formula costs: operations and bytes of a compiled step, as XLA counts them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from cases import CASES


def _cost(apply, params, state, x):
    """FLOPs and bytes of the output's sum of squares with its gradient; a loop's body counts once in both."""

    def step(params, x):
        return jnp.square(apply(params, state, x)).sum()

    moved = (0,) if x.dtype == np.int32 else (0, 1)
    said = jax.jit(jax.value_and_grad(step, moved)).lower(params, x).compile().cost_analysis()
    return np.array([said.get("flops", 0.0), said["bytes accessed"]])


@pytest.mark.parametrize("case", [case for case in CASES if case.formula], ids=lambda case: case.name)
def test_a_layer_costs_what_its_formula_costs(case, getkey):
    params, state = case.layer.init(getkey(), case.example())
    x = case.batch(getkey(), 8)
    ours = _cost(lambda *arguments: case.layer.apply(*arguments)[0], params, state, x)
    np.testing.assert_allclose(
        case.layer.apply(params, state, x)[0], case.formula(params, state, x), rtol=1e-5, atol=1e-6
    )
    assert (ours <= 1.005 * _cost(case.formula, params, state, x)).all()
