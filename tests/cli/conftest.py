"""Running `jaxnn` in this process, with a compilation cache of the tests' own."""

import os
from pathlib import Path

import jax
import pytest

from cli.commands import QUICK, Done
from jaxnn.cli.main import main

_CACHE_SETTINGS = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory):
    """A folder for compiled programs, never the user's own."""
    folder = tmp_path_factory.mktemp("cache")
    folder.chmod(0o700)
    return folder


@pytest.fixture(autouse=True)
def own_cache(cache_folder, monkeypatch):
    """Point the commands to the tests' cache, and put JAX's settings back afterwards."""
    before = {name: getattr(jax.config, name) for name in _CACHE_SETTINGS}
    monkeypatch.setenv("JAXNN_CACHE_DIR", str(cache_folder))
    for name in ("XLA_FLAGS", "JAXNN_TRACEBACK", "FORCE_COLOR", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


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


def trained_in(folder, *arguments):
    """Train quietly in this process, in a folder; return the run folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        assert main([*map(str, arguments), "--quiet", "--out", "run"]) == 0
    finally:
        os.chdir(before)
    return folder / "run"


@pytest.fixture(scope="session")
def iris_run(tmp_path_factory):
    """A run folder: three classes."""
    return trained_in(tmp_path_factory.mktemp("iris"), "train", "iris", *QUICK)


@pytest.fixture(scope="session")
def diabetes_run(tmp_path_factory):
    """A run folder: a value."""
    return trained_in(tmp_path_factory.mktemp("diabetes"), "train", "diabetes", *QUICK)
