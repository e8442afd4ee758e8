"""`jaxnn show`: what is in a run."""

import os
from typing import Any

from jaxnn.cli import runfolder, screen
from jaxnn.cli.report import counted
from jaxnn.data import Preprocessing
from jaxnn.data.pixels import Pixels
from jaxnn.data.places import listed, shown
from jaxnn.data.tokenisers import Characters
from jaxnn.layers import Summary, summary
from jaxnn.model import Model

MOST_COLUMNS, MOST_ALIKE = 40, 8
"""Rows of the table of columns, and of one whose columns are all numbers, such as pixels; more only if not used."""


def show(run: str, *, as_json: bool) -> int:
    """Print layers, columns, target and the facts of the training.

    Args:
        run: a run folder or a model file.
        as_json: print one JSON object in place of text.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the run is bad.
    """
    opened = runfolder.open_run(run)
    layers = summary(opened.model.net, opened.model.example)
    size = os.path.getsize(opened.path)
    if as_json:
        screen.print_json(_document(opened, layers, size))
        return 0
    rows = [(row.path, row.layer, str(row.output), f"{row.parameters:,}") for row in layers.rows]
    rows = [("input", "", str(layers.input), ""), *rows, ("all", "", "", f"{layers.parameters:,}")]
    screen.table(["layer", "", "output", "parameters"], rows, right=(3,))
    screen.blank()
    if isinstance(opened.model.preprocessing, Preprocessing):
        _print_columns(opened.model.preprocessing)
        screen.blank()
    screen.facts([*_about_data(opened.model), *_about_training(opened), *_about_file(opened, size)])
    return 0


def _print_columns(learnt: Preprocessing) -> None:
    """What became of each column; of many, the first and those that are not used."""
    used, unused = learnt.fates[: len(learnt.used)], learnt.fates[len(learnt.used) :]
    most = MOST_ALIKE if {fate.kind for fate in used} == {"numeric"} else MOST_COLUMNS
    rows = [*(used if len(used) <= MOST_COLUMNS else used[:most]), *unused[:MOST_COLUMNS]]
    screen.table(["column", "kind", "became", ""], [list(fate) for fate in rows])
    if len(rows) < len(learnt.fates):
        screen.facts([("", f"and {len(learnt.fates) - len(rows):,} more columns")])


def _about_data(model: Model) -> list[tuple[str, str]]:
    learnt = model.preprocessing
    if learnt is None:
        return [("task", model.task or "its own")]
    if model.task == "text":
        known = f": {shown(learnt.vocabulary)}" if isinstance(learnt, Characters) else ""
        return [("task", f"text, {learnt.unit} by {learnt.unit}"), ("tokens", f"{learnt.size:,}{known}")]
    name = learnt.target_name or "a column without a name"
    rows = [("task", f"{learnt.task} of {name}")]
    if learnt.classes is not None:
        rows.append(("classes", f"{len(learnt.classes):,}: {listed(learnt.classes)}"))
    elif learnt.target_mean is not None:
        scale = " of its logarithm" if learnt.target_log else ""
        said = f"mean{scale} {learnt.target_mean:.4g}, standard deviation {learnt.target_scale:.4g} in training"
        rows.append(("target", said))
    if isinstance(learnt, Pixels):
        return [*rows, ("images", learnt.fates[0].note)]
    unused = f", {len(learnt.dropped):,} not used" if learnt.dropped else ""
    return [*rows, ("columns", f"{len(learnt.columns):,}{unused}, {counted(len(learnt.inputs), 'input')}")]


def _about_training(opened: runfolder.Opened) -> list[tuple[str, str]]:
    """From metrics.json, which a hand may have changed: what is not there is left out."""
    metrics, recipe = opened.metrics, opened.recipe
    rows = []
    if isinstance(recipe.get("data"), str):
        rows.append(("trained on", f"{recipe['data']}, seed {recipe.get('seed')}"))
    if metrics:
        best = metrics.get("best_epoch")
        kept = f"; weights of epoch {best}" if best else ""
        rows.append(("training", f"{metrics.get('stopped_because')}{kept}"))
    test = metrics.get("test")
    if isinstance(test, dict):
        names = ("accuracy", "r2", "rmse", "mae", "loss", "bits", "perplexity")
        said = [f"{name} {test[name]:.4g}" for name in names if isinstance(test.get(name), int | float)]
        of = f"{test['tokens']} {test.get('unit')}s" if "tokens" in test else f"{test.get('rows')} rows"
        rows.append(("test", f"{', '.join(said)} on {of}"))
    return rows


def _about_file(opened: runfolder.Opened, size: int) -> list[tuple[str, str]]:
    rows = [("file", f"{opened.path}, {size:,} bytes")]
    made = opened.recipe.get("made_with")
    if isinstance(made, dict):
        rows.append(("made with", ", ".join(f"{name} {version}" for name, version in made.items())))
    return rows


def _document(opened: runfolder.Opened, layers: Summary, size: int) -> dict[str, Any]:
    learnt = opened.model.preprocessing
    tokens = None
    if opened.model.task == "text" and learnt is not None:
        tokens, learnt = {"unit": learnt.unit, "size": learnt.size, **learnt.to_json()}, None
    return {
        "task": opened.model.task, "tokens": tokens, "target": learnt and learnt.target_name,
        "columns": learnt and [fate._asdict() for fate in learnt.fates],
        "classes": list(learnt.classes) if learnt and learnt.classes else None,
        "layers": [
            {"path": row.path, "layer": row.layer, "output": list(row.output), "parameters": row.parameters}
            for row in layers.rows
        ],
        "parameters": layers.parameters, "file": opened.path, "bytes": size,
        "training": opened.metrics or None, "settings": opened.recipe or None,
    }  # fmt: skip
