"""Plain numbers, read all at once, are what the reader of every dialect reads."""

from __future__ import annotations

import os
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from softmax_cli.errors import SoftmaxError
from softmax_cli.input import chunks, delimited
from softmax_cli.input.chunks import Opened, open_input
from softmax_cli.input.delimited import read_delimited
from softmax_cli.input.plain import parse_plain
from softmax_cli.input.rows import Block
from softmax_cli.input.settings import InputSettings
from softmax_cli.input.shape import RowShape

ALL_OF_TWO = RowShape([0, 1], None, 2)

PLAIN = [
    "0",
    "-1",
    "1.5",
    "-0.0",
    "12345678901234567890",
    "18446744073709551616",
    "-9223372036854775809",
    "9007199254740993",
    "0.1e-3",
    "1E5",
    "4.9e-324",
    "2.4703282292062328e-324",
    "1.7976931348623157e308",
    "0.30000000000000004",
    "123456789012345678901234567890.123456789",
]
ODD = [
    "-0",
    "-0 ",
    "1e400",
    "-1e400",
    "1e-400",
    ".5",
    "1.",
    "+1",
    "01",
    "1_0",
    "nan",
    "inf",
    "-inf",
    "Infinity",
    "true",
    "false",
    "null",
    "[1]",
    "[1,2]",
    "{}",
    '"1"',
    '"1\n2"',
    '"a,b"',
    '"',
    "0x1p3",
    "",
    " ",
    " 1",
    "1\t",
    "\x0b1",
    "\u00a01",
    "\u0661",
    "1 2",
    "#",
    "# 1",
    "a",
    "\x00",
    "1\r",
    "é",
    "1,5",
]

NAMES = [
    "a",
    "b c",
    '"a"',
    '"a b"',
    '""',
    '"é"',
    '"a""b"',
    '"a,b"',
    '"a;b"',
    '"a\n"',
    'a"b',
    '"a" ',
]

_cells = st.one_of(
    st.sampled_from(PLAIN),
    st.sampled_from(PLAIN),
    st.floats(allow_nan=False).map(repr),
    st.integers(-(2**70), 2**70).map(str),
    st.sampled_from(ODD),
)


@st.composite
def texts(draw: st.DrawFn) -> tuple[str, bytes]:
    """Lines of cells, mostly of numbers and mostly of one length, and their delimiter."""
    delimiter = draw(st.sampled_from([",", "\t", ";", "|", " "]))
    width = draw(st.integers(1, 4))
    plain = st.lists(st.sampled_from(PLAIN), min_size=width, max_size=width)
    odd = st.one_of(
        st.lists(_cells, min_size=width, max_size=width),
        st.lists(_cells, min_size=0, max_size=width + 1),
    )
    rows = draw(st.lists(st.one_of(plain, plain, plain, odd), min_size=1, max_size=40))
    if draw(st.booleans()):
        names = st.sampled_from(NAMES[: draw(st.integers(1, len(NAMES)))])
        rows = [[draw(names), *row] for row in rows]
    newline = draw(st.sampled_from(["\n", "\n", "\r\n", "\n\n", " \n"]))
    end = draw(st.sampled_from(["", newline]))
    return delimiter, (newline.join(map(delimiter.join, rows)) + end).encode()


def _bits(number: float) -> bytes:
    return struct.pack("d", number)


@contextmanager
def opened_at(path: str, chunk_bytes: int | None = None) -> Iterator[Opened]:
    """An input, whose descriptor the program leaves to its own end."""
    opened = open_input(path, chunk_bytes)
    descriptor = opened.file.fileno()
    try:
        yield opened
    finally:
        os.close(descriptor)


def told(block: Block, name: str) -> Iterator[object]:
    """Each row's numbers, place, label, what is kept and what is wrong with it."""
    for row, values in enumerate(block.values.tolist()):
        label = block.labels[row] if block.labels is not None else None
        place = block.places[row].replace(name, "")
        fault = (block.faults or {}).get(row)
        why = fault.message.replace(name, "") if fault is not None else None
        kept = block.kept[row].tolist() if block.kept is not None else None
        yield list(map(_bits, values)), place, label, kept, why


