"""Files with no more DNA than they need: Blender finds in them what it finds in the whole ones."""

import shutil
from pathlib import Path

import bpy
import pytest

from background_nodes.runtime.blend_file import short_dna
from background_nodes.runtime.blend_file.blocks import read_blocks
from background_nodes.runtime.blend_file.digests import digests
from background_nodes.runtime.blend_file.dna import read_dna
from background_nodes.runtime.blend_file.outside import Outside
from background_nodes.runtime.blender import blobs, data_block_kinds
from background_nodes.runtime.errors import BlendFileError
from background_nodes.runtime.keys.files import FileDigests
from background_nodes.runtime.scratch.contents import Contents
from background_nodes.runtime.worker.cleaning.empty_file import EmptyFile

from . import data_block_cases

CASES = data_block_cases.all_cases()


@pytest.fixture
def both(tmp_path, monkeypatch):
    """The empty file as a worker has it, and with all of its DNA."""
    for name in ("short", "whole"):
        (tmp_path / name).mkdir()
    short = EmptyFile(tmp_path / "short")
    monkeypatch.setattr(short_dna, "_TRIED", ())
    return short, EmptyFile(tmp_path / "whole")


def read(path):
    blocks = read_blocks(memoryview(path.read_bytes()))
    return blocks, read_dna(bytes(blocks.first(b"DNA1")))


def content_of(path) -> list[tuple[object, ...]]:
    """What the blocks of a file hold, but for addresses and numbers that are others each time."""
    blocks, dna = read(path)
    found = []
    for block, code in enumerate(blocks.codes):
        struct, data = dna.struct(int(blocks.structs[block])), bytearray(blocks.bytes_of(block))
        if code in {b"DNA1", b"GLOB", b"TEST"}:  # not of what is in it
            continue
        if int(blocks.structs[block]) == 0:  # it may be addresses
            found.append((code, len(data)))
            continue
        for start in range(0, len(data) - struct.size + 1, struct.size):
            for field in dna.flat(struct).fields:
                place = slice(start + field.offset, start + field.offset + field.num_bytes)
                if field.stars or field.name.endswith("session_uid"):
                    data[place] = bytes([any(data[place])]) * field.num_bytes
                elif "_pad" in field.name:  # Blender may leave it as it was
                    data[place] = bytes(field.num_bytes)
        found.append((code, struct.name, bytes(data)))
    return found


def test_empty_file_is_the_same_without_the_rest_of_its_dna(both, tmp_path):
    found = []
    for number, file in enumerate(both):
        bpy.context.scene.render.resolution_x = 7
        file.open()
        path = tmp_path / f"{number}.blend"
        bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True, compress=False)
        found.append(content_of(path))
    short, whole = found
    assert len(short) > 100
    assert [pair for pair in zip(short, whole, strict=True) if pair[0] != pair[1]] == []


def test_structs_that_are_far_from_what_is_in_the_file_are_left_out_of_its_dna(both):
    (blocks, short), (_blocks, whole) = (read(file._path) for file in both)
    assert whole.named("ArrayModifierData")
    assert short.named("ArrayModifierData") is None
    assert short.struct(0).name == whole.struct(0).name
    for number in {*blocks.structs.tolist()}:
        struct = short.struct(number)
        assert struct == whole.named(struct.name)


# Libraries


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes a blob with a data-block and all it uses, whole, and one without the rest of its DNA."""
    monkeypatch.setattr(short_dna, "_TRIED", ())

    def write(item: bpy.types.ID) -> tuple[Path, Path]:
        whole, short = tmp_path / "whole.blend", tmp_path / "short.blend"
        blobs.write(whole, [item])
        shutil.copy(whole, short)
        short_dna.shorten(short)
        return whole, short

    return write


def saved(path: Path) -> dict[object, object]:
    """The digests of all that is in the open file."""
    copy = path.with_name(f"{path.stem}_saved.blend")
    Contents().save(copy)
    bpy.ops.wm.save_as_mainfile(filepath=str(copy), copy=True, compress=False, relative_remap=False)
    return {name: (each.content, each.reason) for name, each in digests(copy, Outside(FileDigests())).items()}


def opened(path: Path) -> dict[object, object]:
    bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
    return saved(path)


def appended(path: Path) -> dict[object, object]:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(str(path)) as (available, wanted):
        for name in set(data_block_kinds.collections().values()) & set(dir(available)):
            setattr(wanted, name, getattr(available, name))
    return saved(path)


@pytest.mark.parametrize("name", CASES)
def test_library_is_read_the_same_without_the_rest_of_its_dna(written, name, tmp_path):
    data_block_cases.use_folder(tmp_path)
    whole, short = written(CASES[name].make())
    assert short.stat().st_size < whole.stat().st_size
    for read in (opened, appended):
        found = read(whole)
        assert found
        assert read(short) == found


def test_names_that_nothing_in_the_file_has_are_left_out_of_its_dna(written):
    whole, short = written(bpy.data.objects.new("Empty", None))
    before, after = (bytes(read(path)[0].first(b"DNA1")) for path in (whole, short))
    assert b"MTex\0" in before
    assert b"MTex\0" not in after
    assert b"Material\0" in after  # an object points to some
    assert len(after) < len(before) / 4


@pytest.mark.skipif(bpy.app.version < (4, 5, 0), reason="4.2 crashes over it, with all of its DNA, too")
def test_library_without_a_data_block_is_read_without_the_rest_of_its_dna(tmp_path):
    path = tmp_path / "nothing.blend"
    bpy.data.libraries.write(str(path), set())
    short_dna.shorten(path)
    with bpy.data.libraries.load(str(path)) as (available, _wanted):
        assert available.objects == []


def test_file_that_was_shortened_can_be_shortened_again(written):
    _whole, short = written(bpy.data.objects.new("Empty", None))
    before = short.read_bytes()
    short_dna.shorten(short)
    assert short.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"BLENDER", b"something else" * 9])
def test_what_is_no_blend_file_is_refused(tmp_path, content):
    path = tmp_path / "none.blend"
    path.write_bytes(content)
    with pytest.raises(BlendFileError):
        short_dna.shorten(path)


def test_compressed_file_is_refused(tmp_path):
    path = tmp_path / "compressed.blend"
    bpy.data.libraries.write(str(path), {bpy.data.objects.new("Empty", None)}, compress=True)
    with pytest.raises(BlendFileError, match="compressed"):
        short_dna.shorten(path)
