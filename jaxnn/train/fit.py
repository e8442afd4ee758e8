"""Train one network: check what was given, compile the run, drive it chunk by chunk."""

from collections.abc import Callable, Sequence
from typing import Any

from jaxnn.checks import fail
from jaxnn.layers.base import Layer
from jaxnn.train import drive, prepare, tables
from jaxnn.train.job import job
from jaxnn.train.progress import Progress
from jaxnn.train.run import Run


def fit(
    net: Layer,
    data: tuple[Any, Any],
    loss: Callable[..., Any],
    *,
    optimizer: Any = "adam",
    learning_rate: float | Callable[..., Any] | None = None,
    epochs: int = 50,
    batch_size: int | None = 32,
    validation: float | tuple[Any, ...] | None = None,
    stop: Any = None,
    penalties: Sequence[Any] = (),
    metrics: Sequence[Any] = (),
    callbacks: Sequence[Callable[[Run], bool | None]] = (),
    start: Any = None,
    resume: Run | None = None,
    key: Any = 0,
    sample_weight: Any = None,
    class_weight: Any = None,
    mask: Any = None,
    augment: Sequence[Callable[..., Any]] = (),
    gradient: str = "auto",
    shuffle: bool = True,
    progress: bool | Callable[[Progress], None] | None = None,
) -> Run:
    """Train a network; the whole run is one compiled program.

    Every minibatch: `params = params - rule(grad(mean(weight * loss(net(x), y)) / mean(weight) + penalties))`.

    With validation, the weights with the lowest validation loss (or the best `stop.monitor`) are restored at the end;
    what the history says of that epoch is measured with exactly those weights. Without it, the last weights are kept.
    A loss that is not finite stops the run and restores the best weights, or without validation the last finite ones.
    Ctrl-C ends the run at once and keeps the best weights so far.

    Args:
        net: the network.
        data: `(x, y)`: x `(examples, ...)` of one example each, y `(examples, ...)` as the loss takes it.
        loss: one of `jaxnn.losses`, or your own function of (outputs, targets) that returns one loss for each example.
        optimizer: "sgd", "momentum", "adam", "adamw", an optimiser of `jaxnn.optimizers`, or any optax optimiser.
        learning_rate: above 0, or a schedule: a function of the step (0 for the first) that JAX can trace, such as
            optax's; None for the optimiser's default. Not with an optax optimiser, which has its own.
        epochs: passes over the data, at least 1; beside `resume`, those of the earlier run included.
        batch_size: examples in a minibatch; the last one of an epoch may be shorter. None for all of them.
        validation: a share of the data, from 0 to 1, drawn with `key` (each class in its proportion), or `(x, y)`, or
            `(x, y, weight)`, or `(x, y, weight, mask)`.
        stop: when to stop early: `EarlyStopping`, which needs validation or watches the training, or a rule of your
            own with the methods of `train.stopping.StoppingRule`.
        penalties: of `jaxnn.penalties`, added to every minibatch's loss.
        metrics: names or metrics of `jaxnn.metrics`, measured at every epoch's end on the validation data, or on the
            training data where there is none.
        callbacks: called with the run so far after every epoch, or after every `callback.every` epochs where it has
            such an attribute; one that returns True ends the run.
        start: `(params, state)` or an earlier run to go on from, in place of drawn weights; the optimiser starts anew.
        resume: an earlier run of equal settings to go on with as if it had not ended: weights, optimiser, order and
            randomness. Two runs of 5 epochs are one of 10, bit for bit.
        key: a whole number or a `jax.random.key`; the same key gives the same run.
        sample_weight: `(examples,)`, at least 0; None weighs all alike.
        class_weight: a dict from class to weight, or "balanced" (examples / (classes * count of the class)).
        mask: Boolean `(examples, time)`, True at the real positions of sequences padded to one length; layers honour
            it, and the loss is the mean over real positions.
        augment: functions of (key, x, y) that return another (x, y), such as those of `jaxnn.augmentation`; they change
            every minibatch that is learnt, in the compiled program, and never the validation data.
        gradient: "autodiff" (`jax.grad`), "backprop" (the hand-written rules of `jaxnn.backprop` alone), or "auto": the
            rules of layers for which they were measured to be faster, autodiff for all others.
        shuffle: False takes the examples in their own order in every epoch.
        progress: True shows a bar, False does not, None shows one in a terminal when a run takes over two seconds; or
            your own function of a `Progress`, called between chunks of about half a second.

    Returns:
        The `Run`: `params`, `state`, `history`, `best_epoch`, `stopped_because`, and `logits` for new examples.

    Raises:
        JaxnnError: if something given does not fit; nothing has been trained then.

    >>> import numpy as np, jaxnn as nn
    >>> x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    >>> net = nn.Chain(nn.Dense(8), nn.tanh, nn.Dense(2))
    >>> run = nn.fit(net, (x, np.array([0, 1, 1, 0])), nn.losses.softmax_cross_entropy, learning_rate=0.1, epochs=50)
    >>> np.argmax(run.logits(x), axis=-1).tolist(), run.stopped_because
    ([0, 1, 1, 0], 'all 50 epochs done')
    """
    words, impl = prepare.seed_of(key)
    if not isinstance(callbacks, list | tuple):
        fail("callbacks", repr(callbacks), "a list", "Put square brackets around it")
    checked = [callback for callback in callbacks if drive.every(callback)]
    given = tables.tables(data, validation, sample_weight, class_weight, seed=words, loss=loss, mask=mask)
    asked = job(
        net, loss, given, (words, impl), optimizer=optimizer, learning_rate=learning_rate, epochs=epochs,
        batch_size=batch_size, stop=stop, penalties=penalties, metrics=metrics, start=start, resume=resume,
        augment=augment, gradient=gradient, shuffle=shuffle,
    )  # fmt: skip
    return drive.drive(asked, checked, progress)
