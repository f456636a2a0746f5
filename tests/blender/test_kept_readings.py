# SPDX-License-Identifier: GPL-3.0-or-later
"""A reading that takes over what is kept gives what a fresh one does, whatever was edited since.

BACKGROUND_NODES_TEST_ALL=1 tries twenty times as many edits.
"""

from __future__ import annotations

import contextlib
import os
import random
from collections.abc import Callable

import bpy
import pytest

from background_nodes.addon.session import checks
from background_nodes.node_tree import grouping, kept_readings, reader
from background_nodes.node_tree.grouping import GroupingError
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning import compiler
from background_nodes.runtime.planning.graph import Graph

from .graphs import link, new_text, new_tree, quad, script, value
from .random_trees import adorned, group_some, random_tree, set_random_value

TAKE = "def main(number: int = 1, other: float = 0.5) -> int: return number"
#: Settings of script nodes, each with another one than it has at first.
SETTINGS = {
    "timeout": 1.0,
    "retries": 3,
    "use_fresh_process": True,
    "keep_result": True,
    "cache": "NEVER",
    "addons": "io_scene_gltf2",
    "needs": "GPU=1",
}
_NUM_EDITS = 1200 if "BACKGROUND_NODES_TEST_ALL" in os.environ else 60
_SOURCES = (
    "def main(a: float = 0.5, b: int = 3) -> float: ...",
    "def main(c: str = 'x') -> str: ...",
    "def main(a: list[float] = (1.0,), m: Literal['one', 'two'] = 'one') -> list[float]: ...",
    "def main(a: float = ) -> float: ...",
    "python_data = number",
)


def kept(tree: bpy.types.NodeTree) -> Graph:
    return reader.read(tree, bpy.context.scene, takes_over=True)


def fresh(tree: bpy.types.NodeTree) -> Graph:
    return reader.read(tree, bpy.context.scene)


def planned(make: Callable[[], object]) -> str:
    try:
        return repr(make())
    except CompileError as error:
        return repr(error.problems)


@pytest.fixture
def num_read(monkeypatch):
    """Counts the script nodes and Input nodes that are read: call it for the number since the last call."""
    count = 0
    for idname in ("BackgroundNodeScript", "BackgroundNodeInput"):

        def read(node, read=reader._READERS[idname]):
            nonlocal count
            count += 1
            return read(node)

        monkeypatch.setitem(reader._READERS, idname, read)

    def take() -> int:
        nonlocal count
        taken, count = count, 0
        return taken

    return take


# Random edits


