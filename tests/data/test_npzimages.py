import io

import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data import RawTable, load, read
from jaxnn.data.npzimages import read_images

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (6, 4, 5)).astype(np.uint8)
COLOUR = RANDOM.integers(0, 256, (6, 4, 5, 3)).astype(np.uint8)
Y = np.array([0, 1, 0, 1, 2, 2])


def npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize(
    ("images", "labels", "target"),
    [
        ("x_train", "y_train", "y"), ("images", "labels", "labels"), ("x", "y", "y"), ("X", "y", "y"),
        ("train_images", "train_labels", "labels"), ("data", "target", "target"), ("pictures", "kinds", "kinds"),
    ],
)  # fmt: skip
def test_images_and_labels_by_their_names(images, labels, target):
    table = read_images(npz(**{images: GREY, labels: Y}), "t.npz")
    assert (table.image_shape, table.target_name, table.target.tolist()) == ((4, 5), target, Y.tolist())
    np.testing.assert_array_equal(table.features, GREY.reshape(6, 20))


def test_colours_are_kept_and_one_channel_is_grey():
    assert read_images(npz(x=COLOUR, y=Y), "t.npz").image_shape == (4, 5, 3)
    assert read_images(npz(x=GREY[..., None], y=Y[:, None]), "t.npz").image_shape == (4, 5)


def test_channels_first_are_put_last_and_it_is_said():
    table = read_images(npz(x=np.moveaxis(COLOUR, 3, 1), y=Y), "t.npz")
    np.testing.assert_array_equal(table.features, COLOUR.reshape(6, 60))
    assert table.notes == ("x has its channels first, and was taken as (6, 4, 5, 3)",)


@pytest.mark.parametrize("order", ["C", "F"])
def test_fractions_are_float32(order):
    values = np.asarray(GREY / 255, order=order)
    table = read_images(npz(x=values, y=Y), "t.npz")
    assert table.features.dtype == np.float32
    np.testing.assert_allclose(table.features, values.reshape(6, 20), rtol=1e-6)


def test_test_images_are_never_learnt_from_and_are_those_evaluated(tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(npz(x_train=GREY, y_train=Y, x_test=GREY[:2], y_test=Y[:2]))
    learnt = load(path)
    assert len(learnt) == 6
    assert learnt.notes == ("'x_test', 'y_test' left out",)
    assert len(read(path)) == 2


def test_a_file_of_columns_is_none_of_images(tmp_path):
    assert read_images(npz(x=np.ones((3, 4)), y=np.arange(3)), "t.npz") is None
    path = tmp_path / "t.npz"
    path.write_bytes(npz(x=np.ones((3, 4)), y=np.arange(3)))
    assert isinstance(read(path), RawTable)


WRONG = [
    ({"x": GREY}, "t.npz: got images without labels; needed labels beside them"),
    ({"x": GREY, "y": Y[:4]}, "t.npz:x: labels: got 4 labels for 6 images"),
    ({"x": GREY, "y": np.eye(6)}, r"t.npz:x: labels: got shape \(6, 6\); needed one class .* give the argmax"),
    ({"x": GREY, "y": Y + 0.5}, "t.npz:x: labels: got an array of float64; needed classes"),
    ({"a": GREY, "b": GREY, "y": Y}, "t.npz: got several arrays of images: 'a', 'b'; needed one"),
    ({"x": GREY.astype("U3"), "y": Y}, "t.npz:x: got an array of <U3; needed numbers"),
    ({"x": np.where(GREY > 250, np.inf, 0), "y": Y}, r"t.npz:x, image \d: got inf in pixel \d+"),
    ({"x": np.zeros((6, 0, 4)), "y": Y}, r"t.npz:x: got shape \(6, 0, 4\); needed at least one image"),
    ({"x": np.zeros((6, 2000, 1), np.uint8), "y": Y}, "t.npz:x: got images of 2000x1; needed at most 1024 pixels"),
    ({"x": GREY, "y": np.zeros(6, int)}, "t.npz: got one class, 0; needed at least two"),
]


@pytest.mark.parametrize(("arrays", "said"), WRONG)
def test_wrong_arrays_are_named(tmp_path, monkeypatch, arrays, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.npz").write_bytes(npz(**arrays))
    with pytest.raises(JaxnnError, match=said):
        load("t.npz")


def test_objects_are_refused_unread_and_damage_is_said(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.npz").write_bytes(npz(x=GREY, y=np.array([None] * 6, object)))
    with pytest.raises(JaxnnError, match=r"t.npz:y: got an array of Python objects, which only pickle reads"):
        load("t.npz")
    whole = npz(x=GREY, y=Y)
    (tmp_path / "t.npz").write_bytes(whole[:200] + b"?" + whole[201:])
    with pytest.raises(JaxnnError, match=r"t.npz: got a damaged NPZ file"):
        load("t.npz")
