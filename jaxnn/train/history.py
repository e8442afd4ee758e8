"""What happened in every epoch of a run."""

from collections.abc import Iterator, Mapping

import numpy as np


class History(Mapping[str, np.ndarray]):
    """One column of numbers for each thing that was logged, one row for each epoch; read-only.

    `loss` is the mean over the epoch's minibatches, each with the weights of its moment; everything else is measured
    at the end of the epoch with exactly the weights of that moment, `val_...` on the validation data.

    Args:
        columns: a dict from name to the values of all epochs.

    >>> history = History({"loss": [0.9, 0.5]})
    >>> len(history["loss"]), history.epochs, history
    (2, 2, History(2 epochs: loss 0.9 -> 0.5))
    """

    def __init__(self, columns: Mapping[str, object]) -> None:
        self._columns = {name: np.array(values, np.float64) for name, values in columns.items()}
        for values in self._columns.values():
            values.setflags(write=False)

    def __getitem__(self, name: str) -> np.ndarray:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __repr__(self) -> str:
        words = [f"{name} {values[0]:.4g} -> {values[-1]:.4g}" for name, values in self.items() if len(values)]
        return f"History({self.epochs} epochs{': ' if words else ''}{', '.join(words)})"

    @property
    def epochs(self) -> int:
        """How many epochs were completed."""
        return len(next(iter(self._columns.values()), ()))

    def extended(self, rows: Mapping[str, np.ndarray]) -> "History":
        """Return the history with more epochs at its end.

        Args:
            rows: a dict with the same names, the values of the new epochs.

        Returns:
            A new history.
        """
        if not self._columns:
            return History(rows)
        return History({name: np.concatenate([values, rows[name]]) for name, values in self.items()})

    def csv(self) -> str:
        """Return the history as a CSV table; its column `epoch` counts from 1, numbers read back to the same bits."""
        lines = [",".join(["epoch", *self])]
        rows = range(self.epochs)
        lines += [",".join([str(i + 1), *(repr(float(values[i])) for values in self.values())]) for i in rows]
        return "\n".join(lines) + "\n"
