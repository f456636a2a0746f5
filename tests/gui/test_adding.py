"""Adding nodes as an artist does: by the menu, by its search, by a link dragged into empty space, by a key."""

from __future__ import annotations

from typing import Any

import pytest
from editor import Editor


class AddingEditor(Editor):
    """Adds what the tests of adding want to do and to know."""

    def zoom(self, ui_scale: float, zoom: float) -> None:
        """Let Blender draw everything, and the editor its nodes, larger or smaller."""
        self.window.run("bpy.context.preferences.view.ui_scale = ui_scale", ui_scale=ui_scale)
        self.window.settle(5)
        self.window.run(
            """
            with places.editor():
                for _ in range(40):
                    now = places._pixels() / bpy.context.preferences.system.ui_scale
                    if now < zoom * 0.95:
                        bpy.ops.view2d.zoom_in()
                    elif now > zoom * 1.1:
                        bpy.ops.view2d.zoom_out()
            """,
            zoom=zoom,
        )
        self.window.settle(5)

    def add(self, choice: str, x: float, y: float, name: str) -> None:
        self.window.run(
            """
            import importlib
            choices = importlib.import_module(extension + ".addon.adding.node_choices")
            node = choices.find(choice).add_to(places.tree())
            node.location, node.name, node.select = (x, y), name, False
            """,
            choice=choice,
            x=x,
            y=y,
            name=name,
        )
        self.window.settle(5)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return tuple(self.window.run("return places.of_view(x, y)", x=x, y=y))

    def tree(self, code: str) -> Any:
        """The value of an expression on `tree` and `nodes`."""
        return self.window.run(f"tree = places.tree(); nodes = tree.nodes; return {code}")

    def links(self) -> list[list[str]]:
        """From node and socket to node and socket."""
        return self.tree(
            "sorted([link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier]"
            " for link in tree.links)"
        )

    def titles(self) -> list[str]:
        return self.tree(
            "sorted(node.draw_label() if hasattr(node, 'draw_label') else node.bl_idname for node in nodes)"
        )

    def drag_into_void(self, start: tuple[float, float], x: float, y: float) -> None:
        self.window.drag(start, (start[0] + x, start[1] + y))
        self.window.settle(15)

    def open_menu(self) -> None:
        self.window.move(*self.at(0, 150))  # the whole menu has room below: else it lies under the mouse
        self.window.press("A", shift=True)
        self.window.settle(5)

    def pick(self, text: str) -> None:
        """Type into a search, take the first, and leave the node where it is."""
        self.window.type_text(text)
        self.window.settle(5)
        self.window.press("RET")
        self.window.settle(5)
        self.window.click()
        self.window.settle(5)

    def collapses(self, node: str) -> bool:
        """Whether a key goes to the editor: it does not while a search is open."""
        self.window.run("places.tree().nodes[node].select = True", node=node)
        self.window.press("H")
        return self.window.run("return places.tree().nodes[node].hide", node=node)


@pytest.fixture
def editor(window):
    editor = AddingEditor(window)
    editor.open("Tree")
    window.run("places.area().spaces.active.show_region_ui = False")  # it would cover what is dragged to
    editor.zoom(ui_scale=1.0, zoom=1.0)
    yield editor
    window.press("ESC")
    window.run("bpy.context.preferences.view.ui_scale = 1.0")


# The menu


def test_menu_entry_adds_its_node_where_the_mouse_is(editor):
    editor.open_menu()
    for _ in range(2):  # from Search and Input
        editor.window.press("DOWN_ARROW")
    editor.window.press("RET")
    editor.window.settle(5)
    editor.window.click()
    editor.window.settle(5)
    assert editor.titles() == ["BackgroundNodeOutput"]


@pytest.mark.parametrize(
    ("text", "title"), [("voxel", "Voxel Remesh"), ("load im", "Load Image"), ("frame", "NodeFrame")]
)
def test_typing_in_the_menu_finds_nodes_of_its_categories(editor, text, title):
    editor.open_menu()
    editor.pick(text)
    assert editor.titles() == [title]


