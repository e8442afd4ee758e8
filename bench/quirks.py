"""Tables as people have them: each is made with one kind of trouble, and comes as the text of a file."""

import csv
import datetime
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

JOBS = ("cook", "smith", "clerk", "nurse", "pilot")
SIZES = ("low", "medium", "high")
ROWS = 1000


@dataclass(frozen=True)
class Quirky:
    """One table, for us as a file and for scikit-learn as its user would have prepared it by hand."""

    text: str
    """The file, read by the name `table.csv`."""
    target: str
    kinds: dict[str, str]
    """number or word, of the columns that the user of scikit-learn would pass on."""
    columns: dict[str, list[str]]
    """Their cells; "" where missing."""


Columns = dict[str, list[str]]


def _people(random: np.random.Generator, rows: int = ROWS) -> tuple[Columns, np.ndarray]:
    """Mixed columns, and what depends on them, not linearly, with noise."""
    age, hours = random.integers(18, 80, rows), random.gamma(4.0, 10.0, rows)
    job, size = random.integers(0, len(JOBS), rows), random.integers(0, len(SIZES), rows)
    smoker = random.integers(0, 2, rows)
    bonus = np.array([0.0, 1.5, -1.0, 0.5, 3.0])[job]
    score = (
        0.002 * (age - 45.0) ** 2 + 0.05 * hours * (1 + 0.5 * size) + bonus * (1 - smoker) + random.normal(0, 0.7, rows)
    )
    columns = {
        "age": [str(value) for value in age],
        "hours": [f"{value:.1f}" for value in hours],
        "job": [JOBS[value] for value in job],
        "size": [SIZES[value] for value in size],
        "smoker": [("no", "yes")[value] for value in smoker],
    }
    return columns, score


def _classes(score: np.ndarray, names: tuple[str, ...] = ("poor", "fair", "rich")) -> list[str]:
    edges = np.quantile(score, np.linspace(0, 1, len(names) + 1)[1:-1])
    return [names[value] for value in np.searchsorted(edges, score)]


def _kinds(columns: Columns) -> dict[str, str]:
    return {name: "number" if name in ("age", "hours") else "word" for name in columns}


def _file(columns: Columns, delimiter: str = ",", quotechar: str = '"') -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quotechar=quotechar, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return text.getvalue()


def _quirky(
    columns: Columns, target: list[str], kinds: dict[str, str] | None = None, file: str | None = None
) -> Quirky:
    return Quirky(file or _file(columns | {"target": target}), "target", kinds or _kinds(columns), columns)


def mixed(random: np.random.Generator) -> Quirky:
    """Numbers, words, ordered words and Booleans; three classes."""
    columns, score = _people(random)
    return _quirky(columns, _classes(score))


def value(random: np.random.Generator) -> Quirky:
    """The same with a value to predict."""
    columns, score = _people(random)
    return _quirky(columns, [f"{number:.3f}" for number in score])


def missing(random: np.random.Generator) -> Quirky:
    """A fifth of the cells missing, more often where the target is large."""
    columns, score = _people(random)
    likely = 0.1 + 0.2 * (score > np.median(score))
    for name in ("age", "hours", "job"):
        gone = random.random(len(score)) < likely
        columns[name] = ["" if lost else cell for lost, cell in zip(gone, columns[name], strict=True)]
    return _quirky(columns, _classes(score))


def many_categories(random: np.random.Generator) -> Quirky:
    """A column of 200 towns, a few of them common, that matter."""
    columns, score = _people(random)
    town = np.minimum(random.zipf(1.4, len(score)), 200) - 1
    columns["town"] = [f"town {number}" for number in town]
    worth = random.normal(0, 2, 200)
    return _quirky(columns, [f"{number:.3f}" for number in score + worth[town]])


def skewed_target(random: np.random.Generator) -> Quirky:
    """Prices: positive, from hundreds to hundreds of thousands."""
    columns, score = _people(random)
    return _quirky(columns, [f"{number:.0f}" for number in 1000 * np.exp(0.4 * (score - score.mean()))])


def skewed_features(random: np.random.Generator) -> Quirky:
    """Amounts of money over five powers of ten, of which the logarithm matters."""
    columns, score = _people(random)
    amount = np.exp(random.normal(6, 2.5, len(score)))
    columns["amount"] = [f"{number:.2f}" for number in amount]
    kinds = _kinds(columns) | {"amount": "number"}
    return _quirky(columns, _classes(score + 1.2 * np.log(amount)), kinds)


