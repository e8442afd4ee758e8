"""Layers: frozen dataclasses with two pure functions, `init` and `apply`."""

from jaxnn.layers.activation import Activation
from jaxnn.layers.base import Layer, children, layer_numbers, put_numbers, walk
from jaxnn.layers.collapse import collapse
from jaxnn.layers.combinators import Chain
from jaxnn.layers.dropout import Dropout
from jaxnn.layers.linear import Dense
from jaxnn.layers.reshape import Flatten
from jaxnn.layers.summary import Summary, count, summary

__all__ = [
    "Activation",
    "Chain",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "Summary",
    "children",
    "collapse",
    "count",
    "layer_numbers",
    "put_numbers",
    "summary",
    "walk",
]
