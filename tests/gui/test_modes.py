"""Results that wait while their original is sculpted, painted or edited, and the undo history afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from window import Window

#: Gives the object a mesh of three vertices, once the file is there.
GATED = """
import time
from pathlib import Path
import bpy
def main(source: bpy.types.Object) -> bpy.types.Object:
    while not Path({gate!r}).exists():
        time.sleep(0.01)
    mesh = bpy.data.meshes.new("Small")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    source.data = mesh
    return source
"""
NUM_RESULT = 3


class Ball:
    """A sphere in the viewport that a run is to replace, and an artist who works on it meanwhile."""

    def __init__(self, window: Window, gate: Path) -> None:
        self.window = window
        self._gate = gate
        window.run(
            """
            bpy.data.batch_remove(bpy.data.objects)
            with places.editor("VIEW_3D"):
                bpy.ops.mesh.primitive_uv_sphere_add("EXEC_DEFAULT", True, segments=32, ring_count=16, radius=2.0)
                bpy.context.object.name = "Ball"
                bpy.ops.view3d.view_selected()
            """
        )

    def start_run(self, when_changed: str = "ASK") -> None:
        self.window.run(
            """
            text = bpy.data.texts.new("Change.py")
            text.from_string(source)
            tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
            node, output = tree.nodes.new("BackgroundNodeScript"), tree.nodes.new("BackgroundNodeOutput")
            node.script = text
            node.inputs[0].default_value = bpy.data.objects["Ball"]
            output.mode, output.when_changed = "REPLACE", when_changed
            tree.links.new(node.outputs[0], output.inputs[0])
            places.session().start(tree)
            """,
            source=GATED.format(gate=str(self._gate)),
            when_changed=when_changed,
        )

    def finish_run(self) -> None:
        """Let the script go on, and wait until its result is there."""
        self._gate.touch()
        self.window.wait_for("return places.session().history[-1].state.is_final")

    def wait_until_home(self) -> None:
        self.window.wait_for("return places.session().history[-1].is_home")

    @property
    def notes(self) -> list[str]:
        return self.window.run("return list(places.session().history[-1].notes)")

    def enter(self, mode: str) -> None:
        """Enter a mode, Sculpt Mode with Dyntopo among them."""
        self.window.run(
            """
            with places.editor("VIEW_3D"):
                bpy.ops.object.mode_set("EXEC_DEFAULT", True, mode=mode.removesuffix("_WITH_DYNTOPO"))
                if mode.endswith("_WITH_DYNTOPO"):
                    bpy.ops.sculpt.dynamic_topology_toggle("EXEC_DEFAULT", True)
            """,
            mode=mode,
        )
        self.window.settle(5)

    def inflate(self) -> None:
        """Sculpt it, all at once."""
        self.window.run(
            """
            with places.editor("VIEW_3D"):
                bpy.ops.sculpt.mesh_filter("EXEC_DEFAULT", True, type="INFLATE", strength=0.5)
            """
        )
        self.window.settle(5)

    def undo(self) -> None:
        self.window.press("Z", ctrl=True)
        self.window.settle(5)

    def redo(self) -> None:
        self.window.press("Z", ctrl=True, shift=True)
        self.window.settle(5)

    @property
    def mode(self) -> str:
        return self.window.run("return bpy.data.objects['Ball'].mode")

    @property
    def shape(self) -> list[float]:
        """The coordinates of its mesh."""
        return self.window.run(
            """
            vertices = bpy.data.objects["Ball"].data.vertices
            return [round(number, 4) for vertex in vertices for number in vertex.co]
            """
        )

    @property
    def num_vertices(self) -> int:
        return len(self.shape) // 3


@pytest.fixture
def ball(window, tmp_path) -> Iterator[Ball]:
    """The workers keep their priority meanwhile: on a busy machine they would get nowhere."""
    choose = "places.module('addon.preferences.preferences').found().artist_first = choice"
    window.run(choose, choice="OFF")
    yield Ball(window, tmp_path / "gate")
    window.run(choose, choice="LOWER")


@pytest.mark.parametrize("mode", ["SCULPT", "SCULPT_WITH_DYNTOPO"])
def test_what_was_sculpted_until_the_result_came_is_one_undo_away(ball, mode):
    before = ball.shape
    ball.enter(mode)
    ball.start_run("RESULT")
    ball.inflate()
    ball.finish_run()
    ball.window.wait_for("return places.session().history[-1].notes != ()")
    assert ball.notes == ['The results wait until "Ball" leaves Sculpt Mode']
    ball.inflate()
    ball.enter("OBJECT")
    ball.wait_until_home()
    assert ball.num_vertices == NUM_RESULT
    ball.undo()
    sculpted = ball.shape
    assert len(sculpted) == len(before)
    assert sculpted != before
    ball.redo()
    assert ball.num_vertices == NUM_RESULT
    ball.undo()
    assert ball.shape == sculpted
    while ball.mode == "OBJECT":
        ball.undo()
    ball.enter("OBJECT")
    assert ball.shape == sculpted, "out of the mode once more"


def test_what_was_sculpted_meanwhile_stays_unless_the_artist_says_otherwise(ball):
    ball.enter("SCULPT")
    ball.start_run()
    ball.inflate()
    sculpted = ball.shape
    ball.finish_run()
    ball.enter("OBJECT")
    ball.wait_until_home()
    assert ball.notes[-1] == '"Ball" was changed while the run went on, so it stays'
    assert ball.shape == sculpted


@pytest.mark.parametrize("mode", ["VERTEX_PAINT", "WEIGHT_PAINT", "TEXTURE_PAINT", "EDIT"])
def test_result_waits_for_the_end_of_a_mode_and_undo_brings_the_original_back(ball, mode):
    before = ball.shape
    ball.enter(mode)
    ball.start_run()
    ball.finish_run()
    ball.window.wait_for("return places.session().history[-1].notes != ()")
    assert ball.mode == mode
    assert ball.shape == before
    ball.enter("OBJECT")
    ball.wait_until_home()
    assert ball.num_vertices == NUM_RESULT
    ball.undo()
    assert ball.shape == before
    ball.redo()
    assert ball.num_vertices == NUM_RESULT
