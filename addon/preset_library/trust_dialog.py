# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks, once, whether the scripts on the list of a library may run: what a studio has looked at already."""

from __future__ import annotations

from typing import Any, Final

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_rpt as rpt_

from ...runtime.errors import BackgroundNodesError
from ..drawing import paragraphs
from ..presets.trust import ListQuestion, trust_lists
from ..scripts.consent_dialog import BackgroundNodesConsentLine, draw_button, draw_lines
from ..session import problems

_WIDTH: Final = 640
_ROWS: Final = 12
_WARNING = (
    "They run without you being asked for each, and a script can do on this computer whatever you can do. Confirm the "
    "list only if you trust who keeps this library. A list that is changed later is asked for again"
)


class BACKGROUND_NODES_OT_trust_list_ask(bpy.types.Operator):
    """Show the scripts on the list of a library, and let them run"""

    bl_idname = "background_nodes.trust_list_ask"
    bl_label = "Trust the List of This Library?"
    bl_options = {"REGISTER", "INTERNAL"}

    library: bpy.props.StringProperty(
        name="Library", description="The folder of the library", options={"SKIP_SAVE", "HIDDEN"}
    )
    digest: bpy.props.StringProperty(
        name="Digest", description="Of the list that was shown", options={"SKIP_SAVE", "HIDDEN"}
    )
    lines: bpy.props.CollectionProperty(type=BackgroundNodesConsentLine, options={"SKIP_SAVE", "HIDDEN"})
    line_index: bpy.props.IntProperty(name="Line", options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        question = _question(self.library)
        if question is None:
            self.report({"INFO"}, rpt_("The library has no list of scripts that is to be confirmed"))
            return {"CANCELLED"}
        if len(event.type) == 1:  # a letter that was pressed by accident, as in the dialog for scripts
            self.digest = ""
        if self.digest:
            return self.execute(context)
        self.digest = question.list.digest
        _show(self.properties, question)
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        question = _question(self.library)
        if question is None or question.list.digest != self.digest:
            self.report({"ERROR"}, rpt_("The list has changed since it was shown. Look at it again"))
            return {"CANCELLED"}
        try:
            trust_lists.confirm(question.list)
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        problems.consent_changed()
        return {"FINISHED"}

    def draw(self, context: bpy.types.Context) -> None:
        layout, question = self.layout, _question(self.library)
        if question is None:
            return
        layout.label(text=_title(question), icon="FILE_BLEND", translate=False)
        layout.label(text=question.list.library, icon="BLANK1", translate=False)
        draw_lines(layout, self, min(_ROWS, max(1, len(self.lines))))
        paragraphs.draw(layout, context, translated(_WARNING), icon="ERROR", width=_WIDTH)
        row = layout.grid_flow(columns=2, even_columns=True, align=False)
        row.operator_context = "INVOKE_DEFAULT"
        button: Any = draw_button(row, self.bl_idname, "Trust the List")
        button.library, button.digest = self.library, self.digest
        row.template_popup_confirm("", text="", cancel_text="Cancel", cancel_default=True)


def _question(library: str) -> ListQuestion | None:
    return next((each for each in trust_lists.questions() if each.list.library == library), None)


def _title(question: ListQuestion) -> str:
    num = len(question.list.scripts)
    text = translated("1 script of {name}") if num == 1 else translated("{count} scripts of {name}")
    return text.format(count=num, name=question.list.name or question.list.library)


def _show(dialog: Any, question: ListQuestion) -> None:
    """Scripts that are new on the list stand first."""
    known = [digest for digest in question.list.scripts if digest not in question.added]
    is_first = not known and not question.removed
    for digest in (*question.added, *known):
        item = dialog.lines.add()
        item.name = f"{question.list.scripts[digest] or translated('Script')}   {digest[:12]}"
        item.kind = "" if is_first else "NEW" if digest in question.added else "SAME"
    for digest in question.removed:
        item = dialog.lines.add()
        item.name, item.kind = f"{translated('Script')}   {digest[:12]}", "GONE"
    dialog.line_index = -1


class BACKGROUND_NODES_OT_trust_list_revoke(bpy.types.Operator):
    """Ask for the scripts on the list of this library again"""

    bl_idname = "background_nodes.trust_list_revoke"
    bl_label = "Trust No Longer"
    bl_options = {"REGISTER", "INTERNAL"}

    library: bpy.props.StringProperty(
        name="Library", description="The folder of the library", options={"SKIP_SAVE", "HIDDEN"}
    )

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            trust_lists.revoke(self.library)
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        problems.consent_changed()
        return {"FINISHED"}


classes = (BACKGROUND_NODES_OT_trust_list_ask, BACKGROUND_NODES_OT_trust_list_revoke)
