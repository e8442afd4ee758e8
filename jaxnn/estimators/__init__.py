"""Estimators with scikit-learn's names, parameters and defaults, trained by one compiled program."""

from jaxnn.estimators.classifier import MLPClassifier
from jaxnn.estimators.images import ConvClassifier
from jaxnn.estimators.regressor import MLPRegressor
from jaxnn.estimators.saving import load, save
from jaxnn.estimators.search import SearchCV

__all__ = ["ConvClassifier", "MLPClassifier", "MLPRegressor", "SearchCV", "load", "save"]
