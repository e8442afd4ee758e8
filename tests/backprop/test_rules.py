"""Every hand-written rule is what `jax.vjp` says of the layer, over the same table of cases as the laws."""

from functools import partial

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn
from cases import CASES, KINDS, LAYERS
from jaxnn import activations, backprop, layers, losses, penalties
from jaxnn.backprop.rules import RULES, registered
from jaxnn.layers.base import is_layer_class
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


def by_hand(case, params, state, x, dy, key, mask=None, train=True):
    y, after, pull = backprop.pullback(case.layer, params, state, x, train=train, key=key, mask=mask)
    return y, after, *_floats(case, *pull(dy))


def by_autodiff(case, params, state, x, dy, key, mask=None, train=True):
    def function(params, x):
        return case.layer.apply(params, state, x, train=train, key=key, mask=mask)

    y, pull, after = jax.vjp(function, params, x, has_aux=True)
    return y, after, *_floats(case, *pull(dy))


def _floats(case, dparams, dx):
    """The gradients; that of whole numbers holds nothing."""
    if not case.integer:
        return dparams, dx
    assert dx.dtype == jax.dtypes.float0 and dx.shape[-len(case.shape) :] == case.shape
    return (dparams,)


def test_every_layer_activation_loss_and_penalty_has_a_rule():
    kinds = {getattr(layers, name) for name in layers.__all__ if is_layer_class(getattr(layers, name))}
    kinds |= {type(loss) for loss in losses.LOSSES.values()} | {penalties.L1, penalties.L2}
    found = activations.ACTIVATIONS.values()
    assert not [kind.__name__ for kind in kinds if kind not in RULES]
    assert not [name for name in found if registered(name) is None]


def everything(case, mask, one, params, state, x, dy, key):
    """What a rule says of a masked batch; once for each kind also its derivative, and what it says without training."""

    def gradient(params):
        return one(case, params, state, x, dy, key, mask)

    if case not in KINDS:
        return gradient(params)
    twice = jax.jvp(gradient, (params,), (jax.tree.map(jnp.ones_like, params),))
    return twice, one(case, params, state, x, dy, key, train=False)


@each_case
def test_a_rule_is_the_vjp_of_apply_for_masks_members_and_second_derivatives(case, getkey, x64):
    """`test_laws.py` holds it, in law 8, for a batch without a mask."""
    if case.name == "activation of one's own":
        pytest.skip("its rule is its author's")
    keys = jax.random.split(getkey(), 2)
    members = jit(jax.vmap(lambda key: case.layer.init(key, case.example(jnp.float64))))(keys)
    x, noise = case.batch(getkey(), 2, 4, dtype=jnp.float64), jax.random.split(getkey(), 2)
    dy = jax.eval_shape(jax.vmap(lambda *given: case.layer.apply(*given)[0]), *members, x)
    dy = np.random.default_rng(8).normal(size=dy.shape)
    mask = np.array([True, True, False, True])
    if case.time:
        mask = np.arange(case.shape[0]) < np.array([case.shape[0], 2, 1, 3])[:, None]

    def both(*member):
        return [everything(case, mask, one, *member) for one in (by_hand, by_autodiff)]

    hand, auto = jit(jax.vmap(both))(*members, x, dy, noise)
    chex.assert_trees_all_close(hand, auto, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("case", LAYERS, ids=lambda case: case.name)
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_gradients_have_the_dtypes_of_what_they_are_of(case, dtype, getkey):
    params, state = jax.eval_shape(lambda k: case.layer.init(k, case.example(jnp.dtype(dtype))), jax.random.key(0))
    if case.name == "activation of one's own":
        pytest.skip("its rule is its author's")
    x = jax.ShapeDtypeStruct((4, *case.shape), case.example(jnp.dtype(dtype)).dtype)
    y, _ = jax.eval_shape(lambda p, s, x: case.layer.apply(p, s, x), params, state, x)
    arguments = (params, state, x, y, jax.random.key(0))
    hand, auto = (jax.eval_shape(partial(one, case), *arguments) for one in (by_hand, by_autodiff))
    chex.assert_trees_all_equal_shapes_and_dtypes(hand, auto)


def test_a_layer_without_a_rule_is_named_with_its_path():
    net = nn.Chain(nn.Dense(2), ("mine", nn.Activation(jnp.sin)))
    params, state = net.init(jax.random.key(0), jnp.zeros(3))
    with pytest.raises(nn.JaxnnError, match=r"in mine: gradient by hand: sin has no rule. Register one"):
        backprop.pullback(net, params, state, jnp.ones(3))
