"""What all estimators share: checked data in, one call of `fit`, fitted attributes in NumPy out."""

import copy
import warnings
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _check_sample_weight, validate_data

from jaxnn.checks import fail
from jaxnn.estimators import ensemble, parameters, prediction, prefit, training
from jaxnn.estimators.callbacks import USER, CallbackSupport, with_callbacks
from jaxnn.estimators.objectives import Objective
from jaxnn.estimators.training import Asked, Examples
from jaxnn.layers import Chain
from jaxnn.train import Run, stopping
from jaxnn.version import __version__

DENSE_LIMIT = 4 * 2**30
"""Bytes that sparse data may take when it is made dense: a run's data lies on the device, whole."""


def keep(estimator: Any, given: dict[str, Any]) -> None:
    """Store the parameters of `__init__` as they were given, unchecked, as scikit-learn has it.

    Args:
        estimator: whose they are.
        given: the `locals()` of its `__init__`.
    """
    estimator.__dict__.update({name: value for name, value in given.items() if name != "self"})


def is_stochastic(estimator: Any) -> bool:
    """Return whether minibatches can be learnt one call after another; else raise as scikit-learn does."""
    if estimator.solver not in ("sgd", "adam"):
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True


class NeuralEstimator(CallbackSupport, ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, ABC):
    """The common part of classifiers and regressors; a subclass says what network and what targets.

    Fitted attributes hold NumPy arrays, and compiled programs belong to the process, not to the estimator: it pickles,
    copies and clones like any other.
    """

    if TYPE_CHECKING:  # parameters are set by __init__ of the subclasses, fitted attributes by fit

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def _get_param_names(cls) -> list[str]:
        """scikit-learn's, looked up once: to inspect the signature each time took a fifth of a search."""
        if "_parameter_names" not in cls.__dict__:
            cls._parameter_names = super()._get_param_names()
        return cls._parameter_names

    @abstractmethod
    def _network(self, shape: tuple[int, ...], outputs: int) -> Chain:
        """The network that the parameters ask for."""

    @abstractmethod
    def _objective(self) -> Objective:
        """The loss that the parameters ask for, and what comes with it."""

    @abstractmethod
    def _targets_of(self, y: Any, dtype: Any) -> np.ndarray:
        """Targets as the loss takes them."""

    @abstractmethod
    def _learn_targets(self, y: Any, incremental: bool, first: bool) -> Any:
        """Learn classes or columns of y, or check that they are those of an earlier call; return y."""

    def _weighted(self, y: Any, weight: Any, incremental: bool) -> Any:
        return weight

    def _strata(self, targets: np.ndarray) -> Any:
        return None

    @abstractmethod
    def _first_weights(self, net: Chain, x: np.ndarray, random: Any) -> tuple[Any, Any]:
        """The weights to begin with."""

    @abstractmethod
    def _weights(self) -> tuple[Any, Any]:
        """`(params, state)` from the fitted attributes."""

    @abstractmethod
    def _keep_weights(self, params: Any, state: Any) -> dict[str, Any]:
        """The fitted attributes that hold `(params, state)`."""

    def _example_shape(self, features: int) -> tuple[int, ...]:
        """The shape of one row as the network takes it."""
        return (features,)

    def _shaped(self, x: Any) -> Any:
        """Rows `(n, features)` as the network takes them."""
        return x

    @with_callbacks
    def _fit(
        self, X: Any, y: Any, sample_weight: Any = None, X_val: Any = None, y_val: Any = None,
        incremental: bool = False,
    ) -> Any:  # fmt: skip
        prediction.check_process()
        before = dict(self.__dict__)
        try:
            self._learn(X, y, sample_weight, X_val, y_val, incremental)
        except BaseException:  # what could not be fitted is as it was before
            now = {name: value for name, value in self.__dict__.items() if "callback" in name}
            self.__dict__.clear()
            self.__dict__.update(before | now)
            raise
        return self

    def _learn(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, incremental: bool) -> None:
        ready = prefit.taken(self, X, y)
        if ready is not None:
            ready.give(self)
            return
        self.__dict__.pop("estimators_", None)
        if self.n_estimators > 1:
            ensemble.fit(self, X, y, sample_weight, X_val, y_val, incremental)
            return
        asked = self._ask_for(X, y, sample_weight, X_val, y_val, incremental)
        with prediction.precision(asked.train.x.dtype):
            run = training.run(self, asked)
        self._take(run, len(asked.train.x), asked.held is not None)

    def _ask_for(self, X: Any, y: Any, sample_weight: Any, X_val: Any, y_val: Any, incremental: bool) -> Asked:
        """Check parameters and data, and make the network and its first weights: all but the training."""
        parameters.check(self)
        first = not hasattr(self, "n_iter_") or not (self.warm_start or incremental)
        given = {"X": X, "y": y, "metadata": None if sample_weight is None else {"sample_weight": sample_weight}}
        X, y = self._validated_once(X, y) if first else self._validated(X, y, first)
        y = self._learn_targets(y, incremental, first)
        weight = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        dtype = self._dtype(X, first)
        rows = Examples(
            self._shaped(dense(X, dtype)), self._targets_of(y, dtype), self._weighted(y, weight, incremental)
        )
        random = check_random_state(self.random_state)
        with prediction.precision(dtype):
            if first:
                self._begin(rows, random)
            else:
                self._net, self._loss = self._same_network(rows.x.shape[1:]), self._objective().loss
            learnt, held = self._held(rows, X_val, y_val, dtype, random, incremental, first)
        return Asked(rows if learnt is None else learnt, held, random, incremental, given)

    def _validated_once(self, X: Any, y: Any) -> Any:
        """Checked X and y, and what the check tells the estimator of them; once for fits of the same data."""

        def validated() -> Any:
            before = dict(self.__dict__)
            found = self._validated(X, y, True)
            told = {name: value for name, value in self.__dict__.items() if before.get(name, before) is not value}
            return found, told

        found, told = prefit.once("validated", (type(self), X, y), validated)
        self.__dict__.update(told)
        return found

    def _validated(self, X: Any, y: Any, first: bool) -> Any:
        kinds = {"dtype": (np.float64, np.float32), "accept_sparse": ["csr", "csc"], "multi_output": True}
        return validate_data(self, X, y, reset=first, **kinds)

    def _dtype(self, X: Any, first: bool) -> Any:
        if not first:
            return jax.tree.leaves(self._weights()[0])[0].dtype
        return np.dtype(self.dtype if self.dtype is not None else X.dtype)

    def _begin(self, rows: Examples, random: Any) -> None:
        """Build the network, draw its weights, and forget what an earlier fit learnt."""
        for name in ("_continuation", "validation_loss_curve_"):
            self.__dict__.pop(name, None)
        objective = self._objective()
        self._net = self._network(rows.x.shape[1:], objective.width)
        self.__dict__.update(self._keep_weights(*self._first_weights(self._net, rows.x, random)))
        self.n_outputs_, self.out_activation_ = self._outputs_and_activation(objective)
        self._loss = objective.loss
        self.n_iter_, self.t_, self.loss_curve_, self.validation_scores_, self.best_loss_ = 0, 0, [], None, np.inf
        # a run that is continued holds out the same rows again
        self._split_random = copy.deepcopy(random)

    def _same_network(self, shape: tuple[int, ...]) -> Chain:
        """The network of a later call, whose rates may be others, but not its layers."""
        net = self._network(shape, self._objective().width)
        if net != self._net:
            do = "Take a new estimator (sklearn.base.clone), or warm_start=False"
            fail(type(self).__name__, f"another network, {net!r}, to go on with", f"{self._net!r}", do)
        return net

    def _outputs_and_activation(self, objective: Objective) -> tuple[int, str]:
        return objective.width, objective.out_activation

    def _held(
        self, rows: Examples, X_val: Any, y_val: Any, dtype: Any, random: Any, incremental: bool, first: bool
    ) -> tuple[Examples | None, Examples | None]:
        """The rows learnt where some were held out, else None, and the rows of the validation, if any."""
        if (X_val is None) != (y_val is None):
            fail("X_val and y_val", "one of them", "both or neither")
        if incremental and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if X_val is not None:
            X_val, y_val = self._validated(X_val, y_val, False)
            y_val = self._learn_targets(y_val, True, False)
            return None, Examples(self._shaped(dense(X_val, dtype)), self._targets_of(y_val, dtype), None)
        if not self._stops_early:
            return None, None
        drawing = random if first else copy.deepcopy(self._split_random)
        strata = self._strata(rows.targets)
        which = np.arange(len(rows.x))
        train, test = train_test_split(which, random_state=drawing, test_size=self.validation_fraction, stratify=strata)
        if len(test) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        parts = [
            Examples(rows.x[part], rows.targets[part], None if rows.weight is None else rows.weight[part])
            for part in (train, test)
        ]
        return parts[0], parts[1]

    def _take(self, run: Run, examples: int, held: bool) -> None:
        """Fitted attributes from a finished run."""
        self.__dict__.update(self._attributes(run))
        epochs, history = run.history.epochs, run.history
        losses = list(np.asarray(history["loss"] + history.get("penalty", 0)))
        self.n_iter_ = max(epochs, 1)
        self.t_ += 0 if self.solver == "lbfgs" else examples * epochs
        self.loss_curve_.extend(losses)  # in place: a stream of partial_fit copies no curve
        self.loss_ = losses[-1] if losses else np.nan
        self.best_loss_ = None if self._stops_early else min([self.best_loss_ or np.inf, *losses])
        self.history_ = {name: history[name] for name in history}
        self.stopped_because_ = run.stopped_because
        score = next((name for name in ("val_accuracy", "val_r_squared") if name in history), None)
        if score is None:
            self.validation_scores_ = self.best_validation_score_ = None
        else:
            self.validation_scores_ = [*(self.validation_scores_ or []), *history[score]]
            self.best_validation_score_ = max(self.validation_scores_, default=-np.inf)
        if held:
            self.validation_loss_curve_ = [*getattr(self, "validation_loss_curve_", []), *history["val_loss"]]
        self._say(run)

    @property
    def _stops_early(self) -> bool:
        return bool(self.early_stopping) and self.solver != "lbfgs"  # theirs holds nothing out for lbfgs either

    def _say(self, run: Run) -> None:
        """Warn, and print the last line of `verbose`, in scikit-learn's words."""
        assert run.now is not None
        ended, lbfgs = int(run.now.stopped[0]), self.solver == "lbfgs"
        spent = lbfgs and ended == stopping.OUT_OF_PATIENCE and int(run.now.patience.why[0]) == stopping.EVALUATIONS
        if run.interrupted:
            warnings.warn("Training interrupted by user.", stacklevel=USER)
        elif run.diverged:
            warnings.warn(f"{type(self).__name__}: {run.stopped_because}.", ConvergenceWarning, stacklevel=USER)
        elif spent:
            said = f"lbfgs: Maximum evaluations ({self.max_fun}) reached and the optimization hasn't converged yet."
            warnings.warn(said, ConvergenceWarning, stacklevel=USER)
        elif ended == stopping.EPOCHS_DONE and not self._one_epoch:
            said = f"Maximum iterations ({self.max_iter}) reached and the optimization hasn't converged yet."
            said = f"{'lbfgs' if lbfgs else 'Stochastic Optimizer'}: {said}"
            warnings.warn(said, ConvergenceWarning, stacklevel=USER)
        elif ended == stopping.OUT_OF_PATIENCE and self.verbose and not lbfgs:
            what = "Validation score" if self._stops_early else "Training loss"
            for_long = f"tol={self.tol:f} for {self.n_iter_no_change} consecutive epochs"
            print(f"{what} did not improve more than {for_long}. Stopping.")

    def _attributes(self, run: Run) -> dict[str, Any]:
        params, state = jax.tree.map(np.array, jax.device_get((run.params, run.state)))
        return self._keep_weights(params, state)

    def _ask(self, X: Any, answer: Any, net: Chain | None = None) -> np.ndarray:
        """What a fitted network, or a part of it, answers for rows as the user has them."""
        if not self._plain(X):
            X = validate_data(self, X, accept_sparse=["csr", "csc"], reset=False)
        params, state = self._weights()
        return prediction.outputs(net or self._net, answer, params, state, X, self._shaped)

    def _plain(self, X: Any) -> bool:
        """Whether `validate_data` would return X as it is; it takes 48 of the 110 microseconds of one row."""
        floats = type(X) is np.ndarray and X.dtype in (np.float32, np.float64) and X.ndim == 2
        fits = floats and X.shape[1] == self.n_features_in_ and len(X) > 0 and not hasattr(self, "feature_names_in_")
        return fits and bool(np.isfinite(X).all())

    @property
    @abstractmethod
    def _n_features_out(self) -> int:
        """The width of what `transform` returns."""

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
        """Learn one epoch more from these rows; the optimiser goes on where it was.

        Args:
            X: `(examples, features)`.
            y: targets.
            sample_weight: `(examples,)`, or None.

        Returns:
            The estimator.
        """
        return self._fit(X, y, sample_weight, incremental=True)

    def __getstate__(self) -> Any:
        return super().__getstate__() | {"_jaxnn_version": __version__}

    def __setstate__(self, state: Any) -> None:
        made = state.pop("_jaxnn_version", "another")
        if made != __version__:
            said = f"{type(self).__name__} was pickled by jaxnn {made}, this is {__version__}: it may not work."
            warnings.warn(f"{said} jaxnn.estimators.save makes files that are checked.", stacklevel=2)
        super().__setstate__(state)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def dense(X: Any, dtype: Any) -> np.ndarray:
    """Return rows as a dense array of a dtype.

    Args:
        X: `(examples, features)`, dense or sparse.
        dtype: of the array.

    Returns:
        The array.

    Raises:
        JaxnnError: if a sparse matrix would take more than `DENSE_LIMIT` bytes.

    >>> dense(np.ones((2, 1)), np.float32).dtype.name
    'float32'
    """
    if not hasattr(X, "toarray"):
        return np.asarray(X, dtype)
    size = X.shape[0] * X.shape[1] * np.dtype(dtype).itemsize
    if size > DENSE_LIMIT:
        given = f"a sparse matrix {X.shape} that takes {size / 2**30:.1f} GiB when it is dense"
        do = "Reduce its columns (TruncatedSVD, SelectKBest), take dtype='float32', or call partial_fit with some rows"
        fail("X", given, f"at most {DENSE_LIMIT / 2**30:.0f} GiB", do)
    return np.asarray(X.astype(dtype).toarray())
