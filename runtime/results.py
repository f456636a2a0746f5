# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tasks of one run gave, and the wire form of what a task is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from . import blend_files
from .blend_files import FileCopy
from .errors import MisfitError
from .messages import Execute, WireForm
from .plan import Argument, Constant, PlannedTask, Source
from .signature import Parameter
from .types import OPEN_FILE, LiveRef, SocketType, StoredRef, conversion


class Results:
    """The results of a run, item by item, in wire form.

    Attributes:
        copies: of .blend files, by the path that a task is given, `OPEN_FILE` for the open file.
    """

    def __init__(self, snapshot: Mapping[LiveRef, StoredRef], open_file: FileCopy | None = None) -> None:
        """`snapshot` says where the open file's data-blocks are; `open_file` is a copy of all of it, if wanted."""
        self.copies: dict[str, FileCopy] = {} if open_file is None else {OPEN_FILE: open_file}
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
        """The message that has a worker carry out one item of a task. The .blend file it works on must be copied."""
        file_copy = self._file_copy(task, item, tasks)
        return Execute(
            node=task.name,
            script=dataclasses.asdict(task.script),
            arguments=[self._argument(argument, item, tasks, file_copy) for argument in task.arguments],
            outputs=[
                [output.identifier, output.label, output.type.kind, output.type.is_list] for output in task.outputs
            ],
            scene=dict(scene),
            blob=str(blob),
            log=str(log),
            addons=list(task.settings.addons),
            file_copy="" if file_copy is None else file_copy.blob,
        )

    def blend_file(self, task: PlannedTask, item: int, tasks: Mapping[str, PlannedTask]) -> str | None:
        """The path of the .blend file that one item of a task works on, `OPEN_FILE` for the open one; None if on none.

        Raises:
            MisfitError: if what is linked there gave no such file.
        """
        argument = next((argument for argument in task.arguments if argument.takes_blend_file), None)
        if argument is None:
            return None
        source = argument.sources[0]
        value = self.source(source, tasks)
        value = value[item] if argument.is_mapped else value
        if value == OPEN_FILE and isinstance(source, Constant) and source.names_open_file:
            return OPEN_FILE
        try:
            is_copied = isinstance(value, str) and value != OPEN_FILE and value in self.copies
            return str(value) if is_copied else blend_files.checked(value)
        except MisfitError as error:
            raise MisfitError(f'socket "{argument.parameter.label}": {error.message}', error.mend) from None

    def _file_copy(self, task: PlannedTask, item: int, tasks: Mapping[str, PlannedTask]) -> FileCopy | None:
        path = self.blend_file(task, item, tasks)
        return None if path is None else self.copies[path]

    def stored_refs(self, task: PlannedTask, item: int, tasks: Mapping[str, PlannedTask]) -> Iterator[StoredRef]:
        """The data-blocks that one item of a task is given."""
        for argument in task.arguments:
            for source in argument.sources:
                if source.type.is_data_block:
                    value = self.source(source, tasks)
                    yield from WireForm.stored_refs(value[item] if argument.is_mapped else value)

    def _argument(
        self, argument: Argument, item: int, tasks: Mapping[str, PlannedTask], file_copy: FileCopy | None
    ) -> dict[str, Any]:
        if argument.takes_blend_file and file_copy is not None:
            piece = _piece(file_copy.filepath, argument.parameter.type, argument.parameter.type)
            return {**_parameter(argument.parameter), "pieces": [piece]}
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
