# SPDX-License-Identifier: GPL-3.0-or-later
"""The reader: a node tree -> an immutable graph, with nothing of bpy in it."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Iterator
from typing import Any

import bpy

from ..runtime.blender import data_block_kinds, rig_actions
from ..runtime.blender.paths import blend_files_in_use, files_in_use
from ..runtime.errors import MisfitError, Problem
from ..runtime.planning import destinations
from ..runtime.planning.graph import (
    Graph,
    GraphNode,
    InputSocket,
    NodeKind,
    NodeSettings,
    OutputAction,
    OutputMode,
    OutputSocket,
    Repeat,
    SceneSettings,
    WhenChanged,
)
from ..runtime.script.signature import MISSING, Output, Parameter, ScriptSource, Signature
from ..runtime.script.socket_types import ANY_DATA_BLOCK, OPEN_FILE, LiveRef, SocketType, Value
from ..runtime.script.value_kinds import VALUE_KINDS, Form
from . import declared_sockets, fields, group_interface, kept_readings, list_nodes, sources
from .flattening import Flattening, Reading
from .group_node import COUNT_INPUT, NUMBER_INPUT, has_group
from .identity import background_trees, renew_duplicates

#: The kinds of which Blender keeps 32 bits of each number.
_ROUNDED = frozenset(
    kind for kind, known in VALUE_KINDS.items() if known.form in (Form.NUMBER, Form.NUMBERS, Form.MATRIX)
)
#: What people call parts that Blender may be built without.
_PARTS = {"alembic": "Alembic", "codec_ffmpeg": "FFmpeg", "usd": "USD"}
#: The shipped script that does the work of an Output node in Save mode.
_SAVE_SCRIPT = "import_export/save_blend_file"


def read(tree: bpy.types.NodeTree, scene: bpy.types.Scene, *, takes_over: bool = False) -> Graph:
    """Copy a background node tree, with all that is in its groups.

    Sockets of script nodes are brought up to date with their scripts first, those of group nodes with their groups. If
    it `takes_over`, nodes that have not changed since the last such reading are not read again: see `kept_readings`.
    """
    renew_duplicates()
    for each in background_trees():
        list_nodes.follow_links(each)
    with sources.read_once():
        read_node = functools.partial(_read_node, holders=_Holders())
        reading = kept_readings.KeptReading(read_node) if takes_over else Reading(read_node)
        try:
            found = Flattening(reading, _value, _default_of_group).read(tree)
        finally:
            reading.end()
    return Graph(tree.name, tuple(found.nodes), tuple(found.links), _read_scene(scene), files_in_use(), live_ref(scene))


def _read_scene(scene: bpy.types.Scene) -> SceneSettings:
    units = scene.unit_settings
    return SceneSettings(
        scene.frame_current,
        scene.frame_start,
        scene.frame_end,
        scene.render.fps,
        scene.render.fps_base,
        units.system,
        units.scale_length,
        units.length_unit,
    )


def _read_node(node: bpy.types.Node, holders: _Holders) -> GraphNode:
    if node.bl_idname == "BackgroundNodeOutput":
        return _read_output(node, holders)
    read_one = _READERS.get(node.bl_idname)
    if read_one is not None:
        return read_one(node)
    if node.bl_idname == "NodeReroute":
        return _read_reroute(node)
    if node.bl_idname == "NodeFrame":
        return GraphNode(node.name, node.name, NodeKind.FRAME)
    return _read_unknown(node)


def _read_reroute(node: bpy.types.Node) -> GraphNode:
    return GraphNode(node.name, node.name, NodeKind.REROUTE, *_sockets_for_anything(node))


def _read_unknown(node: bpy.types.Node) -> GraphNode:
    """A node of an add-on that is not here: a script node without a script, so that its links are no second problem."""
    message = f"the type {node.bl_idname} is unknown"
    problem = Problem(node.name, "", message, "Delete the node or enable its add-on", node.name)
    return GraphNode(node.name, node.name, NodeKind.SCRIPT, *_sockets_for_anything(node), problems=(problem,))


def _sockets_for_anything(node: bpy.types.Node) -> tuple[tuple[InputSocket, ...], tuple[OutputSocket, ...]]:
    """Of nodes that the compiler looks through, or stops at: their types decide nothing."""
    anything = SocketType(ANY_DATA_BLOCK)
    inputs = (Parameter(socket.identifier, socket.name, anything, is_optional=True) for socket in node.inputs)
    outputs = (OutputSocket(socket.identifier, socket.name, anything) for socket in node.outputs)
    return tuple(map(InputSocket, inputs)), tuple(outputs)


# Our own nodes


def _read_script(node: bpy.types.Node) -> GraphNode:
    found = node.read_script()
    if found is None:
        return _read_broken_script(node)
    source, signature = found
    by_identifier = {socket.identifier: socket for socket in node.inputs}
    problems = [*_declaration_problems(node)]
    inputs = tuple(
        InputSocket(parameter, _own_value(parameter, by_identifier[parameter.identifier], node, problems))
        for parameter in signature.inputs
    )
    problems += _lacks(node, signature, inputs)
    outputs = tuple(map(_read_script_output, signature.outputs))
    return GraphNode(
        node.uid,
        node.name,
        NodeKind.SCRIPT,
        inputs,
        outputs,
        node.mute,
        source,
        node.settings(),
        problems=tuple(problems),
    )


def _read_script_output(output: Output) -> OutputSocket:
    return OutputSocket(
        output.identifier, output.label, output.type, annotation=output.annotation, is_optional=output.is_optional
    )


def _declaration_problems(node: bpy.types.Node) -> Iterator[Problem]:
    for fault in declared_sockets.faults(node) if node.is_without_main else ():
        yield Problem(node.name, fault.name, fault.message, fault.fix, node.uid)


def _lacks(node: bpy.types.Node, signature: Signature, inputs: Iterable[InputSocket]) -> Iterator[Problem]:
    """What the script needs and this Blender, which runs it as well, was built without."""
    fix = "Run it in a Blender that has it, as those of blender.org do, or use a node for another format"
    yield from (Problem(node.name, "", _lack(name), fix, node.uid) for name in signature.needs if not _has(name))
    linked = {socket.identifier for socket in node.inputs if socket.is_linked}
    set_here = {each.parameter.identifier: each for each in inputs if each.parameter.identifier not in linked}
    for identifier, value, name in signature.needs_of_values:
        given = set_here.get(identifier)
        if given is not None and given.value == value and not _has(name):
            fix = "Choose another, or run it in a Blender that has it, as those of blender.org do"
            yield Problem(node.name, given.parameter.label, _lack(name), fix, node.uid)


def _has(part: str) -> bool:
    return bool(getattr(bpy.app.build_options, part, False))


def _lack(part: str) -> str:
    return f"this Blender was built without {_PARTS.get(part, part)}"


def _read_broken_script(node: bpy.types.Node) -> GraphNode:
    """A node whose script is missing or has an error: it keeps its sockets, so that its links are no second problem."""
    problem = Problem(
        node.name,
        "",
        node.source_error or "there is no script",
        "Correct the script" if node.source_error else "Choose a text, a file or a node of the library",
        node.uid,
        node.source_error_line or None,
    )
    inputs = tuple(
        InputSocket(Parameter(socket.identifier, socket.name, socket.socket_type, is_optional=True))
        for socket in node.inputs
    )
    outputs = tuple(OutputSocket(socket.identifier, socket.name, socket.socket_type) for socket in node.outputs)
    return GraphNode(
        node.uid,
        node.name,
        NodeKind.SCRIPT,
        inputs,
        outputs,
        node.mute,
        ScriptSource("", ""),
        node.settings(),
        problems=(problem,),
    )


def _read_group(node: bpy.types.Node) -> GraphNode:
    """A group node. What is in the group comes to it in `flattening`."""
    if not has_group(node):
        problem = Problem(node.name, "", "there is no group", "Choose a group, or delete the node", node.uid)
        sockets = _sockets_for_anything(node)
        return GraphNode(node.uid, node.name, NodeKind.GROUP, *sockets, node.mute, problems=(problem,))
    node.follow()
    by_identifier = {socket.identifier: socket for socket in node.inputs}
    problems = list(_foreign_sockets(node))
    inputs = tuple(
        InputSocket(parameter, _own_value(parameter, by_identifier[parameter.identifier], node, problems))
        for parameter in map(group_interface.parameter, group_interface.items(node.node_tree, "INPUT"))
        if parameter.identifier in by_identifier
    )
    outputs = tuple(
        OutputSocket(item.identifier, item.name, item.value_type)
        for item in group_interface.items(node.node_tree, "OUTPUT")
    )
    repeat = _read_repeat(node, problems)
    return GraphNode(
        node.uid, node.name, NodeKind.GROUP, inputs, outputs, node.mute, problems=tuple(problems), repeat=repeat
    )


def _read_repeat(node: bpy.types.Node, problems: list[Problem]) -> Repeat | None:
    """How often a group runs; None for once."""
    if node.repeat_mode == "ONCE":
        return None
    count, number = node.number_input(COUNT_INPUT), node.number_input(NUMBER_INPUT)
    if node.repeat_mode == "COUNT":
        return Repeat(node.iterations, count_input=count, number_input=number)
    stop = next((item.identifier for item in node.stop_outputs() if item.name == node.stop_output), "")
    if not stop:
        message = f'the group has no output "{node.stop_output}" that is one boolean'
        fix = "Choose an output that says whether a pass was the last one"
        problems.append(Problem(node.name, "", message, fix, node.uid))
    return Repeat(node.iterations, stop_output=stop, number_input=number)


def _foreign_sockets(node: bpy.types.Node) -> Iterator[Problem]:
    """Sockets of a type of Blender's own, which an interface may have (see `BackgroundNodeTree.valid_socket_type`)."""
    for socket in (*node.inputs, *node.outputs):
        if not hasattr(socket, "socket_type"):
            message = f"{socket.bl_label} is no type of Background Nodes"
            fix = "Give this socket of the group another type"
            yield Problem(node.name, socket.name, message, fix, node.uid)


