"""Runs inside the window's Blender: times what the extension does there, from one redraw to the next.

Blender counts the arguments of the functions that it is given: those that take their place have as many.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import time
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import bpy
from stopwatch import NOTHING, Span, Stopwatch

SCRIPT = """
import time
from background_nodes.script import progress
def main(value: int = 1) -> int:
    for step in range(4):
        progress(step / 4, "Working")
        time.sleep(0.01)
    return value + 1
"""


class Probe:
    """Times our timer, Blender's own reading within it, and all that we draw, summed up for each redraw."""

    def __init__(self, extension: str) -> None:
        self._extension = extension
        self._watch = Stopwatch()
        self._redraws: list[Span] = []
        self._num_seen = 0
        session, undo = self._module("addon.session.keeper").Session, self._module("addon.session.undo")
        homecoming = self._module("runtime.blender.homecoming").Homecoming
        session.tick = self._watch.timed("tick", session.tick)
        undo.push_undo = self._watch.timed("reading", undo.push_undo)
        homecoming.bring = self._watch.timed("reading", homecoming.bring)
        self._time_drawing()
        bpy.app.timers.register(self._end_redraw)

    def _module(self, name: str) -> ModuleType:
        return importlib.import_module(f"{self._extension}.{name}")

    def _time_drawing(self) -> None:
        for module, name in (
            (self._module("addon.editor.overlay"), "_draw"),
            (self._module("addon.editor.header"), "_draw_start"),
            (self._module("addon.editor.header"), "_draw_end"),
        ):
            module.unregister()
            setattr(module, name, self._watch.timed("draw", getattr(module, name)))
            module.register()
        for cls in self._drawing_classes():
            for name in ("draw", "draw_header", "draw_item", "draw_buttons", "draw_label"):
                if name in vars(cls) and not isinstance(vars(cls)[name], classmethod | staticmethod):
                    setattr(cls, name, _with_arguments_of(vars(cls)[name], self._watch.timed("draw", vars(cls)[name])))

    def _drawing_classes(self) -> Iterator[type]:
        for name in ("addon.sidebar.panels", "node_tree.data_nodes", "node_tree.script_node"):
            yield from self._module(name).classes
        yield self._module("node_tree.sockets").BackgroundNodeSocket

    def _end_redraw(self) -> float:
        """Called between two redraws."""
        drawn = self._watch.spans["draw"][self._num_seen :]
        if drawn:
            self._redraws.append(functools.reduce(Span.plus, drawn, NOTHING))
            self._num_seen += len(drawn)
        return 0.0

    def take(self) -> dict[str, list[Span]]:
        """What was measured since the last call: ticks, our drawing in each redraw, Blender's readings."""
        spans = self._watch.spans
        taken = {"tick": spans["tick"], "redraw": self._redraws, "reading": spans["reading"]}
        spans.clear()
        self._redraws, self._num_seen = [], 0
        return taken


def _with_arguments_of(method: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that has the arguments of a method by name, for Blender gives it as many, and calls another."""
    arguments = ", ".join(inspect.signature(method).parameters)
    return eval(f"lambda {arguments}: function({arguments})", {"function": function})  # noqa: S307 (names of ours)


def build(tree_name: str, num_nodes: int, num_items: int) -> None:
    """Independent nodes in rows, each with so many items, in a tree that the largest editor shows."""
    text = bpy.data.texts.new("work.py")
    text.from_string(SCRIPT)
    tree = bpy.data.node_groups[tree_name]
    numbers = tree.nodes.new("BackgroundNodeInput")
    numbers.data_type, numbers.is_list, numbers.hide = "INT", True, True
    numbers.outputs[0].default_value = range(num_items)
    numbers.location = -250.0, 0.0
    for node in _rows(tree, "BackgroundNodeScript", num_nodes):
        node.script = text
        if num_items > 1:
            tree.links.new(numbers.outputs[0], node.inputs[0])


def build_geometry(tree_name: str, num_nodes: int) -> None:
    """As many nodes of Blender's own, *Math*: each has one row more than ours."""
    for _ in _rows(bpy.data.node_groups.new(tree_name, "GeometryNodeTree"), "ShaderNodeMath", num_nodes):
        pass


def _rows(tree: bpy.types.NodeTree, idname: str, num_nodes: int) -> Iterator[bpy.types.Node]:
    """New nodes in rows, about as wide as a screen; named at once, for Blender looks long for a name that is free."""
    num_columns = max(1, round((1.2 * num_nodes) ** 0.5))
    for number in range(num_nodes):
        node = tree.nodes.new(idname)
        node.name, node.select = f"Node {number}", False
        node.location = number % num_columns * 220.0, number // num_columns * -180.0
        yield node


def run_unseen(area: bpy.types.Area, tree: bpy.types.NodeTree, session: Any) -> None:
    """Run a tree while its editor shows none: redraws would take most of the time."""
    area.spaces.active.node_tree = None
    session.start(tree, workers=2, allow_scripts=True)


def redraw(area: bpy.types.Area, tree_name: str) -> float:
    """Milliseconds of the processor that a redraw of all nodes of a tree takes, in all threads of Blender."""
    tree = bpy.data.node_groups[tree_name]
    area.ui_type = tree.bl_idname
    area.spaces.active.pin = True  # else Blender shows the active object's
    area.spaces.active.node_tree = tree
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(area=area, region=region):
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)  # from then on nodes have a size
        bpy.ops.node.view_all()
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
        start = time.process_time()
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
        return (time.process_time() - start) * 1e3
