"""What only a process of its own shows: signals, pipes, terminals, encodings, and the same bits twice."""

import os
import pty
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import time

import quick
from cli.commands import QUICK, another_process
from jaxnn.cli import runfolder


def test_the_same_bytes_from_two_processes(place):
    first = another_process("train", "iris", *QUICK, "--out", "a")
    assert (first.code, first.err.count("\n")) == (0, 2)
    assert "\x1b" not in first.out + first.err
    assert another_process("train", "--config", "a/run.toml", "--out", "b").code == 0
    for name in os.listdir("a"):
        assert (place / "a" / name).read_bytes() == (place / "b" / name).read_bytes(), name


def test_bad_input_ends_a_process_with_2_and_one_line(place):
    done = another_process("train", "no.csv")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)


def test_a_pipe_that_closes_ends_it_quietly(place, iris_run):
    for command in (["predict", iris_run, "iris"], ["datasets", "--json"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "jaxnn", *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )  # fmt: skip
        process.stdout.close()
        said = process.stderr.read().decode()
        process.stderr.close()
        assert (process.wait(60), said) == (1, "")


def test_closed_and_full_streams_end_it_without_a_traceback(place):
    command = f"{shlex.quote(sys.executable)} -m jaxnn datasets"
    wanted = {">&-": (0, ""), "2>&-": (0, ""), ">/dev/full": (2, "jaxnn: stdout: got 'No space left on device'")}
    for closed, (code, said) in wanted.items():
        done = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True, timeout=60)
        assert (done.returncode, done.stderr[: len(said)], done.stderr.count("\n")) == (code, said, bool(said)), closed


def test_an_encoding_without_the_letters(place):
    rows = [f"{i % 7},{i % 3},{'äöü'[i % 3]}\n" for i in range(30)]
    (place / "t.csv").write_text("größe,b,kind\n" + "".join(rows), encoding="utf-8")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "LC_ALL": "C"} | quick.ENVIRONMENT
    done = another_process("train", "t.csv", "--target", "kind", *QUICK, "--out", "run", env=environment)
    assert done.code == 0, done.err
    assert "\\xe4" in done.out
    raw = another_process("predict", "run", "t.csv", env=environment, text=False)
    assert raw.out.decode("utf-8").splitlines()[0] == "prediction,probability_ä,probability_ö,probability_ü"


def in_a_terminal(arguments, until=None, **environment):
    """Run a command in a terminal of 80 columns; press Ctrl-C when a pattern is seen; return code and screen."""
    controller, terminal = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "jaxnn", *arguments], stdin=terminal, stdout=terminal, stderr=terminal,
        env=os.environ | {"TERM": "xterm", **environment}, start_new_session=True,
    )  # fmt: skip
    os.close(terminal)
    seen, end = b"", time.monotonic() + 90
    while time.monotonic() < end:
        if select.select([controller], [], [], 1)[0]:
            try:
                part = os.read(controller, 65536)
            except OSError:  # the process has closed its side
                break
            if not part:
                break
            seen += part
        if until and re.search(until, seen):
            process.send_signal(signal.SIGINT)
            until = None
    os.close(controller)
    return process.wait(30), seen.decode()


def test_ctrl_c_in_a_terminal_saves_and_ends_with_130(place):
    long = ["--epochs", "10000000", "--patience", "10000000"]
    code, screen = in_a_terminal(["train", "iris", "--hidden", "4", *long], until=rb"epoch [1-9][0-9]*/10000000")
    assert code == 130, screen
    assert "compiling, once" in screen
    assert "at most" in screen
    assert "saved in runs/iris" in screen
    assert "Traceback" not in screen
    assert sorted(os.listdir("runs/iris")) == sorted(runfolder.ENTRIES)


def test_no_colour_where_none_is_wanted(place, iris_run):
    shutil.copytree(iris_run, "run")  # a path as long as pytest's own would not fit into a line
    assert "\x1b[1m" in in_a_terminal(["show", "run"])[1]
    code, screen = in_a_terminal(["show", "run"], NO_COLOR="1")
    assert code == 0
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", screen)
    assert max(map(len, screen.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())) <= 80
