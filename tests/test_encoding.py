import contextlib
import dataclasses
import inspect
import json
import math
import sys

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st

import jaxnn as nn
from configurations import HOSTILE, INSTANCES, cube, dense
from jaxnn import activations, encoding, initializers, layers, losses
from jaxnn.checks import JaxnnError
from jaxnn.encoding import CONFIGURATIONS, FUNCTIONS, decode, encode

NETS = [
    nn.models.mlp((64, 32), 10, dropout=0.2),
    nn.models.mlp((), 1),
    nn.models.mlp((4,), 2, activation=activations.LeakyRelu(0.3)),
    nn.Chain(nn.Dropout(None), nn.Dropout(0), nn.Dropout(1)),
    nn.Chain(("dense_1", nn.Dense(2)), nn.Dense(3), ("ende_ü", nn.softmax)),
    nn.Chain(*FUNCTIONS.values()),
    nn.Chain(),
]


def turned(value, custom=None):
    """What comes back after a way through the text of a file."""
    document = json.loads(json.dumps(encode({"it": value}, custom), sort_keys=True, allow_nan=False))
    return decode({"it": document["it"]}, custom)["it"]


def refuse(document, custom=None):
    with pytest.raises(JaxnnError) as caught:
        decode({"it": document}, custom)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def is_configuration(value):
    return inspect.isclass(value) and dataclasses.is_dataclass(value)


def test_every_class_that_is_exported_is_in_the_table():
    exported = [getattr(layers, name) for name in layers.__all__]
    needed = {one for one in exported if is_configuration(one) and hasattr(one, "init") and hasattr(one, "apply")}
    for module in (initializers, activations, losses):
        needed |= {
            one for one in vars(module).values() if is_configuration(one) and one.__module__.startswith(module.__name__)
        }
    assert {one.__name__ for one in needed} == set(CONFIGURATIONS)
    assert set(CONFIGURATIONS.values()) == needed


def test_every_function_that_is_exported_is_in_the_table():
    assert set(FUNCTIONS) == {name for name, one in activations.ACTIVATIONS.items() if inspect.isfunction(one)}


def test_every_class_of_the_table_has_an_instance_here():
    assert {type(one) for one in INSTANCES} == set(CONFIGURATIONS.values())


@pytest.mark.parametrize(
    "value", INSTANCES + NETS + list(FUNCTIONS.values()), ids=lambda value: getattr(value, "__name__", repr(value))
)
def test_what_comes_back_is_equal_in_everything(value):
    back = turned(value)
    assert back == value
    assert type(back) is type(value)
    assert repr(back) == repr(value)
    assert encode({"it": back}) == encode({"it": value})


@pytest.mark.parametrize("item", [*initializers.INITIALIZERS.values(), *losses.LOSSES.values()], ids=repr)
def test_what_has_a_name_in_jaxnn_comes_back(item):
    assert turned(item) == item


def test_numbers_come_back_although_equality_ignores_them():
    net = turned(nn.Chain(nn.Dense(2), nn.Dropout(0.1), nn.Dropout(np.float32(0.1))))
    rates = [layer.rate for layer in net.children().values() if isinstance(layer, nn.Dropout)]
    assert rates == [0.1, float(np.float32(0.1))]
    assert [type(rate) for rate in rates] == [float, float]


@hypothesis.given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_keep_every_bit(value):
    back = turned(initializers.Constant(value)).value
    assert (back, math.copysign(1, back)) == (value, math.copysign(1, value))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_what_json_does_not_have_is_refused_when_saving(value):

    with pytest.raises(JaxnnError, match="needed a finite number"):
        encode({"it": (1.0, value)})
    with pytest.raises(JaxnnError, match=r"it: got .* of type object; needed a layer"):
        encode({"it": object()})


def test_what_would_not_load_is_not_saved():
    # 1 == True, but a file says which
    with pytest.raises(JaxnnError, match=r"what Dense\.use_bias takes: bool"):
        encode({"it": nn.Dense(3, use_bias=1)})  # type: ignore[arg-type]


class Doubled:
    """A layer of a user's own."""

    def init(self, key, example):
        return {}, {}

    def apply(self, params, state, x, *, train=False, key=None, mask=None):
        return 2 * x, state


