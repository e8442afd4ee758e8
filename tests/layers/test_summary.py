import jax
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
