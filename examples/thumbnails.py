# SPDX-License-Identifier: GPL-3.0-or-later
"""An add-on that renders a thumbnail of each material of the file, many at a time, in background Blenders.

To try it, open it in the Text Editor and press Alt P, and look into the Sidebar of the 3D Viewport, tab *Jobs*.
"""

import importlib

import bpy
import bpy.utils.previews

bl_info = {
    "name": "Thumbnails of Materials",
    "description": "Render a thumbnail of each material in background Blenders",
    "author": "Background Nodes contributors",
    "version": (1, 0, 0),
    "blender": (4, 2, 0),
    "location": "3D Viewport > Sidebar > Jobs",
    "category": "Material",
}

SCRIPT = """
from background_nodes.script import output_folder

bpy.ops.mesh.primitive_uv_sphere_add(segments=48, ring_count=24)
sphere = bpy.context.object
sphere.data.materials.append(item)
sphere.data.shade_smooth()
bpy.ops.object.light_add(type="SUN", rotation=(0.9, 0.3, 0.5))
bpy.context.object.data.energy = 4
bpy.ops.object.camera_add(location=(0, -4.2, 1.2), rotation=(1.3, 0, 0))
scene = bpy.context.scene
scene.camera = bpy.context.object
scene.world = bpy.data.worlds.new("Grey")
scene.render.engine = "CYCLES"
scene.cycles.samples = 16
scene.render.film_transparent = True
scene.render.resolution_x = scene.render.resolution_y = size
scene.render.filepath = str(output_folder() / "thumbnail.png")
scene.render.image_settings.file_format = "PNG"
bpy.ops.render.render(write_still=True)
python_data = {"material": item.name, "file": scene.render.filepath}
"""

_previews = None
#: The batch that was added last: as long as its jobs are known, so are their files.
_batch = None


def get_background_nodes():
    """The package of Background Nodes, None if it is not enabled: see find_background_nodes.py for the reasons."""
    enabled = [*bpy.context.preferences.addons.keys(), "background_nodes"]
    name = next(name for name in enabled if name.rpartition(".")[2] == "background_nodes")
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def get_manager():
    return get_background_nodes().JobManager.get_instance("thumbnails")


class THUMBNAILS_OT_render(bpy.types.Operator):
    """Render a thumbnail of each material"""

    bl_idname = "thumbnails.render"
    bl_label = "Render Thumbnails"

    size: bpy.props.IntProperty(name="Size", description="Pixels on a side", default=96, min=16, max=512)

    @classmethod
    def poll(cls, _context):
        if get_background_nodes() is None:
            cls.poll_message_set("Background Nodes is not enabled")
            return False
        return bool(bpy.data.materials)

    def execute(self, _context):
        global _batch
        get_manager().kill_all()
        _previews.clear()
        materials = [material for material in bpy.data.materials if not material.is_grease_pencil]
        try:
            _batch = get_manager().map(
                SCRIPT, materials, name="Thumbnails", passed_data={"size": self.size}, on_progress=show
            )
        except get_background_nodes().JobRefusedError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


def show(batch):
    """Load what has come since."""
    for job in batch:
        if job.state == "COMPLETED" and job.python_data["material"] not in _previews:
            _previews.load(job.python_data["material"], job.python_data["file"], "IMAGE")


class THUMBNAILS_PT_thumbnails(bpy.types.Panel):
    bl_label = "Thumbnails"
    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "Jobs"

    def draw(self, _context):
        layout = self.layout
        layout.operator("thumbnails.render")
        if _batch is not None and get_background_nodes() is not None:
            get_background_nodes().draw_job(layout, _batch)
        grid = layout.grid_flow(columns=3, even_columns=True)
        for name, preview in _previews.items():
            column = grid.column()
            column.template_icon(preview.icon_id, scale=4.0)
            column.label(text=name, translate=False)


classes = (THUMBNAILS_OT_render, THUMBNAILS_PT_thumbnails)


def register():
    global _previews
    _previews = bpy.utils.previews.new()
    for cls in classes:
        bpy.utils.register_class(cls)


def unregister():
    global _batch
    if get_background_nodes() is not None:
        get_manager().kill_all()
    for cls in reversed(classes):
        bpy.utils.unregister_class(cls)
    bpy.utils.previews.remove(_previews)
    _batch = None


if __name__ == "__main__":  # run in the Text Editor
    register()
