"""`jaxnn backprop` writes the worked example like a lecturer; the numbers are the course's, section 5.1."""

import json
import re
from xml.etree import ElementTree

import numpy as np
import pytest

from cli.commands import another_process
from jaxnn.cli.board import equation

TABLE = [
    0.3775, 0.3925, 0.593269992107, 0.596884378260, 1.105905967060, 1.224921404096, 0.751365069552, 0.772928465321,
    0.274811083176, 0.023560025584, 0.741365069552, -0.217071534679, 0.186815601809, 0.175510052817, 0.138498561629,
    -0.038098236517, 0.082167040564, 0.082667627848, -0.022602540477, -0.022740242216, 0.055399424651,
    -0.019049118258, 0.036350306393, 0.041370322649, 0.241300708572, 0.240613417249, 0.008771354689, 0.009954254705,
    0.000438567734, 0.000877135469, 0.000497712735, 0.000995425471, 0.149780716133, 0.199561432266, 0.249751143632,
    0.299502287265, 0.358916479718, 0.408666186076, 0.511301270239, 0.561370121108, 0.742088111191, 0.775284968294,
]  # fmt: skip


@pytest.fixture(scope="module")
def example():
    """What the command says without any flag, in a process of its own, where JAX is in float32."""
    return another_process("backprop")


@pytest.mark.course("W04", "W05", "W06", "W07", "W08", "W09")
def test_the_worked_example_is_written_out(example):
    assert (example.code, example.err) == (0, "")
    for number in TABLE:
        assert re.search(rf"(?<![\d.]){re.escape(f'{number:.9f}')}(?!\d)", example.out), number
    assert re.search(r"\n +1 +0\.2910277737 +0\.742088111 +0\.775284968\n", example.out)
    assert re.search(r"\n +10,000 +3\.51018778\de-05 +0\.015913620 +0\.984064274\n", example.out)
    assert "2-2-2 network of logistic units" in example.out
    for line in (
        "w5 -> z_o1 -> a_o1 -> E",
        "dE/dw5 = dE/da_o1 * da_o1/dz_o1 * dz_o1/dw5",
        "dE/dw5 = 0.741365070 * 0.186815602 * 0.593269992 = 0.082167041",
        "z_h1 = w1 i1 + w2 i2 + b1 = 0.15 * 0.05 + 0.2 * 0.1 + 0.35",
        "dE/da_h1 = delta_o1 w5 + delta_o2 w7",
        "= 0.055399425 + (-0.019049118) = 0.036350306",
    ):
        assert line in example.out


def test_lines_fit_a_terminal_of_80_columns(example):
    assert max(map(len, example.out.splitlines())) <= 79
    assert example.out == example.out.rstrip() + "\n"
    assert example.out.isascii()


def test_the_json_has_every_digit(shell):
    document = json.loads(shell("backprop", "--json", "--steps", "1").out)
    assert document["error"] == pytest.approx(0.2983711087600027, rel=1e-15)
    assert document["steps"][1]["error"] == pytest.approx(0.29102777369359933, rel=1e-15)
    assert document["hidden"]["units"]["h1"]["delta"] == pytest.approx(0.008771354689, abs=5e-13)
    assert document["output"]["weights"]["w5"]["after"] == pytest.approx(0.358916479718, abs=5e-13)
    assert document["output"]["weights"]["b2 of o1"]["after"] == 0.6


@pytest.mark.course("W10", "W11")
def test_biases_and_wiring_as_flags(shell):
    trained = json.loads(shell("backprop", "--json", "--train-biases").out)
    assert [trained["steps"][i]["error"] for i in (1, -1)] == pytest.approx([0.280471446791, 2.447562236e-06], rel=1e-9)
    assert trained["hidden"]["weights"]["b1 of h1"]["after"] == pytest.approx(0.345614322655, abs=5e-13)
    slide = ("--weights", "0.15,0.25,0.20,0.30,0.40,0.45,0.50,0.55", "--steps", "1")  # w3 feeds h1, as the slide has it
    wrong = json.loads(shell("backprop", "--json", *slide).out)
    assert [wrong["hidden"]["units"][unit]["z"] for unit in ("h1", "h2")] == pytest.approx([0.3825, 0.39], rel=1e-14)
    assert [step["error"] for step in wrong["steps"]] == pytest.approx([0.298390054478, 0.291040360348], abs=5e-13)


