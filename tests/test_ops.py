"""Random bits by hash: as random as threefry's by the same tests, the same under vmap, exact at both ends."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from jaxnn import ops

KEYS = 20


@pytest.fixture(scope="module")
def masks():
    """Dropout masks of 300 steps for 20 keys: (keys, steps, 16, 32)."""

    def one(key, step):
        return ops.keep_with_probability(ops.fold_in(ops.fold_in(key, 2), step), jnp.float32(0.3), (16, 32))

    keys = jax.vmap(jax.random.key)(jnp.arange(KEYS) * 7919)
    return np.asarray(jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))(keys, jnp.arange(300)))


def uniform_enough(p_values):
    """p values of a true hypothesis are uniform; the chance to fail here is one in ten thousand."""
    return scipy.stats.kstest(p_values, "uniform").pvalue > 1e-4


@pytest.mark.parametrize("kept", ["units", "steps"])
def test_every_unit_and_every_step_drops_its_share(masks, kept):
    counts = masks.sum(axis=1).reshape(KEYS, -1) if kept == "units" else masks.sum(axis=(2, 3))
    size = masks.shape[1] if kept == "units" else masks[0, 0].size
    squares = ((counts - 0.7 * size) ** 2 / (size * 0.21)).sum(axis=1)
    assert uniform_enough(scipy.stats.chi2.sf(squares, counts.shape[1]))


@pytest.mark.parametrize("axis", [0, 1, 2, 3], ids=["key", "step", "row", "column"])
def test_neighbours_are_independent(masks, axis):
    centred = masks - 0.7
    products = np.delete(centred, 0, axis) * np.delete(centred, -1, axis)
    assert abs(products.mean() / 0.21 * np.sqrt(products.size)) < 4  # a normal deviate under independence


def test_bits_differ_for_every_index_and_between_keys():
    draw = jax.jit(lambda seed: ops.random_bits(jax.random.key(seed), (2**16,)))
    one, other = np.asarray(draw(0)), np.asarray(draw(1))
    assert len(np.unique(one)) == 2**16  # for one key the hash is one-to-one
    set_bits = np.unpackbits((one ^ other).view(np.uint8)).mean()
    assert set_bits == pytest.approx(0.5, abs=0.005)


def test_one_changed_bit_of_the_key_changes_half_of_the_bits():
    words = np.array([3, 14], np.uint32)
    draw = jax.jit(lambda words: ops.random_bits(jax.random.wrap_key_data(words), (512,)))
    whole = np.asarray(draw(words))
    for word in range(2):
        for bit in range(0, 32, 5):
            turned = words.copy()
            turned[word] ^= np.uint32(1 << bit)
            assert np.unpackbits((whole ^ np.asarray(draw(turned))).view(np.uint8)).mean() == pytest.approx(
                0.5, abs=0.03
            )


def test_keys_of_other_generators_and_members_work():
    key = jax.random.key(0, impl="rbg")
    assert jax.random.key_impl(ops.fold_in(key, 3)) == jax.random.key_impl(key)
    keys = jax.random.split(jax.random.key(1), 3)
    together = jax.vmap(lambda key: ops.random_bits(ops.fold_in(key, 5), (7,)))(keys)
    alone = [ops.random_bits(ops.fold_in(key, 5), (7,)) for key in keys]
    np.testing.assert_array_equal(together, np.stack(alone))


def test_folded_keys_all_differ():
    fold = jax.jit(jax.vmap(lambda i: jax.random.key_data(ops.fold_in(jax.random.key(0), i))))
    assert len(np.unique(np.asarray(fold(jnp.arange(20_000))), axis=0)) == 20_000


@pytest.mark.parametrize(("rate", "share"), [(0.0, 1.0), (1.0, 0.0)])
def test_both_ends_are_exact(rate, share):
    assert float(ops.keep_with_probability(jax.random.key(0), jnp.float32(rate), (4096,)).mean()) == share


def test_every_row_comes_to_every_place_equally_often():
    order = jax.jit(jax.vmap(lambda i: ops.permuted(ops.fold_in(jax.random.key(5), i), jnp.arange(8))))
    found = np.asarray(order(jnp.arange(8000)))
    assert (np.sort(found) == np.arange(8)).all()
    counts = np.stack([np.bincount(found[:, place], minlength=8) for place in range(8)])
    statistic = ((counts - 1000) ** 2 / 1000).sum() * 7 / 8  # rows and columns are both fixed: 49 degrees of freedom
    assert 1e-4 < scipy.stats.chi2.sf(statistic, 49) < 1 - 1e-4


def _windowed(x, kernel):
    """Every operation that depends on the machine, with its gradients."""

    def all_of(x, kernel):
        geometry = (2, 1), ((1, 0), (1, 2)), (1, 2)
        return (
            ops.convolution(x, kernel, *geometry, groups=2),
            ops.transposed_convolution(x, kernel, *geometry, groups=2),
            ops.max_pool(x, (3, 2), (2, 2), ((1, 1), (0, 0))),
            ops.avg_pool(x, (2, 3), (2, 1), ((0, 0), (1, 1))),
        )

    def total(x, kernel):
        return sum(jnp.sin(y).sum() for y in all_of(x, kernel))

    return all_of(x, kernel), jax.grad(total, (0, 1))(x, kernel)


def test_accelerators_compute_the_same_by_xlas_own_operations(monkeypatch):
    random = np.random.default_rng(0)
    drawn = [jnp.asarray(random.normal(size=shape), jnp.float32) for shape in ((2, 6, 5, 4), (3, 2, 2, 6))]
    ours = jax.jit(_windowed).lower(*drawn)
    monkeypatch.setattr(ops, "on_cpu", lambda: False)
    theirs = jax.jit(lambda *arguments: _windowed(*arguments)).lower(*drawn)
    assert "stablehlo.convolution" in theirs.as_text() and "stablehlo.convolution" not in ours.as_text()
    for one, other in zip(*(jax.tree.leaves(form.compile()(*drawn)) for form in (ours, theirs)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_the_default_device_decides():
    assert ops.on_cpu()
    with jax.default_device(jax.devices("cpu")[0]):
        assert ops.on_cpu()


def test_no_key_has_a_first_value_of_its_own():
    """A key whose words are 0 gave the first element the bits 0: with seed 0 dropout always dropped it."""
    keys = [jax.random.key(0), ops.fold_in(jax.random.key(0), 0), ops.fold_in(jax.random.key(0), 1)]
    first = np.array([ops.random_bits(key, (4,)) for key in keys])
    assert (first != 0).all() and len(np.unique(first)) == first.size
