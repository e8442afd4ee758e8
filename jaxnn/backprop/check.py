"""Hand-written rules held against three oracles: reverse mode, forward mode and central differences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree

from jaxnn.backprop.engine import Backward, backward, weights_of
from jaxnn.backprop.rules import looking_up, path_now, registered
from jaxnn.layers.base import Layer, children
from jaxnn.ops import fold_in, permuted, random_bits
from jaxnn.pytypes import Array, Key, Params, State

STEP = 1e-3
"""Of the differences `(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h`, whose error is of the order h^4: in float64 it
leaves 12 digits of a smooth function, where the plain `(f(h) - f(-h)) / 2h` leaves 10."""

AT = (-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0)
"""Where a function is computed, in steps."""

EXACT, CLOSE = 1e-8, 1e-5
"""Errors from which on a rule is wrong: against autodiff, and against differences."""

SAMPLES = 24
"""Coordinates of each parameter that are moved one by one; of the others only random directions are tried."""


class Row(NamedTuple):
    """What the oracles say of one rule: the largest error against each, None where it has nothing to say."""

    path: str
    """Of the layer; or "network", "loss" or "penalty"."""
    what: str
    """The layer, loss or penalty."""
    of: str
    """"parameters", "input", or the path of one parameter of the whole network."""
    reverse: float
    """Against `jax.vjp`, the worst of all values."""
    forward: float | None
    """Against `jax.jvp` along a random direction."""
    differences: float | None
    """Against central differences along that direction, for a layer that holds no others; along single coordinates for
    one parameter."""

    @property
    def wrong(self) -> bool:
        """Whether an oracle disagrees."""
        limits = ((self.reverse, EXACT), (self.forward, EXACT), (self.differences, CLOSE))
        return not all(error is None or error < limit for error, limit in limits)  # NaN is below no limit


class Check(NamedTuple):
    """The verdict on all rules that a network, its loss and its penalties use; `check` makes it.

    >>> Check([Row("dense_0", "Dense(3)", "input", 0.001, 0.001, 0.001)]).wrong
    ['dense_0']
    """

    rows: list[Row]

    @property
    def passed(self) -> bool:
        """Whether no oracle disagrees with any rule."""
        return not any(row.wrong for row in self.rows)

    @property
    def wrong(self) -> list[str]:
        """The paths of the layers whose own rule is wrong: not of those that only hold such a layer."""
        paths = list(dict.fromkeys(row.path for row in self.rows if row.wrong))
        return [path for path in paths if not any(_inside(other, path) for other in paths if other != path)]

    def __str__(self) -> str:
        width = max(len(row.path) + len(row.of) + 1 for row in self.rows)
        lines = [f"{'':{width}}  {'reverse':>9} {'forward':>9} {'differ.':>9}"]
        for row in self.rows:
            told = " ".join("        -" if e is None else f"{e:9.1e}" for e in row[3:])
            lines.append(f"{row.path + ' ' + row.of:{width}}  {told}  {row.what}" + ("  <- wrong" if row.wrong else ""))
        verdict = "all rules agree" if self.passed else f"wrong: {', '.join(self.wrong)}"
        return "\n".join([*lines, f"{verdict} (errors |a - b| / max(|a|, |b|, 1e-6 of the largest gradient))"])


def check(
    net: Layer, loss: Any, params: Params, state: State, x: Any, y: Any, *, penalties: Sequence[Any] = (),
    train: bool = True, key: Key | None = None, mask: Any = None, weight: Any = None,
) -> Check:  # fmt: skip
    """Compare hand-written gradients with autodiff and central differences, layer by layer, in float64.

    `error = |a - b| / max(|a|, |b|, 1e-6 max |dE/dw|)`

    Each layer is tried at the input and the output gradient that it meets in this network, so that a wrong rule is
    found where it is, and not in the layers before it, whose gradients it spoils. Coordinates at which a function has a
    kink within the differences' step are left out.

    Args:
        net, loss, penalties: as for `value_and_grad`.
        params, state: weights; converted to float64, whatever JAX's flags are.
        x, y: a small batch.
        train, key, mask, weight: as for `value_and_grad`.

    Returns:
        The errors; `print` shows a table. `passed` is the verdict, `wrong` the paths of layers with a wrong rule.

    Raises:
        JaxnnError: if something has no rule, or does not fit.

    >>> import jaxnn as nn
    >>> net = nn.Chain(nn.Dense(3), nn.tanh, nn.Dense(2))
    >>> params, state = net.init(jax.random.key(0), jnp.zeros(4))
    >>> done = check(net, nn.losses.softmax_cross_entropy, params, state, jnp.ones((5, 4)), jnp.arange(5) % 2)
    >>> done.passed, done.wrong
    (True, [])
    """
    with jax.enable_x64(True):
        params, x, y, weight = jax.tree.map(_as_float64, (params, x, y, weight))
        example = jax.ShapeDtypeStruct(x.shape[1:], x.dtype)
        made = jax.eval_shape(lambda: net.init(jax.random.key(0), example)[1])  # rates stay float32
        state = jax.tree.map(lambda leaf, like: jnp.asarray(leaf).astype(like.dtype), state, made)
        objective = Objective(net, loss, tuple(penalties), train)
        given = (params, state, x, y, key, None if mask is None else jnp.asarray(mask), weight)
        said: list[tuple[str, str, str]] = []
        errors = jax.device_get(jax.jit(partial(_errors, objective, said))(*given))
    rows = []
    for words, (reverse, *others) in zip(said, errors, strict=True):
        rows.append(Row(*words, float(reverse), *(None if e is None or e < 0 else float(e) for e in others)))
    return Check(rows)


class Objective(NamedTuple):
    """What is minimised."""

    net: Layer
    loss: Any
    penalties: tuple[Any, ...]
    train: bool

    def by_rules(self, params: Params, state: State, x: Any, y: Any, key: Any, mask: Any, weight: Any) -> Backward:
        """Forward and back by the hand-written rules."""
        strengths = [{} for _ in self.penalties]
        how = {"train": self.train, "key": key, "mask": mask, "weight": weight}
        return backward(self.net, self.loss, self.penalties, strengths, params, state, x, y, **how)

    def value(self, params: Params, state: State, x: Any, y: Any, key: Any, mask: Any, weight: Any) -> Array:
        """The same objective without any rule."""
        outputs, _ = self.net.apply(params, state, x, train=self.train, key=key, mask=mask)
        losses = self.loss(outputs, y)
        weights, total = weights_of(losses, weight, mask)
        mean = jnp.where(weights == 0, 0, weights * losses).sum() / total
        return sum((penalty(params) for penalty in self.penalties), mean)


class Met(NamedTuple):
    """A rule as it was used in one pass."""

    path: str
    one: Any
    function: Callable[..., Array]
    """Of keyword arguments, `inputs`."""
    inputs: dict[str, Any]
    dy: Array
    hand: dict[str, Any]
    """What the rule says: the gradient of each input, and the output."""


def _met(objective: Objective, given: Any) -> tuple[Backward, list[Met]]:
    """Run the rules, and note what each was given and what it said."""
    met: list[Met] = []

    def layer_rule(rule: Any, one: Any, params: Params, state: State, x: Any, **how: Any) -> Any:
        y, after, pull = rule(one, params, state, x, **how)
        path = "/".join(path_now())
        if not path:  # the network itself: its parameters are looked at one by one
            return y, after, pull

        def noted(dy: Array) -> Any:
            dparams, dx = pull(dy)
            function = lambda parameters, input: one.apply(parameters, state, input, **how)[0]  # noqa: E731
            hand = {"parameters": dparams, "input": dx, "output": y}
            met.append(Met(path, one, function, {"parameters": params, "input": x}, dy, hand))
            return dparams, dx

        return y, after, noted

    def loss_rule(rule: Any, one: Any, outputs: Array, targets: Any) -> Any:
        losses, pull = rule(one, outputs, targets)

        def noted(dloss: Array) -> Any:
            hand = {"outputs": pull(dloss), "output": losses}
            met.append(Met("loss", one, lambda outputs: one(outputs, targets), {"outputs": outputs}, dloss, hand))
            return hand["outputs"]

        return losses, noted

    def penalty_rule(rule: Any, one: Any, params: Params, strength: Any) -> Any:
        value, dparams = rule(one, params, strength)
        hand = {"parameters": dparams, "output": value}
        met.append(Met("penalty", one, lambda parameters: one(parameters), {"parameters": params}, jnp.ones(()), hand))
        return value, dparams

    def noting(one: Any) -> Any:
        rule = registered(one)
        if rule is None or not (isinstance(one, Layer) or one is objective.loss or one in objective.penalties):
            return rule  # activations: the layer that holds one is tried with it
        kind = layer_rule if isinstance(one, Layer) else loss_rule if one is objective.loss else penalty_rule
        return partial(kind, rule)

    with looking_up(noting):
        return objective.by_rules(*given), met


def _errors(objective: Objective, said: list[tuple[str, str, str]], *given: Any) -> list[Any]:
    """The errors of every rule and of every parameter; `said`, filled while tracing, is what they are of."""
    done, met = _met(objective, given)
    leaves = jax.tree.leaves(done.grads)
    floor = 1e-6 * jnp.stack([jnp.abs(leaf).max(initial=0) for leaf in leaves] or [jnp.zeros(())]).max()
    errors = []
    for i, one in enumerate(met):
        for of, row in _of_rule(one, fold_in(jax.random.key(1), i), floor).items():
            said.append((one.path, _short(one.one), of))
            errors.append(row)
    return errors + _of_parameters(objective, said, given, done.grads, floor)


def _of_parameters(objective: Objective, said: list[Any], given: Any, hand: Params, floor: Array) -> list[Any]:
    """The errors of each parameter of the network, against autodiff and along single coordinates."""
    params, *rest = given
    auto = jax.grad(objective.value)(*given)
    flat, unflatten = ravel_pytree(params)
    by_hand, paths, begin, places = ravel_pytree(hand)[0], [], 0, []
    for i, (path, leaf) in enumerate(jax.tree.leaves_with_path(params)):
        paths.append(jax.tree_util.keystr(path, simple=True, separator="/"))
        drawn = permuted(fold_in(jax.random.key(2), i), jnp.arange(leaf.size, dtype=jnp.int32))[:SAMPLES]
        places.append(begin + drawn)
        begin += leaf.size

    def one(place: Array) -> Array:
        unit = (jnp.arange(flat.size, dtype=place.dtype) == place).astype(flat.dtype)
        rise = _difference(lambda h: objective.value(unflatten(flat + h * unit), *rest))
        return _smooth_error(by_hand[place], rise, floor)

    if not paths:
        return []
    each = jax.lax.map(one, jnp.concatenate(places))  # all parameters in one loop, which is compiled once
    parts = jnp.split(each, np.cumsum([len(part) for part in places])[:-1].tolist())
    said += [("network", "", path) for path in paths]
    worst = jax.tree.map(lambda a, b: _worst(a, b, floor), hand, auto)
    return [(reverse, None, part.max(initial=0)) for reverse, part in zip(jax.tree.leaves(worst), parts, strict=True)]


def _of_rule(met: Met, key: Key, floor: Array) -> dict[str, Any]:
    """The errors of one rule, by what they are of."""
    floating = {name: tree for name, tree in met.inputs.items() if _floats(tree)}
    held = {name: tree for name, tree in met.inputs.items() if name not in floating}
    function = partial(met.function, **held)
    y, pull = jax.vjp(lambda given: function(**given), floating)
    (auto,) = pull(met.dy.astype(y.dtype))
    rows: dict[str, Any] = {"output": (_worst(met.hand["output"], y, floor), None, None)}
    for i, (name, here) in enumerate(floating.items()):
        alone = partial(_moved, function, floating, name)
        direction = _direction(fold_in(key, i), here)
        by_hand = _dot(met.hand[name], direction)
        pushed = _dot(met.dy, jax.jvp(alone, (here,), (direction,))[1])
        rise = None
        if not children(met.one):  # what holds layers is compared by those of the network's parameters
            slope = _difference(partial(_along, alone, here, direction, met.dy))
            rise = _smooth_error(by_hand, slope, floor)
        rows[name] = _worst(met.hand[name], auto[name], floor), _error(by_hand, pushed, floor), rise
    return rows


def _moved(function: Callable[..., Array], inputs: dict[str, Any], name: str, tree: Any) -> Array:
    """The function of one of its inputs."""
    return function(**(inputs | {name: tree}))


def _along(function: Callable[[Any], Array], tree: Any, direction: Any, dy: Array, length: Any) -> Array:
    """`dy . f(x + length * direction)`."""
    return _dot(dy, function(jax.tree.map(lambda leaf, d: leaf + length * d, tree, direction)))


def _inside(inner: str, outer: str) -> bool:
    return outer == "network" or inner.startswith(f"{outer}/")


def _floats(tree: Any) -> bool:
    return any(jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in jax.tree.leaves(tree))


def _short(one: Any) -> str:
    """The class of a layer that holds others, else its own words."""
    words = repr(one)
    return words if len(words) <= 40 else f"{type(one).__name__}(...)"


def _as_float64(leaf: Any) -> Any:
    leaf = jnp.asarray(leaf)
    return leaf.astype(jnp.float64) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf


def _error(a: Array, b: Array, floor: Array) -> Array:
    """`|a - b| / max(|a|, |b|, floor)`, 0 where both are 0."""
    scale = jnp.maximum(jnp.maximum(jnp.abs(a), jnp.abs(b)), floor)
    return jnp.abs(a - b) / jnp.where(scale == 0, 1, scale)


def _worst(hand: Any, other: Any, floor: Array) -> Array:
    """The largest error of all values of two trees; infinite where their structures or shapes differ."""
    if jax.tree.map(jnp.shape, hand) != jax.tree.map(jnp.shape, other):
        return jnp.full((), jnp.inf)
    worst = jax.tree.map(lambda a, b: _error(a, b, floor).max(initial=0), hand, other)
    return jnp.stack([*jax.tree.leaves(worst), jnp.zeros(())]).max()


def _direction(key: Key, tree: Any) -> Any:
    """Numbers between -1 and 1 without rounding: XLA may compute them anew, otherwise, wherever they are used."""
    leaves, structure = jax.tree.flatten(tree)
    bits = [random_bits(fold_in(key, i), leaf.shape) for i, leaf in enumerate(leaves)]
    drawn = [one.astype(leaf.dtype) * 2.0**-31 - 1 for one, leaf in zip(bits, leaves, strict=True)]
    return jax.tree.unflatten(structure, drawn)


def _dot(a: Any, b: Any) -> Array:
    return sum(jax.tree.leaves(jax.tree.map(jnp.vdot, a, b)), jnp.zeros(()))


def _difference(function: Callable[[Any], Array]) -> tuple[Array, Array]:
    """The derivative at 0 by central differences, and how far from smooth the function is there."""
    far_below, below, half_below, here, half, above, far = jax.lax.map(function, STEP * jnp.array(AT))
    wide, narrow, fine = (far - far_below) / (4 * STEP), (above - below) / (2 * STEP), (half - half_below) / STEP
    slope = (4 * narrow - wide) / 3  # = (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h
    # across a kink the two steps disagree; at one, what bends is in proportion to h and not to its square
    bend = 4 * (half - 2 * here + half_below) - (above - 2 * here + below)
    return slope, jnp.maximum(jnp.abs(slope - (4 * fine - narrow) / 3), jnp.abs(bend) / STEP)


def _smooth_error(by_hand: Array, rise: tuple[Array, Array], floor: Array) -> Array:
    """The error against differences; 0 where they do not agree with each other, as across a kink.

    Negative where the function is not defined beside the point, as of the codes of a `ColumnEmbedding`: that oracle has
    nothing to say then.
    """
    slope, doubt = rise
    kink = doubt > CLOSE * jnp.maximum(jnp.abs(slope), floor)
    error = jnp.where(kink, 0, _error(by_hand, slope, floor))
    return jnp.where(jnp.isnan(slope) & ~jnp.isnan(by_hand), -1, error)
