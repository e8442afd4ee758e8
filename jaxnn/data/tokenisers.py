"""Text as whole numbers: characters or bytes, as a model file keeps them."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from jaxnn.checks import fail
from jaxnn.config import config
from jaxnn.data.places import listed, place, shown

MOST_CHARACTERS = 2**16
"""Distinct characters allowed: every one is an output of the network."""


@config
class Characters:
    """Every character is one token: its place in a vocabulary.

    Args:
        vocabulary: the characters, ascending by code point, each once.

    Raises:
        JaxnnError: if it is empty, too long, out of order, or holds what UTF-8 cannot encode.

    >>> learnt = Characters.of("banana")
    >>> learnt.tokens("nab").tolist(), learnt.text([2, 0, 1]), learnt.size
    ([2, 0, 1], 'nab', 3)
    """

    vocabulary: str

    task: ClassVar[str] = "text"
    unit: ClassVar[str] = "character"

    def __post_init__(self) -> None:
        where = "Characters.vocabulary"
        if not isinstance(self.vocabulary, str):
            fail(where, shown(self.vocabulary), "text")
        if not 1 <= len(self.vocabulary) <= MOST_CHARACTERS:
            fail(where, f"{len(self.vocabulary):,} characters", f"from 1 to {MOST_CHARACTERS:,}", "Use Bytes()")
        points = _points(self.vocabulary)
        if ((points >= 0xD800) & (points <= 0xDFFF)).any():
            fail(where, "half a surrogate pair", "characters that UTF-8 can encode")
        if (np.diff(points.astype(np.int64)) <= 0).any():
            fail(where, "characters out of order", "each character once, ascending by code point", "Use Characters.of")

    def __repr__(self) -> str:
        return f"Characters({self.size} of them)"

    @classmethod
    def of(cls, text: str) -> "Characters":
        """Return the characters of a text.

        Args:
            text: the text to learn from.

        Returns:
            The tokeniser of all its characters.

        Raises:
            JaxnnError: if it has none or too many.
        """
        return cls("".join(sorted(set(text))))

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return len(self.vocabulary)

    def tokens(self, text: str, where: str = "text") -> np.ndarray:
        """Return the token of each character.

        Args:
            text: any text of known characters.
            where: how messages call it; where it has several lines, those of the first unknown character follow.

        Returns:
            int32 (characters,).

        Raises:
            JaxnnError: listing the characters that are not in the vocabulary.

        >>> Characters("ab").tokens("abc", "prompt")
        Traceback (most recent call last):
        jaxnn.checks.JaxnnError: prompt: got the unknown character 'c'; needed one of the 2 that the model learnt: 'ab'.
        """
        points, known = _points(text), _points(self.vocabulary)
        found = np.minimum(np.searchsorted(known, points), self.size - 1)
        unknown = known[found] != points
        if unknown.any():
            characters = sorted({text[i] for i in np.flatnonzero(unknown)})
            first = int(unknown.argmax())
            line = text.count("\n", 0, first) + 1
            at = place(where, line, first - text.rfind("\n", 0, first)) if "\n" in text else where
            many = f"{len(characters)} unknown characters" if len(characters) > 1 else "the unknown character"
            needed = f"one of the {self.size} that the model learnt: {shown(self.vocabulary)}"
            fail(at, f"{many} {listed(characters, 40)}", needed)
        return found.astype(np.int32)

    def text(self, tokens: Any) -> str:
        """Return the text of tokens.

        Args:
            tokens: whole numbers (n,) from 0 to `size` - 1.

        Returns:
            n characters.

        Raises:
            JaxnnError: if one is out of range.
        """
        return "".join(self.vocabulary[token] for token in _checked(tokens, self.size))

    def transform(self, texts: Any) -> np.ndarray:
        """Return the tokens of texts of one length.

        Args:
            texts: a text, or several.

        Returns:
            int32 (texts, length).

        Raises:
            JaxnnError: if they are no texts, or of different lengths.
        """
        return _stacked(self, texts)

    def check(self, example: tuple[int, ...], task: str | None, width: int | None) -> None:
        """Check that a network takes such tokens and answers with one of them.

        Args:
            example: the shape of one example of the network.
            task: what the outputs answer.
            width: how many outputs there are.

        Raises:
            JaxnnError: if it does not.
        """
        _check(self, example, task, width)

    def to_json(self) -> dict[str, Any]:
        """Return plain text; `from_json` gives back an equal tokeniser."""
        return {"vocabulary": self.vocabulary}

    @classmethod
    def from_json(cls, document: Any) -> "Characters":
        """Make a tokeniser from what `to_json` returned, checking everything: the document may be hostile.

        Args:
            document: what `json.loads` returned.

        Returns:
            The tokeniser.

        Raises:
            JaxnnError: naming what is wrong.
        """
        _check_fields(document, {"vocabulary"})
        return cls(document["vocabulary"])


@config
class Bytes:
    """Every byte of the text in UTF-8 is one token: any text can be told, by a network with 256 outputs.

    >>> Bytes().tokens("né").tolist(), Bytes().text([110, 195, 169]), Bytes().size
    ([110, 195, 169], 'né', 256)
    """

    task: ClassVar[str] = "text"
    unit: ClassVar[str] = "byte"
    size: ClassVar[int] = 256

    def tokens(self, text: str, where: str = "text") -> np.ndarray:
        """Return the bytes of a text.

        Args:
            text: any text.
            where: how messages call it.

        Returns:
            int32 (bytes,).

        Raises:
            JaxnnError: if it holds half a surrogate pair, which has no bytes.
        """
        try:
            return np.frombuffer(text.encode(), np.uint8).astype(np.int32)
        except UnicodeEncodeError as error:
            fail(where, f"the character {text[error.start]!r}", "characters that UTF-8 can encode")

    def text(self, tokens: Any) -> str:
        """Return the text of bytes; what is no UTF-8 becomes U+FFFD.

        Args:
            tokens: whole numbers (n,) from 0 to 255.

        Returns:
            The text.

        Raises:
            JaxnnError: if one is out of range.
        """
        return bytes(_checked(tokens, self.size)).decode("utf-8", "replace")

    def transform(self, texts: Any) -> np.ndarray:
        """Return the tokens of texts of one length, as `Characters.transform` does."""
        return _stacked(self, texts)

    def check(self, example: tuple[int, ...], task: str | None, width: int | None) -> None:
        """Check that a network takes bytes and answers with one, as `Characters.check` does."""
        _check(self, example, task, width)

    def to_json(self) -> dict[str, Any]:
        """Return an empty object: there is nothing to learn."""
        return {}

    @classmethod
    def from_json(cls, document: Any) -> "Bytes":
        """Make a tokeniser from what `to_json` returned, as `Characters.from_json` does."""
        _check_fields(document, set())
        return cls()


Tokeniser = Characters | Bytes


def _points(text: str) -> np.ndarray:
    """The code point of each character, uint32 (characters,)."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _checked(tokens: Any, size: int) -> list[int]:
    found = np.asarray(tokens)
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iu"):
        fail("tokens", f"{found.dtype} of shape {found.shape}", "whole numbers of shape (tokens,)")
    if found.size and (found.min() < 0 or found.max() >= size):
        fail("tokens", f"numbers from {found.min()} to {found.max()}", f"numbers from 0 to {size - 1}")
    return found.astype(np.int64).tolist()


