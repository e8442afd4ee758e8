"""The commands as typer sees them: their names, arguments, flags and help; what they do lies in their own files."""

import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from jaxnn.cli.settings import DESCRIBED, Described, Entries
from jaxnn.version import __version__

app = typer.Typer(
    name="jaxnn",
    help="Train, save and use neural networks; a whole training run is one compiled program.",
    epilog=(
        "Example: jaxnn train digits --out runs/digits\n\n"
        "Exit codes: 0 done; 2 wrong use or bad data; 3 the training diverged; 130 after Ctrl-C; "
        "70 an error of jaxnn's own."
    ),
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

SWITCH = " "
"""A flag without a value: typer would write <bool> after it."""

Run = Annotated[str, typer.Argument(metavar="RUN", help="A run folder or a model file.", show_default=False)]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="A built-in name, a .csv, .tsv, .txt (or with .gz), .parquet, .npz or IDX file, or a folder of images.",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", metavar=SWITCH, help="Print one JSON object.")]


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"jaxnn {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def jaxnn(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option("--version", metavar=SWITCH, help="Print the version.", callback=_print_version, is_eager=True),
    ] = False,
    traceback: Annotated[
        bool,
        typer.Option("--traceback", metavar=SWITCH, help="Show where an error came from; goes after any command too."),
    ] = False,
) -> None:
    """Show the help where no command was given; `main` looks after --traceback."""
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _train(
    *, config: str | None, out: str | None, overwrite: bool, as_json: bool, quiet: bool, fold: bool, **flags: Any
) -> int:
    """Train a network on a table, images or a text and save it in a run folder."""
    from jaxnn.cli.train import train

    return train(flags, config, out, overwrite=overwrite, as_json=as_json, quiet=quiet, folded=fold)


def _signature() -> inspect.Signature:
    """The flags of `jaxnn train`: one for each of `Settings`, and those that change no result."""
    return inspect.Signature([*map(_of_setting, DESCRIBED.values()), *_own_flags()], return_annotation=int)


def _of_setting(described: Described) -> inspect.Parameter:
    said = described.help + (f" [dim](default {described.default_text})[/dim]" if described.default_text else "")
    metavar, panel = described.kind.metavar, described.panel
    if described.name == "data":
        kind: Any = typer.Argument(metavar=metavar, help=said, show_default=False)
    else:
        kind = typer.Option(described.flag, metavar=metavar, help=said, show_default=False, rich_help_panel=panel)
    several = isinstance(described.kind, Entries)
    return _parameter(described.name, (list[str] if several else str) | None, kind, None)


def _own_flags(ending: str = "") -> list[inspect.Parameter]:
    config = "Read settings from a TOML file, such as the run.toml of a run; flags win."
    out = f"The run folder to write. [dim](default runs/ and the name of the data{ending and f' and {ending}'})[/dim]"
    text = [("config", "FILE", config, "Data"), ("out", "FOLDER", out, "Output")]
    folding = "Faster where no layer is above 16 and no more than 32 inputs; other last bits."
    switches = [
        ("fold", "--fold", folding, "Training"),
        ("overwrite", "--overwrite", "Replace the run folder if it is there.", "Output"),
        ("as_json", "--json", "Print one JSON object.", "Output"),
        ("quiet", "--quiet", "Print nothing but errors, and the object of --json.", "Output"),
    ]
    return [
        *(
            _parameter(
                name, str | None, typer.Option(f"--{name}", metavar=what, help=said, rich_help_panel=panel), None
            )
            for name, what, said, panel in text
        ),
        *(
            _parameter(name, bool, typer.Option(flag, metavar=SWITCH, help=said, rich_help_panel=panel), False)
            for name, flag, said, panel in switches
        ),
    ]


def _parameter(name: str, type_: Any, kind: Any, default: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[type_, kind])


