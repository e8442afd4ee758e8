import itertools
import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from jaxnn import plots
from jaxnn.checks import JaxnnError
from jaxnn.plots.choices import apart, axis, said, score_scale
from plots.test_pictures import elements, points

START, END = 26, 354  # the ends of an axis of `parallel_coordinates`, 26 from the edges of 380
ROW = 58


def texts(svg):
    found = [element for element in ElementTree.fromstring(svg) if element.tag == "text"]
    return [element[0].tail if len(element) else element.text for element in found]  # behind the title


def search(settings=200, seed=0):
    """Settings of every kind, and accuracies that fall with the distance of the learning rate from 0.01."""
    rng = np.random.default_rng(seed)
    rate = 10 ** rng.uniform(-4, 0, settings)
    chosen = {
        "learning_rate": rate.tolist(),
        "hidden": [[(64,), (64, 32), ()][i] for i in rng.integers(0, 3, settings)],
        "dropout": [[None, 0.1, 0.5][i] for i in rng.integers(0, 3, settings)],
        "l2": [[0.0, 1e-4, 1e-2][i] for i in rng.integers(0, 3, settings)],
        "optimizer": [["adam", "sgd"][i] for i in rng.integers(0, 2, settings)],
    }
    return chosen, 0.9 - 0.1 * np.abs(np.log10(rate) + 2)


def test_an_axis_is_logarithmic_where_positive_numbers_span_a_factor_of_twenty():
    assert axis([1, 10, 100], 0, 100).places == pytest.approx([0, 50, 100])
    assert axis([1, 5, 19], 0, 90).places == pytest.approx([0, 20, 90])
    assert axis([-1, 10, 100], 0, 101).places == pytest.approx([0, 11, 101])
    even = np.linspace(0.001, 1, 100).tolist()  # a factor of 1,000 too, but drawn evenly
    assert axis(even, 0, 1).places == pytest.approx((np.array(even) - 0.001) / 0.999)
    whole = axis([16, 1024], 0, 100)
    assert whole.places == pytest.approx([0, 100]) and [word for _, word in whole.marks] == ["16", "1,024"]


def test_words_and_zeros_have_places_of_their_own():
    mixed = axis([None, 0.5, 0.0, None], 0, 100)
    # a slot of 24 for the word, its middle 12; the numbers on the rest
    assert mixed.places == pytest.approx([12, 100, 24, 12])
    assert mixed.is_number == [False, True, True, False]
    zero = axis([1e-4, 0.0, "off", 1e-2], 0, 100)
    assert zero.places == pytest.approx([48, 36, 12, 100])  # the zero lies next to the numbers
    assert [word for _, word in axis([1e-4, 0.0, "off", 1e-2], 0, 300).marks] == ["off", "0", "1e−4", "0.01"]
    many = axis([f"word {i}" for i in range(40)], 0, 300)
    assert sorted(set(many.places)) == pytest.approx([7.5 * (i + 0.5) for i in range(40)])
    assert [word for _, word in many.marks[:2]] == ["…0", "…3"] and len(many.marks) < 15  # as many as have room
    odd = axis([True, np.bool_(False), math.inf, 10**400, np.float32(0.5)], 0, 100)
    assert odd.is_number == [False, False, False, False, True]
    assert len(set(odd.places)) == 5


def test_one_value_lies_in_the_middle():
    assert axis([8, 8, 8], 0, 100).places == pytest.approx([50, 50, 50])
    assert axis(["relu"], 0, 100).places == [50]


def test_values_as_they_are_written():
    shown = [said(value) for value in (0.012345678, 12345, 1e6, (1024, 512), (), True, None, np.float32(0.1), "a")]
    assert shown == ["0.01235", "12,345", "1,000,000", "1024, 512", "none", "True", "None", "0.1", "a"]


def test_marks_do_not_overlap():
    kept = apart([(float(i), "0.001") for i in range(200)])
    assert all(after[0] - before[0] >= 5 * 8 for before, after in itertools.pairwise(kept))
    assert len(kept) == 5  # 41 for the letters and 5 between them, in 200