def _read(text: bytes, settings: InputSettings, target: str | None) -> Iterator[object]:
    """Each row's place, numbers and label, and in the end the error's message."""
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(text)
        with opened_at(file.name) as opened:
            try:
                rows = read_delimited(settings, target, opened)
                yield rows._replace(opened=None)[1:]
                for block in rows.blocks:
                    yield from told(block, file.name)
            except SoftmaxError as error:
                yield error.message.replace(file.name, ""), error.hint


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # of reads that failed
@given(
    texts(),
    st.sampled_from([(None, None), ("2-", None), ("2,1", None), (None, "1"), (None, "2")]),
    st.sampled_from([None, True, False]),
    st.sampled_from([1, 7, 64, 1 << 16]),
    st.sampled_from([None, None, "1", "2,1"]),
    st.sampled_from(["error", "skip"]),
)
@settings(max_examples=400, deadline=None)
@example((",", b"1,2\n3\n4,5,6\n7,8\n"), (None, None), None, 1 << 16, None, "error")
@example((",", b'1,2\n3,"4\n5,6\n7"\n8,9\n'), (None, None), None, 1 << 16, None, "error")
@example((",", b"1,2\n3,"), ("2-", None), None, 1 << 16, None, "error")
@example((",", b"1,a\n2,b\n3,-0\n-0,c\n"), (None, "2"), False, 1 << 16, None, "error")
def test_plain_rows_read_as_any_rows_do(
    text: tuple[str, bytes],
    options: tuple[str | None, str | None],
    header: bool | None,
    chunk: int,
    keep: str | None,
    invalid: str,
) -> None:
    delimiter, lines = text
    columns, target = options
    given_settings = InputSettings(
        columns=columns,
        header=header,
        delimiter=delimiter,
        axis="row",
        keep=keep,
        invalid=invalid,
    )
    with mock.patch.object(chunks, "CHUNK_BYTES", chunk):
        fast = list(_read(lines, given_settings, target))
    with mock.patch.object(delimited, "parse_plain", return_value=None):
        assert fast == list(_read(lines, given_settings, target))


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        (b"1,2\n-3.5,4e5\n", ","),
        (b"1,2\r\n3,4", ","),
        (b"1\t2\n3\t4\n", "\t"),
        (b"1;2\n3;4\n", ";"),
        (b"1|2\n3|4\n", "|"),
        (b"  1  2 \n3 \t4\n", " "),
        (b" 1, 2\n3 ,4\t\n", ","),
        (b"1,0\n-0.0,4\n", ","),
    ],
)
def test_plain_numbers_take_the_short_way_in_every_dialect(text: bytes, delimiter: str) -> None:
    plain = parse_plain(text, delimiter, ALL_OF_TWO)
    assert plain is not None
    expected = [line.replace(delimiter, " ").split() for line in text.decode().splitlines()]
    if delimiter == ",":
        expected = [line.split(",") for line in text.decode().splitlines()]
    assert plain.values.tolist() == [list(map(float, row)) for row in expected]


@pytest.mark.parametrize(
    ("text", "shape", "labels", "kept"),
    [
        ('a,1,2\n"b c",3,4\n', RowShape([1, 2], 0, 3), ["a", "b c"], None),
        ('1,2,"x"\n3,4,""', RowShape([0, 1], None, 3, [2]), None, [["x"], [""]]),
        (
            "u,1,2,s,5\nv,3,4,t,6",
            RowShape([1, 2], 3, 5, [4, 0]),
            ["s", "t"],
            [["5", "u"], ["6", "v"]],
        ),
        ("1,u,2\n3,v,4", RowShape([0, 2], 1, 3), ["u", "v"], None),
    ],
)
def test_words_beside_plain_numbers_take_it_too(
    text: str, shape: RowShape, labels: list[str] | None, kept: list[list[str]] | None
) -> None:
    plain = parse_plain(text.encode(), ",", shape)
    assert plain is not None
    assert plain.values.tolist() == [[1, 2], [3, 4]]
    assert plain.labels == labels
    assert kept == (None if plain.kept is None else plain.kept.tolist())


@pytest.mark.parametrize("cell", ODD)
def test_what_is_odd_does_not(cell: str) -> None:
    if cell not in {"1e-400", " 1", "1\t", "1\r"}:  # plain all the same
        assert parse_plain(f"1,2\n3,{cell}\n5,6\n".encode(), ",", ALL_OF_TWO) is None


def test_ragged_rows_that_make_up_for_each_other_are_not_plain() -> None:
    assert parse_plain(b"1,2\n3\n4,5,6\n", ",", ALL_OF_TWO) is None
    assert parse_plain(b"1,2,3\n4\n", ",", ALL_OF_TWO) is None
    assert parse_plain(b"1,2,3\n4\n5\n", ",", RowShape(range(3), None, 3)) is None
    assert parse_plain(b"1,2,3,4\n", ",", RowShape([0], None, 1)) is None


def test_text_beside_the_chosen_columns_takes_the_short_way_too() -> None:
    plain = parse_plain("é,1,x\nb,2.5,y\n".encode(), ",", RowShape([1], 2, 3))
    assert plain is not None
    assert (plain.values.tolist(), plain.labels) == ([[1.0], [2.5]], ["x", "y"])
    numbered = parse_plain(b"1,2,0\n3,4,1\n", ",", RowShape([1, 0], 2, 3))
    assert numbered is not None
    assert (numbered.values.tolist(), numbered.labels) == ([[2.0, 1.0], [4.0, 3.0]], ["0", "1"])


def test_one_odd_row_does_not_slow_the_others() -> None:
    lines = [b"1,2\n"] * 4000
    lines[1234] = b'"1",2\n'
    with (
        tempfile.NamedTemporaryFile() as file,
        mock.patch.object(delimited, "_patient", wraps=delimited._patient) as patient,
    ):
        Path(file.name).write_bytes(b"".join(lines))
        rows = sum(len(b.values) for b in read_delimited(InputSettings(path=file.name)).blocks)
    assert rows == 4000
    assert patient.call_count == 1


def test_odd_rows_among_plain_ones_do_not_make_small_blocks() -> None:
    lines = [b'"1",2\n' if i % 20 == 0 else b"1,2\n" for i in range(4000)]
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(b"".join(lines))
        blocks = list(read_delimited(InputSettings(path=file.name)).blocks)
    assert sum(len(block.values) for block in blocks) == 4000
    assert len(blocks) <= 3
    assert [place.rsplit(":", 1)[1] for block in blocks for place in block.places] == [
        str(n) for n in range(1, 4001)
    ]
