# SPDX-License-Identifier: GPL-3.0-or-later
"""The results of the tasks of one run, and the inputs of each item that are made from them."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ..errors import MisfitError, StoreError
from ..planning.graph import SceneSettings
from ..planning.lists import ListAction, ListError
from ..planning.node_path import is_inside
from ..planning.plan import Argument, PlannedTask
from ..planning.sources import Constant, FromGroup, FromList, FromSwitch, FromTask, Loop, Passed, Source, loops_around
from ..scheduling.expansion import Counting
from ..scheduling.layout import NO_PASSES, Layout, Passes
from ..scratch import value_files
from ..scratch.scratch import Scratch, ScratchFolder
from ..scratch.typed_values import HOLE, TypedValue
from ..script import blend_files
from ..script.blend_files import FileCopy
from ..script.socket_types import (
    OPEN_FILE,
    PLAIN_CONVERSIONS,
    LiveRef,
    SocketType,
    StoredRef,
    conversion,
    steps,
    then,
)
from .evaluation import Count, Evaluation, Within, single
from .messages import Execute, GivenArgument, Piece, SharedFiles, WorkerKind

#: Kinds of parameters that name files.
_NOT_PLAIN: Final = frozenset({"PATH", "BLEND_FILE"})
#: A list of at least this many parts is long: see `Results._shared`.
_LONG: Final = 100
#: Stands for all of what can't be told, as something is missing.
_UNTOLD: Final = ("?", HOLE)

#: The tasks of a run by id, in the form that the last retry gave them.
Tasks = Mapping[str, PlannedTask]


class Results:
    """The results of a run, item by item.

    Attributes:
        copies: of .blend files, by the path that a task is given, `OPEN_FILE` for the open file.
        files: names of the files in the scratch folder that hold large constants and long lists, see `_shared`.
    """

    def __init__(
        self,
        scratch: Scratch,
        snapshot: Mapping[LiveRef, StoredRef],
        open_file: FileCopy | None = None,
        layout_of: Callable[[str], Layout | None] = lambda _task: None,
        skipped: Callable[[str], Sequence[int]] = lambda _task: (),
        count: Count = lambda: Counting({}),
    ) -> None:
        """Nothing is there at first.

        Args:
            scratch: where large values are.
            snapshot: where the open file's data-blocks are.
            open_file: a copy of all of it, if wanted.
            layout_of: tells of a task, by its id, which items are in which pass, once that is known.
            skipped: tells of a task which items don't run because others did not succeed, in order.
            count: makes what counts the elements that tasks gave, and those that are missing.
        """
        self.copies: dict[str, FileCopy] = {} if open_file is None else {OPEN_FILE: open_file}
        self.files: list[str] = []
        self._scratch = scratch
        self._snapshot = snapshot
        self._items: dict[str, dict[int, Mapping[str, TypedValue]]] = {}
        self._moves: dict[StoredRef, StoredRef] = {}
        self._befores: dict[StoredRef, list[StoredRef]] = {}  # where what is at a place was before, the first one first
        self._layout_of = layout_of
        self._skipped = skipped
        # A cache: the value of each source of a task's arguments, by task, index of the argument, index of the source.
        self._sources: dict[tuple[str, int, int], TypedValue] = {}
        # The same of sources that went through groups, with the numbers of the passes that they depend on.
        self._passed: dict[tuple[str, int, int, tuple[int, ...]], list[Piece]] = {}
        # The loops in each pass of which a source gives something else, by the same as the first.
        self._around: dict[tuple[str, int, int], list[str]] = {}
        self._evaluation = Evaluation(self._read, self._plain, count)
        # Large constants in files, by the same.
        self._constants: dict[tuple[str, int, int], TypedValue] = {}
        # The places of items of a task, by the passes that they are in: nodes that follow each other ask for them.
        self._names_of_items: dict[tuple[str, tuple[tuple[str, int], ...]], Sequence[str]] = {}

    def put(self, task: str, item: int, values: Mapping[str, TypedValue]) -> None:
        self._names_of_items.clear()
        self._items.setdefault(task, {})[item] = values

    def remove(self, task: str) -> None:
        """Forget what the items of a task gave."""
        self._names_of_items.clear()
        self._items.pop(task, None)

    def move(self, refs: Sequence[StoredRef], places: Sequence[StoredRef]) -> None:
        """Note that data-blocks are in other blobs now: each of `refs` is at the same index of `places`."""
        for ref, place in zip(refs, places, strict=True):
            befores = [*self._befores.pop(ref, ()), ref]
            self._befores[place] = befores
            self._moves.update(dict.fromkeys(befores, place))
        self._forget()

    def first_place(self, ref: StoredRef) -> StoredRef:
        """Where a data-block was before it was moved."""
        return self._befores.get(ref, (ref,))[0]

    def forget_inputs(self) -> None:
        """Empty the cache of inputs, because a retry has changed the tasks."""
        self._forget()
        self._around.clear()

    def _forget(self) -> None:
        self._sources.clear()
        self._passed.clear()
        self._names_of_items.clear()
        self._evaluation.forget()

    def item(self, task: str, index: int) -> Mapping[str, TypedValue] | None:
        """What an item of a task gave, by the output's identifier; None if it did not succeed."""
        values = self._items.get(task, {}).get(index)
        return None if values is None else {name: value.moved(self._moves) for name, value in values.items()}

    def output(self, task: PlannedTask, identifier: str) -> TypedValue:
        """The value of an output of a task; if it has items, those of all that succeeded as one list."""
        items = self._items.get(task.id, {})
        if not task.has_items:
            return items[0][identifier].moved(self._moves)
        return self._as_list(task, identifier, sorted(items))

    def _with_holes(self, task: PlannedTask, identifier: str) -> TypedValue:
        """The same, with a hole for each item that gave nothing."""
        layout = self._layout_of(task.id)
        if not task.has_items or layout is None:
            return self.output(task, identifier)
        return self._as_list(task, identifier, range(layout.num_items))

    def _as_list(self, task: PlannedTask, identifier: str, indices: Iterable[int]) -> TypedValue:
        items = self._items.get(task.id, {})
        kind = next(output.type.kind for output in task.outputs if output.identifier == identifier)
        given = (items[index][identifier].parts() if index in items else (HOLE,) for index in indices)
        elements = (part for parts in given for part in parts)
        return TypedValue(SocketType(kind, is_list=True), tuple(elements)).moved(self._moves)

    def _output_in(self, task: PlannedTask, source: FromTask, passes: Passes) -> TypedValue | None:
        """What an output of a task gave in certain passes; None if it is not needed there, and should be one value."""
        if not task.loops:
            has_given = task.has_items or 0 in self._items.get(task.id, {})
            return self._with_holes(task, source.output) if has_given else None
        layout = self._layout_of(task.id)
        value = self._as_list(task, source.output, () if layout is None else layout.items(passes))
        if source.type.is_list:
            return value
        return TypedValue(source.type, value.parts()[0]) if value.parts() else None

    def plain_values(self, task: PlannedTask, tasks: Tasks) -> tuple[TypedValue, ...] | None:
        """What a task takes from others, in the very objects that were `put`.

        None if it has items, or takes anything but plain values that others gave as one.
        """
        if task.loops:
            return None
        values = []
        for argument in task.arguments:
            if argument.is_mapped or argument.parameter.type.kind in _NOT_PLAIN:
                return None
            for source in argument.sources:
                if source.type.is_data_block or not isinstance(source, Constant | FromTask):
                    return None
                if isinstance(source, FromTask):
                    if tasks[source.task].has_items:  # the values of its items are put together each time
                        return None
                    values.append(self.output(tasks[source.task], source.output))
        return tuple(values)

    def placed(self, source: Source, tasks: Tasks) -> Iterator[tuple[str, Any]]:
        """The data-blocks that come out of a source with their places, those of items that succeeded.

        A place is "2" for an element of a list, "2.0" for an element of the list that an item gave. An item of a mapped
        task has the place of what it is made of, and before that, there is the same of the pass of a loop. So it is the
        same whichever other items succeed, and however many elements they give.
        """
        return ((place, each) for place, each in self._placed(source, Within(tasks)) if each is not HOLE)

    def missing_places(self, source: Source, tasks: Tasks) -> Iterator[str]:
        """The places of elements that are not there, as items did not succeed; one of an item that gives a list."""
        return (place for place, each in self._placed(source, Within(tasks)) if each is HOLE)

    def _placed(self, source: Source, within: Within) -> Iterator[tuple[str, Any]]:
        """The same with a hole for each element that is not there: list nodes find elements by their number."""
        match source:
            case FromTask():
                yield from self._placed_by_task(within.tasks[source.task], source.output, within)
            case Passed(sources=(inner,)) | FromGroup(sources=(inner,), loop=None):
                yield from self._placed_if_told(inner, within)
            case Passed(sources=sources) | FromGroup(sources=sources, loop=None):
                for number, inner in enumerate(sources):
                    yield from _below(number, self._placed_if_told(inner, within))
            case FromGroup(loop=Loop() as loop):
                yield from self._placed_in_loop(loop, replace(source, loop=None), within)
            case FromSwitch():
                yield from self._placed(self._evaluation.chosen(source, within), within)
            case FromList() if source.type.is_list:
                found = list(self._placed(source.taken_from, within))
                yield from _each_once(found, self._evaluation.indices(source, within))
            case _:
                pieces = single(self._evaluation.pieces(source, within))
                placed = ((str(number), piece.value) for number, piece in enumerate(pieces))
                yield from ((place, value.content) for place, value in placed)

    def _placed_in_loop(self, loop: Loop, in_pass: FromGroup, within: Within) -> Iterator[tuple[str, Any]]:
        if self._evaluation.is_untold(loop, within):
            yield _UNTOLD
            return
        passes = list(self._evaluation.passes(loop, within))
        names = self._names(loop.lists[0].source, within.around(loop), len(passes))
        for name, each in zip(names, passes, strict=True):
            found = self._placed(in_pass, each)
            if self._evaluation.is_over_hole(loop, each):
                found = ((place, HOLE) for place, _element in found)
            yield from _below(name, found)

    def _placed_if_told(self, source: Source, within: Within) -> Iterator[tuple[str, Any]]:
        return self._placed(source, within) if self._evaluation.is_told(source, within) else iter((_UNTOLD,))

    def _placed_by_task(self, task: PlannedTask, identifier: str, within: Within) -> Iterator[tuple[str, Any]]:
        layout, passes = self._layout_of(task.id), within.passes if task.loops else NO_PASSES
        items = self._items.get(task.id, {})
        is_one = not task.mapped and (not task.loops or bool(passes))
        indices = sorted(items) if layout is None else layout.items(passes)
        is_named = layout is not None and task.mapped and bool(passes) == bool(task.loops)
        first = indices.start if isinstance(indices, range) and task.loops else 0
        names: Sequence[str] = [str(index - first) for index in indices]
        if is_named:
            key = task.id, tuple(passes.items())
            if key not in self._names_of_items:
                self._names_of_items[key] = self._names(task.mapped[0].sources[0], within, len(names))
            names = self._names_of_items[key]
        for name, index in zip(names, indices, strict=True):
            if index not in items:
                yield name, HOLE
                continue
            value = items[index][identifier].moved(self._moves)
            for number, element in enumerate(value.elements()):
                if is_one:
                    yield str(number), element
                else:
                    yield f"{name}.{number}" if value.type.is_list else name, element

    def _names(self, source: Source, within: Within, length: int) -> Sequence[str]:
        """The places of the elements of a list that items or passes are made of."""
        if not self._is_numbered(source, within):
            found = [place for place, _element in self._placed(source, within)]
            if len(found) == length:
                return found
        return [str(number) for number in range(length)]

    def _is_numbered(self, source: Source, within: Within) -> bool:
        """Whether the places of elements are their numbers, whichever items succeed."""
        while isinstance(source, FromTask):
            task = within.tasks[source.task]
            if not task.mapped:
                break
            if next(each for each in task.outputs if each.identifier == source.output).type.is_list:
                return False
            source = task.mapped[0].sources[0]
        if isinstance(source, FromList):  # others find elements by number, or give none: see `Counting`
            return source.operation.action is not ListAction.FLATTEN
        return not isinstance(source, FromGroup | FromSwitch | Passed)

    def source(self, source: Source, tasks: Tasks) -> TypedValue:
        """The value that comes out of a source, converted where it went through groups.

        A list has what items gave that succeeded. Raises StoreError.
        """
        if isinstance(source, Constant):
            return TypedValue(source.type, self._constant(source.value)).moved(self._moves)
        if isinstance(source, FromTask):
            return self.output(tasks[source.task], source.output)
        pieces = self._evaluation.pieces(source, Within(tasks))
        elements = tuple(part for piece in pieces for part in self._converted(piece) if part is not HOLE)
        return TypedValue(source.type, elements if source.type.is_list else elements[0])

    def _converted(self, piece: Piece) -> tuple[Any, ...]:
        """What a piece is after conversions that need no Blender: the compiler lets no others come home."""
        names = [name for name in steps(piece.conversion) if name in PLAIN_CONVERSIONS]
        if not names:
            return piece.value.parts()
        elements = value_files.loaded(piece.value, self._scratch.folder).elements()
        for name in names:
            convert = PLAIN_CONVERSIONS[name]
            elements = tuple(each if each is None or each is HOLE else convert(each) for each in elements)
        return elements

    def _plain(self, piece: Piece) -> tuple[Any, ...]:
        """The values of a piece that decides something."""
        return self._converted(Piece(value_files.loaded(piece.value, self._scratch.folder), piece.conversion))

    def _read(self, source: Constant | FromTask, within: Within) -> TypedValue | None:
        if isinstance(source, Constant):
            return self.source(source, within.tasks)
        return self._output_in(within.tasks[source.task], source, within.passes)

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
            kind=WorkerKind(task.settings.addons, task.settings.preferences),
            file_copy="" if file_copy is None else file_copy.blob,
            task=task.id,
            item=item,
            position=self.position(task, item),
            shared=shared,
            is_digested=is_digested,
        )

    def columns(self, task: PlannedTask, tasks: Tasks) -> dict[str, list[object]]:
        """What each item of a task is given, for each parameter where that differs. Data-blocks are given as names.

        Items that are skipped are left out.
        """
        layout, skipped = self._layout_of(task.id), set(self._skipped(task.id))
        if not task.loops or layout is None:
            found = {
                each.parameter.identifier: value_files.named(self._mapped(each.sources[0], tasks), self._scratch.folder)
                for each in task.mapped
            }
            return {
                name: [value for item, value in enumerate(values) if item not in skipped]
                for name, values in found.items()
            }
        items = [item for item in range(layout.num_items) if item not in skipped]
        return {
            argument.parameter.identifier: [self._named(task, place, item, tasks) for item in items]
            for place, argument in enumerate(task.arguments)
            if any(self._differs(task, place, index, tasks) for index in range(len(argument.sources)))
        }

    def position(self, task: PlannedTask, item: int) -> int:
        """The number of an item among those that are not skipped."""
        return item - bisect.bisect_left(self._skipped(task.id), item)

    def _named(self, task: PlannedTask, place: int, item: int, tasks: Tasks) -> object:
        """What one argument of an item is, with data-blocks as their names; nothing if lists don't fit together."""
        argument = task.arguments[place]
        try:
            values = [
                piece.value
                for index in range(len(argument.sources))
                for piece in self._given(task, place, index, item, tasks)
            ]
        except ListError:  # that item fails when it starts, the others need not
            values = []
        found = [name for value in values for name in value_files.named(value, self._scratch.folder)]
        return found if argument.parameter.type.is_list else next(iter(found), None)

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
        (given,) = self._given(task, place, 0, item, tasks)
        value = value_files.loaded(given.value, self._scratch.folder).content
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
        return [
            _piece(given, source, argument)
            for index, source in enumerate(argument.sources)
            for given in self._given(task, place, index, item, tasks)
        ]

    def item_name(self, task: PlannedTask, item: int, tasks: Tasks) -> str:
        """The name of the data-block, or the text, that an item of a task works on; "" if it has none."""
        for place, argument in enumerate(task.arguments):
            if not argument.parameter.type.is_list and argument.sources and self._differs(task, place, 0, tasks):
                try:
                    (given,) = self._given(task, place, 0, item, tasks)
                except ListError:  # that is why it failed
                    continue
                content = None if given.value.is_in_files else given.value.content
                name = next((ref.name for ref in given.value.refs()), content)
                if isinstance(name, str) and name:
                    return name
        return ""

    def shared_refs(self, task: PlannedTask, tasks: Tasks) -> Iterator[StoredRef]:
        """The data-blocks that all items of a task are given."""
        return self._refs(task, 0, tasks, differs=False)

    def own_refs(self, task: PlannedTask, item: int, tasks: Tasks) -> Iterator[StoredRef]:
        """The data-blocks that one item of a task is given beside those."""
        return self._refs(task, item, tasks, differs=True)

    def _refs(self, task: PlannedTask, item: int, tasks: Tasks, *, differs: bool) -> Iterator[StoredRef]:
        for place, argument in enumerate(task.arguments):
            for index, source in enumerate(argument.sources):
                if source.type.is_data_block and self._differs(task, place, index, tasks) is differs:
                    for given in self._given(task, place, index, item, tasks):
                        yield from given.value.refs()

    def _arguments(
        self, task: PlannedTask, item: int, tasks: Tasks, file_copy: FileCopy | None
    ) -> Iterator[GivenArgument]:
        for place, argument in enumerate(task.arguments):
            if argument.takes_blend_file and file_copy is not None:
                pieces = [Piece(TypedValue(argument.parameter.type, file_copy.filepath))]
            else:
                pieces = [
                    _piece(given, source, argument)
                    for index, source in enumerate(argument.sources)
                    for given in self._shared(task, place, index, item, tasks)
                ]
            yield GivenArgument.of(argument.parameter, tuple(pieces))

    def _differs(self, task: PlannedTask, place: int, index: int, tasks: Tasks) -> bool:
        """Whether one source of an argument gives each item something else."""
        return task.arguments[place].is_mapped or bool(self._loops_around(task, place, index, tasks))

    def _loops_around(self, task: PlannedTask, place: int, index: int, tasks: Tasks) -> list[str]:
        key = task.id, place, index
        if key not in self._around:
            source = task.arguments[place].sources[index]
            found = loops_around(source, lambda each: (loop.id for loop in tasks[each].loops)) if task.loops else set()
            # A loop's lists may be others in each pass of those around it.
            self._around[key] = [
                loop.id for loop in task.loops if any(each == loop.id or is_inside(each, loop.id) for each in found)
            ]
        return self._around[key]

    def _given(self, task: PlannedTask, place: int, index: int, item: int, tasks: Tasks) -> list[Piece]:
        """What one source of an argument gives to one item, with the conversions on the way through groups."""
        source, is_mapped = task.arguments[place].sources[index], task.arguments[place].is_mapped
        around = self._loops_around(task, place, index, tasks)
        within, number = self._where(task, item, tasks) if task.loops else (Within(tasks), item)
        if isinstance(source, Constant | FromTask) and not around:
            return [Piece(self._value(task, place, index, number, tasks))]
        key = task.id, place, index, tuple(within.passes[loop] for loop in around)
        if key not in self._passed:
            pieces = self._evaluation.pieces(source, within)
            self._passed[key] = single(pieces) if is_mapped else pieces
        return [self._passed[key][number]] if is_mapped else self._passed[key]

    def _where(self, task: PlannedTask, item: int, tasks: Tasks) -> tuple[Within, int]:
        """The passes of loops that an item is in, and its number among the items there."""
        layout = self._layout_of(task.id)
        assert layout is not None, f'"{task.name}" has no items yet'
        passes, number = layout.passes_of(item)
        return Within(tasks, {loop.id: loop for loop in task.loops}, passes), number

    def _value(self, task: PlannedTask, place: int, index: int, number: int, tasks: Tasks) -> TypedValue:
        """What a constant, or another task, gives to an item in whatever pass; `number` is the item's there."""
        argument = task.arguments[place]
        key = task.id, place, index
        if key not in self._sources:
            source = argument.sources[index]
            value = self._mapped(source, tasks) if argument.is_mapped else self._constants.get(key)
            value = value or self.source(source, tasks)
            self._sources[key] = TypedValue(value.type, value.elements()) if argument.is_mapped else value
        value = self._sources[key]
        return TypedValue(SocketType(value.type.kind), value.parts()[number]) if argument.is_mapped else value

    def _mapped(self, source: Source, tasks: Tasks) -> TypedValue:
        """The list that a source gives to a task that is mapped over it, with a hole for what is not there."""
        if isinstance(source, FromTask):
            return self._with_holes(tasks[source.task], source.output)
        if isinstance(source, Constant):
            return self.source(source, tasks)
        pieces = self._evaluation.pieces(source, Within(tasks))
        return TypedValue(source.type, tuple(part for piece in pieces for part in self._converted(piece)))

    def _shared(self, task: PlannedTask, place: int, index: int, item: int, tasks: Tasks) -> list[Piece]:
        """As `_given`, but a long list that all items of a task take is in a file, not in each request.

        A list that is in files already stays as it is: to merge them would take too long here.

        Raises:
            StoreError: if the file can't be written.
        """
        given = self._given(task, place, index, item, tasks)
        if not task.has_items or self._differs(task, place, index, tasks):
            return given
        key = task.id, place, index
        if key not in self._sources:  # it went through a group
            return given
        value = self._sources[key]
        if not value.type.is_list or len(value.parts()) < _LONG or value.is_in_files:
            return given
        self._sources[key] = value_files.stored_whole(value, self._scratch, least=0)
        self.files += self._sources[key].files()
        return [Piece(self._sources[key])]


