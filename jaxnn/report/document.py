"""The numbers that a report is drawn from: a small JSON document beside the model, checked when it is read back."""

import dataclasses
import json
import math
import types
import typing
from dataclasses import dataclass
from typing import Any

from jaxnn.checks import fail
from jaxnn.report.members import Ensembled
from jaxnn.report.searched import Searched
from jaxnn.report.writing import Writing

LARGEST = 4 * 2**20
"""Bytes of a document; that of a run with 2,000 columns and 100 classes has 0.2 MB."""
VERSION = 2


@dataclass(frozen=True)
class Data:
    """What was learnt from."""

    source: str
    """A built-in name or a path, as it was typed."""
    description: str
    rows: int
    columns: int
    target: str
    sha256: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Curve:
    """A quantity over the epochs; None where it is not a finite number or was not measured."""

    name: str
    training: tuple[float | None, ...] | None
    validation: tuple[float | None, ...] | None

    def check(self, epochs: int) -> None:
        """Refuse a curve of another length."""
        if any(line is not None and len(line) != epochs for line in (self.training, self.validation)):
            fail(f"training.curves, {self.name[:40]!r}", "another number of values than epochs", f"{epochs}")


@dataclass(frozen=True)
class Training:
    """How the training went."""

    limit: int
    """Epochs that were allowed."""
    patience: int | None
    """Epochs without a better validation loss that end it; None without validation."""
    done: int
    """Epochs that were completed."""
    kept: int
    """The epoch whose weights were kept, from 1; 0 for none."""
    steps: int
    stopped_because: str
    interrupted: bool
    diverged: bool
    epochs: tuple[int, ...]
    """Those that the curves have a value for."""
    curves: tuple[Curve, ...]

    def __post_init__(self) -> None:
        for curve in self.curves:
            curve.check(len(self.epochs))


@dataclass(frozen=True)
class ClassRow:
    """How one class fared; None where a share is 0/0."""

    name: str
    rows: int
    precision: float | None
    recall: float | None
    f1: float | None
    taken_for: str | None
    mistakes: int


@dataclass(frozen=True)
class OneClass:
    """A class against all others: what each threshold gives, and the ROC curve."""

    name: str
    rows: int
    thresholds: tuple[float, ...]
    precision: tuple[float | None, ...]
    recall: tuple[float, ...]
    f1: tuple[float, ...]
    false_positive: tuple[float, ...]
    true_positive: tuple[float, ...]
    area: float

    def __post_init__(self) -> None:
        sizes = {len(line) for line in (self.thresholds, self.precision, self.recall, self.f1)}
        if len(sizes) > 1 or len(self.false_positive) != len(self.true_positive):
            fail(f"classes.sweeps, {self.name[:40]!r}", "lines of different lengths", "equal ones")


@dataclass(frozen=True)
class Calibrated:
    """How sure the answers were, and how often right: one bin after the other."""

    edges: tuple[float, ...]
    confidence: tuple[float | None, ...]
    accuracy: tuple[float | None, ...]
    right: tuple[int, ...]
    wrong: tuple[int, ...]
    error: float

    def __post_init__(self) -> None:
        sizes = {len(line) for line in (self.confidence, self.accuracy, self.right, self.wrong)}
        if sizes != {len(self.edges) - 1}:
            fail("classes.calibration", "lines of different lengths", "one value for each bin")


@dataclass(frozen=True)
class Classes:
    """How good predicted classes are on the part that the report scores."""

    count: int
    correct: int
    rows: int
    accuracy: float
    low: float
    high: float
    cross_entropy: float | None
    frequent: str
    """The most frequent class of the training rows."""
    baseline: float
    """The share of rows that always answering it gets right."""
    shown: tuple[str, ...]
    """The classes of the matrix: all, or those that were recognised worst."""
    confusion: tuple[tuple[int, ...], ...]
    each: tuple[ClassRow, ...]
    sweeps: tuple[OneClass, ...]
    calibration: Calibrated | None

    def __post_init__(self) -> None:
        size = len(self.shown)
        if not size or len(self.confusion) != size or any(len(row) != size for row in self.confusion):
            fail("classes.confusion", "another shape than the classes have", f"({size}, {size})")


