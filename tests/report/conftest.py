"""Documents of reports: of quick runs, and of one whose every name is hostile."""

import dataclasses

import numpy as np
import pytest

import quick
from jaxnn.cli.evidence import evidence
from jaxnn.cli.pipeline import train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, load
from jaxnn.report.searched import Band, Searched, Tried

MADE_WITH = {"jaxnn": "0", "device": "<script>alert('device')</script>"}
HOSTILE = (
    "<script>alert(1)</script>", "\"'><img src=x onerror=alert(2)>", "\u202egnirts \u2066", "😀 {{ 7 * 7 }} {% raw %}",
    "</style></script><svg onload=alert(3)>", "`${alert(4)}`", "a" * 500, "javascript:alert(5)", "&lt;b&gt; &amp;",
)  # fmt: skip


def of(table, **settings):
    with quick.compiles():
        return evidence(train_table(table, Settings(**({"hidden": (4,), "epochs": 3} | settings))), MADE_WITH)


@pytest.fixture(scope="session")
def digits_document():
    return of(load("digits"))


@pytest.fixture(scope="session")
def diabetes_document():
    return of(load("diabetes"))


@pytest.fixture(scope="session")
def hostile_document():
    noise = np.random.default_rng(0)
    x = noise.normal(size=(300, len(HOSTILE)))
    kind = np.array([HOSTILE[i] for i in x[:, :7].argmax(axis=1)])
    name, source = "</title><script>alert(6)</script>", "<script>alert(7)</script>.csv"
    return of(Table(HOSTILE, x, kind, name, source=source, description="<b onclick=alert(8)>"))


@pytest.fixture(scope="session")
def crowded_document():
    """84 classes with long names, 200 columns."""
    noise = np.random.default_rng(1)
    x = noise.normal(size=(84 * 12, 200))
    kind = np.array([f"species number {i:03d} of the long list" for i in np.arange(84).repeat(12)])
    columns = tuple(f"measurement_{i:03d}_of_a_sensor_whose_name_does_not_end" for i in range(200))
    return of(Table(columns, x, kind, "kind", source="crowded.csv"))


@pytest.fixture(scope="session")
def unscored_document():
    """Neither test nor validation part."""
    return of(load("diabetes"), test=0.0, validation=0.0)


@pytest.fixture(scope="session")
def searched_document(diabetes_document):
    """300 settings, of halving, some of which diverged; a file may say that a setting has a hostile name."""
    names = ("learning_rate", HOSTILE[0], "hidden")
    rows = []
    for i in range(300):
        lost = i >= 280
        values = (f"{10 ** (-4 + i % 7)}", HOSTILE[i % len(HOSTILE)][:200], "64x32" if i % 3 else "16")
        status = "diverged" if lost else "dropped" if i > 8 else "done"
        rows.append(Tried(i + 1, values, None if lost else 0.9 - i / 400, None if lost else 0.01, 9.0, status))
    curve = tuple(1 / (1 + epoch) for epoch in range(9))
    bands = tuple(Band(rank, (curve, (*curve[:5], None, None, None, None))) for rank in (1, 2, 3))
    found = Searched(
        "accuracy", True, 2, 1, "halving", 300, "2 programs for 600 runs", names, tuple(rows), "validation loss",
        tuple(range(1, 10)), bands, ((1, 300), (3, 100), (9, 33)), 1200, 5400,
    )  # fmt: skip
    return dataclasses.replace(diabetes_document, search=found)


@pytest.fixture(scope="session")
def every_document(
    digits_document, diabetes_document, hostile_document, crowded_document, unscored_document, searched_document
):
    every = [digits_document, diabetes_document, hostile_document, crowded_document, unscored_document]
    return [*every, searched_document]
