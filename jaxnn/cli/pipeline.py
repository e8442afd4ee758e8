"""From a table and settings to a trained and scored network, without printing or writing anything."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn import activations, optimizers, penalties
from jaxnn.checks import fail
from jaxnn.cli.settings import Settings
from jaxnn.data import Preprocessing, Table, decide_task, split
from jaxnn.data.kinds import NUMBERS_ROWS, names_rows
from jaxnn.data.tables import types_named
from jaxnn.data.wishes import Wishes
from jaxnn.layers import Chain, ColumnEmbedding
from jaxnn.models import Objective, mlp, objective
from jaxnn.scores import Scores, class_scores, value_scores
from jaxnn.train import EarlyStopping, Progress, Run, fit

PRIOR, MOST_PENALTY = 2.0, 0.01
"""The default L2 penalty: a prior, which counts the less the more rows there are. At 700 rows 0.003 was better than 0
on 13 of 19 tables and worse on 4 (five seeds, `scripts/bench tables`), but at 37,000 rows it cost 0.012 of R2."""
VECTOR_PENALTY = 3.0
"""How much stronger the L2 penalty is on the vectors of categories than on kernels. R2 with 200 categories that matter,
and with 200 that do not, less that with 50 inputs (4 to 5 seeds), was by strength: 0 +0.028, -0.023; 1 +0.026, -0.020;
3 +0.022, -0.005; 10 +0.018, +0.001. With 200 that matter a little: 0 +0.004, 1 +0.010, 3 +0.017."""
SKEWED, SPREAD = 1.0, 10
"""Skewness, and largest over least value, from which on a logarithm of the target is offered."""
MOST_NAMED = 5
FEWEST_VALUES = 10
"""Rows of a regression of which some are set aside: of fewer, a score says nothing."""


@dataclass(frozen=True)
class Part:
    """Some rows of the table, as `fit` takes them."""

    rows: np.ndarray
    """Row numbers, ascending; there may be none."""
    x: np.ndarray
    """float32 (rows, inputs), or of images (rows, height, width, channels)."""
    y: np.ndarray
    """int32 (rows,) classes or float32 (rows,) z-scored values."""

    def __len__(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class Plan:
    """A training run that has been checked and not begun."""

    settings: Settings
    """With the task, the learning rate and the penalty that were decided on."""
    table: Table
    train: Part
    validation: Part
    test: Part
    preprocessing: Preprocessing
    net: Chain
    objective: Objective
    notes: tuple[str, ...] = ()
    """What a person should know about the data, in sentences."""
    augment: tuple[Any, ...] = ()
    """How images are changed in every minibatch."""
    network: str = ""
    """What the network is called; "" for the widths of an mlp."""


@dataclass(frozen=True)
class Members:
    """The networks of an ensemble, each as it is alone."""

    runs: tuple[Run, ...]
    scores: tuple[Scores, ...]
    """Of each on the part that the report scores; () without one."""
    left_out: int
    """Members whose loss was not finite, or that were not finished."""

    def spread(self) -> dict[str, tuple[float, ...]]:
        """Return what each scores by itself, by the name of the score, where all have it."""
        each = [one.to_json() for one in self.scores]
        names = [name for name in ("accuracy", "cross_entropy", "rmse", "r2") if each and name in each[0]]
        found = {name: tuple(one[name] for one in each) for name in names}
        return {name: values for name, values in found.items() if None not in values}


@dataclass(frozen=True)
class Outcome:
    """A finished training run."""

    plan: Plan
    run: Run
    validation: Scores | None
    """Of the kept weights; None without validation rows, or if no epoch was completed."""
    test: Scores | None
    """Of the kept weights on rows that no step of the training has seen; None as for validation."""
    members: Members | None = None
    """Of an ensemble, whose `run` is the network of all together."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How to scale new rows and read the answers."""
        return self.plan.preprocessing


