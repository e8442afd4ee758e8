"""Optimisers by name are optax's, with their numbers as arguments."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnn as nn
from jaxnn import config, optimizers
from jaxnn.optimizers import SGD, Adam, AdamW
from quick import jit

pytestmark = pytest.mark.usefixtures("quick_compiles")

PAIRS = {
    "sgd": (SGD(), lambda: optax.sgd(0.1)),
    "momentum": (SGD(momentum=0.8), lambda: optax.sgd(0.1, 0.8)),
    "nesterov": (SGD(momentum=0.8, nesterov=True), lambda: optax.sgd(0.1, 0.8, True)),
    "adam": (Adam(b1=0.8, b2=0.9, eps=1e-6), lambda: optax.adam(0.1, 0.8, 0.9, 1e-6)),
    "adamw": (AdamW(weight_decay=0.3), lambda: optax.adamw(0.1, weight_decay=0.3)),
}


@pytest.mark.parametrize("name", PAIRS)
def test_steps_with_traced_numbers_are_those_of_optax(name):
    ours, theirs = PAIRS[name]
    random = np.random.default_rng(0)
    start, grads = random.normal(size=5).astype(np.float32), random.normal(size=(20, 5)).astype(np.float32)

    def steps(rule):
        def one(carry, grad):
            params, state = carry
            updates, state = rule.update(grad, state, params)
            return (optax.apply_updates(params, updates), state), None

        return jax.lax.scan(one, (jnp.asarray(start), rule.init(jnp.asarray(start))), grads)[0][0]

    with jax.numpy_dtype_promotion("standard"):
        traced = jit(lambda rate, numbers: steps(ours.transformation(rate, **numbers)))
        np.testing.assert_allclose(traced(0.1, config.numbers(ours)), steps(theirs()), rtol=2e-5, atol=1e-6)


def test_rules_that_differ_in_numbers_alone_share_a_program():
    assert Adam(b1=0.8) == Adam() and hash(Adam(b1=0.8)) == hash(Adam())
    assert SGD(momentum=0.5) == SGD(momentum=0.9) != SGD()


def test_names_and_default_rates():
    assert {name: optimizers.resolve(name, None)[1] for name in optimizers.OPTIMIZERS} == {
        "sgd": 0.01, "momentum": 0.01, "adam": 0.001, "adamw": 0.001,
    }  # fmt: skip
    assert config.numbers(optimizers.resolve("momentum", None)[0]) == {"momentum": 0.9}


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Adam(b1=1.0), "Adam.b1: got 1.0; needed a number of at least 0 and below 1"),
        (lambda: Adam(eps=0.0), "Adam.eps"),
        (lambda: AdamW(weight_decay=-1.0), "AdamW.weight_decay"),
        (lambda: SGD(momentum=2.0), "SGD.momentum: got 2.0"),
        (lambda: SGD(nesterov=True), "SGD.nesterov"),
        (lambda: optimizers.resolve(3, None), "a name"),
    ],
)
def test_out_of_range_is_refused(make, said):
    with pytest.raises(nn.JaxnnError, match=said):
        make()
