"""The file that each task begins with: its DNA has only what is in it, and it is as Blender itself has it."""

import bpy
import pytest

from background_nodes.runtime.blend_file.blocks import read_blocks
from background_nodes.runtime.blend_file.dna import read_dna
from background_nodes.runtime.worker.cleaning import empty_file
from background_nodes.runtime.worker.cleaning.empty_file import EmptyFile


@pytest.fixture
def both(tmp_path, monkeypatch):
    """The empty file as a worker has it, and with all of its DNA."""
    for name in ("short", "whole"):
        (tmp_path / name).mkdir()
    short = EmptyFile(tmp_path / "short")
    monkeypatch.setattr(empty_file, "_UNKNOWN", (0, 0, 0))
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


def test_structs_that_nothing_in_the_file_refers_to_are_left_out_of_its_dna(both):
    (blocks, short), (_blocks, whole) = (read(file._path) for file in both)
    assert whole.named("Mesh")
    assert short.named("Mesh") is None
    assert short.struct(0).name == whole.struct(0).name
    for number in {*blocks.structs.tolist()}:
        struct = short.struct(number)
        assert struct == whole.named(struct.name)
