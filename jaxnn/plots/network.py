"""A trace drawn on the picture of its network: values and gradients at the units, weights and theirs on the edges."""

import html
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.backprop.trace import LayerTrace, Trace
from jaxnn.layers import Activation, Dense
from jaxnn.plots.drawing import MINUS, Picture, cut, number

WIDEST, DEEPEST = 10, 6
"""Units of a layer, and layers, of a network that is drawn."""

LINE, UNIT, GAP, PADDING = 17, 128, 70, 9
"""Height of a line of text, width of what is told of a unit, of the room for edges, and inside a box."""
NAME, COLUMN = 50, 77
"""Widths of what an edge is called and of each of its numbers."""


@dataclass(frozen=True)
class Box:
    """A unit on the picture: what comes in, a row for each edge, and what is told of the unit itself."""

    title: str
    header: tuple[tuple[str, str], ...]
    """What the numbers of an edge are, and their classes."""
    ports: list[tuple[str, list[float], str]]
    """Of each edge: its name, its numbers, and what is said while the pointer rests on it; the bias comes last."""
    edges: int
    """How many of the ports have an edge."""
    lines: list[tuple[str, float, str]]
    """Symbol, number and class (f forward, g backward)."""

    @property
    def columns(self) -> int:
        """How many numbers an edge has."""
        return len(self.header)

    @property
    def width(self) -> float:
        """In units of the picture."""
        return (self.columns * COLUMN + NAME if self.ports else 0) + UNIT

    @property
    def height(self) -> float:
        """In units of the picture."""
        return (max(len(self.ports), len(self.lines)) + 1) * LINE + 2 * PADDING

    def row(self, top: float, i: int) -> float:
        """Return the middle of a row; the header is row 0."""
        return top + PADDING + LINE * (i + 0.5)


def not_drawn(trace: Trace) -> str:
    """Return why a trace has no picture.

    Args:
        trace: any.

    Returns:
        A sentence; "" for one that `network` draws.

    >>> import jax, jax.numpy as jnp, jaxnn as nn
    >>> from jaxnn.backprop.trace import trace
    >>> net = nn.Chain(nn.Dense(40))
    >>> params, state = net.init(jax.random.key(0), jnp.zeros(2))
    >>> print(not_drawn(trace(net, nn.losses.half_squared_error, params, state, jnp.zeros((1, 2)), jnp.zeros((1, 40)))))
    Not drawn: dense_0 has 40 units, and a picture has room for 10 in a layer. The table has all numbers.
    """
    dense = [one for one in trace.layers if isinstance(one.layer, Dense)]
    for one in trace.layers:
        if "/" in one.path or (one is trace.layers[0] and one not in dense) or one.x.ndim > 2 or not _fits(one):
            return f"Not drawn: {one.path} is no layer of single units in a row. The table has all numbers."
        widest = max(one.x.shape[-1], one.y.shape[-1])
        if widest > WIDEST:
            where = f"{one.path} has {widest} units"
            return f"Not drawn: {where}, and a picture has room for {WIDEST} in a layer. The table has all numbers."
    if len(dense) > DEEPEST or not dense:
        return f"Not drawn: {len(dense)} layers, and a picture has room for {DEEPEST}. The table has all numbers."
    return ""


def _fits(one: LayerTrace) -> bool:
    return isinstance(one.layer, Dense) or (not one.params and one.x.shape == one.y.shape)


def network(trace: Trace, example: int = 0) -> str:
    """Draw a trace on the picture of its network.

    Args:
        trace: of a chain of dense layers with at most 10 units each, and layers without parameters between them.
        example: the one of the minibatch whose values are at the units; gradients of weights are of all examples.

    Returns:
        SVG; "" where `not_drawn` says why there is none.

    >>> import jax.numpy as jnp, jaxnn as nn
    >>> from jaxnn.backprop.trace import trace
    >>> params = {"dense_0": {"kernel": jnp.array([[2.0]]), "bias": jnp.array([1.0])}}
    >>> data = (jnp.array([[3.0]]), jnp.array([[5.0]]))
    >>> one = trace(nn.Chain(nn.Dense(1)), nn.losses.half_squared_error, params, {}, *data)
    >>> "from x1 to unit 1: w = 2, dE/dw = 6" in network(one)
    True
    """
    return "" if not_drawn(trace) else _picture(trace, example).svg()


