"""Every setting of a training run, once: name, default, range and help, for flags, TOML files and Python alike."""

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from jaxnn.checks import fail, number_in, one_of, whole_number
from jaxnn.config import config

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", re.ASCII)


@dataclass(frozen=True)
class Whole:
    """A whole number in a range; with `optional`, None where it was not given."""

    low: int
    high: int
    optional: bool = False
    metavar: str = "N"

    def parse(self, text: str) -> Any:
        """Return the number that a flag spells, or the text itself, which `check` refuses."""
        return int(text) if _WHOLE.fullmatch(text.strip()) else text

    def check(self, where: str, value: Any) -> int | None:
        """Return a value of this kind, or raise with the range."""
        if value is None and self.optional:
            return None
        return whole_number(where, value, self.low, self.high)


@dataclass(frozen=True)
class Number:
    """A number in a range; with `optional`, None where it was not given."""

    low: float
    high: float
    open_low: bool = False
    open_high: bool = False
    optional: bool = False
    metavar: str = "NUMBER"

    def parse(self, text: str) -> Any:
        """Return the number that a flag spells, or the text itself, which `check` refuses."""
        return float(text) if _NUMBER.fullmatch(text.strip()) else text

    def check(self, where: str, value: Any) -> float | None:
        """Return a value of this kind, or raise with the range."""
        if value is None and self.optional:
            return None
        if self.high == _INF and str(value).lstrip("+-").lower() in ("inf", "infinity", "nan"):
            fail(where, f"{value}", f"a finite number {'above' if self.open_low else 'of at least'} {self.low}")
        return number_in(where, value, self.low, self.high, open_low=self.open_low, open_high=self.open_high)


@dataclass(frozen=True)
class Choice:
    """One of a few names; with `optional`, None where it was not given."""

    names: Callable[[], Any]
    optional: bool = False
    metavar: str = "NAME"

    def parse(self, text: str) -> str:
        """Return the text of a flag."""
        return text

    def check(self, where: str, value: Any) -> str | None:
        """Return a value of this kind, or raise with the list of names and the nearest."""
        if value is None and self.optional:
            return None
        return one_of(where, value, self.names())


@dataclass(frozen=True)
class Text:
    """Free text; None where it was not given."""

    metavar: str

    def parse(self, text: str) -> str:
        """Return the text of a flag."""
        return text

    def check(self, where: str, value: Any) -> str | None:
        """Return a value of this kind, or raise."""
        if value is None:
            return None
        if not isinstance(value, str):
            fail(where, repr(value), "text")
        # run.toml is UTF-8: what it cannot hold could not be run again
        if any("\ud800" <= letter <= "\udfff" for letter in value):
            fail(where, ascii(value), "text that UTF-8 can encode")
        return value


@dataclass(frozen=True)
class Widths:
    """The widths of the hidden layers."""

    high: int
    metavar: str = "N,N"

    def parse(self, text: str) -> Any:
        """Return the widths that a flag spells; nothing and 0 mean no hidden layer."""
        if text.strip() in ("", "0"):
            return ()
        parts = [part.strip() for part in text.split(",")]
        return tuple(int(part) for part in parts) if all(_WHOLE.fullmatch(part) for part in parts) else text

    def check(self, where: str, value: Any) -> tuple[int, ...]:
        """Return a value of this kind, or raise with the range."""
        if not isinstance(value, list | tuple):
            fail(where, repr(value), "widths such as 64,64 on the command line or [64, 64] in a file")
        return tuple(whole_number(where, width, 1, self.high) for width in value)


@dataclass(frozen=True)
class Embed:
    """auto, off, or how long the vectors of categories are."""

    metavar: str = "WIDTH"

    def parse(self, text: str) -> Any:
        """Return the width that a flag spells, or the text itself."""
        return int(text) if _WHOLE.fullmatch(text.strip()) else text

    def check(self, where: str, value: Any) -> int | str:
        """Return a value of this kind, or raise with the range."""
        from jaxnn.data.wishes import check_embed

        return check_embed(where, value)


@dataclass(frozen=True)
class Entries:
    """Several words; a flag may be given several times."""

    metavar: str

    def parse(self, text: Any) -> Any:
        """Return the entries of a flag, each as typed."""
        return (text,) if isinstance(text, str) else tuple(text)

    def check(self, where: str, value: Any) -> tuple[str, ...]:
        """Return a value of this kind, or raise."""
        if not isinstance(value, list | tuple):
            fail(where, repr(value), 'a list such as ["age", "name"]')
        return tuple(str(Text(self.metavar).check(where, entry)) for entry in value)


