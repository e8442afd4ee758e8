"""`jaxnn report`: the report of a run, made again from its numbers."""

import os
import webbrowser
from pathlib import Path

from jaxnn.checks import JaxnnError, fail
from jaxnn.cli import runfolder, screen
from jaxnn.files import reading, shown_path, write_atomically
from jaxnn.report import LARGEST, from_json, page


def rebuild(run: str, out: str | None, *, show: bool) -> int:
    """Make the report of a run again; the same numbers give the same bytes.

    Args:
        run: a run folder.
        out: the file to write; None for the run's own `report.html`.
        show: whether to open it in a browser.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if the folder has no numbers of a report, they are damaged, or the file cannot be written.
    """
    html = _made(_numbers_of(run))
    others = [os.path.realpath(os.path.join(run, name)) for name in runfolder.EVERY if name != runfolder.REPORT]
    if out is not None and os.path.realpath(out) in others:
        fail(f"--out {shown_path(out)}", "a file of the run itself", "another file", "It would be overwritten")
    written = out if out is not None else os.path.join(run, runfolder.REPORT)
    write_atomically(written, html.encode())
    screen.facts([("report", written)])
    if show and not webbrowser.open(Path(written).absolute().as_uri()):
        screen.say(f"found no browser to open; open {shown_path(written)} in one")
    return 0


def _numbers_of(run: str) -> str:
    """The path of the numbers that a report is drawn from."""
    if not os.path.isdir(run):
        given = "a file" if os.path.lexists(run) else "no such folder"
        fail(shown_path(run), given, "a run folder", "A run folder is what jaxnn train wrote")
    path = os.path.join(run, runfolder.EVIDENCE)
    if not os.path.lexists(path):
        given = f"a folder without {runfolder.EVIDENCE}"
        recipe = shown_path(os.path.join(run, runfolder.RECIPE))
        do = f"For a run of an earlier version: jaxnn train --config {recipe} --out NEW"
        fail(shown_path(run), given, "a run folder", do)
    return path


def _made(path: str) -> str:
    """The page, or an error that begins with the path of the file that is wrong."""
    with reading(path, "the numbers of a report") as file:
        text = file.read(LARGEST + 1)
    try:
        return page(from_json(text))
    except JaxnnError as error:
        said = str(error)
        own = "report.json: "  # how the report calls the document as a whole; else it names the field
        raise JaxnnError(f"{shown_path(path)}: {said.removeprefix(own)}") from None
    except (ArithmeticError, ValueError):
        fail(shown_path(path), "numbers that no picture can show", "what jaxnn train wrote", "Train again")
