"""Compiling for tests of values, whose programs take longer to compile than to run."""

import contextlib
import os
from functools import partial

import jax

OPTIONS = {
    # the layers' laws on CPU: a program is compiled in a fifth of the time, most of it because of the first
    "xla_cpu_use_fusion_emitters": False,
    "xla_cpu_parallel_codegen_split_count": 1,
    "xla_backend_optimization_level": 0,
    "xla_llvm_disable_expensive_passes": True,
}
"""Of XLA's compiler, by the names of its flags; float64 keeps its 16 digits."""

ENVIRONMENT = {"XLA_FLAGS": " ".join(f"--{name}={str(value).lower()}" for name, value in OPTIONS.items())}
"""The same for another process."""

AS_USERS_DO = {"xla_cpu_use_fusion_emitters": True}
"""Undoes `start`."""

jit = partial(jax.jit, compiler_options=OPTIONS)
"""`jax.jit` for what a test calls itself: a jit within another may have no options."""


def start():
    """Compile without fusion emitters in all of this process, but runs as users do.

    The sum of two vectors, a program as every operation outside of a jit is one, takes 12 ms in place of 27. Processes
    that tests start are not changed.
    """
    from jaxnn.train import compiled

    before = os.environ.get("XLA_FLAGS")
    os.environ["XLA_FLAGS"] = f"{before or ''} --xla_cpu_use_fusion_emitters=false"
    jax.devices()  # XLA reads the flags now and never again
    if before is None:
        del os.environ["XLA_FLAGS"]
    else:
        os.environ["XLA_FLAGS"] = before
    compiled.OPTIONS.update(AS_USERS_DO)


@contextlib.contextmanager
def compiles():
    """Compile runs with these options, and all else without most optimisations."""
    from jaxnn.train import compiled

    jax.config.update("jax_disable_most_optimizations", True)
    compiled.OPTIONS.update(OPTIONS)  # a run of tiny data: 0.21 s to compile in place of 0.65
    try:
        yield
    finally:
        compiled.OPTIONS.clear()
        compiled.OPTIONS.update(AS_USERS_DO)
        jax.config.update("jax_disable_most_optimizations", False)