def _setting(default: Any, kind: Any, panel: str, said: str) -> Any:
    return field(default=default, metadata={"kind": kind, "panel": panel, "help": said})


def _activations() -> list[str]:
    from jaxnn import activations

    return [name for name, known in activations.ACTIVATIONS.items() if activations.has_gradient(known)]


def _optimizers() -> list[str]:
    from jaxnn import optimizers

    return list(optimizers.OPTIMIZERS)


_INF = float("inf")
_TASKS = ("auto", "classification", "regression", "text")
_TOKENS = ("characters", "bytes")
_CELLS = ("lstm", "gru", "rnn")
_SCALINGS = ("z-score", "min-max")
_TARGET_SCALES = ("linear", "log")
_WEIGHTS = ("none", "balanced")
_MODELS = ("auto", "mlp", "cnn", "rnn", "transformer")
_SHARE = Number(0, 1, open_high=True, metavar="SHARE")
_STRENGTH = Number(0, _INF, open_high=True)


@config
class Settings:
    """What decides a training run, beside the bytes of the data and the versions of the libraries.

    Args:
        data, target, task: what to learn from, and what.
        drop, keep, types, categories, embed, scaling, target_scale: what becomes of the columns.
        test, validation: shares of all rows that are set aside.
        image_size: what images are resized to.
        model, hidden, activation, dropout: the network.
        tokens, context, cell, width, depth, heads: of a text: what is read, and the network.
        optimizer, learning_rate, batch_size, epochs, patience, l1, l2, class_weight, augment, ensemble, seed: the
            training.

    Raises:
        JaxnnError: naming the setting that is out of range, with the range.
    """

    data: str | None = _setting(None, Text("DATA"), "Data", "A built-in name, a file, or a folder of images.")
    target: str | None = _setting(None, Text("COLUMN"), "Data", "The column to predict; a built-in set has its own.")
    task: str = _setting(
        "auto", Choice(lambda: _TASKS), "Data",
        "classification, regression, text (learn to write), or auto: words and few whole numbers are classes.",
    )  # fmt: skip
    drop: tuple[str, ...] = _setting((), Entries("A,B"), "Data", "Columns that are not to be used.")
    keep: tuple[str, ...] = _setting((), Entries("A,B"), "Data", "The only columns to use.")
    types: tuple[str, ...] = _setting(
        (), Entries("A=KIND"), "Data",
        "Say what a column is: zip=categorical, age=numeric, day=date, size=ordinal or size=small<medium<large.",
    )  # fmt: skip
    categories: int = _setting(
        50, Whole(1, 10000), "Data", "At most so many inputs for the categories of a column; see --embed."
    )
    embed: int | str = _setting(
        "auto", Embed(), "Data",
        "Learn a vector of this width for every category. auto: of columns with more categories than --categories; "
        "off: of none, their rarer categories share an input.",
    )  # fmt: skip
    scaling: str = _setting("z-score", Choice(lambda: _SCALINGS), "Data", "Of numbers: z-score or min-max.")
    target_scale: str = _setting(
        "linear", Choice(lambda: _TARGET_SCALES), "Data", "log: learn the logarithm of a positive target."
    )
    test: float = _setting(0.2, _SHARE, "Data", "Share of the rows kept for the final score; 0: none.")
    validation: float = _setting(
        0.1, _SHARE, "Data", "Share of the rows that choose the best epoch; 0: keep the last epoch."
    )
    image_size: str | None = _setting(
        None, Text("HxW"), "Data", "Height and width to which the images of a folder are resized, such as 32x32."
    )
    model: str = _setting(
        "auto", Choice(lambda: _MODELS), "Network",
        "mlp, cnn, rnn, transformer, or auto: cnn for image files and folders, rnn for texts, mlp for tables.",
    )  # fmt: skip
    hidden: tuple[int, ...] = _setting(
        (128,), Widths(65536), "Network", "Widths of the hidden layers; 0: a linear model."
    )
    activation: str = _setting(
        "relu", Choice(_activations), "Network", "Of the hidden layers: relu, tanh, sigmoid, gelu, swish, elu ..."
    )
    dropout: float = _setting(0.0, _SHARE, "Network", "Share of hidden activations dropped in training.")
    tokens: str | None = _setting(
        None, Choice(lambda: _TOKENS, optional=True), "Text",
        "characters or bytes; the default is characters, and bytes if there are over 1,000 distinct ones.",
    )  # fmt: skip
    context: int | None = _setting(
        None, Whole(2, 65536, optional=True), "Text", "Tokens that the network learns from at once; the default is 128."
    )
    cell: str | None = _setting(
        None, Choice(lambda: _CELLS, optional=True), "Text", "Of --model rnn: lstm, gru or rnn; the default is lstm."
    )
    width: int | None = _setting(
        None, Whole(1, 65536, optional=True), "Text", "Features of each token; the default depends on the model."
    )
    depth: int | None = _setting(
        None, Whole(1, 1000, optional=True), "Text", "Layers or blocks; the default depends on the model."
    )
    heads: int | None = _setting(
        None, Whole(1, 65536, optional=True), "Text", "Attention heads of --model transformer; the default is 4."
    )
    epochs: int = _setting(200, Whole(1, 10**7), "Training", "Passes over the data, at most.")
    batch_size: int = _setting(32, Whole(1, 2**31 - 1), "Training", "Rows in a minibatch.")
    optimizer: str = _setting("adam", Choice(_optimizers), "Training", "adam, adamw, momentum or sgd.")
    learning_rate: float | None = _setting(
        None, Number(0, _INF, open_low=True, open_high=True, optional=True), "Training",
        "Step size; the default is the optimizer's own (adam 0.001, sgd 0.01).",
    )  # fmt: skip
    l1: float = _setting(0.0, _STRENGTH, "Training", "Strength of the L1 penalty on kernels.")
    l2: float | None = _setting(
        None, Number(0, _INF, open_high=True, optional=True), "Training",
        "Strength of the L2 penalty on kernels (three times as strong on --embed's vectors); the default is 2 divided "
        "by the training rows, at most 0.01.",
    )  # fmt: skip
    patience: int = _setting(
        20, Whole(1, 2**31 - 1), "Training", "Stop after so many epochs without a better validation loss."
    )
    class_weight: str = _setting(
        "none", Choice(lambda: _WEIGHTS), "Training", "balanced: rare classes count as much as common ones."
    )
    augment: tuple[str, ...] = _setting(
        (), Entries("A=N"), "Training",
        "Change the images of every minibatch: shift=2, flip, rotate=10, crop=2, noise=0.1, cutout=4, mixup=0.2.",
    )  # fmt: skip
    ensemble: int = _setting(
        1, Whole(1, 200), "Training", "Train so many networks from other first weights, which answer together."
    )
    seed: int = _setting(0, Whole(0, 2**32 - 1), "Training", "Of the split, the weights and the order of rows.")

    def __post_init__(self) -> None:
        for name in NAMES:
            object.__setattr__(self, name, checked(name, getattr(self, name), name))
        if self.test + self.validation >= 1:
            given = f"{self.test:g} for the test and {self.validation:g} for the validation"
            fail("--test and --validation", given, "a sum below 1, so that rows are left to train on")


