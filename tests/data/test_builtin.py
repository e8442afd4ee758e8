import importlib.util
import subprocess
import sys

import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data import builtin


@pytest.fixture(scope="module")
def original():
    """scikit-learn's own readers are the oracle."""
    datasets = pytest.importorskip("sklearn.datasets")
    loaded = {name: getattr(datasets, f"load_{name}")() for name in builtin.SETS if name != "diabetes"}
    return {**loaded, "diabetes": datasets.load_diabetes(scaled=False), "scaled": datasets.load_diabetes()}


@pytest.mark.parametrize("name", builtin.SETS)
def test_features_and_names_are_those_of_scikit_learn(name, original):
    table = builtin.SETS[name]()
    np.testing.assert_array_equal(table.features, original[name].data)
    assert table.columns == tuple(original[name].feature_names)
    assert table.source == name
    assert len(table.sha256) == 64


@pytest.mark.parametrize("name", builtin.SETS)
def test_targets_are_those_of_scikit_learn(name, original):
    target = builtin.SETS[name]().target
    expected = original[name].target
    if name in ("iris", "wine", "breast_cancer"):
        expected = original[name].target_names[expected]
    assert target is not None
    assert target.dtype.kind == {"digits": "i", "diabetes": "f"}.get(name, "U")
    np.testing.assert_array_equal(target, expected)


def test_diabetes_scaled_is_a_multiple_of_its_z_score(original):
    x = builtin.diabetes().features
    z = (x - x.mean(0)) / x.std(0)
    np.testing.assert_allclose(z / np.sqrt(442), original["scaled"].data, atol=1e-12)


@pytest.mark.course("D13")
def test_digits_are_ten_balanced_classes_of_images():
    table = builtin.digits()
    assert table.features.shape == (1797, 64)
    assert table.image_shape == (8, 8)
    assert (table.features.min(), table.features.max()) == (0, 16)
    assert np.bincount(table.target).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_reading_imports_neither_scikit_learn_nor_polars():
    code = (
        "import sys, jaxnn.data as d; d.load('digits'); d.load('diabetes'); "
        "assert not {'sklearn', 'scipy', 'polars', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_without_scikit_learn_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(JaxnnError, match=r'pip install "jaxnn\[cli\]"'):
        builtin.iris()


def test_a_lost_data_file_is_named(monkeypatch, tmp_path):
    spec = importlib.util.spec_from_file_location(
        "sklearn", tmp_path / "x.py", submodule_search_locations=[str(tmp_path)]
    )
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: spec)
    with pytest.raises(JaxnnError, match=r"digits.csv.gz: got No such file"):
        builtin.digits()
