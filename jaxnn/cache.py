"""The persistent compilation cache: the second process starts a run without compiling it again."""

import os
import stat
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

VARIABLE = "JAXNN_CACHE_DIR"


@dataclass(frozen=True)
class Cache:
    """Where compiled programs are kept."""

    folder: str | None
    """None where there is no folder to keep them in."""
    trouble: str = ""
    """Why it is not used; "" where it is."""


_ENABLED: list[str] = []
"""The folder of the first call: JAX takes no other afterwards."""


def enable_cache(folder: str | os.PathLike[str] | None = None) -> Cache:
    """Have JAX keep every compiled program in a folder, so that the next process need not compile it.

    Processes started from this one (`n_jobs=2`) keep theirs there too. JAX itself keeps only what took over a second to
    compile, which most of our programs do not. A bad entry only costs the time to compile; entries are never deleted.
    `import jaxnn` never calls it.

    Args:
        folder: where to keep them; None for `JAXNN_CACHE_DIR`, else JAX's own setting, else the user's cache folder.

    Returns:
        Where the programs are kept; its `trouble` says why they are not, as a warning does.
    """
    found = usable(folder)
    if not found.trouble and _ENABLED and found.folder != _ENABLED[0]:
        found = Cache(found.folder, f"JAX keeps programs in {_ENABLED[0]} since the first call")
    if found.trouble:
        warnings.warn(f"no compiled programs are kept in {found.folder}: {found.trouble}", stacklevel=2)
        return found
    _ENABLED.append(str(found.folder))
    os.environ.update({name.upper(): str(value) for name, value in _settings(found).items()})
    return turn_on(found)


def turn_on(found: Cache | None = None) -> Cache:
    """Turn the cache on in this process alone, silently, as the shell commands do.

    Args:
        found: the folder; None for that of `usable`.

    Returns:
        Where the programs are kept, or why they are not.
    """
    import jax

    # JAX warns, and compiles: no news to someone who has a network to train. `jaxnn doctor` tells about the folder
    warnings.filterwarnings("ignore", message="Error (reading|writing) persistent compilation cache")
    found = usable() if found is None else found
    if not found.trouble:
        for name, value in _settings(found).items():
            jax.config.update(name, value)
    return found


def _settings(found: Cache) -> dict[str, object]:
    return {
        "jax_compilation_cache_dir": found.folder, "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }  # fmt: skip


def usable(folder: str | os.PathLike[str] | None = None) -> Cache:
    """Make the cache folder if it is missing, and check that no one else can write to it: its entries are programs.

    Args:
        folder: as for `enable_cache`.

    Returns:
        The folder, and why it is not used, if so.
    """
    chosen = os.environ.get(VARIABLE) if folder is None else os.fspath(folder)
    if chosen == "":
        return Cache(None, f"{VARIABLE if folder is None else 'the name of the folder'} is empty")
    given = chosen or os.environ.get("JAX_COMPILATION_CACHE_DIR")
    try:
        place = Path(given).expanduser().absolute() if given else _platform_folder()
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = place.stat()
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: there is no home folder
        return Cache(str(given) if given else None, getattr(error, "strerror", None) or str(error))
    return Cache(str(place), _trouble(place, state))


def size(folder: str) -> tuple[int, int]:
    """Return how many programs a cache folder holds, and their bytes.

    Args:
        folder: the folder.

    Returns:
        The number of files, and the sum of their sizes.
    """
    count, total = 0, 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and entry.name.endswith("-cache"):
                count, total = count + 1, total + entry.stat().st_size
    return count, total


def _platform_folder() -> Path:
    """By the platform's convention, with the version of JAX: programs of another one are of no use."""
    import jax

    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA") or str(Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = str(Path.home() / "Library" / "Caches")
    else:
        base = os.environ.get("XDG_CACHE_HOME", "")
        # the convention says that a relative path is to be ignored
        base = base if os.path.isabs(base) else str(Path.home() / ".cache")
    return Path(base) / "jaxnn" / f"jax-{jax.__version__}"


def _trouble(folder: Path, state: os.stat_result) -> str:
    if hasattr(os, "getuid") and state.st_uid != os.getuid():
        return "it belongs to another user"
    if sys.platform != "win32" and state.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return "others may write to it: chmod go-w it"
    return "" if os.access(folder, os.W_OK | os.X_OK) else "it cannot be written"
