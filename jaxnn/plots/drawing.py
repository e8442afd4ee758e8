"""The paper that pictures are drawn on: scales, axes and marks, as SVG text whose colours are the page's.

Drawn here and not with Matplotlib: its import takes 0.3 to 0.65 s and a picture 0.06 to 0.11 s, where `jaxnn train
digits` takes 1.5 s in all and its report has 24 pictures, which take 0.02 s so. Colours are classes that the page
gives light and dark values; a picture has no id, so that any number of them fit into one page.
"""

import html
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 380, 260
"""Of a picture in its own units: text of 12 units stays readable on a phone, where it is drawn 310 pixels wide."""
LEFT, RIGHT, TOP, BOTTOM = 60, 10, 12, 44
"""Margins around the axes."""
MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Scale:
    """Where a number lies on an axis.

    Args:
        low, high: the numbers at its ends.
        start, end: their places in the picture.
        log: whether equal ratios take equal lengths; `low` is positive then.
        whole: whether only whole numbers are marked: there is no half epoch and no half row.

    >>> Scale(0.0, 10.0, 100.0, 200.0)(2.5), Scale(1.0, 100.0, 0.0, 1.0, log=True)(10.0)
    (125.0, 0.5)
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False
    whole: bool = False

    def __call__(self, value: float) -> float:
        """Return the place of a number; what lies outside is put at the end."""
        value = min(max(value, self.low), self.high)
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:  # halves: the distance of two numbers may exceed the largest
            share = (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int = 6) -> list[float]:
        """Return round numbers on the scale: 1, 2 or 5 times a power of ten, or powers of ten on a log scale.

        Args:
            most: how many, about.

        Returns:
            Ascending numbers.

        >>> Scale(0.0, 1.0, 0, 1).ticks(), Scale(0.02, 3.0, 0, 1, log=True).ticks()
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.1, 1.0])
        """
        found = _powers(self.low, self.high, most) if self.log else _round_numbers(self.low, self.high, most)
        return [value for value in found if value.is_integer()] if self.whole else found


def _powers(low: float, high: float, most: int) -> list[float]:
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    step = max(1, math.ceil((last - first + 1) / most))
    found = [float(f"1e{power}") for power in range(first, last + 1, step)]
    return found if len(found) > 1 else _round_numbers(low, high, most)


def _round_numbers(low: float, high: float, most: int) -> list[float]:
    rough = (high / most) - (low / most)
    power = math.floor(math.log10(rough))
    factor = next(f for f in (1, 2, 5, 10) if f * 10.0**power >= rough * 0.999)
    step = factor * 10.0**power
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    digits = max(0, -(power + (factor == 10)))
    return [round(index * step, min(digits, 300)) + 0.0 for index in range(first, last + 1)]


def spanning(values: Iterable[float], start: float, end: float, *, room: float = 0.04) -> Scale:
    """Return a scale on which all numbers have their place, and that ends a little beyond them.

    Args:
        values: finite numbers.
        start, end: places of the ends.
        room: the share of the span that is left free at each end.

    Returns:
        The scale; numbers that are all equal lie in its middle.

    >>> spanning([3.0, 3.0], 0, 1).low < 3.0 < spanning([3.0, 3.0], 0, 1).high
    True
    """
    numbers = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = (max(-1e300, min(1e300, edge)) for edge in (min(numbers), max(numbers)))
    # what differs by rounding alone is equal for the eye
    if high - low <= max(1e-9 * max(abs(low), abs(high)), 1e-300):
        half = max(abs(low) * 0.1, 1e-3)
        return Scale(low - half, high + half, start, end)
    free = (high - low) * room
    return Scale(low - free, high + free, start, end)


def number(value: float) -> str:
    """Return a number as it is written beside a mark: short, with a minus sign.

    >>> number(0.30000000000000004), number(-1200.0), number(1e-7), number(250000.0)
    ('0.3', '−1,200', '1e−7', '250,000')
    """
    if value and not 1e-4 <= abs(value) < 1e7:
        shown, _, power = f"{value:.2e}".partition("e")
        shown = f"{shown.rstrip('0').rstrip('.')}e{int(power)}"
    else:
        shown = f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.0f}"
        shown = f"{value:,.0f}" if "e" in shown else shown
    return shown.replace("-", MINUS)


def cut(text: str, longest: int) -> str:
    """Return text of a limited length; three dots stand for what was left out.

    >>> cut("sepal length", 7), cut("iris", 7)
    ('sepal …', 'iris')
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


def distinct(names: Sequence[str], longest: int) -> list[str]:
    """Return short names for people to tell apart: where one is too long, without the start and end that all share.

    Args:
        names: as they are.
        longest: characters of a short one.

    Returns:
        One for each name.

    >>> distinct(["a", "b"], 6), distinct(["species 1 of all", "species 2 of all"], 6)
    (['a', 'b'], ['…1…', '…2…'])
    """
    if len(names) < 2 or max(map(len, names)) <= longest:
        return [cut(name, longest) for name in names]
    start = _shared(names)
    end = min(_shared([name[::-1] for name in names]), min(map(len, names)) - start)
    start, end = (start if start > 3 else 0), (end if end > 3 else 0)
    inner = [name[start : len(name) - end] for name in names]
    return ["…" * (start > 0) + cut(name, longest - (start > 0) - (end > 0)) + "…" * (end > 0) for name in inner]


