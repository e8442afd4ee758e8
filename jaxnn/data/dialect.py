"""How a delimited text is written: what stands between its fields and what around them, told from its first lines."""

import re
from typing import NamedTuple

import numpy as np

from jaxnn.checks import fail
from jaxnn.data.delimited import Records, records, wrong_quotes
from jaxnn.data.places import place, shown

_SEPARATORS = ",\t;|"
_DOUBLE, _SINGLE = '"', "'"

_SAMPLE = 2**18
"""Bytes looked at: thousands of usual lines; the eight ways to read them take 10 ms."""

_NUMBER = re.compile(rb"""\s*["']?[-+]?(\d+[.,]?\d*|[.,]\d+)([eE][-+]?\d+)?["']?\s*""")
_DECIMAL_COMMA = re.compile(rb"\s*[-+]?\d*(,\d+)?\s*")

_LINES_COMPARED = 20
"""Records whose cells are looked at where two separators divide every line alike."""


class Dialect(NamedTuple):
    """How a text is written, and the text without the line in which Excel says so; lines keep their numbers."""

    separator: str
    quote: str
    text: bytes


class _Trial(NamedTuple):
    """What the sample looks like with one separator and one quote."""

    separator: str
    quote: str
    sound: bool
    """Whether every quote opens or closes a whole field."""
    width: int
    """Fields of the header."""
    share: float
    """Of records that are as wide as the header."""
    wrapped: np.ndarray
    """Of each column, the header aside, whether all cells that are not empty are in quotes, and there is one."""
    named: np.ndarray
    """Whether each name in the header is in quotes."""
    any_wrapped: bool
    numbers: float
    """Of the first cells, the share that are numbers, with a point or a comma."""


def find_dialect(text: bytes, source: str) -> Dialect:
    r"""Find the separator and the quote of a delimited text.

    The separator is the one of comma, tab, semicolon and bar that divides the first lines into equally many fields,
    at least two; where several do, the one that leaves more numbers (`1,5;2,5` are two numbers with decimal commas,
    or three cells), then more columns, then the one of the suffix. Fields are in single quotes where the names of the
    header or all cells of a column are, or where the lines are equally long only so.

    Args:
        text: the text, which has passed `check_bytes`, without byte order mark.
        source: the name of the file, for messages; in a tie, a tab is preferred for .tsv and .txt.

    Returns:
        The dialect. Where no separator suits, the one that comes nearest: the error is then said by `layout`.

    Raises:
        JaxnnError: if a first line such as `sep=;` names a separator that is not supported.

    >>> find_dialect(b"a;b\n1,5;2,5\n", "x.csv")[:2]
    (';', '"')
    >>> find_dialect(b"sep=|\na|b,c\n1|O'Brien\n", "x.csv")
    Dialect(separator='|', quote='"', text=b"\na|b,c\n1|O'Brien\n")
    """
    said = re.match(rb'\A"?sep=([^\r\n"]*)"?(?=\r?\n)', text)
    allowed = _SEPARATORS
    if said:
        allowed = said[1].decode() or ","
        if allowed not in tuple(_SEPARATORS):
            fail(place(source, 1), f"{shown(allowed)} as separator", "a comma, semicolon, tab or bar")
        text = text[said.end() :]
    sample, whole = _sample(text)
    if not sample.strip(b"\r\n"):
        return Dialect(allowed[0], _DOUBLE, text)
    present = [mark for mark in allowed if mark.encode() in sample] or [allowed[0]]
    quotes = [_DOUBLE, *([_SINGLE] if _SINGLE.encode() in sample else [])]
    trials = {quote: [_try(sample, whole, mark, quote) for mark in present] for quote in quotes}
    tabs = source.lower().removesuffix(".gz").endswith((".tsv", ".txt"))
    chosen = _choose(trials[_DOUBLE], trials.get(_SINGLE, []), "\t" if tabs else ",")
    if chosen.width == 1 and allowed == _SEPARATORS:
        return Dialect(_for_one_column(text, sample, chosen, trials[_DOUBLE]), chosen.quote, text)
    return Dialect(chosen.separator, chosen.quote, text)


def _sample(text: bytes) -> tuple[bytes, bool]:
    """The first lines, and whether they are all: a line that is cut off would count too few fields."""
    blank = re.match(rb"[\r\n]*", text)
    start = blank.end() if blank else 0
    if len(text) - start <= _SAMPLE:
        return text[start:], True
    sample = text[start : start + _SAMPLE]
    end = sample.rfind(b"\n")
    return (sample[: end + 1] if end > 0 else sample), False


