# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a list of settings: all combinations of values, or random ones. What is linked runs once for each of them.

Link *Settings* to *Geometry Nodes* or a script of yours, or *Parameter 1* to *Parameter 4*, their values one by one,
to any inputs; and *Labels* to the sheet of what came out.
"""

import itertools
import math
import random
import re
from typing import Annotated, Any, Literal, NamedTuple

from background_nodes.script import Range, log

#: 0.5..2, or 0.5..2 / 4 for four values.
RANGE = re.compile(r"(?P<low>[-+\d.eE]*[\d.])\s*\.\.\s*(?P<high>[-+\d.eE]+)(?:\s*/\s*(?P<count>\d+))?")
#: More settings than anybody looks at; a typing error makes them soon.
MOST = 10_000


class Output(NamedTuple):
    """What the node gives.

    Attributes:
        settings: Each setting as JSON: its values by the names of the parameters.
        labels: Each setting in a few words.
        parameter_1: The values of the first parameter.
        parameter_2: The values of the second parameter; empty if there is none.
        parameter_3: The values of the third parameter.
        parameter_4: The values of the fourth parameter.
    """

    settings: list[Any]
    labels: list[str]
    parameter_1: list[Any]
    parameter_2: list[Any]
    parameter_3: list[Any]
    parameter_4: list[Any]


def main(
    parameters: str,
    way: Literal["All Combinations", "Side by Side", "Random"] = "All Combinations",
    count: Annotated[int, Range(1, 10000)] = 24,
    seed: int = 0,
) -> Output:
    """Make settings of `parameters`.

    Args:
        parameters: Names and values with ; between them, as in Density = 10, 20, 40; Radius = 0.5..2 / 4; Style = Flat.
            1..8 are all whole numbers from 1 to 8; 0.5..2 / 4 are four numbers, as far apart; 0.5..2 alone is any
            number in between, for Random.
        way: All Combinations takes each value with each other, the last parameter changes first. Side by Side takes all
            first values, then all second ones. Random draws each value.
        count: Random only: how many settings.
        seed: Random only: another one draws other values, the same one the same.
    """
    columns = parsed(parameters)
    if way == "Random":
        drawn = random.Random(seed)
        rows = [tuple(drawn_value(values, drawn) for values in columns.values()) for _ in range(count)]
    else:
        rows = listed({name: known(name, values) for name, values in columns.items()}, way)
    settings = [dict(zip(columns, row, strict=True)) for row in rows]
    log(f"{len(settings)} settings")
    values = [list(column) for column in zip(*rows, strict=True)]
    return Output(settings, [label(each) for each in settings], *(values + [[]] * 4)[:4])


def parsed(text: str) -> dict[str, list[Any] | tuple[float, float]]:
    """By the names of the parameters, their values, or the two ends of a range. Raises ValueError."""
    found: dict[str, Any] = {}
    for part in filter(None, map(str.strip, text.split(";"))):
        name, sign, values = (each.strip() for each in part.partition("="))
        if not (name and sign and values):
            raise ValueError(f"{part} has no name and values; write it as Radius = 0.5, 1, 2")
        if name in found:
            raise ValueError(f"{name} is there twice; give it all of its values in one place")
        found[name] = values_of(name, values)
    if not found:
        raise ValueError("There are no parameters; write some, such as Radius = 0.5, 1, 2; Seed = 1..8")
    return found


def values_of(name: str, text: str) -> list[Any] | tuple[float, float]:
    match = RANGE.fullmatch(text)
    if match is None:
        return [value(each.strip()) for each in text.split(",")]
    low, high = (number(name, match[end]) for end in ("low", "high"))
    if high < low:
        raise ValueError(f"{name} goes from {low} to {high}; write the smaller number first")
    if match["count"]:
        steps = int(match["count"])
        if not 1 <= steps <= MOST:
            raise ValueError(f"{name} has {steps} values; write 1 to {MOST}")
        values = [low + (high - low) * index / max(1, steps - 1) for index in range(steps)]
        return [round(each, 12) for each in values]
    if isinstance(low, int) and isinstance(high, int):
        if high - low >= MOST:
            raise ValueError(f"{name} has more than {MOST} values; write fewer, such as {low}..{high} / 10")
        return list(range(low, high + 1))
    return float(low), float(high)


def number(name: str, text: str) -> int | float:
    found = value(text)
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    raise ValueError(f"{text}, an end of {name}, is no number; write it as {name} = 0.5..2")


def value(text: str) -> Any:
    """A number, on or off, or the text itself."""
    if text.casefold() in ("on", "true", "off", "false"):
        return text.casefold() in ("on", "true")
    if re.fullmatch(r"[-+]?\d{1,15}", text):
        return int(text)
    try:
        found = float(text)
    except ValueError:
        return text
    return found if math.isfinite(found) else text


def known(name: str, values: list[Any] | tuple[float, float]) -> list[Any]:
    if isinstance(values, list):
        return values
    low, high = values
    raise ValueError(f"{name} has no end of values; write how many: {low:g}..{high:g} / 4, or choose Random")


def listed(columns: dict[str, list[Any]], way: str) -> list[tuple]:
    """The rows of a table of settings."""
    lengths = {name: len(values) for name, values in columns.items()}
    if way == "Side by Side":
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} has {length}" for name, length in lengths.items())
            raise ValueError(f"The parameters have several numbers of values ({told}); give them as many each")
        return list(zip(*columns.values(), strict=True))
    if math.prod(lengths.values()) > MOST:
        raise ValueError(f"These are {math.prod(lengths.values()):,} combinations, more than {MOST:,}; choose Random")
    return list(itertools.product(*columns.values()))


def drawn_value(values: list[Any] | tuple[float, float], drawn: random.Random) -> Any:
    return round(drawn.uniform(*values), 6) if isinstance(values, tuple) else drawn.choice(values)


def label(settings: dict[str, Any]) -> str:
    """Radius 0.5, Style Round."""
    return ", ".join(f"{name} {short(each)}" for name, each in settings.items())


def short(found: Any) -> str:
    if isinstance(found, bool):
        return "on" if found else "off"
    return f"{found:.4g}" if isinstance(found, float) else str(found)
