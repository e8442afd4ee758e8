"""A process of one peer's own: it prepares a run, then runs it when asked, so that no library disturbs another.

Requests and answers are lines of JSON on stdin and stdout. `{"do": "prepare", "name": ..., "peer": ..., "problem": ...,
"data": path, "options": {...}}` answers with the seconds of the imports and of the first run, `{"do": "run",
"name": ..., "seed": n}` with those of one more; both with what the run returned.
"""

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a library prints is no answer
    runs: dict[str, Callable[[int], Any]] = {}
    for line in sys.stdin:
        request = json.loads(line)
        answer = _prepare(runs, request) if request["do"] == "prepare" else _run(runs[request["name"]], request["seed"])
        print(json.dumps(answer), file=answers)


def _prepare(runs: dict[str, Callable[[int], Any]], request: dict[str, Any]) -> dict[str, Any]:
    from bench.peers import PEERS

    peer, since = PEERS[request["peer"]], time.perf_counter()
    module = importlib.import_module(f"bench.peers.{peer.module}")
    imported = time.perf_counter()
    # every peer has imported both
    import numpy as np

    from bench.problem import Problem

    problem = Problem.from_json(request["problem"])
    with np.load(request["data"]) as data:
        x, y = data["x"], data["y"]
    runs[request["name"]] = run = module.prepare(problem, x, y, **dict(peer.options) | request["options"])
    loss = run(0)
    return {"import": imported - since, "first": time.perf_counter() - imported, "loss": loss}


def _run(run: Callable[[int], Any], seed: int) -> dict[str, Any]:
    since = time.perf_counter()
    loss = run(seed)
    return {"seconds": time.perf_counter() - since, "loss": loss}


if __name__ == "__main__":
    main()
