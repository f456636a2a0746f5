# SPDX-License-Identifier: GPL-3.0-or-later
"""Compiles a graph into a plan: checks it, reports all problems at once, and keeps only what has to run.

    graph -- wiring.search --> points in order, circles -- _Compiler --> tasks, deliveries
                                                             |
                                                             +--> problems

The plan has no reroutes, frames, groups and muted nodes. If only some nodes are asked for, it has only what they need.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ..errors import CompileError, MisfitError, Problem
from ..script import blend_files
from ..script.signature import MISSING, Parameter
from ..script.socket_types import SocketType, Value, conversion
from ..script.values import fit, fit_parameter, with_article
from .destinations import check_place
from .fixes import ask_for_similar, fix_missing, fix_refused, fix_unset
from .graph import Graph, GraphLink, GraphNode, InputSocket, NodeKind, OutputMode, OutputSocket
from .groups import Groups, can_come_home, gives_results, holds_originals, is_countable
from .node_path import groups_of, is_in_group
from .ordering import ordered, ranked
from .plan import Argument, Delivery, Plan, PlannedGroup, PlannedTask, TaskOutput
from .sources import Constant, FromGroup, FromTask, Source, leaves
from .wiring import Point, Wiring, is_open, is_passing

#: Names of a circle's nodes that are listed before and after the dots.
_SHOWN_OF_CYCLE: Final = 8

#: Conversions whose result can be checked before the run; the others happen in a worker.
_FORESEEABLE: Final[dict[str, Callable[[Any], Value]]] = {
    "": lambda value: value,
    "check_kind": lambda value: value,
    "check_value": lambda value: value,
    "check_blend_file": blend_files.checked,
    "int": int,
    "float": float,
}


@dataclass(frozen=True, slots=True)
class _Feed:
    """What arrives at a socket. `is_broken`: something that should arrive is missing, which is a problem already."""

    sources: tuple[Source, ...] = ()
    is_broken: bool = False


def compile_graph(graph: Graph, *, until: str | Sequence[str] | None = None) -> Plan:
    """Make a plan of a graph.

    Args:
        graph: what the reader made of a node tree.
        until: name or names of nodes: only these and what they need; None for the whole tree.

    Raises:
        CompileError: with all problems of the nodes that would run.
    """
    _refuse_twins(graph)
    wiring = Wiring(graph)
    return _Compiler(graph, wiring, _roots(graph, wiring, until)).compile()


def _refuse_twins(graph: Graph) -> None:
    """Refuse nodes with the same id, and scripts and groups with the same name: a path may read like a node's name."""
    counts = Counter(node.id for node in graph.nodes)
    message, fix = "another node has the same id", "Delete the node and add it again"
    twins = [Problem(node.name, "", message, fix, node.id) for node in graph.nodes if counts[node.id] > 1]
    named = [node for node in graph.nodes if node.kind in (NodeKind.SCRIPT, NodeKind.GROUP)]
    names = Counter(node.name for node in named)
    message, fix = "a node in a group is called the same", "Rename this node or the group's"
    outer = (node for node in named if names[node.name] > 1 and not twins)
    twins += [Problem(node.name, "", message, fix, node.id) for node in outer]
    if twins:
        raise CompileError(twins)


def _roots(graph: Graph, wiring: Wiring, until: str | Sequence[str] | None) -> list[Point]:
    if until is None:
        ends = (NodeKind.SCRIPT, NodeKind.OUTPUT, NodeKind.GROUP)
        found = [Point(node.id) for node in graph.nodes if node.kind in ends and not node.is_muted]
        outer = [node for node in graph.nodes if is_open(node) and not is_in_group(node.id)]
        return found + [Point(node.id, socket.identifier) for node in outer for socket in node.outputs]
    wanted = [until] if isinstance(until, str) else list(dict.fromkeys(until))
    nodes: dict[str, list[GraphNode]] = defaultdict(list)
    for node in graph.nodes:
        nodes[node.name].append(node)
    unknown = [_unknown_node(name, nodes) for name in wanted if name not in nodes]
    if unknown:
        raise CompileError(unknown)
    return [point for name in wanted for node in nodes[name] for point in wiring.points(node)]


