"""What a report shows of a network that learnt to write: the part of the document that is about a text."""

from dataclasses import dataclass

from jaxnn.checks import fail


@dataclass(frozen=True)
class Sample:
    """What the network wrote."""

    temperature: float
    prompt: str
    text: str


@dataclass(frozen=True)
class Mistake:
    """A token that was taken for another."""

    truth: str
    answer: str
    times: int


@dataclass(frozen=True)
class Letter:
    """A token of the scored text, and how hard it was to foretell."""

    name: str
    times: int
    bits: float | None


@dataclass(frozen=True)
class Writing:
    """How well the next token of a text is foretold, on the part that the report scores; None where it diverged."""

    unit: str
    """"character" or "byte"."""
    vocabulary: int
    """How many different tokens there are."""
    context: int
    """Tokens of a window."""
    tokens: int
    """How many were scored; 0 for none."""
    bits: float | None
    perplexity: float | None
    accuracy: float | None
    frequency: float | None
    """Bits of always guessing by how often each token stands in the training text."""
    samples: tuple[Sample, ...]
    passage: tuple[Letter, ...]
    """A piece of the scored text, token by token; `times` is 1."""
    letters: tuple[Letter, ...]
    """The tokens that cost most in all: how often they stand there, and the mean of their bits."""
    mistakes: tuple[Mistake, ...]

    def __post_init__(self) -> None:
        if self.unit not in ("character", "byte"):
            fail("writing.unit", repr(self.unit)[:40], "character or byte")
