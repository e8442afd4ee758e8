"""Gates, XOR, truth tables and their reduction as networks: rows B01-B08, errata E07 and E44 of the course."""

import itertools
import re

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn import neurons
from quick import jit

CANONICAL = "X1'X2'X3X4X5' + X1'X2X3'X4X5 + X1'X2X3X4'X5' + X1X2'X3'X4'X5 + X1X2'X3X4X5 + X1X2X3'X4'X5"  # B05
pytestmark = pytest.mark.usefixtures("quick_compiles")

SIX = ["00110", "01011", "01100", "10001", "10111", "11001"]


def rows_of(words):
    """The truth table of five inputs that is true in the rows of these words."""
    table = np.zeros(32, bool)
    table[[int(word, 2) for word in words]] = True
    return table


def answers(network, coding="0/1"):
    """What a network says to all combinations, as Booleans; an answer that is not of the coding is an error."""
    inputs = network.params["dense_0"]["kernel"].shape[0]
    said = np.asarray(network(neurons.truth_rows(inputs, coding)))[:, 0]
    assert set(said.tolist()) <= ({0.0, 1.0} if coding == "0/1" else {-1.0, 1.0})
    return said > 0


@pytest.mark.course("B01")
@pytest.mark.parametrize("coding", ["0/1", "-1/+1"])
def test_and_and_or_gates_of_up_to_eight_inputs_with_negated_literals(coding):
    draw = np.random.default_rng(0)
    for n in range(1, 9):
        bits = np.array(list(itertools.product([False, True], repeat=n)))
        x = bits if coding == "0/1" else 2.0 * bits - 1
        for literals in (np.ones(n, int), -np.ones(n, int), draw.choice([-1, 1], n)):
            holds = bits == (literals > 0)
            for gate, truth in ((neurons.and_gate, holds.all(1)), (neurons.or_gate, holds.any(1))):
                said = np.asarray(gate(literals, coding)(np.asarray(x, np.float32)))[:, 0]
                np.testing.assert_array_equal(said, truth if coding == "0/1" else 2.0 * truth - 1)
        plain = [
            gate(np.ones(n), coding).params["dense_0"]["bias"].item() for gate in (neurons.and_gate, neurons.or_gate)
        ]
        assert plain == ([-n, -1] if coding == "0/1" else [-(n - 1), n - 1])  # N = 5, -1/+1: -4 and +4


def test_a_gate_leaves_out_inputs():
    said = neurons.and_gate([1, 0, -1])(neurons.truth_rows(3))[:, 0]
    assert said.tolist() == [0, 0, 0, 0, 1, 0, 1, 0]


@pytest.mark.course("B02")
def test_xor_is_an_or_of_two_ands():
    net, params, state = neurons.xor_network()
    assert nn.count(params) == 9 and state == {}
    assert net == nn.Chain(nn.Dense(2), nn.Step(), nn.Dense(1), nn.Step())
    assert answers(neurons.xor_network()).tolist() == [False, True, True, False]
    signs = neurons.xor_network(coding="-1/+1")  # s(s(x1 - x2 - 1) + s(-x1 + x2 - 1) + 1)
    assert sorted(map(tuple, signs.params["dense_0"]["kernel"].T.tolist())) == [(-1, 1), (1, -1)]
    assert signs.params["dense_0"]["bias"].tolist() == [-1, -1]
    assert signs.params["dense_1"]["kernel"].tolist() == [[1], [1]]
    assert signs.params["dense_1"]["bias"].tolist() == [1]
    assert signs([[-1, -1], [-1, 1], [1, -1], [1, 1]])[:, 0].tolist() == [-1, 1, 1, -1]


