import os
import subprocess
import sys

import jax
import numpy as np
import pytest
import safetensors.numpy

import forging
import jaxnn as nn
from columns import numerics
from configurations import ENCODABLE, INSTANCES, OTHERS, cube
from forging import IRIS, PEOPLE, made_model, refuse, saved
from jaxnn import losses
from jaxnn.checks import JaxnnError
from jaxnn.data.preprocessing import Preprocessing
from jaxnn.encoding import CONFIGURATIONS
from jaxnn.model import Model
from jaxnn.modelfile import load, save


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """The bytes of a small model."""
    return saved(IRIS, tmp_path_factory.mktemp("iris") / "iris.safetensors")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


def assert_equal(loaded, model):
    assert loaded.net == model.net
    assert (repr(loaded.net), repr(loaded.loss)) == (repr(model.net), repr(model.loss))
    assert (loaded.loss, loaded.preprocessing, loaded.task) == (model.loss, model.preprocessing, model.task)
    assert (loaded.example.shape, loaded.example.dtype) == (model.example.shape, model.example.dtype)
    given, back = ((model.params, model.state), (loaded.params, loaded.state))
    assert jax.tree.structure(given) == jax.tree.structure(back)
    for one, other in zip(jax.tree.leaves(given), jax.tree.leaves(back), strict=True):
        assert isinstance(other, jax.Array)
        assert (one.dtype, np.shape(one), np.asarray(one).tobytes()) == (
            other.dtype,
            other.shape,
            np.asarray(other).tobytes(),
        )


def net_with(instance):
    """A network that has the instance in its place: an initializer, an activation; a loss goes beside it."""
    module = type(instance).__module__
    if module == "jaxnn.initializers":
        return nn.Dense(2, kernel_init=instance)
    return nn.Chain(nn.Dense(2), instance) if module == "jaxnn.activations" else nn.Dense(2)


@pytest.mark.parametrize("case", ENCODABLE, ids=lambda case: case.name)
def test_every_layer_that_a_file_may_hold(path, case):
    model = made_model(case.layer, case.shape, dtype=case.example().dtype)
    save(path, model)
    assert_equal(load(path), model)


@pytest.mark.parametrize("instance", OTHERS, ids=repr)
def test_every_setting_that_a_file_may_name(path, instance):
    loss = instance if type(instance).__module__ == "jaxnn.losses" else losses.squared_error
    model = made_model(net_with(instance), (4, 3), loss)
    save(path, model)
    assert_equal(load(path), model)


def test_the_instances_are_all_there_are():
    assert {type(one).__name__ for one in INSTANCES} == set(CONFIGURATIONS)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "int32", "uint8", "bool"])
def test_every_dtype_of_an_example(path, dtype):
    model = made_model(nn.Chain(nn.Dense(2), nn.Dropout(0.3)), dtype=jax.numpy.dtype(dtype), loss=losses.huber)
    save(path, model)
    assert_equal(load(path), model)


def test_a_run_is_saved_and_answers_to_the_bit(path):
    x = np.random.default_rng(0).normal(size=(300, 3)).astype(np.float32)
    run = nn.fit(
        nn.models.mlp((5,), 2, dropout=0.2), (x, (x[:, 0] > 0).astype(int)), losses.softmax_cross_entropy, epochs=2
    )
    save(path, run)
    model = load(path)
    assert_equal(model, Model.of(run))
    assert model.task == "classification"
    assert model.logits(x).tobytes() == run.logits(x).tobytes()
    assert model.predict(x).tolist() == np.argmax(run.logits(x), axis=-1).tolist()
    again = path.with_name("again.safetensors")
    save(again, model)
    assert again.read_bytes() == path.read_bytes()


def test_the_preprocessing_is_in_the_file(path, iris):
    path.write_bytes(iris)
    model = load(path)
    assert_equal(model, IRIS)
    features = np.array([[0.2, 1.0, 3.0]])
    assert model.predict(features).tolist() == IRIS.predict(features).tolist()
    assert model.predict(features)[0] in ("setosa", "virginica", "x")
    values = Preprocessing(numerics("abc", [0.1] * 3, [1 / 3] * 3), (), None, "price", 152.13, 77.09)
    regression = made_model(nn.Dense(1), loss=losses.squared_error, task="regression", preprocessing=values)
    save(path, regression)
    assert_equal(load(path), regression)


def test_columns_of_every_kind_are_in_the_file(path):
    save(path, PEOPLE)
    assert_equal(load(path), PEOPLE)
    cells = {
        "price": ["$1.234,5", ""], "size, EU": [" L", "?"], "<script>": ["😀", "new"], "day": ["24.12.2024", ""],
        "id": ["1", "2"], '"': ["x", "x"],
    }  # fmt: skip
    answers = load(path).predict(cells)
    assert answers.tolist() == PEOPLE.predict(cells).tolist()
    assert (answers > 0).all()  # exponentials, because the target is learnt as its logarithm


def test_any_reader_of_safetensors_reads_the_weights(path, iris):
    path.write_bytes(iris)
    arrays = safetensors.numpy.load_file(path)
    assert sorted(arrays) == [
        "params.dense_0.bias", "params.dense_0.kernel", "params.dense_1.bias", "params.dense_1.kernel",
        "state.dropout_0.rate",
    ]  # fmt: skip
    assert (arrays["params.dense_0.kernel"] == IRIS.params["dense_0"]["kernel"]).all()


