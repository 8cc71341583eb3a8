"""Options, each declared once, and the command class that reads them."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from softmax_cli.input.columns import split_names
from softmax_cli.input.formats import INPUT_FORMATS
from softmax_cli.input.numbers import is_negative_value
from softmax_cli.input.settings import INVALID, InputSettings
from softmax_cli.option_rules import GIVEN, UNITS
from softmax_cli.output.formats import FORMATS, OutputSettings

# A command's function, which may return the exit status
Function = Callable[..., int | None]
Decorator = Callable[[Function], Function]
# Returns the decorator for an option under a given heading
Declaration = Callable[..., Decorator]

# Prefixed to negative numbers so that click's parser sees no dash; no argument contains it
_DASH_GUARD: Final = "\0"
# The heading of the options that click adds
_CLICK_HEADING: Final = "Other"
_OPTION_WIDTH: Final = 30  # width of the column of options, as in click
_DELIMITER_NAMES: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "space": " ", "blank": " "}


class Whole(click.IntRange):
    """A whole number within a range."""

    name = "whole number"


class Finite(click.FloatRange):
    """A number within a range, neither infinite nor nan."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Convert as click does, but -0 to 0, and refuse inf, nan and underscores."""
        number = float(super().convert(value, param, ctx)) + 0.0
        if not math.isfinite(number) or "_" in str(value):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Option(click.Option):
    """An option that stands under a heading of its command's help."""

    def __init__(self, *args: Any, heading: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading = heading

    def type_cast_value(self, ctx: click.Context, value: Any) -> Any:
        """Convert a value, without the prefix that hid its dash."""
        value = _without_guard(value) if isinstance(value, str) else value
        return super().type_cast_value(ctx, value)

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """Return the default without the range, which an error states."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        return extra


def _without_guard(value: str) -> str:
    return value.removeprefix(_DASH_GUARD)


class VectorCommand(click.Command):
    """A command whose arguments may be negative numbers, with options under headings."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, but take negative numbers as values."""
        hidden = [_DASH_GUARD + arg if is_negative_value(arg) else arg for arg in args]
        return super().parse_args(ctx, hidden)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options by heading, the command's own first, one per line where they fit."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                left, right = record
                title = getattr(param, "heading", _CLICK_HEADING)
                headings.setdefault(title, []).append((left.rstrip(), right))
        headings[_CLICK_HEADING] = headings.pop(_CLICK_HEADING)  # move to the end
        for title, records in headings.items():
            with formatter.section(title):  # aligned across headings
                formatter.write_dl([(left.ljust(_OPTION_WIDTH), right) for left, right in records])


def option(names: str, text: str, type_: Any = None, **attributes: Any) -> Declaration:
    """Return an option that still needs a heading, from its names and its help text.

    In `--input path FILE`, 'path' is the parameter's name and FILE the metavar; without a metavar
    or a type the option is a flag. A sequence as the type lists the choices.
    """
    words = names.split()
    if not words[-1].startswith("-") and not words[-1].islower():
        attributes["metavar"] = words.pop()
    elif type_ is None:
        attributes["is_flag"] = True
    if isinstance(type_, Sequence):
        type_ = click.Choice(type_)
    attributes.setdefault("show_default", True)
    return functools.partial(click.option, *words, cls=Option, help=text, type=type_, **attributes)


def heading(title: str, *options: Declaration) -> Decorator:
    """Return a decorator that adds options under a heading of the help."""

    def decorate(function: Function) -> Function:
        for declare in reversed(options):
            declare(heading=title)(function)
        return function

    return decorate


def group(name: str, settings: type[Any], *decorators: Decorator) -> Decorator:
    """Return a decorator that passes options as one parameter, a tuple of settings, checked.

    An option that is not given has the tuple's default.
    """

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def command(**values: Any) -> int | None:
            own = {key: values.pop(key) for key in settings._fields if key in values}
            made = settings(**{key: value for key, value in own.items() if value is not None})
            made.check()
            return function(**{name: made}, **values)

        for decorator in reversed(decorators):
            decorator(command)
        return command

    return decorate


def _delimiter(text: str) -> str:
    delimiter = _DELIMITER_NAMES.get(text, text)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise click.BadParameter("a delimiter is one character, or 'tab' or 'space'")
    return delimiter


def _joined(_ctx: click.Context, _param: click.Parameter, lists: tuple[str, ...]) -> str | None:
    """Return the lists of an option that may be repeated as one; None for none."""
    if not all(name for text in lists for name in split_names(text) or [""]):
        raise click.BadParameter("an empty name among the columns")
    return ",".join(lists) or None


_REPEATABLE: Final = {"multiple": True, "callback": _joined}
FILE: Final = click.Path(readable=False)

input_options: Final = group(
    "source",
    InputSettings,
    click.argument("vectors", nargs=-1, metavar="[VECTOR]...", type=_without_guard),
    heading(
        "Input",
        option("-i --input path FILE", "Read FILE instead of standard input", FILE),
        option("--input-format", "Format of the input", INPUT_FORMATS, default="auto"),
        option("-c --columns LIST", "Columns of the vector: a, 2-5, a:c, !b", str, **_REPEATABLE),
        option("-k --keep LIST", "Columns to copy to the output", str, **_REPEATABLE),
        option("-d --delimiter CHAR", "A character, tab or space  [default: detected]", _delimiter),
        option("--decimal", "Decimal point or comma  [default: .]", [".", ","]),
        option("--header/--no-header", "First row holds names  [default: detected]", default=None),
        option("--names A,B,...", "Names of the classes", lambda text: tuple(split_names(text))),
        option("--axis", "Is a vector a row or column?  [default: detected]", ["row", "column"]),
        option("--invalid", "Rows that can't be used", INVALID, default="error"),
        option("-j --jobs N", "Processes  [default: one a core, at most 8]", Whole(1, 1024)),
        option("-v --verbose", "Say what was detected about the input"),
    ),
)

_output_options: Final = group(
    "output",
    OutputSettings,
    heading(
        "Output",
        option("-o --output file FILE", "Write FILE at the end; its suffix sets -f", FILE),
        option("-f --format", "Format  [default: table, or csv in a pipe]", FORMATS),
        option("-p --precision N", "Significant digits  [default: all; tables 6]", Whole(1, 100)),
        option("--decimals N", "Decimal places", Whole(0, 100)),
        option("--prefix TEXT", "Before the names of the output's own columns"),
    ),
)


def output_options(function: Function) -> Function:
    """Add the output options, and redirect standard output to the file of --output."""

    @functools.wraps(function)
    def command(output: OutputSettings, **values: Any) -> int | None:
        if output.file == "-":
            return function(output=output, **values)
        from softmax_cli.output.file import replaced

        with replaced(output.file):
            return function(output=output, **values)

    return _output_options(command)


# Options that several commands have, each under a heading of its own
REDUCTION: Final = option(
    "--reduction", "Reduce over the rows", ["none", "mean", "sum"], default="none"
)
BASE: Final = option("--base", "Base of the logarithms", list(UNITS), default="e")
NORMALIZE: Final = option("--normalize", "Divide probabilities or counts by their sum")
SEED: Final = option("--seed S", "Seed: the same seed gives the same draws", Whole(0))
HIERARCHICAL: Final = option(
    "--hierarchical COUNTS", "Node scores of a Huffman tree, root last", FILE
)


def from_option(default: str) -> Declaration:
    """Return the option --from, with a default."""
    return option("--from kind", "What the numbers are", list(GIVEN), default=default)


def temperature_option(text: str) -> Declaration:
    """Return the option --temperature, with its help text."""
    return option("-T --temperature T", text, Finite(0), default="1")


def check_stdin_is_read_once(what: str, source: InputSettings, **files: str | None) -> None:
    """Raise `UsageError` if two of the rows and the files of options are standard input."""
    paths = {f"--{name}": path for name, path in files.items()}
    paths = {what: None if source.vectors else source.path, **paths}
    both = [name for name, path in paths.items() if path == "-"]
    if len(both) > 1:
        raise click.UsageError(f"standard input can't be both {both[0]} and {both[1]}")
