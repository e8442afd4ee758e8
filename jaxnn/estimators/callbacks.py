"""What happens beside a fit: lines of progress, and scikit-learn's callbacks where its version has them."""

from collections.abc import Callable
from typing import Any

from jaxnn.train import Progress, Run

try:
    from sklearn import callback as _callback
except ImportError:  # scikit-learn before 1.9
    _callback = None


class _NoCallbacks:
    """The mixin where scikit-learn has none."""


def _unchanged(method: Any) -> Any:
    return method


CallbackSupport: Any = _NoCallbacks if _callback is None else _callback.CallbackSupportMixin
with_callbacks: Any = _unchanged if _callback is None else _callback.with_callbacks
USER = 6 if _callback is None else 7
"""How many frames above a warning the user's line is: fit, what wraps it, and what it calls."""


class Lines:
    """Print scikit-learn's line for every epoch, as the chunks of a run come back.

    >>> import numpy as np
    >>> Lines()(Progress(1, 5, {}, None, {"loss": np.array([0.5])}))
    Iteration 1, loss = 0.50000000
    """

    def __init__(self) -> None:
        self.shown = 0

    def __call__(self, progress: Progress) -> None:
        """Print the epochs that are new."""
        columns = progress.history
        if not columns or "loss" not in columns:
            return
        loss = columns["loss"] + columns.get("penalty", 0)
        scores = next((columns[name] for name in ("val_accuracy", "val_r_squared") if name in columns), None)
        for i in range(self.shown, len(loss)):
            print(f"Iteration {i + 1}, loss = {loss[i]:.8f}")
            if scores is not None:
                print(f"Validation score: {scores[i]:f}")
        self.shown = len(loss)


class Tasks:
    """One task of scikit-learn's callbacks for every epoch; a hook that returns True ends the fit.

    Args:
        estimator: the estimator being fitted.
        given: X, y and metadata as the user gave them.
        fitted: from a run so far to the attributes that a copy of the estimator needs to predict.
    """

    def __init__(self, estimator: Any, given: dict[str, Any], fitted: Callable[[Run], dict[str, Any]]) -> None:
        self.estimator, self.given, self.fitted = estimator, given, fitted
        self.root = estimator._init_callback_context(max_subtasks=estimator.max_iter)
        self.root.call_on_fit_task_begin(estimator=estimator, **given)
        self.task: Any = self._begun()

    def __call__(self, run: Run) -> bool:
        """End the task of the epoch that is over, and begin the next."""
        ended = self.task.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=lambda: self.fitted(run), **self.given
        )
        over = bool(ended) or run.history.epochs >= self.estimator.max_iter
        self.task = None if over else self._begun()
        return bool(ended)

    def close(self) -> None:
        """End what is open: the task of an epoch that was not run, and the whole."""
        if self.task is not None:
            self.task.call_on_fit_task_end(estimator=self.estimator)
        self.root.call_on_fit_task_end(
            estimator=self.estimator, reconstruction_attributes=lambda: dict(vars(self.estimator)), **self.given
        )

    def _begun(self) -> Any:
        task = self.root.subcontext(task_name="epoch")
        return task.call_on_fit_task_begin(estimator=self.estimator, **self.given)
