import contextlib

import jax
import numpy as np
import pytest

import forging
import jaxnn as nn
from columns import numeric, numerics
from forging import iris_like, made_model
from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.model import Model, compare_arrays, named_arrays, shapes_for

CLASSES = ("no", "yes")


def affine(kernel, bias, loss, **fields):
    """A model of one Dense layer with given weights."""
    kernel, bias = np.array(kernel, np.float32), np.array(bias, np.float32)
    example = jax.ShapeDtypeStruct((kernel.shape[0],), np.dtype(np.float32))
    return Model(nn.Dense(kernel.shape[1]), {"kernel": kernel, "bias": bias}, {}, example, loss, **fields)


def identity(width, loss, **fields):
    return affine(np.eye(width), np.zeros(width), loss, **fields)


def features(width, **fields):
    return Preprocessing(numerics("abc"[:width]), **fields)


def refuse(call, *arguments, **named):
    with pytest.raises(JaxnnError) as caught:
        call(*arguments, **named)
    return str(caught.value)


def test_classes_are_those_of_the_user():
    x = [[3.0, 1.0, 2.0], [0.0, 0.0, 1.0], [1.0, 1.0, 0.0]]
    bare = identity(3, losses.softmax_cross_entropy, task="classification")
    assert bare.predict(x).tolist() == [0, 2, 0]  # the first of equals
    named = identity(
        3, losses.softmax_cross_entropy, task="classification", preprocessing=features(3, classes=("x", "y", "z"))
    )
    assert named.predict(x).tolist() == ["x", "z", "x"]
    assert named.predict(np.zeros((0, 3))).shape == (0,)


def test_one_output_is_yes_above_zero_or_above_a_half():
    x = [[-0.1], [0.0], [0.1], [0.6]]
    for loss, expected in ((losses.sigmoid_cross_entropy, [0, 0, 1, 1]), (losses.binary_cross_entropy, [0, 0, 0, 1])):
        assert identity(1, loss, task="binary").predict(x).tolist() == expected
        named = identity(1, loss, task="binary", preprocessing=features(1, classes=CLASSES))
        assert named.predict(x).tolist() == [CLASSES[i] for i in expected]


def test_many_labels_are_answered_one_by_one():
    model = identity(3, losses.sigmoid_cross_entropy, task="multilabel")
    assert model.predict([[1.0, -1.0, 0.0]]).tolist() == [[1, 0, 0]]
    np.testing.assert_allclose(model.probabilities([[np.log(3), 0.0, -np.log(3)]]), [[0.75, 0.5, 0.25]], rtol=1e-6)


def test_values_are_in_the_unit_of_the_user():
    learnt = Preprocessing((numeric("a", 10.0, 2.0),), target_name="price", target_mean=100.0, target_scale=50.0)
    model = affine([[3.0]], [1.0], losses.squared_error, task="regression", preprocessing=learnt)
    # a = 14 is z = 2, the network says 7, and 7 * 50 + 100 = 450
    assert model.predict([[14.0], [10.0]]).tolist() == [450.0, 150.0]
    bare = affine([[3.0]], [1.0], losses.squared_error, task="regression")
    assert bare.predict([[2.0]]).tolist() == [7.0]
    two = affine([[3.0, 1.0]], [1.0, 0.0], losses.squared_error, task="regression")
    assert two.predict([[2.0]]).tolist() == [[7.0, 2.0]]


def test_values_of_rates_quantiles_and_distributions():
    x = [[0.0], [np.log(2)]]
    rates = affine([[1.0]], [0.0], losses.poisson, task="regression")
    np.testing.assert_allclose(rates.predict(x), [1, 2], rtol=1e-6)
    assert "outputs are log_rates" in refuse(identity(2, losses.poisson, task="classification").probabilities, [[0, 0]])
    learnt = Preprocessing((numeric("a", 10.0, 2.0),), target_mean=100.0, target_scale=50.0)
    normal = affine([[3.0, 9.0]], [1.0, 9.0], losses.gaussian_nll, task="regression", preprocessing=learnt)
    assert normal.predict([[14.0], [10.0]]).tolist() == [450.0, 150.0]  # the mean, in the unit of the user
    three = losses.Quantile((0.1, 0.5, 0.9))
    quantiles = affine([[3.0, 3.0, 3.0]], [-1.0, 0.0, 1.0], three, task="regression", preprocessing=learnt)
    assert quantiles.predict([[14.0]]).tolist() == [[350.0, 400.0, 450.0]]


def test_probabilities():
    x = np.array([[1.0, 2.0, 3.0], [1000.0, 0.0, -1000.0]])
    e = np.exp([1.0, 2.0, 3.0])
    soft = identity(3, losses.softmax_cross_entropy, task="classification").probabilities(x)
    np.testing.assert_allclose(soft, [e / e.sum(), [1, 0, 0]], rtol=1e-12)
    shares = np.array([[0.25, 0.75, 0.0]])
    given = identity(3, losses.categorical_cross_entropy, task="classification").probabilities(shares)
    np.testing.assert_array_equal(given, shares)
    one = identity(1, losses.sigmoid_cross_entropy, task="binary").probabilities([[np.log(3)], [-1000.0], [1000.0]])
    np.testing.assert_allclose(one, [[0.25, 0.75], [1, 0], [0, 1]], rtol=1e-6)
    sure = identity(1, losses.binary_cross_entropy, task="binary").probabilities([[0.25]])
    np.testing.assert_array_equal(sure, [[0.75, 0.25]])


