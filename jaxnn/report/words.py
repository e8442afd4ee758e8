"""The sentences of a report: what each picture says, with its numbers, for a reader who is no expert."""

from jaxnn.plots.drawing import cut, number
from jaxnn.report.document import Calibrated, Classes, Curve, Document, OneClass, Pictures, Training, Values
from jaxnn.report.members import Ensembled

NINETY_FIVE = "95\N{NO-BREAK SPACE}%"
NOTICEABLE = 0.02
"""Mean confidence and accuracy that differ by less are called about equal."""


def counted(count: int, what: str, plural: str = "") -> str:
    """Return "1 row", "2,000 rows", "3 classes".

    >>> counted(1, "row"), counted(2000, "row"), counted(3, "class", "classes")
    ('1 row', '2,000 rows', '3 classes')
    """
    return f"{count:,} {what if count == 1 else plural or what + 's'}"


def percent(share: float | None) -> str:
    r"""Return a share in percent, with a space that ends no line; a dash where there is none.

    >>> percent(0.9812), percent(0.9999), percent(1.0), percent(None)
    ('98.1\xa0%', '99.9\xa0%', '100\xa0%', '–')
    """
    if share is None:
        return "–"
    shown = f"{min(100 * share, 99.9) if share < 1 else 100:.1f}"  # 100 % means all
    return f"{shown.removesuffix('.0')}\N{NO-BREAK SPACE}%"


def short(value: float | None, digits: int = 3) -> str:
    """Return a number with so many significant digits; a dash where there is none.

    >>> short(55.1234), short(0.000123456), short(None)
    ('55.1', '0.000123', '–')
    """
    return "–" if value is None else number(float(f"{value:.{digits}g}"))


def headline(document: Document) -> str:
    """Return the score in a few words; of a text `textwords.headline` does."""
    if document.classes:
        return f"{percent(document.classes.accuracy)} right"
    if document.values:
        return f"Typically off by {short(document.values.rmse)}"
    return f"Trained for {counted(document.training.done, 'epoch')}"


def lead(document: Document) -> list[str]:
    """Return the sentences under the headline: what was learnt, how well, and against what."""
    data = document.data
    target, source = cut(data.target, 60), cut(data.source, 80)
    weights = counted(document.parameters, "weight")
    said = [f"A network with {weights} learnt"]
    if document.ensemble:
        said = [f"{document.ensemble.members} networks with {weights} each, which answer together, learnt"]
    if document.task == "classification":
        classes = f" ({counted(document.classes.count, 'class', 'classes')})" if document.classes else ""
        said[0] += f" to tell “{target}”{classes}"
    else:
        said[0] += f" to predict “{target}”"
    said[0] += f" from {counted(data.columns, 'column')} of {source}, on {counted(data.train, 'training row')}."
    if document.classes:
        said += _class_lead(document.classes, document.scored)
    elif document.values:
        said += _value_lead(document.values, document.scored)
    elif not document.training.diverged:
        said.append("No rows were set aside, so nothing here says how well it does on new ones: see --test.")
    return said


def ensemble(found: Ensembled) -> str:
    """Return what the members of an ensemble are, and how much better they are together."""
    low, high = min(found.epochs, default=0), max(found.epochs, default=0)
    epochs = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    said = (
        f"{found.members} networks, trained from other first weights and in other orders for {epochs} epochs, answer "
    )
    said += "together by the mean of their probabilities or values. "
    if found.left_out:
        said += f"{counted(found.left_out, 'more')} diverged or did not finish. "
    for score in found.scores[:1]:
        if score.together is None:
            continue
        better = sum((score.together > one) if score.higher_is_better else (score.together < one) for one in score.each)
        said += f"Their {score.name} together is {short(score.together, 4)}; one alone has {short(score.mean, 4)} on "
        said += f"average, and {better} of {len(score.each)} {'is' if better == 1 else 'are'} worse than all together. "
    return f"{said}The curves and layers below are those of the first member."


def unseen(scored: str) -> str:
    """Return what the scored rows are to the network."""
    return "that it had never seen" if scored == "test" else "that chose the epoch (there is no test part)"