@dataclass(frozen=True)
class Described:
    """One setting: what its flag and its line in a file look like, and what it may be."""

    name: str
    kind: Any
    default: Any
    help: str
    panel: str

    @property
    def flag(self) -> str:
        """The flag on the command line."""
        return "--" + self.name.replace("_", "-")

    @property
    def default_text(self) -> str:
        """The default as one would type it; "" where there is none."""
        if isinstance(self.default, tuple):
            return ",".join(str(width) for width in self.default)
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return "" if self.default is None else str(self.default)


DESCRIBED: dict[str, Described] = {
    f.name: Described(f.name, f.metadata["kind"], f.default, f.metadata["help"], f.metadata["panel"])
    for f in dataclasses.fields(Settings)  # pyright: ignore[reportArgumentType]  # what @config makes
}
"""The settings by name."""

NAMES = tuple(DESCRIBED)


def checked(name: str, value: Any, where: str) -> Any:
    """Return a setting's value if it is of its type and in its range.

    Args:
        name: of the setting.
        value: from Python or a TOML file.
        where: how messages call it: the name, the flag, or `file:line: name`.

    Returns:
        The value.

    Raises:
        JaxnnError: with the range.
    """
    return DESCRIBED[name].kind.check(where, value)


def from_flag(name: str, text: str | list[str]) -> Any:
    """Return a setting's value from what was typed after its flag.

    Args:
        name: of the setting.
        text: as typed; a list where the flag may be given several times.

    Returns:
        The value.

    Raises:
        JaxnnError: with the range.
    """
    described = DESCRIBED[name]
    return described.kind.check(described.flag if name != "data" else "DATA", described.kind.parse(text))