def _picture(trace: Trace, example: int) -> Picture:
    columns, heads = _columns(trace, example)
    heights = [sum(box.height for box in column) + 26 * (len(column) - 1) for column in columns]
    top, tallest = 46, max(heights)
    width = sum(column[0].width for column in columns) + GAP * (len(columns) - 1) + 20
    picture = Picture("A network with the numbers of one pass forward and back", width, top + tallest + 12)
    left, before = 10.0, []
    for column, head, height in zip(columns, heads, heights, strict=True):
        at, here = top + (tallest - height) / 2, []
        middle = left + column[0].width / 2
        for i, words in enumerate(filter(None, head)):
            kind = "t strong" if i == 0 else "t"
            picture.words(middle, 14 + 15 * i, cut(words, 44), class_=kind, text_anchor="middle")
        for box in column:
            _edges(picture, box, before, left, at)
            _box(picture, box, left, at)
            here.append((left + box.width, at + box.height / 2))
            at += box.height + 26
        left, before = left + column[0].width + GAP, here
    return picture


def _columns(trace: Trace, example: int) -> tuple[list[list[Box]], list[tuple[str, str]]]:
    """The boxes of inputs, layers and error, and what stands above each column."""
    groups: list[list[LayerTrace]] = []
    for one in trace.layers:
        if isinstance(one.layer, Dense):
            groups.append([])
        groups[-1].append(one)
    first = groups[0][0]
    inputs = [Box(f"x{i + 1}", (), [], 0, [("x", x, "f")]) for i, x in enumerate(_of(first.x, example))]
    if first.dx is not None:
        for box, dx in zip(inputs, _of(first.dx, example), strict=True):
            box.lines.append(("dE/dx", dx, "g"))
    columns, heads = [inputs], [("inputs", "")]
    for number_, group in enumerate(groups, 1):
        columns.append([_unit(group, number_, j, example) for j in range(group[0].y.shape[-1])])
        heads.append((f"layer {number_}: {group[0].path}", ", ".join(repr(one.layer) for one in group[1:])))
    return [*columns, [_error(trace, example)]], [*heads, ("error", repr(trace.loss).removesuffix("()"))]


def _unit(group: list[LayerTrace], layer: int, j: int, example: int) -> Box:
    """A unit of a dense layer and what its output goes through."""
    dense, *rest = group
    grads, after = dense.grads, dense.new_params
    ports = []
    for i in range(dense.x.shape[-1]):
        source = f"x{i + 1}" if layer == 1 else f"unit {i + 1}"
        numbers = [float(tree["kernel"][i, j]) for tree in (dense.params, grads, after) if tree is not None]
        ports.append((source, numbers, _said(f"from {source} to unit {j + 1}: ", "w", numbers)))
    if "bias" in dense.params:
        numbers = [float(tree["bias"][j]) for tree in (dense.params, grads, after) if tree is not None]
        ports.append(("bias", numbers, _said(f"bias of unit {j + 1}: ", "b", numbers)))
    forward, backward = [("z", _of(dense.y, example)[j], "f")], [("delta", _of(dense.dy, example)[j], "g")]
    for one in rest:
        symbol = "a" if isinstance(one.layer, Activation) else "y"
        forward.append((symbol, _of(one.y, example)[j], "f"))
        here = [(f"dE/d{symbol}", _of(one.dy, example)[j], "g")]
        if one.slope is not None and one.slope.ndim == one.y.ndim:  # softmax has a matrix of them
            here.append(("da/dz", _of(one.slope, example)[j], "g"))
        backward = here + backward
    header = (("w", "n"), ("dE/dw", "n g"), ("w after", "n new"))[: 2 if after is None else 3]
    return Box(f"unit {j + 1}", header, ports, dense.x.shape[-1], forward + backward)


