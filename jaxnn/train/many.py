"""Train many networks at once, each as `fit` would train it alone, through as few compiled programs as can be."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn.checks import JaxnnError, fail, one_of, whole_number
from jaxnn.layers.base import Layer
from jaxnn.train import prepare, standing, tables
from jaxnn.train.job import Job, job
from jaxnn.train.run import Run
from jaxnn.train.spread import spread
from jaxnn.train.tables import Table, Tables

SETTINGS = tuple(
    name
    for name, given in inspect.signature(job).parameters.items()
    if given.kind == given.KEYWORD_ONLY and name != "most_rows"
)
"""What `fit` takes that a member may have its own of, beside what follows."""

OF_MEMBERS = ("net", "loss", "key", "rows", "validation_rows", "validation", "class_weight", *SETTINGS)
"""All that a member may have its own of."""


def fit_many(
    net: Layer | None,
    data: tuple[Any, Any],
    loss: Any,
    members: Sequence[Mapping[str, Any]],
    *,
    sample_weight: Any = None,
    mask: Any = None,
    threads: int | None = None,
    progress: Any = None,
    **shared: Any,
) -> list[Run | None]:
    """Train many networks; each member is what `fit` would make of it alone, on a CPU bit for bit.

    (Where members are validated on unequal numbers of rows, what is measured there may differ in the last bit.)

    Members that differ in numbers (seed, learning rate, penalty strengths, dropout, momentum, epochs, patience ...) and
    in the rows that they learn share one compiled program; others have programs of their own, compiled side by side.
    On a CPU one thread for each core takes slices of members, which run one after another; on accelerators they run
    side by side, and members that have ended make room. A member that stops being finite keeps its last finite weights
    and changes nothing for the others.

    Args:
        net: of every member without one of its own; None where each has its own.
        data: `(x, y)`, as for `fit`.
        loss: as for `fit`.
        members: a dict for each, of what it does not share: any setting of `fit` (`key`, `learning_rate`, `penalties`,
            `start`, `resume`, ...), `net`, `loss`, and `rows` and `validation_rows`, whole numbers: the rows of `data`
            that it learns and is validated on. Without a `key` member i has key i.
        sample_weight, mask: as for `fit`.
        threads: how many; None for all cores, or all accelerators.
        progress: True shows a table, False nothing, None one in a terminal after two seconds; or a function of a
            `train.Standing`.
        **shared: settings of `fit` that all members share.

    Returns:
        A run for each member, in their order; None for those that had not begun when Ctrl-C ended it all.

    Raises:
        JaxnnError: if something given does not fit, naming the member; nothing has been trained then.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 20, dtype=np.float32)[:, None]
    >>> members = [{"key": key, "learning_rate": rate} for key in range(2) for rate in (0.01, 0.1)]
    >>> runs = fit_many(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, members, epochs=20)
    >>> alone = nn.fit(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, key=1, learning_rate=0.1, epochs=20)
    >>> bool(np.array_equal(runs[3].params["kernel"], alone.params["kernel"]))
    True
    """
    whole = tables.table("data", data, sample_weight, None, mask)
    jobs = jobs_of(net, whole, loss, members, shared)
    with standing.reporter(progress) as report:
        return spread(jobs, threads, report)


def jobs_of(
    net: Layer | None, whole: Table, loss: Any, members: Sequence[Mapping[str, Any]], shared: Mapping[str, Any],
    called: Sequence[str] | None = None,
) -> list[Job]:  # fmt: skip
    """Check the members, and return their jobs.

    Args:
        net, loss, members, shared: as for `fit_many`.
        whole: the checked data.
        called: what errors call each member; None for `members[0]` and so on.

    Returns:
        A job for each member.

    Raises:
        JaxnnError: naming the member.
    """
    for name in shared:
        one_of("fit_many", name, OF_MEMBERS)
    given = [{"net": net, "loss": loss, "key": i, **shared, **member} for i, member in enumerate(members)]
    names = [f"members[{place}]" for place in range(len(given))] if called is None else called
    for place, member in enumerate(given):
        for name in member:
            one_of(names[place], name, OF_MEMBERS)
    kept: dict[Any, Any] = {}
    parts = [_tables(name, member, whole, kept) for name, member in zip(names, given, strict=True)]
    most = max((len(part.train.rows) for part in parts), default=0)
    jobs = []
    for part, member, name in zip(parts, given, names, strict=True):
        own = {name: value for name, value in member.items() if name in SETTINGS}
        try:
            seed = prepare.seed_of(member["key"])
            jobs.append(job(member["net"], member["loss"], part, seed, most_rows=most, **own))
        except JaxnnError as error:
            error.args = (f"{name}: {error}",)
            raise
    return jobs


def _tables(where: str, member: Mapping[str, Any], whole: Table, kept: dict[Any, Any]) -> Tables:
    """What a member learns from and is validated on; members with equal wishes get the same arrays."""
    rows = _rows(f"{where}.rows", member.get("rows"), len(whole.x))
    held = _rows(f"{where}.validation_rows", member.get("validation_rows"), len(whole.x))
    own, validation, class_weight = whole, member.get("validation"), member.get("class_weight")
    if held is not None and validation is not None:
        fail(where, "validation and validation_rows", "one of them")
    if class_weight is not None:
        wish = ("weight", repr(class_weight), None if rows is None else rows.tobytes())
        if wish not in kept:
            kept[wish] = tables.with_class_weight(whole, class_weight, rows)
        own = own._replace(weight=kept[wish])
    own = own if rows is None else own._replace(rows=rows)
    if held is not None:
        return Tables(own, own._replace(rows=held))
    if isinstance(validation, tuple | list):
        wish = ("validation", *(id(part) for part in validation), None if class_weight is None else repr(class_weight))
        if wish not in kept:
            kept[wish] = tables.divided(
                own, validation, class_weight, np.zeros(2, np.uint32), member["loss"]
            ).validation
        return Tables(own, kept[wish])
    return tables.divided(own, validation, class_weight, prepare.seed_of(member["key"])[0], member["loss"])


def _rows(where: str, rows: Any, count: int) -> np.ndarray | None:
    """Row numbers, int32."""
    if rows is None:
        return None
    found = np.asarray(rows)
    if found.ndim != 1 or found.dtype.kind not in "iu" or not len(found):
        fail(where, f"{found.dtype} of shape {found.shape}", "whole numbers, at least one", "Give row numbers")
    whole_number(where, int(found.min()), 0, count - 1)
    whole_number(where, int(found.max()), 0, count - 1)
    return found.astype(np.int32)
