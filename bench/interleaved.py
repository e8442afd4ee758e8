"""Times things in turn, A B C A B C ..., and tells by a control whether the machine was quiet enough."""

import gc
import random
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from bench.progress import say

CONTROL = "control"

CONTROL_LIMIT = 1.05
"""The control runs the same thing under two names; if their minima differ by more, the table is void."""

HALVES = 1000
"""Random halves of the rounds from which an interval is read."""


@dataclass(frozen=True)
class Timings:
    """What was measured, and whether the control allows to believe it."""

    title: str
    seconds: dict[str, list[float]]
    """Of every run, by name."""
    control: str
    """The name of what also ran as the control."""

    def least(self, name: str) -> float:
        """Return the minimum of one name's seconds."""
        return min(self.seconds[name])

    def median(self, name: str) -> float:
        """Return the median of one name's seconds."""
        return statistics.median(self.seconds[name])

    @property
    def unrest(self) -> float:
        """The ratio of the two minima of the control, above 1."""
        pair = self.least(self.control), self.least(CONTROL)
        return max(pair) / min(pair)

    @property
    def void(self) -> bool:
        """Whether the machine was too restless."""
        return self.unrest > CONTROL_LIMIT


@dataclass(frozen=True)
class Row:
    """One comparison: ours over theirs, so that below 1 is better."""

    what: str
    ratio: float
    interval: tuple[float, float] | None = None
    """Of 95 %; None where the figure is a count, not a time."""
    at_most: float | None = None
    """What the ratio is to be; None where there is no aim."""
    aim: str = ""

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None where there is none."""
        return None if self.at_most is None else self.ratio <= self.at_most

    @property
    def lost(self) -> bool:
        """Whether we are behind: an aim that is not met, or slower than theirs."""
        return self.met is False or self.ratio > 1


def compare(
    timings: Timings, what: str, ours: str, theirs: str, at_most: float | None = None, aim: str | None = None
) -> Row:
    """Return the ratio of two minima, with an interval.

    Args:
        timings: what was measured.
        what: the row's name.
        ours, theirs: names of the table.
        at_most: the aim, or None.
        aim: how to write it; by default "at most" and the number.

    Returns:
        The row.
    """
    pair = timings.seconds[ours], timings.seconds[theirs]
    said = aim if aim is not None else "" if at_most is None else f"at most {at_most:.2f}"
    return Row(what, min(pair[0]) / min(pair[1]), interval(*pair), at_most, said)


def interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """Return where the ratio of minima lies: the middle 95 % of what 1000 random halves of the rounds say.

    A bootstrap of all rounds would draw the very minimum two times of three, and pretend to a certainty that is not
    there; half as many rounds, drawn without replacement, do not.

    Args:
        ours, theirs: seconds of each round.

    Returns:
        The lower and the upper end.
    """
    draw = random.Random(0)
    least = [[min(draw.sample(seconds, (len(seconds) + 1) // 2)) for _ in range(HALVES)] for seconds in (ours, theirs)]
    ratios = sorted(one / other for one, other in zip(*least, strict=True))
    return ratios[HALVES // 40], ratios[-HALVES // 40 - 1]


def measure(
    title: str,
    runs: Mapping[str, Callable[[int], float]],
    rounds: int,
    control: str,
    every: Mapping[str, int] | None = None,
) -> Timings:
    """Run every function once in each round, in turn.

    Args:
        title: what the table is about.
        runs: the functions by name; they take the number of the round and return the seconds that count. Each has run
            once before, so that nothing is compiled any more.
        rounds: how many rounds.
        control: the name of the function that also runs a second time in every round, as the control.
        every: slow ones take part in every so manieth round only, from the first on.

    Returns:
        The timings.
    """
    taking = {name: (every or {}).get(name, 1) for name in runs} | {CONTROL: 1}
    taken: dict[str, list[float]] = {name: [] for name in taking}
    for i in range(rounds):
        say(f"{title}: round {i + 1} of {rounds}", lasting=i == 0)
        names = [name for name in taking if i % taking[name] == 0]
        gc.collect()
        # every round begins elsewhere, so that no function always runs in the shadow of the same one
        for name in names[i % len(names) :] + names[: i % len(names)]:
            taken[name].append(runs[control if name == CONTROL else name](i + 1))
    return Timings(title, taken, control)


def timed(run: Callable[[], object]) -> Callable[[int], float]:
    """Return a function that runs another and returns its seconds by the clock."""

    def seconds(_: int) -> float:
        since = time.perf_counter()
        run()
        return time.perf_counter() - since

    return seconds
