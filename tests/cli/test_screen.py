import io
import sys

import pytest

from jaxnn.cli import screen


@pytest.mark.parametrize(
    ("text", "line"),
    [("a\nb\r\n c", "a b c"), ("\x1b[31mred", "\\x1b[31mred"), ("Grüße", "Grüße"), ("a\u202eb", "a\\u202eb")],
)
def test_a_message_is_one_line_that_steers_no_terminal(text, line, capsys):
    assert screen.one_line(text) == line
    screen.say(text)
    assert capsys.readouterr().err == f"jaxnn: {line}\n"


def test_a_table_is_whole_where_there_is_no_terminal(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    screen.table(["name", "count"], [["x" * 300, "1"], ["[bold]y[/bold] :smile:", "22"]], right=(1,))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f"{'name':300}  count", f"{'x' * 300}      1", f"{'[bold]y[/bold] :smile:':300}     22"]


def test_facts_stand_in_two_columns(capsys):
    screen.facts([("a", "one"), ("", "two"), ("long", "three")])
    assert capsys.readouterr().out.splitlines() == ["a     one", "      two", "long  three"]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_gets_colours_and_its_own_width(monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys, "stdout", Terminal())
    screen.facts([("label", "word " * 20)])
    shown = sys.stdout.getvalue()
    assert "\x1b[1mlabel" in shown
    assert max(map(len, shown.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())) <= 30


def test_closed_stderr_is_no_trouble(monkeypatch):
    closed = io.StringIO()
    closed.close()
    monkeypatch.setattr(sys, "stderr", closed)
    screen.say("nobody hears")


def test_a_terminal_breaks_lines_between_words_only(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("TERM", "xterm")
    path = "/a/long/path/that/has/more/than/forty/letters.csv"
    monkeypatch.setattr(sys, "stderr", Terminal())
    screen.say(f"cannot read {path}; needed a table that can be read")
    lines = sys.stderr.getvalue().splitlines()
    assert lines[1] == f"       {path};"
    assert [line[:7] for line in lines] == ["jaxnn: ", *["       "] * (len(lines) - 1)]
    monkeypatch.setattr(sys, "stdout", Terminal())
    screen.facts([("file", f"{path}, 100 bytes"), ("a", "b")])
    lines = sys.stdout.getvalue().replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert lines == [f"file  {path},", "      100 bytes", "a     b"]
