import csv
import json
import os
import shutil
import signal
import tomllib

import pytest

from cli.commands import QUICK
from jaxnn.checks import JaxnnError
from jaxnn.cli import pipeline, train
from jaxnn.train import drive

FILES = ["history.csv", "metrics.json", "model.safetensors", "report.html", "report.json", "run.toml"]


def test_a_classification_is_told_from_data_to_score(shell, place):
    done = shell("train", "iris", *QUICK)
    assert done.code == 0
    lines = done.out.splitlines()
    assert lines[0] == "data     iris: 150 rows, 4 columns, 3 classes of species"
    assert lines[1] == "split    105 to train on, 15 to validate, 30 to test"
    assert lines[2] == "network  4-4-3, relu: 35 parameters"  # 4 * 4 + 4 + 4 * 3 + 3
    assert lines[3].startswith("stopped  all 3 epochs done (")
    assert lines[4].startswith("best     epoch 3: validation loss ")
    assert lines[5].startswith("test     accuracy 0.")
    assert "of 30; 95 % interval 0." in lines[5]
    assert lines[7].split() == ["class", "rows", "recall", "precision", "most", "often", "taken", "for"]
    assert [line.split()[0] for line in lines[8:11]] == ["setosa", "versicolor", "virginica"]
    assert lines[-3:-1] == ["saved  runs/iris", "look   runs/iris/report.html"]
    assert lines[-1] == "next   jaxnn predict runs/iris iris --out predictions.csv"
    assert sorted(os.listdir("runs/iris")) == FILES
    said = done.err.splitlines()
    assert said[0] == "jaxnn: training for at most 3 epochs"
    assert said[1].startswith("jaxnn: trained 3 epochs in ")
    assert len(said) == 2


def test_a_regression_is_told_in_the_targets_unit(shell, place):
    lines = shell("train", "diabetes", *QUICK).out.splitlines()
    assert lines[0] == "data     diabetes: 442 rows, 10 columns, values of progression"
    assert lines[2] == "network  10-4-1, relu: 49 parameters"
    assert lines[5].startswith("test     R2 ")
    assert "(root mean square)" in lines[6]
    mean = float(lines[7].split("error ")[1].split()[0])
    assert 60 < mean < 90  # the target's standard deviation is 77
    assert lines[-3] == "saved  runs/diabetes"


def test_a_linear_model_without_test_part(shell, place):
    lines = shell(
        "train", "iris", "--hidden", "0", "--epochs", "1", "--test", "0", "--validation", "0"
    ).out.splitlines()
    assert lines[1:3] == ["split    150 to train on", "network  4-3 (linear): 15 parameters"]
    assert lines[4].startswith("kept     epoch 1: training loss ")
    assert lines[5].startswith("saved")
    assert json.loads((place / "runs/iris/metrics.json").read_text())["test"] is None


def test_json_is_one_object_that_says_what_the_folder_says(shell, place):
    done = shell("train", "iris", *QUICK, "--json", "--quiet", "--out", "a")
    document = json.loads(done.out)
    assert done.err == ""
    assert document.pop("out") == "a"
    assert document == json.loads((place / "a/metrics.json").read_text())
    assert document["rows"] == {"train": 105, "validation": 15, "test": 30}
    assert (document["epochs"], document["best_epoch"], document["task"]) == (3, 3, "classification")
    with open("a/history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3"]
    assert float(rows[2]["val_loss"]) == pytest.approx(document["validation"]["cross_entropy"], rel=1e-5)


