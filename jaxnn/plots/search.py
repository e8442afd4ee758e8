"""Pictures of a search: which settings are good, and what each hyper-parameter does to the score."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.plots.choices import Axis, apart, axis, said, score_scale
from jaxnn.plots.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Picture, Scale, cut, number, tick

MOST = 500
"""Settings that are drawn; more lines hide each other and make a page heavy."""
BEST = 50
"""So many of the best are drawn of them in any case."""
SHARE = 0.1
"""The share of settings, the best ones, that stands out."""
ROW, EDGE = 58.0, 26.0
"""Height of an axis of `parallel_coordinates`, and room left and right of it for a mark."""
NOTE = 17.0
"""Height of a line of what is said below a picture."""
LINE, NAME = 46, 40
"""Letters of such a line, and of a name above an axis, whose type is bold."""
GROUPS, ALONE = 8, 12
"""A hyper-parameter with more than `ALONE` different numbers has its means over so many groups of about equal size."""

Settings = Mapping[str, Sequence[Any]]


def parallel_coordinates(settings: Settings, scores: Any, higher_is_better: bool, name: str = "score") -> str:
    """Draw each setting as a line through its values, from one hyper-parameter's axis to the next, down to its score.

    The best tenth stands out (class a), the best one most (class b). Better scores lie to the right; settings that
    diverged have a place of their own at the left. Of more than 500 settings the best 50 and an even sample of the
    others are drawn.

    Args:
        settings: of each hyper-parameter by name its value in each setting: numbers, words, None or tuples.
        scores: (settings,) mean score of each; NaN for one that diverged.
        higher_is_better: else lower is.
        name: of the score.

    Returns:
        SVG.

    Raises:
        JaxnnError: if there is no hyper-parameter or no setting, or their numbers differ.

    >>> svg = parallel_coordinates({"width": [16, 64], "optimizer": ["sgd", "adam"]}, [0.8, 0.9], True)
    >>> "the best: width 64, optimizer adam: score 0.9" in svg
    True
    """
    numbers = _checked(settings, scores)
    order = _best_first(numbers, higher_is_better)
    drawn = _sample(len(order))
    diverged = np.isnan(numbers)
    start, end = EDGE, WIDTH - EDGE
    bad = start + (48 if diverged.any() else 0)
    scale, beyond, log = score_scale(numbers[~diverged].tolist(), higher_is_better, bad, end)
    marks = sorted((scale(value), tick(value)) for value in scale.ticks(5))
    marks = apart([*([(start + 8, "diverged")] if diverged.any() else []), *marks])
    last = Axis([start + 8 if math.isnan(score) else scale(score) for score in numbers.tolist()], [], marks)
    axes = {key: axis(values, start, end) for key, values in settings.items()}
    words = f"{cut(name, 26)}{' (log scale)' if log else ''} → better"
    notes = _notes(numbers, drawn, beyond, higher_is_better)
    picture = Picture(_label("Parallel coordinates", settings, numbers, order, name), WIDTH, ROW * len(axes) + 48)
    heights = [22 + ROW * i for i in range(len(axes) + 1)]
    columns = np.array([[*one.places] for one in (*axes.values(), last)])  # (axes, settings)
    _lines(picture, columns, heights, [(rank, order[rank]) for rank in drawn], settings, numbers, name)
    for (title, one), y in zip([*axes.items(), (words, last)], heights, strict=True):
        picture.add("path", d=f"M{start - 8},{y}H{end + 8}", class_="axis")
        picture.words(2, y - 8, cut(title, NAME), class_="t strong halo", title=title)
        for at, mark in one.marks:
            picture.add("path", d=f"M{at:.1f},{y}v4", class_="axis")
            picture.words(at, y + 17, mark, class_="t halo", text_anchor="middle")
    return _with_notes(picture, notes)


def _lines(
    picture: Picture, columns: np.ndarray, heights: list[float], drawn: list[tuple[int, int]], settings: Settings,
    scores: np.ndarray, name: str,
) -> None:  # fmt: skip
    """One line for each setting that is drawn, the best ones last, which puts them on top."""
    top = _top(scores)
    among = sum(rank < top for rank, _ in drawn)
    # many lines through one value would be one dark line
    faint, dark = f"{min(max(30 / len(drawn), 0.1), 0.4):.2f}", f"{min(max(12 / (among or 1), 0.3), 0.8):.2f}"
    for rank, i in reversed(drawn):
        points = list(zip(columns[:, i].tolist(), heights, strict=True))
        if rank >= top:
            picture.line(points, "rest broken" if math.isnan(scores[i]) else "rest", stroke_opacity=faint)
            continue
        words = f"{_setting(settings, i)}: {name} {said(float(scores[i]))}"
        if rank:
            picture.line(points, "a thin", title=words, stroke_opacity=dark)
            continue
        picture.line(points, "b", title=f"the best: {words}")
        for x, y in points:
            picture.add("circle", cx=x, cy=y, r=4.5, class_="f dot b", title=f"the best: {words}")


def marginals(settings: Settings, scores: Any, higher_is_better: bool, name: str = "score") -> dict[str, str]:
    """Draw for each hyper-parameter the score of every setting over its value, with median and best of each value.

    Dots (class a) are settings, crosses those that diverged. The median of the settings with a value has class b, the
    best of them class c: a mean would show the few that went wrong. More than 12 different numbers are put in 8 groups.

    Args:
        settings: of each hyper-parameter by name its value in each setting: numbers, words, None or tuples.
        scores: (settings,) mean score of each; NaN for one that diverged.
        higher_is_better: else lower is.
        name: of the score.

    Returns:
        SVG for each hyper-parameter, by its name.

    Raises:
        JaxnnError: if there is no hyper-parameter or no setting, or their numbers differ.

    >>> pictures = marginals({"width": [16, 16, 64, 64]}, [0.5, 0.7, 0.8, 1.0], True)
    >>> "width 16: median of 2 settings 0.6" in pictures["width"], "width 64: best 1" in pictures["width"]
    (True, True)
    """
    numbers = _checked(settings, scores)
    order = _best_first(numbers, higher_is_better)
    drawn = _sample(len(order))
    return {
        key: _marginal(key, values, numbers, [order[rank] for rank in drawn], higher_is_better, name)
        for key, values in settings.items()
    }


def _marginal(
    key: str, values: Sequence[Any], scores: np.ndarray, drawn: list[int], higher_is_better: bool, name: str
) -> str:
    diverged = np.isnan(scores)
    bottom, top = HEIGHT - BOTTOM, float(TOP)
    room = 16 if diverged.any() else 4
    bad, good = (bottom - room, top) if higher_is_better else (top + room, bottom - 4)
    y, beyond, log = score_scale(scores[~diverged].tolist(), higher_is_better, bad, good)
    found = axis(values, LEFT + 16, WIDTH - RIGHT - 18)
    picture = Picture(f"Scatter chart: {cut(name, 60)} of {len(scores):,} settings against {cut(key, 60)}")
    whole = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT)
    picture.across(whole, Scale(0.0, 1.0, bottom, top), found.marks, cut(key, 40))
    picture.upright(whole, y, cut(name, 20 if log else 32) + (" (log scale)" if log else ""))
    edge = bottom - 7 if higher_is_better else top + 7
    size = 3.6 if len(drawn) <= 200 else 2.6
    top = _top(scores)
    for rank, i in reversed(list(enumerate(drawn))):
        x, score = found.places[i], float(scores[i])
        if diverged[i]:
            picture.add("path", d=f"M{x - 3:.1f},{edge - 3}l6,6m0,-6l-6,6", class_="l thin b")
        else:  # 500 of them would be half of the picture's text
            words = f"{cut(key, 40)} {said(values[i])}: {name} {said(score)}" if rank < top else ""
            picture.add("circle", cx=x, cy=y(score), r=size, class_="f a point", title=words)
    _middles(picture, key, values, found, y, scores, higher_is_better)
    return _with_notes(picture, _notes(scores, drawn, beyond, higher_is_better))


def _middles(
    picture: Picture, key: str, values: Sequence[Any], found: Axis, y: Scale, scores: np.ndarray, higher: bool
) -> None:
    """Median and best of each value that a setting survived with: bars, and lines from number to number."""
    by_place: dict[float, list[int]] = {}
    for i in np.flatnonzero(~np.isnan(scores)).tolist():
        by_place.setdefault(round(found.places[i], 1), []).append(i)
    words = [members for members in by_place.values() if not found.is_number[members[0]]]
    numbers = [members for _, members in sorted(by_place.items()) if found.is_number[members[0]]]
    grouped = len(numbers) > ALONE
    if grouped:
        numbers = [part.tolist() for part in np.array_split(np.concatenate(numbers), GROUPS)]
    for kind, reduce, called in (("c", np.max if higher else np.min, "best"), ("b", np.median, "median")):
        points = [
            (float(np.mean([found.places[i] for i in members])), y(float(reduce(scores[members]))))
            for members in words + numbers
        ]
        if len(numbers) > 1:
            picture.line(points[len(words) :], f"{kind} thin")
        for (x, at), members in zip(points, words + numbers, strict=True):
            ends = dict.fromkeys(said(values[i]) for i in (members[0], members[-1]))
            many = f" of {len(members):,} setting{'s' * (len(members) > 1)}" if called == "median" else ""
            title = f"{cut(key, 40)} {' to '.join(ends)}: {called}{many} {said(float(reduce(scores[members])))}"
            if grouped:
                picture.add("circle", cx=x, cy=at, r=3.2, class_=f"f {kind}", title=title)
            else:
                picture.line([(x - 9, at), (x + 9, at)], kind, title=title)


def _checked(settings: Settings, scores: Any) -> np.ndarray:
    found = np.asarray(scores, np.float64)
    if found.ndim != 1 or not found.size:
        fail("scores", f"shape {found.shape}", "one for each setting, at least one: (settings,)")
    if not settings:
        fail("settings", "no hyper-parameter", "at least one")
    for name, values in settings.items():
        if len(values) != len(found):
            fail(f"settings[{name!r}]", f"{len(values)} values", f"{len(found)}, one for each score")
    return np.where(np.isfinite(found), found, np.nan)


def _best_first(scores: np.ndarray, higher_is_better: bool) -> list[int]:
    """Indices of settings, those that diverged last."""
    return np.argsort(-scores if higher_is_better else scores, kind="stable").tolist()


def _sample(settings: int) -> list[int]:
    """The ranks that are drawn."""
    if settings <= MOST:
        return list(range(settings))
    return [*range(BEST), *np.linspace(BEST, settings - 1, MOST - BEST).round().astype(int).tolist()]


def _top(scores: np.ndarray) -> int:
    """How many settings are the best tenth of those that did not diverge."""
    return math.ceil(SHARE * int((~np.isnan(scores)).sum()))


def _setting(settings: Settings, i: int) -> str:
    return ", ".join(f"{cut(name, 40)} {cut(said(values[i]), 40)}" for name, values in settings.items())


def _label(kind: str, settings: Settings, scores: np.ndarray, order: list[int], name: str) -> str:
    many = f"{len(scores):,} settings of {len(settings)} hyper-parameter{'s' * (len(settings) > 1)}"
    best = float(scores[order[0]])
    end = "all diverged" if math.isnan(best) else f"the best {name} is {said(best)} with {_setting(settings, order[0])}"
    return f"{kind}: {many}; {end}"


def _notes(scores: np.ndarray, drawn: Sequence[int], beyond: float | None, higher: bool) -> list[str]:
    """What the eye cannot know: how many settings are not drawn, off the scale, or have no score."""
    notes = [f"{len(drawn):,} of {len(scores):,} settings drawn"] if len(drawn) < len(scores) else []
    if lost := int(np.isnan(scores).sum()):
        notes.append(f"{lost:,} diverged")
    if beyond is not None:
        outside = int((scores < beyond).sum() if higher else (scores > beyond).sum())
        far = number(float(f"{beyond:.3g}"))
        notes.append(f"{outside:,} {'below' if higher else 'above'} {far}, at the edge")
    return notes


def _with_notes(picture: Picture, notes: list[str]) -> str:
    """The picture with its notes below it, as many to a line as fit."""
    lines: list[str] = []
    for note in notes:
        if lines and len(lines[-1]) + len(note) + 2 <= LINE:
            lines[-1] += f"; {note}"
        else:
            lines.append(note)
    for line in lines:
        picture.height += NOTE
        picture.words(picture.width / 2, picture.height - 4, line, text_anchor="middle")
    return picture.svg()
