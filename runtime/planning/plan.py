# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: a compiled graph, validated and ordered, ready to run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain

from ..errors import RunError
from ..script.signature import Parameter, ScriptSource
from ..script.socket_types import LiveRef, SocketType
from .destinations import FilesInUse
from .graph import NodeSettings, OutputAction, OutputMode, SceneSettings
from .sources import Constant, FromGroup, FromList, FromSwitch, FromTask, Loop, Shown, Source, Use, leaves


@dataclass(frozen=True, slots=True)
class Argument:
    """Where a parameter's value comes from.

    Several sources make one list, in order. A mapped argument has one source, a list, for a parameter that takes a
    single value: the task runs once for each item of the list; in a loop, once for each in each pass.
    """

    parameter: Parameter
    sources: tuple[Source, ...]
    is_mapped: bool = False

    @property
    def takes_blend_file(self) -> bool:
        """Whether it is the .blend file whose copy the task's worker has open."""
        return self.parameter.type.kind == "BLEND_FILE"


@dataclass(frozen=True, slots=True)
class TaskOutput:
    """An output of a task: what the script gives for one item. The fields are those of `signature.Output`."""

    identifier: str
    label: str
    type: SocketType
    annotation: str = ""
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class PlannedTask:
    """One node's execution.

    Attributes:
        id, name: those of the node's path.
        loops: the groups in whose passes it runs, each after those that it is in.
        uses: if switches decide whether it runs, how what it gives is used (see `demand`); else nothing.
        awaited: ids of the tasks beside those whose results it takes that it waits for: these decide.
        decisive: the outputs whose values decide what list nodes give, so that the scheduler must know them.
        rank: the length of the longest path from it to an end of the plan. The scheduler starts tasks of a higher rank
            first.
    """

    id: str
    name: str
    script: ScriptSource
    arguments: tuple[Argument, ...] = ()
    outputs: tuple[TaskOutput, ...] = ()
    settings: NodeSettings = field(default_factory=NodeSettings)
    loops: tuple[Loop, ...] = ()
    uses: tuple[Use, ...] = field(default=(), compare=False)  # they follow from the tasks that take something
    awaited: tuple[str, ...] = ()
    decisive: frozenset[str] = frozenset()
    rank: int = 0

    @property
    def has_items(self) -> bool:
        """Whether it runs once for each element of lists, so that their length decides how often."""
        return bool(self.loops) or any(argument.is_mapped for argument in self.arguments)

    @property
    def mapped(self) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.is_mapped)

    @property
    def dependencies(self) -> tuple[str, ...]:
        """Ids of the tasks this one waits for, each once."""
        taken = (leaf.task for leaf in self.leaves() if isinstance(leaf, FromTask))
        return tuple(dict.fromkeys((*taken, *self.awaited)))

    def sources(self) -> Iterator[Source]:
        for argument in self.arguments:
            yield from argument.sources

    def leaves(self) -> Iterator[Constant | FromTask]:
        """The constants and outputs of other tasks that its arguments are made of, and the lists of its loops."""
        found = leaves(self.sources())
        if not self.loops:  # a plan of many tasks is asked for them many times
            return found
        return chain(found, leaves(each.source for loop in self.loops for each in loop.lists))

    def source(self, output: TaskOutput) -> FromTask:
        """What an output gives in one pass; of a mapped task a list of what its script gives. Lists are joined."""
        is_list = output.type.is_list or bool(self.mapped)
        return FromTask(self.id, output.identifier, replace(output.type, is_list=is_list))

    def whole(self, output: TaskOutput) -> FromTask:
        """What an output gives in all passes, as one list."""
        source = self.source(output)
        return replace(source, type=replace(source.type, is_list=True)) if self.loops else source


