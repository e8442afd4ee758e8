"""Scores of a search compare like with like: the same rows, weights and measure, and nothing that was learnt."""

import numpy as np
import pytest
from sklearn.model_selection import KFold

import jaxnn as nn
from jaxnn.losses import Focal, SoftmaxCrossEntropy

LOSS = nn.losses.softmax_cross_entropy
RANDOM = np.random.default_rng(3)
X = RANDOM.normal(size=(80, 3)).astype(np.float32)
Y = (X[:, 0] + 0.7 * RANDOM.normal(size=80) > 0.6).astype(np.int32)
NET = nn.models.mlp((4,), 2)
HOW = {"folds": 2, "epochs": 6, "batch_size": 16, "refit": False}

pytestmark = pytest.mark.usefixtures("quick_compiles")


def right(run, rows):
    return (run.logits(X[rows]).argmax(axis=1) == Y[rows]).mean()


def test_a_run_is_measured_by_its_own_loss():
    """Losses that differ in a number are equal and share programs; the number is an argument of what measures too."""
    runs = [nn.fit(NET, (X, Y), SoftmaxCrossEntropy(share), epochs=3) for share in (0.0, 0.5)]
    p = np.exp(runs[1].logits(X)) / np.exp(runs[1].logits(X)).sum(axis=1, keepdims=True)
    targets = 0.5 * np.eye(2)[Y] + 0.25
    assert runs[1].evaluate(X, Y)["loss"] == pytest.approx(-(targets * np.log(p)).sum(axis=1).mean(), rel=1e-5)
    assert runs[0].evaluate(X, Y)["loss"] == pytest.approx(float(np.mean(LOSS(runs[0].logits(X), Y))), rel=1e-5)


def test_a_stopping_rule_of_a_setting_never_looks_at_the_fold():
    rules = [nn.EarlyStopping(1), nn.EarlyStopping(3), None]
    how = HOW | {"epochs": 30, "learning_rate": 0.1}
    found = nn.search(NET, (X, Y), LOSS, grid={"stop": rules}, metric="accuracy", **how)
    for place, run in enumerate(found.runs):
        assert found.scores.reshape(-1)[place] == pytest.approx(right(run, found.folds[place % 2].test))
    assert found.runs[0].history.epochs < 30 and found.runs[4].history.epochs == 30
    again = nn.search(NET, (X, Y), LOSS, grid={"stop": rules[:1]}, **how | {"refit": True})
    assert again.refit.history.epochs < 30 and "val_loss" in again.refit.history


def test_class_weights_weigh_what_is_learnt_not_what_is_scored():
    found = nn.search(
        NET, (X, Y), LOSS, grid={"class_weight": [None, "balanced", {0: 1, 1: 9}]}, metric="accuracy", **HOW
    )
    for place, run in enumerate(found.runs):
        assert found.scores.reshape(-1)[place] == pytest.approx(right(run, found.folds[place % 2].test))
    assert found.runs[0].history["loss"][0] != found.runs[4].history["loss"][0]


def test_a_class_that_a_fold_lacks_may_have_a_weight():
    one = np.flatnonzero(Y == 0)
    own = [(one[:20], np.flatnonzero(Y == 1)[:5])]
    found = nn.search(NET, (X, Y), LOSS, grid={"class_weight": [{0: 1, 1: 2}]}, **HOW | {"folds": own})
    assert np.isfinite(found.best_score)


@pytest.mark.parametrize("grid", [{"loss": [LOSS, Focal(2.0)]}, {"smoothing": [0.0, 0.5]}], ids=["loss", "smoothing"])
def test_losses_of_different_kinds_are_not_compared(grid):
    with pytest.raises(nn.JaxnnError, match=r"metric: got 'loss' where settings differ in (loss|smoothing)"):
        nn.search(NET, (X, Y), LOSS, grid=grid, **HOW)
    assert nn.search(NET, (X, Y), LOSS, grid=grid, metric="accuracy", **HOW).best_score > 0.5


def test_folds_may_be_masks_and_splitters():
    mask = np.arange(80) < 60
    given = [[(mask, ~mask)], [(np.arange(60), np.arange(60, 80))]]
    runs = [nn.search(NET, (X, Y), LOSS, grid={"l2": [0.1]}, **HOW | {"folds": own}) for own in given]
    assert runs[0].best_score == runs[1].best_score and len(runs[0].folds[0].train) == 60
    split = nn.search(NET, (X, Y), LOSS, grid={"l2": [0.1]}, **HOW | {"folds": KFold(4)})
    np.testing.assert_array_equal(split.folds[1].test, np.arange(20, 40))
    for wrong, said in (([(np.arange(9) + 0.5, np.arange(9, 12))], "float64"), ([(mask, ~mask, mask)], "pairs")):
        with pytest.raises(nn.JaxnnError, match=said):
            nn.search(NET, (X, Y), LOSS, grid={"l2": [0.1]}, **HOW | {"folds": wrong})


def test_metrics_that_a_rule_watches_are_measured():
    stop = nn.EarlyStopping(3, monitor="accuracy")
    found = nn.search(NET, (X, Y), LOSS, grid={"l2": [0.0]}, metrics=["accuracy"], stop=stop, **HOW)
    assert "val_accuracy" in found.runs[0].history


def test_rows_that_weigh_nothing_are_named():
    weight = np.ones(80)
    weight[60:] = 0
    own = [(np.arange(60), np.arange(60, 80))]
    with pytest.raises(nn.JaxnnError, match="only 0 among the rows held out of fold 0"):
        nn.search(NET, (X, Y), LOSS, grid={"l2": [0.0]}, sample_weight=weight, **HOW | {"folds": own})


def test_hyper_parameters_keep_their_columns():
    found = nn.search(NET, (X, Y), LOSS, grid={"epochs": [1, 3]}, **HOW)
    assert sorted(found.table["set_epochs"]) == [1, 3] and sorted(found.table["epochs"]) == [1.0, 3.0]
    assert repr(found.table).count("set_epochs") == 1


def test_threads_are_checked():
    for threads in (0, -1, 1.5):
        with pytest.raises(nn.JaxnnError, match="threads: got"):
            nn.search(NET, (X, Y), LOSS, grid={"l2": [0.0]}, threads=threads, **HOW)
