import base64
import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from jaxnn import plots
from jaxnn.plots import images
from jaxnn.plots.progress import is_log

# where the axes of a picture of the usual size begin and end: margins 60, 10, 12 and 44 of 380 x 260
LEFT, RIGHT, TOP, BOTTOM = 60, 370, 12, 216


def elements(svg, kind):
    """(tag, attributes, title) of the marks of a class."""
    found = []
    for element in ElementTree.fromstring(svg):
        if element.attrib.get("class") == kind:
            title = element.find("title")
            found.append((element.tag, element.attrib, "" if title is None else title.text))
    return found


def points(path):
    return [tuple(map(float, pair)) for pair in re.findall(r"([\d.]+),([\d.]+)", path)]


def test_a_learning_curve_runs_from_the_first_epoch_to_the_last():
    svg = plots.learning_curve("loss", [1, 2, 3], [3.0, 2.0, 1.0], [3.0, 1.5, 2.0], 2)
    ((_, training, said),) = elements(svg, "l a")
    line = points(training["d"])
    assert [x for x, _ in line] == [LEFT, (LEFT + RIGHT) / 2, RIGHT]
    # 1 and 3 lie 4 % of the span from the ends: 0.04 / 1.08 of the axis, whose top leaves 10 for the name of the epoch
    room = 0.04 / 1.08 * (BOTTOM - TOP - 10)
    assert [y for _, y in line] == pytest.approx([TOP + 10 + room, (TOP + 10 + BOTTOM) / 2, BOTTOM - room], abs=0.01)
    assert said == "training loss"
    ((_, kept, said),) = elements(svg, "f dot b")
    assert float(kept["cx"]) == (LEFT + RIGHT) / 2
    assert said == "validation loss in epoch 2: 1.5"
    assert "log scale" not in svg


def test_a_curve_with_a_gap_is_drawn_in_pieces():
    svg = plots.learning_curve("loss", [1, 2, 3, 4, 5], [3.0, None, 2.0, 1.0, 1.0], None, 0)
    assert len(elements(svg, "l a")) == 1  # 3 to 5
    assert len(elements(svg, "f a")) == 1  # 1, a dot
    assert elements(svg, "mark") == []  # no epoch was kept


def test_a_curve_that_falls_far_is_logarithmic():
    assert is_log([[1.0, 0.019]]) and not is_log([[1.0, 0.021]])
    svg = plots.learning_curve("loss", [1, 2], [100.0, 0.01], None, 2)
    assert "loss (log scale)" in svg and ">0.01<" in svg and ">100<" in svg


def test_an_accuracy_ends_at_one():
    svg = plots.learning_curve("accuracy", [1, 2], None, [1.0, 1.0], 2, most=1.0)
    shown = [float(text) for text in re.findall(r">([\d.]+)<", svg)]
    assert shown.count(2.0) == 1  # the second epoch
    assert sorted(shown)[-3:] == [1.0, 1.0, 2.0]  # the first epoch, and all right: no epoch 1.5, no accuracy 1.1


def test_a_confusion_matrix_has_every_count_at_its_place():
    svg = plots.confusion([[70, 1], [3, 40]], ["benign", "malignant"])
    assert [title for _, _, title in elements(svg, "cell")] == [
        "benign called benign: 70 rows, 99% of its class", "benign called malignant: 1 row, 1% of its class",
        "malignant called benign: 3 rows, 7% of its class", "malignant called malignant: 40 rows, 93% of its class",
    ]  # fmt: skip
    right, wrong = elements(svg, "f a"), elements(svg, "f b")
    assert [float(a["fill-opacity"]) for _, a, _ in right] == [0.99, 0.93]  # 70/71, 40/43
    assert [float(a["fill-opacity"]) for _, a, _ in wrong] == [0.23, 0.27]  # 0.22 + 0.78 * 1/71, 0.22 + 0.78 * 3/43
    assert float(right[0][1]["x"]) < float(wrong[0][1]["x"])  # the second column
    assert float(right[0][1]["y"]) < float(wrong[1][1]["y"])  # the second line


