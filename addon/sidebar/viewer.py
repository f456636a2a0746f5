# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows what an output gives without bringing it into the file for good, as the viewer of Geometry Nodes does.

    Ctrl Shift click --> is the result at hand? --no--> run to the node, and come back when that is over
                                  |
                                 yes --> in the file already: select it, or open it in its editor
                                     --> only offered: load it; it goes before anything saves, reads or replaces it

What was loaded is in the file like all else, so an undo may bring it back: it is known by its uid, and goes the next
time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import bpy
from bpy.app.translations import pgettext_rpt as translated
from bpy_extras.view3d_utils import location_3d_to_region_2d
from mathutils import Vector

from ...node_tree import lookup
from ...node_tree.identity import find_node
from ...node_tree.links import source_socket
from ...node_tree.node_shape import View
from ...node_tree.succession import without_users
from ...node_tree.writer import Viewed
from ...runtime.blender import remapping
from ...runtime.blender.data_block_kinds import Handle, Index
from ...runtime.errors import BackgroundNodesError, RunError
from ...runtime.planning.node_path import is_in_group
from ..drawing import areas, keymaps
from ..editor import end_report, node_select, node_status, overlay, redraw
from ..editor.active import TreeOperator, active_run, edited_tree
from ..editor.uses import use_of
from ..session import forecasts, undo
from ..session.current import offering_run, session
from ..session.run import Run
from . import results

_NAME = "Viewer"
#: Custom properties of the collection with what is shown: that it is one, and the objects hidden for it.
_MARK, _HIDDEN = "background_nodes_viewer", "background_nodes_hidden"
_SCENE_KINDS = (bpy.types.Object, bpy.types.Collection)


class Target(NamedTuple):
    """An output that is shown: by the `session_uid` of the outer tree, the id of its node's path, its identifier."""

    tree_uid: int
    node_id: str
    output: str

    @classmethod
    def of(cls, socket: bpy.types.NodeSocket) -> Target:
        """What a socket stands for in the editor that is used: in a group, that of the use which that shows."""
        tree, node_id = use_of(socket.node)
        return cls(tree.session_uid, node_id, socket.identifier)

    @property
    def tree(self) -> bpy.types.NodeTree | None:
        return next((tree for tree in bpy.data.node_groups if tree.session_uid == self.tree_uid), None)

    def find(self) -> bpy.types.NodeSocket | None:
        """The output, None if it is gone."""
        tree = self.tree
        node = None if tree is None else find_node(tree, self.node_id)
        return next((item for item in node.outputs if item.identifier == self.output), None) if node else None