def test_search_of_all_menus_finds_nodes(editor):
    editor.window.move(*editor.at(0, 0))
    editor.window.press("F3")
    editor.window.settle(5)
    editor.pick("mesh voxel remesh")  # there is an operator of that name, too
    assert editor.titles() == ["Voxel Remesh"]


@pytest.fixture
def own_folder(window, tmp_path):
    """A folder of the artist's own scripts, in the preferences."""
    (tmp_path / "rigs").mkdir()
    (tmp_path / "rigs" / "pose_all.py").write_text("def main(number: int) -> int: return number\n")
    window.run(
        "bpy.context.preferences.addons[extension].preferences.script_folders.add().directory = folder",
        folder=str(tmp_path),
    )
    yield tmp_path
    window.run("bpy.context.preferences.addons[extension].preferences.script_folders.clear()")


def test_menu_has_the_scripts_of_own_folders(editor, own_folder):
    editor.open_menu()
    editor.pick("pose all")
    assert editor.titles() == ["Pose All"]
    assert editor.tree("nodes[0].filepath") == str(own_folder / "rigs" / "pose_all.py")


def test_search_of_all_menus_finds_scripts_of_own_folders(editor, own_folder):
    editor.window.move(*editor.at(0, 0))
    editor.window.press("F3")
    editor.window.settle(5)
    editor.pick("pose all")
    assert editor.titles() == ["Pose All"]


# The link dragged into the void


@pytest.mark.parametrize("ui_scale", [1.0, 2.0])
@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.7])
def test_dragged_output_offers_what_takes_it(editor, ui_scale, zoom):
    editor.zoom(ui_scale, zoom)
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    start = editor.output("Decimate", "Faces")
    editor.drag_into_void(start, 120, 60)
    editor.pick("contact sheet col")
    links = editor.links()
    assert [(link[0], link[1], link[3]) for link in links] == [("Decimate", "faces", "columns")], editor.titles()


@pytest.mark.parametrize("identifier", ["source", "ratio", "suffix"])
def test_dragged_input_offers_what_fits_it(editor, identifier):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    start = editor.input("Decimate", identifier.title())
    editor.drag_into_void(start, -150, 100)
    editor.pick("input")
    assert [(link[1], link[3]) for link in editor.links()] == [("value", identifier)]


def test_link_of_a_list_and_of_a_reroute_can_be_dragged(editor):
    editor.add("node:BackgroundNodeOutput", 0, 100, "Output")
    start = editor.input("Output", "Data")
    editor.drag_into_void(start, -150, 0)
    editor.pick("reroute")
    assert [(link[0], link[3]) for link in editor.links()] == [("Reroute", "data")]


def test_collapsed_node_gives_its_links_too(editor):
    editor.add("input:Object", -100, 100, "Input")
    editor.window.run("places.tree().nodes['Input'].hide = True")
    editor.window.settle(5)
    start = editor.output("Input", "Value")
    editor.drag_into_void(start, 150, 0)
    editor.pick("voxel")
    assert [(link[0], link[3]) for link in editor.links()] == [("Input", "source")]


@pytest.mark.parametrize("key", ["ESC", "RIGHTMOUSE"])
def test_cancelled_drag_leaves_nothing(editor, key):
    editor.add("input:Object", -100, 100, "Input")
    window, start = editor.window, editor.output("Input", "Value")
    window.move(*start)
    window.settle(2)
    window.event("LEFTMOUSE", "PRESS")
    window.move(start[0] + 150, start[1], steps=8)
    window.settle(3)
    window.press(key)
    window.event("LEFTMOUSE", "RELEASE")
    window.settle(15)
    assert editor.collapses("Input")
    assert (editor.titles(), editor.links()) == (["Object"], [])


def test_cancelled_search_leaves_nothing(editor):
    editor.add("input:Object", -100, 100, "Input")
    start = editor.output("Input", "Value")
    editor.drag_into_void(start, 150, 0)
    editor.window.press("ESC")
    editor.window.settle(5)
    assert (editor.titles(), editor.links()) == (["Object"], [])


