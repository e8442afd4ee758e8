"""Pictures as SVG text, one function each; colours and type are the page's (`jaxnn/report/report.css`)."""

from jaxnn.plots.bands import rungs, score_bands
from jaxnn.plots.classes import calibration, confidence, confusion, roc, threshold_sweep
from jaxnn.plots.drawing import cut
from jaxnn.plots.images import ink, signed
from jaxnn.plots.progress import gauge, learning_curve
from jaxnn.plots.reliability import reliability_diagram
from jaxnn.plots.search import marginals, parallel_coordinates
from jaxnn.plots.values import bars, error_histogram, predicted_against_true, residuals

__all__ = [
    "bars", "calibration", "confidence", "confusion", "cut", "error_histogram", "gauge", "ink", "learning_curve",
    "marginals", "parallel_coordinates", "predicted_against_true", "reliability_diagram", "residuals", "roc", "rungs",
    "score_bands", "signed", "threshold_sweep",
]  # fmt: skip
