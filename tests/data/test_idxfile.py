import gzip
import os

import numpy as np
import pytest

from data.imagefiles import CODES, idx, mnist
from jaxnn.checks import JaxnnError
from jaxnn.data import load, read
from jaxnn.data.idxfile import is_idx, parse, read_images

IMAGES = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
LABELS = np.array([0, 1, 0, 1, 2], np.uint8)


@pytest.mark.parametrize("code", CODES)
def test_every_type_of_the_standard_is_read_big_endian(code):
    values = np.array([[1, 2, 3], [100, 120, 127]], code)
    found = parse(idx(values), "x.idx")
    assert found.tolist() == values.tolist()
    assert found.dtype.itemsize == values.dtype.itemsize


def test_a_file_by_hand():
    # two images of 1x2: magic 00 00 08 03, three lengths, four bytes
    data = bytes.fromhex("00000803 00000002 00000001 00000002 0a141e28")
    assert parse(data, "x.idx").tolist() == [[[10, 20]], [[30, 40]]]


BAD = [
    (b"", r"x.idx, byte 0: got the magic number of an empty file"),
    (b"\x89PNG....", r"x.idx, byte 0: got the magic number 89 50 4e 47; needed 00 00, a type"),
    (b"\0\0\x07\x01\0\0\0\1a", r"x.idx, byte 2: got the type 0x07; needed one of 0x08"),
    (b"\0\0\x08\x00", r"x.idx, byte 3: got 0 dimensions; needed 1 to 8"),
    (b"\0\0\x08\xff" + b"\0" * 2000, r"x.idx, byte 3: got 255 dimensions"),
    (idx(IMAGES)[:9], r"x.idx, byte 9: got the end of the file; needed the lengths of 3 dimensions, up to byte 16"),
    (idx(IMAGES)[:-1], r"x.idx, byte 75: got the end of the file; needed 76 bytes in all, 16 of header and 60 of"),
    (idx(IMAGES) + b"?", r"x.idx, byte 76: got more bytes; needed 76 bytes in all"),
    (b"\0\0\x08\x02\0\0\0\x02\0\0\0\0", r"x.idx, byte 8: got an array of shape \(2, 0\)"),
    # lengths that would need 2^96 bytes
    (b"\0\0\x08\x03" + b"\xff" * 12, r"x.idx, byte 16: got the end of the file; needed 79228162458924105385300197391"),
]


@pytest.mark.parametrize(("data", "said"), BAD)
def test_a_bad_file_is_named_with_its_byte(data, said):
    with pytest.raises(JaxnnError, match=said) as caught:
        parse(data, "x.idx")
    assert "\n" not in str(caught.value)


def test_names_of_idx_files():
    for name in ("train-images-idx3-ubyte", "a/t10k-images.idx3-ubyte.GZ", "emnist-balanced-train-images-idx3-ubyte"):
        assert is_idx(name)
    for name in ("idx.csv", "images.png", "idx", "train-images"):
        assert not is_idx(name)


@pytest.mark.parametrize("packed", [False, True])
def test_images_and_the_labels_beside_them(tmp_path, packed):
    wrap, suffix = (gzip.compress, ".gz") if packed else (bytes, "")
    path = mnist(tmp_path, IMAGES, LABELS, wrap=wrap, suffix=suffix)
    mnist(tmp_path, IMAGES[:2], LABELS[:2], "t10k")
    table = read_images(str(path))
    assert table.image_shape == (4, 3)
    assert table.columns[:4] == ("pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_1_0")
    assert table.features.dtype == np.uint8  # 60,000 images of MNIST are 47 MB, not 376
    np.testing.assert_array_equal(table.features, IMAGES.reshape(5, 12))
    assert (table.target.tolist(), table.target_name) == ([0, 1, 0, 1, 2], "label")


def test_the_labels_of_a_packed_file_may_be_unpacked(tmp_path):
    path = mnist(tmp_path, IMAGES, LABELS, wrap=gzip.compress, suffix=".gz")
    os.remove(tmp_path / "train-labels-idx1-ubyte.gz")
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    assert read_images(str(path)).target.tolist() == LABELS.tolist()


def test_test_images_are_read_when_they_are_asked_for(tmp_path):
    mnist(tmp_path, IMAGES, LABELS)
    path = mnist(tmp_path, IMAGES[:3], LABELS[:3], "t10k")
    assert len(read(path)) == 3


