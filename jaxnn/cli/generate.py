"""`jaxnn generate`: what a network that learnt a text writes."""

from typing import Any

from jaxnn import cache
from jaxnn.checks import fail
from jaxnn.cli import runfolder, screen, text
from jaxnn.cli.predict import check_out
from jaxnn.cli.report import counted
from jaxnn.cli.settings import DESCRIBED, Number, Whole
from jaxnn.data.tokenisers import Bytes, Characters
from jaxnn.files import shown_path, write_atomically

LENGTH, TEMPERATURE = 400, 0.8
MOST = 10**6
"""Tokens written at most: 10 minutes to an hour of computing."""


def generate(
    run: str,
    prompt: str,
    out: str | None,
    *,
    length: str | None,
    temperature: str | None,
    top_k: str | None,
    seed: str | None,
    as_json: bool,
) -> int:
    """Go on writing from some words.

    Args:
        run: a run folder or a model file.
        prompt: the first words.
        out: the file to write; None for stdout.
        length: how many tokens to write.
        temperature: 0 takes the most probable token always, 1 draws by the probabilities as they are.
        top_k: draw from so many of the most probable tokens; None for all.
        seed: the same seed writes the same.
        as_json: print one JSON object.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the run writes no text, the prompt has unknown characters, or a number is out of range.
    """
    infinity = float("inf")
    count = _number("--length", Whole(1, MOST), length, LENGTH)
    heat = _number("--temperature", Number(0, infinity, open_high=True), temperature, TEMPERATURE)
    most = _number("--top-k", Whole(1, 2**31 - 1), top_k, None)
    key = _number("--seed", DESCRIBED["seed"].kind, seed, 0)
    opened = runfolder.open_run(run)
    if out is not None:
        check_out(out, "", opened.path)
    model = opened.model
    tokeniser = model.preprocessing
    if model.task != "text" or not isinstance(tokeniser, Characters | Bytes):
        fail(shown_path(opened.path), "a model that writes no text", "one that was trained with --task text")
    if most is not None:
        Whole(1, tokeniser.size).check("--top-k", most)
    cache.turn_on()
    written = text.write(model, prompt, count, heat, most, key, "PROMPT")
    if out is not None:
        write_atomically(out, (prompt + written).encode())
    if as_json:
        document = {"prompt": prompt, "text": written, "tokens": count, "unit": tokeniser.unit}
        screen.print_json(document | {"temperature": heat, "top_k": most, "seed": key} | ({"out": out} if out else {}))
    elif out is not None:
        screen.say(f"wrote {counted(count, tokeniser.unit)} after the prompt to {shown_path(out)}")
    else:
        screen.writing(prompt + written)
    return 0


def _number(flag: str, kind: Whole | Number, typed: str | None, usual: Any) -> Any:
    return usual if typed is None else kind.check(flag, kind.parse(typed))
