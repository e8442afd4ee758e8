"""The `jaxnn` command: runs what was typed, and turns every error into one line and an exit code."""

import contextlib
import errno
import io
import os
import re
import sys
import traceback
from collections.abc import Iterator, Sequence

from jaxnn.checks import JaxnnError
from jaxnn.cli.screen import say, silence_stdout

WRONG_USE, INTERRUPTED, CLOSED, UNEXPECTED = 2, 130, 1, 70
"""Exit codes: wrong use or bad data; Ctrl-C; a reader that went away; an error that is ours."""

INSTALL = 'pip install "jaxnn[cli]"'

UNWRITABLE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.EBADF)
"""What writing to stdout may say: every other file is written by `jaxnn.files`, which explains its own errors."""

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
    with _streams():
        return _main(list(sys.argv[1:] if arguments is None else arguments))


def _main(typed: list[str]) -> int:
    shown = os.environ.get("JAXNN_TRACEBACK", "") not in ("", "0") or "--traceback" in typed
    _forgive_encodings()
    try:
        code = _run([word for word in typed if word != "--traceback"])
        sys.stdout.flush()
        return code
    except Exception as error:
        if isinstance(error, BrokenPipeError):
            silence_stdout()
            return CLOSED
        if shown:
            traceback.print_exception(error)
        return _explain(error, typed)
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


def _explain(error: Exception, typed: list[str]) -> int:
    """Say in one line what was wrong."""
    if isinstance(error, JaxnnError):
        notes = "; ".join(getattr(error, "__notes__", []))
        say(f"{error} ({notes})" if notes else str(error))
        return WRONG_USE
    if hasattr(error, "format_message"):  # click's errors, which typer has a copy of
        say(f"{error.format_message().rstrip('.')}. See: {_command(error, typed)} --help")  # pyright: ignore[reportAttributeAccessIssue]
        return WRONG_USE
    if isinstance(error, ModuleNotFoundError) and error.name in ("polars", "rich"):
        say(f"{error.name} is not installed; needed it for this command: {INSTALL}")
        return WRONG_USE
    if short := _out_of_memory(error):
        say(f"{short}; needed a smaller network or fewer rows at once. Make --hidden or --batch-size smaller.")
        return WRONG_USE
    if isinstance(error, OSError) and error.filename is None and error.errno in UNWRITABLE:
        silence_stdout()
        say(f"stdout: got '{error.strerror}' while writing; needed room to write. Give another place for the output.")
        return WRONG_USE
    said = f"{type(error).__name__}: {error}"
    said = said if len(said) <= LONGEST else said[:LONGEST] + "..."
    say(f"unexpected error: {said}; run again with --traceback to see where")
    return UNEXPECTED


def _command(error: Exception, typed: list[str]) -> str:
    """The command whose help tells more; click does not know it where a flag has no value."""
    from jaxnn.cli.app import app

    context = getattr(error, "ctx", None)
    if context is not None:
        return context.command_path
    named = {known.name or getattr(known.callback, "__name__", "") for known in app.registered_commands}
    first = next((word for word in typed if not word.startswith("-")), "")
    return f"jaxnn {first}" if first in named else "jaxnn"


def _forgive_encodings() -> None:
    """Write what a terminal's encoding does not have as an escape: a name must not end a run."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextlib.contextmanager
def _streams() -> Iterator[None]:
    """Write to nowhere where a shell has closed stdout or stderr: Python has None in its place then.

    It also keeps the number of the closed stream from a file that is opened later, and that C++ would log into.
    """
    with contextlib.ExitStack() as stack:
        for name in ("stdout", "stderr"):
            if getattr(sys, name) is None:
                setattr(sys, name, stack.enter_context(open(os.devnull, "w")))
                stack.callback(setattr, sys, name, None)
        yield


def _out_of_memory(error: Exception) -> str:
    """What was asked for, if memory was short; "" for any other error."""
    said = str(error)
    if not isinstance(error, MemoryError) and "RESOURCE_EXHAUSTED" not in said:
        return ""
    asked = re.search(r"(\d[\d.,]* ?(?:[KMGTP]i?B|bytes?))\b", said)
    return f"the memory of the device: got too little for {asked[1] if asked else 'the run'}"
