"""Presets that have a newer version: what would change is told, and an update keeps links and values."""

from __future__ import annotations

from pathlib import Path

import bpy
import pytest

from background_nodes.addon.presets import notes, saving, updating, using
from background_nodes.addon.presets.libraries import libraries
from background_nodes.addon.presets.saving import Details
from background_nodes.addon.presets.subject import Subject, subject_of
from background_nodes.addon.presets.updating import Outdated
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.errors import PresetError
from background_nodes.runtime.presets.preset import Kind, Preset

from .graphs import add, link, new_tree, script, socket_of, value

FIRST = "def main(number: float = 1.0, times: int = 2, extra: int = 0) -> float:\n    return number * times"
SECOND = (
    "def main(number: float = 1.0, factor: int = 2, offset: float = 0.5) -> float:\n    return number * factor + offset"
)


@pytest.fixture
def folder(tmp_path) -> str:
    library = bpy.context.preferences.filepaths.asset_libraries.new(name="Studio", directory=str(tmp_path / "library"))
    yield str(tmp_path / "library")
    bpy.context.preferences.filepaths.asset_libraries.remove(library)


def new_file() -> bpy.types.NodeTree:
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    return new_tree()


def read_libraries() -> None:
    for library in libraries.all():
        library.read()


def save_node(folder: str, source: str, uuid: str = "", **details) -> Preset:
    tree = new_file()
    node = script(tree, "Times", source, **details.pop("values", {}))
    return saving.save(subject_of(node), Details(name="Times", uuid=uuid, **details), folder)


def save_group(folder: str, source: str, uuid: str = "", sockets: tuple[str, ...] = ("Number",), **details) -> Preset:
    """A group with float inputs, the first of which leads to a script."""
    new_file()
    group = new_tree("Group")
    for name in sockets:
        group.interface.new_socket(name, in_out="INPUT", socket_type="BackgroundNodeSocketFloat")
    group.interface.new_socket("Result", in_out="OUTPUT", socket_type="BackgroundNodeSocketFloat")
    node = script(group, "Times", source)
    start, end = (add(group, idname) for idname in ("NodeGroupInput", "NodeGroupOutput"))
    group.links.new(node.inputs[0], start.outputs[0])
    group.links.new(end.inputs[0], node.outputs[0])
    return saving.save(Subject(Kind.GROUP, group), Details(name="Group", uuid=uuid, **details), folder)


def the_outdated() -> Outdated:
    read_libraries()
    (found,) = updating.outdated()
    return found


def two_versions_of_a_node(folder: str) -> tuple[Preset, Preset]:
    first = save_node(folder, FIRST, values={"extra": 3})
    second = save_node(folder, SECOND, first.uuid, change="Has an offset", description="New", renamed=("times=factor",))
    return first, second


def test_newer_version_is_found_without_looking_at_a_disk(folder, monkeypatch):
    first, second = two_versions_of_a_node(folder)
    tree = new_file()
    node = using.use(first, tree).node
    using.use(second, tree)
    read_libraries()
    for name in ("stat", "scandir", "open"):
        monkeypatch.setattr(f"os.{name}", None)
    assert updating.newer(node) == second
    (found,) = updating.outdated()
    assert (found.name, found.note.version, found.newest) == ("Times", 1, second)


def test_what_an_update_changes_is_told(folder):
    first, _second = two_versions_of_a_node(folder)
    using.use(first, new_file())
    found = updating.changes(the_outdated())
    assert (found.lines, found.description) == (("2: Has an offset",), "New")
    assert list(map(str, found.sockets)) == [
        'input "Times" becomes "Factor"',
        'input "Extra" goes',
        'new input "Offset"',
    ]
    ((name, lines),) = found.scripts.items()
    assert name == "Times.py"
    assert "-    return number * times" in lines
    assert "+    return number * factor + offset" in lines
    assert not found.is_changed_by_hand