def _read_list_node(node: bpy.types.Node) -> GraphNode:
    deciders = {parameter.identifier: parameter for parameter in node.deciders()}
    problems: list[Problem] = []
    inputs = tuple(
        InputSocket(
            deciders.get(socket.identifier) or Parameter(socket.identifier, socket.name, socket.socket_type),
            _value(socket, node, problems, is_as_shown=True),
        )
        for socket in node.inputs
    )
    outputs = tuple(OutputSocket(socket.identifier, socket.name, socket.socket_type) for socket in node.outputs)
    return GraphNode(
        node.uid,
        node.name,
        NodeKind.LIST,
        inputs,
        outputs,
        node.mute,
        problems=tuple(problems),
        operation=node.operation(),
    )


def _read_input(node: bpy.types.Node) -> GraphNode:
    socket = node.outputs[0]
    problems: list[Problem] = []
    value = _value(socket, node, problems)
    output = OutputSocket(socket.identifier, socket.name, socket.socket_type, value)
    return GraphNode(
        node.uid, node.name, NodeKind.INPUT, outputs=(output,), is_muted=node.mute, problems=tuple(problems)
    )


def _read_output(node: bpy.types.Node, holders: _Holders) -> GraphNode:
    if node.mode == "SAVE":
        return _read_save(node)
    parameter = Parameter("data", "Data", SocketType(ANY_DATA_BLOCK, is_list=True))
    collection = None if node.collection is None else live_ref(node.collection)
    action = OutputAction(
        OutputMode[node.mode],
        collection,
        node.keep_earlier,
        WhenChanged[node.when_changed],
        node.keep_succeeded,
        tuple(node.offset),
        node.hide_original,
        () if node.collection is None else tuple(map(live_ref, holders.of(node.collection))),
    )
    return GraphNode(node.uid, node.name, NodeKind.OUTPUT, (InputSocket(parameter),), is_muted=node.mute, action=action)


