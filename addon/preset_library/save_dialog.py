# SPDX-License-Identifier: GPL-3.0-or-later
"""The dialog that saves a node, a group, a node tree or the values of a node as a preset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from urllib.parse import quote, unquote

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_rpt as rpt_

from ...node_tree.group_node import has_group
from ...runtime.blend_file.asset_data import Picture
from ...runtime.errors import PresetError, as_sentences
from ...runtime.presets.preset import Finding, Kind, Preset
from ..drawing import paragraphs
from ..editor.active import TreeOperator, edited_tree
from ..preferences import preferences
from ..presets import notes, pictures, saving
from ..presets.libraries import libraries
from ..presets.saving import Details
from ..presets.subject import Subject, subject_of
from . import asset_shelf, editor_picture, picture_icons
from .editor_picture import EditorPicture

_WIDTH: Final = 680
#: The picture's height in rows, and its share of the dialog's width.
_PICTURE, _PICTURE_SHARE = 8.6, 0.29
_MAX_FINDINGS: Final = 8
_KINDS: Final = (
    (Kind.NODE, "Node", "The node, with its script and its values"),
    (Kind.GROUP, "Group", "The group that the node stands for, with all that is in it"),
    (Kind.VALUES, "Values", "The values of the node, for others of its kind"),
    (Kind.TREE, "Node Tree", "All nodes that the editor shows"),
)
_PICTURES: Final = (
    ("RESULT", "Result", "What its nodes gave in their last run"),
    ("GRAPH", "Drawing", "A drawing of its nodes and links"),
    ("EDITOR", "Editor", "What the editor shows of it now"),
    ("FILE", "Image File", "An image of your own"),
)
#: Offered as the licence; any other can be typed.
_LICENCES: Final = ("CC0-1.0", "CC-BY-4.0", "CC-BY-SA-4.0", "GPL-3.0-or-later", "MIT", "All rights reserved")
_ICON: Final = "save"
#: What of `Details` is a line that is typed.
_TYPED: Final = ("name", "description", "author", "licence", "catalog", "change")

_Item = tuple[str, str, str]


class _Open:
    """What belongs to the dialog that is open. Blender keeps no reference to the texts of its menus."""

    places: list[_Item] = []
    earlier: Preset | None = None
    editor: EditorPicture | None = None
    pictures: dict[str, Picture] = {}
    findings: Sequence[Finding] = ()
    fault_of_picture: str = ""


def _place_items(_dialog: Any, _context: bpy.types.Context | None) -> list[_Item]:
    found = [(_place_id(place.folder), place.name, place.folder) for place in libraries.places()]
    if found != _Open.places:
        _Open.places = found
    return _Open.places


def _place_id(folder: str) -> str:
    return quote(folder, safe="") or "FILE"


def _folder(dialog: Any) -> str:
    return "" if dialog.place == "FILE" else unquote(dialog.place)


def _found_licences(_dialog: Any, _context: bpy.types.Context, typed: str) -> list[str]:
    return [licence for licence in _LICENCES if typed.casefold() in licence.casefold()]


def _found_catalogs(dialog: Any, _context: bpy.types.Context, typed: str) -> list[str]:
    library = libraries.library(_folder(dialog))
    presets = libraries.presets() if library is None else library.presets()
    paths = {preset.catalog for preset in presets if preset.catalog}
    return sorted((path for path in paths if typed.casefold() in path.casefold()), key=str.casefold)


def _kind_chosen(dialog: Any, context: bpy.types.Context) -> None:
    """Another kind is about other nodes."""
    _begin(dialog, context)


def _picture_chosen(dialog: Any, _context: bpy.types.Context) -> None:
    _show_picture(dialog)


class BACKGROUND_NODES_OT_preset_save(TreeOperator, bpy.types.Operator):
    """Save the active node, its group, its values or the node tree, for other files and other people"""

    bl_idname = "background_nodes.preset_save"
    bl_label = "Save as Preset"
    bl_options = {"REGISTER", "UNDO"}

    node_name: bpy.props.StringProperty(
        name="Node", description="The node, empty for the active one", options={"SKIP_SAVE", "HIDDEN"}
    )
    kind: bpy.props.EnumProperty(
        name="Kind",
        description="What to save",
        items=[(str(kind), name, description) for kind, name, description in _KINDS],
        update=_kind_chosen,
        options={"SKIP_SAVE"},
    )
    place: bpy.props.EnumProperty(
        name="Save To", description="The open file, or one of the asset libraries", items=_place_items
    )
    is_new: bpy.props.BoolProperty(
        name="As a New Preset",
        description="Save it as another preset, not as a new version of the one that it was made of",
        options={"SKIP_SAVE"},
    )
    name: bpy.props.StringProperty(name="Name", description="What menus show", options={"SKIP_SAVE"})
    description: bpy.props.StringProperty(
        name="Description", description="What it does, for those who look for it", options={"SKIP_SAVE"}
    )
    change: bpy.props.StringProperty(
        name="What Is New", description="A line on what changed since the version before", options={"SKIP_SAVE"}
    )
    author: bpy.props.StringProperty(name="Author", description="Who made it", options={"SKIP_SAVE"})
    licence: bpy.props.StringProperty(
        name="License",
        description="What others may do with it",
        search=_found_licences,
        search_options={"SUGGESTION"},
        options={"SKIP_SAVE"},
    )
    catalog: bpy.props.StringProperty(
        name="Catalog",
        description='Where menus have it. A new one is made by its name, one in another after a slash: "Rocks/LODs"',
        search=_found_catalogs,
        search_options={"SUGGESTION"},
        options={"SKIP_SAVE"},
    )
    tags: bpy.props.StringProperty(
        name="Tags", description="Words that it is found by, with commas between them", options={"SKIP_SAVE"}
    )
    picture: bpy.props.EnumProperty(
        name="Picture",
        description="The picture of the preset",
        items=_PICTURES,
        update=_picture_chosen,
        options={"SKIP_SAVE"},
    )
    picture_path: bpy.props.StringProperty(
        name="Image File",
        description="The file of the picture",
        subtype="FILE_PATH",
        update=_picture_chosen,
        options={"SKIP_SAVE"},
    )
    is_dialog: bpy.props.BoolProperty(
        description="Whether the dialog was open, and is again with what was typed", options={"SKIP_SAVE", "HIDDEN"}
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        if self.is_dialog:
            return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Save")
        libraries.read_soon()
        _Open.editor = editor_picture.take(context)
        self.is_dialog = True
        self.node_name = self.node_name or _active_name(edited_tree(context))
        kinds = _kinds(_node(self, context))
        self.kind = self.kind if self.properties.is_property_set("kind") and self.kind in kinds else str(kinds[0])
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, confirm_text="Save")

    def execute(self, context: bpy.types.Context) -> set[str]:
        try:
            subject = _subject(self, context)
            details = _details(self.properties, subject)
            preset = saving.save(subject, details, _folder(self), _picture(self, context, subject))
        except PresetError as error:
            self.report({"ERROR"}, str(error))
            return self._ask_again()
        _note(subject, preset)
        asset_shelf.refresh(context)
        if self.is_dialog:
            _remember(self, context)
        place = next(name for identifier, name, _folder in _Open.places if identifier == self.place)
        self.report({"INFO"}, rpt_('"{name}" is saved to {place}').format(name=preset.name, place=place))
        return {"FINISHED"}

    def _ask_again(self) -> set[str]:
        """Show the dialog with all that was typed."""
        if not self.is_dialog:
            return {"CANCELLED"}
        typed = {name: getattr(self.properties, name) for name in self.__annotations__}
        bpy.ops.background_nodes.preset_save("INVOKE_DEFAULT", **typed)
        return {"CANCELLED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout = self.layout
        layout.use_property_decorate = False
        row = layout.row(align=True)
        for kind in _kinds(_node(self, context)):
            row.prop_enum(self, "kind", str(kind))
        split = layout.split(factor=_PICTURE_SHARE)
        self._draw_picture(split.column())
        column = split.column()
        column.use_property_split = True
        self._draw_fields(column, context)
        _draw_findings(layout, context)

    def _draw_picture(self, layout: bpy.types.UILayout) -> None:
        layout.template_icon(icon_value=picture_icons.icon_id(_ICON), scale=_PICTURE)
        row = layout.row(align=True)
        for identifier, _name, _description in _PICTURES:
            if identifier == "FILE" or identifier in _Open.pictures:
                row.prop_enum(self, "picture", identifier)
        if self.picture == "FILE":
            layout.prop(self, "picture_path", text="")

    def _draw_fields(self, layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
        layout.prop(self, "name")
        layout.prop(self, "description")
        layout.separator()
        layout.prop(self, "place")
        layout.prop(self, "catalog")
        layout.prop(self, "tags")
        layout.separator()
        layout.prop(self, "author")
        layout.prop(self, "licence")
        if _Open.earlier is None:
            return
        layout.separator()
        layout.prop(self, "is_new")
        if not self.is_new:
            text = translated("New in Version {version}").format(version=_Open.earlier.version + 1)
            layout.prop(self, "change", text=text, translate=False)


def _active_name(tree: bpy.types.NodeTree) -> str:
    """The name of the active node, if it is selected."""
    active = tree.nodes.active
    return active.name if active is not None and active.select and hasattr(active, "uid") else ""


def _node(dialog: Any, context: bpy.types.Context) -> bpy.types.Node | None:
    name = dialog.node_name or _active_name(edited_tree(context))
    return edited_tree(context).nodes.get(name) if name else None


def _kinds(node: bpy.types.Node | None) -> list[Kind]:
    """What can be saved of a node, the likeliest first."""
    if node is None:
        return [Kind.TREE]
    if has_group(node):
        return [Kind.GROUP, Kind.VALUES, Kind.TREE]
    return [Kind.NODE, Kind.VALUES, Kind.TREE]


def _subject(dialog: Any, context: bpy.types.Context) -> Subject:
    """What is to be saved. Raises PresetError."""
    if dialog.kind == Kind.TREE:
        return Subject(Kind.TREE, edited_tree(context))
    node = _node(dialog, context)
    if node is None:
        raise PresetError("no node is selected", "Select the one to save, or save the node tree")
    found = subject_of(node, only_values=dialog.kind == Kind.VALUES)
    if found.kind != dialog.kind:
        raise PresetError(f'"{node.name}" is no {dialog.kind.lower()}', "Select another node")
    return found


def _begin(dialog: Any, context: bpy.types.Context) -> None:
    """Fill the dialog with what is known of what is to be saved."""
    _Open.earlier, _Open.findings, _Open.pictures = None, (), {}
    try:
        subject = _subject(dialog, context)
    except PresetError as error:
        _Open.findings = [Finding("", error.message, error.fix)]
        return
    _Open.earlier, _Open.findings = saving.last_preset(subject), saving.check(subject)
    suggested = saving.suggested(subject)
    for name in ("name", "description", "catalog"):
        setattr(dialog, name, getattr(suggested, name))
    dialog.author = preferences.get("preset_author") or suggested.author
    dialog.licence = suggested.licence or preferences.get("preset_licence")
    dialog.tags = ", ".join(suggested.tags)
    _Open.pictures = dict(_found_pictures(dialog, context, subject))
    dialog.picture = next(identifier for identifier, *_texts in _PICTURES if identifier in _Open.pictures)


def _found_pictures(dialog: Any, context: bpy.types.Context, subject: Subject) -> Iterator[tuple[str, Picture]]:
    node = _node(dialog, context)
    inner = [subject.node] if subject.node is not None else subject.tree.nodes[:]
    outer = inner if subject.kind is Kind.TREE or node is None else [node]
    result = pictures.of_result(outer)
    if result is not None:
        yield "RESULT", result
    yield "GRAPH", pictures.of_graph(inner)
    shown = None if _Open.editor is None else _Open.editor.of(outer)
    if shown is not None:
        yield "EDITOR", shown


def _show_picture(dialog: Any) -> None:
    _Open.fault_of_picture = ""
    found = _Open.pictures.get(dialog.picture)
    if dialog.picture == "FILE" and dialog.picture_path:
        try:
            found = _Open.pictures["FILE"] = pictures.of_file(bpy.path.abspath(dialog.picture_path))
        except PresetError as error:
            _Open.pictures.pop("FILE", None)
            _Open.fault_of_picture = str(error)
    if found is not None:
        picture_icons.show(_ICON, found)


def _picture(dialog: Any, context: bpy.types.Context, subject: Subject) -> Picture:
    """The picture that was chosen. Raises PresetError if it can't be read."""
    if not dialog.is_dialog:
        _Open.editor = None
        _Open.pictures = dict(_found_pictures(dialog, context, subject))
    if dialog.picture == "FILE":
        return pictures.of_file(bpy.path.abspath(dialog.picture_path))
    return _Open.pictures.get(dialog.picture) or _Open.pictures["GRAPH"]


