"""From a text and settings to a trained network that writes, without printing or writing anything."""

import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxnn import losses, models, optimizers, penalties
from jaxnn.checks import fail
from jaxnn.cli.settings import DESCRIBED, Settings
from jaxnn.cli.textscores import Foretold, TextScores, foretold
from jaxnn.data.catalogue import names
from jaxnn.data.textfile import TEXTS, Text, read_text
from jaxnn.data.tokenisers import Bytes, Characters, Tokeniser
from jaxnn.data.windows import consecutive, next_tokens
from jaxnn.layers import Chain
from jaxnn.model import Model
from jaxnn.report.writing import Sample
from jaxnn.train import EarlyStopping, Progress, Run, fit
from jaxnn.train.run import outputs

SAMPLE, TEMPERATURES = 400, (0.6, 1.0)
"""Tokens of a sample, and how freely they are drawn."""

MODELS = ("rnn", "transformer")
"""What can be trained on a text; `usual` says which is the default."""

OF_TABLES = (
    "target", "drop", "keep", "types", "categories", "embed", "scaling", "target_scale", "image_size", "hidden",
    "activation", "class_weight", "augment", "ensemble",
)  # fmt: skip
"""Settings that mean nothing for a text."""

OF_TEXTS = ("tokens", "context", "cell", "width", "depth", "heads")
"""Settings that mean nothing for a table."""

MANY = 1000
"""Distinct characters above which a text is read as bytes: the last layer would be larger than the rest."""

USUAL: dict[str, dict[str, Any]] = {
    "rnn": {
        "cell": "lstm",
        "width": 256,
        "depth": 1,
        "context": 128,
        "epochs": 15,
        "batch_size": 16,
        "learning_rate": 3e-3,
    },
    "transformer": {
        "width": 128,
        "depth": 3,
        "heads": 4,
        "context": 128,
        "epochs": 10,
        "batch_size": 16,
        "learning_rate": 2e-3,
    },
}
"""The settings of each model that are not given."""

ALWAYS = ("epochs", "batch_size")
"""Those of them that a table has another default for, so that the settings do not tell whether they were given."""


@dataclass(frozen=True)
class Stretch:
    """A part of the text, and the windows of it, as `fit` takes them."""

    tokens: np.ndarray
    """int32 (n,); there may be none."""
    x: np.ndarray
    """int32 (windows, context)."""
    y: np.ndarray
    """int32 (windows, context): the token after each."""

    def __len__(self) -> int:
        return len(self.tokens)


@dataclass(frozen=True)
class TextPlan:
    """A training run on a text that has been checked and not begun."""

    settings: Settings
    """With everything that was decided on."""
    text: Text
    tokeniser: Tokeniser
    train: Stretch
    validation: Stretch
    test: Stretch
    net: Chain
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TextOutcome:
    """A finished training run on a text."""

    plan: TextPlan
    run: Run
    validation: TextScores | None
    """Of the kept weights; None without validation part, or if no epoch was completed."""
    test: TextScores | None
    """Of the kept weights on text that no step of the training has seen; None as for validation."""
    held: Foretold | None = None
    """What the network says of the test part, or without one of the validation part."""
    samples: tuple[Sample, ...] = ()
    """What it writes."""

    @property
    def model(self) -> Model:
        """The trained network and its tokens."""
        return Model.of(self.run, self.plan.tokeniser, "text")


def asked(settings: Settings) -> bool:
    """Return whether settings are of a run on a text.

    Args:
        settings: of a run.

    Returns:
        True for a built-in text, the task "text" and the models of texts.

    >>> asked(Settings(data="book.txt", model="rnn")), asked(Settings(data="book.txt"))
    (True, False)
    """
    return settings.data in TEXTS or settings.task == "text" or settings.model in MODELS


def read(settings: Settings) -> Text:
    """Read the text to train on.

    Args:
        settings: of a run for which `asked` is true.

    Returns:
        The text.

    Raises:
        JaxnnError: if there is none, it is bad, or the settings are of a table.
    """
    data = settings.data or ""
    if data not in TEXTS and data in {entry.name for entry in names()}:
        fail("data", f"{data}, which is a built-in table", "a text", "Leave out --task text and --model")
    if settings.task not in ("auto", "text"):
        fail("--task", f"{settings.task} with a text", "text", "Leave it out")
    if settings.model not in ("auto", *MODELS):
        fail("--model", f"{settings.model} with a text", " or ".join(MODELS), "Leave it out for the default")
    return read_text(data)


