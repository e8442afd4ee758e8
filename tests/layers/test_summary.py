"""`summary` against counts by hand."""

import jax
import jax.numpy as jnp
import pytest

import jaxnn as nn


@pytest.mark.course("D17")
@pytest.mark.parametrize("hidden", [1, 64])
def test_weights_of_the_first_layer_grow_with_the_inputs(hidden):
    net = nn.models.mlp((hidden, 32), 10)
    table = {}
    for inputs in (10, 100, 1000, 10_000):
        found = nn.summary(net, jax.ShapeDtypeStruct((inputs,), "float32"))
        first = found.rows[0]
        assert first.layer.startswith(f"Dense({hidden}")
        table[inputs] = first.parameters
        assert found.parameters - first.parameters == hidden * 32 + 32 + 32 * 10 + 10  # the others do not
    if hidden == 64:
        assert table == {10: 704, 100: 6464, 1000: 64_064, 10_000: 640_064}  # d h + h
    else:
        assert table == {10: 11, 100: 101, 1000: 1001, 10_000: 10_001}


def test_layers_inside_layers_are_listed_by_path_with_what_is_trained():
    net = nn.Chain(
        nn.Residual(nn.Chain(nn.Dense(3), nn.BatchNorm())),
        nn.Parallel(("wide", nn.Dense(2)), nn.relu),
        nn.DropConnect(nn.Dense(5)),
        ("last", nn.Dense(5)),
        nn.Tied("last", nn.Dense(5)),
        nn.Frozen(nn.Chain(nn.Dense(2), nn.Dropout())),
    )
    found = nn.summary(net, jnp.zeros(3))
    assert [(row.path, row.output, row.parameters, row.frozen) for row in found.rows] == [
        ("residual_0/layer/dense_0", (3,), 12, 0),
        ("residual_0/layer/batch_norm_0", (3,), 6, 0),
        ("residual_0/shortcut", (3,), 0, 0),
        ("parallel_0/wide", (2,), 8, 0),
        ("parallel_0/activation_0", (3,), 0, 0),
        ("drop_connect_0/layer", (5,), 30, 0),
        ("last", (5,), 30, 0),
        ("tied_0/layer", (5,), 0, 0),
        ("frozen_0/layer/dense_0", (2,), 0, 12),
        ("frozen_0/layer/dropout_0", (2,), 0, 0),
    ]
    assert (found.parameters, found.frozen) == (86, 12)


def test_operations_and_bytes_of_one_example():
    row = nn.summary(nn.Chain(nn.Dense(7)), jnp.zeros(5)).rows[0]
    assert row.flops == 2 * 5 * 7 + 7
    # kernel, bias, input, output; and the product, which the CPU's dot writes and the sum reads again
    assert 4 * (35 + 7 + 5 + 7) <= row.bytes <= 4 * (35 + 7 + 5 + 7 + 2 * 7)


class Walk:
    """A linear recurrence, h = h K + x, over the first axis; the last state."""

    def __init__(self, unroll):
        self.unroll = unroll

    def init(self, key, example):
        return {"kernel": jnp.ones((example.shape[-1], example.shape[-1]))}, {}

    def apply(self, params, state, x, *, train=False, key=None, mask=None):
        def body(h, one):
            return h @ params["kernel"] + one, None

        return jax.lax.scan(body, jnp.zeros_like(x[0]), x, unroll=self.unroll)[0], state


@pytest.mark.parametrize("unroll", [1, 3, 10])
def test_a_loop_counts_as_often_as_it_runs(unroll):
    (row,) = nn.summary(Walk(unroll), jnp.zeros((10, 20))).rows
    arithmetic = 10 * (2 * 20 * 20 + 20)
    assert arithmetic <= row.flops <= 1.02 * arithmetic  # the counter of the loop counts too


def test_a_shape_that_does_not_fit_names_the_path():
    with pytest.raises(nn.JaxnnError, match=r"in chain_0/group_norm_0: .* 3 channels"):
        nn.summary(nn.Chain(nn.Chain(nn.Dense(3), nn.GroupNorm(2))), jnp.zeros(4))
