"""`jaxnn train --ensemble`: several members trained as one population, which answer together as one network.

That network is made of what every model file knows: the members side by side in a `Parallel` that adds, each with a
softmax where it tells classes apart, and a last `Dense` whose kernel is the identity divided by their number. So its
outputs are the mean of the members' probabilities, or of their values, and `predict`, `evaluate` and `show` take it as
they take any other.
"""

import dataclasses
from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Any

import numpy as np

from jaxnn import activations, losses
from jaxnn.cli.pipeline import Members, Outcome, Plan, fitted, scored, training
from jaxnn.layers import Chain, Dense, Parallel
from jaxnn.population.folds import seeds
from jaxnn.report.members import Alone, Ensembled
from jaxnn.train import Run, fit_many


def train_plan(plan: Plan, progress: Any = False) -> Outcome:
    """Train the members of an ensemble on the same rows, from other first weights and in other orders.

    Args:
        plan: from `make_plan`; the first member is what it would be alone.
        progress: as for `fit_many`.

    Returns:
        The outcome of all together, and of each. Members whose loss was not finite, or that Ctrl-C cut short, are left
        out; where none is left, the outcome is that of the first, and worth nothing.

    Raises:
        KeyboardInterrupt: if Ctrl-C came before a member was finished.
        JaxnnError: if network and data do not fit each other.
    """
    many, seed = plan.settings.ensemble, plan.settings.seed
    data, loss, how = fitted(plan)
    keys = [seed, *seeds(seed, many)[1:]]
    runs = fit_many(plan.net, data, loss, [{"key": key} for key in keys], progress=progress, **how, **training(plan))
    interrupted = any(run is None or run.interrupted for run in runs)
    kept = [run for run in runs if run is not None and not run.interrupted and not run.diverged]
    if not kept:
        if interrupted:
            raise KeyboardInterrupt
        first = next(run for run in runs if run is not None)
        because = f"none of the {many} members stayed finite: {first.stopped_because}"
        return Outcome(plan, dataclasses.replace(first, best_epoch=-1, stopped_because=because), None, None)
    run = dataclasses.replace(together(kept, plan), interrupted=interrupted)
    validation, test = (scored(plan, run, part) for part in (plan.validation, plan.test))
    part = plan.test if len(plan.test) else plan.validation
    alone = tuple(found for one in kept if (found := scored(plan, one, part)) is not None)
    return Outcome(plan, run, validation, test, Members(tuple(kept), alone, many - len(kept)))


def together(runs: Sequence[Run], plan: Plan) -> Run:
    """Return one run whose network answers with the mean of what several networks answer.

    Args:
        runs: of equal networks.
        plan: what they were trained by.

    Returns:
        A run with the history of the first one. Of classes its outputs are probabilities.
    """
    telling, width = plan.preprocessing.classes is not None, plan.objective.width
    names = [f"member_{i}" for i in range(len(runs))]

    def each(net: Any) -> Any:
        return Chain(("network", net), activations.softmax) if telling else net

    net = Chain(
        ("members", Parallel(*((name, each(run.net)) for name, run in zip(names, runs, strict=True)), how="add")),
        ("mean", Dense(width, use_bias=False)),
    )
    kernel = np.eye(width, dtype=np.float32) / np.float32(len(runs))
    inside = [(run.params, run.state) for run in runs]
    params, state = (
        {name: {"network": own[i]} if telling else own[i] for name, own in zip(names, inside, strict=True) if own[i]}
        for i in (0, 1)
    )
    epochs = [run.history.epochs for run in runs]
    after = f"{min(epochs)}" if min(epochs) == max(epochs) else f"{min(epochs)} to {max(epochs)}"
    ended = f"{len(runs)} member{'' if len(runs) == 1 else 's'}, each by itself, after {after} epochs"
    return dataclasses.replace(
        runs[0], net=net, params={"members": params, "mean": {"kernel": kernel}},
        state={"members": state} if state else {},
        loss=losses.categorical_cross_entropy if telling else runs[0].loss, stopped_because=ended,
        steps=sum(run.steps for run in runs), now=None,
    )  # fmt: skip


def facts(outcome: Outcome) -> dict[str, Any]:
    """Return what metrics.json has of the members, {} where there are none."""
    members = outcome.members
    if members is None:
        return {}
    each = {name: list(values) for name, values in members.spread().items()}
    alone = {name: {"mean": fmean(one), "std": pstdev(one), "each": one} for name, one in each.items()}
    epochs = [run.history.epochs for run in members.runs]
    kept = [run.best_epoch + 1 for run in members.runs]
    said = {"members": len(members.runs), "left_out": members.left_out, "epochs": epochs, "best_epochs": kept}
    return {"ensemble": said | {"alone": alone}}


def evidence(outcome: Outcome) -> Ensembled | None:
    """Return what the report shows of the members, None where there are none."""
    members, scores = outcome.members, outcome.test or outcome.validation
    if members is None:
        return None
    found = {} if scores is None else scores.to_json()
    rows = tuple(
        Alone(name.replace("_", " "), name in ("accuracy", "r2"), found.get(name), each, fmean(each), pstdev(each))
        for name, each in members.spread().items()
    )
    return Ensembled(len(members.runs), members.left_out, tuple(run.history.epochs for run in members.runs), rows)
