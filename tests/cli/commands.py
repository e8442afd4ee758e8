"""Running `jaxnn` in another process, and settings under which a run is quick."""

import subprocess
import sys
from dataclasses import dataclass

QUICK = ("--hidden", "4", "--epochs", "3")
"""Settings under which a run takes milliseconds; the same in all tests, which then share compiled programs."""


@dataclass
class Done:
    """What a command left: exit code and text."""

    code: int
    out: str
    err: str


def another_process(*arguments, module=True, **options):
    """Run a command in a fresh interpreter; what is not given is as in this process."""
    start = [sys.executable, "-W", "error", *(["-m", "jaxnn"] if module else [])]
    given = {"capture_output": True, "text": True, "check": False, "timeout": 120} | options
    done = subprocess.run([*start, *map(str, arguments)], **given)
    return Done(done.returncode, done.stdout, done.stderr)
