from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def pins(name):
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    return {line.removesuffix(" \\") for line in lines if line[:1].isalnum()}


def test_the_bench_moves_no_pinned_version():
    ours, bench = pins("requirements.txt"), pins("requirements-bench.txt")
    named = {pin.split("==")[0] for pin in ours}
    assert {pin for pin in bench if pin.split("==")[0] in named} <= ours
    assert {"keras", "equinox", "skorch"} <= {pin.split("==")[0] for pin in bench}


def test_everything_is_hashed_and_no_index_is_named():
    text = (ROOT / "requirements-bench.txt").read_text(encoding="utf-8")
    assert "://" not in text
    blocks = [block for block in text.replace(" \\\n    --hash", " --hash").splitlines() if block]
    assert all("--hash=sha256:" in block for block in blocks)
