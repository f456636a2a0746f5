"""What an artist reads for a name in code."""

import pytest

from background_nodes.runtime.script.wording import title_of


@pytest.mark.any_python
@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("voxel_size", "Voxel Size"),
        ("x", "X"),
        ("  two  words ", "Two Words"),
        ("_", "_"),
        ("smart_uv_project", "Smart UV Project"),
        ("export_each_gltf", "Export Each glTF"),
        ("glTF Binary", "glTF Binary"),
        ("lod2", "LOD2"),
        ("lods", "LODs"),
        ("level2b", "Level2b"),
        ("OPEN_EXR", "Open EXR"),
        ("OpenEXR", "OpenEXR"),
        ("JPEG", "JPEG"),
        ("BEVEL", "Bevel"),
        ("maxRange", "maxRange"),
        ("größe", "Größe"),
        ("2d", "2D"),
        ("3", "3"),
        ("move_to_origin", "Move to Origin"),
        ("to_and_from", "To and From"),
        ("scale_by", "Scale By"),
    ],
)
def test_title(name, title):
    assert title_of(name) == title
