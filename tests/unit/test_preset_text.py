"""Presets as folders of text, their pictures as PNG files, and the command line that lists them without Blender."""

from __future__ import annotations

import json
import struct
import uuid
import zlib
from pathlib import Path

import pytest

from background_nodes import cli
from background_nodes.addon.command_line import preset_files
from background_nodes.runtime.blend_file.asset_data import Picture
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets import dump_folder, mirror, png
from background_nodes.runtime.presets.preset import Kind, Preset

from .preset_files import blend_file, said

DATA = {
    "background_nodes": 1,
    "tree": {
        "name": "Rocks",
        "nodes": {"S": {"type": "BackgroundNodeScript", "settings": {"script": {"text": "../s.py"}}}},
        "links": [],
    },
    "groups": {},
    "texts": {"../s.py": "import tools\n\ndef main() -> int:\n    return 1\n", "tools.py": "A = 1\n"},
    "modules": {"../s.py": {"tools.py": "tools.py"}},
}
PRESET = Preset(
    uuid=uuid.UUID(int=5).hex,
    version=2,
    kind=Kind.TREE,
    name="Rocks",
    description="Många\nrader",
    tags=("a", "b"),
    cost_seconds=1.5,
    inputs=("a|A|Float",),
)
PICTURE = Picture(3, 2, bytes(range(24)))


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        file.relative_to(folder).as_posix(): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
    }


def test_folder_is_read_as_it_was_written_and_written_alike(awkward_path):
    folder = awkward_path / "dump"
    dump_folder.write(folder, PRESET, DATA, PICTURE)
    found = dump_folder.read(folder)
    assert found == (PRESET, DATA, PICTURE)
    before = all_files(folder)
    assert before.keys() == {"preset.json", "tree.json", "picture.png", "tools.py", "_._s.py"}
    assert b"return 1" in before["_._s.py"]
    dump_folder.write(folder, *found)
    assert all_files(folder) == before


def test_what_follows_from_the_tree_is_not_in_the_text(tmp_path):
    dump_folder.write(tmp_path, PRESET, DATA, None)
    record = json.loads((tmp_path / "preset.json").read_text())
    assert record.keys() == {
        *("format", "uuid", "version", "kind", "name", "description", "tags", "cost_seconds", "inputs")
    }
    (tmp_path / "preset.json").write_text(json.dumps({**record, "script_digests": ["a" * 64]}))
    with pytest.raises(PresetError, match="follows from the tree"):
        dump_folder.read(tmp_path)


@pytest.mark.parametrize("name", ["preset.json", "tree.json", "picture.png", "tools.py"])
@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_file_of_a_folder_that_is_none_is_refused_with_words(tmp_path, name, content):
    dump_folder.write(tmp_path, PRESET, DATA, PICTURE)
    (tmp_path / name).write_bytes(content)
    if name == "tools.py" and content != b"\xff\xfe":
        dump_folder.read(tmp_path)
        return
    with pytest.raises(PresetError) as caught:
        dump_folder.read(tmp_path)
    assert caught.value.fix


# Pictures


def test_picture_is_read_as_it_was_written():
    assert png.read(png.write(PICTURE)) == PICTURE


