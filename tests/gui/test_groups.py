"""Groups by keys and mouse, as in Geometry Nodes."""

from __future__ import annotations

import os

import pytest
from editor import Editor

_SOURCE = "def main(value: int = 1, other: int = 2) -> int: return value + other\n"


@pytest.fixture
def chain(editor) -> Editor:
    """Three nodes in a row."""
    for name, x in (("First", -300.0), ("Middle", 0.0), ("Last", 300.0)):
        editor.add_script(_SOURCE, name, (x, 0.0))
    editor.window.run(
        """
        nodes, links = places.tree().nodes, places.tree().links
        links.new(nodes["First"].outputs[0], nodes["Middle"].inputs[0])
        links.new(nodes["Middle"].outputs[0], nodes["Last"].inputs[0])
        with places.editor():
            bpy.ops.ed.undo_push(message="Chain")
        """
    )
    editor.window.run("places.area().spaces.active.show_region_ui = False")
    editor.frame_all()
    return editor


def picture(editor: Editor, name: str) -> None:
    if folder := os.environ.get("BACKGROUND_NODES_PICTURES"):
        editor.window.settle(5)
        editor.window.screen.save(f"{folder}/{name}.png")


def path(editor: Editor) -> list[str]:
    return editor.window.run("return [part.node_tree.name for part in places.area().spaces.active.path]")


def names(editor: Editor) -> list[str]:
    return editor.window.run("return sorted(node.name for node in places.area().spaces.active.edit_tree.nodes)")


def select(editor: Editor, *nodes: str) -> None:
    for index, node in enumerate(nodes):
        editor.window.event("LEFT_SHIFT", "PRESS", shift=True) if index else None
        editor.window.click(*editor.place_of(node), shift=bool(index))
        editor.window.event("LEFT_SHIFT", "RELEASE") if index else None


def test_group_is_made_entered_edited_left_and_taken_apart(chain):
    window = chain.window
    select(chain, "Middle", "Last")
    window.press("G", ctrl=True)
    assert path(chain) == ["Tree", "Group"]
    assert names(chain) == ["Group Input", "Group Output", "Last", "Middle"]
    chain.frame_all()
    picture(chain, "inside")
    window.press("TAB")  # no group is active: it leaves
    assert path(chain) == ["Tree"]
    assert names(chain) == ["First", "Group"]
    chain.frame_all()
    picture(chain, "outside")
    window.press("TAB")
    assert path(chain) == ["Tree", "Group"]
    chain.press_button("background_nodes.group_leave")
    assert path(chain) == ["Tree"]
    select(chain, "Group")
    window.press("G", ctrl=True, alt=True)
    assert names(chain) == ["First", "Last", "Middle"]
    chain.frame_all()
    picture(chain, "ungrouped")
    links = window.run("return sorted([link.from_node.name, link.to_node.name] for link in places.tree().links)")
    assert links == [["First", "Middle"], ["Middle", "Last"]]


def test_groups_in_groups_and_used_twice(chain):
    window = chain.window
    select(chain, "Middle", "Last")
    window.press("G", ctrl=True)
    chain.frame_all()
    select(chain, "Last")
    window.press("G", ctrl=True)
    assert path(chain) == ["Tree", "Group", "Group.001"]
    picture(chain, "nested")
    window.press("TAB", ctrl=True)
    assert path(chain) == ["Tree", "Group"]
    window.press("TAB")
    assert path(chain) == ["Tree", "Group", "Group.001"]
    window.press("TAB", ctrl=True)
    window.press("TAB", ctrl=True)
    assert path(chain) == ["Tree"]
    chain.frame_all()
    select(chain, "Group")
    window.press("D", shift=True)
    window.move(window.x, window.y + 200, steps=5)
    window.press("RET")
    assert names(chain) == ["First", "Group", "Group.001"]
    shown = "return [node.node_tree.name for node in places.tree().nodes if node.bl_idname == 'BackgroundNodeGroup']"
    assert window.run(shown) == ["Group", "Group"]
    window.press("TAB")
    entered = "space = places.area().spaces.active; from_path = places.module('addon.editor.shown_path')"
    ids = window.run(f"{entered}; return list(from_path.shown_path(space).names)")
    assert ids == ["Group.001"]
    picture(chain, "second use")
    window.press("TAB", ctrl=True)
    chain.frame_all()
    picture(chain, "used twice")


