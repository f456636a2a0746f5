"""The Add menu's operator, and the search of nodes that fit a socket."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.adding import node_choices, node_search, search_words, selection
from background_nodes.addon.adding.node_choices import NodeChoice
from background_nodes.addon.preferences import preferences
from background_nodes.node_tree.script_folders import ScriptFolders
from background_nodes.runtime.script.socket_types import SocketType

from .graphs import add, editor, new_material, new_tree, quad, script, value

DOUBLE = "def main(number: int) -> int: return 2 * number\n"


@pytest.fixture
def tree():
    tree = new_tree()
    with editor(tree):
        yield tree


@pytest.fixture
def scripts(tmp_path, monkeypatch):
    """A folder with scripts of the artist's own."""
    (tmp_path / "tools" / "deep").mkdir(parents=True)
    (tmp_path / "tools" / "double it.py").write_text(DOUBLE)
    (tmp_path / "tools" / "broken.py").write_text("def main(number: int) -> int:\n    return (\n")
    (tmp_path / "tools" / "helper.py").write_text("import bpy\n")
    (tmp_path / "tools" / "deep" / "half.py").write_text(DOUBLE.replace("2 *", "0.5 *").replace("-> int", "-> float"))
    monkeypatch.setattr(preferences, "script_folders", lambda: (str(tmp_path / "tools"),))
    node_choices.folder_scripts()
    node_choices._folders.read()
    return tmp_path / "tools"


def titles(socket_type: SocketType | None, *, from_output: bool) -> list[str]:
    return [offer.title for offer in node_search.offers(socket_type, from_output=from_output)]


# Choices


def test_every_shipped_script_can_be_added_and_has_the_sockets_its_choice_says(tree):
    for _, choices in node_choices.library():
        for choice in choices:
            node = choice.add_to(tree)
            for are_outputs, sockets in ((False, node.inputs), (True, node.outputs)):
                expected = [(socket.identifier, socket.type) for socket in choice.sockets(are_outputs=are_outputs)]
                assert [(socket.identifier, socket.socket_type) for socket in sockets] == expected
            assert choice.title == node.draw_label()
            assert choice.description


@pytest.mark.parametrize("kind", [choice.name for choice in node_choices.inputs()])
def test_input_choice_adds_an_input_of_its_type(tree, kind):
    node = NodeChoice("input", kind).add_to(tree)
    assert node.data_type == kind
    assert [socket.socket_type for socket in node.outputs] == [
        socket.type for socket in NodeChoice("input", kind).sockets(are_outputs=True)
    ]


@pytest.mark.parametrize("name", ["NodeReroute", "NodeFrame", "BackgroundNodeOutput", "BackgroundNodeScript"])
def test_other_choices_add_their_nodes(tree, name):
    assert NodeChoice("node", name).add_to(tree).bl_idname == name
    assert NodeChoice("node", name).title


def test_identifier_of_a_choice_has_no_space_and_finds_it_again():
    choice = NodeChoice("text", "Größe: 2 x.py")
    assert " " not in choice.identifier
    assert node_choices.find(choice.identifier) == choice


def test_texts_with_a_main_are_choices(tree):
    bpy.data.texts.new("double").write(DOUBLE)
    bpy.data.texts.new("broken").write("def main(:\n")
    bpy.data.texts.new("notes").write("the main thing\n")
    assert [choice.name for choice in node_choices.texts()] == ["broken", "double"]
    assert NodeChoice("text", "double").add_to(tree).script == bpy.data.texts["double"]


# The artist's own folders


def test_folders_are_categories(scripts):
    categories = {name: [script.path for script in found] for name, found in node_choices.folder_categories().items()}
    assert categories == {
        "Tools": [str(scripts / "broken.py"), str(scripts / "double it.py")],
        "Deep": [str(scripts / "deep" / "half.py")],
    }


def test_script_with_an_error_is_listed_with_the_reason(scripts):
    broken = next(script for script in node_choices.folder_scripts() if script.path.endswith("broken.py"))
    assert broken.signature is None
    assert "syntax error" in broken.error
    assert broken.line > 0


def test_script_of_a_folder_becomes_a_node_with_its_path(tree, scripts):
    node = NodeChoice("file", str(scripts / "double it.py")).add_to(tree)
    assert node.filepath == str(scripts / "double it.py")
    assert [socket.name for socket in node.inputs] == ["Number"]
    assert node.draw_label() == "Double It"