def test_whole_numbers_of_more_bytes_are_bytes_where_they_fit(tmp_path):
    for values, dtype in ((IMAGES.astype("i4"), np.uint8), (IMAGES.astype("i4") - 1, np.float32)):
        path = mnist(tmp_path, values, LABELS)
        table = read_images(str(path))
        assert table.features.dtype == dtype
        np.testing.assert_array_equal(table.features, values.reshape(5, 12))


WRONG = [
    (IMAGES, LABELS[:4], r"labels-idx1-ubyte, byte 4: got 4 labels for the 5 images of train-images-idx3-ubyte"),
    (IMAGES[:, :, 0], LABELS, r"images-idx3-ubyte: got shape \(5, 4\); needed \(images, height, width\)"),
    (LABELS, LABELS, r"images-idx3-ubyte, byte 3: got one dimension, as labels have; needed images"),
    (IMAGES, np.zeros((5, 3), "u1"), r"images-idx3-ubyte: labels: got shape \(5, 3\); needed one class for each image"),
    (IMAGES, np.zeros(5, "u1"), r"images-idx3-ubyte: got one class, 0; needed at least two"),
    (IMAGES, np.arange(5, dtype="u1"), r"got 5 images of 5 classes; needed at least two images of a class"),
    (IMAGES, np.linspace(0, 1, 5), r"labels: got an array of [><]?f(loat64|8); needed classes"),
    (np.full((5, 2, 2), np.nan), LABELS, r"images-idx3-ubyte, image 1: got nan in pixel 1; needed finite numbers"),
]


@pytest.mark.parametrize(("images", "labels", "said"), WRONG)
def test_images_that_cannot_be_learnt_from_are_refused(tmp_path, images, labels, said):
    path = mnist(tmp_path, images, labels)
    with pytest.raises(JaxnnError, match=said):
        load(path)


def test_without_labels_images_can_be_predicted_and_not_learnt_from(tmp_path):
    path = mnist(tmp_path, IMAGES, LABELS)
    os.remove(tmp_path / "train-labels-idx1-ubyte")
    assert read(path).target is None
    with pytest.raises(JaxnnError, match=r"no file of labels beside it \(train-labels-idx1-ubyte\)"):
        load(path)
    (tmp_path / "digits.idx").write_bytes(idx(IMAGES))
    with pytest.raises(JaxnnError, match=r"digits.idx: got no name with images in it; .* Name the files as MNIST does"):
        load(tmp_path / "digits.idx")


def test_what_is_compressed_must_be_and_may_not_grow_without_bound(tmp_path):
    (tmp_path / "a.idx.gz").write_bytes(idx(IMAGES))
    with pytest.raises(JaxnnError, match=r"a.idx.gz: got a file that is not compressed; needed gzip"):
        read(tmp_path / "a.idx.gz")
    (tmp_path / "b.idx.gz").write_bytes(gzip.compress(idx(IMAGES))[:-9])
    with pytest.raises(JaxnnError, match=r"b.idx.gz: got gzip data that is damaged or cut off"):
        read(tmp_path / "b.idx.gz")
    (tmp_path / "c.idx.gz").write_bytes(gzip.compress(bytes(70 * 2**20), 9))
    with pytest.raises(JaxnnError, match=r"c.idx.gz: got \d+ bytes that unpack to over \d+; needed at most 250 times"):
        read(tmp_path / "c.idx.gz")


def test_a_missing_and_an_unreadable_file(tmp_path):
    with pytest.raises(JaxnnError, match=r"no-images-idx3-ubyte: got no such file; needed an IDX file"):
        load(tmp_path / "no-images-idx3-ubyte")
    (tmp_path / "x.idx").mkdir()
    with pytest.raises(JaxnnError, match=r"x.idx: got a folder"):
        read(tmp_path / "x.idx")


def test_settings_of_columns_and_values_are_refused(tmp_path):
    path = mnist(tmp_path, IMAGES, LABELS)
    with pytest.raises(JaxnnError, match=r"--keep: got columns beside images; .* Leave --keep out"):
        load(path, keep=["pixel_0_0"])
    with pytest.raises(JaxnnError, match="target: got 'digit'; needed 'label', the target of"):
        load(path, "digit")
    with pytest.raises(JaxnnError, match="task: got 'regression'; needed classification"):
        load(path, task="regression")
