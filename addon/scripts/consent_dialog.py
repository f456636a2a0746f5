# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks whether scripts that came from elsewhere may run: shows each, and what has changed since it was allowed last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

import bpy
from bpy.app.translations import pgettext_iface as translated
from bpy.app.translations import pgettext_rpt

from ...runtime.errors import BackgroundNodesError, CompileError
from ..consent.consent import ScriptQuestion, content, difference
from ..consent.current import consent, quoted
from ..drawing import paragraphs
from ..editor.active import TreeOperator, outer_tree
from ..editor.running import wanted_nodes
from ..session import checks, problems
from . import text_editors

#: The text in which a script is shown that may not run.
TEXT_NAME = "Background Nodes Question"

_WIDTH = 720
_SCRIPT_ROWS = 4
_LINE_ROWS = 16
_TAB = 4
_WARNING = (
    "They came from elsewhere, and a script can do on this computer whatever you can do. "
    "Allow only what you understand, or what comes from somebody you trust"
)
_COMMANDS_TITLE = "Allow These Commands to Run?"
_COMMANDS_WARNING = (
    "A command can do on this computer whatever you can do. "
    "Allow only what you understand, or what comes from somebody you trust"
)
#: What begins a line of a unified diff, and the icon of such a line.
_KINDS = {"+": "NEW", "-": "GONE"}
_ICONS = {"": "NONE", "HEADING": "NONE", "NEW": "ADD", "GONE": "REMOVE", "SAME": "BLANK1"}


@dataclass(slots=True)
class _Asked:
    """What the dialog that is open asks, and what is to be done when it is allowed."""

    questions: list[ScriptQuestion] = field(default_factory=list)
    then: str = ""
    scope: str = "ALL"
    force: bool = False


_asked = _Asked()


class BackgroundNodesConsentScript(bpy.types.PropertyGroup):
    """A script that is asked for, by its name."""

    has_changed: bpy.props.BoolProperty(name="Changed")
    source: bpy.props.StringProperty(name="Source")
    nodes: bpy.props.StringProperty(name="Nodes")


class BackgroundNodesConsentLine(bpy.types.PropertyGroup):
    """A line of a script, or of a difference, as its name."""

    kind: bpy.props.StringProperty(name="Kind")


class BACKGROUND_NODES_UL_consent_scripts(bpy.types.UIList):
    """Scripts that may not run yet"""

    bl_idname = "BACKGROUND_NODES_UL_consent_scripts"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _dialog: bpy.types.OperatorProperties,
        item: BackgroundNodesConsentScript,
        _icon: int,
        _active_data: bpy.types.OperatorProperties,
        _active_property: str,
    ) -> None:
        split = layout.split(factor=0.32)
        name = translated("{name} (changed)").format(name=item.name) if item.has_changed else item.name
        split.label(text=name, icon="TEXT", translate=False)
        split = split.split(factor=0.5)
        split.label(text=item.source, icon="FILE_BLEND" if item.source else "NONE", translate=False)
        split.label(text=item.nodes, icon="NODE", translate=False)


class BACKGROUND_NODES_UL_consent_lines(bpy.types.UIList):
    """The lines of a script"""

    bl_idname = "BACKGROUND_NODES_UL_consent_lines"

    def draw_item(
        self,
        _context: bpy.types.Context,
        layout: bpy.types.UILayout,
        _dialog: bpy.types.OperatorProperties,
        item: BackgroundNodesConsentLine,
        _icon: int,
        _active_data: bpy.types.OperatorProperties,
        _active_property: str,
    ) -> None:
        layout.active = item.kind != "SAME"
        layout.label(text=item.name, icon=_ICONS[item.kind], translate=False)


def _script_chosen(dialog: bpy.types.OperatorProperties, _context: bpy.types.Context) -> None:
    """Show the script that is chosen."""
    question = _question(dialog)
    has_changes = dialog.shown == "CHANGES" and consent.earlier(question) is not None
    show_lines(dialog, shown_lines(question, has_changes=has_changes), are_differences=has_changes)


def show_lines(dialog: bpy.types.OperatorProperties, lines: Iterable[str], *, are_differences: bool) -> None:
    """Let a dialog's list show the lines of a script, or of a unified difference."""
    dialog.lines.clear()
    for line in lines:
        item = dialog.lines.add()
        item.name, item.kind = _difference_line(line) if are_differences else (line, "")
        item.name = item.name.expandtabs(_TAB)
    dialog.line_index = -1  # none is highlighted


