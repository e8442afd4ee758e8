"""Prints the tables; `python -m bench --help` says how."""

import argparse
import json
import os
import platform
import sys

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import numpy as np

from bench import digits, processes
from bench.interleaved import CONTROL_LIMIT, Row, Table


def environment() -> str:
    """Say on what the figures were taken."""
    versions = f"jax {jax.__version__}, numpy {np.__version__}, Python {platform.python_version()}"
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {jax.default_backend()}; {versions}"


def show(table: Table, rows: list[Row], ends: dict[str, float] | None = None) -> None:
    """Print a table: what we lose first."""
    print(f"\n{table.title}: least and median seconds of {table.rounds} interleaved runs")
    for name, seconds in table.seconds.items():
        print(f"  {name:<28} {seconds:8.4f} {table.medians[name]:8.4f}")
    if table.void:
        print(
            f"  VOID: the control differs from itself {table.control:.3f} times, more than {CONTROL_LIMIT}; try again"
        )
        return
    print(f"  control {table.control:.3f}; ratios of the least:")
    for row in sorted(rows, key=lambda row: row.ratio, reverse=True):
        print(f"  {row.ratio:6.3f}  {row.what:<50} {row.aim:<24} {'met' if row.met else 'NOT MET'}")
    if ends:
        print("  last training loss: " + ", ".join(f"{name} {value:.4f}" for name, value in ends.items()))


def main() -> None:
    """Measure what was asked for; exit code 1 if a table is void, 0 otherwise."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Ratios of times, from interleaved runs with a control."
    )
    parser.add_argument("tables", nargs="*", choices=["digits", "import", "train", []], help="which; all by default")
    parser.add_argument("--rounds", type=int, help="how often each runs (default 20 in a process, 7 whole processes)")
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    given = parser.parse_args()
    asked = given.tables or ["digits", "import", "train"]
    measured = []
    if "digits" in asked:
        measured.append(digits.table(given.rounds or 20))
    if "import" in asked:
        measured.append((*processes.imports(given.rounds or 7), None))
    if "train" in asked:
        measured.append((*processes.training(given.rounds or 7), None))
    if given.json:
        tables = [
            {"title": table.title, "seconds": table.seconds, "medians": table.medians, "control": table.control,
             "void": table.void, "ratios": {row.what: row.ratio for row in rows}}
            for table, rows, _ in measured
        ]  # fmt: skip
        print(json.dumps({"environment": environment(), "tables": tables}, indent=1))
    else:
        print(environment())
        for table, rows, ends in measured:
            show(table, rows, ends)
    sys.exit(any(table.void for table, _, _ in measured))


if __name__ == "__main__":
    main()
