"""`MLPRegressor`: scikit-learn's, on a compiled training run."""

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted, validate_data

from jaxnn import losses
from jaxnn.checks import fail
from jaxnn.estimators import ensemble, objectives, prediction
from jaxnn.estimators.base import keep
from jaxnn.estimators.perceptron import Perceptron


class MLPRegressor(RegressorMixin, Perceptron):
    """scikit-learn's `MLPRegressor`, trained by one compiled program.

    Parameters, defaults and fitted attributes are scikit-learn's; see its documentation for those not listed here, and
    `MLPClassifier` for those that both have.

    Args:
        loss: "squared_error", "poisson", "absolute_error", "huber", "quantile" (the median), "gaussian_nll"; a loss of
            `jaxnn.losses`, such as `Quantile((0.1, 0.5, 0.9))` or `Huber(2.0)`; or a function of (outputs, targets)
            that returns one loss for each example.
        hidden_layer_sizes, activation, solver, dropout, batch_norm, init, coefs_init, intercepts_init, dtype: as for
            `MLPClassifier`.

    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs", tol=1e-9).fit(x, 3 * x[:, 0] + 1)
    >>> print(model.coefs_[0].round(2), model.intercepts_[0].round(2))
    [[3.]] [1.]
    """

    def __init__(
        self, loss="squared_error", hidden_layer_sizes=(100,), activation="relu", *, solver="adam", alpha=0.0001,
        batch_size="auto", learning_rate="constant", learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,
        random_state=None, tol=1e-4, verbose=False, warm_start=False, momentum=0.9, nesterovs_momentum=True,
        early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-8, n_iter_no_change=10,
        max_fun=15000, dropout=0.0, batch_norm=False, init=None, coefs_init=None, intercepts_init=None, dtype=None,
        n_estimators=1,
    ):  # fmt: skip
        keep(self, locals())

    def _validated(self, X: Any, y: Any, first: bool) -> Any:
        kinds = {"dtype": (np.float64, np.float32), "accept_sparse": ["csr", "csc"], "multi_output": True}
        return validate_data(self, X, y, reset=first, y_numeric=True, **kinds)

    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> Any:
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        if first:
            self._targets = 1 if y.ndim == 1 else y.shape[1]
        elif self._targets != (1 if y.ndim == 1 else y.shape[1]):
            fail("y", f"shape {y.shape}", f"{self._targets} columns, as in the first call")
        if isinstance(self._objective().loss, losses.PoissonDeviance) and (y < 0).any():
            raise ValueError("Some value(s) of y are out of the valid range of the loss PoissonDeviance: y >= 0.")
        return y

    def _targets_of(self, y: Any, dtype: Any) -> np.ndarray:
        return np.asarray(y, dtype).reshape(len(y), -1)

    def _objective(self) -> objectives.Objective:
        return objectives.for_values(type(self).__name__, self.loss, self._targets)

    def _outputs_and_activation(self, objective: objectives.Objective) -> tuple[int, str]:
        return self._targets, objective.out_activation

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None) -> Any:
        """Learn values from examples.

        Args:
            X: `(examples, features)`; arrays, frames of pandas or polars, sparse matrices.
            y: `(examples,)`, or `(examples, outputs)`.
            sample_weight: `(examples,)`; None weighs all alike.
            X_val, y_val: examples to measure on after every epoch (`validation_loss_curve_`, `validation_scores_`);
                with `early_stopping` they decide, and nothing is held out of X.

        Returns:
            The fitted estimator.

        Raises:
            ValueError: if a parameter or the data do not fit.
        """
        return self._fit(X, y, sample_weight, X_val, y_val)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Return the values that the network expects.

        Args:
            X: `(examples, features)`.
            return_std: also the standard deviation that it expects, `(examples,)`: the one learnt with
                loss="gaussian_nll", and that of the networks' answers with `n_estimators` above 1; with both, of all.

        Returns:
            `(examples,)`, or `(examples, outputs)`; of several quantiles the one nearest to the median.

        Raises:
            JaxnnError: if a standard deviation is asked of a loss that knows none.
        """
        check_is_fitted(self)
        if hasattr(self, "estimators_"):
            return self._predict_together(X, return_std)
        raw, made = prediction.finite_row(self._ask(X, objectives.as_is)), self._loss
        y = losses.values_of(made, raw)
        if return_std and not isinstance(made, losses.GaussianNLL):
            fail("return_std", f"True with loss={self.loss!r}", "loss='gaussian_nll', which learns it")
        if isinstance(made, losses.GaussianNLL):
            spread = np.sqrt(np.maximum(np.exp(raw[:, 1]), made.least_variance))
            return (y[:, 0], spread) if return_std else y[:, 0]
        if isinstance(made, losses.Quantile):
            return y[:, objectives.middle(made.quantiles)]
        return y[:, 0] if y.shape[1] == 1 else y

    def _predict_together(self, X: Any, return_std: bool) -> Any:
        """The mean of the networks' answers; the variance of a mixture is the mean variance plus that of the means."""
        learns = return_std and isinstance(self._loss, losses.GaussianNLL)
        every = [one.predict(X, return_std=learns) for one in self.estimators_]
        values = np.stack([one[0] if learns else one for one in every])  # (networks, examples, ...)
        within = np.stack([one[1] ** 2 for one in every]).mean(axis=0) if learns else 0.0
        mean = values.mean(axis=0)
        return (mean, np.sqrt(values.var(axis=0) + within)) if return_std else mean

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Return all quantiles that the network was trained for.

        Args:
            X: `(examples, features)`.

        Returns:
            `(examples, quantiles)`, in the order of the loss.

        Raises:
            JaxnnError: if its loss is another one.

        >>> x, y = np.zeros((99, 1)), np.arange(0.01, 1.0, 0.01)
        >>> how = {"learning_rate_init": 0.01, "max_iter": 500, "tol": 1e-6, "random_state": 0}
        >>> model = MLPRegressor(losses.Quantile((0.1, 0.5, 0.9)), (), **how).fit(x, y)
        >>> bool((abs(model.predict_quantiles(x[:1]) - [0.1, 0.5, 0.9]) < 0.03).all())
        True
        """
        check_is_fitted(self)
        if not isinstance(self._loss, losses.Quantile):
            fail("predict_quantiles", f"loss={self.loss!r}", "loss='quantile', or jaxnn.losses.Quantile((0.1, 0.9))")
        every = ensemble.answered(self, lambda one: one.predict_quantiles(X))
        return self._ask(X, objectives.as_is) if every is None else every.mean(axis=0)
