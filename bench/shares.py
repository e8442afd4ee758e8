"""How much of the machine's limits a training step uses."""

from collections.abc import Iterable

from bench import cost
from bench.machine import dot_limit, scan_limit
from bench.peers import PEERS
from bench.problem import Problem
from bench.result import Grid, Line


def steps_of(peer: str, problem: Problem) -> int:
    """Return how many minibatches a peer takes."""
    return problem.epochs * (problem.whole_batches if PEERS[peer].drops_last else problem.batches)


def shares(measured: Iterable[tuple[str, Problem, float]], in_scan: bool = True) -> Grid:
    """Say how fast everyone calculates; all are counted with the operations of the hand-written step.

    Args:
        measured: a name, what it trained, and its seconds a step.
        in_scan: whether a scan of products of that size is a limit: it is none for a loop folded into one kernel.

    Returns:
        The figures, beside what the machine can do at most, and in a scan with matrices of the problem's size.
    """
    lines: list[Line] = []
    for name, problem, seconds in measured:
        rate = cost.of_hand_written(problem)["FLOPs"] / seconds / 1e9
        most = scan_limit(problem.batch, *problem.widths[:2])
        share = f"{rate / dot_limit():.1%}", f"{rate / most:.1%} of {most:.0f}"
        lines.append((name, f"{seconds * 1e6:.2f}", f"{rate:.2f}", *share[: 1 + in_scan]))
    columns = ("arithmetic", "us a step", "GFLOP/s", "of the limit", "of the limit in a scan")
    return Grid("Share of the machine's limits", columns[: 4 + in_scan], lines)
