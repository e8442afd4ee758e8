"""The table of cases: every exported layer, with the input of one example; `test_laws.py` holds every law over it."""

from cases import dense
from cases.case import Case

LAYERS = [*dense.LAYERS]
"""A row for each exported layer at least; the files of this folder are those of `jaxnn/layers/`."""

CASES = [*LAYERS, *dense.ACTIVATIONS]

__all__ = ["CASES", "LAYERS", "Case"]