class _Viewer:
    """What is shown.

    Attributes:
        target: what was asked for last; None: nothing is shown.
        wanted: what is to be shown once a run is over.
    """

    def __init__(self) -> None:
        self._target: Target | None = None
        self.wanted: Target | None = None
        self._handles: set[Handle] = set()  # of all that was loaded, in this session
        self._shown: set[Handle] = set()  # of what was put into the scene, loaded or not
        self._is_clear = True  # unless something may be in the file
        self._is_suspended = False  # while Blender saves

    @property
    def target(self) -> Target | None:
        return self._target

    @target.setter
    def target(self, target: Target | None) -> None:
        trees = {each.tree_uid for each in (self._target, target) if each is not None}
        self._target = target
        overlay.viewed[:] = [] if target is None else [target.node_id]
        if not bpy.app.background:
            redraw.tag(trees)

    def show(self, context: bpy.types.Context, target: Target, socket: bpy.types.NodeSocket) -> tuple[str, str]:
        """Show an output whose result is at hand. Returns the level of a report, and its message: "" for none."""
        self.clear()
        self.target = target
        is_data_block = socket.socket_type.is_data_block
        run = None if _is_home(target, socket) else _run_with(target, socket)
        if run is None:
            if not is_data_block:
                return "INFO", _text(socket, socket.result_label)
            return self._show(context, Viewed(_data_blocks(socket), set(), []))
        try:
            part = _part_text(run, target)
            if not is_data_block:
                label = socket.label_of(run.value(target.node_id, target.output))
                return ("WARNING", _text(socket, f"{label} ({part})")) if part else ("INFO", _text(socket, label))
            viewed = run.view(target.node_id, target.output)
        except BackgroundNodesError as error:
            return "WARNING", str(error)
        self._handles.update(map(Handle.of, viewed.came))
        self._is_clear = False
        level, message = self._show(context, viewed)
        return ("WARNING", _text(socket, part)) if part else (level, message)

    def _show(self, context: bpy.types.Context, viewed: Viewed) -> tuple[str, str]:
        if not viewed.results:
            return "INFO", translated("The result is empty")
        scene_items = [item for item in viewed.results if isinstance(item, _SCENE_KINDS)]
        if scene_items and (viewed.came or not any(_is_in_scene(context, item) for item in scene_items)):
            self._is_clear = False
            self._shown.update(map(Handle.of, scene_items))
            _put_into_scene(context, scene_items, viewed.originals)
            _bring_into_view(context, scene_items)
            return "INFO", ""
        return "WARNING", results.show(context, viewed.results)

    def clear(self) -> None:
        """Remove from the file what was loaded to be shown, but for what the artist uses elsewhere by now."""
        self.target = None
        if self._is_clear:
            return
        self._is_clear = True
        index = Index()
        found = {item for handle in self._handles if (item := index.find(*handle)) is not None}
        collections = _viewer_collections()
        for collection in collections:
            _show_hidden(collection)
            _hand_back(item for item in collection.objects if Handle.of(item) not in self._shown)
        going = without_users(found, {*found, *collections, *bpy.data.screens})
        self._handles -= {Handle.of(item) for item in found - going}
        remapping.remove([*going, *collections])

    def suspend(self) -> None:
        """Take what is shown out of the file, until `resume`."""
        self._is_suspended = not self._is_clear
        self.clear_for_a_while()

    def clear_for_a_while(self) -> None:
        """The same as `clear`; but what is shown is not forgotten."""
        target = self.target
        self.clear()
        self.target = target

    def resume(self) -> None:
        """Show it again, if that is only offered."""
        if self._is_suspended:
            self._is_suspended = False
            self.show_again()

    def show_again(self) -> None:
        """Show what was asked for last as it is now, if it is at hand."""
        target = self.target
        socket = None if target is None else target.find()
        if socket is not None and not _is_home(target, socket) and _run_with(target, socket) is not None:
            with _window_of(target.tree_uid):
                self.show(bpy.context, target, socket)

    def step_was_undone(self) -> None:
        """What is shown now is what was shown then."""
        self.target = None
        self._is_clear = False

    def forget_file(self) -> None:
        """Another file is open. A Blender that crashed may have left something in it."""
        self.target = self.wanted = None
        self._handles.clear()
        self._shown.clear()
        self._is_clear = True
        for collection in _viewer_collections():
            _show_hidden(collection)
            theirs = {collection, *collection.children_recursive}
            going = [item for item in collection.all_objects if theirs.issuperset(item.users_collection)]
            remapping.remove([*going, collection])


_viewer = _Viewer()


def _text(socket: bpy.types.NodeSocket, value: str) -> str:
    return f"{lookup.label(socket.node)} · {socket.name}: {value}"


def _is_home(target: Target, socket: bpy.types.NodeSocket) -> bool:
    """Whether the node shows its result, all of which is in the file. One in a group shows none: it has many uses."""
    if getattr(socket.node, "shows_output_values", False):
        return True
    if is_in_group(target.node_id):
        return False
    if not socket.shows_result or getattr(socket, "offered_by", 0):
        return False
    return getattr(socket, "num_noted", 0) == len(socket.result_data_blocks)


