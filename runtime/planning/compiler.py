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
from ..script.signature import Parameter
from ..script.socket_types import SocketType, Value, conversion
from ..script.values import fit, fit_parameter, with_article
from .demand import kept_points, with_uses
from .destinations import check_place
from .fixes import ask_for_similar, fix_missing, fix_refused, fix_unset
from .graph import Graph, GraphLink, GraphNode, InputSocket, NodeKind, OutputMode, OutputSocket
from .groups import Groups, can_come_home, gives_results, holds_originals, is_countable
from .list_nodes import SORTABLE, deciders_of, decisive, given, lists_of, switched, together
from .lists import ListAction, ListError, ListOperation, branch
from .node_path import group_of, groups_of, is_in_group, without_passes
from .ordering import ordered, ranked
from .plan import Argument, Delivery, Plan, PlannedGroup, PlannedList, PlannedTask, TaskOutput
from .set_values import is_missing, set_argument, set_constant
from .sources import Constant, FromGroup, FromList, FromSwitch, FromTask, Guard, Source, leaves
from .unrolling import Unrolled, unrolled
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
    whole = unrolled(graph)
    wiring = Wiring(whole.graph)
    roots = _roots(whole, wiring, until)
    asked = set() if until is None else {point.node for point in roots}
    try:
        return _Compiler(whole, wiring, roots, asked).compile()
    except CompileError as error:
        raise CompileError(list(dict.fromkeys(_without_pass(problem, whole) for problem in error.problems))) from None


def _without_pass(problem: Problem, whole: Unrolled) -> Problem:
    """A problem of a node in a pass of a repeated group as one of the node itself."""
    node_id = without_passes(problem.node_id)
    return replace(problem, node=whole.names.get(node_id, problem.node), node_id=node_id)


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


def _roots(whole: Unrolled, wiring: Wiring, until: str | Sequence[str] | None) -> list[Point]:
    graph = whole.graph
    if until is None:
        ends = (NodeKind.SCRIPT, NodeKind.OUTPUT, NodeKind.GROUP, NodeKind.LIST)
        found = [Point(node.id) for node in graph.nodes if node.kind in ends and not node.is_muted]
        outer = [node for node in graph.nodes if is_open(node) and not is_in_group(node.id)]
        return found + [Point(node.id, socket.identifier) for node in outer for socket in node.outputs]
    wanted = [until] if isinstance(until, str) else list(dict.fromkeys(until))
    nodes: dict[str, list[GraphNode]] = defaultdict(list)
    for node in graph.nodes:
        for name in {node.name, whole.name(node)}:
            nodes[name].append(node)
    unknown = [_unknown_node(name, nodes) for name in wanted if name not in nodes]
    if unknown:
        raise CompileError(unknown)
    found = [point for name in wanted for node in nodes[name] for point in wiring.points(node)]
    passes = {group for point in found for group in groups_of(point.node)}
    return found + [Point(gate) for path, gate in whole.gates.items() if path in passes]


def _unknown_node(name: str, names: Iterable[str]) -> Problem:
    fix = ask_for_similar(name, names) or "Give the name of a node in the tree"
    return Problem("", "", f"there is no node {_quoted(name)}", fix)