@pytest.mark.course("B03")
def test_smaller_xor_networks():
    skip, relu = neurons.xor_network("skip"), neurons.xor_network("relu")
    assert skip(neurons.truth_rows(2))[:, 0].tolist() == [0, 1, 1, 0]
    kernels = nn.count([skip.params["parallel_0"]["hidden"]["dense_0"]["kernel"], skip.params["dense_0"]["kernel"]])
    assert (kernels, nn.count(skip.params), neurons.size_of(skip).hidden) == (5, 7, 1)
    assert relu(neurons.truth_rows(2))[:, 0].tolist() == [0, 1, 1, 0]
    # relu(x1 + x2) - 2 relu(x1 + x2 - 1) holds between the corners too
    x = np.random.default_rng(0).uniform(-1, 2, (50, 2)).astype(np.float32)
    s = x.sum(1)
    np.testing.assert_allclose(relu(x)[:, 0], np.maximum(s, 0) - 2 * np.maximum(s - 1, 0), atol=1e-6)


def answers_of_all(tables, coding):
    """What the networks of many tables say, all at once: padded to one width by hidden units that never fire."""
    rows = len(tables[0])
    n = rows.bit_length() - 1
    unit = {"0/1": nn.Step(), "-1/+1": nn.Sign()}[coding]
    hidden = {
        "kernel": np.zeros((len(tables), n, rows), np.float32),
        "bias": np.full((len(tables), rows), -1, np.float32),
    }
    output = {"kernel": np.zeros((len(tables), rows, 1), np.float32), "bias": np.zeros((len(tables), 1), np.float32)}
    for k, table in enumerate(tables):
        net, params, _ = neurons.dnf_network(table, coding)
        width = int(sum(table))
        assert net == nn.Chain(nn.Dense(width), unit, nn.Dense(1), unit)
        hidden["kernel"][k, :, :width] = params["dense_0"]["kernel"]
        hidden["bias"][k, :width] = params["dense_0"]["bias"]
        output["kernel"][k, :width] = params["dense_1"]["kernel"]
        output["bias"][k] = params["dense_1"]["bias"]
    net = nn.Chain(nn.Dense(rows), unit, nn.Dense(1), unit)
    x = neurons.truth_rows(n, coding)
    run = jit(jax.vmap(lambda params: net.apply(params, {}, x)[0][:, 0]))
    return np.asarray(run({"dense_0": hidden, "dense_1": output}))


@pytest.mark.course("B04")
@pytest.mark.parametrize("coding", ["0/1", "-1/+1"])
def test_every_function_of_up_to_three_inputs_is_a_network(coding):
    for n in (1, 2, 3):
        never, *tables = itertools.product([0, 1], repeat=2**n)
        said = answers_of_all(tables, coding)
        np.testing.assert_array_equal(said, tables if coding == "0/1" else 2 * np.array(tables) - 1)
        constant = neurons.dnf_network(never, coding)  # as many hidden units as true rows: none
        assert neurons.size_of(constant).hidden == 0 and not answers(constant, coding).any()


@pytest.mark.course("B04")
def test_a_thousand_random_functions_of_six_inputs_are_networks():
    tables = np.random.default_rng(1).integers(0, 2, (1000, 64))
    np.testing.assert_array_equal(answers_of_all(tables, "0/1"), tables)


@pytest.mark.course("B05", "B06")
@pytest.mark.parametrize("coding", ["0/1", "-1/+1"])
def test_the_five_variable_table(coding):
    terms = neurons.parse_terms(CANONICAL)
    table = neurons.terms_table(terms)
    np.testing.assert_array_equal(table, rows_of(SIX))
    network = neurons.dnf_network(table, coding)
    assert (neurons.size_of(network).hidden, nn.count(network.params)) == (6, 43)
    np.testing.assert_array_equal(answers(network, coding), table)
    hidden = network.params["dense_0"]
    np.testing.assert_array_equal(hidden["kernel"].T, terms)  # table 5.5, row by row
    assert hidden["bias"].tolist() == ([-1.5, -2.5, -1.5, -1.5, -3.5, -2.5] if coding == "0/1" else [-4.0] * 6)
    assert network.params["dense_1"]["bias"].tolist() == ([-0.5] if coding == "0/1" else [5.0])


