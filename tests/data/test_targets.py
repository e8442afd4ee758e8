import numpy as np
import pytest

from jaxnn.checks import JaxnnError
from jaxnn.data.targets import decide_task, typed_target


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["a", "b", "c"], "classification"),
        ([True, False], "classification"),
        ([0, 1, 0], "classification"),
        ([0.0, 1.0, 1.0], "classification"),
        (list(range(20)) * 2, "classification"),
        (list(range(21)) * 5, "regression"),  # 21 distinct
        ([1, 2, 3, 4], "regression"),  # each once
        ([1, 2, 3, 1], "regression"),  # 3 of 4
        ([1, 2, 3, 1, 2, 3], "classification"),
        ([0.5, 1.5, 0.5, 1.5], "regression"),
        ([1e300, 2e300] * 4, "regression"),
    ],
)
def test_the_rule_for_auto(target, task):
    assert decide_task(target) == task
    assert decide_task(np.array(target)) == task


def test_the_user_overrides_the_rule():
    assert decide_task([0, 1, 0], "regression") == "regression"
    assert decide_task(list(range(100)), "classification") == "classification"


@pytest.mark.parametrize(
    ("target", "task", "message"),
    [
        (["a", "b"], "regression", "task: got 'regression' with a target that is not numbers"),
        ([True, False], "regression", "not numbers"),
        ([0.5, 1.0], "classification", "such as 0.5; needed classes that are text, whole numbers or Booleans"),
        ([2**60, 2**61], "classification", "such as 1152921504606846976"),
        ([1, 2], "clustering", "task: got 'clustering'; needed one of auto, classification, regression"),
        ([1j], "auto", "complex128"),
        (np.array([1, "a"], dtype=object), "auto", "object"),
        ([[1, 2]], "auto", r"shape \(1, 2\)"),
    ],
)
def test_what_does_not_fit_is_refused(target, task, message):
    with pytest.raises(JaxnnError, match=message):
        decide_task(target, task)


def test_types_follow_the_task():
    assert typed_target([0.0, 1.0, 0.0])[1].dtype == np.int64
    assert typed_target([0, 1, 0], "regression")[1].dtype == np.float64
    assert typed_target([True, False])[1].dtype == bool
    assert typed_target(["a", "b"])[1].dtype.kind == "U"
