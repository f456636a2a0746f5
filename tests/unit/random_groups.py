# SPDX-License-Identifier: GPL-3.0-or-later
"""Random trees with groups in groups, and what they give by the meaning of groups alone: no plan, no scheduler.

Every value is a text that tells how it was made: `b(x, [y, z])`. A script that gives a list gives 0 to 3 texts, which
depend on what it took.
"""

from __future__ import annotations

import hashlib
import random
import zlib
from dataclasses import dataclass, field

from background_nodes.runtime.planning.graph import Graph, GraphLink, GraphNode, InputSocket, NodeKind, OutputSocket
from background_nodes.runtime.planning.node_path import NodePath
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import SocketType

TEXT, TEXTS = SocketType("STRING"), SocketType("STRING", is_list=True)

#: Letters of arguments that a text tells; of longer ones it tells a digest.
_MAX_SHOWN = 80

#: One text, or a list of them.
Given = str | list[str]


@dataclass
class Node:
    """A script, or a group: `tree` is what is in it, which other groups may have, too.

    Attributes:
        inputs: for each input, whether it takes a list.
        outputs: for each output, whether the script gives a list; of a group, whether the output is one.
        links: for each input, the outputs that are linked to it: (node, output), or (None, input) of the group around.
    """

    name: str
    inputs: list[bool]
    outputs: list[bool]
    links: list[list[tuple[str | None, int]]] = field(default_factory=list)
    tree: Tree | None = None


@dataclass
class Tree:
    """Nodes, each after those it depends on; `results` are the links to the outputs of the group that this is."""

    inputs: list[bool]
    outputs: list[bool]
    nodes: list[Node] = field(default_factory=list)
    results: list[list[tuple[str | None, int]]] = field(default_factory=list)


def called(script: str, arguments: list[Given], output: int, *, is_list: bool) -> Given:
    """What a script gives for one item."""
    shown = ", ".join(each if isinstance(each, str) else f"[{', '.join(each)}]" for each in arguments)
    if len(shown) > _MAX_SHOWN:
        shown = hashlib.blake2b(shown.encode(), digest_size=8).hexdigest()
    text = f"{script}.{output}({shown})"
    if not is_list:
        return text
    return [f"{text}#{number}" for number in range(zlib.crc32(text.encode()) % 4)]


# What a tree gives


def evaluated(tree: Tree, inputs: list[Given], around: str = "") -> tuple[list[Given], dict[str, list[Given]]]:
    """What a tree gives at its outputs, and what each of its nodes does."""
    found: dict[str, list[Given]] = {}

    def linked(links: list[tuple[str | None, int]]) -> list[Given]:
        return [inputs[index] if name is None else found[name][index] for name, index in links]

    for node in tree.nodes:
        arguments = [
            _arrived(linked(links), is_list=is_list, unlinked=f"{around}{node.name}.{index}")
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


def _of_node(node: Node, arguments: list[Given], around: str) -> list[Given]:
    mapped = [index for index, is_list in enumerate(node.inputs) if not is_list and isinstance(arguments[index], list)]
    if not mapped:
        return _once(node, arguments, around)
    (index,) = mapped
    passes = [
        _once(node, [*arguments[:index], each, *arguments[index + 1 :]], around) for each in _texts(arguments[index])
    ]
    return [[text for given in passes for text in _texts(given[output])] for output in range(len(node.outputs))]


def _once(node: Node, arguments: list[Given], around: str) -> list[Given]:
    if node.tree is not None:
        return evaluated(node.tree, arguments, f"{around}{node.name}/")[0]
    return [
        called(f"{around}{node.name}", arguments, output, is_list=is_list)
        for output, is_list in enumerate(node.outputs)
    ]


# Random trees


class Maker:
    """Makes random trees. A tree may be used by several group nodes."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._trees: list[Tree] = []

    def tree(self, depth: int = 0) -> Tree:
        """A tree: the outer one has neither inputs nor outputs."""
        chance = self._random
        inputs = [chance.random() < 0.3 for _ in range(chance.randint(1, 3))] if depth else []
        made = Tree(inputs, [chance.random() < 0.3 for _ in range(chance.randint(1, 2))] if depth else [])
        there: list[tuple[str | None, int, bool]] = [(None, index, each) for index, each in enumerate(inputs)]
        for number in range(chance.randint(2, 5)):
            node = self._node(f"n{number}", depth)
            self._link(node, there)
            made.nodes.append(node)
            is_mapped = self._is_mapped(node, there)
            inner = self._given(node)
            there += [(node.name, index, is_mapped or each) for index, each in enumerate(inner)]
        for is_list in made.outputs:
            chosen = chance.sample(there, min(len(there), chance.randint(1, 2) if is_list else 1))
            made.results.append([(name, index) for name, index, _is_list in chosen])
        self._trees.append(made)
        return made

    def _node(self, name: str, depth: int) -> Node:
        chance = self._random
        if depth < 3 and chance.random() < 0.45:
            tree = chance.choice(self._trees) if self._trees and chance.random() < 0.4 else self.tree(depth + 1)
            if tree.inputs:
                return Node(name, tree.inputs, tree.outputs, tree=tree)
        inputs = [chance.random() < 0.35 for _ in range(chance.randint(0, 3))]
        return Node(name, inputs, [chance.random() < 0.45 for _ in range(chance.randint(1, 2))])

    def _link(self, node: Node, there: list[tuple[str | None, int, bool]]) -> None:
        """At most one list to what takes one value, as lists that a node runs over must be of one length."""
        chance, may_map = self._random, True
        for takes_list in node.inputs:
            fitting = [each for each in there if takes_list or may_map or not each[2]]
            count = 0 if not fitting or chance.random() < 0.15 else chance.randint(1, 3) if takes_list else 1
            chosen = chance.sample(fitting, min(count, len(fitting)))
            may_map = may_map and (takes_list or not any(is_list for _name, _index, is_list in chosen))
            node.links.append([(name, index) for name, index, _is_list in chosen])

    def _is_mapped(self, node: Node, there: list[tuple[str | None, int, bool]]) -> bool:
        lists = {(name, index) for name, index, is_list in there if is_list}
        return any(
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
            InputSocket(
                Parameter(f"in{index}", f"In {index}", TEXTS if is_list else TEXT), _unlinked(path, index, is_list)
            )
            for index, is_list in enumerate(node.inputs)
        ]
        outputs = [
            OutputSocket(f"out{index}", f"Out {index}", TEXTS if is_list else TEXT, _empty(node, is_list))
            for index, is_list in enumerate(node.outputs)
        ]
        kind = NodeKind.SCRIPT if node.tree is None else NodeKind.GROUP
        script = ScriptSource(path.id, "") if node.tree is None else None
        nodes.append(GraphNode(path.id, path.name, kind, tuple(inputs), tuple(outputs), script=script))
        for index, arriving in enumerate(node.links):
            links += [GraphLink(*source(link), path.id, f"in{index}") for link in arriving]
        if node.tree is not None:
            _add(node.tree, path, nodes, links)
    for index, arriving in enumerate(tree.results):
        links += [GraphLink(*source(link), around.id, f"out{index}") for link in arriving]


def _unlinked(path: NodePath, index: int, is_list: bool) -> object:
    text = f"{path.id}.{index}"
    return (text,) if is_list else text


def _empty(node: Node, is_list: bool) -> object:
    if node.tree is None:
        return None
    return ("",) if is_list else ""
