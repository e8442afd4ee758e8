"""What a report shows of an ensemble: what its members are worth together, and what each is alone."""

from dataclasses import dataclass

from jaxnn.checks import fail


@dataclass(frozen=True)
class Alone:
    """One score of the members."""

    name: str
    higher_is_better: bool
    together: float | None
    each: tuple[float, ...]
    """Of every member by itself."""
    mean: float
    std: float

    def __post_init__(self) -> None:
        if not self.each:
            fail("ensemble.scores", "no value", "one for each member")


@dataclass(frozen=True)
class Ensembled:
    """An ensemble; the network of the report is all of its members together."""

    members: int
    left_out: int
    epochs: tuple[int, ...]
    """That each member trained for."""
    scores: tuple[Alone, ...]
