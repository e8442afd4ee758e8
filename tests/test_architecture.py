"""Who may import whom, how long a file and a function may be, and what no file may use."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILE_LINES, FUNCTION_LINES = 400, 50

# A room is a module or a folder of jaxnn. It imports from rooms of lower floors and from itself, never from a
# neighbour on its own floor. A new room gets its floor here.
FLOORS = {
    0: "pytypes checks config lazy version cache",
    0.5: "convolutions curves shapes files",  # the step above the ground: they report through checks
    1: "activations initializers losses metrics penalties ops scores",
    2: "layers augmentation",
    3: "models backprop optimizers data encoding tensorfile",
    4: "train",
    4.5: "model generation calibration",  # what training left, made ready to ask; modelfile writes and reads it
    5: "population modelfile neurons explain",
    6: "estimators interop",
    7: "plots",
    7.5: "report",
    8: "cli",
}
FLOOR_OF = {room: floor for floor, rooms in FLOORS.items() for room in rooms.split()}
# These two are the front door: they may import anything, and no room imports them.
FRONT = {"__init__", "__main__"}

NO_JAX = re.compile(r"jax\.(_src|experimental)\b")
PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}

PACKAGE = sorted((ROOT / "jaxnn").rglob("*.py"))
OURS = PACKAGE + [
    path
    for folder in ("scripts", "tests", "bench", "experiments", ".ci")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.is_file() and "__pycache__" not in path.parts and path.suffix in {"", ".py", ".sh"}
]
PYTHON = [path for path in OURS if path.suffix == ".py"]


def name_of(path):
    return path.relative_to(ROOT).as_posix()


def room_of(path):
    """`jaxnn/layers/linear.py` -> layers, `jaxnn/metrics.py` -> metrics."""
    return Path(*Path(path).parts[1:2]).stem


def imported(source, path):
    """Yield (line, dotted name) of every import in a file, wherever it stands; `from a import b` counts as `a.b`."""
    package = Path(path).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*start, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in {"import_module", "__import__"}:
            yield from ((node.lineno, name.value) for name in node.args[:1] if isinstance(name, ast.Constant))


def wrong_imports(source, path):
    """The imports of a file of jaxnn that do not lead to a lower floor or its own room."""
    room = room_of(path)
    if room in FRONT:
        return []
    if room not in FLOOR_OF:
        return [f"{path}: the room {room} has no floor; give it one in tests/test_architecture.py"]
    wrong = []
    for line, name in imported(source, path):
        package, _, rest = name.partition(".")
        target = rest.split(".")[0]
        if package != "jaxnn" or target == room:
            continue
        if target not in FLOOR_OF:
            wrong.append(f"{path}:{line}: imports {name}; import from the module that has it, not from the front door")
        elif FLOOR_OF[target] >= FLOOR_OF[room]:
            wrong.append(
                f"{path}:{line}: {room} (floor {FLOOR_OF[room]}) imports {name} (floor {FLOOR_OF[target]}); "
                f"needed a lower floor"
            )
    return wrong


def long_functions(source, path):
    """The functions of FUNCTION_LINES lines or more, signature to end, without decorators and docstring."""
    wrong = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            docstring = first if ast.get_docstring(node, clean=False) is not None else None
            lines = node.end_lineno - node.lineno + 1
            lines -= docstring.end_lineno - docstring.lineno + 1 if docstring else 0
            if lines >= FUNCTION_LINES:
                wrong.append(f"{path}:{node.lineno}: {node.name} has {lines} lines; needed under {FUNCTION_LINES}")
    return wrong


def long_file(source, path):
    lines = len(source.splitlines())
    return [f"{path}: has {lines} lines; needed under {FILE_LINES}"] if lines >= FILE_LINES else []


def private_jax(source, path):
    """Uses of what JAX does not promise to keep: as an import, or as an attribute."""
    names = list(imported(source, path))
    names += [(n.lineno, ast.unparse(n)) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)]
    return sorted({f"{path}:{line}: uses {NO_JAX.match(name)[0]}" for line, name in names if NO_JAX.match(name)})


def unsafe_loading(source, path):
    """Imports of pickle and its kin, and `allow_pickle=True`: reading a file must never run code."""
    for line, name in imported(source, path):
        if name.split(".")[0] in PICKLES:
            yield f"{path}:{line}: imports {name}"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield f"{path}:{node.lineno}: allows pickle"


DERIVES = re.compile(
    r"jax\.(grad|value_and_grad|vjp|jvp|linearize|linear_transpose|hessian|jac\w+|custom_\w+|checkpoint)\b"
)


def derivatives(source, path):
    """What of JAX's own differentiation a file uses, as an attribute or by an import."""
    names = list(imported(source, path))
    names += [(n.lineno, ast.unparse(n)) for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Attribute)]
    return sorted({f"{path}:{line}: uses {DERIVES.match(name)[0]}" for line, name in names if DERIVES.match(name)})


