# SPDX-License-Identifier: GPL-3.0-or-later
"""What list nodes do: which elements of their lists they give, in which order. No script, no worker."""

from __future__ import annotations

import contextlib
import enum
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..errors import BackgroundNodesError

#: The most elements that a list node gives: a product of long lists is soon more than any machine can hold.
MAX_ELEMENTS: Final = 1_000_000


class ListError(BackgroundNodesError):
    """A list node can't do with its lists what it should."""


@contextlib.contextmanager
def named(node: str) -> Iterator[None]:
    """Let errors name the list node."""
    try:
        yield
    except ListError as error:
        raise ListError(f'"{node}": {error}') from error


class ListAction(enum.Enum):
    """What a list node does."""

    CROSS_PRODUCT = "cross product"  # each element of a list with each of the others
    ZIP = "zip"  # the first elements together, the second ...
    SLICE = "slice"  # by position, length and step
    FLATTEN = "flatten"  # all that is linked as one list
    COUNT = "count"  # how many elements there are
    FILTER = "filter"  # by booleans: those to keep, and the others
    SORT = "sort"  # by keys
    SWITCH = "switch"  # one of its inputs


class Lengths(enum.Enum):
    """What Zip does with lists of different lengths."""

    SAME = "SAME"  # an error
    SHORTEST = "SHORTEST"  # it ends with the shortest
    LAST = "LAST"  # the last element of shorter ones is repeated
    CYCLE = "CYCLE"  # shorter ones begin again


@dataclass(frozen=True, slots=True)
class ListOperation:
    """What a list node does, and with which of its inputs.

    Attributes:
        action: what it does.
        lists: the identifiers of the inputs that elements are taken from.
        by: the identifiers of the inputs that decide which.
        lengths: what Zip does with lists of different lengths.
        is_descending: whether Sort gives the largest first.
        choices: the value of the deciding input for each of `lists`, of Switch.
    """

    action: ListAction
    lists: tuple[str, ...]
    by: tuple[str, ...] = ()
    lengths: Lengths = Lengths.SAME
    is_descending: bool = False
    choices: tuple[bool | int | str, ...] = ()


def picked(
    operation: ListOperation, number: int, labels: Sequence[str], lengths: Sequence[int], by: Sequence[Sequence[Any]]
) -> Sequence[int]:
    """Which elements a list node gives at an output, by their indices in the list that they are from.

    Args:
        operation: what it does. (Switch gives whole inputs: see `branch`.)
        number: of the output: Filter gives the elements to keep at 0, the others at 1; each list of Cross Product and
            Zip has an output of its own.
        labels: what people call its lists.
        lengths: of these lists.
        by: what arrives at the inputs that decide, each as the elements of a list.

    Raises:
        ListError: if the lists don't fit together.
    """
    match operation.action:
        case ListAction.CROSS_PRODUCT:
            return _crossed(number, lengths)
        case ListAction.ZIP:
            return _zipped(operation.lengths, number, labels, lengths)
        case ListAction.SLICE:
            return _sliced(lengths[0], *(_one(each) for each in by))
        case ListAction.FILTER:
            _check_partner(labels[0], lengths[0], "Keep", by[0])
            return [index for index, is_kept in enumerate(by[0]) if bool(is_kept) is (number == 0)]
        case ListAction.SORT:
            _check_partner(labels[0], lengths[0], "Keys", by[0])
            keys = {index: _sort_key(key) for index, key in enumerate(by[0]) if _is_key(key)}
            without = (index for index in range(lengths[0]) if index not in keys)  # which are last in any order
            return [*sorted(keys, key=keys.__getitem__, reverse=operation.is_descending), *without]
        case _:
            return range(lengths[0])


def branch(choices: Sequence[bool | int | str], by: Sequence[Any]) -> int:
    """The number of the input that a Switch gives. Raises ListError if the value is none of the choices."""
    value = _one(by)
    for number, choice in enumerate(choices):
        if choice == value and isinstance(choice, bool) == isinstance(value, bool):
            return number
    offered = ", ".join(map(repr, choices)) if isinstance(choices[0], str) else f"{choices[0]} to {choices[-1]}"
    raise ListError(f"it is {value!r}, and should be one of {offered}")


def _one(values: Sequence[Any]) -> Any:
    if len(values) != 1 or values[0] is None:
        raise ListError("what decides gave nothing")
    return values[0]


def _crossed(number: int, lengths: Sequence[int]) -> Sequence[int]:
    """The last list is gone through first, as by nested loops."""
    total = math.prod(lengths)
    if total > MAX_ELEMENTS:
        counted = " x ".join(map(str, lengths))
        raise ListError(f"{counted} are {total:,} elements, and at most {MAX_ELEMENTS:,} are possible")
    each = math.prod(lengths[number + 1 :])
    return [index // each % lengths[number] for index in range(total)]


def _zipped(rule: Lengths, number: int, labels: Sequence[str], lengths: Sequence[int]) -> Sequence[int]:
    length, longest = lengths[number], max(lengths)
    if rule is Lengths.SHORTEST:
        return range(min(lengths))
    if length == longest and rule is not Lengths.SAME:
        return range(length)
    if rule is Lengths.SAME and len(set(lengths)) > 1:
        counted = ", ".join(f'"{label}" has {count}' for label, count in zip(labels, lengths, strict=True))
        raise ListError(f"the lists differ in length: {counted}. Choose what is done then on the node")
    if not length and longest:
        raise ListError(f'"{labels[number]}" is empty, so it has no element to repeat')
    if rule is Lengths.CYCLE:
        return [index % length for index in range(longest)]
    return [*range(length), *itertools.repeat(length - 1, longest - length)]


def _sliced(length: int, position: int, count: int, step: int) -> Sequence[int]:
    """A negative position counts from the end; a negative count takes all the rest."""
    if step < 1:
        raise ListError(f"the step must be 1 or more, not {step}")
    start = min(max(position + length if position < 0 else position, 0), length)
    found = range(start, length, step)
    return found if count < 0 else found[:count]


def _check_partner(label: str, length: int, other: str, values: Sequence[Any]) -> None:
    if len(values) != length:
        raise ListError(f'the lists differ in length: "{label}" has {length}, "{other}" has {len(values)}')


def _is_key(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))


def _sort_key(value: Any) -> Any:
    """Numbers by size; texts as Blender sorts names: "Rock 2" before "Rock 10"."""
    if not isinstance(value, str):
        return value
    parts = re.split(r"(\d+)", value.casefold())
    return [_number_key(part) if index % 2 else (-1, part) for index, part in enumerate(parts)], value


def _number_key(digits: str) -> tuple[int, str]:
    """Digits by the number that they are, which may be too long for `int`; in whatever alphabet."""
    found = "".join(str(unicodedata.digit(digit)) for digit in digits).lstrip("0")
    return len(found), found
