"""`jaxnn train`: read, check, train, score, save."""

import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path

from jaxnn import cache
from jaxnn.checks import JaxnnError, fail
from jaxnn.cli import fold, images, pipeline, report, runfolder, screen, text, textreport, together
from jaxnn.cli.bar import population_bar, reading_bar, training_bar
from jaxnn.cli.configfile import DIGEST, Config, combined, read_config
from jaxnn.cli.pipeline import Outcome, Plan
from jaxnn.cli.runfolder import Beside
from jaxnn.cli.settings import Settings
from jaxnn.cli.text import TextOutcome, TextPlan
from jaxnn.data import Table, Text, load
from jaxnn.data.images import Wanted
from jaxnn.files import shown_path

Flags = Mapping[str, str | list[str] | None]

INTERRUPTED, DIVERGED = 130, 3
"""Exit codes: of a program that Ctrl-C ended, and of a training whose loss was not finite."""


def train(
    flags: Flags,
    config: str | None,
    out: str | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    folded: bool = False,
) -> int:
    """Train a network on a table or a text and save it; everything is checked before the training begins.

    Args:
        flags: the settings that were typed, by name; None where nothing was.
        config: path of a TOML file of settings, or None.
        out: the run folder; None for `runs/` and the name of the data.
        overwrite: True to replace a run folder.
        as_json: print one JSON object in place of text.
        quiet: print nothing but errors.
        folded: have XLA fold the run of a tiny network into one kernel.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if something given does not fit; nothing was written then.
    """
    found = read_config(config) if config is not None else Config()
    settings = combined(flags, found)
    if settings.data is None:
        fail("DATA", "none", "a built-in name (jaxnn datasets lists them) or a file", "Type: jaxnn train digits")
    table = loaded(settings, flags, found, as_json or quiet)
    folder = runfolder.destination(out if out is not None else default_out(settings.data), overwrite)
    runfolder.keep_inputs(folder, {"DATA": table.source or settings.data, "--config": config})
    check_same_data(found, settings, table)
    plan = _planned(table, settings, flags, found, folded)
    silent = as_json or quiet
    for note in [] if quiet else runfolder.differences(found.made_with):
        screen.say(note)
    if not silent:
        # a reader of stdout that goes away, such as `head -1`, ends no training
        with screen.unless_closed():
            _print_plan(plan)
    return finished(plan, folder, overwrite=overwrite, as_json=as_json, quiet=quiet)


def finished(
    plan: Plan | TextPlan, folder: str, *, overwrite: bool, as_json: bool, quiet: bool, beside: Beside | None = None
) -> int:
    """Train what was planned, save it, and say so.

    Args:
        plan: the checked run.
        folder: from `runfolder.destination`.
        overwrite, as_json, quiet: as for `train`.
        beside: what a search adds.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if it cannot be written.
    """
    silent = as_json or quiet
    cache.turn_on()
    since = time.monotonic()
    outcome = _trained(plan, quiet)
    run = outcome.run
    code = INTERRUPTED if run.interrupted else DIVERGED if run.diverged else 0
    if code and run.best_epoch < 0:
        # weights of less than an epoch are worth nothing, and with --overwrite would replace some that are
        screen.say(f"{run.stopped_because}; nothing was saved, because no epoch was completed")
        return code
    seconds = time.monotonic() - since
    runfolder.save(folder, outcome, overwrite, beside)
    with screen.unless_closed():
        if not silent:
            _print_outcome(outcome, seconds)
        _say_saved(folder, outcome, as_json, quiet, beside or Beside())
    if run.interrupted or run.diverged:
        screen.say(f"{run.stopped_because}; saved in {shown_path(folder)}")
    return code


def _planned(data: Table | Text, settings: Settings, typed: Flags, found: Config, folded: bool) -> Plan | TextPlan:
    """Check everything that can be checked without training."""
    if isinstance(data, Text):
        if folded:
            fail("--fold", "with a text", "a table", "Leave it out")
        given = {name for name, value in typed.items() if value not in (None, [])}
        text.check_apply(settings, given)
        return text.make_plan(data, settings, given | set(found.values))
    text.check_table(settings)
    plan = pipeline.make_plan(data, settings)
    if plan.train.x.ndim > 2:
        if folded:
            fail("--fold", "with images", "a table", "Leave it out")
        return plan
    widths = (plan.train.x.shape[-1], *plan.settings.hidden, plan.objective.width)
    fold.turn_on(widths, folded, found.made_with)
    return plan


