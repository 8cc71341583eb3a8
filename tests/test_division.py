"""What is divided among processes are the rows that one would read."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softmax_cli.errors import SoftmaxError
from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.division import DivisibleBlocks, end_of_rows
from softmax_cli.input.rows import Block
from softmax_cli.input.settings import InputSettings
from tests.test_plain import opened_at, texts, told

CELLS = st.sampled_from(["", "1", 'a"', '""', "b,c", "d\ne"])


@given(
    st.lists(st.lists(CELLS, min_size=2), min_size=1), st.sampled_from(["excel", "unix"]), st.data()
)
def test_quoted_text_is_cut_between_rows(
    rows: list[list[str]], dialect: str, data: st.DataObject
) -> None:
    out = io.StringIO()
    csv.writer(out, dialect, lineterminator="\n").writerows(rows)
    text = out.getvalue()
    part = text[: data.draw(st.integers(1, len(text)))]
    cut = end_of_rows(part.encode(), ",")
    assert cut == 0 or part[:cut].endswith("\n")
    whole = list(csv.reader(io.StringIO(part[:cut])))
    assert whole == rows[: len(whole)]
    if part == text:
        assert cut == len(text)


def _all_blocks(blocks: Iterator[Block]) -> Iterator[Block]:
    """Of an input that is divided as soon as can be, part by part."""
    assert isinstance(blocks, DivisibleBlocks)
    division = None
    while division is None:
        block = next(blocks, None)
        if block is None:
            return
        yield block
        division = blocks.division()
    place = division.start
    while True:
        part, following = division.part(place, ())
        if not part:
            break
        yield from division.blocks(part, place)
        place = following
    yield from division.rest(following, ())


def _read(path: str, delimiter: str, jobs: int, chunk_bytes: int, parts: int) -> Iterator[object]:
    given_settings = InputSettings(delimiter=delimiter, axis="row", invalid="skip", jobs=jobs)
    with opened_at(path, chunk_bytes) as opened:
        try:
            rows = read_delimited(given_settings, opened=opened).in_parts(parts)
            for block in _all_blocks(rows.blocks) if jobs > 1 else rows.blocks:
                yield from told(block, opened.name)
        except SoftmaxError as error:
            yield error.message.replace(path, ""), error.hint


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of reads that failed
@given(texts(), st.sampled_from([1, 3, 20]), st.sampled_from([1, 1000]))
@settings(max_examples=300, deadline=None)
def test_parts_and_the_rest_are_the_whole(
    text: tuple[str, bytes], chunk_bytes: int, parts: int
) -> None:
    delimiter, lines = text
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(lines)
        whole = list(_read(file.name, delimiter, 1, 1 << 16, parts))
        assert list(_read(file.name, delimiter, 2, chunk_bytes, parts)) == whole
    reader, writer = os.pipe()
    os.write(writer, lines)
    os.close(writer)
    path = f"/dev/fd/{reader}"
    assert list(_read(path, delimiter, 2, chunk_bytes, parts)) == whole
    os.close(reader)
