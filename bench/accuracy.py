"""The score of the defaults over seeds of split and initial weights: one split of few rows is a coin flip."""

import argparse
import os
import statistics

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from jaxnn.cli.pipeline import train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import load


def main() -> None:
    """Train with the defaults and seeds 0, 1, 2 ...; print every score on the untouched test part, mean and spread."""
    parser = argparse.ArgumentParser(prog="scripts/accuracy", description="The score of the defaults over seeds.")
    parser.add_argument("data", nargs="?", default="digits", help="name of a built-in data set, or a CSV file")
    parser.add_argument("--target", help="the target column of a CSV file")
    parser.add_argument("--model", default="auto", help="mlp, or cnn for images (default auto)")
    parser.add_argument("--augment", action="append", default=[], help="such as shift=1, for images")
    parser.add_argument("--dropout", type=float, default=0.0, help="share of hidden activations dropped (default 0)")
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 0 on (default 10)")
    parser.add_argument("--estimators", metavar="SOLVER", help="ours beside scikit-learn's: adam, sgd or lbfgs")
    given = parser.parse_args()
    if given.estimators:
        from bench.seeds import table as beside

        print(f"{given.seeds} seeds, solver {given.estimators}")
        beside(given.seeds, given.estimators)
        return
    name = given.data if given.model == "auto" else f"{given.data}, {given.model}"
    table, scores, what = load(given.data, given.target), [], "accuracy"
    for seed in range(given.seeds):
        settings = Settings(model=given.model, augment=tuple(given.augment), dropout=given.dropout, seed=seed)
        test = train_table(table, settings).test
        assert test is not None
        what = "accuracy" if hasattr(test, "accuracy") else "R2"
        scores.append(getattr(test, "accuracy", None) or getattr(test, "r2", 0.0))
        print(f"seed {seed}: {what} {scores[-1]:.4f} on {test.rows} test rows", flush=True)
    spread = f", standard deviation {statistics.stdev(scores):.4f}" if len(scores) > 1 else ""
    print(f"{name}, {len(scores)} seeds: mean {what} {statistics.mean(scores):.4f}{spread}, lowest {min(scores):.4f}")


if __name__ == "__main__":
    main()
