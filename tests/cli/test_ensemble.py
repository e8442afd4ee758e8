import csv
import dataclasses
import io
import json

import jax
import numpy as np
import pytest

import jaxnn
from cli.commands import QUICK
from jaxnn.cli import pipeline, together
from jaxnn.cli.settings import Settings
from jaxnn.data import load


@pytest.fixture
def three(shell, place):
    """An ensemble of three in the folder run."""
    assert shell("train", "iris", *QUICK, "--ensemble", "3", "--quiet", "--out", "run").code == 0
    return jaxnn.load("run/model.safetensors")


def logits(weights, x):
    """4-4-3 with relu, in NumPy."""
    first, last = (jax.tree.map(lambda leaf: np.asarray(leaf).astype(float), weights[f"dense_{i}"]) for i in (0, 1))
    return np.maximum(x @ first["kernel"] + first["bias"], 0) @ last["kernel"] + last["bias"]


def softmax(z):
    grown = np.exp(z - z.max(axis=1, keepdims=True))
    return grown / grown.sum(axis=1, keepdims=True)


def test_the_answers_are_the_mean_of_the_members_probabilities(shell, place, three):
    x = three.preprocessing.transform(load("iris").features)
    members = [three.params["members"][f"member_{i}"]["network"] for i in range(3)]
    each = np.stack([softmax(logits(one, x)) for one in members])
    assert np.ptp(each, axis=0).max() > 0.1  # they are not the same
    rows = list(csv.DictReader(io.StringIO(shell("predict", "run", "iris").out)))
    found = [[float(row[f"probability_{name}"]) for name in three.preprocessing.classes] for row in rows]
    np.testing.assert_allclose(found, each.mean(axis=0), atol=2e-6)
    np.testing.assert_allclose(three.probabilities(load("iris").features), each.mean(axis=0), atol=2e-6)
    assert [row["prediction"] for row in rows] == [three.preprocessing.classes[i] for i in each.mean(axis=0).argmax(1)]
    truth = three.preprocessing.encode_target(load("iris").target)
    lost = -np.log(each.mean(axis=0)[np.arange(150), truth])
    scores = json.loads(shell("evaluate", "run", "iris", "--json").out)
    assert scores["cross_entropy"] == pytest.approx(lost.mean(), rel=1e-5)
    held = pipeline.parts_of(load("iris"), "classification", Settings())[2]
    scores = json.loads((place / "run/metrics.json").read_text())["test"]
    assert scores["cross_entropy"] == pytest.approx(lost[held].mean(), rel=1e-5)


def test_the_first_member_is_what_train_makes_alone(shell, place, three):
    assert shell("train", "iris", *QUICK, "--quiet", "--out", "alone").code == 0
    alone = jaxnn.load("alone/model.safetensors").params
    first, second = (three.params["members"][f"member_{i}"]["network"] for i in (0, 1))
    for layer in ("dense_0", "dense_1"):
        for name in ("kernel", "bias"):
            np.testing.assert_array_equal(first[layer][name], alone[layer][name])
        assert not np.array_equal(second[layer]["kernel"], alone[layer]["kernel"])
    found = json.loads((place / "run/metrics.json").read_text())["ensemble"]
    single = json.loads((place / "alone/metrics.json").read_text())["test"]
    assert (found["members"], found["left_out"], found["epochs"]) == (3, 0, [3, 3, 3])
    assert found["alone"]["accuracy"]["each"][0] == single["accuracy"]
    assert found["alone"]["cross_entropy"]["each"][0] == single["cross_entropy"]