def test_script_that_was_changed_by_hand_is_told_and_values_are_not(folder):
    first, _second = two_versions_of_a_node(folder)
    node = using.use(first, new_file()).node
    node.name = "Another Name"
    socket_of(node.inputs, "times").default_value = 50
    assert not updating.changes(the_outdated()).is_changed_by_hand
    node.script.write("# mine")
    assert updating.changes(the_outdated()).is_changed_by_hand


def test_update_of_a_node_keeps_links_values_id_and_looks(folder):
    first, second = two_versions_of_a_node(folder)
    tree = new_file()
    node = using.use(first, tree, (100.0, 50.0)).node
    node.label, node.use_custom_color, node.color = "Mine", True, (1.0, 0.0, 0.0)
    node.parent = add(tree, "NodeFrame", "Frame")
    uid = node.uid
    source, after = value(tree, "FLOAT", 5.0, name="Five"), script(tree, "After", FIRST)
    link(source, socket_of(node.inputs, "number"))
    link(node, socket_of(after.inputs, "number"))
    socket_of(node.inputs, "times").default_value = 9
    new = updating.update(the_outdated())
    assert (new.uid, new.name, new.label, tuple(new.color)) == (uid, "Times", "Mine", (1.0, 0.0, 0.0))
    assert new.parent.name == "Frame"
    values = {socket.identifier: socket.default_value for socket in new.inputs}
    assert values == {"number": 1.0, "factor": 9, "offset": 0.5}
    links = [(each.from_node.name, each.to_node.name, each.to_socket.identifier) for each in tree.links]
    assert sorted(links) == [("Five", "Times", "number"), ("Times", "After", "number")]
    assert notes.read(new) == notes.note_of(second)
    assert updating.outdated() == ()


def test_parameter_that_clearly_was_renamed_is_known_without_a_word(folder):
    first = save_node(folder, FIRST)
    second = save_node(folder, FIRST.replace("times", "factor"), first.uuid)
    assert (first.renamed, second.renamed) == ((), ("times=factor",))


def test_value_that_the_preset_gave_follows_the_new_version(folder):
    first = save_node(folder, FIRST, values={"times": 3, "extra": 3})
    save_node(folder, FIRST, first.uuid, values={"times": 4, "extra": 4})
    node = using.use(first, new_file()).node
    socket_of(node.inputs, "extra").default_value = 100
    new = updating.update(the_outdated())
    assert [socket.default_value for socket in new.inputs] == [1.0, 4, 100]


def test_update_of_a_group_changes_all_its_uses(folder):
    first = save_group(folder, FIRST, sockets=("Number", "Old"))
    names = ("Number", "New", "Third")
    second = save_group(folder, SECOND, first.uuid, sockets=names, renamed=("Socket_2=Socket_3",))
    tree = new_file()
    nodes = [using.use(first, tree).node for _ in range(2)]
    inner = new_tree("Inner")
    inner.use_fake_user = True
    nodes.append(using.use(first, inner).node)
    for number, node in enumerate(nodes):
        node.inputs[0].default_value = 10.0 + number
        node.inputs[1].default_value = 20.0 + number
    link(value(tree, "FLOAT", 5.0, name="Five"), nodes[1].inputs[1])
    link(nodes[0], nodes[1].inputs[0])
    new = updating.update(the_outdated())
    assert new.name == "Group"
    for number, node in enumerate(nodes):
        assert node.node_tree == new
        assert [socket.name for socket in node.inputs] == ["Number", "New", "Third"]
        assert node.inputs[0].default_value == 10.0 + number
        assert node.inputs[1].default_value == 20.0 + number
    assert [each.from_node.name for each in nodes[1].inputs[1].links] == ["Five"]
    assert [each.from_node for each in nodes[1].inputs[0].links] == [nodes[0]]
    assert sorted(each.name for each in bpy.data.node_groups) == ["Group", "Inner", "Tree"]
    assert notes.read(new) == notes.note_of(second)
    assert updating.outdated() == ()


