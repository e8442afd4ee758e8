"""Operations whose best form depends on the machine, each chosen in one place by measurement."""

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
    size = 1
    for length in shape:
        size *= length
    bits = jnp.arange(size, dtype=jnp.uint32).reshape(shape) * jnp.uint32(0x9E3779B9)
    # words: (2,) for threefry, (4,) for rbg
    for word in jax.random.key_data(key):
        bits = _mix(bits ^ word.astype(jnp.uint32))
    return bits


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
    uniform = (random_bits(key, shape) >> 8).astype(jnp.float32) * jnp.float32(2**-24)
    return uniform >= rate.astype(jnp.float32)


def _mix(bits: Array) -> Array:
    bits = (bits ^ (bits >> 16)) * jnp.uint32(0x7FEB352D)
    bits = (bits ^ (bits >> 15)) * jnp.uint32(0x846CA68B)
    return bits ^ (bits >> 16)