def _error(trace: Trace, example: int) -> Box:
    """What the outputs are compared to."""
    slopes, told = _of(trace.doutputs, example), [("E", float(trace.value), "f")]
    targets = np.asarray(trace.targets)
    if targets.shape == np.shape(trace.outputs):
        goals = _of(targets, example)
        numbers = [[float(goal), float(slope)] for goal, slope in zip(goals, slopes, strict=True)]
        header, rows = (("t", "n"), ("dE/dy", "n g")), numbers
    else:  # a class
        header, rows = (("dE/dy", "n g"),), [[float(slope)] for slope in slopes]
        told.append(("target", float(targets.reshape(-1)[example]), "f"))
    if np.size(trace.losses) > 1:
        told.insert(0, ("L", float(np.asarray(trace.losses).reshape(-1)[example]), "f"))
    ports = [(f"unit {k}", row, f"dE/dy of unit {k} = {_shown(row[-1])}") for k, row in enumerate(rows, 1)]
    return Box("error", header, ports, len(ports), told)


def _of(values: Any, example: int) -> Any:
    """The numbers of one example, one for each unit."""
    array = np.asarray(values, np.float64)
    return array if array.ndim == 1 else array[example]


def _said(start: str, symbol: str, numbers: list[float]) -> str:
    names = (symbol, f"dE/d{symbol}", f"new {symbol}")
    return start + ", ".join(f"{name} = {number(value)}" for name, value in zip(names, numbers, strict=False))


def _edges(picture: Picture, box: Box, before: list[tuple[float, float]], left: float, top: float) -> None:
    """A line from every unit of the layer before to its row in the box; the wider, the larger the weight."""
    for i, (_, numbers, said) in enumerate(box.ports[: box.edges]):
        (x, y), at = before[i], box.row(top, i + 1)
        middle = (x + left) / 2
        weight = numbers[0] if box.header[0][0] == "w" else 0.5
        path = f"M{x:.1f},{y:.1f}C{middle:.1f},{y:.1f} {middle:.1f},{at:.1f} {left:.1f},{at:.1f}"
        sign = " minus" if weight < 0 else ""
        picture.add("path", d=path, class_=f"edge{sign}", stroke_width=f"{_thick(weight):.2f}", title=said)


def _thick(weight: float) -> float:
    size = abs(weight)
    return 0.8 + 2.6 * (size / (1 + size) if np.isfinite(size) else 1)


def _box(picture: Picture, box: Box, left: float, top: float) -> None:
    kind = "unit" if box.ports else "unit in"
    picture.add("rect", x=left, y=top, width=box.width, height=box.height, rx=9, class_=kind)
    ends = [left + NAME + COLUMN * (k + 1) - 10 for k in range(box.columns)]
    for end, (name, _) in zip(ends, box.header, strict=True):
        picture.words(end, box.row(top, 0) + 4, name, class_="t", text_anchor="end")
    for i, (name, numbers, said) in enumerate(box.ports, 1):
        picture.words(left + 10, box.row(top, i) + 4, name, class_="t", title=said)
        for end, (_, kind), value in zip(ends, box.header, numbers, strict=True):
            picture.words(end, box.row(top, i) + 4, _shown(value), class_=kind, title=said, text_anchor="end")
    inner = left + box.width - UNIT
    if box.ports:
        picture.add("path", d=f"M{inner:.1f},{top + 6:.1f}V{top + box.height - 6:.1f}", class_="grid")
    picture.words(inner + 10, box.row(top, 0) + 4, box.title, class_="t strong")
    for i, (symbol, value, way) in enumerate(box.lines, 1):
        y = box.row(top, i) + 4
        picture.words(inner + 10, y, symbol, class_="t")
        picture.words(left + box.width - 10, y, _shown(value), class_="n g" if way == "g" else "n f", text_anchor="end")


def _shown(value: float) -> str:
    """Five digits, ten letters at most: an edge has three numbers. What the pointer rests on is told with six."""
    size = abs(value)
    if not np.isfinite(value) or size == 0:
        return str(abs(float(value))) if size == 0 else str(float(value))
    digits, _, power = (f"{value:.5g}" if 1e-3 <= size < 1e6 else f"{value:.4e}").partition("e")
    return (f"{digits}e{int(power)}" if power else digits).replace("-", MINUS)