def test_quiet_says_nothing(shell, place):
    done = shell("train", "iris", *QUICK, "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_csv_file_is_trained_on_and_flags_win_over_a_file(shell, place):
    rows = [f"{i % 7},{i % 3},{'xyz'[i % 3]}" for i in range(30)]  # shapes as in test_processes.py
    (place / "t.csv").write_bytes(b"\xef\xbb\xbfa,b,kind\r\n" + "\r\n".join(rows).encode())
    (place / "s.toml").write_text('data = "t.csv"\ntarget = "kind"\nhidden = [4]\nepochs = 9\n')
    done = shell("train", "--config", "s.toml", "--epochs", "2")
    assert done.code == 0
    settings = tomllib.loads((place / "runs/t/run.toml").read_text())
    found = (settings["data"], settings["target"], settings["epochs"], settings["hidden"])
    assert found == (str(place / "t.csv"), "kind", 2, [4])


def test_run_toml_names_everything(shell, place):
    shell("train", "iris", *QUICK)
    found = tomllib.loads((place / "runs/iris/run.toml").read_text())
    assert (found["task"], found["learning_rate"], found["seed"]) == ("classification", 0.001, 0)
    assert len(found["data_sha256"]) == 64
    versions = ["jaxnn", "jax", "jaxlib", "numpy", "optax", "python", "platform", "device"]
    assert list(found["made_with"]) == versions


def test_the_same_run_again_has_the_same_bytes(shell, place):
    shell("train", "iris", *QUICK, "--out", "a")
    shell("train", "--config", "a/run.toml", "--out", "b")
    shell("train", "--config", "a/run.toml", "--out", "c", "--seed", "1")
    for name in FILES:
        assert (place / "a" / name).read_bytes() == (place / "b" / name).read_bytes()
    assert (place / "a/model.safetensors").read_bytes() != (place / "c/model.safetensors").read_bytes()


def test_changed_data_is_refused_until_the_line_is_removed(shell, place, monkeypatch):
    for name in ("t.csv", "u.csv"):
        (place / name).write_text("a,kind\n" + "".join(f"{i % 5},{'xy'[i % 2]}\n" for i in range(30)))
    line = f"data_sha256 = '{'0' * 64}'\n"
    (place / "run.toml").write_text("data = 't.csv'\n" + line + "target = 'kind'\n")
    done = shell("train", "--config", "run.toml")
    assert done.code == 2
    assert done.err.startswith("jaxnn: t.csv: got data whose SHA-256 is ")
    assert "remove the line data_sha256" in done.err

    def reached(plan, progress):
        raise JaxnnError(f"training on {plan.table.source}")

    monkeypatch.setattr(pipeline, "train_plan", reached)
    # other data was asked for
    assert "training on u.csv" in shell("train", "u.csv", "--config", "run.toml").err
    (place / "run.toml").write_text((place / "run.toml").read_text().replace(line, ""))
    assert "training on t.csv" in shell("train", "--config", "run.toml").err


def test_other_versions_are_told(shell, place):
    shell("train", "iris", *QUICK, "--out", "a")
    recipe = place / "a/run.toml"
    recipe.write_text(recipe.read_text().replace('optax = "', 'xla_flags = "--x"\noptax = "0.'))
    done = shell("train", "--config", recipe, "--out", "b")
    assert done.code == 0
    assert done.err.startswith("jaxnn: the run was made with optax 0.")
    assert "xla_flags --x (now none): the last bits may differ" in done.err.splitlines()[0]


def test_overwrite_replaces_a_run(shell, place):
    shell("train", "iris", *QUICK)
    first = (place / "runs/iris/model.safetensors").read_bytes()
    assert shell("train", "iris", *QUICK).code == 2
    assert shell("train", "iris", *QUICK, "--seed", "1", "--overwrite").code == 0
    assert (place / "runs/iris/model.safetensors").read_bytes() != first
    assert os.listdir("runs") == ["iris"]


def test_a_folder_with_anything_beside_a_run_is_never_replaced(shell, place, iris_run):
    shutil.copytree(iris_run, place / "mine")
    (place / "mine" / "thesis.txt").write_text("years")
    before = {path: path.read_bytes() for path in (place / "mine").iterdir()}
    done = shell("train", "iris", *QUICK, "--out", "mine", "--overwrite")
    assert done.code == 2
    assert done.err == (
        "jaxnn: --out mine: got 'thesis.txt' beside a run; needed a folder with nothing but an earlier run. "
        "Move it away, or give another --out.\n"
    )
    assert {path: path.read_bytes() for path in (place / "mine").iterdir()} == before
    (place / "mine" / "thesis.txt").unlink()
    (place / "mine" / "model.safetensors").unlink()  # a run all the same: run.toml is there
    assert shell("train", "--config", "mine/run.toml", "--out", "mine", "--overwrite", "--quiet").code == 0


def test_what_is_read_is_not_removed_with_the_folder_it_lies_in(shell, place, iris_run):
    shutil.copytree(iris_run, place / "run")
    rows = "a,kind\n" + "".join(f"{i % 5},{'xy'[i % 2]}\n" for i in range(30))
    (place / "run" / "history.csv").write_text(rows)
    done = shell("train", "run/history.csv", "--target", "kind", *QUICK, "--out", "run", "--overwrite")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("jaxnn: --out run: got DATA run/history.csv, which would be removed with the folder")
    assert (place / "run" / "history.csv").read_text() == rows


def test_a_run_folder_may_be_called_as_a_built_in_set_is(shell, place, iris_run):
    shutil.copytree(iris_run, place / "iris")
    assert shell("train", "iris", *QUICK, "--out", "iris", "--overwrite", "--quiet").code == 0


def test_a_recipe_works_from_any_folder_and_names_its_line(shell, place, monkeypatch):
    (place / "t.csv").write_text("a,kind\n" + "".join(f"{i % 5},{'xy'[i % 2]}\n" for i in range(30)))
    assert shell("train", "t.csv", "--target", "kind", *QUICK, "--out", "run", "--quiet").code == 0
    (place / "elsewhere").mkdir()
    monkeypatch.chdir(place / "elsewhere")
    assert shell("train", "--config", "../run/run.toml", "--out", "again", "--quiet").code == 0
    (place / "t.csv").unlink()
    said = shell("train", "--config", "../run/run.toml", "--out", "third").err
    assert said.startswith(f"jaxnn: ../run/run.toml:2: data: {place / 't.csv'}: got a path where there is no file")


def test_a_reader_that_stops_after_a_line_does_not_stop_the_training(shell, place, monkeypatch):
    def gone(*_):
        raise BrokenPipeError

    monkeypatch.setattr("jaxnn.cli.screen.silence_stdout", lambda: None)
    monkeypatch.setattr(train.report, "print_plan", gone)
    monkeypatch.setattr(train.report, "print_outcome", gone)
    assert shell("train", "iris", *QUICK).code == 0
    assert sorted(os.listdir("runs/iris")) == FILES


def interrupting(after):
    """A bar that presses Ctrl-C once so many epochs are done."""

    def progress(at):
        if at.epoch >= after and at.seconds_left is not None:
            os.kill(os.getpid(), signal.SIGINT)

    def bar(epochs, quiet):
        import contextlib

        return contextlib.nullcontext(progress)

    return bar


@pytest.mark.usefixtures("listening")
def test_ctrl_c_saves_the_best_weights(shell, place, monkeypatch):
    monkeypatch.setattr(train, "training_bar", interrupting(1))
    done = shell("train", "iris", "--hidden", "4", "--epochs", "1000000", "--patience", "1000000")
    assert done.code == 130
    metrics = json.loads((place / "runs/iris/metrics.json").read_text())
    assert metrics["interrupted"]
    assert metrics["best_epoch"] >= 1
    assert done.err == f"jaxnn: {metrics['stopped_because']}; saved in runs/iris\n"
    assert shell("predict", "runs/iris", "iris").code == 0


@pytest.mark.usefixtures("listening")
def test_ctrl_c_before_the_first_epoch_saves_nothing(shell, place, monkeypatch):
    monkeypatch.setattr(train, "training_bar", interrupting(0))
    monkeypatch.setattr(drive, "FIRST_STEPS", 1)  # of 4 in an epoch
    done = shell("train", "iris", *QUICK)
    assert done.code == 130
    assert done.err.endswith("nothing was saved, because no epoch was completed\n")
    assert not (place / "runs").exists()


def test_a_second_ctrl_c_ends_at_once(shell, place, monkeypatch):
    def twice(epochs, quiet):
        raise KeyboardInterrupt

    monkeypatch.setattr(train, "training_bar", twice)
    done = shell("train", "iris", *QUICK)
    assert (done.code, done.err) == (130, "jaxnn: interrupted; nothing was saved\n")
    assert not (place / "runs").exists()


def test_a_run_that_diverges_at_once_saves_nothing(shell, place):
    done = shell("train", "diabetes", *QUICK, "--optimizer", "sgd", "--learning-rate", "1e30", "--quiet")
    assert done.code == 3
    assert done.err.startswith("jaxnn: the loss was not finite at epoch 1, step ")
    assert done.err.endswith("nothing was saved, because no epoch was completed\n")
    assert done.err.count("\n") == 1
    assert not (place / "runs").exists()


def test_a_run_that_diverges_later_saves_its_best_weights(shell, place):
    # the penalty alone multiplies a weight by 1 - 2 * 0.1 * 10.5 = -1.1 in every step: slowly to infinity
    numbers = ["--learning-rate", "0.1", "--l2", "10.5", "--epochs", "1000", "--patience", "1000"]
    done = shell("train", "diabetes", "--hidden", "0", "--optimizer", "sgd", *numbers)
    assert done.code == 3
    metrics = json.loads((place / "runs/diabetes/metrics.json").read_text())
    assert metrics["diverged"]
    assert 1 <= metrics["best_epoch"] < metrics["epochs"] < 1000
    assert "was not finite" in done.err
    assert done.err.endswith("; saved in runs/diabetes\n")
