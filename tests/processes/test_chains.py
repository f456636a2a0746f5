"""Chains of tasks give what new Blenders give, one for each task, whatever scripts leave behind and who is killed.

BACKGROUND_NODES_FUZZ_SEED=7 pytest tests/processes/test_chains.py
"""

import os
import random
import signal
import textwrap
from dataclasses import replace

SEED = int(os.environ.get("BACKGROUND_NODES_FUZZ_SEED", "3"))

#: What scripts do with `item`, their object, and leave behind in Blender and in Python.
STEPS = {
    "vertices that Blender is not told of": """
        [polygon.normal[:] for polygon in item.data.polygons], item.bound_box[0][:]
        places = numpy.linspace(0, 1, 3 * len(item.data.vertices), dtype=numpy.float32)
        item.data.vertices.foreach_set("co", places)
        """,
    "corners that Blender is not told of": """
        [normal.vector[:] for normal in item.data.vertex_normals], item.data.calc_loop_triangles()
        corners = [corner.vertex_index for corner in item.data.loops]
        item.data.loops.foreach_set("vertex_index", corners[::-1])
        """,
    "an attribute that Blender is not told of": """
        item.bound_box[0][:], item.data.calc_loop_triangles()
        places = numpy.linspace(0, 2, 3 * len(item.data.vertices), dtype=numpy.float32)
        item.data.attributes["position"].data.foreach_set("vector", places)
        """,
    "edit mode": """
        bpy.context.view_layer.objects.active = item
        bpy.ops.object.mode_set(mode="EDIT")
        """,
    "a parent that was moved": """
        parent = bpy.data.objects.new("Parent", None)
        item.parent = parent
        bpy.context.view_layer.update()
        parent.location.x += 1
        """,
    "a driver that fails": """
        item.driver_add("location", 0).driver.expression = "nonsense()"
        bpy.context.view_layer.update()
        """,
    "a picture that is written again": """
        path = os.path.join(FOLDER, f"{name}.png")
        picture = bpy.data.images.new("Picture", 2, 2)
        picture.filepath_raw, picture.file_format = path, "PNG"
        picture.save()
        item["picture"] = bpy.data.images.load(path)
        item["picture"].pixels[0]
        picture.pixels[0] = 0.5
        picture.save()
        """,
    "tangents": """
        item.data.uv_layers.new()
        item.data.calc_tangents()
        """,
    "a modifier": 'item.modifiers.new("Solid", "SOLIDIFY").thickness += 0.25',
    "a shared material": """
        stone = bpy.data.materials.get("Stone") or bpy.data.materials.new("Stone")
        item.data.materials.append(stone)
        """,
    "a key frame": 'item.keyframe_insert("scale", frame=3); bpy.context.scene.frame_set(7)',
    "another scene": """
        scene = bpy.data.scenes.new("Scene")
        scene.collection.objects.link(item)
        item.hide_set(True)
        scene.render.fps = 7
        """,
    "handlers, functions and modules": """
        bpy.app.handlers.depsgraph_update_post.append(lambda *a: 1 / 0)
        bpy.types.Object.left = bpy.props.IntProperty(default=3)
        item.left = 4
        os.getcwd = lambda: "mine"
        os.mine = 1
        """,
    "another name": 'item.name = "Cube"; bpy.data.objects.new("Item", None)',
    "its mesh alone": 'item = bpy.data.objects.new("Copy", item.data)',
    "a copy": "item = item.copy(); item.data = item.data.copy()",
}
SCRIPT = """
import os
from typing import NamedTuple

import bpy
import numpy

FOLDER = {folder!r}


class Output(NamedTuple):
    seen: str
    item: bpy.types.Object


def look(item):
    bpy.context.view_layer.update()
    mesh = item.data
    seen = [item.mode, item.name, mesh.name, item.users, mesh.users, [list(row) for row in item.matrix_world]]
    seen += [[list(corner) for corner in item.bound_box], [list(polygon.normal) for polygon in mesh.polygons]]
    seen += [[list(normal.vector) for normal in mesh.vertex_normals]]
    seen += [[list(triangle.vertices) for triangle in mesh.loop_triangles]]
    seen += [[list(row) for row in item.parent.matrix_world] if item.parent else None, sorted(item.keys())]
    seen += [item.animation_data and [curve.driver.is_valid for curve in item.animation_data.drivers]]
    seen += [[list(image.pixels), image.filepath, image.is_dirty] for image in bpy.data.images]
    seen += [mesh.loops[0].tangent[:] if mesh.loops else None, item.hide_get(), item.select_get()]
    lists = ("objects", "meshes", "materials", "images", "actions", "collections")
    seen += [[one.name for one in getattr(bpy.data, each)] for each in lists]
    seen += [bpy.context.scene.frame_current, bpy.context.scene.render.fps, hasattr(item, "left")]
    seen += [len(bpy.app.handlers.depsgraph_update_post), hasattr(os, "mine")]
    return repr(seen)


def main(item=None, other=None):
    name = {name!r}
    if item is None:
        mesh = bpy.data.meshes.new("Item")
        mesh.from_pydata([(x, y, 0) for x in (0, 1) for y in (0, 1)], [], [(0, 1, 3, 2)])
        item = bpy.data.objects.new("Item", mesh)
        bpy.context.scene.collection.objects.link(item)
    seen = look(item) + (look(other) if other else "")
    if other is not None:
        item["other"] = other
{step}
    return Output(seen, item)
"""