def test_unchanged_files_are_read_once(tmp_path):
    (tmp_path / "one.py").write_text("one")
    read = []
    folders = ScriptFolders(lambda path: read.append(path) or node_choices._library_signature("mesh/decimate"))
    folders.set_folders([str(tmp_path)])
    folders.read()
    folders.read()
    assert len(read) == len(folders.scripts()) == 1
    (tmp_path / "one.py").write_text("changed")
    (tmp_path / "two.py").write_text("two")
    folders.read()
    assert [len(read), len(folders.scripts())] == [3, 2]
    (tmp_path / "one.py").unlink()
    folders.read()
    assert [found.path for found in folders.scripts()] == [str(tmp_path / "two.py")]


def test_folder_that_is_gone_has_no_scripts(tmp_path):
    folders = ScriptFolders(lambda _path: pytest.fail("read"))
    folders.set_folders([str(tmp_path / "gone")])
    folders.read()
    assert folders.scripts() == ()


# The operator of the menu


def test_added_node_is_at_the_cursor_and_alone_selected(tree):
    other = value(tree, "INT", 1)
    other.select = True
    bpy.context.space_data.cursor_location = (30, 40)
    assert bpy.ops.background_nodes.node_add(choice="library:mesh/decimate") == {"FINISHED"}
    node = tree.nodes.active
    assert (node.library_script, tuple(node.location)) == ("mesh/decimate", (30, 40))
    assert [node.name for node in tree.nodes if node.select] == [node.name]


def test_choice_that_is_gone_is_reported(tree):
    with pytest.raises(RuntimeError, match="Gone can't be added"):
        bpy.ops.background_nodes.node_add(choice="text:gone")
    assert not len(tree.nodes)


# The search


def test_offers_for_an_output_are_inputs_that_take_it():
    found = titles(SocketType("Object"), from_output=True)
    assert "Decimate" in found
    assert found[0] == "Output"
    assert found[-1] == "Reroute"
    assert "Resize Image" not in found
    assert not [title for title in found if title.startswith("Input")]


def test_offers_for_an_input_are_outputs_that_fit_it():
    found = titles(SocketType("Object"), from_output=False)
    assert {"Decimate", "Input ▸ Object", "Reroute"} <= set(found)
    assert not {"Decimate ▸ Faces", "Output", "Input ▸ Image"} & set(found)


def test_offers_of_the_same_type_come_first():
    found = titles(SocketType("FLOAT"), from_output=False)
    assert found.index("Input ▸ Float") < found.index("Decimate ▸ Faces")
    assert found[-1].startswith("Reroute")


@pytest.mark.parametrize("from_output", [False, True])
def test_a_node_is_offered_by_its_name_for_the_first_socket_that_fits_and_before_its_others(from_output):
    shorter = {}
    offers = node_search.offers(SocketType("Object"), from_output=from_output)
    named = {offer.choice for offer in offers if offer.is_main}
    for place, offer in enumerate(offers):
        if offer.choice.kind == "library" and offer.choice in named:
            sockets = [socket.identifier for socket in offer.choice.sockets(are_outputs=not from_output)]
            shorter.setdefault(offer.choice, []).append(
                (len(offer.title), place, sockets.index(offer.socket.identifier))
            )
    assert shorter
    assert all(found == sorted(found) for found in shorter.values())
    titles = [offer.title for offer in offers]
    if from_output:
        assert titles.index("Render Still") < titles.index("Render Still ▸ Camera")


def test_main_socket_is_the_first_of_a_type_of_data_blocks_and_of_values_there_is_none(tree):
    bpy.data.texts.new("Mix").write(
        "import bpy\ndef main(share: float, item: bpy.types.Image, other: bpy.types.Image) -> int: return 1\n"
    )
    found = [title for title in titles(SocketType("Image"), from_output=True) if title.startswith("Mix")]
    assert found == ["Mix", "Mix ▸ Other"]
    assert "Mix ▸ Share" in titles(SocketType("FLOAT"), from_output=True)


def test_only_the_input_of_the_type_is_offered_if_there_is_one():
    def inputs(kind: str) -> list[str]:
        return [title for title in titles(SocketType(kind), from_output=False) if title.startswith("Input ▸")]

    assert inputs("Object") == ["Input ▸ Object"]
    assert {"Input ▸ Object", "Input ▸ Image"} <= set(inputs("ID"))
    assert {"Input ▸ Float", "Input ▸ String"} <= set(inputs("ANY"))
    assert "Input ▸ String" in inputs("MENU")


def test_offers_have_texts_and_own_folders(scripts):
    bpy.data.texts.new("Double").write(DOUBLE)
    found = titles(SocketType("INT"), from_output=True)
    assert {"Double ▸ Number", "Double It ▸ Number"} <= set(found)


def test_unknown_type_is_offered_everything():
    assert len(titles(None, from_output=True)) > len(titles(SocketType("Object"), from_output=True))