def test_sockets_that_were_renamed_over_several_versions_keep_links_and_values(folder):
    sources = [f"def main({name}: float = 1.0) -> float:\n    return {name}" for name in ("a", "b", "c")]
    first = save_node(folder, sources[0])
    save_node(folder, sources[1], first.uuid, renamed=("a=b",))
    save_node(folder, sources[2], first.uuid, renamed=("b=c",))
    tree = new_file()
    node = using.use(first, tree).node
    link(value(tree, "FLOAT", 5.0, name="Five"), node.inputs[0])
    node.inputs[0].default_value = 8.0
    new = updating.update(the_outdated())
    assert [(socket.identifier, socket.default_value) for socket in new.inputs] == [("c", 8.0)]
    assert [each.from_node.name for each in new.inputs[0].links] == ["Five"]


def test_update_of_a_tree_keeps_what_the_artist_set(folder):
    def save_tree(number: float, uuid: str = "") -> Preset:
        tree = new_file()
        tree.name = "Pipeline"
        node = script(tree, "Times", FIRST, times=int(number), number=value(tree, "FLOAT", number, name="Input"))
        assert node
        value(tree, "FLOAT", number, name="Other")
        return saving.save(Subject(Kind.TREE, tree), Details(name="Pipeline", uuid=uuid), folder)

    first = save_tree(1.0)
    save_tree(2.0, first.uuid)
    new_file()
    tree = using.use_tree(first).tree
    tree.nodes["Input"].outputs[0].default_value = 55.0
    socket_of(tree.nodes["Times"].inputs, "extra").default_value = 7
    new = updating.update(the_outdated())
    assert new.name == "Pipeline"
    assert new.nodes["Input"].outputs[0].default_value == 55.0
    assert new.nodes["Other"].outputs[0].default_value == 2.0
    assert [socket.default_value for socket in new.nodes["Times"].inputs][1:] == [2, 7]
    assert sorted(each.name for each in bpy.data.node_groups) == ["Pipeline", "Tree"]


# What the artist has made of it stays


def two_versions_of_a_tree(folder: str, source: str = FIRST, **inputs) -> tuple[Preset, Preset]:
    """A tree with a script; the second version has a node more."""
    new_file()
    tree = new_tree("Pipeline")
    script(tree, "Times", source, **inputs).keep_result = "Object" in source
    if "Object" not in source:
        add(tree, "BackgroundNodeOutput", "Out").filepath = "//out.blend"
    first = saving.save(Subject(Kind.TREE, tree), Details(name="Pipeline"), folder)
    script(tree, "More", FIRST)
    second = saving.save(Subject(Kind.TREE, tree), Details(name="Pipeline", uuid=first.uuid), folder)
    new_file()
    return first, second


def test_links_into_an_input_that_takes_several_keep_their_order(folder):
    first, _second = two_versions_of_a_node(folder)
    tree = new_file()
    node, five = using.use(first, tree).node, value(tree, "FLOAT", 5.0, name="Five")
    after = script(tree, "After", "def main(numbers: list[float]) -> float:\n    return numbers[0]")
    for source in (five, node, value(tree, "FLOAT", 6.0, name="Six")):
        link(source, after.inputs[0])
    wanted = [(each["from"], each.get("muted")) for each in dump(tree)["tree"]["links"]]
    assert ["Times", "result"] in [source for source, _is_muted in wanted]
    updating.update(the_outdated())
    assert [(each["from"], each.get("muted")) for each in dump(tree)["tree"]["links"]] == wanted


def test_muted_link_stays_muted(folder):
    first, _second = two_versions_of_a_node(folder)
    tree = new_file()
    node = using.use(first, tree).node
    link(value(tree, "FLOAT", 5.0), node.inputs[0]).is_muted = True
    assert updating.update(the_outdated()).inputs[0].links[0].is_muted