def _unknown_node(name: str, names: Iterable[str]) -> Problem:
    fix = ask_for_similar(name, names) or "Give the name of a node in the tree"
    return Problem("", "", f"there is no node {_quoted(name)}", fix)


class _Compiler:
    """One compilation."""

    def __init__(self, graph: Graph, wiring: Wiring, roots: list[Point]) -> None:
        self.graph = graph
        self.wiring = wiring
        self.search = wiring.search(roots)
        self.problems: list[Problem] = []
        self.feeds: dict[Point, _Feed] = {}
        self.groups = Groups()
        self.followed: set[Point] = set()  # what links bring from
        self.tasks: dict[str, PlannedTask] = {}
        self.taken: dict[str, list[Delivery]] = {}  # by Output node
        self.readers: defaultdict[str, list[PlannedTask]] = defaultdict(list)  # by path

    def compile(self) -> Plan:
        self._report_cycles()
        for point in self.search.order:
            self._visit(point)
        for node in self.graph.nodes:
            self._report_lengths(node, [(each.label, each.source) for each in self.groups.lists(node.id)])
        self.tasks = self.groups.with_loops(self.tasks)
        self._check_collections()
        deliveries = self._deliveries()
        if not self.problems and not self.tasks and not deliveries:
            self.problems.append(
                Problem("", "", "there is nothing to run", "Add a script node, or unmute one of the nodes")
            )
        if self.problems:
            raise CompileError(self._sorted_problems())
        tasks = ranked(ordered(self.tasks, self.wiring.index))
        return Plan(
            self.graph.name,
            tuple(tasks),
            tuple(deliveries),
            tuple(self._groups()),
            scene=self.graph.scene,
            files=self.graph.files,
            home=self.graph.home,
        )

    def _groups(self) -> Iterator[PlannedGroup]:
        """The group nodes that have tasks in them."""
        with_tasks = {group for task in self.tasks for group in groups_of(task)}
        return (PlannedGroup(node.id, node.name) for node in self.graph.nodes if node.id in with_tasks)

    # Problems

    def _report(self, node: GraphNode, socket: str, message: str, fix: str) -> None:
        self.problems.append(Problem(node.name, socket, message, fix, node.id))

    def _sorted_problems(self) -> list[Problem]:
        index = self.wiring.index
        return sorted(dict.fromkeys(self.problems), key=lambda problem: index.get(problem.node_id, -1))

    def _report_cycles(self) -> None:
        seen: set[tuple[str, ...]] = set()
        for cycle in self.search.cycles:
            # A circle through a group is found within it, too: it is told of as the outer tree shows it.
            ids = dict.fromkeys(point.node for point in cycle)
            nodes = [self.wiring.nodes[each] for each in ids if not any(group in ids for group in groups_of(each))]
            if tuple(sorted(node.id for node in nodes)) in seen:
                continue
            seen.add(tuple(sorted(node.id for node in nodes)))
            shown = [node for node in nodes if node.kind is not NodeKind.REROUTE] or nodes
            names = [_quoted(node.name) for node in [*shown, shown[0]]]
            if len(names) > 2 * _SHOWN_OF_CYCLE:
                names[_SHOWN_OF_CYCLE:-_SHOWN_OF_CYCLE] = ["..."]
            self._report(shown[0], "", f"the links go in a circle: {' > '.join(names)}", "Remove one of these links")

    # The points of the search, each after those it depends on

    def _visit(self, point: Point) -> None:
        node = self.wiring.nodes[point.node]
        if is_passing(node):
            self.feeds[point] = self._passed(node, point)
        elif node.kind is NodeKind.SCRIPT:
            self._visit_script(node)
        elif node.kind is NodeKind.OUTPUT:
            self._visit_output(node)
        elif node.kind is NodeKind.INPUT:
            self.problems.extend(node.problems)
        elif node.kind is NodeKind.GROUP:
            self._visit_group(node, point)

    def _visit_group(self, node: GraphNode, point: Point) -> None:
        self.problems.extend(node.problems)
        if not point.socket:
            self._report_lost_links(node)
        elif point in self.wiring.inputs:
            self.feeds[point] = self._entered(node, self.wiring.inputs[point])
        else:
            self.feeds[point] = self._left(node, self.wiring.outputs[point])

    def _entered(self, node: GraphNode, socket: InputSocket) -> _Feed:
        """What goes into a group at one of its inputs."""
        feed = self._feed(node, socket.identifier, socket.parameter.label)
        if feed.is_broken:
            return feed
        if not feed.sources:
            return self._set_on_group(node, socket)
        if not self._accepts(node, socket, feed.sources):
            return _Feed(is_broken=True)
        sources = tuple(self._checked(node, socket, source) for source in feed.sources)
        is_loop = sources[0].type.is_list and not socket.parameter.type.is_list
        if is_loop and not is_countable(sources[0]):
            self._report_uncountable(node, socket.parameter, sources[0])
            return _Feed(is_broken=True)
        return _Feed(self.groups.enter(node, socket, sources))

    def _set_on_group(self, node: GraphNode, socket: InputSocket) -> _Feed:
        """What is set on the node of a group. If that is nothing, whoever needs it in the group tells."""
        parameter, value = socket.parameter, socket.value
        try:
            fitted = None if value is None else fit_parameter(value, parameter)
        except MisfitError as error:
            self._report(node, parameter.label, error.message, error.fix)
            return _Feed(is_broken=True)
        return _Feed((_set_constant(fitted, parameter.type),))

    def _left(self, node: GraphNode, socket: OutputSocket) -> _Feed:
        """What comes out of a group at one of its outputs."""
        inputs = [self.feeds.get(Point(node.id, each.identifier)) for each in node.inputs]
        feed = self._feed(node, socket.identifier, socket.label)
        if feed.is_broken or any(each is not None and each.is_broken for each in inputs):
            return _Feed(is_broken=True)
        sources = feed.sources or (_set_constant(socket.value, socket.type),)
        if not self._fits(node, socket.label, socket.type, sources):
            return _Feed(is_broken=True)
        return _Feed((self.groups.leave(node, socket, sources),))

    def _report_uncountable(self, node: GraphNode, parameter: Parameter, source: Source) -> None:
        message = f"{with_article(str(source.type))} that is made on the way has no known number of items to run over"
        self._report(node, parameter.label, message, "Put a Split Collection node before the group")

    def _passed(self, node: GraphNode, point: Point) -> _Feed:
        feed = self._gather(self.wiring.links_into(point))
        if node.kind is NodeKind.REROUTE or feed.sources or feed.is_broken:
            return feed
        socket = self.wiring.passed_input(point)
        if socket is None or socket.value is None:
            return feed
        return _Feed((Constant(socket.value, socket.parameter.type),))

    def _visit_script(self, node: GraphNode) -> None:
        self.problems.extend(node.problems)
        self._report_lost_links(node)
        if node.script is None:
            if not node.problems:
                self._report(node, "", "there is no script", "Choose a text, a file or a node of the library")
            return
        arguments = [self._argument(node, socket) for socket in node.inputs]
        task = PlannedTask(
            id=node.id,
            name=node.name,
            script=node.script,
            arguments=tuple(argument for argument in arguments if argument is not None),
            outputs=tuple(map(_task_output, node.outputs)),
            settings=node.settings,
        )
        self._check_lengths(node, task)
        self._check_blend_files(node, task)
        self._check_destinations(node, task)
        self.tasks[node.id] = task

    def _visit_output(self, node: GraphNode) -> None:
        self.problems.extend(node.problems)
        self._report_lost_links(node)
        feeds = {
            socket.identifier: self._feed(node, socket.identifier, socket.parameter.label) for socket in node.inputs
        }
        self.taken[node.id] = []
        for socket in node.inputs:
            sources = feeds[socket.identifier].sources
            if sources and self._accepts(node, socket, sources):
                sources = tuple(self._checked(node, socket, source) for source in sources)
                self.taken[node.id].append(Delivery(node.id, socket.identifier, sources, node.action))
        if not any(feed.sources or feed.is_broken for feed in feeds.values()):
            self._report(node, "", "nothing is linked to it", "Link a result, or delete the node")

    def _report_lost_links(self, node: GraphNode) -> None:
        for link in self.wiring.links_to_node.get(node.id, ()):
            is_output = is_open(node) and (node.id, link.to_socket) in self.wiring.outputs
            if (node.id, link.to_socket) not in self.wiring.inputs and not is_output:
                self._report(node, link.to_socket, "the socket is gone, but still linked", "Remove the link")

    # What arrives at a socket

    def _feed(self, node: GraphNode, identifier: str, label: str) -> _Feed:
        links = self.wiring.links_to_socket.get((node.id, identifier), ())
        for link in links:
            if self.wiring.source(link) is None:
                self._report(node, label, _lost_source(self.wiring, link), "Remove the link")
        return self._gather(links)

    def _gather(self, links: Iterable[GraphLink]) -> _Feed:
        feeds = [self._follow(link) for link in links]
        return _Feed(tuple(source for feed in feeds for source in feed.sources), any(feed.is_broken for feed in feeds))

    def _follow(self, link: GraphLink) -> _Feed:
        """What a link brings."""
        point = self.wiring.source(link)
        if point is None or link in self.search.closing:
            return _Feed(is_broken=True)
        node = self.wiring.nodes[point.node]
        self.followed.add(point)
        if is_passing(node) or node.kind is NodeKind.GROUP:
            return self.feeds[point]
        output = self.wiring.outputs[node.id, link.from_socket]
        if node.kind is NodeKind.INPUT:
            return _Feed((Constant(output.value, output.type),))
        task = self.tasks.get(node.id)
        if task is None:
            return _Feed(is_broken=True)
        return _Feed((task.source(_task_output(output)),))

    # Arguments

    def _argument(self, node: GraphNode, socket: InputSocket) -> Argument | None:
        """The argument, None where there is a problem."""
        feed = self._feed(node, socket.identifier, socket.parameter.label)
        if feed.is_broken:
            return None
        if not feed.sources:
            return self._unlinked(node, socket)
        if not self._accepts(node, socket, feed.sources):
            return None
        sources = tuple(self._checked(node, socket, source) for source in feed.sources)
        parameter = socket.parameter
        is_mapped = not parameter.type.is_list and sources[0].type.is_list
        if parameter.is_required and parameter.type.is_list and all(_is_empty(source) for source in sources):
            self._report(node, parameter.label, "the linked list is empty", "Put something into it")
        if is_mapped and not is_countable(sources[0]):
            self._report_uncountable(node, parameter, sources[0])
        return Argument(parameter, sources, is_mapped)

    def _unlinked(self, node: GraphNode, socket: InputSocket) -> Argument | None:
        parameter, value = socket.parameter, socket.value
        if value is None and not parameter.is_optional and parameter.default is not MISSING:
            value = parameter.default
        if _is_missing(value, parameter):
            message = "nothing is linked and no value is set"
            self._report(node, parameter.label, message, fix_missing(parameter))
            return None
        try:
            return Argument(parameter, (Constant(fit_parameter(value, parameter), parameter.type),))
        except MisfitError as error:
            self._report(node, parameter.label, error.message, error.fix)
            return None

    def _accepts(self, node: GraphNode, socket: InputSocket, sources: tuple[Source, ...]) -> bool:
        """Whether the types fit."""
        return self._fits(node, socket.parameter.label, socket.parameter.type, sources)

    def _fits(self, node: GraphNode, label: str, wanted: SocketType, sources: tuple[Source, ...]) -> bool:
        if len(sources) > 1 and not wanted.is_list:
            message = f"{len(sources)} links arrive where one value is wanted"
            self._report(node, label, message, "Remove all links but one")
            return False
        refused = dict.fromkeys(source.type for source in sources if conversion(source.type, wanted) is None)
        for source_type in refused:
            message = f"{source_type} can't become {wanted}"
            self._report(node, label, message, fix_refused(source_type, wanted))
        return not refused

    def _checked(self, node: GraphNode, socket: InputSocket, source: Source) -> Source:
        """The source; a constant with its value in the form in which it is sent. Problems are reported."""
        if not isinstance(source, Constant):
            return source
        if source.value is None and not socket.parameter.is_optional:
            self._report(node, socket.parameter.label, "nothing is set on the linked node", fix_unset(source.type))
            return source
        try:
            return _fitted(source, socket.parameter)
        except MisfitError as error:
            message = f"the linked value does not fit: {error.message}"
            self._report(node, socket.parameter.label, message, error.fix)
            return source

    def _check_lengths(self, node: GraphNode, task: PlannedTask) -> None:
        """Report lists of different lengths that the node is mapped over. Lists from tasks are checked in the run."""
        given = [(argument.parameter.label, argument.sources[0]) for argument in task.mapped]
        self._report_lengths(node, given)

    def _report_lengths(self, node: GraphNode, given: Iterable[tuple[str, Source]]) -> None:
        lengths = [
            (label, len(source.value))
            for label, source in given
            if isinstance(source, Constant) and isinstance(source.value, tuple)
        ]
        if len({length for _label, length in lengths}) > 1:
            counted = ", ".join(f"{label} has {length}" for label, length in lengths)
            message = f"the lists it runs over are of different lengths: {counted}"
            self._report(node, "", message, "Link lists with the same number of items")

    def _check_blend_files(self, node: GraphNode, task: PlannedTask) -> None:
        """Report all but the first of several Blend Files, because a worker has one file open."""
        labels = [argument.parameter.label for argument in task.arguments if argument.takes_blend_file]
        for label in labels[1:]:
            message = f"a script works on one Blend File, and {_quoted(labels[0])} is one already"
            self._report(node, label, message, "Make it a path, and load from that file what the script needs")

    def _check_destinations(self, node: GraphNode, task: PlannedTask) -> None:
        """Report where nothing can be written, or only over what the node takes is made of. It may write its own."""
        paths = [
            (argument.parameter, path)
            for argument in task.arguments
            for leaf in leaves(argument.sources)
            if isinstance(leaf, Constant) and argument.parameter.type.kind in ("PATH", "BLEND_FILE")
            for path in (leaf.value if isinstance(leaf.value, tuple) else (leaf.value,))
            if isinstance(path, str)
        ]
        for parameter, path in paths:
            if parameter.is_output_path and path and not node.problems:  # the reader may have told
                try:
                    check_place(path)
                except MisfitError as error:
                    self._report(node, parameter.label, error.message, error.fix)
            if parameter.is_output_path and path in self.readers and Path(path).is_file():
                before = self._before(task)
                readers = [each.name for each in self.readers[path] if each.id in before]
                if readers:
                    message = f"{path} would be written over, though {_quoted(readers[0])} reads it"
                    self._report(node, parameter.label, message, "Give another name")
        for parameter, path in paths:
            if not parameter.is_output_path:
                self.readers[path].append(task)

    def _before(self, task: PlannedTask) -> set[str]:
        """The ids of the tasks that a task depends on."""
        found, waiting = set[str](), [task]
        while waiting:
            new = set(waiting.pop().dependencies) - found
            found |= new
            waiting += (self.tasks[each] for each in new)
        return found

    def _check_collections(self) -> None:
        for deliveries in self.taken.values():
            for delivery in deliveries:
                self._check_collection(self.wiring.nodes[delivery.node], delivery.sources)
                self._check_way_home(delivery)

    def _check_way_home(self, delivery: Delivery) -> None:
        """Report what would have to be converted by a worker, after all have done their work."""
        for source in delivery.sources:
            if isinstance(source, FromGroup) and not can_come_home(source):
                node, socket = self.wiring.nodes[source.node], self.wiring.outputs[source.place]
                types = (each.type for each in source.sources if conversion(each.type, source.type) != "")
                given = with_article(str(next(types)))
                wanted = with_article(str(socket.type))
                message = f"what comes out is {given}, and only a node could make {wanted} of it"
                self._report(node, socket.label, message, f"Let this output of the group be {given}")
            elif isinstance(source, FromGroup) and holds_originals(source):
                node, socket = self.wiring.nodes[source.node], self.wiring.outputs[source.place]
                message = "what comes out are results and data-blocks that are in this file already"
                fix = "Give them an output of the group each, and link what is in this file past the group"
                self._report(node, socket.label, message, fix)

    def _check_collection(self, node: GraphNode, sources: Iterable[Source]) -> None:
        """Report a collection for results that are made of that collection: the next run would take them, too."""
        action = node.action
        if action is None or action.mode is not OutputMode.LINK or action.keep_earlier:
            return
        inputs = [value for value in self._constants(sources) if value in action.inside]
        for value in inputs[:1]:
            message = f"results are made of what is in the collection {_quoted(value.name)}, and would be linked there"
            fix = "Choose another collection, or the next run takes them for inputs. Keep Earlier allows it"
            self._report(node, "", message, fix)

    def _constants(self, sources: Iterable[Source]) -> Iterator[Any]:
        """All that sources are made of, item by item of lists."""
        waiting, seen = list(leaves(sources)), set[str]()
        while waiting:
            leaf = waiting.pop()
            if isinstance(leaf, Constant):
                yield from leaf.value if isinstance(leaf.value, tuple) else (leaf.value,)
            elif leaf.task not in seen:
                seen.add(leaf.task)
                waiting += self.tasks[leaf.task].leaves()

    # Deliveries

    def _deliveries(self) -> list[Delivery]:
        """In the order of the graph's nodes: what Output nodes take, and results that no node uses or that are kept."""
        consumed = self._consumed()
        deliveries: list[Delivery] = []
        for node in self.graph.nodes:
            deliveries += self.taken.get(node.id, ())
            task = self.tasks.get(node.id)
            if is_in_group(node.id):
                continue  # what it gives comes home only where it comes out of the group
            if task is not None:
                deliveries += [
                    _own_delivery(task, output)
                    for output in task.outputs
                    if task.settings.keep_result or (task.id, output.identifier) not in consumed
                ]
            if is_open(node):
                deliveries += self._own_of_group(node)
        return deliveries

    def _own_of_group(self, node: GraphNode) -> Iterator[Delivery]:
        """What comes out of a group and goes nowhere."""
        for socket in node.outputs:
            point = Point(node.id, socket.identifier)
            feed = self.feeds.get(point, _Feed())
            is_result = any(map(gives_results, feed.sources)) and not any(map(holds_originals, feed.sources))
            if point not in self.followed and is_result:
                found = Delivery(*point, feed.sources, is_offered=socket.type.is_data_block)
                self._check_way_home(found)
                yield found

    def _consumed(self) -> set[tuple[str, str]]:
        found = [leaf for task in self.tasks.values() for leaf in task.leaves()]
        for deliveries in self.taken.values():
            found += [leaf for delivery in deliveries for leaf in leaves(delivery.sources)]
        return {(leaf.task, leaf.output) for leaf in found if isinstance(leaf, FromTask)}


