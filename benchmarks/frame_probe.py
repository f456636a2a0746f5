"""Runs inside the window's Blender: times what the extension does there, from one redraw to the next.

Blender counts the arguments of the functions that it is given: those that take their place have as many.
"""

from __future__ import annotations

import contextlib
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


#: One that takes no time.
AT_ONCE = """
def main(value: int = 1) -> int:
    return value + 1
"""


SLEEP = """
import time
update_job_progress(0.5, "Sleeping")
time.sleep(seconds)
python_data = item
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


class Pulse:
    """How often a timer is called that asks for a call each 5 ms, and how often the 3D Viewport is drawn."""

    _INTERVAL = 0.005

    def __init__(self, extension: str) -> None:
        self._watch = Stopwatch()
        session = importlib.import_module(f"{extension}.addon.session.keeper").Session
        session.tick = self._watch.timed("tick", session.tick)
        self._last = self._watch.now()
        self._beats: list[Span] = []
        self._num_drawn = 0
        bpy.app.timers.register(self._beat)
        self._handler = bpy.types.SpaceView3D.draw_handler_add(self._note_drawn, (), "WINDOW", "POST_PIXEL")

    def _beat(self) -> float:
        now = self._watch.now()
        self._beats.append(now.minus(self._last))
        self._last = now
        return self._INTERVAL

    def _note_drawn(self) -> None:
        self._num_drawn += 1

    def take(self) -> tuple[dict[str, list[Span]], int]:
        """What was measured since the last call: our ticks, the time between two calls of the timer; and the draws."""
        taken = {"tick": list(self._watch.spans["tick"]), "timer": self._beats}, self._num_drawn
        self._watch.spans.clear()
        self._beats, self._num_drawn = [], 0
        return taken


def add_jobs(job_manager: Any, num_jobs: int, num_workers: int, seconds: float) -> Any:
    """Jobs that do nothing for so long, and give a value back: a batch."""
    job_manager.max_workers = num_workers
    return job_manager.map(SLEEP, range(num_jobs), name="Sleep", passed_data={"seconds": seconds})


TAKE_OBJECT = """
import bpy
def main(source: bpy.types.Object) -> bpy.types.Object:
    source.location.z += 1.0
    return source
"""
WAIT = """
import time
def main(number: int = 1) -> int:
    time.sleep(0.1)
    return number
"""


def open_editor(area: bpy.types.Area) -> None:
    """Show our editor in an area."""
    area.ui_type = "BackgroundNodeTree"


def build_trip(tree_name: str) -> None:
    """A tree of one node that takes a small object, and gives it back."""
    node = _lone_node(tree_name, TAKE_OBJECT)
    mesh = bpy.data.meshes.new("Small")
    mesh.from_pydata([(x, y, 0) for x in range(8) for y in range(8)], [], [])
    node.inputs[0].default_value = bpy.data.objects.new("Small", mesh)
    node.keep_result = True


def build_wait(tree_name: str) -> None:
    """A tree of one node that takes a tenth of a second."""
    _lone_node(tree_name, WAIT)


def _lone_node(tree_name: str, script: str) -> bpy.types.Node:
    text = bpy.data.texts.new("lone.py")
    text.from_string(script)
    node = bpy.data.node_groups.new(tree_name, "BackgroundNodeTree").nodes.new("BackgroundNodeScript")
    node.script = text
    return node


class Runs:
    """Runs a tree again and again, each time so many seconds after the results of the run before are home.

    Attributes:
        seconds: by the clock, of each run from its start until its results are home.
    """

    def __init__(self, session: Any, tree_name: str, count: int, rest: float) -> None:
        self.seconds: list[float] = []
        self._session, self._tree_name, self._count, self._rest = session, tree_name, count, rest
        self._began = 0.0
        session.ended.listen(self._end)
        self._begin()

    def _begin(self) -> None:
        self._began = time.perf_counter()
        self._session.start(bpy.data.node_groups[self._tree_name], workers=1, cache=False)

    def _end(self, run: Any) -> None:
        if run.state != "succeeded":
            raise RuntimeError(f"the run is {run.state}")
        self.seconds.append(time.perf_counter() - self._began)
        if len(self.seconds) < self._count:
            bpy.app.timers.register(functools.partial(self._begin), first_interval=self._rest)
        else:
            self._session.ended.stop_listening(self._end)


def _with_arguments_of(method: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """A function that has the arguments of a method by name, for Blender gives it as many, and calls another."""
    arguments = ", ".join(inspect.signature(method).parameters)
    return eval(f"lambda {arguments}: function({arguments})", {"function": function})  # noqa: S307 (names of ours)


def build(tree_name: str, num_nodes: int, num_items: int, script: str = SCRIPT) -> None:
    """Independent nodes in rows, each with so many items, in a tree that the largest editor shows."""
    text = bpy.data.texts.new("work.py")
    text.from_string(script)
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


def frame_all(area: bpy.types.Area, tree_name: str) -> None:
    """Show a tree, with all of its nodes in view."""
    with _showing(area, tree_name):
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)  # from then on nodes have a size
        bpy.ops.node.view_all()
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)


def redraw(area: bpy.types.Area, tree_name: str) -> float:
    """Milliseconds of the processor that a redraw of a tree takes, in all threads of Blender."""
    with _showing(area, tree_name):
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)  # the first one after another tree
        start = time.process_time()
        bpy.ops.wm.redraw_timer(type="DRAW", iterations=1)
        return (time.process_time() - start) * 1e3


@contextlib.contextmanager
def _showing(area: bpy.types.Area, tree_name: str) -> Iterator[None]:
    """Show a tree in an area; within the block operators are those of the area."""
    tree = bpy.data.node_groups[tree_name]
    area.ui_type = tree.bl_idname
    area.spaces.active.pin = True  # else Blender shows the active object's
    area.spaces.active.node_tree = tree
    region = next(region for region in area.regions if region.type == "WINDOW")
    with bpy.context.temp_override(area=area, region=region):
        yield
