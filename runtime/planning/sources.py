# SPDX-License-Identifier: GPL-3.0-or-later
"""Where values come from: what an argument of a task, or a delivery, is made of.

A group is taken to pieces when a graph is compiled, so that only these are left of it:

    Passed     what went into the group by several links, or at a socket of another type
    EachOf     what went in as a list where one value is wanted: one element at a time. That is a *loop*
    FromGroup  what came out of the group; of a loop, what all its passes gave

List nodes leave these:

    FromList   elements of one of its lists, in the order that the node gives them
    FromSwitch one of its inputs

All of them are found in the `sources` of each other. Whatever depends on an `EachOf` is different in each pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from ..script.socket_types import OPEN_FILE, SocketType, Value
from .lists import ListAction, ListOperation


@dataclass(frozen=True, slots=True)
class Constant:
    """A value known before the run. If it `is_picked`, a list node made it of what is there: it may leave nothing."""

    value: Value
    type: SocketType
    is_picked: bool = field(default=False, compare=False)

    @property
    def names_open_file(self) -> bool:
        values = self.value if isinstance(self.value, tuple) else (self.value,)
        return self.type.kind == "BLEND_FILE" and OPEN_FILE in values


@dataclass(frozen=True, slots=True)
class FromTask:
    """An output of another task of the plan; `type` is what it gives: a list if that task is mapped.

    Within a loop it is what the task gives in the same pass.
    """

    task: str
    output: str
    type: SocketType

    @property
    def place(self) -> tuple[str, str]:
        """The node and the socket that show it."""
        return self.task, self.output


@dataclass(frozen=True, slots=True)
class Passed:
    """What went into a group: the values of `sources`, converted to the type of the group's socket."""

    sources: tuple[Source, ...]
    type: SocketType


@dataclass(frozen=True, slots=True)
class EachOf:
    """In each pass of a loop, the next element of one of the lists that it runs over."""

    loop: str
    input: str
    type: SocketType


@dataclass(frozen=True, slots=True)
class LoopList:
    """A list that a loop runs over: what is linked to an input of the group that takes a single value."""

    input: str
    label: str
    source: Source


@dataclass(frozen=True, slots=True)
class Loop:
    """A group that runs once for each element of the lists that are linked to it; `id` and `name` are its node's."""

    id: str
    name: str
    lists: tuple[LoopList, ...]


@dataclass(frozen=True, slots=True)
class FromGroup:
    """What came out of a group: the values of `sources`, converted to the type of its socket.

    Attributes:
        node: the id of the group's node.
        output: the identifier of its output.
        label: what people call it.
        sources: what arrives there, in each pass.
        type: what comes out: a list if the group is a loop.
        loop: whose passes are put together to one list, None if it is no loop.
    """

    node: str
    output: str
    sources: tuple[Source, ...] = field(hash=False)  # a constant may hold a dict
    type: SocketType
    loop: Loop | None = field(default=None, hash=False)
    label: str = field(default="", compare=False)

    @property
    def place(self) -> tuple[str, str]:
        """The node and the socket that show it."""
        return self.node, self.output


