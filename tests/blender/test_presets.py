"""Presets are saved to libraries and used in other files: with all that they need, and nothing of the first file."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import bpy
import pytest

from background_nodes.addon.presets import libraries as libraries_module
from background_nodes.addon.presets import notes, saving, subject, using
from background_nodes.addon.presets.libraries import libraries
from background_nodes.addon.presets.saving import Details
from background_nodes.addon.presets.subject import Subject, subject_of
from background_nodes.node_tree import sources, text_modules
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.blend_file.asset_data import Picture, read_assets
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets.library import PresetLibrary, picture_of
from background_nodes.runtime.presets.preset import Kind, Preset
from background_nodes.runtime.text_form.digest import digest

from .graphs import add, link, new_tree, output, script, socket_of, value

DOUBLE = "def main(number: float = 1.0, times: int = 2) -> float:\n    return number * times"


@pytest.fixture
def folder(awkward_path, monkeypatch) -> str:
    """A library of Blender's preferences. None comes with the extension."""
    monkeypatch.setattr(libraries_module, "_is_shipped", lambda: False)
    library = bpy.context.preferences.filepaths.asset_libraries.new(name="Studio", directory=str(awkward_path))
    assert Path(library.path) == awkward_path
    yield str(awkward_path)
    bpy.context.preferences.filepaths.asset_libraries.remove(library)


def new_file() -> None:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)


def group_in(tree: bpy.types.NodeTree, name: str = "Doubled") -> bpy.types.Node:
    """A group node whose group has an input, a script, and an output."""
    group = new_tree(name)
    group.interface.new_socket("Number", in_out="INPUT", socket_type="BackgroundNodeSocketFloat").default_value = 4.0
    group.interface.new_socket("Result", in_out="OUTPUT", socket_type="BackgroundNodeSocketFloat")
    double = script(group, "Double", DOUBLE, times=3)
    ends = [add(group, idname) for idname in ("NodeGroupInput", "NodeGroupOutput")]
    group.links.new(double.inputs[0], ends[0].outputs[0])
    group.links.new(ends[1].inputs[0], double.outputs[0])
    node = add(tree, "BackgroundNodeGroup", name)
    node.node_tree = group
    return node


def save(what: bpy.types.Node | bpy.types.NodeTree, folder: str, **details) -> Preset:
    wanted = subject_of(what) if isinstance(what, bpy.types.Node) else Subject(Kind.TREE, what)
    options = {"picture": details.pop("picture", None)}
    return saving.save(wanted, Details(**{"name": wanted.name, **details}), folder, **options)


def names(collection) -> list[str]:
    return sorted(item.name for item in collection)


def names_of_all() -> dict[str, list[str]]:
    return {name: names(getattr(bpy.data, name)) for name in ("node_groups", "texts", "libraries", "objects")}


# Saving


def test_group_comes_back_in_another_file_as_it_was(folder):
    node = group_in(new_tree())
    wanted = dump(node.node_tree)
    preset = save(node, folder, description="Twice", author="Ann", licence="CC0-1.0", tags=("math",), catalog="A/B")
    new_file()
    tree = new_tree()
    used = using.use(preset, tree, (30.0, 40.0))
    assert dump(used.tree) == wanted
    assert (used.node.bl_idname, tuple(used.node.location)) == ("BackgroundNodeGroup", (30.0, 40.0))
    assert names_of_all() == {
        "node_groups": ["Doubled", "Tree"],
        "texts": ["Double.py"],
        "libraries": [],
        "objects": [],
    }
    assert used.tree.asset_data is None
    assert used.tree.library is None


def test_path_that_begins_with_the_folder_of_the_file_stands_for_that_of_the_new_file(folder):
    tree = new_tree("Saver")
    add(tree, "BackgroundNodeOutput", "Save").filepath = "//out/result.blend"
    preset = save(tree, folder)
    new_file()
    assert using.use_tree(preset).tree.nodes["Save"].filepath == "//out/result.blend"


