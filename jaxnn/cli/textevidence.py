"""What a report shows of a run on a text, as a bounded document of numbers."""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from jaxnn.cli import evidence as tables
from jaxnn.cli.settings import DESCRIBED
from jaxnn.cli.text import OF_TABLES, TextOutcome, usual
from jaxnn.cli.textscores import frequency_loss
from jaxnn.layers import summary
from jaxnn.report.document import VERSION, Curve, Data, Document, Layer, Setting, Training
from jaxnn.report.writing import Letter, Mistake, Writing

PASSAGE, LETTERS, MISTAKES = 600, 16, 12
"""Tokens of the passage, and rows of the tables."""
LN2 = math.log(2)


def evidence(outcome: TextOutcome, made_with: Mapping[str, str]) -> Document:
    """Return what the report of a run on a text shows.

    Args:
        outcome: the finished run.
        made_with: versions and machine.

    Returns:
        The document; how large it is does not depend on the length of the text.
    """
    plan, name_of = outcome.plan, tables.name_of
    scored = "test" if outcome.test else "validation" if outcome.validation else ""
    network = summary(plan.net, outcome.run.example) if outcome.run.example is not None else None
    parts = [len(part) for part in (plan.train, plan.validation, plan.test)]
    unit = plan.tokeniser.unit
    data = Data(
        name_of(plan.text.source or "text"), name_of(plan.text.description), len(plan.text), plan.tokeniser.size,
        f"next {unit}", plan.text.sha256, *parts,
    )  # fmt: skip
    return Document(
        version=VERSION, task="text", data=data, scored=scored, training=_training(outcome), classes=None, values=None,
        worst=(), pictures=None, notes=tuple(name_of(note, 400) for note in plan.notes), columns=(), kinds=(),
        layers=tuple(Layer(row.path, row.layer, row.output, row.parameters) for row in network.rows) if network else (),
        inputs=math.prod(network.input) if network else 0, parameters=network.parameters if network else 0,
        settings=_settings(outcome), made_with=tuple((name_of(a), name_of(b)) for a, b in made_with.items()),
        writing=_writing(outcome),
    )  # fmt: skip


def _writing(outcome: TextOutcome) -> Writing:
    plan, held = outcome.plan, outcome.held
    scores = outcome.test or outcome.validation
    unit, size = plan.tokeniser.unit, plan.tokeniser.size
    known = {"unit": unit, "vocabulary": size, "context": plan.settings.context or 0, "samples": outcome.samples}
    if held is None or scores is None or not np.isfinite(held.losses).all():
        return Writing(
            **known, tokens=0, bits=None, perplexity=None, accuracy=None, frequency=None, passage=(), letters=(),
            mistakes=(),
        )  # fmt: skip
    truth, bits = held.tokens[1:], held.losses / LN2
    times = np.bincount(truth, minlength=size)
    cost = np.bincount(truth, bits, minlength=size)
    dearest = [token for token in np.argsort(-cost, kind="stable")[:LETTERS].tolist() if times[token]]
    start = _start(plan.tokeniser.text(truth[:2000]), len(truth)) if unit == "character" else 0
    piece = slice(start, start + PASSAGE)
    return Writing(
        **known, tokens=scores.tokens, bits=_number(scores.bits), perplexity=_number(scores.perplexity),
        accuracy=scores.accuracy, frequency=_number(frequency_loss(plan.train.tokens, truth, size) / LN2),
        passage=tuple(
            Letter(_name(outcome, token), 1, _number(bit))
            for token, bit in zip(truth[piece].tolist(), bits[piece].tolist(), strict=True)
        ),
        letters=tuple(
            Letter(_name(outcome, token), int(times[token]), _number(float(cost[token]) / int(times[token])))
            for token in dearest
        ),
        mistakes=tuple(
            Mistake(_name(outcome, right), _name(outcome, wrong), count)
            for right, wrong, count in held.mistakes(MISTAKES)
        ),
    )  # fmt: skip


def _name(outcome: TextOutcome, token: int) -> str:
    if outcome.plan.tokeniser.unit == "character":
        return outcome.plan.tokeniser.text([token])
    return chr(token) if 32 <= token < 127 or token in (9, 10) else f"{token:02x}"


def _start(text: str, tokens: int) -> int:
    """Where a line begins after which there is enough text."""
    found = re.search(r"\n\n+", text)
    return found.end() if found and found.end() < tokens - PASSAGE else 0


def _number(value: float) -> float | None:
    return float(f"{value:.5g}") if math.isfinite(value) and abs(value) < 1e300 else None


def _training(outcome: TextOutcome) -> Training:
    """As of a table, but that the loss is in bits."""
    found = tables.training_of(outcome.run, outcome.plan.settings)
    unit = outcome.plan.tokeniser.unit
    curves = tuple(
        Curve(f"bits per {unit}", _bits(one.training), _bits(one.validation)) if one.name == "loss" else one
        for one in found.curves
    )
    return Training(
        found.limit, found.patience, found.done, found.kept, found.steps, found.stopped_because, found.interrupted,
        found.diverged, found.epochs, curves,
    )  # fmt: skip


def _bits(line: tuple[float | None, ...] | None) -> tuple[float | None, ...] | None:
    return None if line is None else tuple(None if value is None else _number(value / LN2) for value in line)


def _typed(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _settings(outcome: TextOutcome) -> tuple[Setting, ...]:
    """Every setting that means something for a text."""
    settings = outcome.plan.settings
    plain = usual(type(settings)(model=settings.model, optimizer=settings.optimizer), ())
    found = []
    for name, described in DESCRIBED.items():
        value, default = getattr(settings, name), getattr(plain, name)
        if name == "data" or name in OF_TABLES or value is None:
            continue
        if name == "tokens":
            default = value if default is None else default
        said = Setting(name.replace("_", "-"), _typed(value), _typed(default), value != default, described.help)
        found.append(said)
    return tuple(found)
