"""Files that are written whole or not at all, read back before they count, and read with one-line errors."""

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO, NoReturn

from jaxnn.checks import fail

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


def sha256_hex(data: bytes | bytearray | memoryview) -> str:
    """Return the SHA-256 of bytes.

    Args:
        data: the bytes.

    Returns:
        64 lower-case hexadecimal digits.

    >>> sha256_hex(b"abc")[:16]
    'ba7816bf8f01cfea'
    """
    return hashlib.sha256(data).hexdigest()


def shown_path(path: str | os.PathLike[str]) -> str:
    r"""Return a path as a message shows it: as it is, or quoted where it would not stay on one line.

    Args:
        path: the path as its user typed it.

    Returns:
        Printable text without line breaks.

    >>> print(shown_path("runs/a b"), shown_path("two\nlines"))
    runs/a b 'two\nlines'
    """
    text = os.fspath(path)
    return text if text.isprintable() and text else repr(text)


@contextlib.contextmanager
def reading(path: str | os.PathLike[str], what: str) -> Iterator[BinaryIO]:
    """Open a regular file for reading; trouble with the file becomes a `JaxnnError` that names it.

    Args:
        path: the file.
        what: what it should be, with its article, such as "a model file".

    Yields:
        The file, opened for reading bytes.

    Raises:
        JaxnnError: if there is no such file, it is a folder, a device or a pipe, may not be read or does not fit into
            memory.
    """
    where = shown_path(path)
    _check_path(where, path, what)
    try:
        mode = os.stat(path).st_mode  # before opening: to open a pipe waits for its writer
        if stat.S_ISDIR(mode):
            fail(where, "a folder", what, "Name a file inside it")
        if not stat.S_ISREG(mode):
            fail(where, "a device or pipe", what)
        with open(path, "rb") as file:
            yield file
    except MemoryError:
        fail(where, "a file that does not fit into memory", what, "Use a machine with more memory")
    except OSError as error:
        _explain_reading(where, what, error)


def read_bytes(path: str | os.PathLike[str], what: str) -> bytes:
    """Return the whole of a regular file.

    Args:
        path: the file.
        what: what it should be, with its article, such as "a model file".

    Returns:
        Its bytes.

    Raises:
        JaxnnError: if there is no such file, it is a folder, a device or a pipe, may not be read or does not fit into
            memory.

    >>> read_bytes("no/such.csv", "a table")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: no/such.csv: got no such file; needed a table. Check the path.
    """
    with reading(path, what) as file:
        return file.read()


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all, and only after reading back what the disk holds.

    A temporary file beside it is written, flushed to the disk, read back and compared by SHA-256, then renamed over
    `path`; the folder is flushed too. Whatever goes wrong before the renaming, a file that was there stays as it was.
    Permissions are those of the file replaced, or those of any new file; a link stays a link to the file written.

    Args:
        path: the file; its folder exists.
        data: all its bytes.

    Raises:
        JaxnnError: if there is no such folder, it or the file may not be written, the disk is full, the path is a
            folder, device or pipe, or what was read back differs.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/notes.txt", b"done")
    ...     read_bytes(f"{folder}/notes.txt", "notes"), os.listdir(folder)
    (b'done', ['notes.txt'])
    """
    with _writing(path):
        target = os.path.realpath(path)
        mode = _replaceable(path)
        temporary = os.path.join(os.path.dirname(target), _temporary_name())
        try:
            _write_verified(temporary, data, shown_path(path))
            if mode is not None:
                os.chmod(temporary, mode)
            os.replace(temporary, target)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        _flush_folder(os.path.dirname(target))


def write_folder_atomically(
    target: str | os.PathLike[str],
    files: Mapping[str, bytes],
    entries: Collection[str],
    marks: Collection[str],
    overwrite: bool = False,
) -> None:
    """Write a folder of files whole or not at all.

    A temporary folder beside it is written and read back, then renamed. With `overwrite`, an old folder is moved aside
    first, put back if the renaming fails, and removed last. Missing folders above it are made.

    Args:
        target: the folder; it does not exist, or is empty, or `overwrite` is True.
        files: the bytes of each file by its name, or by its path inside the folder with "/".
        entries: the names of all files that a folder of this kind may have: one with any other is never overwritten.
        marks: those of which it has at least one.
        overwrite: True to replace a folder of this kind.

    Raises:
        JaxnnError: if the target exists and may not be replaced, or cannot be written; it is then as it was before.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run = {"run.toml": b"", "loss.csv": b"1.0"}
    ...     write_folder_atomically(f"{place}/runs/one", run, entries=run, marks=["run.toml"])
    ...     read_bytes(f"{place}/runs/one/loss.csv", "a log")
    b'1.0'
    """
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or ".." in parts or name.startswith("/") or "\0" in name:
            fail("files", repr(name), "names of files inside the folder")
    with _writing(target):
        final = os.path.realpath(target)
        replaced = replaceable(shown_path(target), final, entries, marks)
        if replaced and not overwrite:
            fail(
                shown_path(target), "a folder that is already there", "a new folder", "Choose another, or overwrite it"
            )
        parent = os.path.dirname(final)
        made = _make_folders(parent)
        temporary = os.path.join(parent, _temporary_name())
        try:
            os.mkdir(temporary)
            _fill(temporary, files, shown_path(target))
            if replaced:
                _swap(temporary, final, lambda old: replaceable(shown_path(target), old, entries, marks))
            else:
                os.rename(temporary, final)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)
            for folder in reversed(made):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)
            raise
        for folder in {parent, *(os.path.dirname(folder) for folder in made)}:
            _flush_folder(folder)


def replaceable(
    where: str, folder: str, entries: Collection[str], marks: Collection[str], do: str = "choose another path"
) -> bool:
    """Say whether there is an old folder to replace; nothing but a folder of its kind ever is.

    Args:
        where: how messages call the folder.
        folder: its path.
        entries: the names of all that a folder of this kind may have; that of a folder ends in "/".
        marks: those of which it has at least one.
        do: what its user can do instead.

    Returns:
        True for a folder of this kind, False for an empty one or none at all.

    Raises:
        JaxnnError: if the path is no folder, or the folder has anything else in it.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_atomically(f"{folder}/thesis.txt", b"mine")
    ...     replaceable("--out", folder, ["run.toml"], ["run.toml"])
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: --out: got a folder of other files, without run.toml; needed a new folder. \
Choose another path.
    """
    try:
        with os.scandir(folder) as found:
            kinds = {entry.name: entry.is_dir(follow_symlinks=False) for entry in found}
    except FileNotFoundError:
        return False
    except NotADirectoryError:
        fail(where, "a file, or a path through one", "the path of a folder", do.capitalize())
    except PermissionError:
        fail(where, "a folder that may not be read", "a new folder", do.capitalize())
    if not kinds:
        return False
    if not any(name in kinds for name in marks):
        fail(where, f"a folder of other files, without {' or '.join(marks)}", "a new folder", do.capitalize())
    others = sorted(name for name, is_folder in kinds.items() if (name + "/" * is_folder) not in entries)
    if others:
        given = f"{others[0][:60]!r} beside a run" + (f", and {len(others) - 1} more" if others[1:] else "")
        fail(where, given, "a folder with nothing but an earlier run", f"Move it away, or {do}")
    return True


def _temporary_name() -> str:
    return f".jaxnn-{secrets.token_hex(8)}.tmp"


def _replaceable(path: str | os.PathLike[str]) -> int | None:
    """The permissions of the file that will be replaced, or None where there is none yet."""
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(mode):
        fail(shown_path(path), "a folder", "the path of a file", "Name a file inside it")
    if not stat.S_ISREG(mode):
        fail(shown_path(path), "a device or pipe", "the path of a file")
    if not os.access(path, os.W_OK):  # renaming over it would need no permission of the file's own
        fail(shown_path(path), "a file that is read-only", "one that may be written", "Choose another path")
    return stat.S_IMODE(mode)


def _write_verified(path: str, data: bytes, where: str) -> None:
    # mode "x": a file of this name that is already there is another's
    with open(path, "xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    with open(path, "rb") as file:
        read = hashlib.file_digest(file, "sha256").hexdigest()
    if read != sha256_hex(data):
        fail(where, "other bytes when reading back what was written", "the same bytes", "Check the disk")


def _flush_folder(folder: str) -> None:
    """Make a renaming last through a power cut, where the file system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _make_folders(parent: str) -> list[str]:
    """Make the folders that are missing above the target; return them, outermost first."""
    missing = [str(folder) for folder in [Path(parent), *Path(parent).parents] if not folder.exists()]
    os.makedirs(parent, exist_ok=True)
    return missing[::-1]