@pytest.mark.parametrize(
    ("line", "words", "wrong"),
    [
        (383, ["00110", "01011", "01100", "10001", "11001", "10001", "11001"], 1),  # lacks 10111
        (438, ["00110", "01011", "01100", "10001", "10111", "10001"], 1),  # has 10001 twice and lacks 11001
        (407, ["00110", "01011", "01100", "10101", "10111", "11000"], 4),  # 10101, 11000 for 10001, 11001
    ],
)
def test_e07_what_the_scan_prints_is_another_function(line, words, wrong):
    """The network of the printed terms is wrong in so many of 32 rows, the canonical one in none."""
    printed = neurons.terms_network([[1 if bit == "1" else -1 for bit in word] for word in words])
    assert (answers(printed) != rows_of(SIX)).sum() == wrong, f"line {line}"
    assert (answers(neurons.terms_network(neurons.parse_terms(CANONICAL))) == rows_of(SIX)).all()


@pytest.mark.course("B07")
def test_the_five_variable_table_reduces_to_five_terms():
    reduced = neurons.minimal_terms(rows_of(SIX))
    words = ["".join({1: "1", -1: "0", 0: "-"}[literal] for literal in term) for term in reduced.tolist()]
    assert sorted(words) == ["00110", "01011", "01100", "1-001", "10111"]
    network = neurons.terms_network(reduced)
    assert (neurons.size_of(network).hidden, nn.count(network.params)) == (5, 36)
    np.testing.assert_array_equal(answers(network), rows_of(SIX))
    joined = words.index("1-001")
    assert network.params["dense_0"]["kernel"][:, joined].tolist() == [1, 0, -1, -1, 1]
    assert network.params["dense_0"]["bias"][joined].item() == -1.5


def shortest(table):
    """Terms and literals of the shortest sum, by trying all sets of products that imply a function of three inputs."""
    rows = neurons.truth_rows(3, "-1/+1")
    products = [np.array(product) for product in itertools.product([-1, 0, 1], repeat=3)]
    covers = {frozenset(np.flatnonzero(rows @ product == np.abs(product).sum()).tolist()) for product in products}
    true = frozenset(np.flatnonzero(table).tolist())
    inside = [cover for cover in covers if cover <= true]
    for k in range(len(true) + 1):
        sums = [some for some in itertools.combinations(inside, k) if frozenset().union(*some) == true]
        if sums:  # a product of three literals covers one row, of two 2, of one 4
            return k, min(sum({1: 3, 2: 2, 4: 1, 8: 0}[len(cover)] for cover in some) for some in sums)
    raise AssertionError(table)


@pytest.mark.course("B08")
def test_e44_half_of_the_rows_are_the_most_terms_after_reduction():
    """The slide's 2^(N-1) is the widest reduced sum; a raw truth table has up to 2^N products (the constant true)."""
    sizes, literals = {}, {}
    for table in itertools.product([0, 1], repeat=8):
        terms = neurons.minimal_terms(table)
        assert (neurons.terms_table(terms) == np.array(table, bool)).all()
        sizes[table], literals[table] = len(terms), np.abs(terms).sum()
    assert max(sizes.values()) == 4
    parity = tuple(int(word) for word in neurons.truth_rows(3).sum(1) % 2)
    whole = {table for table, size in sizes.items() if size == 4 and literals[table] == 12}  # nothing can be joined
    assert whole == {parity, tuple(1 - bit for bit in parity)}
    assert neurons.size_of(neurons.dnf_network([1] * 8)).hidden == 8 and sizes[(1,) * 8] == 1
    for table in list(sizes)[3::17]:
        assert (sizes[table], literals[table]) == shortest(table)
    for n in (2, 3, 4):  # the Karnaugh map of parity cannot be reduced: 2, 4, 8 terms of n literals
        terms = neurons.minimal_terms(neurons.truth_rows(n).sum(1) % 2)
        assert (len(terms), set(np.abs(terms).sum(1).tolist())) == (2 ** (n - 1), {n})


