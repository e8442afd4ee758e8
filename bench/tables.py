"""How good the defaults are on tables as people have them, beside scikit-learn's pipeline on the same rows."""

import statistics
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.progress import say
from bench.quirks import QUIRKS, Quirky
from bench.result import Grid, Result
from jaxnn.cli.pipeline import Plan, make_plan, train_plan
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, builtin, load

SEEDS = 10
BUNDLED = ("iris", "wine", "breast_cancer", "digits", "diabetes")
"""What comes with scikit-learn and has one target; linnerud has 20 rows."""


@dataclass
class Comparison:
    """One table over several seeds."""

    name: str
    what: str
    """accuracy or R2."""
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)

    @property
    def gain(self) -> float:
        """The mean of the differences, ours minus theirs."""
        return statistics.mean(a - b for a, b in zip(self.ours, self.theirs, strict=True))

    @property
    def error(self) -> float:
        """The standard error of that mean."""
        differences = [a - b for a, b in zip(self.ours, self.theirs, strict=True)]
        return statistics.stdev(differences) / len(differences) ** 0.5 if len(differences) > 1 else float("inf")

    @property
    def verdict(self) -> str:
        """better, worse, or the same within two standard errors."""
        if abs(self.gain) <= 2 * self.error:
            return "the same"
        return "better" if self.gain > 0 else "worse"


def compare(names: list[str], seeds: int, settings: dict[str, Any] | None = None) -> Iterator[Comparison]:
    """Train on each table with each seed, ours and theirs, and score on the same untouched rows.

    Args:
        names: of bundled sets and of `QUIRKS`.
        seeds: how many, from 0 on; a seed makes the generated rows, the split and the initial weights.
        settings: that are not the defaults.

    Yields:
        The comparison of each table.
    """
    for name in names:
        found = None
        for seed in range(seeds):
            bundled = name in BUNDLED
            made = None if bundled else QUIRKS[name](np.random.default_rng(seed))
            table = getattr(builtin, name)() if made is None else _loaded(made)
            plan = make_plan(table, Settings(**({"seed": seed} | (settings or {}))))
            test = train_plan(plan).test
            assert test is not None
            classes = plan.preprocessing.classes is not None
            found = found or Comparison(name, "accuracy" if classes else "R2")
            score = getattr(test, "accuracy", None) if classes else getattr(test, "r2", None)
            found.ours.append(float(score or 0.0))
            found.theirs.append(_scikit_learn(plan, _by_hand(table, made), seed))
        assert found is not None
        yield found


def _loaded(made: Quirky) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(made.text)
        return load(path, made.target)


def _by_hand(table: Table, made: Quirky | None) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and words as the user of scikit-learn passes them on: (rows, columns) each."""
    if made is None:
        return np.asarray(table.features), np.zeros((len(table), 0), object)
    numbers = [name for name, kind in made.kinds.items() if kind == "number"]
    words = [name for name, kind in made.kinds.items() if kind == "word"]
    x = np.array([[float(cell) if cell else np.nan for cell in made.columns[name]] for name in numbers]).T
    cells: Any = np.array([made.columns[name] for name in words], object).T
    cells[cells == ""] = None
    return x.reshape(len(table), len(numbers)), cells.reshape(len(table), len(words))


def _scikit_learn(plan: Plan, columns: tuple[np.ndarray, np.ndarray], seed: int) -> float:
    """Impute, scale, one-hot, an MLP with early stopping; of a value the target is scaled too, or it fails."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers, words = columns
    x = np.concatenate([numbers.astype(object), words], axis=1)
    where = np.arange(x.shape[1])
    of_words = make_pipeline(
        SimpleImputer(strategy="most_frequent", missing_values=None), OneHotEncoder(handle_unknown="ignore")
    )
    preparation = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), where[: numbers.shape[1]]),
        ("words", of_words, where[numbers.shape[1] :]),
    ], sparse_threshold=0)  # fmt: skip
    shared: dict[str, Any] = {
        "early_stopping": True, "validation_fraction": len(plan.validation) / (len(plan.train) + len(plan.validation)),
        "random_state": seed,
    }  # fmt: skip
    train = np.sort(np.concatenate([plan.train.rows, plan.validation.rows]))
    target = np.asarray(plan.table.target)
    if plan.preprocessing.classes is not None:
        model: Any = make_pipeline(preparation, MLPClassifier(**shared))
    else:
        model = make_pipeline(
            preparation, TransformedTargetRegressor(MLPRegressor(**shared), transformer=StandardScaler())
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "did not converge": as its user sees it
        return float(model.fit(x[train], target[train]).score(x[plan.test.rows], target[plan.test.rows]))


def table(rounds: int | None) -> Result:
    """Compare everything.

    Args:
        rounds: how many seeds; None for 10.

    Returns:
        One grid, what we lose first.
    """
    seeds = rounds or SEEDS
    found = []
    for comparison in compare([*BUNDLED, *QUIRKS], seeds):
        found.append(comparison)
        say(f"tables: {comparison.name}, {comparison.verdict}")
    found.sort(key=lambda one: (one.verdict != "worse", one.gain))
    lines = [
        (one.name, one.what, f"{statistics.mean(one.ours):.3f}", f"{statistics.mean(one.theirs):.3f}",
         f"{one.gain:+.3f} ± {one.error:.3f}", one.verdict)
        for one in found
    ]  # fmt: skip
    title = f"Score on untouched rows, mean over {seeds} seeds of rows, split and weights; ± is one standard error"
    grid = Grid(title, ("table", "score", "ours", "scikit-learn", "difference", "ours is"), lines)
    notes = [
        (
            "Ours: `jaxnn train TABLE --target COLUMN`, no other flag. scikit-learn's: median and most frequent value, "
            "StandardScaler, OneHotEncoder, MLPClassifier or MLPRegressor (on a scaled target) with early stopping; "
            "its columns are chosen and typed by hand, dates are days, and useless columns are left out."
        )
    ]
    return Result(None, grids=[grid], notes=notes, title="Defaults on tables as people have them")