def _run_with(target: Target, socket: bpy.types.NodeSocket) -> Run | None:
    """The run that has the result of an output, if it is kept; at least that of some items of a list."""
    if getattr(socket, "offered_by", 0) and not is_in_group(target.node_id):
        with contextlib.suppress(RunError):
            return offering_run(socket)
    tree = target.tree
    run = None if tree is None else session.run_of(tree)
    return run if run is not None and run.has_part(target.node_id, target.output) else None


def _part_text(run: Run, target: Target) -> str:
    """How many items did what an output shows, or how its node ended; "" if nothing is missing."""
    task = run.at(target.node_id)
    if task is None or run.has_result(target.node_id, target.output):
        return ""
    return node_status.count_text(task) or node_status.state_label(task.state)


def _data_blocks(socket: bpy.types.NodeSocket) -> list[bpy.types.ID]:
    """What is at hand of a data-block output: what came home; of an Input node, what is set."""
    if not getattr(socket.node, "shows_output_values", False):
        return socket.result_data_blocks
    value = socket.get_value()
    return [item for item in (value if isinstance(value, tuple) else (value,)) if item is not None]


# In the scene


def _is_in_scene(context: bpy.types.Context, item: bpy.types.ID) -> bool:
    if isinstance(item, bpy.types.Object):
        return context.view_layer.objects.get(item.name) == item
    return item == context.scene.collection or item in context.scene.collection.children_recursive


def _viewer_collections() -> list[bpy.types.Collection]:
    return [collection for collection in bpy.data.collections if _MARK in collection]


def _put_into_scene(
    context: bpy.types.Context, items: Sequence[bpy.types.ID], originals: Sequence[bpy.types.ID]
) -> None:
    """Show objects and collections where nobody can edit or render them, and hide what they are versions of."""
    collection = bpy.data.collections.new(_NAME)
    collection[_MARK] = True
    collection.hide_select = collection.hide_render = True
    context.scene.collection.children.link(collection)
    for item in items:
        (collection.objects if isinstance(item, bpy.types.Object) else collection.children).link(item)
    seen = (item for item in originals if isinstance(item, bpy.types.Object) and item not in items)
    for index, item in enumerate(seen):
        if item.mode == "OBJECT" and item.visible_get():
            item.hide_set(True)
            collection[f"{_HIDDEN} {index}"] = item


def _show_hidden(collection: bpy.types.Collection) -> None:
    for name in [name for name in tuple(collection.keys()) if name.startswith(_HIDDEN)]:
        item = collection[name]
        for layer in (layer for scene in bpy.data.scenes for layer in scene.view_layers):
            if item is not None and layer.objects.get(item.name) == item:
                item.hide_set(False, view_layer=layer)


def _hand_back(items: Iterable[bpy.types.Object]) -> None:
    """Let objects that the artist has moved into the collection stay in the scene."""
    for item in list(items):
        (collection, *others) = item.users_collection
        if not others:
            scenes = (scene for scene in bpy.data.scenes if collection in scene.collection.children_recursive)
            next(scenes, bpy.context.scene).collection.objects.link(item)


def _bring_into_view(context: bpy.types.Context, items: Sequence[bpy.types.ID]) -> None:
    """Let a viewport show objects, which is turned only if they are elsewhere."""
    if bpy.app.background:
        return
    area = areas.find_or_open(context, "VIEW_3D")
    space = area.spaces.active
    objects = [each for item in items for each in ([item] if isinstance(item, bpy.types.Object) else item.all_objects)]
    if space.local_view is not None:
        for item in objects:
            item.local_view_set(space, True)
    context.view_layer.update()
    corners = [item.matrix_world @ Vector(corner) for item in objects for corner in item.bound_box]
    if not corners or space.region_3d.view_perspective == "CAMERA":
        return
    middle = sum(corners, Vector()) / len(corners)
    region = next(region for region in area.regions if region.type == "WINDOW")
    place = location_3d_to_region_2d(region, space.region_3d, middle)
    if place is None or not (0.0 <= place.x < region.width and 0.0 <= place.y < region.height):
        space.region_3d.view_location = middle


