"""Columns as JSON and back, for model files; what is read may be hostile."""

from collections.abc import Mapping
from typing import Any

from jaxnn.checks import fail
from jaxnn.data.columns import Categories, Column, Date, Dropped, Embedded, Levels, Numeric, fields_of
from jaxnn.data.places import listed, shown

_KINDS: Mapping[str, type] = {kind.__name__: kind for kind in (Numeric, Levels, Categories, Embedded, Date, Dropped)}


def to_json(column: Column | Dropped) -> dict[str, Any]:
    """Return a column as plain lists, text and numbers.

    Args:
        column: of any kind.

    Returns:
        What `from_json` reads back to an equal column.

    >>> to_json(Dropped("id", "identifier", "different in every row"))["kind"]
    'Dropped'
    """
    fields = {name: getattr(column, name) for name in fields_of(type(column))}
    return {"kind": type(column).__name__} | {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }


def from_json(document: Any) -> Column | Dropped:
    """Make a column from what `to_json` returned, checking everything: the document may be hostile.

    Args:
        document: what `json.loads` returned.

    Returns:
        The column.

    Raises:
        JaxnnError: naming what has the wrong type, length or value.

    >>> from_json({"kind": "Dropped", "name": "id", "label": "identifier", "why": ""})
    Dropped('id', 'identifier')
    """
    where, kinds = "preprocessing.columns", f"one of {', '.join(_KINDS)}"
    if not isinstance(document, Mapping):
        fail(where, type(document).__name__, f"an object whose kind is {kinds}")
    kind = _KINDS.get(str(document.get("kind")))
    if kind is None:
        fail(where, f"the kind {shown(document.get('kind'))}", kinds)
    if set(document) != {"kind", *fields_of(kind)}:
        given = listed([str(key) for key in document])
        fail(where, given, f"the fields of {kind.__name__}: {', '.join(fields_of(kind))}")
    fields = {name: _plain(value, annotation) for (name, annotation), value in _paired(kind, document)}
    return kind(**fields)


def _paired(kind: type, document: Mapping[str, Any]) -> list[tuple[tuple[str, Any], Any]]:
    return [((name, annotation), document[name]) for name, annotation in fields_of(kind).items()]


def _plain(value: Any, annotation: Any) -> Any:
    """Lists as tuples, and 2 as 2.0 where a float belongs: JSON writers may drop the point."""
    if isinstance(value, list):
        return tuple(_plain(item, float if annotation == tuple[float, ...] else str) for item in value)
    small = type(value) is int and abs(value) < 2**63
    return float(value) if annotation is float and small else value
