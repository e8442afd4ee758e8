"""Rows of the course on digits: hand-made features, templates, layers, convolutions and shifted images."""

import jax
import numpy as np
import pytest

import jaxnn as nn
from jaxnn.augmentation import Shift
from jaxnn.cli.images import network
from jaxnn.cli.settings import Settings
from jaxnn.data import load, split
from jaxnn.layers import summary

pytestmark = pytest.mark.usefixtures("quick_compiles")

CROSS_ENTROPY = nn.losses.softmax_cross_entropy


@pytest.fixture(scope="module")
def digits():
    """Images (1797, 8, 8, 1) from 0 to 1 and digits, and the rows to train and to test on."""
    table = load("digits")
    return table.features.reshape(-1, 8, 8, 1).astype(np.float32) / 16, table.target, split(1797, (0.7, 0.3), 0)


def moved(images, most, seed):
    """Every image moved by whole pixels, zeros moving in: by NumPy, not by `jaxnn.augmentation`."""
    random, size = np.random.default_rng(seed), images.shape[1]
    framed = np.pad(images, ((0, 0), (most, most), (most, most), (0, 0)))
    places = random.integers(0, 2 * most + 1, (len(images), 2))
    return np.stack([one[i : i + size, j : j + size] for one, (i, j) in zip(framed, places, strict=True)])


def accuracy(run, x, y):
    return float((run.logits(x).argmax(axis=1) == y).mean())


def trained(net, x, y, **more):
    return nn.fit(net, (x, y), CROSS_ENTROPY, learning_rate=0.003, batch_size=64, **{"epochs": 15} | more)


def mlp(hidden=(64,)):
    return nn.Chain(nn.Flatten(3), *(layer for _, layer in nn.models.mlp(hidden, 10).layers))


def cnn():
    return network("cnn", (8, 8, 1), 10, Settings(hidden=(64,)))


@pytest.mark.course("D14")
def test_ten_digits_by_dense_layers_and_by_convolutions(digits):
    x, y, (train, test) = digits
    whole = nn.Chain(nn.Flatten(2), nn.Dense(30), nn.sigmoid, nn.Dense(10))
    assert summary(whole, jax.ShapeDtypeStruct((28, 28), "float32")).parameters == 23_860  # 785 * 30 + 31 * 10
    for net, least in ((mlp(), 0.93), (cnn(), 0.95)):
        assert accuracy(trained(net, x[train], y[train]), x[test], y[test]) > least


@pytest.mark.course("D15")
def test_intensity_and_asymmetry_tell_1_from_5(digits):
    x, y, _ = digits
    some = np.isin(y, (1, 5))
    images, classes = x[some, :, :, 0], (y[some] == 5).astype(np.int32)
    intensity = images.mean(axis=(1, 2))
    asymmetry = np.abs(images - images[:, ::-1]).mean(axis=(1, 2))  # a 1 is the same upside down, a 5 is not
    mirrored = np.concatenate([images[:, :4], images[:, 3::-1]], axis=1)
    assert not np.abs(mirrored - mirrored[:, ::-1]).any()  # a symmetric image has none
    features = np.stack([intensity, asymmetry], axis=1)
    features = ((features - features.mean(axis=0)) / features.std(axis=0)).astype(np.float32)
    # the pocket algorithm: of the lines that the training passes through, that with the fewest mistakes
    run = nn.fit(
        nn.Dense(2), (features, classes), CROSS_ENTROPY, optimizer="sgd", learning_rate=1.0, epochs=200, batch_size=8,
        validation=(features, classes), stop=nn.EarlyStopping(200, monitor="accuracy"), metrics=["accuracy"],
    )  # fmt: skip
    assert accuracy(run, features, classes) > 0.9


@pytest.mark.course("N24")
def test_one_template_for_each_digit_is_not_enough_where_digits_move(digits):
    x, y, (train, test) = digits
    learnt, unseen = moved(x[train], 2, 1), moved(x[test], 2, 2)
    single = trained(mlp(()), learnt, y[train], epochs=30)
    templates = np.asarray(single.params["dense_0"]["kernel"]).T.reshape(10, 8, 8)  # an image for each class
    by_hand = np.einsum("nij,kij->nk", unseen[..., 0], templates) + np.asarray(single.params["dense_0"]["bias"])
    np.testing.assert_allclose(single.logits(unseen), by_hand, rtol=1e-4, atol=1e-4)
    many = trained(cnn(), learnt, y[train], epochs=30)
    assert accuracy(many, unseen, y[test]) > accuracy(single, unseen, y[test]) + 0.05


@pytest.mark.course("R21")
def test_training_on_shifted_digits_helps_where_digits_are_shifted(digits):
    x, y, (train, test) = digits
    unseen = moved(x[test], 2, 3)
    plain, shifted = (trained(mlp(), x[train], y[train], epochs=30, augment=augment) for augment in ([], [Shift(2)]))
    assert accuracy(shifted, unseen, y[test]) > accuracy(plain, unseen, y[test]) + 0.05


@pytest.mark.course("H03")
def test_one_set_of_settings_has_network_and_optimisation():
    asked = Settings(
        model="cnn", hidden=(20, 10), dropout=0.5, optimizer="momentum", learning_rate=0.05, batch_size=16, epochs=3
    )
    net = network(asked.model, (28, 28, 1), 10, asked)
    kinds = [type(layer).__name__ for _, layer in net.layers]
    assert [kinds.count(name) for name in ("Conv", "MaxPool", "Dense", "Dropout")] == [2, 2, 3, 2]
    example = jax.ShapeDtypeStruct((28, 28, 1), "float32")
    # 9 * 32 + 32, 9 * 32 * 64 + 64, 7 * 7 * 64 * 20 + 20, 20 * 10 + 10, 10 * 10 + 10
    assert summary(net, example).parameters == 320 + 18_496 + 62_740 + 210 + 110


@pytest.mark.course("H11")
def test_a_window_that_does_not_fit_is_refused():
    # N = 7, F = 3: (7 - 3) / 1 + 1 = 5, (7 - 3) / 2 + 1 = 3, and (7 - 3) / 3 is no whole number
    image = jax.ShapeDtypeStruct((7, 7, 1), "float32")
    for stride, side in ((1, 5), (2, 3)):
        found = summary(nn.Conv(4, 3, strides=stride, padding="VALID"), image)
        assert found.rows[-1].output == (side, side, 4)
    with pytest.raises(nn.JaxnnError, match=r"Conv\(4, 3, strides=3.*7"):
        summary(nn.Conv(4, 3, strides=3, padding="VALID"), image)
    for wrong in ({"kernel_size": 0}, {"strides": 0}, {"padding": -1}, {"features": 0}):
        with pytest.raises(nn.JaxnnError):
            nn.Conv(**{"features": 4, "kernel_size": 3} | wrong)
    with pytest.raises(nn.JaxnnError):
        summary(nn.MaxPool(3, strides=3), image)
