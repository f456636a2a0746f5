"""Libraries of presets without Blender: what their files say, and what is said of files that are not to be trusted."""

from __future__ import annotations

import builtins
import gzip
import json
import os
import threading
import uuid
from pathlib import Path

import pytest

from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets import catalogs, mirror
from background_nodes.runtime.presets import library as library_module
from background_nodes.runtime.presets.library import PresetLibrary, picture_of, read_again
from background_nodes.runtime.presets.preset import Kind, Preset, from_json, properties_of, renames_between, to_json

from .preset_files import NEW, blend_file, said


@pytest.fixture
def folder(awkward_path) -> Path:
    return awkward_path


def write(folder: Path, file_name: str, *arguments, **options) -> Path:
    file = folder / file_name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(blend_file(*arguments, **options))
    return file


def read(folder: Path) -> PresetLibrary:
    library = PresetLibrary(str(folder))
    library.read()
    return library


def messages(library: PresetLibrary) -> dict[str, str]:
    """What is wrong, by the names of files."""
    return {Path(finding.file).name: finding.message for finding in library.findings()}


FULL = Preset(
    uuid=uuid.UUID(int=7).hex,
    version=3,
    kind=Kind.NODE,
    name="Röck | LODs",
    change="Faster",
    description="Makes\nlevels",
    script_digests=("a" * 64, "b" * 64),
    graph_digest="c" * 64,
    blender="4.2",
    needs_blender="4.2",
    addons=("rigify", "bl_ext.x.y"),
    cost_seconds=12.5,
    cost_memory=3e9,
    cost_amount=2e6,
    cost_unit="faces",
    runs=4,
    inputs=("object|Object|OBJECT", "ratio|Ra|tio|FLOAT"),
    outputs=("lods|LODs|OBJECT",),
    renamed=("old=new", "a=b"),
)


def test_preset_is_read_of_its_file_as_it_was_written(folder):
    file = write(folder, "rocks.blend", properties_of(FULL), name=FULL.name, author="", description=FULL.description)
    (found,) = read(folder).presets()
    assert found == read_again(found)
    assert to_json(found) == to_json(FULL)
    assert (found.file, found.library) == (str(file), str(folder))
    assert found.sockets(is_output=False) == [("object", "Object", "OBJECT"), ("ratio", "Ra|tio", "FLOAT")]
    assert found.renames() == {"old": "new", "a": "b"}


@pytest.mark.parametrize(
    ("before", "after", "renamed"),
    [
        (("a|A|Float",), ("b|B|Float",), ("a=b",)),
        (("a|A|Float",), ("b|B|Int",), ()),
        (("a|A|Float", "b|B|Float"), ("c|C|Float", "d|D|Float"), ("a=c", "b=d")),
        (("a|A|Float", "b|B|Float"), ("x|X|Int", "y|Y|Int", "c|C|Float", "d|D|Float"), ()),
        (("a|A|Float", "b|B|Int"), ("b|B|Int", "c|C|Float"), ("a=c",)),
        (("a|A|Float",), ("a|A|Float", "b|B|Float"), ()),
        (("a|A|x|Float",), (), ()),
    ],
)
def test_socket_that_clearly_was_renamed_is_known(before, after, renamed):
    assert renames_between(before, after) == renamed


def test_properties_are_flat():
    assert {type(value) for value in properties_of(FULL).values()} <= {str, int, float}


def test_preset_is_the_same_after_json():
    record = json.loads(json.dumps(to_json(FULL)))
    assert to_json(from_json(record, file="x.blend", library="y")) == to_json(FULL)


def test_newest_version_is_found_and_any_other_one(folder):
    for version in (1, 2, 10):
        write(folder, f"rocks-{version}.blend", said(1, version))
    library = read(folder)
    assert [preset.version for preset in library.presets()] == [1, 2, 10]
    assert [preset.version for preset in library.newest()] == [10]
    assert library.find(uuid.UUID(int=1).hex).version == 10
    assert library.find(uuid.UUID(int=1).hex, 2).version == 2
    assert library.find(uuid.UUID(int=1).hex, 3) is None


@pytest.mark.parametrize(("header", "needs"), [(b"BLENDER-v402", "4.2"), (b"BLENDER-v405", "4.2"), (NEW, "5.0")])
def test_file_needs_a_blender_of_the_generation_that_wrote_it_whatever_it_says(folder, header, needs):
    write(folder, "rocks.blend", said(needs_blender="2.8"), header=header)
    assert read(folder).presets()[0].needs_blender == needs


