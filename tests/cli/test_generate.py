import json

import pytest

from cli.conftest import _cache_in
from cli.test_bad_input import refused
from cli.texts import QUICK_TEXT, TEXT
from jaxnn.cli.main import main


@pytest.fixture(scope="module")
def run(tmp_path_factory, cache_folder):
    """A run on a text."""
    folder = tmp_path_factory.mktemp("text")
    (folder / "book.txt").write_text(TEXT)
    with _cache_in(cache_folder):
        assert main(["train", str(folder / "book.txt"), *QUICK_TEXT, "--quiet", "--out", str(folder / "run")]) == 0
    return folder / "run"


def test_it_goes_on_from_the_prompt(shell, run):
    done = shell("generate", run, "the cat")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("the cat")
    assert len(done.out) == len("the cat") + 400 + 1
    assert set(done.out) <= set(TEXT)


def test_the_seed_decides(shell, run):
    length = ("--length", "60")
    first = shell("generate", run, "the", *length).out
    assert shell("generate", run, "the", *length, "--seed", "0").out == first
    assert shell("generate", run, "the", *length, "--seed", "1").out != first
    # what is the most probable depends on no seed
    coldest = {shell("generate", run, "the", *length, "--temperature", "0", "--seed", seed).out for seed in "012"}
    assert len(coldest) == 1
    assert shell("generate", run, "the", *length, "--top-k", "1").out in coldest


def test_json_and_a_file(shell, place, run):
    plain = shell("generate", run, "the", "--length", "30", "--top-k", "3", "--temperature", "1.5").out
    flags = ("--length", "30", "--top-k", "3", "--temperature", "1.5", "--json")
    document = json.loads(shell("generate", run, "the", *flags).out)
    assert document == {
        "prompt": "the", "text": plain[3:-1], "tokens": 30, "unit": "character", "temperature": 1.5, "top_k": 3,
        "seed": 0,
    }  # fmt: skip
    done = shell("generate", run, "the", *flags[:-1], "--out", "story.txt")
    assert done.out == ""
    assert done.err == "jaxnn: wrote 30 characters after the prompt to story.txt\n"
    assert (place / "story.txt").read_text() == plain[:-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([""], "PROMPT: got nothing; needed at least one character to go on from"),
        (["the Ωmega"], "PROMPT: got 2 unknown characters 'g', 'Ω'; needed one of the 14 that the model learnt"),
        (["the", "--length", "0"], "--length: got 0; needed a whole number from 1 to 1000000"),
        (["the", "--length", "ten"], "--length: got 'ten'; needed a whole number"),
        (["the", "--temperature", "-1"], "--temperature: got -1.0; needed a number of at least 0"),
        (["the", "--temperature", "nan"], "--temperature: got nan; needed a finite number of at least 0"),
        (["the", "--top-k", "15"], "--top-k: got 15; needed a whole number from 1 to 14"),
        (["the", "--top-k", "0"], "--top-k: got 0; needed a whole number from 1"),
        (["the", "--seed", "-1"], "--seed: got -1; needed a whole number from 0"),
        (["the", "--out", "no/such/a.txt"], "needed a file in a folder that is there"),
    ],
)
def test_bad_input_is_refused_in_one_line(arguments, said, shell, place, run):
    assert said in refused(shell, place, "generate", run, *arguments)


def test_what_writes_no_text_is_refused(shell, place, iris_run):
    said = refused(shell, place, "generate", iris_run, "the cat")
    assert said.endswith("got a model that writes no text; needed one that was trained with --task text.\n")
    assert "got no such" in refused(shell, place, "generate", "runs/none", "the cat")
    assert "Missing argument" in refused(shell, place, "generate", iris_run)
