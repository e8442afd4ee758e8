"""The table of cases: every exported layer, with the input of one example; `test_laws.py` holds every law over it."""

from cases import attention, columns, convolution, dense, dropout, embedding, normalization, pooling, recurrent
from cases.case import Case

LAYERS = [
    *dense.LAYERS,
    *convolution.LAYERS,
    *pooling.LAYERS,
    *columns.LAYERS,
    *embedding.LAYERS,
    *attention.LAYERS,
    *normalization.LAYERS,
    *dropout.LAYERS,
    *recurrent.LAYERS,
]
"""A row for each exported layer at least; the files of this folder are those of `jaxnn/layers/`."""

CASES = [*LAYERS, *dense.ACTIVATIONS]

__all__ = ["CASES", "LAYERS", "Case"]