def _fill(folder: str, files: Mapping[str, bytes], where: str) -> None:
    folders = {folder}
    for name, data in files.items():
        path = os.path.join(folder, *PurePosixPath(name).parts)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        folders.add(os.path.dirname(path))
        _write_verified(path, data, where)
    for one in folders:
        _flush_folder(one)


def _swap(new: str, final: str, check: Callable[[str], bool]) -> None:
    """Put the new folder in the place of the old one, or leave the old one there."""
    old = os.path.join(os.path.dirname(final), _temporary_name())
    os.rename(final, old)
    try:
        check(old)  # once more: where it lies now, nobody puts a file into it before it is removed
        os.rename(new, final)
    except BaseException:
        os.rename(old, final)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextlib.contextmanager
def _writing(path: str | os.PathLike[str]) -> Iterator[None]:
    where = shown_path(path)
    _check_path(where, path, "a path to write to")
    try:
        yield
    except OSError as error:
        _explain_writing(where, os.path.dirname(os.fspath(path)) or ".", error)


def _check_path(where: str, path: str | os.PathLike[str], needed: str) -> None:
    if not os.fspath(path) or "\0" in os.fspath(path):
        fail(where, "an empty path or one with a NUL character", needed)


def _explain_reading(where: str, what: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        fail(where, "no such file", what, "Check the path")
    if error.errno in _FORBIDDEN:
        fail(where, "a file that may not be read", what, "Ask its owner for permission to read it")
    fail(where, f"'{error.strerror}' while reading", what)


def _explain_writing(where: str, folder: str, error: OSError) -> NoReturn:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        fail(where, f"{shown_path(folder)}, which is no folder", "a folder to write to", "Make it, or choose another")
    if error.errno in _FORBIDDEN:
        given = f"{shown_path(folder)}, which may not be written"
        fail(where, given, "a folder to write to", "Choose another, or ask for permission")
    if error.errno in _FULL:
        fail(where, "a full disk", "room to write", "Free some space, or choose another disk; nothing was changed")
    fail(
        where, f"'{error.strerror}' while writing", "a path that can be written", "Choose another; nothing was changed"
    )