def test_identifiers_of_offers_are_unique(scripts):
    for from_output in (False, True):
        found = [offer.identifier for offer in node_search.offers(None, from_output=from_output)]
        assert len(found) == len(set(found))


def test_added_node_is_named_as_its_header_is(tree):
    choices = [NodeChoice("library", "mesh/decimate"), NodeChoice("input", "FLOAT")]
    assert [choice.add_to(tree).name for choice in choices] == ["Decimate", "Float"]
    assert NodeChoice("node", "BackgroundNodeScript").add_to(tree).name == "Script"


def test_picked_node_is_linked_to_the_output(tree):
    node = NodeChoice("library", "mesh/decimate").add_to(tree)
    tree.nodes.active = node
    bpy.ops.background_nodes.node_search(offer="library:mesh/voxel_remesh:source")
    assert [(link.from_node, link.from_socket.name) for link in tree.links] == [(node, "Decimated")]
    assert [(link.to_node, link.to_socket.name) for link in tree.links] == [(tree.nodes.active, "Source")]


def test_picked_node_is_linked_to_the_input(tree):
    node = NodeChoice("library", "mesh/decimate").add_to(tree)
    bpy.ops.background_nodes.node_search(
        node_name=node.name, socket_identifier="ratio", use_inputs=True, offer="input:FLOAT:value"
    )
    assert [(link.from_node.data_type, link.to_socket.identifier) for link in tree.links] == [("FLOAT", "ratio")]


def test_list_takes_another_link_and_single_input_replaces_its_own(tree):
    make = script(tree, "Make", "def main() -> bpy.types.Object: 0")
    output = add(tree, "BackgroundNodeOutput")
    tree.links.new(make.outputs[0], output.inputs[0])
    bpy.ops.background_nodes.node_search(node_name="Output", use_inputs=True, offer="input:Object:value")
    assert len(output.inputs[0].links) == 2


def test_picked_reroute_has_the_type_of_the_socket(tree):
    node = value(tree, "Object", None)
    tree.nodes.active = node
    bpy.ops.background_nodes.node_search(offer="node:NodeReroute:Input")
    reroute = tree.nodes.active
    assert reroute.inputs[0].links[0].from_node == node
    if hasattr(reroute, "socket_idname"):
        assert reroute.socket_idname == "BackgroundNodeSocketObject"


def test_type_of_a_socket_is_found_through_reroutes(tree):
    number, double = value(tree, "INT", 1), script(tree, "Double", DOUBLE)
    first, second = add(tree, "NodeReroute"), add(tree, "NodeReroute")
    assert node_search.type_of(first.outputs[0]) is None
    tree.links.new(first.outputs[0], second.inputs[0])
    tree.links.new(second.outputs[0], double.inputs[0])
    assert node_search.type_of(first.inputs[0]) == SocketType("INT")
    assert node_search.type_of(second.outputs[0]) is None
    tree.links.new(number.outputs[0], first.inputs[0])
    assert node_search.type_of(second.outputs[0]) == SocketType("INT")


def test_nothing_to_link_to_is_no_node(tree):
    with pytest.raises((TypeError, RuntimeError)):
        bpy.ops.background_nodes.node_search(offer="library:mesh/voxel_remesh:source")
    assert not len(tree.nodes)


# Files


def drop(*paths) -> set[str]:
    return bpy.ops.background_nodes.files_drop(
        directory=str(paths[0].parent), files=[{"name": path.name} for path in paths]
    )


def test_dropped_script_is_a_node_of_its_file(tree, scripts):
    drop(scripts / "double it.py")
    assert [node.filepath for node in tree.nodes] == [str(scripts / "double it.py")]


@pytest.mark.parametrize(
    ("name", "library_script"),
    [
        ("a.PNG", "image/load_image"),
        ("a.blend", "import_export/append_from_blend"),
        ("a.obj", "import_export/import_obj"),
        ("a.glb", "import_export/import_gltf"),
        ("a.fbx", "import_export/import_fbx"),
        ("a.usdz", "import_export/import_usd"),
    ],
)
def test_dropped_file_is_a_node_that_reads_it(tree, tmp_path, name, library_script):
    drop(tmp_path / name)
    node = tree.nodes.active
    assert (node.library_script, node.inputs["filepath"].default_value) == (library_script, str(tmp_path / name))


def test_files_dropped_together_are_nodes_below_each_other(tree, tmp_path):
    drop(tmp_path / "a.png", tmp_path / "notes.txt", tmp_path / "b.png")
    assert len({node.location.y for node in tree.nodes}) == len(tree.nodes) == 2
    assert all(node.select for node in tree.nodes)


