import json

from bench.interleaved import Row, Timings
from bench.result import Grid, Result, agreement, as_json, as_markdown

SECONDS = {"fit": [1.0, 2.0], "other": [4.0, 4.0], "control": [4.1, 4.0]}
QUIET = Timings("a title", SECONDS, "other")


def rows_of(text):
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_what_we_lose_comes_first_over_all_tables():
    one = Result(QUIET, [Row("won", 0.2, (0.1, 0.3)), Row("slower", 1.02, (1.0, 1.1), 1.1, "at most 1.10")])
    other = Result(QUIET, [Row("not met", 0.5, (0.4, 0.6), 0.1, "at most 0.10"), Row("count", 1.0006, None, 1.005)])
    table = rows_of(as_markdown({"date": "d"}, {"product": 480.4}, [one, other]))[2:6]
    assert table == [
        ["slower", "1.020 (1.000-1.100)", "at most 1.10", "yes"],
        ["count", "1.0006", "", "yes"],
        ["not met", "0.500 (0.400-0.600)", "at most 0.10", "NO"],
        ["won", "0.200 (0.100-0.300)", "", ""],
    ]


def test_a_void_table_shows_no_ratio():
    restless = Timings("a title", SECONDS | {"control": [5.0, 5.0]}, "other")
    for result in (Result(restless, [Row("won", 0.2)]), Result(QUIET, [Row("won", 0.2)], differing="other losses")):
        text = as_markdown({}, {}, [result])
        assert "won" not in text
        assert f"**VOID: {result.void}; its ratios are left out.**" in text
    assert "1.250 times" in Result(restless).void


def test_seconds_grids_and_notes_are_there():
    result = Result(QUIET, [], [Grid("More", ("a", "b"), [("1", "2")])], ["Not installed: x."])
    text = as_markdown({"XLA_FLAGS": "none"}, {}, [result])
    assert rows_of(text)[2:4] == [["fit", "1", "1.5", "2"], ["other", "4", "4", "2"]]
    assert rows_of(text)[4:] == [["a", "b"], ["-", "-"], ["1", "2"]]
    assert text.startswith("- XLA_FLAGS: none\n")
    assert text.endswith("\n\nNot installed: x.\n")


def test_a_table_without_times():
    result = Result(None, [], [Grid("Scores", ("a",), [("1",)])], title="what it is about")
    assert "### what it is about\n\nScores:\n\n| a |" in as_markdown({}, {}, [result])
    assert as_json({}, {}, [result])["tables"][0]["title"] == "what it is about"


def test_json_has_every_second():
    text = json.dumps(as_json({"date": "d"}, {"product": 1.0}, [Result(QUIET, [Row("a", 0.5, (0.4, 0.6), 1.0)])]))
    found = json.loads(text)["tables"][0]
    assert found["seconds"] == SECONDS
    row = {"what": "a", "ratio": 0.5, "interval": [0.4, 0.6], "at_most": 1.0, "aim": "", "met": True}
    assert found["ratios"] == [row]


def test_other_losses_are_told():
    said, why = agreement({"a": [1.0, 1.2], "b": [1.2], "c": [1.3]}, 0.25)
    assert why == ""
    assert "a 1.10000 (2); b 1.20000 (1); c 1.30000 (1)" in said
    assert agreement({"a": [1.0], "b": [1.2], "c": [1.6]}, 0.25)[1].startswith("the last training loss of c is not")
    assert "of c" in agreement({"a": [1.0], "b": [1.2], "c": [float("nan")]}, 0.25)[1]