def _try(sample: bytes, whole: bool, separator: str, quote: str) -> _Trial:
    symbols, mark = np.frombuffer(sample, np.uint8), ord(separator)
    inner, never = wrong_quotes(symbols, mark, ord(quote))
    # the end of the sample may lie inside a field of several lines
    cut = not whole and len(never) == 1 and not (symbols[int(never[0]) + 1 :] == ord(quote)).any()
    sound = not len(inner) and (not len(never) or cut)
    found = records(symbols, mark, ord(quote))
    real = np.flatnonzero(~found.blank)
    if not sound or (not whole and len(never)):
        real = real[:-1] if len(real) > 1 else real
    if not len(real):
        return _Trial(separator, quote, False, 1, 0.0, np.zeros(1, bool), np.zeros(1, bool), False, 0.0)
    width = int(found.fields[real[0]])
    same = real[found.fields[real] == width]
    inside, empty = _fields_of(symbols, found, same, width, ord(quote))
    wrapped = np.all(inside[1:] | empty[1:], axis=0) & np.any(inside[1:], axis=0)
    numbers = _numbers(sample, found, same[1 : 1 + _LINES_COMPARED], separator)
    share, any_wrapped = len(same) / len(real), bool(inside.any())
    return _Trial(separator, quote, sound, width, share, np.asarray(wrapped), inside[0], any_wrapped, numbers)


def _fields_of(
    symbols: np.ndarray, found: Records, rows: np.ndarray, width: int, quote: int
) -> tuple[np.ndarray, np.ndarray]:
    """(records, fields): whether each field is in quotes, and whether it is empty."""
    first = np.searchsorted(found.separators, found.starts[rows])
    marks = found.separators[first[:, None] + np.arange(width - 1)] if width > 1 else np.empty((len(rows), 0), int)
    starts = np.concatenate((found.starts[rows][:, None], marks + 1), axis=1)
    ends = found.ends[rows]
    ends = ends - ((ends > found.starts[rows]) & (symbols[np.maximum(ends - 1, 0)] == ord("\r")))
    stops = np.concatenate((marks, ends[:, None]), axis=1)
    sizes, last = stops - starts, len(symbols) - 1
    quoted = (symbols[np.minimum(starts, last)] == quote) & (symbols[np.clip(stops - 1, 0, last)] == quote)
    return quoted & (sizes >= 2), sizes <= 0


def _numbers(sample: bytes, found: Records, rows: np.ndarray, separator: str) -> float:
    cells = [cell for row in rows for cell in sample[found.starts[row] : found.ends[row]].split(separator.encode())]
    return sum(_NUMBER.fullmatch(cell) is not None for cell in cells) / max(len(cells), 1)


def _choose(doubles: list[_Trial], singles: list[_Trial], preferred: str) -> _Trial:
    """The trial whose lines are equally long; single quotes only where fields really are wrapped in them."""

    def merit(trial: _Trial) -> tuple[bool, float, int, bool]:
        return trial.width > 1, trial.numbers, trial.width, trial.separator == preferred

    even = [trial for trial in doubles if trial.sound and trial.share == 1]
    best = max(even, key=merit, default=None)
    named = [trial for trial in singles if trial.named.all()]
    if named and not any(trial.named.any() for trial in doubles):
        return max(named, key=lambda trial: (trial.sound and trial.share == 1, *merit(trial)))
    wrapped = [trial for trial in singles if trial.sound and trial.share == 1 and trial.any_wrapped]
    if wrapped and not any(trial.named.any() for trial in doubles):
        single = max(wrapped, key=merit)
        if best is None or best.width < single.width or (best.width == single.width and single.wrapped.any()):
            return single
    if best is not None and (best.width > 1 or all(trial.width == 1 and trial.share == 1 for trial in doubles)):
        return best
    return max(doubles, key=lambda trial: (trial.width > 1, trial.share, trial.width, trial.separator == preferred))


def _for_one_column(text: bytes, sample: bytes, chosen: _Trial, doubles: list[_Trial]) -> str:
    """A separator that does not occur, if lines are one field: numbers with decimal commas, or no separator at all."""
    lines = sample.splitlines()[1:]
    if all(trial.share == 1 for trial in doubles) or (
        {trial.separator for trial in doubles if trial.share < 1} == {","} and all(map(_DECIMAL_COMMA.fullmatch, lines))
    ):
        free = [mark for mark in _SEPARATORS if mark.encode() not in text]
        return free[0] if free else chosen.separator
    return min(doubles, key=lambda trial: trial.share).separator
