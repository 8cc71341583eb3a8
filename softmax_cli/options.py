"""Options that commands share, each declared once, and the command class that reads them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from softmax_cli import completers
from softmax_cli.input.columns import split_names
from softmax_cli.input.numbers import is_negative_value, is_number
from softmax_cli.input.settings import INPUT_FORMATS, INVALID, InputSettings
from softmax_cli.output.settings import FORMATS, OutputSettings
from softmax_cli.units import UNITS

Function = Callable[..., None]
Decorator = Callable[[Function], Function]

# The heading of what all commands have from click
_OTHER: Final = "Other"
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
        """Read it as click does, and refuse what is no finite number."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


class Option(click.Option):
    """An option that stands under a heading of its command's help."""

    def __init__(self, *args: Any, heading: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heading = heading

    def get_help_extra(self, ctx: click.Context) -> click.types.OptionHelpExtra:
        """The default alone; what a number's range is, an error tells."""
        extra = super().get_help_extra(ctx)
        extra.pop("range", None)
        if isinstance(self.show_default, str):
            extra["default"] = self.show_default  # without click's parentheses
        return extra


class VectorCommand(click.Command):
    """A command whose arguments may be negative numbers, with options under headings."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Set negative numbers behind a '--', and leave everything else to click."""
        return super().parse_args(ctx, self._separated(ctx, args))

    def _separated(self, ctx: click.Context, args: Sequence[str]) -> list[str]:
        takes_value = {
            name
            for param in self.get_params(ctx)
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        }
        options: list[str] = []
        values: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                values.extend(rest)
            elif is_negative_value(arg) or not arg.startswith("-") or arg == "-":
                values.append(arg)
            else:
                options.append(arg)
                if _wants_next(arg, takes_value):
                    options.extend(value for value in [next(rest, None)] if value is not None)
        return [*options, "--", *values] if values else options

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options heading by heading, the command's own first, one a line if it fits."""
        headings: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx) if isinstance(param, click.Option) else None
            if record is not None:
                heading = param.heading if isinstance(param, Option) else _OTHER
                headings.setdefault(heading, []).append(_compact(param, *record))
        headings[_OTHER] = headings.pop(_OTHER)  # the last
        # One column for all headings
        width = max(len(left) for records in headings.values() for left, _ in records)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl([(left.ljust(width), right) for left, right in records])


def _compact(param: click.Parameter, left: str, right: str) -> tuple[str, str]:
    """An option's line of help, the choices behind the words about them."""
    if isinstance(param.type, click.Choice):
        left = left.partition(" [")[0]
        words, gap, extra = right.partition("  [")
        right = f"{words} {'|'.join(map(str, param.type.choices))}{gap}{extra}"
    return left, right


def _wants_next(arg: str, takes_value: set[str]) -> bool:
    """Whether an option's value is the next argument, by click's rules."""
    if arg.startswith("--"):
        return arg in takes_value
    for at, letter in enumerate(arg[1:], 1):
        if f"-{letter}" in takes_value:
            return at == len(arg) - 1  # else the value follows within: -T2
    return False


def option(heading: str, *names: str, **attributes: Any) -> Decorator:
    """A click option under a heading of the help, its default shown."""
    attributes.setdefault("show_default", True)
    return click.option(*names, cls=Option, heading=heading, **attributes)


def gathered(name: str, settings: type[Any], decorators: Sequence[Decorator]) -> Decorator:
    """Options that reach the command as one parameter, a tuple of settings that checks itself."""

    def decorate(function: Function) -> Function:
        @functools.wraps(function)
        def command(**values: Any) -> None:
            made = settings(**{key: values.pop(key) for key in settings._fields})
            made.check()
            function(**{name: made}, **values)

        for decorator in reversed(decorators):
            decorator(command)
        return command

    return decorate


