import csv
import io
import json

import jax
import numpy as np
import pytest

from columns import numeric
from jaxnn import losses, modelfile
from jaxnn.cli.predict import answers, as_csv
from jaxnn.data import Preprocessing, load
from jaxnn.layers import Chain, Dense
from jaxnn.model import Model

HEADER = "note,petal width (cm),sepal length (cm),sepal width (cm),petal length (cm)\n"


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_classes_come_with_the_probability_of_each(shell, iris_run):
    done = shell("predict", iris_run, "iris")
    rows = rows_of(done.out)
    assert (done.code, done.err, len(rows)) == (0, "", 150)
    names = ["setosa", "versicolor", "virginica"]
    assert list(rows[0]) == ["prediction", *(f"probability_{name}" for name in names)]
    model = modelfile.load(iris_run / "model.safetensors")
    features = load("iris").features
    assert [row["prediction"] for row in rows] == model.predict(features).tolist()
    shares = np.array([[float(row[f"probability_{name}"]) for name in names] for row in rows])
    assert np.array_equal(shares.astype(np.float32), model.probabilities(features).astype(np.float32))
    assert shares.sum(axis=1) == pytest.approx(1, abs=1e-6)
    # the digits of a float32: 16 of them would be noise
    assert all(row[name] == str(float(str(np.float32(row[name])))) for row in rows for name in list(row)[1:])


def test_values_come_in_the_targets_unit(shell, diabetes_run):
    rows = rows_of(shell("predict", diabetes_run, "diabetes").out)
    assert list(rows[0]) == ["prediction"]
    values = np.array([float(row["prediction"]) for row in rows])
    model = modelfile.load(diabetes_run / "model.safetensors")
    assert np.array_equal(values, model.predict(load("diabetes").features))
    assert 100 < values.mean() < 200


def test_columns_are_found_by_name_and_others_ignored(shell, place, iris_run):
    (place / "new.csv").write_text(HEADER + "first,0.2,5.1,3.5,1.4\n")  # the first row of iris
    done = shell("predict", iris_run, "new.csv")
    assert done.out.splitlines()[1] == shell("predict", iris_run, "iris").out.splitlines()[1]
    assert done.err == "jaxnn: ignored 1 column that the model does not use: 'note'\n"


def test_a_file_is_written_and_said(shell, place, iris_run):
    wanted = shell("predict", iris_run, "iris").out
    done = shell("predict", iris_run / "model.safetensors", "iris", "--out", "p.csv")
    assert (done.out, done.err) == ("", "jaxnn: wrote 150 predictions to p.csv\n")
    assert (place / "p.csv").read_text() == wanted
    assert [path.name for path in place.iterdir()] == ["p.csv"]


def test_json_is_one_object(shell, place, iris_run):
    document = json.loads(shell("predict", iris_run, "iris", "--json").out)
    assert (document["rows"], document["ignored"], len(document["prediction"])) == (150, [], 150)
    assert len(document["probability_setosa"]) == 150
    written = shell("predict", iris_run, "iris", "--json", "--out", "p.csv")
    assert json.loads(written.out) == {"rows": 150, "ignored": [], "out": "p.csv"}
    assert written.err == ""


def test_text_that_csv_must_quote():
    columns = {"prediction": ['a "b"', "c,d", "e\nf"], "probability_x": [1e-300, 0.1, 1.0]}
    rows = rows_of(as_csv(columns))
    assert [row["prediction"] for row in rows] == columns["prediction"]
    assert [float(row["probability_x"]) for row in rows] == columns["probability_x"]


def test_truth_values_are_spelt_as_everywhere_else():
    assert as_csv({"prediction": [True, False]}) == "prediction\nTrue\nFalse\n"
    net, weights = Chain(Dense(2)), {"kernel": np.zeros((1, 2), np.float32), "bias": np.array([0, 1], np.float32)}
    learnt = Preprocessing((numeric("x"),), classes=(False, True))
    example = jax.ShapeDtypeStruct((1,), np.dtype("float32"))
    model = Model(net, {"dense_0": weights}, {}, example, losses.softmax_cross_entropy, learnt, "classification")
    found = answers(model, learnt, model.logits(np.zeros((1, 1), np.float32)))
    assert list(found) == ["prediction", "probability_False", "probability_True"]
    assert found["prediction"] == [True]


def test_a_number_far_from_those_of_the_training_is_named_by_its_cell(shell, place, iris_run):
    (place / "new.csv").write_text(HEADER + "first,0.2,5.1,3.5,1.4\nsecond,1e300,5.1,3.5,1.4\n")
    done = shell("predict", iris_run, "new.csv")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jaxnn: new.csv:3:petal width (cm): got 1e+300; needed a number nearer")
