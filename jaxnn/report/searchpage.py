"""A page of pictures of a search made in Python; the shell's report has the same ones."""

from typing import Any

import numpy as np

from jaxnn import plots
from jaxnn.population import Search
from jaxnn.population.leaderboard import name_of
from jaxnn.population.settings import columns
from jaxnn.report.page import asset, template

CURVES = 3
"""Of the best settings."""


def pictures(found: Search) -> dict[str, str]:
    """Return pictures of a search as SVG whose colours are those of `search_page`.

    Args:
        found: a finished search.

    Returns:
        By title: every setting at once in parallel coordinates, the score against each hyper-parameter alone, the
        validation losses of the best settings with a band of one standard deviation over folds, and with a schedule how
        many settings were left.
    """
    values = {name: [name_of(one) for one in many] for name, many in columns(found.settings).items()}
    given = (values, found.scores.mean(axis=1), found.higher_is_better, found.metric)
    drawn = {"Every setting at once": plots.parallel_coordinates(*given)} | plots.marginals(*given)
    best = [place for place in found.table.order if np.isfinite(found.scores[place]).all()][:CURVES]
    curves = {f"{rank}: {_said(found.settings[place])}": found.curves(place) for rank, place in enumerate(best, 1)}
    curves = {name: curve for name, curve in curves.items() if curve.size and np.isfinite(curve).any()}
    if curves:
        most = max(curve.shape[1] for curve in curves.values())
        wide = {
            name: np.pad(curve, ((0, 0), (0, most - curve.shape[1])), constant_values=np.nan)
            for name, curve in curves.items()
        }
        drawn["How the best ones learnt"] = plots.score_bands(list(range(1, most + 1)), wide, "validation loss")
    if len(found.rungs) > 1:
        drawn["Who was left"] = plots.rungs([epoch for epoch, _ in found.rungs], [many for _, many in found.rungs])
    return drawn


def _said(setting: dict[str, Any]) -> str:
    return ", ".join(_short(name_of(value)) for value in setting.values())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def search_page(found: Search, title: str = "Search") -> str:
    """Return the pictures and the leaderboard of a search as one HTML file that needs no other.

    Args:
        found: a finished search.
        title: of the page.

    Returns:
        HTML; write it to a file and open that in a browser.

    >>> import jaxnn as nn
    >>> x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    >>> grid = {"learning_rate": [0.001, 0.1]}
    >>> found = nn.search(nn.Dense(1), (x, 3 * x), nn.losses.squared_error, grid=grid, epochs=3)
    >>> "Every setting at once" in search_page(found)
    True
    """
    shown = {
        "title": title, "style": asset("report.css"), "found": found, "pictures": pictures(found),
        "rows": found.table.rows(), "names": found.table.names, "plan": repr(found.plan), "say": _short,
    }  # fmt: skip
    return template("searchpage.html.j2").render(shown)
