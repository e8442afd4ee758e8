"""What a training step of each layer costs beside its formula written by hand: operations and bytes, no seconds."""

import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from bench.cost import COUNTED
from bench.interleaved import Row
from bench.result import Grid, Result

EXAMPLES = 8
AT_MOST = 1.005


def step_cost(apply: Any, params: Any, state: Any, x: Any) -> dict[str, float]:
    """Count forward and backward pass of a layer, as XLA does; the body of a loop counts once.

    Args:
        apply: a function of params, state and x that returns y.
        params, state: the weights.
        x: a batch.

    Returns:
        FLOPs and bytes accessed.
    """

    def step(params: Any, x: Any) -> Any:
        return jnp.square(apply(params, state, x)).sum()

    moved = (0, 1) if jnp.issubdtype(x.dtype, jnp.floating) else (0,)
    said = jax.jit(jax.value_and_grad(step, moved)).lower(params, x).compile().cost_analysis()
    return {ours: float(said.get(name, 0.0)) for name, ours in COUNTED.items()}


def pair(case: Any, key: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Count one row of the table of cases: the layer, and its formula."""
    params, state = case.layer.init(key, case.example())
    x = case.batch(key, EXAMPLES)
    ours = step_cost(lambda *arguments: case.layer.apply(*arguments)[0], params, state, x)
    return ours, step_cost(case.formula, params, state, x)


def table(rounds: int | None) -> Result:
    """Count every layer whose formula the table of cases has; there is nothing to repeat."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
    from cases import CASES  # pyright: ignore[reportMissingImports]

    lines, worst = [], dict.fromkeys(COUNTED.values(), 0.0)
    for case in CASES:
        if case.formula is None:
            continue
        ours, theirs = pair(case, jax.random.key(0))
        ratios = {what: ours[what] / theirs[what] if theirs[what] else 1.0 for what in ours}
        worst = {what: max(worst[what], ratio) for what, ratio in ratios.items()}
        lines.append((case.name, *(f"{theirs[what]:,.0f}" for what in ours), *(f"{r:.4f}" for r in ratios.values())))
    rows = [
        Row(f"layers: {what} of a step / hand-written, the worst of {len(lines)}", ratio, None, AT_MOST, "1.00")
        for what, ratio in worst.items()
    ]
    columns = ("layer", *(f"{what} by hand" for what in worst), *(f"{what}, ours over theirs" for what in worst))
    title = "a training step of each layer beside its formula by hand, batch 8"
    return Result(None, rows, [Grid("As XLA counts them", columns, lines)], [], title=title)
