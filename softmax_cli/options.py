"""Options that commands share, each declared once, and the command class that reads them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import click

from softmax_cli.input.columns import split_names
from softmax_cli.input.numbers import is_negative_value, is_number
from softmax_cli.input.settings import INPUT_FORMATS, InputSettings
from softmax_cli.output.settings import FORMATS, OutputSettings
from softmax_cli.units import UNITS

Function = Callable[..., None]
Decorator = Callable[[Function], Function]

_DELIMITER_NAMES: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "space": " ", "blank": " "}


class Finite(click.FloatRange):
    """A number within a range, neither infinite nor nan."""

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
        """Write the options heading by heading, the command's own first."""
        headings: dict[str, list[tuple[str, str]]] = {}
        others = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if isinstance(param, Option) and record is not None:
                headings.setdefault(param.heading, []).append(record)
            elif isinstance(param, click.Option) and record is not None:
                others.append(record)
        for heading, records in [*headings.items(), ("Other", others)]:
            with formatter.section(heading):
                formatter.write_dl(records)


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
            type=click.Path(),
            default="-",
            show_default=False,
            help="Read rows from this file, not from standard input.",
        ),
        option(
            "Input",
            "--input-format",
            type=click.Choice(INPUT_FORMATS),
            default="auto",
            help="What it holds; auto goes by its first bytes.",
        ),
        option(
            "Input",
            "-c",
            "--columns",
            metavar="LIST",
            callback=_columns,
            help="Columns that make the vector: names, numbers from 1, ranges (2-5, 3-).",
        ),
        option(
            "Input",
            "-d",
            "--delimiter",
            metavar="CHAR",
            callback=_delimiter,
            help="What separates cells; a character, 'tab' or 'space'.  [default: found]",
        ),
        option(
            "Input",
            "--header/--no-header",
            default=None,
            help="Whether the first row holds names.  [default: found]",
        ),
        option(
            "Input", "--names", metavar="A,B,...", callback=_names, help="Names for the classes."
        ),
        option(
            "Input",
            "--axis",
            type=click.Choice(["row", "column"]),
            help="What one vector is.  [default: row; column if there is but one]",
        ),
        option(
            "Input",
            "-j",
            "--jobs",
            type=click.IntRange(1, 1024),
            metavar="N",
            help="Processes for a large file.  [default: the cores there are]",
        ),
    ],
)

output_options: Final = gathered(
    "output",
    OutputSettings,
    [
        option(
            "Output",
            "-f",
            "--format",
            type=click.Choice(FORMATS),
            default="auto",
            help="auto: a table on a terminal, else CSV.",
        ),
        option(
            "Output",
            "-p",
            "--precision",
            type=click.IntRange(1, 100),
            metavar="N",
            help="Significant digits.  [default: 6 in tables, else all that matter]",
        ),
        option(
            "Output",
            "--decimals",
            type=click.IntRange(0, 100),
            metavar="N",
            help="Digits behind the point, instead.",
        ),
    ],
)

_FROM_HELP: Final = "What the numbers are: scores, probabilities or their logarithms."


def from_option(heading: str, default: str) -> Decorator:
    """--from: how a prediction or a distribution is given."""
    return option(
        heading,
        "--from",
        "kind",
        type=click.Choice(["logits", "probs", "logprobs"]),
        default=default,
        help=_FROM_HELP,
    )


def reduction_option(heading: str) -> Decorator:
    """--reduction: a number for each row or one for all."""
    return option(
        heading,
        "--reduction",
        type=click.Choice(["none", "mean", "sum"]),
        default="none",
        help="none: a number for each row; else one for all.",
    )


def base_option(heading: str) -> Decorator:
    """--base: the unit of every logarithm."""
    return option(
        heading,
        "--base",
        type=click.Choice(list(UNITS)),
        default="e",
        help="Base of the logarithms: nats, bits or dits.",
    )


def normalize_option(heading: str) -> Decorator:
    """--normalize: whether any positive sum will do."""
    return option(
        heading,
        "--normalize",
        is_flag=True,
        help="Divide by any sum; else one beyond 0.99 to 1.01 is an error.",
    )


def breakdown_option(heading: str, columns: Sequence[str]) -> Decorator:
    """--breakdown: every number in place of one."""
    return option(
        heading, "--breakdown", is_flag=True, help="Columns " + ", ".join(columns) + " in CSV."
    )


def seed_option(heading: str) -> Decorator:
    """--seed: what makes random draws repeatable."""
    return option(
        heading,
        "--seed",
        type=click.IntRange(min=0),
        metavar="S",
        help="Makes the draws repeatable.",
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
