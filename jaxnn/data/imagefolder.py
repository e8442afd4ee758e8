"""A folder of images whose sub-folders are the classes."""

import hashlib
import io
import os
import re
import stat
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

import numpy as np

from jaxnn.checks import JaxnnError, fail
from jaxnn.data.imagearrays import check_images, image_shape, pixel_names
from jaxnn.data.limits import LARGEST_TEXT
from jaxnn.data.places import listed, place, shown
from jaxnn.data.table import Table
from jaxnn.files import read_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp")
"""Ends of the names of images."""

LONGEST_USUAL = 128
"""Images without a size of their own to be resized to become no longer than this: 1,000 of 128x128 in colour are
188 MB once they are a network's inputs."""

MOST_PIXELS = 2**26
"""Of one image: 67 million, 200 MB of colours; a camera has 12 to 60 million."""

_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")
_GREY = ("1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "F")
_MODES = ("L", "LA", "RGB", "RGBA")
_SIDEWAYS = (5, 6, 7, 8)
"""Values of the EXIF orientation under which height and width change places."""
_ORIENTATION = 0x0112
_PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
_WHOLE = re.compile(r"0|[1-9][0-9]{0,17}")


class _Files(NamedTuple):
    """The images of a folder."""

    names: list[str]
    """Paths from the folder on, sorted."""
    classes: list[str] | None
    """The sub-folder that each lies in; None where there are no sub-folders."""
    notes: list[str]


def read_folder(
    source: str,
    size: tuple[int, int] | None = None,
    channels: int | None = None,
    *,
    labelled: bool = True,
    progress: Callable[[int, int], None] = lambda done, all_: None,
) -> Table:
    """Read the images of a folder; the name of the sub-folder that an image lies in is its class.

    Images become grey if all of them are, else RGB; they are turned as EXIF says, what is transparent becomes white,
    and those of another size than `size` are resized. Of moving images the first is taken.

    Args:
        source: the folder, or one image.
        size: (height, width); None for the most frequent size, the longer side at most 128.
        channels: 1 for grey and 3 for RGB; None for what the images are.
        labelled: False where images without a class will do.
        progress: called with how many images were read, and of how many.

    Returns:
        The images as bytes; their target `class` is text, or int64 where all classes are whole numbers.

    Raises:
        JaxnnError: naming file and byte of an image that is damaged, or the folder: none, no images, no sub-folders,
            too many pixels in all.
    """
    with warnings.catch_warnings():
        # what Pillow warns of is an image that is too large, which is refused below, or odd beside its pixels
        warnings.simplefilter("ignore")
        files = _found(source)
        if files.classes is None and labelled:
            do = "Move the images of each class into a folder of its own"
            fail(place(source), "images that lie in no sub-folder", "a sub-folder of images for each class", do)
        shape, notes = _common_shape(source, files.names, size, channels)
        check_images((len(files.names), *shape), 1, place(source))
        pixels = np.empty((len(files.names), int(np.prod(shape))), np.uint8)
        digest = hashlib.sha256()
        for row, name in enumerate(files.names):
            path = _path(source, name)
            data = _bytes(path)
            digest.update(f"{name}\0{len(data)}\0".encode("utf-8", "surrogateescape"))
            digest.update(data)
            pixels[row] = _pixels(data, path, shape).reshape(-1)
            progress(row + 1, len(files.names))
    names = np.array([_path(source, name) for name in files.names], object)
    target = None if files.classes is None else _classes(files.classes)
    drawn = image_shape(shape)
    return Table(
        pixel_names(drawn), pixels, target, None if target is None else "class", drawn,
        f"{len(names)} images from {source}", source, digest.hexdigest(), notes=(*files.notes, *notes), names=names,
    )  # fmt: skip


def _path(source: str, name: str) -> str:
    """Where an image lies; the one image that `source` itself is has no name of its own."""
    return os.path.join(source, name) if name else source


def _found(source: str) -> _Files:
    """The images below a folder, or the one image that it is."""
    if not os.path.isdir(source):
        return _Files([""], None, [])
    classes, loose, skipped = _listing(source)
    if {name.lower() for name in classes} <= _PARTS and "train" in {name.lower() for name in classes}:
        train = next(name for name in classes if name.lower() == "train")
        given = f"the sub-folders {listed(classes)}, which are parts and no classes"
        fail(place(source), given, "a sub-folder for each class", f"Give {os.path.join(source, train)}")
    names, labels, empty = [], [], []
    for name in classes:
        below = list(_images_below(source, name, skipped))
        names += below
        labels += [name] * len(below)
        empty += [] if below else [name]
    if not names and not loose:
        given = "an empty folder" if not classes and not any(skipped.values()) else "a folder without images"
        fail(place(source), given, f"images ({', '.join(SUFFIXES)}) in a sub-folder for each class")
    notes = [f"{listed(empty)}: no images, and no class"] if empty and names else []
    if names and loose:
        notes.append(f"{_counted(len(loose), 'image')} beside the sub-folders left out: {listed(loose, 3)}")
    notes += [f"{_counted(count, what)} left out" for what, count in skipped.items() if count]
    return _Files(names, labels, notes) if names else _Files(loose, None, notes)


def _listing(path: str) -> tuple[list[str], list[str], Counter[str]]:
    """Sub-folders and images of a folder, sorted; and what else is there, counted."""
    folders, images = [], []
    skipped: Counter[str] = Counter()
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                if entry.name.startswith((".", "__MACOSX")):
                    continue
                if entry.is_dir():
                    # a link to a folder may lead back here
                    if entry.is_symlink():
                        skipped["linked folder"] += 1
                    else:
                        folders.append(entry.name)
                elif entry.name.lower().endswith(SUFFIXES):
                    images.append(entry.name)
                else:
                    skipped["other file"] += 1
    except OSError as error:
        reason = error.strerror or "unreadable"
        fail(place(path), f"a folder that cannot be read ({reason})", "a readable folder")
    return sorted(folders), sorted(images), skipped


def _images_below(source: str, inner: str, skipped: Counter[str]) -> Iterator[str]:
    """The images of a sub-folder and of all below it, as paths from `source` on."""
    waiting = [inner]
    while waiting:
        folder = waiting.pop()
        folders, images, others = _listing(os.path.join(source, folder))
        skipped.update(others)
        yield from (os.path.join(folder, name) for name in images)
        waiting += [os.path.join(folder, name) for name in reversed(folders)]


def _classes(names: list[str]) -> np.ndarray:
    """Names of folders as classes; whole numbers as numbers, as in any table, so that labels of IDX files are equal."""
    if all(_WHOLE.fullmatch(name) for name in set(names)):
        return np.array([int(name) for name in names], np.int64)
    for name in set(names):
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            fail("class", shown(name), "names of folders in UTF-8", "Rename the folder")
    return np.array(names)


def _bytes(path: str) -> bytes:
    try:
        large = os.stat(path).st_size > LARGEST_TEXT
    except (OSError, ValueError):
        large = False  # what is wrong is said when it is opened
    if large:
        fail(place(path), f"a file of more than {LARGEST_TEXT // 2**20} MiB", "an image")
    return read_bytes(path, "an image")


def _common_shape(
    source: str, names: list[str], size: tuple[int, int] | None, channels: int | None
) -> tuple[tuple[int, int, int], list[str]]:
    """Height, width and channels that all images get, and what a person should know about it."""
    if size and channels:  # a model's own
        return (*size, channels), []
    sizes: Counter[tuple[int, int]] = Counter()
    grey = True
    for name in names:
        height, width, is_grey = _header(_path(source, name))
        sizes[height, width] += 1
        grey = grey and is_grey
    usual = min(sizes, key=lambda one: (-sizes[one], one))
    chosen = size or _bounded(usual)
    others = sum(sizes.values()) - sizes[chosen]
    notes = []
    if others:
        given = f"{usual[0]}x{usual[1]}" if len(sizes) == 1 else f"{len(sizes)} sizes"
        to = "" if size else "; --image-size for another"
        notes = [f"{_counted(others, 'image')} of {given} resized to {chosen[0]}x{chosen[1]}{to}"]
    return (*chosen, channels or (1 if grey else 3)), notes


def _bounded(size: tuple[int, int]) -> tuple[int, int]:
    longest = max(size)
    if longest <= LONGEST_USUAL:
        return size
    height, width = (max(1, round(side * LONGEST_USUAL / longest)) for side in size)
    return height, width


def _header(path: str) -> tuple[int, int, bool]:
    """Height and width as seen, and whether the image is grey; of the file only its beginning is read."""
    from PIL import Image, ImagePalette

    _check_regular(path)
    try:
        with Image.open(path, formats=_FORMATS) as image:
            _check_size(image, path)
            width, height = image.size
            if _orientation(image) in _SIDEWAYS:
                width, height = height, width
            palette = image.palette if image.mode == "P" else None
            assert palette is None or isinstance(palette, ImagePalette.ImagePalette)
            colours = np.array(image.getpalette() or [], np.uint8).reshape(-1, 3) if palette else None
            grey = image.mode in _GREY or (colours is not None and bool((colours == colours[:, :1]).all()))
            return height, width, grey
    except JaxnnError:
        raise
    except Exception as error:  # Pillow raises many kinds on hostile files
        _refuse(_bytes(path), path, error, None)


def _check_regular(path: str) -> None:
    """A pipe or a device could block or never end; `read_bytes` says what is wrong in its own words."""
    try:
        regular = stat.S_ISREG(os.stat(path).st_mode)
    except (OSError, ValueError):
        regular = False
    if not regular:
        _bytes(path)


def _check_size(image: "Image", path: str) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        fail(place(path), f"an image of {height}x{width} pixels", f"at most {MOST_PIXELS} pixels", "Make it smaller")


def _orientation(image: "Image") -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged EXIF is no reason to refuse the pixels
        return 1


def _pixels(data: bytes, path: str, shape: tuple[int, int, int]) -> np.ndarray:
    """The pixels of one image, uint8 (height, width, channels)."""
    from PIL import Image

    file = io.BytesIO(data)
    try:
        with Image.open(file, formats=_FORMATS) as opened:
            _check_size(opened, path)
            image: Any = _as_seen(opened)
            image = image.convert(_MODES[shape[2] - 1])
            height, width = shape[:2]
            if image.size != (width, height):
                image = image.resize((width, height), Image.Resampling.BILINEAR)
            return np.asarray(image).reshape(shape)
    except JaxnnError:
        raise
    except Exception as error:  # Pillow raises many kinds on hostile files
        _refuse(data, path, error, file.tell())


def _as_seen(image: Any) -> Any:
    """The first picture, turned as EXIF says, of 8 bits, and white where it is transparent."""
    from PIL import Image, ImageOps

    if _orientation(image) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16 bits: of 65535 grey levels, 256
        values = np.asarray(image).astype(np.int64)
        return Image.fromarray((values.clip(0, 65535) >> 8).astype(np.uint8))
    if image.has_transparency_data:
        layered = image.convert("RGBA")
        paper = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(paper, layered)
    return image


def _refuse(data: bytes, path: str, error: Exception, at: int | None) -> NoReturn:
    """Say that an image cannot be read, and up to which byte it could."""
    from PIL import Image

    do = "Copy the file again, or remove it"
    if isinstance(error, Image.DecompressionBombError):
        fail(place(path), "an image of too many pixels", f"at most {MOST_PIXELS} pixels", "Make it smaller")
    if not data:
        fail(f"{place(path)}, byte 0", "an empty file", "an image", do)
    if isinstance(error, Image.UnidentifiedImageError) or at is None:
        given = f"{data[:8].hex(' ')}, which begins no image of {', '.join(_FORMATS)}"
        fail(f"{place(path)}, byte 0", given, "such an image", do)
    given = f"{image_said(data)} that is cut off or damaged"
    fail(f"{place(path)}, byte {min(at, len(data))} of {len(data)}", given, "a whole image", do)


def image_said(data: bytes) -> str:
    r"""Return what kind of image bytes begin.

    >>> image_said(b"\x89PNG"), image_said(b"GIF89a"), image_said(b"?")
    ('a PNG image', 'a GIF image', 'an image')
    """
    marks = {b"\x89PNG": "PNG", b"\xff\xd8": "JPEG", b"BM": "BMP", b"GIF8": "GIF", b"RIFF": "WEBP"}
    return next((f"a {name} image" for mark, name in marks.items() if data.startswith(mark)), "an image")


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
