"""Names, keys and errors of `Chain`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnn as nn


class BatchShift:
    """A layer of the user's own, not a dataclass."""

    def init(self, key, example):
        return {"shift": jnp.zeros(example.shape)}, {}

    def apply(self, params, state, x, *, train=False, key=None, mask=None):
        return x + params["shift"], state


def names(*layers):
    return list(nn.Chain(*layers).children())


def test_children_are_counted_by_type_as_in_flax():
    assert names(nn.Dense(1), nn.relu, nn.Dense(2), nn.tanh, BatchShift()) == [
        "dense_0", "activation_0", "dense_1", "activation_1", "batch_shift_0",
    ]  # fmt: skip
    assert names(nn.Dense(1), ("head", nn.Dense(2)), nn.Dense(3)) == ["dense_0", "head", "dense_1"]


def test_an_activation_more_renames_no_layer_with_parameters():
    few, more = nn.Chain(nn.Dense(2), nn.Dense(1)), nn.Chain(nn.Dense(2), nn.relu, nn.Dense(1))
    shapes = [
        jax.eval_shape(lambda key, net=net: net.init(key, jnp.zeros(3))[0], jax.random.key(0)) for net in (few, more)
    ]
    assert shapes[0] == shapes[1]


def test_a_layer_appended_changes_no_earlier_one():
    short, long = nn.Chain(nn.Dense(4), nn.tanh), nn.Chain(nn.Dense(4), nn.tanh, nn.Dense(3))
    one, other = (net.init(jax.random.key(1), jnp.zeros(2))[0]["dense_0"]["kernel"] for net in (short, long))
    np.testing.assert_array_equal(one, other)
    noisy = nn.Chain(nn.Dropout(0.5))
    longer = nn.Chain(nn.Dropout(0.5), nn.Flatten(1))
    x, key = jnp.ones(9), jax.random.key(3)
    state = {"dropout_0": {"rate": jnp.float32(0.5)}}
    masks = [net.apply({}, state, x, train=True, key=key)[0] for net in (noisy, longer)]
    np.testing.assert_array_equal(*masks)


def test_two_dropouts_of_one_chain_drop_differently():
    net = nn.Chain(nn.Dropout(0.5), nn.Dropout(0.5))
    _, state = net.init(jax.random.key(0), jnp.ones(64))
    passed = net.outputs({}, state, jnp.ones(64), train=True, key=jax.random.key(0))
    assert 8 < int((passed["dropout_1"] > 0).sum()) < 24  # a quarter of 64; a shared mask would leave a half


@pytest.mark.parametrize(
    ("layers", "said"),
    [
        ((nn.Dense,), r"the class Dense; needed a layer. Write Dense\(...\)"),
        ((3,), "got 3 of type int"),
        ((("a b", nn.Dense(1)),), "the name 'a b'"),
        ((("a", nn.Dense(1)), ("a", nn.Dense(1))), "two layers named 'a'"),
        ((nn.Dense(1), ("dense_0", nn.Dense(2))), "two layers named 'dense_0'"),
    ],
)
def test_what_is_no_chain_is_refused(layers, said):
    with pytest.raises(nn.JaxnnError, match=said):
        nn.Chain(*layers)


def test_a_wrong_width_names_the_child_and_the_shape():
    net = nn.Chain(nn.Dense(4), ("inner", nn.Chain(nn.Dense(2))))
    params, state = net.init(jax.random.key(0), jnp.zeros(3))
    params["inner"]["dense_0"]["kernel"] = jnp.zeros((5, 2))
    said = r"^in inner/dense_0: Dense\(2\): got an input of shape \(7, 4\); needed 5 features"
    with pytest.raises(nn.JaxnnError, match=said):
        net.apply(params, state, jnp.zeros((7, 3)))


def test_an_error_of_another_library_gets_a_note_of_where_it_arose():
    net = nn.Chain(nn.Dense(4), ("inner", nn.Chain(("odd", nn.Activation(lambda x: x @ jnp.zeros((3, 3)))))))
    with pytest.raises(TypeError) as caught:
        net.init(jax.random.key(0), jnp.zeros(3))
    ours = [note.split(":")[0] for note in caught.value.__notes__ if note.startswith("in ")]
    assert ours == ["in odd", "in inner"]


def test_dropout_needs_a_key_to_train():
    net = nn.Chain(nn.Dropout(0.5))
    _, state = net.init(jax.random.key(0), jnp.ones(3))
    with pytest.raises(nn.JaxnnError, match=r"Dropout\(rate=0.5\): got key=None with train=True; needed a random key"):
        net.apply({}, state, jnp.ones(3), train=True)
