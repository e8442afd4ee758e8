"""A run folder: where it may be put, what it holds, how it is written in one step, and how it is opened again."""

import dataclasses
import importlib.metadata
import json
import os
import platform
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from jaxnn import modelfile
from jaxnn.checks import JaxnnError, fail
from jaxnn.cli import textevidence, textreport, together
from jaxnn.cli.configfile import as_toml
from jaxnn.cli.evidence import evidence
from jaxnn.cli.pipeline import Outcome
from jaxnn.cli.screen import say
from jaxnn.cli.settings import NAMES
from jaxnn.cli.text import OF_TABLES, TextOutcome
from jaxnn.data import Preprocessing, names
from jaxnn.data.tablefile import SUFFIXES
from jaxnn.files import read_bytes, reading, replaceable, shown_path, write_folder_atomically
from jaxnn.model import Model
from jaxnn.report import Searched, page, to_json
from jaxnn.version import __version__

MODEL, RECIPE, HISTORY, METRICS = "model.safetensors", "run.toml", "history.csv", "metrics.json"
REPORT, EVIDENCE = "report.html", "report.json"
LEADERBOARD, SEARCH = "leaderboard.csv", "search.json"
ENTRIES = (MODEL, RECIPE, HISTORY, METRICS, REPORT, EVIDENCE)
"""What `jaxnn train` writes."""
EVERY = (*ENTRIES, LEADERBOARD, SEARCH)
"""Every name that a run folder may hold: one with any other is not a run's alone, and never replaced."""
MARKS = (MODEL, RECIPE, SEARCH)
"""A folder with none of them is no run folder."""
LIBRARIES = ("jax", "jaxlib", "numpy", "optax")


