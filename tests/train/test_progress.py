"""What is shown while a run goes on."""

import io
import re
import sys

import pytest

from jaxnn.train import progress
from jaxnn.train.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def terminal(monkeypatch):
    """A function that makes stderr a terminal; in a fixture's own time pytest would undo it."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    def turn():
        stream = Terminal()
        monkeypatch.setattr(sys, "stderr", stream)
        return stream

    return turn


STEPS = [Progress(0, 50, {}, None), Progress(7, 50, {"loss": 0.5, "val_loss": 0.25, "val_accuracy": 0.875}, 75.0)]


def test_a_bar_when_asked_for(terminal):
    screen = terminal()
    with progress.reporter(True) as report:
        for step in STEPS:
            report(step)
    shown = screen.getvalue()
    assert "compiling, once" in shown
    for words in ("epoch 7/50", "loss 0.5000", "val 0.2500", "accuracy 0.8750", "at most 1:15"):
        assert words in shown


def test_a_bar_leaves_room_for_the_echo_of_ctrl_c(terminal):
    screen = terminal()
    with progress.reporter(True) as report:
        report(STEPS[1])
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", screen.getvalue()).replace("\r", "\n").splitlines()
    assert 60 < max(map(len, lines)) <= 77


def test_no_bar_for_a_short_run_or_when_not_wanted(terminal, monkeypatch):
    screen = terminal()
    for shown in (None, False):
        with progress.reporter(shown) as report:
            for step in STEPS:
                report(step)
    assert screen.getvalue() == ""
    monkeypatch.setattr(progress, "QUIET_SECONDS", 0.0)
    with progress.reporter(None) as report:
        report(STEPS[1])
    assert "epoch 7/50" in screen.getvalue()


def test_a_function_of_ones_own_is_called():
    seen = []
    with progress.reporter(seen.append) as report:
        report(STEPS[1])
    assert seen == [STEPS[1]]


@pytest.mark.parametrize(("seconds", "words"), [(0.2, "0:00"), (61, "1:01"), (3725, "1:02:05")])
def test_spans_are_told_in_hours_and_minutes(seconds, words):
    assert progress.span(seconds) == words
