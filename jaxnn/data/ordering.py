"""Words that have an order: low < medium < high, 18-25 < 26-35, no < yes."""

import re
from collections.abc import Collection

BOOLEANS = (("no", "yes"), ("false", "true"), ("n", "y"), ("f", "t"), ("off", "on"), ("absent", "present"))

SCALES = (
    ("none", "very low", "low", "medium", "high", "very high"),
    ("low", "moderate", "high"),
    ("low", "mid", "high"),
    ("low", "normal", "high"),
    ("tiny", "small", "medium", "large", "huge"),
    ("xxs", "xs", "s", "m", "l", "xl", "xxl", "xxxl"),
    ("very poor", "poor", "fair", "average", "good", "very good", "excellent"),
    ("po", "fa", "ta", "gd", "ex"),
    ("never", "rarely", "sometimes", "often", "usually", "always"),
    ("strongly disagree", "disagree", "neutral", "agree", "strongly agree"),
    ("very dissatisfied", "dissatisfied", "neutral", "satisfied", "very satisfied"),
    ("cold", "cool", "mild", "warm", "hot"),
    ("mild", "moderate", "severe"),
    ("short", "medium", "long"),
    ("small", "medium", "big"),
    ("young", "middle-aged", "old"),
    ("primary", "secondary", "tertiary"),
    ("first", "second", "third", "fourth", "fifth"),
    ("beginner", "intermediate", "advanced", "expert"),
    ("bronze", "silver", "gold", "platinum"),
    ("fair", "good", "very good", "premium", "ideal"),
)
"""Known orders, the least first; po ... ex are the marks of house tables, fair ... ideal the cuts of diamonds."""

_MOST_LEVELS = 20

# "18-25", "<5", "65+", "under 18", "grade 3", "4th": one number that leads, with the same word before it or none
_NUMBERED = re.compile(
    r"(?P<word>(?:grade|level|stage|class|year|tier|phase|rank|degree|age|size|step|floor) )?"
    r"(?P<sign>(<=?|>=?|≤|≥) ?|under |below |less than |over |above |more than )?[$€£]?"
    r"(?P<number>\d[\d,]*(\.\d+)?)\s?[k%]?(?P<rest>(\s?(-|–|to|and)\s?[$€£]?\d[\d,.]*\s?[k%]?)?"
    r"(\s?(\+|plus|st|nd|rd|th))?(\s?(years?|yrs?|and (over|above|more)))?)"
)


def order_of(words: Collection[str]) -> tuple[str, ...] | None:
    """Find the order of a column's words, where they seem to have one.

    Args:
        words: the different cells, lower case.

    Returns:
        The words from least to most, or None.

    >>> order_of({"high", "low", "medium"})
    ('low', 'medium', 'high')
    >>> order_of({"26-35", "65+", "<18", "18-25"})
    ('<18', '18-25', '26-35', '65+')
    >>> order_of({"red", "green", "blue"}) is None
    True
    """
    # digits alone that are no numbers are codes: 01234, 90210
    if len(words) < 3 or len(words) > _MOST_LEVELS or all(word.isdigit() for word in words):
        return None
    for scale in SCALES:
        if set(words) <= set(scale):
            return tuple(word for word in scale if word in words)
    found = {word: _NUMBERED.fullmatch(word) for word in words}
    if any(match is None for match in found.values()):
        return None
    keys = {word: _rank(match) for word, match in found.items() if match}
    same = len({match["word"] for match in found.values() if match}) == 1
    return tuple(sorted(words, key=lambda word: keys[word])) if same and len(set(keys.values())) == len(words) else None


def boolean_of(words: Collection[str]) -> tuple[str, str] | None:
    """Return no and yes as a column spells them, or None.

    Args:
        words: the different cells, lower case.

    Returns:
        The two words, the one for 0 first.

    >>> boolean_of({"yes", "no"})
    ('no', 'yes')
    """
    return next((pair for pair in BOOLEANS if set(words) == set(pair)), None)


def _rank(match: re.Match[str]) -> tuple[float, int]:
    """The number, and whether a sign puts the word before or behind it."""
    sign = (match["sign"] or "").strip()
    before = sign.startswith(("<", "≤", "under", "below", "less"))
    behind = sign.startswith((">", "≥", "over", "above", "more"))
    return float(match["number"].replace(",", "")), behind - before
