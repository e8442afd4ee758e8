"""`jaxnn train --fold`: flags of XLA under which the training of a tiny network is one kernel."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from jaxnn.checks import fail

VARIABLE = "XLA_FLAGS"

FLAGS = (
    "--xla_backend_extra_options=xla_cpu_small_while_loop_byte_threshold=1000000000",
    "--xla_cpu_experimental_ynn_fusion_type=",
)
"""Compile loops of any size as one kernel, and leave matrix products to that kernel. 4-8-8-1 with batch 16: 4.7 -> 1.1
microseconds a step."""

WIDEST = 16
"""Of a layer: 10-24-24-1 gains a tenth, 10-32-32-1 loses (11.8 -> 16.9 microseconds a step)."""

MOST_INPUTS = 32
"""Columns, after one-hot: 32-16-16-1 gains (9.4 -> 5.9 microseconds a step), 64-16-16-1 loses (10.4 -> 14.5)."""


def turn_on(widths: Sequence[int], asked: bool, made_with: Mapping[str, Any]) -> None:
    """Set the flags if they were asked for, or if the run to be repeated had them; they must come before JAX starts.

    They hold for the whole process and change the last bits of the weights, so that a run records them.

    Args:
        widths: of the network: inputs, hidden layers, outputs.
        asked: whether `--fold` was typed.
        made_with: the table of versions of the `run.toml` that is repeated; {} for none.

    Raises:
        JaxnnError: if they were asked for and would make this network slower, or JAX has started already. A run that is
            repeated goes on without them then; what differs is said of it.

    >>> turn_on((784, 16, 1), True, {})
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: --fold: got 784 inputs; needed at most 32. Leave --fold out: it would take longer.
    >>> turn_on((4, 128, 3), False, {"xla_flags": "--xla_dump_to=x"})
    """
    recorded = str(made_with.get("xla_flags", "")).split()
    if not asked and not set(FLAGS) <= set(recorded):
        return
    unfit = _unfit(*widths)
    if unfit and asked:
        fail("--fold", *unfit, "Leave --fold out: it would take longer")
    started = _jax_has_started()
    if started and asked:
        fail("--fold", "a process in which JAX has started", "a new one", "Type it on a command line of its own")
    if not unfit and not started:
        given = os.environ.get(VARIABLE, "").split()
        os.environ[VARIABLE] = " ".join([*given, *(flag for flag in FLAGS if flag not in given)])


def _unfit(inputs: int, *layers: int) -> tuple[str, str] | None:
    """What makes a network unfit, and what would do; None for one that gains."""
    if max(layers) > WIDEST:
        return f"a layer of {max(layers)}", f"at most {WIDEST}"
    return (f"{inputs} inputs", f"at most {MOST_INPUTS}") if inputs > MOST_INPUTS else None


def _jax_has_started() -> bool:
    """Whether XLA has read its flags; JAX tells by refusing a setting that it takes only before."""
    import jax

    before = jax.config.jax_num_cpu_devices  # pyright: ignore[reportAttributeAccessIssue]
    try:
        jax.config.update("jax_num_cpu_devices", 1)
    except RuntimeError:
        return True
    jax.config.update("jax_num_cpu_devices", before)
    return False
