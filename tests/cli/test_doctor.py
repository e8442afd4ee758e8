import importlib.metadata
import json

import jax

from jaxnn.cli import doctor
from jaxnn.cli.doctor import NEEDED, OPTIONAL


def test_text_for_people(shell, cache_folder):
    done = shell("doctor")
    assert done.code == 0
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert lines["jax"] == jax.__version__
    assert lines["polars"] == importlib.metadata.version("polars")
    assert lines["backend"] == "cpu"
    assert lines["cache"].startswith(f"{cache_folder} (")
    assert lines["JAXNN_CACHE_DIR"] == str(cache_folder)


def test_json(shell, cache_folder):
    document = json.loads(shell("doctor", "--json").out)
    assert set(document["versions"]) == {"python", "jaxnn", *NEEDED, *OPTIONAL}
    assert document["devices"][0].startswith(str(jax.devices()[0]))
    assert document["cores"] >= 1
    assert document["memory_bytes"] > 2**28
    assert document["cache"]["folder"] == str(cache_folder)


def without(monkeypatch, *names):
    real = importlib.metadata.version

    def version(name):
        if name in names:
            raise importlib.metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(importlib.metadata, "version", version)


def test_what_is_missing_comes_with_the_command_that_installs_it(shell, monkeypatch):
    without(monkeypatch, "polars")
    done = shell("doctor")
    assert done.code == 0
    assert 'missing: pip install "jaxnn[cli]"' in done.out
    without(monkeypatch, "optax")
    done = shell("doctor")
    assert done.code == 1
    assert "missing: pip install optax" in done.out


def test_a_device_that_is_not_there(shell, monkeypatch):
    monkeypatch.setattr(doctor, "_devices", lambda: (None, [], "Unknown backend gpu"))
    done = shell("doctor")
    assert done.code == 1
    assert "none: Unknown backend gpu" in done.out


def test_a_cache_that_is_not_used_is_told(shell, monkeypatch, place):
    monkeypatch.setenv("JAXNN_CACHE_DIR", "")
    assert "not used: no folder: JAXNN_CACHE_DIR is empty" in shell("doctor").out
