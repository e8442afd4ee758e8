"""Pictures of how well classes are told apart."""

from collections.abc import Sequence
from dataclasses import replace

from jaxnn.plots.drawing import WIDTH, Picture, Scale, cut, distinct, frame

UNIT = (0.0, 1.0)


def confusion(counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Draw how often rows of each class were called by each.

    Args:
        counts: rows of the true class i that were called j, at [i][j].
        names: of the classes.

    Returns:
        SVG; the darker a cell, the larger its share of its row.

    >>> 'setosa called setosa: 9 rows' in confusion([[9, 0], [1, 8]], ["setosa", "virginica"])
    True
    """
    count = len(names)
    short = distinct(names, 12)
    longest = max(len(name) for name in short)
    left = 34 + longest * 6.8
    cell = max(min((WIDTH - left - 8) / count, 74.0), 25.0)
    side = max(WIDTH - left - cell * count - 8, 0) / 2  # a matrix of two classes is no larger than other pictures
    left += side
    slanted = longest * 7.0 > cell - 4
    top = 34 + longest * 5.2 if slanted else 44
    right = 8 + side + (len(short[-1]) * 4.6 if slanted else 0)
    picture = Picture(
        f"Heat map: {count} true classes by the class called", left + cell * count + right, top + cell * count + 8
    )
    picture.words(left + cell * count / 2, 13, "called", class_="t what", text_anchor="middle")
    middle = top + cell * count / 2
    at = side + 13
    picture.words(at, middle, "true", class_="t what", text_anchor="middle", transform=f"rotate(-90 {at} {middle:.1f})")
    for i, name in enumerate(short):
        at = left + cell * (i + 0.5)
        turned = {"transform": f"rotate(-40 {at - 2:.1f} {top - 7:.1f})"} if slanted else {}
        anchor = "start" if slanted else "middle"
        picture.words(at - 2 * slanted, top - 7, name, title=names[i], text_anchor=anchor, **turned)
        picture.words(left - 7, top + cell * (i + 0.5) + 4, name, title=names[i], text_anchor="end")
    for i, row in enumerate(counts):
        whole = sum(row) or 1
        for j, value in enumerate(row):
            _cell(picture, left + cell * j, top + cell * i, cell, value, value / whole, i == j, (names[i], names[j]))
    return picture.svg()


def _cell(
    picture: Picture, x: float, y: float, size: float, value: int, share: float, right: bool, called: tuple[str, str]
) -> None:
    rows = "1 row" if value == 1 else f"{value:,} rows"
    said = f"{cut(called[0], 60)} called {cut(called[1], 60)}: {rows}, {share:.0%} of its class"
    gap = 1.0
    picture.add(
        "rect", x=x + gap, y=y + gap, width=size - 2 * gap, height=size - 2 * gap, rx=3, class_="cell", title=said
    )
    if value:
        # a single mistake in a large class is still seen
        depth = share if right else 0.22 + 0.78 * share
        picture.add(
            "rect", x=x + gap, y=y + gap, width=size - 2 * gap, height=size - 2 * gap, rx=3,
            class_="f a" if right else "f b", fill_opacity=f"{depth:.2f}", title=said,
        )  # fmt: skip
    shown = f"{value}" if value < 10_000 else f"{value / 1000:.0f}k"
    font = min(15.0, size * 0.42, size * 1.5 / max(len(shown), 2))
    kind = "n on" if share > 0.5 else "n" if value else "n none"
    picture.words(
        x + size / 2, y + size / 2 + font * 0.36, shown, class_=kind, text_anchor="middle", font_size=f"{font:.1f}"
    )


def threshold_sweep(
    thresholds: Sequence[float], precision: Sequence[float | None], recall: Sequence[float], f1: Sequence[float]
) -> str:
    """Draw precision, recall and F1 against the probability from which on a row counts as of the class.

    Args:
        thresholds: ascending, within 0 and 1.
        precision: None where no row reaches the threshold.
        recall, f1: at each threshold.

    Returns:
        SVG, with a line at 0.5 that the page's script can move.

    >>> threshold_sweep([0.0, 0.5], [0.5, 1.0], [1.0, 0.5], [0.67, 0.67]).count("<title>")
    3
    """
    x, y = frame(UNIT, UNIT, tight=True)
    picture = Picture("Line chart: precision, recall and F1 against the threshold")
    picture.axes(x, y, "threshold: called so from this probability on", "share")
    for values, colour, name in ((precision, "a", "precision"), (recall, "b", "recall"), (f1, "c", "F1")):
        known = [(t, value) for t, value in zip(thresholds, values, strict=True) if value is not None]
        if len(known) > 1:
            picture.line([(x(t), y(value)) for t, value in known], colour, title=name)
    picture.add("path", d=f"M{x(0.5):.2f},{y.start}V{y.end}", class_="mark cursor")
    return picture.svg()


def roc(false_positive: Sequence[float], true_positive: Sequence[float], area: float) -> str:
    """Draw the share of rows of a class that are found against the share of others that are taken for it.

    Args:
        false_positive, true_positive: rates, from (0, 0) to (1, 1).
        area: under the curve.

    Returns:
        SVG.

    >>> ">area 0.875<" in roc([0, 0, 0.5, 1], [0, 0.5, 1, 1], 0.875)
    True
    """
    x, y = frame(UNIT, UNIT, tight=True)
    picture = Picture(f"Line chart: ROC curve, area {area:.3f}")
    picture.axes(x, y, "others wrongly called so (false positive rate)", "found (true positive rate)")
    picture.line([(x(0), y(0)), (x(1), y(1))], "dashed")
    points = [(x(across), y(up)) for across, up in zip(false_positive, true_positive, strict=True)]
    closed = [(x(0), y(0)), *points, (x(1), y(0))]
    picture.add("path", d="M" + "L".join(f"{px:.1f},{py:.1f}" for px, py in closed) + "Z", class_="f a soft")
    picture.line(points, "a", title=f"area {area:.3f}")
    picture.words(x(0.97), y(0.06), f"area {area:.3f}", class_="t strong", text_anchor="end")
    return picture.svg()


def calibration(confidence: Sequence[float], accuracy: Sequence[float], rows: Sequence[int]) -> str:
    """Draw how often answers of each confidence were right.

    Args:
        confidence: the mean of each bin that has rows.
        accuracy: the share of right answers in it.
        rows: their number.

    Returns:
        SVG; a larger dot stands for more rows.

    >>> "3 rows: 50% sure, 60% right" in calibration([0.5], [0.6], [3])
    True
    """
    x, y = frame(UNIT, UNIT, tight=True)
    picture = Picture("Scatter chart: share of right answers against the confidence of the network")
    picture.axes(x, y, "how sure the network was", "how often it was right")
    picture.line([(x(0), y(0)), (x(1), y(1))], "dashed")
    if len(confidence) > 1:
        picture.line([(x(c), y(a)) for c, a in zip(confidence, accuracy, strict=True)], "a thin")
    most = max(rows, default=1) or 1
    for c, a, count in zip(confidence, accuracy, rows, strict=True):
        said = f"{count:,} rows: {c:.0%} sure, {a:.0%} right"
        picture.add("circle", cx=x(c), cy=y(a), r=3 + 5 * (count / most) ** 0.5, class_="f dot a", title=said)
    return picture.svg()


def confidence(edges: Sequence[float], right: Sequence[int], wrong: Sequence[int]) -> str:
    """Draw how many answers were given with which confidence, right and wrong ones.

    Args:
        edges: of the bins, one more than there are bins.
        right, wrong: answers in each.

    Returns:
        SVG.

    >>> "50% to 100% sure: 8 right, 1 wrong" in confidence([0.0, 0.5, 1.0], [2, 8], [2, 1])
    True
    """
    top = max((r + w for r, w in zip(right, wrong, strict=True)), default=0) or 1
    x, y = frame(UNIT, (0.0, float(top)), tight=True)
    y = replace(y, whole=True)
    picture = Picture("Histogram: answers by the confidence of the network, right and wrong")
    picture.axes(x, y, "how sure the network was", "rows")
    for low, high, good, bad in zip(edges, edges[1:], right, wrong, strict=False):
        said = f"{low:.0%} to {high:.0%} sure: {good:,} right, {bad:,} wrong"
        _bar(picture, x, y, (low, high), (0, bad), "b", said)
        _bar(picture, x, y, (low, high), (bad, bad + good), "a", said)
    return picture.svg()


def _bar(
    picture: Picture, x: Scale, y: Scale, across: tuple[float, float], up: tuple[float, float], colour: str, said: str
) -> None:
    if up[1] > up[0]:
        left, right = x(across[0]) + 1, x(across[1]) - 1
        height = max(y(up[0]) - y(up[1]), 1.0)
        picture.add(
            "rect", x=left, y=y(up[0]) - height, width=right - left, height=height, class_=f"f {colour}", title=said
        )
