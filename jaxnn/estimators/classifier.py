"""`MLPClassifier`: scikit-learn's, on a compiled training run."""

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d, compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from jaxnn.checks import fail
from jaxnn.estimators import ensemble, objectives, prediction, prefit
from jaxnn.estimators.base import NeuralEstimator, is_stochastic, keep
from jaxnn.estimators.perceptron import Perceptron
from jaxnn.estimators.targets import Labels


class NeuralClassifier(ClassifierMixin, NeuralEstimator):
    """What classifiers share, whatever their network."""

    classes_: np.ndarray

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> Any:
        if y.ndim == 2 and y.shape[1] == 1 and not hasattr(y, "toarray"):
            y = column_or_1d(y, warn=True)
        if first and not incremental:
            self._labels = prefit.once("labels", (y,), lambda: Labels(y))
            self.classes_ = self._labels.classes
        else:
            self._labels.check(y, warm=self.warm_start and not incremental)
        return y

    def _targets_of(self, y: Any, dtype: Any) -> np.ndarray:
        return prefit.once("targets", (y, str(dtype)), lambda: self._labels.targets(y, dtype))

    def _weighted(self, y: Any, weight: Any, incremental: bool) -> Any:
        if self.class_weight is None:
            return weight
        if incremental and self.class_weight == "balanced":
            do = "Give a dict: compute_class_weight('balanced', classes=classes, y=y) for all of y"
            fail("class_weight", "'balanced' in partial_fit, which sees only a part of y", "a dict", do)
        own = compute_sample_weight(self.class_weight, y)
        return own if weight is None else own * weight

    def _strata(self, targets: np.ndarray) -> Any:
        return targets if targets.ndim == 2 and targets.shape[1] == 1 else None  # as theirs: two classes alone

    def _objective(self) -> objectives.Objective:
        return objectives.for_classes(type(self).__name__, self.loss, self._labels.kind, self._labels.width)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None) -> Any:
        """Learn classes from examples.

        Args:
            X: `(examples, features)`; arrays, frames of pandas or polars, sparse matrices.
            y: `(examples,)` of classes, or `(examples, labels)` of 0 and 1.
            sample_weight: `(examples,)`; None weighs all alike.
            X_val, y_val: examples to measure on after every epoch (`validation_loss_curve_`, `validation_scores_`);
                with `early_stopping` they decide, and nothing is held out of X.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: if a parameter or the data do not fit.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Any:
        """Learn one epoch more from these rows; the optimiser goes on where it was.

        Args:
            X: `(examples, features)`.
            y: as for `fit`.
            sample_weight: `(examples,)`, or None.
            classes: all classes that will come, needed in the first call.

        Returns:
            The estimator.

        Raises:
            ValueError: if the first call has no classes, or a later one others.
        """
        fresh = not hasattr(self, "classes_")
        if fresh:
            if classes is None:
                raise ValueError("classes must be passed on the first call to partial_fit.")
            several = np.ndim(y) == 2 and np.shape(y)[1] > 1
            self._labels = Labels(y if several else np.unique(np.asarray(classes)))
            self.classes_ = self._labels.classes
        elif classes is not None and not np.array_equal(self.classes_, np.unique(np.asarray(classes))):
            raise ValueError(
                f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
            )
        try:
            return self._fit(X, y, sample_weight, incremental=True)
        except BaseException:
            if fresh:
                del self._labels, self.classes_
            raise

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each example; of several labels a 0 or 1 for each.

        Args:
            X: `(examples, features)`.

        Returns:
            `(examples,)`, or `(examples, labels)`.
        """
        outputs = self._probabilities(X)
        return self._labels.answers(outputs)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class.

        Args:
            X: `(examples, features)`.

        Returns:
            `(examples, classes)` in the order of `classes_`, rows summing to 1; of several labels, each label's own.
        """
        outputs = self._probabilities(X)
        return self._labels.shares(outputs)

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return the logarithm of `predict_proba`.

        Args:
            X: `(examples, features)`.

        Returns:
            `(examples, classes)`.
        """
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _probabilities(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        every = ensemble.answered(self, lambda one: one._probabilities(X))
        if every is not None:
            return every.mean(axis=0)
        return prediction.finite_row(self._ask(X, objectives.probability(self.out_activation_)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPClassifier(NeuralClassifier, Perceptron):
    """scikit-learn's `MLPClassifier`, trained by one compiled program.

    Parameters, defaults and fitted attributes are scikit-learn's; see its documentation for those not listed here. It
    computes in the dtype of X, or in `dtype`.

    Args:
        hidden_layer_sizes: widths of the hidden layers.
        activation: of the hidden layers: "identity", "logistic", "tanh", "relu" or another name of
            `jaxnn.activations`, a function, or a list with one for each layer.
        solver: "adam", "sgd" or "lbfgs".
        dropout: the share of each hidden layer's activations dropped while training; a number, or one for each layer.
        batch_norm: True normalises what each hidden activation takes.
        class_weight: None, a dict from class to weight, or "balanced".
        loss: "log_loss", "focal", a loss of `jaxnn.losses`, or a function of (logits, targets) that returns one loss
            for each example.
        init: how kernels are drawn: None for scikit-learn's way (the same `random_state` gives the same weights), or a
            name or instance of `jaxnn.initializers`.
        coefs_init, intercepts_init: weights to begin with, shaped like `coefs_` and `intercepts_`.
        dtype: "float32" or "float64"; None for that of X.
        n_estimators: networks, from other random numbers, trained at once; they answer with the mean of their
            probabilities. `estimators_` holds them, the other attributes are those of the first.

    Attributes beside scikit-learn's: `validation_loss_curve_` where there is validation data, `history_` (arrays by
    name, a row for each epoch of the last call), `stopped_because_`.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((20,), learning_rate_init=0.02, max_iter=60, tol=1e-2, random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.95, model.coefs_[0].shape, model.out_activation_
    (True, (4, 20), 'softmax')
    """

    def __init__(
        self, hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001, batch_size="auto",
        learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True, random_state=None,
        tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True, early_stopping=False,
        validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10, max_fun=15000,
        dropout=0.0, batch_norm=False, class_weight=None, loss="log_loss", init=None, coefs_init=None,
        intercepts_init=None, dtype=None,
        n_estimators=1,
    ):  # fmt: skip
        keep(self, locals())
