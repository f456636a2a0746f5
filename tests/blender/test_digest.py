"""Digests: the same for what is the same, wherever and whenever it was written; another one after any change.

The cases are those of data_block_cases/. What changed is told by Blender, not by the digest.
"""

from __future__ import annotations

import contextlib
import gzip
import itertools
import os
import re
import shutil
import struct
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import bpy
import pytest
import zstandard

from background_nodes.runtime.blend_file import blob_digests, chunks, long_contents
from background_nodes.runtime.blend_file.blocks import read_blocks
from background_nodes.runtime.blend_file.digests import Digest, digests
from background_nodes.runtime.blend_file.dna import read_dna
from background_nodes.runtime.blend_file.fields import kinds
from background_nodes.runtime.blend_file.outside import Outside
from background_nodes.runtime.blender import blobs, data_block_kinds
from background_nodes.runtime.blender.data_block_kinds import name_of
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.keys import arrangement
from background_nodes.runtime.keys.files import FileDigests
from background_nodes.runtime.scratch.contents import DataBlockName

from . import data_block_cases
from .content import is_compared
from .data_block_cases import changes
from .data_block_cases.images import picture
from .data_block_cases.linked import library, link
from .graphs import new_material, quad

VERSION = bpy.app.version[:2]
CASES = data_block_cases.all_cases()
#: A blob has no linked data-block that nothing in it uses.
LINKED = {"linked_material", "linked_object", "packed_linked_object"}
#: Cases that can't be digested, since when, and why.
UNKNOWN = {"geometry_nodes": ((4, 5), "imports a file"), "object_physics": ((4, 2), "kept in files")}
_CURVES = "Blender makes curves that are missing as it reads a brush or a scene"
_SUBTYPE = "before 5.2 Blender computes again which sort of value a socket holds"
#: What Blender itself changes as it saves and opens a file, by case.
MOVED_BY_SAVING = {
    "brush_mesh": _CURVES,
    "brush_paint": _CURVES,
    "object_particles": "new particle settings have no trail, those that were read have one",
    "scene_rigid_body_world": _CURVES,
    "scene_sequence": _CURVES,
    "scene_settings": _CURVES,
    "scene_with_content": _CURVES,
} | {name: "unsaved pixels are not saved" for name in CASES if "painted" in name or "unsaved" in name}
if VERSION < (4, 5):
    MOVED_BY_SAVING |= {"geometry_nodes": _SUBTYPE}
if VERSION < (5, 2):
    MOVED_BY_SAVING |= dict.fromkeys(("material_nodes", "shader_group", "world_nodes"), _SUBTYPE)
if VERSION >= (5, 0):
    MOVED_BY_SAVING |= {"compositor_group": _CURVES, "scene_compositing": _CURVES}
if VERSION == (5, 0):  # it makes those of brushes at once
    MOVED_BY_SAVING = {name: why for name, why in MOVED_BY_SAVING.items() if not name.startswith("brush")}
#: Of more changes than these, one of so many is tried: there are 14,000, which take two minutes. Each was tried once.
MANY, ONE_OF = 20, 4
#: Setting their properties crashes Blender now and then.
CRASHING = {name for name, case in CASES.items() if case.kind in {"Brush", "Scene"}}
if VERSION < (4, 5):
    CRASHING |= {"object_cloth_baked", "object_particles"}
