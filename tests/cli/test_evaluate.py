import json

import pytest

HEADER = "sepal length (cm),sepal width (cm),petal length (cm),petal width (cm),species\n"


def test_the_scores_are_those_of_predict(shell, place, iris_run):
    document = json.loads(shell("evaluate", iris_run, "iris", "--json").out)
    predicted = shell("predict", iris_run, "iris").out.splitlines()[1:]
    truth = ["setosa"] * 50 + ["versicolor"] * 50 + ["virginica"] * 50
    correct = sum(line.split(",")[0] == name for line, name in zip(predicted, truth, strict=True))
    assert (document["correct"], document["rows"], document["accuracy"]) == (correct, 150, correct / 150)


def test_text_for_people(shell, iris_run):
    done = shell("evaluate", iris_run, "iris")
    assert done.out.startswith("score  accuracy 0.")
    assert [line.split()[0] for line in done.out.splitlines()[3:]] == ["setosa", "versicolor", "virginica"]
    assert done.err == "jaxnn: the network was trained on a part of these rows; on new ones it may do worse\n"


def test_values(shell, diabetes_run):
    document = json.loads(shell("evaluate", diabetes_run, "diabetes", "--json").out)
    assert document["task"] == "regression"
    assert document["rmse_of_mean"] == pytest.approx(77, abs=1)
    assert shell("evaluate", diabetes_run, "diabetes").out.startswith("score  R2 ")


def test_new_rows_and_another_name_for_the_target(shell, place, iris_run):
    rows = "5.1,3.5,1.4,0.2,setosa\n5.9,3.0,5.1,1.8,virginica\n"
    (place / "new.csv").write_text(HEADER + rows)
    done = shell("evaluate", iris_run, "new.csv")
    assert (done.code, done.err) == (0, "")
    (place / "other.csv").write_text(HEADER.replace("species", "truth") + rows)
    refused = shell("evaluate", iris_run, "other.csv")
    assert refused.code == 2
    assert refused.err.startswith("jaxnn: other.csv:1: got no column 'species'; needed that column, the target")
    assert "give it with --target" in refused.err
    assert shell("evaluate", iris_run, "other.csv", "--target", "truth").out == done.out