def draw_lines(layout: bpy.types.UILayout, dialog: bpy.types.OperatorProperties, rows: int = _LINE_ROWS) -> None:
    """Draw that list."""
    idname = BACKGROUND_NODES_UL_consent_lines.bl_idname
    layout.template_list(idname, "", dialog, "lines", dialog, "line_index", rows=rows, maxrows=rows)


def _difference_line(line: str) -> tuple[str, str]:
    """What is shown for a line of a unified diff, and its kind."""
    if line.startswith("@@"):
        old, new = (part[1:].partition(",")[0] for part in line.split()[1:3])
        number = new if int(new) else old  # of a part that is gone, nothing is new
        return translated("Line {line}:").format(line=number), "HEADING"
    if line.startswith("==="):
        return line, "HEADING"
    return line[1:], _KINDS.get(line[:1], "SAME")


def _question(dialog: bpy.types.OperatorProperties) -> ScriptQuestion:
    return _asked.questions[min(dialog.script_index, len(_asked.questions) - 1)]


class BACKGROUND_NODES_OT_scripts_ask(TreeOperator, bpy.types.Operator):
    """Show the scripts that are not allowed to run yet, and allow them"""

    bl_idname = "background_nodes.scripts_ask"
    bl_label = "Allow These Scripts to Run?"
    bl_options = {"INTERNAL"}

    then: bpy.props.StringProperty(
        name="Then", description='What is done once they are allowed: "run", "retry", nothing', options={"SKIP_SAVE"}
    )
    scope: bpy.props.StringProperty(default="ALL", options={"SKIP_SAVE", "HIDDEN"})
    force: bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    scripts: bpy.props.CollectionProperty(type=BackgroundNodesConsentScript, options={"SKIP_SAVE", "HIDDEN"})
    script_index: bpy.props.IntProperty(name="Script", update=_script_chosen, options={"SKIP_SAVE", "HIDDEN"})
    lines: bpy.props.CollectionProperty(type=BackgroundNodesConsentLine, options={"SKIP_SAVE", "HIDDEN"})
    line_index: bpy.props.IntProperty(name="Line", options={"SKIP_SAVE", "HIDDEN"})
    shown: bpy.props.EnumProperty(
        name="Show",
        items=(
            ("CHANGES", "Changes", "What is different from the version that was allowed last"),
            ("SCRIPT", "Script", "All that would run"),
        ),
        update=_script_chosen,
        options={"SKIP_SAVE", "HIDDEN"},
    )

    def invoke(self, context: bpy.types.Context, _event: bpy.types.Event) -> set[str]:
        try:
            questions = _questions(context, self.scope)
        except CompileError as error:
            problems.show(outer_tree(context), error.problems)
            return {"CANCELLED"}
        if not questions:
            self.report({"INFO"}, pgettext_rpt("All scripts are allowed to run"))
            return _carry_on(self.then, self.scope, force=self.force)
        _asked.questions, _asked.then, _asked.scope, _asked.force = questions, self.then, self.scope, self.force
        for question in questions:
            script = self.scripts.add()
            script.name, script.source = question.name, PurePath(question.origin).name
            script.has_changed = consent.earlier(question) is not None
            script.nodes = ", ".join(name for _uid, name in question.nodes)
        self.script_index = 0
        title = translated(_COMMANDS_TITLE if _are_commands() else self.bl_label)
        return context.window_manager.invoke_props_dialog(self, width=_WIDTH, title=title)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        return {"CANCELLED"}  # the buttons say what is done

    def draw(self, context: bpy.types.Context) -> None:
        layout, question = self.layout, _question(self)
        warning = _COMMANDS_WARNING if _are_commands() else _WARNING
        paragraphs.draw(layout, context, translated(warning), icon="ERROR", width=_WIDTH)
        num_rows = min(_SCRIPT_ROWS, len(self.scripts))
        scripts = BACKGROUND_NODES_UL_consent_scripts.bl_idname
        layout.template_list(scripts, "", self, "scripts", self, "script_index", rows=num_rows, maxrows=num_rows)
        if question.fault:
            paragraphs.draw(layout, context, question.fault, icon="CANCEL", width=_WIDTH)
        row = layout.split(factor=0.7)
        shown = row.row()
        if consent.earlier(question) is not None:
            shown.prop(self, "shown", expand=True)
        draw_button(row, "background_nodes.script_question_show", "Open in Text Editor")
        draw_lines(layout, self)
        row = layout.grid_flow(columns=3, even_columns=True, align=False)
        row.operator_context = "INVOKE_DEFAULT"
        draw_button(row, "background_nodes.scripts_allow", "Always Allow").is_always = True
        draw_button(row, "background_nodes.scripts_allow", "Allow for This Session")
        row.template_popup_confirm("", text="", cancel_text="Cancel", cancel_default=True)


