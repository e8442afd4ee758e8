"""What people read about a run: its data, its network, how the training ended, and its scores."""

from collections import Counter
from statistics import fmean, pstdev

from jaxnn.cli import screen
from jaxnn.cli.pipeline import Outcome, Plan
from jaxnn.data import Preprocessing
from jaxnn.data.imagearrays import size_said
from jaxnn.layers import summary
from jaxnn.scores import ClassRow, ClassScores, Scores, ValueScores
from jaxnn.train import Run

MOST_NAMED = 8
MOST_CLASSES = 20
"""Rows of the table of classes; where there are more, those that were recognised worst."""


def counted(count: int, what: str, plural: str = "") -> str:
    """Return "1 row", "2 rows".

    Args:
        count: how many.
        what: the name of one.
        plural: the name of several, where it does not end in s.

    Returns:
        Count and name.

    >>> counted(1, "row"), counted(1797, "row"), counted(2, "class", "classes")
    ('1 row', '1,797 rows', '2 classes')
    """
    return f"{count:,} {what if count == 1 else plural or what + 's'}"


def parameters_of(plan: Plan) -> int:
    """Return the number of parameters of the planned network."""
    import jax

    return summary(plan.net, jax.ShapeDtypeStruct(plan.train.x.shape[1:], "float32")).parameters


def print_plan(plan: Plan) -> None:
    """Print what will be trained on what.

    Args:
        plan: the checked run.
    """
    screen.facts([*data_rows(plan), *network_rows(plan)])


