"""Which rows each run of a cross-validation learns, and which it is measured on."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxnn.checks import fail, number_in, whole_number
from jaxnn.data import splits
from jaxnn.train import tables
from jaxnn.train.prepare import seed_of


class Fold(NamedTuple):
    """Row numbers, ascending, int32.

    >>> len(folds(np.zeros(10), None, count=5)[0].train)
    8
    """

    train: np.ndarray
    test: np.ndarray


def folds(y: Any, loss: Any, count: int = 5, repeats: int = 1, key: Any = 0, groups: Any = None) -> list[Fold]:
    """Return the folds of a cross-validation: each row is measured on once in each repeat.

    The parts are drawn at random and differ by one row at most; where the targets are classes each part has its share
    of every class.

    Args:
        y: `(rows, ...)` targets.
        loss: that of the runs; one for classes makes the parts stratified.
        count: how many folds, at least 2.
        repeats: how often all of it is done, with other parts.
        key: the same key gives the same folds.
        groups: `(rows,)` what belongs together, such as a patient: a group is never on both sides. None for single
            rows.

    Returns:
        `count * repeats` folds.

    Raises:
        JaxnnError: if there are fewer rows, or groups, than folds, or a class has fewer rows than folds.

    >>> [len(fold.test) for fold in folds(np.zeros(10), None, count=3)]
    [4, 3, 3]
    """
    y = np.asarray(y)
    whole_number("folds", count, 2)
    whole_number("repeats", repeats, 1)
    if groups is not None:
        return _grouped(y, np.asarray(groups), count, repeats, key)
    if len(y) < count:
        fail("folds", f"{count} of {len(y)} rows", f"at most {len(y)}", "Give fewer folds or more rows")
    labels = tables.classes(y, loss)
    if labels is not None:
        _check_classes(labels, count)
    found = []
    for repeat in range(repeats):
        parts = splits.split(len(y), [1 / count] * count, _seed(key, repeat), labels)
        found += [_fold(parts, i) for i in range(count)]
    return found


def _check_classes(labels: np.ndarray, count: int) -> None:
    classes, counts = np.unique(labels, return_counts=True)
    fewest = int(counts.argmin())
    if counts[fewest] < count:
        given = f"{count} with {counts[fewest]} rows of class {classes[fewest]}"
        fail("folds", given, "every class in every fold", f"Give at most {counts[fewest]} folds, or more rows of it")


def _fold(parts: Sequence[np.ndarray], i: int) -> Fold:
    train = np.sort(np.concatenate([part for k, part in enumerate(parts) if k != i]))
    return Fold(train.astype(np.int32), parts[i].astype(np.int32))


def _grouped(y: np.ndarray, groups: np.ndarray, count: int, repeats: int, key: Any) -> list[Fold]:
    if groups.shape != (len(y),):
        fail("groups", f"shape {groups.shape}", f"one for each row: ({len(y)},)")
    names, inverse = np.unique(groups, return_inverse=True)
    if len(names) < count:
        fail("folds", f"{count} of {len(names)} groups", f"at most {len(names)}")
    found = []
    for repeat in range(repeats):
        parts = splits.split(len(names), [1 / count] * count, _seed(key, repeat))
        rows = [np.flatnonzero(np.isin(inverse, part)) for part in parts]
        found += [_fold(rows, i) for i in range(count)]
    return found


def holdout(y: Any, loss: Any, share: float, repeats: int = 1, key: Any = 0) -> list[Fold]:
    """Return splits into rows that are learnt and a share that is held out, in place of folds.

    Args:
        y, loss, repeats, key: as for `folds`.
        share: held out, from 0 to 1.

    Returns:
        `repeats` folds.

    Raises:
        JaxnnError: if a side would be empty.

    >>> [len(fold.test) for fold in holdout(np.zeros(10), None, 0.2, repeats=2)]
    [2, 2]
    """
    y = np.asarray(y)
    number_in("validation", share, 0, 1, open_low=True, open_high=True)
    if not 1 <= round(share * len(y)) < len(y):
        fail("validation", f"a share of {share:g} of {len(y)} rows", "a share that leaves both parts at least one row")
    labels = tables.classes(y, loss)
    parts = [splits.split(len(y), (1 - share, share), _seed(key, repeat), labels) for repeat in range(repeats)]
    return [Fold(train.astype(np.int32), test.astype(np.int32)) for train, test in parts]


def seeds(key: Any, count: int) -> list[int]:
    """Return a key for each fold, the same whatever the setting: settings are then compared on equal terms.

    >>> len(set(seeds(0, 5))), seeds(0, 5)[:2] == seeds(0, 2)
    (5, True)
    """
    return [int(np.random.SeedSequence([*_words(key), 1, i]).generate_state(1)[0]) for i in range(count)]


def _seed(key: Any, repeat: int) -> int:
    return int(np.random.SeedSequence([*_words(key), 0, repeat]).generate_state(1)[0])


def _words(key: Any) -> list[int]:
    return [int(word) for word in seed_of(key)[0]]
