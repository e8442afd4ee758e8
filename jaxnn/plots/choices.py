"""Axes of a search: the values of a hyper-parameter, which may be numbers, words or both, and the scores."""

import math
import numbers
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from jaxnn.plots.drawing import Scale, cut, distinct, number, spanning, tick

FAR = 20.0
"""Positive numbers whose largest is so many times the smallest take a logarithmic scale."""
FEW = 8
"""So many different numbers are marked themselves; of more the axis marks round ones."""
LETTER = 8.2
"""Room for a letter of the type of 14 units that the page has on a phone."""
BEYOND = 4.0
"""A score is off the scale if it is so many times farther from the median than the best one is."""


@dataclass(frozen=True)
class Axis:
    """Where the values of a hyper-parameter lie on an axis from left to right."""

    places: list[float]
    """Of each setting's value."""
    is_number: list[bool]
    """Whether each value lies on the scale of numbers, where between two values are others."""
    marks: list[tuple[float, str]]
    """Where something is written below the axis, and what; no two overlap."""


def said(value: Any) -> str:
    """Return a value of a hyper-parameter as it is written in a picture.

    >>> said(0.0010000001), said(None), said((64, 32)), said(max), said("adam")
    ('0.001', 'None', '64, 32', 'max', 'adam')
    """
    if _is_number(value):
        return number(_rounded(float(value), 4))
    if isinstance(value, tuple | list):  # (1024, 512) is no 1,024,512
        return ", ".join(said(one).replace(",", "") for one in value) or "none"
    return getattr(value, "__name__", None) or str(value)


def axis(values: Sequence[Any], start: float, end: float) -> Axis:
    """Return the axis of a hyper-parameter.

    Numbers have a scale, a logarithmic one where they are positive, span a factor of 20 and lie more evenly on it.
    What is no number, and a zero beside a logarithmic scale, has a place of its own before it; words alone are evenly
    spaced.

    Args:
        values: one for each setting.
        start, end: places of the ends.

    Returns:
        The place of each value, and the marks below the axis.

    >>> axis([0.0, 0.001, 0.01, 0.1], 0.0, 100.0).places
    [12.0, 24.0, 62.0, 100.0]
    >>> axis(["relu", "tanh", "relu"], 0.0, 100.0).marks
    [(25.0, 'relu'), (75.0, 'tanh')]
    """
    found = [float(value) for value in values if _is_number(value)]
    positive = [value for value in found if value > 0]
    log = bool(positive) and min(found) >= 0 and _log_is_even(sorted(positive))
    on_scale = [_is_number(value) and not (log and value == 0) for value in values]
    kept = sorted({float(value) for value, on in zip(values, on_scale, strict=True) if on})
    words = list(dict.fromkeys(said(value) for value, on in zip(values, on_scale, strict=True) if not on))
    words.sort(key=lambda word: word == "0")  # a zero lies next to the numbers
    slot = (end - start) / max(len(words), 1) * (1.0 if not kept else min(0.24 * len(words), 0.5))
    at = {word: start + (i + 0.5) * slot for i, word in enumerate(words)}
    scale = spanning(kept, start + slot * len(words), end, room=0.0)
    if log:
        scale = Scale(kept[0], kept[-1], scale.start, scale.end, log=True)
    shown = kept if len(kept) <= FEW else scale.ticks(5)
    marks = list(zip(at.values(), short(words, max(int(slot / LETTER), 4)), strict=True))
    marks += [(scale(value), tick(_rounded(value, 3))) for value in shown]
    places = [scale(float(value)) if on else at[said(value)] for value, on in zip(values, on_scale, strict=True)]
    return Axis(places, on_scale, apart(marks))


def short(names: Sequence[str], longest: int) -> list[str]:
    """Return names of a limited length: their beginnings, or where those are the same, what tells them apart.

    >>> short(["relu", "gelu_exact"], 6), short(["lr 0.01, width 8", "lr 0.01, width 16"], 6)
    (['relu', 'gelu_…'], ['…8', '…16'])
    """
    beginnings = [cut(name, longest) for name in names]
    return beginnings if len(set(beginnings)) == len(names) else distinct(names, longest)


def apart(marks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the marks of an axis that have room, from the left.

    Args:
        marks: ascending places, and what is written there.

    Returns:
        Those that do not reach into the one before.

    >>> apart([(0.0, "0.001"), (10.0, "0.002"), (50.0, "0.01")])
    [(0.0, '0.001'), (50.0, '0.01')]
    """
    kept: list[tuple[float, str]] = []
    ends = -math.inf
    for at, word in marks:
        half = LETTER * len(word) / 2
        if at - half >= ends:
            kept.append((at, word))
            ends = at + half + 5
    return kept


def score_scale(
    scores: Sequence[float], higher_is_better: bool, bad: float, good: float
) -> tuple[Scale, float | None, bool]:
    """Return the scale of scores, whose better end lies at `good`.

    Losses that span a factor of 20 are logarithmic. Else a few settings that are far worse than the others would press
    all others into one point: their place is the end of the scale.

    Args:
        scores: finite ones.
        higher_is_better: else lower is.
        bad, good: places of the ends.

    Returns:
        The scale; the score beyond which all are at its end, or None; whether it is logarithmic.

    >>> scale, beyond, _ = score_scale([0.9, 0.8, 0.85, -100.0, 0.95], True, 0.0, 100.0)
    >>> round(beyond, 2), scale(-100.0)
    (0.45, 0.0)
    """
    ends = (bad, good) if higher_is_better else (good, bad)
    if not higher_is_better and scores and min(scores) > 0 and max(scores) >= FAR * min(scores):
        return Scale(min(scores) / 1.05, max(scores) * 1.05, *ends, log=True), None, True
    best_first = sorted(scores, reverse=higher_is_better)
    beyond = None
    if best_first:
        best, median, worst = best_first[0], best_first[len(best_first) // 2], best_first[-1]
        edge = median - BEYOND * (best - median)
        if best != median and (worst < edge if higher_is_better else worst > edge):
            beyond = edge
            best_first = [score for score in best_first if (score >= edge if higher_is_better else score <= edge)]
            best_first.append(edge)
    return spanning(best_first, *ends), beyond, False


def _log_is_even(ascending: list[float]) -> bool:
    """Numbers drawn evenly from 0 to 1 span any factor, and would lie at the end of a logarithmic scale."""
    low, median, high = ascending[0], ascending[len(ascending) // 2], ascending[-1]
    if high < FAR * low:
        return False
    share = Scale(low, high, -0.5, 0.5)(median), Scale(low, high, -0.5, 0.5, log=True)(median)
    return len(ascending) == 2 or abs(share[1]) <= abs(share[0])


def _rounded(value: float, digits: int) -> float:
    """A number with some digits; 1,024 stays what it is."""
    return value if value.is_integer() and abs(value) < 1e6 else float(f"{value:.{digits}g}")


def _is_number(value: Any) -> TypeGuard[float]:
    """A finite real number that is no Boolean: `numpy.bool` is none of Python's numbers."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:  # 10**400
        return False