def graph(choose: random.Random, folder) -> list:
    """A task for each step. It takes what one or two of those before it gave; the first one makes an object."""
    from background_nodes.runtime.planning.graph import NodeSettings
    from background_nodes.runtime.planning.plan import Argument, FromTask, PlannedTask, TaskOutput
    from background_nodes.runtime.script.signature import Parameter, ScriptSource
    from background_nodes.runtime.script.socket_types import SocketType

    object_type = SocketType("Object")
    outputs = (TaskOutput("seen", "Seen", SocketType("STRING")), TaskOutput("item", "Item", object_type))
    tasks: list[PlannedTask] = []
    for number, what in enumerate(choose.sample(list(STEPS), len(STEPS))):
        step = textwrap.indent(textwrap.dedent(STEPS[what]).strip("\n"), "    ")
        text = SCRIPT.format(folder=str(folder), name=f"picture {number}", step=step)
        # Mostly the last one: long chains, with some that fan out and meet again.
        taken = choose.sample(tasks[-3:], min(len(tasks[-3:]), choose.choice((1, 1, 2))))
        arguments = tuple(
            Argument(Parameter(name, name, object_type), (FromTask(task.id, "item", object_type),))
            for name, task in zip(("item", "other"), taken, strict=False)
        )
        name = f"{number} {what}"
        settings = NodeSettings(retries=3)
        tasks.append(PlannedTask(name, name, ScriptSource(text, f"{name}.py"), arguments, outputs, settings=settings))
    return tasks


def outcomes(engine, run) -> dict[str, object]:
    """How each task ended, what it saw, and the digests of all that it gave."""
    from background_nodes.runtime.blend_file.digests import digests
    from background_nodes.runtime.blend_file.outside import Outside
    from background_nodes.runtime.keys.files import FileDigests
    from background_nodes.runtime.scratch import value_files

    found: dict[str, object] = {}
    for name, record in run.scheduler.tasks.items():
        values = run.results.item(name, 0)
        if values is None:
            found[name] = str(record.state), record.error and record.error.message
            continue
        ref = values["item"].content
        blob = digests(engine.scratch.file(ref.blob), Outside(FileDigests()))
        seen = value_files.loaded(values["seen"], engine.scratch.folder).content
        found[name] = str(record.state), ref.name, seen, {key: (one.content, one.reason) for key, one in blob.items()}
    return found


def test_chains_give_what_they_give_with_a_new_blender_for_each_task(make_engine, tmp_path):
    tasks = graph(random.Random(SEED), tmp_path)
    cold, warm = make_engine(capacity=2), make_engine(capacity=2)
    alone = [replace(task, settings=replace(task.settings, fresh_process=True)) for task in tasks]
    expected = outcomes(cold, cold.wait(cold.start(*alone)))
    cold.close()
    assert {outcome[0] for outcome in expected.values()} == {"succeeded"}
    assert outcomes(warm, warm.wait(warm.start(*tasks))) == expected


def test_chains_give_the_same_whichever_of_their_workers_are_killed(make_engine, tmp_path):
    choose = random.Random(SEED)
    tasks = graph(choose, tmp_path)
    engine = make_engine(capacity=2)
    expected = outcomes(engine, engine.wait(engine.start(*tasks)))
    run = engine.start(*tasks)
    for number in range(1, len(tasks), 2):  # once for every other task that ends, whatever it is doing then
        engine.wait(
            run, lambda least=number: sum(record.state.is_final for record in run.scheduler.tasks.values()) >= least
        )
        os.kill(choose.choice(engine.pool.process_ids), signal.SIGKILL)
    assert outcomes(engine, engine.wait(run)) == expected
