"""The leaderboard is the same bytes, and all weights the same bits, on 1 x 1, 1 x 4 and 2 x 2 processes x devices."""

import os
import socket
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).with_name("layouts.py")


def results(processes, devices, schedule):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("XLA_")}
    environment |= {"PYTHONPATH": str(SCRIPT.parents[2]), "JAX_PLATFORMS": "cpu"}
    started = [
        subprocess.Popen(
            [sys.executable, SCRIPT, str(index), str(processes), str(port), str(devices), schedule],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for index in range(processes)
    ]  # fmt: skip
    said = [process.communicate(timeout=240) for process in started]
    return [(process.returncode, out, err) for process, (out, err) in zip(started, said, strict=True)]


def test_the_leaderboard_is_byte_identical_across_layouts():
    ended = [one for layout in ((1, 1), (1, 4), (2, 2)) for one in results(*layout, "halving")]
    assert [code for code, *_ in ended] == [0] * 4, ended
    found = [line for _, out, _ in ended for line in out.splitlines() if line.startswith("leaderboard")]
    assert len(found) == 4 and len(set(found)) == 1, found


def test_processes_with_different_data_are_refused():
    for code, out, err in results(2, 1, "spoiled"):
        assert code != 0 and "leaderboard" not in out
        assert "process 1: got other members or data than process 0; needed the same call in every process" in err
