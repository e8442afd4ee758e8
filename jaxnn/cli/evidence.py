"""What a report shows of a run, as a bounded document of numbers."""

import math
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxnn import curves, optimizers
from jaxnn.cli import pipeline
from jaxnn.cli.pipeline import Outcome, Part, usual_penalty
from jaxnn.cli.seen import Images, pictures_of
from jaxnn.cli.settings import DESCRIBED, Settings
from jaxnn.layers import summary
from jaxnn.plots.drawing import number
from jaxnn.report.document import (
    VERSION,
    Calibrated,
    Classes,
    ClassRow,
    Column,
    Curve,
    Data,
    Document,
    Example,
    Layer,
    OneClass,
    Setting,
    Training,
    Values,
)
from jaxnn.scores import NORMAL_95, ClassScores, ValueScores
from jaxnn.train import Run

EPOCHS, POINTS, DOTS, BINS = 200, 60, 600, 24
"""At most so many points of a learning curve, of a sweep, of a scatter chart, and bars of a histogram."""
MOST_CLASSES, WORST, CELLS, COLUMNS, NOTES, LONGEST = 20, 12, 8, 50, 12, 200
"""At most so many classes, examples, cells of one, columns twice over, notes, and characters of a name."""


def evidence(outcome: Outcome, made_with: Mapping[str, str]) -> Document:
    """Return what the report of a run shows.

    Everything is scored on the test part; without one on the validation part; without either there are no scores.

    Args:
        outcome: the finished run.
        made_with: versions and machine.

    Returns:
        The document; how large it is depends on no number of rows, columns or classes.

    >>> from jaxnn.cli.pipeline import train_table
    >>> from jaxnn.cli.settings import Settings
    >>> from jaxnn.data import load
    >>> found = evidence(train_table(load("iris"), Settings(hidden=(4,), epochs=2)), {"jaxnn": "1"})
    >>> found.scored, found.data.test, found.classes.count, len(found.worst), found.parameters
    ('test', 30, 3, 12, 35)
    """
    plan = outcome.plan
    scored = "test" if outcome.test else "validation" if outcome.validation else ""
    part, scores = (plan.test, outcome.test) if outcome.test else (plan.validation, outcome.validation)
    outputs = pipeline.outputs(outcome.run, part.x).astype(np.float64) if scored else np.zeros((0, 1))
    predicted = truth = outputs[:, 0]
    if isinstance(scores, ValueScores):
        with np.errstate(over="ignore"):
            predicted = plan.preprocessing.decode_values(outputs[:, 0])
            truth = np.asarray(_target(outcome)[part.rows], np.float64)
    if not (np.isfinite(outputs).all() and np.isfinite(predicted - truth).all()):
        # the last weights of a run that diverged, or the exponential of a large logarithm
        scored, scores = "", None
    images = Images.of(plan.table)
    classes = values = None
    worst: tuple[Example, ...] = ()
    if isinstance(scores, ClassScores):
        chance = _softmax(outputs)
        classes, worst = _classes(outcome, scores, chance, part), _worst_classes(outcome, images, chance, part)
    elif isinstance(scores, ValueScores):
        mean = float(np.mean(_target(outcome)[plan.train.rows]))
        values = _values(scores, predicted, truth, mean)
        worst = _worst_values(outcome, images, predicted, truth, part)
    columns, kinds = _columns(outcome)
    network = summary(plan.net, outcome.run.example) if outcome.run.example is not None else None
    return Document(
        version=VERSION, task=plan.settings.task, data=_data(outcome), scored=scored,
        training=training_of(outcome.run, plan.settings),
        classes=classes, values=values, worst=worst, pictures=pictures_of(outcome, images, name_of),
        notes=tuple(name_of(note, 400) for note in plan.notes[:NOTES]), columns=columns, kinds=kinds,
        layers=tuple(Layer(row.path, row.layer, row.output, row.parameters) for row in network.rows) if network else (),
        inputs=math.prod(network.input) if network else 0, parameters=network.parameters if network else 0,
        settings=_settings(outcome), made_with=tuple((name_of(a), name_of(b)) for a, b in made_with.items()),
    )  # fmt: skip


