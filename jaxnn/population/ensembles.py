"""Several networks as one: their outputs side by side, what they say together, and how far they are apart."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnn.checks import fail, whole_number
from jaxnn.config import config
from jaxnn.layers.base import Layer
from jaxnn.model import Model
from jaxnn.ops import fold_in
from jaxnn.population.combining import combined
from jaxnn.population.folds import seeds
from jaxnn.population.scoring import lost, scored
from jaxnn.population.trials import metric_of
from jaxnn.population.uncertainty import Predictions, predictions
from jaxnn.pytypes import Array, Example, Key, Params, State
from jaxnn.train import Run, fit_many
from jaxnn.train.run import outputs


@config
class _Stacked:
    """A network several times over: weights with a leading axis of members, outputs `(rows, members, ...)`."""

    net: Layer
    members: int
    at_once: bool
    """Side by side, as on an accelerator; one after another they keep the bits of each alone."""

    def init(self, key: Key, example: Example) -> tuple[Params, State]:
        """Draw the weights of all members."""
        return jax.vmap(lambda i: self.net.init(fold_in(key, i), example))(jnp.arange(self.members))

    def apply(
        self,
        params: Params,
        state: State,
        x: Array,
        *,
        train: bool = False,
        key: Key | None = None,
        mask: Array | None = None,
    ) -> tuple[Array, State]:
        """Return the outputs of all members, and the unchanged state."""

        def one(weights: Any) -> Array:
            own, numbers = weights
            return self.net.apply(own, numbers, x, mask=mask)[0]

        y = jax.vmap(one)((params, state)) if self.at_once else jax.lax.map(one, (params, state))
        return jnp.moveaxis(y, 0, 1), state  # (members, rows, ...) -> (rows, members, ...)


@dataclass(frozen=True, eq=False, repr=False)
class Ensemble:
    """Several trained networks that answer together; `Ensemble.of` makes one.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> together = nn.ensemble(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, members=4, learning_rate=0.1)
    >>> together, together.logits(x).shape, together.predict(x).shape
    (Ensemble(4 members of Dense(1), deep), (4, 40, 1), (40,))
    """

    members: list[Any]
    """The runs, or models."""
    params: Params
    """Theirs, in NumPy, with a leading axis of members."""
    state: State
    model: Model
    """The first member; it knows what outputs mean."""
    kind: str = ""
    """How the members came to differ: "deep", "bag", "snapshots", or your own word."""
    left_out: dict[int, str] = field(default_factory=dict)
    """Why, by its place, a member that was asked for is not there: it stopped being finite, or was interrupted."""

    @classmethod
    def of(cls, members: Sequence[Any], kind: str = "", **more: Any) -> "Ensemble":
        """Return an ensemble of trained networks.

        It can be stored as its members: `jaxnn.save` each, then `Ensemble.of([jaxnn.load(path) for path in paths])`.

        Args:
            members: finished runs or loaded models of equal networks, at least one.
            kind: a word to print.
            **more: further fields.

        Returns:
            The ensemble.

        Raises:
            JaxnnError: if there is none, or their networks, examples or preprocessing differ.
        """
        given: list[Any] = list(members)
        if not given:
            fail("Ensemble", "no members", "at least one trained network")
        for place, one in enumerate(given):
            for name in ("net", "loss", "example", "preprocessing"):
                first, own = (getattr(each, name, None) for each in (given[0], one))
                if own != first:
                    fail(f"Ensemble, member {place}", f"{name}={own!r}", f"that of the first, {first!r}")
        weights = [jax.device_get((one.params, one.state)) for one in given]
        params, state = jax.tree.map(lambda *leaves: np.stack(leaves), *weights)
        # each member's weights become a part of these: kept twice they would be twice the memory
        parts = [jax.tree.map(lambda leaf, i=i: leaf[i, ...], (params, state)) for i in range(len(given))]
        own = [replace(one, params=part[0], state=part[1]) for one, part in zip(given, parts, strict=True)]
        model = own[0] if isinstance(own[0], Model) else Model.of(own[0])
        return cls(own, params, state, model, kind, **more)

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self.members)

    @property
    def net(self) -> Layer:
        """The network of every member."""
        return self.model.net

    @property
    def loss(self) -> Any:
        """What it was trained with."""
        return self.model.loss

    def logits(self, x: Any, mask: Any = None) -> np.ndarray:
        """Return the outputs of every member with `train=False`, in blocks of rows through one compiled program.

        Args:
            x: `(examples, ...)`, as the network takes them.
            mask: Boolean `(examples, time)`, True at real positions; None where all are.

        Returns:
            `(members, examples, outputs)`; on a CPU each member's have the bits of its own `logits`.

        Raises:
            JaxnnError: if the examples have another shape than those of the training.
        """
        if np.shape(x)[1:] != tuple(self.model.example.shape):
            fail("x", f"shape {np.shape(x)}", f"examples of shape {self.model.example.shape}: (examples, ...)")
        net = _Stacked(self.net, len(self), jax.default_backend() != "cpu")
        x = np.asarray(x, self.model.example.dtype)
        params, state = jax.device_put((self.params, self.state))
        return np.moveaxis(outputs(net, params, state, x, mask), 1, 0)  # (examples, members, ...) -> (members, ...)

    def outputs(self, x: Any, mask: Any = None) -> np.ndarray:
        """Return what the members say on average as outputs of one network, `(examples, outputs)`; see `combined`."""
        return combined(self.loss, self.logits(x, mask))

    def predict(self, x: Any) -> np.ndarray:
        """Return the answers to the mean of the members' probabilities, or of their values.

        Args:
            x: the examples, as the user has them where the members have a preprocessing.

        Returns:
            As `Model.predict`: classes `(examples,)`, or values `(examples,)` or `(examples, outputs)`.

        Raises:
            JaxnnError: if the examples do not fit.
        """
        return self.model.answers(self.outputs(self._inputs(x)))

    def probabilities(self, x: Any) -> np.ndarray:
        """Return the mean of the members' probabilities of each class: `(examples, classes)`, as a `Model` does."""
        return self.model.shares(self.outputs(self._inputs(x)))

    def vote(self, x: Any) -> np.ndarray:
        """Return the class that most members answer, `(examples,)`; of equally many the first.

        Raises:
            JaxnnError: if the members do not tell classes apart.
        """
        inside, model = self.logits(self._inputs(x)), self.model
        if model.task not in ("classification", "binary", "multilabel"):
            fail("vote", f"members whose task is {model.task}", "members that tell classes apart", "Use predict")
        votes = replace(model, preprocessing=None).answers(inside)  # (members, examples) or (members, examples, labels)
        if model.task == "multilabel":
            return (2 * votes.sum(axis=0) > len(self)).astype(np.int32)
        counts = (votes[..., None] == np.arange(max(inside.shape[-1], 2))).sum(axis=0)  # -> (examples, classes)
        chosen = counts.argmax(axis=-1).astype(np.int32)
        return model.preprocessing.decode_classes(chosen) if model.preprocessing else chosen

    def predictions(self, x: Any) -> Predictions:
        """Return every member's probabilities or values, with their mean, spread and intervals."""
        return predictions(self.model, self.logits(self._inputs(x)))

    def interval(self, x: Any, level: float = 0.95) -> np.ndarray:
        """Return between which values the middle members lie, (2, examples, ...): lower and upper.

        It says how far the members are apart, not how much noise the targets have.

        Args:
            x: the examples.
            level: the share of members inside, from 0 to 1; quantiles between members are interpolated.
        """
        return self.predictions(x).interval(level)

    def spread(self, x: Any) -> np.ndarray:
        """Return the standard deviation over members of each probability or value."""
        return self.predictions(x).std

    def evaluate(
        self, x: Any, y: Any, weight: Any = None, mask: Any = None, metrics: Sequence[Any] | None = None
    ) -> dict[str, float]:
        """Measure the loss and the metrics of what the members say together, `outputs`.

        Args:
            x: `(examples, ...)`, as the network takes them.
            y: `(examples, ...)`, as the loss takes it.
            weight: `(examples,)`, at least 0; None weighs all alike.
            mask: as for `logits`.
            metrics: names, or metrics of `jaxnn.metrics`; None for those of the runs.

        Returns:
            A dict from "loss" and the names of the metrics to the weighted means.

        Raises:
            JaxnnError: if the examples do not fit the network or the loss.
        """
        chosen = getattr(self.members[0], "metrics", ()) if metrics is None else map(metric_of, metrics)
        return scored(self.loss, self.outputs(x, mask), y, tuple(chosen), weight, mask)

    def _inputs(self, x: Any) -> Any:
        return x if self.model.preprocessing is None else self.model.preprocessing.transform(x)

    def __repr__(self) -> str:
        lost = f", {len(self.left_out)} left out" if self.left_out else ""
        return f"{type(self).__name__}({len(self)} members of {self.net!r}{', ' if self.kind else ''}{self.kind}{lost})"


