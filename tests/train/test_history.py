"""The history of a run, as a mapping and as a table."""

import numpy as np
import pytest

import jaxnn as nn


def test_columns_grow_and_read_back_to_the_same_bits():
    history = nn.History({"loss": [], "val_loss": []}).extended({"loss": [0.1, 1 / 3], "val_loss": [1.0, 2.0]})
    history = history.extended({"loss": [1e-30], "val_loss": [np.nan]})
    assert history.epochs == 3 and list(history) == ["loss", "val_loss"] and len(history) == 2
    lines = history.csv().splitlines()
    assert lines[0] == "epoch,loss,val_loss" and [line.split(",")[0] for line in lines[1:]] == ["1", "2", "3"]
    assert [float(line.split(",")[1]) for line in lines[1:]] == [0.1, 1 / 3, 1e-30]
    assert repr(history) == "History(3 epochs: loss 0.1 -> 1e-30, val_loss 1 -> nan)"
    with pytest.raises(KeyError):
        history["accuracy"]


def test_nothing_yet():
    assert nn.History({}).epochs == 0 and repr(nn.History({"loss": []})) == "History(0 epochs)"
