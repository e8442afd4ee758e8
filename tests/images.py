"""What the tests of the course's convolutions share: layers by hand, and digits in frames."""

from functools import cache, partial

import jax
import jax.numpy as jnp
import numpy as np

import jaxnn as nn


def normal(*shape):
    """Normal random numbers; the same ones for the same shape."""
    return np.random.default_rng(shape).normal(size=shape)


def single(values):
    """Numbers with an axis of one channel."""
    return np.asarray(values, float)[..., None]


@partial(jax.jit, static_argnums=0)
def applied(layer, params, x):
    return layer.apply(params, {}, jnp.asarray(x))[0]


def convolved(x, kernel, bias=None, **settings):
    """The layer's output with this kernel `(*window, in, out)`, without padding unless it is said."""
    kernel = jnp.asarray(kernel)
    layer = nn.Conv(kernel.shape[-1], kernel.shape[:-2], **({"padding": "VALID"} | settings), use_bias=bias is not None)
    params = {"kernel": kernel} | ({} if bias is None else {"bias": jnp.asarray(bias)})
    return np.asarray(applied(layer, params, x))


def size_after(layer, *example):
    """The shape of the layer's output and how many parameters it has, without computing anything."""
    found = nn.summary(layer, jax.ShapeDtypeStruct(example, jnp.float32))
    return found.rows[-1].output, found.parameters


def shapes_of(net, *example):
    """The shapes of the outputs of a network's layers."""
    return [row.output for row in nn.summary(net, jax.ShapeDtypeStruct(example, jnp.float32)).rows]


@cache
def digits():
    """The bundled digits `(1797, 8, 8, 1)` from 0 to 1 with their classes, and the rows for training and for test."""
    table = nn.data.load("digits")
    images = (table.features.reshape(-1, 8, 8, 1) / 16).astype(np.float32)
    classes = np.asarray(table.target)
    return images, classes, *nn.data.split(len(images), (0.8, 0.2), seed=0, labels=classes)


def framed(images, corners, size):
    """Each image in an empty frame of `size` x `size` pixels, its corner at the place given."""
    frames = np.zeros((len(images), size, size, 1), np.float32)
    for frame, image, (i, j) in zip(frames, images, np.broadcast_to(corners, (len(images), 2)), strict=True):
        frame[i : i + 8, j : j + 8] = image
    return frames


def learnt(net, x, y, **settings):
    """A run of a classifier."""
    return nn.fit(net, (x, y), nn.losses.softmax_cross_entropy, **settings)


def accuracy(run, x, y):
    """The share of the images that the run puts in their class."""
    return float(np.mean(run.logits(x).argmax(axis=-1) == y))