def ensemble(
    net: Layer, data: tuple[Any, Any], loss: Any, members: int = 10, *, key: Any = 0, **shared: Any
) -> Ensemble:
    """Train the same network from several keys on all rows: a deep ensemble.

    Members differ in their first weights, the order of their minibatches, and the rows of a `validation` share. Their
    mean is better than they are on average, and their spread shows where the data do not settle the answer.

    Args:
        net, data, loss: as for `fit`.
        members: how many, at least 1.
        key: the same key gives the same ensemble; member i is the same however many there are.
        **shared: settings of `fit` that all members share, and `threads` and `progress` as for `fit_many`.

    Returns:
        The ensemble; members that stopped being finite are left out.

    Raises:
        JaxnnError: if something given does not fit, or no member stayed finite.

    Reference: B. Lakshminarayanan and others, "Simple and scalable predictive uncertainty estimation using deep
    ensembles", 2017.

    >>> import jaxnn as nn
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    >>> net, y = nn.models.mlp((8,), 2), np.array([0, 1, 1, 0])
    >>> together = nn.ensemble(net, (x, y), nn.losses.softmax_cross_entropy, 5, learning_rate=0.1)
    >>> together.predict(x).tolist(), together.vote(x).tolist(), together.probabilities(x).shape
    ([0, 1, 1, 0], [0, 1, 1, 0], (4, 2))
    """
    whole_number("members", members, 1)
    runs = fit_many(net, data, loss, [{"key": one} for one in seeds(key, members)], **shared)
    kept, left_out = sound("ensemble", runs)
    return Ensemble.of([runs[place] for place in kept], "deep", left_out=left_out)


def sound(where: str, runs: Sequence[Run | None]) -> tuple[list[int], dict[int, str]]:
    """Return the places of the runs that may answer, and why the others may not.

    Args:
        where: what was called.
        runs: as `fit_many` returned them.

    Returns:
        Places, and reasons by place.

    Raises:
        JaxnnError: if there is none that may.
    """
    gone = {
        place: "interrupted before it began" if run is None else run.stopped_because
        for place, run in enumerate(runs)
        if lost(run)
    }
    if len(gone) == len(runs):
        fail(where, f"no member of {len(runs)} that was finished", "at least one", f"The first: {gone[0]}")
    return [place for place in range(len(runs)) if place not in gone], gone