#: Changes that no blob holds, so that no task sees them: case and change, as regular expressions; since when; and why.
LOST = [
    (r"cache_\w+ object_paths", (4, 2), "read from the file when something that uses it is evaluated"),
    (r"(object_with_linked_mesh|override_of_object) use_mesh_mirror", (4, 2), "of the mesh, which is linked"),
    (r"override_of_material node_tree", (4, 2), "Blender keeps of an override what may be overridden"),
    (r"text_curve (body_format|text_boxes)", (4, 2), "without a font, which an earlier change took, none is written"),
    (r".*\.open_\w+_panel", (4, 5), "whether a part of a modifier's panel is open"),
    (r".*(inputs|outputs)\[\d+\]\.(name|enabled|hide_value|show_expanded|pin_gizmo)", (4, 5), "computed again"),
    (r"collection_exporters exporters", (4, 5), "`libraries.write` writes copies since 4.5, which lack their settings"),
    (r".*\.bake_directory", (4, 5), "the same"),
    (r".*pose\.use_(auto_ik|mirror_\w+)", (4, 5), "the same"),
    (r".*\.items_tree\[0\]\.force_non_field", (4, 5), "written as the structure type says"),
]
if VERSION == (5, 0):
    LOST += [("mesh_uv_maps uv_layer_stencil", (5, 0), "which UV map it is, is not written")]
_numbers = itertools.count()


@pytest.fixture(autouse=True)
def folder_of_cases(tmp_path):
    data_block_cases.use_folder(tmp_path)


@pytest.fixture
def write(tmp_path):
    """Writes data-blocks to a blob, each time in another folder, and gives the digests of all that is in it."""
    outside = Outside(FileDigests())

    def write_one(*roots: bpy.types.ID) -> dict[DataBlockName, Digest]:
        folder = tmp_path / f"blobs ü {next(_numbers)}"
        folder.mkdir()
        blobs.write(folder / "blob.blend", roots, is_to_open=True)
        return digests(folder / "blob.blend", outside)

    return write_one


@pytest.fixture
def digest(write) -> Callable[[bpy.types.ID], Digest]:
    """The digest of one data-block."""
    return lambda root: write(root)[name_of(root)]


def evaluate() -> None:
    """Let Blender compute what it computes as it opens a file."""
    bpy.context.scene.frame_set(bpy.context.scene.frame_current)
    bpy.context.view_layer.update()


def find(name: DataBlockName) -> bpy.types.ID:
    return data_block_kinds.find(*name)


# The cases


def test_every_kind_is_known():
    known = {kinds.kind_of(code, 100 * VERSION[0] + VERSION[1]) for code in kinds.CODES}
    assert data_block_kinds.collections().keys() <= known


@pytest.mark.parametrize("name", sorted(CASES.keys() - LINKED))
def test_data_block_written_twice_has_one_digest(write, name):
    item = CASES[name].make()
    evaluate()
    first = write(item)
    assert write(item) == first
    found = first[name_of(item)]
    assert bool(found.content) != bool(found.reason)
    since, reason = UNKNOWN.get(name, ((99, 0), ""))
    assert reason in found.reason if since <= VERSION else not found.reason


@pytest.mark.parametrize("name", sorted(CASES.keys() - LINKED))
def test_saving_and_opening_a_file_changes_no_digest(write, tmp_path, name):
    item = CASES[name].make()
    evaluate()
    keep_all()
    key, before = name_of(item), write(item)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"), copy=True)
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"), load_ui=False, use_scripts=False)
    assert (write(find(key)) == before) == (name not in MOVED_BY_SAVING)


@pytest.mark.parametrize(
    "name", sorted(CASES.keys() - LINKED)[:: 1 if "BACKGROUND_NODES_TEST_ALL" in os.environ else 8]
)
def test_what_is_in_common_with_another_blob_has_one_digest_whether_it_is_hashed_or_compared(
    tmp_path, monkeypatch, name
):
    monkeypatch.setattr(chunks, "CHUNK", 4096)
    first, second, outside = tmp_path / "1.blend", tmp_path / "2.blend", Outside(FileDigests())
    item = CASES[name].make()
    evaluate()
    blobs.write(first, [item], is_to_open=True)
    blob_digests.write(first, outside)
    item["mine"] = bytes(10_000)
    blobs.write(second, [item], is_to_open=True)
    blob_digests.write(second, outside, [first])
    assert long_contents.read(second)
    assert blob_digests.read(second) == digests(second, outside)