def _stacked(tokeniser: Tokeniser, texts: Any) -> np.ndarray:
    several = [texts] if isinstance(texts, str) else texts
    if not isinstance(several, list | tuple) or not several or not all(isinstance(one, str) for one in several):
        fail("texts", type(texts).__name__, "a text or a list of texts")
    rows = [tokeniser.tokens(one) for one in several]
    if len({len(row) for row in rows}) > 1:
        fail("texts", f"{listed(sorted({len(row) for row in rows}))} tokens", "texts of one length")
    return np.stack(rows)


def _check(tokeniser: Tokeniser, example: tuple[int, ...], task: str | None, width: int | None) -> None:
    where = "preprocessing"
    if task != "text":
        fail(where, f"{tokeniser!r} for the task {task}", "the task 'text'")
    if len(example) != 1:
        fail(where, f"{tokeniser!r} for examples of shape {example}", "examples of shape (length,)")
    if width != tokeniser.size:
        fail(where, f"{tokeniser.size} tokens for {width} outputs", "one output for each token")


def _check_fields(document: Any, fields: set[str]) -> None:
    if not isinstance(document, Mapping) or set(document) != fields:
        given = listed([str(key) for key in document]) if isinstance(document, Mapping) else type(document).__name__
        needed = f"an object with {'the field ' + ', '.join(sorted(fields)) if fields else 'no field'}"
        fail("preprocessing", given, needed)
