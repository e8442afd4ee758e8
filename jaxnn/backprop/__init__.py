"""Backpropagation by hand: one rule for each layer, activation, loss and penalty, and what composes them."""

from jaxnn.backprop import (  # noqa: F401 (they register their rules)
    activation,
    attention,
    bidirectional,
    branches,
    columns,
    combinators,
    convolution,
    dropout,
    embedding,
    linear,
    losses,
    normalization,
    penalties,
    pooling,
    positions,
    recurrent,
    reshape,
    sharing,
    transformer,
)
from jaxnn.backprop.check import Check, check
from jaxnn.backprop.engine import value_and_grad
from jaxnn.backprop.recurrent import truncated
from jaxnn.backprop.rules import pullback, register, rule_of
from jaxnn.backprop.trace import Trace, trace

__all__ = ["Check", "Trace", "check", "pullback", "register", "rule_of", "trace", "truncated", "value_and_grad"]