@pytest.mark.parametrize("number", [0, 4])
def test_value_that_the_artist_set_back_to_that_of_the_script_stays(folder, number):
    first = save_node(folder, FIRST, values={"extra": 3})
    save_node(folder, FIRST + " + 1", first.uuid, values={"extra": 3})
    node = using.use(first, new_file()).node
    socket_of(node.inputs, "extra").default_value = number
    assert socket_of(updating.update(the_outdated()).inputs, "extra").default_value == number


def test_inputs_that_were_hidden_stay_hidden(folder):
    first, _second = two_versions_of_a_node(folder)
    node = using.use(first, new_file()).node
    for identifier in ("times", "extra"):
        socket_of(node.inputs, identifier).hide = True
    new = updating.update(the_outdated())
    assert [(socket.identifier, socket.hide) for socket in new.inputs] == [
        ("number", False),
        ("factor", True),
        ("offset", False),
    ]


def test_settings_of_a_node_stay_and_are_no_change_by_hand(folder):
    first, _second = two_versions_of_a_node(folder)
    node = using.use(first, new_file()).node
    node.retries, node.keep_result = 7, True
    found = the_outdated()
    assert not updating.changes(found).is_changed_by_hand
    new = updating.update(found)
    assert (new.retries, new.keep_result) == (7, True)
    assert "factor" in new.script.as_string()


def test_settings_of_a_tree_and_of_its_nodes_stay(folder):
    first, _second = two_versions_of_a_tree(folder, extra=3)
    tree = using.use_tree(first).tree
    tree.auto_run = next(each.identifier for each in tree.bl_rna.properties["auto_run"].enum_items[1:])
    tree.nodes["Out"].filepath = "//mine.blend"
    socket_of(tree.nodes["Times"].inputs, "extra").default_value = 0
    auto_run, found = tree.auto_run, the_outdated()
    assert not updating.changes(found).is_changed_by_hand
    new = updating.update(found)
    assert (new.auto_run, new.nodes["Out"].filepath) == (auto_run, "//mine.blend")
    assert socket_of(new.nodes["Times"].inputs, "extra").default_value == 0
    assert "More" in new.nodes


def test_update_of_a_tree_leaves_another_one_of_that_preset_alone(folder):
    first, second = two_versions_of_a_tree(folder)
    tree = using.use_tree(first).tree
    socket_of(tree.nodes["Times"].inputs, "extra").default_value = 100
    other = using.use_tree(second).tree
    before = dump(other)
    new = updating.update(the_outdated())
    assert new != other
    assert dump(other) == before
    assert socket_of(new.nodes["Times"].inputs, "extra").default_value == 100


BOX = """
def main(size: float = 1.0) -> bpy.types.Object:
    return bpy.data.objects.new("Box", bpy.data.meshes.new("Box"))
"""


@pytest.mark.parametrize("kind", [Kind.NODE, Kind.TREE])
def test_results_of_the_new_version_take_the_place_of_earlier_ones(folder, session, kind):
    if kind is Kind.NODE:
        first = save_node(folder, BOX)
        save_node(folder, BOX + "# New", first.uuid)
        tree = new_file()
        using.use(first, tree).node.keep_result = True
    else:
        first, _second = two_versions_of_a_tree(folder, BOX)
        tree = using.use_tree(first).tree
    session.start(tree, allow_scripts=True).wait()
    bpy.data.objects["Box"].location.x = 5.0
    new = updating.update(the_outdated())
    (node,) = (each for each in getattr(new, "nodes", [new]) if each.name == "Times")
    assert [each.session_uid for each in node.results] == [bpy.data.objects["Box"].session_uid, *_others(node)]
    session.start(node.id_data, allow_scripts=True).wait()
    assert [each.name for each in bpy.data.objects] == ["Box"]


def _others(node: bpy.types.Node) -> list[int]:
    return [each.session_uid for each in node.results][1:]