def name_of(value: Any, longest: int = LONGEST) -> str:
    r"""Return a name, a class or a cell as text of a limited length that UTF-8 can encode.

    >>> name_of(3), name_of("x" * 300)[-3:], name_of("a\udc80")
    ('3', 'xx…', 'a?')
    """
    text = str(value)
    text = text if len(text) <= longest else text[: longest - 1] + "…"
    return text.encode("utf-8", "replace").decode()


def _softmax(outputs: np.ndarray) -> np.ndarray:
    grown = np.exp(outputs - outputs.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def _target(outcome: Outcome) -> np.ndarray:
    target = outcome.plan.table.target
    assert target is not None  # `make_plan` refuses a table without
    return target


def _data(outcome: Outcome) -> Data:
    plan = outcome.plan
    table = plan.table
    return Data(
        name_of(table.source or plan.settings.data or "data"), name_of(table.description), len(table),
        len(plan.preprocessing.columns), name_of(table.target_name or "target"), table.sha256, len(plan.train),
        len(plan.validation), len(plan.test),
    )  # fmt: skip


def training_of(run: Run, settings: Settings) -> Training:
    """Return how a training went, at most `EPOCHS` points of each curve.

    Args:
        run: the finished run.
        settings: of it, with its epochs and patience.

    Returns:
        That part of the document.
    """
    history, kept = run.history, run.best_epoch + 1
    shown = sorted({*np.linspace(1, max(history.epochs, 1), EPOCHS).astype(int).tolist(), max(kept, 1)})
    shown = [epoch for epoch in shown if epoch <= history.epochs]
    lines = []
    for name in ("loss", "accuracy"):  # of values the loss is the mean squared error, to the last bit
        pair = [_at(history[key], shown) if key in history else None for key in (name, f"val_{name}")]
        lines += [Curve(name, *pair)] if any(pair) else []
    return Training(
        settings.epochs, settings.patience if "val_loss" in history else None, history.epochs, kept, run.steps,
        name_of(run.stopped_because), run.interrupted, run.diverged, tuple(shown), tuple(lines),
    )  # fmt: skip


def _at(values: np.ndarray, epochs: Sequence[int]) -> tuple[float | None, ...]:
    return tuple(_number(values[epoch - 1]) for epoch in epochs)


def _number(value: Any) -> float | None:
    """Six digits are more than a picture shows, and half as long; JSON has no NaN."""
    return float(f"{value:.6g}") if value is not None and math.isfinite(value) else None


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(f"{value:.6g}") for value in np.asarray(values, np.float64).tolist())


def _classes(outcome: Outcome, scores: ClassScores, chance: np.ndarray, part: Part) -> Classes:
    called = chance.argmax(axis=1)
    shares = curves.precision_recall(np.array(scores.confusion))
    by_class = scores.by_class()
    names = [name_of(row.name) for row in by_class]
    order = range(len(names))
    if len(names) > MOST_CLASSES:  # those recognised worst, in the order of the classes
        recall = [math.inf if row.recall is None else row.recall for row in by_class]
        order = sorted(sorted(order, key=lambda i: (recall[i], -by_class[i].rows))[:MOST_CLASSES])
    frequent = int(np.bincount(outcome.plan.train.y, minlength=len(names)).argmax())
    each = tuple(
        ClassRow(
            names[i], row.rows, row.precision, row.recall, None if shares.undefined_f1[i] else float(shares.f1[i]),
            None if row.taken_for is None else name_of(row.taken_for), row.mistakes,
        )
        for i, row in enumerate(by_class) if i in order
    )  # fmt: skip
    low, high = scores.interval
    # of two classes the second is "yes": its sweep read backwards is that of the first
    swept = [1] if len(names) == 2 else order
    return Classes(
        count=len(names), correct=scores.correct, rows=scores.rows, accuracy=scores.accuracy, low=low, high=high,
        cross_entropy=_number(scores.cross_entropy), frequent=names[frequent],
        baseline=float((part.y == frequent).mean()), shown=tuple(names[i] for i in order),
        confusion=tuple(tuple(scores.confusion[i][j] for j in order) for i in order), each=each,
        sweeps=tuple(
            _one_class(names[i], chance[:, i], part.y == i) for i in swept if 0 < (part.y == i).sum() < len(part)
        ),
        calibration=_calibrated(chance.max(axis=1), called == part.y),
    )  # fmt: skip