def _print_plan(plan: Plan | TextPlan) -> None:
    textreport.print_plan(plan) if isinstance(plan, TextPlan) else report.print_plan(plan)


def _trained(plan: Plan | TextPlan, quiet: bool) -> Outcome | TextOutcome:
    many = plan.settings.ensemble
    if isinstance(plan, Plan) and many > 1:
        with population_bar(f"training {many} members", f"trained {many} members", quiet) as shown:
            return together.train_plan(plan, shown)
    with training_bar(plan.settings.epochs, quiet) as progress:
        if isinstance(plan, TextPlan):
            return text.train_plan(plan, progress)
        return pipeline.train_plan(plan, progress)


def _print_outcome(outcome: Outcome | TextOutcome, seconds: float) -> None:
    if isinstance(outcome, TextOutcome):
        textreport.print_outcome(outcome, seconds)
    else:
        report.print_outcome(outcome, seconds)


def loaded(settings: Settings, flags: Flags, found: Config, quiet: bool) -> Table | Text:
    """Return the data of a run.

    Args:
        settings: with the data's name or path.
        flags: what was typed, by name.
        found: what a file of settings says; what it says wrongly is called by the line that says it.
        quiet: whether no bar is shown.

    Returns:
        A table or a text.

    Raises:
        JaxnnError: if there is no such data, or it is bad.
    """
    assert settings.data is not None
    try:
        if text.asked(settings):
            return text.read(settings)
        with reading_bar("images", quiet) as progress:
            wanted = Wanted(images.image_size(settings), progress=progress)
            return load(settings.data, settings.target, settings.task, settings.drop, settings.keep, wanted)
    except JaxnnError as error:
        lost = "data: " if flags.get("data") is None and not os.path.exists(settings.data) else ""
        said = lost + str(error).removeprefix(lost)
        if settings.data.lower().endswith((".txt", ".txt.gz")) and not text.asked(settings) and not settings.target:
            raise JaxnnError(f"{said} If this is a text to learn, give --task text.") from None
        name = said.split(":")[0].removeprefix("--")
        if name in found.places and flags.get(name) is None:
            raise JaxnnError(f"{found.places[name]}: {said}") from None
        raise


def default_out(data: str) -> str:
    """Return the run folder where none was given: runs/ and the name of the data."""
    stem = Path(data.removesuffix(".gz")).stem.strip(". ")
    if not stem:
        fail("--out", "none", f"the name of a folder, because {shown_path(data)} gives none", "Type: --out runs/NAME")
    return str(Path("runs") / stem)


def check_same_data(found: Config, settings: Settings, table: Table | Text) -> None:
    """Refuse other data than a run.toml was written for: it promises the same network again.

    Args:
        found: what a file of settings says.
        settings: of the run.
        table: its data.

    Raises:
        JaxnnError: if the bytes of the data are others.
    """
    if found.data_sha256 and found.values.get("data") == settings.data and table.sha256 != found.data_sha256:
        given = f"data whose SHA-256 is {table.sha256[:12]}..."
        needed = f"{found.data_sha256[:12]}..., as {shown_path(found.source)} says"
        do = f"The data has changed since: remove the line {DIGEST} to train on it as it is"
        fail(shown_path(settings.data or ""), given, needed, do)


def _say_saved(folder: str, outcome: Outcome | TextOutcome, as_json: bool, quiet: bool, beside: Beside) -> None:
    if as_json:
        screen.print_json({"out": folder, **runfolder.metrics_of(outcome), **beside.facts})
    elif not quiet:
        data = shlex.quote(outcome.plan.settings.data or "DATA")
        page = os.path.join(folder, runfolder.REPORT)
        look = [("look", page)] if os.path.exists(page) else []
        then = f"jaxnn predict {shlex.quote(folder)} {data} --out predictions.csv"
        if isinstance(outcome, TextOutcome):
            prompt = shlex.quote(text.prompt_of(outcome.plan.text.text))
            then = f"jaxnn generate {shlex.quote(folder)} {prompt} --length 400"
        screen.facts([("saved", folder), *look, ("next", then)])
