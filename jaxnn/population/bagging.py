"""Bagging: networks that each learn a bootstrap sample of the rows, and what they say of the rows they did not see."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.layers.base import Layer
from jaxnn.population.combining import combined
from jaxnn.population.ensembles import Ensemble, sound
from jaxnn.population.folds import seeds
from jaxnn.population.scoring import scored
from jaxnn.population.trials import metric_of
from jaxnn.train import fit_many


def bootstrap(count: int, members: int, key: Any = 0) -> np.ndarray:
    """Return bootstrap samples: as many rows as there are, drawn with replacement.

    Args:
        count: rows of the data.
        members: how many samples.
        key: the same key gives the same samples; sample i is the same however many there are.

    Returns:
        int32 (members, count) row numbers.

    >>> bootstrap(5, 2).shape
    (2, 5)
    """
    draws = [np.random.default_rng(seed).integers(0, count, count) for seed in seeds(key, members)]
    return np.array(draws, np.int32).reshape(members, count)


def distinct_share(count: int) -> float:
    """Return the share of the rows that a bootstrap sample is expected to hold: `1 - (1 - 1/n)^n`, 1 - 1/e in the end.

    Args:
        count: n, rows of the data.

    Returns:
        From 1 - 1/e to 1.

    >>> print(round(distinct_share(100), 10))
    0.6339676587
    """
    # log1p and expm1 keep the digits that 1 - 1/n loses where n is large
    return 1.0 if whole_number("count", count, 1) == 1 else -math.expm1(count * math.log1p(-1 / count))


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class Bag(Ensemble):
    """An ensemble of networks that each learnt a bootstrap sample; `bag` makes one.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> together = nn.bag(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, 20, learning_rate=0.1)
    >>> together, together.out_of_bag.shape, bool(together.out_of_bag_score < 0.01)
    (Bag(20 members of Dense(1), bag), (40, 1), True)
    """

    rows: np.ndarray
    """(members, examples) which rows each learnt."""
    keys: list[int]
    """Of each member: `fit` with this key, on its rows, is the member."""
    out_of_bag: np.ndarray
    """(examples, outputs) what the members say together that did not learn the row; NaN where all of them did."""
    out_of_bag_count: np.ndarray
    """(examples,) how many members did not learn the row."""
    metric: str
    """What the score is."""
    out_of_bag_score: float
    """Of the metric on all rows that a member did not learn: an estimate for new data that costs no rows."""


def bag(
    net: Layer,
    data: tuple[Any, Any],
    loss: Any,
    members: int = 50,
    *,
    metric: Any = "loss",
    key: Any = 0,
    sample_weight: Any = None,
    mask: Any = None,
    **shared: Any,
) -> Bag:
    """Train the same network on bootstrap samples of the rows, all of them through one compiled program.

    Each member learns as many rows as there are, drawn with replacement: about 63 % of them, some more than once. The
    mean of the members has less variance than one of them; every row is new to about 37 % of the members, and what
    these say of it is an honest test.

    Args:
        net, data, loss, sample_weight, mask: as for `fit`.
        members: how many, at least 1.
        metric: of the out-of-bag score: "loss", or a metric or its name.
        key: the same key gives the same bag; member i is the same however many there are.
        **shared: settings of `fit` that all members share, and `threads` and `progress` as for `fit_many`. A share as
            `validation` is taken of each sample, and what a row was drawn for several times may be on both sides.

    Returns:
        The bag; members that stopped being finite are left out.

    Raises:
        JaxnnError: if something given does not fit, or no member stayed finite.

    Reference: L. Breiman, "Bagging predictors", Machine Learning, 1996.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    >>> together = bag(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, 10, epochs=5)
    >>> alone = nn.fit(nn.Dense(1), (x[together.rows[7]], 3 * x[together.rows[7]]), nn.losses.squared_error,
    ...     epochs=5, key=together.keys[7])
    >>> bool((together.members[7].params["kernel"] == alone.params["kernel"]).all())
    True
    """
    whole_number("members", members, 1)
    if "rows" in shared:
        fail("bag", "rows= for all members", "rows drawn for each", "Give bag those rows as its data, or use fit_many")
    if not (isinstance(data, tuple | list) and len(data) == 2):
        fail("data", type(data).__name__, "a pair (x, y)")
    chosen = metric_of(metric)
    rows, keys = bootstrap(len(np.asarray(data[1])), members, key), seeds(key, members)
    each = [{"key": one, "rows": own} for one, own in zip(keys, rows, strict=True)]
    runs = fit_many(net, data, loss, each, sample_weight=sample_weight, mask=mask, **shared)
    kept, left_out = sound("bag", runs)
    together = Ensemble.of([runs[place] for place in kept], "bag", left_out=left_out)
    outside = np.stack([~np.isin(np.arange(rows.shape[1]), rows[place]) for place in kept])  # (members, examples)
    said = combined(loss, together.logits(data[0], mask), outside)
    return Bag(
        **vars(together), rows=rows[kept], keys=[keys[place] for place in kept], out_of_bag=said,
        out_of_bag_count=outside.sum(axis=0), metric="loss" if chosen is None else chosen.name,
        out_of_bag_score=_score(loss, said, data[1], chosen, outside.sum(axis=0) > 0, sample_weight, mask),
    )  # fmt: skip


def _score(loss: Any, said: np.ndarray, y: Any, chosen: Any, known: np.ndarray, weight: Any, mask: Any) -> float:
    """The score on the rows that some member did not learn."""
    if not known.any():
        return float("nan")
    own = [None if part is None else np.asarray(part)[known] for part in (weight, mask)]
    name = "loss" if chosen is None else chosen.name
    return scored(loss, said[known], np.asarray(y)[known], () if chosen is None else (chosen,), *own)[name]