def test_interface_of_a_group_is_edited_in_the_sidebar(chain):
    window = chain.window
    select(chain, "Middle")
    window.press("G", ctrl=True)
    window.run(
        """
        interface = places.tree().interface
        interface.new_socket("Size", in_out="INPUT", socket_type="BackgroundNodeSocketFloat")
        listed = interface.new_socket("Parts", in_out="INPUT", socket_type="BackgroundNodeSocketMeshList")
        interface.new_socket("Angle", in_out="INPUT", socket_type="BackgroundNodeSocketFloatAngle")
        interface.active = interface.items_tree["Size"]
        places.area().spaces.active.show_region_ui = True
        """
    )
    window.settle(5)
    window.run('places.region(kind="UI").active_panel_category = "Group"')
    picture(chain, "interface")
    window.run("places.tree().interface.items_tree['Size'].default_value = 0.75")
    window.press("TAB")
    chain.frame_all()
    picture(chain, "with interface")
    sockets = "return [socket.name for socket in places.tree().nodes['Group'].inputs]"
    assert window.run(sockets) == ["Value", "Size", "Parts", "Angle"]
    assert window.run("return places.tree().nodes['Group'].inputs['Size'].default_value") == 0.75


def test_dragging_onto_the_free_socket_of_an_end_makes_a_socket_of_the_group(chain):
    window = chain.window
    select(chain, "Middle")
    window.press("G", ctrl=True)
    chain.frame_all()
    free = window.run("return places.of_socket('Group Input', '', True)")
    window.drag(tuple(free), chain.input("Middle", "Other"))
    picture(chain, "free socket")
    sockets = window.run("return [[item.name, item.socket_type] for item in places.tree().interface.items_tree]")
    assert ["Other", "BackgroundNodeSocketInt"] in sockets
    assert window.run("return places.tree().interface.items_tree['Other'].default_value") == 2


def test_group_is_added_from_the_add_menu_by_typing(chain):
    window = chain.window
    select(chain, "Middle")
    window.press("G", ctrl=True)
    window.run("places.tree().name = 'Rock Mill'")
    window.press("TAB", ctrl=True)
    window.move(*chain.middle())
    window.press("A", shift=True)
    window.settle(3)
    picture(chain, "add menu")
    window.type_text("rock mill")
    window.press("RET")
    window.press("RET")
    window.wait_for("return sum(node.bl_idname == 'BackgroundNodeGroup' for node in places.tree().nodes) == 2")


def test_menus_have_our_operators_where_blender_has_its_own(chain):
    """Blender's refuse trees of add-ons: they would stand there greyed, beside ours."""
    window = chain.window
    select(chain, "Middle", "Last")
    drawn = """
        found = []
        class Layout:
            def operator(self, name, *arguments, **options):
                found.append(name)
                return self
            def __getattr__(self, name):
                return self
            def __call__(self, *arguments, **options):
                return self
            def __setattr__(self, name, value):
                pass
        class Menu:
            layout = Layout()
        with places.editor():
            for draw in getattr(bpy.types, NAME).draw._draw_funcs:
                draw(Menu(), bpy.context)
        ours = [name.partition(".")[2] for name in found if name.startswith("background_nodes.group_")]
        return ours, [name for name in found if name.startswith("node.group_")]
    """
    for menu, wanted in (
        ("NODE_MT_node", ["group_make", "group_insert", "group_edit", "group_ungroup"]),
        ("NODE_MT_context_menu", ["group_make", "group_insert"]),
    ):
        ours, others = window.run(drawn.replace("NAME", repr(menu)))
        assert (ours, others) == (wanted, [])
    x, y = chain.place_of("Middle")
    window.move(x, y)
    window.click(x, y, button="RIGHTMOUSE")
    picture(chain, "context menu")
    window.press("ESC")
    assert path(chain) == ["Tree"]
