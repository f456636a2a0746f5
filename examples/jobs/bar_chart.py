"""Build a bar chart from numbers."""

import bmesh
import bpy
from mathutils import Matrix

highest = max(values)
chart = bmesh.new()
for index, value in enumerate(values):
    height = 2.0 * value / highest
    place = Matrix.Translation((index * 0.5, 0.0, height / 2.0))
    bmesh.ops.create_cube(chart, matrix=place @ Matrix.Diagonal((0.4, 0.4, height, 1.0)))
    update_job_progress((index + 1) / len(values))

mesh = bpy.data.meshes.new("Bar Chart")
chart.to_mesh(mesh)
result = bpy.data.objects.new("Bar Chart", mesh)
source = bpy.data.objects[object_name]
result.location = source.location
result.location.x += source.dimensions.x / 2.0 + 0.5  # beside the object

python_data = {"bars": len(values), "highest": highest}
data_blocks = [result]
