"""The sentences of a report on a search: what was tried, and what each picture says."""

from jaxnn.plots.drawing import cut
from jaxnn.report.searched import Searched, Tried
from jaxnn.report.words import counted, percent, short

SHOWN = 50
"""Rows of the table on the page."""
PICTURES = 12
"""Hyper-parameters that have a picture of their own."""

_HOW = {
    "halving": "Successive halving dropped the worse ones early",
    "hyperband": "Hyperband dropped the worse ones early, from several beginnings",
}


def named(found: Searched, row: Tried) -> str:
    """Return a setting in words, such as "hidden 64, l2 0.001"."""
    return ", ".join(f"{name} {cut(value, 40)}" for name, value in zip(found.names, row.values, strict=True))


def lead(found: Searched) -> str:
    """Return what was tried, and what came out."""
    best = found.rows[0]
    times = f", {found.repeats} times over" if found.repeats > 1 else ""
    how = f" {_HOW[found.schedule]}: {_saved(found)}." if found.schedule in _HOW else ""
    said = f"{counted(found.settings, 'setting')} of {counted(len(found.names), 'hyper-parameter')} were trained on "
    said += f"{found.folds} folds of the training and validation rows{times}, and scored on the rows held out.{how} "
    said += f"The best was {named(found, best)}: {found.metric} {short(best.mean, 4)}, with a standard deviation of "
    said += f"{short(best.std)} between folds. The network of this report was trained with it; the test rows took no "
    return said + "part in the search."


def _saved(found: Searched) -> str:
    return f"{found.spent:,} epochs in place of at most {found.full:,} ({percent(found.spent / max(found.full, 1))})"


def board(found: Searched) -> str:
    """Return how to read the table."""
    shown = min(len(found.rows), SHOWN)
    said = f"All {shown} settings" if shown == found.settings else f"The best {shown} of {found.settings:,} settings"
    said += ": mean and standard deviation over the folds. "
    near, finished = close(found), sum(row.status == "done" for row in found.rows)
    error = short((found.rows[0].std or 0.0) / (found.folds * found.repeats) ** 0.5)
    if near:
        verb = "lies" if near == 1 else "lie"
        said += f"{counted(near, 'other')} {verb} within one standard error ({error}) of the best: between those, "
        said += "chance may have chosen. "
    elif finished > 1:
        said += f"No other lies within one standard error ({error}) of the best. "
    elif found.schedule != "full":
        said += "Those that were dropped were measured after fewer epochs. "
    return f"{said}The file leaderboard.csv has every fold."


def close(found: Searched) -> int:
    """Return how many other finished settings lie within one standard error of the best."""
    best = found.rows[0]
    if best.mean is None or best.std is None:
        return 0
    error = best.std / (found.folds * found.repeats) ** 0.5
    others = [row.mean for row in found.rows[1:] if row.status == "done" and row.mean is not None]
    return sum(abs(mean - best.mean) <= error for mean in others)


def parallel(found: Searched) -> str:
    """Return how to read the parallel coordinates."""
    lost = sum(row.status == "diverged" for row in found.rows)
    said = "Each line is a setting, from its values down to its score: where the good ones meet, a value matters."
    return said + (f" {counted(lost, 'setting')} diverged." if lost else "")


def marginal(found: Searched) -> str:
    """Return how to read a marginal."""
    better = "higher" if found.higher_is_better else "lower"
    return f"Each dot is a setting; {better} is better. A flat line means that the value hardly matters here."


def bands(found: Searched) -> str:
    """Return how to read the bands."""
    runs = len(found.bands[0].runs) if found.bands else 0
    many = "the mean, give or take a standard deviation," if runs <= 10 else "the median and the middle 80 %"
    which = "settings" if len(found.bands) > 1 else "setting"
    said = f"The {found.watched} of the best {which} ({', '.join(cut(name, 40) for name in found.names)})"
    return f"{said}: {many} of {runs} runs, while half of them go on."


def rungs(found: Searched) -> str:
    """Return what the schedule saved."""
    last = found.rungs[-1][1] if found.rungs else 0
    return f"How many settings trained on, and how long: {counted(last, 'setting')} went all the way. {_saved(found)}."