@dataclass(frozen=True, slots=True)
class Delivery:
    """Results that are to come home: an Output node's (with its `action`) or, with none, an output's own.

    That is an output of a script node; or of a group node or a list node, which shows what other nodes give.

    Those that are only offered come home when somebody asks for them.
    """

    node: str
    socket: str
    sources: tuple[Source, ...]
    action: OutputAction | None = None
    is_offered: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """Ids of the tasks whose results these are, each once."""
        return tuple(dict.fromkeys(leaf.task for leaf in leaves(self.sources) if isinstance(leaf, FromTask)))

    @property
    def brings_data_blocks(self) -> bool:
        """Whether data-blocks of tasks are among them, and come home unasked."""
        return not self.is_offered and any(
            source.type.is_data_block and not isinstance(source, Constant) for source in self.sources
        )


@dataclass(frozen=True, slots=True)
class PlannedGroup:
    """A group node that has tasks in it, at any depth. `id` and `name` are those of its path.

    A node in a repeated group is one, too: it has a task in each pass.
    """

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class PlannedList:
    """A list node, by the id and the name of its path, and what it gives at its first output."""

    id: str
    name: str
    source: Source


@dataclass(frozen=True, slots=True)
class Plan:
    """Tasks, each after those it depends on, and those of their results that come home, to the scene `home`.

    `groups` and `lists` (the list nodes) are in the order of the graph.
    """

    name: str
    tasks: tuple[PlannedTask, ...]
    deliveries: tuple[Delivery, ...] = ()
    groups: tuple[PlannedGroup, ...] = ()
    lists: tuple[PlannedList, ...] = ()
    scene: SceneSettings = field(default_factory=SceneSettings)
    files: FilesInUse = field(default_factory=FilesInUse)
    home: LiveRef | None = None

    @property
    def takes_open_file(self) -> bool:
        """Whether a task works on a copy of the open file."""
        found = (leaf for task in self.tasks for leaf in task.leaves())
        return any(isinstance(leaf, Constant) and leaf.names_open_file for leaf in found)

    def source_at(self, node: str, output: str) -> Shown | None:
        """What shows its results at an output of a script node, group node or list node; None if nothing does.

        A node is given by its id, an output by its identifier, that of a group or list node also by its label.
        """
        for task in self.tasks:
            if task.id == node:
                return next((task.whole(each) for each in task.outputs if each.identifier == output), None)
        given = [source for item in self.deliveries for source in item.sources]
        given += (source for task in self.tasks for source in task.sources())
        others = (
            source for source in given if isinstance(source, FromGroup | FromList | FromSwitch) and source.node == node
        )
        return next((each for each in others if output in (each.output, each.label)), None)

    def part_for(self, node: str, output: str) -> Plan:
        """What brings one output of a script node or group node home; into the scene, if no Output node takes it home.

        Nothing that is at home stays beside it.

        Raises:
            RunError: if there is no such output.
        """
        source = self.source_at(node, output)
        if source is None:
            raise RunError("the node does not give this result any more. Run the node tree again")
        taken = [item for item in self.deliveries if source in item.sources and not item.is_offered]
        found = taken or [Delivery(node, output, (source,), OutputAction(OutputMode.LINK))]
        deliveries = tuple(
            item if item.action is None else replace(item, action=replace(item.action, keep_earlier=False))
            for item in found
        )
        needed = {task for item in deliveries for task in item.tasks}
        for task in reversed(self.tasks):
            if task.id in needed:
                needed.update(task.dependencies)
        return replace(self, tasks=tuple(task for task in self.tasks if task.id in needed), deliveries=deliveries)

    def live_refs(self) -> Iterator[tuple[LiveRef, ...]]:
        """The data-blocks of the open file that the run reads, in groups: those that a task is given together."""
        for task in self.tasks:
            for argument in task.arguments:
                for leaf in leaves(argument.sources):
                    yield from _live_refs(leaf, are_single=argument.is_mapped)
        loops = {loop.id: loop for task in self.tasks for loop in task.loops}
        for leaf in leaves(each.source for loop in loops.values() for each in loop.lists):
            yield from _live_refs(leaf, are_single=True)


def _live_refs(leaf: Constant | FromTask, *, are_single: bool) -> Iterator[tuple[LiveRef, ...]]:
    if isinstance(leaf, Constant) and leaf.type.is_data_block and leaf.value is not None:
        refs = leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
        yield from ((ref,) for ref in refs) if are_single else (refs,)