def test_node_comes_back_with_its_script_and_values(folder):
    node = script(new_tree(), "Double", DOUBLE, number=2.5, times=7)
    node.retries = 5
    preset = save(node, folder)
    assert preset.kind is Kind.NODE
    new_file()
    tree = new_tree()
    used = using.use(preset, tree)
    assert used.tree is None
    assert (used.node.name, used.node.retries) == ("Double", 5)
    assert [socket.default_value for socket in used.node.inputs] == [2.5, 7]
    assert used.node.script.library is None
    assert list(tree.nodes) == [used.node]


def test_tree_comes_back_with_nested_groups_links_and_frames(folder):
    tree = new_tree("Pipeline")
    first, second = group_in(tree, "Inner"), script(tree, "Last", DOUBLE)
    second.parent = add(tree, "NodeFrame", "Frame")
    link(first, second.inputs[0])
    wanted = dump(tree)
    preset = save(tree, folder)
    new_file()
    used = using.use_tree(preset)
    assert dump(used.tree) == wanted
    assert names(bpy.data.node_groups) == ["Inner", "Pipeline"]


def test_what_is_said_of_a_preset_is_in_its_file_the_mirror_and_the_catalogs(folder):
    node = group_in(new_tree())
    preset = save(node, folder, description="Twice", author="Änn", licence="CC0-1.0", tags=("math",), catalog="A/B")
    assert (preset.version, preset.kind, preset.name) == (1, Kind.GROUP, "Doubled")
    assert preset.inputs == ("Socket_0|Number|Float",)
    assert preset.outputs == ("Socket_1|Result|Float",)
    assert preset.graph_digest == digest(dump(node.node_tree))
    assert len(preset.script_digests) == 1
    (asset,) = read_assets(memoryview(Path(preset.file).read_bytes()))
    assert (asset.author, asset.license, asset.tags) == ("Änn", "CC0-1.0", ("math",))
    assert {type(found) for found in asset.properties.values()} <= {str, int, float}
    library = PresetLibrary(folder)
    library.read()
    assert library.presets() == (preset,)
    assert library.findings() == ()
    assert library.presets()[0].catalog == "A/B"
    assert json.loads(Path(folder, "background_nodes_presets.json").read_text(encoding="utf-8"))["files"].keys() == {
        Path(preset.file).name
    }


def test_new_version_is_a_file_of_its_own_and_the_old_one_stays_as_it_was(folder):
    node = group_in(new_tree())
    first = save(node, folder)
    before = Path(first.file).read_bytes()
    socket_of(node.node_tree.nodes["Double"].inputs, "times").default_value = 5
    second = save(node, folder, uuid=first.uuid, change="Five times")
    assert (second.uuid, second.version, second.change) == (first.uuid, 2, "Five times")
    assert Path(first.file).read_bytes() == before
    assert second.graph_digest != first.graph_digest
    assert len(list(Path(folder).glob("*.blend"))) == 2
    library = libraries.library(folder)
    library.read()
    assert libraries.find(first.uuid).version == 2
    assert libraries.find(first.uuid, 1).version == 1


def test_saving_changes_nothing_in_this_file(folder):
    tree = new_tree()
    node = group_in(tree)
    uids = {each.name: each.uid for each in node.node_tree.nodes if hasattr(each, "uid")}
    before = names_of_all(), dump(tree)
    save(node, folder, name="Double.py")  # the name of a text; and a group of that name is not there
    save(node, folder, name="Tree")  # the name of another tree
    assert (names_of_all(), dump(tree)) == before
    assert {each.name: each.uid for each in node.node_tree.nodes if hasattr(each, "uid")} == uids
    assert node.node_tree.asset_data is None


def test_ids_results_and_runs_do_not_come_along(folder, session):
    tree = new_tree()
    body = "def main(size: float = 1.0) -> bpy.types.Object:\n    return bpy.data.objects.new('Resulting', None)"
    make = script(tree, "Make", body)
    make.keep_result = True
    session.start(tree).wait()
    assert make.results[0].name == "Resulting"
    preset = save(tree, folder)
    assert (preset.runs, preset.cost_seconds > 0) == (1, True)
    content = Path(preset.file).read_bytes()
    assert make.uid.encode() not in content
    with bpy.data.libraries.load(preset.file) as (found, _wanted):
        assert (found.objects, found.node_groups) == ([], ["Tree"])
    new_file()
    node = using.use_tree(preset).tree.nodes["Make"]
    assert (len(node.results), node.results_of, node.outputs[0].has_result) == (0, "", False)