def keep_all() -> None:
    """Let everything be used, or Blender does not save it."""
    holder = bpy.data.collections.new("~")
    holder.use_fake_user = True
    for number, (_kind, item) in enumerate(data_block_kinds.all_data_blocks()):
        if item != holder and not isinstance(item, bpy.types.Scene):
            holder[str(number)] = item


@pytest.mark.skipif(
    VERSION not in {(4, 2), (5, 2)} and "BACKGROUND_NODES_TEST_ALL" not in os.environ,
    reason="it takes long; these have the oldest and the newest form",
)
@pytest.mark.parametrize("name", sorted(CASES.keys() - LINKED - CRASHING))
def test_change_of_a_property_moves_the_digest(digest, name):
    unseen, num_changes, seen = [], 0, Counter()
    for item in changes.subjects(CASES[name].make()):
        before = digest(item)
        for change in sample(changes.of(item, is_compared, seen)):
            was = value(change, item)
            with contextlib.suppress(*changes.ERRORS):
                change.make(item)
            try:
                after = digest(item)
            except StoreError:  # such unsaved pixels are refused
                break
            is_change = was is not None and value(change, item) not in {was, None}  # writing takes some back
            num_changes += is_change
            if is_change and after == before and not after.reason and not is_lost(name, change):
                unseen.append(change.label)
            if is_change and after.arrangement != before.arrangement and after.content == before.content:
                assert arrangement.tells(change.name), "a script that looks at it is not known as one"
            before = after
    assert not unseen
    assert num_changes


def sample(found: list[changes.Change]) -> list[changes.Change]:
    """All changes, or of many some, the same ones each time."""
    return found if len(found) < MANY else found[::ONE_OF]


def value(change: changes.Change, item: bpy.types.ID) -> str | None:
    """What a change is to change, None if it is not there."""
    try:
        return repr(change.read(item))
    except changes.ERRORS:
        return None


def is_lost(name: str, change: changes.Change) -> bool:
    """Whether no blob holds a change, or it is the path of a packed file, which does not count."""
    if "packed" in name and change.name in {"filepath", "filepath_raw"}:
        return True
    return any(re.match(pattern, f"{name} {change.label}") and since <= VERSION for pattern, since, _reason in LOST)


# What does not count


def textured(path: Path) -> bpy.types.Object:
    """An object with a material with an image."""
    material = new_material("Textured")
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(path))
    return quad("Textured", material=material)


def test_what_else_is_in_the_file_does_not_count(write):
    cube = quad("Cube", material=new_material("Look"))
    alone = write(cube)
    others = [quad(name) for name in ("A", "Z")]
    bpy.data.materials.new("A")
    assert write(*others, cube).items() >= alone.items()


def test_library_that_a_data_block_was_appended_from_does_not_count(write, tmp_path):
    """Blender notes its path in what was appended, and before 4.5 in what it writes of that."""
    item = quad("Rock")
    expected = write(item)
    found = []
    for name in ("one", "other and longer"):
        library_file = tmp_path / f"{name}.blend"
        bpy.data.libraries.write(str(library_file), {item})
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        bpy.ops.wm.append(directory=f"{library_file}/Object/", filename="Rock", do_reuse_local_id=True)
        item = bpy.data.objects["Rock"]
        assert item.data.library_weak_reference.filepath == str(library_file)
        found.append(write(item))
    assert found == [expected, expected]


def test_order_in_which_data_blocks_that_use_each_other_were_made_does_not_count(write):
    def ring(names: str) -> dict[DataBlockName, Digest]:
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        for name in names:
            bpy.data.objects.new(name, None)
        items = [bpy.data.objects[name] for name in "ABC"]
        for item, following in zip(items, [*items[1:], items[0]], strict=True):
            item["next"] = following
        return write(items[0])

    found = ring("ABC")
    assert ring("CAB") == found
    assert len({digest.content for digest in found.values()}) == 3


