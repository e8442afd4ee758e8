"""Every public name of jaxnn says what it is; every exported one shows it by an example that runs as a doctest."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = sorted((ROOT / "jaxnn").rglob("*.py"))

# Exported names that have no example, each with the reason.
WITHOUT_EXAMPLE: dict[str, str] = {}


def is_public(node):
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def methods(node):
    return [child for child in node.body if is_public(child)] if isinstance(node, ast.ClassDef) else []


def bases(node):
    return [ast.unparse(base) for base in node.bases] if isinstance(node, ast.ClassDef) else []


def undocumented(source, path):
    """The public functions and classes of a file, and their public methods, that have no docstring."""
    for node in filter(is_public, ast.parse(source).body):
        for name, part in [(node.name, node), *((f"{node.name}.{method.name}", method) for method in methods(node))]:
            overload = any(ast.unparse(decorator).endswith("overload") for decorator in part.decorator_list)
            if not overload and not (ast.get_docstring(part) or "").strip():
                yield f"{path}:{part.lineno}: {name} has no docstring"


def module_file(module, sources):
    """`jaxnn.losses` -> jaxnn/losses.py, `jaxnn.layers` -> jaxnn/layers/__init__.py; None for anything else."""
    stem = module.replace(".", "/")
    return next((path for path in (f"{stem}.py", f"{stem}/__init__.py") if path in sources), None)


def exported(path, sources):
    """Yield (file, name) of what a file's `__all__` exports, where it is defined; a module exports what is public."""
    tree = ast.parse(sources[path])
    come_from = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for name in names_in_all(tree):
        module, original = come_from.get(name, ("", name))
        inner, outer = module_file(f"{module}.{original}", sources), module_file(module, sources)
        if inner and outer == path:
            yield from ((inner, node.name) for node in filter(is_public, ast.parse(sources[inner]).body))
        else:
            yield outer or path, original


def names_in_all(tree):
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            yield from ast.literal_eval(node.value)


def has_example(node):
    """Whether the docstring of a function or a class, or of one of the class's methods, has an example."""
    return any(">>>" in (ast.get_docstring(part) or "") for part in [node, *methods(node)])


def without_example(source, path, wanted):
    """The wanted functions and classes of a file without `>>>`; a protocol or an exception needs none."""
    for node in filter(is_public, ast.parse(source).body):
        exempt = any(base.startswith("Protocol") or base.endswith(("Error", "Exception")) for base in bases(node))
        if node.name in wanted and not exempt and not has_example(node):
            yield f"{path}:{node.lineno}: {node.name} is exported and has no example"


def sources():
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in PACKAGE}


def test_every_public_name_has_a_docstring():
    wrong = [line for path, source in sources().items() for line in undocumented(source, path)]
    assert not wrong, "\n".join(["", *wrong])


def test_every_exported_name_has_an_example():
    found = sources()
    wanted = {pair for path in found if not path.startswith("jaxnn/cli/") for pair in exported(path, found)}
    wrong = [
        line
        for path, source in found.items()
        for line in without_example(
            source, path, {name for file, name in wanted if file == path} - set(WITHOUT_EXAMPLE)
        )
    ]
    assert not wrong, "\n".join(["", *wrong])


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(): ...", 1),
        ("def f():\n    'Says.'", 0),
        ("def _f(): ...\n_x = 1", 0),
        ("class A:\n    'Says.'\n    def m(self): ...\n    def _p(self): ...\n    def __repr__(self): ...", 1),
        ("class A:\n    def m(self):\n        ''", 2),
        ("@overload\ndef f(): ...", 0),
    ],
)
def test_a_missing_docstring_is_seen(source, count):
    assert len(list(undocumented(source, "a.py"))) == count


def test_a_missing_example_is_seen():
    heads = ("def f()", "def g()", "class A(B)", "class E(ValueError)", "class P(Protocol)")
    source = "".join(f"{head}:\n    'Says.'\n" for head in heads)
    wrong = list(without_example(source, "a.py", {"f", "A", "E", "P"}))
    assert wrong == ["a.py:1: f is exported and has no example", "a.py:5: A is exported and has no example"]
    assert list(without_example("def f():\n    '>>> f()'", "a.py", {"f"})) == []
    assert list(without_example("class A:\n    def m(self):\n        '>>> f()'", "a.py", {"A"})) == []


def test_exports_are_followed_to_where_they_are_defined():
    found = {
        "jaxnn/__init__.py": "from jaxnn import a\nfrom jaxnn.b import f, g\n"
        "__all__ = ['a', 'f', 'g', 'own']\ndef own(): ...",
        "jaxnn/a.py": "def one(): ...\nclass Two: ...\ndef _three(): ...",
        "jaxnn/b/__init__.py": "def f(): ...\ndef g(): ...",
        "jaxnn/b/g.py": "def inside(): ...",
    }
    assert set(exported("jaxnn/__init__.py", found)) == {
        ("jaxnn/a.py", "one"),
        ("jaxnn/a.py", "Two"),
        ("jaxnn/b/__init__.py", "f"),
        ("jaxnn/b/__init__.py", "g"),
        ("jaxnn/__init__.py", "own"),
    }
    assert list(exported("jaxnn/a.py", found)) == []
