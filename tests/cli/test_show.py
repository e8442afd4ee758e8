import json
import shutil

from cli.commands import QUICK


def test_text_for_people(shell, iris_run):
    out = shell("show", iris_run).out
    lines = [line.split() for line in out.splitlines()]
    assert ["dense_0", "Dense(4,", "kernel_init=HeNormal())", "(4,)", "20"] in lines
    assert ["all", "35"] in lines
    for words in (
        "task        classification of species", "classes     3: 'setosa', 'versicolor', 'virginica'",
        "columns     4, 4 inputs", "trained on  iris, seed 0",
        "training    all 3 epochs done; weights of epoch 3", "test        accuracy 0.", "model.safetensors, ",
        "made with   jaxnn ",
    ):  # fmt: skip
        assert words in out
    assert ["column", "kind", "became"] in lines
    columns = [line for line in out.splitlines() if line.startswith(("sepal", "petal"))]
    assert [line.split()[:6] for line in columns][1] == ["sepal", "width", "(cm)", "numeric", "1", "input"]
    assert len(columns) == 4


def test_json(shell, diabetes_run):
    document = json.loads(shell("show", diabetes_run, "--json").out)
    assert (document["task"], document["target"], document["classes"]) == ("regression", "progression", None)
    assert document["parameters"] == sum(layer["parameters"] for layer in document["layers"]) == 49
    assert document["training"]["epochs"] == 3
    assert document["settings"]["data"] == "diabetes"
    assert document["bytes"] == (diabetes_run / "model.safetensors").stat().st_size


def test_a_model_file_by_itself(shell, place, diabetes_run):
    shutil.copy(diabetes_run / "model.safetensors", place / "m.safetensors")
    out = shell("show", "m.safetensors").out
    assert "task     regression of progression" in out
    assert "target   mean 15" in out
    assert "training" not in out.replace("in training", "")
    assert json.loads(shell("show", "m.safetensors", "--json").out)["training"] is None


def test_of_many_columns_that_are_alike_a_few_are_shown(shell, place):
    assert shell("train", "digits", *QUICK, "--out", "run").code == 0
    said = shell("show", "run").out
    assert said.count("pixel_") == 8
    assert "and 56 more columns" in said