class _Holders:
    """Which collections of the open file hold which others. They are looked through once, if they are."""

    @functools.cached_property
    def _around(self) -> dict[bpy.types.Collection, list[bpy.types.Collection]]:
        """Those that each collection is directly in."""
        found: dict[bpy.types.Collection, list[bpy.types.Collection]] = {}
        for outer in bpy.data.collections:
            for inner in outer.children:
                found.setdefault(inner, []).append(outer)
        return found

    def of(self, collection: bpy.types.Collection) -> list[bpy.types.Collection]:
        """A collection, and all that it is in."""
        found = {collection: None}
        waiting = [collection]
        while waiting:
            new = [outer for outer in self._around.get(waiting.pop(), ()) if outer not in found]
            found.update(dict.fromkeys(new))
            waiting += new
        return list(found)


def _read_save(node: bpy.types.Node) -> GraphNode:
    """In Save mode the node is a task like any other: a worker writes the file."""
    source = sources.from_library(_SAVE_SCRIPT)
    signature = sources.signature(source)
    problems: list[Problem] = []
    values = {"filepath": _destination(node, problems)}
    inputs = tuple(
        InputSocket(parameter, values.get(parameter.identifier, _default(parameter))) for parameter in signature.inputs
    )
    return GraphNode(
        node.uid,
        node.name,
        NodeKind.SCRIPT,
        inputs,
        (),  # the node has no socket that its result could come home to
        node.mute,
        source,
        NodeSettings(),
        problems=tuple(problems),
    )


def _destination(node: bpy.types.Node, problems: list[Problem]) -> str:
    """The file that an Output node in Save mode writes, by its whole path."""
    num_problems = len(problems)
    path = _absolute(node.filepath, node, "File", problems)
    # The script adds the ending, too, but by then it would be too late to tell.
    path = path if not path or path.lower().endswith((".blend", "/", os.sep)) else f"{path}.blend"
    try:
        if len(problems) == num_problems:
            destinations.check(path, blend_files_in_use())
    except MisfitError as error:
        problems.append(Problem(node.name, "File", error.message, error.fix, node.uid))
    return path


