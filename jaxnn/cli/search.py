"""`jaxnn search`: try many settings on folds of the training rows, then train the best one as `jaxnn train` does."""

import dataclasses
import os
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from jaxnn import cache
from jaxnn.checks import fail
from jaxnn.cli import images, pipeline, runfolder, screen, searchevidence, searchreport
from jaxnn.cli.bar import population_bar
from jaxnn.cli.configfile import Config, combined, read_config
from jaxnn.cli.pipeline import Plan
from jaxnn.cli.report import counted
from jaxnn.cli.searchgrid import MOST, tried
from jaxnn.cli.searchreport import Found
from jaxnn.cli.settings import Choice, Settings, Whole
from jaxnn.cli.train import INTERRUPTED, Flags, check_same_data, default_out, finished, loaded
from jaxnn.data import Text
from jaxnn.files import shown_path
from jaxnn.population import Leaderboard, Search
from jaxnn.population import search as search_population
from jaxnn.population.races import SCHEDULES, check_epochs

METRICS = {"classification": ("accuracy", "loss"), "regression": ("r_squared", "loss")}
"""What may decide, the default first."""


PART_OF = {
    "hidden": "net", "activation": "net", "dropout": "net", "l1": "penalties", "l2": "penalties", "patience": "stop",
}  # fmt: skip
"""What `fit` takes of a setting, where that has another name. (Equality would not tell: L2(0) == L2(1), because a
strength is no part of a program.)"""


class Wanted(NamedTuple):
    """What was asked of a search, checked."""

    grid: list[str]
    space: list[str]
    random: int | None
    folds: int
    repeats: int
    schedule: str
    metric: str | None


def wanted(typed: Mapping[str, Any]) -> Wanted:
    """Return what was typed after the flags of a search.

    Args:
        typed: text by the name of the flag, lists for `grid` and `space`; None where nothing was.

    Returns:
        The same, checked.

    Raises:
        JaxnnError: naming the flag that is wrong.

    >>> wanted({"grid": ["l2=0,1"], "folds": "3"})
    Wanted(grid=['l2=0,1'], space=[], random=None, folds=3, repeats=1, schedule='full', metric=None)
    """
    kinds: dict[str, tuple[Any, Any]] = {
        "random": (Whole(1, MOST), None), "folds": (Whole(2, 1000), 5), "repeats": (Whole(1, 1000), 1),
        "schedule": (Choice(lambda: SCHEDULES), "full"),
        "metric": (Choice(lambda: dict.fromkeys(name for names in METRICS.values() for name in names)), None),
    }  # fmt: skip
    found = {
        name: default if typed.get(name) is None else kind.check(f"--{name}", kind.parse(typed[name]))
        for name, (kind, default) in kinds.items()
    }
    return Wanted(list(typed.get("grid") or []), list(typed.get("space") or []), **found)


def search(
    flags: Flags,
    typed: Mapping[str, Any],
    config: str | None,
    out: str | None,
    *,
    overwrite: bool,
    as_json: bool,
    quiet: bool,
) -> int:
    """Search for the best settings of a network, train it with them and save it; everything is checked before.

    Args:
        flags: the settings that all runs share, by name; None where nothing was typed.
        typed: the flags of the search, as for `wanted`.
        config: path of a TOML file of settings, or None.
        out: the run folder; None for `runs/`, the name of the data and `-search`.
        overwrite: True to replace a run folder.
        as_json: print one JSON object in place of text.
        quiet: print nothing but errors.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if something given does not fit; nothing was written then.
    """
    found = read_config(config) if config is not None else Config()
    asked, settings = wanted(typed), combined(flags, found)
    if settings.data is None:
        fail("DATA", "none", "a built-in name (jaxnn datasets lists them) or a file", "Type: jaxnn search digits")
    given = {name: value for name, value in flags.items() if value not in (None, [])}
    settings_tried = tried(asked.grid, asked.space, asked.random, settings.seed, given)
    check_epochs(asked.schedule, settings_tried)
    table = loaded(settings, flags, found, as_json or quiet)
    if isinstance(table, Text):
        fail("DATA", "a text", "a table or images", "Type: jaxnn train, which learns to write")
    folder = runfolder.destination(out if out is not None else f"{default_out(settings.data)}-search", overwrite)
    runfolder.keep_inputs(folder, {"DATA": table.source or settings.data, "--config": config})
    check_same_data(found, settings, table)
    plan = pipeline.make_plan(table, settings)
    asked = asked._replace(metric=_metric(plan, asked.metric))
    silent = as_json or quiet
    if not silent:
        with screen.unless_closed():
            searchreport.print_search(plan, settings_tried, asked.folds * asked.repeats, asked.schedule)
    cache.turn_on()
    result = _searched(plan, settings, settings_tried, asked, quiet)
    beside = runfolder.Beside(_files(result), {"search": result.facts}, searchevidence.evidence(result))
    stopped = result.found.interrupted
    best = None if stopped else pipeline.make_plan(table, dataclasses.replace(settings, **(result.best or {})))
    if not silent and result.best is not None:
        with screen.unless_closed():
            searchreport.print_found(result, best)
    if best is None:
        return _interrupted(folder, result, beside, as_json)
    code = finished(best, folder, overwrite=overwrite, as_json=as_json, quiet=quiet, beside=beside)
    if code and not os.path.lexists(folder):
        _save_alone(folder, beside)
    return code


def _metric(plan: Plan, typed: str | None) -> str:
    names = METRICS[plan.settings.task]
    if typed is not None and typed not in names:
        fail("--metric", f"{typed} for a {plan.settings.task}", f"{' or '.join(names)}", "Leave it out")
    return typed or names[0]


