import os
import stat
import subprocess
import sys

import jax
import pytest

import quick
from cli.commands import QUICK, another_process
from jaxnn import cache


def test_the_users_folder_by_the_platforms_convention(place, monkeypatch):
    monkeypatch.delenv("JAXNN_CACHE_DIR")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("HOME", str(place))
    name = f"jax-{jax.__version__}"
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(place / "xdg"))
    assert cache.usable() == cache.Cache(str(place / "xdg/jaxnn" / name))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")  # the convention says that it is to be ignored
    assert cache.usable() == cache.Cache(str(place / ".cache/jaxnn" / name))
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cache.usable() == cache.Cache(str(place / "Library/Caches/jaxnn" / name))


def test_a_new_folder_is_the_users_alone(place, monkeypatch):
    monkeypatch.setenv("JAXNN_CACHE_DIR", "new/cache")
    assert cache.usable() == cache.Cache(str(place / "new/cache"))
    assert stat.S_IMODE((place / "new/cache").stat().st_mode) == 0o700


def test_jaxs_own_variable_is_respected(place, monkeypatch):
    monkeypatch.delenv("JAXNN_CACHE_DIR")
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", str(place / "jax"))
    assert cache.usable().folder == str(place / "jax")


def test_a_folder_that_others_may_write_is_not_used(place, monkeypatch):
    (place / "open").mkdir(mode=0o700)
    (place / "open").chmod(0o777)
    monkeypatch.setenv("JAXNN_CACHE_DIR", "open")
    assert cache.usable() == cache.Cache(str(place / "open"), "others may write to it: chmod go-w it")


def test_a_folder_of_another_user_is_not_used(place, monkeypatch):
    monkeypatch.setenv("JAXNN_CACHE_DIR", "mine")
    monkeypatch.setattr("os.getuid", lambda: 12345)
    assert cache.usable().trouble == "it belongs to another user"


@pytest.mark.parametrize("given", ["", "file", "file/below", "nul\0byte"])
def test_without_a_folder_a_run_compiles_and_goes_on(shell, place, monkeypatch, given):
    (place / "file").touch()
    if "\0" in given:
        monkeypatch.setattr("os.environ", {**__import__("os").environ, "JAXNN_CACHE_DIR": given})
    else:
        monkeypatch.setenv("JAXNN_CACHE_DIR", given)
    assert cache.usable().trouble
    done = shell("train", "iris", *QUICK, "--quiet")
    assert (done.code, done.err) == (0, "")


def test_programs_are_kept_and_bad_ones_are_compiled_again(place, monkeypatch):
    monkeypatch.setenv("JAXNN_CACHE_DIR", "kept")
    monkeypatch.setenv("XLA_FLAGS", quick.ENVIRONMENT["XLA_FLAGS"])
    command = ("train", "iris", "--hidden", "3", "--epochs", "2", "--quiet", "--out")
    assert another_process(*command, "a").code == 0
    programs = sorted(path for path in (place / "kept").iterdir() if path.name.endswith("-cache"))
    assert any("chunk_members" in path.name for path in programs)
    assert cache.size(str(place / "kept"))[0] == len(programs)
    for number, path in enumerate(programs):
        data = path.read_bytes()
        path.write_bytes([b"", b"garbage", data[: len(data) // 2], data[:50] + bytes(50) + data[100:]][number % 4])
    done = another_process(*command, "b")
    assert (done.code, done.out, done.err) == (0, "", "")
    assert (place / "a/model.safetensors").read_bytes() == (place / "b/model.safetensors").read_bytes()


def test_enabled_by_hand_it_reaches_processes_started_from_here(tmp_path):
    """In a process of its own, as it changes settings. A second folder, and one that is none, warn."""
    (tmp_path / "file").write_text("")
    code = f"""
import os, warnings, jax, jaxnn
print(jaxnn.enable_cache({str(tmp_path / "a")!r}).trouble == "", os.environ["JAX_COMPILATION_CACHE_DIR"])
jax.jit(lambda x: x + 1)(1.0)
print(len(os.listdir({str(tmp_path / "a")!r})) > 0)
for other in ({str(tmp_path / "b")!r}, {str(tmp_path / "file")!r}, ""):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        said = jaxnn.enable_cache(other)
    print(len(caught), said.trouble)
"""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("JAX_", "JAXNN_"))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=True)
    lines = done.stdout.splitlines()
    assert lines[:2] == [f"True {tmp_path / 'a'}", "True"]
    assert lines[2] == f"1 JAX keeps programs in {tmp_path / 'a'} since the first call"
    assert lines[3].startswith("1 ") and lines[4] == "1 the name of the folder is empty"