def _with_signature(function: Callable[..., int], signature: inspect.Signature) -> Callable[..., int]:
    """Typer reads the flags from the signature and their types from the annotations."""
    function.__signature__ = signature  # pyright: ignore[reportFunctionMemberAccess]  # what inspect looks for
    function.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()}
    return function


app.command("train", epilog="Example: jaxnn train iris.csv --target species --out runs/iris")(
    _with_signature(_train, _signature())
)


OF_SEARCH = {
    "grid": ("NAME=V,V", "Values to try, in every combination; once for each setting. hidden=32,64x32: x adds layers."),
    "space": ("NAME=A..B", "A range to draw from, as in learning_rate=1e-4..1e-1:log; with --random."),
    "random": ("N", "So many settings at random, of ranges and grids."),
    "folds": ("N", "Parts of the training rows, each held out once. [dim](default 5)[/dim]"),
    "repeats": ("N", "How often all folds are done, with other parts. [dim](default 1)[/dim]"),
    "schedule": ("NAME", "full, halving or hyperband: drop the worse settings early. [dim](default full)[/dim]"),
    "metric": ("NAME", "What decides: accuracy, r_squared or loss. [dim](default accuracy or r_squared)[/dim]"),
}  # fmt: skip
"""The flags of `jaxnn search`: what stands for their values, and their help."""


def _search(*, config: str | None, out: str | None, overwrite: bool, as_json: bool, quiet: bool, **flags: Any) -> int:
    """Try many settings on folds of the training rows, then train the best one as jaxnn train does."""
    from jaxnn.cli.search import search

    typed = {name: flags.pop(name) for name in OF_SEARCH}
    return search(flags, typed, config, out, overwrite=overwrite, as_json=as_json, quiet=quiet)


def _search_signature() -> inspect.Signature:
    """The flags of `jaxnn search`: its own, the settings of a table or images, and those that change no result."""
    data, *rest = [_of_setting(one) for one in DESCRIBED.values() if one.panel != "Text"]
    own = [
        _parameter(
            name, (list[str] if name in ("grid", "space") else str) | None,
            typer.Option(f"--{name}", metavar=metavar, help=said, rich_help_panel="Search"), None,
        )
        for name, (metavar, said) in OF_SEARCH.items()
    ]  # fmt: skip
    others = [one for one in _own_flags("-search") if one.name != "fold"]
    return inspect.Signature([data, *own, *rest, *others], return_annotation=int)


app.command("search", epilog="Example: jaxnn search digits --grid learning_rate=1e-3,1e-2 --grid hidden=32,64,64x32")(
    _with_signature(_search, _search_signature())
)


