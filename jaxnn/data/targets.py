"""What a target column asks for, classes or a value, and the type that its entries then have."""

from typing import Any

import numpy as np

from jaxnn.checks import fail, one_of
from jaxnn.data.places import shown

TASKS = ("auto", "classification", "regression")

_MOST_WHOLE_CLASSES = 20


def decide_task(target: Any, task: str = "auto") -> str:
    """Say whether a target asks for classes or for a value.

    "auto": text and Booleans are classes. Numbers are classes if all are whole, at most 20 differ, and each occurs
    twice on average (two different whole numbers always are classes); else they are values.

    Args:
        target: (rows,) text, Booleans or numbers.
        task: "classification" or "regression" where the user decides.

    Returns:
        "classification" or "regression".

    Raises:
        JaxnnError: if the task is unknown, a regression has a target of text or Booleans, or classes are numbers that
            are not whole.

    >>> decide_task([0, 1, 1, 0]), decide_task([151.0, 75.0, 141.0]), decide_task(["a", "b"])
    ('classification', 'regression', 'classification')
    """
    one_of("task", task, TASKS)
    values = np.asarray(target)
    kind = values.dtype.kind
    if kind not in "Ubiuf" or values.ndim != 1:
        fail("target", f"{values.dtype} of shape {values.shape}", "text, Booleans or numbers of shape (rows,)")
    if kind not in "iuf":
        if task == "regression":
            fail("task", "'regression' with a target that is not numbers", "a numeric target or task classification")
        return "classification"
    # beyond 2^53 a float64 no longer tells whole numbers apart
    odd = values[~((values == np.floor(values)) & (np.abs(values.astype(np.float64)) < 2.0**53))]
    whole = not len(odd)
    if task == "classification" and not whole:
        given = f"'classification' with a target of numbers such as {shown(odd[0])}"
        fail("task", given, "classes that are text, whole numbers or Booleans")
    if task != "auto":
        return task
    distinct = len(np.unique(values))
    few = distinct <= min(_MOST_WHOLE_CLASSES, max(2, len(values) / 2))
    return "classification" if whole and few else "regression"


def typed_target(target: Any, task: str = "auto") -> tuple[str, np.ndarray]:
    """Decide the task and return the target in the type that suits it.

    Args:
        target: (rows,) text, Booleans or numbers.
        task: as for `decide_task`.

    Returns:
        "classification" with text, int64 or bool (rows,), or "regression" with float64 (rows,).

    Raises:
        JaxnnError: as `decide_task`.

    >>> typed_target([0.0, 1.0])
    ('classification', array([0, 1]))
    """
    task = decide_task(target, task)
    values = np.asarray(target)
    if task == "regression":
        return task, values.astype(np.float64)
    return task, values.astype(np.int64) if values.dtype.kind in "iuf" else values


def check_classes(classes: tuple[Any, ...] | None, task: str | None, width: int | None) -> None:
    """Check that a network of a width answers a task with these classes, or with values where there are none.

    Args:
        classes: of the preprocessing; None for values.
        task: what the outputs answer.
        width: how many outputs there are.

    Raises:
        JaxnnError: if they do not fit each other.

    >>> check_classes(("a", "b"), "binary", 1)
    """
    if task is None:
        fail("task", "None beside a preprocessing", "one of classification, binary, regression")
    if (classes is None) != (task == "regression") or task == "multilabel":
        given = f"{'no classes' if classes is None else 'classes'} for the task {task}"
        fail("preprocessing", given, "classes for a classification and none for a regression")
    answers = 2 if task == "binary" else width
    if classes is not None and len(classes) != answers:
        fail("preprocessing", f"{len(classes)} classes", f"{answers}, as the network tells apart")
