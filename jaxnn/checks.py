"""The one error class of jaxnn, and the form of its messages: where, what was given, what was needed, what to do."""

from typing import Any, NoReturn


class JaxnnError(ValueError):
    """Wrong use or bad data; the message says what was given, what was needed and what to do.

    >>> raise JaxnnError("rate: got 1.5; needed a number from 0 to 1.")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: rate: got 1.5; needed a number from 0 to 1.
    """


def fail(where: str, given: str, needed: str, do: str = "") -> NoReturn:
    """Raise a `JaxnnError` whose message has the one form that every message of jaxnn has.

    `where: got given; needed needed. do.`

    Args:
        where: the argument, layer path or `file:line:column` that is wrong.
        given: what was given, after "got".
        needed: what was needed, after "needed".
        do: what to do about it, a sentence without its full stop; "" where `needed` says it all.

    Raises:
        JaxnnError: always.

    >>> fail("Dense.features", "0", "a whole number of at least 1", "Give the width of the layer")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: Dense.features: got 0; needed a whole number of at least 1. Give the width of the layer.
    """
    raise JaxnnError(f"{where}: got {given}; needed {needed}." + (f" {do}." if do else ""))


def whole_number(where: str, value: Any, low: int, high: int | None = None) -> int:
    """Return `value` if it is a whole number from `low` to `high`, else raise.

    Args:
        where: the name of the argument, as its user types it.
        value: what was given; a NumPy integer is accepted, a bool is not.
        low: the smallest value allowed.
        high: the largest value allowed; None for no limit.

    Returns:
        The value as an `int`.

    Raises:
        JaxnnError: with the range, if the value is not a whole number in it.

    >>> whole_number("epochs", 50, 1)
    50
    """
    is_whole = hasattr(value, "__index__") and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):
        limits = f"of at least {low}" if high is None else f"from {low} to {high}"
        fail(where, repr(value), f"a whole number {limits}")
    return int(value)


def number_in(
    where: str, value: Any, low: float, high: float, *, open_low: bool = False, open_high: bool = False
) -> float:
    """Return `value` if it is a number from `low` to `high`, else raise.

    Args:
        where: the name of the argument, as its user types it.
        value: what was given.
        low, high: the range; use `float("inf")` for no limit.
        open_low, open_high: True where the limit itself is not allowed.

    Returns:
        The value as a `float`.

    Raises:
        JaxnnError: with the range, if the value is not a number in it (NaN never is).

    >>> number_in("rate", 0.2, 0, 1)
    0.2
    >>> number_in("learning_rate", 0, 0, 10, open_low=True)
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: learning_rate: got 0; needed a number above 0 and at most 10.
    """
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        fail(where, repr(value), f"a number {_limits(low, high, open_low, open_high)}")
    try:
        number = float(value)
    except (OverflowError, TypeError, ValueError):  # 10**400, an array of several numbers
        fail(
            where,
            "a number that is too large" if isinstance(value, int) else f"a {type(value).__name__}",
            f"a number {_limits(low, high, open_low, open_high)}",
        )
    inside = (low < number if open_low else low <= number) and (number < high if open_high else number <= high)
    if not inside:
        fail(where, f"{value}", f"a number {_limits(low, high, open_low, open_high)}")
    return number


def _limits(low: float, high: float, open_low: bool, open_high: bool) -> str:
    if high == float("inf"):
        return f"above {low}" if open_low else f"of at least {low}"
    if not (open_low or open_high):
        return f"from {low} to {high}"
    return f"{'above' if open_low else 'of at least'} {low} and {'below' if open_high else 'at most'} {high}"


def one_of(where: str, value: Any, allowed: Any) -> Any:
    """Return `value` if it is one of `allowed`, else raise with the list and the nearest name.

    Args:
        where: the name of the argument, as its user types it.
        value: what was given.
        allowed: the allowed values, in the order to print them.

    Returns:
        The value.

    Raises:
        JaxnnError: with the list of allowed values and, where one is close, the nearest.

    >>> one_of("optimizer", "adm", ["sgd", "adam"])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: optimizer: got 'adm'; needed one of sgd, adam. Did you mean adam?
    """
    import difflib

    allowed = list(allowed)
    if value in allowed:
        return value
    names = {str(a).casefold(): str(a) for a in allowed}  # Relu is relu, which is nearer than elu
    near = [names[name] for name in difflib.get_close_matches(str(value).casefold(), names, n=1)]
    message = f"{where}: got {value!r}; needed one of {', '.join(str(a) for a in allowed)}."
    raise JaxnnError(message + (f" Did you mean {near[0]}?" if near else ""))