@app.command(epilog="Example: jaxnn predict runs/iris new.csv --out predictions.csv")
def predict(
    run: Run,
    data: Data,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="The CSV file to write; without it, stdout.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Predict the rows of a table: the class and the probability of each, or the value."""
    from jaxnn.cli.predict import predict

    return predict(run, data, out, as_json=as_json)


@app.command(epilog="Example: jaxnn evaluate runs/iris labelled.csv")
def evaluate(
    run: Run,
    data: Data,
    target: Annotated[
        str | None, typer.Option("--target", metavar="COLUMN", help="The column with the truth, if renamed.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Score a network on rows whose target is known."""
    from jaxnn.cli.evaluate import evaluate

    return evaluate(run, data, target, as_json=as_json)


@app.command(epilog='Example: jaxnn generate runs/pydoc "The with statement" --length 400')
def generate(
    run: Run,
    prompt: Annotated[str, typer.Argument(metavar="PROMPT", help="The first words.", show_default=False)],
    length: Annotated[
        str | None, typer.Option("--length", metavar="N", help="Characters to write. [dim](default 400)[/dim]")
    ] = None,
    temperature: Annotated[
        str | None,
        typer.Option(
            "--temperature",
            metavar="NUMBER",
            help="0: always the most probable; higher: bolder. [dim](default 0.8)[/dim]",
        ),
    ] = None,
    top_k: Annotated[
        str | None, typer.Option("--top-k", metavar="N", help="Draw from the N most probable ones only.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option("--seed", metavar="N", help="Of the drawing. [dim](default 0)[/dim]")
    ] = None,
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="The file to write; without it, stdout.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Let a network that learnt a text go on writing from some words."""
    from jaxnn.cli.generate import generate

    return generate(run, prompt, out, length=length, temperature=temperature, top_k=top_k, seed=seed, as_json=as_json)


@app.command(epilog="Example: jaxnn show runs/iris")
def show(run: Run, as_json: Json = False) -> int:
    """Show the layers of a network, its data, and how it was trained."""
    from jaxnn.cli.show import show

    return show(run, as_json=as_json)


@app.command(epilog="Example: jaxnn report runs/iris --open")
def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)],
    out: Annotated[
        str | None, typer.Option("--out", metavar="FILE", help="The file to write; without it, report.html in RUN.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", metavar=SWITCH, help="Show it in a browser.")] = False,
) -> int:
    """Make the report of a run again, and show it."""
    from jaxnn.cli.rebuild import rebuild

    return rebuild(run, out, show=open_)


@app.command(epilog="Example: jaxnn backprop --learning-rate 0.1 --html board.html")
def backprop(
    input: Annotated[
        str | None, typer.Option("--input", metavar="X,X", help="The inputs. [dim](default 0.05,0.10)[/dim]")
    ] = None,
    target: Annotated[
        str | None, typer.Option("--target", metavar="T,T", help="The targets. [dim](default 0.01,0.99)[/dim]")
    ] = None,
    weights: Annotated[
        str | None,
        typer.Option(
            "--weights",
            metavar="W,W,...",
            help="Those into the first hidden unit, into the second ..., then into the outputs; their number says how "
            "many hidden units there are. [dim](default 0.15,0.20,0.25,0.30,0.40,0.45,0.50,0.55)[/dim]",
        ),
    ] = None,
    biases: Annotated[
        str | None,
        typer.Option(
            "--biases", metavar="B,B", help="Of the hidden and of the output units. [dim](default 0.35,0.60)[/dim]"
        ),
    ] = None,
    train_biases: Annotated[
        bool, typer.Option("--train-biases", metavar=SWITCH, help="Move the biases too, each unit's its own.")
    ] = False,
    activation: Annotated[
        str | None,
        typer.Option("--activation", metavar="NAME", help="Of the hidden units. [dim](default sigmoid)[/dim]"),
    ] = None,
    learning_rate: Annotated[
        str | None, typer.Option("--learning-rate", metavar="NUMBER", help="eta. [dim](default 0.5)[/dim]")
    ] = None,
    steps: Annotated[
        str | None, typer.Option("--steps", metavar="N", help="Steps of gradient descent. [dim](default 10000)[/dim]")
    ] = None,
    html: Annotated[
        str | None, typer.Option("--html", metavar="FILE", help="Write the numbers on a picture of the network, too.")
    ] = None,
    as_json: Json = False,
) -> int:
    """Write out backpropagation through a small network step by step, as on a board."""
    from jaxnn.cli.backprop import backprop

    typed = {
        "input": input, "target": target, "weights": weights, "biases": biases, "activation": activation,
        "learning_rate": learning_rate, "steps": steps,
    }  # fmt: skip
    return backprop(typed, html, train_biases=train_biases, as_json=as_json)


@app.command(epilog="Example: jaxnn datasets")
def datasets(as_json: Json = False) -> int:
    """List the built-in data sets."""
    from jaxnn.cli.datasets import datasets

    return datasets(as_json=as_json)


@app.command(epilog="Example: jaxnn doctor")
def doctor(as_json: Json = False) -> int:
    """Show versions, devices and the cache, and what is missing."""
    from jaxnn.cli.doctor import doctor

    return doctor(as_json=as_json)
