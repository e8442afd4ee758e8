"""Pictures of how far predicted values are from the true ones."""

from collections.abc import Sequence
from dataclasses import replace

from jaxnn.plots.drawing import HEIGHT, WIDTH, Picture, Scale, cut, frame, number


def predicted_against_true(truth: Sequence[float], predicted: Sequence[float], name: str) -> str:
    """Draw each row's predicted value over its true one; on the diagonal they are equal.

    Args:
        truth, predicted: in the target's own unit.
        name: of the target.

    Returns:
        SVG.

    >>> "true 1, predicted 1.5" in predicted_against_true([1.0, 2.0], [1.5, 2.0], "price")
    True
    """
    x, y = frame([*truth, *predicted], [*truth, *predicted])
    picture = Picture(f"Scatter chart: predicted against true {cut(name, 60)}")
    picture.axes(x, y, f"true {cut(name, 40)}", "predicted")
    picture.line([(x(x.low), y(x.low)), (x(x.high), y(x.high))], "dashed")
    _dots(picture, x, y, truth, predicted, ("true", "predicted"))
    return picture.svg()


def residuals(predicted: Sequence[float], errors: Sequence[float]) -> str:
    """Draw how far each prediction is off, over the prediction.

    Args:
        predicted: in the target's own unit.
        errors: predicted - true.

    Returns:
        SVG.

    >>> "predicted 1.5, error 0.5" in residuals([1.5], [0.5])
    True
    """
    x, y = frame(predicted, [*errors, 0.0])
    picture = Picture("Scatter chart: error of each prediction against the prediction")
    picture.axes(x, y, "predicted", "predicted − true")
    picture.line([(x(x.low), y(0)), (x(x.high), y(0))], "dashed")
    _dots(picture, x, y, predicted, errors, ("predicted", "error"))
    return picture.svg()


def _dots(
    picture: Picture, x: Scale, y: Scale, across: Sequence[float], up: Sequence[float], called: tuple[str, str]
) -> None:
    size = 3.6 if len(across) <= 200 else 2.6
    for a, b in zip(across, up, strict=True):
        said = f"{called[0]} {number(float(f'{a:.4g}'))}, {called[1]} {number(float(f'{b:.4g}'))}"
        picture.add("circle", cx=x(a), cy=y(b), r=size, class_="f a point", title=said)


def error_histogram(edges: Sequence[float], counts: Sequence[int]) -> str:
    """Draw how often an error of each size occurs.

    Args:
        edges: of the bins, in the target's own unit, one more than there are bins.
        counts: rows in each.

    Returns:
        SVG.

    >>> "−1 to 0: 4 rows" in error_histogram([-1.0, 0.0, 1.0], [4, 2])
    True
    """
    x, y = frame(edges, (0.0, float(max(counts, default=0) or 1)), tight=True)
    y = replace(y, whole=True)
    picture = Picture("Histogram: errors of the predictions")
    picture.axes(x, y, "predicted − true", "rows")
    for low, high, count in zip(edges, edges[1:], counts, strict=False):
        if count:
            said = f"{number(float(f'{low:.3g}'))} to {number(float(f'{high:.3g}'))}: {count:,} rows"
            left, right = x(low) + 0.8, x(high) - 0.8
            picture.add(
                "rect", x=left, y=y(count), width=max(right - left, 1), height=y(0) - y(count), class_="f a", title=said
            )
    if x.low < 0 < x.high:
        picture.add("path", d=f"M{x(0):.2f},{y.start}V{y.end}", class_="mark")
    return picture.svg()


def bars(rows: Sequence[tuple[str, float]], said: str) -> str:
    """Draw a few numbers as bars, the first one in the colour of the network.

    Args:
        rows: name and number of each, at least 0.
        said: what the picture shows, for those who cannot see it.

    Returns:
        SVG.

    >>> ">57.6<" in bars([("this network", 57.6), ("always the mean", 70.5)], "two errors")
    True
    """
    height = 14 + 46 * len(rows)
    picture = Picture(said, WIDTH, min(height, HEIGHT))
    x = Scale(0.0, max((value for _, value in rows), default=0.0) or 1.0, 2.0, WIDTH - 90)
    for at, (name, value) in enumerate(rows):
        top = 8 + 46 * at
        shown = number(float(f"{value:.3g}"))
        picture.words(2, top + 10, name)
        picture.add("rect", x=2, y=top + 16, width=max(x(value) - 2, 1), height=16, rx=3, class_="f b" if at else "f a")
        picture.words(x(value) + 7, top + 29, shown, class_="t strong")
    return picture.svg()
