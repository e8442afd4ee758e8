import errno
import hashlib
import os
import stat
import subprocess
import sys

import pytest

from jaxnn import files
from jaxnn.checks import JaxnnError
from jaxnn.files import read_bytes, sha256_hex, shown_path, write_atomically, write_folder_atomically

KIND = (("run.toml", "old.csv", "log"), ("run.toml",))
"""What a folder of the kind may have, and what it must."""


def refuse(call, *arguments, **named):
    """The message of the error, which is one line."""
    with pytest.raises(JaxnnError) as caught:
        call(*arguments, **named)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def failing(code):
    def run(*arguments, **named):
        raise OSError(code, os.strerror(code))

    return run


def test_a_file_is_written_and_replaced_whole(tmp_path):
    path = tmp_path / "a b ü.bin"
    for data in (b"first" * 1000, b"", b"second"):
        write_atomically(path, data)
        assert read_bytes(path, "a file") == path.read_bytes() == data
    assert os.listdir(tmp_path) == ["a b ü.bin"]


def test_sha256_of_the_published_example():
    # FIPS 180-2, appendix B.1
    assert sha256_hex(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_permissions_are_those_of_any_new_file_or_of_the_file_replaced(tmp_path):
    path = tmp_path / "file"
    old = os.umask(0o027)
    try:
        write_atomically(path, b"1")
        write_folder_atomically(tmp_path / "run", {"run.toml": b""}, *KIND)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "run").stat().st_mode) == 0o750
    path.chmod(0o600)
    write_atomically(path, b"2")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "there").mkdir()
    target, link = tmp_path / "there" / "file", tmp_path / "link"
    link.symlink_to(target)
    write_atomically(link, b"new")  # the link dangled
    write_atomically(link, b"newer")
    assert link.is_symlink()
    assert target.read_bytes() == b"newer"
    assert os.listdir(tmp_path / "there") == ["file"]


def test_data_and_folder_are_flushed_before_and_after_the_renaming(tmp_path, monkeypatch):
    calls = []
    fsync, replace = os.fsync, os.replace

    def flushed(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(os, "replace", lambda *names: (calls.append("rename"), replace(*names)))
    write_atomically(tmp_path / "file", b"data")
    assert calls == ["file", "rename", "folder"]


def test_every_file_and_folder_of_a_folder_is_flushed(tmp_path, monkeypatch):
    flushed, fsync = [], os.fsync

    def flush(handle):
        flushed.append(os.fstat(handle).st_ino)
        fsync(handle)

    monkeypatch.setattr(os, "fsync", flush)
    write_folder_atomically(tmp_path / "a" / "b" / "run", {"run.toml": b"", "log/loss.csv": b""}, *KIND)
    made = {path: path.stat().st_ino for path in [tmp_path, *tmp_path.rglob("*")]}
    assert {path for path, number in made.items() if number not in flushed} == set()


@pytest.mark.parametrize("name", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_after_a_failure_the_old_file_stays_and_nothing_else(tmp_path, monkeypatch, name, code):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, name, failing(code))
    message = refuse(write_atomically, path, b"new")
    assert message.startswith(f"{path}: got ")
    assert {errno.ENOSPC: "full disk", errno.EIO: "'Input/output error'", errno.EROFS: "not be written"}[
        code
    ] in message
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_ctrl_c_while_writing_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "file", b"new")
    with pytest.raises(KeyboardInterrupt):
        write_folder_atomically(tmp_path / "runs" / "may" / "one", {"run.toml": b""}, *KIND)
    assert os.listdir(tmp_path) == []


