"""What the README shows works: its Python runs as it stands, its commands exist with the options they are given."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import quick

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(text, language):
    """The contents of a text's fenced blocks of a language, in order."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def commands(text):
    """The command lines of a text's console blocks (those after `$ `), lines ended by a backslash joined, as words."""
    lines = [line for block in blocks(text, "console") for line in block.replace("\\\n", " ").splitlines()]
    return [shlex.split(line[2:], comments=True) for line in lines if line.startswith("$ ")]


def shell_command():
    """The command tree of `jaxnn`, from typer."""
    import typer

    from jaxnn.cli.app import app

    return typer.main.get_command(app)


def wrong_words(words, command):
    """The words after `jaxnn` that name neither a subcommand where one is due nor an option that it has."""
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        if words[0] not in command.commands:
            return [words[0]]
        command, words = command.commands[words[0]], words[1:]
    known = {"--help"}.union(*({*option.opts, *option.secondary_opts} for option in command.params))
    return [word for word in words if word.startswith("-") and word.split("=")[0] not in known]


def test_python_blocks_run_in_order(tmp_path):
    code = "\n".join(blocks(README, "python"))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | quick.ENVIRONMENT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_commands_of_jaxnn_exist():
    given = [words[1:] for words in commands(README) if words[0] == "jaxnn"]
    if given:
        command = shell_command()
        assert {shlex.join(words): wrong_words(words, command) for words in given if wrong_words(words, command)} == {}


def test_scripts_exist_and_can_be_started():
    named = {words[0] for words in commands(README) if "/" in words[0]}
    assert named >= {"scripts/demo", "scripts/test"}
    assert [name for name in sorted(named) if not os.access(ROOT / name, os.X_OK)] == []


def test_links_lead_to_files():
    targets = re.findall(r"\]\(([^)#:]+)\)", README)
    assert [target for target in targets if not (ROOT / target).exists()] == []


def table_rows(text):
    """The lines of a text's tables, each as its cells."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


PRINTED = ("bench.md", "bench-layers.md", "bench-estimators.md", "bench-tables.md", "bench-search.md")


def test_figures_are_those_of_the_bench():
    printed = "\n".join((ROOT / "docs" / name).read_text("utf-8") for name in PRINTED)
    quoted = [row for row in table_rows(README) if any(cell[:1].isdigit() for cell in row[1:])]
    quoted += [row for row in table_rows(README) if row[1] in ("R2", "accuracy")]
    assert len(quoted) > 20
    assert [row for row in quoted if row not in table_rows(printed)] == []
    assert re.search(r"^- date: (.*)$", printed, re.MULTILINE)[1] in README


# The readers above, on a small text.

TEXT = """
```python
a = 1
```
```console
$ jaxnn train digits \\
    --out x   # a remark
epoch 1
$ scripts/demo
```
"""


def test_blocks_and_commands_are_found():
    assert blocks(TEXT, "python") == ["a = 1\n"]
    assert commands(TEXT) == [["jaxnn", "train", "digits", "--out", "x"], ["scripts/demo"]]


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["train", "digits", "--out", "x", "--plain=3", "-o", "y", "--no-plain", "--help"], []),
        (["trian", "digits"], ["trian"]),
        (["train", "digits", "--oot", "x"], ["--oot"]),
        (["show", "--out"], ["--out"]),
    ],
)
def test_wrong_words_are_seen(words, wrong):
    import typer

    app = typer.Typer()

    @app.command()
    def train(data: str, out: str = typer.Option("", "--out", "-o"), plain: bool = False) -> None:
        pass

    @app.command()
    def show(run: str) -> None:
        pass

    assert wrong_words(words, typer.main.get_command(app)) == wrong
