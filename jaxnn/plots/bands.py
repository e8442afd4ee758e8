"""Pictures of many runs together: curves with bands, and how many settings successive halving kept."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.plots.choices import FAR, FEW, apart, said, short
from jaxnn.plots.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Picture, Scale, cut, number, spanning, tick
from jaxnn.plots.progress import is_log

COLOURS = ("a", "b", "c")
DASHES = "7 4"
"""Curves four to six have the colours of the first three again, in dashes."""
MANY = 10
"""Of more members the band holds the middle 80 %, of fewer it is one standard deviation wide on each side."""
POINTS = 12
"""So many points of a curve are marked by dots."""
ROW = 18.0
"""Height of a curve's name above the picture."""
NAME = 40
"""Letters of it."""
INSIDE = 14.0
"""Room between the axes and the first and the last point."""


def score_bands(
    x: Sequence[float], curves: Mapping[str, Any], name: str, across: str = "epoch", *,
    log_across: bool = False, most: float | None = None,
) -> str:  # fmt: skip
    """Draw curves of several runs each: their middle, and a band that says how far they differ.

    Of up to 10 runs the line is the mean and the band reaches one standard deviation to each side; of more, the line
    is the median and the band holds the middle 80 %. Where a run has no value, as after it stopped, the others count.

    Args:
        x: (points,) ascending positions: epochs, or numbers of training rows.
        curves: one to six by name, each (runs, points); NaN where a run has no value.
        name: of the quantity; a logarithmic scale if it is positive and spans a factor of 50.
        across: what the positions are.
        log_across: whether equal ratios of positions take equal lengths; they are positive then.
        most: the largest value that the quantity can have; None where there is none.

    Returns:
        SVG with the names of the curves above it, where there are several.

    Raises:
        JaxnnError: if there is no curve or more than six, or shapes do not fit.

    >>> svg = score_bands([10, 100], {"wide": [[0.5, 0.9], [0.7, 0.9]]}, "accuracy", "training rows")
    >>> "wide: mean of 2 runs" in svg, ">training rows<" in svg
    (True, True)
    """
    places, members = _checked(x, curves, log_across)
    middles = {label: _middle(values) for label, values in members.items()}
    values = [value for each in members.values() for value in each[np.isfinite(each)].tolist()]
    log = is_log([values])
    rows = ROW * len(members) if len(members) > 1 else 0.0
    bottom, top = HEIGHT - BOTTOM + rows, TOP + rows
    drawn = [v for line in middles.values() for part in line for v in part[np.isfinite(part)].tolist()]
    y = spanning([v for v in drawn if v > 0 or not log], bottom, top)
    if log:  # a band may reach below 0, where such a scale ends at the smallest value
        y = Scale(min(values) / 1.15, max(values) * 1.15, bottom, top, log=True)
    elif most is not None:
        y = Scale(y.low, min(y.high, most), bottom, top)
    kind = f"Line chart: {cut(name, 60)} by {cut(across, 60)}, with bands of how far runs differ: "
    picture = Picture(kind + ", ".join(cut(label, 60) for label in curves), height=HEIGHT + rows)
    scale = _across(places, log_across)
    frame = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT)
    shown = places.tolist() if len(places) <= FEW else scale.ticks(6)
    marks = apart([(scale(value), tick(value)) for value in shown])
    picture.across(frame, Scale(0, 1, bottom, top), marks, cut(across, 40) + (" (log scale)" if log_across else ""))
    picture.upright(frame, y, cut(name, 24 if log else 36) + (" (log scale)" if log else ""))
    for i, line in enumerate(middles.values()):
        _band(picture, scale, y, places, line, i)
    called = short(list(members), NAME)
    for i, (label, line) in enumerate(middles.items()):
        _line(picture, scale, y, places, line[0], i, _title(label, name, members[label]))
        if rows:
            at = 8 + ROW * i
            picture.add("path", d=f"M4,{at}h22", class_=f"l {COLOURS[i % 3]}", **_dashed(i))
            picture.words(34, at + 4, called[i], title=label)
    return picture.svg()


