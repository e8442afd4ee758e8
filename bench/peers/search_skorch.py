"""skorch: scikit-learn's `GridSearchCV` over a PyTorch module, in processes of joblib's."""

from collections.abc import Callable

import numpy as np
import torch
from sklearn.model_selection import GridSearchCV
from skorch import NeuralNetClassifier

from bench.peers.search_grid import FOLDS, GRIDS, Figures
from bench.problem import Problem


class Network(torch.nn.Module):
    """One hidden layer; joblib's processes import it from here."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.ReLU(), torch.nn.Linear(width, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the logits."""
        return self.layers(x)


def prepare(
    problem: Problem, x: np.ndarray, y: np.ndarray, grid: str = "4", folds: int = FOLDS, n_jobs: int = 2
) -> Callable[[int], Figures]:
    """Return the run."""
    x, y, asked = x.astype(np.float32), y.astype(np.int64), GRIDS[grid]
    settings = {
        "module__width": [width for (width,) in asked["hidden_layer_sizes"]], "lr": asked["learning_rate_init"],
        "optimizer__weight_decay": [alpha / problem.batch for alpha in asked["alpha"]],
    }  # fmt: skip

    def run(_: int) -> Figures:
        model = NeuralNetClassifier(
            Network, criterion=torch.nn.CrossEntropyLoss, optimizer=torch.optim.Adam, max_epochs=problem.epochs,
            batch_size=problem.batch, iterator_train__shuffle=True, train_split=None, verbose=0,
        )  # fmt: skip
        search = GridSearchCV(model, settings, cv=folds, refit=False, scoring="accuracy", n_jobs=n_jobs).fit(x, y)
        means = search.cv_results_["mean_test_score"]
        return {"best": float(max(means)), "few": float(np.mean(means))}

    return run
