"""From the document of a report to its page: pictures and sentences for the template."""

import base64
import binascii
import functools
import hashlib
import math
from pathlib import Path
from typing import Any

import numpy as np

from jaxnn import plots
from jaxnn.checks import fail
from jaxnn.plots.drawing import LEFT, RIGHT, WIDTH
from jaxnn.report import searchwords, textwords, words
from jaxnn.report.document import Curve, Document, OneClass, Pictures, Training
from jaxnn.report.searched import Searched

HERE = Path(__file__).parent


def page(document: Document) -> str:
    """Return the report as one HTML file that needs no other.

    Args:
        document: the numbers.

    Returns:
        HTML; equal documents give equal text.

    Raises:
        JaxnnError: if an image in the document is not as large as it says.

    >>> from jaxnn.report.document import Data
    >>> data = Data("iris", "", 150, 4, "species", "", 120, 15, 15)
    >>> training = Training(10, None, 10, 10, 40, "all 10 epochs done", False, False, (), ())
    >>> document = Document(2, "regression", data, "", training, None, None, (), None, (), (), (), (), 4, 35, (), ())
    >>> page(document)[:15], "Trained for 10 epochs" in page(document)
    ('<!DOCTYPE html>', True)
    """
    style, script = (asset(name) for name in ("report.css", "report.js"))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    shown = {
        "doc": document, "words": words, "style": style, "script": script, "script_digest": digest,
        "gauge": _gauge(document), "curves": _curves(document.training), "classes": _classes(document),
        "values": _values(document), "writing": _writing(document), "text": textwords,
        "search": _search(document.search), "tried": searchwords,
        "worst": _worst(document), "pictures": _pictures(document.pictures),
        "settings": sorted(document.settings, key=lambda setting: not setting.changed),
    }  # fmt: skip
    return template("report.html.j2").render(shown)


@functools.cache
def asset(name: str) -> str:
    """Return the text of a file beside this one."""
    return (HERE / name).read_text(encoding="utf-8")