def test_another_network(shell):
    """Three inputs, two hidden rectifiers, one output; by hand."""
    done = shell(
        "backprop", "--input", "1,-2,0.5", "--target", "1", "--weights", "1,0.5,2,-1,0.25,1,0.5,-3",
        "--biases", "0.5,0", "--activation", "relu", "--learning-rate", "2", "--steps", "3", "--json",
    )  # fmt: skip
    document = json.loads(done.out)
    units = document["hidden"]["units"]
    assert [units[h]["z"] for h in ("h1", "h2")] == [1.5, -0.5]
    a = 1 / (1 + np.exp(-0.75))
    delta = (a - 1) * a * (1 - a)
    assert document["output"]["units"]["o1"]["delta"] == pytest.approx(delta, rel=1e-14)
    assert [units[h]["delta"] for h in ("h1", "h2")] == pytest.approx([0.5 * delta, 0.0], rel=1e-14)
    weights = document["hidden"]["weights"]
    assert weights["w2"]["dE/dw"] == pytest.approx(-2 * 0.5 * delta, rel=1e-14)
    assert weights["w2"]["after"] == pytest.approx(0.5 + 2 * 2 * 0.5 * delta, rel=1e-14)
    assert weights["w5"]["dE/dw"] == 0
    assert [step["steps"] for step in document["steps"]] == [0, 1, 3]
    said = shell("backprop", "--activation", "gelu", "--steps", "1").out
    assert "a_h1 = gelu(z_h1) = " in said and "da_h1/dz_h1 = gelu'(z_h1) = " in said


def test_the_picture(shell, place):
    done = shell("backprop", "--html", "board.html", "--steps", "1")
    assert done.code == 0
    assert "board.html" in done.err
    page = (place / "board.html").read_text()
    svg = ElementTree.fromstring(page[page.index("<svg") : page.index("</svg>") + 6])
    said = [text.text or (text[0].tail if len(text) else "") for text in svg.iter("text")]
    for number in ("0.3775", "0.59327", "1.1059", "0.75137", "0.1385", "0.082167", "4.3857e−4", "0.35892", "0.29837"):
        assert number in said
    assert len([path for path in svg.iter("path") if "edge" in path.get("class", "")]) == 8 + 2
    assert "FORWARD PASS" in page


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--input", "0.05,x"], "--input: got '0.05,x'; needed numbers with commas between them, such as 0.05,0.10."),
        (["--target", ""], "--target: got ''; needed numbers"),
        (["--input", "nan,1"], "--input: got 'nan,1'; needed numbers"),
        (["--input", "1e999,1"], "--input: got '1e999,1'; needed numbers"),
        (["--weights", "1,2,3"], "--weights: got 3 numbers; needed 4 for each hidden unit, of which there are 1 to 8"),
        (["--input", "1,2,3,4,5,6,7,8,9"], "--input: got 9 numbers; needed 1 to 8."),
        (["--biases", "1"], "--biases: got 1 numbers; needed 2: one for the hidden and one for the output layer."),
        (["--learning-rate", "-1"], "--learning-rate: got -1.0; needed a number of at least 0."),
        (["--learning-rate", "fast"], "--learning-rate: got 'fast'; needed a number"),
        (["--steps", "0"], "--steps: got 0; needed a whole number from 1 to 1000000."),
        (["--activation", "rleu"], "--activation: got 'rleu'; needed one of identity, sigmoid"),
        (["--activation", "softmax"], "--activation: got 'softmax'; needed one of"),
        (["--html", "no/such/board.html"], "no/such/board.html: got no/such, which is no folder"),
    ],
)
def test_wrong_use_is_one_line(shell, flags, said):
    done = shell("backprop", "--steps", "1", *flags)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"jaxnn: {said}")
    assert done.err.count("\n") == 1


def test_numbers_beyond_all_bounds_are_told(shell):
    flags = ("backprop", "--activation", "square", "--input", "1e200,1", "--steps", "2")
    done = shell(*flags)
    assert done.code == 0
    assert "nan" in done.out
    assert json.loads(shell(*flags, "--json").out)["steps"][-1]["error"] is None


def test_help_has_an_example(shell):
    assert "Example: jaxnn backprop" in shell("backprop", "--help").out
    assert " backprop " in shell("--help").out


def test_an_equation_goes_on_below_where_it_is_long():
    long = " + ".join([f"w{k} a_h{k}" for k in range(1, 13)])
    lines = equation("z_o1", long, "0.5").splitlines()
    assert lines[0].startswith("  z_o1 = w1 a_h1 +") and lines[0].endswith(" +")
    assert all(line.startswith(" " * 9) for line in lines[1:-1])
    assert max(map(len, lines)) <= 78
    assert lines[-1].endswith("= 0.5")