def test_change_of_one_of_those_that_use_each_other_is_one_of_all(write):
    first, second = bpy.data.objects.new("A", None), bpy.data.objects.new("B", None)
    first["other"], second["other"] = second, first
    before = write(first)
    second.location.x = 1
    assert not before.items() & write(first).items()


def test_undo_and_redo_bring_the_digest_back(digest):
    bpy.ops.ed.undo_push(message="Start")
    key = name_of(quad("Cube"))
    bpy.ops.ed.undo_push(message="Make")
    before = digest(find(key))
    find(key).location.x = 1
    bpy.ops.ed.undo_push(message="Move")
    moved = digest(find(key))
    bpy.ops.ed.undo()
    assert digest(find(key)) == before != moved
    bpy.ops.ed.redo()
    assert digest(find(key)) == moved


@pytest.mark.parametrize("picture", ["icon", "image"])
def test_picture_that_somebody_chose_counts(digest, picture):
    material = new_material("Look")
    found = [digest(material)]
    for size, color in ((4, 0.25), (4, 0.5), (2, 0.5)):
        preview = material.preview_ensure()
        setattr(preview, f"{picture}_size", (size, size))
        setattr(preview, f"{picture}_pixels_float", [color] * 4 * size**2)
        found.append(digest(material))
        assert digest(material) == found[-1]
    assert len({each.content for each in found}) == 4


@pytest.mark.parametrize("drawn", [(0,), (1,), (0, 1)])
def test_picture_that_blender_draws_does_not_count(write, tmp_path, drawn):
    """Nothing can be drawn here: a picture that somebody chose is marked as drawn in the file."""

    def with_drawn(size: int) -> dict[DataBlockName, Digest]:
        for number in drawn:
            setattr(preview, f"{names[number]}_size", (size, size))
            setattr(preview, f"{names[number]}_pixels_float", [1 / size] * 4 * size**2)
        blob = tmp_path / f"{size}.blend"
        blobs.write(blob, [material], is_to_open=True)
        content = bytearray(blob.read_bytes())
        file = read_blocks(memoryview(bytes(content)))
        dna = read_dna(bytes(file.first(b"DNA1")))
        (start,) = file.starts[file.structs == dna.number("PreviewImage")]
        for number in drawn:
            struct.pack_into("<H", content, start + dna.field("PreviewImage", "flag").offset + 2 * number, 1)
        blob.write_bytes(content)
        return digests(blob, Outside(FileDigests()))

    material = new_material("Look")
    before = write(material)
    names, preview = ("icon", "image"), material.preview_ensure()
    for name in names:
        setattr(preview, f"{name}_size", (4, 4))
    first = with_drawn(4)
    assert with_drawn(2) == first
    assert (first == before) == (len(drawn) == 2)


@pytest.fixture
def looked_at():
    """A group of properties of an add-on, on objects."""

    class LookedAt(bpy.types.PropertyGroup):
        number: bpy.props.IntProperty()

    bpy.utils.register_class(LookedAt)
    bpy.types.Object.looked_at = bpy.props.PointerProperty(type=LookedAt)
    yield
    del bpy.types.Object.looked_at
    bpy.utils.unregister_class(LookedAt)


def test_properties_of_cycles_count_once_they_are_set(digest):
    cube = quad("Seen", material=new_material("Look"))
    before = digest(cube)
    for item in (cube, cube.data, cube.data.materials[0]):
        assert item.cycles
    assert digest(cube) == before
    cube.cycles.motion_steps = 3
    assert digest(cube) != before


@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="they lie among the artist's own properties")
def test_properties_of_an_add_on_count_once_they_are_set(digest, looked_at):
    cube = quad("Seen")
    before = digest(cube)
    assert [cube.looked_at, cube.cycles]
    assert digest(cube) == before
    cube.looked_at.number = 3
    assert digest(cube) != before


