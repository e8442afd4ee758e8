"""Single neurons and the theory around them, and networks that are built, not trained."""

from jaxnn.neurons.boolean import (
    and_gate,
    dnf_network,
    minterms,
    or_gate,
    parse_terms,
    terms_network,
    terms_table,
    truth_rows,
    truth_table,
    xor_network,
)
from jaxnn.neurons.construction import Construction, Size, hyperplanes, layered, size_of
from jaxnn.neurons.delta_rule import DeltaRun, delta_rule, stability_limit
from jaxnn.neurons.extended import dense_params, extended_inputs, extended_weights
from jaxnn.neurons.logistic import likelihood_gradient, log_likelihood, logistic_regression, softmax_regression
from jaxnn.neurons.onelayer import cylinder_network, one_hidden_layer
from jaxnn.neurons.parity import parity_chain, parity_counting, parity_tree, parity_wide
from jaxnn.neurons.perceptron import PerceptronRun, mistake_bound, perceptron
from jaxnn.neurons.polygons import half_planes, polygon_network, union_network
from jaxnn.neurons.pulses import pulse, pulse_sum, tent_map
from jaxnn.neurons.reduction import minimal_terms, prime_implicants
from jaxnn.neurons.separability import largest_margin, separable, separating_hyperplane, threshold_functions
from jaxnn.neurons.softening import fit_outputs, soften
from jaxnn.neurons.threshold import side, threshold_unit

__all__ = [
    "Construction",
    "DeltaRun",
    "PerceptronRun",
    "Size",
    "and_gate",
    "cylinder_network",
    "delta_rule",
    "dense_params",
    "dnf_network",
    "extended_inputs",
    "extended_weights",
    "fit_outputs",
    "half_planes",
    "hyperplanes",
    "largest_margin",
    "layered",
    "likelihood_gradient",
    "log_likelihood",
    "logistic_regression",
    "minimal_terms",
    "minterms",
    "mistake_bound",
    "one_hidden_layer",
    "or_gate",
    "parity_chain",
    "parity_counting",
    "parity_tree",
    "parity_wide",
    "parse_terms",
    "perceptron",
    "polygon_network",
    "prime_implicants",
    "pulse",
    "pulse_sum",
    "separable",
    "separating_hyperplane",
    "side",
    "size_of",
    "soften",
    "softmax_regression",
    "stability_limit",
    "tent_map",
    "terms_network",
    "terms_table",
    "threshold_functions",
    "threshold_unit",
    "truth_rows",
    "truth_table",
    "union_network",
    "xor_network",
]