def _one_class(name: str, chance: np.ndarray, truth: np.ndarray) -> OneClass:
    chance = np.clip(chance, 0.0, 1.0)
    sweep, roc = curves.threshold_sweep(chance, truth, POINTS), curves.roc_curve(chance, truth, POINTS)
    precision = [
        None if undefined else float(f"{value:.6g}")
        for value, undefined in zip(sweep.precision.tolist(), sweep.undefined_precision.tolist(), strict=True)
    ]
    return OneClass(
        name, int(truth.sum()), _numbers(sweep.thresholds), tuple(precision), _numbers(sweep.recall),
        _numbers(sweep.f1), _numbers(roc.false_positive_rate), _numbers(roc.true_positive_rate), float(roc.area),
    )  # fmt: skip


def _calibrated(confidence: np.ndarray, right: np.ndarray) -> Calibrated:
    confidence = np.clip(confidence, 0.0, 1.0)
    found = curves.calibration(confidence, right)
    good = curves.calibration(confidence[right], right[right]).counts if right.any() else np.zeros_like(found.counts)
    return Calibrated(
        _numbers(found.edges), tuple(_number(value) for value in found.predicted.tolist()),
        tuple(_number(value) for value in found.observed.tolist()), tuple(good.tolist()),
        tuple((found.counts - good).tolist()), found.expected_calibration_error,
    )  # fmt: skip


def _values(scores: ValueScores, predicted: np.ndarray, truth: np.ndarray, mean: float) -> Values:
    errors = predicted - truth
    low, high = _error_interval(errors)
    some = np.unique(np.linspace(0, len(truth) - 1, min(DOTS, len(truth))).astype(int))
    bins = int(min(BINS, max(6, math.isqrt(len(errors)))))
    limits = (float(errors.min()), float(errors.max()))
    if limits[1] - limits[0] > 1e-9 * max(map(abs, limits)) and math.isfinite(limits[1] - limits[0]):
        counts, edges = np.histogram(errors, bins)
    else:
        counts, edges = np.array([len(errors)]), np.array([limits[0] - 0.5, limits[0] + 0.5])
    return Values(
        scores.rows, _number(scores.rmse), low, high, _number(scores.mae), _number(scores.r2),
        _number(scores.rmse_of_mean), _number(mean), _numbers(truth[some]), _numbers(predicted[some]), _numbers(edges),
        tuple(counts.tolist()),
    )  # fmt: skip


def _error_interval(errors: np.ndarray) -> tuple[float | None, float | None]:
    """The root of `mean(e^2) -+ 1.96 sd(e^2) / sqrt(n)`: what the mean squared error of other such rows may be."""
    if len(errors) < 10:
        return None, None
    size = float(np.abs(errors).max()) or 1.0
    squares = np.square(errors / size)
    half = NORMAL_95 * float(squares.std(ddof=1)) / math.sqrt(len(squares))
    centre = float(squares.mean())
    return _number(size * math.sqrt(max(centre - half, 0.0))), _number(size * math.sqrt(centre + half))