class _Compiler:
    """One compilation."""

    def __init__(self, whole: Unrolled, wiring: Wiring, roots: list[Point], asked: set[str]) -> None:
        self.graph = whole.graph
        self.gates = whole.gates
        self.names = whole.names
        self.asked = asked  # ids of the nodes that were asked for by name
        self.wiring = wiring
        self.search = wiring.search(roots)
        self.problems: list[Problem] = []
        self.feeds: dict[Point, _Feed] = {}
        self.groups = Groups()
        self.listed: dict[Point, Source] = {}  # what list nodes give at their outputs
        self.declined: set[GraphLink] = set()  # what links bring to inputs that switches don't take
        self.followed: set[Point] = set()  # what links bring from
        self.tasks: dict[str, PlannedTask] = {}
        self.taken: dict[str, list[Delivery]] = {}  # by Output node
        self.readers: defaultdict[str, list[PlannedTask]] = defaultdict(list)  # by path

    def compile(self) -> Plan:
        self._report_cycles()
        for point in self.search.order:
            self._visit(point)
        self._leave_out_declined()
        for node in self.graph.nodes:
            self._report_lengths(node, [(each.label, each.source) for each in self.groups.lists(node.id)])
        self.tasks = self.groups.with_loops(self.tasks)
        self._check_collections()
        self._mark_decisive()
        deliveries = self._deliveries()
        if not self.problems and not self.tasks and not deliveries:
            self.problems.append(
                Problem("", "", "there is nothing to run", "Add a script node, or unmute one of the nodes")
            )
        if self.problems:
            raise CompileError(self._sorted_problems())
        tasks = ranked(self._ordered(deliveries))
        return Plan(
            self.graph.name,
            tuple(tasks),
            tuple(deliveries),
            tuple(self._groups()),
            tuple(self._lists()),
            scene=self.graph.scene,
            files=self.graph.files,
            home=self.graph.home,
        )

    def _leave_out_declined(self) -> None:
        """Forget the tasks, and the problems, of what only inputs need that switches don't take."""
        over = self._passes_after_the_last()
        if not self.declined and not over:
            return
        kept = kept_points(self.search, self.wiring, self.declined, self.asked)
        nodes = {point.node for point in kept if over.isdisjoint((*groups_of(point.node), point.node))}
        self.tasks = {task_id: task for task_id, task in self.tasks.items() if task_id in nodes}
        self.taken = {node: taken for node, taken in self.taken.items() if node in nodes}
        self.listed = {point: source for point, source in self.listed.items() if point.node in nodes}
        left_out = {point.node for point in self.search.order} - nodes
        self.problems = [problem for problem in self.problems if problem.node_id not in left_out]

    def _stop(self, gate: str) -> Source | None:
        """What says whether the pass before a gate was the last one; None if that is not needed, or wrong."""
        return self.listed.get(Point(gate, "output"))

    def _stops_before(self) -> Iterator[tuple[str, tuple[Source | None, ...]]]:
        """What says for each pass before a pass of a repeated group whether it is the last one, by its path's id."""
        before: dict[str, tuple[Source | None, ...]] = {}
        for path, gate in self.gates.items():  # in the order of the passes
            group = group_of(path)
            before[group] = (*before.get(group, ()), self._stop(gate))
            yield path, before[group]

    def _passes_after_the_last(self) -> set[str]:
        """The passes of repeated groups that are known to come after the last one, by the ids of their paths."""
        return {
            path
            for path, stops in self._stops_before()
            if any(isinstance(stop, Constant) and stop.value is True for stop in stops)
        }

    def _guards(self) -> dict[str, tuple[Guard, ...]]:
        """What must be so for each pass of a repeated group to run, by the ids of their paths."""
        return {
            path: tuple(Guard(stop, 0) for stop in stops if isinstance(stop, FromSwitch))
            for path, stops in self._stops_before()
        }

    def _ordered(self, deliveries: Iterable[Delivery]) -> list[PlannedTask]:
        """The tasks in order; of some, switches decide whether they run."""
        in_order = {task.id: task for task in ordered(self.tasks, self.wiring.index)}
        if not any(isinstance(source, FromSwitch) for source in self.listed.values()):
            return list(in_order.values())
        home = (source for each in deliveries for source in each.sources if each.node not in in_order)
        found = ordered(with_uses(in_order, home, self.asked, self._guards()), self.wiring.index)
        if len(found) < len(in_order):  # they would wait for each other
            return list(in_order.values())
        return found

    def _groups(self) -> Iterator[PlannedGroup]:
        """The group nodes that have tasks in them."""
        with_tasks = {group for task in self.tasks for group in groups_of(task)}
        yield from (PlannedGroup(node.id, node.name) for node in self.graph.nodes if node.id in with_tasks)
        repeated = {without_passes(task) for task in self.tasks} - self.tasks.keys()
        within = {each for node_id in repeated for each in (*groups_of(node_id), node_id)} - with_tasks
        yield from (PlannedGroup(node_id, name) for node_id, name in self.names.items() if node_id in within)

    def _lists(self) -> Iterator[PlannedList]:
        for node in self.graph.nodes:
            source = self.listed.get(Point(node.id, node.outputs[0].identifier)) if node.outputs else None
            if source is not None:
                yield PlannedList(node.id, node.name, source)

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
        elif node.kind is NodeKind.LIST:
            self._visit_list(node)

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
        return _Feed((set_constant(fitted, parameter.type),))

    def _left(self, node: GraphNode, socket: OutputSocket) -> _Feed:
        """What comes out of a group at one of its outputs."""
        inputs = [self.feeds.get(Point(node.id, each.identifier)) for each in node.inputs]
        feed = self._feed(node, socket.identifier, socket.label)
        if feed.is_broken or any(each is not None and each.is_broken for each in inputs):
            return _Feed(is_broken=True)
        sources = feed.sources or (set_constant(socket.value, socket.type),)
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

    # List nodes

    def _visit_list(self, node: GraphNode) -> None:
        self.problems.extend(node.problems)
        self._report_lost_links(node)
        assert node.operation is not None
        if node.operation.action is ListAction.SWITCH:
            self._visit_switch(node, node.operation)
            return
        arrived = {socket.identifier: self._decider(node, socket) for socket in deciders_of(node)}
        arrived |= {socket.identifier: self._list(node, socket) for socket in lists_of(node)}
        found = {identifier: source for identifier, source in arrived.items() if source is not None}
        if len(found) < len(arrived):
            return
        try:
            self.listed |= {Point(node.id, socket.identifier): given(node, socket, found) for socket in node.outputs}
        except ListError as error:
            self._report(node, "", str(error), "Correct what is linked to it, or its settings")

    def _visit_switch(self, node: GraphNode, operation: ListOperation) -> None:
        (deciding,), (output,) = deciders_of(node), node.outputs
        decider = self._decider(node, deciding)
        sockets = lists_of(node)
        feeds = [self._feed(node, socket.identifier, socket.parameter.label) for socket in sockets]
        taken = list(range(len(sockets)))
        if isinstance(decider, Constant):
            try:
                taken = [branch(operation.choices, (decider.value,))]
            except ListError as error:
                self._report(node, deciding.parameter.label, str(error), "Give one of these")
                return
            for socket in sockets[: taken[0]] + sockets[taken[0] + 1 :]:
                self.declined.update(self.wiring.links_to_socket.get((node.id, socket.identifier), ()))
        branches = [self._branch(node, sockets[number], feeds[number]) for number in taken]
        if decider is None or not all(branches):
            return
        if all(map(_is_any_unset, branches)):  # whoever takes that tells
            self.listed[Point(node.id, output.identifier)] = branches[0][0]
            return
        unset = [self._report_unset(node, sockets[taken[place]], each) for place, each in enumerate(branches)]
        if any(unset):
            return
        linked = [feeds[number].sources for number in taken if feeds[number].sources]
        kind = (linked or branches)[0][0].type.kind
        are_lists = any(len(each) > 1 or each[0].type.is_list for each in branches)
        wanted = SocketType(kind, are_lists)
        labels = [sockets[number].parameter.label for number in taken]
        if all(self._fits(node, label, wanted, each) for label, each in zip(labels, branches, strict=True)):
            found = tuple(together(each, wanted) for each in branches)
            self.listed[Point(node.id, output.identifier)] = switched(node, output, decider, found)

    def _branch(self, node: GraphNode, socket: InputSocket, feed: _Feed) -> tuple[Source, ...]:
        """What a switch gives if it takes one of its inputs; () where there is a problem."""
        if feed.is_broken or feed.sources:
            return () if feed.is_broken else feed.sources
        if socket.parameter.type.is_list and not socket.value:
            return (Constant((), socket.parameter.type),)
        return self._set_on_list(node, socket)

    def _list(self, node: GraphNode, socket: InputSocket) -> Source | None:
        """What arrives at an input that takes a list of anything; None where there is a problem."""
        feed = self._feed(node, socket.identifier, socket.parameter.label)
        if feed.is_broken:
            return None
        sources = feed.sources or self._set_on_list(node, socket)
        if not sources or self._report_unset(node, socket, sources):
            return None
        wanted = SocketType(sources[0].type.kind, is_list=True)
        if not self._fits(node, socket.parameter.label, wanted, sources):
            return None
        found = together(sources, wanted)
        if not is_countable(found):
            self._report_uncountable(node, socket.parameter, sources[0])
            return None
        return found

    def _report_unset(self, node: GraphNode, socket: InputSocket, sources: tuple[Source, ...]) -> bool:
        """Report that nothing is set where a link comes from: it is no element of a list, nor can a switch give it."""
        is_unset = _is_any_unset(sources)
        if is_unset:
            message = "nothing is set on the linked node"
            self._report(node, socket.parameter.label, message, fix_unset(sources[0].type))
        return is_unset

    def _set_on_list(self, node: GraphNode, socket: InputSocket) -> tuple[Source, ...]:
        parameter, value = socket.parameter, socket.value
        if value is None or value == ():
            self._report(node, parameter.label, "nothing is linked and nothing is set", "Link something, or set it")
            return ()
        try:
            return (Constant(fit_parameter(value, parameter), parameter.type),)
        except MisfitError as error:
            self._report(node, parameter.label, error.message, error.fix)
            return ()

    def _decider(self, node: GraphNode, socket: InputSocket) -> Source | None:
        """What arrives at an input that decides what a list node gives; None where there is a problem."""
        feed = self._feed(node, socket.identifier, socket.parameter.label)
        if feed.is_broken:
            return None
        sources, parameter = feed.sources or self._set_on_list(node, socket), socket.parameter
        if not sources:
            return None
        wanted = parameter.type
        if node.operation is not None and node.operation.action is ListAction.SORT:
            wanted = SocketType(sources[0].type.kind, is_list=True)
        if wanted.kind not in SORTABLE:
            message = f"{with_article(str(wanted))} is nothing to sort by"
            self._report(node, parameter.label, message, "Link numbers or texts")
            return None
        if not self._fits(node, parameter.label, wanted, sources):
            return None
        if sources[0].type.is_list and not wanted.is_list:
            message = f"{with_article(str(sources[0].type))} arrives where one value decides"
            self._report(node, parameter.label, message, "Put the node into a group, and link the list to the group")
            return None
        found = together(tuple(self._checked(node, socket, source) for source in sources), wanted)
        if not can_come_home(found):
            message = "what is linked here can only be converted by a node"
            self._report(node, parameter.label, message, f"Link {with_article(str(wanted))}")
            return None
        return found

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
        if node.kind is NodeKind.LIST:
            self.followed.add(point._replace(socket=link.from_socket))
            listed = self.listed.get(point._replace(socket=link.from_socket))
            return _Feed(is_broken=True) if listed is None else _Feed((listed,))
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
        if is_missing(value, parameter):
            message = "nothing is linked and no value is set"
            self._report(node, parameter.label, message, fix_missing(parameter))
            return None
        try:
            return set_argument(value, parameter)
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
                came = with_article(str(next(types, source.type)))
                wanted = with_article(str(socket.type))
                message = f"what comes out is {came}, and only a node could make {wanted} of it"
                self._report(node, socket.label, message, f"Let this output of the group be {came}")
            elif isinstance(source, FromList | FromSwitch) and not can_come_home(source):
                message = f"what comes out has to be made {with_article(str(source.type))}, and only a node can do that"
                fix = "Link a node that takes it"
                self._report(self.wiring.nodes[source.node], source.label, message, fix)
            elif isinstance(source, FromList | FromSwitch) and holds_originals(source):
                message = "what comes out are data-blocks that are in this file already, which are no results"
                fix = "Link a node that makes something of them"
                self._report(self.wiring.nodes[source.node], source.label, message, fix)
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

    def _mark_decisive(self) -> None:
        """Note which values the scheduler must know."""
        deliveries = (source for taken in self.taken.values() for each in taken for source in each.sources)
        sources = [*(each for task in self.tasks.values() for each in task.sources()), *deliveries]
        sources += self.listed.values()
        found: defaultdict[str, set[str]] = defaultdict(set)
        for each in decisive(sources, self.groups.lists):
            found[each.task].add(each.output)
        for task_id, outputs in found.items():
            self.tasks[task_id] = replace(self.tasks[task_id], decisive=frozenset(outputs))

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
            if is_open(node) or node.kind is NodeKind.LIST:
                deliveries += self._passed_on(node)
        return deliveries

    def _passed_on(self, node: GraphNode) -> Iterator[Delivery]:
        """What comes out of a group or a list node and goes nowhere."""
        for socket in node.outputs:
            point = Point(node.id, socket.identifier)
            sources = self.feeds.get(point, _Feed()).sources
            if node.kind is NodeKind.LIST:
                sources = (self.listed[point],) if point in self.listed else ()
            is_result = any(map(gives_results, sources)) and not any(map(holds_originals, sources))
            if point not in self.followed and is_result:
                found = Delivery(*point, sources, is_offered=sources[0].type.is_data_block)
                self._check_way_home(found)
                yield found

    def _consumed(self) -> set[tuple[str, str]]:
        found = [*leaves(self.listed.values()), *(leaf for task in self.tasks.values() for leaf in task.leaves())]
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


def _is_any_unset(sources: Iterable[Source]) -> bool:
    return any(isinstance(each, Constant) and each.value is None for each in sources)


def _is_empty(source: Source) -> bool:
    """Whether nobody put anything into a list."""
    return isinstance(source, Constant) and source.type.is_list and source.value == () and not source.is_picked


def _lost_source(wiring: Wiring, link: GraphLink) -> str:
    node = wiring.nodes.get(link.from_node)
    if node is None:
        return "the node it is linked to is gone"
    return f"the output {_quoted(link.from_socket)} of {_quoted(node.name)} it is linked to is gone"


def _quoted(name: str) -> str:
    return f'"{name}"'