def check_apply(settings: Settings, typed: Collection[str]) -> None:
    """Check that every setting that was given means something for a text.

    Args:
        settings: of the run.
        typed: names of those that were typed, be it with their default.

    Raises:
        JaxnnError: naming the first that does not.
    """
    for name in OF_TABLES:
        if name in typed or getattr(settings, name) != DESCRIBED[name].default:
            fail(DESCRIBED[name].flag, f"{_typed(settings, name)} with a text", "a table or images", "Leave it out")
    for name, model in (("cell", "rnn"), ("heads", "transformer")):
        if getattr(settings, name) is not None and _model(settings) != model:
            do = f"Leave it out, or give --model {model}"
            given = f"{_typed(settings, name)} with --model {_model(settings)}"
            fail(DESCRIBED[name].flag, given, f"--model {model}", do)


def check_table(settings: Settings) -> None:
    """Check that no setting of a text was given for a table.

    Args:
        settings: of the run.

    Raises:
        JaxnnError: naming the first that was.

    >>> check_table(Settings(context=64))
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: --context: got 64 with a table or images; needed a text. Leave it out, or give --task text.
    """
    for name in OF_TEXTS:
        if getattr(settings, name) is not None:
            given = f"{_typed(settings, name)} with a table or images"
            fail(DESCRIBED[name].flag, given, "a text", "Leave it out, or give --task text")


def _typed(settings: Settings, name: str) -> str:
    value = getattr(settings, name)
    return ",".join(map(str, value)) or "0" if isinstance(value, tuple) else str(value)


def usual(settings: Settings, given: Collection[str]) -> Settings:
    """Return settings in which everything is decided that was left open.

    Args:
        settings: of a run on a text.
        given: names of the settings that were given on the command line or in a file.

    Returns:
        The settings.

    Raises:
        JaxnnError: if the optimizer is unknown.
    """
    model = _model(settings)
    found: dict[str, Any] = {"task": "text", "model": model, "l2": settings.l2 or 0.0}
    left = [name for name in USUAL[model] if getattr(settings, name) is None or (name in ALWAYS and name not in given)]
    found |= {name: USUAL[model][name] for name in left}
    if settings.learning_rate is None and not settings.optimizer.startswith("adam"):
        found["learning_rate"] = optimizers.resolve(settings.optimizer, None)[1]
    return dataclasses.replace(settings, **found)


def _model(settings: Settings) -> str:
    """On Python's documentation the LSTM reaches 1.94 bits per character in 91 s, the transformer 1.99 in 124 s."""
    return "rnn" if settings.model == "auto" else settings.model


def make_plan(text: Text, settings: Settings, given: Collection[str] = ALWAYS) -> TextPlan:
    """Check everything that can be checked without training.

    Args:
        text: to learn.
        settings: of the run.
        given: names of the settings that were given; epochs and batch size that were not are those of a text.

    Returns:
        The plan.

    Raises:
        JaxnnError: if something does not fit.
    """
    settings = usual(settings, given)
    tokeniser, notes = _tokeniser(text, settings)
    settings = dataclasses.replace(settings, tokens=f"{tokeniser.unit}s")
    assert settings.context is not None
    tokens = tokeniser.tokens(text.text, text.source or "text")
    if len(np.unique(tokens)) < 2:
        fail(text.source or "text", f"a text of one distinct {tokeniser.unit}", "at least two", "Give another text")
    shares = (1 - settings.validation - settings.test, settings.validation, settings.test)
    parts = [tokens[part] for part in consecutive(len(tokens), shares)]
    _check_lengths(parts, shares, settings, text.source or "text")
    train, validation, test = (_stretch(part, settings.context) for part in parts)
    return TextPlan(settings, text, tokeniser, train, validation, test, _network(settings, tokeniser.size), notes)


def _tokeniser(text: Text, settings: Settings) -> tuple[Tokeniser, tuple[str, ...]]:
    """Characters are those of the whole text: the alphabet, of which nothing is learnt but by training."""
    if settings.tokens == "bytes":
        return Bytes(), ()
    many = len(set(text.text))
    if settings.tokens == "characters" or many <= MANY:
        return Characters.of(text.text), ()
    return Bytes(), (f"{many:,} distinct characters: read as bytes; --tokens characters reads them one by one",)


def _check_lengths(parts: list[np.ndarray], shares: tuple[float, ...], settings: Settings, source: str) -> None:
    context = settings.context or 0
    short = min(len(part) for part, share in zip(parts, shares, strict=True) if share)
    for part, share, name in zip(parts, shares, ("training", "validation", "test"), strict=True):
        if share and len(part) < context + 1:
            smaller = f", or --context {short - 1}" if short > 2 else ""
            needed = f"at least {context + 1}, a window (--context) and the one after it"
            given = f"{len(part):,} {settings.tokens} for the {name} part"
            fail(source, given, needed, f"Give a longer text{smaller}")


