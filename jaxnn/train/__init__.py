"""Training: one compiled program for a whole run."""

from jaxnn.train.fit import fit
from jaxnn.train.history import History
from jaxnn.train.many import fit_many
from jaxnn.train.progress import Progress
from jaxnn.train.run import Run
from jaxnn.train.selection import Selection, select
from jaxnn.train.standing import Standing
from jaxnn.train.stopping import EarlyStopping

__all__ = ["EarlyStopping", "History", "Progress", "Run", "Selection", "Standing", "fit", "fit_many", "select"]