def test_socket_that_has_the_name_of_one_that_was_renamed_is_another_one(folder):
    first = save_node(folder, "def main(a: float = 1.0) -> float:\n    return a")
    for source, renamed in (
        ("def main(b: float = 1.0) -> float:\n    return b", ("a=b",)),
        ("def main(b: float = 1.0, a: float = 2.0) -> float:\n    return b", ()),
        ("def main(b: float = 1.0, c: float = 2.0) -> float:\n    return b", ("a=c",)),
    ):
        save_node(folder, source, first.uuid, renamed=renamed)
    node = using.use(first, new_file()).node
    node.inputs[0].default_value = 8.0
    new = updating.update(the_outdated())
    assert [(socket.identifier, socket.default_value) for socket in new.inputs] == [("b", 8.0), ("c", 2.0)]


def test_declined_version_is_told_no_more_and_the_next_one_is(folder, tmp_path):
    first, _second = two_versions_of_a_node(folder)
    tree = new_file()
    tree.use_fake_user = True
    using.use(first, tree)
    updating.decline(the_outdated())
    assert updating.outdated() == ()
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    save_node(folder, FIRST, first.uuid)
    bpy.ops.wm.open_mainfile(filepath=file)
    assert the_outdated().newest.version == 3


def test_update_is_one_undo_step(folder):
    first, _second = two_versions_of_a_node(folder)
    tree = new_file()
    tree.use_fake_user = True
    using.use(first, tree)
    before = dump(tree)
    bpy.ops.ed.undo_push(message="Before")
    updating.update(the_outdated())
    bpy.ops.ed.undo_push(message="Update Preset")
    bpy.ops.ed.undo()
    tree = bpy.data.node_groups["Tree"]
    assert dump(tree) == before
    assert the_outdated().note.version == 1
    bpy.ops.ed.redo()
    assert [socket.identifier for socket in bpy.data.node_groups["Tree"].nodes["Times"].inputs][1] == "factor"


def test_update_that_can_not_be_changes_nothing(folder):
    first, second = two_versions_of_a_node(folder)
    tree = new_file()
    using.use(first, tree)
    found, before = the_outdated(), dump(tree)
    Path(second.file).write_bytes(b"BLENDER-v402")
    with pytest.raises(PresetError):
        updating.update(found)
    assert dump(tree) == before
    tree.nodes.clear()
    with pytest.raises(PresetError, match="is gone"):
        updating.update(found)


# What is missing


def test_script_that_was_deleted_leaves_sockets_links_and_word_of_what_it_was(folder):
    first, _second = two_versions_of_a_node(folder)
    tree = new_file()
    node = using.use(first, tree).node
    link(value(tree, "FLOAT", 5.0, name="Five"), node.inputs[0])
    bpy.data.texts.remove(node.script)
    (finding,) = updating.missing()
    assert (finding.node, folder in finding.message) == ("Times", True)
    assert 'version 1 of the preset "Times"' in finding.message
    assert [socket.identifier for socket in node.inputs] == ["number", "times", "extra"]
    assert node.inputs[0].is_linked


def test_group_of_a_library_that_is_gone_leaves_sockets_links_and_word_of_where_it_was(folder, tmp_path):
    preset = save_group(folder, FIRST)
    tree = new_file()
    tree.use_fake_user = True
    with bpy.data.libraries.load(preset.file, link=True) as (_found, wanted):
        wanted.node_groups = ["Group"]
    node = add(tree, "BackgroundNodeGroup", "Use")
    node.node_tree = wanted.node_groups[0]
    link(value(tree, "FLOAT", 5.0, name="Five"), node.inputs[0])
    file = str(tmp_path / "file.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    Path(preset.file).unlink()
    bpy.ops.wm.open_mainfile(filepath=file)
    (finding,) = updating.missing()
    assert finding.node == "Use"
    assert 'group "Group"' in finding.message
    assert Path(preset.file).name in finding.message
    node = bpy.data.node_groups["Tree"].nodes["Use"]
    assert [socket.name for socket in node.inputs] == ["Number"]
    assert node.inputs[0].is_linked
