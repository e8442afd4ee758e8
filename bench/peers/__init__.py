"""Those we are compared with, and ourselves: one file each, as its own documentation shows, all with one interface.

A file has `prepare(problem, x, y) -> run`. `run(seed)` trains a network from fresh weights to the last epoch, waits for
the result and returns the mean training loss of the last epoch (an estimator: figures by name). What is compiled or
built once is made in `prepare` or by the first run. It imports its library at its top, so that the import can be timed.
"""

import importlib.util
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Peer:
    """Where a peer lies and what it needs."""

    title: str
    module: str
    """Under bench.peers."""
    packages: tuple[str, ...]
    """What is imported, the peer's own library first."""
    drops_last: bool
    """Whether the last short minibatch of an epoch is left out."""
    slow: bool = False
    options: tuple[tuple[str, Any], ...] = ()
    """Further arguments of `prepare`."""

    @property
    def missing(self) -> str:
        """The package that is not installed; "" where all are."""
        return next((name for name in self.packages if importlib.util.find_spec(name) is None), "")


PEERS = {
    "fit": Peer("fit", "jaxnn_fit", ("jaxnn",), False),
    "fit_dropout": Peer("fit, dropout 0.2", "jaxnn_fit", ("jaxnn",), False, options=(("dropout", 0.2),)),
    "jax_scan": Peer("hand-written JAX scan", "jax_scan", ("jax",), True),
    "jax_loop": Peer("hand-written loop of jitted steps", "jax_loop", ("jax",), True),
    "scikit_learn": Peer("scikit-learn", "scikit_learn", ("sklearn",), False),
    "keras_jax": Peer("Keras on JAX", "keras_jax", ("keras",), False, slow=True),
    "flax_nnx": Peer("Flax NNX loop", "flax_nnx", ("flax",), True, slow=True),
    "flax_nnx_cached": Peer(
        "Flax NNX loop, cached_partial", "flax_nnx", ("flax",), True, slow=True, options=(("cached", True),)
    ),
    "equinox_loop": Peer("Equinox loop", "equinox_loop", ("equinox",), True, slow=True),
    "pytorch": Peer("PyTorch loop", "pytorch", ("torch",), True, slow=True),
    "pytorch_best": Peer(
        "PyTorch loop, fused Adam, 1 thread", "pytorch", ("torch",), True, slow=True, options=(("best", True),)
    ),
    "transformer_fit": Peer("fit", "transformer_fit", ("jaxnn",), False),
    "transformer_pytorch": Peer("PyTorch loop", "transformer_pytorch", ("torch",), False),
    "rnn_fit": Peer("fit, tanh RNN", "recurrent_fit", ("jaxnn",), False, options=(("cell", "rnn"),)),
    "lstm_fit": Peer("fit, LSTM", "recurrent_fit", ("jaxnn",), False, options=(("cell", "lstm"),)),
    "gru_fit": Peer("fit, GRU", "recurrent_fit", ("jaxnn",), False, options=(("cell", "gru"),)),
    "rnn_pytorch": Peer("PyTorch, tanh RNN", "recurrent_pytorch", ("torch",), False, options=(("cell", "rnn"),)),
    "lstm_pytorch": Peer("PyTorch, LSTM", "recurrent_pytorch", ("torch",), False, options=(("cell", "lstm"),)),
    "gru_pytorch": Peer("PyTorch, GRU", "recurrent_pytorch", ("torch",), False, options=(("cell", "gru"),)),
    "estimator": Peer("jaxnn", "estimator", ("jaxnn",), False, options=(("module", "jaxnn.estimators"),)),
    "estimator_scikit_learn": Peer(
        "scikit-learn", "estimator", ("sklearn",), False, options=(("module", "sklearn.neural_network"),)
    ),
    "conv_fit": Peer("fit of lenet", "conv_fit", ("jaxnn",), False),
    "conv_pytorch": Peer("PyTorch loop of lenet", "conv_pytorch", ("torch",), False),
    "conv_scan": Peer("scan with XLA's convolution", "conv_scan", ("jax",), True, slow=True),
    "conv_members": Peer(
        "eight by lax.map", "conv_scan", ("jax",), True, slow=True, options=(("members", 8), ("ours", True))
    ),
    "conv_members_vmap": Peer(
        "eight by vmap over XLA's convolution", "conv_scan", ("jax",), True, slow=True, options=(("members", 8),)
    ),
    "members_fit": Peer("fit", "members_fit", ("jaxnn",), False),
    "search_fit": Peer("SearchCV", "search_fit", ("jaxnn",), False),
    "search_scikit_learn": Peer("GridSearchCV, n_jobs=2", "search_scikit_learn", ("sklearn",), False),
    "search_pytorch": Peer(
        "PyTorch loop, fused Adam, 1 thread, 20 fits x 9", "search_pytorch", ("torch", "sklearn"), False
    ),
    "search_skorch": Peer("skorch, n_jobs=2, 20 fits x 9", "search_skorch", ("skorch", "torch", "sklearn"), False),
    "search_keras": Peer("Keras on JAX, 20 fits x 9", "search_keras", ("keras", "sklearn"), False),
}
"""By the name that a worker is asked for."""
