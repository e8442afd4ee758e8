"""What every test shares: strict JAX, keys that never repeat, float64 on request, hypothesis without clocks."""

import gc
import os
import signal
from functools import partial

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import hypothesis
import jax
import pytest

import quick

# what is compiled stays in JAX's caches, gigabytes by the end: looking for cycles in it took a twentieth of the time
gc.set_threshold(50_000, 20, 50)

hypothesis.settings.register_profile("jaxnn", deadline=None, derandomize=True, max_examples=50, database=None)
hypothesis.settings.load_profile("jaxnn")


@pytest.fixture
def getkey():
    """A function that gives another key at every call, the same ones in every run."""
    count = iter(range(1_000_000))
    return lambda: jax.random.fold_in(jax.random.key(20260901), next(count))


@pytest.fixture
def x64():
    """Numbers to 1e-9 need float64; the flag goes back when the test ends."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(autouse=True)
def strict_promotion():
    """Mixing dtypes by accident is an error, as in Equinox's suite."""
    with jax.numpy_dtype_promotion("strict"):
        yield


@pytest.fixture
def quick_compiles():
    """Compile as `quick` does, for tests of values; a test's own functions take `quick.jit`.

    The tests of bits and of costs, and those of whole runs against other libraries, compile as users do.
    """
    with quick.compiles():
        yield


@pytest.fixture
def compiles_as_users_do(monkeypatch):
    """Compile as for users what is jitted while the test runs: its cost is asked for, or its bits. Runs are anyway."""
    monkeypatch.setattr(jax, "jit", partial(jax.jit, compiler_options=quick.AS_USERS_DO))


@pytest.fixture
def listening():
    """Ctrl-C as in a terminal, also when the tests run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)