def none_of(rule, paths):
    __tracebackhide__ = True
    wrong = [line for path in paths for line in rule(path.read_text(encoding="utf-8"), name_of(path))]
    assert not wrong, "\n".join(["", *wrong])


def test_imports_lead_to_lower_floors():
    none_of(wrong_imports, PACKAGE)


def test_files_are_short():
    none_of(long_file, OURS)


def test_functions_are_short():
    none_of(long_functions, PYTHON)


def test_only_the_public_api_of_jax():
    none_of(private_jax, PYTHON)


def test_what_is_differentiated_by_hand_is_not_by_jax():
    by_hand = [path for path in PACKAGE if "/backprop/" in path.as_posix() and path.name != "check.py"]
    assert len(by_hand) > 10
    none_of(derivatives, by_hand)
    assert derivatives("import jax\nfrom jax import vjp\ny = jax.grad(f)(jax.value_and_grad(f)(2))", "x.py")


def test_rules_lie_in_files_of_the_names_of_the_layers():
    layers = {path.stem for path in PACKAGE if path.parent.name == "layers"}
    own = {"rules", "engine", "check", "trace", "tracetable", "losses", "penalties"}
    assert {path.stem for path in PACKAGE if path.parent.name == "backprop"} - own <= layers


def test_no_pickle():
    none_of(unsafe_loading, PACKAGE)


def test_every_room_stands_on_one_floor():
    rooms = [room for rooms in FLOORS.values() for room in rooms.split()]
    assert len(rooms) == len(set(rooms))


# The rules themselves, on small sources: each is seen to fail.


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("jaxnn/layers/linear.py", "from jaxnn import losses, config\nfrom jaxnn.layers.base import x"),
        ("jaxnn/layers/linear.py", "from .base import x\nfrom . import dropout\nfrom ..checks import fail"),
        ("jaxnn/cli/main.py", "def run():\n    from jaxnn.train.program import fit\n    import jaxnn.losses"),
        ("jaxnn/losses.py", "import jax.numpy as jnp\nimport jaxnnette.layers"),
        ("jaxnn/__init__.py", "from jaxnn.cli.main import main"),
        ("jaxnn/__main__.py", "import jaxnn"),
    ],
)
def test_allowed_imports(path, source):
    assert wrong_imports(source, path) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("jaxnn/losses.py", "from jaxnn.layers import Dense"),
        ("jaxnn/losses.py", "from jaxnn.metrics import accuracy"),
        ("jaxnn/losses.py", "def loss():\n    import jaxnn.ops"),
        ("jaxnn/losses.py", "from .metrics import accuracy"),
        ("jaxnn/layers/linear.py", "from ..train import fit"),
        ("jaxnn/layers/linear.py", "from .. import train"),
        ("jaxnn/layers/linear.py", "import jaxnn as nn"),
        ("jaxnn/layers/linear.py", "from jaxnn import Dense"),
        ("jaxnn/layers/linear.py", "import importlib\nimportlib.import_module('jaxnn.cli')"),
        ("jaxnn/helpers.py", ""),
    ],
)
def test_refused_imports(path, source):
    assert len(wrong_imports(source, path)) == 1


def test_length_of_a_function_leaves_out_decorators_and_docstring():
    def function(lines):
        return "@cached\ndef f():\n" + '    """A\n\n    long\n    text."""\n' + "    x = 1\n" * (lines - 1)

    assert long_functions(function(49), "a.py") == []
    assert long_functions(function(50), "a.py") == ["a.py:2: f has 50 lines; needed under 50"]
    inside = "class A:\n" + "\n".join("    " + line for line in function(60).splitlines())
    assert long_functions(inside, "a.py") == ["a.py:3: f has 60 lines; needed under 50"]


def test_length_of_a_file():
    assert long_file("x\n" * 399, "a.py") == []
    assert long_file("x\n" * 400, "a.py") == ["a.py: has 400 lines; needed under 400"]


@pytest.mark.parametrize(
    "source",
    [
        "import jax._src.core",
        "from jax import _src",
        "from jax.experimental import pallas",
        "def f():\n    import jax\n    return jax.experimental.x",
    ],
)
def test_private_jax_is_seen(source):
    assert len(private_jax(source, "a.py")) == 1
    assert private_jax("import jax\njax.experimentalist, jax.lax.scan, my.jax._src", "a.py") == []


@pytest.mark.parametrize(
    "source",
    ["import pickle", "from joblib import load", "np.load(f, allow_pickle=True)", "np.load(f, allow_pickle=a)"],
)
def test_unsafe_loading_is_seen(source):
    assert len(list(unsafe_loading(source, "a.py"))) == 1
    assert list(unsafe_loading("import pickles\nnp.load(f, allow_pickle=False)", "a.py")) == []
