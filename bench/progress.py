"""What is being measured at the moment, on stderr."""

import sys


def say(text: str, lasting: bool = True) -> None:
    """Say what is being done: in a terminal on one line that the next one overwrites, else on a line of its own.

    Args:
        text: what.
        lasting: False leaves it out where stderr is no terminal.
    """
    if sys.stderr.isatty():
        print(f"\r\x1b[Kbench: {text}", end="", file=sys.stderr, flush=True)
    elif lasting:
        print(f"bench: {text}", file=sys.stderr, flush=True)


def done() -> None:
    """Clear the line."""
    if sys.stderr.isatty():
        print("\r\x1b[K", end="", file=sys.stderr, flush=True)
