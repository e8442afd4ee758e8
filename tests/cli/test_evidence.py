import base64

import numpy as np
import pytest
import sklearn.metrics

from jaxnn.cli.evidence import BINS, DOTS, EPOCHS, evidence, name_of
from jaxnn.cli.pipeline import train_table
from jaxnn.cli.seen import Images
from jaxnn.cli.settings import Settings
from jaxnn.data import Table, load

QUICK = {"hidden": (4,), "epochs": 3}


@pytest.fixture(scope="module")
def cancer():
    return train_table(load("breast_cancer"), Settings(**QUICK))


@pytest.fixture(scope="module")
def diabetes():
    return train_table(load("diabetes"), Settings(**QUICK))


def answers(outcome):
    """Probabilities of the test rows, and their classes."""
    outputs = outcome.run.logits(outcome.plan.test.x).astype(np.float64)
    shares = np.exp(outputs)
    return shares / shares.sum(axis=1, keepdims=True), outcome.plan.test.y


def test_classes_agree_with_scikit_learn(cancer):
    found = evidence(cancer, {}).classes
    chance, truth = answers(cancer)
    called = chance.argmax(axis=1)
    precision, recall, f1, rows = sklearn.metrics.precision_recall_fscore_support(truth, called)
    assert [row.precision for row in found.each] == pytest.approx(precision)
    assert [row.recall for row in found.each] == pytest.approx(recall)
    assert [row.f1 for row in found.each] == pytest.approx(f1)
    assert [row.rows for row in found.each] == rows.tolist()
    assert found.baseline == pytest.approx((truth == np.bincount(cancer.plan.train.y).argmax()).mean())
    assert np.array(found.confusion).tolist() == sklearn.metrics.confusion_matrix(truth, called).tolist()


def test_the_second_of_two_classes_is_swept(cancer):
    (sweep,) = evidence(cancer, {}).classes.sweeps
    chance, truth = answers(cancer)
    assert sweep.name == str(cancer.preprocessing.classes[1])
    assert sweep.area == pytest.approx(sklearn.metrics.roc_auc_score(truth, chance[:, 1]))
    at = sweep.thresholds.index(0.5)
    called = chance[:, 1] > 0.5
    assert sweep.precision[at] == pytest.approx(sklearn.metrics.precision_score(truth, called), abs=1e-6)
    assert sweep.recall[at] == pytest.approx(sklearn.metrics.recall_score(truth, called), abs=1e-6)


def test_calibration_counts_every_row_once(cancer):
    found = evidence(cancer, {}).classes.calibration
    chance, truth = answers(cancer)
    assert sum(found.right) == (chance.argmax(axis=1) == truth).sum()
    assert sum(found.right) + sum(found.wrong) == len(truth)


def test_the_worst_rows_have_the_least_probability_for_their_class(cancer):
    found = evidence(cancer, {}).worst
    chance, truth = answers(cancer)
    of_truth = np.sort(chance[np.arange(len(truth)), truth])
    assert [example.chance_of_truth for example in found] == pytest.approx(of_truth[:12], rel=1e-5)
    row = int(found[0].place.removeprefix("row ").replace(",", "")) - 1
    assert found[0].truth == str(load("breast_cancer").target[row])
    assert dict(found[0].cells) == dict(list(load("breast_cancer").record(row).items())[:8])
    assert found[0].more == 22


def test_values_agree_with_scikit_learn(diabetes):
    found = evidence(diabetes, {})
    plan, values = diabetes.plan, found.values
    truth = plan.table.target[plan.test.rows]
    outputs = diabetes.run.logits(plan.test.x)[:, 0]
    predicted = outputs * plan.preprocessing.target_scale + plan.preprocessing.target_mean
    assert values.rmse == pytest.approx(sklearn.metrics.root_mean_squared_error(truth, predicted), rel=1e-4)
    assert values.r2 == pytest.approx(sklearn.metrics.r2_score(truth, predicted), rel=1e-4)
    mean = np.full(len(truth), plan.table.target[plan.train.rows].mean())
    assert values.baseline == pytest.approx(sklearn.metrics.root_mean_squared_error(truth, mean), rel=1e-5)
    assert (values.truth, sum(values.counts)) == (tuple(truth.tolist()), len(truth))
    assert values.low < values.rmse < values.high
    assert abs(found.worst[0].error) == pytest.approx(np.abs(predicted - truth).max(), rel=1e-4)


