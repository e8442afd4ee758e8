import contextlib
import dataclasses
import io
import json
import math
import os
import tomllib

import numpy as np
import pytest

import jaxnn as nn
from cli.conftest import _cache_in
from cli.test_bad_input import refused
from cli.test_train import FILES, interrupting
from cli.texts import QUICK_TEXT, TEXT
from jaxnn.cli import text, train
from jaxnn.cli.main import main
from jaxnn.cli.settings import NAMES, Settings
from jaxnn.cli.textscores import foretold, frequency_loss
from jaxnn.data import Characters, next_tokens
from jaxnn.data.textfile import Text
from jaxnn.report import from_json, page
from jaxnn.report.writing import Letter, Mistake, Sample


@pytest.fixture
def book(place):
    (place / "book.txt").write_text(TEXT)
    return "book.txt"


@pytest.fixture(scope="module")
def run(tmp_path_factory, cache_folder):
    """A run folder, which no test changes; what was printed lies beside it."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "book.txt").write_text(TEXT)
    said = io.StringIO()
    with _cache_in(cache_folder), contextlib.redirect_stdout(said):
        assert main(["train", str(folder / "book.txt"), *QUICK_TEXT, "--out", str(folder / "run")]) == 0
    (folder / "said").write_text(said.getvalue())
    return folder / "run"


def test_a_text_is_told_from_data_to_score(run):
    lines = (run.parent / "said").read_text().splitlines()
    assert lines[0] == f"data     {run.parent}/book.txt: 1,506 characters, 14 distinct"
    assert lines[1] == "split    1,054 to train on, 151 to validate, 301 to test, in windows of 16"
    assert lines[2].startswith("network  1 lstm layer of width 8: ")
    assert lines[3].startswith("stopped  all 2 epochs done (")
    assert lines[4].startswith("best     epoch 2: validation loss ")
    assert lines[5].startswith("test     loss ")
    assert lines[5].endswith("(on 300 characters)")
    assert lines[6].strip().startswith("the next character is guessed right ")
    assert lines[7] == ""
    assert lines[8].startswith("    " + TEXT[:8])
    assert lines[-3:-1] == [f"saved  {run}", f"look   {run}/report.html"]
    assert lines[-1] == f"next   jaxnn generate {run} 'ate mat a' --length 400"
    assert sorted(os.listdir(run)) == FILES
    words = lines[5].replace(",", "").split()
    loss, bits, perplexity = (
        float(words[words.index(name) + at]) for name, at in (("loss", 1), ("bits", -1), ("perplexity", 1))
    )
    assert bits == pytest.approx(loss / math.log(2), abs=0.002)
    assert perplexity == pytest.approx(math.exp(loss), rel=0.002)


def test_a_run_file_trains_the_same_network_again(shell, place, run):
    recipe = tomllib.loads((run / "run.toml").read_text())
    made_with = recipe.pop("made_with")
    assert "jax" in made_with
    assert set(recipe) - {"data_sha256"} <= set(NAMES) - {"hidden", "target", "scaling", "class_weight", "types"}
    assert (recipe["task"], recipe["model"], recipe["cell"], recipe["epochs"]) == ("text", "rnn", "lstm", 2)
    done = shell("train", "--config", run / "run.toml", "--out", "again", "--quiet", "--json")
    assert (done.code, done.err) == (0, "")
    for name in ("model.safetensors", "history.csv", "metrics.json"):
        assert (place / "again" / name).read_bytes() == (run / name).read_bytes(), name
    document = json.loads(done.out)
    assert document.pop("out") == "again"
    assert document == json.loads((run / "metrics.json").read_text())
    assert document["tokens"] == {"train": 1054, "validation": 151, "test": 301}
    assert (document["task"], document["unit"], document["vocabulary"]) == ("text", "character", 14)
    assert [sample["temperature"] for sample in document["samples"]] == [0.6, 1.0]
    assert {len(sample["text"]) for sample in document["samples"]} == {400}
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    assert history.dtype.names == ("epoch", "loss", "val_loss", "val_accuracy")
    # the validation part has 150 targets: 9 windows of 16, and 6 more that the history does not see
    assert history["val_loss"][-1] == pytest.approx(document["validation"]["loss"], rel=0.05)


@pytest.mark.parametrize(
    "flags",
    [
        ["--model", "transformer", "--depth", "1", "--heads", "2"], ["--model", "rnn", "--cell", "gru"],
        ["--task", "text", "--tokens", "bytes", "--model", "rnn", "--cell", "rnn", "--dropout", "0.1", "--test", "0",
         "--validation", "0"],
    ],
)  # fmt: skip
def test_every_kind_of_network_learns_writes_and_is_opened(shell, place, book, flags):
    done = shell("train", book, *flags, "--width", "8", "--context", "16", "--epochs", "1", "--out", "a")
    assert done.code == 0, done.err
    whole = "--test" in flags
    assert ("split    1,506 to train on, in windows of 16" in done.out) == whole
    assert (json.loads((place / "a/metrics.json").read_text())["test"] is None) == whole
    assert ("Nothing was set aside" in (place / "a/report.html").read_text()) == whole
    model = nn.load("a/model.safetensors")
    assert model.task == "text"
    written = shell("generate", "a", "the cat", "--length", "20")
    assert written.code == 0, written.err
    assert written.out.startswith("the cat")
    assert "bytes" in flags or len(written.out) == 7 + 20 + 1


def test_the_scores_are_those_of_the_definition(run):
    """Every window by itself, the shares by the formula of the softmax, in float64."""
    model, document = nn.load(run / "model.safetensors"), json.loads((run / "metrics.json").read_text())
    tokens = Characters.of(TEXT).tokens(TEXT)[-301:]
    losses, right = [], 0
    for start in (*range(0, 300 - 15, 16), 300 - 16):
        z = model.logits(tokens[None, start : start + 16])[0].astype(np.float64)
        shares = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
        for i in range(16):
            if start + i >= len(losses):  # the last window counts for what is new alone
                losses.append(-math.log(shares[i, tokens[start + i + 1]]))
                right += int(shares[i].argmax() == tokens[start + i + 1])
    assert len(losses) == 300
    assert document["test"]["loss"] == pytest.approx(np.mean(losses), rel=1e-5)
    assert (document["test"]["tokens"], document["test"]["correct"]) == (300, right)
    # the history has the means over the whole windows of the validation part
    x, y = next_tokens(Characters.of(TEXT).tokens(TEXT)[1054:1205], 16)
    assert x.shape == (9, 16)
    history = np.genfromtxt(run / "history.csv", delimiter=",", names=True)
    assert history["val_accuracy"][-1] == pytest.approx((model.logits(x).argmax(axis=-1) == y).mean(), abs=1e-6)
    cross_entropy = nn.losses.softmax_cross_entropy(model.logits(x), y)
    assert history["val_loss"][-1] == pytest.approx(float(cross_entropy.mean()), rel=1e-5)


def test_a_network_that_knows_the_answer_has_no_loss():
    tokens = np.arange(11) % 5

    def knows(x):
        return np.where(np.arange(5) == (x[..., None] + 1) % 5, 50.0, 0.0)

    found = foretold(knows, tokens, 4)
    assert found.losses.max() < 1e-9
    assert found.scores("character").accuracy == 1
    assert found.mistakes(3) == []
    wrong = foretold(lambda x: np.where(np.arange(5) == x[..., None], 50.0, 0.0), tokens, 4)
    assert wrong.mistakes(2) == [(1, 0, 2), (2, 1, 2)]
    assert wrong.scores("character").bits == pytest.approx(50 / math.log(2))
    assert len(next_tokens(tokens, 4)[0]) == 2


def test_guessing_by_frequency():
    assert frequency_loss(np.array([0, 0, 0, 1]), np.array([0, 1]), 2) == pytest.approx(
        -(math.log(4 / 6) + math.log(2 / 6)) / 2
    )


def test_the_report_shows_what_was_learnt(run):
    document = from_json((run / "report.json").read_bytes())
    assert (document.task, document.scored, document.version) == ("text", "test", 2)
    found, metrics = document.writing, json.loads((run / "metrics.json").read_text())
    assert found is not None
    assert found.tokens == metrics["test"]["tokens"]
    assert found.bits == pytest.approx(metrics["test"]["bits"], rel=1e-4)
    assert [curve.name for curve in document.training.curves] == ["bits per character", "accuracy"]
    validation = document.training.curves[0].validation
    assert validation is not None
    assert validation[-1] == pytest.approx(
        np.genfromtxt(run / "history.csv", delimiter=",", names=True)["val_loss"][-1] / math.log(2), rel=1e-4
    )
    held = TEXT[-300:]
    assert "".join(letter.name for letter in found.passage) == held
    assert sum(letter.bits or 0 for letter in found.passage) / 300 == pytest.approx(found.bits, rel=1e-3)
    for letter in found.letters:
        assert letter.times == held.count(letter.name)
    assert sum(mistake.times for mistake in found.mistakes) <= 300 - metrics["test"]["correct"]
    assert {setting.name for setting in document.settings if setting.changed} == {"width", "context", "epochs"}
    html = page(document)
    assert html.encode() == (run / "report.html").read_bytes()
    for word in ("bits per character", "What it writes", "What surprises it", "jaxnn generate ."):
        assert word in html
    assert "What became of the columns" not in html


def test_a_hostile_text_is_text_alone(run):
    document = from_json((run / "report.json").read_bytes())
    assert document.writing is not None
    bad = "</pre><script>alert(1)</script> {{ 7 * 7 }} \u202e"
    writing = dataclasses.replace(
        document.writing, samples=(Sample(1.0, bad, bad),), passage=tuple(Letter(one, 1, 1.0) for one in bad),
        letters=(Letter(bad, 1, None),), mistakes=(Mistake(bad, bad, 1),),
    )  # fmt: skip
    html = page(dataclasses.replace(document, writing=writing, notes=(bad,)))
    assert html.count("<script>") == 1
    assert html.count("&lt;script&gt;alert(1)") == 6
    assert "49 \u202e" not in html


def test_show_and_evaluate_and_predict(shell, place, run, book):
    shown = shell("show", run).out
    assert "task        text, character by character\n" in shown
    assert "tokens      14: '\\n .acdehmnorst'\n" in shown
    assert "bits " in shown
    document = json.loads(shell("show", run, "--json").out)
    assert document["tokens"] == {"unit": "character", "size": 14, "vocabulary": "".join(sorted(set(TEXT)))}
    assert document["columns"] is None
    (place / "other.txt").write_text(TEXT[-301:])
    done = shell("evaluate", run, "other.txt", "--json")
    metrics = json.loads((run / "metrics.json").read_text())
    assert json.loads(done.out) == {"data": "other.txt", "task": "text", **metrics["test"]}
    assert shell("evaluate", run, "other.txt").out.startswith(f"score  loss {metrics['test']['loss']:.3f} per char")
    assert "trained on a part of this text" in shell("evaluate", run, book).err
    said = refused(shell, place, "predict", run, "other.txt")
    assert "got a model that writes text" in said
    assert "jaxnn generate RUN" in said


@pytest.mark.usefixtures("listening")
def test_ctrl_c_saves_the_best_weights(shell, place, book, monkeypatch):
    monkeypatch.setattr(train, "training_bar", interrupting(1))
    done = shell("train", book, *QUICK_TEXT[:-2], "--epochs", "1000000", "--patience", "1000000")
    assert done.code == 130
    metrics = json.loads((place / "runs/book/metrics.json").read_text())
    assert metrics["interrupted"]
    assert metrics["best_epoch"] >= 1
    assert done.err == f"jaxnn: {metrics['stopped_because']}; saved in runs/book\n"
    assert shell("generate", "runs/book", "the", "--length", "5").code == 0


def test_a_run_that_diverges_saves_nothing(shell, place, book):
    done = shell("train", book, *QUICK_TEXT, "--optimizer", "sgd", "--learning-rate", "1e30", "--l2", "1", "--quiet")
    assert done.code == 3, done
    assert done.err.endswith("nothing was saved, because no epoch was completed\n")
    assert not (place / "runs").exists()


def test_every_setting_is_of_tables_or_of_texts_or_of_both():
    both = {
        "data", "task", "test", "validation", "model", "dropout", "epochs", "batch_size", "optimizer", "learning_rate",
        "l1", "l2", "patience", "seed",
    }  # fmt: skip
    assert sorted(NAMES) == sorted([*text.OF_TABLES, *text.OF_TEXTS, *both])


def test_what_is_a_text():
    for settings in (Settings(data="pydoc"), Settings(task="text"), Settings(model="rnn")):
        assert text.asked(settings)
    assert not text.asked(Settings(data="iris"))
    assert not text.asked(Settings(data="book.txt", model="mlp"))


def test_the_defaults_are_those_of_the_model():
    settings = text.usual(Settings(model="rnn"), ())
    for name, value in text.USUAL["rnn"].items():
        assert getattr(settings, name) == value
    assert text.usual(Settings(data="pydoc"), ()).model == "rnn"
    settings = text.usual(Settings(model="rnn", epochs=200), ("epochs",))
    assert (settings.epochs, settings.batch_size) == (200, text.USUAL["rnn"]["batch_size"])
    assert text.usual(Settings(model="rnn", optimizer="sgd"), ()).learning_rate == 0.01


def test_many_different_characters_are_read_as_bytes():
    many = "".join(map(chr, range(0x4E00, 0x4E00 + 1001)))
    plan = text.make_plan(Text(many), Settings(model="rnn", width=4, context=8))
    assert (plan.tokeniser.unit, plan.settings.tokens) == ("byte", "bytes")
    assert plan.notes == ("1,001 distinct characters: read as bytes; --tokens characters reads them one by one",)
    assert len(plan.train) + len(plan.validation) + len(plan.test) == 3003
    plan = text.make_plan(Text(many[:-1]), Settings(model="rnn", width=4, context=8))
    assert (plan.tokeniser.size, plan.notes) == (1000, ())


# the file, the flags, what the message must say
BAD_TEXTS = [
    (b"short text", [], "book.txt: got 7 characters for the training part; needed at least 17, a window"),
    (TEXT[:160].encode(), [], "got 16 characters for the validation part; "),
    (b"a" * 1000, [], "book.txt: got a text of one distinct character; needed at least two"),
    (b"abc\nde\xff" * 99, [], "book.txt:2:3: got byte 0xff at offset 6, which is not UTF-8"),
    (b"", [], "book.txt: got an empty file"),
    (TEXT.encode(), ["--target", "x"], "--target: got x with a text; needed a table or images. Leave it out."),
    (TEXT.encode(), ["--hidden", "128"], "--hidden: got 128 with a text"),
    (TEXT.encode(), ["--class-weight", "balanced"], "--class-weight: got balanced with a text"),
    (TEXT.encode(), ["--heads", "2"], "--heads: got 2 with --model rnn; needed --model transformer"),
    (TEXT.encode(), ["--model", "transformer", "--cell", "gru"], "--cell: got gru with --model transformer"),
    (TEXT.encode(), ["--model", "transformer", "--heads", "3"], "--width: got 8 with 3 heads; needed a multiple"),
    (TEXT.encode(), ["--task", "text", "--model", "cnn"], "--model: got cnn with a text; needed rnn or transformer"),
    (TEXT.encode(), ["--task", "regression"], "--task: got regression with a text; needed text"),
    (TEXT.encode(), ["--fold"], "--fold: got with a text"),
    (TEXT.encode(), ["--context", "1"], "--context: got 1; needed a whole number from 2 to 65536"),
    (TEXT.encode(), ["--tokens", "words"], "--tokens: got 'words'; needed one of characters, bytes"),
    (TEXT.encode(), ["--cell", "ltsm"], "--cell: got 'ltsm'; needed one of lstm, gru, rnn. Did you mean lstm?"),
]


@pytest.mark.parametrize(("data", "flags", "said"), BAD_TEXTS)
def test_bad_texts_and_settings_are_refused_in_one_line(data, flags, said, shell, place):
    (place / "book.txt").write_bytes(data)
    line = refused(shell, place, "train", "book.txt", *QUICK_TEXT, *flags)
    assert said in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "digits", "--model", "rnn"], "data: got digits, which is a built-in table; needed a text"),
        (["train", "iris", "--context", "64"], "--context: got 64 with a table or images; needed a text"),
        (["train", "pydocs", "--task", "text"], "Did you mean pydoc?"),
        (["train", "book.txt"], "If this is a text to learn, give --task text."),
        (["train", "none.txt", "--task", "text"], "none.txt: got no such file; needed a text file"),
        (["train", "pydoc", "--task", "classification"], "--task: got classification with a text"),
        (["evaluate", "iris.csv", "book.txt"], "iris.csv: got no such file"),
    ],
)
def test_what_does_not_go_together_is_refused(arguments, said, shell, place, book):
    assert said in refused(shell, place, *arguments)


@pytest.mark.parametrize(
    ("data", "flags", "said"),
    [
        ("the cat\nsat on Ω mat" * 9, [], "a.txt:2:8: got the unknown character 'Ω'; needed one of the 14"),
        ("the cat", [], "a.txt: got 7 characters; needed at least 17. Give a longer text."),
        (TEXT, ["--target", "x"], "--target: got 'x' with a model that writes text"),
    ],
)
def test_bad_texts_to_evaluate_are_refused(data, flags, said, shell, place, run):
    (place / "a.txt").write_text(data)
    assert said in refused(shell, place, "evaluate", run, "a.txt", *flags)


def test_a_table_has_no_settings_of_a_text(iris_run):
    recipe = tomllib.loads((iris_run / "run.toml").read_text())
    assert not set(recipe) & set(text.OF_TEXTS)
