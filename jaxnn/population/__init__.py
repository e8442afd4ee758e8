"""Many models at once: search, cross-validation and ensembles through a few compiled programs."""

from jaxnn.population.folds import Fold, folds, holdout
from jaxnn.population.leaderboard import Leaderboard
from jaxnn.population.tuning import Search, search
from jaxnn.population.space import LogUniform, Uniform, Whole

__all__ = ["Fold", "Leaderboard", "LogUniform", "Search", "Uniform", "Whole", "folds", "holdout", "search"]