def test_the_interval_of_an_error_holds_the_true_one():
    """Of 200 samples of standard normal errors about 190 have the true error, 1, within their interval."""
    from jaxnn.cli.evidence import _error_interval

    noise = np.random.default_rng(0)
    ends = [_error_interval(noise.normal(size=100)) for _ in range(200)]
    assert 175 <= sum(low <= 1 <= high for low, high in ends) <= 199
    assert _error_interval(np.zeros(9)) == (None, None)


def test_where_there_is_no_test_part_the_validation_is_scored():
    outcome = train_table(load("iris"), Settings(test=0.0, **QUICK))
    found = evidence(outcome, {})
    assert (found.scored, found.classes.rows, found.data.test) == ("validation", 15, 0)
    outcome = train_table(load("iris"), Settings(test=0.0, validation=0.0, **QUICK))
    found = evidence(outcome, {})
    assert (found.scored, found.classes, found.worst) == ("", None, ())
    assert found.training.patience is None and found.training.kept == 3


def test_a_large_run_gives_a_small_document():
    noise = np.random.default_rng(0)
    x = noise.normal(size=(6000, 3))
    table = Table(("a", "b", "c"), x, x[:, 0], "y")
    found = evidence(train_table(table, Settings(hidden=(), epochs=1000, batch_size=4096, patience=1000)), {})
    assert len(found.training.epochs) <= EPOCHS + 1
    assert found.training.kept in found.training.epochs
    assert (found.training.epochs[0], found.training.epochs[-1]) == (1, found.training.done)
    assert len(found.values.truth) == DOTS
    assert len(found.values.counts) <= BINS
    assert sum(found.values.counts) == found.values.rows == 1200


def test_settings_that_were_changed_are_marked(cancer):
    found = {setting.name: setting for setting in evidence(cancer, {}).settings}
    assert {name for name, setting in found.items() if setting.changed} == {"hidden", "epochs"}
    assert (found["hidden"].value, found["hidden"].default) == ("4", "128")
    assert (found["task"].value, found["learning-rate"].value) == ("classification", "0.001")
    faster = train_table(load("iris"), Settings(learning_rate=0.01, **QUICK))
    assert {s.name for s in evidence(faster, {}).settings if s.changed} == {"hidden", "epochs", "learning-rate"}


def test_templates_of_a_linear_model_are_its_kernel():
    outcome = train_table(load("digits"), Settings(hidden=(), epochs=3))
    found = evidence(outcome, {}).pictures
    assert (found.shape, found.templates, found.units) == ((8, 8), True, 10)
    assert [one.name for one in found.weights] == [str(i) for i in range(10)]
    kernel = np.asarray(outcome.run.params["dense_0"]["kernel"]) * outcome.plan.train.x.std(axis=0)[:, None]
    shown = np.frombuffer(base64.b64decode(found.weights[3].image), np.int8)
    assert np.abs(shown).max() <= 127
    np.testing.assert_allclose(shown / 127 * np.abs(kernel).max(), kernel[:, 3], atol=np.abs(kernel).max() / 250)
    zeros = load("digits").features[load("digits").target == 0]
    mean = np.frombuffer(base64.b64decode(found.means[0].image), np.uint8)
    assert np.corrcoef(mean, zeros.mean(axis=0))[0, 1] > 0.99


def test_large_images_are_thinned():
    table = Table(tuple(f"p{i}" for i in range(200 * 100)), np.arange(20000.0)[None], image_shape=(200, 100))
    images = Images.of(table)
    assert images.shape == (50, 25)  # every fourth pixel
    pixels = np.frombuffer(base64.b64decode(images.row(0)), np.uint8).reshape(images.shape)
    assert pixels[1, 1] == round((4 * 100 + 4) / 19999 * 255)
    assert Images.of(Table(("a",), np.zeros((1, 1)))) is None


def test_names_are_cut_and_can_be_encoded():
    assert name_of("x" * 10_000).encode() == ("x" * 199 + "…").encode()
    assert name_of("a\udcff") == "a?"


def test_the_loss_of_values_is_drawn_once():
    found = evidence(train_table(load("diabetes"), Settings(hidden=(4,), epochs=2)), {})
    assert [curve.name for curve in found.training.curves] == ["loss"]
