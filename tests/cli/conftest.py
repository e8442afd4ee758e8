"""Running `jaxnn` in this process, with a compilation cache of the tests' own."""

import contextlib
import tempfile
from pathlib import Path

import jax
import pytest

import quick
from cli.commands import QUICK, Done
from jaxnn.cli.main import main

_CACHE_SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture(scope="session")
def cache_folder():
    """A folder for compiled programs, never the user's own.

    JAX goes on writing to it when the settings are back, so it must be there until the last test; pytest removes
    `tmp_path` folders when another run of it needs room.
    """
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextlib.contextmanager
def _cache_in(folder):
    """Point the commands to a folder for compiled programs, and put JAX's settings back afterwards.

    They compile quickly; those in processes of their own compile as users do, if they are not told otherwise.
    """
    before = {name: getattr(jax.config, name) for name in _CACHE_SETTINGS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JAXNN_CACHE_DIR", str(folder))
        for name in ("XLA_FLAGS", "JAXNN_TRACEBACK", "FORCE_COLOR", "COLUMNS"):
            patch.delenv(name, raising=False)
        with quick.compiles():
            yield
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.fixture(autouse=True)
def own_cache(cache_folder):
    """No test uses the user's cache."""
    with _cache_in(cache_folder):
        yield


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shell(place, capsys):
    """A function that runs a command in this process, in an empty current folder."""

    def run(*arguments):
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return run


def _trained_in(folder, cache_folder, data):
    """Train quietly in this process, in a folder; return the run folder."""
    # fixtures of a session come before `own_cache`
    with _cache_in(cache_folder):
        assert main(["train", data, *QUICK, "--quiet", "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def iris_run(tmp_path_factory, cache_folder):
    """A run folder: three classes."""
    return _trained_in(tmp_path_factory.mktemp("iris"), cache_folder, "iris")


@pytest.fixture(scope="session")
def diabetes_run(tmp_path_factory, cache_folder):
    """A run folder: a value."""
    return _trained_in(tmp_path_factory.mktemp("diabetes"), cache_folder, "diabetes")