@pytest.mark.parametrize("name", ["mine", "system_properties", "RNA_struct_idprops"])
def test_empty_groups_of_the_artists_own_count(digest, name):
    cube = quad("Own")
    found = [digest(cube).content]
    for content in ({}, {"cycles": {}}):
        cube[name] = content
        found.append(digest(cube).content)
    assert len({*found}) == 3


def test_driver_by_the_place_of_a_node_sees_it(digest):
    material, cube = new_material("Look"), quad("Driven")
    cube.data.materials.append(material)
    assert not digest(cube).sees_arrangement
    variable = cube.driver_add("location", 0).driver.variables.new()
    variable.targets[0].id_type, variable.targets[0].id = "MATERIAL", material
    variable.targets[0].data_path = "node_tree.nodes[0].location[0]"
    assert digest(cube).sees_arrangement


def test_folder_of_the_file_does_not_count(write, tmp_path):
    (tmp_path / "one").mkdir()
    key = name_of(textured(picture(tmp_path / "one", "wood.png")))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "one" / "file.blend"))
    bpy.ops.file.make_paths_relative()
    bpy.ops.wm.save_mainfile()
    before = write(find(key))
    (tmp_path / "one").rename(tmp_path / "two 'ü'")
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "two 'ü'" / "file.blend"))
    assert bpy.data.images[0].filepath == "//wood.png"
    assert write(find(key)) == before


#: Makes data-blocks of many kinds, and prints their digests.
MAKING = """
import sys
from pathlib import Path
import bpy
from background_nodes.runtime.blend_file.digests import digests
from background_nodes.runtime.blend_file.outside import Outside
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.keys.files import FileDigests

data = bpy.data
bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
mesh = data.meshes.new("Mesh")
mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0)], [], [(0, 1, 2)])
for kind in ("BOOLEAN", "INT8", "FLOAT_COLOR", "STRING"):
    mesh.attributes.new(kind, kind, "POINT")
item = data.objects.new("Object", mesh)
for kind in ("ARRAY", "BEVEL", "CLOTH", "NODES"):
    item.modifiers.new(kind, kind)
group = data.node_groups.new("Group", "ShaderNodeTree")
for kind in sorted(kind for kind in dir(bpy.types) if kind.startswith("ShaderNode")):
    try:
        group.nodes.new(kind)
    except RuntimeError:
        pass
hair = data.hair_curves.new("Hair")
hair.add_curves([3, 4])
curve = data.curves.new("Curve", "CURVE")
curve.splines.new("BEZIER").bezier_points.add(2)
kinds = ("actions", "armatures", "brushes", "cameras", "lattices", "materials", "metaballs", "palettes", "worlds")
roots = [item, group, hair, curve, data.images.new("Image", 4, 4), *(getattr(data, kind).new("New") for kind in kinds)]
blobs.write(Path("blob.blend").absolute(), roots, is_to_open=True)
for name, digest in sorted(digests(Path("blob.blend").absolute(), Outside(FileDigests())).items()):
    print(name, digest.content, digest.arrangement, digest.reason)
"""


@pytest.mark.skipif(bool(bpy.app.binary_path), reason="it starts Blender's Python module")
@pytest.mark.skipif(VERSION == (5, 0), reason="it does not fill what it writes of selected edges")
def test_what_two_processes_make_is_the_same_whatever_their_memory_held(run_program, monkeypatch):
    found = []
    for filling in ("85", "170"):
        monkeypatch.setenv("MALLOC_PERTURB_", filling)  # of the C library on Linux
        found.append([line for line in run_program(MAKING).stdout.splitlines() if line.startswith("DataBlockName")])
    assert found[0] == found[1]
    assert len(found[0]) > 14


