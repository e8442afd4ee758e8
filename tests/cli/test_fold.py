import os
import re
import tomllib

import pytest

from cli.commands import QUICK, another_process
from jaxnn.checks import JaxnnError
from jaxnn.cli import fold

FOLDED = {"xla_flags": " ".join(fold.FLAGS)}


@pytest.fixture
def no_flags(monkeypatch):
    """The variable as it is in a new shell; what `turn_on` writes is undone."""
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(fold, "_jax_has_started", lambda: False)


def weights(run):
    return (run / "model.safetensors").read_bytes()


def test_a_folded_run_is_recorded_and_repeated_to_the_bit(place):
    dumped = place / "dumped"
    first = another_process(
        "train", "diabetes", *QUICK, "--fold", "--out", "a",
        env=os.environ | {"XLA_FLAGS": f"--xla_dump_to={dumped} --xla_dump_hlo_module_re=.*chunk.*"},
    )  # fmt: skip
    assert (first.code, first.err.count("\n")) == (0, 2)
    recorded = tomllib.loads((place / "a/run.toml").read_text())["made_with"]["xla_flags"].split()
    assert recorded[2:] == list(fold.FLAGS)
    # XLA has taken them: the loop over minibatches is one call of a function of its own
    (compiled,) = dumped.glob("*chunk_members*cpu_after_optimizations.txt")
    assert len(re.findall(r" call\(.*xla_cpu_small_call", compiled.read_text())) == 1


def test_the_flags_come_back_with_the_file_of_settings(place):
    first = another_process("train", "diabetes", *QUICK, "--fold", "--out", "a")
    again = another_process("train", "--config", "a/run.toml", "--out", "b")
    assert (first.code, again.code) == (0, 0)
    assert "may differ" not in again.err
    assert weights(place / "a") == weights(place / "b")
    assert (place / "a/run.toml").read_bytes() == (place / "b/run.toml").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("diabetes", "--hidden", "8,17"), "--fold: got a layer of 17; needed at most 16"),
        (("digits", "--hidden", "8"), "--fold: got 64 inputs; needed at most 32"),
    ],
)
def test_a_network_that_would_gain_nothing_is_refused(shell, place, arguments, said):
    done = shell("train", *arguments, "--fold")
    assert (done.code, done.out) == (2, "")
    assert done.err == f"jaxnn: {said}. Leave --fold out: it would take longer.\n"
    assert not (place / "runs").exists()


def test_a_wider_repetition_goes_without_and_says_so(no_flags, place, shell):
    (place / "s.toml").write_text(f"hidden = [40]\nepochs = 1\n[made_with]\nxla_flags = '{FOLDED['xla_flags']}'\n")
    done = shell("train", "iris", "--config", "s.toml")
    assert done.code == 0
    assert "(now none): the last bits may differ" in done.err
    assert os.environ["XLA_FLAGS"] == ""


@pytest.mark.parametrize(
    ("widths", "asked", "made_with", "folded"),
    [
        ((4, 8, 1), True, {}, True),
        ((32, 16, 16, 1), True, {}, True),
        ((4, 8, 1), False, FOLDED, True),
        ((4, 8, 1), False, {"xla_flags": fold.FLAGS[0]}, False),
        ((4, 8, 1), False, {}, False),
        ((4, 17, 1), False, FOLDED, False),
        ((4, 8, 3), False, FOLDED, True),
        ((33, 8, 1), False, FOLDED, False),
    ],
)
def test_when_the_flags_are_set(no_flags, widths, asked, made_with, folded):
    fold.turn_on(widths, asked, made_with)
    assert os.environ["XLA_FLAGS"] == (FOLDED["xla_flags"] if folded else "")


def test_flags_of_ones_own_stay(no_flags, monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"--xla_x=1 {fold.FLAGS[1]}")
    fold.turn_on((4, 8, 1), True, {})
    assert os.environ["XLA_FLAGS"].split() == ["--xla_x=1", fold.FLAGS[1], fold.FLAGS[0]]


def test_it_is_too_late_when_jax_has_started(monkeypatch):
    import jax

    jax.devices()
    monkeypatch.setenv("XLA_FLAGS", "")
    with pytest.raises(JaxnnError, match="--fold: got a process in which JAX has started; needed a new one"):
        fold.turn_on((4, 8, 1), True, {})
    fold.turn_on((4, 8, 1), False, FOLDED)
    assert os.environ["XLA_FLAGS"] == ""
