"""The writer of each format."""

from __future__ import annotations

from softmax_cli.errors import UsageError
from softmax_cli.output.results import Layout, Shape, Writer
from softmax_cli.output.settings import TABLES, OutputSettings


def open_writer(settings: OutputSettings, layout: Layout, shape: Shape) -> Writer:
    """A writer for the format asked for; rich is loaded for a table alone.

    Raises
    ------
    UsageError
        npy, which holds numbers, and cells to be copied.
    """
    match settings.resolved_format():
        case "json":
            from softmax_cli.output.json import JsonWriter

            return JsonWriter(layout, shape, settings.digits())
        case "jsonl":
            from softmax_cli.output.json import JsonLinesWriter

            return JsonLinesWriter(layout, shape, settings.digits())
        case "npy":
            if shape.kept:
                raise UsageError("-f npy holds numbers, and --keep copies text")
            from softmax_cli.output.npy import NpyWriter

            return NpyWriter(layout, shape)
        case "table":
            from softmax_cli.output.tables import TableWriter

            return TableWriter(layout, shape, settings.digits())
        case "markdown":
            from softmax_cli.output.markdown import MarkdownWriter

            return MarkdownWriter(layout, shape, settings.digits())
        case text:
            from softmax_cli.output.delimited import DelimitedWriter

            delimiter = "\t" if text == "tsv" else ","
            return DelimitedWriter(layout, shape, delimiter, settings.digits())


def open_comparison_writer(
    settings: OutputSettings, one: Layout, many: Layout, shape: Shape, *, swept: bool
) -> Writer:
    """A writer of records by method, whose table is another one for many vectors.

    And for a lone vector that goes through many temperatures (`swept`).
    """
    writer = open_writer(settings, one, shape)
    if settings.resolved_format() not in TABLES:
        return writer
    from softmax_cli.output.comparison import ComparisonTable

    if swept and settings.resolved_format() == "table":
        from softmax_cli.output.sweep import SweepTable

        writer = SweepTable(shape, settings.digits())
    return ComparisonTable(writer, open_writer(settings, many, shape._replace(kept=())))
