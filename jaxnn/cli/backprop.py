"""`jaxnn backprop`: backpropagation through a small network, step by step."""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from jaxnn import cache
from jaxnn.checks import fail, one_of
from jaxnn.cli import screen
from jaxnn.cli.settings import Number, Whole
from jaxnn.files import shown_path, write_atomically

EXAMPLE = {
    "input": "0.05,0.10", "target": "0.01,0.99", "weights": "0.15,0.20,0.25,0.30,0.40,0.45,0.50,0.55",
    "biases": "0.35,0.60", "learning_rate": "0.5", "steps": "10000", "activation": "sigmoid",
}  # fmt: skip
"""The worked example of the course, which M. Mazur made known: "A step by step backpropagation example", 2015."""

WIDEST, LONGEST = 8, 10**6
"""Units of a layer, and steps."""


@dataclass(frozen=True)
class Problem:
    """A network of two layers, one example, and how it is trained."""

    x: list[float]
    t: list[float]
    kernels: tuple[np.ndarray, np.ndarray]
    biases: list[float]
    learning_rate: float
    steps: int
    activation: str
    train_biases: bool


def backprop(typed: dict[str, str | None], html: str | None, *, train_biases: bool, as_json: bool) -> int:
    """Print one pass forward and back through a small network as on a board, and what the steps after it bring.

    Args:
        typed: what was given of the numbers and names of `EXAMPLE`.
        html: the file for the picture of the network; None for none.
        train_biases: whether the biases are trained too, each unit's its own.
        as_json: print one JSON object.

    Returns:
        The exit code.

    Raises:
        JaxnnError: if numbers do not fit each other, or the file cannot be written.
    """
    given = {name: text for name, text in typed.items() if text is not None}
    problem = read(EXAMPLE | given, train_biases)
    trace, errors, outputs = computed(problem)
    from jaxnn.cli import board

    if html is not None:
        from jaxnn.plots.network import page

        sizes = "-".join(str(n) for n in (len(problem.x), problem.kernels[0].shape[1], len(problem.t)))
        write_atomically(html, page(trace, f"Backpropagation through a {sizes} network").encode())
    if as_json:
        screen.print_json(_document(trace, problem, errors, outputs, html))
        return 0
    told = board.lesson(trace, problem.activation, problem.learning_rate, problem.train_biases)
    screen.writing(f"{told}\n{board.course(errors, outputs)}")
    if html is not None:
        screen.say(f"wrote the picture to {shown_path(html)}")
    return 0


def read(given: dict[str, str], train_biases: bool) -> Problem:
    """Return the problem that was typed.

    Args:
        given: text for each name of `EXAMPLE`.
        train_biases: whether the biases are trained too.

    Returns:
        The problem; the number of hidden units follows from that of the weights.

    Raises:
        JaxnnError: with the flag, what was given and what was needed.
    """
    from jaxnn.activations import ACTIVATIONS

    x, t = _list("--input", given["input"]), _list("--target", given["target"])
    for flag, values in (("--input", x), ("--target", t)):
        if len(values) > WIDEST:
            fail(flag, f"{len(values)} numbers", f"1 to {WIDEST}", "More do not fit on a board")
    weights, each = _list("--weights", given["weights"]), len(x) + len(t)
    hidden, rest = divmod(len(weights), each)
    if rest or not 1 <= hidden <= WIDEST:
        needed = f"{each} for each hidden unit, of which there are 1 to {WIDEST}"
        do = f"{len(x)} lead to a hidden unit from the inputs, and {len(t)} from it to the outputs"
        fail("--weights", f"{len(weights)} numbers", needed, do)
    biases = _list("--biases", given["biases"])
    if len(biases) != 2:
        fail("--biases", f"{len(biases)} numbers", "2: one for the hidden and one for the output layer")
    first, second = np.split(np.array(weights), [hidden * len(x)])
    kernels = first.reshape(hidden, len(x)).T, second.reshape(len(t), hidden).T  # those into one unit stand together
    rate, steps = Number(0, math.inf), Whole(1, LONGEST)
    names = [name for name in ACTIVATIONS if name != "softmax"]  # which is of all units at once
    return Problem(
        x, t, kernels, biases, rate.check("--learning-rate", rate.parse(given["learning_rate"])) or 0.0,
        steps.check("--steps", steps.parse(given["steps"])) or 1, one_of("--activation", given["activation"], names),
        train_biases,
    )  # fmt: skip


