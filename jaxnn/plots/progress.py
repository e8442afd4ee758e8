"""Pictures of how a training went."""

import math
from collections.abc import Sequence

from jaxnn.plots.drawing import Picture, Scale, frame, number

WIDE = 50.0
"""A curve that falls to less than 1/WIDE of its start is drawn on a logarithmic scale: its end would be a flat line."""

ABOVE = 10
"""Room above the axes for the name of the epoch."""


def is_log(lines: Sequence[Sequence[float | None]]) -> bool:
    """Return whether curves are better seen on a logarithmic scale.

    Args:
        lines: the values of each curve; None where one is not a finite number.

    Returns:
        True if all are positive and the largest is over 50 times the smallest.

    >>> is_log([[2.3, 0.01]]), is_log([[2.3, 1.1]]), is_log([[2.3, 0.0]])
    (True, False, False)
    """
    values = [value for line in lines for value in line if value is not None]
    return bool(values) and min(values) > 1e-200 and max(values) > WIDE * min(values)


def learning_curve(
    what: str,
    epochs: Sequence[int],
    training: Sequence[float | None] | None,
    validation: Sequence[float | None] | None,
    kept: int,
    most: float | None = None,
) -> str:
    """Draw a quantity over the epochs of a training, with the epoch whose weights were kept.

    Args:
        what: the quantity.
        epochs: from 1.
        training, validation: its value in each, None where it is not a finite number; None for no such line.
        kept: the epoch whose weights were kept; 0 for none.
        most: the largest value that the quantity can have; None where there is none.

    Returns:
        SVG.

    >>> learning_curve("loss", [1, 2], [0.9, 0.5], [0.9, 0.6], 2).startswith("<svg")
    True
    """
    both = ((training, "a", "training"), (validation, "b", "validation"))
    lines = [(line, colour, name) for line, colour, name in both if line is not None]
    values = [value for line, _, _ in lines for value in line if value is not None]
    log = is_log([line for line, _, _ in lines])
    x, y = frame((min(epochs), max(epochs)), values, log=log)
    top = y.high if most is None else min(y.high, most)
    y = Scale(y.low, top, y.start, y.end + ABOVE, log)
    first, last = (min(epochs), max(epochs)) if len(epochs) > 1 else (x.low, x.high)
    x = Scale(first, last, x.start, x.end, whole=True)
    picture = Picture(f"Line chart: {what} in each epoch of the training")
    picture.axes(x, y, "epoch", f"{what} (log scale)" if log else what)
    if kept:
        _mark(picture, x, y, kept)
    for line, colour, name in lines:
        for piece in _pieces(epochs, line):
            points = [(x(epoch), y(value)) for epoch, value in piece]
            if len(points) == 1:
                picture.add("circle", cx=points[0][0], cy=points[0][1], r=3.5, class_=f"f {colour}")
            else:
                picture.line(points, colour, title=f"{name} {what}")
        if kept in epochs:
            value = line[epochs.index(kept)]
            if value is not None:
                said = f"{name} {what} in epoch {kept:,}: {number(float(f'{value:.4g}'))}"
                picture.add("circle", cx=x(kept), cy=y(value), r=4, class_=f"f dot {colour}", title=said)
    return picture.svg()


def _mark(picture: Picture, x: Scale, y: Scale, kept: int) -> None:
    picture.add("path", d=f"M{x(kept):.2f},{y.start}V{y.end}", class_="mark")
    share = (x(kept) - x.start) / (x.end - x.start)
    anchor = "end" if share > 0.9 else "start" if share < 0.1 else "middle"
    picture.words(x(kept), y.end - 6, f"epoch {kept:,}", class_="t strong", text_anchor=anchor)


def _pieces(epochs: Sequence[int], values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """A curve without the epochs in which it has no value."""
    pieces: list[list[tuple[int, float]]] = [[]]
    for epoch, value in zip(epochs, values, strict=True):
        if value is None or not math.isfinite(value):
            pieces.append([])
        else:
            pieces[-1].append((epoch, value))
    return [piece for piece in pieces if piece]


def gauge(share: float, low: float, high: float, baseline: float | None, said: str) -> str:
    r"""Draw a share between 0 and 1 on a bar, with its interval and what needs no network to reach.

    Args:
        share: the score.
        low, high: its interval.
        baseline: the score of the simplest guess; None without.
        said: what the picture shows, for those who cannot see it.

    Returns:
        SVG.

    >>> ">guessing: 10\xa0%<" in gauge(0.98, 0.96, 0.99, 0.1, "98 % right")
    True
    """
    width, height = 320.0, 66.0
    x = Scale(0.0, 1.0, 2.0, width - 2.0)
    picture = Picture(said, width, height)
    picture.add("rect", x=x(0), y=20, width=x(1) - x(0), height=16, rx=8, class_="track")
    picture.add("rect", x=x(0), y=20, width=max(x(share) - x(0), 8), height=16, rx=8, class_="f a")
    left, right = x(low), max(x(high), x(low) + 2)
    picture.add("path", d=f"M{left:.1f},6v9M{right:.1f},6v9M{left:.1f},10.5H{right:.1f}", class_="whisker")
    if baseline is not None:
        picture.add("path", d=f"M{x(baseline):.1f},16v25", class_="mark")
        anchor = "start" if baseline < 0.2 else "end" if baseline > 0.8 else "middle"
        at = x(baseline) + {"start": -3, "end": 3, "middle": 0}[anchor]
        picture.words(at, 56, f"guessing: {round(100 * baseline, 1):g}\N{NO-BREAK SPACE}%", text_anchor=anchor)
    return picture.svg()
