"""A fitted estimator as one file that holds no code: weights, parameters, classes and curves, each under a checksum."""

import os
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from jaxnn.checks import JaxnnError, fail
from jaxnn.encoding import decode, encode, shortened
from jaxnn.estimators import parameters, prediction
from jaxnn.estimators.classifier import MLPClassifier
from jaxnn.estimators.images import ConvClassifier
from jaxnn.estimators.regressor import MLPRegressor
from jaxnn.estimators.targets import Labels
from jaxnn.files import write_atomically
from jaxnn.model import compare_arrays, named_arrays
from jaxnn.tensorfile import opened, pack
from jaxnn.train.prepare import weight_shapes
from jaxnn.version import __version__

ESTIMATORS = {one.__name__: one for one in (MLPClassifier, MLPRegressor, ConvClassifier)}
"""Every class that a file may name."""

_NOT_SAVED = ("coefs_init", "intercepts_init")
_FACTS = {"n_iter_": int, "t_": int, "n_outputs_": int, "n_features_in_": int, "stopped_because_": str}
_CURVES = ("loss_curve_", "validation_scores_", "validation_loss_curve_")
_FIELDS = {"classes", "estimator", "facts", "feature_names", "jax", "jaxnn", "parameters"}


def save(path: str | os.PathLike[str], estimator: Any, custom: Mapping[str, Any] | None = None) -> None:
    """Save a fitted estimator as one `.safetensors` file; whole or not at all.

    What predicts is saved, and what `fit` said; where the optimiser stood is not: after `load`, `partial_fit` and
    `warm_start` go on from the weights with a fresh optimiser (a pickle keeps it).

    Args:
        path: the file; its folder exists.
        estimator: a fitted one.
        custom: names for functions of your own (activations, losses); `load` must be given them.

    Raises:
        JaxnnError: if it is not one of ours or not fitted, a parameter cannot be saved, or the file not be written.

    >>> import tempfile
    >>> x = np.arange(6.0)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(), solver="lbfgs").fit(x, x[:, 0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(f"{folder}/line.safetensors", model)
    ...     bool((load(f"{folder}/line.safetensors").predict(x) == model.predict(x)).all())
    True
    """
    if type(estimator).__name__ not in ESTIMATORS or type(estimator) is not ESTIMATORS[type(estimator).__name__]:
        fail("estimator", type(estimator).__name__, f"one of {', '.join(ESTIMATORS)}")
    if not hasattr(estimator, "n_iter_"):
        fail("estimator", "one that is not fitted", "a fitted one", "Call fit first")
    if hasattr(estimator, "estimators_"):
        do = "Save each of estimators_ in a file of its own, or pickle the ensemble"
        fail("estimator", f"an ensemble of {len(estimator.estimators_)} networks", "one network", do)
    objective, shape = estimator._objective(), estimator._example_shape(estimator.n_features_in_)
    if estimator._network(shape, objective.width) != estimator._net or objective.loss != estimator._loss:
        fail(
            "estimator", "parameters that were changed after fit", "those of the fit", "Fit it again, or set them back"
        )
    arrays = named_arrays(*estimator._weights())
    for name in _CURVES:
        values = getattr(estimator, name, None)
        arrays |= {} if values is None else {f"fitted.{name}": np.asarray(values, np.float64)}
    arrays |= {f"history.{name}": np.asarray(values) for name, values in estimator.history_.items()}
    known, classes = estimator.get_params(deep=False), None
    if hasattr(estimator, "_labels"):
        classes, listed = _classes(estimator._labels)
        arrays |= {} if listed is None else {"fitted.classes_": listed}
    document = {
        "estimator": type(estimator).__name__, "jax": jax.__version__, "jaxnn": __version__, "classes": classes,
        "parameters": encode({name: _plain(name, value) for name, value in known.items()}, custom),
        "facts": {name: getattr(estimator, name) for name in _FACTS},
        "feature_names": [str(one) for one in getattr(estimator, "feature_names_in_", ())],
    }  # fmt: skip
    write_atomically(path, pack(document, arrays))