def _own_value(parameter: Parameter, socket: Any, node: bpy.types.Node, problems: list[Problem]) -> Value:
    value = _value(socket, node, problems)
    if parameter.has_rig_actions and not value:
        return _default(parameter)
    if parameter.type.kind not in _ROUNDED or value is None or value == parameter.default:
        return value
    return _as_written(value, parameter)


def _as_written(value: Value, parameter: Parameter) -> Value:
    """A value of which Blender keeps 32 bits; where these are the default's, or an end's of the range, that itself.

    So a default arrives to the last digit, and what was set to the end of a range is not out of it.
    """
    if parameter.default is not MISSING and fields.is_default(value, parameter.default, parameter.type):
        return parameter.default
    if parameter.type.kind != "FLOAT":
        return value
    ends = [end for end in (parameter.minimum, parameter.maximum) if end is not None]
    is_list = parameter.type.is_list
    items = [
        next((end for end in ends if fields.is_same_number(item, end)), item)
        for item in (value if is_list else (value,))
    ]
    return tuple(items) if is_list else items[0]


def _default(parameter: Parameter) -> Value:
    if parameter.has_rig_actions:
        return tuple(map(live_ref, rig_actions.unused()))
    return None if parameter.default is MISSING else parameter.default


_READERS = {
    "BackgroundNodeScript": _read_script,
    "BackgroundNodeInput": _read_input,
    "BackgroundNodeGroup": _read_group,
} | {cls.bl_idname: _read_list_node for cls in list_nodes.classes}


# Values


def _value(socket: Any, node: bpy.types.Node, problems: list[Problem], *, is_as_shown: bool = False) -> Value:
    """What a socket holds, in the form of `socket_types.Value`; None where nothing is set.

    If it `is_as_shown`, a field that nobody touched holds what it shows.
    """
    kind = socket.socket_type.kind
    try:
        is_field = is_as_shown and not socket.socket_type.is_list
        value = socket.default_value if is_field else socket.get_value()
    except ValueError as error:
        message = f"what is written there is no JSON: {error}"
        problems.append(Problem(node.name, socket.name, message, 'Write it as in {"name": [1, 2]}', _id_of(node)))
        return ({},) if socket.socket_type.is_list else {}  # something, so that its absence is no second problem
    if socket.socket_type.is_list:
        items = (_item(item, kind, socket, node, problems) for item in value or ())
        return None if value is None else tuple(item for item in items if item is not None)
    return None if value is None else _item(value, kind, socket, node, problems)


def _item(value: Any, kind: str, socket: Any, node: bpy.types.Node, problems: list[Problem]) -> Value:
    if isinstance(value, bpy.types.ID):
        return live_ref(value)
    if value is None:  # a data-block that was deleted
        return None
    match VALUE_KINDS[kind].form:
        case Form.PATH:
            return _absolute(value, node, socket.name, problems) if value else None
        case Form.BLEND_FILE:
            return _absolute(value, node, socket.name, problems) if value else OPEN_FILE
        case Form.MATRIX:
            return tuple(fields.exact(number) for row in value for number in row)
        case Form.NUMBERS:
            return tuple(fields.exact(number) for number in value)
        case Form.NUMBER:
            return fields.exact(value)
        case _:
            return value


def _default_of_group(item: Any, node: bpy.types.Node, problems: list[Problem]) -> Value:
    """What the Group Input of a tree that is run by itself gives; None where no default is set."""
    default = item.get_default()
    if default is MISSING:
        return None
    if VALUE_KINDS[item.kind].form not in (Form.PATH, Form.BLEND_FILE):
        return default
    if not item.value_type.is_list:
        return _item(default, item.kind, item, node, problems)
    return tuple(_item(each, item.kind, item, node, problems) for each in default)


def _id_of(node: bpy.types.Node) -> str:
    """Those that are not ours, such as the ends of a group, have only their names."""
    return node.uid if hasattr(node, "uid") else node.name


def live_ref(data_block: bpy.types.ID) -> LiveRef:
    return LiveRef(data_block_kinds.kind_of(data_block), data_block.name, data_block.session_uid)


def _absolute(path: str, node: bpy.types.Node, socket: str, problems: list[Problem]) -> str:
    """A path without Blender's `//`, which stands for the folder of the file that the node is in."""
    library = node.id_data.library
    if path.startswith("//") and library is None and not bpy.data.filepath:
        message = f"{path} is relative to this file, which is not saved yet"
        problems.append(Problem(node.name, socket, message, "Save the file, or give a whole path", _id_of(node)))
    return bpy.path.abspath(path, library=library)
