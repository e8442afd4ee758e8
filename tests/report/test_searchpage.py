"""The page of a search made in Python: whole HTML, a row for each setting, hostile names as text."""

import numpy as np

import jaxnn as nn
from jaxnn.report import search_page
from jaxnn.report.searchpage import pictures
from reading import Read

X = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
Y = (X[:, 0] > 0).astype(np.int32)


def test_a_page_shows_every_setting(quick_compiles):
    grid = {"learning_rate": [0.001, 0.012345678, 0.1], "optimizer": ["sgd", "adam"]}
    net, title = nn.models.mlp((3,), 2), "<script>alert(1)</script>"
    found = nn.search(
        net, (X, Y), nn.losses.softmax_cross_entropy, grid=grid, epochs=9, folds=2, schedule="halving", refit=False
    )
    drawn = pictures(found)
    assert list(drawn) == [
        "Every setting at once", "learning_rate", "optimizer", "How the best ones learnt", "Who was left"
    ]  # fmt: skip
    read = Read(search_page(found, title))
    assert not read.wrong and not any(tag == "script" for tag, _ in read.tags)
    text = " ".join(read.text)
    assert title in text and "0.01235" in text and "6 settings on 2 splits" in text
    assert sum(tag == "tr" for tag, _ in read.tags) == 1 + 6