def train_table(table: Table, settings: Settings, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Split a table, train on one part, choose the epoch on another, score on the third.

    Args:
        table: rows with a target.
        settings: everything else; `data` and `target` are not looked at.
        progress: called between chunks of the training.

    Returns:
        The outcome.

    Raises:
        JaxnnError: if something does not fit; nothing has been trained then.

    >>> from jaxnn.data import load
    >>> outcome = train_table(load("iris"), Settings(hidden=(8,), epochs=40, learning_rate=0.01))
    >>> len(outcome.plan.test), outcome.test.accuracy > 0.8
    (30, True)
    """
    return train_plan(make_plan(table, settings), progress)


def make_plan(table: Table, settings: Settings) -> Plan:
    """Check everything that can be checked without training.

    Args:
        table: rows with a target.
        settings: of the run.

    Returns:
        The plan.

    Raises:
        JaxnnError: if something does not fit.
    """
    if table.target is None:
        fail("data", "a table without a target", "a target column")
    from jaxnn.cli import images  # which makes the same plan

    if images.asked(table, settings):
        return images.make_plan(table, settings)
    task = decide_task(table.target, settings.task)
    _, rate = optimizers.resolve(settings.optimizer, settings.learning_rate)
    if any(entry.rpartition("=")[0].strip() == table.target_name for entry in settings.types):
        do = "Say what the target is with --task"
        fail("--types", f"the target {table.target_name!r}", "columns of features", do)
    types = types_named(settings.types, table.columns)
    table = table.as_cells() if types else table
    rows = parts_of(table, task, settings)
    logged = settings.target_scale == "log"
    if logged and task == "classification":
        fail("--target-scale", "log with a target of classes", "a regression", "Leave it out")
    if logged:
        _check_logarithm(table)
    wishes = Wishes(types, settings.scaling, settings.categories, settings.embed)
    # from the training rows alone: what the others hold changes nothing that is learnt
    preprocessing = Preprocessing.fit(table.rows(rows[0]), task, wishes, logged)
    if isinstance(settings.embed, int) and not preprocessing.embedded:
        do = "Leave it out, or name one: --types zip=categorical"
        fail("--embed", f"{settings.embed} for a table without categories", "a column of categories", do)
    # all rows at once: an error names the row of the table, and comes before the training
    x, found = preprocessing.encode(table.features, table.place)
    y = preprocessing.encode_target(table.target)
    train, validation, test = (Part(part, x[part], y[part]) for part in rows)
    classes = preprocessing.classes
    goal = objective(task, None if classes is None else len(classes))
    net = network(preprocessing, goal.width, settings)
    l2 = usual_penalty(len(train)) if settings.l2 is None else settings.l2
    decided = dataclasses.replace(settings, task=task, model="mlp", learning_rate=rate, l2=l2)
    notes = (*table.notes, *found, *_counter_notes(preprocessing), *target_notes(table, rows, preprocessing))
    return Plan(decided, table, train, validation, test, preprocessing, net, goal, notes)


def network(learnt: Preprocessing, outputs: int, settings: Settings, dropping: bool = False) -> Chain:
    """Return the network for the inputs of a table.

    Args:
        learnt: how columns become inputs.
        outputs: width of the last layer.
        settings: with the hidden layers, their activation and dropout.
        dropping: whether it has layers of dropout even where the rate is 0.

    Returns:
        The network; it takes (..., inputs).
    """
    rate = settings.dropout if dropping else settings.dropout or None
    net = mlp(settings.hidden, outputs, activations.by_name(settings.activation), dropout=rate)
    return Chain(ColumnEmbedding(learnt.embedded), *net.layers) if learnt.embedded else net


def usual_penalty(rows: int) -> float:
    """Return the strength of the L2 penalty where none was asked for.

    Args:
        rows: to train on.

    Returns:
        The strength.

    >>> usual_penalty(1000)
    0.002
    """
    return min(PRIOR / rows, MOST_PENALTY)


def train_plan(plan: Plan, progress: Callable[[Progress], None] | None = None) -> Outcome:
    """Train and score what was planned.

    Args:
        plan: from `make_plan`.
        progress: called between chunks of the training; None for nothing.

    Returns:
        The outcome; `run.interrupted` after Ctrl-C, `run.diverged` where a loss was not finite.

    Raises:
        JaxnnError: if network and data do not fit each other.
    """
    data, loss, how = fitted(plan)
    run = fit(plan.net, data, loss, key=plan.settings.seed, progress=progress or False, **how, **training(plan))
    worthless = run.diverged and run.best_epoch < 0
    validation, test = (None if worthless else scored(plan, run, part) for part in (plan.validation, plan.test))
    return Outcome(plan, run, validation, test)


def fitted(plan: Plan) -> tuple[tuple[np.ndarray, np.ndarray], Any, dict[str, Any]]:
    """Return what `fit` learns from, its loss, and what it measures on which rows."""
    held = (plan.validation.x, plan.validation.y) if len(plan.validation) else None
    measured = ["accuracy" if plan.preprocessing.classes else "mse"]
    return (plan.train.x, plan.train.y), plan.objective.loss, {"validation": held, "metrics": measured}


def training(plan: Plan, penalised: Collection[str] = ()) -> dict[str, Any]:
    """Return how a plan is trained: what `fit` takes beside network, data, loss, metrics and key.

    Args:
        plan: from `make_plan`.
        penalised: "l1", "l2": penalties that are there even where their strength is 0.

    Returns:
        Arguments of `fit` by name.
    """
    settings = plan.settings
    kinds = [("l1", penalties.l1), ("l2", penalties.l2), ("l2", _on_vectors(plan))]
    strengths = {"l1": settings.l1, "l2": settings.l2 or 0.0}
    return {
        "optimizer": settings.optimizer, "learning_rate": settings.learning_rate, "epochs": settings.epochs,
        "batch_size": settings.batch_size, "stop": EarlyStopping(settings.patience) if len(plan.validation) else None,
        "penalties": [kind(strengths[name]) for name, kind in kinds if kind and (strengths[name] or name in penalised)],
        "class_weight": None if settings.class_weight == "none" else settings.class_weight, "augment": plan.augment,
    }  # fmt: skip


def _on_vectors(plan: Plan) -> Callable[[float], Any] | None:
    """The L2 penalty on the vectors of categories; None where there are none."""
    leaves = tuple(f"embedding_{i}" for i in range(len(getattr(plan.preprocessing, "embedded", ()))))
    return (lambda strength: penalties.l2(VECTOR_PENALTY * strength, leaves)) if leaves else None


def scored(plan: Plan, run: Run, part: Part) -> Scores | None:
    """Return how good a run is on some rows; None where there are none."""
    if not len(part):
        return None
    y, learnt = outputs(run, part.x), plan.preprocessing
    if learnt.classes is not None:
        return class_scores(y, part.y, learnt.classes)
    assert plan.table.target is not None
    return value_scores(learnt.decode_values(y[:, 0]), plan.table.target[part.rows], _training_mean(plan))


def outputs(run: Run, x: np.ndarray) -> np.ndarray:
    """Return what a network says of rows: values, or of classes logits, which logarithms of probabilities are too.

    Args:
        run: the finished run.
        x: (rows, ...), as the network takes them.

    Returns:
        (rows, outputs).
    """
    y = run.logits(x)
    return np.log(np.maximum(y, np.finfo(y.dtype).tiny)) if getattr(run.loss, "on", "") == "probabilities" else y


def _training_mean(plan: Plan) -> float:
    assert plan.table.target is not None
    return float(plan.table.target[plan.train.rows].mean())


def target_notes(table: Table, rows: tuple[np.ndarray, ...], learnt: Preprocessing) -> list[str]:
    """Return classes that the split cannot serve, and whether a logarithm of the target may be easier to learn."""
    assert table.target is not None
    if learnt.classes is None:
        return _skew_note(table.target[rows[0]], learnt)
    notes = []
    for part, what in zip(rows[1:], ("validation", "test"), strict=True):
        absent = np.setdiff1d(np.array(learnt.classes), np.unique(table.target[part]))
        if len(part) and len(absent):
            which, rest = absent[:MOST_NAMED].tolist(), len(absent) - MOST_NAMED
            more = f" and {rest} more" if rest > 0 else ""
            names = ", ".join(f"{name} ({_rows(int((table.target == name).sum()))})" for name in which)
            notes.append(f"too few rows for the {what} part: {names}{more}; its score says nothing about them")
    return notes


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _check_logarithm(table: Table) -> None:
    assert table.target is not None
    low = np.flatnonzero(table.target <= 0)
    if len(low):
        row = int(low[0])
        where = f"target, row {row + 1}" if table.raw is None else table.place(row, table.target_name or "")
        fail(where, f"{table.target[row]:g}", "a positive number, which has a logarithm", "Leave out --target-scale")


def _counter_notes(learnt: Preprocessing) -> list[str]:
    """A counter that its name does not call an identifier may be the time, which matters."""
    found = [column.name for column in learnt.dropped if column.why == NUMBERS_ROWS and not names_rows(column.name)]
    return [f"{name} numbers the rows and is left out; --types {name}=numeric uses it" for name in found]


def _skew_note(target: np.ndarray, learnt: Preprocessing) -> list[str]:
    if learnt.target_log or target.min() <= 0 or target.max() < SPREAD * target.min():
        return []
    size = target / target.max()  # squares of large numbers overflow
    skew = float(np.mean(((size - size.mean()) / size.std()) ** 3))
    if skew < SKEWED:
        return []
    return [f"{learnt.target_name} is positive and skewed ({skew:.1f}): --target-scale log may do better"]


def parts_of(table: Table, task: str, settings: Settings) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return row numbers for training, validation and test; a part that was not asked for has none."""
    count, shares = len(table), (1 - settings.validation - settings.test, settings.validation, settings.test)
    asked = [share for share in shares if share]
    labels = table.target if task == "classification" else None
    _check_shares(count, shares, settings, task)
    each = [share / sum(asked) for share in asked]
    # classes so small that they would all lie in the same parts are not divided one by one
    small = labels is not None and np.unique(labels, return_counts=True)[1].max() < len(each)
    found = iter(split(count, each, settings.seed, None if small else labels))
    train, validation, test = (next(found) if share else np.zeros(0, np.int64) for share in shares)
    if labels is not None and len(np.unique(labels[train])) < len(np.unique(labels)):
        train, validation, test = _every_class_trained(labels, train, validation, test)
        if any(share and not len(part) for share, part in zip(shares, (train, validation, test), strict=True)):
            do = "Add rows, or give --test 0 --validation 0 to train on all"
            fail("data", "classes of so few rows that none can be set aside", "more rows of each class", do)
    return train, validation, test


def _every_class_trained(labels: np.ndarray, train: np.ndarray, *held: np.ndarray) -> tuple[np.ndarray, ...]:
    """Move the rows of classes that the training part has not into it: what is not learnt cannot be tested."""
    lost = np.setdiff1d(np.unique(labels), np.unique(labels[train]))
    moved = np.flatnonzero(np.isin(labels, lost))
    kept = tuple(np.setdiff1d(part, moved) for part in held)
    return (np.union1d(train, moved), *kept)


def _check_shares(count: int, shares: tuple[float, float, float], settings: Settings, task: str) -> None:
    """Every part that was asked for gets a row: said here in the words of the settings, not of `split`."""
    if task == "regression" and len([share for share in shares if share]) > 1 and count < FEWEST_VALUES:
        do = "Add rows, or give --test 0 --validation 0 to train on all"
        fail("data", f"{count} rows", f"at least {FEWEST_VALUES} to train on some and score on others", do)
    needed = sum(share > 0 for share in shares)
    if count < needed:
        fail("data", _rows(count), f"at least {needed}, one for each part of the split")
    for name, share in (("validation", settings.validation), ("test", settings.test)):
        if share and round(share * count) < 1:
            do = f"Give --{name} {1.5 / count:.2g} or more, or --{name} 0 for no such part"
            fail(f"--{name}", f"{share:g} of {count} rows, which is none", "a share of at least one row", do)