def test_cancelled_placement_removes_the_node(editor):
    editor.add("input:Object", -100, 100, "Input")
    start = editor.output("Input", "Value")
    editor.drag_into_void(start, 150, 0)
    editor.window.type_text("voxel")
    editor.window.press("RET")
    editor.window.settle(5)
    assert editor.titles() == ["Object", "Voxel Remesh"]
    editor.window.press("ESC")
    editor.window.settle(5)
    assert (editor.titles(), editor.links()) == (["Object"], [])


def test_one_undo_takes_back_what_was_picked(editor):
    editor.add("input:Object", -100, 100, "Input")
    editor.window.run("bpy.ops.ed.undo_push(message='start')")
    start = editor.output("Input", "Value")
    editor.drag_into_void(start, 150, 0)
    editor.pick("voxel")
    assert len(editor.links()) == 1
    for _ in range(3):
        editor.window.press("Z", ctrl=True)
        editor.window.settle(3)
        if editor.titles() == ["Object"]:
            return
    raise AssertionError(editor.titles())


# What went on before goes on


def test_link_dropped_on_a_socket_is_made(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 50, 100, "Decimate")
    start = editor.output("Input", "Value")
    editor.window.drag(start, editor.input("Decimate", "Source"))
    assert editor.links() == [["Input", "value", "Decimate", "source"]]
    assert editor.titles() == ["Decimate", "Object"]


def test_link_dragged_off_a_socket_is_removed(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 50, 100, "Decimate")
    editor.tree("tree.links.new(nodes['Decimate'].inputs[0], nodes['Input'].outputs[0]) and None")
    start = editor.input("Decimate", "Source")
    editor.drag_into_void(start, -60, -200)
    assert editor.collapses("Decimate")
    assert (editor.links(), editor.titles()) == ([], ["Decimate", "Object"])


def test_box_selects_and_node_moves(editor):
    editor.add("input:Object", -100, 0, "Input")
    editor.window.drag(editor.at(-180, 80), editor.at(120, -160))
    assert editor.tree("nodes['Input'].select")
    editor.window.drag(editor.at(-20, -10), editor.at(80, 50))
    assert editor.tree("nodes['Input'].location.x") > -50


def test_links_are_cut(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 100, 100, "Decimate")
    window = editor.window
    editor.tree("tree.links.new(nodes['Decimate'].inputs[0], nodes['Input'].outputs[0]) and None")
    window.settle(5)
    x, y = editor.at(10, 150)
    window.move(x, y)
    window.event("LEFT_CTRL", "PRESS", ctrl=True)
    window.event("RIGHTMOUSE", "PRESS", ctrl=True)
    for step in range(1, 21):
        window.x, window.y = x, y + (editor.at(10, -150)[1] - y) * step / 20
        window.event("MOUSEMOVE", "NOTHING", ctrl=True)
    window.event("RIGHTMOUSE", "RELEASE", ctrl=True)
    window.event("LEFT_CTRL", "RELEASE")
    window.settle(5)
    assert editor.links() == []


# The key


def test_key_searches_for_the_active_node(editor):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    editor.window.run("nodes = places.tree().nodes; nodes.active = nodes['Decimate']")
    editor.window.move(*editor.at(200, -150))
    editor.window.press("A", shift=True, ctrl=True)
    editor.window.settle(5)
    editor.pick("voxel")
    assert [(link[1], link[3]) for link in editor.links()] == [("decimated", "source")]


def test_key_with_alt_searches_for_an_input(editor):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    editor.window.run("nodes = places.tree().nodes; nodes.active = nodes['Decimate']")
    editor.window.move(*editor.at(-200, -150))
    editor.window.press("A", shift=True, ctrl=True, alt=True)
    editor.window.settle(5)
    editor.pick("voxel")
    assert [(link[1], link[3]) for link in editor.links()] == [("remeshed", "source")]