@pytest.mark.skipif(VERSION < (5, 0), reason="it writes attributes in another way")
def test_address_of_an_empty_array_does_not_count(tmp_path):
    """It may be that of anything else, such as a name: an empty array takes no memory."""
    curves = bpy.data.hair_curves.new("Bald")
    curves.attributes.new("Empty", "FLOAT4X4", "POINT")
    blob = tmp_path / "blob.blend"
    blobs.write(blob, [curves], is_to_open=True)
    before, content = digests(blob, Outside(FileDigests())), bytearray(blob.read_bytes())
    file = read_blocks(memoryview(bytes(content)))
    dna = read_dna(bytes(file.first(b"DNA1")))
    (name,) = (block for block in range(len(file.codes)) if bytes(file.bytes_of(block)) == b"Empty\0")
    for start in file.starts[file.structs == dna.number("AttributeArray")]:
        place = start + dna.field("AttributeArray", "data").offset
        struct.pack_into("<Q", content, place, file.addresses[name])
    assert content != blob.read_bytes()
    blob.write_bytes(content)
    assert digests(blob, Outside(FileDigests())) == before


def test_nodes_that_were_made_anew_are_the_same(digest):
    found = []
    for _ in range(2):
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
        found.append(digest(zones()))
    assert found[0] == found[1]


def test_node_at_which_a_zone_ends_counts(digest):
    group = zones()
    before = digest(group)
    group.nodes["Begin"].pair_with_output(group.nodes["Other"])
    assert digest(group) != before


def zones() -> bpy.types.NodeTree:
    """A zone that repeats, and another end for it."""
    group = bpy.data.node_groups.new("Zones", "GeometryNodeTree")
    begin = group.nodes.new("GeometryNodeRepeatInput")
    begin.name = "Begin"
    for name in ("End", "Other"):
        group.nodes.new("GeometryNodeRepeatOutput").name = name
    begin.pair_with_output(group.nodes["End"])
    return group


# Files


def changed(path: Path) -> None:
    """Change the last byte of a file, and its time."""
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    touch(path)


def touch(path: Path) -> None:
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns - 60_000_000_000))


def sequence(folder: Path) -> tuple[bpy.types.Image, Path]:
    first, second = (picture(folder, f"shot_{number}.png") for number in (1, 2))
    image = bpy.data.images.load(str(first))
    image.source = "SEQUENCE"
    return image, second


def tiles(folder: Path) -> tuple[bpy.types.Image, Path]:
    first, second = (picture(folder, f"wall.{number}.png") for number in (1001, 1002))
    image = bpy.data.images.load(str(first))
    image.source = "TILED"
    image.filepath = str(folder / "wall.<UDIM>.png")
    return image, second


def single(folder: Path) -> tuple[bpy.types.Object, Path]:
    path = picture(folder, "wood.png")
    return textured(path), path


def volume(folder: Path) -> tuple[bpy.types.Volume, Path]:
    path = folder / "smoke.vdb"
    path.write_bytes(b"no volume")
    volume = bpy.data.volumes.new("Smoke")
    volume.filepath = str(path)
    return volume, path


def linked(folder: Path) -> tuple[bpy.types.Object, Path]:
    path = Path(library("Mesh", bpy.data.meshes.new("Theirs")))
    return bpy.data.objects.new("Ours", link(str(path), meshes="Theirs")), path


def linked_texture(folder: Path) -> tuple[bpy.types.Object, Path]:
    """What the picture is of is in a library."""
    path = picture(folder, "theirs.png")
    theirs = library("Object", textured(path))
    collection = bpy.data.collections.new("Ours")
    collection.objects.link(link(theirs, objects="Textured"))
    return collection, path


FILES = [linked, linked_texture, sequence, single, tiles, volume]


@pytest.mark.parametrize("make", FILES)
def test_content_of_a_file_counts_and_its_time_does_not(digest, tmp_path, make):
    item, path = make(tmp_path)
    before = digest(item)
    assert before.content
    touch(path)
    assert digest(item) == before
    changed(path)
    assert digest(item) != before