@dataclass(frozen=True)
class Beside:
    """What a search leaves beside the run of its best setting."""

    files: Mapping[str, bytes] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What --json says beside the metrics of the run."""
    part: Searched | None = None
    """Of the report."""


@dataclass(frozen=True)
class Opened:
    """A trained network and, where it lies in a run folder, what is known of its training."""

    model: Model
    path: str
    """The model file."""
    metrics: dict[str, Any]
    """What metrics.json says; {} for a model file by itself."""
    recipe: dict[str, Any]
    """What run.toml says; {} for a model file by itself."""


def destination(out: str, overwrite: bool) -> str:
    """Check, before any work is done, that a run folder can be written.

    Args:
        out: the folder as typed.
        overwrite: whether a run that is there may be replaced.

    Returns:
        The folder as typed, without a slash at its end.

    Raises:
        JaxnnError: if it exists and may not be replaced, or cannot be made.
    """
    where = f"--out {shown_path(out)}"
    if not out or "\0" in out:
        fail("--out", repr(out), "the name of a folder")
    current, final = os.path.realpath("."), os.path.realpath(out)
    if _inside(current, final):
        given = "the current folder" if current == final else "a folder that the current one lies in"
        fail(where, given, "a folder of the run's own", "Give another --out")
    if os.path.isdir(out):
        there = replaceable(where, final, EVERY, MARKS, "give another --out")
        if there and not overwrite:
            fail(where, "a folder that is already there", "a new folder", "Give --overwrite or another --out")
    elif os.path.lexists(out):
        fail(where, "a file", "a new folder", "Give another --out")
    above = os.path.dirname(os.path.realpath(out))
    while not os.path.lexists(above) and os.path.dirname(above) != above:
        above = os.path.dirname(above)
    if not os.path.isdir(above):
        fail(where, f"a path through {shown_path(above)}, which is no folder", "a new folder", "Give another --out")
    if not os.access(above, os.W_OK | os.X_OK):
        fail(where, f"{shown_path(above)}, which may not be written", "a folder to write to", "Give another --out")
    return out.rstrip("/") or out


def keep_inputs(out: str, inputs: Mapping[str, str | None]) -> None:
    """Check that replacing a run folder would not remove what is read for the run.

    Args:
        out: the folder, from `destination`.
        inputs: paths that are read, by how the command line calls them; None and names of built-in sets are left out.

    Raises:
        JaxnnError: naming the one that lies in the folder; the folder's own run.toml may, as it is written anew.
    """
    final = os.path.realpath(out)
    for name, path in inputs.items():
        if path is None or not os.path.isfile(path):  # a run folder may be called iris, as the built-in set is
            continue
        if _inside(os.path.realpath(path), final) and os.path.realpath(path) != os.path.join(final, RECIPE):
            given = f"{name} {shown_path(path)}, which would be removed with the folder"
            fail(f"--out {shown_path(out)}", given, "a folder without what is read", "Give another --out")


def _inside(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def save(folder: str, outcome: Outcome | TextOutcome, overwrite: bool, beside: Beside | None = None) -> None:
    """Write the run folder, whole or not at all.

    Args:
        folder: from `destination`.
        outcome: what to save.
        overwrite: whether a run that is there may be replaced.
        beside: what a search adds.

    Raises:
        JaxnnError: if it cannot be written; what was there is as it was.
    """
    values = {name: getattr(outcome.plan.settings, name) for name in NAMES}
    if isinstance(outcome, TextOutcome):
        data, model = outcome.plan.text, outcome.model
        values = {name: value for name, value in values.items() if name not in OF_TABLES}
    else:
        data, plan = outcome.plan.table, outcome.plan
        model = Model.of(outcome.run, plan.preprocessing, plan.settings.task)
        values["target"] = data.target_name
    values["data"] = _lasting(data.source or outcome.plan.settings.data)
    files = {
        MODEL: modelfile.to_bytes(model),
        RECIPE: as_toml(values, data.sha256, made_with()).encode(),
        HISTORY: outcome.run.history.csv().encode(),
        METRICS: (json.dumps(metrics_of(outcome), indent=2, allow_nan=False) + "\n").encode(),
    }
    beside = beside or Beside()
    files |= _report(outcome, beside.part) | dict(beside.files)
    write_folder_atomically(folder, files, EVERY, MARKS, overwrite)


def save_search(folder: str, beside: Beside) -> None:
    """Write a folder of a search alone, which has no network: one that was interrupted.

    Args:
        folder: from `destination`; no run is replaced.
        beside: what the search found.

    Raises:
        JaxnnError: if it cannot be written.
    """
    write_folder_atomically(folder, beside.files, EVERY, MARKS)


def _report(outcome: Outcome | TextOutcome, part: Searched | None) -> dict[str, bytes]:
    """The report and its numbers; without them where they cannot be made: a picture must not cost the network."""
    try:
        if isinstance(outcome, TextOutcome):
            document = textevidence.evidence(outcome, made_with())
        else:
            more = {"search": part, "ensemble": together.evidence(outcome)}
            document = dataclasses.replace(evidence(outcome, made_with()), **more)
        return {EVIDENCE: to_json(document).encode(), REPORT: page(document).encode()}
    except Exception as error:
        say(f"the run is saved without a report, which met an unexpected {type(error).__name__}: {error}")
        return {}


def _lasting(data: str | None) -> str | None:
    """The absolute path of a file, so that its run.toml can be used from any folder; the name of a built-in set."""
    if not data or data in {entry.name for entry in names()} or not os.path.exists(data):
        return data
    path = os.path.abspath(data)
    # run.toml is UTF-8, which the path of the current folder need not be
    return data if any("\ud800" <= letter <= "\udfff" for letter in path) else path


def metrics_of(outcome: Outcome | TextOutcome) -> dict[str, Any]:
    """Return what metrics.json holds; epochs count from 1."""
    if isinstance(outcome, TextOutcome):
        return textreport.metrics_of(outcome)
    plan, run = outcome.plan, outcome.run
    return {
        "task": plan.settings.task,
        "rows": {"train": len(plan.train), "validation": len(plan.validation), "test": len(plan.test)},
        "epochs": run.history.epochs, "best_epoch": run.best_epoch + 1,
        "steps": run.steps, "stopped_because": run.stopped_because, "interrupted": run.interrupted,
        "diverged": run.diverged,
        "validation": outcome.validation and outcome.validation.to_json(),
        "test": outcome.test and outcome.test.to_json(), **together.facts(outcome),
    }  # fmt: skip


def made_with() -> dict[str, str]:
    """Return versions and machine, as far as the bits of a run depend on them."""
    import jax

    device = jax.devices()[0]
    found = {"jaxnn": __version__} | {name: importlib.metadata.version(name) for name in LIBRARIES}
    found |= {"python": platform.python_version(), "platform": device.platform, "device": device.device_kind}
    flags = os.environ.get("XLA_FLAGS", "").strip()
    return found | ({"xla_flags": flags} if flags else {})


def differences(recorded: Mapping[str, Any]) -> list[str]:
    """Return a line that says how this installation differs from the one that wrote a `run.toml`, if it does.

    Args:
        recorded: its table of versions; {} where there is none.

    Returns:
        No line or one.
    """
    here = made_with() if recorded else {}
    names = [name for name in here if name in recorded or name == "xla_flags"]
    names += [name for name in recorded if name == "xla_flags" and name not in here]
    changed = [
        f"{name} {recorded.get(name, 'none')} (now {here.get(name, 'none')})"
        for name in names
        if recorded.get(name) != here.get(name)
    ]
    return [f"the run was made with {', '.join(changed)}: the last bits may differ"] if changed else []


def open_run(path: str) -> Opened:
    """Open a run folder or a model file.

    Args:
        path: as typed.

    Returns:
        The network and what is known of it.

    Raises:
        JaxnnError: if it is neither, or a file in it is bad.
    """
    if not os.path.isdir(path):
        _check_kind(path)
        return Opened(modelfile.load(path), path, {}, {})
    if not os.access(path, os.R_OK | os.X_OK):
        given = "a folder that may not be read"
        fail(shown_path(path), given, "a run folder with permission to read it", "Ask its owner for permission")
    file = os.path.join(path, MODEL)
    if not os.path.lexists(file):
        do = "A run folder is what jaxnn train wrote"
        fail(shown_path(path), f"a folder without {MODEL}", "a run folder or a model file", do)
    metrics, recipe = _document(path, METRICS, json.loads), _document(path, RECIPE, tomllib.loads)
    return Opened(modelfile.load(file), file, metrics, recipe)


def preprocessing_of(opened: Opened) -> Preprocessing:
    """Return how a network takes the columns of a table.

    Args:
        opened: from `open_run`.

    Returns:
        The preprocessing.

    Raises:
        JaxnnError: if it was trained on something else than a table, or answers with several labels at once.
    """
    model, where = opened.model, shown_path(opened.path)
    if model.task == "text":
        do = 'Type: jaxnn generate RUN "First words"'
        fail(where, "a model that writes text", "one that predicts the rows of a table", do)
    if model.preprocessing is None:
        fail(where, "a model without the columns of a table", "one that jaxnn train wrote", "Use it from Python")
    if model.task == "multilabel":
        fail(where, "a model that gives a row several labels", "one class or value for each row", "Use it from Python")
    return model.preprocessing


def _check_kind(path: str) -> None:
    """Tell a table that stands where the run should from a model file that is damaged: that takes another advice."""
    with reading(path, "a model file or a run folder") as file:
        first = file.read(9)
    if path.lower().endswith(SUFFIXES) or (len(first) == 9 and first[8:] != b"{"):
        do = "The run comes before the data: jaxnn predict RUN DATA"
        fail(shown_path(path), "what is no model file", "a model file or a run folder", do)


def _document(folder: str, name: str, parse: Any) -> dict[str, Any]:
    """A file beside the model; the model is good without it, so that it may be missing."""
    path = os.path.join(folder, name)
    if not os.path.lexists(path):
        return {}
    try:
        found = parse(read_bytes(path, "a file that jaxnn train wrote").decode())
    except (ValueError, RecursionError) as error:
        if isinstance(error, JaxnnError):
            raise
        found = None
    if not isinstance(found, dict):
        fail(shown_path(path), "what jaxnn train did not write", "the file as it was", "Remove it to go on without it")
    return found