def rungs(epochs: Sequence[int], alive: Sequence[int], note: str = "") -> str:
    """Draw how many settings a successive halving had in training, against the epochs.

    Args:
        epochs: at which settings were sorted out, never descending; the last one is the end of the training.
        alive: how many settings trained up to each.
        note: written into the corner, such as the share of epochs that was saved.

    Returns:
        SVG.

    Raises:
        JaxnnError: if there is no rung, or the numbers are not whole, positive and in this order.

    >>> ">9 settings up to epoch 2<" in rungs([2, 4, 8], [9, 3, 1], "trained 22 of 72 epochs")
    True
    """
    steps, left = _rungs(epochs, alive)
    x, log_x = _counting([1, *steps] if steps[0] > 1 else steps, LEFT + INSIDE, WIDTH - RIGHT - 40)
    y, log_y = _counting(left, HEIGHT - BOTTOM - INSIDE, TOP + 30)
    picture = Picture(
        "Step chart: settings in training against epochs: "
        + ", ".join(f"{n:,} up to epoch {epoch:,}" for epoch, n in zip(steps, left, strict=True))
    )
    frame, upright = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT), Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    marks = apart([(x(epoch), tick(epoch)) for epoch in ([1, *steps] if steps[0] > 1 else steps)])
    picture.across(frame, upright, marks, "epoch" + (" (log scale)" if log_x else ""))
    picture.upright(frame, y, "settings" + (" (log scale)" if log_y else ""))
    line = [(frame.start, y(left[0]))]
    for epoch, n, after in zip(steps, left, [*left[1:], None], strict=True):
        line.append((x(epoch), y(n)))
        line += [(x(epoch), y(after))] if after is not None else []
    picture.line(line, "a")
    beside, above = -math.inf, -math.inf  # where the number before ends: nothing stands right of and above a step
    for epoch, n in zip(steps, left, strict=True):
        title = f"{n:,} setting{'s' * (n > 1)} up to epoch {epoch:,}"
        picture.add("circle", cx=x(epoch), cy=y(n), r=4.5, class_="f dot a", title=title)
        if x(epoch) > beside or y(n) > above + 15:
            picture.words(x(epoch) + 6, y(n) - 6, f"{n:,}", class_="t strong")
            beside, above = x(epoch) + 9 * len(f"{n:,}"), y(n)
    if note:
        picture.words(frame.end, TOP + 4, cut(note, NAME), text_anchor="end", title=note)
    return picture.svg()