def load(path: str | os.PathLike[str], custom: Mapping[str, Any] | None = None) -> Any:
    """Load an estimator that `save` wrote, checking every bit of it before use; the file may come from anyone.

    Args:
        path: the file.
        custom: functions of your own that it was fitted with, by name.

    Returns:
        The fitted estimator; its answers are those of the one saved, bit for bit.

    Raises:
        JaxnnError: naming file and place, if it is damaged, of another kind, or does not fit together.

    >>> load("no/such.safetensors")
    Traceback (most recent call last):
    jaxnn.checks.JaxnnError: no/such.safetensors: got no such file; needed a file of an estimator. Check the path.
    """
    with opened(path, "a file of an estimator") as file:
        try:
            return _restored(file.document, file.arrays(), custom)
        except JaxnnError:
            raise
        except Exception as error:  # whatever a hostile document makes Python, NumPy or scikit-learn say
            said = f"{type(error).__name__}: {error}".splitlines()[0][:200]
            fail("document", said, "an estimator whose parts fit together")


def _restored(document: dict[str, Any], arrays: dict[str, np.ndarray], custom: Mapping[str, Any] | None) -> Any:
    """The estimator of a document, after comparing everything with everything."""
    if set(document) != _FIELDS or document["estimator"] not in ESTIMATORS:
        fail("document", shortened(sorted(document)), f"an estimator: one of {', '.join(ESTIMATORS)}")
    if not isinstance(document["parameters"], dict):
        fail("parameters", shortened(document["parameters"]), "a value for each parameter")
    values = {name: _given(name, value) for name, value in decode(document["parameters"], custom).items()}
    kind = ESTIMATORS[document["estimator"]]
    names = set(kind().get_params(deep=False))
    if set(values) != names:
        fail("parameters", shortened(sorted(set(values) ^ names)), f"the parameters of {kind.__name__}")
    estimator = kind(**values)
    parameters.check(estimator)
    weights = {name: array for name, array in arrays.items() if name.startswith(("params.", "state."))}
    _check_size(estimator, document, weights)
    _restore_facts(estimator, document, arrays)
    _restore_weights(estimator, weights)
    _restore_curves(estimator, {name: array for name, array in arrays.items() if name not in weights})
    return estimator


def _check_size(estimator: Any, document: dict[str, Any], weights: dict[str, np.ndarray]) -> None:
    """Nothing may be built that is larger than the weights of the file: a small file is no order for gigabytes."""
    total = sum(array.size for array in weights.values())
    sizes = parameters.widths(estimator.hidden_layer_sizes)
    channels, window = getattr(estimator, "channels", ()), getattr(estimator, "kernel_size", 1)
    wide = (*sizes, *channels, window)
    if len(wide) > 3 + len(weights) or not all(isinstance(width, int) and 1 <= width <= total for width in wide):
        fail("parameters", shortened(wide), f"widths of layers for {total} weights")
    features = document["facts"].get("n_features_in_") if isinstance(document["facts"], dict) else None
    if not isinstance(features, int) or not 1 <= features <= 2**31:
        fail("facts.n_features_in_", shortened(features), "a whole number from 1 to 2^31")


