"""What an artist reads for a name in code."""

import pytest

from background_nodes.runtime.script.socket_types import SocketType
from background_nodes.runtime.script.wording import title_of, title_of_result


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
        ("n_gons", "N-Gons"),
        ("non_color", "Non-Color"),
    ],
)
def test_title(name, title):
    assert title_of(name) == title


@pytest.mark.any_python
@pytest.mark.parametrize(
    ("kind", "one", "several"),
    [
        ("Image", "Image", "Images"),
        ("Mesh", "Mesh", "Meshes"),
        ("Library", "Library", "Libraries"),
        ("NodeTree", "Node Group", "Node Groups"),
        ("MovieClip", "Movie Clip", "Movie Clips"),
        ("Curves", "Curves", "Curves"),
        ("ID", "Data-Block", "Data-Blocks"),
        ("PATH", "File Path", "File Paths"),
        ("FLOAT", "Result", "Result"),
    ],
)
def test_title_of_a_result_says_what_it_is(kind, one, several):
    assert title_of_result(SocketType(kind)) == one
    assert title_of_result(SocketType(kind, is_list=True)) == several
