"""`jaxnn doctor`: what is installed, what it runs on, and what is missing."""

import importlib.metadata
import os
import platform
from typing import Any

from jaxnn import cache
from jaxnn.cli import screen
from jaxnn.cli.report import counted
from jaxnn.version import __version__

NEEDED = ("jax", "jaxlib", "numpy", "optax", "safetensors", "typer", "rich")
OPTIONAL = {"polars": "cli", "scikit-learn": "cli", "matplotlib": "cli", "jinja2": "cli", "pillow": "cli"}
"""Packages that some commands need, with the extra that brings them."""

FLAGS = ("XLA_FLAGS", "JAX_", "JAXNN_", "LIBTPU_", "CUDA_VISIBLE_DEVICES")
"""Environment variables, by the start of their names, that change how a run goes."""


def doctor(*, as_json: bool) -> int:
    """Print versions, devices, the cache, and what is missing.

    Args:
        as_json: print one JSON object in place of text.

    Returns:
        0, or 1 if something needed is missing.
    """
    found = examine()
    missing = [name for name in NEEDED if found["versions"][name] is None]
    if as_json:
        screen.print_json(found)
    else:
        screen.facts(_rows(found))
    return 1 if missing or found["device_trouble"] else 0


def examine() -> dict[str, Any]:
    """Return everything that `jaxnn doctor` tells."""
    versions: dict[str, str | None] = {"python": platform.python_version(), "jaxnn": __version__}
    for name in (*NEEDED, *OPTIONAL):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    backend, devices, trouble = _devices()
    kept = cache.usable()
    programs, size = cache.size(kept.folder) if kept.folder and not kept.trouble else (0, 0)
    return {
        "versions": versions,
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": _memory(),
        "backend": backend,
        "devices": devices,
        "device_trouble": trouble,
        "cache": {"folder": kept.folder, "trouble": kept.trouble, "programs": programs, "bytes": size},
        "flags": {name: value for name, value in sorted(os.environ.items()) if name.startswith(FLAGS)},
    }


def _devices() -> tuple[str | None, list[str], str]:
    import jax

    try:
        return jax.default_backend(), [f"{device} ({device.device_kind})" for device in jax.devices()], ""
    except RuntimeError as error:  # a platform was asked for that is not there, or a driver fails
        return None, [], str(error)


def _memory() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # no such question on this platform
        return None


def _rows(found: dict[str, Any]) -> list[tuple[str, str]]:
    rows = [(name, version or _missing(name)) for name, version in found["versions"].items()]
    memory = f", {found['memory_bytes'] / 2**30:.1f} GiB of memory" if found["memory_bytes"] else ""
    rows.append(("machine", f"{found['system']}, {counted(found['cores'] or 1, 'core')}{memory}"))
    devices = ", ".join(found["devices"]) or f"none: {found['device_trouble']}"
    rows.append(("devices", devices))
    if found["backend"]:
        rows.append(("backend", found["backend"]))
    kept = found["cache"]
    if kept["trouble"]:
        rows.append(("cache", f"not used: {kept['folder'] or 'no folder'}: {kept['trouble']}"))
    else:
        holds = f"{counted(kept['programs'], 'program')}, {kept['bytes'] / 1e6:.1f} MB"
        rows.append(("cache", f"{kept['folder']} ({holds}; delete it to start afresh)"))
    return rows + [(f"{name}", value) for name, value in found["flags"].items()]


def _missing(name: str) -> str:
    extra = OPTIONAL.get(name, "cli" if name in ("typer", "rich") else "")
    package = f'"jaxnn[{extra}]"' if extra else name
    return f"missing: pip install {package}"