def _own_delivery(task: PlannedTask, output: TaskOutput) -> Delivery:
    """What comes home without an Output node: values do; data-blocks only if the node keeps its results."""
    source = task.source(output)
    is_offered = output.type.is_data_block and not task.settings.keep_result
    return Delivery(task.id, output.identifier, (source,), is_offered=is_offered)


def _task_output(socket: OutputSocket) -> TaskOutput:
    return TaskOutput(socket.identifier, socket.label, socket.type, socket.annotation, socket.is_optional)


def _fitted(source: Constant, parameter: Parameter) -> Constant:
    """The constant in the form of its own type. Raises MisfitError if the parameter can't take its value."""
    if source.value is None and parameter.is_optional:
        return source
    fitted = replace(source, value=fit(source.value, source.type))
    convert = conversion(source.type, parameter.type)
    if convert is None or convert not in _FORESEEABLE:
        return fitted
    items = fitted.value if source.type.is_list and isinstance(fitted.value, tuple) else (fitted.value,)
    single = replace(parameter, type=replace(parameter.type, is_list=False))
    for item in items:
        fit_parameter(_FORESEEABLE[convert](item), single)
    return fitted


def _is_missing(value: Value, parameter: Parameter) -> bool:
    if value is None:
        return not parameter.is_optional
    return parameter.type.is_list and parameter.is_required and value == ()


def _set_constant(value: Value, socket_type: SocketType) -> Constant:
    """What is set on a socket of a group; a list where nothing is set is empty, since it may run over it."""
    return Constant(() if value is None and socket_type.is_list else value, socket_type)


def _is_empty(source: Source) -> bool:
    return isinstance(source, Constant) and source.type.is_list and source.value == ()


def _lost_source(wiring: Wiring, link: GraphLink) -> str:
    node = wiring.nodes.get(link.from_node)
    if node is None:
        return "the node it is linked to is gone"
    return f"the output {_quoted(link.from_socket)} of {_quoted(node.name)} it is linked to is gone"


def _quoted(name: str) -> str:
    return f'"{name}"'
