import tomllib

import hypothesis
import pytest
from hypothesis import strategies

from jaxnn.checks import JaxnnError
from jaxnn.cli.configfile import Config, as_toml, combined, read_config
from jaxnn.cli.settings import NAMES, Settings


def written(place, text):
    (place / "a.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return "a.toml"


def test_a_file_and_flags_are_combined(place):
    found = read_config(written(place, '\ufeff# ours\r\ndata = "iris"\r\nhidden = [8]\r\nlearning_rate = 1\r\n'))
    assert combined({}, found) == Settings(data="iris", hidden=(8,), learning_rate=1.0)
    assert combined({"hidden": "4,4", "seed": None}, found).hidden == (4, 4)
    assert combined({"epochs": "7"}, Config()) == Settings(epochs=7)


REFUSED = [
    (
        "epochs = 1\nhiden = [4]\n",
        "a.toml:2: got the unknown setting 'hiden'; needed one of data",
        "Did you mean hidden?",
    ),
    ("learning-rate = 0.1", "a.toml:1: got the unknown setting 'learning-rate'", "Did you mean learning_rate?"),
    ("\n\n[network]\nhidden = [4]", "a.toml:3: got the unknown setting 'network'", "needed one of"),
    ("seed = 1\n'epochs' = 'ten'", "a.toml:2: epochs: got 'ten'", "a whole number from 1 to 10000000"),
    ("dropout = true", "a.toml:1: dropout: got True", "a number of at least 0 and below 1"),
    ("test = 2", "a.toml:1: test: got 2", "a number of at least 0 and below 1"),
    ("hidden = 64", "a.toml:1: hidden: got 64", "[64, 64] in a file"),
    ("hidden = [64, 'a']", "a.toml:1: hidden: got 'a'", "a whole number from 1 to 65536"),
    ("epochs.x = 1", "a.toml:1: epochs: got {'x': 1}", "a whole number"),
    ("epochs = 1\nepochs = 2", "a.toml:2:", "what is no TOML"),
    ("epochs = ten\nseed = 1", "a.toml:1:10: got what is no TOML", "needed lines such as"),
    ("x = [", "a.toml", "what is no TOML"),
    ("[" * 5000, "a.toml", "what is no TOML"),
    (b"data = '\xff'", "a.toml:1: got bytes that are not UTF-8", "a TOML file of settings"),
    ("data_sha256 = 'abc'", "a.toml:1: data_sha256: got 'abc'", "Remove the line"),
    ("made_with = 1", "a.toml:1: made_with: got 1", "a table"),
    ("x" * 2**20 + "y", "a.toml: got more than 1048576 bytes", "a TOML file of settings"),
]


@pytest.mark.parametrize(("text", "start", "inside"), REFUSED, ids=range(len(REFUSED)))
def test_a_bad_file_is_refused_with_its_line(place, text, start, inside):
    with pytest.raises(JaxnnError) as refused:
        read_config(written(place, text))
    assert str(refused.value).startswith(start)
    assert inside in str(refused.value)


def test_a_missing_file_is_refused(place):
    with pytest.raises(JaxnnError, match=r"no\.toml: got no such file; needed a TOML file of settings"):
        read_config("no.toml")
    with pytest.raises(JaxnnError, match="a folder"):
        read_config(str(place))


text = strategies.text(strategies.characters(exclude_categories=["Cs"]), max_size=30)
settings = strategies.builds(
    Settings,
    data=text, target=text, hidden=strategies.lists(strategies.integers(1, 65536), max_size=3).map(tuple),
    learning_rate=strategies.none() | strategies.floats(0, exclude_min=True, allow_infinity=False),
    l2=strategies.floats(0, allow_infinity=False), seed=strategies.integers(0, 2**32 - 1),
    dropout=strategies.floats(0, 1, exclude_max=True),
)  # fmt: skip


@hypothesis.given(settings)
def test_what_is_written_is_read_back(tmp_path_factory, given):
    values = {name: getattr(given, name) for name in NAMES}
    path = tmp_path_factory.getbasetemp() / "back.toml"
    path.write_bytes(as_toml(values, "0" * 64, {"jax": "0.10.2", "xla_flags": '--a="b\\'}).encode())
    found = read_config(str(path))
    assert combined({}, found) == given
    # == of Settings is that of the program; the values themselves have to be the same too
    assert {name: getattr(combined({}, found), name) for name in NAMES} == values
    assert found.data_sha256 == "0" * 64
    assert found.made_with["xla_flags"] == '--a="b\\'


def test_text_that_toml_must_escape():
    given = 'a"b\\c\n\t\x00\x1f\x7f\u2028\U0001f600'
    assert tomllib.loads(as_toml({"data": given}, "", {}))["data"] == given


def test_data_without_a_digest_gets_no_line():
    assert "data_sha256" not in tomllib.loads(as_toml({"data": "x"}, "", {}))
