"""The multilayer perceptron behind `MLPClassifier` and `MLPRegressor`: its lists of weights and its hidden layers."""

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from jaxnn.checks import fail, number_in
from jaxnn.estimators import ensemble, networks, parameters
from jaxnn.estimators.base import NeuralEstimator
from jaxnn.estimators.objectives import as_is
from jaxnn.layers import Chain


class Perceptron(NeuralEstimator):
    """An estimator whose network is dense layers; `coefs_` and `intercepts_` are its weights, and may be edited."""

    coefs_: list[np.ndarray]
    intercepts_: list[np.ndarray]

    def _network(self, shape: tuple[int, ...], outputs: int) -> Chain:
        owner, hidden = type(self).__name__, parameters.widths(self.hidden_layer_sizes)
        names = parameters.activation_names(owner, self.activation, len(hidden))
        rates = parameters.for_each(f"{owner}.dropout", self.dropout, len(hidden))
        for rate in rates:
            number_in(f"{owner}.dropout", rate, 0, 1, open_high=True)
        functions = [networks.activation_named(name) for name in names]
        init = parameters.initializer(owner, self.init)
        return networks.perceptron(hidden, outputs, functions, [float(rate) for rate in rates], self.batch_norm, init)

    def _first_weights(self, net: Chain, x: np.ndarray, random: Any) -> tuple[Any, Any]:
        hidden = parameters.widths(self.hidden_layer_sizes)
        widths = [x.shape[1], *hidden, self._objective().width]
        names = parameters.activation_names(type(self).__name__, self.activation, len(hidden))
        kernels, biases, params, state = [], [], {}, None
        if self.init is None:
            of_output = names[-1] if names else self.activation
            kernels, biases = networks.drawn(random, widths, [*names, of_output], x.dtype)
        if self.init is not None or self.batch_norm:
            params, state = networks.initial(net, x.shape[1:], x.dtype, int(random.randint(np.iinfo(np.int32).max)))
        if self.init is not None:
            layers = [params[f"dense_{i}"] for i in range(len(widths) - 1)]
            kernels, biases = [layer["kernel"] for layer in layers], [layer["bias"] for layer in layers]
        kernels = _given(f"{type(self).__name__}.coefs_init", self.coefs_init, kernels)
        biases = _given(f"{type(self).__name__}.intercepts_init", self.intercepts_init, biases)
        state = networks.constant(net, x.shape[1:], x.dtype) if state is None else state
        return networks.with_dense(params, kernels, biases), state

    def _weights(self) -> tuple[Any, Any]:
        dtype = self.coefs_[0].dtype  # what a user put in may be of several
        kernels, biases = ([np.asarray(one, dtype) for one in many] for many in (self.coefs_, self.intercepts_))
        return networks.with_dense(self._norms[0], kernels, biases), self._norms[1]

    def _keep_weights(self, params: Any, state: Any) -> dict[str, Any]:
        dense = [params[f"dense_{i}"] for i in range(sum(name.startswith("dense") for name in params))]
        norms = {name: own for name, own in params.items() if not name.startswith("dense")}
        return {
            "coefs_": [layer["kernel"] for layer in dense], "intercepts_": [layer["bias"] for layer in dense],
            "_norms": (norms, state), "n_layers_": len(dense) + 1,
        }  # fmt: skip

    def transform(self, X: Any, layer: int = -1) -> np.ndarray:
        """Return the activations of a hidden layer: features that the network has learnt.

        Args:
            X: `(examples, features)`.
            layer: which hidden layer, 0 for the first; -1 for the last. With no hidden layer, the inputs themselves.

        Returns:
            `(examples, width of the layer)`.

        Raises:
            JaxnnError: if there is no such layer.

        >>> from jaxnn.estimators import MLPRegressor
        >>> x = np.arange(8.0)[:, None]
        >>> model = MLPRegressor(hidden_layer_sizes=(5, 3), solver="lbfgs").fit(x, x[:, 0])
        >>> model.transform(x).shape
        (8, 3)
        """
        check_is_fitted(self)
        ensemble.alone(self, "transform")
        hidden = len(self.coefs_) - 1
        if not -max(hidden, 1) <= layer < max(hidden, 1):
            fail("layer", f"{layer}", f"a hidden layer from 0 to {max(hidden, 1) - 1}, or -1 for the last")
        return self._ask(X, as_is, networks.hidden_part(self._net, layer % hidden + 1 if hidden else 0))

    @property
    def _n_features_out(self) -> int:
        return self.coefs_[-1].shape[0]


def _given(name: str, wanted: Any, drawn: list[np.ndarray]) -> list[np.ndarray]:
    """Weights of the user's own in place of drawn ones, of the same shapes."""
    if wanted is None:
        return drawn
    arrays = [np.array(one, like.dtype) for one, like in zip(wanted, drawn, strict=False)]
    shapes, needed = [array.shape for array in arrays], [one.shape for one in drawn]
    if len(wanted) != len(drawn) or shapes != needed:
        fail(name, f"{len(wanted)} arrays of shapes {[np.shape(one) for one in wanted]}", f"shapes {needed}")
    return arrays