def _middle(runs: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The line, and the lower and the upper edge of its band, (points,) each; NaN without a run, edges with one."""
    line, low, high = np.full((3, runs.shape[1]), np.nan)
    for i, column in enumerate(runs.T):
        known = column[np.isfinite(column)]
        if len(runs) > MANY and len(known):
            low[i], line[i], high[i] = np.quantile(known, [0.1, 0.5, 0.9])
        elif len(known):
            line[i] = known.mean()
            spread = known.std(ddof=1) if len(known) > 1 else np.nan
            low[i], high[i] = line[i] - spread, line[i] + spread
    return line, low, high


def _title(label: str, name: str, runs: np.ndarray) -> str:
    if len(runs) == 1:
        return f"{label}: {name} of one run"
    middle, band = ("median", "the middle 80 %") if len(runs) > MANY else ("mean", "one standard deviation")
    return f"{label}: {middle} of {len(runs):,} runs, and {band}"


def _band(
    picture: Picture, x: Scale, y: Scale, places: np.ndarray, line: tuple[np.ndarray, np.ndarray, np.ndarray], i: int
) -> None:
    _, low, high = line
    for piece in _pieces(np.isfinite(low) & np.isfinite(high)):
        if len(piece) > 1:
            edge = [(x(places[j]), y(high[j])) for j in piece] + [(x(places[j]), y(low[j])) for j in reversed(piece)]
            outline = "M" + "L".join(f"{a:.1f},{b:.1f}" for a, b in edge) + "Z"
            picture.add("path", d=outline, class_=f"f {COLOURS[i % 3]} band")
        else:  # a band of one point is a bar
            j = piece[0]
            picture.line([(x(places[j]), y(high[j])), (x(places[j]), y(low[j]))], f"{COLOURS[i % 3]} thin")


def _line(picture: Picture, x: Scale, y: Scale, places: np.ndarray, line: np.ndarray, i: int, title: str) -> None:
    colour = COLOURS[i % 3]
    known = np.isfinite(line)
    for piece in _pieces(known):
        if len(piece) > 1:
            picture.line([(x(places[j]), y(line[j])) for j in piece], colour, title=title, **_dashed(i))
        for j in piece if len(piece) == 1 or len(places) <= POINTS else ():
            at = f"{title}: {said(float(line[j]))} at {number(float(places[j]))}"
            picture.add("circle", cx=x(places[j]), cy=y(line[j]), r=3.5, class_=f"f {colour}", title=at)


def _dashed(i: int) -> dict[str, str]:
    return {"stroke_dasharray": DASHES} if i >= len(COLOURS) else {}


def _pieces(known: np.ndarray) -> list[list[int]]:
    """The indices at which something is known, those next to each other together."""
    indices = np.flatnonzero(known)
    cuts = np.flatnonzero(np.diff(indices) > 1) + 1
    return [piece.tolist() for piece in np.split(indices, cuts) if piece.size]


def _across(places: np.ndarray, log: bool) -> Scale:
    start, end = LEFT + INSIDE, WIDTH - RIGHT - INSIDE
    low, high = float(places[0]), float(places[-1])
    whole = bool((places == np.floor(places)).all())
    if low == high:
        alone = spanning([low], start, end)
        return Scale(alone.low, alone.high, start, end, whole=whole)
    return Scale(low, high, start, end, log, whole)


def _counting(values: Sequence[int], start: float, end: float) -> tuple[Scale, bool]:
    """A scale of whole numbers from the smallest to the largest, and whether it is logarithmic."""
    low, high = float(min(values)), float(max(values))
    if low == high:
        return Scale(low - 1, high + 1, start, end, whole=True), False
    log = high >= FAR * low
    return Scale(low, high, start, end, log, whole=True), log


def _checked(x: Sequence[float], curves: Mapping[str, Any], log: bool) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    places = np.asarray(x, np.float64)
    if places.ndim != 1 or not places.size or not np.isfinite(places).all() or (np.diff(places) <= 0).any():
        fail("x", f"shape {places.shape}: {said(places.tolist())[:60]}", "ascending positions, (points,)")
    if log and places[0] <= 0:
        fail("x", f"{places[0]:g} for a logarithmic scale", "positive positions")
    if not 1 <= len(curves) <= 2 * len(COLOURS):
        fail("curves", f"{len(curves)}", "one to six, which can be told apart")
    members = {label: np.asarray(values, np.float64) for label, values in curves.items()}
    for label, values in members.items():
        if values.ndim != 2 or values.shape[1] != len(places) or not len(values):
            fail(f"curves[{label!r}]", f"shape {values.shape}", f"(runs, {len(places)})")
    return places, members


def _rungs(epochs: Sequence[int], alive: Sequence[int]) -> tuple[list[int], list[int]]:
    steps, left = np.asarray(epochs), np.asarray(alive)
    if steps.ndim != 1 or steps.shape != left.shape or not steps.size:
        fail("alive", f"shape {left.shape} for epochs of shape {steps.shape}", "one number for each rung")
    if steps.dtype.kind not in "iu" or steps[0] < 1 or (np.diff(steps) < 0).any():
        fail("epochs", said(steps.tolist())[:60], "whole numbers from 1 that never descend")
    if left.dtype.kind not in "iu" or left.min() < 1:
        fail("alive", said(left.tolist())[:60], "whole numbers of at least 1")
    return steps.tolist(), left.tolist()
