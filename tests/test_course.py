"""The table of the course is whole, and every mark `@pytest.mark.course(...)` names rows that it has."""

import ast
import collections
import csv
from pathlib import Path

import pytest

import course_report

TESTS = Path(__file__).resolve().parent
AREAS = {
    "N": 29, "A": 24, "L": 20, "F": 33, "W": 20, "O": 32, "S": 10, "I": 11, "R": 27, "D": 19,
    "M": 8, "H": 12, "B": 31, "C": 29, "Q": 16, "T": 5, "V": 14, "G": 5, "P": 10,
}  # fmt: skip


def course():
    with (TESTS / "course.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def marked_rows(source):
    """Yield (line, argument) of every mark `course` in a file; an argument that is no plain string comes as None."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"pytest.mark.course", "mark.course"}:
            for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
                plain = isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                yield node.lineno, argument.value if plain else None


def test_the_table_is_whole():
    ids = [row["id"] for row in course()]
    assert len(ids) == 355
    assert len(set(ids)) == 355
    assert collections.Counter(id_[0] for id_ in ids) == AREAS
    for area, count in AREAS.items():
        assert [id_ for id_ in ids if id_[0] == area] == [f"{area}{n:02d}" for n in range(1, count + 1)]
    assert all(row["name"].strip() == row["name"] != "" for row in course())


def test_every_mark_names_a_row():
    known = {row["id"] for row in course()}
    wrong = [
        f"{path.relative_to(TESTS)}:{line}: {row or 'not a plain string, so that it can be searched for'}"
        for path in sorted(TESTS.rglob("*.py"))
        for line, row in marked_rows(path.read_text(encoding="utf-8"))
        if row not in known
    ]
    assert not wrong, "\n".join(["", *wrong])


def test_marks_are_found_wherever_they_stand():
    source = """
pytestmark = pytest.mark.course("A02", "Z99")
@pytest.mark.parametrize("x", [pytest.param(1, marks=pytest.mark.course(row))])
def test_x(x): ...
"""
    assert list(marked_rows(source)) == [(2, "A02"), (2, "Z99"), (3, None)]


def test_a_row_is_as_good_as_its_worst_test():
    assert course_report.state_of([]) == "—"
    assert course_report.state_of(["passed", "passed"]) == "passed"
    assert course_report.state_of(["passed", "skipped"]) == "skipped"
    assert course_report.state_of(["failed", "skipped", "passed"]) == "failed"


def test_rows_are_chosen_by_area_and_by_id():
    rows = {"A01": "a", "A02": "b", "B01": "c"}
    assert course_report.select([], rows) == rows
    assert course_report.select(["a"], rows) == {"A01": "a", "A02": "b"}
    assert course_report.select(["B", "A02"], rows) == {"A02": "b", "B01": "c"}
    with pytest.raises(SystemExit, match="A09, Z is neither a row nor an area"):
        course_report.select(["A09", "Z"], rows)


def test_the_table_counts_tests_and_states():
    lines = course_report.table(
        {"A01": "identity", "A02": "sigmoid", "B01": "or"},
        {"A01": {"t1": "passed", "t2": "passed"}, "A02": {"t3": "failed"}},
    )
    assert lines[:3] == ["A01  identity     2  passed", "A02  sigmoid      1  failed", "B01  or              —"]
    assert [line.split() for line in lines[5:]] == [
        ["A", "2", "1", "1", "0", "0"],
        ["B", "1", "0", "0", "0", "1"],
        ["all", "3", "1", "1", "0", "1"],
    ]
