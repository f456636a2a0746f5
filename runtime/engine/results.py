# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the tasks of one run, and the inputs of each item that are made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..errors import MisfitError, StoreError
from ..planning.graph import SceneSettings
from ..planning.plan import Argument, PlannedTask
from ..planning.sources import Constant, FromTask, Source
from ..scratch import value_files
from ..scratch.scratch import Scratch
from ..scratch.typed_values import TypedValue
from ..script import blend_files
from ..script.blend_files import FileCopy
from ..script.socket_types import OPEN_FILE, LiveRef, SocketType, StoredRef, conversion
from .messages import Execute, GivenArgument, Piece, SharedFiles

#: Kinds of parameters that name files.
_NOT_PLAIN: Final = frozenset({"PATH", "BLEND_FILE"})
#: A list of at least this many parts is long: see `Results._shared`.
_LONG: Final = 100

#: The tasks of a run by id, in the form that the last retry gave them.
Tasks = Mapping[str, PlannedTask]


class Results:
    """The results of a run, item by item.

    Attributes:
        copies: of .blend files, by the path that a task is given, `OPEN_FILE` for the open file.
        files: names of the files in the scratch folder that hold large constants and long lists, see `_shared`.
    """

    def __init__(
        self, scratch: Scratch, snapshot: Mapping[LiveRef, StoredRef], open_file: FileCopy | None = None
    ) -> None:
        """`snapshot` says where the open file's data-blocks are; `open_file` is a copy of all of it, if wanted."""
        self.copies: dict[str, FileCopy] = {} if open_file is None else {OPEN_FILE: open_file}
        self.files: list[str] = []
        self._scratch = scratch
        self._snapshot = snapshot
        self._items: dict[str, dict[int, Mapping[str, TypedValue]]] = {}
        self._moves: dict[StoredRef, StoredRef] = {}
        self._firsts: dict[StoredRef, StoredRef] = {}  # the same backwards
        # A cache: the value of each source of a task's arguments, by task, index of the argument, index of the source.
        self._sources: dict[tuple[str, int, int], TypedValue] = {}
        # Large constants in files, by the same.
        self._constants: dict[tuple[str, int, int], TypedValue] = {}

    def put(self, task: str, item: int, values: Mapping[str, TypedValue]) -> None:
        self._items.setdefault(task, {})[item] = values

    def move(self, refs: Sequence[StoredRef], places: Sequence[StoredRef]) -> None:
        """Note that data-blocks are in other blobs now: each of `refs` is at the same index of `places`."""
        moves = dict(zip(refs, places, strict=True))
        self._moves = {ref: moves.get(place, place) for ref, place in self._moves.items()} | moves
        self._firsts = {place: ref for ref, place in self._moves.items() if ref not in self._firsts}
        self._sources.clear()

    def first_place(self, ref: StoredRef) -> StoredRef:
        """Where a data-block was before it was moved."""
        return self._firsts.get(ref, ref)

    def forget_inputs(self) -> None:
        """Empty the cache of inputs, because a retry has changed the tasks."""
        self._sources.clear()

    def item(self, task: str, index: int) -> Mapping[str, TypedValue] | None:
        """What an item of a task gave, by the output's identifier; None if it did not succeed."""
        values = self._items.get(task, {}).get(index)
        return None if values is None else {name: value.moved(self._moves) for name, value in values.items()}

    def output(self, task: PlannedTask, identifier: str) -> TypedValue:
        """The value of an output of a task; for a mapped task, those of all items that succeeded as one list."""
        items = self._items.get(task.id, {})
        if not task.mapped:
            return items[0][identifier].moved(self._moves)
        kind = next(output.type.kind for output in task.outputs if output.identifier == identifier)
        elements = (part for index in sorted(items) for part in items[index][identifier].parts())
        return TypedValue(SocketType(kind, is_list=True), tuple(elements)).moved(self._moves)

    def plain_values(self, task: PlannedTask, tasks: Tasks) -> tuple[TypedValue, ...] | None:
        """What a task takes from others, in the very objects that were `put`.

        None if it is mapped, or takes anything but plain values that others gave as one.
        """
        values = []
        for argument in task.arguments:
            if argument.is_mapped or argument.parameter.type.kind in _NOT_PLAIN:
                return None
            for source in argument.sources:
                if source.type.is_data_block:
                    return None
                if isinstance(source, FromTask):
                    if tasks[source.task].mapped:  # the values of its items are put together each time
                        return None
                    values.append(self.output(tasks[source.task], source.output))
        return tuple(values)

    def placed(self, task: PlannedTask, identifier: str) -> Iterator[tuple[str, Any]]:
        """The elements of the data-blocks of an output with their places, those of items that succeeded.

        A place is "2" for an element of a list or for an item of a mapped task, "2.0" for an element of an item's list.
        It is the same whichever other items succeed.
        """
        for index, values in sorted(self._items.get(task.id, {}).items()):
            value = values[identifier].moved(self._moves)
            for number, element in enumerate(value.elements()):
                if not task.mapped:
                    yield str(number), element
                else:
                    yield f"{index}.{number}" if value.type.is_list else str(index), element

    def source(self, source: Source, tasks: Tasks) -> TypedValue:
        """The value that comes out of a source."""
        if isinstance(source, Constant):
            return TypedValue(source.type, self._constant(source.value)).moved(self._moves)
        return self.output(tasks[source.task], source.output)

    def _constant(self, value: object) -> object:
        if isinstance(value, LiveRef):
            return self._snapshot[value]
        if isinstance(value, tuple):
            return tuple(self._constant(item) for item in value)
        return value

    def store_constants(self, tasks: Sequence[PlannedTask]) -> None:
        """Write the large constants of tasks to files, once for all requests.

        Raises:
            StoreError: naming the node and the socket, if a constant is too large or can't be written.
        """
        stored: dict[int, TypedValue] = {}  # by `id`, as one input node may give a constant to many tasks
        for task in tasks:
            for place, argument in enumerate(task.arguments):
                for index, source in enumerate(argument.sources):
                    self._constants.pop((task.id, place, index), None)
                    if argument.is_mapped or not isinstance(source, Constant) or source.type.is_data_block:
                        continue
                    if id(source.value) not in stored:
                        stored[id(source.value)] = self._stored(source, f'"{task.name}", "{argument.parameter.label}"')
                    if (value := stored[id(source.value)]).is_in_files:
                        self._constants[task.id, place, index] = value

    def _stored(self, constant: Constant, where: str) -> TypedValue:
        """A constant; if it is large, in a file."""
        try:
            value = value_files.stored_whole(TypedValue(constant.type, constant.value), self._scratch)
        except StoreError as error:
            raise StoreError(f"{where}: {error}") from error
        self.files += value.files()
        return value

    def request(
        self,
        task: PlannedTask,
        item: int,
        tasks: Tasks,
        scene: SceneSettings,
        blob: str,
        log: str,
        shared: SharedFiles,
        *,
        is_digested: bool,
    ) -> Execute:
        """The message that lets a worker run one item of a task. The .blend file it works on must have been copied."""
        path = self.blend_file(task, item, tasks)
        file_copy = None if path is None else self.copies[path]
        return Execute(
            node=task.name,
            script=task.script,
            arguments=tuple(self._arguments(task, item, tasks, file_copy)),
            outputs=task.outputs,
            scene=scene,
            blob=blob,
            log=log,
            addons=task.settings.addons,
            file_copy="" if file_copy is None else file_copy.blob,
            task=task.id,
            item=item,
            shared=shared,
            is_digested=is_digested,
        )

    def columns(self, task: PlannedTask, tasks: Tasks) -> dict[str, list[object]]:
        """What each item of a task is given, for each mapped parameter. Data-blocks are given as their names."""
        return {
            argument.parameter.identifier: value_files.named(
                self.source(argument.sources[0], tasks), self._scratch.folder
            )
            for argument in task.mapped
        }

    def blend_file(self, task: PlannedTask, item: int, tasks: Tasks) -> str | None:
        """The path of the .blend file that one item of a task works on, `OPEN_FILE` for the open one, or None.

        Raises:
            MisfitError: if what is linked there gave no such file.
        """
        found = next((place for place in enumerate(task.arguments) if place[1].takes_blend_file), None)
        if found is None:
            return None
        place, argument = found
        source = argument.sources[0]
        value = value_files.loaded(self._piece(task, place, 0, item, tasks), self._scratch.folder).content
        if value == OPEN_FILE and isinstance(source, Constant) and source.names_open_file:
            return OPEN_FILE
        try:
            is_copied = isinstance(value, str) and value != OPEN_FILE and value in self.copies
            return str(value) if is_copied else blend_files.checked(value)
        except MisfitError as error:
            raise MisfitError(f'socket "{argument.parameter.label}": {error.message}', error.fix) from None

    def pieces(self, task: PlannedTask, place: int, item: int, tasks: Tasks) -> list[Piece]:
        """What the sources of one argument of a task give to one item."""
        argument = task.arguments[place]
        values = (self._piece(task, place, index, item, tasks) for index in range(len(argument.sources)))
        return [_piece(value, argument) for value in values]

    def item_name(self, task: PlannedTask, item: int, tasks: Tasks) -> str:
        """The name of the data-block, or the text, that an item of a mapped task works on; "" if it has none."""
        for place, argument in enumerate(task.arguments):
            if argument.is_mapped:
                value = self._piece(task, place, 0, item, tasks)
                content = None if value.is_in_files else value.content
                name = next((ref.name for ref in value.refs()), content)
                if isinstance(name, str) and name:
                    return name
        return ""

    def shared_refs(self, task: PlannedTask, tasks: Tasks) -> Iterator[StoredRef]:
        """The data-blocks that all items of a task are given."""
        return self._refs(task, 0, tasks, is_mapped=False)

    def own_refs(self, task: PlannedTask, item: int, tasks: Tasks) -> Iterator[StoredRef]:
        """The data-blocks that one item of a mapped task is given beside those."""
        return self._refs(task, item, tasks, is_mapped=True)

    def _refs(self, task: PlannedTask, item: int, tasks: Tasks, *, is_mapped: bool) -> Iterator[StoredRef]:
        for place, argument in enumerate(task.arguments):
            for index, source in enumerate(argument.sources):
                if source.type.is_data_block and argument.is_mapped is is_mapped:
                    yield from self._piece(task, place, index, item, tasks).refs()

    def _arguments(
        self, task: PlannedTask, item: int, tasks: Tasks, file_copy: FileCopy | None
    ) -> Iterator[GivenArgument]:
        for place, argument in enumerate(task.arguments):
            if argument.takes_blend_file and file_copy is not None:
                values = [TypedValue(argument.parameter.type, file_copy.filepath)]
            else:
                values = [self._shared(task, place, index, item, tasks) for index in range(len(argument.sources))]
            yield GivenArgument.of(argument.parameter, tuple(_piece(value, argument) for value in values))

    def _piece(self, task: PlannedTask, place: int, index: int, item: int, tasks: Tasks) -> TypedValue:
        """What one source of an argument gives to one item."""
        argument = task.arguments[place]
        key = task.id, place, index
        if key not in self._sources:
            value = self._constants.get(key) or self.source(argument.sources[index], tasks)
            self._sources[key] = TypedValue(value.type, value.elements()) if argument.is_mapped else value
        value = self._sources[key]
        return TypedValue(SocketType(value.type.kind), value.parts()[item]) if argument.is_mapped else value

    def _shared(self, task: PlannedTask, place: int, index: int, item: int, tasks: Tasks) -> TypedValue:
        """As `_piece`, but a long list that all items of a mapped task take is in a file, not in each request.

        A list that is in files already stays as it is: to merge them would take too long here.

        Raises:
            StoreError: if the file can't be written.
        """
        value = self._piece(task, place, index, item, tasks)
        if not task.mapped or not value.type.is_list or len(value.parts()) < _LONG or value.is_in_files:
            return value
        shared = value_files.stored_whole(value, self._scratch, least=0)
        self.files += shared.files()
        self._sources[task.id, place, index] = shared
        return shared


def _piece(value: TypedValue, argument: Argument) -> Piece:
    target = argument.parameter.type
    found = conversion(value.type, target)
    assert found is not None, f"the compiler let a {value.type} go to a {target}"
    return Piece(value, found)


def fault(task: PlannedTask, values: Mapping[str, TypedValue]) -> str | None:
    """What is wrong with the results that a worker reports for a task, None if nothing is."""
    for output in task.outputs:
        value = values.get(output.identifier)
        if value is None or value.type != output.type:
            given = "nothing" if value is None else f"a {value.type}"
            return f'output "{output.label}": the worker gave {given} instead of a {output.type}'
    return None


def list_lengths(values: Mapping[str, TypedValue]) -> dict[str, int]:
    """The lengths of the values that are lists."""
    return {identifier: value.num_elements for identifier, value in values.items() if value.type.is_list}