def dates(random: np.random.Generator) -> Quirky:
    """A date whose month and year matter; the user of scikit-learn gives days since 1970."""
    columns, score = _people(random)
    days = random.integers(14_000, 19_000, len(score))
    when = [datetime.date(1970, 1, 1) + datetime.timedelta(days=int(day)) for day in days]
    season = np.array([2.0 * np.sin(2 * np.pi * day.month / 12) + 0.3 * (day.year - 2015) for day in when])
    written = columns | {"joined": [f"{day:%d.%m.%Y}" for day in when]}
    values = [f"{number:.3f}" for number in score + season]
    kinds = _kinds(columns) | {"joined": "number"}
    by_hand = columns | {"joined": [str(day) for day in days]}
    return Quirky(_file(written | {"target": values}), "target", kinds, by_hand)


def european(random: np.random.Generator) -> Quirky:
    """Semicolons, decimal commas, a byte order mark."""
    columns, score = _people(random)
    target = [f"{number:.3f}".replace(".", ",") for number in score]
    written = columns | {"hours": [cell.replace(".", ",") for cell in columns["hours"]], "target": target}
    return _quirky(columns, target, file="\ufeff" + _file(written, ";"))


def useless(random: np.random.Generator) -> Quirky:
    """An identifier, names, a constant and free text beside what matters; by hand they are left out."""
    columns, score = _people(random)
    rows = range(len(score))
    more = {
        "id": [str(row + 1) for row in rows],
        "name": [f"Person {row} of the Town" for row in rows],
        "country": ["CH"] * len(score),
        "note": [" ".join(random.choice(JOBS, 8)) + f" {row}" for row in rows],
    }
    target = _classes(score)
    return _quirky(columns, target, file=_file(more | columns | {"target": target}))


def rare_classes(random: np.random.Generator) -> Quirky:
    """Two classes, one of 4 % of the rows."""
    columns, score = _people(random)
    return _quirky(columns, ["yes" if high else "no" for high in score > np.quantile(score, 0.96)])


def few_rows(random: np.random.Generator) -> Quirky:
    """A hundred rows."""
    columns, score = _people(random, 100)
    return _quirky(columns, _classes(score, ("poor", "rich")))


def noise_columns(random: np.random.Generator) -> Quirky:
    """Forty columns of noise beside what matters."""
    columns, score = _people(random)
    noise = {f"n{i}": [f"{number:.3f}" for number in random.normal(size=len(score))] for i in range(40)}
    kinds = _kinds(columns) | dict.fromkeys(noise, "number")
    return _quirky(columns | noise, _classes(score), kinds)


def outliers(random: np.random.Generator) -> Quirky:
    """One cell in a hundred is a thousand times too large."""
    columns, score = _people(random)
    for name in ("age", "hours"):
        wrong = random.random(len(score)) < 0.01
        columns[name] = [
            str(1000 * float(cell)) if bad else cell for bad, cell in zip(wrong, columns[name], strict=True)
        ]
    return _quirky(columns, [f"{number:.3f}" for number in score])


def dirty_words(random: np.random.Generator) -> Quirky:
    """Currency and thousands marks, "unknown" among numbers, spaces around words."""
    columns, score = _people(random)
    money = np.round(1000 * random.gamma(3, 2, len(score)))
    lost = random.random(len(score)) < 0.05
    by_hand = columns | {"pay": ["" if gone else f"{number:.0f}" for gone, number in zip(lost, money, strict=True)]}
    written = columns | {
        "pay": ["unknown" if gone else f"${number:,.0f}" for gone, number in zip(lost, money, strict=True)],
        "job": [f" {cell} " for cell in columns["job"]],
    }
    target = [f"{number:.3f}" for number in score + money / 3000]
    return _quirky(by_hand, target, _kinds(columns) | {"pay": "number"}, _file(written | {"target": target}))


QUIRKS: dict[str, Callable[[np.random.Generator], Quirky]] = {
    "mixed columns": mixed, "mixed columns, a value": value, "missing cells": missing,
    "200 categories": many_categories, "skewed target": skewed_target, "skewed features": skewed_features,
    "dates": dates, "semicolons, decimal commas": european, "identifiers, text, constants": useless,
    "a rare class": rare_classes, "100 rows": few_rows, "40 columns of noise": noise_columns, "outliers": outliers,
    "currency, stray words": dirty_words,
}  # fmt: skip
"""Every table by what is the matter with it."""