def test_scores_are_of_the_mean_and_beside_them_those_of_a_member(shell, place):
    done = shell("train", "iris", *QUICK, "--ensemble", "3", "--out", "run")
    found = json.loads((place / "run/metrics.json").read_text())
    alone = found["ensemble"]["alone"]
    assert alone["accuracy"]["mean"] == pytest.approx(np.mean(alone["accuracy"]["each"]))
    assert alone["accuracy"]["std"] == pytest.approx(np.std(alone["accuracy"]["each"]))
    # -log is convex: the mean of probabilities loses no more than its members on average
    assert found["test"]["cross_entropy"] < alone["cross_entropy"]["mean"]
    assert "members    3 members, each by itself, after 3 epochs (" in done.out
    assert f"one alone  accuracy {alone['accuracy']['mean']:.4g} +- " in done.out
    assert done.err.splitlines()[0] == "jaxnn: training 3 members"


def test_every_command_takes_it_and_the_recipe_makes_it_again(shell, place, three):
    assert "accuracy" in shell("evaluate", "run", "iris").out
    assert "member_2" in shell("show", "run").out
    html = (place / "run/report.html").read_bytes()
    assert b"3 networks with 35 weights each, which answer together" in html
    assert shell("report", "run").code == 0
    assert (place / "run/report.html").read_bytes() == html
    assert shell("train", "--config", "run/run.toml", "--quiet", "--out", "again").code == 0
    for name in ("model.safetensors", "run.toml", "metrics.json", "report.json"):
        assert (place / "again" / name).read_bytes() == (place / "run" / name).read_bytes()


def test_values_are_the_mean_of_the_members_values(shell, place):
    assert shell("train", "diabetes", *QUICK, "--ensemble", "2", "--quiet", "--out", "run").code == 0
    model = jaxnn.load("run/model.safetensors")
    features = load("diabetes").features
    x = model.preprocessing.transform(features)
    each = [logits(model.params["members"][f"member_{i}"], x)[:, 0] for i in (0, 1)]
    needed = model.preprocessing.decode_values(np.mean(each, axis=0))
    np.testing.assert_allclose(model.predict(features), needed, rtol=1e-5)


def ending(runs, *changes):
    """What `fit_many` returns, as if members had ended otherwise: None for one that had not begun."""
    return [None if how is None else dataclasses.replace(run, **how) for run, how in zip(runs, changes, strict=True)]


DIVERGED = {"diverged": True, "stopped_because": "the loss was not finite at epoch 2"}


@pytest.mark.parametrize(
    ("changes", "code", "kept", "said"),
    [
        (({}, DIVERGED, {}), 0, [0, 2], ""),
        (({}, {"interrupted": True}, None), 130, [0], "1 member, each by itself, after 3 epochs; saved in run"),
        ((DIVERGED,) * 3, 3, None, "none of the 3 members stayed finite: the loss was not finite at epoch 2; nothing"),
        (({"interrupted": True}, None, None), 130, None, "interrupted; nothing was saved"),
    ],
)
def test_members_that_did_not_come_through_are_left_out(shell, place, monkeypatch, changes, code, kept, said):
    whole = together.fit_many
    made = []

    def changed(*given, **more):
        made.extend(whole(*given, **more))
        return ending(made, *changes)

    monkeypatch.setattr(together, "fit_many", changed)
    done = shell("train", "iris", *QUICK, "--ensemble", "3", "--out", "run")
    assert done.code == code
    assert said in done.err
    if kept is None:
        assert not (place / "run").exists()
        return
    model = jaxnn.load("run/model.safetensors")
    members = model.params["members"]
    assert len(members) == len(kept)
    for i, place_ in enumerate(kept):
        kernel = members[f"member_{i}"]["network"]["dense_0"]["kernel"]
        np.testing.assert_array_equal(kernel, made[place_].params["dense_0"]["kernel"])
    assert json.loads((place / "run/metrics.json").read_text())["ensemble"]["left_out"] == 3 - len(kept)
    shares = model.probabilities(load("iris").features)
    np.testing.assert_allclose(shares.sum(axis=1), 1, atol=1e-6)


def test_a_text_takes_no_ensemble(shell, place):
    done = shell("train", "pydoc", "--ensemble", "3")
    assert (done.code, "--ensemble: got 3 with a text; needed a table or images." in done.err) == (2, True)
