"""`--embed`: a vector for each category, from the command line to the predictions of a loaded model."""

import json

import numpy as np
import pytest

import jaxnn as nn
from cli.commands import QUICK
from jaxnn.checks import JaxnnError
from jaxnn.cli import pipeline
from jaxnn.cli.pipeline import train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import load

FACTS = dict(zip((f"w{i}" for i in range(60)), np.random.default_rng(1).normal(size=60), strict=True))
"""What each word is worth."""


@pytest.fixture
def table(place):
    """300 rows: a number, a word of 60 that says nearly all, and a colour of three."""
    random = np.random.default_rng(0)
    names = [f"w{i}" for i in random.integers(0, 60, 300)]
    lines = [
        f"{x:.3f},{'' if row % 50 == 7 else name},{('red', 'green', 'blue')[row % 3]},{FACTS[name] + 0.1 * x:.4f}"
        for row, (x, name) in enumerate(zip(random.normal(size=300), names, strict=True))
    ]
    (place / "words.csv").write_text("\n".join(["x,word,colour,y", *lines]) + "\n")
    return "words.csv"


def layers_of(shell, run="run"):
    shown = json.loads(shell("show", run, "--json").out)
    became = {column["name"]: column["became"] for column in shown["columns"]}
    return [layer["layer"] for layer in shown["layers"]], became


def test_by_default_a_column_with_many_categories_is_embedded(shell, table):
    done = shell("train", table, "--target", "y", *QUICK, "--out", "run")
    assert done.code == 0, done
    layers, became = layers_of(shell)
    count = int(became["word"].split()[-2])
    assert became == {"x": "1 input", "word": f"embedding of width 6 from {count} categories", "colour": "3 inputs"}
    assert layers[0] == f"ColumnEmbedding(((1, {count + 2}, 6),))"
    assert f"embedding of width 6 from {count} categories" in shell("show", "run").out
    assert f"embedding of width 6 from {count} categories" in (shell("report", "run").out and read("run/report.html"))
    predicted = json.loads(shell("predict", "run", table, "--json").out)
    assert np.isfinite(predicted["prediction"]).all() and len(predicted["prediction"]) == 300
    assert shell("evaluate", "run", table).code == 0


def read(path):
    with open(path) as file:
        return file.read()


def test_embed_off_and_a_width(shell, table):
    assert shell("train", table, "--target", "y", *QUICK, "--embed", "off", "--out", "off").code == 0
    assert layers_of(shell, "off")[1]["word"].endswith(" inputs")
    assert shell("train", table, "--target", "y", *QUICK, "--embed", "2", "--out", "two").code == 0
    layers, became = layers_of(shell, "two")
    assert became["colour"] == "embedding of width 2 from 3 categories"
    assert layers[0].endswith(", (2, 4, 2)))")
    again = shell("train", "--config", "two/run.toml", "--out", "again")  # a number in the file, not a text
    assert again.code == 0 and layers_of(shell, "again") == (layers, became)


def test_what_is_learnt_of_words_is_used(table):
    """The word says nearly all: a network that sees codes alone could not tell."""
    settings = Settings(hidden=(16,), epochs=60, learning_rate=0.01, embed=4)
    assert train_table(load(table, "y"), settings).test.r2 > 0.8


@pytest.mark.parametrize(("l2", "strengths"), [(0.02, [0.02, 0.06]), (0.0, [])])
def test_vectors_are_held_back_three_times_as_much_as_kernels(table, monkeypatch, l2, strengths):
    class AskedError(Exception):
        pass

    def fit(*arguments, penalties, **options):
        raise AskedError(penalties)

    monkeypatch.setattr(pipeline, "fit", fit)
    with pytest.raises(AskedError) as seen:
        train_table(load(table, "y"), Settings(embed=4, l2=l2))
    (found,) = seen.value.args
    assert [penalty.strength for penalty in found] == pytest.approx(strengths)
    assert [penalty.leaves for penalty in found] == [("kernel",), ("embedding_0", "embedding_1")][: len(found)]


def test_unknown_and_missing_words_are_answered_by_their_own_vectors(shell, table, place):
    assert shell("train", table, "--target", "y", *QUICK, "--out", "run").code == 0
    (place / "new.csv").write_text("x,word,colour\n0,never,red\n0,other,red\n0,,red\n0,w1,red\n")
    first, second, missing, known = json.loads(shell("predict", "run", "new.csv", "--json").out)["prediction"]
    assert first == second
    assert len({first, missing, known}) == 3


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (("--embed", "0"), "--embed: got 0; needed auto, off, or a width from 1 to 1024"),
        (("--embed", "big"), "--embed: got 'big'; needed auto, off, or a width from 1 to 1024"),
        (("--drop", "word,colour", "--embed", "4"), "--embed: got 4 for a table without categories"),
    ],
)
def test_refusals(shell, table, flags, words):
    done = shell("train", table, "--target", "y", *QUICK, *flags, "--out", "run")
    assert done.code == 2 and words in done.err, done


def test_a_model_file_whose_columns_have_more_codes_than_its_network_has_rows_gives_no_answer(table, place):
    outcome = train_table(load(table, "y"), Settings(hidden=(4,), epochs=1))
    model = nn.Model.of(outcome.run, outcome.preprocessing)
    smaller = nn.ColumnEmbedding(((1, 3, 6),))
    tables = {"embedding_0": np.asarray(model.params["column_embedding_0"]["embedding_0"])[:3]}
    params = model.params | {"column_embedding_0": tables}
    net = nn.Chain(smaller, *model.net.layers[1:])
    cut = nn.Model(net, params, model.state, model.example, model.loss, model.preprocessing, model.task)
    with pytest.raises(JaxnnError, match="NaN"):
        cut.predict({"x": ["0"], "word": ["never"], "colour": ["red"]})