def _below(number: int | str, placed: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    return ((f"{number}.{place}", element) for place, element in placed)


def _each_once(found: Sequence[tuple[str, Any]], indices: Iterable[int]) -> Iterator[tuple[str, Any]]:
    """Some of what has places, at places that are all different: what is repeated has further ones below its own.

    One below may have been given to what was repeated before.
    """
    taken, last = {place for place, _element in found}, Counter[str]()
    seen = set[str]()
    for place, element in (found[index] for index in indices):
        if place not in seen:
            seen.add(place)
            yield place, element
            continue
        last[place] += 1
        while (below := f"{place}.{last[place]}") in taken:
            last[place] += 1
        yield below, element


def _piece(given: Piece, source: Source, argument: Argument) -> Piece:
    """What is given, with the conversion into what the argument takes."""
    target = argument.parameter.type
    found = conversion(source.type, target)
    assert found is not None, f"the compiler let a {source.type} go to a {target}"
    return Piece(given.value, then(given.conversion, found))


def fault(task: PlannedTask, values: Mapping[str, TypedValue]) -> str | None:
    """What is wrong with the results that a worker reports for a task, None if nothing is."""
    for output in task.outputs:
        value = values.get(output.identifier)
        if value is None or value.type != output.type:
            given = "nothing" if value is None else f"a {value.type}"
            return f'output "{output.label}": the worker gave {given} instead of a {output.type}'
    return None


def decisive_values(
    task: PlannedTask, values: Mapping[str, TypedValue], folder: ScratchFolder
) -> dict[str, tuple[Any, ...]]:
    """The values of a result that decide what list nodes give, as elements of lists. Raises StoreError."""
    return {name: value_files.loaded(values[name], folder).elements() for name in sorted(task.decisive)}


def list_lengths(values: Mapping[str, TypedValue]) -> dict[str, int]:
    """The lengths of the values that are lists."""
    return {identifier: value.num_elements for identifier, value in values.items() if value.type.is_list}