BOX = """
def main(size: float = 1.0) -> bpy.types.Object:
    mesh = bpy.data.meshes.new("Box")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2), (0, 2, 3)])
    return bpy.data.objects.new("Box", mesh)
"""


def test_cost_is_that_of_runs_on_the_faces_that_came_home(folder, session):
    tree = new_tree()
    node = script(tree, "Box", BOX)
    node.keep_result = True
    assert save(node, folder).runs == 0
    for _ in range(2):
        session.start(tree, cache=False).wait()
    preset = save(node, folder)
    assert (preset.runs, preset.cost_amount, preset.cost_unit) == (2, 2.0, "faces")
    assert preset.cost_seconds > 0
    assert preset.cost_memory > 1_000_000
    other = script(new_tree("Other"), "Box", BOX)
    assert save(other, folder).runs == 0


def test_cost_of_an_earlier_session_is_known_by_the_store(folder, session, store):
    tree = new_tree()
    node = script(tree, "Box", BOX)
    node.keep_result = True
    session.start(tree).wait()
    known = save(node, folder)
    session._history.clear()
    preset = save(node, folder)
    assert (preset.runs, preset.cost_seconds > 0, preset.cost_memory) == (1, True, known.cost_memory)


def test_picture_is_that_of_the_asset(folder):
    picture = Picture(2, 2, bytes(range(0, 160, 10)))
    preset = save(group_in(new_tree()), folder, picture=picture)
    assert picture_of(preset) == picture


