"""Runs inside Blender: where things are in its window, in pixels from the lower left corner.

Blender tells nobody where it drew a socket or a button. A socket is found by selecting what is at a place, a button by
asking the one under the mouse for its Python command.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import bpy

Place = tuple[float, float]

#: Pixels between two places that are looked at: sockets and buttons are larger.
_STEP = 3


def window() -> bpy.types.Window:
    return bpy.context.window_manager.windows[0]


def area(ui_type: str = "BackgroundNodeTree") -> bpy.types.Area:
    """The largest area of an editor type; of any with ""."""
    areas = [area for area in window().screen.areas if not ui_type or area.ui_type == ui_type]
    return max(areas, key=lambda area: area.width * area.height)


def areas(ui_type: str = "BackgroundNodeTree") -> list[bpy.types.Area]:
    """All areas of an editor type, from left to right."""
    return sorted((area for area in window().screen.areas if area.ui_type == ui_type), key=lambda area: area.x)


def region(ui_type: str = "BackgroundNodeTree", kind: str = "WINDOW") -> bpy.types.Region:
    return next(region for region in area(ui_type).regions if region.type == kind)


@contextlib.contextmanager
def editor(ui_type: str = "BackgroundNodeTree", kind: str = "WINDOW") -> Iterator[bpy.types.Context]:
    """What is called in here is called in that region, as if the mouse were there."""
    found = area(ui_type)
    with bpy.context.temp_override(window=window(), screen=window().screen, area=found, region=region(ui_type, kind)):
        yield bpy.context


def rectangle(ui_type: str, kind: str) -> tuple[int, int, int, int]:
    """Left, bottom, right, top of a region."""
    found = region(ui_type, kind)
    return found.x, found.y, found.x + found.width, found.y + found.height


def show_tab(tab: str, ui_type: str = "BackgroundNodeTree") -> bool:
    """Show a tab of the Sidebar, which is open; to be called until it is True."""
    sidebar = region(ui_type, "UI")
    try:
        sidebar.active_panel_category = tab
    except TypeError:  # it has no tabs before it was drawn
        return False
    sidebar.tag_redraw()
    return True


def module(name: str) -> ModuleType:
    """A module of the extension."""
    package = next(name for name, _ in bpy.context.preferences.addons.items() if name.endswith(".background_nodes"))
    return importlib.import_module(f"{package}.{name}")


def session() -> Any:
    return module("addon.session.current").session


def tree() -> bpy.types.NodeTree:
    return area().spaces.active.edit_tree


def task(node: bpy.types.Node) -> Any:
    """What a node shows the state of; None if that is nothing."""
    run = session().run_of(node.id_data)
    return None if run is None else run.at(node.uid)


def of_view(x: float, y: float) -> Place:
    """The place of a point of the node tree, in UI units as a node's location is."""
    scale, found = bpy.context.preferences.system.ui_scale, region()
    region_x, region_y = found.view2d.view_to_region(x * scale, y * scale, clip=False)
    return found.x + region_x, found.y + region_y


def of_node(name: str, x: float = 0.5, y: float | None = None) -> Place:
    """A place on a node: as shares of its width and height from its top left corner; the header without `y`."""
    left, top, right, bottom = _shape(tree().nodes[name])
    return left + (right - left) * x, top - 10.0 * _pixels() if y is None else top + (bottom - top) * y


def strip(name: str) -> tuple[float, float, float]:
    """Left and right end of the strip that shows a node's state, and the height of its middle."""
    overlay = module("addon.editor.overlay")
    left, top, right, _ = _shape(tree().nodes[name])
    return left, right, top - (20.0 + overlay._STRIP / 2.0) * _pixels()


def running_color() -> list[int]:
    """The colour of what runs, as a screen shows it."""
    icons = module("addon.editor.status_icons")
    return [round(255 * channel) for channel in icons.COLORS[module("runtime.scheduling.states").TaskState.RUNNING]]


def of_socket(node_name: str, socket_name: str, is_output: bool) -> Place:
    """The middle of a socket's circle."""
    node = tree().nodes[node_name]
    socket = (node.outputs if is_output else node.inputs)[socket_name]
    left, top, right, bottom = _shape(node)
    x = right if is_output else left
    found = [y for y in range(int(bottom), int(top), _STEP) if _is_at(node, socket, int(x), y)]
    if not found:
        raise LookupError(f"{node_name}: no socket {socket_name} is to be seen")
    return x, (found[0] + found[-1]) / 2.0


def button_command() -> str:
    """The Python command of the button under the mouse, in whatever region that is; "" where there is none."""
    return _copied("copy_python_command_button")


def field_path() -> str:
    """The data path of the field under the mouse, such as nodes["Name"].inputs[0].default_value; "" for none."""
    return _copied("copy_data_path_button")


def _copied(operator: str) -> str:
    """What an operator of Blender copies of what is under the mouse."""
    manager = bpy.context.window_manager
    manager.clipboard = ""
    copy = getattr(bpy.ops.ui, operator)
    for found in window().screen.areas:
        for part in found.regions:
            with bpy.context.temp_override(window=window(), screen=window().screen, area=found, region=part):
                if copy.poll():
                    copy()
                    return manager.clipboard
    return ""


def _pixels() -> float:
    """Pixels of one UI unit in the editor, as it is zoomed."""
    return (of_view(1000.0, 0.0)[0] - of_view(0.0, 0.0)[0]) / 1000.0


def _shape(node: bpy.types.Node) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    scale = _pixels() / bpy.context.preferences.system.ui_scale
    left, top = of_view(*node.location_absolute)
    width, height = node.dimensions
    return left, top, left + width * scale, top - height * scale


def _is_at(node: bpy.types.Node, socket: bpy.types.NodeSocket, x: int, y: int) -> bool:
    """Whether *Select* finds the socket there: done twice, all is selected as it was."""
    nodes = node.id_data.nodes
    active, selected = nodes.active, [node for node in nodes if node.select]
    was_selected = socket.select
    with editor() as context:
        location = (x - context.region.x, y - context.region.y)
        bpy.ops.node.select(location=location, toggle=True, socket_select=True)
        is_found = socket.select != was_selected
        bpy.ops.node.select(location=location, toggle=True, socket_select=True)
    for other in nodes:
        other.select = other in selected
    nodes.active = active
    return is_found
