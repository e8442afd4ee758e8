"""The `jaxnn` command: runs what was typed, and turns every error into one line and an exit code."""

import contextlib
import io
import os
import sys
import traceback
from collections.abc import Sequence

from jaxnn.checks import JaxnnError
from jaxnn.cli.screen import say

WRONG_USE, INTERRUPTED, CLOSED, UNEXPECTED = 2, 130, 1, 70
"""Exit codes: wrong use or bad data; Ctrl-C; a reader that went away; an error that is ours."""

INSTALL = 'pip install "jaxnn[cli]"'

LONGEST = 400
"""Characters of an unexpected error that are shown without --traceback."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: what was typed after `jaxnn`; None for that of this process.

    Returns:
        The exit code: 0 for success, 2 for wrong use or bad data, 3 for a training that diverged, 130 after Ctrl-C, 70
        for an error of jaxnn's own.
    """
    typed = list(sys.argv[1:] if arguments is None else arguments)
    shown = os.environ.get("JAXNN_TRACEBACK", "") not in ("", "0") or "--traceback" in typed
    _forgive_encodings()
    try:
        code = _run([word for word in typed if word != "--traceback"])
        sys.stdout.flush()
        return code
    except Exception as error:
        if isinstance(error, BrokenPipeError):
            _silence_stdout()
            return CLOSED
        if shown:
            traceback.print_exception(error)
        return _explain(error)
    except KeyboardInterrupt:
        say("interrupted; nothing was saved")
        return INTERRUPTED


def _run(typed: list[str]) -> int:
    try:
        import typer
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        raise JaxnnError(f"{error.name} is not installed; needed it for every command: {INSTALL}") from None
    from jaxnn.cli.app import app

    command = typer.main.get_command(app)
    try:
        # not `command()`: typer would print errors in boxes, and end the process without a word on Ctrl-C
        with command.make_context("jaxnn", typed) as context:
            code = command.invoke(context)
    except typer.Exit as end:  # --help and --version
        code = end.exit_code
    except SystemExit as end:  # rich ends so when the reader of stdout has gone
        if end.code == CLOSED:
            raise BrokenPipeError from None
        raise
    return code if isinstance(code, int) else 0


def _explain(error: Exception) -> int:
    """Say in one line what was wrong."""
    if isinstance(error, JaxnnError):
        notes = "; ".join(getattr(error, "__notes__", []))
        say(f"{error} ({notes})" if notes else str(error))
        return WRONG_USE
    if hasattr(error, "format_message"):  # click's errors, which typer has a copy of
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "jaxnn"
        say(f"{error.format_message().rstrip('.')}. See: {command} --help")  # pyright: ignore[reportAttributeAccessIssue]
        return WRONG_USE
    if isinstance(error, ModuleNotFoundError) and error.name in ("polars", "rich"):
        say(f"{error.name} is not installed; needed it for this command: {INSTALL}")
        return WRONG_USE
    said = f"{type(error).__name__}: {error}"
    said = said if len(said) <= LONGEST else said[:LONGEST] + "..."
    say(f"unexpected error: {said}; run again with --traceback to see where")
    return UNEXPECTED


def _forgive_encodings() -> None:
    """Write what a terminal's encoding does not have as an escape: a name must not end a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence_stdout() -> None:
    """Let Python flush what is left to nowhere when it ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