def test_reduced_random_functions_of_six_inputs_stay_what_they_are():
    draw = np.random.default_rng(2)
    for share in (0.2, 0.5, 0.8):
        table = draw.random(64) < share
        terms = neurons.minimal_terms(table)
        np.testing.assert_array_equal(neurons.terms_table(terms), table)
        assert len(terms) < table.sum()
        primes = set(map(tuple, neurons.prime_implicants(table).tolist()))
        assert set(map(tuple, terms.tolist())) <= primes
        for prime in primes:  # leaving any literal out adds a row that is false
            for k in np.flatnonzero(prime):
                assert (
                    neurons.terms_table([[0 if i == k else literal for i, literal in enumerate(prime)]]) & ~table
                ).any()


def test_of_two_sums_with_as_few_terms_the_one_with_fewer_literals_is_taken():
    """Four primes are needed in any case; the row 1111 is then left to x3 x4 or to x1 x2 x3."""
    needed = "x1'x4 + x2'x4 + x1'x2'x3 + x1x2x4'"
    table = neurons.terms_table(neurons.parse_terms(f"{needed} + x3x4 + x1x2x3"))
    terms = neurons.minimal_terms(table).tolist()
    assert sorted(terms) == sorted(neurons.parse_terms(f"{needed} + x3x4").tolist())


def test_constants():
    for coding in ("0/1", "-1/+1"):
        never, always = neurons.dnf_network([0, 0, 0, 0], coding), neurons.dnf_network([1, 1, 1, 1], coding)
        assert neurons.size_of(never).hidden == 0 and neurons.size_of(always).hidden == 4
        assert not answers(never, coding).any() and answers(always, coding).all()
        one_term = neurons.terms_network(neurons.minimal_terms([1, 1, 1, 1]), coding)
        assert neurons.size_of(one_term).hidden == 1 and answers(one_term, coding).all()


def test_a_truth_table_in_any_order_and_either_code():
    rows, outputs = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]), [1, 1, -1, -1]
    np.testing.assert_array_equal(neurons.truth_table(rows, outputs), [False, True, False, True])  # x2
    np.testing.assert_array_equal(neurons.truth_table(rows > 0, np.array(outputs) > 0), [False, True, False, True])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: neurons.truth_table([[0, 0], [0, 1], [1, 1]], [0, 1, 1]),
         "truth table: got 3 rows, without the inputs 10; needed all 4 combinations of 2 inputs."),
        (lambda: neurons.truth_table([[0, 0], [0, 1], [0, 0], [1, 1]], [0, 1, 1, 1]),
         "truth table, row 2: got the inputs 00 of row 0 again; needed every combination of inputs once."),
        (lambda: neurons.truth_table([[0], [1]], [0, 2]),
         "outputs, row 1: got 2; needed 0 or 1 in all rows, or -1 or +1 in all rows."),
        (lambda: neurons.truth_table([[0, 0], [0, 1], [-1, 0], [1, 1]], [0] * 4), "inputs, row 2: got -1;"),
        (lambda: neurons.truth_table([0, 1], [0, 1]), "truth table: got inputs (2,) and outputs (2,);"),
        (lambda: neurons.dnf_network([0, 1, 1]), "table: got 3 rows; needed one output for each of the 2^n rows: 4"),
        (lambda: neurons.dnf_network([0, -1, 1, 0]), "table, row 1: got -1; needed 0 or 1"),
        (lambda: neurons.dnf_network([0.5, 1]), "table, row 0: got 0.5; needed 0 or 1"),
        (lambda: neurons.dnf_network([0, 1], "01"), "coding: got '01'; needed one of 0/1, -1/+1."),
        (lambda: neurons.minimal_terms(np.zeros(2**13)), "table: got 13 inputs; needed at most 12"),
        (lambda: neurons.and_gate([1, 2]), "and_gate: got [[1, 2]]; needed 1, -1 or 0 for each input"),
        (lambda: neurons.parse_terms("X1 + Y2"), "term 1: got 'Y2'; needed a product such as X1'X2."),
        (lambda: neurons.parse_terms("X1X1'"), "term 0: got \"X1X1'\"; needed every input at most once."),
        (lambda: neurons.xor_network("skip", "-1/+1"), "coding: got '-1/+1' with form 'skip'; needed 0/1."),
    ],
)  # fmt: skip
def test_bad_input(make, message):
    with pytest.raises(nn.JaxnnError, match=re.escape(message)):
        make()
