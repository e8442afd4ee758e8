"""`ConvClassifier`: a convolutional network for images that come as rows of features."""

import math
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from jaxnn import activations
from jaxnn.checks import fail, number_in, whole_number
from jaxnn.estimators import ensemble, networks, parameters
from jaxnn.estimators.base import keep
from jaxnn.estimators.classifier import NeuralClassifier
from jaxnn.estimators.objectives import as_is
from jaxnn.initializers import HeNormal
from jaxnn.layers import Chain, Conv, Flatten, MaxPool
from jaxnn.models import mlp


class ConvClassifier(NeuralClassifier):
    """A convolutional network with the parameters of `MLPClassifier`, for images as rows `(examples, features)`.

    Convolution, relu and 2 x 2 pooling for each of `channels`, then dense layers. Rows are what `image.ravel()` gives:
    height, width, channels.

    Args:
        image_shape: `(height, width)` or `(height, width, channels)`; None takes a square gray image where the number
            of features is a square, else one row of pixels.
        channels: of each convolution.
        kernel_size: height and width of the windows.
        hidden_layer_sizes: widths of the dense layers in between.
        dropout: the share of each dense hidden layer's activations dropped while training.
        solver, alpha ... dtype: as for `MLPClassifier`.

    Attributes beside those of `MLPClassifier`: `params_` and `state_`, nested dicts of arrays, in place of `coefs_`;
    `image_shape_`.

    >>> from sklearn.datasets import load_digits
    >>> X, y = load_digits(return_X_y=True)
    >>> how = {"channels": (8,), "hidden_layer_sizes": (16,), "learning_rate_init": 0.01, "tol": 0.1}
    >>> model = ConvClassifier((8, 8), **how, dtype="float32", random_state=0).fit(X[:600] / 16, y[:600])
    >>> model.score(X[600:] / 16, y[600:]) > 0.85
    True
    """

    def __init__(
        self, image_shape=None, channels=(32, 64), *, kernel_size=3, hidden_layer_sizes=(128,), dropout=0.0,
        solver="adam", alpha=0.0001, batch_size="auto", learning_rate="constant", learning_rate_init=0.001,
        power_t=0.5, max_iter=200, shuffle=True, random_state=None, tol=1e-4, verbose=False, warm_start=False,
        momentum=0.9, nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,
        epsilon=1e-8, n_iter_no_change=10, max_fun=15000, class_weight=None, loss="log_loss", dtype=None,
        n_estimators=1,
    ):  # fmt: skip
        keep(self, locals())

    @property
    def image_shape_(self) -> tuple[int, int, int]:
        """Height, width and channels of the images that it was fitted to."""
        return image_shape(self.image_shape, self.n_features_in_)

    def _example_shape(self, features: int) -> tuple[int, ...]:
        return image_shape(self.image_shape, features)

    def _shaped(self, x: np.ndarray) -> np.ndarray:
        return x.reshape(-1, *self.image_shape_)  # (n, features) -> (n, height, width, channels)

    def _network(self, shape: tuple[int, ...], outputs: int) -> Chain:
        hidden = parameters.widths(self.hidden_layer_sizes)
        number_in("ConvClassifier.dropout", self.dropout, 0, 1, open_high=True)
        whole_number("ConvClassifier.kernel_size", self.kernel_size, 1)
        if not isinstance(self.channels, list | tuple):
            fail("ConvClassifier.channels", repr(self.channels), "one width for each convolution, such as (32, 64)")
        height, width, _ = shape
        layers: list[Any] = []
        for features in self.channels:
            window = (min(height, 2), min(width, 2))  # an image of one row is pooled along it
            layers += [Conv(features, self.kernel_size, kernel_init=HeNormal()), activations.relu]
            layers += [MaxPool(window, fit="floor")]
            height, width = height // window[0], width // window[1]
        dense = mlp(hidden, outputs, dropout=float(self.dropout) if self.dropout > 0 else None)
        return Chain(*layers, Flatten(3), *(layer for _, layer in dense.layers))

    def _first_weights(self, net: Chain, x: np.ndarray, random: Any) -> tuple[Any, Any]:
        return networks.initial(net, x.shape[1:], x.dtype, int(random.randint(np.iinfo(np.int32).max)))

    def _weights(self) -> tuple[Any, Any]:
        return self.params_, self.state_

    def _keep_weights(self, params: Any, state: Any) -> dict[str, Any]:
        return {"params_": params, "state_": state}

    def transform(self, X: Any) -> np.ndarray:
        """Return what the last layer takes: the features that the network has learnt.

        Args:
            X: `(examples, features)`.

        Returns:
            `(examples, width of the last hidden layer)`.
        """
        check_is_fitted(self)
        ensemble.alone(self, "transform")
        return self._ask(X, as_is, Chain(*self._net.layers[:-1]))

    @property
    def _n_features_out(self) -> int:
        return self.params_[self._net.layers[-1][0]]["kernel"].shape[0]


def image_shape(given: Any, features: int) -> tuple[int, int, int]:
    """Return height, width and channels of images that have so many features.

    Args:
        given: `(height, width)`, `(height, width, channels)` or None.
        features: of a row.

    Returns:
        The three.

    Raises:
        JaxnnError: if they do not multiply to the features.

    >>> image_shape(None, 64), image_shape(None, 5), image_shape((2, 4, 3), 24)
    ((8, 8, 1), (1, 5, 1), (2, 4, 3))
    """
    if given is None:
        side = math.isqrt(features)
        return (side, side, 1) if side * side == features else (1, features, 1)
    if not isinstance(given, list | tuple) or len(given) not in (2, 3):
        fail("image_shape", repr(given), "(height, width) or (height, width, channels)")
    for length in given:
        whole_number("image_shape", length, 1)
    height, width, channels = (*given, 1)[:3]
    if height * width * channels != features:
        fail("image_shape", f"{tuple(given)} for rows of {features} features", "lengths that multiply to them")
    return height, width, channels
