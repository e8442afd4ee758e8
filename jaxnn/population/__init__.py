"""Many models at once: search, cross-validation and ensembles through a few compiled programs."""

from jaxnn.population.bagging import Bag, bag, bootstrap, distinct_share
from jaxnn.population.combining import combined
from jaxnn.population.crossval import CrossValidation, cross_validate
from jaxnn.population.cyclic import CyclicCosine, snapshots
from jaxnn.population.ensembles import Ensemble, ensemble
from jaxnn.population.folds import Fold, folds, holdout
from jaxnn.population.leaderboard import Leaderboard
from jaxnn.population.space import LogUniform, Uniform, Whole
from jaxnn.population.studies import LearningCurve, SeedStudy, learning_curve, seed_study
from jaxnn.population.tuning import Search, search
from jaxnn.population.uncertainty import Predictions, monte_carlo_predictions

__all__ = [
    "Bag",
    "CrossValidation",
    "CyclicCosine",
    "Ensemble",
    "Fold",
    "Leaderboard",
    "LearningCurve",
    "LogUniform",
    "Predictions",
    "Search",
    "SeedStudy",
    "Uniform",
    "Whole",
    "bag",
    "bootstrap",
    "combined",
    "cross_validate",
    "distinct_share",
    "ensemble",
    "folds",
    "holdout",
    "learning_curve",
    "monte_carlo_predictions",
    "search",
    "seed_study",
    "snapshots",
]
