"""Scores of our estimators beside scikit-learn's, over seeds of split, weights and order, on its bundled data sets."""

import statistics
import warnings
from collections.abc import Callable
from typing import Any

from sklearn import datasets, neural_network
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from jaxnn import estimators

SETS: dict[str, Callable[..., Any]] = {
    "iris": datasets.load_iris, "wine": datasets.load_wine, "breast_cancer": datasets.load_breast_cancer,
    "digits": datasets.load_digits, "diabetes": datasets.load_diabetes,
}  # fmt: skip


def scores(name: str, seed: int, solver: str) -> tuple[float, float]:
    """Fit both with the defaults but for the solver; return accuracy or R2 on the fifth of the rows left out."""
    x, y = SETS[name](return_X_y=True)
    x, x_test, y, y_test = train_test_split(x, y, test_size=0.2, random_state=seed)
    scaler = StandardScaler().fit(x)
    kind = "MLPRegressor" if name == "diabetes" else "MLPClassifier"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # neither converges on all sets in 200 epochs
        ours, theirs = (
            getattr(home, kind)(solver=solver, random_state=seed).fit(scaler.transform(x), y)
            for home in (estimators, neural_network)
        )
    return tuple(model.score(scaler.transform(x_test), y_test) for model in (ours, theirs))  # pyright: ignore[reportReturnType]


def table(seeds: int, solver: str) -> list[str]:
    """Return lines of a Markdown table: means, and the mean difference with its standard error."""
    lines = ["| data | jaxnn | scikit-learn | difference |", "|---|---|---|---|"]
    for name in SETS:
        pairs = [scores(name, seed, solver) for seed in range(seeds)]
        ours, theirs = (statistics.mean(side) for side in zip(*pairs, strict=True))
        gaps = [one - other for one, other in pairs]
        error = statistics.stdev(gaps) / seeds**0.5
        lines.append(f"| {name} | {ours:.4f} | {theirs:.4f} | {statistics.mean(gaps):+.4f} ± {error:.4f} |")
        print(lines[-1], flush=True)
    return lines