def _list(flag: str, text: str) -> list[float]:
    """Numbers with commas between them."""
    kind = Number(-math.inf, math.inf)
    found = [kind.parse(part) for part in text.split(",")]
    if not all(isinstance(value, float) and math.isfinite(value) for value in found):
        fail(flag, repr(text), "numbers with commas between them, such as 0.05,0.10")
    return found


def computed(problem: Problem) -> tuple[Any, np.ndarray, np.ndarray]:
    """Trace one pass and run the steps, in float64 whatever JAX's flags are.

    Args:
        problem: the network and its example.

    Returns:
        The trace, its arrays in NumPy; the errors before the first step and after each, `(steps + 1,)`; and the
        outputs, `(steps + 1, outputs)`.
    """
    import jax
    import jax.numpy as jnp

    from jaxnn.activations import by_name, sigmoid
    from jaxnn.backprop.engine import value_and_grad
    from jaxnn.backprop.trace import trace
    from jaxnn.layers import Chain, Dense
    from jaxnn.losses import half_squared_error

    cache.turn_on()
    widths = [kernel.shape[1] for kernel in problem.kernels]
    hidden, output = (Dense(width) for width in widths)
    net = Chain(("hidden", hidden), by_name(problem.activation), ("output", output), sigmoid)
    objective = value_and_grad(net, half_squared_error)
    move = {"kernel": 1.0, "bias": float(problem.train_biases)}

    def run(params: Any, x: Any, t: Any, eta: Any) -> Any:
        def step(params: Any, _: None) -> Any:
            (value, _), grads = objective(params, {}, x, t)
            moved = {
                layer: {name: w - eta * move[name] * grads[layer][name] for name, w in own.items()}
                for layer, own in params.items()
            }
            return moved, (value, net.apply(params, {}, x)[0][0])

        return jax.lax.scan(step, params, None, length=problem.steps + 1)[1]

    with jax.enable_x64(True):
        layers = zip(("hidden", "output"), problem.kernels, problem.biases, widths, strict=True)
        params = {
            name: {"kernel": jnp.asarray(kernel), "bias": jnp.full(width, bias)} for name, kernel, bias, width in layers
        }
        x, t, eta = jnp.array([problem.x]), jnp.array([problem.t]), jnp.array(problem.learning_rate)
        once = jax.jit(lambda params, x, t, eta: trace(net, half_squared_error, params, {}, x, t, learning_rate=eta))
        done, (errors, outputs) = jax.device_get((once(params, x, t, eta), jax.jit(run)(params, x, t, eta)))
    return (done if problem.train_biases else _fixed(done)), errors, outputs


def _fixed(done: Any) -> Any:
    """The trace with biases that stay as they are."""
    layers = []
    for one in done.layers:
        if "bias" in one.params:
            updates = one.updates | {"bias": np.zeros_like(one.updates["bias"])}
            one = replace(one, updates=updates, new_params=one.new_params | {"bias": one.params["bias"]})
        layers.append(one)
    trained = [one for one in layers if one.params]
    updates, new = ({one.path: getattr(one, name) for one in trained} for name in ("updates", "new_params"))
    return replace(done, layers=tuple(layers), updates=updates, new_params=new)


def _document(
    trace: Any, problem: Problem, errors: np.ndarray, outputs: np.ndarray, html: str | None
) -> dict[str, Any]:
    from jaxnn.cli import board

    hidden, output = board.sides(trace, problem.activation)
    steps = board.shown_steps(problem.steps)
    document = {
        "input": problem.x, "target": problem.t, "learning_rate": problem.learning_rate,
        "activation": problem.activation, "train_biases": problem.train_biases, "error": float(trace.value),
        "hidden": board.named(hidden), "output": board.named(output),
        "steps": [{"steps": n, "error": float(errors[n]), "outputs": outputs[n].tolist()} for n in steps],
    }  # fmt: skip
    return _defined(document | ({"html": html} if html is not None else {}))


def _defined(value: Any) -> Any:
    """None in the place of numbers that a diverging run leaves: JSON has no NaN."""
    if isinstance(value, dict):
        return {name: _defined(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_defined(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
