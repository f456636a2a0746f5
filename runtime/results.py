# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of one run gave, and the wire form of what a task is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .messages import Execute, WireForm
from .plan import Argument, Constant, PlannedTask, Source
from .signature import Parameter
from .types import LiveRef, SocketType, StoredRef, conversion


class Results:
    """The results of a run, item by item, in wire form. `snapshot` says where the open file's data-blocks are."""

    def __init__(self, snapshot: Mapping[LiveRef, StoredRef]) -> None:
        self._snapshot = snapshot
        self._items: dict[str, dict[int, Mapping[str, Any]]] = {}
        self._lists: dict[tuple[str, str], list[Any]] = {}
        self._constants: dict[int, Any] = {}  # by the identity of the plan's constants, which live as long as the run

    def put(self, task: str, item: int, values: Mapping[str, Any]) -> None:
        self._items.setdefault(task, {})[item] = values

    def move(self, moves: Mapping[StoredRef, StoredRef]) -> None:
        """Data-blocks are in other blobs now."""
        for items in self._items.values():
            for index, values in items.items():
                items[index] = {identifier: _moved(value, moves) for identifier, value in values.items()}
        self._lists.clear()

    def items(self, task: str) -> Mapping[int, Mapping[str, Any]]:
        """The values of those items of a task that succeeded, by index."""
        return self._items.get(task, {})

    def output(self, task: PlannedTask, identifier: str) -> Any:
        """The wire value of an output of a task that succeeded; of a mapped task, its items' in order, as one list."""
        if not task.mapped:
            return self._items[task.id][0][identifier]
        key = task.id, identifier
        if key not in self._lists:
            is_list = next(output.type.is_list for output in task.outputs if output.identifier == identifier)
            items = [values[identifier] for _index, values in sorted(self.items(task.id).items())]
            self._lists[key] = [value for item in items for value in item] if is_list else items
        return self._lists[key]

    def source(self, source: Source, tasks: Mapping[str, PlannedTask]) -> Any:
        """The wire value that comes out of a source."""
        if isinstance(source, Constant):
            if id(source) not in self._constants:  # the items of a mapped task ask for the same list again and again
                self._constants[id(source)] = self._constant(source.value)
            return self._constants[id(source)]
        return self.output(tasks[source.task], source.output)

    def _constant(self, value: Any) -> Any:
        if isinstance(value, LiveRef):
            return WireForm.of(self._snapshot[value])
        if isinstance(value, tuple):
            return [self._constant(item) for item in value]
        return value

    def request(
        self,
        task: PlannedTask,
        item: int,
        tasks: Mapping[str, PlannedTask],
        scene: Mapping[str, Any],
        blob: Path,
        log: Path,
    ) -> Execute:
        """The message that has a worker carry out one item of a task."""
        return Execute(
            node=task.name,
            script=dataclasses.asdict(task.script),
            arguments=[self._argument(argument, item, tasks) for argument in task.arguments],
            outputs=[
                [output.identifier, output.label, output.type.kind, output.type.is_list] for output in task.outputs
            ],
            scene=dict(scene),
            blob=str(blob),
            log=str(log),
            addons=list(task.settings.addons),
        )

    def stored_refs(self, task: PlannedTask, item: int, tasks: Mapping[str, PlannedTask]) -> Iterator[StoredRef]:
        """The data-blocks that one item of a task is given."""
        for argument in task.arguments:
            for source in argument.sources:
                if source.type.is_data_block:
                    value = self.source(source, tasks)
                    yield from WireForm.stored_refs(value[item] if argument.is_mapped else value)

    def _argument(self, argument: Argument, item: int, tasks: Mapping[str, PlannedTask]) -> dict[str, Any]:
        pieces = []
        for source in argument.sources:
            value, source_type = self.source(source, tasks), source.type
            if argument.is_mapped:
                value, source_type = value[item], SocketType(source_type.kind)
            pieces.append(_piece(value, source_type, argument.parameter.type))
        return {**_parameter(argument.parameter), "pieces": pieces}


def _moved(value: Any, moves: Mapping[StoredRef, StoredRef]) -> Any:
    if isinstance(value, list):
        return [_moved(item, moves) for item in value]
    if isinstance(value, dict) and value.keys() == WireForm.REF_FIELDS:
        ref = StoredRef(**value)
        return WireForm.of(moves.get(ref, ref))
    return value


def _piece(value: Any, source: SocketType, target: SocketType) -> dict[str, Any]:
    return {
        "kind": source.kind,
        "is_list": source.is_list,
        "value": value,
        "conversion": conversion(source, target),
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    """What a worker needs to know of a parameter to bind its value."""
    return {
        "identifier": parameter.identifier,
        "label": parameter.label,
        "kind": parameter.type.kind,
        "is_list": parameter.type.is_list,
        "annotation": parameter.annotation,
        "is_optional": parameter.is_optional,
        "minimum": parameter.minimum,
        "maximum": parameter.maximum,
        "choices": list(parameter.choices),
    }