def test_file_may_need_a_newer_blender_than_wrote_it(folder):
    write(folder, "rocks.blend", said(needs_blender="4.5"))
    assert read(folder).presets()[0].needs_blender == "4.5"


def test_assets_of_other_kinds_are_no_matter(folder):
    write(folder, "material.blend", {}, tree_type="ShaderNodeTree")
    write(folder, "ours by hand.blend", {"something": 1})
    library = read(folder)
    assert (library.presets(), library.findings()) == ((), ())


# Files that are not what they say


def test_every_file_that_is_wrong_is_said_and_the_others_are_there(folder):
    write(folder, "good.blend", said(1))
    write(folder, "of another add-on.blend", said(2), tree_type="ShaderNodeTree")
    write(folder, "no id.blend", said(uuid="../../evil"))
    write(folder, "no version.blend", said(3, version=-1))
    write(folder, "version of letters.blend", said(3, version="x"))
    write(folder, "no kind.blend", said(4, kind="SCRIPT"))
    write(folder, "costs nothing that can be told.blend", said(5, cost_seconds=float("nan")))
    write(folder, "long.blend", said(6, change="x" * 10_000))
    write(folder, "signs.blend", said(6, change="\x1b[31m"))
    whole = blend_file(said(7))
    (folder / "cut off.blend").write_bytes(whole[:-200])
    (folder / "empty.blend").write_bytes(b"")
    (folder / "text.blend").write_text("import os")
    (folder / "zeros.blend").write_bytes(gzip.compress(bytes(10_000_000)))
    library = read(folder)
    assert [Path(preset.file).name for preset in library.presets()] == ["good.blend"]
    files = {file.name for file in folder.glob("*.blend")}
    assert messages(library).keys() == files - {"good.blend"}
    assert all(finding.fix for finding in library.findings())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_pipe_in_a_library_is_not_waited_for(folder):
    os.mkfifo(folder / "pipe.blend")
    assert messages(read(folder)) == {"pipe.blend": "it is no file"}


def test_two_files_of_one_version_are_said_and_the_first_one_counts(folder):
    write(folder, "a.blend", said(1), name="First")
    write(folder, "b.blend", said(1), name="Second")
    library = read(folder)
    assert [preset.name for preset in library.presets()] == ["First"]
    assert 'version 1 of "First"' in messages(library)["b.blend"]


def test_folder_that_is_not_there_is_said(folder):
    library = read(folder / "gone")
    assert library.presets() == ()
    assert "can't be read" in messages(library)["gone"]


# The mirror


def with_mirror(folder: Path, number: int = 3) -> PresetLibrary:
    for each in range(1, number + 1):
        write(folder, f"{each}.blend", said(each), name=f"Preset {each}")
    PresetLibrary(str(folder)).write_mirror()
    return PresetLibrary(str(folder))


def change_mirror(folder: Path, change) -> None:
    file = folder / mirror.FILE_NAME
    record = json.loads(file.read_text(encoding="utf-8"))
    change(record["files"])
    file.write_text(json.dumps(record), encoding="utf-8")


def test_mirror_says_the_same_as_the_files(folder, monkeypatch):
    library = with_mirror(folder)
    without = PresetLibrary(str(folder))
    without.read(is_thorough=True)
    monkeypatch.setattr(library_module, "content_of", None)  # with the mirror, no file is opened
    library.read()
    assert library.presets() == without.presets()
    assert (library.findings(), without.findings()) == ((), ())


def test_file_that_the_mirror_does_not_know_is_read(folder):
    library = with_mirror(folder)
    write(folder, "inside/new.blend", said(9), name="New")
    library.read()
    assert [preset.name for preset in library.presets()] == ["New", "Preset 1", "Preset 2", "Preset 3"]


def test_mirror_that_says_another_size_is_not_believed(folder):
    library = with_mirror(folder)
    change_mirror(folder, lambda files: files["1.blend"].update(size=5, presets=[]))
    library.read()
    assert len(library.presets()) == 3
    assert "it is not the file that the list of presets knows" in messages(library)["1.blend"]


