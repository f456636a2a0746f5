# SPDX-License-Identifier: GPL-3.0-or-later
"""Random trees with groups in groups and list nodes, and what they give by the meaning of these alone: no plan, no
scheduler.

Every value is a text that tells how it was made: `b(x, [y, z])`. A script that gives a list gives 0 to 3 texts, which
depend on what it took. What decides what list nodes give is made of such texts: see `decided`.
"""

from __future__ import annotations

import hashlib
import itertools
import random
import re
import zlib
from dataclasses import dataclass, field, replace

from background_nodes.runtime.planning.graph import (
    Graph,
    GraphLink,
    GraphNode,
    InputSocket,
    NodeKind,
    OutputSocket,
    Repeat,
)
from background_nodes.runtime.planning.lists import Lengths, ListAction, ListOperation
from background_nodes.runtime.planning.node_path import NodePath
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

TEXT, TEXTS = SocketType("STRING"), SocketType("STRING", is_list=True)

#: Letters of arguments that a text tells; of longer ones it tells a digest.
_MAX_SHOWN = 80

#: What tells the passes of a repeated group apart, in paths.
_PASS = r"#\d+/"

#: One text, or a list of them. What decides is booleans.
Given = str | bool | list[str] | list[bool]


@dataclass
class Node:
    """A script, or a group: `tree` is what is in it, which other groups may have, too.

    Attributes:
        inputs: for each input, whether it takes a list.
        outputs: for each output, whether the script gives a list; of a group, whether the output is one.
        links: for each input, the outputs that are linked to it: (node, output), or (None, input) of the group around.
        operation: what it does if it is a list node; `inputs` are those that its elements are from, then what decides.
        numbers: what is set on the inputs that decide, of Slice.
        passes: how often a group is repeated; an output in `states` then goes into the input of its number.
        stop: the output that says that a pass was the last one; None if there are always so many.
        decides: whether it is a script that gives a boolean for each text that it takes.
    """

    name: str
    inputs: list[bool]
    outputs: list[bool]
    links: list[list[tuple[str | None, int]]] = field(default_factory=list)
    tree: Tree | None = None
    operation: ListOperation | None = None
    numbers: tuple[int, ...] = ()
    passes: int = 0
    states: tuple[int, ...] = ()
    stop: int | None = None
    decides: bool = False


@dataclass
class Tree:
    """Nodes, each after those it depends on; `results` are the links to the outputs of the group that this is.

    If it can be repeated until an output says so, that is the output `stop`.
    """

    inputs: list[bool]
    outputs: list[bool]
    nodes: list[Node] = field(default_factory=list)
    results: list[list[tuple[str | None, int]]] = field(default_factory=list)
    stop: int | None = None


def called(script: str, arguments: list[Given], output: int, *, is_list: bool) -> Given:
    """What a script gives for one item."""
    shown = ", ".join(each if isinstance(each, str) else f"[{', '.join(each)}]" for each in arguments)
    if len(shown) > _MAX_SHOWN:
        shown = hashlib.blake2b(shown.encode(), digest_size=8).hexdigest()
    text = f"{script}.{output}({shown})"
    if not is_list:
        return text
    return [f"{text}#{number}" for number in range(zlib.crc32(text.encode()) % 4)]


def decided(text: str) -> bool:
    """What a script makes of a text if it gives booleans."""
    return bool(zlib.crc32(text.encode()) % 2)


# What a tree gives


def evaluated(tree: Tree, inputs: list[Given], around: str = "") -> tuple[list[Given], dict[str, list[Given]]]:
    """What a tree gives at its outputs, and what each of its nodes does."""
    found: dict[str, list[Given]] = {}

    def linked(links: list[tuple[str | None, int]]) -> list[Given]:
        return [inputs[index] if name is None else found[name][index] for name, index in links]

    for node in tree.nodes:
        arguments = [
            _arrived(linked(links), is_list=is_list, unlinked=f"{re.sub(_PASS, '', around)}{node.name}.{index}")
            for index, (is_list, links) in enumerate(zip(node.inputs, node.links, strict=True))
        ]
        found[node.name] = _of_node(node, arguments, around)
    outputs = [
        _arrived(linked(links), is_list=is_list, unlinked=None)
        for is_list, links in zip(tree.outputs, tree.results, strict=True)
    ]
    return outputs, found


