"""Names of a package that are imported when they are first asked for, so that `import jaxnn` stays short."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any


def attributes(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """Return the `__getattr__` of a package some of whose names are imported on first use (PEP 562).

    Args:
        package: the package's `__name__`.
        homes: a dict from name to the module that has it; to the package itself for one of its modules.

    Returns:
        A function from a name to what it stands for; `AttributeError` for any other name.

    >>> find = attributes("somewhere", {"sqrt": "math"})
    >>> find("sqrt")(9.0)
    3.0
    >>> attributes("xml", {"sax": "xml"})("sax").__name__
    'xml.sax'
    """

    def find(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if homes[name] == package:
            return importlib.import_module(f"{package}.{name}")
        return getattr(importlib.import_module(homes[name]), name)

    return find
