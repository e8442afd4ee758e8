"""Estimators with scikit-learn's names, parameters and defaults, trained by one compiled program."""

from jaxnn.estimators.classifier import MLPClassifier
from jaxnn.estimators.regressor import MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
