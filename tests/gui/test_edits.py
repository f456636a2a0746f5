"""What was edited since a moment: by hand, by operators, by undo, and by Python code of others, which Blender hides."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from window import Window

#: Gives another object that uses the material of the one that it is given.
SHIFT = """
def main(source: bpy.types.Object) -> bpy.types.Object:
    source.name += " Shifted"
    source.location.x += 5.0
    return source
"""
HERE = str(Path(__file__).parent)


class Edited:
    """An artist with two objects, and what may have been changed of them."""

    def __init__(self, window: Window) -> None:
        self.window = window
        window.run(
            """
            import importlib
            global edits
            blender = f"{extension}.runtime.blender."
            edits = importlib.import_module(blender + "edits").edits
            calls = importlib.import_module(blender + "python_calls")
            calls._OURS += (here, "<request>")  # what the test does itself is no code of others
            bpy.data.batch_remove(bpy.data.objects)
            for name in ("Cube", "Other"):
                mesh = bpy.data.meshes.new(name)
                mesh.from_pydata([(0, 0, 0), (2, 0, 0), (0, 2, 0)], [], [(0, 1, 2)])
                mesh.materials.append(bpy.data.materials.new(name))
                item = bpy.data.objects.new(name, mesh)
                bpy.context.collection.objects.link(item)
                for part in (item, mesh, mesh.materials[0]):
                    part["is"] = name
            bpy.context.view_layer.objects.active = bpy.data.objects["Cube"]
            bpy.data.objects["Cube"].select_set(True)
            bpy.ops.ed.undo_push()
            """,
            here=HERE,
        )
        window.settle()
        self.begin()

    @property
    def center(self) -> tuple[float, float]:
        """Of the viewport."""
        left, bottom, right, top = self.window.run("return places.rectangle('VIEW_3D', 'WINDOW')")
        return (left + right) / 2, (bottom + top) / 2

    def begin(self) -> None:
        self.window.run("global since; since = edits.now()")

    def changed(self) -> set[str]:
        """What may have been changed since `begin`."""
        return set(
            self.window.run(
                """
                edits.look()
                objects = [bpy.data.objects["Cube"], bpy.data.objects["Other"]]
                items = [part for item in objects for part in (item, item.data, item.active_material)]
                return [f"{item.id_type} {item['is']}" for item in items if edits.may_have_changed(item, since)]
                """
            )
        )

    def call(self, code: str) -> None:
        """Let a timer of another add-on run code, which is written on one line."""
        self.window.run(
            """
            names = {"bpy": bpy}
            exec(compile(f"def turn(): {body}", "other_addon.py", "exec"), names)
            bpy.app.timers.register(names["turn"], first_interval=0.0)
            """,
            body=code,
        )
        self.window.settle()


@pytest.fixture
def edited(window) -> Iterator[Edited]:
    yield Edited(window)
    window.run("edits.stop()")


ALL = {f"{kind} {name}" for kind in ("OBJECT", "MESH", "MATERIAL") for name in ("Cube", "Other")}
CUBE = "bpy.data.objects['Cube']"


def test_looking_around_changes_nothing(edited):
    edited.window.move(300, 300, steps=5)
    edited.window.press("HOME")  # all areas are drawn again

    assert edited.changed() == set()


def test_python_of_others_runs_so_all_may_have_changed(edited):
    for code in (
        f"{CUBE}['price'] = 3",
        f"{CUBE}.lock_rotation_w = True",
        f"{CUBE}.data.vertices.foreach_set('co', [1.0] * 9)",
        f"{CUBE}.data.attributes[0].name = 'other'",
        f"{CUBE}.active_material['price'] = 3",
    ):
        edited.call(code)

        assert edited.changed() == ALL, code
        edited.begin()
        assert edited.changed() == set()


PANEL = """
def count(part):
    counted.append(part)

def draw(panel, context):
    for part in range(3):
        count(part)