def _details(dialog: Any, subject: Subject) -> Details:
    """What was typed; where there was no dialog, what was not said is as it was the last time."""
    suggested = saving.suggested(subject)
    known = {} if dialog.is_dialog else {name: getattr(suggested, name) for name in _TYPED}
    typed = {name: getattr(dialog, name).strip() for name in _TYPED if dialog.is_dialog or dialog.is_property_set(name)}
    tags = tuple(tag.strip() for tag in dialog.tags.split(",") if tag.strip())
    has_tags = dialog.is_dialog or dialog.is_property_set("tags")
    return Details(
        **{**known, **typed},
        tags=tags if has_tags else suggested.tags,
        uuid="" if dialog.is_new else suggested.uuid,
    )


def _note(subject: Subject, preset: Preset) -> None:
    """What was saved is that version now: it is saved again as the next one, and told of those that others save."""
    owner = subject.tree if subject.node is None else subject.node
    if preset.file and preset.kind is not Kind.VALUES and subject.tree.is_editable:
        notes.write(owner, notes.note_of(preset))


def _remember(dialog: Any, context: bpy.types.Context) -> None:
    """Who saved it saves the next one, too."""
    settings = preferences.found()
    if settings is not None and (settings.preset_author, settings.preset_licence) != (dialog.author, dialog.licence):
        settings.preset_author, settings.preset_licence = dialog.author, dialog.licence
        context.preferences.is_dirty = True


def _draw_findings(layout: bpy.types.UILayout, context: bpy.types.Context) -> None:
    """What keeps it from being saved, and what is left out, each with what can be done."""
    if _Open.fault_of_picture:
        paragraphs.draw(layout, context, _Open.fault_of_picture, icon="ERROR", width=_WIDTH)
    if not _Open.findings:
        return
    layout.separator()
    for finding in sorted(_Open.findings, key=lambda finding: not finding.is_error)[:_MAX_FINDINGS]:
        text = as_sentences(f"{finding.node}: {finding.message}".removeprefix(": "), finding.fix)
        paragraphs.draw(layout, context, text, icon="CANCEL" if finding.is_error else "INFO", width=_WIDTH)
    paragraphs.draw_rest(layout, _Open.findings, _MAX_FINDINGS)


classes = (BACKGROUND_NODES_OT_preset_save,)


def unregister() -> None:
    _Open.editor, _Open.earlier, _Open.findings, _Open.pictures = None, None, (), {}
