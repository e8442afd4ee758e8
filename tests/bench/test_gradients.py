"""The bench of hand-written gradients has a row for every layer, and its steps are right."""

import chex
import pytest

from bench import gradients
from jaxnn import layers
from jaxnn.layers.base import is_layer_class, walk


def test_every_layer_is_timed():
    kinds = {getattr(layers, name) for name in layers.__all__ if is_layer_class(getattr(layers, name))}
    assert kinds == {type(inside) for layer, _, _ in gradients.LAYERS.values() for _, inside in walk(layer)}


@pytest.mark.parametrize("name", ["dense 256", "tied logits"])
def test_both_ways_take_the_same_steps(name):
    after = []
    for how in (gradients.by_hand, gradients.by_autodiff):
        steps, given, _ = gradients.program(how, *gradients.LAYERS[name])
        after.append(steps(3, given))
    chex.assert_trees_all_close(*after, rtol=1e-5, atol=1e-6)
