"""The shortest sum of products of a Boolean function, by the method of Quine and McCluskey: a Karnaugh map in code."""

from typing import Any

import numpy as np

from jaxnn.checks import fail
from jaxnn.neurons.boolean import table_inputs

_MOST_INPUTS = 12
"""There may be 3^n / n prime implicants: 40,000 for 12 inputs."""


def prime_implicants(table: Any) -> np.ndarray:
    """Return the products that imply a Boolean function and lose that when any literal is left out.

    Two products that differ in one literal alone are one product without it: `a x + a x' = a`. What can be joined with
    nothing is prime.

    Args:
        table: 2^n outputs in the order of `truth_rows`, of 0 and 1 or of -1 and +1; n is at most 12.

    Returns:
        `(primes, n)` of 1, -1 and 0 for an input that is left out; sorted by the first true row that they cover.

    Raises:
        JaxnnError: if rows are missing or too many, or a label is another.

    Source: W. V. Quine, "The Problem of Simplifying Truth Functions", 1952; E. J. McCluskey, "Minimization of Boolean
    Functions", 1956.

    >>> prime_implicants([0, 1, 0, 1, 1, 1, 0, 0]).tolist()
    [[-1, 0, 1], [0, -1, 1], [1, -1, 0]]
    """
    outputs, inputs = table_inputs(table)
    if inputs > _MOST_INPUTS:
        fail("table", f"{inputs} inputs", f"at most {_MOST_INPUTS}: the work grows as 3^n")
    # a product is (value, free): the bits of its literals, and the bits of the inputs left out
    level, primes = {(int(row), 0) for row in np.flatnonzero(outputs)}, set()
    while level:
        joined, used = set(), set()
        for value, free in level:
            for bit in (1 << k for k in range(inputs) if not free >> k & 1):
                if (value ^ bit, free) in level:
                    used.add((value, free))
                    joined.add((value & ~bit, free | bit))
        primes |= level - used
        level = joined
    bits = 1 << np.arange(inputs)[::-1]
    rows = [[0 if free & bit else 1 if value & bit else -1 for bit in bits] for value, free in sorted(primes)]
    return np.array(rows, int).reshape(len(rows), inputs)


def minimal_terms(table: Any) -> np.ndarray:
    """Return a sum of as few products as any sum of products that is this Boolean function has.

    The fewest prime implicants that cover every true row, and of those sums one with the fewest literals: an integer
    program, solved exactly.

    Args:
        table: 2^n outputs in the order of `truth_rows`, of 0 and 1 or of -1 and +1; n is at most 12.

    Returns:
        `(terms, n)` of 1, -1 and 0; no terms for the constant false, one without literals for the constant true.

    Raises:
        JaxnnError: as `prime_implicants`.

    >>> minimal_terms([0, 1, 0, 1, 1, 1, 0, 0]).tolist()
    [[-1, 0, 1], [1, -1, 0]]
    """
    outputs, inputs = table_inputs(table)
    primes = prime_implicants(table)
    if len(primes) <= 1:
        return primes
    from scipy.optimize import Bounds, LinearConstraint, milp

    true_rows = np.flatnonzero(outputs)[:, None] >> np.arange(inputs)[::-1] & 1
    agree = (2 * true_rows - 1) @ primes.T  # (true rows, primes)
    literals = np.abs(primes).sum(axis=1)
    covers = agree == literals
    # all literals together weigh less than one term: inputs * true rows is the most that there can be
    cost = 1 + literals / (inputs * len(true_rows) + 1)
    found = milp(
        cost, integrality=np.ones(len(primes)), bounds=Bounds(0, 1), options={"mip_rel_gap": 0.0},
        constraints=LinearConstraint(covers.astype(float), lb=1),
    )  # fmt: skip
    return primes[found.x > 0.5]