def _class_lead(found: Classes, scored: str) -> list[str]:
    rows, guess = counted(found.rows, f"{scored} row"), percent(found.baseline)
    interval = f"with a {NINETY_FIVE} interval from {percent(found.low)} to {percent(found.high)}"
    better = "clearly" if found.low > found.baseline else "not clearly"
    first = f"Of {rows} {unseen(scored)}, it got {found.correct:,} right: {percent(found.accuracy)}, {interval}."
    always = (
        f"Always answering “{cut(found.frequent, 40)}”, the most frequent class, would be right {guess} of the time"
    )
    return [first, f"{always}; the network is {better} better."]


def _value_lead(found: Values, scored: str) -> list[str]:
    within = "" if found.low is None else f" ({NINETY_FIVE} interval from {short(found.low)} to {short(found.high)})"
    rows, mean = counted(found.rows, f"{scored} row"), f"the mean absolute error is {short(found.mae)}"
    said = [f"On {rows} {unseen(scored)}, the root mean square error is {short(found.rmse)}{within}; {mean}."]
    if found.baseline and found.rmse is not None:
        less = 1 - found.rmse / found.baseline
        compared = f"{percent(less)} less" if less >= 0 else f"{percent(-less)} more"
        always = f"always answering the mean of the training rows, {short(found.mean)}"
        said.append(f"That is {compared} than {always}, which would be off by {short(found.baseline)}.")
    if found.r2 is not None:
        said.append(f"R² is {short(found.r2)}: 1 would be perfect, 0 is no better than a constant.")
    return said


def ending(training: Training) -> str:
    """Return why the training ended, and which weights were kept."""
    done, because = (
        f"{counted(training.done, 'epoch')} of at most {training.limit:,}",
        training.stopped_because.rstrip("."),
    )
    said = f"{done}, {counted(training.steps, 'step')}. It ended because: {because}."
    if training.interrupted:
        said = f"The training was interrupted (Ctrl-C) after {done}; more epochs might do better."
    elif training.diverged:
        said = f"The training diverged: {because}."
    if training.patience is not None and training.kept:
        return f"{said} The weights of epoch {training.kept:,} were kept, the best on the validation rows."
    if training.kept:
        return f"{said} Without validation rows the weights of the last epoch, {training.kept:,}, were kept."
    return said


def curve(found: Curve, training: Training) -> str:
    """Return what a learning curve shows."""
    shown = percent if found.name == "accuracy" else short
    known = [value for value in found.training or () if value is not None]
    said = f"On the training rows it went from {shown(known[0])} to {shown(known[-1])}. " if known else ""
    if found.validation is None:
        return f"{said}Without validation rows it cannot be seen whether the network only learns them by heart."
    if training.kept not in training.epochs:
        return said.rstrip()
    kept, last = found.validation[training.epochs.index(training.kept)], found.validation[-1]
    said += f"On the validation rows, which teach the network nothing, it was {shown(kept)} in epoch {training.kept:,}"
    later = training.done - training.kept
    if later <= 0:
        return f"{said}, the last one: more epochs might help."
    return f"{said}, and {shown(last)} after {counted(later, 'more epoch')}."


def confusion(found: Classes) -> str:
    """Return how to read the confusion matrix, and its most frequent mistake."""
    said = "Each line is a true class, each column what the network called it; right answers lie on the diagonal."
    worst = max(found.each, key=lambda row: row.mistakes, default=None)
    if found.correct == found.rows:
        said += " There is no mistake here."
    elif worst is not None and worst.mistakes:
        times = "once" if worst.mistakes == 1 else f"{worst.mistakes:,} times"
        pair = f"“{cut(worst.name, 40)}” was called “{cut(worst.taken_for or '', 40)}” {times}"
        said += f" The most frequent mistake: {pair}."
    if len(found.shown) < found.count:
        said += f" Of {found.count:,} classes these are the {len(found.shown)} that were recognised worst."
    return said


def each_class(found: Classes) -> str:
    """Return what precision and recall are."""
    said = (
        "Precision: of the rows called so, the share that are. Recall: of the rows that are, the share that was found. "
        "F1 lies between the two."
    )
    if len(found.each) < found.count:
        said += f" The {len(found.each)} of {found.count:,} classes that were recognised worst."
    return said


