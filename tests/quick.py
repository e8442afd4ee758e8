"""Compiling for tests of values, whose programs take longer to compile than to run."""

import contextlib
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

jit = partial(jax.jit, compiler_options=OPTIONS)
"""`jax.jit` for what a test calls itself: a jit within another may have no options."""


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
        jax.config.update("jax_disable_most_optimizations", False)
