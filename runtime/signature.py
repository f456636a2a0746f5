# SPDX-License-Identifier: GPL-3.0-or-later
"""A script's signature: its inputs and outputs, read from its source with `ast`; the source is never executed."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .types import SocketType, Value


class Missing(enum.Enum):
    """The default of a parameter that has none."""

    MISSING = enum.auto()


MISSING: Final = Missing.MISSING


@dataclass(frozen=True, slots=True)
class ScriptSource:
    """A script: its text, the name shown in tracebacks (a file's path or a text's name), and a file's folder ("")."""

    text: str
    filename: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """An input of a script.

    Attributes:
        identifier: the parameter's name in `main`.
        label: that name in title case.
        type: what the script wants.
        annotation: the class the worker makes of a plain value ("Quaternion", "Euler", "Path", "dict" ...), "" if any.
        default: the value where nothing is linked, as in `types.Value`; `MISSING` if there is none.
        is_optional: whether None is allowed (`X | None`).
        minimum, maximum: the inclusive range of a number, None where it has no end.
        unit: one of `script.Unit`'s names, "" if none.
        choices: what a menu offers: text, label pairs are not needed; values as written in `Literal[...]`.
        description: the line of the docstring's `Args:`.
    """

    identifier: str
    label: str
    type: SocketType
    annotation: str = ""
    default: Value | Missing = MISSING
    is_optional: bool = False
    minimum: float | None = None
    maximum: float | None = None
    unit: str = ""
    choices: tuple[str | int | bool | float, ...] = ()
    description: str = ""

    @property
    def is_required(self) -> bool:
        return self.default is MISSING and not self.is_optional


@dataclass(frozen=True, slots=True)
class Output:
    """An output of a script: a field of its `NamedTuple`, or `result` for a single return value."""

    identifier: str
    label: str
    type: SocketType
    description: str = ""


@dataclass(frozen=True, slots=True)
class Signature:
    """What a script takes and gives. `description` is the first paragraph of the script's (else main's) docstring."""

    inputs: tuple[Parameter, ...]
    outputs: tuple[Output, ...]
    description: str = ""


def read_signature(source: ScriptSource, data_block_types: Mapping[str, str]) -> Signature:
    """Read the signature of a script's `main`.

    Args:
        source: the script.
        data_block_types: names in `bpy.types` that are data-blocks, each with the kind it belongs to
            ("Object": "Object", "PointLight": "Light", ...).

    Raises:
        SignatureError: with the line at fault.
    """
    raise NotImplementedError