# The operator


class BACKGROUND_NODES_OT_result_view(TreeOperator, bpy.types.Operator):
    """Show what the node gives, without bringing it into the file; run to it first if it is not up to date"""

    bl_idname = "background_nodes.result_view"
    bl_label = "View Result"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(
        name="Node", description="The node to show, empty to show nothing any more", options={"SKIP_SAVE"}
    )

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if not self.node_name and context.region is not None and context.region.type == "WINDOW":
            node = _node_at(context, event.mouse_region_x, event.mouse_region_y)
            self.node_name = "" if node is None else node.name
        return self.execute(context)

    def execute(self, context: bpy.types.Context) -> set[str]:
        tree = edited_tree(context)
        node = tree.nodes.get(self.node_name)
        if node is None:
            is_there = _viewer.target is not None
            _viewer.wanted = None
            _viewer.clear()
            return {"FINISHED"} if is_there else {"CANCELLED", "PASS_THROUGH"}
        node_select.select(node)
        socket = _next_output(node)
        if socket is None:
            name = lookup.label(node) or node.name
            self.report({"WARNING"}, translated('"{name}" has no output to show').format(name=name))
            return {"CANCELLED"}
        target = Target.of(socket)
        if not _is_at_hand(target, socket):
            return self._run_to(context, target, socket)
        level, message = _viewer.show(context, target, socket)
        if message:
            self.report({level}, message)
        return {"FINISHED"}

    def _run_to(self, context: bpy.types.Context, target: Target, socket: bpy.types.NodeSocket) -> set[str]:
        tree = edited_tree(context)
        _viewer.wanted = target
        run = active_run(context)
        if run is not None and not run.is_home:
            self.report({"INFO"}, translated('"{name}" is shown once the run is over').format(name=socket.node.name))
            return {"FINISHED"}
        active, tree.nodes.active = tree.nodes.active, socket.node
        try:
            return bpy.ops.background_nodes.run("INVOKE_DEFAULT", scope="ACTIVE")
        except RuntimeError as error:  # in background mode
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        finally:
            tree.nodes.active = active


def _node_at(context: bpy.types.Context, x: int, y: int) -> bpy.types.Node | None:
    view = View(context.region, context.preferences.system.ui_scale)
    nodes = (node for node in reversed(edited_tree(context).nodes) if node.bl_idname != "NodeFrame")
    return next((node for node in nodes if view.shape(node).contains(x, y)), None)


def _next_output(node: bpy.types.Node) -> bpy.types.NodeSocket | None:
    """What is to be shown of a node: data-blocks first; if one of its outputs is shown, the next one.

    An Output node and a reroute stand for what is linked to them.
    """
    outputs = [socket for socket in node.outputs if socket.enabled and _can_be_shown(socket)]
    if not outputs:
        linked = (source_socket(link) for socket in node.inputs for link in socket.links)
        outputs = [socket for socket in linked if socket is not None and _can_be_shown(socket)]
    for before, socket in zip(outputs, outputs[1:] + outputs[:1], strict=True):
        if Target.of(before) == _viewer.target:
            return socket
    return next((socket for socket in outputs if socket.socket_type.is_data_block), outputs[0] if outputs else None)


def _can_be_shown(socket: bpy.types.NodeSocket) -> bool:
    """Whether it is an output of one of our nodes: what goes into a group is given by a node outside."""
    return hasattr(socket, "socket_type") and hasattr(socket.node, "uid")


def _is_at_hand(target: Target, socket: bpy.types.NodeSocket) -> bool:
    """Whether the result of an output is there, and is what a run would give."""
    if getattr(socket.node, "shows_output_values", False):
        return True
    if not _is_home(target, socket) and _run_with(target, socket) is None:
        return False
    is_shown = _viewer.target is not None and _viewer.target[:2] == target[:2]
    if is_shown or not session.settings.uses_store:
        return True
    tree = target.tree
    return tree is not None and forecasts.would_give_the_same(tree, target.node_id)


