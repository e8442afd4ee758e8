"""How many operations and bytes one optimised step takes, as XLA counts them: ours and the hand-written one."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnn as nn
from bench.peers.hand_written import initial, make_step
from bench.problem import Problem
from jaxnn.train import prepare, program
from jaxnn.train import tables as checked

COUNTED = {"flops": "FLOPs", "bytes accessed": "bytes accessed"}
"""XLA's names, and ours."""


def _counts(compiled: Any) -> dict[str, float]:
    said = compiled.cost_analysis()
    return {ours: float(said[name]) for name, ours in COUNTED.items()}


def _example(problem: Problem) -> tuple[np.ndarray, np.ndarray]:
    x = np.zeros((problem.rows, problem.widths[0]), np.float32)
    return x, np.zeros(problem.rows, np.int32) if problem.classifies else np.zeros((problem.rows, 1), np.float32)


def of_hand_written(problem: Problem) -> dict[str, float]:
    """Count the hand-written step: forward, backward, Adam. A scan's body is counted once, whatever its length."""
    rule, step = make_step(problem)
    params = jax.eval_shape(lambda: initial(problem, jax.random.key(0)))
    x, y = (array[: problem.batch] for array in _example(problem))
    return _counts(jax.jit(step).lower(params, jax.eval_shape(rule.init, params), x, y).compile())


def of_fit(problem: Problem) -> dict[str, float]:
    """Count the step of `fit`'s program for the same network, with the mask of a short last batch if there is one."""
    net = nn.models.mlp(problem.hidden, problem.widths[-1])
    loss = nn.losses.softmax_cross_entropy if problem.classifies else nn.losses.squared_error
    rule, rate = nn.optimizers.resolve("adam", problem.rate)
    words, impl = prepare.seed_of(0)
    x, y = _example(problem)
    tables = checked.tables((x, y), None, None, None, seed=words, loss=loss)
    examples = len(tables.train.rows)
    recipe = prepare.recipe(net, loss, rule, [], [], None, problem.batch, True, examples, tables, impl)
    hyper = jax.tree.map(lambda leaf: leaf[0], prepare.hyper(net, recipe, rate, problem.epochs, None))
    rows = program.Rows(jnp.asarray(x), jnp.asarray(y), None, jnp.asarray(tables.train.rows))
    now = jax.eval_shape(lambda: program.init(recipe, jnp.asarray(words), hyper, program.Data(rows, None), None))
    real = None if problem.batches == problem.whole_batches else np.ones(problem.batch, bool)
    batch = (x[: problem.batch], y[: problem.batch], None, real)

    def step(hyper: Any, batch: Any, key: Any, learnt: Any) -> Any:
        return program.minibatch(recipe, hyper, batch, key, learnt)

    learnt = now.params, now.state, now.opt_state, now.sums
    return _counts(jax.jit(step).lower(hyper, batch, jax.random.key(0), learnt).compile())
