import contextlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from data.imagefiles import folder_of, picture
from jaxnn.checks import JaxnnError
from jaxnn.data import imagefolder, load, read
from jaxnn.data.imagefolder import read_folder

GREY = np.random.default_rng(0).integers(0, 256, (6, 5)).astype(np.uint8)
COLOUR = np.random.default_rng(0).integers(0, 256, (6, 5, 3)).astype(np.uint8)


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_sub_folders_are_classes_and_rows_are_called_by_their_files(here):
    folder_of(here / "d", count=2)
    table = load("d")
    assert (table.image_shape, table.features.dtype, table.target_name) == ((8, 8), np.uint8, "class")
    assert table.target.tolist() == ["dark", "dark", "light", "light"]
    assert table.names.tolist() == [os.path.join("d", name, f"{i}.png") for name in ("dark", "light") for i in (0, 1)]
    assert table.place(3, "pixel_0_0") == "d/light/1.png:pixel_0_0"
    assert table.features[:2].max() < 100 <= table.features[2:].max()
    assert table.rows([3]).names.tolist() == ["d/light/1.png"]


def test_names_that_are_whole_numbers_are_classes_as_labels_of_idx_files_are(here):
    folder_of(here / "d", classes=("0", "10", "9"))
    assert np.unique(load("d").target).tolist() == [0, 9, 10]
    os.rename("d/9", "d/09")
    assert np.unique(load("d").target).tolist() == ["0", "09", "10"]


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "webp"])
def test_kinds_that_lose_nothing_give_every_pixel(here, suffix):
    path = picture(here / f"a.{suffix}", GREY, **({"lossless": True} if suffix == "webp" else {}))
    if suffix == "webp":  # which knows no grey
        return np.testing.assert_array_equal(read(path).features[0].reshape(6, 5, 3)[..., 0], GREY)
    np.testing.assert_array_equal(read(path).features[0], GREY.ravel())
    return None


def test_jpeg_is_near(here):
    smooth = np.add.outer(np.arange(16), np.arange(16)) * 8
    path = picture(here / "a.JPG", smooth, quality=95)
    assert np.abs(read(path).features[0].astype(int) - smooth.ravel()).max() < 12


def test_all_grey_is_grey_and_one_in_colour_makes_all_colours(here):
    picture(here / "d/a/0.png", GREY)
    picture(here / "d/a/1.png", GREY)
    picture(here / "d/b/0.png", GREY)
    assert load("d").image_shape == (6, 5)
    picture(here / "d/b/1.png", COLOUR)
    table = load("d")
    assert table.image_shape == (6, 5, 3)
    np.testing.assert_array_equal(table.features[3], COLOUR.ravel())
    np.testing.assert_array_equal(table.features[0].reshape(6, 5, 3), np.repeat(GREY[..., None], 3, axis=2))


def test_what_is_transparent_is_white(here):
    clear = np.dstack([COLOUR, np.zeros((6, 5), np.uint8)])
    clear[0, 0, 3] = 255
    Image.fromarray(clear).save("a.png")
    found = read("a.png").features[0].reshape(6, 5, 3)
    np.testing.assert_array_equal(found[0, 0], COLOUR[0, 0])
    assert (found.reshape(-1, 3)[1:] == 255).all()


def test_palettes_16_bits_and_one_bit(here):
    Image.fromarray(COLOUR).convert("P").save("palette.gif")
    assert read("palette.gif").image_shape == (6, 5, 3)
    Image.fromarray(GREY.astype(np.uint16) * 257).save("deep.png")
    np.testing.assert_array_equal(read("deep.png").features[0], GREY.ravel())
    Image.fromarray(GREY > 127).save("bits.png")
    np.testing.assert_array_equal(read("bits.png").features[0], np.where(GREY > 127, 255, 0).ravel())


def test_a_photo_is_turned_as_its_camera_was_held(here):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by a quarter, clockwise, to see it
    Image.fromarray(GREY).save("a.png", exif=exif)
    table = read("a.png")
    assert table.image_shape == (5, 6)
    np.testing.assert_array_equal(table.features[0].reshape(5, 6), np.rot90(GREY, -1))


def test_other_sizes_are_resized_to_the_most_frequent_one_and_it_is_said(here):
    folder_of(here / "d", count=2)
    picture(here / "d/dark/9.png", np.full((30, 40), 77))
    table = load("d")
    assert table.image_shape == (8, 8)
    assert (table.features[2] == 77).all()
    assert table.notes == ("1 image of 2 sizes resized to 8x8; --image-size for another",)


def test_large_images_become_no_longer_than_the_usual_length(here):
    picture(here / "a.png", np.zeros((100, 400)))
    table = read("a.png")
    assert table.image_shape == (32, 128)
    assert table.notes == ("1 image of 100x400 resized to 32x128; --image-size for another",)


def test_the_size_asked_for_and_that_of_a_model(here):
    folder_of(here / "d", count=2)
    assert read_folder("d", (4, 6)).image_shape == (4, 6)
    assert read_folder("d", (4, 6), 3).image_shape == (4, 6, 3)


def test_deeper_hidden_and_other_files(here):
    folder_of(here / "d", count=2)
    picture(here / "d/light/more/even/9.png", GREY)
    picture(here / "d/.hidden/0.png", GREY)
    picture(here / "d/light/._0.png", GREY)
    picture(here / "d/loose.png", GREY)
    (here / "d/dark/notes.txt").write_text("not an image")
    (here / "d/empty").mkdir()
    os.symlink(here / "d", here / "d/dark/loop")
    table = load("d")
    assert len(table) == 5
    assert "d/light/more/even/9.png" in table.names.tolist()
    assert "'empty': no images, and no class" in table.notes
    assert "1 image beside the sub-folders left out: 'loose.png'" in table.notes
    assert {"1 linked folder left out", "1 other file left out"} <= set(table.notes)