def test_scores_that_are_far_off_lie_at_the_end():
    _, beyond, log = score_scale([1.0, 0.8, 0.7, 0.1, 0.9], True, 0, 100)
    assert (beyond, log) == (None, False)
    # the best is 0.2 above the median: 4 times that below it is the edge
    scale, beyond, log = score_scale([1.0, 0.8, 0.7, -50.0, 0.9], True, 0, 100)
    assert beyond == pytest.approx(0.8 - 4 * 0.2) and scale(-50.0) == scale(beyond - 1) == 0 < scale(0.7)
    scale, beyond, _ = score_scale([0.1, 0.2, 0.3, 90.0, -0.5], False, 0, 100)
    assert beyond == pytest.approx(0.2 + 4 * 0.7) and scale(90.0) == 0 < scale(0.3) < scale(-0.5)
    # a loss that spans a factor of 20 has a logarithmic scale, where nothing is far off
    scale, beyond, log = score_scale([0.1, 10.0, 1000.0], False, 0, 100)
    assert log and beyond is None and scale(10.0) == pytest.approx(50) and scale(0.1) > scale(1000.0)


def test_every_setting_is_a_line_through_its_values():
    settings = {"width": [10, 20, 30], "optimizer": ["sgd", "adam", "sgd"], "l2": [1e-4, 1e-3, 1e-2]}
    svg = plots.parallel_coordinates(settings, [0.7, 0.9, 0.8], True, "accuracy")
    ((_, best, said_of_best),) = elements(svg, "l b")
    middle = (START + END) / 2
    # the middle number, the second of two words, the middle power of ten; 0.9 is the right end less 4 % of the span
    assert [x for x, _ in points(best["d"])] == pytest.approx(
        [middle, START + (END - START) * 0.75, middle, END - (END - START) * 0.04 / 1.08], abs=0.01
    )
    assert [y for _, y in points(best["d"])] == [22, 22 + ROW, 22 + 2 * ROW, 22 + 3 * ROW]
    assert said_of_best == "the best: width 20, optimizer adam, l2 0.001: accuracy 0.9"
    assert len(elements(svg, "l rest")) == 2 and not elements(svg, "l a thin")  # a tenth of 3 is 1
    assert "accuracy → better" in texts(svg)
    label = ElementTree.fromstring(svg).attrib["aria-label"]
    assert label.startswith("Parallel coordinates: 3 settings of 3 hyper-parameters; the best accuracy is 0.9 with w")


def test_lower_is_better_lies_to_the_right_too():
    svg = plots.parallel_coordinates({"width": [1, 2, 3]}, [3.0, 1.0, 2.0], False)
    ((_, best, _),) = elements(svg, "l b")
    others = [points(line["d"])[-1][0] for _, line, _ in elements(svg, "l rest")]
    assert points(best["d"])[0][0] == (START + END) / 2
    assert points(best["d"])[-1][0] > max(others)


def test_settings_that_diverged_have_a_place_of_their_own():
    svg = plots.parallel_coordinates({"width": [1, 2, 3, 4]}, [0.5, np.nan, 0.7, np.inf], True)
    lost = elements(svg, "l rest broken")
    assert [points(line["d"])[-1][0] for _, line, _ in lost] == [START + 8] * 2
    finite = [points(line["d"])[-1][0] for _, line, _ in elements(svg, "l rest") + elements(svg, "l b")]
    assert min(finite) > START + 40
    assert "diverged" in texts(svg) and "2 diverged" in texts(svg)
    everything = plots.parallel_coordinates({"width": [1, 2]}, [np.nan, np.nan], True)
    assert "all diverged" in everything and len(elements(everything, "l rest broken")) == 2
    assert not elements(everything, "l b")


def test_of_many_settings_the_best_and_an_even_sample_are_drawn():
    settings, scores = search(2048)
    svg = plots.parallel_coordinates(settings, scores, True)
    best, top, rest = (elements(svg, kind) for kind in ("l b", "l a thin", "l rest"))
    assert len(best) + len(top) + len(rest) == 500
    assert "500 of 2,048 settings drawn" in texts(svg)
    # of the best 205 the first 50, and of the others those whose rank in 450 even steps of 1,997 / 449 is below 205
    assert len(best) + len(top) == 50 + sum(50 + i * 1997 / 449 < 204.5 for i in range(450))
    assert len(svg) < 100_000
    few = plots.parallel_coordinates({"width": list(range(500))}, np.arange(500.0), True)
    assert not [text for text in texts(few) if "drawn" in text]


