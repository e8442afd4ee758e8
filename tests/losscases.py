"""Outputs and targets that each loss accepts, at random, and what they are worth by NumPy and SciPy."""

import numpy as np
import scipy.special
import scipy.stats

WIDTHS = {"quantile": 1, "gaussian_nll": 2}
"""How many outputs the losses take that have one target for all of them; the others take any number."""

KINDS = {
    "classification": ["softmax_cross_entropy", "categorical_cross_entropy", "focal"],
    "binary": ["sigmoid_cross_entropy", "binary_cross_entropy", "binary_focal"],
    "regression": [
        *("squared_error", "half_squared_error", "mean_squared_error", "absolute_error", "huber", "signed_error"),
        *("poisson", "quantile", "gaussian_nll"),
    ],
}
PAIRED = [name for name in (*KINDS["regression"], *KINDS["binary"]) if name not in WIDTHS]


def width_of(name, wanted):
    """How many outputs to give to a loss, `wanted` where it takes any number."""
    return WIDTHS.get(name, wanted)


def targets_for(name, random, rows, wanted):
    """Targets of outputs (rows, width_of(name, wanted)): labels, shares, yes or no, probabilities, counts or values."""
    if name in WIDTHS:
        return random.normal(size=rows)
    return {
        "softmax_cross_entropy": lambda: random.integers(0, wanted, rows),
        "focal": lambda: random.integers(0, wanted, rows),
        "categorical_cross_entropy": lambda: random.dirichlet(np.ones(wanted), rows),
        "sigmoid_cross_entropy": lambda: random.integers(0, 2, (rows, wanted)).astype(float),
        "binary_cross_entropy": lambda: random.uniform(size=(rows, wanted)),
        "binary_focal": lambda: random.uniform(size=(rows, wanted)),
        "poisson": lambda: random.poisson(2, (rows, wanted)).astype(float),
    }.get(name, lambda: random.normal(size=(rows, wanted)))()


def example(name, rows=5, width=3):
    """Outputs and targets that a loss accepts, and what each row of them is worth by plain NumPy."""
    rng = np.random.default_rng(7)
    z, t = rng.normal(size=(rows, width)), rng.normal(size=(rows, width))
    labels, yes = rng.integers(0, width, rows), rng.integers(0, 2, (rows, width)).astype(float)
    counts, one = rng.poisson(2, (rows, width)).astype(float), t[:, 0]
    log_softmax, p, e = scipy.special.log_softmax(z, -1), scipy.special.expit(z), z - t
    picked = -log_softmax[np.arange(rows), labels]
    right = np.where(yes == 1, p, 1 - p)
    poisson = scipy.stats.poisson
    two = rng.normal(size=(rows, 2))
    return {
        "softmax_cross_entropy": (z, labels, picked),
        "categorical_cross_entropy": (np.exp(log_softmax), labels, picked),
        "sigmoid_cross_entropy": (z, yes, -np.log(right).sum(-1)),
        "binary_cross_entropy": (p, yes, -np.log(right).sum(-1)),
        "squared_error": (z, t, (e**2).sum(-1)),
        "half_squared_error": (z, t, (e**2).sum(-1) / 2),
        "mean_squared_error": (z, t, (e**2).mean(-1)),
        "absolute_error": (z, t, np.abs(e).sum(-1)),
        "huber": (z, t, np.where(np.abs(e) <= 1, e**2 / 2, np.abs(e) - 0.5).sum(-1)),
        "signed_error": (z, t, -e.sum(-1)),
        "poisson": (z, counts, (poisson.logpmf(counts, counts) - poisson.logpmf(counts, np.exp(z))).sum(-1)),
        "quantile": (z[:, :1], one, np.abs(z[:, 0] - one) / 2),
        "gaussian_nll": (two, one, -scipy.stats.norm.logpdf(one, two[:, 0], np.exp(two[:, 1] / 2))),
        "focal": (z, labels, (1 - np.exp(-picked)) ** 2 * picked),
        "binary_focal": (z, yes, (-((1 - right) ** 2) * np.log(right)).sum(-1)),
    }[name]