def test_layers_and_functions_of_your_own_are_given_by_name():
    doubled, own_loss = Doubled(), lambda y, t: y - t
    net = nn.Chain(nn.Dense(2, kernel_init=cube), cube, doubled, ("again", doubled))
    documents = encode({"net": net, "loss": own_loss})
    assert documents["loss"] == {"custom": "<lambda>"}
    given = {"cube": cube, "Doubled": doubled, "<lambda>": own_loss, "unused": None}
    assert decode(documents, given) == {"net": net, "loss": own_loss}
    with pytest.raises(JaxnnError) as caught:
        decode(documents, {"cube": cube})
    assert str(caught.value) == (
        "custom: got nothing named '<lambda>', 'Doubled'; needed each layer and function of your own under its name. "
        "Load with custom={'<lambda>': ..., 'Doubled': ...}."
    )


def test_two_of_your_own_need_two_names():
    first, second = (lambda z: z), (lambda z: 2 * z)
    for value in ({"net": nn.Chain(first, second)}, {"net": nn.Chain(first), "loss": second}):
        with pytest.raises(JaxnnError, match="a second object of your own named <lambda>"):
            encode(value)
    net = nn.Chain(first, second, first)
    documents = encode({"net": net}, custom={"one": first, "two": second})
    assert decode(documents, {"one": first, "two": second})["net"] == net
    assert decode(documents, {"one": second, "two": first})["net"] != net


def test_two_equal_objects_of_your_own_share_a_name():
    class Power(tuple):
        def __call__(self, z):
            return z ** self[0]

    net = nn.Chain(nn.Activation(Power([2])), nn.Activation(Power([2])))
    assert decode(encode({"net": net}), {"Power": Power([2])})["net"] == net


def test_your_own_class_is_not_taken_for_one_of_ours():
    class Dense(Doubled):
        pass

    own = Dense()
    assert encode({"it": own}) == {"it": {"custom": "Dense"}}
    assert decode({"it": {"custom": "Dense"}}, {"Dense": own})["it"] is own


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused(name):
    refuse(HOSTILE[name])
    refuse({"type": "Chain", "fields": {"layers": [["inner", HOSTILE[name]]]}})


def test_messages_name_the_place_and_stay_short():
    document = encode({"it": nn.Chain(nn.Dense(2), nn.Dense(3))})["it"]
    document["fields"]["layers"][1][1]["fields"]["features"] = 0
    assert refuse(document) == (
        "it.layers[1][1]: Dense.features: got 0; needed a whole number of at least 1."
    )  # fmt: skip
    assert len(refuse({"type": "x" * 10**6, "fields": {}})) < 300
    assert len(refuse({"x" * 10**6: 1})) < 300


def test_deep_nesting_is_refused_before_python_gives_up():
    value = nested = dense()
    for _ in range(sys.getrecursionlimit()):
        value, nested = [value], {"type": "Chain", "fields": {"layers": [["a", nested]]}}
    assert "levels of nesting" in refuse(value)
    assert "levels of nesting" in refuse(nested)
    net = nn.Dense(1)
    for _ in range(20):  # deeper than any network anyone builds
        net = nn.Chain(net)
    assert turned(net) == net


def test_two_classes_of_one_name_cannot_share_the_table():
    with pytest.raises(JaxnnError, match="two named Dense"):
        encoding.by_class_name([nn.Dense, type("Dense", (), {})])


NAMES = st.sampled_from(sorted(CONFIGURATIONS))
KEYS = st.sampled_from(["type", "fields", "function", "custom", "features", "layers"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | NAMES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS, inner)
        | st.builds(lambda name, fields: {"type": name, "fields": fields}, NAMES, inner)
        | st.builds(lambda layer: {"type": "Chain", "fields": {"layers": [["a", layer]]}}, inner)
        | st.builds(lambda value: dense(features=value), inner)
    ),
    max_leaves=12,
)


@hypothesis.given(JSON)
@hypothesis.settings(max_examples=300)
def test_any_document_is_decoded_or_refused(document):
    with contextlib.suppress(JaxnnError):
        hash(decode({"it": document})["it"])
