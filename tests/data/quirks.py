"""Tables as people have them: each made as its real namesake is written, with what should become of it."""

import random

from data import exportedtables, knowntables
from data.tablewriting import QUIRKS, Quirk

__all__ = ["exportedtables", "knowntables", "made"]


def made() -> list[Quirk]:
    """All tables, the same in every run."""
    found = []
    for make in QUIRKS:
        random.seed(make.__name__)
        found.append(make())
    return found