def test_a_disk_that_keeps_other_bytes_is_noticed(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    monkeypatch.setattr(files.hashlib, "file_digest", lambda file, name: hashlib.sha256(b"flipped"))
    assert "reading back" in refuse(write_atomically, path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_file_too_large_for_the_disk(tmp_path):
    # a limit of the process stands for the disk: writing past it fails as on a full one
    code = f"""
import resource, sys
from jaxnn.checks import JaxnnError
from jaxnn.files import write_atomically
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
try:
    write_atomically({str(tmp_path / "file")!r}, bytes(20_000))
except JaxnnError as error:
    print(error)
"""
    (tmp_path / "file").write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "a full disk" in done.stdout
    assert (tmp_path / "file").read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["file"]


def test_paths_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    os.mkfifo(tmp_path / "pipe")
    expected = {
        "no/file": "no, which is no folder; needed a folder to write to. Make it",
        "file/below": "file, which is no folder",
        "folder": "got a folder",
        "loop": "levels of symbolic links",
        "pipe": "got a device or pipe",
        "x" * 300: "File name too long",
        "a\0b": "NUL",
        "no\n/file": "no\\n",
    }
    for name, words in expected.items():
        assert words in refuse(write_atomically, f"{tmp_path}/{name}", b"data")
    assert "empty path" in refuse(write_atomically, "", b"data")
    assert sorted(os.listdir(tmp_path)) == ["file", "folder", "loop", "pipe"]


def test_what_may_not_be_written_or_read(tmp_path, monkeypatch):
    # whoever runs the tests may be allowed everything, so the answer of the system is put in its place
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert "read-only" in refuse(write_atomically, path, b"new")
    with monkeypatch.context() as patch:
        patch.setattr("builtins.open", failing(errno.EACCES))
        assert "which may not be written" in refuse(write_atomically, path, b"new")
        assert "may not be read" in refuse(read_bytes, path, "a table")
    assert path.read_bytes() == b"old"


def test_paths_that_cannot_be_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    expected = {"no": "no such file", "file/x": "no such file", ".": "a folder", "pipe": "device or pipe", "\0": "NUL"}
    for name, words in expected.items():
        message = refuse(read_bytes, f"{tmp_path}/{name}", "a model file")
        assert words in message
        assert "needed a model file" in message
    with pytest.raises(JaxnnError, match="does not fit into memory"), files.reading(tmp_path / "file", "a table"):
        raise MemoryError


def test_paths_in_messages_stay_on_one_line():
    assert shown_path("a/ü b") == "a/ü b"
    assert shown_path("a\nb\x1b[31m") == r"'a\nb\x1b[31m'"


def tree(folder):
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_a_folder_is_written_whole(tmp_path):
    wanted = {"run.toml": b"seed = 0", "model.safetensors": bytes(1000), "log/loss.csv": b"1"}
    write_folder_atomically(tmp_path / "runs" / "one", wanted, *KIND)
    assert tree(tmp_path / "runs" / "one") == wanted
    assert os.listdir(tmp_path / "runs") == ["one"]
    (tmp_path / "empty").mkdir()
    write_folder_atomically(tmp_path / "empty", wanted, *KIND)
    assert tree(tmp_path / "empty") == wanted


def test_an_old_run_is_replaced_only_when_asked(tmp_path):
    run = tmp_path / "run"
    write_folder_atomically(run, {"run.toml": b"1", "old.csv": b""}, *KIND)
    assert "already there" in refuse(write_folder_atomically, run, {"run.toml": b"2"}, *KIND)
    assert tree(run) == {"run.toml": b"1", "old.csv": b""}
    write_folder_atomically(run, {"run.toml": b"2"}, *KIND, overwrite=True)
    assert tree(run) == {"run.toml": b"2"}
    assert os.listdir(tmp_path) == ["run"]


def test_a_folder_that_is_no_run_is_never_touched(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"cat")
    (tmp_path / "file").write_bytes(b"")
    call = [{"run.toml": b""}, *KIND]
    assert "without run.toml" in refuse(write_folder_atomically, tmp_path / "photos", *call, overwrite=True)
    assert "got a file" in refuse(write_folder_atomically, tmp_path / "file", *call, overwrite=True)
    assert "through one" in refuse(write_folder_atomically, tmp_path / "file" / "run", *call, overwrite=True)
    assert tree(tmp_path) == {"photos/cat.png": b"cat", "file": b""}


@pytest.mark.parametrize("stranger", ["thesis.txt", "run.toml/thesis.txt"])
def test_a_run_beside_something_else_is_never_touched(tmp_path, stranger):
    (tmp_path / "run" / stranger).parent.mkdir(parents=True)
    (tmp_path / "run" / stranger).write_bytes(b"mine")
    (tmp_path / "run" / "model").write_bytes(b"old")
    kind = (("run.toml", "model"), ("model",))
    message = refuse(write_folder_atomically, tmp_path / "run", {"model": b"new"}, *kind, overwrite=True)
    assert f"got '{stranger.split('/')[0]}' beside a run; needed a folder with nothing but an earlier run" in message
    assert tree(tmp_path / "run") == {stranger: b"mine", "model": b"old"}


def test_a_file_put_into_a_run_while_it_is_replaced_is_kept(tmp_path, monkeypatch):
    run, rename = tmp_path / "run", os.rename
    write_folder_atomically(run, {"run.toml": b"old"}, *KIND)

    def late(old, new):
        if old == str(run):
            (run / "thesis.txt").write_bytes(b"mine")
        rename(old, new)

    monkeypatch.setattr(os, "rename", late)
    assert "thesis.txt" in refuse(write_folder_atomically, run, {"run.toml": b"new"}, *KIND, overwrite=True)
    assert tree(tmp_path) == {"run/run.toml": b"old", "run/thesis.txt": b"mine"}


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "", "."])
def test_files_stay_inside_the_folder(tmp_path, name):
    refuse(write_folder_atomically, tmp_path / "run", {name: b""}, *KIND)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("failing_rename", [1, 2])
def test_a_swap_that_fails_puts_the_old_folder_back(tmp_path, monkeypatch, failing_rename):
    run, count, rename = tmp_path / "run", iter(range(1, 9)), os.rename
    write_folder_atomically(run, {"run.toml": b"old"}, *KIND)

    def sometimes(*names):
        return failing(errno.EIO)() if next(count) == failing_rename else rename(*names)

    monkeypatch.setattr(os, "rename", sometimes)
    refuse(write_folder_atomically, run, {"run.toml": b"new"}, *KIND, overwrite=True)
    assert tree(tmp_path) == {"run/run.toml": b"old"}
    assert os.listdir(tmp_path) == ["run"]


def test_a_failure_while_filling_leaves_no_folder_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", failing(errno.ENOSPC))
    message = refuse(write_folder_atomically, tmp_path / "runs" / "one", {"run.toml": b"1"}, *KIND)
    assert "full disk" in message
    assert os.listdir(tmp_path) == []
