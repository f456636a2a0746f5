# SPDX-License-Identifier: GPL-3.0-or-later
"""The script node: its sockets are the signature of its script's `main`; without `main`, those declared on the node."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

import bpy
from bpy.app.translations import pgettext_iface as translated

from ..runtime.errors import SignatureError
from ..runtime.planning.graph import NodeSettings
from ..runtime.script import detected_sockets
from ..runtime.script.signature import Output, Parameter, ScriptSource, Signature
from ..runtime.script.wording import title_of
from . import changes, chosen_files, declared_sockets, node_shape, node_text, socket_rows, sources
from .base import BackgroundNode, SocketSpec, input_spec, sync_sockets
from .plain_sockets import PATH_OPTIONS
from .sockets import socket_idname

#: What the Sidebar lists beside the timeout.
_SETTINGS = ("retries", "use_fresh_process", "keep_result", "cache", "addons", "needs")
#: What is wrong with a script without `main` on a node whose sockets are those of another one.
_NO_MAIN = f"{detected_sockets.NO_MAIN}, or declare its inputs and outputs in the Sidebar"
#: Width of a button with an icon, in UI units.
_BUTTON_WIDTH = 20.0


def _script_changed(node: BackgroundNodeScript, _context: bpy.types.Context) -> None:
    if node.script is not None:
        node.filepath = node.library_script = ""
    _source_chosen(node)


def _filepath_changed(node: BackgroundNodeScript, _context: bpy.types.Context) -> None:
    if node.filepath:
        chosen_files.tell(node.filepath)
        node.script, node.library_script = None, ""
    _source_chosen(node)


def _library_script_changed(node: BackgroundNodeScript, _context: bpy.types.Context) -> None:
    if node.library_script:
        node.script, node.filepath = None, ""
        node.label = title_of(node.library_script.rpartition("/")[2])
    _source_chosen(node)


def _source_chosen(node: BackgroundNodeScript) -> None:
    node.sync(may_rename=False)
    if node.width == node.bl_width_default:  # the artist has set no other
        node.width = socket_rows.width_for(node.inputs, node.bl_width_default)
    changes.property_changed(node, None)


def _suggested_addons(_node: BackgroundNodeScript, context: bpy.types.Context, text: str) -> Iterator[str]:
    """What is there before the last comma, with each add-on that is enabled."""
    before = "".join(text.rpartition(",")[:2])
    for module in sorted(context.preferences.addons.keys()):
        yield f"{before} {module}".lstrip()


class BackgroundNodeScript(BackgroundNode, bpy.types.Node):
    """A typed Python function, carried out by a background Blender"""

    bl_idname = "BackgroundNodeScript"
    bl_label = "Script"
    bl_icon = "SCRIPT"
    bl_width_default = 180.0

    script: bpy.props.PointerProperty(
        name="Script", description="Text with the script", type=bpy.types.Text, update=_script_changed
    )
    filepath: bpy.props.StringProperty(
        name="File",
        description="Python file with the script",
        subtype="FILE_PATH",
        options=PATH_OPTIONS,
        update=_filepath_changed,
    )
    library_script: bpy.props.StringProperty(
        name="Library Script", description="Script of the shipped library", update=_library_script_changed
    )
    source_error: bpy.props.StringProperty(name="Error", description="What is wrong with the script")
    source_error_line: bpy.props.IntProperty(name="Line", description="Line of the script at fault, 0 if none is")

    is_without_main: bpy.props.BoolProperty(
        name="Without main", description="The script has no function main: inputs and outputs are declared on the node"
    )
    declared_inputs: bpy.props.CollectionProperty(name="Inputs", type=declared_sockets.BackgroundNodeDeclaredSocket)
    declared_outputs: bpy.props.CollectionProperty(name="Outputs", type=declared_sockets.BackgroundNodeDeclaredSocket)
    active_input_index: bpy.props.IntProperty(name="Active Input", min=0)
    active_output_index: bpy.props.IntProperty(name="Active Output", min=0)
    is_declaration_adopted: bpy.props.BoolProperty(
        name="Adopted",
        description="What is declared was taken over from a function main that is gone",
        options={"HIDDEN"},
    )

    timeout: bpy.props.FloatProperty(
        name="Timeout",
        description="Seconds one task of this node may take, 0 for no limit",
        min=0.0,
        subtype="TIME_ABSOLUTE",
        unit="TIME_ABSOLUTE",
        update=changes.property_changed,
    )
    retries: bpy.props.IntProperty(
        name="Retries",
        description="How often a task is tried again after its background Blender crashed",
        default=1,
        min=0,
        soft_max=10,
        update=changes.property_changed,
    )
    use_fresh_process: bpy.props.BoolProperty(
        name="Fresh Process",
        description="Run each task in a background Blender in which nothing ran before",
        update=changes.property_changed,
    )
    keep_result: bpy.props.BoolProperty(
        name="Keep Result",
        description="Bring the data-blocks home after each run, also those that other nodes use",
        update=changes.property_changed,
    )
    cache: bpy.props.EnumProperty(
        name="Cache",
        description="When results of an earlier run are used again",
        items=(
            ("AUTOMATIC", "Automatic", "A task runs only if something that its result depends on has changed"),
            ("NEVER", "Never", "Each task runs in every run, as for a script that looks at the time or at a website"),
        ),
        default="AUTOMATIC",
        update=changes.property_changed,
    )
    addons: bpy.props.StringProperty(
        name="Add-ons",
        description="Add-ons that background Blenders enable for this node: their modules, with commas in between",
        update=changes.property_changed,
        search=_suggested_addons,
        search_options={"SUGGESTION"},
    )

    needs: bpy.props.StringProperty(
        name="Needs",
        description="What the machine must have that runs this node, such as: GPU=1, memory=16, OS=Linux. Memory is in "
        "gigabytes; what else there is to be named, such as GPU, is what the workers of a farm were started with",
        update=changes.property_changed,
    )

    def source(self) -> ScriptSource | None:
        """The node's script, None if none is chosen. Raises SignatureError if it can't be read."""
        if self.script is not None:
            return sources.from_text(self.script)
        if self.filepath:
            return sources.from_file(self.whole_filepath())
        if self.library_script:
            return sources.from_library(self.library_script)
        return None

    def whole_filepath(self) -> str:
        """The path of its script; "//" stands for the folder of the file that the node is in, which may be a library.

        Of this file, if it is not saved yet, that is left as it is.
        """
        library = self.id_data.library
        return self.filepath if library is None else str(bpy.path.abspath(self.filepath, library=library))

    def settings(self) -> NodeSettings:
        addons = tuple(filter(None, map(str.strip, self.addons.split(","))))
        return NodeSettings(
            self.timeout,
            self.retries,
            self.use_fresh_process,
            self.keep_result,
            addons,
            self.cache == "NEVER",
            needs=self.needs.strip(),
        )

    def sync(self, *, may_rename: bool = True) -> Signature | None:
        """Make the sockets what the script says now.

        Args:
            may_rename: whether a new socket may be an old one that was renamed. Give False for another script.

        Returns:
            its signature; None if there is no script, or one with an error, which the node shows: the sockets stay.
        """
        found = self.read_script(may_rename=may_rename)
        return None if found is None else found[1]

    def read_script(self, *, may_rename: bool = True) -> tuple[ScriptSource, Signature] | None:
        """As `sync`; the script with its signature."""
        try:
            source = self.source()
            if source is None:
                self._set_without_main(is_without_main=False)
            signature = None if source is None else self._signature(source, is_chosen=not may_rename)
        except SignatureError as error:
            self._show_error(error.message, error.line or 0)
            return None
        self._show_error("", 0)
        if source is None or signature is None:
            return None
        self._sync_sockets(signature, may_rename)
        return source, signature

    def _signature(self, source: ScriptSource, *, is_chosen: bool) -> Signature:
        """What the script's `main` declares, or else the node. Raises SignatureError."""
        signature = None if source.is_without_main else sources.signature(source)
        self._set_without_main(is_without_main=source.is_without_main)
        if signature is not None:
            return signature
        if not declared_sockets.has_any(self):
            self._declare(source.text, is_chosen)
        return declared_sockets.signature(self, source.text).checked()

    def _set_without_main(self, *, is_without_main: bool) -> None:
        if self.is_without_main != is_without_main:
            self.is_without_main = is_without_main

    def _declare(self, text: str, is_chosen: bool) -> None:
        """Declare the sockets that a new script seems to have; or, if a script was edited, those of its former `main`.

        Raises:
            SignatureError: if it seems to have more than a node can have; or if the node has sockets, and the script
                may just have lost its `main`.
        """
        has_sockets = bool(len(self.inputs) or len(self.outputs))
        if has_sockets and not detected_sockets.has_marks(text):
            raise SignatureError(_NO_MAIN)
        found = detected_sockets.detect(text)
        if is_chosen:
            declared_sockets.add_missing(self, found)
        elif has_sockets:
            declared_sockets.adopt(self)

    def _sync_sockets(self, signature: Signature, may_rename: bool) -> None:
        if not _are_shown(self.inputs, signature.inputs):
            self._sync_side(list(map(input_spec, signature.inputs)), may_rename, are_outputs=False)
        if not _are_shown(self.outputs, signature.outputs):
            self._sync_side(list(map(_output_spec, signature.outputs)), may_rename, are_outputs=True)
        if self.is_declaration_adopted and not self.is_without_main:
            declared_sockets.forget(self)

    def _sync_side(self, specs: list[SocketSpec], may_rename: bool, *, are_outputs: bool) -> None:
        sockets = self.outputs if are_outputs else self.inputs
        declared = declared_sockets.identifiers(self, are_outputs=are_outputs)
        # While somebody types `def main`, what was declared is only put aside.
        kept = declared if may_rename and not self.is_declaration_adopted else {}
        if not _are_synced(sockets, specs, kept):
            was_declared = any(socket.identifier in declared for socket in sockets if socket.enabled)
            sync_sockets(
                self,
                specs,
                are_outputs=are_outputs,
                may_rename=may_rename and not self.is_without_main and not was_declared,
                renamed=_same_names(sockets, specs, declared),
                kept=kept,
            )

    def _show_error(self, message: str, line: int) -> None:
        if (self.source_error, self.source_error_line) != (message, line):
            self.source_error, self.source_error_line = message, line

    def draw_buttons(self, context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        can_be_read = node_shape.can_be_read(self, context)
        if self.library_script and not self.source_error:
            self._draw_status_beside_button(layout, can_be_read=can_be_read)
            return
        if can_be_read:
            self._draw_source(layout)
        else:
            layout.label(text="")
        if self.source_error:
            self._draw_error(layout)
        if self.is_without_main:
            self._draw_declared(layout)
        self.draw_status(layout)

    def _draw_declared(self, layout: bpy.types.UILayout) -> None:
        """What adds an input or an output, and what is wrong with those that are there."""
        row = layout.row(align=True)
        for is_output, text in ((False, "Input"), (True, "Output")):
            add = row.operator("background_nodes.socket_declare", text=text, icon="ADD")
            add.node_name, add.is_output = self.name, is_output
        fault = None if self.source_error else next(declared_sockets.faults(self), None)
        if fault is not None:
            node_text.draw_error(layout, fault.message[:1].upper() + fault.message[1:], self.width)

    def _draw_status_beside_button(self, layout: bpy.types.UILayout, *, can_be_read: bool) -> None:
        """One row for both: a shipped script is hardly ever opened, and its name is in the header."""
        row = layout.row(align=True)
        self.draw_status(row.column(align=True))
        button = row.row(align=True)
        button.alignment = "RIGHT"
        if can_be_read:
            self._operator(button, "script_edit", "GREASEPENCIL", emboss=False)
        else:
            button.label(text="")

    def _draw_source(self, layout: bpy.types.UILayout) -> None:
        """Where the script is, and what opens it."""
        row = layout.row(align=True)
        if self.library_script:
            row.alignment = "RIGHT"
            self._operator(row, "script_edit", "GREASEPENCIL")
        elif self.filepath:
            row.prop(self, "filepath", text="")
            self._operator(row, "script_edit", "GREASEPENCIL")
            self._operator(row, "script_reload", "FILE_REFRESH")
        else:
            row.prop(self, "script", text="")
            if self.script is not None:
                self._operator(row, "script_edit", "GREASEPENCIL")
            else:
                self._operator(row, "script_new", "ADD")
                self._operator(row, "script_open", "FILE_FOLDER")

    def _draw_error(self, layout: bpy.types.UILayout) -> None:
        message = self.source_error
        if self.source_error_line:
            message = translated("Line {line}: {message}").format(line=self.source_error_line, message=message)
        row = layout.row(align=True)
        node_text.draw_error(row, message, self.width - _BUTTON_WIDTH)
        self._operator(row, "script_error_show", "TEXT", emboss=False)

    def _operator(self, layout: bpy.types.UILayout, name: str, icon: str, *, emboss: bool = True) -> None:
        """A button for one of the add-on's operators on this node."""
        button = layout.operator(f"background_nodes.{name}", text="", icon=icon, emboss=emboss)
        button.node_name = self.name

    def draw_buttons_ext(self, _context: bpy.types.Context, layout: bpy.types.UILayout) -> None:
        layout.use_property_split = True
        layout.use_property_decorate = False
        self._draw_source(layout)
        if self.source_error:
            self._draw_error(layout)
        if self.filepath or self.library_script:
            layout.operator("background_nodes.script_make_local").node_name = self.name

    def draw_settings(self, layout: bpy.types.UILayout) -> None:
        """How its tasks are run."""
        layout.use_property_split = True
        layout.use_property_decorate = False
        layout.prop(self, "timeout", text=translated("Timeout" if self.timeout else "Timeout (None)"), translate=False)
        for name in _SETTINGS:
            layout.prop(self, name)

    def draw_label(self) -> str:
        if self.label:
            return self.label
        if self.script is not None:
            return title_of(self.script.name.removesuffix(".py"))
        name = self.filepath or self.library_script
        return title_of(bpy.path.basename(name).removesuffix(".py")) if name else self.bl_label


def _output_spec(output: Output) -> SocketSpec:
    return SocketSpec(output.identifier, output.label, output.type, description=output.description)


def _are_shown(sockets: Any, wanted: Sequence[Parameter | Output]) -> bool:
    """Whether a side has just the sockets that it should have: so it is with nearly every node that is read."""
    return len(sockets) == len(wanted) and all(
        socket.identifier == each.identifier
        and socket.enabled
        and socket.bl_idname == socket_idname(each.type, each.unit if isinstance(each, Parameter) else "")
        and socket.name == each.label
        and socket.description_text == each.description
        and (not isinstance(each, Parameter) or socket.field_json == each.field_json)
        for socket, each in zip(sockets, wanted, strict=True)
    )


def _are_synced(sockets: Any, specs: list[SocketSpec], kept: Container[str]) -> bool:
    shown = [socket for socket in sockets if socket.enabled]
    if len(shown) != len(specs) or any(socket.identifier not in kept for socket in sockets if not socket.enabled):
        return False
    return all(
        (socket.identifier, socket.bl_idname, socket.name, socket.description_text, socket.field_json)
        == (spec.identifier, spec.idname, spec.label, spec.description, spec.field_json)
        for socket, spec in zip(shown, specs, strict=True)
    )


def _same_names(sockets: Any, specs: Sequence[SocketSpec], declared: Mapping[str, str]) -> dict[str, str]:
    """Sockets that are gone, each with the new one that has its name: a script got a `main`, or has none any more.

    Args:
        sockets: those of the node.
        specs: what they should be.
        declared: the identifiers of the declared ones, with their names; of a parameter the identifier is its name.
    """
    there = [socket.identifier for socket in sockets]
    new = {declared.get(spec.identifier, spec.identifier): spec.identifier for spec in reversed(specs)}
    new = {name: identifier for name, identifier in new.items() if identifier not in there}
    wanted = {spec.identifier for spec in specs}
    gone = {
        declared.get(identifier, identifier): identifier for identifier in reversed(there) if identifier not in wanted
    }
    return {identifier: new[name] for name, identifier in gone.items() if name in new}


classes = (BackgroundNodeScript,)
