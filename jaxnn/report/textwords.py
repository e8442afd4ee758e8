"""The sentences of a report on a text: what each picture says, with its numbers, for a reader who is no expert."""

from jaxnn.plots.drawing import cut
from jaxnn.report.document import Document
from jaxnn.report.words import counted, percent, short, unseen
from jaxnn.report.writing import Letter, Writing

NAMES = {" ": "space", "\n": "end of line", "\t": "tab", "\N{NO-BREAK SPACE}": "hard space"}
"""How characters are called that cannot be seen."""

DARKEST = 8.0
"""Bits from which on a character of the passage has all of its colour."""


def headline(found: Writing) -> str:
    """Return the score in a few words.

    >>> headline(Writing("character", 100, 128, 9, 1.834, 3.56, 0.5, None, (), (), (), ()))
    '1.83 bits per character'
    """
    return "Learnt to write" if found.bits is None else f"{short(found.bits)} bits per {found.unit}"


def lead(document: Document, found: Writing) -> list[str]:
    """Return the sentences under the headline: what was learnt, how well, and against what."""
    data, unit = document.data, found.unit
    learnt = f"A network with {counted(document.parameters, 'weight')} learnt to foretell the next {unit} of"
    said = [f"{learnt} {cut(data.source, 80)}, from {counted(data.train, unit)}; so it can write, {unit} by {unit}."]
    if found.bits is None:
        if not document.training.diverged:
            said.append("Nothing was set aside, so nothing here says how well it does on new text: see --test.")
        return said
    where = f"On {counted(found.tokens, f'{document.scored} {unit}')} {unseen(document.scored)}"
    choice = f"as unsure as a choice among {short(found.perplexity)} equally probable ones (the perplexity)"
    said.append(
        f"{where}, it needs {short(found.bits)} bits for each, {choice}. Its first guess is right "
        f"{percent(found.accuracy)} of the time."
    )
    if found.frequency is not None:
        often = f"Guessing by how often each {unit} stands in the text would need {short(found.frequency)} bits"
        said.append(f"{often}; fewer are better, and 0 would be perfect.")
    return said


def passage(found: Writing) -> str:
    """Return how to read the passage."""
    return (
        f"A piece of the held-out text: the stronger the colour of a {found.unit}, the more it surprised the network "
        f"(none: 0 bits, strongest: {short(DARKEST)} or more). Beginnings of words surprise, their ends seldom do."
    )


def samples(found: Writing) -> str:
    """Return what the temperature does."""
    return (
        f"After the first words the network writes on, drawing each {found.unit} by the probabilities that it gives. A "
        "temperature below 1 prefers what is probable: fewer mistakes, more repetition. It knows how such a text "
        "looks, not what is true."
    )


def letters(found: Writing) -> str:
    """Return what the table of tokens shows."""
    return f"The {found.unit}s that cost most in all: how often they stand there, times their mean bits."


def mistakes(found: Writing) -> str:
    """Return what the table of mistakes shows."""
    return f"What stood there, and which {found.unit} the network held for the most probable."


def shown(token: str) -> str:
    r"""Return a token as a table shows it.

    >>> shown(" "), shown("a"), shown("\x07")
    ('space', 'a', 'U+0007')
    """
    if token in NAMES:
        return NAMES[token]
    return token if token.isprintable() or len(token) != 1 else f"U+{ord(token):04X}"


def shade(letter: Letter) -> int:
    """Return how strong the colour of a token is, in percent.

    >>> shade(Letter("a", 1, 4.0)), shade(Letter("a", 1, 99.0)), shade(Letter("a", 1, None))
    (50, 100, 0)
    """
    return 0 if letter.bits is None else round(100 * min(letter.bits / DARKEST, 1.0))
