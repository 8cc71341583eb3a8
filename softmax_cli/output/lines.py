"""The lines of a table: which columns, of which fields, and what heads each line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from softmax_cli.output.results import Column, Item, Layout, Shape

if TYPE_CHECKING:
    from softmax_cli.output.results import Fields, Values


class Spread(NamedTuple):
    """The columns of a table with a line for each vector.

    Attributes
    ----------
    columns : list of Column
    classes : list of Column
        Those among them that are classes.
    values : dict
        The values of each, by its field.
    hidden : int
        How many classes there was no room for.
    """

    columns: list[Column]
    classes: list[Column]
    values: dict[str, Values]
    hidden: int


def shown_fields(layout: Layout, shape: Shape) -> frozenset[str]:
    """The fields of tables, and of what stands below them."""
    columns = {column.field for column in (*layout.classes, *layout.lines)}
    items = {item.field for item in (*layout.footer, *layout.identity)}
    extra = {field for field in (layout.notes, layout.emphasis, layout.order) if field}
    extra |= {column.field for column in (layout.label, layout.part) if column}
    if shape.kept:
        extra.add("kept")
    return frozenset(columns | items | extra)


def class_lines(
    layout: Layout, shape: Shape, vector: Fields, count: int
) -> tuple[str, list[str], NDArray[np.intp]]:
    """What heads the lines of a lone vector's classes: its title, a name each, and their order."""
    order = np.argsort(vector[layout.order]) if layout.order else np.arange(count)
    if layout.part is None:
        return "class", shape.class_names(count), order
    return layout.part.title, list(map(str, vector[layout.part.field])), order


def kept_items(shape: Shape, vector: Fields) -> tuple[list[Item], dict[str, str]]:
    """The cells that were copied of a lone vector, as items with their values."""
    items = [Item(f"kept {i}", name) for i, name in enumerate(shape.kept)]
    cells = map(str, vector["kept"]) if items else ()
    return items, dict(zip((item.field for item in items), cells, strict=True))


def spread(layout: Layout, shape: Shape, fields: Fields, most: int | None = None) -> Spread:
    """A column for each field, and one for each of the first classes of a field that has them."""
    columns: list[Column] = []
    classes: list[Column] = []
    values: dict[str, Values] = {}
    hidden = 0
    # The first column that is kept heads the lines where nothing else does.
    for i in range(0 if layout.label else 1, len(shape.kept)):
        columns.append(Column(f"kept {i}", shape.kept[i], "text"))
        values[columns[-1].field] = fields["kept"][:, i]
    for column in layout.lines:
        field = fields[column.field]
        if field.ndim == 1:
            columns.append(column)
            values[column.field] = field
            continue
        if column.field in layout.numbered:
            names = [str(number) for number in range(1, field.shape[1] + 1)]
        else:
            names = shape.class_names(field.shape[1])
        hidden = 0 if most is None else max(0, len(names) - most)
        for i, name in enumerate(names[:most]):
            classes.append(Column(f"{column.field} {i}", name, column.style))
            values[classes[-1].field] = field[:, i]
        columns += classes
    return Spread(columns, classes, values, hidden)


def heads(
    layout: Layout, shape: Shape, fields: Fields, start: int, stop: int
) -> tuple[str, list[str]]:
    """What heads the lines of some vectors, counted from 0, and its title."""
    if layout.label:
        return layout.label.title, list(map(str, fields[layout.label.field].tolist()))
    if shape.kept:
        return shape.kept[0], list(map(str, fields["kept"][:, 0].tolist()))
    if shape.downwards and shape.column_names:
        return "column", list(shape.column_names[start:stop])
    return "row", [str(n) for n in range(start + 1, stop + 1)]
