"""The writer of each format."""

from __future__ import annotations

from softmax_cli.output.results import Layout, Shape, Writer
from softmax_cli.output.settings import OutputSettings


def open_writer(settings: OutputSettings, layout: Layout, shape: Shape) -> Writer:
    """A writer for the format asked for; rich is loaded for a table alone."""
    match settings.resolved_format():
        case "json":
            from softmax_cli.output.json import JsonWriter

            return JsonWriter(layout, settings.digits())
        case "jsonl":
            from softmax_cli.output.json import JsonLinesWriter

            return JsonLinesWriter(layout, settings.digits())
        case "npy":
            from softmax_cli.output.npy import NpyWriter

            return NpyWriter(layout, shape)
        case "table":
            from softmax_cli.output.tables import TableWriter

            return TableWriter(layout, shape, settings.digits())
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
    if settings.resolved_format() != "table":
        return open_writer(settings, one, shape)
    from softmax_cli.output.comparison import ComparisonTable

    return ComparisonTable(one, many, shape, settings.digits(), swept=swept)