def test_only_what_tells_classes_apart_has_probabilities():
    assert "Use predict" in refuse(identity(1, losses.squared_error, task="regression").probabilities, [[1.0]])
    assert "Use predict" in refuse(identity(1, len).probabilities, [[1.0]])
    # one-hot targets by least squares: the largest output is the class, but no probability
    squares = identity(2, losses.squared_error, task="classification")
    assert squares.predict([[0.4, 0.6]]).tolist() == [1]
    assert "outputs are values" in refuse(squares.probabilities, [[0.4, 0.6]])


def test_a_loss_of_your_own_returns_the_outputs():
    model = identity(2, lambda y, t: y.sum(-1) - t)
    assert model.task is None
    assert model.predict([[1.0, -2.0]]).tolist() == [[1.0, -2.0]]


def test_sequences_are_answered_at_every_position():
    model = made_model(nn.Dense(4), (5, 3), losses.softmax_cross_entropy, task="classification")
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    assert model.predict(x).shape == (2, 5)
    np.testing.assert_allclose(model.probabilities(x).sum(-1), np.ones((2, 5)), rtol=1e-12)


def test_an_output_of_nan_is_no_answer():
    model = affine([[np.nan]], [0.0], losses.squared_error, task="regression")
    assert "row 0: got an output of NaN" in refuse(model.predict, [[1.0]])
    assert np.isnan(model.logits([[1.0]])).all()
    masked = identity(2, losses.softmax_cross_entropy, task="classification")
    assert np.isnan(masked.logits(np.array([[1e300, 0.0]]))).any()  # infinite in float32, and infinity times 0 is NaN
    assert "x is not finite" in refuse(masked.predict, [[1e300, 0.0]])


def test_examples_that_do_not_fit():
    model = identity(2, losses.softmax_cross_entropy, task="classification")
    for x in ([1.0, 2.0], [[1.0]], 3.0, [[1.0, 2.0], [3.0]], [["a", "b"]], [[1j, 0]], [[None, 1]]):
        assert refuse(model.predict, x).startswith("x: got ")
    assert model.predict(np.array([[1, 2]], np.int64)).tolist() == [1]
    whole = made_model(nn.Dense(1), dtype=np.int32)
    assert refuse(whole.logits, [[0.5, 1.0, 2.0]]) == "x: got dtype float64; needed whole numbers."
    named = identity(
        3, losses.softmax_cross_entropy, task="classification", preprocessing=features(3, classes=("x", "y", "z"))
    )
    assert "needed (rows, 3)" in refuse(named.predict, [[1.0]])
    assert "needed a finite number" in refuse(named.predict, [[1.0, np.inf, 0.0]])


def test_a_missing_number_is_taken_as_the_median():
    learnt = Preprocessing((numeric("a", 10.0, 2.0, fill=14.0),), target_mean=100.0, target_scale=50.0)
    model = affine([[3.0]], [1.0], losses.squared_error, task="regression", preprocessing=learnt)
    # 14 is z = 2, the network says 7, and 7 * 50 + 100 = 450
    assert model.predict([[np.nan], [10.0]]).tolist() == [450.0, 150.0]
    assert model.predict({"a": ["?", "10"]}).tolist() == [450.0, 150.0]
    told = Preprocessing((numeric("a", 10.0, 2.0, fill=14.0, missing=0.5),), target_mean=100.0, target_scale=50.0)
    model = affine([[3.0], [-8.0]], [1.0], losses.squared_error, task="regression", preprocessing=told)
    assert model.predict([[np.nan], [10.0]]).tolist() == [50.0, 150.0]  # 6 + 1 - 8 = -1


@pytest.mark.parametrize(
    ("width", "loss", "preprocessing", "expected"),
    [
        (3, losses.softmax_cross_entropy, None, "classification"),
        (3, losses.categorical_cross_entropy, None, "classification"),
        (1, losses.sigmoid_cross_entropy, None, "binary"),
        (4, losses.sigmoid_cross_entropy, None, "multilabel"),
        (1, losses.huber, None, "regression"),
        (2, losses.gaussian_nll, None, "regression"),
        (3, losses.focal, None, "classification"),
        (1, losses.binary_focal, None, "binary"),
        (2, losses.squared_error, None, "regression"),
        (2, len, None, None),
        (2, len, features(2, classes=CLASSES), "classification"),
        (1, len, features(2, classes=CLASSES), "binary"),
        (1, len, features(2, target_mean=0.0, target_scale=1.0), "regression"),
    ],
)
def test_the_task_is_that_of_the_preprocessing_or_else_of_the_loss(width, loss, preprocessing, expected):
    made = made_model(nn.Dense(width), (2,), loss)
    run = nn.Run(made.net, loss, made.params, made.state, nn.History({}), -1, "", 0, example=made.example)
    model = Model.of(run, preprocessing)
    assert model.task == expected
    assert (model.net, model.loss, model.preprocessing) == (run.net, loss, preprocessing)


