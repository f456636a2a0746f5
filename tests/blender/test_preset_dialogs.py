"""Newer versions of presets, libraries with faults, lists of trusted scripts: as they are shown, and what is done."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import bpy
import pytest

from background_nodes.addon.editor import node_status
from background_nodes.addon.preset_library import panels, trust_dialog, update_dialog
from background_nodes.addon.presets import notes, trust, updating
from background_nodes.addon.presets.libraries import libraries
from background_nodes.addon.scripts import consent_dialog
from background_nodes.runtime.presets import trust_list

from .graphs import add, editor, new_tree, script, value
from .test_preset_operators import DOUBLE, activate, save, use
from .test_presets import folder as folder
from .test_presets import group_in


@pytest.fixture
def tree(folder):
    tree = new_tree()
    with editor(tree):
        yield tree


class Drawn:
    """A layout that notes all texts that are drawn, and the properties of its buttons."""

    def __init__(self) -> None:
        self.__dict__ |= {"texts": [], "buttons": []}

    def __setattr__(self, name: str, setting: object) -> None:
        pass

    def __getattr__(self, name: str):
        def draw(*arguments: object, text: str = "", **_options: object):
            if text:
                self.texts.append(text)
            if name == "operator":
                self.buttons.append((arguments[0], SimpleNamespace()))
                return self.buttons[-1][1]
            return self

        return draw


def panel(cls: type) -> Drawn:
    drawn = Drawn()
    cls.draw(SimpleNamespace(layout=drawn), bpy.context)
    return drawn


def shown_on(node: bpy.types.Node) -> Drawn:
    """What a node shows where it can be read, as in the Sidebar."""
    drawn = Drawn()
    sidebar = next(region for region in bpy.context.area.regions if region.type == "UI")
    with bpy.context.temp_override(region=sidebar):
        node_status.draw_status(node, drawn)
    return drawn


def outdated_button() -> dict[str, str]:
    """The properties of the only button of the panel that updates something."""
    ((_idname, button),) = panel(panels.BACKGROUND_NODES_PT_outdated_presets).buttons
    return vars(button)


@pytest.fixture
def twice(tree, folder):
    """A node of the first of two versions of a preset, with an input that is linked and one that is set."""
    author = activate(script(tree, "Double", DOUBLE))
    first = save(folder, kind="NODE", name="Twice", description="Doubles")
    assert use(first) == {"FINISHED"}
    node = tree.nodes.active
    source = value(tree, "FLOAT", 5.0)
    tree.links.new(node.inputs["Number"], source.outputs[0])
    node.inputs["Times"].default_value = 9
    author.script = author.script.copy()
    author.script.from_string(
        "def main(number: float = 1.0, times: int = 2, offset: float = 0.5) -> float:\n    return 1.0\n"
    )
    activate(author)
    second = save(folder, kind="NODE", name="Twice", change="An offset")
    assert (second.uuid, second.version) == (first.uuid, 2)
    tree.nodes.remove(author)
    return node


def test_what_was_saved_is_saved_again_as_the_next_version_and_is_not_outdated(tree, folder):
    node = activate(script(tree, "Double", DOUBLE))
    first = save(folder, kind="NODE", name="Twice")
    second = save(folder, kind="NODE", name="Twice")
    assert (second.uuid, second.version) == (first.uuid, 2)
    assert updating.newer(node) is None
    group = activate(group_in(tree))
    versions = [save(folder, kind="GROUP", name="Doubled").version for _ in range(2)]
    assert versions == [1, 2]
    assert updating.newer(group.node_tree) is None
    assert [save(folder, kind="TREE", name="All").version for _ in range(2)] == [1, 2]


def test_node_says_that_there_is_a_newer_version_and_its_button_is_that_of_the_panel(twice):
    drawn = shown_on(twice)
    assert drawn.texts == ["Version 2..."]
    assert vars(drawn.buttons[0][1]) == outdated_button()
    assert panel(panels.BACKGROUND_NODES_PT_outdated_presets).texts == ["Twice: 1 to 2"]


def test_update_keeps_links_and_values_and_can_be_undone(tree, twice):
    uid = twice.uid
    bpy.ops.ed.undo_push(message="Before")
    assert bpy.ops.background_nodes.preset_update("EXEC_DEFAULT", True, **outdated_button()) == {"FINISHED"}
    tree = bpy.data.node_groups["Tree"]
    node = next(node for node in tree.nodes if getattr(node, "uid", "") == uid)
    assert [socket.name for socket in node.inputs] == ["Number", "Times", "Offset"]
    assert (node.inputs["Times"].default_value, node.inputs["Number"].is_linked) == (9, True)
    assert panel(panels.BACKGROUND_NODES_PT_outdated_presets).texts == ["All presets of this file are up to date"]
    bpy.ops.ed.undo()
    tree = bpy.data.node_groups["Tree"]
    node = next(node for node in tree.nodes if getattr(node, "uid", "") == uid)
    assert [socket.name for socket in node.inputs] == ["Number", "Times"]
    assert updating.newer(node).version == 2


def test_dialog_shows_what_changes(twice):
    update_dialog._Open.found = found = updating.outdated()[0]
    update_dialog._Open.changes = changes = updating.changes(found)
    lines = []
    shown = SimpleNamespace(layout=Drawn(), lines=lines, line_index=-1)
    lines.extend(update_dialog._script_lines(changes))
    update_dialog.BACKGROUND_NODES_OT_preset_update.draw(shown, bpy.context)
    text = " ".join(shown.layout.texts)
    assert '"Twice" here is version 1. The library has version 2' in text
    assert "2: An offset" in text
    assert 'New input "Offset"' in text
    assert "changed here" not in text
    assert "Never Update to Version 2" in text
    assert [line for line in lines if line.startswith("+")] == [
        "+def main(number: float = 1.0, times: int = 2, offset: float = 0.5) -> float:",
        "+    return 1.0",
    ]
    assert consent_dialog._difference_line(lines[0])[1] == "HEADING"
    assert consent_dialog._difference_line("@@ -3 +5,2 @@") == ("Line 5:", "HEADING")
    assert consent_dialog._difference_line("@@ -1,4 +0,0 @@") == ("Line 1:", "HEADING"), "of a script that is gone"


def test_declined_version_is_told_no_more_but_the_next_one_is(tree, folder, twice):
    assert bpy.ops.background_nodes.preset_decline(**outdated_button()) == {"FINISHED"}
    assert not panel(panels.BACKGROUND_NODES_PT_outdated_presets).buttons
    assert not shown_on(twice).texts
    activate(twice)
    assert save(folder, kind="NODE", name="Twice").version == 3
    notes.write(twice, notes.Note(**{**_fields(notes.read(twice)), "version": 1, "declined": 2}))
    assert panel(panels.BACKGROUND_NODES_PT_outdated_presets).texts == ["Twice: 1 to 3"]


def _fields(note: notes.Note) -> dict[str, object]:
    return {name: getattr(note, name) for name in note.__slots__}


def test_group_is_outdated_once_for_all_its_uses(tree, folder):
    node = activate(group_in(tree))
    save(folder, kind="GROUP", name="Doubled")
    note = notes.read(node.node_tree)
    other = add(tree, "BackgroundNodeGroup")
    other.node_tree = node.node_tree
    node.node_tree.nodes["Double"].inputs["Times"].default_value = 8
    save(folder, kind="GROUP", name="Doubled")
    node.node_tree.nodes["Double"].inputs["Times"].default_value = 3
    notes.write(node.node_tree, note)
    for each in (node, other):
        assert shown_on(each).texts == ["Version 2..."]
    assert bpy.ops.background_nodes.preset_update(**outdated_button()) == {"FINISHED"}
    groups = {each.node_tree for each in tree.nodes if each.bl_idname == "BackgroundNodeGroup"}
    assert [group.nodes["Double"].inputs["Times"].default_value for group in groups] == [8]


def test_group_that_is_the_newer_version_already_is_noted_to_be_it(tree, folder):
    node = activate(group_in(tree))
    save(folder, kind="GROUP", name="Doubled")
    note = notes.read(node.node_tree)
    node.node_tree.nodes["Double"].inputs["Times"].default_value = 8
    save(folder, kind="GROUP", name="Doubled")
    notes.write(node.node_tree, note)
    assert bpy.ops.background_nodes.preset_update(**outdated_button()) == {"FINISHED"}
    assert notes.read(node.node_tree).version == 2
    assert [group.name for group in bpy.data.node_groups] == ["Doubled", "Tree"]


def test_nothing_to_update_is_said(tree, folder):
    with pytest.raises(RuntimeError, match=r"no newer version.*[Ll]ook at what is outdated"):
        bpy.ops.background_nodes.preset_update(tree_uid="1", node_id="2")


def test_panel_tells_what_the_active_node_came_from(tree, folder, twice):
    activate(twice)
    texts = panel(panels.BACKGROUND_NODES_PT_preset).texts
    assert texts[:2] == ["Twice", "Version 1 in this file"]
    assert "Version 2 · Studio" in texts
    for file in Path(folder).glob("*"):
        file.unlink()
    libraries._libraries.clear()
    assert libraries.wait(20.0)
    assert "No library has it any more" in panel(panels.BACKGROUND_NODES_PT_preset).texts
    assert not panel(panels.BACKGROUND_NODES_PT_outdated_presets).buttons


def test_panel_names_broken_files_with_their_mend(tree, folder):
    activate(script(tree, "Double", DOUBLE))
    preset = save(folder, kind="NODE", name="Twice")
    Path(preset.file).write_bytes(Path(preset.file).read_bytes()[:600])
    libraries._libraries.clear()
    assert libraries.wait(20.0)
    for library in libraries.all():
        library.read(is_thorough=True)
    text = " ".join(panel(panels.BACKGROUND_NODES_PT_preset_libraries).texts)
    assert Path(preset.file).name in text
    assert "save the preset again" in text


# The list of trusted scripts


@pytest.fixture
def trusted(folder, tmp_path, monkeypatch):
    """A library with a list; nothing was confirmed yet."""
    monkeypatch.setattr(trust.trust_lists, "_find_folder", lambda: tmp_path / "confirmed")
    monkeypatch.setattr(trust.trust_lists, "_known", None)
    found = trust_list.write(Path(folder), "The Studio", {"a" * 64: "Double.py", "b" * 64: "Half.py"})
    read_again()
    return found


def read_again() -> None:
    for library in libraries.all():
        library.forget()
        library.read()


def test_list_is_asked_for_once(tree, trusted):
    assert not trust.trust_lists.allows("a" * 64)
    button = panel(panels.BACKGROUND_NODES_PT_preset_libraries).buttons[0][1]
    assert vars(button) == {"library": trusted.library}
    shown = bpy.ops.background_nodes.trust_list_ask("EXEC_DEFAULT", library=button.library, digest=trusted.digest)
    assert shown == {"FINISHED"}
    assert trust.trust_lists.allows("a" * 64)
    texts = panel(panels.BACKGROUND_NODES_PT_preset_libraries).texts
    assert "Scripts of Studio are trusted" in texts
    assert bpy.ops.background_nodes.trust_list_revoke(library=trusted.library) == {"FINISHED"}
    assert not trust.trust_lists.allows("a" * 64)


def test_list_that_changed_since_it_was_shown_is_not_confirmed(tree, folder, trusted):
    trust_list.write(Path(folder), "The Studio", {"c" * 64: "Evil.py"})
    read_again()
    with pytest.raises(RuntimeError, match=r"has changed since it was shown"):
        bpy.ops.background_nodes.trust_list_ask("EXEC_DEFAULT", library=trusted.library, digest=trusted.digest)
    with pytest.raises(RuntimeError, match=r"has changed since it was shown"):
        bpy.ops.background_nodes.trust_list_ask("EXEC_DEFAULT", library=trusted.library)
    assert not trust.trust_lists.confirmed()


def test_dialog_shows_what_is_new_on_a_list(tree, folder, trusted):
    def shown() -> list[tuple[str, str]]:
        class Lines(list):
            def add(self):
                self.append(SimpleNamespace(name="", kind=""))
                return self[-1]

        dialog = SimpleNamespace(lines=Lines(), line_index=0)
        trust_dialog._show(dialog, trust_dialog._question(trusted.library))
        return [(line.name.partition(" ")[0], line.kind) for line in dialog.lines]

    assert shown() == [("Double.py", ""), ("Half.py", "")]
    trust.trust_lists.confirm(trusted)
    trust_list.write(Path(folder), "The Studio", {"a" * 64: "Double.py", "c" * 64: "New.py"})
    read_again()
    assert shown() == [("New.py", "NEW"), ("Double.py", "SAME"), ("Script", "GONE")]