def sweep(found: OneClass) -> str:
    """Return what a threshold does."""
    rule = f"A row counts as “{cut(found.name, 40)}” if the network gives that a probability above the threshold."
    return f"{rule} A higher one raises fewer false alarms (precision) and misses more (recall)."


def roc(found: OneClass) -> str:
    """Return what the area under a ROC curve is."""
    pair = f"Given one of the {counted(found.rows, 'row')} of “{cut(found.name, 40)}” and one other row"
    often = f"the network gives the former the larger probability {percent(found.area)} of the time"
    return f"{pair}, {often}; guessing (dashed) would half the time."


def calibration(found: Calibrated) -> str:
    """Return whether the network is as sure as it should be."""
    rows = [good + bad for good, bad in zip(found.right, found.wrong, strict=True)]
    total = sum(rows) or 1
    sure = sum((c or 0) * n for c, n in zip(found.confidence, rows, strict=True)) / total
    right = sum(found.right) / total
    lean = "about as sure as it is right"
    if abs(sure - right) >= NOTICEABLE:
        lean = "surer than it is right" if sure > right else "less sure than it is right"
    line = f"On the dashed line, answers given with {percent(0.8)} are right {percent(0.8)} of the time."
    mean = f"On average the network is {percent(sure)} sure and {percent(right)} right: {lean}."
    return f"{line} {mean} Mean distance from the line: {percent(found.error)}."


def confidence(found: Calibrated) -> str:
    """Return how many mistakes were made with much confidence."""
    said, wrong, sure = "How many answers were given with which confidence.", sum(found.wrong), found.wrong[-1:]
    if not wrong:
        return f"{said} None of them was wrong."
    given = f"{sure[0]:,}" if sure and sure[0] else "none"
    return f"{said} Of {counted(wrong, 'mistake')}, {given} came with over {percent(0.9)}."


def scatter(found: Values) -> str:
    """Return how to read predicted against true."""
    said = "Each dot is a row; on the dashed line the prediction is exactly right, above it too large, below too small."
    some = f" {len(found.truth):,} of {found.rows:,} rows are drawn." if len(found.truth) < found.rows else ""
    return said + some


def residuals() -> str:
    """Return how to read the residuals."""
    return "The errors over the prediction: a good model leaves a cloud around zero without slope, bend or funnel."


def errors(found: Values) -> str:
    """Return where the errors lie."""
    said = "How often an error of each size occurs; left of zero the prediction was too small."
    return f"{said} Mean absolute error: {short(found.mae)}."


def weights(found: Pictures) -> str:
    """Return how to read the weights."""
    what = "Each picture is what excites (blue) and inhibits (orange) one unit of the first layer"
    if found.templates:
        what = "Each picture is what speaks for (blue) and against (orange) a class"
    shown = len(found.weights)
    some = "" if shown == found.units else f" The {shown} with the largest weights of {found.units:,} are shown."
    return f"{what}: the weight of each pixel times how much the pixel varies.{some}"


def worst(document: Document) -> str:
    """Return what the examples are."""
    if document.values:
        far = "The rows whose prediction is farthest from the truth."
        return f"{far} They may be hard, or recorded wrongly: look at them first."
    wrong = sum(not example.right for example in document.worst)
    least = "The rows whose true class got the least probability."
    said = f"{least} They may be hard, or labelled wrongly: look at them first."
    right = len(document.worst) - wrong
    if not wrong:
        return f"{said} None of these is a mistake; they came nearest to one."
    if right:
        mistakes = "is a mistake" if wrong == 1 else "are mistakes"
        others = "the last is right" if right == 1 else f"the other {right} are right"
        return f"{said} Only {wrong} of these {mistakes}; {others}."
    return said


def columns(document: Document) -> str:
    """Return how many columns there are of each kind."""
    total = sum(count for _, count in document.kinds)
    kinds = ", ".join(f"{count:,} {cut(kind, 30)}" for kind, count in document.kinds)
    said = f"{counted(total, 'column')}: {kinds}. Together they are {counted(document.inputs, 'input')} of the network."
    more = total - len(document.columns)
    if more > 0:
        listed = f"{len(document.columns):,} are listed, the first and those that are not plain numbers"
        said += f" {listed}; {more:,} more are not."
    return said
