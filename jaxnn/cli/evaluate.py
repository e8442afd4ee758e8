"""`jaxnn evaluate`: how good a trained network is on rows whose target is known."""

import numpy as np

from jaxnn import cache
from jaxnn.checks import fail
from jaxnn.cli import images, report, runfolder, screen, textevaluate
from jaxnn.cli.report import counted
from jaxnn.data import Preprocessing, Table, features_for, target_for
from jaxnn.data.places import known_column, place, shown
from jaxnn.data.rawtable import RawTable
from jaxnn.model import Model
from jaxnn.scores import ClassScores, Scores, class_scores, value_scores


def evaluate(run: str, data: str, target: str | None, *, as_json: bool) -> int:
    """Print the scores of a trained network on a table.

    Args:
        run: a run folder or a model file.
        data: a built-in name or a file, with the target; of a network that writes, a text.
        target: name of the target column, where it is not that of the training.
        as_json: print one JSON object in place of text.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the run or the data is bad.
    """
    opened = runfolder.open_run(run)
    if opened.model.task == "text":
        return textevaluate.evaluate(opened, data, target, as_json=as_json)
    learnt = runfolder.preprocessing_of(opened)
    table = images.read_for(learnt, data, as_json)
    if target is not None:
        learnt = learnt.renamed(target)
    elif learnt.target_name is None:
        fail("--target", "none", "the name of the target column, because the model does not say it")
    _check_target(table, target, learnt.target_name)
    truth, rows = target_for(table, learnt)
    x, notes = learnt.encode(features_for(table, learnt)[0], table.place)
    cache.turn_on()
    found = _scores(opened.model, learnt, opened.model.logits(x[rows]), truth)
    for note in (*table.notes, *notes):
        screen.say(note)
    if len(rows) < len(x):
        screen.say(f"{counted(len(x) - len(rows), 'row')} without a {learnt.target_name} left out")
    if table.sha256 and opened.recipe.get("data_sha256") == table.sha256:
        screen.say("the network was trained on a part of these rows; on new ones it may do worse")
    if as_json:
        screen.print_json({"data": data, "task": learnt.task, **found.to_json()})
        return 0
    screen.facts(report.score_rows("score", found))
    if isinstance(found, ClassScores):
        screen.blank()
        report.print_classes(found)
    return 0


def _check_target(table: Table | RawTable, typed: str | None, name: str | None) -> None:
    """Say where the truth was looked for, in the words of the command line."""
    if not isinstance(table, RawTable) or name in table.columns:
        return
    if typed is not None:
        known_column("--target", typed, table.columns)
    given, do = f"no column {shown(name)}", "If it has another name there, give it with --target"
    fail(place(table.source, 1), given, "that column, the target, with the truth of each row", do)


def _scores(model: Model, learnt: Preprocessing, outputs: np.ndarray, truth: np.ndarray) -> Scores:
    if learnt.classes is None:
        # the file has the mean of the logarithms alone, which is another guess
        return value_scores(model.answers(outputs), truth, None if learnt.target_log else learnt.target_mean)
    indices = learnt.encode_target(truth)
    if model.task == "classification" and getattr(model.loss, "on", "logits") == "logits":
        return class_scores(outputs, indices, learnt.classes)
    # outputs that are probabilities, or one output for yes and no
    shares = model.shares(outputs)
    return class_scores(np.log(np.maximum(shares, np.finfo(float).tiny)), indices, learnt.classes)