def test_marginals_have_a_dot_for_every_setting_and_the_median_of_each_value():
    pictures = plots.marginals({"width": [1, 1, 1, 2], "optimizer": ["a", "a", "b", "b"]}, [1, 2, 6, 9], True, "r")
    assert list(pictures) == ["width", "optimizer"]
    svg = pictures["width"]
    dots = elements(svg, "f a point")
    assert len(dots) == 4
    best, median = ([title for _, _, title in elements(svg, kind)] for kind in ("l c", "l b"))
    assert best == ["width 1: best 6", "width 2: best 9"]
    assert median == ["width 1: median of 3 settings 2", "width 2: median of 1 setting 9"]
    # the bar of the median of width 1 is as high as the dot of score 2, under those of 9 and 6, and on their line
    ((x0, y0), (x1, y1)) = points(elements(svg, "l b")[0][1]["d"])
    places = sorted((float(dot["cy"]), float(dot["cx"])) for _, dot, _ in dots)
    assert y0 == y1 == places[2][0]
    assert (x0 + x1) / 2 == places[1][1] == places[2][1] == 60 + 16 and places[0][1] == 370 - 18
    assert len(elements(svg, "l b thin")) == len(elements(svg, "l c thin")) == 1  # from number to number
    assert not elements(pictures["optimizer"], "l b thin")  # between words is nothing


def test_many_numbers_are_taken_together():
    settings, scores = search(400)
    svg = plots.marginals(settings, scores, True)["learning_rate"]
    groups = [title for _, _, title in elements(svg, "f b")]
    assert len(groups) == 8 and all(re.search(r"median of 50 settings", title) for title in groups)
    # the first group holds the 50 smallest rates
    ordered = np.argsort(settings["learning_rate"])[:50]
    low, high = (said(settings["learning_rate"][i]) for i in (ordered[0], ordered[-1]))
    median = said(float(np.median(scores[ordered])))
    assert groups[0] == f"learning_rate {low} to {high}: median of 50 settings {median}"


def test_marginals_mark_what_diverged_at_the_bad_end():
    for higher, bad in ((True, max), (False, min)):
        svg = plots.marginals({"width": [1, 2, 3]}, [0.5, np.nan, 0.7], higher)["width"]
        (cross,) = [line for _, line, _ in elements(svg, "l thin b")]
        dots = [float(dot["cy"]) for _, dot, _ in elements(svg, "f a point")]
        y = float(re.match(r"M[\d.]+,([\d.]+)", cross["d"])[1]) + 3
        assert bad([y, *dots]) == y
        assert "1 diverged" in texts(svg)
    far = plots.marginals({"width": [1, 2, 3, 4, 5]}, [0.9, 0.8, 0.7, 0.85, -1e9], True)["width"]
    assert "1 below 0.4, at the edge" in texts(far)  # 0.8 - 4 * (0.9 - 0.8) = 0.4


def test_bands_of_few_runs_are_a_standard_deviation_wide():
    runs = np.array([[1.0, 4.0], [3.0, 8.0], [2.0, 6.0]])  # means 2 and 6, deviations 1 and 2
    svg = plots.score_bands([1, 2], {"runs": runs}, "loss")
    ((_, line, title),) = elements(svg, "l a")
    ((_, band, _),) = elements(svg, "f a band")
    assert title == "runs: mean of 3 runs, and one standard deviation"
    outline, middle = points(band["d"]), points(line["d"])
    unit = (outline[0][1] - outline[1][1]) / 5  # of the upper edge, from 3 to 8
    assert [y for _, y in outline] == pytest.approx(
        [middle[0][1] - unit, middle[1][1] - 2 * unit, middle[1][1] + 2 * unit, middle[0][1] + unit], abs=0.2
    )
    assert middle[0][1] - middle[1][1] == pytest.approx(4 * unit, abs=0.2)


def test_bands_of_many_runs_hold_the_middle_of_them():
    runs = np.tile(np.arange(11.0)[:, None], 3)
    runs[10] = 1e6  # one that went wrong moves the mean, not the median
    svg = plots.score_bands([1, 2, 3], {"runs": runs, "zero": [[0.0, 0.0, 0.0]]}, "loss")
    line, title = next((line, title) for _, line, title in elements(svg, "l a") if title)
    ((_, zero, _),) = [found for found in elements(svg, "l b") if found[2]]
    assert "median of 11 runs" in title and "80 %" in title
    assert re.search("runs: median .*: 5 at 1", " ".join(t for _, _, t in elements(svg, "f a")))
    ((_, band, _),) = elements(svg, "f a band")
    ys = [y for _, y in points(band["d"])]
    middle = points(line["d"])[0][1]
    unit = (points(zero["d"])[0][1] - middle) / 5
    assert [middle - min(ys), max(ys) - middle] == pytest.approx([4 * unit] * 2, abs=0.2)  # 1 and 9, around 5


