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

KINDS = list({type(case.layer): case for case in reversed(LAYERS)}.values())[::-1]
"""The first row of each kind of layer."""

__all__ = ["CASES", "KINDS", "LAYERS", "Case"]
