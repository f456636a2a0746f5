# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks that a value fits a socket, and brings it into the one form in which it is sent (see `socket_types.Value`)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from ..errors import MisfitError
from . import blend_files
from .socket_types import ANY_DATA_BLOCK, OPEN_FILE, LiveRef, SocketType, StoredRef, Value
from .value_kinds import VALUE_KINDS, Form

if TYPE_CHECKING:
    from .signature import Parameter

#: Blender's integer properties have 32 bits.
_INT_LIMIT: Final = 2**31
#: The kinds whose numbers a range is for.
RANGED: Final = frozenset({"INT", "FLOAT"})


def fit(value: Value, socket_type: SocketType) -> Value:
    """`value` as a socket of that type holds it: 1 becomes 1.0 for a float, rows become a matrix.

    Raises:
        MisfitError: if it does not fit.
    """
    if not socket_type.is_list:
        return _fit_item(value, socket_type.kind)
    if not isinstance(value, tuple | list):
        raise MisfitError(f"{_shown(value)} is no list", "Give a list")
    return tuple(_fit_element(index, item, socket_type.kind) for index, item in enumerate(value, start=1))


def fit_parameter(value: Value, parameter: Parameter) -> Value:
    """`value` as the parameter takes it, with its range and choices kept; None where it is optional.

    Raises:
        MisfitError: if it does not fit.
    """
    if value is None and parameter.is_optional:
        return None
    fitted = fit(value, parameter.type)
    if parameter.choices:
        fitted = _chosen(fitted, parameter)
    if parameter.type.kind in RANGED:
        for item in fitted if isinstance(fitted, tuple) else (fitted,):
            check_range(item, parameter.minimum, parameter.maximum)
    return fitted


def _fix_range(minimum: float | None, maximum: float | None) -> str:
    if minimum is None:
        return f"Give at most {maximum:g}"
    if maximum is None:
        return f"Give at least {minimum:g}"
    return f"Give a number from {minimum:g} to {maximum:g}"


def check_range(item: Value, minimum: float | None, maximum: float | None) -> None:
    """Raise MisfitError if a number is out of a range; None for no limit."""
    if not isinstance(item, int | float):
        return
    if minimum is not None and item < minimum:
        raise MisfitError(f"{item} is below the minimum {minimum:g}", _fix_range(minimum, maximum))
    if maximum is not None and item > maximum:
        raise MisfitError(f"{item} is above the maximum {maximum:g}", _fix_range(minimum, maximum))


def _chosen(fitted: Value, parameter: Parameter) -> Value:
    if isinstance(fitted, tuple):
        return tuple(_choice(item, parameter.choices) for item in fitted)
    return _choice(fitted, parameter.choices)


def _choice(item: Value, choices: tuple[str | int | bool | float, ...]) -> Value:
    for choice in choices:
        # True == 1, but a menu that offers the one does not offer the other.
        if choice == item and isinstance(choice, bool | str) == isinstance(item, bool | str):
            return choice
    raise MisfitError(f"{_shown(item)} is no choice of the menu", f"Choose one of {', '.join(map(repr, choices))}")


def _fit_element(index: int, item: Value, kind: str) -> Value:
    try:
        return _fit_item(item, kind)
    except MisfitError as error:
        raise MisfitError(f"item {index}: {error.message}", error.fix) from None


def _fit_item(value: Value, kind: str) -> Value:
    known = VALUE_KINDS.get(kind)
    if known is None:
        return _data_block(value, kind)
    return _floats(value, known.lengths) if known.form is Form.NUMBERS else _FITTERS[known.form](value)


def _boolean(value: Value) -> bool:
    if isinstance(value, bool):
        return value
    raise MisfitError(f"{_shown(value)} is neither True nor False", "Give True or False")


def _integer(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise MisfitError(f"{_shown(value)} is no whole number", "Give a whole number")
    if not -_INT_LIMIT <= value < _INT_LIMIT:
        raise MisfitError("the whole number has more than 32 bits", "Give a smaller number")
    return value


def _float(value: Value) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise MisfitError(f"{_shown(value)} is no number", "Give a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise MisfitError(f"{number} is no finite number", "Give a finite number")
    return number


def _floats(value: Value, sizes: tuple[int, ...]) -> tuple[float, ...]:
    wanted = " or ".join(map(str, sizes))
    if not isinstance(value, tuple | list) or len(value) not in sizes:
        raise MisfitError(f"{_shown(value)} is not {wanted} numbers", f"Give {wanted} numbers")
    return tuple(_float(item) for item in value)


def _matrix(value: Value) -> tuple[float, ...]:
    if isinstance(value, tuple | list) and len(value) == 4:
        value = tuple(number for row in value for number in _floats(row, (4,)))
    return _floats(value, (16,))


def _string(value: Value) -> str:
    if isinstance(value, str):
        return value
    raise MisfitError(f"{_shown(value)} is no text", "Give a text")


def _blend_file(value: Value) -> str:
    return OPEN_FILE if value == OPEN_FILE else blend_files.checked(value)


def _menu(value: Value) -> str | int | bool | float:
    if isinstance(value, str | int | bool | float):
        return value
    raise MisfitError(f"{_shown(value)} is no choice of a menu", "Choose one of the menu's entries")


def _any(value: Value) -> Value:
    """What JSON holds; lists become tuples."""
    if value is None or isinstance(value, bool | str | int):
        return value
    if isinstance(value, float):
        return _float(value)
    if isinstance(value, tuple | list):
        return tuple(_any(item) for item in value)
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: _any(item) for key, item in value.items()}
    raise MisfitError(f"{_shown(value)} can't be written as JSON", "Give texts, numbers, lists and dicts of them")


def _data_block(value: Value, kind: str) -> LiveRef | StoredRef:
    wanted = "data-block" if kind == ANY_DATA_BLOCK else kind
    if value is None:
        raise MisfitError(f"the {wanted} is missing or was deleted", f"Choose another {wanted}")
    if not isinstance(value, LiveRef | StoredRef):
        raise MisfitError(f"{_shown(value)} is no {wanted}", f"Choose {with_article(wanted)}")
    if kind not in (value.kind, ANY_DATA_BLOCK):
        raise MisfitError(f'"{value.name}" is of type {value.kind}, not {kind}', f"Choose {with_article(wanted)}")
    return value


def with_article(word: str) -> str:
    """For messages: "an Object"."""
    return f"{'an' if word[0] in 'AEIOaeio' else 'a'} {word}"


def _shown(value: Value, limit: int = 40) -> str:
    try:
        text = repr(value)
    except ValueError:  # Python does not write whole numbers of thousands of digits
        text = "the number"
    return text if len(text) <= limit else text[: limit - 3] + "..."


_FITTERS: Final[dict[Form, Callable[[Value], Value]]] = {
    Form.BOOLEAN: _boolean,
    Form.INTEGER: _integer,
    Form.NUMBER: _float,
    Form.TEXT: _string,
    Form.MATRIX: _matrix,
    Form.PATH: _string,
    Form.BLEND_FILE: _blend_file,
    Form.CHOICE: _menu,
    Form.JSON: _any,
}