def test_runs_that_stopped_leave_the_others():
    runs = np.array([[1.0, np.nan, np.nan, np.nan, 2.0], [3.0, 5.0, np.nan, 4.0, 2.0]])
    svg = plots.score_bands([1, 2, 3, 4, 5], {"runs": runs}, "loss")
    shown = [title.partition("deviation: ")[2] for _, _, title in elements(svg, "f a")]
    assert shown == ["2 at 1", "5 at 2", "4 at 4", "2 at 5"]
    assert len(elements(svg, "l a")) == 2  # a gap at 3
    assert "nan" not in svg
    empty = plots.score_bands([1, 2], {"runs": [[np.nan, np.nan]]}, "loss")
    assert not elements(empty, "l a")


def test_scales_of_bands():
    svg = plots.score_bands([10, 100, 1000], {"a": [[1.0, 0.1, 0.01]]}, "loss", "training rows", log_across=True)
    assert {"loss (log scale)", "training rows (log scale)"} <= set(texts(svg))
    ((_, line, title),) = elements(svg, "l a")
    (x0, y0), (x1, y1), (x2, y2) = points(line["d"])
    assert x1 - x0 == pytest.approx(x2 - x1) and y1 - y0 == pytest.approx(y2 - y1)
    assert title == "a: loss of one run"
    high = plots.score_bands([1, 2], {"a": [[0.9, 1.0], [0.95, 1.0]]}, "accuracy", most=1.0)
    shown = [float(text) for text in texts(high) if re.fullmatch(r"[\d.]+", text)]
    assert 1.0 in shown and not [value for value in shown if 1 < value < 2]


def test_up_to_six_curves_are_told_apart():
    names = [f"a network of width {2**i}, learning_rate=0.01, and more than that" for i in range(6)]
    svg = plots.score_bands([1, 2], {name: [[1.0, i]] for i, name in enumerate(names)}, "loss")
    lines = [line for colour in "abc" for _, line, title in elements(svg, f"l {colour}") if title]
    assert len(lines) == 6 and sum("stroke-dasharray" in line for line in lines) == 3
    legend = [text for text in texts(svg) if text.startswith("a network")]
    assert len(set(legend)) == 6 and max(map(len, legend)) == 40
    alike = {f"learning_rate=0.01, optimizer=adam, dropout=0.1, width={i}": [[1.0, 2.0]] for i in (8, 16)}
    assert [text for text in texts(plots.score_bands([1, 2], alike, "loss")) if "…" in text] == ["…8", "…16"]


def test_rungs_are_steps():
    svg = plots.rungs([1, 3, 9], [9, 3, 1], "trained 21 of 81 epochs")
    ((_, line, _),) = elements(svg, "l a")
    # along 9 settings to epoch 1, down to 3, along to epoch 3, down to 1, along to epoch 9
    steps = points(line["d"])
    assert len(steps) == 6
    assert [a[0] == b[0] for a, b in itertools.pairwise(steps)] == [False, True, False, True, False]
    assert "trained 21 of 81 epochs" in texts(svg)
    assert [title for _, _, title in elements(svg, "f dot a")] == [
        "9 settings up to epoch 1", "3 settings up to epoch 3", "1 setting up to epoch 9",
    ]  # fmt: skip
    assert "36" in texts(plots.rungs([5], [36]))
    even = plots.rungs([8, 16, 32, 64, 128], [256, 128, 64, 32, 16])  # ratios are equal lengths
    ((_, line, _),) = elements(even, "l a")
    corners = points(line["d"])[1::2]
    assert len({round(b[0] - a[0], 1) for a, b in itertools.pairwise(corners)}) == 1