@pytest.mark.parametrize("make", FILES)
def test_file_that_is_gone_and_comes_back_counts(digest, tmp_path, make):
    item, path = make(tmp_path)
    before = digest(item)
    content = path.read_bytes()
    path.unlink()
    assert digest(item) != before
    path.write_bytes(content)
    assert digest(item) == before


def test_file_of_another_name_and_the_same_content_is_the_same(digest, tmp_path):
    item, path = single(tmp_path)
    before = digest(item)
    bpy.data.images[0].filepath = str(path.rename(tmp_path / "oak.png"))
    assert digest(item) == before


def test_packed_file_counts_and_its_path_does_not(digest, tmp_path):
    item, path = single(tmp_path)
    image = bpy.data.images[0]
    image.pack()
    before = digest(item)
    path.unlink()
    assert digest(item) == before
    image.pack(data=b"other", data_len=5)
    assert digest(item) != before


def test_unsaved_pixels_count(digest):
    image = bpy.data.images.new("Painted", 4, 4)
    image.pixels[0] = 0.25
    before = digest(image)
    image.pixels[5] = 0.25
    assert digest(image) != before


def with_fluid() -> bpy.types.Object:
    domain = quad("Domain")
    domain.modifiers.new("Fluid", "FLUID").fluid_type = "DOMAIN"
    return domain


def with_disk_cache() -> bpy.types.Object:
    cloth = with_modifier("CLOTH")()
    bpy.ops.wm.save_as_mainfile(filepath=str(data_block_cases.new_folder() / "file.blend"))
    cloth.modifiers[0].point_cache.use_disk_cache = True
    return cloth


def with_film() -> bpy.types.Scene:
    scene = bpy.context.scene
    scene.sequence_editor_create()
    editor = scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.new_image("Film", str(picture(data_block_cases.new_folder(), "film.png")), 1, 1)
    return scene


@pytest.mark.parametrize("make", [with_disk_cache, with_film, with_fluid])
def test_what_depends_on_files_that_are_not_read_has_a_reason(digest, make):
    found = digest(make())
    assert found.content == ""
    assert "files" in found.reason


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_compressed_library_is_read(digest, tmp_path, compress):
    item, path = linked_texture(tmp_path)
    library = Path(bpy.data.libraries[0].filepath)
    library.write_bytes(compress(library.read_bytes()))
    before = digest(item)
    assert before.content
    changed(path)
    assert digest(item) != before


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.compress])
def test_library_that_is_damaged_can_not_be_digested(digest, tmp_path, compress):
    item, _path = linked_texture(tmp_path)
    library = Path(bpy.data.libraries[0].filepath)
    library.write_bytes(compress(library.read_bytes())[:200])
    found = digest(item)
    assert found.content == ""
    assert library.name in found.reason


def test_linked_data_block_that_is_given_itself_has_a_digest(write, tmp_path):
    path = library("Mesh", bpy.data.meshes.new("Theirs"))
    theirs = link(path, meshes="Theirs")
    name = name_of(theirs)
    found = write(theirs)
    assert found[name] == write(bpy.data.objects.new("Ours", theirs))[name]
    changed(Path(path))
    assert write(theirs)[name] != found[name]


def test_what_is_linked_has_a_reason_if_a_library_is_packed_whole(write, tmp_path):
    """Blender reads such libraries from the file, wherever they are linked: directly, or from another library."""
    packed = Path(library("Mesh", bpy.data.meshes.new("Theirs"))).rename(tmp_path / "packed.blend")
    item = bpy.data.objects.new("Ours", link(str(packed), meshes="Theirs"))
    bpy.data.collections.new("Ours").objects.link(item)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    bpy.data.libraries["packed.blend"].filepath = "//packed.blend"
    bpy.ops.file.pack_libraries()
    item["other"] = link(library("Material", new_material("Other")), materials="Other")
    found = write(item)
    assert {name.kind for name in found} == {"Mesh", "Material", "Object"}
    assert all("is packed" in digest.reason for digest in found.values())


