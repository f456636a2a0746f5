# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a table from a CSV file, as spreadsheets write it."""

import csv
import io
import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple

SEPARATORS = {"Comma": ",", "Semicolon": ";", "Tab": "\t"}
#: What is a whole number, and what a number. Of 18 digits at most: longer ones are names of things.
INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
NUMBER = re.compile(r"[+-]?([0-9]{1,18}(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,4})?")


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        rows: Each row as JSON, its values by the names of the columns.
        values: The values of the column that is asked for, row by row; empty if none is.
        columns: The names of the columns.
    """

    rows: list[Any]
    values: list[Any]
    columns: list[str]


def main(
    filepath: Path,
    column: str = "",
    separator: Literal["Automatic", "Comma", "Semicolon", "Tab"] = "Automatic",
    numbers: bool = True,
) -> Output:
    """Read `filepath`. Its first line has the names of the columns.

    Args:
        filepath: The .csv file.
        column: Name of a column whose values are given as a list.
        separator: What is between the values. Automatic takes the one that the first line has most of.
        numbers: Make numbers of what looks like one. Off, all is text, so that 007 stays so.
    """
    if not filepath.is_file():
        raise ValueError(f"There is no file {filepath}; choose an existing .csv file")
    try:
        text = filepath.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{filepath.name} is no text in UTF-8; save it as UTF-8") from None
    first = text.partition("\n")[0]
    sign = SEPARATORS.get(separator) or max(SEPARATORS.values(), key=first.count)
    lines = [line for line in csv.reader(io.StringIO(text, newline=""), delimiter=sign) if line]
    if not lines:
        raise ValueError(f"{filepath.name} is empty; its first line should name the columns")
    columns = [name.strip() for name in lines[0]]
    check(columns, lines[1:], filepath.name)
    if column and column not in columns:
        raise ValueError(f"{filepath.name} has no column {column}; it has {', '.join(columns)}")
    convert = number if numbers else str
    rows = [dict(zip(columns, map(convert, line), strict=True)) for line in lines[1:]]
    return Output(rows, [row[column] for row in rows] if column else [], columns)


def check(columns: list[str], lines: list[list[str]], name: str) -> None:
    """Raise ValueError for what would lose values."""
    if len(set(columns)) < len(columns):
        twice = next(each for each in columns if columns.count(each) > 1)
        raise ValueError(f"{name} has two columns named {twice or '(nothing)'}; rename one")
    for index, line in enumerate(lines, start=1):
        if len(line) != len(columns):
            raise ValueError(
                f"Row {index} of {name} has {len(line)} values for {len(columns)} columns; mend it, or the separator"
            )


def number(text: str) -> Any:
    """A number if it is one as programs write them, else the text."""
    if NUMBER.fullmatch(text.strip()):
        found = float(text)
        return int(text) if INTEGER.fullmatch(text.strip()) else found if math.isfinite(found) else text
    return text
