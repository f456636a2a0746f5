"""Give the object back with a part of its faces."""

import bpy

obj = bpy.data.objects[object_name]
modifier = obj.modifiers.new("Decimate", "DECIMATE")
modifier.ratio = 0.25
update_job_progress(0.2)

# What the modifiers make of the mesh takes its place, under its name.
depsgraph = bpy.context.evaluated_depsgraph_get()
decimated = bpy.data.meshes.new_from_object(obj.evaluated_get(depsgraph))
update_job_progress(0.8)
old = obj.data
name, num_before = old.name, len(old.polygons)
obj.modifiers.clear()
obj.data = decimated
bpy.data.meshes.remove(old)
decimated.name = name

python_data = {"faces before": num_before, "faces": len(decimated.polygons)}
data_blocks = [obj]
