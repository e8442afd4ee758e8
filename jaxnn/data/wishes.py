"""What a user may decide about the columns of a table."""

from dataclasses import dataclass, field
from typing import Any

from jaxnn.checks import fail, one_of, whole_number
from jaxnn.data.columns import WIDEST
from jaxnn.data.places import shown

KINDS = ("numeric", "categorical", "ordinal", "date")
SCALINGS = ("z-score", "min-max")
EMBEDS = ("auto", "off")

MOST_CATEGORIES = 50
"""Inputs for the categories of one column; rarer ones share one more, "other"."""


@dataclass(frozen=True)
class Wishes:
    """What the user decided about columns.

    Args:
        types: kind by the name of the column: one of `KINDS`, or an order such as "small < medium < large".
        scaling: z-score or min-max, for everything that is measured.
        categories: at most so many inputs for the categories of one column; rarer ones share one more.
        embed: the width of the vectors that the network learns for the categories of every column, in place of inputs;
            "auto": `embedding_width` for columns with more categories than `categories`; "off": none.
        decimal: the mark of decimals that the file makes likely, `RawTable.decimal`.

    Raises:
        JaxnnError: if a kind or the scaling is unknown, or the number of categories or the width is none.
    """

    types: dict[str, str] = field(default_factory=dict)
    scaling: str = "z-score"
    categories: int = MOST_CATEGORIES
    embed: int | str = "off"
    decimal: str = "."

    def __post_init__(self) -> None:
        one_of("scaling", self.scaling, SCALINGS)
        whole_number("categories", self.categories, 1)
        check_embed("embed", self.embed)
        for name, kind in self.types.items():
            words = [word.strip().lower() for word in kind.split("<")]
            if "<" not in kind:
                one_of(f"types of {shown(name)}", kind, KINDS)
            elif "" in words or len(set(words)) < len(words):
                fail(f"types of {shown(name)}", shown(kind), "different words, such as small<medium<large")


def check_embed(where: str, value: Any) -> int | str:
    """Return a value of `Wishes.embed`, or raise.

    Args:
        where: how messages call it.
        value: any.

    Returns:
        The value.

    Raises:
        JaxnnError: if it is none of `EMBEDS` and no width.

    >>> check_embed("--embed", 8)
    8
    """
    if value in EMBEDS or (type(value) is int and 1 <= value <= WIDEST):
        return value
    fail(where, shown(value), f"{', '.join(EMBEDS)}, or a width from 1 to {WIDEST}")
