import builtins
import sys

import pytest

from jaxnn.checks import JaxnnError
from jaxnn.cli import datasets
from jaxnn.cli.main import main
from jaxnn.cli.settings import DESCRIBED
from jaxnn.version import __version__

COMMANDS = ["train", "predict", "evaluate", "show", "datasets", "doctor"]


def test_version(shell):
    assert shell("--version").out == f"jaxnn {__version__}\n"


def test_help_lists_every_command(shell):
    for arguments in ([], ["--help"], ["-h"]):
        done = shell(*arguments)
        assert done.code == 0
        assert all(f" {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(shell, name):
    done = shell(name, "--help")
    assert done.code == 0
    assert f"Example: jaxnn {name}" in done.out


def test_the_help_of_train_lists_every_setting_with_its_default(shell, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    said = " ".join(shell("train", "--help").out.replace("│", " ").split())
    for described in DESCRIBED.values():
        assert (described.flag if described.name != "data" else "DATA") in said
        if described.default_text:
            assert f"(default {described.default_text})" in said


def broken(monkeypatch, error):
    def names():
        raise error

    monkeypatch.setattr(datasets, "names", names)


def test_an_error_of_our_own_is_one_line(shell, monkeypatch):
    broken(monkeypatch, KeyError("a\nb"))
    done = shell("datasets")
    assert done.code == 70
    assert done.err == "jaxnn: unexpected error: KeyError: 'a\\nb'; run again with --traceback to see where\n"
    broken(monkeypatch, RuntimeError("x" * 10_000))
    assert len(shell("datasets").err) < 600


@pytest.mark.parametrize("how", ["before", "after", "variable"])
def test_the_traceback_is_shown_where_it_is_asked_for(shell, monkeypatch, how):
    broken(monkeypatch, KeyError("a"))
    if how == "variable":
        monkeypatch.setenv("JAXNN_TRACEBACK", "1")
    words = {"before": ["--traceback", "datasets"], "after": ["datasets", "--traceback"], "variable": ["datasets"]}
    done = shell(*words[how])
    assert done.code == 70
    assert "Traceback (most recent call last)" in done.err
    assert "in names" in done.err


def test_the_notes_of_an_error_are_told(shell, monkeypatch):
    error = JaxnnError("x: got 1; needed 2.")
    error.add_note("in dense_0: Dense(3)")
    error.add_note("in chain_1")
    broken(monkeypatch, error)
    assert shell("datasets").err == "jaxnn: x: got 1; needed 2. (in dense_0: Dense(3); in chain_1)\n"


@pytest.mark.parametrize("missing", ["typer", "polars"])
def test_a_missing_package_is_named_with_the_command_that_installs_it(shell, place, monkeypatch, missing):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.split(".")[0] == missing:
            raise ModuleNotFoundError(f"No module named {name!r}", name=missing)
        return real(name, *arguments, **options)

    (place / "t.csv").write_text("a,b\n1,2\n")
    monkeypatch.delitem(sys.modules, missing, raising=False)
    monkeypatch.setattr(builtins, "__import__", without)
    done = shell("train", "t.csv", "--target", "b")
    assert done.code == 2
    assert done.err.startswith(f"jaxnn: {missing} is not installed; needed it for ")
    assert 'pip install "jaxnn[cli]"' in done.err
    assert done.err.count("\n") == 1


def test_a_reader_that_went_away_is_no_error(monkeypatch, capsys):
    class Gone:
        def write(self, text):
            raise BrokenPipeError

        def flush(self):
            raise BrokenPipeError

        def isatty(self):
            return False

        def fileno(self):
            return 1

        encoding = "utf-8"

    monkeypatch.setattr(sys, "stdout", Gone())
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert main(["datasets", "--json"]) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 17179869184 bytes."), "17179869184 bytes"),
        (MemoryError("Unable to allocate 7.45 GiB for an array"), "7.45 GiB"),
        (MemoryError(), "the run"),
    ],
)
def test_too_little_memory_is_one_line(shell, monkeypatch, error, said):
    broken(monkeypatch, error)
    done = shell("datasets")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"got too little for {said}; needed" in done.err
    assert "--hidden or --batch-size smaller" in done.err


def test_help_tells_the_exit_codes(shell):
    said = " ".join(shell("--help").out.split())
    for code in ("0 done", "2 wrong use", "3 the training diverged", "130 after Ctrl-C", "70 an error"):
        assert code in said
    assert "the object of --json" in " ".join(shell("train", "--help").out.replace("│", " ").split())
