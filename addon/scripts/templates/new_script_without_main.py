"""Give an object a thickness. Inputs and outputs of the node are added in the Sidebar, or with its buttons.

Args:
    source: The object, a copy: yours stays as it is.
    thickness: How thick its faces become.
"""

# Inputs are variables.
modifier = source.modifiers.new("Solidify", "SOLIDIFY")
modifier.thickness = thickness
update_job_progress(0.5)

# Outputs: values by their keys, data-blocks in a list.
python_data = {"faces": len(source.data.polygons)}
data_blocks = [source]
