"""Images on the command line: folders, IDX and NPZ files, the built-in digits, and what means nothing for them."""

import csv
import io
import json
import shutil
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from PIL import Image

from cli.commands import QUICK
from cli.conftest import _trained_in
from data.imagefiles import folder_of, mnist, picture
from jaxnn import load as load_model
from jaxnn.cli import bar, images
from jaxnn.cli.evidence import evidence
from jaxnn.cli.pipeline import train_table
from jaxnn.cli.settings import Settings
from jaxnn.data import load
from jaxnn.data.pixels import Pixels
from jaxnn.layers import summary

RANDOM = np.random.default_rng(0)
BRIGHT = np.repeat([0, 1], 20)
GREY = (RANDOM.integers(0, 100, (40, 8, 8)) + 120 * BRIGHT[:, None, None]).astype(np.uint8)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """A folder of two classes, one dark and one light."""
    return folder_of(tmp_path_factory.mktemp("pictures") / "shades", count=20)


@pytest.fixture(scope="session")
def shades_run(tmp_path_factory, cache_folder, pictures):
    """A run folder of a convolutional network."""
    return _trained_in(tmp_path_factory.mktemp("shades"), cache_folder, str(pictures))


def test_a_folder_is_trained_on_by_a_convolutional_network(shell, pictures, shades_run):
    shutil.copytree(pictures, "shades")
    done = shell("train", "shades", *QUICK)
    lines = done.out.splitlines()
    assert lines[0] == "data     shades: 40 images of 8x8, grey, 2 classes of class"
    assert lines[1] == "split    28 to train on, 4 to validate, 8 to test"
    # 9 * 32 + 32, 9 * 32 * 64 + 64, 2 * 2 * 64 * 4 + 4, 4 * 2 + 2
    assert lines[2] == "network  cnn 8x8x1-32-64-4-2, relu: 19,854 parameters"
    assert "saved  runs/shades" in done.out
    # the same images and settings are the same network, wherever they lie
    first, second = (load_model(f"{run}/model.safetensors") for run in (shades_run, "runs/shades"))
    assert isinstance(first.preprocessing, Pixels)
    np.testing.assert_array_equal(first.params["conv_0"]["kernel"], second.params["conv_0"]["kernel"])
    assert shell("train", "--config", "runs/shades/run.toml", "--out", "again", "--quiet").code == 0
    picture(Path("shades/dark/0.png"), np.zeros((8, 8)))
    changed = shell("train", "--config", "runs/shades/run.toml", "--out", "other")
    assert "data whose SHA-256 is" in changed.err


def test_predictions_are_called_by_their_files_and_resized_to_what_was_trained_on(shell, shades_run):
    for i, level in enumerate((10, 240)):
        picture(Path(f"new/{i}.png"), np.full((20, 30, 3), level))
    rows = list(csv.DictReader(io.StringIO(shell("predict", shades_run, "new").out)))
    assert [row["file"] for row in rows] == ["0.png", "1.png"]
    assert set(rows[0]) == {"file", "prediction", "probability_dark", "probability_light"}
    one = list(csv.DictReader(io.StringIO(shell("predict", shades_run, "new/1.png").out)))
    assert one[0]["file"] == "new/1.png"
    assert one[0]["probability_light"] == rows[1]["probability_light"]


def test_a_model_of_images_is_evaluated_shown_and_reported(shell, shades_run, pictures):
    found = json.loads(shell("evaluate", shades_run, pictures, "--json").out)
    assert (found["task"], found["rows"]) == ("classification", 40)
    shown = shell("show", shades_run).out
    assert "conv_0" in shown
    assert "images      8x8, grey; mean (standard deviation) " in shown
    document = json.loads(shell("show", shades_run, "--json").out)
    assert document["columns"] == [
        {"name": "image", "kind": "pixels", "became": "64 inputs", "note": document["columns"][0]["note"]}
    ]
    assert shell("report", shades_run, "--out", "r.html").code == 0
    text = Path("r.html").read_text()
    assert "dark/" in text  # the worst images are called by their files
    assert "data:image/png" in text


def test_images_of_another_size_and_tables_are_refused(shell, shades_run):
    path = mnist(Path("."), GREY[:, :4], BRIGHT.astype(np.uint8))
    done = shell("predict", shades_run, path)
    assert (done.code, done.out) == (2, "")
    assert "images of 4x8, grey; needed 8x8, grey, as the network was trained on" in done.err
    assert (
        "iris: got columns that are no pixels; needed images of 8x8, grey" in shell("predict", shades_run, "iris").err
    )


def test_labels_that_the_model_does_not_know(shell, shades_run):
    path = mnist(Path("."), GREY, BRIGHT.astype(np.uint8))
    assert "target: got 0; needed one of the classes 'dark', 'light'" in shell("evaluate", shades_run, path).err


def test_idx_files_are_learnt_from_and_those_for_the_test_evaluated(shell):
    labels = BRIGHT.astype(np.uint8)
    mnist(Path("."), GREY, labels)
    mnist(Path("."), GREY[::2], labels[::2], "t10k")
    np.savez("all.npz", x_train=GREY, y_train=labels, x_test=GREY[::4], y_test=labels[::4])
    trained = shell("train", "train-images-idx3-ubyte", "--model", "mlp", "--out", "run", *QUICK)
    assert "network  mlp 8x8x1-4-2, relu: 270 parameters" in trained.out
    found = [json.loads(shell("evaluate", "run", data, "--json").out) for data in ("t10k-images-idx3-ubyte", "all.npz")]
    assert [one["rows"] for one in found] == [20, 10]