def page(trace: Trace, title: str, example: int = 0) -> str:
    """Return a page with the picture of a trace and its table.

    Args:
        trace: any; one that has no picture is a table alone.
        title: above the picture.
        example: as for `network`.

    Returns:
        HTML that needs no other file.

    >>> import jax.numpy as jnp, jaxnn as nn
    >>> from jaxnn.backprop.trace import trace
    >>> params = {"dense_0": {"kernel": jnp.array([[2.0]]), "bias": jnp.array([1.0])}}
    >>> data = (jnp.array([[3.0]]), jnp.array([[5.0]]))
    >>> page(trace(nn.Chain(nn.Dense(1)), nn.losses.half_squared_error, params, {}, *data), "2 x + 1")[:15]
    '<!DOCTYPE html>'
    """
    why = not_drawn(trace)
    many = np.size(trace.losses)
    whose = f" The values at the units are those of example {example + 1} of {many}." if many > 1 else ""
    after = ', <span class="new">green: the weight after one step</span>' if trace.new_params is not None else ""
    drawn = f"<p>{html.escape(why)}</p>"
    if not why:
        picture = _picture(trace, example)
        least = f' style="--least: {picture.width * 0.8:.0f}px"'  # below that, text gets too small: the card scrolls
        drawn = f'<p>{KEYS.format(after=after)}{whose}</p>\n<div class="card"{least}>{picture.svg()}</div>'
    return PAGE.format(title=html.escape(title), drawn=drawn, table=html.escape(str(trace)))


KEYS = (
    'At each unit <span class="f">blue: forward</span>, z = x w + b and a = f(z), and <span class="g">orange: '
    "backward</span>, delta = dE/dz = dE/da da/dz. At the end of each edge its weight w (or the bias b), "
    '<span class="g">dE/dw</span>{after}. The wider a line, the larger its weight; dashed where it is negative.'
)

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
:root {{
  color-scheme: light dark;
  --paper: light-dark(#f6f5f1, #14161a); --card: light-dark(#ffffff, #1c1f25);
  --ink: light-dark(#1c1e22, #eceae5); --soft: light-dark(#5a5e66, #a9adb6); --line: light-dark(#e2e0d9, #31353d);
  --a: light-dark(#0067a8, #62b4ee); --b: light-dark(#c25400, #f2a25c); --c: light-dark(#00805c, #4fc9a0);
  font-family: system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", Ubuntu, Cantarell, sans-serif;
  line-height: 1.55;
}}
body {{ margin: 0; padding: 24px; background: var(--paper); color: var(--ink); }}
h1 {{ margin: 8px 0; font-size: 1.7rem; letter-spacing: -.02em; line-height: 1.2; }}
h2 {{ margin: 36px 0 8px; font-size: 1.2rem; }}
p {{ max-width: 80ch; color: var(--soft); margin: 0 0 18px; }}
.card, pre {{ background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 18px; }}
.card, pre {{ overflow-x: auto; }}
pre {{ font-size: .82rem; line-height: 1.45; margin: 0; }}
svg {{ display: block; margin: 0 auto; max-width: 100%; min-width: var(--least); height: auto; font-family: inherit; }}
p .f {{ color: var(--a); }} .g {{ color: var(--b); }} .new {{ color: var(--c); }}
.t {{ font-size: 12px; fill: var(--soft); }}
.strong {{ fill: var(--ink); font-weight: 600; }}
.n {{ font-size: 11.5px; fill: var(--ink); font-variant-numeric: tabular-nums; }}
.n.f {{ fill: var(--a); font-weight: 560; }} .n.g {{ fill: var(--b); }} .n.new {{ fill: var(--c); }}
.unit {{ fill: var(--paper); stroke: var(--soft); stroke-width: 1; }}
.edge {{ fill: none; stroke: var(--soft); stroke-opacity: .65; }} .edge.minus {{ stroke-dasharray: 5 4; }}
.edge:hover {{ stroke: var(--a); stroke-opacity: 1; }}
path.grid {{ stroke: var(--line); stroke-width: 1; fill: none; }}
</style>
</head>
<body>
<h1>{title}</h1>
{drawn}
<h2>All numbers</h2>
<pre>{table}</pre>
</body>
</html>
"""