"""


def test_what_a_panel_of_others_calls_changes_nothing_until_something_else_calls_it(edited):
    edited.window.run(
        """
        global names
        names = {"counted": []}
        exec(compile(source, "other_addon.py", "exec"), names)
        place = dict(bl_space_type="VIEW_3D", bl_region_type="UI", bl_category="Item", bl_label="Panel")
        bpy.utils.register_class(type("TEST_PT_panel", (bpy.types.Panel,), {**place, "draw": names["draw"]}))
        places.area("VIEW_3D").spaces.active.show_region_ui = True
        """,
        source=PANEL,
    )
    edited.window.wait_for("return names['counted']")
    edited.begin()
    edited.window.run("names['counted'].clear(); places.region('VIEW_3D', 'UI').tag_redraw()")
    edited.window.wait_for("return names['counted']")
    assert edited.changed() == set()

    edited.window.run("import functools; bpy.app.timers.register(functools.partial(names['count'], 'timer'))")
    edited.window.wait_for("return 'timer' in names['counted']")
    assert edited.changed() == ALL
    edited.window.run("bpy.utils.unregister_class(bpy.types.TEST_PT_panel)")


def test_blender_tells_what_was_changed(edited):
    for code, expected in (
        (f"{CUBE}.location.x = 3.0", "OBJECT Cube"),
        (f"{CUBE}.data.vertices[0].co.x = 3.0", "MESH Cube"),
        (f"{CUBE}.active_material.roughness = 0.1", "MATERIAL Cube"),
        (f"{CUBE}.active_material.node_tree.nodes[0].width = 200.0", "MATERIAL Cube"),
    ):
        edited.window.run(code)

        changed = edited.changed()
        assert expected in changed, code
        assert not any(each.endswith("Other") for each in changed), code
        edited.begin()


def test_what_a_driver_changes_is_told(edited):
    edited.window.run(
        """
        other = bpy.data.objects["Other"]
        for owner, name, index in ((other, "location", 1), (other.active_material, "roughness", -1)):
            driver = owner.driver_add(name, index).driver
            variable = driver.variables.new()
            variable.targets[0].id, variable.targets[0].data_path = bpy.data.objects["Cube"], "location.x"
            driver.expression = variable.name
        """
    )
    edited.window.settle(6)
    edited.begin()
    edited.window.run("bpy.data.objects['Cube'].location.x = 0.3")
    edited.window.settle()

    assert {"OBJECT Cube", "OBJECT Other", "MATERIAL Other"} <= edited.changed()


def test_change_of_what_no_window_shows_may_be_one_of_all(edited):
    edited.window.run("bpy.data.objects.new('Loose', None).location.x = 3.0")

    assert edited.changed() == ALL


def test_operator_may_have_changed_all(edited):
    edited.window.move(*edited.center)
    edited.window.press("G")
    edited.window.press("X")
    edited.window.press("ONE")
    edited.window.press("RET")

    assert edited.changed() == ALL
    edited.begin()
    assert edited.changed() == set()
    edited.window.press("Z", ctrl=True)
    assert edited.changed() == ALL


def test_all_is_in_doubt_in_edit_mode_and_after_it(edited):
    edited.window.move(*edited.center)
    edited.window.press("TAB")

    edited.begin()
    assert edited.changed() == ALL
    edited.window.press("TAB")
    assert edited.changed() == ALL


def test_second_run_writes_nothing_after_results_came_home(edited):
    """And what was edited then is written again."""
    edited.window.run(
        """
        global tree
        text = bpy.data.texts.new("Shift.py")
        text.from_string(source)
        tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
        for name in ("Cube", "Other"):
            node, output = tree.nodes.new("BackgroundNodeScript"), tree.nodes.new("BackgroundNodeOutput")
            node.name, node.script = name, text
            node.inputs[0].default_value = bpy.data.objects[name]
            tree.links.new(node.outputs[0], output.inputs[0])
        """,
        source=SHIFT,
    )
    first = blobs_of_run(edited.window)
    assert blobs_of_run(edited.window) == first

    edited.window.run("bpy.data.objects['Cube'].location.y = 3.0")
    second = blobs_of_run(edited.window)
    assert len(set(second) - set(first)) == 1
    assert blobs_of_run(edited.window) == second

    edited.call("bpy.data.objects['Other'].data['price'] = 3")
    assert not set(blobs_of_run(edited.window)) & {*first, *second}


def test_timer_listens_anew_after_all_that_it_changes(edited):
    window = edited.window
    window.run(
        """
        global tree, listened, restore
        text = bpy.data.texts.new("Shift.py")
        text.from_string(source)
        tree = bpy.data.node_groups.new("Tree", "BackgroundNodeTree")
        for name in ("Cube", "Other"):
            node = tree.nodes.new("BackgroundNodeScript")
            node.script, node.keep_result = text, True
            node.inputs[0].default_value = bpy.data.objects[name]
        values, keeper = places.module("runtime.blender.set_values"), places.module("addon.session.keeper")
        listen, tick, listened = values.listen, keeper.Session.tick, []
        ticks = [0]

        def counted_tick(session):
            ticks[0] += 1
            try:
                return tick(session)
            finally:
                ticks[0] -= 1

        def counted_listen(told):
            listened.append(ticks[0])
            listen(told)

        def restore():
            values.listen, keeper.Session.tick = listen, tick

        values.listen, keeper.Session.tick = counted_listen, counted_tick
        """,
        source=SHIFT,
    )
    for _ in range(2):
        blobs_of_run(window)
    listened = window.run("restore(); return listened")
    assert len(listened) >= 2, "the runs have begun and come home"
    assert not any(listened)


def blobs_of_run(window: Window) -> list[str]:
    """Run the tree. Gives the names of the blobs that hold its inputs."""
    window.run("places.session().start(tree)")
    window.wait_for("return places.session().history[-1].is_home")
    assert window.run("return places.session().history[-1].state.name") == "SUCCEEDED"
    return sorted(window.run("return places.session().history[-1]._snapshot.blobs"))


def test_another_frame_may_have_changed_all(edited):
    edited.window.press("RIGHT_ARROW")

    assert edited.changed() == ALL


#: Switches that Python sets without a word of Blender: of what of the cube, and which.
UNTOLD = (
    ("", "lock_rotation_w"),
    ("", '["ready"]'),
    ("", "use_fake_user"),
    (".cycles", "use_deform_motion"),
    (".vertex_groups[0]", "lock_weight"),
    (".data", "use_remesh_fix_poles"),
    (".data", "use_mirror_topology"),
    (".data", '["ready"]'),
    (".active_material", "use_fake_user"),
    (".active_material", '["ready"]'),
    (".active_material.cycles", "use_bump_map_correction"),
)


def test_switches_set_by_mouse_are_told_though_those_set_by_python_are_not(edited):
    window = edited.window
    window.run(
        """
        global owner, values
        cube = bpy.data.objects["Cube"]
        cube.vertex_groups.new(name="Group")
        for item in (cube, cube.data, cube.active_material):
            item["ready"] = False

        def owner(path):
            return eval("bpy.data.objects['Cube']" + path)

        def values():
            return [owner(path).path_resolve(name) for path, name in untold]

        class TEST_PT_values(bpy.types.Panel):
            bl_space_type, bl_region_type, bl_category, bl_label = "VIEW_3D", "UI", "Item", "Values"
            bl_order = -1

            def draw(self, context):
                for path, name in untold:
                    self.layout.prop(owner(path), name, text=path + name)

        bpy.utils.register_class(TEST_PT_values)
        places.area("VIEW_3D").spaces.active.show_region_ui = True
        """,
        untold=UNTOLD,
    )
    window.settle(6)
    left, bottom, right, _top = window.run("return places.rectangle('VIEW_3D', 'UI')")
    set_by_mouse = []
    for y in range(355, int(bottom), -23):  # a row of the panel, below those of Blender
        before = window.run("return values()")
        edited.begin()
        window.click(left + (right - left) * 0.4, y)
        now = window.run("return values()")
        changed = edited.changed()
        for (path, name), is_set in zip(UNTOLD, map(bool.__ne__, before, now), strict=True):
            if is_set:
                kind = "MATERIAL" if "material" in path else "MESH" if "data" in path else "OBJECT"
                assert f"{kind} Cube" in changed, (path, name)
                set_by_mouse.append((path, name))
    assert len(set_by_mouse) > len(UNTOLD) / 2
