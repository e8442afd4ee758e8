"""Operations whose best form depends on the machine, each chosen in one place by measurement."""

import math

import jax
import jax.numpy as jnp

from jaxnn.pytypes import Array, Key


def random_bits(key: Key, shape: tuple[int, ...]) -> Array:
    """Return 32 random bits for every element, a hash of the element's index and the key.

    `bits[i] = mix(mix(i * golden + k_0) ^ k_1)`, where `mix` is a 32-bit finaliser that changes every output bit
    with probability one half when any input bit changes.

    A counter hash is used because drawing with threefry in every step costs 2.7 to 4.4 times a small network's whole
    step, this 1.09 times (measured.md); being elementwise, it gives the same bits under `vmap` and on any device.

    Args:
        key: one random key, used for this draw only.
        shape: the shape of the draw, at most 2^32 elements.

    Returns:
        uint32 array of that shape.

    Reference: the finaliser is C. Wellons, "Prospecting for hash functions" (lowbias32).

    >>> random_bits(jax.random.key(0), (2,)).dtype
    dtype('uint32')
    """
    bits = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape) * jnp.uint32(0x9E3779B9)
    # words: (2,) for threefry, (4,) for rbg
    for word in jax.random.key_data(key):
        bits = _mix(bits ^ word.astype(jnp.uint32))
    return bits


def fold_in(key: Key, number: int | Array) -> Key:
    """Return a key that is a hash of a key and a number, as `jax.random.fold_in` does, for use inside a training step.

    `c = mix(i) ^ mix(k_n)`, then for every word `c = k'_j = mix(k_j ^ c)`: two numbers never give the same first word.

    `jax.random.fold_in` is a loop of its own on CPU, more than the rest of a dropout layer: 1.57 us a step for key and
    mask of 32 x 64 values with the two that dropout needs, 0.72 us with this hash.

    Args:
        key: one random key.
        number: a step, or a position among layers; int32 scalar.

    Returns:
        A key of the same kind.

    >>> key = jax.random.key(0)
    >>> [jax.random.key_data(fold_in(key, i)).tolist() for i in range(2)]
    [[3818772927, 1736185558], [841256496, 1139293354]]
    """
    words = jax.random.key_data(key).astype(jnp.uint32)
    carry = _mix(jnp.asarray(number).astype(jnp.uint32) + jnp.uint32(0x9E3779B9)) ^ _mix(words[-1] + jnp.uint32(1))
    hashed = []
    for word in words:
        carry = _mix(word ^ carry)
        hashed.append(carry)
    return jax.random.wrap_key_data(jnp.stack(hashed), impl=jax.random.key_impl(key))


def permuted(key: Key, rows: Array) -> Array:
    """Return the rows of an array in random order.

    The rows are sorted by `random_bits`, which are all different: for one key they are a one-to-one map of the index.
    Up to 2^16 rows, bits and index share one word, bits first: a sort of words takes 22 us for 1437 rows on CPU where a
    sort of pairs takes 176 us, a fifth of the training of a small network. At least 16 random bits are left; rows that
    agree in those keep their order.

    `jax.random.permutation` draws with threefry, a loop of its own on CPU: it took 0.2 s of 0.67 s to compile the
    training of a small network.

    Args:
        key: one random key, used for this draw only.
        rows: `(n,)`, at most 2^32 of them.

    Returns:
        `(n,)`, the same values in another order.

    >>> permuted(jax.random.key(0), jnp.arange(6)).tolist()
    [0, 2, 5, 3, 1, 4]
    """
    count, bits = len(rows), random_bits(key, rows.shape)
    if count > 2**16:
        return jax.lax.sort((bits, rows), num_keys=1)[1]
    width = jnp.uint32(max(count - 1, 0).bit_length())
    words = jax.lax.sort((bits >> width << width) | jnp.arange(count, dtype=jnp.uint32))
    return rows[(words & ((1 << width) - 1)).astype(jnp.int32)]


def keep_with_probability(key: Key, rate: Array, shape: tuple[int, ...]) -> Array:
    """Return a Boolean mask in which every element is False with probability `rate`.

    Args:
        key: one random key, used for this draw only.
        rate: scalar, the share dropped, from 0 to 1; both ends are exact.
        shape: the shape of the mask.

    Returns:
        Boolean array of that shape; the share dropped is exact to 2^-24.

    >>> bool(keep_with_probability(jax.random.key(0), jnp.float32(1.0), (1000,)).any())
    False
    """

    def draw() -> Array:
        return (random_bits(key, shape) >> 8).astype(jnp.float32) * jnp.float32(2**-24) >= rate.astype(jnp.float32)

    # XLA does not fuse across a conditional. Fused, the bits are drawn again in the backward pass and, on CPU, both
    # times by two threads that wait for each other: digits 64-64-10 took 1.83 times as long, so 1.14 times.
    return jax.lax.cond(rate > 0, draw, lambda: jnp.ones(shape, bool))


def _mix(bits: Array) -> Array:
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)
