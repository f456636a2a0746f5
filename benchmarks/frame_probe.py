"""Runs inside the window's Blender: times what the extension does there, from one redraw to the next.

Blender counts the arguments of the functions that it is given: they are replaced where it looks them up at each call,
or given anew.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator
from types import ModuleType

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
            (self._module("addon.editor.header"), "_draw_header"),
        ):
            module.unregister()
            setattr(module, name, self._watch.timed("draw", getattr(module, name)))
            module.register()
        for cls in self._drawing_classes():
            for name in ("draw", "draw_header", "draw_item", "draw_buttons", "draw_label"):
                if name in vars(cls) and not isinstance(vars(cls)[name], classmethod | staticmethod):
                    setattr(cls, name, self._watch.timed("draw", vars(cls)[name]))

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


def build(tree_name: str, num_nodes: int, num_items: int, num_columns: int = 20) -> None:
    """Independent nodes in rows, each with so many items, in a tree that the largest editor shows."""
    text = bpy.data.texts.new("work.py")
    text.from_string(SCRIPT)
    tree = bpy.data.node_groups[tree_name]
    numbers = tree.nodes.new("BackgroundNodeInput")
    numbers.data_type, numbers.is_list, numbers.hide = "INT", True, True
    numbers.outputs[0].default_value = range(num_items)
    numbers.location = -250.0, 0.0
    for number in range(num_nodes):
        node = tree.nodes.new("BackgroundNodeScript")
        node.script, node.select = text, False
        node.location = number % num_columns * 220.0, number // num_columns * -180.0
        if num_items > 1:
            tree.links.new(numbers.outputs[0], node.inputs[0])