@dataclass(frozen=True, slots=True)
class FromList:
    """What a list node gives at one of its outputs.

    Attributes:
        node: the id of the node.
        output: the identifier of its output.
        name: of the node, for people.
        operation: what it does.
        number: of the output.
        lists: what elements are taken from, each as one source.
        labels: what people call these.
        by: what decides which elements are given.
        type: what comes out.
    """

    node: str
    output: str
    name: str = field(compare=False)
    operation: ListOperation
    number: int
    lists: tuple[Source, ...] = field(hash=False)
    labels: tuple[str, ...]
    by: tuple[Source, ...] = field(hash=False)
    type: SocketType
    label: str = field(default="", compare=False)

    @property
    def place(self) -> tuple[str, str]:
        """The node and the socket that show it."""
        return self.node, self.output

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that it is made of."""
        return (*self.lists, *self.by)

    @property
    def taken_from(self) -> Source:
        """The list that its elements are from."""
        is_of_one = self.operation.action not in (ListAction.CROSS_PRODUCT, ListAction.ZIP)
        return self.lists[0 if is_of_one else self.number]


@dataclass(frozen=True, slots=True)
class FromSwitch:
    """What a Switch node gives: one of `branches`, by which of `choices` the value of `by` is."""

    node: str
    output: str
    name: str = field(compare=False)
    choices: tuple[bool | int | str, ...]
    by: Source = field(hash=False)
    branches: tuple[Source, ...] = field(hash=False)
    type: SocketType
    label: str = field(default="", compare=False)

    @property
    def place(self) -> tuple[str, str]:
        """The node and the socket that show it."""
        return self.node, self.output

    @property
    def sources(self) -> tuple[Source, ...]:
        """All that it may be made of."""
        return (self.by, *self.branches)


Source = Constant | FromTask | Passed | EachOf | FromGroup | FromList | FromSwitch


@dataclass(frozen=True, slots=True)
class Guard:
    """A switch takes one of its inputs, by its number."""

    switch: FromSwitch
    number: int


@dataclass(frozen=True, slots=True)
class Use:
    """A way in which what a task gives is used: by the task `user`, "" if it comes home, if all `guards` are so."""

    user: str
    guards: tuple[Guard, ...] = ()


#: What an output of a node shows.
Shown = FromTask | FromGroup | FromList | FromSwitch


def loops_around(source: Source, of_task: Callable[[str], Iterable[str]]) -> set[str]:
    """The ids of the loops in each pass of which a source gives something else.

    `of_task` gives those of a task, by its id.
    """
    return set(_Around(of_task).of(source))


class _Around:
    """Finds the loops around sources. A source that is found in many others is looked at once."""

    def __init__(self, of_task: Callable[[str], Iterable[str]]) -> None:
        self._of_task = of_task
        self._known: dict[int, frozenset[str]] = {}

    def of(self, source: Source) -> frozenset[str]:
        if id(source) not in self._known:
            self._known[id(source)] = self._find(source)
        return self._known[id(source)]

    def _find(self, source: Source) -> frozenset[str]:
        match source:
            case Constant():
                return frozenset()
            case FromTask(task=task):
                return frozenset(self._of_task(task))
            case EachOf(loop=loop):
                return frozenset({loop})
            case Passed() | FromList() | FromSwitch():
                return self._of_all(source.sources)
            case FromGroup(sources=sources, loop=ended):
                lists = [each.source for each in ended.lists] if ended else []
                return (self._of_all(sources) - ({ended.id} if ended else set())) | self._of_all(lists)

    def _of_all(self, sources: Iterable[Source]) -> frozenset[str]:
        return frozenset().union(*map(self.of, sources))


#: What sources are made of; a tuple, for each task of a plan is asked for them many times.
_LEAVES = (Constant, FromTask)


def leaves(sources: Iterable[Source]) -> Iterator[Constant | FromTask]:
    """The constants and outputs of tasks that sources are made of, in order. An `EachOf` is made of none.

    The lists that a loop runs over are found where it ends, in a `FromGroup`; within it, the task knows its loops.
    What groups and list nodes make of sources is looked at once, though it may be found in many others.
    """
    seen: set[int] = set()
    for source in sources:
        if isinstance(source, _LEAVES):
            yield source
        else:
            yield from _leaves_within(source, seen)


def _leaves_within(whole: Source, seen: set[int]) -> Iterator[Constant | FromTask]:
    """The same for one source. `seen` has what was looked at."""
    waiting = [whole]
    while waiting:
        source = waiting.pop()
        if isinstance(source, _LEAVES):
            yield source
        elif not isinstance(source, EachOf) and id(source) not in seen:
            seen.add(id(source))
            waiting += reversed(source.sources)
            loop = source.loop if isinstance(source, FromGroup) else None
            waiting += reversed([each.source for each in loop.lists] if loop else [])


def hang_on_lists(source: Source) -> bool:
    """Whether list nodes make anything of it, so that it means nothing before all that it is made of is there."""
    waiting, seen = [source], set[int]()
    while waiting:
        found = waiting.pop()
        if isinstance(found, FromList | FromSwitch):
            return True
        if isinstance(found, Passed | FromGroup) and id(found) not in seen:
            seen.add(id(found))
            waiting += found.sources
            loop = found.loop if isinstance(found, FromGroup) else None
            waiting += (each.source for each in (loop.lists if loop else ()))
    return False
