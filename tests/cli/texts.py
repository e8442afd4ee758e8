"""A text that is quickly learnt, and settings under which a run on it is quick."""

import numpy as np

_WORDS = ("the", "cat", "sat", "on", "a", "mat", "and", "ate", "rat")
_CHOSEN = np.random.default_rng(0).integers(0, len(_WORDS), 400)
TEXT = " ".join(_WORDS[i] + ("." if n % 12 == 11 else "") for n, i in enumerate(_CHOSEN)) + "\n"
"""1,500 characters, 14 of them distinct."""

QUICK_TEXT = ("--model", "rnn", "--width", "8", "--context", "16", "--epochs", "2")
"""The same in all tests, which then share compiled programs."""