def test_file_that_can_not_be_written_leaves_the_library_and_this_file_as_they_were(folder, monkeypatch):
    node = group_in(new_tree())
    before = names_of_all()
    monkeypatch.setattr(Path, "replace", lambda *_arguments: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(PresetError, match="No space left"):
        save(node, folder)
    monkeypatch.undo()
    assert names_of_all() == before
    library = PresetLibrary(folder)
    library.read()
    assert library.presets() == ()


@pytest.mark.parametrize("name", ["../../evil", "C:\\evil", "ナイフ", "a/b", "con", "x" * 63])
def test_name_of_a_preset_leads_to_no_other_folder(folder, name):
    preset = save(group_in(new_tree()), folder, name=name)
    assert Path(preset.file).parent == Path(folder)
    new_file()
    assert using.use_tree(preset).tree.name == name


@pytest.mark.parametrize("name", ["", "  ", "ナ" * 30])
def test_name_that_blender_can_not_have_is_refused(folder, name):
    with pytest.raises(PresetError, match="is no name"):
        save(group_in(new_tree()), folder, name=name)


def test_names_that_blender_gave_numbers_lose_them(folder):
    tree = new_tree()
    for _ in range(2):
        node = group_in(tree)
    assert (node.node_tree.name, node.node_tree.nodes["Double"].script.name) == ("Doubled.001", "Double.py.001")
    outer = new_tree("Outer")
    add(outer, "BackgroundNodeGroup", "Group").node_tree = node.node_tree
    preset = save(outer, folder)
    new_file()
    using.use_tree(preset)
    assert (names(bpy.data.node_groups), names(bpy.data.texts)) == (["Doubled", "Outer"], ["Double.py"])


# What is checked


def findings(what: bpy.types.Node | bpy.types.NodeTree) -> dict[str, str]:
    wanted = subject_of(what) if isinstance(what, bpy.types.Node) else Subject(Kind.TREE, what)
    return {finding.node: finding.message for finding in saving.check(wanted)}


def test_data_blocks_of_this_file_stay_here_and_are_named(folder):
    tree = new_tree()
    cube = bpy.data.objects.new("Cube", bpy.data.meshes.new("Cube"))
    node = script(tree, "Use", "def main(source: bpy.types.Object) -> int: return 1", source=cube)
    output(tree, "LINK", node, name="Out", collection=bpy.data.collections.new("Mine"))
    found = findings(tree)
    assert 'the Object "Cube" of this file' in found["Use"]
    assert 'the Collection "Mine" of this file' in found["Out"]
    preset = save(tree, folder)
    assert node.inputs[0].default_value == cube
    with bpy.data.libraries.load(preset.file) as (inside, _wanted):
        assert (inside.objects, inside.meshes, inside.collections) == ([], [], [])


def test_paths_of_this_machine_and_missing_files_are_named():
    tree = new_tree()
    body = "def main(file: Path) -> int: return 1"
    script(tree, "Absolute", f"from pathlib import Path\n{body}", file="/home/ann/rock.obj")
    script(tree, "Drive", f"from pathlib import Path\n{body}", file="C:\\rocks\\rock.obj")
    script(tree, "Missing", f"from pathlib import Path\n{body}", file="//rock.obj")
    add(tree, "BackgroundNodeOutput", "Save").filepath = "/tmp/out.blend"
    found = findings(tree)
    assert all("which only this machine has" in found[name] for name in ("Absolute", "Drive", "Save"))
    assert "missing" in found["Missing"]
    assert not any(finding.is_error for finding in saving.check(Subject(Kind.TREE, tree)))


def test_script_with_an_error_is_refused_with_its_mend(folder):
    node = script(new_tree(), "Broken", "def main(:")
    with pytest.raises(PresetError, match="Broken"):
        save(node, folder)
    assert list(Path(folder).iterdir()) == []


def test_node_without_a_script_and_one_whose_file_is_gone_are_refused(folder, tmp_path):
    tree = new_tree()
    with pytest.raises(PresetError, match="it has no script"):
        save(add(tree, "BackgroundNodeScript", "Empty"), folder)
    gone = add(tree, "BackgroundNodeScript", "Gone")
    gone.filepath = str(tmp_path / "gone.py")
    with pytest.raises(PresetError, match=r"gone\.py"):
        save(gone, folder)


def test_script_of_a_file_comes_along_as_a_text_with_its_modules(folder, tmp_path, session):
    inner = tmp_path / "shapes"
    inner.mkdir()
    (inner / "__init__.py").write_text("")
    (inner / "round.py").write_text("SIDES = 7\n")
    (tmp_path / "tools.py").write_text("from shapes.round import SIDES\n")
    (tmp_path / "unused.py").write_text("SECRET = 1\n")
    file = tmp_path / "main.py"
    file.write_text("import tools\n\n\ndef main() -> int:\n    return tools.SIDES\n")
    node = add(new_tree(), "BackgroundNodeScript", "Sides")
    node.filepath = str(file)
    preset = save(node, folder)
    assert node.filepath == str(file)
    new_file()
    for each in (file, tmp_path / "tools.py", inner / "round.py"):
        each.unlink()
    tree = new_tree()
    used = using.use(preset, tree)
    assert used.node.script.name == "main.py"
    assert set(text_modules.modules(used.node.script)) == {"tools.py", "shapes/__init__.py", "shapes/round.py"}
    run = session.start(tree, allow_scripts=True)
    run.wait()
    assert run.fetch("Sides", "result") == 7


# Using


def test_used_twice_nothing_is_there_twice(folder):
    node = group_in(new_tree())
    preset = save(node, folder)
    new_file()
    tree, other = new_tree("Tree"), new_tree("Other")
    first, second, third = using.use(preset, tree), using.use(preset, tree), using.use(preset, other)
    assert first.tree == second.tree == third.tree
    assert names(bpy.data.node_groups) == ["Doubled", "Other", "Tree"]
    assert names(bpy.data.texts) == ["Double.py"]
    assert first.node.uid != second.node.uid


def test_group_of_the_same_name_that_does_something_else_is_left_alone(folder):
    preset = save(group_in(new_tree()), folder)
    new_file()
    tree = new_tree()
    mine = group_in(tree, "Doubled")
    socket_of(mine.node_tree.nodes["Double"].inputs, "times").default_value = 99
    before = dump(mine.node_tree)
    used = using.use(preset, tree)
    assert used.tree != mine.node_tree
    assert dump(mine.node_tree) == before


def test_group_that_was_in_this_file_already_is_used(folder):
    tree = new_tree()
    mine = group_in(tree)
    preset = save(mine, folder)
    used = using.use(preset, tree)
    assert used.tree == mine.node_tree
    assert names(bpy.data.node_groups) == ["Doubled", "Tree"]


def test_what_was_linked_from_the_library_before_stays(folder):
    preset = save(group_in(new_tree()), folder)
    new_file()
    with bpy.data.libraries.load(preset.file, link=True) as (_found, wanted):
        wanted.node_groups = ["Doubled"]
    using.use(preset, new_tree())
    assert [(tree.name, tree.library is not None) for tree in bpy.data.node_groups] == [
        ("Doubled", False),
        ("Tree", False),
        ("Doubled", True),
    ]


def test_where_it_came_from_is_noted_and_survives_copies_saves_and_groupings(folder, tmp_path):
    node = script(new_tree(), "Double", DOUBLE)
    preset = save(node, folder)
    new_file()
    tree = new_tree()
    tree.use_fake_user = True
    using.use(preset, tree)
    tree.copy().use_fake_user = True
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    for each in bpy.data.node_groups:
        assert notes.read(each.nodes["Double"]) == notes.note_of(preset)
    assert notes.note_of(preset).version == 1


def test_used_preset_runs(folder, session):
    preset = save(group_in(new_tree()), folder)
    new_file()
    tree = new_tree()
    node = using.use(preset, tree).node
    script(tree, "Show", "def main(value: float) -> float: return value + 1", value=node)
    run = session.start(tree)
    run.wait()
    assert run.fetch("Show", "result") == 13.0


def test_preset_that_needs_a_newer_blender_is_refused_before_it_is_opened(folder, monkeypatch):
    preset = save(group_in(new_tree()), folder)
    newer = dataclasses.replace(preset, needs_blender="99.0", blender="99.0")
    monkeypatch.setattr(using, "read_again", lambda _preset: newer)
    monkeypatch.setattr(using, "_linked", None)  # it is not even opened
    with pytest.raises(PresetError, match=r"needs Blender 99\.0 or later"):
        using.use(newer, new_tree())
    assert [finding.is_error for finding in using.needs(newer)] == [True]


def test_add_on_that_is_not_enabled_is_named(folder):
    node = script(new_tree(), "Double", DOUBLE)
    node.addons = "no_such_addon, other_one"
    preset = save(node, folder)
    assert preset.addons == ("no_such_addon", "other_one")
    assert [finding.is_error for finding in using.needs(preset)] == [False, False]


def test_preset_whose_file_is_gone_or_another_one_is_refused(folder):
    first = save(group_in(new_tree(), "One"), folder)
    second = save(group_in(new_tree(), "Two"), folder)
    Path(first.file).write_bytes(Path(second.file).read_bytes())
    with pytest.raises(PresetError, match="does not hold"):
        using.use(first, new_tree())
    Path(second.file).unlink()
    with pytest.raises(PresetError, match="can't be read"):
        using.use(second, new_tree())


def test_what_is_half_made_does_not_stay(folder, monkeypatch):
    preset = save(group_in(new_tree()), folder)
    new_file()
    tree = new_tree()
    before = names_of_all()
    monkeypatch.setattr(using, "data_of", lambda _preset: _spoilt(preset))
    with pytest.raises(PresetError, match="can't be used"):
        using.use(preset, tree)
    assert (names_of_all(), len(tree.nodes)) == (before, 0)


def _spoilt(preset: Preset) -> subject.Data:
    with using._linked(preset) as tree:
        data = using._dumped(tree)
    data["tree"]["nodes"]["Double"]["inputs"][0]["type"] = "NoSuchType"
    return data


# Values


def test_values_are_set_by_identifier_and_links_stay(folder):
    tree = new_tree()
    node = script(tree, "Double", DOUBLE, number=2.5, times=7)
    wanted = subject_of(node, only_values=True)
    preset = saving.save(wanted, Details(name="Fast"), folder)
    assert (preset.kind, preset.script_digests) == (Kind.VALUES, ())
    new_file()
    tree = new_tree()
    node = script(tree, "Double", DOUBLE, times=1)
    source = value(tree, "FLOAT", 1.0)
    link(source, node.inputs[0])
    used = using.apply_values(preset, node)
    assert used.applied == ["number", "times"]
    assert [socket.default_value for socket in node.inputs] == [2.5, 7]
    assert node.inputs[0].is_linked
    assert names_of_all() == {"node_groups": ["Tree"], "texts": ["Double.py"], "libraries": [], "objects": []}


def test_values_that_are_the_script_s_own_are_set_again(folder):
    node = script(new_tree(), "Double", DOUBLE)
    preset = saving.save(subject_of(node, only_values=True), Details(name="As It Is"), folder)
    socket_of(node.inputs, "times").default_value = 50
    using.apply_values(preset, node)
    assert socket_of(node.inputs, "times").default_value == 2


def test_values_for_another_script_are_refused(folder):
    node = script(new_tree(), "Double", DOUBLE)
    preset = saving.save(subject_of(node, only_values=True), Details(name="Fast"), folder)
    other = script(new_tree(), "Other", "def main(unlike: bool = True) -> bool: return unlike")
    with pytest.raises(PresetError, match="none of the values"):
        using.apply_values(preset, other)


# Libraries


def test_library_of_blender_s_own_that_nobody_uses_is_no_fault_and_one_of_a_studio_s_that_is_away_is(folder, tmp_path):
    known = bpy.context.preferences.filepaths.asset_libraries
    for library in [library for library in known if library.name == "User Library"]:
        known.remove(library)
    own = known.new(name="User Library", directory=str(tmp_path / "never made"))
    gone = known.new(name="Gone", directory=str(tmp_path / "gone"))
    try:
        assert libraries.wait(10.0)
        for library in libraries.all():
            library.read()
        assert [Path(finding.file).name for finding in libraries.findings()] == ["gone"]
        assert {place.name for place in libraries.places()} >= {"This File", "User Library", "Studio", "Gone"}
    finally:
        known.remove(gone)
        known.remove(own)


# This file


def test_preset_of_this_file_is_an_asset_of_it_and_can_be_used(folder):
    node = group_in(new_tree())
    preset = save(node, "", catalog="A")
    assert node.node_tree.asset_data is not None
    assert (preset.file, preset.version) == ("", 1)
    assert [found.uuid for found in libraries_module.presets_of_file()] == [preset.uuid]
    assert libraries.find(preset.uuid) == preset
    other = new_tree("Other")
    assert using.use(preset, other).tree == node.node_tree
    assert save(node, "", uuid=preset.uuid).version == 2


def test_no_other_preset_of_this_file_is_read_to_find_one(monkeypatch):
    """Each node that came from a preset asks for it whenever it is drawn."""
    presets = [save(group_in(new_tree(), name), "") for name in ("A", "B", "C")]
    read, from_asset = [], libraries_module.from_asset
    monkeypatch.setattr(libraries_module, "from_asset", lambda asset: read.append(asset.name) or from_asset(asset))
    assert [libraries.find(preset.uuid) for preset in presets] == presets
    assert libraries.find(presets[1].uuid, version=2) is None
    assert read == ["A", "B", "C", "B"]
    assert libraries.find("") is None


def test_texts_of_a_preset_are_read_by_nobody_as_files(folder):
    """A text that came from elsewhere names no file of this machine that would make it the artist's own."""
    node = script(new_tree(), "Double", DOUBLE)
    node.script.filepath = "/home/ann/double.py"
    preset = save(node, folder)
    new_file()
    text = using.use(preset, new_tree()).node.script
    assert (text.filepath, text.is_in_memory) == ("", True)
    assert sources.from_text(text).text.endswith(DOUBLE + "\n")