@dataclass(frozen=True)
class Values:
    """How good predicted values are on the part that the report scores."""

    rows: int
    rmse: float | None
    low: float | None
    high: float | None
    mae: float | None
    r2: float | None
    baseline: float | None
    """The error of always answering the mean of the training rows."""
    mean: float | None
    truth: tuple[float, ...]
    """Of some of the rows, if they are many."""
    predicted: tuple[float, ...]
    edges: tuple[float, ...]
    counts: tuple[int, ...]
    """Errors in each bin, of all rows."""

    def __post_init__(self) -> None:
        if len(self.truth) != len(self.predicted) or len(self.edges) != len(self.counts) + 1:
            fail("values", "lines of different lengths", "equal ones")


@dataclass(frozen=True)
class Example:
    """A row that the network got wrong, or nearly."""

    place: str
    """"line 17" of the file, or "row 16" of the table, both from 1."""
    truth: str
    answer: str
    right: bool
    chance: float | None
    """The probability of the answer; None for a value."""
    chance_of_truth: float | None
    error: float | None
    """Predicted - true; None for a class."""
    cells: tuple[tuple[str, str], ...]
    more: int
    """Cells that are not shown."""
    image: str | None
    """Pixels in base64, as `Pictures.shape` says."""


@dataclass(frozen=True)
class Named:
    """An image and what it is called: pixels as bytes, or weights as signed bytes, in base64."""

    name: str
    image: str


@dataclass(frozen=True)
class Pictures:
    """What a network that sees images has learnt to look for."""

    shape: tuple[int, ...]
    """(height, width), or (height, width, 3); of the weights the first two."""
    means: tuple[Named, ...]
    """The mean image of each class."""
    weights: tuple[Named, ...]
    units: int
    """How many there are in the first layer."""
    templates: bool
    """Whether each belongs to one class, as in a network without a hidden layer."""

    def __post_init__(self) -> None:
        sizes = all(1 <= length <= 64 for length in self.shape)
        if len(self.shape) not in (2, 3) or not sizes or self.shape[2:] not in ((), (3,)):
            fail("pictures.shape", f"{self.shape}"[:60], "height and width of at most 64, and 3 for colours")


@dataclass(frozen=True)
class Column:
    """What became of one column."""

    name: str
    kind: str
    became: str
    note: str


@dataclass(frozen=True)
class Layer:
    """One layer of the network."""

    path: str
    layer: str
    output: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class Setting:
    """A setting of the run."""

    name: str
    value: str
    default: str
    changed: bool
    meaning: str


@dataclass(frozen=True)
class Document:
    """All that a report shows; strings are as they are, the page escapes them.

    >>> data = Data("iris", "", 150, 4, "species", "", 120, 15, 15)
    >>> training = Training(10, None, 10, 10, 40, "all 10 epochs done", False, False, (), ())
    >>> Document(2, "regression", data, "", training, None, None, (), None, (), (), (), (), 4, 35, (), ()).parameters
    35
    """

    version: int
    task: str
    data: Data
    scored: str
    """The part that the scores are of: "test", "validation" or ""."""
    training: Training
    classes: Classes | None
    values: Values | None
    worst: tuple[Example, ...]
    pictures: Pictures | None
    notes: tuple[str, ...]
    """What a person should know about the data."""
    columns: tuple[Column, ...]
    kinds: tuple[tuple[str, int], ...]
    """How many columns of each kind."""
    layers: tuple[Layer, ...]
    inputs: int
    parameters: int
    settings: tuple[Setting, ...]
    made_with: tuple[tuple[str, str], ...]
    writing: Writing | None = None
    """Of a network that learnt a text: `columns` are empty then, and rows are its characters or bytes."""
    search: Searched | None = None
    """Of a network whose settings are the best of many."""
    ensemble: Ensembled | None = None
    """Of several networks that answer together: layers and training are those of the first."""

    def __post_init__(self) -> None:
        if self.version != VERSION:
            fail("version", f"{self.version}"[:40], f"{VERSION}", "Use the jaxnn that wrote it")