def test_a_reliability_diagram_has_the_accuracy_and_what_it_lacks():
    sure, right = [None, 0.4, 0.6, 0.9], [None, 0.3, 0.8, 0.9]
    svg = plots.reliability_diagram([0.0, 0.25, 0.5, 0.75, 1.0], sure, right, [0, 10, 40, 50])
    height = 216 - 12  # of the axes
    solid, over, under = (elements(svg, kind) for kind in ("f a", "f b faint", "f c"))
    assert [float(a["height"]) for _, a, _ in solid] == pytest.approx(
        [0.3 * height, 0.6 * height, 0.9 * height], abs=0.01
    )
    assert [float(a["height"]) for _, a, _ in over] == pytest.approx([0.1 * height], abs=0.01)
    assert [float(a["height"]) for _, a, _ in under] == pytest.approx([0.2 * height, 0], abs=0.01)
    assert float(under[0][1]["y"]) == pytest.approx(216 - 0.8 * height, abs=0.01)  # up to the accuracy
    counts = [float(a["height"]) for _, a, _ in elements(svg, "f a faint")]
    assert counts == pytest.approx([46 * 10 / 50, 46 * 40 / 50, 46], abs=0.01)
    assert "ECE 0.09" in texts(svg)  # (10 * 0.1 + 40 * 0.2) / 100
    assert solid[0][2] == "25% to 50%: 10 rows, 40% sure, 30% right"
    nothing = plots.reliability_diagram([0.0, 1.0], [math.nan], [math.nan], [0])
    assert not elements(nothing, "f a") and "nan" not in nothing


def drawn():
    """Every picture of this file, with names that are long, hostile and many."""
    hostile = "<b>&'\"" + "momentum of the optimizer " * 4
    settings, scores = search(60)
    settings |= {hostile: [f"{hostile} {i % 7}" for i in range(60)], "width": [2 ** (i % 9) for i in range(60)]}
    lost, far = scores.copy(), scores.copy()
    lost[::9], far[::5] = np.nan, -1e6
    for values, higher in ((scores, True), (lost, True), (far, True), (10**-lost, False), (1e5 * lost, False)):
        yield plots.parallel_coordinates(settings, values, higher, "validation score")
        yield from plots.marginals(settings, values, higher, "validation score").values()
    runs = np.exp(np.random.default_rng(0).normal(size=(12, 40))) * np.exp(-np.arange(40) / 6)
    yield plots.score_bands(range(1, 41), {hostile: runs, "b": runs[:5], "c": runs[:1]}, hostile)
    yield plots.score_bands([50, 100, 200, 400, 1347], {"a": runs[:, :5]}, "loss", "training rows", log_across=True)
    yield plots.score_bands([7], {"a": runs[:, :1]}, "loss")
    yield plots.rungs([1, 3, 9, 27, 81], [81, 27, 9, 3, 1])
    yield plots.rungs([8, 16, 32, 64, 128, 256, 512], [4096, 2048, 1024, 512, 256, 128, 64])
    yield plots.rungs([90, 100, 100], [1200, 600, 700], "trained 2,345,678 of 3,456,789 epochs, 68 %")
    yield plots.reliability_diagram(np.linspace(0, 1, 16), np.linspace(0, 1, 16)[1:], [0.5] * 15, [12_345] * 15)


def test_no_picture_has_an_id_or_a_colour_of_its_own():
    for svg in drawn():
        ElementTree.fromstring(svg)
        assert not re.search(r'\b(id|fill|stroke|style)="', svg), svg
        assert "nan" not in svg and "inf" not in svg


ONE = {"width": [1, 2]}


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plots.parallel_coordinates({}, [1.0], True), "settings: got no hyper-parameter"),
        (lambda: plots.parallel_coordinates(ONE, [1.0], True), r"settings\['width'\]: got 2 values; needed 1"),
        (lambda: plots.marginals(ONE, [[1.0, 2.0]], True), r"scores: got shape \(1, 2\)"),
        (lambda: plots.marginals(ONE, [], True), r"scores: got shape \(0,\)"),
        (lambda: plots.score_bands([1, 2], {}, "loss"), "curves: got 0; needed one to six"),
        (lambda: plots.score_bands([1, 2], {"a": [1.0, 2.0]}, "loss"), r"curves\['a'\]: got shape \(2,\); needed \(r"),
        (lambda: plots.score_bands([2, 1], {"a": [[1.0, 2.0]]}, "loss"), "x: got .* ascending"),
        (lambda: plots.score_bands([0, 1], {"a": [[1.0, 2.0]]}, "l", log_across=True), "x: got 0 for a logarithmic"),
        (lambda: plots.rungs([1, 2], [3]), r"alive: got shape \(1,\)"),
        (lambda: plots.rungs([2, 1], [3, 1]), "epochs: got 2, 1; needed whole numbers from 1"),
        (lambda: plots.rungs([1, 2], [3, 0]), "alive: got 3, 0; needed whole numbers of at least 1"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_said(call, words):
    with pytest.raises(JaxnnError, match=words):
        call()
