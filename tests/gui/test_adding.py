"""Adding nodes as an artist does: by the menu, by its search, by a link dragged into the void, by a key."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from screen import Screen
from window import Window

#: Sets `area`, `region`, `tree`, `nodes` and `scale`; `at` is where something of the tree is in the window.
PRELUDE = """
global area, region, space, at, scale
area = max(bpy.context.window_manager.windows[0].screen.areas, key=lambda area: area.width * area.height)
region = next(region for region in area.regions if region.type == "WINDOW")
space = area.spaces.active
scale = bpy.context.preferences.system.ui_scale
def at(x, y):
    x, y = region.view2d.view_to_region(x * scale, y * scale, clip=False)
    return [x + region.x, y + region.y]
"""


class Editor:
    """A node editor that fills most of the window."""

    def __init__(self, window: Window) -> None:
        self.window = window

    def run(self, code: str, **arguments: Any) -> Any:
        return self.window.run(PRELUDE + textwrap.dedent(code), **arguments)

    def start(self, *, ui_scale: float = 1.0, zoom: float = 1.0) -> None:
        """An empty tree."""
        self.window.run("bpy.context.preferences.view.ui_scale = ui_scale", ui_scale=ui_scale)
        self.window.settle(5)
        self.run(
            """
            area.ui_type = "BackgroundNodeTree"
            space = area.spaces.active
            space.show_region_ui = False  # it would cover what is dragged to
            for old in list(bpy.data.node_groups):
                bpy.data.node_groups.remove(old)
            global tree
            tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
            space.node_tree = tree
            """
        )
        self.window.settle(5)
        self.run(
            """
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
                factor = zoom / (region.view2d.view_to_region(1000, 0, clip=False)[0]
                                 - region.view2d.view_to_region(0, 0, clip=False)[0]) * 1000
                for _ in range(30):
                    now = (region.view2d.view_to_region(1000, 0, clip=False)[0]
                           - region.view2d.view_to_region(0, 0, clip=False)[0]) / 1000
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
            choices = importlib.import_module(extension + ".addon.node_choices")
            node = choices.find(choice).add_to(tree)
            node.location, node.name, node.select = (x, y), name, False
            """,
            choice=choice,
            x=x,
            y=y,
            name=name,
        )
        self.window.settle(5)

    def at(self, x: float, y: float) -> tuple[float, float]:
        return tuple(self.run("return at(x, y)", x=x, y=y))

    def socket(self, node: str, identifier: str, *, is_output: bool) -> tuple[float, float]:
        """Where a socket is in the window: found by asking for it down the side of the node."""
        found = self.run(
            """
            import importlib
            finder = importlib.import_module(extension + ".addon.socket_finder")
            node = tree.nodes[name]
            x = node.location_absolute.x + (node.dimensions.x / scale if is_output else 0)
            if node.bl_idname == "NodeReroute":
                x = node.location_absolute.x
            hits = []
            with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
                for step in range(-30, int(node.dimensions.y / scale) + 40):
                    place = at(x, node.location_absolute.y - step)
                    hit = finder.socket_at(bpy.context, int(place[0] - region.x), int(place[1] - region.y))
                    if hit is not None and (hit.node, hit.identifier, hit.is_output) == (node, identifier, is_output):
                        hits.append(place)
            return hits[len(hits) // 2] if hits else None
            """,
            name=node,
            identifier=identifier,
            is_output=is_output,
        )
        assert found, f"{node} has no {identifier} in the window"
        return tuple(found)

    def links(self) -> list[list[str]]:
        return self.window.run(
            """
            return sorted([link.from_node.name, link.from_socket.identifier, link.to_node.name,
                           link.to_socket.identifier] for link in tree.links)
            """
        )

    def titles(self) -> list[str]:
        return self.window.run(
            "return sorted(node.draw_label() if hasattr(node, 'draw_label') else node.bl_idname for node in tree.nodes)"
        )

    def pick(self, text: str) -> None:
        """Type into a search, take the first, and leave the node where it is."""
        self.window.type_text(text)
        self.window.settle(5)
        self.window.press("RET")
        self.window.settle(5)
        self.window.click()
        self.window.settle(5)


@pytest.fixture(scope="module")
def window(tmp_path_factory):
    screen = Screen(1600, 1000)
    window = Window(screen, tmp_path_factory.mktemp("blender"))
    try:
        yield window
        assert window.complaints() == []
    finally:
        window.close()
        screen.close()


@pytest.fixture
def editor(window):
    editor = Editor(window)
    editor.start()
    yield editor
    window.press("ESC")


def drag_from(editor: Editor, start: tuple[float, float], end: tuple[float, float]) -> None:
    editor.window.drag(start, end)
    editor.window.settle(15)


# The menu


def test_menu_entry_adds_its_node_where_the_mouse_is(editor):
    window = editor.window
    window.move(*editor.at(0, 0))
    window.press("A", shift=True)
    window.settle(5)
    window.press("O")  # typing searches, as in Blender's own
    window.type_text("utput")
    window.press("RET")
    window.settle(5)
    window.click()
    window.settle(5)
    assert editor.titles() == ["BackgroundNodeOutput"]


@pytest.mark.parametrize(
    ("text", "title"), [("voxel", "Voxel Remesh"), ("load im", "Load Image"), ("frame", "NodeFrame")]
)
def test_typing_in_the_menu_finds_nodes_of_its_categories(editor, text, title):
    editor.window.move(*editor.at(0, 0))
    editor.window.press("A", shift=True)
    editor.window.settle(5)
    editor.pick(text)
    assert editor.titles() == [title]


def test_search_of_all_menus_finds_nodes(editor):
    editor.window.move(*editor.at(0, 0))
    editor.window.press("F3")
    editor.window.settle(5)
    editor.pick("mesh voxel remesh")  # there is an operator of that name, too
    assert editor.titles() == ["Voxel Remesh"]


# The link dragged into the void


@pytest.mark.parametrize("ui_scale", [1.0, 2.0])
@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.7])
def test_dragged_output_offers_what_takes_it(editor, ui_scale, zoom):
    editor.start(ui_scale=ui_scale, zoom=zoom)
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    start = editor.socket("Decimate", "faces", is_output=True)
    drag_from(editor, start, (start[0] + 120, start[1] + 60))
    editor.pick("contact sheet col")
    links = editor.links()
    assert [(link[0], link[1], link[3]) for link in links] == [("Decimate", "faces", "columns")], editor.titles()


@pytest.mark.parametrize("identifier", ["source", "ratio", "suffix"])
def test_dragged_input_offers_what_fits_it(editor, identifier):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    start = editor.socket("Decimate", identifier, is_output=False)
    drag_from(editor, start, (start[0] - 150, start[1] + 100))
    editor.pick("input")
    assert [(link[1], link[3]) for link in editor.links()] == [("value", identifier)]


def test_link_of_a_list_and_of_a_reroute_can_be_dragged(editor):
    editor.add("node:BackgroundNodeOutput", 0, 100, "Output")
    start = editor.socket("Output", "data", is_output=False)
    drag_from(editor, start, (start[0] - 150, start[1]))
    editor.pick("reroute")
    assert [(link[0], link[3]) for link in editor.links()] == [("Reroute", "data")]


def test_collapsed_node_gives_its_links_too(editor):
    editor.add("input:Object", -100, 100, "Input")
    editor.window.run("nodes = tree.nodes; nodes['Input'].hide = True")
    editor.window.settle(5)
    start = editor.socket("Input", "value", is_output=True)
    drag_from(editor, start, (start[0] + 150, start[1]))
    editor.pick("voxel")
    assert [(link[0], link[3]) for link in editor.links()] == [("Input", "source")]


@pytest.mark.parametrize("key", ["ESC", "RIGHTMOUSE"])
def test_cancelled_drag_leaves_nothing(editor, key):
    editor.add("input:Object", -100, 100, "Input")
    window, start = editor.window, editor.socket("Input", "value", is_output=True)
    window.move(*start)
    window.settle(2)
    window.event("LEFTMOUSE", "PRESS")
    window.move(start[0] + 150, start[1], steps=8)
    window.settle(3)
    window.press(key)
    window.event("LEFTMOUSE", "RELEASE")
    window.settle(15)
    window.run("tree.nodes['Input'].select = True")
    window.press("H")  # goes to the editor, as no search is open
    assert window.run("return tree.nodes['Input'].hide")
    assert (editor.titles(), editor.links()) == (["Object"], [])


def test_cancelled_search_leaves_nothing(editor):
    editor.add("input:Object", -100, 100, "Input")
    start = editor.socket("Input", "value", is_output=True)
    drag_from(editor, start, (start[0] + 150, start[1]))
    editor.window.press("ESC")
    editor.window.settle(5)
    assert (editor.titles(), editor.links()) == (["Object"], [])


def test_cancelled_placement_removes_the_node(editor):
    editor.add("input:Object", -100, 100, "Input")
    start = editor.socket("Input", "value", is_output=True)
    drag_from(editor, start, (start[0] + 150, start[1]))
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
    start = editor.socket("Input", "value", is_output=True)
    drag_from(editor, start, (start[0] + 150, start[1]))
    editor.pick("voxel")
    assert len(editor.links()) == 1
    for _ in range(3):
        editor.window.press("Z", ctrl=True)
        editor.window.settle(3)
        editor.window.run("global tree; tree = bpy.data.node_groups[0]")
        if editor.titles() == ["Object"]:
            return
    raise AssertionError(editor.titles())


# What went on before goes on


def test_link_dropped_on_a_socket_is_made(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 50, 100, "Decimate")
    start = editor.socket("Input", "value", is_output=True)
    drag_from(editor, start, editor.socket("Decimate", "source", is_output=False))
    assert editor.links() == [["Input", "value", "Decimate", "source"]]
    assert editor.titles() == ["Decimate", "Object"]


def test_link_dragged_off_a_socket_is_removed(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 50, 100, "Decimate")
    editor.window.run("tree.links.new(tree.nodes['Decimate'].inputs[0], tree.nodes['Input'].outputs[0])")
    start = editor.socket("Decimate", "source", is_output=False)
    drag_from(editor, start, (start[0] - 60, start[1] - 200))
    editor.window.run("tree.nodes['Decimate'].select = True")
    editor.window.press("H")  # goes to the editor, as no search is open
    assert editor.window.run("return tree.nodes['Decimate'].hide")
    assert (editor.links(), editor.titles()) == ([], ["Decimate", "Object"])


def test_box_selects_and_node_moves(editor):
    editor.add("input:Object", -100, 0, "Input")
    drag_from(editor, editor.at(-180, 80), editor.at(120, -160))
    assert editor.window.run("return tree.nodes['Input'].select")
    drag_from(editor, editor.at(-20, -10), editor.at(80, 50))
    assert editor.window.run("return tree.nodes['Input'].location.x") > -50


def test_links_are_cut(editor):
    editor.add("input:Object", -250, 100, "Input")
    editor.add("library:mesh/decimate", 100, 100, "Decimate")
    window = editor.window
    window.run("tree.links.new(tree.nodes['Decimate'].inputs[0], tree.nodes['Input'].outputs[0])")
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
    editor.window.run("tree.nodes.active = tree.nodes['Decimate']")
    editor.window.move(*editor.at(200, -150))
    editor.window.press("A", shift=True, ctrl=True)
    editor.window.settle(5)
    editor.pick("voxel")
    assert [(link[1], link[3]) for link in editor.links()] == [("decimated", "source")]


def test_key_over_a_socket_searches_for_that(editor):
    editor.add("library:mesh/decimate", -100, 100, "Decimate")
    editor.window.move(*editor.socket("Decimate", "ratio", is_output=False))
    editor.window.press("A", shift=True, ctrl=True)
    editor.window.settle(5)
    editor.pick("input float")
    assert [(link[1], link[3]) for link in editor.links()] == [("value", "ratio")]


# What is dropped and what is selected


def test_dropped_script_is_its_node(editor, tmp_path):
    (tmp_path / "my script.py").write_text("def main(number: int) -> int: return number\n")
    editor.run(
        """
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
            bpy.ops.wm.drop_import_file("INVOKE_DEFAULT", directory=folder, files=[{"name": "my script.py"}])
        """,
        folder=str(tmp_path),
    )
    editor.window.settle(5)
    assert editor.titles() == ["My Script"]


def test_input_of_what_is_selected_in_the_outliner(editor):
    editor.run("for item in bpy.data.objects: item.select_set(item.name == 'Light')")
    editor.window.settle(5)  # the Outliner follows
    editor.run(
        """
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
            bpy.ops.background_nodes.input_from_selection(source="OUTLINER")
        for item in bpy.data.objects: item.select_set(item.name == "Cube")
        """
    )
    assert editor.run("return [node.outputs[0].default_value.name for node in tree.nodes]") == ["Light"]


def test_menu_offers_what_is_selected(editor):
    editor.window.move(*editor.at(0, 0))
    editor.window.press("A", shift=True)
    editor.window.settle(5)
    editor.pick("selected objects")
    assert editor.run("return [node.outputs[0].default_value.name for node in tree.nodes]") == ["Cube"]