def _restore_facts(estimator: Any, document: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    facts, features = document["facts"], document["feature_names"]
    for name, kind in _FACTS.items():
        if type(facts.get(name)) is not kind or (kind is int and facts[name] < 0):
            fail("facts", shortened(facts), f"{name}, {'a whole number' if kind is int else 'text'}")
        setattr(estimator, name, facts[name])
    if features != []:
        named = isinstance(features, list) and all(isinstance(one, str) for one in features)
        if not named or len(set(features)) != estimator.n_features_in_ or len(features) != len(set(features)):
            fail("feature_names", shortened(features), f"{estimator.n_features_in_} names that differ")
        estimator.feature_names_in_ = np.array(features, object)
    if (document["classes"] is None) == hasattr(estimator, "predict_proba"):
        fail("classes", shortened(document["classes"]), "classes of a classifier, none of a regressor")
    if document["classes"] is not None:
        estimator._labels = _labels(document["classes"], arrays.pop("fitted.classes_", None))
        estimator.classes_ = estimator._labels.classes
    estimator._targets = estimator.n_outputs_


def _restore_weights(estimator: Any, own: dict[str, np.ndarray]) -> None:
    objective, shape = estimator._objective(), estimator._example_shape(estimator.n_features_in_)
    estimator._net, estimator._loss = estimator._network(shape, objective.width), objective.loss
    outputs, estimator.out_activation_ = estimator._outputs_and_activation(objective)
    if outputs != estimator.n_outputs_:
        fail("facts.n_outputs_", f"{estimator.n_outputs_}", f"{outputs}, as the loss and the classes say")
    if not own:
        fail("arrays", "no weights", "those of the network")
    dtype = next(iter(own.values())).dtype
    with prediction.precision(dtype):
        weights = weight_shapes(estimator._net, jax.ShapeDtypeStruct(shape, dtype), dtype == np.float64)
        compare_arrays(own, named_arrays(*weights))
    leaves = [np.array(own[name]) for name in named_arrays(*weights)]
    estimator.__dict__.update(estimator._keep_weights(*jax.tree.unflatten(jax.tree.structure(weights), leaves)))


def _restore_curves(estimator: Any, arrays: dict[str, np.ndarray]) -> None:
    known = {f"fitted.{name}" for name in _CURVES}
    for name, array in arrays.items():
        if array.ndim != 1 or not (name in known or name.startswith("history.")):
            fail(f"array {name[:60]}", f"{array.dtype} of shape {array.shape}", "a curve of the fit")
    if "fitted.loss_curve_" not in arrays:
        fail("array fitted.loss_curve_", "nothing", "a curve of the fit")
    curves = {name: list(arrays[f"fitted.{name}"]) for name in _CURVES if f"fitted.{name}" in arrays}
    estimator.__dict__.update({"validation_scores_": None} | curves)
    losses, scores = curves["loss_curve_"], curves.get("validation_scores_")
    estimator.loss_ = losses[-1] if losses else np.nan
    estimator.best_loss_ = None if estimator._stops_early else min(losses, default=np.inf)
    estimator.best_validation_score_ = None if scores is None else max(scores, default=-np.inf)
    estimator.history_ = {name[8:]: array for name, array in arrays.items() if name.startswith("history.")}
    # the rows that a later warm_start holds out, and the optimiser, begin anew
    estimator._split_random, estimator._continuation = check_random_state(estimator.random_state), None


def _plain(name: str, value: Any) -> Any:
    """A parameter as `encode` takes it."""
    if name in _NOT_SAVED or isinstance(value, np.random.RandomState | np.random.Generator):
        return None  # only fit uses it
    if isinstance(value, list | tuple) and any(isinstance(one, dict) for one in value):
        fail(name, "a list of dicts", "None, 'balanced' or one dict", "Set it to None after fit: only fit uses it")
    if name == "dtype" and value is not None:
        return str(np.dtype(value))
    if isinstance(value, dict):
        return [list(pair) for pair in value.items()]
    if isinstance(value, np.ndarray):
        return value.tolist()
    return "infinite" if isinstance(value, float) and value == np.inf else value


def _given(name: str, value: Any) -> Any:
    if name == "class_weight" and isinstance(value, tuple):
        return dict(value)
    return np.inf if value == "infinite" else value


def _classes(labels: Labels) -> tuple[dict[str, Any], np.ndarray | None]:
    """What a document says of classes, and the array of those that are numbers."""
    about = {"kind": labels.kind, "sparse": bool(labels.binarizer.sparse_input_), "text": None}
    if labels.classes.dtype.kind in "biuf":
        return about, labels.classes
    kept = [str(one) for one in labels.classes]
    if kept != labels.classes.tolist():
        fail("classes_", f"classes of type {type(labels.classes[0]).__name__}", "numbers or text")
    return about | {"text": kept, "object": labels.classes.dtype == object}, None


def _labels(about: Any, listed: np.ndarray | None) -> Labels:
    if not isinstance(about, dict) or about.get("kind") not in ("binary", "multiclass", "multilabel"):
        fail("classes", shortened(about), "their kind and values")
    if isinstance(about.get("text"), list) and all(isinstance(one, str) for one in about["text"]):
        listed = np.array(about["text"], object if about.get("object") else None)
    if listed is None or listed.ndim != 1 or not len(listed):
        fail("classes", "none", "at least one")
    rows = np.outer([0, 1], np.ones(len(listed), int))  # one without and one with every label
    labels = Labels(sparse.csr_matrix(rows) if about.get("sparse") else rows) if about["kind"] == "multilabel" else None
    labels = Labels(listed) if labels is None else labels
    if labels.kind != about["kind"] or not np.array_equal(labels.classes, listed):
        fail("classes", shortened(listed.tolist()), f"sorted classes that differ, of kind {about['kind']}")
    return labels