def _arrived(values: list[Given], *, is_list: bool, unlinked: str | None) -> Given:
    if not values:
        values = ["" if unlinked is None else unlinked]
    if not is_list and len(values) == 1:
        return values[0]
    return [text for value in values for text in _texts(value)]


def _texts(value: Given) -> list[str]:
    return value if isinstance(value, list) else [value]


def _of_list_node(node: Node, arguments: list[Given]) -> list[Given]:
    assert node.operation is not None
    lists = [_texts(argument) for argument in arguments]
    match node.operation.action:
        case ListAction.CROSS_PRODUCT:
            return [list(each) for each in zip(*itertools.product(*lists), strict=True)] or [[] for _ in lists]
        case ListAction.ZIP:
            return [list(each) for each in zip(*zip(*lists, strict=False), strict=True)] or [[] for _ in lists]
        case ListAction.SLICE:
            position, length, step = node.numbers
            rest = lists[0][position:] if position >= -len(lists[0]) else lists[0]
            return [rest[::step] if length < 0 else rest[::step][:length]]
        case ListAction.FLATTEN:
            return [lists[0]]
        case ListAction.COUNT:
            return [str(len(lists[0]))]
        case ListAction.FILTER:
            pairs = list(zip(*lists, strict=True))
            return [[text for text, is_kept in pairs if bool(is_kept) is wanted] for wanted in (True, False)]
        case ListAction.SORT:
            order = sorted(range(len(lists[0])), key=lambda index: _natural(lists[1][index]))
            if node.operation.is_descending:  # equal ones stay in their order
                keys = [_natural(key) for key in lists[1]]
                order = [index for key in sorted(keys, reverse=True) for index, each in enumerate(keys) if each == key]
                order = list(dict.fromkeys(order))
            return [[lists[0][index] for index in order]]
        case ListAction.SWITCH:
            given = arguments[int(bool(arguments[2]))]
            return [_texts(given) if node.outputs[0] else given]


def _natural(text: str) -> tuple[list[object], str]:
    """Runs of digits as numbers, the rest without case."""
    runs = (("".join(run), is_digit) for is_digit, run in itertools.groupby(text.casefold(), str.isdigit))
    found = [(int(run), "") if is_digit else (-1, run) for run, is_digit in runs]
    return ([] if found and found[0][0] < 0 else [(-1, "")]) + found, text


def _of_node(node: Node, arguments: list[Given], around: str) -> list[Given]:
    if node.operation is not None:
        return _of_list_node(node, arguments)
    mapped = [index for index, is_list in enumerate(node.inputs) if not is_list and isinstance(arguments[index], list)]
    if not mapped:
        return _once(node, arguments, around)
    elements = zip(*(_texts(arguments[index]) for index in mapped), strict=True)
    passes = [
        _once(node, [found.get(index, each) for index, each in enumerate(arguments)], around)
        for found in (dict(zip(mapped, each, strict=True)) for each in elements)
    ]
    return [[text for given in passes for text in _texts(given[output])] for output in range(len(node.outputs))]


def _once(node: Node, arguments: list[Given], around: str) -> list[Given]:
    if node.tree is not None and node.passes:
        return _repeated(node, node.tree, list(arguments), f"{around}{node.name}/")
    if node.tree is not None:
        return evaluated(node.tree, arguments, f"{around}{node.name}/")[0]
    found = [
        called(f"{around}{node.name}", arguments, output, is_list=is_list)
        for output, is_list in enumerate(node.outputs)
    ]
    return [decided(str(found[0]))] if node.decides else found