@pytest.mark.parametrize("size", [3, 4])
def test_picture_of_another_program_is_read_whatever_its_filters(size):
    """Each of the five filters, as the standard has them."""
    width, rows = 4, [bytes((7 * at + 31 * row) % 256 for at in range(4 * size)) for row in range(5)]
    written, above = b"", bytes(4 * size)
    for kind, line in enumerate(rows):
        filtered = bytearray()
        for at, value in enumerate(line):
            left, corner = (line[at - size], above[at - size]) if at >= size else (0, 0)
            guess = left + above[at] - corner
            paeth = min((left, above[at], corner), key=lambda each: abs(guess - each))
            filtered.append((value - (0, left, above[at], (left + above[at]) // 2, paeth)[kind]) % 256)
        written, above = written + bytes([kind]) + bytes(filtered), line
    head = struct.pack(">2I5B", width, 5, 8, {3: 2, 4: 6}[size], 0, 0, 0)
    file = (
        png._MAGIC + png._chunk(b"IHDR", head) + png._chunk(b"IDAT", zlib.compress(written)) + png._chunk(b"IEND", b"")
    )
    wanted = [line if size == 4 else b"".join(line[at : at + 3] + b"\xff" for at in range(0, 12, 3)) for line in rows]
    assert png.read(file) == Picture(width, 5, b"".join(reversed(wanted)))


def test_picture_that_is_none_or_cut_off_is_refused():
    whole = png.write(PICTURE)
    for length in range(len(whole) - 26):  # sums and the end tell nothing of the pixels
        with pytest.raises(PresetError):
            png.read(whole[:length])


def test_picture_that_unpacks_to_more_than_it_says_is_not_unpacked():
    head = struct.pack(">2I5B", 1, 1, 8, 6, 0, 0, 0)
    data = zlib.compress(bytes(50_000_000))
    file = png._MAGIC + png._chunk(b"IHDR", head) + png._chunk(b"IDAT", data) + png._chunk(b"IEND", b"")
    assert png.read(file).pixels == bytes(4)


# The command line


@pytest.fixture
def library(awkward_path) -> Path:
    for number, name in ((1, "Rocks"), (2, "Trees"), (3, "Rocks")):
        (awkward_path / f"{number}.blend").write_bytes(blend_file(said(number), name=name))
    (awkward_path / "newer.blend").write_bytes(blend_file(said(2, 2, change="Greener\x1b"[:7]), name="Trees"))
    return awkward_path


def presets(*arguments: str) -> tuple[int, str]:
    options = cli._parsed(cli._parser("background-nodes", has_file=True), ["presets", *arguments])
    assert not options.needs_blender
    return preset_files.carry_out(options)


def test_newest_presets_are_listed(library):
    exit_code, text = presets("list", "--library", str(library))
    assert exit_code == 0
    assert [line.split("  ")[:3] for line in text.splitlines()] == [
        ["Rocks", "v1", "group"],
        ["Rocks", "v1", "group"],
        ["Trees", "v2", "group"],
    ]
    _, text = presets("list", "--all", "--json", "--library", str(library))
    assert [each["version"] for each in json.loads(text)["presets"]] == [1, 1, 1, 2]


def test_preset_is_shown_by_name_uuid_or_file(library):
    for name in ("Trees", uuid.UUID(int=2).hex, str(library / "newer.blend")):
        exit_code, text = presets("show", name, "--json", "--library", str(library))
        assert (exit_code, json.loads(text)["preset"]["version"]) == (0, 2)
    _, text = presets("show", "Trees", "--version", "1", "--library", str(library))
    assert "version: 1\n" in text


@pytest.mark.parametrize(
    ("name", "said_of_it"), [("Rocks", "2 presets are called"), ("Stones", "The library has: Rocks, Trees")]
)
def test_preset_that_is_not_there_or_not_the_only_one_is_refused(library, capsys, name, said_of_it):
    exit_code, text = presets("show", name, "--library", str(library))
    assert (exit_code, text) == (2, "")
    assert said_of_it in capsys.readouterr().err


def test_folder_that_is_not_there_is_refused(tmp_path, capsys):
    assert presets("list", "--library", str(tmp_path / "gone"))[0] == 2
    assert "there is no folder" in capsys.readouterr().err


def test_library_is_checked_and_its_mirror_written(library):
    assert presets("check", "--library", str(library))[0] == 0
    exit_code, _ = presets("check", "--write-mirror", "--library", str(library))
    assert exit_code == 0
    assert len(mirror.read(library).entries) == 4
    (library / "1.blend").write_bytes(blend_file(said(1), name="Other"))
    (library / "cut.blend").write_bytes(b"BLENDER-v402")
    exit_code, text = presets("check", "--json", "--library", str(library))
    assert exit_code == 1
    assert {Path(finding["file"]).name for finding in json.loads(text)["findings"]} == {"1.blend", "cut.blend"}
