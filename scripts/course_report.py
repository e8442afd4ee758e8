"""Prints each row of tests/course.csv with the tests tied to it and whether they pass."""

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from course_marks import PROPERTY, course_rows

UNTESTED = "—"
FINISHED = (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)


class Recorder:
    """Collects what pytest reports about the tests tied to rows: row id -> test -> the worst outcome of its phases."""

    def __init__(self) -> None:
        self.outcomes: dict[str, dict[str, str]] = {}
        self.collected: dict[str, list[str]] = {}

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note which tests are tied to which rows; in a run spread over workers only they know it."""
        for item in session.items:
            for _, id_ in item.user_properties:
                self.collected.setdefault(str(id_), []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note the outcome of one phase (setup, call, teardown) of one test."""
        severity = ("passed", "skipped", "failed")
        for key, id_ in report.user_properties:
            if key == PROPERTY:
                tests = self.outcomes.setdefault(str(id_), {})
                tests[report.nodeid] = max(tests.get(report.nodeid, "passed"), report.outcome, key=severity.index)


def state_of(outcomes: Iterable[str]) -> str:
    """Return what the outcomes of a row's tests say together: failed, skipped, passed, or — without any test."""
    found = set(outcomes)
    return next((state for state in ("failed", "skipped", "passed") if state in found), UNTESTED)


def table(rows: dict[str, str], tests: dict[str, dict[str, str]]) -> list[str]:
    """Return a line for each row: id, name, number of tests, state; then the totals of each area and of all."""
    width = max(len(name) for name in rows.values())
    states = {id_: state_of(tests.get(id_, {}).values()) for id_ in rows}
    lines = [f"{id_}  {name:<{width}}  {len(tests.get(id_, {})) or '':>4}  {states[id_]}" for id_, name in rows.items()]
    areas = list(dict.fromkeys(id_[0] for id_ in rows))
    groups = [(area, [id_ for id_ in rows if id_[0] == area]) for area in areas] + [("all", list(rows))]
    lines += ["", f"{'area':<5}{'rows':>5}{'passed':>8}{'failed':>8}{'skipped':>9}{UNTESTED:>4}"]
    for area, ids in groups:
        passed, failed, skipped, untested = (
            sum(states[id_] == state for id_ in ids) for state in ("passed", "failed", "skipped", UNTESTED)
        )
        lines.append(f"{area:<5}{len(ids):>5}{passed:>8}{failed:>8}{skipped:>9}{untested:>4}")
    return lines


def select(asked: list[str], rows: dict[str, str]) -> dict[str, str]:
    """Return the rows whose id or area is asked for, all when nothing is; exit with a line on anything else."""
    asked = [word.upper() for word in asked]
    areas = dict.fromkeys(id_[0] for id_ in rows)
    unknown = [word for word in asked if word not in rows and word not in areas]
    if unknown:
        known = " ".join(areas)
        raise SystemExit(f"scripts/course: {', '.join(unknown)} is neither a row nor an area ({known})")
    return {id_: name for id_, name in rows.items() if not asked or id_ in asked or id_[0] in asked}


def run(rows: dict[str, str], *, only_collect: bool) -> tuple[int, Recorder]:
    """Run (or only collect) the tests tied to the rows; return pytest's exit code and what was recorded."""
    recorder = Recorder()
    wanted = [f"--course-row={id_}" for id_ in rows]
    how = ["--collect-only", "-n0"] if only_collect else ["-n", str(min(4, os.cpu_count() or 2))]
    # the workers are processes of their own: they find the plugin by this variable
    os.environ["PYTHONPATH"] = str(Path(__file__).resolve().parent)
    arguments = ["tests", "-p", "course_marks", "-qq", "--no-header", *wanted, *how]
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown) if only_collect else contextlib.nullcontext():
        code = pytest.main(arguments, plugins=[recorder])
    if code not in (*FINISHED, pytest.ExitCode.USAGE_ERROR):  # pytest writes a usage error to stderr
        print(shown.getvalue(), file=sys.stderr)
    return int(code), recorder


def main() -> int:
    """Print what the arguments ask for; return 1 when a tied test fails, pytest's own code when it broke off."""
    parser = argparse.ArgumentParser(prog="scripts/course", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="an area (A) or a row (A02); all without any")
    parser.add_argument("--missing", action="store_true", help="list the rows that no test is tied to; runs no test")
    arguments = parser.parse_args()
    rows = select(arguments.rows, course_rows())
    code, recorder = run(rows, only_collect=True)
    if code not in FINISHED:
        return code
    if arguments.missing:
        missing = {id_: name for id_, name in rows.items() if id_ not in recorder.collected}
        print("\n".join(f"{id_}  {name}" for id_, name in missing.items()))
        print(f"{len(missing)} of {len(rows)} rows have no test")
        return 0
    if recorder.collected:
        code, recorder = run(rows, only_collect=False)
    print("\n".join(table(rows, recorder.outcomes)))
    return 0 if code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED) else code


if __name__ == "__main__":
    sys.exit(main())