def test_parts_that_do_not_fit_each_other():
    softmax, squares = losses.softmax_cross_entropy, losses.squared_error
    target = {"target_mean": 0.0, "target_scale": 1.0}
    wrong = [
        (3, softmax, {"task": "guessing"}, "needed one of classification, binary"),
        (3, softmax, {"task": "binary"}, "needed one output"),
        (3, softmax, {"task": "classification", "preprocessing": features(2, classes=("x", "y", "z"))}, "got 2 inputs"),
        (
            3,
            softmax,
            {"task": "classification", "preprocessing": features(3, classes=CLASSES)},
            "got 2 classes; needed 3",
        ),
        (3, softmax, {"task": "classification", "preprocessing": features(3, **target)}, "got no classes"),
        (3, squares, {"task": "regression", "preprocessing": features(3, classes=("x", "y", "z"))}, "got classes"),
        (3, softmax, {"preprocessing": features(3, classes=("x", "y", "z"))}, "task: got None"),
        (3, "mse", {}, "loss: got 'mse'; needed a loss"),
        (3, None, {}, "loss: got None; needed a loss"),
    ]
    for width, loss, fields, words in wrong:
        assert words in refuse(identity, width, loss, **fields)
    assert "needed 2" in refuse(
        made_model, nn.Dense(1), (3,), losses.sigmoid_cross_entropy, task="binary", preprocessing=iris_like()
    )


def test_weights_of_another_network():
    good = made_model(nn.Chain(nn.Dense(2), nn.Dropout(0.5)))
    kernel = good.params["dense_0"]["kernel"]

    def with_kernel(array):
        return Model(
            good.net, {"dense_0": {"kernel": array, "bias": np.zeros(2, np.float32)}}, good.state, good.example, len
        )

    assert refuse(with_kernel, kernel.T) == (
        "array params.dense_0.kernel: got float32 of shape (2, 3); "
        "needed float32 of shape (3, 2), as the architecture has it."
    )
    assert "got float64 of shape (3, 2)" in refuse(with_kernel, kernel.astype(np.float64))
    assert "state.dropout_0.rate: got nothing" in refuse(Model, good.net, good.params, {}, good.example, len)
    more = good.state | {"more": np.zeros(1)}
    assert "needed nothing" in refuse(Model, good.net, good.params, more, good.example, len)


def test_shapes_are_found_without_memory():
    example = jax.ShapeDtypeStruct((10**6,), np.dtype(np.float32))
    (params, _), output = shapes_for(nn.Dense(10**9), example)  # four petabytes
    assert (params["kernel"].shape, output.shape) == ((10**6, 10**9), (10**9,))


@pytest.mark.parametrize("features", [10**18, 2**63 - 1])
def test_widths_beyond_any_machine_are_no_crash(features):
    example = jax.ShapeDtypeStruct((10**18,), np.dtype(np.float32))
    for net in (nn.Dense(features), nn.Chain(nn.Dense(features), nn.Dense(features))):
        with contextlib.suppress(JaxnnError):
            shapes_for(net, example)


def test_a_network_that_cannot_take_the_example():
    scalar = jax.ShapeDtypeStruct((), np.dtype(np.float32))
    assert "axis of features" in refuse(shapes_for, nn.Dense(2), scalar)
    deep = nn.Dense(1)
    for _ in range(2000):
        deep = nn.Chain(deep)
    assert "RecursionError" in refuse(shapes_for, deep, forging.made_model(nn.Dense(1)).example)


def test_64_bits_need_the_switch():
    wide = jax.ShapeDtypeStruct((3,), np.dtype(np.float64))
    assert 'jax.config.update("jax_enable_x64", True)' in refuse(shapes_for, nn.Dense(1), wide)
    with jax.enable_x64(True):
        (params, _), _ = shapes_for(nn.Dense(1), wide)
        assert params["kernel"].dtype == np.float64
        # whole numbers: the dtype of the parameters is that of the switch, also after it was found once
        (params, _), _ = shapes_for(nn.Dense(1), jax.ShapeDtypeStruct((3,), np.dtype(np.int32)))
        assert params["kernel"].dtype == np.float64
    (params, _), _ = shapes_for(nn.Dense(1), jax.ShapeDtypeStruct((3,), np.dtype(np.int32)))
    assert params["kernel"].dtype == np.float32


def test_arrays_are_named_by_their_path():
    assert named_arrays({"a": {"b": 1}, "c": [2, 3]}, {"a": 4}) == {
        "params.a.b": 1, "params.c.0": 2, "params.c.1": 3, "state.a": 4,
    }  # fmt: skip
    assert "one name" in refuse(named_arrays, {"a": {"b": 1}, "a.b": 2}, {})
    compare_arrays({}, {})