def test_mirror_that_lies_is_found_out_by_whoever_uses_the_preset_or_checks_the_library(folder):
    library = with_mirror(folder)
    change_mirror(folder, lambda files: files["1.blend"]["presets"][0].update(name="Harmless"))
    library.read()
    (lie,) = [preset for preset in library.presets() if preset.name == "Harmless"]
    with pytest.raises(PresetError, match="does not hold"):
        read_again(lie)
    assert messages(library) == {}
    change_mirror(folder, lambda files: files["2.blend"].update(digest="0" * 64))
    library.read(is_thorough=True)
    assert "it is not the file" in messages(library)["2.blend"]
    assert {preset.name for preset in library.presets()} == {"Preset 1", "Preset 2", "Preset 3"}


@pytest.mark.parametrize(
    "name", ["../outside.blend", "/tmp/x.blend", "a/../../b.blend", "C:\\x.blend", "x.txt", "./1.blend"]
)
def test_mirror_with_names_that_lead_elsewhere_is_said(folder, name):
    library = with_mirror(folder)
    write(folder.parent, "outside.blend", said(66), name="Outside")
    change_mirror(folder, lambda files: files.update({name: files.pop("1.blend")}))
    library.read()
    assert len(library.presets()) == 3
    assert all(Path(preset.file).parent == folder for preset in library.presets())
    assert "it is no file of the library" in messages(library)[mirror.FILE_NAME]


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 2, "files": {}}',
        '{"format": 1, "files": []}',
        "[" * 100_000,
        "NaN",
        "\0",
    ],
)
def test_mirror_that_is_none_is_said_and_the_files_are_read(folder, content):
    library = with_mirror(folder)
    (folder / mirror.FILE_NAME).write_text(content)
    library.read()
    assert len(library.presets()) == 3
    assert "no list of presets" in messages(library)[mirror.FILE_NAME]


@pytest.mark.parametrize("said_of_it", [None, [], {}, {"size": "1", "digest": "", "presets": []}, {"size": 1}])
def test_entry_of_a_mirror_that_is_none_is_said_and_its_file_read(folder, said_of_it):
    library = with_mirror(folder)
    change_mirror(folder, lambda files: files.update({"1.blend": said_of_it}))
    library.read()
    assert len(library.presets()) == 3
    assert "can't be read" in messages(library)[mirror.FILE_NAME]


def test_file_that_is_gone_is_no_preset_and_said(folder):
    library = with_mirror(folder)
    (folder / "2.blend").unlink()
    library.read()
    assert [preset.name for preset in library.presets()] == ["Preset 1", "Preset 3"]
    assert "it is not there" in messages(library)["2.blend"]


def test_mirror_that_can_not_be_written_leaves_the_one_that_is_there(folder, monkeypatch):
    with_mirror(folder)
    before = (folder / mirror.FILE_NAME).read_bytes()

    def fail(*_arguments):
        raise OSError(28, "No space left")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PresetError, match="No space left"):
        mirror.add(folder, {})
    assert (folder / mirror.FILE_NAME).read_bytes() == before
    assert not list(folder.glob(".*"))


def test_entries_that_another_blender_adds_meanwhile_are_kept(folder):
    """1. We save a file. 2. Another Blender saves one, and adds it to the mirror. 3. We add ours."""
    library = with_mirror(folder, 1)
    library.read()
    write(folder, "ours.blend", said(8), name="Ours")
    write(folder, "theirs.blend", said(9), name="Theirs")
    mirror.add(folder, {"theirs.blend": PresetLibrary(str(folder)).entry("theirs.blend")})
    mirror.add(folder, {"ours.blend": library.entry("ours.blend")})
    assert mirror.read(folder).entries.keys() == {"1.blend", "ours.blend", "theirs.blend"}


# How often a disk is asked


class LookUps:
    """Counts what is asked of disks, by thread: a share may take 20 ms for each."""

    def __init__(self, monkeypatch) -> None:
        self.of_main = self.of_others = 0
        for owner, name in (
            (os, "stat"),
            (os, "scandir"),
            (os, "open"),
            (builtins, "open"),
            (Path, "open"),
            (os, "lstat"),
        ):
            monkeypatch.setattr(owner, name, self._counted(getattr(owner, name)))

    def _counted(self, function):
        def call(*arguments, **options):
            if threading.current_thread() is threading.main_thread():
                self.of_main += 1
            else:
                self.of_others += 1
            return function(*arguments, **options)

        return call


