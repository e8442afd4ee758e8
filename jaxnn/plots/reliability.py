"""The picture of whether a network is as sure as it is right."""

import math
from collections.abc import Sequence
from dataclasses import replace

from jaxnn.plots.drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Picture, Scale, number, tick

COUNTS, BETWEEN = 46.0, 14.0
"""Height of the bars that tell how many rows a bin has, and room above them."""


def reliability_diagram(
    edges: Sequence[float], confidence: Sequence[float | None], accuracy: Sequence[float | None], count: Sequence[int]
) -> str:
    """Draw how often answers of each confidence were right, how far that is from it, and how many they were.

    Bars (class a) are the accuracy of each bin. What it lacks of the confidence is a piece above its bar (class b),
    what it has over the confidence is the upper piece of its bar (class c). The bars below are the rows of each bin.

    Args:
        edges: of the bins, one more than there are bins, as in `calibration.Reliability`.
        confidence, accuracy: means of each bin; None or NaN where it has no row.
        count: rows in each.

    Returns:
        SVG.

    >>> svg = reliability_diagram([0.0, 0.5, 1.0], [None, 0.8], [None, 0.6], [0, 10])
    >>> "50% to 100%: 10 rows, 80% sure, 60% right" in svg, ">ECE 0.2<" in svg
    (True, True)
    """
    below = COUNTS + BETWEEN
    x = Scale(0.0, 1.0, LEFT, WIDTH - RIGHT)
    y = Scale(0.0, 1.0, HEIGHT - BOTTOM, TOP)
    foot = Scale(0.0, float(max(count, default=0) or 1), y.start + below, y.start + BETWEEN, whole=True)
    bins = [
        (low, high, sure, right, rows)
        for low, high, sure, right, rows in zip(edges, edges[1:], confidence, accuracy, count, strict=False)
        if rows and sure is not None and right is not None and math.isfinite(sure) and math.isfinite(right)
    ]
    total = sum(rows for *_, rows in bins)
    error = sum(rows * abs(right - sure) for _, _, sure, right, rows in bins) / (total or 1)
    picture = Picture(
        f"Bar chart: share of right answers against confidence in {len(bins)} bins of {total:,} rows; expected "
        f"calibration error {error:.3g}",
        height=HEIGHT + below,
    )
    picture.upright(x, y, "how often it was right")
    picture.add("path", d=f"M{x.start},{y.start}H{x.end}", class_="axis")
    marks = [(x(value), tick(value)) for value in x.ticks(6)]
    picture.across(x, replace(foot, high=1.0), marks, "how sure the network was")
    for low, high, sure, right, rows in bins:
        title = f"{low:.0%} to {high:.0%}: {rows:,} row{'s' * (rows != 1)}, {sure:.0%} sure, {right:.0%} right"
        left, width = x(low) + 0.8, max(x(high) - x(low) - 1.6, 1.2)
        piece = (right, sure, "b faint") if sure > right else (sure, right, "c")
        for start, end, kind in ((0.0, min(right, sure), "a"), piece):
            top, bottom = y(end), y(start)
            picture.add("rect", x=left, y=top, width=width, height=bottom - top, class_=f"f {kind}", title=title)
        height = max(foot.start - foot(rows), 1.0)
        picture.add("rect", x=left, y=foot.start - height, width=width, height=height, class_="f a faint", title=title)
    picture.line([(x(0), y(0)), (x(1), y(1))], "dashed")
    picture.words(x.start - 6, foot.end + 5, tick(foot.high), text_anchor="end", title="rows in the largest bin")
    picture.words(x.start - 6, foot.start + 2, "rows", text_anchor="end")
    shown = number(float(f"{error:.3g}"))
    picture.words(x(0.03), y(0.93), f"ECE {shown}", class_="t strong halo", title="expected calibration error")
    return picture.svg()