def to_json(document: Document) -> str:
    """Return a document as JSON text; `from_json` gives back an equal one.

    Args:
        document: the numbers.

    Returns:
        One line of JSON, for programs.

    >>> data = Data("iris", "", 150, 4, "species", "", 120, 15, 15)
    >>> training = Training(10, None, 10, 10, 40, "all 10 epochs done", False, False, (), ())
    >>> document = Document(2, "regression", data, "", training, None, None, (), None, (), (), (), (), 4, 35, (), ())
    >>> from_json(to_json(document)) == document
    True
    """
    return json.dumps(dataclasses.asdict(document), ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n"


def from_json(text: str | bytes) -> Document:
    """Read a document back, checking everything: it may be damaged or hostile.

    Args:
        text: JSON.

    Returns:
        The document.

    Raises:
        JaxnnError: naming the field that is missing, unknown or of a wrong type, length or value.

    >>> from_json("{}")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: report.json: got no version; needed what jaxnn train wrote.
    """
    if len(text) > LARGEST:
        fail("report.json", f"more than {LARGEST:,} bytes", "what jaxnn train wrote")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        fail("report.json", "what is no JSON, or is cut off", "what jaxnn train wrote")
    return _checked(found, Document, "")


def _checked(value: Any, kind: Any, where: str) -> Any:
    """A value of JSON as the type that a field has, or a refusal that names the field."""
    if dataclasses.is_dataclass(kind):
        return _object(value, kind, where)
    options = typing.get_args(kind)
    if isinstance(kind, types.UnionType):
        return None if value is None else _checked(value, options[0], where)
    if typing.get_origin(kind) is tuple:
        if not isinstance(value, list) or (options[-1] is not ... and len(value) != len(options)):
            _refuse(value, "a list" if options[-1] is ... else f"a list of {len(options)}", where)
        each = [options[0]] * len(value) if options[-1] is ... else options
        return tuple(
            _checked(item, one, f"{where}[{at}]") for at, (item, one) in enumerate(zip(value, each, strict=True))
        )
    return _plain(value, kind, where)


def _object(value: Any, kind: Any, where: str) -> Any:
    fields = typing.get_type_hints(kind)
    if not isinstance(value, dict):
        _refuse(value, "an object", where)
    # what has a default came to the format later: an earlier file is without it
    needed = [name for name in fields if getattr(kind, name, dataclasses.MISSING) is dataclasses.MISSING]
    missing, unknown = [name for name in needed if name not in value], [name for name in value if name not in fields]
    if missing or unknown:
        given = f"no {missing[0]}" if missing else f"the unknown field {unknown[0][:40]!r}"
        fail(where or "report.json", given, "what jaxnn train wrote")
    given = {name: one for name, one in fields.items() if name in value}
    return kind(**{name: _checked(value[name], one, f"{where}.{name}".lstrip(".")) for name, one in given.items()})


def _plain(value: Any, kind: Any, where: str) -> Any:
    if kind is float and type(value) in (int, float) and abs(value) <= 1.7e308:
        return float(value)
    if kind is int and type(value) is int and 0 <= value < 2**63:
        return value
    if kind is bool and type(value) is bool:
        return value
    # half a surrogate pair, which JSON can spell and UTF-8 cannot
    if kind is str and type(value) is str and not any("\ud800" <= letter <= "\udfff" for letter in value):
        return value
    needed = {float: "a finite number", int: "a whole number of at least 0", bool: "true or false", str: "text"}
    _refuse(value, needed[kind], where)


def _refuse(value: Any, needed: str, where: str) -> typing.NoReturn:
    given = type(value).__name__ if isinstance(value, list | dict) else repr(value)[:40]
    if isinstance(value, float) and not math.isfinite(value):
        given = "a number that is not finite"
    fail(where or "report.json", given, needed, "The file is damaged: train again to get another")
