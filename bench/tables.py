"""How good the defaults are on tables as people have them, beside scikit-learn's pipeline on the same rows."""

import statistics
import sys
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench.quirks import QUIRKS, Quirky
from jaxnn.cli.pipeline import Plan, make_plan, train_plan
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, builtin, load

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


def show(found: Comparison) -> None:
    """Print one line."""
    ours, theirs = statistics.mean(found.ours), statistics.mean(found.theirs)
    print(
        f"  {found.name:<28} {found.what:<9} {ours:8.4f} {theirs:8.4f} {found.gain:+8.4f} ± {found.error:.4f}  {found.verdict}",
        flush=True,
    )


def main() -> None:
    """Compare everything; arguments: how many seeds, then names."""
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    settings = dict(entry.split("=") for entry in sys.argv[2:] if "=" in entry)
    names = [name for name in sys.argv[2:] if "=" not in name] or [*BUNDLED, *QUIRKS]
    typed = {name: eval_setting(name, text) for name, text in settings.items()}
    gains = []
    for found in compare(names, seeds, typed):
        show(found)
        gains.append(found.gain)
    print(f"mean gain {statistics.mean(gains):+.4f}")


def eval_setting(name: str, text: str) -> Any:
    """Return a setting as a flag would set it."""
    from jaxnn.cli.settings import from_flag

    return from_flag(name, text)


if __name__ == "__main__":
    main()
