"""Small images as PNG, in the address of an <img>: ink on paper, or weights below and above zero."""

import base64
import struct
import zlib

import numpy as np

BELOW, ABOVE = (213, 94, 0), (0, 114, 178)
"""Colours of negative and positive weights, which the colour-blind tell apart; zero is transparent."""


def ink(pixels: np.ndarray) -> str:
    """Return an image of pixels, dark where they are large; the page turns it round where it is dark itself.

    Args:
        pixels: uint8 (height, width) or (height, width, 3), which keeps its colours.

    Returns:
        The address `data:image/png;base64,...`.

    >>> ink(np.array([[0, 255]], np.uint8))[:22]
    'data:image/png;base64,'
    """
    return _address(255 - pixels if pixels.ndim == 2 else pixels)


def signed(weights: np.ndarray) -> str:
    """Return an image of weights: orange below zero, blue above, the stronger the farther.

    Args:
        weights: int8 (height, width); -127 and 127 are the strongest.

    Returns:
        The address `data:image/png;base64,...`.

    >>> signed(np.array([[-127, 0, 127]], np.int8))[:22]
    'data:image/png;base64,'
    """
    strength = np.abs(weights.astype(np.int16)) * 2
    colours = np.where((weights < 0)[..., None], np.array(BELOW), np.array(ABOVE))
    return _address(np.concatenate([colours, strength[..., None]], axis=-1).clip(0, 255).astype(np.uint8))


def _address(pixels: np.ndarray) -> str:
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def png(pixels: np.ndarray) -> bytes:
    """Return a PNG file.

    Args:
        pixels: uint8 (height, width) of grey, or (height, width, 3 or 4) of colours.

    Returns:
        Its bytes; equal pixels give equal bytes with equal versions of zlib.

    Reference: W3C, "Portable Network Graphics (PNG) Specification", third edition.
    """
    height, width = pixels.shape[:2]
    kind = {1: 0, 3: 2, 4: 6}[1 if pixels.ndim == 2 else pixels.shape[2]]
    rows = pixels.astype(np.uint8).reshape(height, -1)
    # each row begins with the number of its filter: 0, none
    filtered = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
