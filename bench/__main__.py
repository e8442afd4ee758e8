"""Prints the tables; `python -m bench --help` says how."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")

from bench import (
    attention,
    digits,
    estimators,
    first_search,
    fits,
    fresh,
    gradients,
    growth,
    images,
    layers,
    machine,
    members,
    notebook,
    processes,
    recurrent,
    search,
    tables,
    tiny,
)
from bench.progress import done, say
from bench.result import Result, as_json, as_markdown

TABLES: dict[str, Callable[[int | None], Result]] = {
    "digits": digits.table,
    "fresh": fresh.table,
    "import": processes.imports,
    "train": processes.training,
    "tiny": tiny.table,
    "growth": growth.table,
    "layers": layers.table,
    "gradients": gradients.table,
    "transformer": attention.table,
    "recurrent": recurrent.table,
    "images": images.table,
    "tables": tables.table,
    "estimators": estimators.table,
    "notebook": notebook.table,
    "fits": fits.table,
    "search": search.table,
    "first_search": first_search.table,
    "members": members.table,
}
"""By the name on the command line: a function of the rounds (None for its own number) that returns what it measured."""


INTERRUPTED = 130
"""Exit code of a program that Ctrl-C ended."""


def main() -> None:
    """Measure what was asked for; exit code 1 if a table is void, 0 otherwise."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Ratios of seconds, ours over theirs, from interleaved runs with a control; losses come first.",
        epilog="Exit code 1 if a table is void: its control differs from itself, or the losses at the end differ.",
    )
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}; all by default")
    parser.add_argument("--rounds", type=int, help="how often each runs; every table has a number of its own")
    parser.add_argument("--json", action="store_true", help="print one JSON object, with every run's seconds")
    parser.add_argument("--markdown", metavar="FILE", help="write what is printed without --json to a file too")
    given = parser.parse_args()
    unknown = [name for name in given.tables if name not in TABLES]
    if unknown:
        parser.error(f"got the unknown table {unknown[0]!r}; needed one of {', '.join(TABLES)}")
    if given.rounds is not None and given.rounds < 2:
        parser.error(f"--rounds: got {given.rounds}; needed at least 2")
    if given.markdown and not os.path.isdir(os.path.dirname(os.path.abspath(given.markdown))):
        parser.error(f"--markdown: got {given.markdown}; needed a file in a folder that is there")
    environment = machine.environment()
    say("the machine's limits")
    try:
        limits = machine.limits()
        results = [TABLES[name](given.rounds) for name in given.tables or TABLES]
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    finally:
        done()
    text = as_markdown(environment, limits, results)
    if given.markdown:
        Path(given.markdown).write_text(text, encoding="utf-8")
    print(json.dumps(as_json(environment, limits, results), indent=1) if given.json else text.rstrip())
    sys.exit(any(result.void for result in results))


if __name__ == "__main__":
    main()