def test_built_in_digits_take_a_convolutional_network_when_it_is_asked_for():
    table = load("digits")
    plain, asked = (images.asked(table, Settings(model=name)) for name in ("auto", "cnn"))
    assert (plain, asked) == (False, True)
    plan = images.make_plan(table, Settings(model="cnn", dropout=0.5, augment=("shift=1", "mixup=0.2")))
    assert plan.train.x.shape == (1258, 8, 8, 1)
    assert plan.settings.model == "cnn"
    assert repr(plan.augment) == "(Shift(1), Mixup(0.2, classes=10))"
    assert "Dropout" in repr(plan.net)
    assert plan.preprocessing.columns == table.columns


def test_augmentation_makes_images_of_digits_for_an_mlp_too():
    outcome = train_table(load("digits").rows(np.arange(200)), Settings(hidden=(4,), epochs=2, augment=("shift=1",)))
    assert outcome.plan.settings.model == "mlp"
    assert outcome.plan.network == "mlp 8x8x1-4-10"
    document = evidence(outcome, {})
    assert document.pictures is not None
    # the weights of the dense layer are pictures of 8x8 here too
    assert (len(document.pictures.weights), document.pictures.units, document.pictures.templates) == (4, 4, False)
    assert document.data.columns == 64


def test_large_images_get_more_convolutions_and_fit():
    for shape in ((8, 8, 1), (28, 28, 1), (33, 47, 3), (224, 224, 3), (1, 5, 1)):
        net = images.network("cnn", shape, 10, Settings())
        assert summary(net, jax.ShapeDtypeStruct(shape, "float32")).parameters < 2_000_000


WRONG = [
    (["--fold"], "--fold: got with images; needed a table. Leave it out."),
    (["--types", "pixel_0_0=numeric"], "--types: got with images; needed a table of columns"),
    (["--keep", "pixel_0_0"], "--keep: got columns beside images"),
    (["--scaling", "min-max"], "--scaling: got with images"),
    (["--task", "regression"], "task: got 'regression'; needed classification"),
    (["--target", "kind"], "target: got 'kind'; needed 'class', the target of"),
    (["--activation", "tanh"], "--activation: got tanh with --model cnn; needed relu"),
    (["--augment", "shift"], "--augment: got 'shift'; needed a number, such as shift=2"),
    (["--augment", "shft=2"], "--augment: got 'shft=2'; needed one of shift, flip"),
    (["--augment", "shift=1.5"], "--augment: got 'shift=1.5'; needed a whole number after shift="),
    (["--augment", "shift=8"], "--augment: got 'shift=8'; needed fewer pixels than the images have, 8x8"),
    (["--augment", "rotate=300"], "--augment: Rotate.degrees: got 300.0; needed a number from 0 to 180"),
    (["--image-size", "huge"], "--image-size: got 'huge'; needed height and width such as 32x48"),
    (["--image-size", "0x9"], "--image-size: got 0; needed a whole number from 1 to 1024"),
    (["--model", "dnn"], "--model: got 'dnn'; needed one of auto, mlp, cnn, rnn, transformer"),
]


@pytest.mark.parametrize(("flags", "said"), WRONG)
def test_what_means_nothing_for_images_is_refused(shell, pictures, flags, said):
    done = shell("train", pictures, *QUICK, *flags)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1


def test_tables_are_no_images(shell):
    for flags, said in (
        (["--model", "cnn"], "--model cnn: got a table of columns; needed images"),
        (["--augment", "flip"], "--augment: got a table of columns; needed images"),
        (["--image-size", "8"], "--image-size: got a table of columns; needed images"),
    ):
        assert said in shell("train", "iris", *QUICK, *flags).err


def test_a_damaged_image_ends_the_command_before_anything_is_written(shell, pictures, place):
    shutil.copytree(pictures, "d")
    whole = Path("d/dark/3.png").read_bytes()
    Path("d/dark/3.png").write_bytes(whole[:-40])
    done = shell("train", "d", *QUICK)
    assert done.code == 2
    assert f"jaxnn: d/dark/3.png, byte {len(whole) - 40} of {len(whole) - 40}: got a PNG image that is cut" in done.err
    assert not (place / "runs").exists()


def test_the_size_asked_for_is_that_of_the_network(shell, pictures):
    done = shell("train", pictures, "--model", "mlp", "--image-size", "4x6", "--out", "run", *QUICK)
    assert "40 images of 4x6, grey" in done.out
    assert "40 images of 8x8 resized to 4x6" in done.out
    Image.new("L", (9, 9)).save("new.png")
    assert shell("predict", "run", "new.png").code == 0


def test_reading_many_files_shows_how_far_it_is_in_a_terminal_alone(monkeypatch, capsys):
    monkeypatch.setattr(bar, "QUIET_SECONDS", 0)
    with bar.reading_bar("images", quiet=False) as progress:
        progress(1, 3)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    with bar.reading_bar("images", quiet=False) as progress:
        progress(1, 3)
        progress(3, 3)
    said = capsys.readouterr()
    assert "reading images" in said.err
    assert said.out == ""
    with bar.reading_bar("images", quiet=True) as progress:
        progress(1, 3)
    assert capsys.readouterr().err == ""
