"""Schedules of a search: how long each setting is trained before the worse ones are dropped."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from jaxnn.checks import fail, one_of, whole_number
from jaxnn.population.trials import Trials, continued
from jaxnn.train import Run, stopping

SCHEDULES = ("full", "halving", "hyperband")


@dataclass
class Bracket:
    """Settings that race each other."""

    alive: list[int]
    ladder: list[int]
    """Epochs in all at the end of each rung."""


@dataclass
class Race:
    """Where a search stands after some rungs."""

    runs: list[Run | None]
    """Setting by setting, each on every fold, as they were computed."""
    scores: np.ndarray
    """(settings, folds), the last ones measured."""
    dropped: set[int] = field(default_factory=set)
    rungs: list[tuple[int, int]] = field(default_factory=list)
    """(epochs of the longest so far, settings alive) at the end of each rung."""


def ladder(epochs: int, settings: int, factor: int, shortest: int | None = None) -> list[int]:
    """Return after how many epochs successive halving looks: `epochs / factor^k`, the last being all of them.

    Args:
        epochs: of those that go all the way.
        settings: how many begin.
        factor: the share that goes on is one in so many.
        shortest: epochs before the first look, at least 1; None for as many looks as the settings allow.

    Returns:
        Ascending numbers of epochs.

    >>> ladder(81, 27, 3), ladder(30, 36, 3, shortest=5)
    ([3, 9, 27, 81], [10, 30])
    """
    most = int(math.log(max(settings, 1)) / math.log(factor) + 1e-9)
    if shortest is not None:
        most = min(most, int(math.log(max(epochs / shortest, 1)) / math.log(factor) + 1e-9))
    rungs = [max(round(epochs / factor**k), 1) for k in range(most, -1, -1)]
    return list(dict.fromkeys(rungs))


def brackets(schedule: str, settings: int, epochs: int, factor: int, shortest: int | None) -> list[Bracket]:
    """Return the brackets of a schedule: one for "full" and "halving", several for "hyperband".

    Hyperband deals the settings to brackets that begin with 1, factor, factor^2 ... as many epochs, in the proportion
    of its paper: many settings for a short while, few for long, because no one knows how early a setting shows its
    worth.

    Args:
        schedule: one of `SCHEDULES`.
        settings: how many there are.
        epochs: of those that go all the way.
        factor: the share that goes on is one in so many, at least 2.
        shortest: epochs before the first look; None for the schedule's own choice.

    Returns:
        The brackets; every setting is in one.

    Raises:
        JaxnnError: for an unknown schedule, or a number out of its range.

    Reference: L. Li and others, "Hyperband: a novel bandit-based approach to hyperparameter optimization", 2018.

    >>> [(len(one.alive), one.ladder) for one in brackets("hyperband", 22, 9, 3, None)]
    [(12, [1, 3, 9]), (6, [3, 9]), (4, [9])]
    """
    one_of("schedule", schedule, SCHEDULES)
    whole_number("factor", factor, 2)
    if shortest is not None:
        whole_number("min_epochs", shortest, 1, epochs)
    if schedule == "full":
        return [Bracket(list(range(settings)), [epochs])]
    if schedule == "halving":
        return [Bracket(list(range(settings)), ladder(epochs, settings, factor, shortest))]
    deepest = int(math.log(epochs / (shortest or 1)) / math.log(factor) + 1e-9)
    shares = np.array([math.ceil((deepest + 1) / (s + 1) * factor**s) for s in range(deepest, -1, -1)], float)
    cuts = np.round(np.cumsum(shares) / shares.sum() * settings).astype(int)
    parts = np.split(np.arange(settings), cuts[:-1])
    ladders = [[max(round(epochs / factor**k), 1) for k in range(s, -1, -1)] for s in range(deepest, -1, -1)]
    return [
        Bracket(part.tolist(), list(dict.fromkeys(own))) for part, own in zip(parts, ladders, strict=True) if len(part)
    ]


def race(
    trials: Trials, settings: Sequence[dict[str, Any]], epochs: Sequence[int], given: Sequence[Bracket], factor: int
) -> Race:
    """Train settings by a schedule: rung by rung, all brackets at once; what goes on goes on bit for bit.

    Args:
        trials: what all settings share.
        settings: hyper-parameters.
        epochs: of each that goes all the way.
        given: the brackets.
        factor: the share that goes on is one in so many.

    Returns:
        The race at its end.

    Raises:
        JaxnnError: if a setting is impossible.
    """
    folds = len(trials.folds)
    first = {i: bracket.ladder[0] if len(bracket.ladder) > 1 else epochs[i] for bracket in given for i in bracket.alive}
    plan = trials.planned(trials.jobs(settings, [first[i] for i in range(len(settings))]))
    jobs = list(plan.jobs)
    at = Race([None] * len(jobs), np.full((len(settings), folds), np.nan))
    for rung in range(max(len(bracket.ladder) for bracket in given)):
        racing = [bracket for bracket in given if rung < len(bracket.ladder)]
        places = [i * folds + k for bracket in racing for i in bracket.alive for k in range(folds)]
        going = [place for place in places if _goes_on(at.runs[place])]
        for place in going:
            run = at.runs[place]
            if run is not None:
                ladder = next(b.ladder for b in racing if place // folds in b.alive)
                jobs[place] = continued(jobs[place], run, ladder[rung])
        fewest = min(max(len(b.alive) // factor ** (len(b.ladder) - 1 - rung), 1) for b in racing) * folds
        for place, run in zip(going, trials.run([jobs[place] for place in going], fewest), strict=True):
            at.runs[place] = run
        at.scores = trials.scores([None if r is None else plan.unpadded(p, r) for p, r in enumerate(at.runs)])
        longest = max((run.history.epochs for run in at.runs if run is not None), default=0)
        at.rungs.append((longest, sum(len(bracket.alive) for bracket in racing)))
        if any(run is None or run.interrupted for run in (at.runs[place] for place in places)):
            break
        for bracket in racing:
            _drop(bracket, rung, at, trials.higher_is_better, factor)
    at.runs = [None if run is None else plan.unpadded(place, run) for place, run in enumerate(at.runs)]
    return at


def _goes_on(run: Run | None) -> bool:
    """Whether a run has not begun, or has only come to the end of a rung."""
    if run is None:
        return True
    return run.now is not None and int(run.now.stopped[0]) == stopping.EPOCHS_DONE


def _drop(bracket: Bracket, rung: int, at: Race, higher_is_better: bool, factor: int) -> None:
    """Keep one setting in `factor`, by the mean over folds; of equals the first, what is not finite last."""
    if rung == len(bracket.ladder) - 1:
        return
    means = at.scores.mean(axis=1)
    worth = {i: (-means[i] if higher_is_better else means[i]) for i in bracket.alive}
    ranked = sorted(
        bracket.alive, key=lambda i: (not math.isfinite(worth[i]), worth[i] if math.isfinite(worth[i]) else 0, i)
    )
    kept = sorted(ranked[: max(len(ranked) // factor, 1)])
    at.dropped |= set(bracket.alive) - set(kept)
    bracket.alive = kept


def check_epochs(schedule: str, settings: Sequence[dict[str, Any]]) -> None:
    """Refuse epochs as a hyper-parameter of a schedule that deals them out itself.

    Raises:
        JaxnnError: if they are.
    """
    if schedule != "full" and any("epochs" in setting for setting in settings):
        fail("epochs", f"a hyper-parameter beside schedule={schedule!r}", "one number", "The schedule deals epochs out")
