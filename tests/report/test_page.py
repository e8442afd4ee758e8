import base64
import dataclasses
import hashlib
import json
import re

import pytest

from jaxnn.report import from_json, page, to_json, words
from reading import Read


def test_every_tag_closes_and_nothing_is_loaded(every_document):
    for document in every_document:
        read = Read(page(document))
        assert read.wrong == []
        for tag, attributes in read.tags:
            assert not [name for name in attributes if name.startswith("on")]
            address = attributes.get("src") or attributes.get("href") or "data:"
            assert address.startswith("data:"), (tag, address)
            assert tag not in ("iframe", "object", "embed", "form", "base", "audio", "video")
        assert [tag for tag, _ in read.tags].count("script") == 1


def test_names_are_text_alone(hostile_document):
    text = page(hostile_document)
    read = Read(text)
    shown = "".join(read.text)
    for name in ("<script>alert(1)</script>", "😀 {{ 7 * 7 }} {% raw %}", "`${alert(4)}`", "&lt;b&gt; &amp;"):
        assert name in shown
    assert "49 {% raw" not in shown
    assert [attributes for tag, attributes in read.tags if tag in ("svg", "img") and ("onload" in attributes)] == []
    assert "a" * 300 not in text  # long names are cut


def test_the_policy_allows_the_one_script(digits_document):
    text = page(digits_document)
    policy = next(a["content"] for tag, a in Read(text).tags if a.get("http-equiv") == "Content-Security-Policy")
    script = re.search(r"<script>(.*)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_pictures_and_tables_say_what_they_are(every_document):
    for document in every_document:
        read = Read(page(document))
        assert next(a for tag, a in read.tags if tag == "html")["lang"] == "en"
        assert all(a["role"] == "img" and a["aria-label"] for tag, a in read.tags if tag == "svg")
        assert all(a["alt"] for tag, a in read.tags if tag == "img")
        assert all(a["scope"] for tag, a in read.tags if tag == "th")
        ids = [a["id"] for _, a in read.tags if "id" in a]
        assert len(ids) == len(set(ids))


def contrast(first, second):
    """WCAG 2.2: (L1 + 0.05) / (L2 + 0.05) of the relative luminances."""

    def luminance(colour):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted([luminance(first), luminance(second)])
    return (high + 0.05) / (low + 0.05)


def test_text_stands_out_in_light_and_dark(digits_document):
    found = re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", page(digits_document))
    colours = {name: pair for name, *pair in found}
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    for scheme in (0, 1):
        for ink in ("ink", "soft", "a", "b", "c"):
            for paper in ("paper", "card", "sunken"):
                # 4.5 is what WCAG asks of text; headings and labels in colour stand on cards
                least = 4.5 if paper == "card" or ink in ("ink", "soft") else 3
                assert contrast(colours[ink][scheme], colours[paper][scheme]) >= least, (ink, paper, scheme)
        assert contrast(colours["on"][scheme], colours["a"][scheme]) >= 4.5


def test_the_headline_is_the_score(digits_document, diabetes_document, unscored_document):
    found = digits_document.classes
    assert words.headline(digits_document) == f"{words.percent(found.correct / found.rows)} right"
    lead = " ".join(words.lead(digits_document))
    assert f"it got {found.correct:,} right" in lead
    assert "359 test rows that it had never seen" in lead
    assert words.headline(diabetes_document).startswith("Typically off by ")
    assert "than always answering the mean of the training rows" in " ".join(words.lead(diabetes_document))
    assert words.headline(unscored_document) == "Trained for 3 epochs"
    assert "No rows were set aside" in " ".join(words.lead(unscored_document))


def test_a_network_no_better_than_guessing_is_told(digits_document):
    poor = dataclasses.replace(digits_document.classes, low=0.09, baseline=0.1)
    lead = words.lead(dataclasses.replace(digits_document, classes=poor))
    assert lead[-1].endswith("the network is not clearly better.")


def test_endings(digits_document):
    training = digits_document.training
    assert "Ctrl-C" in words.ending(dataclasses.replace(training, interrupted=True))
    diverged = dataclasses.replace(training, diverged=True, stopped_because="the loss was not finite at epoch 2")
    assert "The training diverged: the loss was not finite at epoch 2." in words.ending(diverged)
    held = dataclasses.replace(training, patience=None)
    assert words.ending(held).endswith("Without validation rows the weights of the last epoch, 3, were kept.")
    warned = page(dataclasses.replace(digits_document, training=dataclasses.replace(training, interrupted=True)))
    assert "<strong>Interrupted.</strong>" in warned


def test_a_search_is_told_with_its_numbers(searched_document):
    html = page(searched_document)
    assert "300 settings of 3 hyper-parameters were trained on 2 folds" in html
    assert "1,200 epochs in place of at most 5,400 (22.2\xa0%)" in html  # 1200 / 5400
    assert "accuracy 0.9, with a standard deviation of 0.01 between folds" in html
    # 0.01 / sqrt(2) = 0.0071: those at 0.8975 and 0.895 are nearer, that at 0.8925 is not
    assert "2 others lie within one standard error (0.00707) of the best" in html
    assert "20 settings diverged" in html
    assert "33 settings went all the way" in html


def test_a_report_of_before_there_were_searches_is_read(digits_document):
    found = json.loads(to_json(digits_document))
    assert found.pop("search") is None
    assert from_json(json.dumps(found)) == digits_document
