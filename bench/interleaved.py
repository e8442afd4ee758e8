"""Times things in turn, A B C A B C ..., and tells by a control whether the machine was quiet enough."""

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass

CONTROL_LIMIT = 1.05
"""The control runs the same thing under two names; if their minima differ by more, the table is void."""


@dataclass(frozen=True)
class Row:
    """One comparison: ours against theirs, by the minima of interleaved runs."""

    what: str
    ours: float
    theirs: float
    aim: str
    met: bool | None
    """None where there is no aim to meet."""

    @property
    def ratio(self) -> float:
        """Our seconds over theirs: below 1 is faster."""
        return self.ours / self.theirs


@dataclass(frozen=True)
class Table:
    """What was measured, and whether the control allows to believe it."""

    title: str
    seconds: dict[str, float]
    """The minimum for each name."""
    medians: dict[str, float]
    rounds: int
    control: float
    """The ratio of the two minima of the control, above 1."""

    @property
    def void(self) -> bool:
        """Whether the machine was too restless."""
        return self.control > CONTROL_LIMIT


def measure(title: str, runs: dict[str, Callable[[], object]], rounds: int, control: str) -> Table:
    """Run every function once in each round, in turn, and keep the least seconds of each.

    Args:
        title: what the table is about.
        runs: the functions by name; each has run once before, so that nothing is compiled any more.
        rounds: how many rounds.
        control: the name of the function that also runs a second time in every round, as the control.

    Returns:
        The table.
    """
    names = [*runs, "control"]
    taken: dict[str, list[float]] = {name: [] for name in names}
    for i in range(rounds):
        gc.collect()
        # every round begins elsewhere, so that no function always runs in the shadow of the same one
        for name in names[i % len(names) :] + names[: i % len(names)]:
            run = runs[control] if name == "control" else runs[name]
            since = time.perf_counter()
            run()
            taken[name].append(time.perf_counter() - since)
    least = {name: min(seconds) for name, seconds in taken.items()}
    medians = {name: sorted(seconds)[len(seconds) // 2] for name, seconds in taken.items()}
    pair = least[control], least["control"]
    return Table(title, least, medians, rounds, max(pair) / min(pair))