def _stretch(tokens: np.ndarray, context: int) -> Stretch:
    if not len(tokens):
        none = np.zeros((0, context), np.int32)
        return Stretch(tokens, none, none)
    return Stretch(tokens, *next_tokens(tokens, context))


def _network(settings: Settings, size: int) -> Chain:
    dropout = settings.dropout or None
    width, depth, context = settings.width or 0, settings.depth or 0, settings.context or 0
    if settings.model == "rnn":
        return models.char_rnn(size, width, depth, cell=settings.cell or "lstm", dropout=dropout)
    heads = settings.heads or 0
    if width % heads:
        fail(
            "--width",
            f"{width} with {heads} heads",
            "a multiple of the heads",
            f"Give --width {-(-width // heads) * heads}",
        )
    return models.transformer_lm(size, width, depth, heads, context, dropout)


def train_plan(plan: TextPlan, progress: Callable[[Progress], None] | None = None) -> TextOutcome:
    """Train and score what was planned.

    Args:
        plan: from `make_plan`.
        progress: called between chunks of the training; None for nothing.

    Returns:
        The outcome; `run.interrupted` after Ctrl-C, `run.diverged` where a loss was not finite.

    Raises:
        JaxnnError: if network and data do not fit each other.
    """
    settings = plan.settings
    held = (plan.validation.x, plan.validation.y) if len(plan.validation) else None
    kinds = ((settings.l1, penalties.l1), (settings.l2 or 0.0, penalties.l2))
    run = fit(
        plan.net, (plan.train.x, plan.train.y), losses.softmax_cross_entropy,
        optimizer=settings.optimizer, learning_rate=settings.learning_rate, epochs=settings.epochs,
        batch_size=settings.batch_size, validation=held,
        stop=None if held is None else EarlyStopping(settings.patience),
        penalties=[kind(strength) for strength, kind in kinds if strength],
        metrics=["accuracy"], key=settings.seed, progress=progress or False,
    )  # fmt: skip
    if run.diverged and run.best_epoch < 0:
        return TextOutcome(plan, run, None, None)
    found = [_foretold(plan, run, part) for part in (plan.validation, plan.test)]
    validation, test = (one and one.scores(plan.tokeniser.unit) for one in found)
    outcome = TextOutcome(plan, run, validation, test, found[1] or found[0])
    return outcome if run.diverged else dataclasses.replace(outcome, samples=_samples(outcome))


def _samples(outcome: TextOutcome) -> tuple[Sample, ...]:
    plan, model = outcome.plan, outcome.model
    prompt = prompt_of(plan.text.text)
    return tuple(Sample(at, prompt, write(model, prompt, SAMPLE, at, None, plan.settings.seed)) for at in TEMPERATURES)


def write(
    model: Model, prompt: str, length: int, temperature: float, top_k: int | None, seed: int, where: str = "prompt"
) -> str:
    """Return what a network writes after some words.

    Args:
        model: of a text.
        prompt: what to go on from.
        length: how many tokens to write.
        temperature: 0 takes the most probable token always; 1 draws by the probabilities as they are.
        top_k: draw from so many of the most probable ones; None: from all.
        seed: the same seed writes the same.
        where: how messages call the prompt.

    Returns:
        The text after the prompt.

    Raises:
        JaxnnError: if the prompt is empty or holds unknown characters.
    """
    from jaxnn.generation import generate

    tokens = model.preprocessing.tokens(prompt, where)
    if not len(tokens):
        fail(where, "nothing", f"at least one {model.preprocessing.unit} to go on from")
    found = generate(model, tokens, length, temperature=temperature, top_k=top_k, key=seed)
    return model.preprocessing.text(np.asarray(found)[-length:])


def prompt_of(text: str) -> str:
    """Return the first words of a text, to write on from.

    Args:
        text: what was learnt.

    Returns:
        The first three words of its first line of some length, or its first characters.

    >>> prompt_of("It was the best of times")
    'It was the'
    """
    lines = (line.split() for line in text[:10_000].split("\n"))
    words = next((line for line in lines if len(line) > 3), text[:20].split())
    return " ".join(words[:3])[:60] or text[:1]


def _foretold(plan: TextPlan, run: Run, part: Stretch) -> Foretold | None:
    if not len(part):
        return None
    return foretold(lambda x: outputs(run.net, run.params, run.state, x), part.tokens, part.x.shape[1])
