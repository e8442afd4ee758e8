"""Processes of peers, started and asked from here."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from bench.peers import PEERS
from bench.problem import Problem, write_data
from bench.progress import say

ROOT = Path(__file__).resolve().parent.parent


class Worker:
    """A process of `bench.worker`."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.losses: dict[str, list[Any]] = {}
        """The last training losses of every run, by name; of an estimator, its figures."""
        self.said = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed with the process
        given = {k: v for k, v in os.environ.items() if not k.startswith("JAX_")} | {"JAX_PLATFORMS": "cpu"}
        self.since = time.perf_counter()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker"], cwd=ROOT, env=given | dict(environment or {}),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True,
        )  # fmt: skip

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        assert self.process.stdin and self.process.stdout
        try:
            if error is not None:
                self.process.kill()
            self.process.stdin.close()
        finally:
            self.process.wait()
            self.process.stdout.close()
            self.said.close()

    def prepare(self, peer: str, problem: Problem, name: str = "", **options: Any) -> dict[str, Any]:
        """Have a peer import, build and train once.

        Args:
            peer: its name in `PEERS`.
            problem: what it trains.
            name: to run it by; the peer's title by default.
            options: further arguments of the peer's own `prepare`.

        Returns:
            Seconds of "import", of the "first" run, of the "whole" since the process began, and the "loss".
        """
        name = name or PEERS[peer].title
        say(f"{problem.name}: first run of {name}", lasting=False)
        data = str(write_data(problem, self.folder))
        asked = {"peer": peer, "problem": problem.to_json(), "data": data, "options": options}
        answer = self._ask({"do": "prepare", "name": name} | asked)
        self.losses[name] = [answer["loss"]]
        return answer | {"whole": time.perf_counter() - self.since}

    def runner(self, name: str) -> Callable[[int], float]:
        """Return the function that runs a prepared peer with a seed and returns the seconds, counted in its process."""

        def run(seed: int) -> float:
            answer = self._ask({"do": "run", "name": name, "seed": seed})
            self.losses[name].append(answer["loss"])
            return answer["seconds"]

        return run

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        try:
            self.process.stdin.write(json.dumps(request) + "\n")
            self.process.stdin.flush()
            answer = self.process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        if not answer:
            self.process.wait()
            self.said.seek(0)
            raise SystemExit(f"bench: the process of {request['name']} died:\n{self.said.read()[-4000:]}")
        return json.loads(answer)
