"""Images as their files have them: IDX by hand, and folders of small pictures."""

import struct

import numpy as np
from PIL import Image

CODES = {"u1": 8, "i1": 9, "i2": 11, "i4": 12, "f4": 13, "f8": 14}


def idx(values, code=None):
    """The bytes of an IDX file, as its description has them."""
    values = np.asarray(values)
    code = CODES[values.dtype.str[1:]] if code is None else code
    header = struct.pack(">BBBB", 0, 0, code, values.ndim) + struct.pack(f">{values.ndim}I", *values.shape)
    return header + values.astype(values.dtype.newbyteorder(">")).tobytes()


def mnist(folder, images, labels, part="train", wrap=lambda data: data, suffix=""):
    """Write images and labels as MNIST names them; return the path of the images."""
    path = folder / f"{part}-images-idx3-ubyte{suffix}"
    path.write_bytes(wrap(idx(images)))
    (folder / f"{part}-labels-idx1-ubyte{suffix}").write_bytes(wrap(idx(labels)))
    return path


def picture(path, pixels, **options):
    """Write an array as an image of the kind that the path's suffix says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path, **options)
    return path


def folder_of(folder, count=6, size=(8, 8), classes=("dark", "light")):
    """Noisy pictures, dark in the first class and lighter in every other."""
    random = np.random.default_rng(0)
    for place, name in enumerate(classes):
        for i in range(count):
            low = 120 * place
            picture(folder / name / f"{i}.png", random.integers(low, low + 100, size))
    return folder
