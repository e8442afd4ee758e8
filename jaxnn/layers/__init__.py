"""Layers: frozen dataclasses with two pure functions, `init` and `apply`."""

from jaxnn.layers.activation import Activation
from jaxnn.layers.attention import MultiHeadAttention
from jaxnn.layers.base import Layer
from jaxnn.layers.bidirectional import Bidirectional
from jaxnn.layers.branches import Parallel, Residual
from jaxnn.layers.collapse import collapse
from jaxnn.layers.columns import ColumnEmbedding
from jaxnn.layers.combinators import Chain
from jaxnn.layers.convolution import Conv, ConvTranspose
from jaxnn.layers.dropout import DropConnect, Dropout, GaussianNoise, StochasticDepth, monte_carlo
from jaxnn.layers.embedding import Embedding, Unembedding
from jaxnn.layers.linear import Dense
from jaxnn.layers.normalization import BatchNorm, GroupNorm, LayerNorm, RMSNorm
from jaxnn.layers.pooling import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from jaxnn.layers.positions import LearnedPositions, SinusoidalPositions
from jaxnn.layers.recurrent import GRU, LSTM, RNN
from jaxnn.layers.reshape import Flatten
from jaxnn.layers.sharing import Frozen, Tied
from jaxnn.layers.summary import Summary, count, summary
from jaxnn.layers.transformer import TransformerBlock

__all__ = [
    "GRU",
    "LSTM",
    "RNN",
    "Activation",
    "AvgPool",
    "BatchNorm",
    "Bidirectional",
    "Chain",
    "ColumnEmbedding",
    "Conv",
    "ConvTranspose",
    "Dense",
    "DropConnect",
    "Dropout",
    "Embedding",
    "Flatten",
    "Frozen",
    "GaussianNoise",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "GroupNorm",
    "Layer",
    "LayerNorm",
    "LearnedPositions",
    "MaxPool",
    "MultiHeadAttention",
    "Parallel",
    "RMSNorm",
    "Residual",
    "SinusoidalPositions",
    "StochasticDepth",
    "Summary",
    "Tied",
    "TransformerBlock",
    "Unembedding",
    "collapse",
    "count",
    "monte_carlo",
    "summary",
]
"""What `jaxnn` exports of the layers; the layer classes among it are those that a model file may name."""