def test_menu_of_the_node_searches_for_the_active_node(editor):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    editor.window.run("nodes = places.tree().nodes; nodes.active = nodes['Decimate']")
    editor.window.move(*editor.at(200, -150))
    editor.window.press("F3")
    editor.window.settle(5)
    editor.window.type_text("add linked node")
    editor.window.settle(5)
    editor.window.press("RET")
    editor.window.settle(5)
    editor.pick("voxel")
    assert [(link[1], link[3]) for link in editor.links()] == [("decimated", "source")]


def test_key_over_a_socket_searches_for_that(editor):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    editor.window.move(*editor.input("Decimate", "Ratio"))
    editor.window.press("A", shift=True, ctrl=True)
    editor.window.settle(5)
    editor.pick("input float")
    assert [(link[1], link[3]) for link in editor.links()] == [("value", "ratio")]


# Reroutes and groups


def test_reroutes_have_the_type_of_what_is_linked_to_them_and_lose_no_link(editor):
    editor.add("input:Image", -250, 100, "Input")
    editor.add("node:NodeReroute", 0, 50, "First")
    editor.add("node:NodeReroute", 100, 50, "Second")
    editor.add("library:image/resize_image", 200, 100, "Resize")
    editor.tree(
        "[tree.links.new(nodes[a].inputs[0], nodes[b].outputs[0]) and None"
        " for a, b in (('Resize', 'Second'), ('Second', 'First'), ('First', 'Input'))]"
    )
    types = "[nodes[name].socket_idname for name in ('First', 'Second')]"
    editor.window.wait_for(f"nodes = places.tree().nodes; return {types} == ['BackgroundNodeSocketImage'] * 2")
    assert len(editor.links()) == 3
    editor.window.run("places.tree().nodes['Input'].data_type = 'Material'")
    editor.window.wait_for(f"nodes = places.tree().nodes; return {types} == ['BackgroundNodeSocketMaterial'] * 2")
    assert len(editor.links()) == 3


# Swap


def test_key_swaps_a_node_which_keeps_links_and_values(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", -50, 100, "Decimate")
    editor.add("node:BackgroundNodeOutput", 200, 100, "Output")
    editor.tree(
        "tree.links.new(nodes['Decimate'].inputs[0], nodes['Input'].outputs[0])"
        " and tree.links.new(nodes['Output'].inputs[0], nodes['Decimate'].outputs[0]) and None"
    )
    editor.window.run("places.tree().nodes['Decimate'].inputs['Suffix'].default_value = '_low'")
    editor.window.settle(5)
    editor.window.click(*editor.place_of("Decimate"))
    editor.window.press("S", shift=True)
    editor.window.settle(5)
    editor.window.type_text("voxel")
    editor.window.settle(5)
    editor.window.press("RET")
    editor.window.settle(5)
    assert editor.titles() == ["BackgroundNodeOutput", "Object", "Voxel Remesh"]
    assert [(link[1], link[3]) for link in editor.links()] == [("value", "source"), ("remeshed", "data")]
    assert editor.tree("nodes['Voxel Remesh'].inputs['Suffix'].default_value") == "_low"


# What is dropped and what is selected


def test_dropped_script_is_its_node(editor, tmp_path):
    (tmp_path / "my script.py").write_text("def main(number: int) -> int: return number\n")
    editor.window.run(
        """
        with places.editor():
            bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=folder, files=[{"name": "my script.py"}])
        """,
        folder=str(tmp_path),
    )
    editor.window.settle(5)
    assert editor.titles() == ["My Script"]


def test_input_of_what_is_selected_in_the_outliner(editor):
    editor.window.run("for item in bpy.data.objects: item.select_set(item.name == 'Light')")
    editor.window.settle(5)  # the Outliner follows
    editor.window.run(
        """
        with places.editor():
            bpy.ops.background_nodes.input_from_selection(source="OUTLINER")
        for item in bpy.data.objects: item.select_set(item.name == "Cube")
        """
    )
    assert editor.tree("[node.outputs[0].default_value.name for node in nodes]") == ["Light"]


def test_menu_offers_what_is_selected(editor):
    editor.open_menu()
    editor.pick("selected objects")
    assert editor.tree("[node.outputs[0].default_value.name for node in nodes]") == ["Cube"]
