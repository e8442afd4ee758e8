"""What tests and the examples in docstrings share: JAX compiles their small programs quickly."""

import contextlib
import os

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import pytest

import quick

quick.start()


@pytest.fixture(autouse=True)
def quick_examples(request):
    """Examples in docstrings show values; as the fixture `quick_compiles` of the tests."""
    with quick.compiles() if hasattr(request.node, "dtest") else contextlib.nullcontext():
        yield