# What others do


def _before_results(_told: object) -> None:
    """A run is about to read the file, or to change it."""
    _viewer.clear_for_a_while()


def _run_began(run: Run) -> None:
    wanted = _viewer.wanted
    if wanted is not None and run.tree_uid == wanted.tree_uid and run.at(wanted.node_id) is None:
        _viewer.wanted = None


def _run_ended(run: Run) -> None:
    wanted = _viewer.wanted
    if wanted is None or run.tree_uid != wanted.tree_uid:
        _viewer.show_again()
        return
    _viewer.wanted = None
    socket = wanted.find()
    if socket is None or not (_is_home(wanted, socket) or _run_with(wanted, socket)):
        return
    with _window_of(wanted.tree_uid):
        level, message = _viewer.show(bpy.context, wanted, socket)
        undo.push_undo("View Result")
    if message:
        end_report.say(level, message)


@contextlib.contextmanager
def _window_of(tree_uid: int) -> Iterator[None]:
    """What opens an editor finds the window in which the artist sees the tree."""
    windows = bpy.context.window_manager.windows
    found = next((area for area, shown in redraw.editors() if tree_uid in shown), None)
    window = next((window for window in windows if found in window.screen.areas[:]), windows[0] if windows else None)
    options = {} if window is None else {"window": window, "screen": window.screen, "area": found}
    with bpy.context.temp_override(**options):
        yield


@bpy.app.handlers.persistent
def _before_save(*_arguments: object) -> None:
    _viewer.suspend()


@bpy.app.handlers.persistent
def _after_save(*_arguments: object) -> None:
    _viewer.resume()


@bpy.app.handlers.persistent
def _after_undo(*_arguments: object) -> None:
    _viewer.step_was_undone()


@bpy.app.handlers.persistent
def _after_load(*_arguments: object) -> None:
    _viewer.forget_file()


def _draw_context_menu(menu: bpy.types.Menu, context: bpy.types.Context) -> None:
    tree = edited_tree(context)
    if tree is None:
        return
    menu.layout.separator()
    if not any(node.select for node in tree.nodes):
        menu.layout.operator_context = "EXEC_DEFAULT"  # not what the menu covers
        menu.layout.operator(BACKGROUND_NODES_OT_result_view.bl_idname, text="Clear Viewer", icon="HIDE_ON")
    elif tree.nodes.active is not None:
        view = menu.layout.operator(BACKGROUND_NODES_OT_result_view.bl_idname, icon="HIDE_OFF")
        view.node_name = tree.nodes.active.name


classes = (BACKGROUND_NODES_OT_result_view,)


def _handlers() -> list[tuple[list[Callable[..., None]], Callable[..., None]]]:
    known = bpy.app.handlers
    return [
        (known.save_pre, _before_save),
        (known.save_post, _after_save),
        (known.load_post, _after_load),
        (known.undo_post, _after_undo),
        (known.redo_post, _after_undo),
    ]


def register() -> None:
    idname = BACKGROUND_NODES_OT_result_view.bl_idname
    keymaps.add("Node Editor", "NODE_EDITOR", idname, "LEFTMOUSE", ctrl=True, shift=True)
    session.starting.listen(_before_results)
    session.results_come.listen(_before_results)
    session.started.listen(_run_began)
    session.ended.listen(_run_ended)
    for functions, function in _handlers():
        functions.append(function)
    bpy.types.NODE_MT_context_menu.append(_draw_context_menu)


def unregister() -> None:
    bpy.types.NODE_MT_context_menu.remove(_draw_context_menu)
    for functions, function in _handlers():
        functions.remove(function)
    session.ended.stop_listening(_run_ended)
    session.started.stop_listening(_run_began)
    session.results_come.stop_listening(_before_results)
    session.starting.stop_listening(_before_results)
    _viewer.clear()
