import json

import numpy as np
import polars
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.imagearrays import image_table
from jaxnn.data.pixels import Pixels

RANDOM = np.random.default_rng(0)
IMAGES = RANDOM.integers(0, 256, (50, 4, 5, 3)).astype(np.uint8)
LABELS = np.arange(50) % 3
TABLE = image_table(IMAGES, LABELS, "x", target_name="kind")
PIXELS = Pixels((2, 2, 1), (1.5,), (2.0,), 0.0, 5.5, ("a", "b"), "kind")


def test_mean_and_spread_of_each_channel_are_those_of_all_pixels():
    learnt = Pixels.fit(TABLE)
    np.testing.assert_allclose(learnt.mean, IMAGES.mean(axis=(0, 1, 2)), rtol=1e-12)
    np.testing.assert_allclose(learnt.scale, IMAGES.std(axis=(0, 1, 2)), rtol=1e-12)
    assert (learnt.shape, learnt.classes, learnt.target_name) == ((4, 5, 3), (0, 1, 2), "kind")


def test_inputs_are_standardised_and_the_images_stay_as_they_were():
    before = TABLE.features.copy()
    x = Pixels.fit(TABLE).transform(TABLE.features)
    assert (x.shape, x.dtype) == ((50, 4, 5, 3), np.float32)
    np.testing.assert_allclose(x.mean(axis=(0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(x.std(axis=(0, 1, 2)), 1, atol=1e-5)
    floats = TABLE.features.astype(np.float32)
    Pixels.fit(TABLE).transform(floats)
    np.testing.assert_array_equal(TABLE.features, before)
    np.testing.assert_array_equal(floats, before)


def test_by_hand():
    x = PIXELS.transform(np.array([[1.5, 3.5, -0.5, 5.5]]))
    np.testing.assert_array_equal(x[0, :, :, 0], [[0, 1], [-1, 2]])


def test_images_as_rows_as_grey_with_channels_and_as_columns_are_the_same():
    rows = np.arange(8.0).reshape(2, 4)
    expected = PIXELS.transform(rows)
    for features in (rows.reshape(2, 2, 2), rows.reshape(2, 2, 2, 1), rows.astype(np.uint8)):
        np.testing.assert_array_equal(PIXELS.transform(features), expected)
    named = dict(zip(PIXELS.columns, rows.T, strict=True))
    np.testing.assert_array_equal(PIXELS.transform(named), expected)
    text = polars.DataFrame({name: [str(cell) for cell in cells] for name, cells in named.items()})
    np.testing.assert_array_equal(PIXELS.transform(text), expected)


def test_large_numbers_of_images_are_measured_in_pieces():
    many = RANDOM.normal(3, 2, (5000, 2, 2)).astype(np.float32)
    learnt = Pixels.fit(image_table(many, np.arange(5000) % 2, "x"))
    assert learnt.mean[0] == pytest.approx(many.mean(dtype=np.float64), rel=1e-9)
    assert learnt.scale[0] == pytest.approx(many.std(dtype=np.float64), rel=1e-9)


def test_images_that_are_all_the_same_have_scale_1():
    learnt = Pixels.fit(image_table(np.full((4, 3, 3), 7, np.uint8), np.array([0, 1, 0, 1]), "x"))
    assert (learnt.mean, learnt.scale) == ((7.0,), (1.0,))


def test_pixels_of_another_range_are_told():
    assert PIXELS.encode(np.full((1, 4), 3.0)).notes == ()
    assert PIXELS.encode(np.full((1, 4), 255)).notes == (
        "the largest pixel is 255, in the training it was 5.5: are they of the same range?",
    )


def test_classes_are_indices_and_back():
    assert PIXELS.encode_target(np.array(["b", "a"])).tolist() == [1, 0]
    assert PIXELS.decode_classes([1, 0]).tolist() == ["b", "a"]
    with pytest.raises(JaxnnError, match="target: got 'c'; needed one of the classes 'a', 'b'"):
        PIXELS.encode_target(np.array(["c"]))


def test_a_file_gives_an_equal_object_to_the_last_bit():
    learnt = Pixels.fit(TABLE)
    again = Pixels.from_json(json.loads(json.dumps(learnt.to_json())))
    assert again == learnt
    assert again.mean == learnt.mean
    assert again.renamed("other").target_name == "other"


HOSTILE = [
    ({"shape": [2, 2]}, r"pixels.shape: got '\(2, 2\)'; needed height and width from 1 to 1024"),
    ({"shape": [2**70, 2, 1]}, "pixels.shape"),
    ({"shape": [2, 2, 9], "mean": [0.0] * 9, "scale": [1.0] * 9}, "pixels.shape"),
    ({"shape": [2.0, 2, 1]}, "pixels.shape"),
    ({"shape": [True, 2, 1]}, "pixels.shape"),
    ({"shape": "221"}, "pixels.shape: got str; needed a list"),
    ({"mean": []}, r"pixels.mean: got .*; needed a tuple of 1 numbers"),
    ({"mean": [float("nan")]}, "pixels.mean: got nan; needed a finite number"),
    ({"mean": [10**400]}, "pixels.mean"),
    ({"mean": [[1.0]]}, "pixels.mean"),
    ({"scale": [0.0]}, "pixels.scale: got 0.0; needed a positive finite number"),
    ({"scale": [float("inf")]}, "pixels.scale"),
    ({"low": float("nan")}, "pixels.low: got .*; needed two finite numbers"),
    ({"low": 6.0}, "pixels.low"),
    ({"high": "x"}, "pixels.low"),
    ({"classes": None}, "pixels.classes: got NoneType; needed a list"),
    ({"classes": []}, "classes"),
    ({"classes": ["a", "a"]}, "classes: got a class more than once"),
    ({"classes": ["a", 1]}, "classes"),
    ({"classes": [[1], [2]]}, "classes"),
    ({"target_name": 3}, "target_name"),
    ({"more": 1}, "pixels: got .*; needed an object with the fields"),
]


@pytest.mark.parametrize(("changed", "said"), HOSTILE)
def test_a_hostile_file_is_refused(changed, said):
    with pytest.raises(JaxnnError, match=said):
        Pixels.from_json(PIXELS.to_json() | changed)
    for document in (None, [], "x"):
        with pytest.raises(JaxnnError, match="pixels: got"):
            Pixels.from_json(document)


WRONG = [
    (np.zeros((2, 5)), r"images: got shape \(2, 5\); needed \(images, 2, 2, 1\)"),
    (np.zeros((2, 2, 2, 3)), r"images: got shape \(2, 2, 2, 3\)"),
    (np.array([["a"] * 4]), "images: got an array of <U1; needed numbers"),
    (np.array([[0, 1, np.nan, 2]]), "image 0, pixel_1_0: got nan; needed a finite number"),
    (np.array([[0, 1, 1e39, 2]]), r"image 0, pixel_1_0: got 1e\+39; needed a finite number"),
    ({"pixel_0_0": [1]}, "images: got no column 'pixel_0_1', 'pixel_1_0', 'pixel_1_1'; needed all 4 pixels"),
    ({name: ["x"] for name in PIXELS.columns}, "image 0, pixel_0_0: got 'x'; needed a number"),
    ([[1], [1, 2]], "images: got rows of different lengths"),
]


@pytest.mark.parametrize(("features", "said"), WRONG)
def test_what_is_no_image_is_refused(features, said):
    with pytest.raises(JaxnnError, match=said):
        PIXELS.transform(features)


def test_images_of_another_size_and_other_tables_are_refused():
    with pytest.raises(JaxnnError, match="x: got images of 4x5, colour; needed 2x2, grey, as the network was trained"):
        PIXELS.features_of(image_table(IMAGES, None, "x", source="x"))
    with pytest.raises(JaxnnError, match="needed images with classes"):
        Pixels.fit(image_table(IMAGES, None, "x"))


def test_the_network_must_take_the_images_and_have_the_classes():
    PIXELS.check((2, 2, 1), "classification", 2)
    with pytest.raises(JaxnnError, match=r"images of shape \(2, 2, 1\) for examples of shape \(4,\)"):
        PIXELS.check((4,), "classification", 2)
    with pytest.raises(JaxnnError, match="got 2 classes; needed 3"):
        PIXELS.check((2, 2, 1), "classification", 3)
