"""`jaxnn train`: read, check, train, score, save."""

import os
import shlex
import time
from collections.abc import Mapping
from pathlib import Path

from jaxnn.checks import JaxnnError, fail
from jaxnn.cli import cache, fold, report, runfolder, screen
from jaxnn.cli.bar import training_bar
from jaxnn.cli.configfile import DIGEST, Config, combined, read_config
from jaxnn.cli.pipeline import Outcome, make_plan, train_plan
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, load
from jaxnn.files import shown_path

INTERRUPTED, DIVERGED = 130, 3
"""Exit codes: of a program that Ctrl-C ended, and of a training whose loss was not finite."""


def train(
    flags: Mapping[str, str | list[str] | None],
    config: str | None,
    out: str | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
    folded: bool = False,
) -> int:
    """Train a network on a table and save it; everything is checked before the training begins.

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
    table = _loaded(settings, flags, found)
    folder = runfolder.destination(out if out is not None else _default_out(settings.data), overwrite)
    runfolder.keep_inputs(folder, {"DATA": table.source or settings.data, "--config": config})
    _check_same_data(found, settings, table)
    plan = make_plan(table, settings)
    widths = (plan.train.x.shape[-1], *plan.settings.hidden, plan.objective.width)
    fold.turn_on(widths, folded, found.made_with)
    silent = as_json or quiet
    for note in [] if quiet else runfolder.differences(found.made_with):
        screen.say(note)
    if not silent:
        # a reader of stdout that goes away, such as `head -1`, ends no training
        with screen.unless_closed():
            report.print_plan(plan)
    cache.turn_on()
    since = time.monotonic()
    with training_bar(settings.epochs, quiet) as progress:
        outcome = train_plan(plan, progress)
    run = outcome.run
    code = INTERRUPTED if run.interrupted else DIVERGED if run.diverged else 0
    if code and run.best_epoch < 0:
        # weights of less than an epoch are worth nothing, and with --overwrite would replace some that are
        screen.say(f"{run.stopped_because}; nothing was saved, because no epoch was completed")
        return code
    seconds = time.monotonic() - since
    runfolder.save(folder, outcome, overwrite)
    with screen.unless_closed():
        if not silent:
            report.print_outcome(outcome, seconds)
        _say_saved(folder, outcome, as_json, quiet)
    if run.interrupted or run.diverged:
        screen.say(f"{run.stopped_because}; saved in {shown_path(folder)}")
    return code


def _loaded(settings: Settings, flags: Mapping[str, str | list[str] | None], found: Config) -> Table:
    """The data; what a file of settings says of it wrongly is called by the line that says it."""
    assert settings.data is not None
    try:
        return load(settings.data, settings.target, settings.task, settings.drop, settings.keep)
    except JaxnnError as error:
        lost = "data: " if flags.get("data") is None and not os.path.exists(settings.data) else ""
        said = lost + str(error).removeprefix(lost)
        name = said.split(":")[0].removeprefix("--")
        if name in found.places and flags.get(name) is None:
            raise JaxnnError(f"{found.places[name]}: {said}") from None
        raise


def _default_out(data: str) -> str:
    stem = Path(data.removesuffix(".gz")).stem.strip(". ")
    if not stem:
        fail("--out", "none", f"the name of a folder, because {shown_path(data)} gives none", "Type: --out runs/NAME")
    return str(Path("runs") / stem)


def _check_same_data(found: Config, settings: Settings, table: Table) -> None:
    """A run.toml promises the same network again, which only the same bytes of data can give."""
    if found.data_sha256 and found.values.get("data") == settings.data and table.sha256 != found.data_sha256:
        given = f"data whose SHA-256 is {table.sha256[:12]}..."
        needed = f"{found.data_sha256[:12]}..., as {shown_path(found.source)} says"
        do = f"The data has changed since: remove the line {DIGEST} to train on it as it is"
        fail(shown_path(settings.data or ""), given, needed, do)


def _say_saved(folder: str, outcome: Outcome, as_json: bool, quiet: bool) -> None:
    if as_json:
        screen.print_json({"out": folder, **runfolder.metrics_of(outcome)})
    elif not quiet:
        data = shlex.quote(outcome.plan.settings.data or "DATA")
        page = os.path.join(folder, runfolder.REPORT)
        look = [("look", page)] if os.path.exists(page) else []
        then = f"jaxnn predict {shlex.quote(folder)} {data} --out predictions.csv"
        screen.facts([("saved", folder), *look, ("next", then)])