def test_images_without_sub_folders_can_be_predicted_and_not_learnt_from(here):
    picture(here / "d/0.png", GREY)
    picture(here / "d/1.png", GREY)
    assert read("d").target is None
    with pytest.raises(JaxnnError, match=r"d: got images that lie in no sub-folder; .* a folder of its own"):
        load("d")


def test_the_digest_is_of_names_and_bytes(here):
    folder_of(here / "d", count=2)
    first = load("d").sha256
    assert load("d").sha256 == first
    os.rename("d/dark", "d/darker")
    assert load("d").sha256 != first


def png_of(width, height):
    """A PNG that says it is large and has no pixels."""
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    packed = zlib.compress(b"")
    parts = struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    data = struct.pack(">I", len(packed)) + b"IDAT" + packed + struct.pack(">I", zlib.crc32(b"IDAT" + packed))
    return b"\x89PNG\r\n\x1a\n" + parts + data


def packed(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


NOISE = np.random.default_rng(1).integers(0, 256, (64, 64)).astype(np.uint8)
DAMAGED = [
    ("empty.png", b"", r"d/a/empty.png, byte 0: got an empty file; needed an image"),
    ("text.png", b"hello, world", r"d/a/text.png, byte 0: got 68 65 6c 6c 6f 2c 20 77, which begins no image of PNG"),
    ("cut.png", packed(NOISE, "PNG")[:-500], r"cut.png, byte \d+ of \d+: got a PNG image that is cut off or damaged"),
    ("cut.jpg", packed(NOISE, "JPEG")[:-500], r"cut.jpg, byte \d+ of \d+: got a JPEG image that is cut off or damaged"),
    ("cut.bmp", packed(NOISE, "BMP")[:-500], r"cut.bmp, byte \d+ of \d+: got a BMP image that is cut off or damaged"),
    ("cut.gif", packed(NOISE, "GIF")[:-900], r"cut.gif, byte \d+ of \d+: got a GIF image that is cut off or damaged"),
    ("cut.webp", packed(NOISE, "WEBP")[:-500], r"cut.webp, byte \d+"),
    ("bomb.png", png_of(9000, 9000), r"bomb.png: got an image of 9000x9000 pixels; needed at most 67108864 pixels"),
    ("bomb.png", png_of(90000, 90000), r"bomb.png: got an image of too many pixels; needed at most 67108864 pixels"),
]


@pytest.mark.parametrize(("name", "data", "said"), DAMAGED)
def test_a_damaged_image_is_named_with_its_byte(here, name, data, said):
    folder_of(here / "d", count=2, classes=("a", "b"))
    (here / "d/a" / name).write_bytes(data)
    with pytest.raises(JaxnnError, match=said) as caught:
        load("d")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_any_flipped_byte_gives_an_image_or_one_line(here, kind):
    whole = packed(NOISE[:16, :16], kind)
    path = here / f"a.{kind.lower()}"
    random = np.random.default_rng(2)
    for _ in range(60):
        data = bytearray(whole)
        data[random.integers(len(data))] = random.integers(256)
        path.write_bytes(data)
        with contextlib.suppress(JaxnnError):  # any other error fails
            read(path)


def test_folders_without_images(here):
    (here / "none").mkdir()
    with pytest.raises(JaxnnError, match=r"none: got an empty folder; needed images \(.png, .jpg"):
        load("none")
    (here / "none/notes.txt").write_text("x")
    (here / "none/a").mkdir()
    with pytest.raises(JaxnnError, match=r"none: got a folder without images"):
        load("none")


def test_one_class_and_parts_in_place_of_classes(here):
    folder_of(here / "one", classes=("cat",))
    with pytest.raises(JaxnnError, match="one: got one class, 'cat'; needed at least two"):
        load("one")
    folder_of(here / "d/train")
    folder_of(here / "d/test")
    with pytest.raises(JaxnnError, match=r"d: got the sub-folders 'test', 'train', which are parts .* Give d/train"):
        load("d")
    assert len(load("d/train")) == 12


def test_what_cannot_be_read(here):
    folder_of(here / "d", count=2)
    os.mkfifo("d/dark/pipe.png")
    with pytest.raises(JaxnnError, match=r"d/dark/pipe.png: got a device or pipe; needed an image"):
        load("d")
    os.remove("d/dark/pipe.png")
    os.symlink("nowhere.png", "d/dark/gone.png")
    with pytest.raises(JaxnnError, match=r"d/dark/gone.png: got no such file; needed an image"):
        load("d")
    with pytest.raises(JaxnnError, match=r"no.png: got no such file"):
        read("no.png")


def test_more_pixels_than_memory_should_hold_are_refused_before_they_are_read(here, monkeypatch):
    monkeypatch.setattr("jaxnn.data.imagearrays.LARGEST_TEXT", 1000)
    folder_of(here / "d", count=10)
    with pytest.raises(JaxnnError, match=r"d: got 20 images of 8x8, .*; needed at most"):
        load("d")


def test_many_other_files_are_counted_and_not_opened(here, monkeypatch):
    folder_of(here / "d", count=2)
    for i in range(300):
        (here / f"d/dark/{i}.json").touch()
    opened = []
    monkeypatch.setattr(imagefolder, "read_bytes", lambda path, what: opened.append(path) or Path(path).read_bytes())
    assert "300 other files left out" in load("d").notes
    assert len(opened) == 4


def test_progress_is_told(here):
    folder_of(here / "d", count=2)
    told = []
    read_folder("d", progress=lambda done, count: told.append((done, count)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