def _are_commands() -> bool:
    """Whether all that is asked for are commands of shipped nodes: nothing of it need come from elsewhere."""
    return all(question.kind == "command" for question in _asked.questions)


def draw_button(layout: bpy.types.UILayout, operator: str, text: str) -> bpy.types.OperatorProperties:
    """A button that closes the dialog."""
    return layout.template_popup_confirm(operator, text=text, cancel_text="", cancel_default=True)


def shown_lines(question: ScriptQuestion, *, has_changes: bool) -> Sequence[str]:
    """What is shown of a script: the changes since it was allowed last, or all of it."""
    earlier = consent.earlier(question)
    if has_changes and earlier is not None:
        return difference(earlier.parts, question.parts)
    return content(question.parts)


def _questions(context: bpy.types.Context, scope: str) -> list[ScriptQuestion]:
    tree = outer_tree(context)
    return list(consent.questions(checks.checked(tree, wanted_nodes(context, scope)).tasks))


def _ask_again() -> set[str]:
    bpy.ops.background_nodes.scripts_ask("INVOKE_DEFAULT", then=_asked.then, scope=_asked.scope, force=_asked.force)
    return {"CANCELLED"}


def _carry_on(then: str, scope: str, *, force: bool) -> set[str]:
    if then == "run":
        return bpy.ops.background_nodes.run("INVOKE_DEFAULT", scope=scope, force=force)
    if then == "retry":
        return bpy.ops.background_nodes.retry("INVOKE_DEFAULT")
    return {"FINISHED"}


class BACKGROUND_NODES_OT_scripts_allow(TreeOperator, bpy.types.Operator):
    """Let these scripts run"""

    bl_idname = "background_nodes.scripts_allow"
    bl_label = "Allow"
    bl_options = {"INTERNAL"}

    is_always: bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    @classmethod
    def description(cls, _context: bpy.types.Context, properties: bpy.types.OperatorProperties) -> str:
        if properties.is_always:
            return translated("Let these scripts run from now on; the preferences list them, and take that back")
        return translated("Let these scripts run until Blender is closed")

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        if len(event.type) == 1:  # Blender makes a letter of each button a key: it is pressed by accident
            return _ask_again()
        return self.execute(context)

    def execute(self, _context: bpy.types.Context) -> set[str]:
        try:
            for question in _asked.questions:
                if self.is_always:
                    consent.trust(question)
                else:
                    consent.allow(question)
        except BackgroundNodesError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        problems.consent_changed()
        return _carry_on(_asked.then, _asked.scope, force=_asked.force)


class BACKGROUND_NODES_OT_script_question_show(TreeOperator, bpy.types.Operator):
    """Read the scripts in a Text Editor; to allow them, run the node tree again"""

    bl_idname = "background_nodes.script_question_show"
    bl_label = "Open in Text Editor"
    bl_options = {"INTERNAL"}

    def execute(self, context: bpy.types.Context) -> set[str]:
        text = bpy.data.texts.get(TEXT_NAME) or bpy.data.texts.new(TEXT_NAME)
        text.is_runtime_data = True  # it is saved in no file
        text.from_string("\n\n".join(map(_as_text, _asked.questions)) + "\n")
        text.cursor_set(0)
        for question in _asked.questions:
            quoted(text, question.origin)
        text_editors.show(context, text)
        return {"FINISHED"}


def _as_text(question: ScriptQuestion) -> str:
    head = f"# {question.name} · {question.origin} · {', '.join(name for _uid, name in question.nodes)}"
    changes = shown_lines(question, has_changes=True) if consent.earlier(question) is not None else ()
    shown = ["# Changes since it was allowed last:", *(f"# {line}" for line in changes), ""] if changes else []
    return "\n".join([head, *shown, *content(question.parts)])


classes = (
    BackgroundNodesConsentScript,
    BackgroundNodesConsentLine,
    BACKGROUND_NODES_UL_consent_scripts,
    BACKGROUND_NODES_UL_consent_lines,
    BACKGROUND_NODES_OT_scripts_ask,
    BACKGROUND_NODES_OT_scripts_allow,
    BACKGROUND_NODES_OT_script_question_show,
)


def unregister() -> None:
    _asked.questions.clear()