def _searched(plan: Plan, settings: Settings, each: list[dict[str, Any]], asked: Wanted, quiet: bool) -> Found:
    """Every setting on every fold of the rows that are not the test's."""
    x = np.concatenate([plan.train.x, plan.validation.x])
    y = np.concatenate([plan.train.y, plan.validation.y])
    _check_folds(plan, y, asked.folds)
    members = [_member(plan, settings, one, set(each[0])) for one in each]
    varied = {PART_OF.get(name, name) for name in each[0]} | {"net"}
    shared = {name: value for name, value in members[0].items() if name not in varied}
    grid = [{name: [value] for name, value in member.items() if name in varied} for member in members]
    share = settings.validation / (1 - settings.test)
    since = time.monotonic()
    runs = len(each) * asked.folds * asked.repeats
    begun = f"searching {counted(len(each), 'setting')} on {asked.folds * asked.repeats} folds: {runs:,} runs"
    with population_bar(begun, "searched", quiet) as progress:
        found = search_population(
            _as_it_is, (x, y), plan.objective.loss, grid=grid, folds=asked.folds, repeats=asked.repeats,
            metric=asked.metric, schedule=asked.schedule, refit=False, key=settings.seed, progress=progress,
            inner_validation=share if share else None, **shared,
        )  # fmt: skip
    return _of(found, each, asked, members[0]["epochs"], time.monotonic() - since)


def _as_it_is(net: Any) -> Any:
    """The network of a setting, which is made already."""
    return net


def _member(plan: Plan, settings: Settings, one: Mapping[str, Any], names: set[str]) -> dict[str, Any]:
    """What `fit` takes of a setting, as `jaxnn train` would give it: layers and penalties of those that vary stay."""
    own = dataclasses.replace(settings, **one)
    # what was left open is decided for the training that comes after the search
    decided = {"task": plan.settings.task, "model": plan.settings.model}
    decided |= {"l2": plan.settings.l2} if own.l2 is None else {}
    changed = dataclasses.replace(plan, settings=dataclasses.replace(own, **decided))
    kind, width, dropping = plan.settings.model, plan.objective.width, "dropout" in names
    if plan.train.x.ndim > 2:
        net = images.network(kind, plan.train.x.shape[1:], width, changed.settings, dropping)
    else:
        net = pipeline.network(plan.preprocessing, width, changed.settings, dropping)
    return {"net": net, **pipeline.training(changed, names)}


def _check_folds(plan: Plan, y: np.ndarray, folds: int) -> None:
    """Refuse folds that cannot be made, in the words of the command line and with the names of classes."""
    if len(y) < folds:
        fail("--folds", f"{folds} of {len(y)} rows", f"at most {len(y)}", "Give fewer folds, or more rows")
    if plan.preprocessing.classes is None:
        return
    counts = np.bincount(y, minlength=len(plan.preprocessing.classes))
    fewest = int(counts.argmin())
    if counts[fewest] < folds:
        name = str(plan.preprocessing.classes[fewest])
        given = f"{folds} with {counts[fewest]} row{'' if counts[fewest] == 1 else 's'} of class {name!r} to search on"
        do = f"Give --folds {counts[fewest]}" if counts[fewest] > 1 else "Add rows of it, or leave its rows out"
        fail("--folds", given, "a row of every class in every fold", do)


def _of(found: Search, each: list[dict[str, Any]], asked: Wanted, epochs: int, seconds: float) -> Found:
    """The table in the names of the command line, without what Ctrl-C left unfinished."""
    many = len(found.folds)
    runs = [0 if run is None else run.history.epochs for run in found.runs]
    status = [""] * len(each)
    for place, said in zip(found.table.order, found.table["status"], strict=True):
        status[place] = said
    kept = [place for place in range(len(each)) if status[place] != "interrupted"]
    names = list(each[0])
    board = None
    if kept:
        done = np.array(runs, np.float64).reshape(-1, many)[kept]
        own = [each[place] for place in kept]
        board = Leaderboard(own, found.scores[kept], done, [status[place] for place in kept], found.higher_is_better)
    order = [kept[place] for place in board.order] if board else []
    best = each[order[0]] if order and found.best is not None else None
    return Found(found, board, order, names, best, asked.schedule, asked.repeats, epochs, sum(runs), len(each), seconds)


def _files(result: Found) -> dict[str, bytes]:
    table = "" if result.table is None else result.table.csv()
    return {runfolder.LEADERBOARD: table.encode(), runfolder.SEARCH: searchreport.as_text(result).encode()}


def _interrupted(folder: str, result: Found, beside: runfolder.Beside, as_json: bool) -> int:
    if result.table is None:
        screen.say("interrupted; nothing was saved, because no setting was finished")
        return INTERRUPTED
    if as_json:
        screen.print_json({"out": folder, **beside.facts})
    done = f"interrupted after {len(result.order):,} of {result.tried:,} settings"
    if os.path.isdir(folder) and os.listdir(folder):
        screen.say(f"{done}; nothing was saved: it would have replaced a trained network")
        return INTERRUPTED
    _save_alone(folder, beside, f"{done}; ")
    return INTERRUPTED


def _save_alone(folder: str, beside: runfolder.Beside, said: str = "") -> None:
    runfolder.save_search(folder, beside)
    path = shown_path(os.path.join(folder, runfolder.LEADERBOARD))
    screen.say(f"{said}no network was trained; their table is saved in {path}")