@pytest.mark.skipif(VERSION < (5, 2), reason="Python can't pack as it links")
def test_packed_data_block_counts_by_what_is_packed(digest):
    path = packable(0.0)
    item = link(path, pack=True, objects="Theirs")
    user = bpy.data.objects.new("Ours", None)
    user.parent = item
    before = digest(item), digest(user)
    assert all(found.content and not found.files for found in before)
    Path(path).unlink()
    assert (digest(item), digest(user)) == before
    bpy.data.batch_remove([item])
    user.parent = link(packable(1.0), pack=True, objects="Theirs")
    assert digest(user).content not in {before[1].content, ""}


@pytest.mark.skipif(VERSION < (5, 2), reason="Python can't pack as it links")
def test_packed_data_blocks_that_are_versions_of_one_have_a_reason(write):
    """They have one name: a digest by that name would be that of one of them."""
    path = packable(0.0)
    first = link(path, pack=True, objects="Theirs")
    shutil.copy(packable(1.0), path)
    touch(Path(path))  # Blender goes by its size and its time, in seconds
    bpy.data.libraries[0].reload()
    second = link(path, pack=True, objects="Theirs")
    assert first.location != second.location
    user = bpy.data.objects.new("Ours", None)
    user["both"] = [first, second]
    found = write(user)
    assert {name.kind for name, digest in found.items() if "several versions" in digest.reason} == {"Object"}
    assert not any(digest.content for digest in found.values())


def packable(x: float) -> str:
    """A library with an object, which is somewhere."""
    theirs = bpy.data.objects.new("Theirs", None)
    theirs.location.x = x
    return library("Object", theirs)


# Time


def animated() -> bpy.types.ID:
    cube = quad("Animated")
    cube.keyframe_insert("location", frame=1)
    return cube


def driven() -> bpy.types.ID:
    cube = quad("Driven")
    cube.driver_add("location", 0).driver.expression = "frame"
    return cube


def child_of_animated() -> bpy.types.ID:
    cube = quad("Child")
    cube.parent = animated()
    return cube


def with_modifier(kind: str) -> Callable[[], bpy.types.ID]:
    def make() -> bpy.types.ID:
        cube = quad(kind)
        cube.modifiers.new(kind, kind)
        return cube

    return make


def with_node(tree_type: str, kind: str) -> Callable[[], bpy.types.ID]:
    def make() -> bpy.types.ID:
        group = bpy.data.node_groups.new("Group", tree_type)
        group.nodes.new(kind)
        return group

    return make


TIMED = {
    "animated": animated,
    "driven": driven,
    "child of what is animated": child_of_animated,
    "scene time": with_node("GeometryNodeTree", "GeometryNodeInputSceneTime"),
    "simulation": with_node("GeometryNodeTree", "GeometryNodeSimulationOutput"),
    "script": with_node("ShaderNodeTree", "ShaderNodeScript"),
    **{kind: with_modifier(kind) for kind in ("BUILD", "OCEAN", "WAVE", "CLOTH", "SOFT_BODY", "MESH_CACHE", "FLUID")},
}
STILL = {
    "cube": quad,
    "modifier": with_modifier("BEVEL"),
    "material": lambda: new_material("Look"),
    "nodes": with_node("GeometryNodeTree", "GeometryNodeMeshCube"),
}


@pytest.mark.parametrize("make", TIMED.values(), ids=TIMED)
def test_what_looks_different_at_another_frame_is_timed(digest, make):
    assert digest(make()).is_timed


@pytest.mark.parametrize("make", STILL.values(), ids=STILL)
def test_what_looks_the_same_at_each_frame_is_not_timed(digest, make):
    assert not digest(make()).is_timed