def data_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return the lines that say what a run learns from, for `screen.facts`."""
    table, classes = plan.table, plan.preprocessing.classes
    about = (
        f"{counted(len(classes), 'class', 'classes')} of {table.target_name}"
        if classes
        else f"values of {table.target_name}"
    )
    parts = [(plan.train, "to train on"), (plan.validation, "to validate"), (plan.test, "to test")]
    what = f"{counted(len(table), 'row')}, {counted(len(table.columns), 'column')}"
    if plan.train.x.ndim > 2:
        what = f"{counted(len(table), 'image')} of {size_said(table.image_shape or ())}"
    split = ", ".join(f"{len(rows):,} {use}" for rows, use in parts if len(rows))
    return [
        ("data", f"{table.source}: {what}, {about}"),
        *([("columns", columns_said(plan.preprocessing))] if columns_matter(plan.preprocessing) else []),
        ("split", split),
        *(("note", note) for note in plan.notes),
    ]


def network_rows(plan: Plan) -> list[tuple[str, str]]:
    """Return the lines that say what is trained, for `screen.facts`."""
    settings = plan.settings
    widths = "-".join(str(width) for width in (len(plan.preprocessing.inputs), *settings.hidden, plan.objective.width))
    between = f", {settings.activation}" if settings.hidden else " (linear)"
    dropped = f", dropout {settings.dropout:g}" if settings.dropout and settings.hidden else ""
    many = f" in each of {settings.ensemble} members" if settings.ensemble > 1 else ""
    return [
        ("network", f"{plan.network or widths}{between}{dropped}: {counted(parameters_of(plan), 'parameter')}{many}"),
        *([("augment", ", ".join(map(repr, plan.augment)))] if plan.augment else []),
    ]


def columns_matter(learnt: Preprocessing) -> bool:
    """Return whether there is more to say of the columns than that they are numbers."""
    return bool(learnt.dropped) or any(fate.kind not in ("numeric", "pixels") for fate in learnt.fates)


def columns_said(learnt: Preprocessing) -> str:
    """Return how many columns are of which kind, and which are not used.

    Args:
        learnt: the preprocessing.

    Returns:
        Such as "3 numeric, 1 categorical; dropped id (identifier)".
    """
    counts = Counter(fate.kind for fate in learnt.fates[: len(learnt.used)])
    said = ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common())
    gone = [f"{column.name} ({column.label})" for column in learnt.dropped]
    more = f" and {len(gone) - MOST_NAMED:,} more" if len(gone) > MOST_NAMED else ""
    return said + (f"; dropped {', '.join(gone[:MOST_NAMED])}{more}" if gone else "")


def print_outcome(outcome: Outcome, seconds: float) -> None:
    """Print how the training ended and what it is worth.

    Args:
        outcome: the finished run.
        seconds: how long the training took.
    """
    run = outcome.run
    rows = [("stopped", f"{run.stopped_because} ({seconds:.1f} s)"), (kept_label(run), kept(run))]
    if outcome.members is not None:
        rows = [("members", f"{run.stopped_because} ({seconds:.1f} s)"), *member_rows(outcome)]
    screen.facts([*rows, *score_rows("test", outcome.test)] if outcome.test else rows)
    if isinstance(outcome.test, ClassScores):
        screen.blank()
        print_classes(outcome.test)
        screen.blank()


def member_rows(outcome: Outcome) -> list[tuple[str, str]]:
    """Return the lines that say what a member of an ensemble is worth alone, for `screen.facts`."""
    members, scores = outcome.members, outcome.test or outcome.validation
    if members is None:
        return []
    together = {} if scores is None else scores.to_json()
    said = [
        f"{name.replace('_', ' ')} {fmean(each):.4g} +- {pstdev(each):.2g}, together {together[name]:.4g}"
        for name, each in members.spread().items() if together.get(name) is not None
    ]  # fmt: skip
    lost = [("note", f"{members.left_out} left out: diverged or not finished")] if members.left_out else []
    return [*(("one alone" if i == 0 else "", one) for i, one in enumerate(said)), *lost]


def kept_label(run: Run) -> str:
    """Return "best" where a validation chose the epoch, else "kept"."""
    return "best" if "val_loss" in run.history else "kept"


def kept(run: Run) -> str:
    """Return which weights were kept and what was logged of them; epochs count from 1."""
    shown = {
        "val_loss": "validation loss", "val_accuracy": "validation accuracy", "loss": "training loss",
        "accuracy": "training accuracy",
    }  # fmt: skip
    validated = "val_loss" in run.history
    names = [name for name in shown if name in run.history and name.startswith("val_") == validated]
    said = ", ".join(f"{shown[name]} {run.history[name][run.best_epoch]:#.4g}" for name in names)
    return f"epoch {run.best_epoch + 1}: {said}"


def score_rows(label: str, scores: Scores) -> list[tuple[str, str]]:
    """Return the lines that say how good predictions are, for `screen.facts`.

    Args:
        label: of the first line.
        scores: of some rows.

    Returns:
        (label, text) of each line.
    """
    if isinstance(scores, ClassScores):
        low, high = scores.interval
        within = f"95 % interval {low:.3f} to {high:.3f}"
        return [(label, f"accuracy {scores.accuracy:.3f} ({scores.correct:,} of {scores.rows:,}; {within})")]
    return _value_rows(label, scores)


def _value_rows(label: str, scores: ValueScores) -> list[tuple[str, str]]:
    r2 = "not defined, all values are the same" if scores.r2 is None else f"{scores.r2:.3f}"
    rows = [
        (label, f"R2 {r2} on {counted(scores.rows, 'row')}"),
        ("", f"error {scores.rmse:.4g} (root mean square), {scores.mae:.4g} (mean absolute)"),
    ]
    if scores.rmse_of_mean is not None:
        rows.append(("", f"always predicting the mean: error {scores.rmse_of_mean:.4g} (root mean square)"))
    return rows


def print_classes(scores: ClassScores) -> None:
    """Print how each class fared; of many classes the worst.

    Args:
        scores: of some rows.
    """
    rows = scores.by_class()
    if len(rows) > MOST_CLASSES:
        rows = sorted(rows, key=lambda row: (row.recall is None, row.recall))[:MOST_CLASSES]
    screen.table(
        ["class", "rows", "recall", "precision", "most often taken for"],
        [_class_cells(row) for row in rows],
        right=(1, 2, 3),
    )
    if len(scores.classes) > MOST_CLASSES:
        screen.facts([("", f"the {MOST_CLASSES} worst of {len(scores.classes)} classes")])


def _class_cells(row: ClassRow) -> list[str]:
    taken = "" if row.taken_for is None else f"{row.taken_for} ({row.mistakes} time{'' if row.mistakes == 1 else 's'})"
    return [str(row.name), f"{row.rows:,}", _share(row.recall), _share(row.precision), taken]


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.3f}"
