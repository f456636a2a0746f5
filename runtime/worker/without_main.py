# SPDX-License-Identifier: GPL-3.0-or-later
"""What a script without `main` finds in its globals, and what it leaves there for the node's outputs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import bpy

from ... import script
from ..blender import data_block_kinds, sendable
from ..errors import BackgroundNodesError
from ..planning.plan import TaskOutput
from ..script.socket_types import SocketType
from ..script.without_main import DATA_BLOCKS, PASSED_DATA_BLOCKS, PYTHON_DATA

#: The collection of the scene that inputs are in. Into the scene's own a script may want to link them itself, and
#: Blender refuses to do it twice.
PLACE_NAME = "Inputs"


class ResultError(BackgroundNodesError):
    """`python_data` or `data_blocks` is not what it must be. The message names the variable and the fix."""


class _StartValue(dict[Any, Any]):
    """What `python_data` is until the script sets it: a dict, but a list once something is appended to it.

    It begins as a list for scripts of background_processing, and those append to it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._items: list[Any] = []

    def append(self, value: Any) -> None:
        self._items.append(value)

    def extend(self, values: Iterable[Any]) -> None:
        self._items.extend(values)

    def __iadd__(self, values: Iterable[Any]) -> list[Any]:
        return [*self._items, *values]

    def __len__(self) -> int:
        return len(self._items) or super().__len__()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._items) if self._items else super().__iter__()

    def __getitem__(self, key: Any) -> Any:
        return self._items[key] if self._items else super().__getitem__(key)

    def given(self) -> dict[Any, Any] | list[Any]:
        """What it is when the script has ended. Raises ResultError if it was used as both."""
        if self._items and super().__len__():
            raise ResultError(f"{PYTHON_DATA} has keys, and something was appended to it: make it a dict or a list")
        return self._items or dict(self)


def update_job_progress(fraction: float, text: str = "") -> None:
    """Report how far the script is, from 0.0 to 1.0, and what is being done."""
    if isinstance(fraction, bool) or not isinstance(fraction, int | float):
        raise TypeError(f"update_job_progress takes a number from 0.0 to 1.0, not {fraction!r:.40}")
    script.progress(fraction, text)


def variables(inputs: Mapping[str, Any], passed: Iterable[bpy.types.ID]) -> dict[str, Any]:
    """The globals a script starts with.

    Args:
        inputs: its inputs by name.
        passed: the data-blocks that came along with them.
    """
    ordered = sorted(
        passed, key=lambda item: (data_block_kinds.collections()[data_block_kinds.kind_of(item)], item.name)
    )
    return {
        "bpy": bpy,
        "os": os,
        "update_job_progress": update_job_progress,
        **inputs,
        PASSED_DATA_BLOCKS: ordered,
        PYTHON_DATA: _StartValue(),
        DATA_BLOCKS: [],
    }


def outputs(space: Mapping[str, Any], wanted: Sequence[TaskOutput]) -> list[Any]:
    """The value of each output after the script has run.

    Those called `python_data` and `data_blocks` are the whole of it. Another one is the entry of that name in
    `python_data`, or that data-block of its type in `data_blocks`; a list, all of its type.

    Raises:
        ResultError: if there is none, or it is unclear which one is meant.
    """
    values = [output.label for output in wanted if not output.type.is_data_block]
    is_whole = values == [PYTHON_DATA]
    python_data = _python_data(space.get(PYTHON_DATA), is_whole=is_whole)
    data_blocks = _data_blocks(space.get(DATA_BLOCKS))
    return [_output(output.label, output.type, python_data, data_blocks) for output in wanted]


def _output(name: str, socket_type: SocketType, python_data: Any, data_blocks: list[bpy.types.ID]) -> Any:
    if name == PYTHON_DATA and socket_type == SocketType("ANY"):
        return python_data
    if socket_type.is_data_block:
        return _data_block_output(name, socket_type, data_blocks)
    if name in python_data:
        if python_data[name] is None and socket_type.kind != "ANY":
            raise ResultError(
                f'output "{name}": {PYTHON_DATA}[{name!r}] is None, and no {socket_type}: give it a value'
            )
        return python_data[name]
    there = ", ".join(map(repr, python_data)) or "nothing"
    raise ResultError(f'output "{name}": {PYTHON_DATA} has no such key, but {there}. Give one of them the same name')


def _data_block_output(name: str, socket_type: SocketType, data_blocks: list[bpy.types.ID]) -> Any:
    cls = getattr(bpy.types, socket_type.kind)
    fitting = [item for item in data_blocks if isinstance(item, cls)]
    if socket_type.is_list:
        return fitting
    if len(fitting) == 1:
        return fitting[0]
    named = next((item for item in fitting if item.name == name), None)
    if named is None:
        there = ", ".join(f'"{item.name}"' for item in fitting)
        found = f"{there} are {socket_type}s, and none has that name" if fitting else f"no {socket_type} is there"
        raise ResultError(f'output "{name}": in {DATA_BLOCKS}, {found}. Give the output the name of one of them')
    return named


def _python_data(value: Any, *, is_whole: bool) -> Any:
    """What the script gave: a dict, if outputs are parts of it."""
    value = value.given() if isinstance(value, _StartValue) else value
    if value is None:
        return {}
    if is_whole or isinstance(value, dict):
        return value
    if isinstance(value, list | tuple) and not value:  # a start value that the script did not fill
        return {}
    raise ResultError(f"{PYTHON_DATA} is of type {type(value).__name__}: make it a dict")


def _data_blocks(value: Any) -> list[bpy.types.ID]:
    """Those of the list, each once."""
    if value is None:
        return []
    if isinstance(value, bpy.types.ID | str | dict) or not isinstance(value, Iterable):
        raise ResultError(f"{DATA_BLOCKS} is of type {type(value).__name__}: make it a list of data-blocks")
    items = list(value)
    for index, item in enumerate(items):
        where = f"{DATA_BLOCKS}[{index}]"
        if not isinstance(item, bpy.types.ID):
            raise ResultError(f"{where} is {item!r:.40} and no data-block: leave it out of the list")
        if (found := sendable.obstacle(item)) is not None:
            raise ResultError(found.with_fix(f"{where} {found.predicate}", "Leave it out of the list"))
    return list(dict.fromkeys(items))
