"""Five real data sets, read from the data files that scikit-learn ships, without importing scikit-learn (2.3 s)."""

import gzip
import hashlib
import importlib.util
import io
import os
from collections.abc import Callable

import numpy as np

from jaxnn.checks import JaxnnError, fail
from jaxnn.data.table import Table


def digits() -> Table:
    """Return 1797 images of handwritten digits, 8 by 8 pixels from 0 to 16 (UCI, Alpaydin and Kaynak, 1998).

    Returns:
        1797 rows of 64 columns; the target `digit` is an int64 from 0 to 9.

    Raises:
        JaxnnError: if scikit-learn's data files are not installed.

    >>> digits()
    Table(1797 rows, 64 columns, target 'digit')
    """
    data = _read("digits.csv.gz")
    numbers = _numbers(gzip.decompress(data), 0, ",")
    names = tuple(f"pixel_{row}_{column}" for row in range(8) for column in range(8))
    target = numbers[:, -1].astype(np.int64)
    return _table("digits", names, numbers[:, :-1], target, "digit", "8x8 images of handwritten digits", data, (8, 8))


def iris() -> Table:
    """Return the lengths and widths of the sepals and petals of 150 irises of three species (Fisher, 1936).

    Returns:
        150 rows of 4 columns; the target `species` is setosa, versicolor or virginica.

    Raises:
        JaxnnError: if scikit-learn's data files are not installed.

    >>> iris().columns
    ('sepal length (cm)', 'sepal width (cm)', 'petal length (cm)', 'petal width (cm)')
    """
    names = ("sepal length (cm)", "sepal width (cm)", "petal length (cm)", "petal width (cm)")
    return _labelled("iris", "iris.csv", names, "species", "sepals and petals of three species of iris")


def wine() -> Table:
    """Return chemical analyses of 178 wines from three cultivars (Forina and others, UCI, 1991).

    Returns:
        178 rows of 13 columns; the target `cultivar` is class_0, class_1 or class_2.

    Raises:
        JaxnnError: if scikit-learn's data files are not installed.

    >>> wine()
    Table(178 rows, 13 columns, target 'cultivar')
    """
    names = """alcohol malic_acid ash alcalinity_of_ash magnesium total_phenols flavanoids nonflavanoid_phenols
        proanthocyanins color_intensity hue od280/od315_of_diluted_wines proline"""
    return _labelled("wine", "wine_data.csv", tuple(names.split()), "cultivar", "chemical analyses of three wines")


def breast_cancer() -> Table:
    """Return measurements of cell nuclei in 569 tumours (Wolberg, Street and Mangasarian, UCI, 1995).

    Returns:
        569 rows of 30 columns; the target `diagnosis` is malignant or benign.

    Raises:
        JaxnnError: if scikit-learn's data files are not installed.

    >>> breast_cancer().columns[::10]
    ('mean radius', 'radius error', 'worst radius')
    """
    each = (
        *("radius", "texture", "perimeter", "area", "smoothness"),
        *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
    )
    names = (*(f"mean {n}" for n in each), *(f"{n} error" for n in each), *(f"worst {n}" for n in each))
    return _labelled("breast_cancer", "breast_cancer.csv", names, "diagnosis", "cell nuclei of breast tumours")


def diabetes() -> Table:
    """Return ten measurements of 442 patients and how far diabetes had advanced a year later (Efron and others, 2004).

    The columns are in their own units (age in years, blood pressure in mm Hg ...), as `load_diabetes(scaled=False)` of
    scikit-learn gives them; its default divides each by its standard deviation times the square root of 442.

    Returns:
        442 rows of 10 columns; the target `progression` is a float64 from 25 to 346.

    Raises:
        JaxnnError: if scikit-learn's data files are not installed.

    >>> diabetes().features[0, :3].tolist()
    [59.0, 2.0, 32.1]
    """
    data, values = _read("diabetes_data_raw.csv.gz"), _read("diabetes_target.csv.gz")
    numbers, target = _numbers(gzip.decompress(data), 0, None), _numbers(gzip.decompress(values), 0, None)[:, 0]
    names = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")
    about = "progression of diabetes from ten measurements"
    return _table("diabetes", names, numbers, target, "progression", about, data + values)


SETS: dict[str, Callable[[], Table]] = {
    "digits": digits,
    "iris": iris,
    "wine": wine,
    "breast_cancer": breast_cancer,
    "diabetes": diabetes,
}
"""The readers by the names that users type."""


def _labelled(name: str, file: str, columns: tuple[str, ...], target_name: str, about: str) -> Table:
    """A file whose first line has its numbers of rows and columns and the classes, and its last column the class."""
    data = _read(file)
    classes = np.array(data.split(b"\n", 1)[0].decode().strip().split(",")[2:])
    numbers = _numbers(data, 1, ",")
    return _table(name, columns, numbers[:, :-1], classes[numbers[:, -1].astype(int)], target_name, about, data)


def _table(
    name: str,
    columns: tuple[str, ...],
    features: np.ndarray,
    target: np.ndarray,
    target_name: str,
    about: str,
    data: bytes,
    image_shape: tuple[int, ...] | None = None,
) -> Table:
    digest = hashlib.sha256(data).hexdigest()
    return Table(columns, features, target, target_name, image_shape, about, name, digest)


def _numbers(data: bytes, skipped: int, separator: str | None) -> np.ndarray:
    return np.loadtxt(io.BytesIO(data), delimiter=separator, skiprows=skipped, ndmin=2)


def _read(name: str) -> bytes:
    """The bytes of one of scikit-learn's data files; `find_spec` finds a package without importing it."""
    found = importlib.util.find_spec("sklearn")
    if found is None or not found.submodule_search_locations:
        raise JaxnnError(
            "scikit-learn is not installed, and its data files hold this data set; needed scikit-learn. "
            'Install it with: pip install "jaxnn[cli]"'
        )
    path = os.path.join(found.submodule_search_locations[0], "datasets", "data", name)
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        reason = error.strerror or "unreadable"
        fail(
            f"scikit-learn's data file {name}",
            reason,
            "the file as scikit-learn ships it",
            "Install scikit-learn again",
        )