def test_what_the_document_holds(iris):
    header, document, _ = forging.parts(iris)
    assert document["format"] == 2
    assert set(document) == {
        "architecture", "arrays", "example", "format", "jax", "jaxnn", "loss", "preprocessing", "task",
    }  # fmt: skip
    assert (document["jax"], document["jaxnn"]) == (jax.__version__, nn.__version__)
    assert set(document["arrays"]) == set(header)
    assert document["loss"] == {"type": "SoftmaxCrossEntropy", "fields": {"smoothing": None}}
    assert document["preprocessing"]["fields"]["columns"][0] == {
        "kind": "Numeric", "name": "sepal width", "center": 0.1, "scale": 1e-5, "fill": 0.1, "low": 0.1, "high": 0.1,
        "missing": 0.0, "style": "plain", "label": "numeric", "robust": False,
    }  # fmt: skip


def test_equal_models_are_equal_bytes(path, iris):
    assert saved(IRIS, path) == iris
    turned = {name: dict(reversed(IRIS.params[name].items())) for name in reversed(IRIS.params)}
    assert (
        saved(Model(IRIS.net, turned, IRIS.state, IRIS.example, IRIS.loss, IRIS.preprocessing, IRIS.task), path) == iris
    )
    other = made_model(
        nn.models.mlp((4,), 3, dropout=0.2), loss=IRIS.loss, task=IRIS.task, preprocessing=IRIS.preprocessing
    )
    assert other.net == IRIS.net
    assert saved(other, path) != iris


def test_equal_models_are_equal_bytes_in_every_process(path, iris):
    code = "import forging as t, sys; sys.stdout.buffer.write(t.saved(t.IRIS, t.pathlib.Path(sys.argv[1])))"
    code = f"import pathlib, sys; sys.path[:0] = {sys.path!r}\n" + code.replace("t.pathlib", "pathlib")
    for seed in ("0", "12345"):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, check=False, env=environment)
        assert done.stdout == iris, done.stderr.decode()


def test_weights_that_are_not_finite_are_kept(path):
    bits = np.array([[0x7FC00001], [0xFFC00000], [0x7F800000]], np.uint32)
    params = {"kernel": bits.view(np.float32), "bias": np.full(1, -0.0, np.float32)}
    model = Model(nn.Dense(1), params, {}, jax.ShapeDtypeStruct((3,), np.dtype(np.float32)), losses.squared_error)
    save(path, model)
    assert_equal(load(path), model)


def test_a_network_without_weights(path):
    model = made_model(nn.Chain(nn.relu))
    model = Model(model.net, {}, {}, model.example, losses.squared_error, task="regression")
    save(path, model)
    assert load(path).predict([[-1.0, 0.0, 2.0]]).tolist() == [[0.0, 0.0, 2.0]]


def test_64_bits(path, x64):
    model = made_model(nn.Chain(nn.Dense(2), nn.tanh), dtype=np.float64, loss=losses.squared_error)
    save(path, model)
    assert_equal(load(path), model)
    with jax.enable_x64(False), pytest.raises(JaxnnError, match=r"model.safetensors: example: .*jax_enable_x64"):
        load(path)


class Scaled:
    """A layer of a user's own, with weights."""

    def init(self, key, example):
        return {"scale": jax.numpy.ones(example.shape[-1])}, {}

    def apply(self, params, state, x, *, train=False, key=None, mask=None):
        return x * params["scale"], state


def test_layers_and_functions_of_your_own(path):
    layer, own_loss = Scaled(), lambda y, t: ((y - t[:, None]) ** 2).sum(-1)
    model = made_model(nn.Chain(layer, cube, nn.Dense(1)), loss=own_loss)
    save(path, model, custom={"my loss": own_loss})
    data = path.read_bytes()
    assert_equal(load(path, custom={"Scaled": layer, "cube": cube, "my loss": own_loss}), model)
    for custom, words in (
        (None, "'Scaled', 'cube', 'my loss'"),
        ({"Scaled": layer, "cube": cube}, "custom={'my loss': ...}"),
        ({"Scaled": cube, "cube": cube, "my loss": own_loss}, "layers"),
        ({"Scaled": Scaled, "cube": cube, "my loss": own_loss}, "the class Scaled"),
        ({"Scaled": nn.Dense(7), "cube": cube, "my loss": own_loss}, "array params."),
        ({"Scaled": layer, "cube": cube, "my loss": 3}, "loss: got 3"),
    ):
        refuse(path, data, words, custom)


def test_what_cannot_be_saved_changes_no_file(path, iris):
    path.write_bytes(iris)
    twice = made_model(nn.Chain(nn.Dense(1), lambda z: z, lambda z: z))
    for model in (twice, made_model(nn.Dense(1, use_bias=1), loss=losses.huber)):
        with pytest.raises(JaxnnError):
            save(path, model)
    assert path.read_bytes() == iris
    with pytest.raises(JaxnnError, match="needed a folder to write to"):
        save(path.parent / "no" / "model.safetensors", IRIS)
