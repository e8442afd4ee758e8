"""Settings in a TOML file: reading one with errors that name the line, and writing the `run.toml` of a run."""

import difflib
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

from jaxnn.checks import JaxnnError, fail
from jaxnn.cli.settings import DESCRIBED, NAMES, Settings, checked, from_flag
from jaxnn.files import reading, shown_path

DIGEST = "data_sha256"
MADE_WITH = "made_with"
LARGEST = 2**20
"""Bytes of a file of settings; a few hundred are needed."""


@dataclass(frozen=True)
class Config:
    """What a TOML file says."""

    values: dict[str, Any] = field(default_factory=dict)
    """Settings by name."""
    data_sha256: str | None = None
    """Of the data that the file was written for."""
    made_with: dict[str, Any] = field(default_factory=dict)
    """Versions and machine of the run that wrote the file."""
    source: str = ""
    places: dict[str, str] = field(default_factory=dict)
    """`file:line` of each setting, by name."""


def read_config(path: str) -> Config:
    """Read settings from a TOML file.

    Args:
        path: the file; keys are the names of `Settings`, and those that a `run.toml` has beside them.

    Returns:
        What it says; every value is checked.

    Raises:
        JaxnnError: naming `file:line`: no such file, no TOML, an unknown key with the nearest name, a wrong type or
            range.
    """
    text = _read(path)
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        _refuse_toml(path, text, str(error))
    values: dict[str, Any] = {}
    places: dict[str, str] = {}
    for name, value in document.items():
        where = f"{shown_path(path)}:{_line(text, name)}"
        if name in NAMES:
            places[name] = where
            values[name] = checked(name, value, f"{where}: {name}")
        elif name == DIGEST:
            if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
                fail(f"{where}: {name}", repr(value), "64 hexadecimal digits", "Remove the line to use any data")
        elif name == MADE_WITH:
            if not isinstance(value, dict):
                fail(f"{where}: {name}", repr(value), "a table of versions")
        else:
            _refuse_key(where, name)
    return Config(values, document.get(DIGEST), document.get(MADE_WITH, {}), path, places)


def combined(flags: Mapping[str, str | list[str] | None], found: Config) -> Settings:
    """Return the settings of a run: a flag wins over the file, the file over the default.

    Args:
        flags: what was typed, by name; None where nothing was.
        found: what a file says.

    Returns:
        The settings.

    Raises:
        JaxnnError: naming the flag that is out of range.
    """
    typed = {name: from_flag(name, text) for name, text in flags.items() if text is not None and text != []}
    return Settings(**(found.values | typed))


def as_toml(settings: Mapping[str, Any], data_sha256: str, made_with: Mapping[str, str]) -> str:
    """Return the text of a `run.toml`.

    Args:
        settings: values by name; None is left out.
        data_sha256: of the bytes of the data; "" where there are none.
        made_with: versions and machine.

    Returns:
        TOML that `read_config` reads back to the same values, to the last bit.
    """
    lines = ["# jaxnn train --config THIS_FILE --out NEW_FOLDER trains the same network again, bit for bit"]
    lines += [f"{name} = {_toml(value)}" for name, value in settings.items() if value is not None]
    if data_sha256:
        lines.insert(2, f"{DIGEST} = {_toml(data_sha256)}")
    lines += ["", f"[{MADE_WITH}]"]
    lines += [f"{name} = {_toml(value)}" for name, value in made_with.items()]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        # a JSON string is a TOML string but for DEL, and TOML has no surrogate pairs
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return repr(value)


def _read(path: str) -> str:
    with reading(path, "a TOML file of settings") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        fail(shown_path(path), f"more than {LARGEST} bytes", "a TOML file of settings")
    try:
        return data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        fail(f"{shown_path(path)}:{line}", "bytes that are not UTF-8", "a TOML file of settings")


def _refuse_toml(path: str, text: str, message: str) -> NoReturn:
    at = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", message)
    end = f":{text.rstrip().count(chr(10)) + 1}"  # "end of document": its last line
    where = shown_path(path) + (f":{at[1]}:{at[2]}" if at and at[1] else end)
    what = message.replace(at[0], "") if at else message
    fail(where, f"what is no TOML ({' '.join(what.split())})", 'lines such as epochs = 50 or activation = "relu"')


def _refuse_key(where: str, name: str) -> NoReturn:
    near = difflib.get_close_matches(name[:60].replace("-", "_"), NAMES, n=1)
    known = ", ".join(DESCRIBED)
    guess = f" Did you mean {near[0]}?" if near else ""
    raise JaxnnError(f"{where}: got the unknown setting {name[:60]!r}; needed one of {known}.{guess}")


def _line(text: str, name: str) -> int:
    """The line on which a key or a table stands; tomllib does not tell."""
    spelt = re.escape(name)
    found = re.search(rf"^[ \t]*\[*[ \t]*[\"']?{spelt}[\"']?[ \t]*[=.\]]", text, re.MULTILINE)
    return text.count("\n", 0, found.start()) + 1 if found else 1
