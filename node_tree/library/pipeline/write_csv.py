# SPDX-License-Identifier: GPL-3.0-or-later
"""Write lists as the columns of a CSV file, which spreadsheets open: a report on many objects or files.

A file that is there is replaced only once the new one is complete.
"""

import csv
import json
from pathlib import Path
from typing import Any, Literal

from background_nodes.script import OutputPath, log, own_file, written_whole

SEPARATORS = {"Comma": ",", "Semicolon": ";", "Tab": "\t"}


def main(
    filepath: OutputPath,
    names: str = "",
    column_1: list[Any] | None = None,
    column_2: list[Any] | None = None,
    column_3: list[Any] | None = None,
    column_4: list[Any] | None = None,
    column_5: list[Any] | None = None,
    column_6: list[Any] | None = None,
    column_7: list[Any] | None = None,
    column_8: list[Any] | None = None,
    rows: list[Any] | None = None,
    separator: Literal["Comma", "Semicolon", "Tab"] = "Comma",
) -> Path:
    """Write a table.

    Args:
        filepath: Where to. Folders that don't exist are made, and .csv is added to a name without it.
        names: Names of the columns that are linked, with commas between them: Name, Faces, Area. Without any they are
            called Column 1, Column 2, and so on. If all lists are empty, the names are all that is written.
        column_1: A column: a list of numbers or texts. All columns must be of one length.
        column_2: A column.
        column_3: A column.
        column_4: A column.
        column_5: A column.
        column_6: A column.
        column_7: A column.
        column_8: A column.
        rows: Rows as JSON with values by the names of their columns, as Read CSV and Validate give them. These columns
            come after the others.
        separator: What is between the values. Excel in many countries wants a semicolon.

    Returns:
        The file that was written.
    """
    inputs = (column_1, column_2, column_3, column_4, column_5, column_6, column_7, column_8)
    given = {f"Column {number}": values for number, values in enumerate(inputs, start=1) if values}
    titles = [name.strip() for name in names.split(",") if name.strip()] or list(given)
    if not given and not rows:
        given = {name: [] for name in titles}  # a report of nothing has its head
    if len(titles) != len(given):
        raise ValueError(
            f"Names has {len(titles)} names for {len(given)} columns that are not empty; write one for each"
        )
    columns = dict(zip(titles, given.values(), strict=True))
    if len(columns) < len(titles):
        raise ValueError("Names has a name twice; rename one of the columns")
    columns |= columns_of(rows or [], columns)
    if not columns:
        raise ValueError("There is nothing to write; link lists to Column 1, Column 2 ..., or rows to Rows")
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ValueError(f"The columns are of several lengths ({told}); link lists of the same things")
    path = own_file(lambda item: with_ending(item["filepath"]), filepath=filepath)
    with written_whole(path) as beside, beside.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file, delimiter=SEPARATORS[separator])
        writer.writerow(columns)
        writer.writerows(zip(*(map(cell, values) for values in columns.values()), strict=True))
    log(f"Wrote {len(next(iter(columns.values())))} rows to {path}")
    return path


def columns_of(rows: list[Any], taken: dict) -> dict[str, list[Any]]:
    """The columns of rows, each name where it is met first; a row without a value leaves the cell empty."""
    others = [row for row in rows if not isinstance(row, dict)]
    if others:
        raise ValueError(f"Rows holds {others[0]!r}, which is no JSON object; link lists to Column 1, Column 2 ...")
    names = dict.fromkeys(name for row in rows for name in row)
    twice = [name for name in names if name in taken]
    if twice:
        raise ValueError(f"The column {twice[0]} is linked, and in Rows, too; rename it in Names")
    return {name: [row.get(name) for row in rows] for name in names}


def cell(value: Any) -> Any:
    """What a cell holds: lists and the like as JSON, nothing for None."""
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value) if isinstance(value, Path) else json.dumps(value, ensure_ascii=False)


def with_ending(filepath: str | Path) -> Path:
    path = Path(filepath)
    return path if path.suffix.lower() == ".csv" else Path(f"{path}.csv")