def test_a_roc_curve_lies_between_the_corners():
    svg = plots.roc([0, 0, 0.5, 1], [0, 0.5, 1, 1], 0.875)
    ((_, line, _),) = elements(svg, "l a")
    middle = (LEFT + RIGHT) / 2
    assert points(line["d"]) == [(LEFT, BOTTOM), (LEFT, (TOP + BOTTOM) / 2), (middle, TOP), (RIGHT, TOP)]
    assert ">area 0.875<" in svg


def test_a_precision_that_is_not_defined_is_left_out():
    svg = plots.threshold_sweep([0.0, 0.5, 1.0], [0.5, 1.0, None], [1.0, 0.5, 0.0], [0.7, 0.7, 0.0])
    assert [len(points(a["d"])) for kind in ("l a", "l b") for _, a, _ in elements(svg, kind)] == [2, 3]


def test_bars_of_a_histogram_are_as_high_as_their_counts():
    svg = plots.confidence([0.0, 0.5, 1.0], [2, 8], [2, 0])
    good, bad = elements(svg, "f a"), elements(svg, "f b")
    unit = (BOTTOM - TOP) / 8
    assert [float(a["height"]) for _, a, _ in good] == [2 * unit, 8 * unit]
    assert [float(a["height"]) for _, a, _ in bad] == [2 * unit]
    assert float(good[0][1]["y"]) + float(good[0][1]["height"]) == float(bad[0][1]["y"])  # stacked
    svg = plots.error_histogram([-1.0, 0.0, 1.0], [4, 1])
    assert [float(a["height"]) for _, a, _ in elements(svg, "f a")] == [BOTTOM - TOP, (BOTTOM - TOP) / 4]


def test_dots_of_a_scatter_chart_on_the_diagonal():
    svg = plots.predicted_against_true([0.0, 10.0], [0.0, 10.0], "price")
    ((_, line, _),) = elements(svg, "l dashed")
    (x0, y0), (x1, y1) = points(line["d"])
    for _, dot, said in elements(svg, "f a point"):
        across = (float(dot["cx"]) - x0) / (x1 - x0)
        assert (float(dot["cy"]) - y0) / (y1 - y0) == pytest.approx(across, abs=1e-3)
        assert said in ("true 0, predicted 0", "true 10, predicted 10")
    svg = plots.residuals([1.0, 2.0], [-1.0, 1.0])
    ((_, zero, _),) = elements(svg, "l dashed")
    assert points(zero["d"])[0][1] == (TOP + BOTTOM) / 2


def test_no_picture_has_an_id_or_a_colour_of_its_own():
    drawn = [
        plots.gauge(0.9, 0.8, 0.95, 0.3, "said"), plots.bars([("a", 1.0), ("b", 2.0)], "said"),
        plots.confusion([[1, 0], [0, 1]], ["a", "b"]), plots.calibration([0.5], [0.6], [3]),
        plots.learning_curve("loss", [1], [1.0], [1.0], 1), plots.confidence([0, 1], [0], [0]),
        plots.error_histogram([0.0, 1.0], [0]), plots.residuals([1.0], [0.0]), plots.roc([0, 1], [0, 1], 0.5),
    ]  # fmt: skip
    for svg in drawn:
        ElementTree.fromstring(svg)
        assert not re.search(r'\b(id|fill|stroke|style)="', svg), svg
        assert "nan" not in svg and "inf" not in svg


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3), (3, 5, 4), (1, 1)])
def test_another_library_reads_the_same_pixels(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    found = Image.open(io.BytesIO(images.png(pixels)))
    np.testing.assert_array_equal(np.asarray(found), pixels)


def decoded(address):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/png;base64,")))))


def test_ink_is_dark_where_a_pixel_is_large():
    np.testing.assert_array_equal(decoded(plots.ink(np.array([[0, 255, 55]], np.uint8))), [[255, 0, 200]])


def test_weights_are_orange_below_zero_blue_above_and_clear_at_it():
    found = decoded(plots.signed(np.array([[-127, 0, 127, 10]], np.int8)))
    assert found[0, :, 3].tolist() == [254, 0, 254, 20]
    assert found[0, 0, 0] > found[0, 0, 2]  # more red than blue
    assert found[0, 2, 0] < found[0, 2, 2]