def _repeated(node: Node, tree: Tree, arguments: list[Given], around: str) -> list[Given]:
    given: list[Given] = []
    for number in range(1, node.passes + 1):
        given = evaluated(tree, arguments, f"{around}#{number}/")[0]
        if node.stop is not None and given[node.stop] is True:
            break
        for state in node.states:
            arguments[state] = _texts(given[state]) if node.inputs[state] else given[state]
    return given


# Random trees


class Maker:
    """Makes random trees. A tree may be used by several group nodes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._trees: list[Tree] = []
        # By tree, node and output: lists of one length. Those that are not here have a length of their own.
        self._lengths: dict[tuple[int, str | None, int], object] = {}

    def tree(self, depth: int = 0) -> Tree:
        """A tree: the outer one has neither inputs nor outputs."""
        chance = self._random
        inputs = [chance.random() < 0.3 for _ in range(chance.randint(1, 3))] if depth else []
        made = Tree(inputs, [chance.random() < 0.3 for _ in range(chance.randint(1, 2))] if depth else [])
        there: list[tuple[str | None, int, bool]] = [(None, index, each) for index, each in enumerate(inputs)]
        for number in range(chance.randint(2, 5)):
            if there and chance.random() < 0.3:
                there += self._list_node(made, f"n{number}", there)
                continue
            node = self._node(f"n{number}", depth)
            length = self._link(made, node, there)
            if node.tree is not None and chance.random() < 0.3:
                self._repeat(node)
            made.nodes.append(node)
            is_mapped = self._is_mapped(node, there)
            inner = self._given(node)
            is_text = [node.tree is None or index != node.tree.stop for index in range(len(inner))]
            there += [(node.name, index, is_mapped or each) for index, each in enumerate(inner) if is_text[index]]
            if is_mapped:
                self._lengths |= {(id(made), node.name, index): length for index, each in enumerate(inner) if not each}
        for is_list in made.outputs:
            chosen = chance.sample(there, min(len(there), chance.randint(1, 2) if is_list else 1))
            made.results.append([(name, index) for name, index, _is_list in chosen])
        if depth and chance.random() < 0.4:
            self._add_stop(made, there)
        self._trees.append(made)
        return made

    def _add_stop(self, made: Tree, there: list[tuple[str | None, int, bool]]) -> None:
        """Add an output that says whether a pass was the last one."""
        taken = [each[:2] for each in self._random.sample(there, 1)]
        made.nodes.append(Node("stop", [True], [False], [taken], decides=True))
        made.stop = len(made.outputs)
        made.outputs.append(False)
        made.results.append([("stop", 0)])

    def _node(self, name: str, depth: int) -> Node:
        chance = self._random
        if depth < 3 and chance.random() < 0.45:
            tree = chance.choice(self._trees) if self._trees and chance.random() < 0.4 else self.tree(depth + 1)
            if tree.inputs:
                return Node(name, tree.inputs, tree.outputs, tree=tree)
        inputs = [chance.random() < 0.35 for _ in range(chance.randint(0, 3))]
        return Node(name, inputs, [chance.random() < 0.45 for _ in range(chance.randint(1, 2))])

    def _list_node(
        self, made: Tree, name: str, there: list[tuple[str | None, int, bool]]
    ) -> list[tuple[str | None, int, bool]]:
        """Add a list node, and what it needs beside. Returns its outputs."""
        chance = self._random
        action = chance.choice(list(ListAction))
        num_lists = 2 if action in (ListAction.CROSS_PRODUCT, ListAction.ZIP, ListAction.SWITCH) else 1
        chosen = [chance.choice(there) for _ in range(num_lists)]
        links = [[(name, index)] for name, index, _is_list in chosen]
        lists = tuple(f"in{number}" for number in range(num_lists))
        operation = ListOperation(action, lists, lengths=Lengths.SHORTEST, choices=(False, True))
        node = Node(name, [True] * num_lists, [True], links, operation=operation)
        match action:
            case ListAction.CROSS_PRODUCT | ListAction.ZIP:
                node.outputs = [True, True]
                self._lengths |= {(id(made), name, index): name for index in range(2)}
            case ListAction.SLICE:
                node.numbers = chance.randint(-2, 2), chance.randint(-1, 3), chance.randint(1, 2)
                self._decide(node, [False, False, False], [[], [], []])
            case ListAction.FLATTEN:
                node.links[0] += [each[:2] for each in chance.sample(there, min(2, len(there)))]
            case ListAction.COUNT:
                node.outputs = [False]
            case ListAction.FILTER:
                node.outputs = [True, True]
                made.nodes.append(Node(f"{name}k", [False], [False], [links[0]], decides=True))
                self._decide(node, [True], [[(f"{name}k", 0)]])
            case ListAction.SORT:
                node.operation = replace(operation, is_descending=chance.random() < 0.5)
                made.nodes.append(Node(f"{name}k", [False], [False], [links[0]]))
                self._decide(node, [True], [[(f"{name}k", 0)]])
                self._lengths[id(made), name, 0] = self._length(made, *links[0][0])
            case ListAction.SWITCH:
                node.inputs, node.outputs = [each[2] for each in chosen], [any(each[2] for each in chosen)]
                taken = [each[:2] for each in chance.sample(there, 1)]
                made.nodes.append(Node(f"{name}k", [True], [False], [taken], decides=True))
                self._decide(node, [False], [[(f"{name}k", 0)]])
        made.nodes.append(node)
        if action is ListAction.COUNT:  # a number is no text: a script makes one of it
            made.nodes.append(Node(f"{name}c", [False], [False], [[(name, 0)]]))
            return [(f"{name}c", 0, False)]
        return [(name, index, is_list) for index, is_list in enumerate(node.outputs)]

    @staticmethod
    def _decide(node: Node, inputs: list[bool], links: list[list[tuple[str | None, int]]]) -> None:
        assert node.operation is not None
        first = len(node.inputs)
        node.operation = replace(node.operation, by=tuple(f"in{first + index}" for index in range(len(inputs))))
        node.inputs = [*node.inputs, *inputs]
        node.links = [*node.links, *links]

    def _repeat(self, node: Node) -> None:
        """Repeat a group. No state becomes a list that the next pass would run over."""
        assert node.tree is not None
        given, node.passes = self._given(node), self._random.randint(1, 3)
        pairs = [(index, *each) for index, each in enumerate(zip(node.inputs, given, strict=False))]
        node.states = tuple(index for index, takes_list, is_list in pairs if takes_list or not is_list)
        if node.tree.stop is not None:
            node.states = tuple(index for index in node.states if index != node.tree.stop)
            node.stop = node.tree.stop

    def _link(self, made: Tree, node: Node, there: list[tuple[str | None, int, bool]]) -> object:
        """Only lists of one length to what takes one value. Returns which length that is, None if there is no list."""
        chance, length = self._random, None
        for takes_list in node.inputs:
            fitting = [
                each
                for each in there
                if takes_list or not each[2] or length is None or self._length(made, *each[:2]) == length
            ]
            alike = [each for each in fitting if each[2]]
            if not takes_list and length is not None and alike and chance.random() < 0.7:
                fitting = alike
            count = 0 if not fitting or chance.random() < 0.15 else chance.randint(1, 3) if takes_list else 1
            chosen = chance.sample(fitting, min(count, len(fitting)))
            if not takes_list and any(is_list for _name, _index, is_list in chosen):
                length = self._length(made, *chosen[0][:2])
            node.links.append([(name, index) for name, index, _is_list in chosen])
        return length

    def _length(self, made: Tree, name: str | None, index: int) -> object:
        return self._lengths.get((id(made), name, index), (name, index))

    def _is_mapped(self, node: Node, there: list[tuple[str | None, int, bool]]) -> bool:
        lists = {(name, index) for name, index, is_list in there if is_list}
        return node.operation is None and any(
            not takes_list and any(link in lists for link in links)
            for takes_list, links in zip(node.inputs, node.links, strict=True)
        )

    def _given(self, node: Node) -> list[bool]:
        """Which outputs are lists even of one pass: of a group, also those to which a list is linked."""
        if node.tree is None:
            return node.outputs
        tree, there = node.tree, {(None, index): each for index, each in enumerate(node.tree.inputs)}
        for inner in tree.nodes:
            lists = [(name, index, each) for (name, index), each in there.items()]
            is_mapped = self._is_mapped(inner, lists)
            there |= {(inner.name, index): is_mapped or each for index, each in enumerate(self._given(inner))}
        return [
            is_list or any(there[link] for link in links)
            for is_list, links in zip(tree.outputs, tree.results, strict=True)
        ]


# As a graph


def as_graph(tree: Tree) -> Graph:
    nodes: list[GraphNode] = []
    links: list[GraphLink] = []
    _add(tree, NodePath(), nodes, links)
    return Graph("test", tuple(nodes), tuple(links))


def _add(tree: Tree, around: NodePath, nodes: list[GraphNode], links: list[GraphLink]) -> None:
    def source(link: tuple[str | None, int]) -> tuple[str, str]:
        name, index = link
        return (around.id, f"in{index}") if name is None else (around.into(name, name).id, f"out{index}")

    for node in tree.nodes:
        path = around.into(node.name, node.name)
        inputs = [
            InputSocket(Parameter(f"in{index}", f"In {index}", _input_type(node, index)), _unlinked(node, path, index))
            for index in range(len(node.inputs))
        ]
        outputs = [
            OutputSocket(
                f"out{index}",
                f"In {index}" if index in node.states else f"Out {index}",
                _output_type(node, index, is_list),
                _empty(node, is_list),
            )
            for index, is_list in enumerate(node.outputs)
        ]
        kind = NodeKind.SCRIPT if node.tree is None else NodeKind.GROUP
        kind = kind if node.operation is None else NodeKind.LIST
        script = ScriptSource(path.id, "") if kind is NodeKind.SCRIPT else None
        made = GraphNode(
            path.id, path.name, kind, tuple(inputs), tuple(outputs), script=script, operation=node.operation
        )
        stop = "" if node.stop is None else f"out{node.stop}"
        nodes.append(replace(made, repeat=Repeat(node.passes, stop_output=stop) if node.passes else None))
        for index, arriving in enumerate(node.links):
            links += [GraphLink(*source(link), path.id, f"in{index}") for link in arriving]
        if node.tree is not None:
            _add(node.tree, path, nodes, links)
    for index, arriving in enumerate(tree.results):
        links += [GraphLink(*source(link), around.id, f"out{index}") for link in arriving]


def _input_type(node: Node, index: int) -> SocketType:
    action = None if node.operation is None else node.operation.action
    is_deciding = node.operation is not None and f"in{index}" in node.operation.by
    if is_deciding and action is not ListAction.SORT:
        return SocketType("INT" if action is ListAction.SLICE else "BOOLEAN", node.inputs[index])
    return TEXTS if node.inputs[index] else TEXT


def _output_type(node: Node, index: int, is_list: bool) -> SocketType:
    if node.decides or (node.tree is not None and node.tree.stop == index):
        return SocketType("BOOLEAN")
    is_count = node.operation is not None and node.operation.action is ListAction.COUNT
    return SocketType("INT") if is_count else SocketType("STRING", is_list)


def _unlinked(node: Node, path: NodePath, index: int) -> object:
    if node.numbers and index > 0:
        return node.numbers[index - 1]
    text = f"{path.id}.{index}"
    return (text,) if node.inputs[index] else text


def _empty(node: Node, is_list: bool) -> object:
    if node.tree is None:
        return None
    return ("",) if is_list else ""
