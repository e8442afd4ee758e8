"""`jaxnn evaluate` of a network that writes: how well it foretells a text."""

from jaxnn import cache
from jaxnn.checks import fail
from jaxnn.cli import runfolder, screen
from jaxnn.cli.textreport import score_rows
from jaxnn.cli.textscores import foretold
from jaxnn.data.textfile import read_text
from jaxnn.files import shown_path


def evaluate(opened: runfolder.Opened, data: str, target: str | None, *, as_json: bool) -> int:
    """Print how well a network foretells a text.

    Args:
        opened: a run of the task "text".
        data: a built-in text or a file.
        target: what was typed after --target, which a text has not.
        as_json: print one JSON object in place of text.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the model or the text does not fit.
    """
    model, tokeniser = opened.model, opened.model.preprocessing
    if tokeniser is None:
        fail(shown_path(opened.path), "a model without its tokens", "one that jaxnn train wrote", "Use it from Python")
    if target is not None:
        fail("--target", f"{target!r} with a model that writes text", "a model of a table", "Leave it out")
    text = read_text(data)
    (length,) = model.example.shape
    tokens = tokeniser.tokens(text.text, data)
    if len(tokens) < length + 1:
        fail(shown_path(data), f"{len(tokens):,} {tokeniser.unit}s", f"at least {length + 1}", "Give a longer text")
    cache.turn_on()
    scores = foretold(model.logits, tokens, length).scores(tokeniser.unit)
    if text.sha256 and opened.recipe.get("data_sha256") == text.sha256:
        screen.say("the network was trained on a part of this text; on a new one it may do worse")
    if as_json:
        screen.print_json({"data": data, "task": "text", **scores.to_json()})
    else:
        screen.facts(score_rows("score", scores))
    return 0
