"""`import jaxnn` is light and leaves no trace: seen in a fresh interpreter each time."""

import json
import os
import subprocess
import sys

import pytest

HEAVY = {"polars", "rich", "typer", "matplotlib", "sklearn", "flax", "chex", "pandas", "jinja2", "PIL"}
CORE = "import jax, jaxlib, numpy, optax, safetensors"


def fresh(code, **environment):
    """Run code in another interpreter, warnings being errors; return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=False, env=os.environ | environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def packages_after(statement):
    """The top-level packages in memory after a statement, without those of Python."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    return set(fresh(code)) - set(sys.stdlib_module_names) - {"__mp_main__"}


def test_only_the_core_is_loaded():
    with_core = packages_after(f"{CORE}\nimport safetensors.numpy")
    with_jaxnn = packages_after("import jaxnn")
    assert with_jaxnn & HEAVY == set()
    assert with_jaxnn - with_core == {"jaxnn"}


def test_no_backend_is_started():
    # a platform that is not there: whoever asks for a device, or computes, fails
    assert fresh("import jaxnn; print(1)", JAX_PLATFORMS="nonexistent") == 1
    with pytest.raises(AssertionError, match="nonexistent"):
        fresh("import jaxnn, jax.numpy as jnp; jnp.zeros(1); print(1)", JAX_PLATFORMS="nonexistent")


def test_no_setting_is_changed():
    code = f"""{CORE}
import json, os, random, warnings
def settings():
    return [dict(jax.config.values), dict(os.environ), repr(numpy.random.get_state()), random.getstate(),
            numpy.get_printoptions(), list(warnings.filters)]
before = settings()
import jaxnn
print(json.dumps([now == then for now, then in zip(settings(), before, strict=True)]))"""
    assert fresh(code) == [True] * 6