def _shared(names: Sequence[str]) -> int:
    """How many letters at their start all names share, up to the end of a word."""
    first, last = min(names), max(names)
    at = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    while at and first[at - 1].isalnum():  # 008 and 012 differ in three digits, not in two
        at -= 1
    return at


class Picture:
    """A picture that is being drawn.

    Args:
        label: what it shows, for those who cannot see it.
        width, height: in its own units.

    >>> picture = Picture("a dot", 10, 10)
    >>> picture.add("circle", cx=5, cy=2.50, r=1, title="<b>")
    >>> print(picture.svg())
    <svg viewBox="0 0 10 10" width="10" height="10" role="img" aria-label="a dot"><circle cx="5" cy="2.5" r="1">\
<title>&lt;b&gt;</title></circle></svg>
    """

    def __init__(self, label: str, width: float = WIDTH, height: float = HEIGHT) -> None:
        self.label, self.width, self.height = label, width, height
        self._parts: list[str] = []

    def add(self, tag: str, text: str = "", *, title: str = "", **attributes: float | str) -> None:
        """Add a mark.

        Args:
            tag: the element of SVG.
            text: what it contains.
            title: what is shown while the pointer rests on it.
            attributes: `class_` is its class, `_` in other names is `-`; numbers keep two decimals.
        """
        said = f"<title>{html.escape(title)}</title>" if title else ""
        inside = said + html.escape(text)
        start = f"<{tag}{_attributes(attributes)}"
        self._parts.append(f"{start}>{inside}</{tag}>" if inside else f"{start}/>")

    def words(self, x: float, y: float, text: str, *, class_: str = "t", title: str = "", **attributes: str) -> None:
        """Add text at a place; `text-anchor` says which end of it that is."""
        self.add("text", text, x=x, y=y, class_=class_, title=title, **attributes)

    def line(self, points: Sequence[tuple[float, float]], class_: str, *, title: str = "", **attributes: str) -> None:
        """Add a line through points."""
        path = "M" + "L".join(f"{_short(x)},{_short(y)}" for x, y in points)
        self.add("path", d=path, class_=f"l {class_}", title=title, **attributes)

    def axes(self, x: Scale, y: Scale, below: str, beside: str) -> None:
        """Add two axes with round numbers, fine lines across, and what they mean."""
        self.upright(x, y, beside)
        self.across(x, y, [(x(value), tick(value)) for value in x.ticks(6)], below)

    def across(self, x: Scale, y: Scale, marked: Iterable[tuple[float, str]], below: str) -> None:
        """Add the axis below: places of it with what is written there, and what it means."""
        for at, said in marked:
            self.words(at, y.start + 18, said, text_anchor="middle")
            self.add("path", d=f"M{_short(at)},{_short(y.start)}v4", class_="axis")
        self.add("path", d=f"M{_short(x.start)},{_short(y.start)}H{_short(x.end)}", class_="axis")
        self.words((x.start + x.end) / 2, y.start + 37, below, class_="t what", text_anchor="middle")

    def upright(self, x: Scale, y: Scale, beside: str) -> None:
        """Add the axis beside: round numbers, fine lines across, and what it means."""
        for value in y.ticks(5):
            self.add("path", d=f"M{_short(x.start)},{_short(y(value))}H{_short(x.end)}", class_="grid")
            self.words(x.start - 6, y(value) + 4, tick(value), text_anchor="end")
        turned = f"rotate(-90 11 {_short((y.start + y.end) / 2)})"
        self.words(11, (y.start + y.end) / 2, beside, class_="t what", text_anchor="middle", transform=turned)

    def svg(self) -> str:
        """Return the picture."""
        size = f'width="{_short(self.width)}" height="{_short(self.height)}"'
        box = f'viewBox="0 0 {_short(self.width)} {_short(self.height)}" {size}'
        return f'<svg {box} role="img" aria-label="{html.escape(self.label)}">{"".join(self._parts)}</svg>'


def frame(
    x: tuple[float, float] | Iterable[float], y: Iterable[float], *, log: bool = False, tight: bool = False
) -> tuple[Scale, Scale]:
    """Return the scales of a picture of the usual size.

    Args:
        x, y: the numbers that need a place.
        log: whether the upright axis is logarithmic.
        tight: whether the axes end at the outermost numbers.

    Returns:
        The scale across and the scale upwards.
    """
    x, y = list(x), list(y)
    room = 0.0 if tight else 0.04
    across = spanning(x, LEFT, WIDTH - RIGHT, room=room)
    upwards = spanning(y, HEIGHT - BOTTOM, TOP, room=room)
    if log:
        upwards = Scale(min(y) / 1.15, max(y) * 1.15, upwards.start, upwards.end, log=True)
    return across, upwards


def tick(value: float) -> str:
    """Return a number as it is written beside an axis, where there is room for five letters.

    >>> tick(0.0001), tick(40_000.0), tick(0.25)
    ('1e−4', '40k', '0.25')
    """
    size, letter = (1e6, "M") if abs(value) >= 1e6 else (1e3, "k")
    if 1e4 <= abs(value) < 1e9:
        return number(value / size) + letter
    if not value or abs(value) >= 1e-3:
        return number(value)
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}".replace("-", MINUS)


def _attributes(attributes: dict[str, float | str]) -> str:
    return "".join(
        f' {name.rstrip("_").replace("_", "-")}="{html.escape(value) if isinstance(value, str) else _short(value)}"'
        for name, value in attributes.items()
    )


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if value else "0"
