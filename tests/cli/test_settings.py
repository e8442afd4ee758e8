import dataclasses

import pytest

from jaxnn import activations, optimizers
from jaxnn.checks import JaxnnError
from jaxnn.cli.settings import DESCRIBED, NAMES, Settings, from_flag


def test_every_default_is_in_its_own_range():
    assert Settings() == Settings(**{name: described.default for name, described in DESCRIBED.items()})
    assert len(NAMES) == len(dataclasses.fields(Settings))


@pytest.mark.parametrize("name", [name for name in NAMES if DESCRIBED[name].default_text])
def test_a_default_typed_as_a_flag_is_the_default(name):
    value = from_flag(name, DESCRIBED[name].default_text)
    assert value == DESCRIBED[name].default
    assert type(value) is type(DESCRIBED[name].default)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("hidden", "64,32", (64, 32)),
        ("hidden", " 8 , 8 ", (8, 8)),
        ("hidden", "", ()),
        ("hidden", "0", ()),
        ("learning_rate", "1e-3", 0.001),
        ("dropout", ".5", 0.5),
        ("seed", "4294967295", 2**32 - 1),
        ("activation", "leaky_relu", "leaky_relu"),
    ],
)
def test_flags_are_read(name, text, value):
    assert from_flag(name, text) == value


# What each option refuses, and the range that its message has to give.
OUT_OF_RANGE = [
    ("epochs", "0", "a whole number from 1 to 10000000"),
    ("epochs", "1e3", "a whole number from 1 to 10000000"),
    ("epochs", "ten", "a whole number from 1 to 10000000"),
    ("epochs", "9" * 5000, "a whole number from 1 to 10000000"),
    ("batch_size", "0", "a whole number from 1 to 2147483647"),
    ("patience", "-1", "a whole number from 1 to 2147483647"),
    ("seed", "-1", "a whole number from 0 to 4294967295"),
    ("seed", "4294967296", "a whole number from 0 to 4294967295"),
    ("dropout", "1", "a number of at least 0 and below 1"),
    ("dropout", "nan", "a number of at least 0 and below 1"),
    ("test", "1.0", "a number of at least 0 and below 1"),
    ("validation", "-0.1", "a number of at least 0 and below 1"),
    ("learning_rate", "0", "a number above 0"),
    ("learning_rate", "inf", "a finite number above 0"),
    ("learning_rate", "1_0", "a number above 0"),
    ("l1", "-1", "a number of at least 0"),
    ("l2", "1e999", "a finite number of at least 0"),
    ("hidden", "64,0", "a whole number from 1 to 65536"),
    ("hidden", "64;64", "widths such as 64,64"),
    ("hidden", "64,", "widths such as 64,64"),
    ("activation", "Relu", "Did you mean relu?"),
    ("activation", "rel", "Did you mean relu?"),
    ("activation", "step", "needed one of identity"),
    ("optimizer", "adm", "Did you mean adam?"),
    ("task", "multilabel", "needed one of auto, classification, regression"),
    ("class_weight", "even", "needed one of none, balanced"),
]


@pytest.mark.parametrize(("name", "text", "needed"), OUT_OF_RANGE)
def test_what_is_out_of_range_is_refused_with_the_range(name, text, needed):
    with pytest.raises(JaxnnError) as refused:
        from_flag(name, text)
    assert str(refused.value).startswith(f"{DESCRIBED[name].flag}: got ")
    assert needed in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", True),
        ("epochs", 1.5),
        ("dropout", "0.5"),
        ("hidden", "64,64"),
        ("hidden", 64),
        ("data", 3),
        ("l1", None),
    ],
)
def test_python_values_of_a_wrong_type_are_refused(name, value):
    with pytest.raises(JaxnnError, match=f"^{name}"):
        Settings(**{name: value})


def test_something_is_left_to_train_on():
    with pytest.raises(JaxnnError, match=r"--test and --validation: got 0\.6 for the test and 0\.4 for the validation"):
        Settings(test=0.6, validation=0.4)


def test_names_in_help_are_names():
    known = {"activation": activations.ACTIVATIONS, "optimizer": optimizers.OPTIMIZERS}
    for name, names in known.items():
        words = DESCRIBED[name].help.split(":")[-1].replace(" or ", ", ").replace("...", "").strip(" .").split(",")
        for word in words:
            assert word.split()[0] in names


def test_the_help_on_learning_rates_is_true():
    assert optimizers.Adam.default_learning_rate == 0.001
    assert optimizers.SGD.default_learning_rate == 0.01
    assert "adam 0.001, sgd 0.01" in DESCRIBED["learning_rate"].help
