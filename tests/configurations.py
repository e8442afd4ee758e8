"""Configurations for the tests of what files hold: one of every class at least, and documents that describe none."""

import jaxnn as nn
from cases import CASES
from jaxnn import activations, initializers, losses
from jaxnn.encoding import encode

ENCODABLE = [case for case in CASES if case.name != "activation of one's own"]
"""The rows of the table of cases whose layers a file can describe."""

OTHERS = [
    initializers.Zeros(),
    initializers.Ones(),
    initializers.Constant(0.1),
    initializers.Normal(1e-300),
    initializers.Uniform(-1 / 3, 2 / 3),
    initializers.LecunNormal(),
    initializers.LecunUniform(),
    initializers.HeNormal(),
    initializers.HeUniform(),
    initializers.GlorotNormal(),
    initializers.GlorotUniform(),
    initializers.Orthogonal(),
    activations.LeakyRelu(0.2),
    activations.Elu(0.7),
    activations.Step(-1.5),
    activations.Sign(0.1),
    losses.SoftmaxCrossEntropy(),
    losses.SigmoidCrossEntropy(),
    losses.BinaryCrossEntropy(1e-9),
    losses.CategoricalCrossEntropy(1e-5),
    losses.SquaredError(),
    losses.HalfSquaredError(),
    losses.MeanSquaredError(),
    losses.AbsoluteError(),
    losses.Huber(0.3),
    losses.SignedError(),
    losses.PoissonDeviance(),
    losses.Quantile((0.1, 1 / 3, 0.9)),
    losses.GaussianNLL(0.01),
    losses.Focal(1.5),
    losses.BinaryFocal(0.5),
]
"""One instance of every class that is no layer, with settings that are not the defaults, where it has any."""

INSTANCES = [
    *(case.layer for case in ENCODABLE),
    nn.Tied("dense_0", nn.Dense(3)),
    nn.Dense(7, use_bias=False, kernel_init=initializers.Uniform(-0.1, 0.3), bias_init=initializers.Ones()),
    nn.Dropout(1 / 3),
    *OTHERS,
]


def cube(z):
    return z**3


def dense(**fields):
    return {"type": "Dense", "fields": encode({"it": nn.Dense(2)})["it"]["fields"] | fields}


HOSTILE = {
    "unknown layer": {"type": "Conv9", "fields": {}},
    "a module": {"type": "os.system", "fields": {"command": "touch owned"}},
    "code": {"type": "__import__('os').system('touch owned')", "fields": {}},
    "a private name": {"type": "__class__", "fields": {}},
    "type no text": {"type": ["Dense"], "fields": {}},
    "type a dict": {"type": {}, "fields": {}},
    "fields no object": {"type": "Zeros", "fields": [1]},
    "a field too many": dense(colour=1),
    "a private field": dense(__class__="Chain"),
    "a field missing": {"type": "Dense", "fields": {"features": 2}},
    "a key too many": {"type": "Zeros", "fields": {}, "module": "os"},
    "no key": {},
    "unknown function": {"function": "eval"},
    "function no text": {"function": ["relu"]},
    "custom no text": {"custom": 3},
    "features 0": dense(features=0),
    "features negative": dense(features=-(10**18)),
    "features a text": dense(features="2"),
    "features a float": dense(features=2.0),
    "features a bool": dense(features=True),
    "features missing": dense(features=None),
    "features a list": dense(features=[2]),
    "features a layer": dense(features=dense()),
    "bias a text": dense(use_bias="no"),
    "bias a number": dense(use_bias=1),
    "initializer a number": dense(kernel_init=0.5),
    "initializer a text": dense(kernel_init="os.system"),
    "initializer a layer": dense(kernel_init=dense()),
    "initializer no instance": dense(kernel_init="Zeros"),
    "rate too high": {"type": "Dropout", "fields": {"rate": 1.5}},
    "rate a text": {"type": "Dropout", "fields": {"rate": "0.5"}},
    "rate huge": {"type": "Dropout", "fields": {"rate": 10**400}},
    "constant huge": {"type": "Constant", "fields": {"value": 10**400}},
    "interval reversed": {"type": "Uniform", "fields": {"low": 1.0, "high": 0.0}},
    "chain of no pairs": {"type": "Chain", "fields": {"layers": [dense()]}},
    "chain of triples": {"type": "Chain", "fields": {"layers": [["a", dense(), 1]]}},
    "chain of functions": {"type": "Chain", "fields": {"layers": [["a", {"function": "relu"}]]}},
    "chain of one name twice": {"type": "Chain", "fields": {"layers": [["a", dense()], ["a", dense()]]}},
    "a name with a dot": {"type": "Chain", "fields": {"layers": [["a.b", dense()]]}},
    "a name that is a path": {"type": "Chain", "fields": {"layers": [["../../x", dense()]]}},
    "a name without end": {"type": "Chain", "fields": {"layers": [["." * 10**6, dense()]]}},
    "a loss as a layer": {"type": "Chain", "fields": {"layers": [["a", {"type": "Huber", "fields": {"delta": 1.0}}]]}},
}
