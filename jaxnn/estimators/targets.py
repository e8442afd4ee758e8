"""Classes as a network learns and answers them."""

from typing import Any

import numpy as np
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels


class Labels:
    """What a classifier knows of its classes.

    Args:
        y: `(examples,)` of classes, or `(examples, labels)` of 0 and 1, dense or sparse.

    >>> labels = Labels(np.array(["no", "yes", "no"]))
    >>> labels.kind, labels.width, labels.targets(np.array(["yes"]), np.float64).tolist()
    ('binary', 1, [[1.0]])
    """

    def __init__(self, y: Any) -> None:
        check_classification_targets(y)
        # scikit-learn's own, which knows every form of labels; the fast ways below agree with it (tests)
        self.binarizer = LabelBinarizer().fit(y)
        self.classes = self.binarizer.classes_
        said = self.binarizer.y_type_
        self.kind = "multilabel" if said.startswith("multilabel") else said
        """"binary", "multiclass" or "multilabel"."""

    @property
    def width(self) -> int:
        """How many outputs the network has."""
        return 1 if self.kind == "binary" else len(self.classes)

    @property
    def out_activation(self) -> str:
        """scikit-learn's name for what turns outputs into probabilities."""
        return "softmax" if self.kind == "multiclass" else "logistic"

    def check(self, y: Any, warm: bool) -> None:
        """Check that labels of a later call are of the first call's classes; word for word as scikit-learn says it."""
        if type_of_target(y).startswith("multilabel") != (self.kind == "multilabel"):
            raise ValueError(
                f"The object was {'not ' if self.kind != 'multilabel' else ''}fitted with multilabel input."
            )
        classes = unique_labels(y)
        if warm and set(classes) != set(self.classes):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes}, `y` has {classes}"
            )
        if len(np.setdiff1d(classes, self.classes)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes}. 'y' has {classes}."
            )

    def targets(self, y: Any, dtype: Any) -> np.ndarray:
        """Return what the network's loss takes: indices `(n,)` of several classes, else 0 and 1 `(n, width)`."""
        if self.kind == "multiclass":
            return np.searchsorted(self.classes, np.asarray(y)).astype(np.int32)
        coded: Any = self.binarizer.transform(y)
        dense = coded.toarray() if hasattr(coded, "toarray") else coded
        return np.asarray(dense).astype(bool).astype(dtype)  # labels may be 0 and 255

    def answers(self, outputs: np.ndarray) -> Any:
        """Return the classes that probabilities `(n, width)` mean: the largest, or what is above 0.5."""
        if self.kind == "multiclass":
            return self.classes[np.argmax(outputs, axis=1)]
        if self.kind == "multilabel":
            return self.binarizer.inverse_transform(outputs)
        if len(self.classes) == 1:
            return np.repeat(self.classes, len(outputs))
        return self.classes[(outputs[:, 0] > 0.5).astype(np.intp)]

    def shares(self, outputs: np.ndarray) -> np.ndarray:
        """Return a column for each class, from probabilities `(n, width)`."""
        if self.kind != "binary":
            return outputs
        return np.hstack([1 - outputs, outputs]) if len(self.classes) > 1 else np.ones_like(outputs)