@functools.cache
def template(name: str) -> Any:
    """Return a template beside this file."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"percent": words.percent, "short": words.short, "cut": plots.cut}
    return environment.get_template(name)


def _drawn(svg: str) -> Any:
    """Mark a picture as HTML: `Picture` has escaped all the text in it."""
    import markupsafe

    return markupsafe.Markup(svg)


def _gauge(document: Document) -> Any:
    found = document.classes
    if found is None:
        return None
    said = (
        f"{words.percent(found.accuracy)} right, 95 % interval {words.percent(found.low)} to "
        f"{words.percent(found.high)}; guessing: {words.percent(found.baseline)}"
    )
    return _drawn(plots.gauge(found.accuracy, found.low, found.high, found.baseline, said))


def _curves(training: Training) -> list[tuple[Curve, Any]]:
    if not training.epochs:
        return []
    epochs, kept = training.epochs, training.kept
    drawn = []
    for curve in training.curves:
        most = 1.0 if curve.name == "accuracy" else None
        svg = plots.learning_curve(curve.name, epochs, curve.training, curve.validation, kept, most)
        drawn.append((curve, _drawn(svg)))
    return drawn


def _classes(document: Document) -> dict[str, Any] | None:
    found = document.classes
    if found is None:
        return None
    sureness = None
    if (bins := found.calibration) is not None:
        rows = [good + bad for good, bad in zip(bins.right, bins.wrong, strict=True)]
        known = [
            (c, a, n)
            for c, a, n in zip(bins.confidence, bins.accuracy, rows, strict=True)
            if c is not None and a is not None
        ]
        sureness = {
            "curve": _drawn(plots.calibration(*(list(column) for column in zip(*known, strict=True)))) if known else "",
            "histogram": _drawn(plots.confidence(bins.edges, bins.right, bins.wrong)),
        }
    many = len(found.shown) > 12
    matrix = plots.confusion(found.confusion, found.shown)
    return {
        "confusion": _drawn(matrix), "many": many, "wide": many or max(map(len, found.shown)) > 14,
        "sureness": sureness, "sweeps": [_sweep(one) for one in found.sweeps],
    }  # fmt: skip


def _sweep(one: OneClass) -> dict[str, Any]:
    at = max((i for i, threshold in enumerate(one.thresholds) if threshold <= 0.5), default=None)
    return {
        "one": one, "roc": _drawn(plots.roc(one.false_positive, one.true_positive, one.area)),
        "curve": _drawn(plots.threshold_sweep(one.thresholds, one.precision, one.recall, one.f1)),
        "numbers": {
            "t": one.thresholds, "p": one.precision, "r": one.recall, "f": one.f1, "left": LEFT, "right": WIDTH - RIGHT,
        },
        "now": None if at is None else (one.precision[at], one.recall[at], one.f1[at]),
    }  # fmt: skip


def _values(document: Document) -> dict[str, Any] | None:
    found = document.values
    if found is None:
        return None
    errors = [p - t for p, t in zip(found.predicted, found.truth, strict=True)]
    bars = [("this network", found.rmse), ("always the mean", found.baseline)]
    known = [(name, value) for name, value in bars if value is not None and value >= 0]
    said = "Bars: " + ", ".join(f"{name} is off by {words.short(value)}" for name, value in known)
    return {
        "scatter": _drawn(plots.predicted_against_true(found.truth, found.predicted, document.data.target)),
        "residuals": _drawn(plots.residuals(found.predicted, errors)),
        "histogram": _drawn(plots.error_histogram(found.edges, found.counts)),
        "bars": _drawn(plots.bars(known, said)),
    }  # fmt: skip


def _writing(document: Document) -> Any:
    """The bars of a network that learnt a text, if it was scored."""
    found = document.writing
    if found is None or found.bits is None:
        return None
    bars = [("this network", found.bits), ("by frequency", found.frequency), ("at random", math.log2(found.vocabulary))]
    known = [(name, value) for name, value in bars if value is not None and value >= 0]
    said = "Bars: " + ", ".join(f"{name} takes {words.short(value)} bits" for name, value in known)
    return _drawn(plots.bars(known, said))


def _search(found: Searched | None) -> dict[str, Any] | None:
    """The pictures of a search, if the settings come from one."""
    if found is None:
        return None
    given = (found.columns(), found.means(), found.higher_is_better, found.metric)
    alone = list(plots.marginals(*given).items())[: searchwords.PICTURES]
    bands = {
        f"{band.rank}: {', '.join(found.rows[band.rank - 1].values)}": np.array(band.runs, np.float64)
        for band in found.bands if band.rank <= len(found.rows)
    }  # fmt: skip
    known = {name: runs for name, runs in bands.items() if np.isfinite(runs).any()}
    return {
        "parallel": _drawn(plots.parallel_coordinates(*given)),
        "marginals": [(name, _drawn(svg)) for name, svg in alone],
        "bands": _drawn(plots.score_bands(found.epochs, known, found.watched)) if known else "",
        "rungs": _drawn(plots.rungs([epoch for epoch, _ in found.rungs], [many for _, many in found.rungs]))
        if found.rungs
        else "",
        "status": any(row.status != "done" for row in found.rows),
    }


def _worst(document: Document) -> dict[str, Any]:
    examples = document.worst
    images: list[str | None] = []
    for example in examples:
        pixels = document.pictures and example.image and _pixels(example.image, document.pictures.shape, np.uint8)
        images.append(plots.ink(pixels) if isinstance(pixels, np.ndarray) else None)
    drawn = bool(images) and all(image is not None for image in images)
    names = [name for name, _ in examples[0].cells] if examples else []
    return {"images": drawn, "rows": list(zip(examples, images, strict=True)), "names": names}


def _pictures(found: Pictures | None) -> dict[str, Any] | None:
    if found is None or not (found.means or found.weights):
        return None
    return {
        "means": [(one.name, plots.ink(_pixels(one.image, found.shape, np.uint8))) for one in found.means],
        "weights": [(one.name, plots.signed(_pixels(one.image, found.shape[:2], np.int8))) for one in found.weights],
    }


def _pixels(text: str, shape: tuple[int, ...], kind: Any) -> np.ndarray:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data = b""
    if len(data) != np.prod(shape):
        fail("report.json", "an image that is not as large as it says", "what jaxnn train wrote")
    return np.frombuffer(data, kind).reshape(shape)