def _worst_classes(outcome: Outcome, images: Images | None, chance: np.ndarray, part: Part) -> tuple[Example, ...]:
    """The rows whose true class got the least probability."""
    classes = outcome.preprocessing.classes
    assert classes is not None
    of_truth = chance[np.arange(len(part)), part.y]
    called = chance.argmax(axis=1)
    found = []
    for i in np.argsort(of_truth, kind="stable")[:WORST].tolist():
        truth, answer = int(part.y[i]), int(called[i])
        found.append(
            Example(
                **_row(outcome, images, int(part.rows[i])), truth=name_of(classes[truth]),
                answer=name_of(classes[answer]), right=truth == answer, chance=_number(chance[i, answer]),
                chance_of_truth=_number(of_truth[i]), error=None,
            )
        )  # fmt: skip
    return tuple(found)


def _worst_values(
    outcome: Outcome, images: Images | None, predicted: np.ndarray, truth: np.ndarray, part: Part
) -> tuple[Example, ...]:
    """The rows whose prediction is farthest from the truth."""
    errors = predicted - truth
    return tuple(
        Example(
            **_row(outcome, images, int(part.rows[i])), truth=_said(truth[i], 6), answer=_said(predicted[i], 5),
            right=False, chance=None, chance_of_truth=None, error=_number(errors[i]),
        )
        for i in np.argsort(-np.abs(errors), kind="stable")[:WORST].tolist()
    )  # fmt: skip


def _said(value: Any, digits: int) -> str:
    return number(float(f"{value:.{digits}g}"))


def _row(outcome: Outcome, images: Images | None, row: int) -> dict[str, Any]:
    """Where a row stands and what is in it: its image, or its first cells, those of used columns before others."""
    table = outcome.plan.table
    place = f"row {row + 1:,}"
    if table.raw is not None and table.origin is not None and table.raw.kind == "text":
        place = f"line {int(table.raw.lines[table.origin[row]]):,}"
    if table.names is not None:
        place = name_of(os.path.relpath(str(table.names[row]), table.source))
    if images is not None:
        return {"place": place, "cells": (), "more": 0, "image": images.row(row)}
    dropped = {fate.name for fate in outcome.preprocessing.fates if fate.became == "dropped"}
    cells = sorted(table.record(row).items(), key=lambda cell: cell[0] in dropped)
    shown = tuple((name_of(name), name_of(cell)) for name, cell in cells[:CELLS])
    return {"place": place, "cells": shown, "more": len(cells) - len(shown), "image": None}


def _columns(outcome: Outcome) -> tuple[tuple[Column, ...], tuple[tuple[str, int], ...]]:
    """The first columns, then those that are not plain numbers: among thousands they are the ones to look at."""
    fates = outcome.preprocessing.fates
    first, rest = fates[:COLUMNS], fates[COLUMNS:]
    notable = [fate for fate in rest if fate.kind != "numeric" or fate.became != "1 input"][:COLUMNS]
    shown = tuple(Column(*(name_of(text) for text in fate)) for fate in (*first, *notable))
    counted = Counter(name_of(fate.kind) for fate in fates)
    return shown, tuple(counted.most_common(COLUMNS))


def _settings(outcome: Outcome) -> tuple[Setting, ...]:
    """Every setting but the data; what "auto" was decided to be counts as the default."""
    found = []
    for name, described in DESCRIBED.items():
        value = getattr(outcome.plan.settings, name)
        if name in ("data", "target") or value is None:
            continue
        shown = ",".join(map(str, value)) or "none" if isinstance(value, tuple) else _typed(value)
        usual = described.default
        if name == "learning_rate":
            usual = optimizers.resolve(outcome.plan.settings.optimizer, None)[1]
        elif name == "l2":
            usual = usual_penalty(len(outcome.plan.train))
        elif usual == "auto" and name != "embed":  # what it was decided to be
            usual = value
        default = described.default_text or ("none" if usual in (None, ()) else _typed(usual))
        found.append(Setting(name.replace("_", "-"), name_of(shown), default, value != usual, described.help))
    return tuple(found)


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)
