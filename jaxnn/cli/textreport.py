"""What people and programs read about a run on a text: its data, its network, how the training ended, its scores."""

import math
from typing import Any

from jaxnn.cli import screen
from jaxnn.cli.report import counted, kept, kept_label
from jaxnn.cli.text import TextOutcome, TextPlan
from jaxnn.cli.textscores import TextScores
from jaxnn.layers import summary


def print_plan(plan: TextPlan) -> None:
    """Print what will be trained on what.

    Args:
        plan: the checked run.
    """
    import jax

    settings, unit = plan.settings, plan.tokeniser.unit
    parameters = summary(plan.net, jax.ShapeDtypeStruct((settings.context or 0,), "int32")).parameters
    parts = [(plan.train, "to train on"), (plan.validation, "to validate"), (plan.test, "to test")]
    split = ", ".join(f"{len(part):,} {use}" for part, use in parts if len(part))
    distinct = f", {plan.tokeniser.size:,} distinct" if unit == "character" else ""
    screen.facts(
        [
            ("data", f"{plan.text.source}: {counted(sum(len(part) for part, _ in parts), unit)}{distinct}"),
            ("split", f"{split}, in windows of {settings.context}"),
            *(("note", note) for note in plan.notes),
            ("network", f"{_network(plan)}: {counted(parameters, 'parameter')}"),
        ]
    )


def _network(plan: TextPlan) -> str:
    settings = plan.settings
    dropped = f", dropout {settings.dropout:g}" if settings.dropout else ""
    if settings.model == "rnn":
        return f"{counted(settings.depth or 0, f'{settings.cell} layer')} of width {settings.width}{dropped}"
    blocks = counted(settings.depth or 0, "block")
    return f"transformer, {blocks} of width {settings.width} with {counted(settings.heads or 0, 'head')}{dropped}"


def print_outcome(outcome: TextOutcome, seconds: float) -> None:
    """Print how the training ended, what it is worth, and what the network writes.

    Args:
        outcome: the finished run.
        seconds: how long the training took.
    """
    run = outcome.run
    rows = [("stopped", f"{run.stopped_because} ({seconds:.1f} s)"), (kept_label(run), kept(run))]
    screen.facts([*rows, *(score_rows("test", outcome.test) if outcome.test else [])])
    for sample in outcome.samples[:1]:
        screen.blank()
        screen.writing(f"{sample.prompt}{sample.text}", indent="    ")
        screen.blank()


def score_rows(label: str, scores: TextScores) -> list[tuple[str, str]]:
    """Return the lines that say how well a text is foretold, for `screen.facts`.

    Args:
        label: of the first line.
        scores: of some text.

    Returns:
        (label, text) of each line.
    """
    if not math.isfinite(scores.loss):
        return [(label, "a loss that is not finite")]
    said = f"loss {scores.loss:.3f} per {scores.unit}: {scores.bits:.3f} bits, perplexity {scores.perplexity:.2f}"
    right = f"the next {scores.unit} is guessed right {100 * scores.accuracy:.1f} % of the time"
    return [(label, f"{said} (on {counted(scores.tokens, scores.unit)})"), ("", right)]


def metrics_of(outcome: TextOutcome) -> dict[str, Any]:
    """Return what metrics.json holds; epochs count from 1."""
    plan, run = outcome.plan, outcome.run
    return {
        "task": plan.settings.task, "unit": plan.tokeniser.unit, "vocabulary": plan.tokeniser.size,
        "tokens": {"train": len(plan.train), "validation": len(plan.validation), "test": len(plan.test)},
        "epochs": run.history.epochs, "best_epoch": run.best_epoch + 1,
        "steps": run.steps, "stopped_because": run.stopped_because, "interrupted": run.interrupted,
        "diverged": run.diverged,
        "validation": outcome.validation and outcome.validation.to_json(),
        "test": outcome.test and outcome.test.to_json(),
        "samples": [
            {"temperature": one.temperature, "prompt": one.prompt, "text": one.text} for one in outcome.samples
        ],
    }  # fmt: skip