class Artist:
    """Edits trees by chance, in all the ways that an artist or a script has."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        quad("Quad"), quad("Other")
        self.tree_name = random_tree(chance).name
        adorned(self.tree, chance)
        bpy.ops.ed.undo_push(message="made")

    @property
    def tree(self) -> bpy.types.NodeTree:
        return bpy.data.node_groups[self.tree_name]

    def edit(self) -> str:
        """One edit; what it was."""
        edits = [getattr(self, name) for name in dir(self) if name.startswith("_edit_")]
        chosen = self._chance.choice([*edits, *[self._edit_value] * 12])
        chosen()
        return chosen.__name__

    def _any_tree(self) -> bpy.types.NodeTree:
        return self._chance.choice(bpy.data.node_groups)

    def _node(self, *idnames: str) -> bpy.types.Node | None:
        found = [node for node in self._any_tree().nodes if not idnames or node.bl_idname in idnames]
        return self._chance.choice(found) if found else None

    def _script_node(self) -> bpy.types.Node | None:
        return self._node("BackgroundNodeScript")

    def _edit_value(self) -> None:
        node = self._node("BackgroundNodeScript", "BackgroundNodeInput", "BackgroundNodeGroup")
        sockets = (
            [] if node is None else [each for each in (*node.inputs, *node.outputs) if hasattr(each, "socket_type")]
        )
        if not sockets:
            return
        socket = self._chance.choice(sockets)
        if self._chance.random() < 0.1:
            socket.unset_value()
        elif socket.socket_type.kind == "Object" and not socket.socket_type.is_list:
            socket.default_value = self._chance.choice([None, *bpy.data.objects])
        elif socket.socket_type.is_list and len(socket.items_of_list) and self._chance.random() < 0.5:
            item = self._chance.choice(socket.items_of_list)
            if socket.socket_type.kind == "FLOAT":
                item.value = self._chance.random()
        else:
            set_random_value(socket, socket.socket_type, self._chance)

    def _edit_setting(self) -> None:
        node = self._script_node()
        if node is not None:
            name = self._chance.choice([*SETTINGS])
            setattr(node, name, SETTINGS[name])

    def _edit_input_type(self) -> None:
        node = self._node("BackgroundNodeInput")
        if node is not None:
            node.data_type, node.is_list = self._chance.choice(("INT", "FLOAT", "STRING")), self._chance.random() < 0.4

    def _edit_mute(self) -> None:
        if node := self._node():
            node.mute = not node.mute

    def _edit_name(self) -> None:
        if node := self._node():
            node.name = self._chance.choice(("Node 1", "Other", 'Q"ü', "Reroute 2"))

    def _edit_link(self) -> None:
        tree = self._any_tree()
        sources = [each for node in tree.nodes for each in node.outputs]
        targets = [each for node in tree.nodes for each in node.inputs]
        if sources and targets:
            link(self._chance.choice(sources), self._chance.choice(targets))

    def _edit_links_there(self) -> None:
        links = self._any_tree().links
        if links:
            chosen = self._chance.choice(links)
            if self._chance.random() < 0.5:
                chosen.is_muted = not chosen.is_muted
            else:
                links.remove(chosen)

    def _edit_add(self) -> None:
        tree = self._any_tree()
        kind = self._chance.choice(
            ("BackgroundNodeInput", "NodeReroute", "BackgroundNodeOutput", "BackgroundNodeCount")
        )
        if kind == "BackgroundNodeOutput" or not hasattr(bpy.types, kind):
            script(tree, "New", self._chance.choice(_SOURCES))
        else:
            tree.nodes.new(kind)

    def _edit_remove(self) -> None:
        if node := self._node():
            node.id_data.nodes.remove(node)

    def _edit_script(self) -> None:
        if bpy.data.texts:
            text = self._chance.choice(bpy.data.texts)
            text.clear()
            text.write("from typing import Literal\n" + self._chance.choice(_SOURCES))

    def _edit_script_choice(self) -> None:
        node = self._script_node()
        if node is None:
            return
        match self._chance.randrange(3):
            case 0 if bpy.data.texts:
                node.script = self._chance.choice(bpy.data.texts)
            case 1:
                node.library_script = "mesh/decimate"
            case _:
                node.script = new_text("New.py", self._chance.choice(_SOURCES))

    def _edit_data_block(self) -> None:
        if bpy.data.objects:
            chosen = self._chance.choice(bpy.data.objects)
            if self._chance.random() < 0.3:
                bpy.data.objects.remove(chosen)
            else:
                chosen.name = self._chance.choice(("A", "B", "C"))

    def _edit_group(self) -> None:
        if len(self.tree.nodes):
            group_some(self.tree, self._chance)

    def _edit_ungroup(self) -> None:
        nodes = [node for node in self.tree.nodes if node.bl_idname == "BackgroundNodeGroup"]
        if nodes:
            with contextlib.suppress(GroupingError):
                grouping.ungroup(self._chance.choice(nodes))

    def _edit_interface(self) -> None:
        tree = self._any_tree()
        items = [
            each for each in tree.interface.items_tree if each.item_type == "SOCKET" and hasattr(each, "value_type")
        ]
        if items:
            item = self._chance.choice(items)
            match self._chance.randrange(3):
                case 0:
                    item.name = self._chance.choice(("In", "Out"))
                case 1:
                    set_random_value(item, item.value_type, self._chance)
                case _:
                    tree.interface.remove(item)

    def _edit_repeat(self) -> None:
        if node := self._node("BackgroundNodeGroup"):
            node.repeat_mode, node.iterations = self._chance.choice(("ONCE", "COUNT")), self._chance.randint(1, 3)

    def _edit_copy(self) -> None:
        self._any_tree().copy()

    def _edit_scene(self) -> None:
        bpy.context.scene.frame_set(self._chance.randint(1, 9))

    def _edit_animation(self) -> None:
        """A value that no one sets: an animation does."""
        for socket in () if (node := self._script_node()) is None else node.inputs:
            if socket.bl_idname == "BackgroundNodeSocketFloat":
                socket.default_value = 1.0
                socket.keyframe_insert("default_value", frame=1)
                socket.default_value = 9.0
                socket.keyframe_insert("default_value", frame=9)
                return

    def _edit_undo(self) -> None:
        bpy.ops.ed.undo_push(message="before undo")
        for _ in range(self._chance.randint(1, 2)):
            if bpy.ops.ed.undo.poll():
                bpy.ops.ed.undo()
        if self._chance.random() < 0.4 and bpy.ops.ed.redo.poll():
            bpy.ops.ed.redo()


@pytest.mark.parametrize("seed", range(8))
def test_random_edits_are_read_as_by_a_fresh_reading(seed):
    artist, told = Artist(random.Random(seed)), []
    for _ in range(_NUM_EDITS):
        told.append(artist.edit())
        tree = artist.tree
        found = kept(tree)
        plan = planned(lambda tree=tree: checks.compiled(tree, takes_over=True))
        assert repr(found) == repr(fresh(tree)), told[-4:]
        assert plan == planned(lambda found=found: compiler.compile_graph(found)), told[-4:]


# How much is read


def chain(number: int) -> bpy.types.NodeTree:
    tree, text, before = new_tree(), new_text("take.py", TAKE), None
    for index in range(number):
        node = tree.nodes.new("BackgroundNodeScript")
        node.name, node.script = f"Node {index}", text
        if before is not None:
            tree.links.new(before.outputs[0], node.inputs[0])
        before = node
    return tree


@pytest.mark.parametrize("number", [10, 100])
def test_an_edit_of_one_node_reads_that_one_however_many_there_are(number, num_read):
    tree = chain(number)
    kept(tree)
    assert num_read() == number
    node = tree.nodes["Node 5"]
    for edit in (
        lambda: setattr(node.inputs["Other"], "default_value", 7.0),
        lambda: setattr(node, "mute", True),
        lambda: setattr(node, "keep_result", True),
        lambda: setattr(node, "name", "Another"),
    ):
        edit()
        kept(tree)
        assert num_read() == 1
    tree.links.remove(tree.links[0])
    kept(tree)
    assert num_read() == 0, "no node is another one"


def test_an_edit_in_a_group_reads_that_node_though_the_group_is_used_often(num_read):
    group = chain(4)
    tree = new_tree()
    for _ in range(5):
        tree.nodes.new("BackgroundNodeGroup").node_tree = group
    before = kept(tree)
    assert num_read() == 4
    group.nodes["Node 2"].inputs["Other"].default_value = 7.0
    now = kept(tree)
    assert num_read() == 1
    changed = [mine is not theirs for mine, theirs in zip(now.nodes, before.nodes, strict=True)]
    assert sum(changed) == 5 * 2, "in each use that node and, as it is always read, the group node"


def test_an_edit_of_one_value_compiles_nothing_anew(monkeypatch):
    tree = chain(20)
    checks.compiled(tree, takes_over=True)
    monkeypatch.setattr(checks, "compile_graph", None)
    tree.nodes["Node 5"].inputs["Other"].default_value = 7.0
    plan = checks.compiled(tree, takes_over=True)
    assert plan is checks.compiled(tree, takes_over=True) is checks.compiled(tree)
    assert [argument.sources[0].value for argument in plan.tasks[5].arguments[1:]] == [7.0]


def test_what_runs_is_read_anew_as_a_whole(num_read):
    tree = chain(10)
    kept(tree)
    num_read()
    checks.compiled(tree)
    assert num_read() == 10


# What Blender does not tell


def test_values_that_a_driver_or_an_animation_sets_are_read_each_time():
    tree = chain(3)
    socket = tree.nodes["Node 1"].inputs["Other"]
    kept(tree)
    socket.driver_add("default_value").driver.expression = "frame * 2.0"
    for frame in (3, 5):
        bpy.context.scene.frame_set(frame)
        bpy.context.view_layer.update()
        assert repr(kept(tree)) == repr(fresh(tree))


def test_each_property_that_is_read_tells_of_a_change_of_its_node(num_read):
    """Of script nodes; those of sockets are told of by `fields`."""
    tree = chain(1)
    node = tree.nodes[0]
    found = {}
    for name, content in SETTINGS.items():
        kept(tree)
        num_read()
        setattr(node, name, content)
        kept(tree)
        found[name] = num_read()
    assert set(found.values()) == {1}, found


def test_nodes_that_hold_a_data_block_are_read_each_time():
    tree, scene_object = new_tree(), quad("Quad")
    value(tree, "Object", scene_object)
    kept(tree)
    scene_object.name = "Renamed"
    assert "Renamed" in repr(kept(tree))
    bpy.data.objects.remove(scene_object)
    assert "Renamed" not in repr(kept(tree))


def test_trees_that_are_gone_are_forgotten():
    tree = chain(3)
    uid = tree.session_uid
    kept(tree)
    assert uid in kept_readings._trees
    bpy.data.node_groups.remove(tree)
    kept(new_tree())
    assert uid not in kept_readings._trees
