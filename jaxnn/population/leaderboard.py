"""The table of a search: a row for each setting, with what it is worth on every fold."""

import csv
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.population.settings import columns

SHOWN = 10
"""Rows that a leaderboard prints of itself."""


def name_of(value: Any) -> Any:
    """Return a value of a hyper-parameter as a table shows it: numbers, words and None as they are.

    >>> name_of(0.1), name_of(len), name_of((16, 16))
    (0.1, 'len', '16x16')
    """
    if value is None or isinstance(value, int | float | str | bool | np.number):
        return value.item() if isinstance(value, np.number) else value
    if isinstance(value, list | tuple) and all(isinstance(one, int | float) for one in value):
        return "x".join(map(str, value)) if value else "none"
    return getattr(value, "__name__", None) or repr(value)


class Leaderboard(Mapping[str, list[Any]]):
    """Columns of a search's table, the best setting first; read-only.

    `rank`, the hyper-parameters (`set_epochs` where one is called as a column is),
    `mean` and `std` (over folds, of the population) of the score, `fold_0` and so on,
    `epochs` (the mean over folds of the epochs run), and `status`: "done", "dropped" by a schedule before the end,
    "diverged" or "interrupted".

    Args:
        settings: the hyper-parameters of each row.
        scores: (settings, folds).
        epochs: (settings, folds) that were run.
        status: of each row.
        higher_is_better: of scores.

    >>> rates = [{"rate": 0.1}, {"rate": 0.2}]
    >>> board = Leaderboard(rates, np.array([[0.5], [0.75]]), np.ones((2, 1)), ["done"] * 2, True)
    >>> board["rate"], board["mean"], board.order
    ([0.2, 0.1], [0.75, 0.5], [1, 0])
    """

    def __init__(
        self, settings: Sequence[Mapping[str, Any]], scores: np.ndarray, epochs: np.ndarray, status: Sequence[str],
        higher_is_better: bool,
    ) -> None:  # fmt: skip
        means, stds = scores.mean(axis=1), scores.std(axis=1)
        sign, places = -1.0 if higher_is_better else 1.0, ("done", "dropped", "interrupted", "diverged")

        def worse(i: int) -> tuple[Any, ...]:
            # a setting that went all the way stands before one that was dropped, whose score is of fewer epochs
            dropped, lost = status[i] == "dropped", not math.isfinite(means[i])
            trained = -epochs[i].mean() if dropped else 0.0
            return places.index(status[i]), lost, trained, 0.0 if lost else sign * means[i], i

        self.order = sorted(range(len(settings)), key=worse)
        """Of each row the place of its setting in the search."""
        own = {name: [name_of(value) for value in values] for name, values in columns(settings).items()}
        ours = ("rank", "mean", "std", "epochs", "status")
        given = {f"set_{name}" if name in ours else name: values for name, values in own.items()}
        self.names = list(given)
        folds = {f"fold_{k}": scores[:, k].tolist() for k in range(scores.shape[1])}
        every = {**given, "mean": means.tolist(), "std": stds.tolist(), **folds}
        every |= {"epochs": epochs.mean(axis=1).tolist(), "status": list(status)}
        ordered = {name: [values[i] for i in self.order] for name, values in every.items()}
        self._columns: dict[str, list[Any]] = {"rank": list(range(1, len(settings) + 1)), **ordered}

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows as dicts."""
        return [dict(zip(self, row, strict=True)) for row in zip(*self.values(), strict=True)]

    def csv(self) -> str:
        """Return the table as CSV; numbers read back to the same bits."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(self)
        writer.writerows([_cell(value) for value in row.values()] for row in self.rows())
        return file.getvalue()

    def __repr__(self) -> str:
        shown = ["rank", *self.names, "mean", "std", "epochs", "status"]
        rows = [[_short(row[name]) for name in shown] for row in self.rows()[:SHOWN]]
        widths = [max(len(name), *(len(row[i]) for row in rows)) for i, name in enumerate(shown)]
        lines = [
            "  ".join(word.rjust(width) for word, width in zip(row, widths, strict=True)) for row in [shown, *rows]
        ]
        more = len(self["rank"]) - len(rows)
        return "\n".join(lines + ([f"... and {more} more"] if more > 0 else []))


def _cell(value: Any) -> str:
    return repr(value) if isinstance(value, float) else "" if value is None else str(value)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "" if value is None else str(value)
