"""Fields of sockets by mouse and keys: *Reset to Default Value*, and what is typed and dragged out of a range."""

from __future__ import annotations

import pytest

SOURCE = """
from pathlib import Path
from typing import Annotated, Any, Literal

from background_nodes.script import Range
from mathutils import Color, Euler, Matrix, Vector


def main(
    size: Annotated[float, Range(0.25, 8.0)] = 0.5,
    count: Annotated[int, Range(2, 9)] = 4,
    flag: bool = True,
    kind: Literal["near", "far", "beyond"] = "far",
    name: str = "Part",
    file: Path = Path("//out.png"),
    data: dict = {"a": [1, 2]},
    tint: Color = Color((0.25, 0.5, 0.75)),
    seed: int | None = None,
    part: float | None = None,
    tag: str | None = None,
    side: Literal["left", "right"] | None = None,
    place: Vector = Vector((1.0, 2.0, 3.0)),
    sizes: list[Annotated[int, Range(5, 7)]] = [6],
) -> int:
    return 1
"""
#: Of each input: its default, and something else.
VALUES = {
    "size": (0.5, 2.0),
    "count": (4, 7),
    "flag": (True, False),
    "kind": ("far", "near"),
    "name": ("Part", "Other"),
    "file": ("//out.png", "//other.png"),
    "data": ({"a": [1, 2]}, {"b": 3}),
    "tint": ([0.25, 0.5, 0.75], [1.0, 0.0, 0.0]),
    "seed": (None, 5),
    "part": (None, 1.5),
    "tag": (None, "x"),
    "side": (None, "left"),
    "place": ([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]),
}


@pytest.fixture
def node(editor):
    """A node with a field of each kind, shown as large as the editor allows."""
    editor.add_script(SOURCE, "Node")
    look_at(editor)
    editor.window.settle(3)
    editor.frame_all()
    return "Node"


def look_at(editor) -> None:
    """Have what tells the values of the node."""
    editor.window.run(
        """
        global fields, socket_of, plain
        fields = places.module("node_tree.fields")

        def socket_of(identifier):
            sockets = places.tree().nodes["Node"].inputs
            return next(socket for socket in sockets if socket.identifier == identifier)

        def plain(identifier):
            socket = socket_of(identifier)
            value = socket.get_value()
            return None if value is None else fields.plain(value, socket.socket_type)

        bpy.ops.ed.undo_push(message="Add Node")
        """
    )


def field(editor, identifier: str) -> tuple[float, float]:
    """A place on the field of an input; on the second of those that stand one above the other."""
    name = editor.window.run("return socket_of(identifier).name", identifier=identifier)
    _, y = editor.input("Node", name)
    x, _ = editor.place_of("Node", 0.75)
    row = editor.window.run("return places.of_view(0.0, 21.0)[1] - places.of_view(0.0, 0.0)[1]")
    return x, y - (2 * row if identifier == "place" else 0.0)


def value(editor, identifier: str):
    return editor.window.run("return plain(identifier)", identifier=identifier)


def put(editor, identifier: str, content: object) -> None:
    editor.window.run(
        """
        socket_of(identifier).default_value = content
        bpy.ops.ed.undo_push(message="Set")
        """,
        identifier=identifier,
        content=content,
    )
    editor.window.settle(2)


def type_into(editor, place: tuple[float, float], text: str) -> None:
    """Open a field for typing, and type over what is in it."""
    editor.window.click(*place, ctrl=True)
    editor.window.press("A", ctrl=True)
    editor.window.type_text(text)
    editor.window.press("RET")
    editor.window.settle(2)


def test_backspace_over_a_field_gives_the_script_s_default(editor, node):
    for identifier, (default, other) in VALUES.items():
        assert value(editor, identifier) == default, identifier
        put(editor, identifier, other)
    for identifier in VALUES:
        editor.window.move(*field(editor, identifier))
        editor.window.settle(2)
        editor.window.press("BACK_SPACE")
    assert {identifier: value(editor, identifier) for identifier in VALUES} == {
        identifier: default for identifier, (default, _) in VALUES.items()
    }


def test_reset_to_default_value_in_the_menu_of_a_field_gives_the_script_s_default(editor, node):
    put(editor, "size", 2.0)
    x, y = field(editor, "size")
    editor.window.click(x, y, button="RIGHTMOUSE")
    editor.window.settle(3)
    editor.window.press("R")  # the letter that is underlined
    editor.window.settle(3)
    assert value(editor, "size") == 0.5
    editor.window.press("Z", ctrl=True)
    editor.window.settle(3)
    assert value(editor, "size") == 2.0


def test_number_that_is_typed_or_dragged_out_of_its_range_ends_at_the_limit(editor, node):
    for identifier, text, limit in (("size", "99", 8.0), ("size", "0", 0.25), ("count", "-3", 2), ("seed", "0", 0)):
        type_into(editor, field(editor, identifier), text)
        assert value(editor, identifier) == limit, (identifier, text)
    x, y = field(editor, "size")
    editor.window.drag((x, y), (x + 700.0, y))
    assert value(editor, "size") == 8.0
    x, y = field(editor, "sizes")
    row = editor.window.run("return places.of_view(0.0, 21.0)[1] - places.of_view(0.0, 0.0)[1]")
    type_into(editor, (x - 40, y - row), "99")
    assert value(editor, "sizes") == [7]


def test_field_is_the_script_s_in_a_file_that_is_opened_and_after_the_extension_was_off(editor, node):
    put(editor, "size", 2.0)
    editor.window.run(
        """
        file = bpy.app.tempdir + "fields.blend"
        bpy.ops.wm.save_as_mainfile(filepath=file)
        bpy.ops.wm.open_mainfile(filepath=file)
        """
    )
    look_at(editor)
    editor.window.settle(4)
    type_into(editor, field(editor, "size"), "99")
    assert value(editor, "size") == 8.0
    editor.window.run("import addon_utils\naddon_utils.disable(extension)\naddon_utils.enable(extension)")
    look_at(editor)
    editor.window.settle(4)
    editor.window.move(*field(editor, "size"))
    editor.window.settle(2)
    editor.window.press("BACK_SPACE")
    assert value(editor, "size") == 0.5
