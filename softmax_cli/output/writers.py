"""The writer of each format."""

from __future__ import annotations

from importlib import import_module
from typing import Final

from softmax_cli.output.layout import Layout, R, Shape, Writer
from softmax_cli.output.settings import OutputSettings

_WRITERS: Final = {
    "csv": ("csv", "CsvWriter"),
    "tsv": ("csv", "TsvWriter"),
    "json": ("json", "JsonWriter"),
    "jsonl": ("json", "JsonLinesWriter"),
    "npy": ("npy", "NpyWriter"),
    "table": ("tables", "TableWriter"),
    "markdown": ("markdown", "MarkdownWriter"),
}


def open_writer(settings: OutputSettings, layout: Layout[R], shape: Shape) -> Writer[R]:
    """Return a writer of the format asked for; only what it needs is imported."""
    module, name = _WRITERS[settings.resolved_format()]
    writer: type[Writer[R]] = getattr(import_module(f"softmax_cli.output.{module}"), name)
    return writer(layout, shape, settings.digits())
