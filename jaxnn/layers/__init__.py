"""Layers: frozen dataclasses with two pure functions, `init` and `apply`."""

from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer
from jaxnn.layers.branches import Parallel, Residual
from jaxnn.layers.collapse import collapse
from jaxnn.layers.combinators import Chain
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.linear import Dense
from jaxnn.layers.reshape import Flatten
from jaxnn.layers.sharing import Frozen, Tied
from jaxnn.layers.summary import Summary, count, summary

__all__ = [
    "Activation",
    "Chain",
    "Dense",
    "Dropout",
    "Flatten",
    "Frozen",
    "Layer",
    "Parallel",
    "Residual",
    "Summary",
    "Tied",
    "collapse",
    "count",
    "summary",
]
"""What `jaxnn` exports of the layers; the layer classes among it are those that a model file may name."""