def test_dropped_file_that_no_node_reads_is_reported(tree, tmp_path):
    assert drop(tmp_path / "notes.txt") == {"CANCELLED"}
    assert not len(tree.nodes)


# What is selected


def test_selected_objects_are_one_list(tree):
    objects = [quad(f"Rock {number}") for number in range(7)]
    for selected in objects:
        selected.select_set(True)
    assert bpy.ops.background_nodes.input_from_selection(source="OBJECTS") == {"FINISHED"}
    (node,) = tree.nodes
    assert node.select
    assert node.draw_label() == "7 Objects"
    assert node.outputs[0].socket_type == SocketType("Object", is_list=True)
    assert set(node.outputs[0].default_value) == set(objects)


def test_one_selected_object_is_no_list(tree):
    quad("A").select_set(True)
    bpy.ops.background_nodes.input_from_selection(source="OBJECTS")
    (node,) = tree.nodes
    assert (node.draw_label(), node.outputs[0].default_value) == ("Object", bpy.data.objects["A"])


def test_what_is_selected_is_a_list_for_each_type(tree, monkeypatch):
    objects, meshes = [quad("A"), quad("B")], [bpy.data.meshes.new("Alone")]
    source = ("Selected in Outliner", "", lambda context: [objects[0], meshes[0], None, objects[1], objects[0]])
    monkeypatch.setitem(selection._SOURCES, "OUTLINER", source)
    bpy.ops.background_nodes.input_from_selection(source="OUTLINER")
    first, second = tree.nodes
    assert (first.draw_label(), first.outputs[0].default_value) == ("2 Objects", tuple(objects))
    assert (second.draw_label(), second.outputs[0].default_value) == ("Mesh", meshes[0])
    assert first.location != second.location


@pytest.mark.parametrize("is_list", [False, True])
def test_input_is_filled_again_from_what_is_selected(tree, is_list):
    objects = [quad(name) for name in "ABC"]
    node = NodeChoice("input", "Object").add_to(tree)
    node.is_list = is_list
    for selected in objects[1:]:
        selected.select_set(True)
    assert bpy.ops.background_nodes.input_fill(node_name=node.name) == {"FINISHED"}
    assert node.outputs[0].default_value == (tuple(objects[1:]) if is_list else objects[1])
    objects[2].select_set(False)
    bpy.ops.background_nodes.input_fill(node_name=node.name)
    assert node.outputs[0].default_value == ((objects[1],) if is_list else objects[1])
    objects[1].select_set(False)
    assert bpy.ops.background_nodes.input_fill(node_name=node.name) == {"CANCELLED"}
    assert node.outputs[0].default_value == ((objects[1],) if is_list else objects[1])


def test_materials_are_filled_from_the_outliner_if_more_are_selected_there(tree, monkeypatch):
    materials = [new_material(name) for name in "AB"]
    bpy.context.view_layer.objects.active = quad("Q", material=materials[0])
    node = NodeChoice("input", "Material").add_to(tree)
    bpy.ops.background_nodes.input_fill(node_name=node.name)
    assert node.outputs[0].default_value == materials[0]
    source = ("Selected in Outliner", "", lambda context: [bpy.data.objects["Q"], *materials])
    monkeypatch.setitem(selection._SOURCES, "OUTLINER", source)
    node.is_list = True
    bpy.ops.background_nodes.input_fill(node_name=node.name)
    assert node.outputs[0].default_value == tuple(materials)


def test_input_of_the_active_collection_and_material(tree):
    collection = bpy.data.collections.new("Collection")
    layer = bpy.context.view_layer
    bpy.context.scene.collection.children.link(collection)
    layer.active_layer_collection = layer.layer_collection.children[0]
    layer.objects.active = quad("A", material=new_material("Paint"))
    for source, data_block in (("COLLECTION", collection), ("MATERIAL", bpy.data.materials["Paint"])):
        bpy.ops.background_nodes.input_from_selection(source=source)
        assert tree.nodes.active.outputs[0].default_value == data_block


def test_nothing_selected_is_reported(tree):
    for source in ("OBJECTS", "COLLECTION", "MATERIAL", "IMAGE", "TEXT"):
        assert bpy.ops.background_nodes.input_from_selection(source=source) == {"CANCELLED"}
    assert not len(tree.nodes)


def test_other_words_for_shipped_nodes_are_of_nodes_that_are_there_and_not_in_their_titles():
    shipped = {choice.name: choice for _, choices in node_choices.library() for choice in choices}
    assert set(search_words._WORDS) <= set(shipped)
    for name, words in search_words._WORDS.items():
        assert not [word for word in words if word.lower() in shipped[name].title.lower()], name