def test_menu_of_two_thousand_presets_asks_no_disk(folder, monkeypatch):
    one = blend_file(said(1))
    entries = {}
    for number in range(1, 2001):
        (folder / f"{number}.blend").write_bytes(one)
        preset = Preset(uuid=uuid.UUID(int=number).hex, version=1, kind=Kind.GROUP, name=f"Preset {number}")
        entries[f"{number}.blend"] = mirror.Entry(len(one), mirror.digest_of(one), (preset,))
    mirror.write(folder, entries)
    library = PresetLibrary(str(folder))
    look_ups = LookUps(monkeypatch)
    library.read_soon()
    assert library.wait(60)
    assert len(library.newest()) == 2000
    library._thread.join()
    assert look_ups.of_main == 0
    # Asked again when nothing was added: one look-up, in a thread.
    before = look_ups.of_others
    monkeypatch.setattr(library_module, "_FRESH_SECONDS", 0.0)
    library.read_soon()
    assert len(library.newest()) == 2000
    library._thread.join()
    assert (look_ups.of_main, look_ups.of_others - before) == (0, 1)


def test_what_the_mirror_says_is_there_before_any_file_is_looked_at(folder, monkeypatch):
    library = with_mirror(folder)
    seen = []
    original = PresetLibrary._difference

    def look(self, *arguments, **options):
        seen.append((self.is_listed, len(self.presets())))
        return original(self, *arguments, **options)

    monkeypatch.setattr(PresetLibrary, "_difference", look)
    library.read()
    assert seen == [(True, 3)] * 3


def test_picture_of_a_preset_is_read_of_its_file(folder):
    write(folder, "rocks.blend", said(), picture=(1, 1, b"rgba"))
    (preset,) = read(folder).presets()
    assert picture_of(preset).pixels == b"rgba"
    Path(preset.file).unlink()
    assert picture_of(preset) is None


# Catalogs

CATALOGS = """# This is an Asset Catalog Definition file for Blender.

VERSION 1

0ba5cc07-1111-2222-3333-444455556666:Rocks/LODs:Rocks-LODs
no catalog at all
7fff0000-1111-2222-3333-444455556666:Trees:Trees"""


def test_catalog_is_found_by_its_path_and_a_new_one_added_below_all_others(folder):
    file = folder / catalogs.FILE_NAME
    file.write_text(CATALOGS)
    assert catalogs.id_of(folder, "/Rocks//LODs/") == "0ba5cc07-1111-2222-3333-444455556666"
    assert file.read_text() == CATALOGS
    new = catalogs.id_of(folder, "Räucher: fish/Smoked")
    assert file.read_text(encoding="utf-8") == f"{CATALOGS}\n{new}:Räucher fish/Smoked:Räucher fish-Smoked\n"
    assert catalogs.read(folder)[new] == "Räucher fish/Smoked"


def test_first_catalog_makes_a_file_that_blender_reads(folder):
    new = catalogs.id_of(folder, "Rocks")
    lines = (folder / catalogs.FILE_NAME).read_text().splitlines()
    assert [line for line in lines if line and line[0] != "#"] == ["VERSION 1", f"{new}:Rocks:Rocks"]


def test_catalogs_that_another_program_writes_meanwhile_are_kept(folder, monkeypatch):
    """1. We read the file. 2. Blender adds a line. 3. We write: what we read is no longer what is there."""
    file = folder / catalogs.FILE_NAME
    file.write_text(CATALOGS)
    original, waiting = catalogs._joined, [f"{CATALOGS}\nffff0000-1111-2222-3333-444455556666:New:New\n"]

    def meanwhile(*arguments):
        if waiting:
            file.write_text(waiting.pop())
        return original(*arguments)

    monkeypatch.setattr(catalogs, "_joined", meanwhile)
    new = catalogs.id_of(folder, "Ours")
    assert catalogs.read(folder).items() >= {"ffff0000-1111-2222-3333-444455556666": "New", new: "Ours"}.items()
    assert not list(folder.glob(".*"))


def test_catalog_that_was_renamed_in_blender_is_the_one_that_is_shown(folder):
    new = catalogs.id_of(folder, "Rocks")
    write(folder, "rocks.blend", said(catalog="Rocks"), catalog_id=new)
    file = folder / catalogs.FILE_NAME
    file.write_text(file.read_text().replace(":Rocks:", ":Stones/Grey:"))
    assert read(folder).presets()[0].catalog == "Stones/Grey"
