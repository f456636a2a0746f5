# SPDX-License-Identifier: GPL-3.0-or-later
"""An add-on that scatters thousands of copies of an object over another one, in a background Blender.

To try it, open it in the Text Editor and press Alt P. Select the object to scatter, then the surface, and look into the
Sidebar of the 3D Viewport, tab *Jobs*.
"""

import importlib

import bpy

bl_info = {
    "name": "Scatter in Background",
    "description": "Scatter copies of an object over another one in a background Blender",
    "author": "Background Nodes contributors",
    "version": (1, 0, 0),
    "blender": (4, 2, 0),
    "location": "3D Viewport > Sidebar > Jobs",
    "category": "Object",
}

SCRIPT = """
import numpy
from mathutils import Matrix, Vector

from background_nodes.script import is_cancelled

mesh = surface.data
mesh.calc_loop_triangles()
corners = numpy.empty(len(mesh.vertices) * 3)
mesh.vertices.foreach_get("co", corners)
triangles = numpy.empty(len(mesh.loop_triangles) * 3, int)
mesh.loop_triangles.foreach_get("vertices", triangles)
a, b, c = numpy.moveaxis(corners.reshape(-1, 3)[triangles.reshape(-1, 3)], 1, 0)
normals = numpy.cross(b - a, c - a)
areas = numpy.linalg.norm(normals, axis=1)

random = numpy.random.default_rng(seed)
chosen = random.choice(len(areas), count, p=areas / areas.sum())
u, v = random.random((2, count, 1))
u, v = numpy.where(u + v > 1, 1 - u, u), numpy.where(u + v > 1, 1 - v, v)
places = a[chosen] + u * (b - a)[chosen] + v * (c - a)[chosen]

for number, (place, normal) in enumerate(zip(places, normals[chosen])):
    if is_cancelled():  # what is there comes home
        break
    copy = bpy.data.objects.new(f"Scattered {number}", scattered.data)
    turn = Vector(normal).to_track_quat("Z", "Y").to_matrix().to_4x4()
    copy.matrix_world = surface.matrix_world @ Matrix.Translation(place) @ turn
    data_blocks.append(copy)
    update_job_progress(number / count, f"{number} of {count}")
"""


def get_background_nodes():
    """The package of Background Nodes, None if it is not enabled: see find_background_nodes.py for the reasons."""
    enabled = [*bpy.context.preferences.addons.keys(), "background_nodes"]
    name = next(name for name in enabled if name.rpartition(".")[2] == "background_nodes")
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def get_manager():
    return get_background_nodes().JobManager.get_instance("scatter")


class SCATTER_OT_scatter(bpy.types.Operator):
    """Scatter copies of the other selected object over the active one"""

    bl_idname = "scatter.scatter"
    bl_label = "Scatter in Background"

    count: bpy.props.IntProperty(name="Count", description="How many copies", default=3000, min=1, soft_max=10000)
    seed: bpy.props.IntProperty(name="Seed", description="Another one scatters in another way")

    @classmethod
    def poll(cls, context):
        if get_background_nodes() is None:
            cls.poll_message_set("Background Nodes is not enabled")
            return False
        if len(context.selected_objects) != 2 or any(item.type != "MESH" for item in context.selected_objects):
            cls.poll_message_set("Select the mesh to scatter, then the surface")
            return False
        return context.object in context.selected_objects

    def execute(self, context):
        surface = context.object
        scattered = next(item for item in context.selected_objects if item != surface)
        added, reason = get_manager().add_job(
            f"Scatter {scattered.name}",
            SCRIPT,
            passed_data={"surface": surface, "scattered": scattered, "count": self.count, "seed": self.seed},
            on_complete=link,
        )
        if not added:
            self.report({"ERROR"}, reason)
            return {"CANCELLED"}
        return {"FINISHED"}


def link(job):
    """Put the copies into a collection of their own."""
    if job.state == "DROPPED":
        print(job.issue)
        return
    collection = bpy.data.collections.new(job.name)
    for copy in job.data_blocks.objects:
        if copy.name.startswith("Scattered"):
            collection.objects.link(copy)
    bpy.context.scene.collection.children.link(collection)


class SCATTER_PT_scatter(bpy.types.Panel):
    bl_label = "Scatter"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Jobs"

    def draw(self, _context):
        self.layout.operator("scatter.scatter")
        if get_background_nodes() is not None:
            for job in get_manager().jobs:
                get_background_nodes().draw_job(self.layout, job)


classes = (SCATTER_OT_scatter, SCATTER_PT_scatter)


def register():
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister():
    if get_background_nodes() is not None:
        get_manager().kill_all()
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)


if __name__ == "__main__":  # run in the Text Editor
    register()
