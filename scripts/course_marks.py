"""A pytest plugin that reads the marks `@pytest.mark.course("A02")`; `scripts/course` loads it in every worker.

Each test that is tied to rows carries their ids in its reports (under `user_properties`), also across processes.
PYTEST_DONT_REWRITE: course_report.py imports this file before pytest does, and it asserts nothing.
"""

import csv
from pathlib import Path

import pytest

COURSE = Path(__file__).resolve().parent.parent / "tests" / "course.csv"
PROPERTY = "course"


def course_rows() -> dict[str, str]:
    """Return the name of every row of the course by its id, in the order of the file."""
    with COURSE.open(encoding="utf-8", newline="") as file:
        return {row["id"]: row["name"] for row in csv.DictReader(file)}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that keeps only the tests tied to given rows."""
    parser.addoption("--course-row", action="append", default=[], help="keep only tests tied to this row (repeatable)")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Write the ids into the tests, drop the tests that are not asked for, refuse ids that the course does not have."""
    asked: list[str] = config.getoption("--course-row")  # pyright: ignore[reportAssignmentType]
    known = course_rows()
    kept, dropped = [], []
    for item in items:
        ids = [id_ for mark in item.iter_markers("course") for id_ in mark.args]
        unknown = [str(id_) for id_ in ids if id_ not in known]
        if unknown:
            raise pytest.UsageError(f"{item.nodeid}: the course has no row {', '.join(unknown)}; see tests/course.csv")
        if ids and (not asked or not set(asked).isdisjoint(ids)):
            item.user_properties += [(PROPERTY, id_) for id_ in ids]
            kept.append(item)
        else:
            dropped.append(item)
    items[:] = kept
    config.hook.pytest_deselected(items=dropped)