def _delimiter(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    delimiter = _DELIMITER_NAMES.get(value, value) if value else value
    if delimiter is not None and (len(delimiter) != 1 or delimiter in '\r\n"'):
        raise click.BadParameter("a delimiter is one character, or 'tab' or 'space'")
    return delimiter


def _names(
    _ctx: click.Context, _param: click.Parameter, value: str | None
) -> tuple[str, ...] | None:
    return None if value is None else tuple(split_names(value))


def _columns(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    if value is not None and not all(split_names(value) or [""]):
        raise click.BadParameter("an empty name among the columns")
    return value


input_options: Final = gathered(
    "source",
    InputSettings,
    [
        click.argument("vectors", nargs=-1, metavar="[VECTOR]..."),
        option(
            "Input",
            "-i",
            "--input",
            "path",
            type=click.Path(readable=False),
            default="-",
            show_default=False,
            metavar="FILE",
            help="Rows from this file, not from standard input",
        ),
        option(
            "Input",
            "--input-format",
            type=click.Choice(INPUT_FORMATS),
            default="auto",
            help="Format:",
        ),
        option(
            "Input",
            "-c",
            "--columns",
            metavar="LIST",
            callback=_columns,
            shell_complete=completers.columns,
            help="The vector: names, numbers from 1, ranges 2-5, 3-",
        ),
        option(
            "Input",
            "-k",
            "--keep",
            metavar="LIST",
            callback=_columns,
            shell_complete=completers.columns,
            help="Columns to copy to the front of each row",
        ),
        option(
            "Input",
            "-d",
            "--delimiter",
            metavar="CHAR",
            callback=_delimiter,
            shell_complete=completers.one_of(*_DELIMITER_NAMES),
            help="A character, 'tab' or 'space'  [default: found]",
        ),
        option(
            "Input",
            "--header/--no-header",
            default=None,
            help="Whether names come first  [default: found]",
        ),
        option(
            "Input", "--names", metavar="A,B,...", callback=_names, help="Names for the classes"
        ),
        option(
            "Input",
            "--axis",
            type=click.Choice(["row", "column"]),
            show_default="found",
            help="A vector is a",
        ),
        option(
            "Input",
            "--invalid",
            type=click.Choice(INVALID),
            default="error",
            help="A row that can't be used:",
        ),
        option(
            "Input",
            "-j",
            "--jobs",
            type=Whole(1, 1024),
            metavar="N",
            help="Processes for a large input  [default: all cores]",
        ),
        option(
            "Input",
            "-v",
            "--verbose",
            is_flag=True,
            help="Say what was found out about the input",
        ),
    ],
)

_output_options: Final = gathered(
    "output",
    OutputSettings,
    [
        option(
            "Output",
            "-o",
            "--output",
            "file",
            type=click.Path(readable=False),
            default="-",
            show_default=False,
            metavar="FILE",
            help="Replace this file, once all is written",
        ),
        option(
            "Output",
            "-f",
            "--format",
            type=click.Choice(FORMATS),
            default="auto",
            show_default="auto: a table on a terminal, else CSV",
            help="Format:",
        ),
        option(
            "Output",
            "-p",
            "--precision",
            type=Whole(1, 100),
            metavar="N",
            help="Significant digits  [default: 6 in tables, else all]",
        ),
        option(
            "Output",
            "--decimals",
            type=Whole(0, 100),
            metavar="N",
            help="Digits behind the point, instead",
        ),
    ],
)


def output_options(function: Function) -> Function:
    """How and where results are written; a command prints, and --output takes what it prints."""

    @functools.wraps(function)
    def command(output: OutputSettings, **values: Any) -> None:
        if output.file == "-":
            function(output=output, **values)
            return
        from softmax_cli.output.file import replaced

        answer = None
        with replaced(output.file):
            try:
                function(output=output, **values)
            except click.exceptions.Exit as stop:  # not an error: all has been written
                answer = stop
        if answer is not None:
            raise answer

    return _output_options(command)


def from_option(heading: str, default: str) -> Decorator:
    """--from: how a prediction or a distribution is given."""
    return option(
        heading,
        "--from",
        "kind",
        type=click.Choice(["logits", "probs", "logprobs"]),
        default=default,
        help="Given as",
    )


def reduction_option(heading: str) -> Decorator:
    """--reduction: a number for each row or one for all."""
    return option(
        heading,
        "--reduction",
        type=click.Choice(["none", "mean", "sum"]),
        default="none",
        help="Over all rows:",
    )


def base_option(heading: str) -> Decorator:
    """--base: the unit of every logarithm."""
    return option(
        heading,
        "--base",
        type=click.Choice(list(UNITS)),
        default="e",
        help="Logarithms to the base",
    )


def normalize_option(heading: str) -> Decorator:
    """--normalize: whether any positive sum will do."""
    return option(
        heading,
        "--normalize",
        is_flag=True,
        help="Divide by any sum, not only by one of about 1",
    )


def breakdown_option(heading: str, columns: Sequence[str]) -> Decorator:
    """--breakdown: every number in place of one."""
    return option(
        heading, "--breakdown", is_flag=True, help=f"CSV of {', '.join(columns[:4])} and more"
    )


def seed_option(heading: str) -> Decorator:
    """--seed: what makes random draws repeatable."""
    return option(
        heading,
        "--seed",
        type=Whole(0),
        metavar="S",
        help="Makes the draws repeatable",
    )


def parse_temperature(text: str) -> float:
    """A temperature: finite, not negative.

    Raises
    ------
    click.BadParameter
        It is neither.
    """
    if not is_number(text) or not 0 <= float(text) < float("inf"):
        raise click.BadParameter(f"{text!r} is not a temperature: a number from 0 up")
    return abs(float(text))
