"""Blobs: data-blocks to a file and back, with what they use and nothing else."""

from __future__ import annotations

import contextlib

import bpy
import pytest

from background_nodes.runtime.blender import blobs, data_block_kinds, pixels
from background_nodes.runtime.errors import StoreError
from background_nodes.runtime.scratch.contents import Contents, DataBlockName, Origin, PixelFile
from background_nodes.runtime.script.socket_types import StoredRef
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

from .graphs import names, new_material, quad


@pytest.fixture
def blob(awkward_path):
    return awkward_path / "000001.blend"


def empty() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def test_blob_holds_its_roots_with_what_they_use_and_no_more(blob):
    cube = quad("Cube", material=new_material("Steel"))
    quad("Other")
    blobs.write(blob, [cube])
    empty()
    blobs.open_as_main(str(blob))
    assert [item.name for item in bpy.data.objects] == ["Cube"]
    assert [item.name for item in bpy.data.materials] == ["Steel"]
    assert Contents.load(blob).roots == {DataBlockName("Object", "Cube", "")}


def test_writing_a_blob_leaves_the_file_as_it_was(blob):
    cube = quad("Cube")
    cube.parent = bpy.data.objects.new("Nobody's", None)
    before = names()
    blobs.write(blob, [cube])
    assert names() == before


def test_contents_survive_their_file(blob):
    contents = Contents(
        roots={DataBlockName("Object", 'Cube "ü"', "")},
        origins={DataBlockName("Mesh", "Cube", "/a"): Origin(StoredRef("Mesh", "C", "", "/b"), False)},
        pixels={DataBlockName("Image", "I", ""): PixelFile(f"{blob.stem}.0.pixels", 2, 3)},
    )
    contents.save(blob)
    assert Contents.load(blob) == contents


@pytest.mark.parametrize("text", [None, "", "[]", '{"roots": 3}'], ids=["none", "empty", "list", "wrong"])
def test_contents_that_cannot_be_read_are_a_store_error(blob, text):
    if text is not None:
        blob.with_suffix(".json").write_text(text)
    with pytest.raises(StoreError, match=r"can't be read"):
        Contents.load(blob)


def test_blob_that_cannot_be_written_is_a_store_error_and_leaves_nothing(awkward_path):
    blob = awkward_path / "missing" / "000001.blend"
    with pytest.raises(StoreError, match="can't be written"):
        blobs.write(blob, [quad()])
    assert list(awkward_path.iterdir()) == []


@pytest.mark.parametrize("load", [lambda blob: blobs.append(blob, []), blobs.open_as_main], ids=["append", "open"])
def test_broken_blob_is_a_store_error(blob, load):
    blob.write_bytes(b"BLENDER no more")
    with pytest.raises(StoreError, match="can't be read"):
        load(str(blob))


def test_append_finds_what_is_there_and_leaves_no_library(blob):
    blobs.write(blob, [quad("Cube")])
    names = [
        DataBlockName("Object", "Cube", ""),
        DataBlockName("Object", "Nobody", ""),
        DataBlockName("Mesh", "Cube", ""),
    ]
    found = blobs.append(str(blob), names)
    assert found == {names[0]: bpy.data.objects["Cube.001"], names[2]: bpy.data.objects["Cube.001"].data}
    assert not bpy.data.libraries
    assert data_block_kinds.library_path(bpy.data.objects["Cube.001"]) == ""


@pytest.mark.parametrize("by", ["snapshot", "task"])
def test_exact_names_let_newcomers_keep_theirs_and_give_them_back(blob, by):
    old = quad("Cube")
    blobs.write(blob, [old])
    contents = Contents.load(blob)
    if by == "task":
        named = [DataBlockName("Object", "Cube", ""), DataBlockName("Mesh", "Cube", "")]
        contents.origins = {name: Origin(StoredRef(*name, blob.name), True) for name in named}
    with blobs.exact_names(str(blob), contents):
        new = blobs.append(str(blob), [DataBlockName("Object", "Cube", "")])[DataBlockName("Object", "Cube", "")]
        assert (new.name, new.data.name) == ("Cube", "Cube")
    assert (old.name, old.data.name) == ("Cube", "Cube")
    assert new.name != "Cube"


def test_unsaved_images_that_no_root_uses_are_left_out(blob):
    bpy.data.images.new("Image", 2, 2).pixels[0] = 1
    blobs.write(blob, [quad()])
    assert Contents.load(blob).pixels == {}


def test_blob_that_was_kept_in_the_store_is_whole_under_another_name(blob, tmp_path):
    cube = quad("Cube", material=new_material("Steel"))
    image = bpy.data.images.new("Image", 2, 2, alpha=True, float_buffer=True)
    image.pixels.foreach_set([index / 16 for index in range(16)])
    image.update()
    cube["image"] = image
    blobs.write(blob, [cube])
    with contextlib.closing(Store(tmp_path / "store", Limits(min_free=0))) as store:
        record = store.keep("ab" * 32, {}, blobs={"result": blob})
        blob.parent.joinpath("placed").mkdir()
        store.place(record, "result", blob.parent / "placed", "000777")
    placed = blob.parent / "placed" / "000777.blend"
    empty()
    loaded = blobs.append(placed, Contents.load(placed).roots)
    (made,) = loaded.values()
    (file,) = Contents.load(placed).pixels.values()
    pixels.restore(made["image"], file, placed.parent)
    assert made.data.materials[0].name == "Steel"
    assert list(made["image"].pixels) == [index / 16 for index in range(16)]
