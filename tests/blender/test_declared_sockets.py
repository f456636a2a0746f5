"""Nodes whose script has no `main`: the artist declares their inputs and outputs, and they stay what they are."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes.node_tree import changes, declared_sockets, fields
from background_nodes.runtime.script.socket_types import SocketType

from .graphs import add, editor, identifiers, link, new_tree, output, quad, script, socket_of, value


@pytest.fixture
def tree():
    return new_tree()


def text(source: str, name: str = "seed.py") -> bpy.types.Text:
    new = bpy.data.texts.new(name)
    new.from_string(textwrap.dedent(source).strip("\n") + "\n")
    return new


def seed(tree, name: str, source: str, /, inputs=(), outputs=(), **given) -> bpy.types.Node:
    """A node of a script without `main`. `inputs`, `outputs`: (name, kind) or (name, kind, True) for a list.

    Without both they are what the script seems to have.
    """
    node = add(tree, "BackgroundNodeScript", name)
    node.script = text(source)
    assert node.source_error == ""
    if inputs or outputs:
        declared_sockets.forget(node)
        node.inputs.clear()
        node.outputs.clear()
        declare(node, *inputs)
        declare(node, *outputs, is_output=True)
    for name_of_input, content in given.items():
        socket = node.inputs[name_of_input]
        if isinstance(content, bpy.types.Node | bpy.types.NodeSocket):
            link(content, socket)
        else:
            socket.default_value = content
    return node


def declare(node, *sockets, is_output: bool = False) -> None:
    for name, kind, *is_list in sockets:
        declared_sockets.declare(node, name, SocketType(kind, bool(is_list)), is_output=is_output)
    node.sync()


def names(sockets) -> list[str]:
    return [socket.name for socket in sockets if socket.enabled]


def types(sockets) -> list[str]:
    return [str(socket.socket_type) for socket in sockets if socket.enabled]


def links_of(tree) -> set[tuple[str, str, str, str]]:
    return {(link.from_node.name, link.from_socket.name, link.to_node.name, link.to_socket.name) for link in tree.links}


def rewrite(node, source: str) -> None:
    """Type over the script."""
    node.script.from_string(textwrap.dedent(source))
    node.sync()


def results(tree) -> dict[str, object]:
    """Run the tree; return the result of each output."""
    background_nodes.run(tree)
    return {socket.name: socket.result for node in tree.nodes for socket in node.outputs if hasattr(socket, "result")}


def problems(tree) -> list[tuple[str, str]]:
    with pytest.raises(background_nodes.CompileError) as caught:
        background_nodes.run(tree)
    return [(problem.socket, f"{problem.message}. {problem.fix}") for problem in caught.value.problems]


# Declaring


def test_chosen_script_brings_the_sockets_it_seems_to_have(tree):
    node = seed(tree, "Node", "python_data = {'sum': a + b, 'text': 'x'}; data_blocks = [source.data]")
    assert dict(zip(names(node.inputs), types(node.inputs), strict=True)) == {
        "a": "float",
        "b": "float",
        "source": "Object",
    }
    assert types(node.outputs) == ["any", "string", "list of ID"]
    assert names(node.outputs) == ["sum", "text", "data_blocks"]


def test_each_type_can_be_declared_as_one_and_as_a_list(tree):
    node = seed(tree, "Node", "x = 1")
    kinds = [item[0] for item in declared_sockets.declarable_types()]
    assert {"FLOAT", "MATRIX", "ANY", "PATH", "Object", "Text", "ID"} < set(kinds)
    assert "MENU" not in kinds
    sockets = [(f"{kind}_{'_'.join(map(str, flag))}", kind, *flag) for kind in kinds for flag in ([], [True])]
    declare(node, *sockets)
    declare(node, *sockets, is_output=True)
    wanted = [SocketType(kind, is_list) for kind in kinds for is_list in (False, True)]
    assert [socket.socket_type for socket in node.inputs] == wanted
    assert [socket.socket_type for socket in node.outputs] == wanted


def test_declaration_is_kept_where_another_script_without_main_is_chosen(tree):
    node = seed(tree, "Node", "python_data = {'sum': a}", a=5.0)
    node.script = text("python_data = {'product': b}", "other.py")
    assert (names(node.inputs), names(node.outputs)) == (["a"], ["sum"])
    assert node.inputs["a"].default_value == 5.0
    assert declared_sockets.add_missing(node, declared_sockets.detected_sockets.detect(node.script.as_string())) == 2
    node.sync()
    assert (names(node.inputs), names(node.outputs)) == (["a", "b"], ["sum", "product"])


@pytest.fixture
def wired(tree):
    """A node between two others, with a value of its own."""
    node = seed(
        tree, "Node", "python_data = {'sum': count + len(tag)}", [("count", "INT"), ("tag", "STRING")], [("sum", "INT")]
    )
    link(value(tree, "INT", 3, name="Make"), node.inputs["count"])
    node.inputs["tag"].default_value = "kept"
    script(tree, "Use", "def main(value: int) -> int: return value + 1", value=node)
    return node


LINKS = {("Make", "Value", "Node", "count"), ("Node", "sum", "Use", "Value")}


def test_values_go_in_by_name_and_come_out_by_key(tree, wired):
    assert results(tree)["Result"] == 3 + 4 + 1


def test_renamed_socket_keeps_its_link_its_value_and_its_identifier(tree, wired):
    before = identifiers(wired.inputs)
    wired.declared_inputs[0].name = "number"
    wired.declared_inputs[1].name = "word"
    wired.declared_outputs[0].name = "total"
    assert (names(wired.inputs), names(wired.outputs)) == (["number", "word"], ["total"])
    assert links_of(tree) == {("Make", "Value", "Node", "number"), ("Node", "total", "Use", "Value")}
    assert (wired.inputs["word"].default_value, identifiers(wired.inputs)) == ("kept", before)
    rewrite(wired, "python_data = {'total': number + len(word)}")
    assert results(tree)["Result"] == 3 + 4 + 1


def test_moved_socket_keeps_its_link_and_its_value(tree, wired):
    wired.declared_inputs.move(0, 1)
    wired.sync()
    assert names(wired.inputs) == ["tag", "count"]
    assert links_of(tree) == LINKS
    assert wired.inputs["tag"].default_value == "kept"


def test_another_type_keeps_the_link_where_there_is_a_conversion(tree, wired):
    wired.declared_inputs[0].data_type = "FLOAT"
    wired.declared_inputs[1].is_list = True
    assert types(wired.inputs) == ["float", "list of string"]
    assert wired.inputs["tag"].default_value == ("kept",)
    assert links_of(tree) == LINKS
    rewrite(wired, "python_data = {'sum': int(count) + len(tag)}")
    assert results(tree)["Result"] == 3 + 1 + 1


def test_another_type_without_a_conversion_leaves_a_link_that_is_refused(tree, wired):
    wired.declared_inputs[0].data_type = "Mesh"
    assert links_of(tree) == LINKS
    assert [socket for socket, _ in problems(tree)] == ["count"]


def test_undeclared_socket_is_gone_with_its_link(tree, wired):
    wired.declared_inputs.remove(0)
    wired.sync()
    assert links_of(tree) == LINKS - {("Make", "Value", "Node", "count")}


def test_description_tells_where_an_output_comes_from(tree):
    source = '"""Docs.\n\nArgs:\n    a: Says what.\n"""\npython_data = {}'
    outputs = [("faces", "INT"), ("Cube", "Object"), ("all", "Object", True), ("data_blocks", "ID", True)]
    node = seed(tree, "Node", source, [("a", "FLOAT")], outputs)
    assert node.inputs["a"].description_text == "Says what."
    assert [socket.description_text for socket in node.outputs] == [
        'python_data["faces"]',
        'data_blocks: Object "Cube"',
        "data_blocks: list of Object",
        "data_blocks",
    ]


# From main and back


def test_main_that_is_being_typed_loses_nothing(tree, wired):
    rewrite(wired, "def main")
    assert links_of(tree) == LINKS
    rewrite(wired, "def main():\n    python_data = {}")
    assert (names(wired.inputs), names(wired.outputs)) == ([], [])
    rewrite(wired, "python_data = {'sum': count + len(tag)}")
    assert links_of(tree) == LINKS
    assert wired.inputs["tag"].default_value == "kept"
    assert results(tree)["Result"] == 3 + 4 + 1


def test_main_takes_over_what_has_its_names_and_gives_it_back(tree, wired):
    rewrite(wired, "def main(tag: str, more: bool, count: int) -> int: return count")
    assert identifiers(wired.inputs) == ["tag", "more", "count"]
    assert ("Make", "Value", "Node", "Count") in links_of(tree)
    assert wired.inputs["Tag"].default_value == "kept"
    wired.inputs["Tag"].default_value = "new"
    rewrite(wired, "python_data = {'sum': count + len(tag)}")
    assert names(wired.inputs) == ["count", "tag"]
    assert links_of(tree) == LINKS
    assert wired.inputs["tag"].default_value == "new"


def test_what_was_put_aside_does_not_keep_others_from_running(tree, wired):
    rewrite(wired, "def main() -> int: return 1")
    found = problems(tree)
    assert found == [("Value", 'the output "sum" of "Node" it is linked to is gone. Remove the link')]
    tree.links.remove(next(item for item in tree.links if item.to_node.name == "Use"))
    tree.nodes["Use"].inputs[0].default_value = 1
    assert results(tree)["Result"] in (1, 2)


def test_chosen_script_with_main_puts_nothing_aside(tree, wired):
    wired.script = text("def main(count: int = 1) -> int: return count", "main.py")
    assert identifiers(wired.inputs) == ["count"]
    assert links_of(tree) == {("Make", "Value", "Node", "Count")}
    assert all(socket.enabled for socket in wired.outputs)


@pytest.fixture
def of_main(tree):
    node = script(tree, "Node", "def main(count: int, kind: Literal['a', 'b'] = 'b') -> int: ...")
    link(value(tree, "INT", 3, name="Make"), node.inputs["Count"])
    return node


def test_main_that_is_renamed_for_a_moment_loses_nothing(tree, of_main):
    good = of_main.script.as_string()
    of_main.script.from_string(good.replace("main", "mai"))
    of_main.sync()
    assert "no function main" in of_main.source_error
    assert identifiers(of_main.inputs) == ["count", "kind"]
    of_main.script.from_string(good)
    of_main.sync()
    assert (of_main.source_error, identifiers(of_main.inputs), len(tree.links)) == ("", ["count", "kind"], 1)


def test_main_that_becomes_a_script_without_keeps_sockets_links_and_values(tree, of_main):
    good = of_main.script.as_string()
    rewrite(of_main, "python_data = {'result': count}")
    assert (names(of_main.inputs), types(of_main.inputs)) == (["count", "kind"], ["int", "string"])
    assert of_main.inputs["kind"].default_value == "b"
    assert len(tree.links) == 1
    assert results(tree)["result"] == 3
    of_main.script.from_string(good)
    of_main.sync()
    assert identifiers(of_main.inputs) == ["count", "kind"]
    assert (of_main.inputs["Kind"].default_value, len(tree.links)) == ("b", 1)
    assert not declared_sockets.has_any(of_main)


def test_empty_text_is_an_error(tree):
    node = add(tree, "BackgroundNodeScript")
    node.script = text("# nothing yet")
    assert "no function main" in node.source_error
    assert not node.is_without_main


def test_two_of_one_name_do_not_both_become_the_parameter(tree):
    node = seed(tree, "Node", "x = 1", [("a", "INT"), ("a", "INT")])
    node.inputs[0].default_value, node.inputs[1].default_value = 1, 2
    rewrite(node, "def main(a: int): ...")
    assert (identifiers([socket for socket in node.inputs if socket.enabled]), node.inputs[0].default_value) == (
        ["a"],
        1,
    )
    rewrite(node, "python_data = {}")
    assert [socket.default_value for socket in node.inputs] == [1, 2]


def test_text_that_is_taken_away_leaves_sockets_and_declaration(tree, wired):
    script_text = wired.script
    wired.script = None
    assert (wired.is_without_main, names(wired.inputs), links_of(tree)) == (False, ["count", "tag"], LINKS)
    wired.script = script_text
    assert (names(wired.inputs), links_of(tree), wired.source_error) == (["count", "tag"], LINKS, "")


def test_name_that_is_too_long_is_a_problem_and_its_socket_is_left_alone(tree):
    node = seed(tree, "Node", "x = 1", [("ü" * 50, "INT")])
    assert node.inputs[0].name == "ü" * 31
    assert problems(tree)[0][1] == "the name is longer than Blender allows a socket. Use 63 letters at most"
    told = []
    changes.listen(told.append)
    node.sync()
    changes.stop_listening(told.append)
    assert not told


# Problems


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "an input has no name"),
        ("two words", "no name of a variable"),
        ("1st", "no name of a variable"),
        ("class", "a word of Python's own"),
        ("bpy", "each script has already"),
        ("python_data", "each script has already"),
    ],
)
def test_input_with_a_bad_name_is_a_problem(tree, name, message):
    seed(tree, "Node", "x = 1", [(name, "FLOAT")])
    ((socket, found),) = problems(tree)
    assert (socket, message in found) == (name, True)


@pytest.mark.parametrize(
    ("name", "kind", "is_list", "message"),
    [
        ("", "INT", [], "an output has no name"),
        ("python_data", "INT", [], "python_data as a whole is of type JSON. Make it JSON"),
        ("data_blocks", "Object", [], "data_blocks as a whole is a list of data-blocks. Make it a list"),
        ("file", "BLEND_FILE", [], "a Blend File is only an input. Save a file in the script"),
        ("data_blocks", "ANY", [], "data_blocks as a whole is a list of data-blocks. Make it a list"),
    ],
)
def test_output_that_can_be_nothing_is_a_problem(tree, name, kind, is_list, message):
    seed(tree, "Node", "x = 1", outputs=[(name, kind, *is_list)])
    ((socket, found),) = problems(tree)
    assert (socket, message in found) == (name, True)


def test_script_works_on_one_blend_file(tree):
    seed(tree, "Node", "x = 1", [("a", "BLEND_FILE"), ("b", "BLEND_FILE"), ("c", "BLEND_FILE", True)])
    found = [message for _, message in problems(tree)]
    assert (
        found[0]
        == "a script works on one Blend File. Make it no list: a list that is linked to it runs the node for each"
    )
    assert 'a script works on one Blend File, and "a" is one already' in found[-1]


def test_two_sockets_of_one_name_are_a_problem(tree):
    node = seed(tree, "Node", "x = 1", [("a", "INT"), ("a", "FLOAT")], [("a", "INT"), ("b", "INT"), ("b", "Mesh")])
    assert [found for _, found in problems(tree)] == [
        'two inputs have the name "a". Rename or remove one of them',
        'two outputs have the name "b". Rename or remove one of them',
    ]
    node.declared_inputs[1].name, node.declared_outputs[2].name = "c", "c"
    assert list(declared_sockets.faults(node)) == []


@pytest.mark.skipif(bpy.app.version >= (5, 0, 0), reason="5.0 shows no property by its key")
def test_type_that_this_blender_does_not_have_is_a_problem(tree):
    node = seed(tree, "Node", "x = 1", [("a", "INT")], [("b", "INT")])
    node.declared_inputs[0]["data_type"] = node.declared_outputs[0]["data_type"] = 12345
    node.sync()
    assert [(name, found) for name, found in problems(tree) if "nothing is linked" not in found] == [
        ("a", "its type is one that this Blender does not have. Choose another type"),
        ("b", "its type is one that this Blender does not have. Choose another type"),
    ]


def test_input_that_shows_no_value_must_be_set_unless_it_is_optional(tree):
    sockets = [("source", "Object"), ("file", "PATH"), ("data", "ANY"), ("sizes", "INT", True), ("size", "INT")]
    node = seed(tree, "Node", "python_data = {'all': [source, file, data, sizes, size]}", sockets, [("all", "ANY")])
    assert [socket for socket, _ in problems(tree)] == ["source", "file", "data", "sizes"]
    for entry in node.declared_inputs:
        entry.is_optional = True
    assert results(tree)["all"] == [None, None, None, [], 0]


# Running


def test_values_have_the_types_that_scripts_expect(tree):
    source = (
        "python_data = {'types': [type(value).__name__ for value in (flag, offset, tint, turn, place, data, file)]}"
    )
    inputs = [("flag", "BOOLEAN"), ("offset", "VECTOR"), ("tint", "COLOR"), ("turn", "ROTATION"), ("place", "MATRIX")]
    inputs += [("data", "ANY"), ("file", "PATH")]
    seed(tree, "Node", source, inputs, [("types", "ANY")], data={"a": 1}, file="/x")
    assert results(tree)["types"] == ["bool", "Vector", "Color", "Euler", "Matrix", "dict", "str"]


def test_data_blocks_go_in_and_come_out_by_type_and_name(tree):
    source = """
        copy = source.copy()
        copy.name = "Copy"
        copy.data = source.data.copy()
        update_job_progress(0.5)
        python_data = {"faces": len(copy.data.polygons)}
        data_blocks = [source, copy, copy.data]
    """
    outputs = [
        ("faces", "INT"),
        ("Copy", "Object"),
        ("mesh", "Mesh"),
        ("objects", "Object", True),
        ("data_blocks", "ID", True),
    ]
    node = seed(tree, "Node", source, [("source", "Object")], outputs, source=quad())
    found = results(tree)
    assert found["faces"] == 1
    assert isinstance(found["Copy"], bpy.types.Object)
    assert isinstance(found["mesh"], bpy.types.Mesh)
    assert found["Copy"].data == found["mesh"]
    assert len(found["objects"]) == 2
    assert len(found["data_blocks"]) == 3
    assert node.outputs["Copy"].result.name.startswith("Copy")


def test_list_into_one_runs_the_node_for_each_item(tree):
    numbers = value(tree, "FLOAT", [1.0, 2.0, 3.0], is_list=True)
    seed(tree, "Node", "python_data = {'double': 2 * a}", [("a", "FLOAT")], [("double", "FLOAT")], a=numbers)
    assert results(tree)["double"] == (2.0, 4.0, 6.0)


def test_list_is_a_list_of_all_that_is_linked(tree):
    node = seed(tree, "Node", "python_data = {'sum': sum(items)}", [("items", "INT", True)], [("sum", "INT")])
    for number in (1, 2, 3):
        link(value(tree, "INT", number), node.inputs["items"])
    assert results(tree)["sum"] == 6


def test_python_data_as_a_whole_is_json(tree):
    seed(tree, "Node", "python_data = {'a': (1, 2)}", outputs=[("python_data", "ANY")])
    assert results(tree)["python_data"] == {"a": (1, 2)}


def test_blend_file_is_open_while_the_script_runs(tree, tmp_path):
    quad("In file")
    source = "python_data = {'there': 'In file' in bpy.data.objects, 'file': type(file).__name__}"
    seed(tree, "Node", source, [("file", "BLEND_FILE")], [("there", "BOOLEAN"), ("file", "STRING")])
    assert results(tree) == {"there": True, "file": "str"}


def test_node_without_outputs_runs(tree, tmp_path):
    seed(tree, "Node", f"open({str(tmp_path / 'done')!r}, 'w').write(word)", [("word", "STRING")], word="x")
    background_nodes.run(tree)
    assert (tmp_path / "done").read_text() == "x"


def test_nodes_of_both_kinds_work_together(tree):
    make = seed(tree, "Make", "data_blocks = [bpy.data.meshes.new('Made')]", outputs=[("Made", "Mesh")])
    count = script(tree, "Count", "def main(mesh: bpy.types.Mesh) -> int: return len(mesh.vertices)", mesh=make)
    output(tree, "KEEP", make)
    assert results(tree)["Result"] == 0
    assert count.outputs[0].result == 0


def test_muted_node_passes_on_by_type(tree, wired):
    wired.mute = True
    assert results(tree)["Result"] == 3 + 1


def test_progress_is_heard(tree):
    seed(tree, "Node", "update_job_progress(0.25)\nupdate_job_progress(0.75)")
    heard = set()
    run = background_nodes.run(tree, on_event=lambda event: event.task and heard.add(event.task.progress))
    assert {0.25, 0.75} <= heard
    assert run.tasks["Node"].progress == 1.0


@pytest.mark.parametrize(
    ("source", "outputs", "message"),
    [
        ("python_data = {'a': 1}", [("b", "INT")], "output \"b\": python_data has no such key, but 'a'"),
        ("python_data = {'a': 'x'}", [("a", "INT")], "a"),
        ("data_blocks = []", [("mesh", "Mesh")], 'output "mesh": in data_blocks, no Mesh is there'),
        ("data_blocks = [1]", [("mesh", "Mesh")], "data_blocks[0] is 1 and no data-block"),
        ("x = unknown", [], "name 'unknown' is not defined"),
    ],
)
def test_wrong_result_tells_the_output_and_what_is_there(tree, source, outputs, message):
    node = seed(tree, "Node", "x = 1", outputs=outputs or [("z", "INT")])
    if not outputs:
        declared_sockets.forget(node)
        node.outputs.clear()
    node.script.from_string(source)
    assert message in background_nodes.run(tree).tasks["Node"].error.message


def test_error_tells_the_line_of_the_script(tree):
    seed(tree, "Node", "x = 1\n\n1 / 0", [("a", "INT")])
    assert background_nodes.run(tree).tasks["Node"].error.line == 3


# Copies, files, undo


def test_copy_has_its_own_declaration_and_the_same_identifiers(tree, wired):
    with editor(tree):
        for node in tree.nodes:
            node.select = node == wired
        tree.nodes.active = wired
        bpy.ops.node.duplicate()
    (copy,) = [node for node in tree.nodes if node.bl_idname == "BackgroundNodeScript" and node.name == "Node.001"]
    assert names(copy.inputs) == ["count", "tag"]
    assert copy.uid != tree.nodes["Node"].uid
    copy.declared_inputs[0].name = "other"
    copy.inputs["tag"].default_value = "changed"
    assert names(tree.nodes["Node"].inputs) == ["count", "tag"]
    assert tree.nodes["Node"].inputs["tag"].default_value == "kept"
    assert names(copy.inputs) == ["other", "tag"]


def test_pasted_node_has_its_declaration(tree, wired):
    with editor(tree):
        for node in tree.nodes:
            node.select = node == wired
        bpy.ops.node.clipboard_copy()
        bpy.ops.node.clipboard_paste()
    pasted = next(node for node in tree.nodes if node.name == "Node.001")
    pasted.declared_outputs[0].name = "total"
    assert (names(pasted.outputs), names(tree.nodes["Node"].outputs)) == (["total"], ["sum"])
    assert pasted.inputs["tag"].default_value == "kept"


def test_declaration_survives_save_reload_and_append(tree, wired, awkward_path, tmp_path):
    file = str(awkward_path / "tree.blend")
    tree.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    tree = bpy.data.node_groups["Tree"]
    assert links_of(tree) == LINKS
    assert results(tree)["Result"] == 3 + 4 + 1
    shutil.copy(file, tmp_path / "copy.blend")
    with bpy.data.libraries.load(str(tmp_path / "copy.blend")) as (_, target):
        target.node_groups = ["Tree"]
    (appended,) = target.node_groups
    assert links_of(appended) == LINKS
    appended.nodes["Node"].declared_inputs[0].name = "number"
    assert names(appended.nodes["Node"].inputs) == ["number", "tag"]
    assert names(tree.nodes["Node"].inputs) == ["count", "tag"]


def test_undo_takes_back_a_name_and_a_type_with_their_socket(tree, wired):
    bpy.ops.ed.undo_push(message="Before")
    wired.declared_inputs[1].name = "word"
    wired.declared_inputs[1].data_type = "INT"
    bpy.ops.ed.undo_push(message="After")
    bpy.ops.ed.undo()
    node = bpy.data.node_groups["Tree"].nodes["Node"]
    assert (names(node.inputs), types(node.inputs)) == (["count", "tag"], ["int", "string"])
    assert node.inputs["tag"].default_value == "kept"
    bpy.ops.ed.redo()
    node = bpy.data.node_groups["Tree"].nodes["Node"]
    assert (names(node.inputs), types(node.inputs)) == (["count", "word"], ["int", "int"])
    node.declared_inputs[1].name = "again"
    assert names(node.inputs) == ["count", "again"]
    assert socket_of(node.inputs, node.declared_inputs[1].identifier).name == "again"


def test_linked_tree_with_a_declaration_runs(tree, wired, tmp_path):
    file = str(tmp_path / "tree.blend")
    tree.use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(file, link=True) as (_, target):
        target.node_groups = ["Tree"]
    (linked,) = target.node_groups
    run = background_nodes.run(linked)
    assert run.fetch("Use", "result") == 3 + 4 + 1


# The operators


operators = bpy.ops.background_nodes


@pytest.fixture
def active(tree, wired):
    """The node, active in an editor."""
    tree.nodes.active = wired
    with editor(tree):
        yield wired


def test_added_sockets_have_names_of_their_own_and_come_below_the_active_one(active):
    active.active_input_index = 0
    assert operators.socket_declare() == {"FINISHED"}
    assert operators.socket_declare() == {"FINISHED"}
    assert (names(active.inputs), active.active_input_index) == (["count", "value", "value_2", "tag"], 2)
    assert operators.socket_declare(is_output=True) == {"FINISHED"}
    assert (names(active.outputs), types(active.outputs)) == (["sum", "result"], ["int", "any"])
    assert list(declared_sockets.faults(active)) == []


def test_button_of_a_node_adds_to_that_node_at_the_end(tree, active):
    tree.nodes.active = tree.nodes["Use"]
    assert operators.socket_declare(node_name="Node") == {"FINISHED"}
    assert names(active.inputs) == ["count", "tag", "value"]
    assert operators.socket_declare(node_name="Use") == {"CANCELLED"}


def test_removed_socket_takes_its_link_along_and_the_last_one_may_go(tree, active):
    active.active_input_index = 0
    assert operators.socket_undeclare() == {"FINISHED"}
    assert (names(active.inputs), active.active_input_index) == (["tag"], 0)
    assert operators.socket_undeclare() == {"FINISHED"}
    assert operators.socket_undeclare() == {"CANCELLED"}
    assert operators.socket_undeclare(is_output=True) == {"FINISHED"}
    assert (active.source_error, len(active.inputs), len(active.outputs), len(tree.links)) == ("", 0, 0, 0)


def test_moved_up_and_down_keeps_links(tree, active):
    active.active_input_index = 0
    assert operators.socket_declaration_move(direction="UP") == {"CANCELLED"}
    assert operators.socket_declaration_move(direction="DOWN") == {"FINISHED"}
    assert operators.socket_declaration_move(direction="DOWN") == {"CANCELLED"}
    assert (names(active.inputs), active.active_input_index, links_of(tree)) == (["tag", "count"], 1, LINKS)


def test_detected_sockets_are_added_and_none_is_removed(tree, active):
    rewrite(active, "python_data = {'more': count + other}")
    assert operators.sockets_detect() == {"FINISHED"}
    assert (names(active.inputs), names(active.outputs)) == (["count", "tag", "other"], ["sum", "more"])
    assert links_of(tree) == LINKS
    assert operators.sockets_detect() == {"CANCELLED"}


def test_operators_need_a_script_without_main_and_a_tree_of_this_file(tree, active):
    assert operators.sockets_detect.poll()
    tree.nodes.active = tree.nodes["Use"]
    for operator in (operators.sockets_detect, operators.socket_undeclare, operators.socket_declaration_move):
        assert not operator.poll()
    assert operators.socket_declare.poll()  # a node's own button says which


def test_main_that_is_gone_can_be_declared_in_its_place(tree, of_main):
    tree.nodes.active = of_main
    of_main.script.from_string("print(count)")
    of_main.sync()
    assert "declare its inputs and outputs in the Sidebar" in of_main.source_error
    with editor(tree):
        assert operators.socket_declare() == {"FINISHED"}
    assert of_main.source_error == ""
    assert sorted(names(of_main.inputs)) == ["count", "kind", "value"]
    assert len(tree.links) == 1


def test_each_change_is_one_step_of_undo(tree, wired):
    tree.nodes.active = wired
    bpy.ops.ed.undo_push(message="Before")
    with editor(tree):
        operators.socket_declare("EXEC_DEFAULT", True)
    bpy.ops.ed.undo()
    node = bpy.data.node_groups["Tree"].nodes["Node"]
    assert (names(node.inputs), len(node.declared_inputs)) == (["count", "tag"], 2)


def test_new_script_without_main_runs(tree):
    with editor(tree):
        assert operators.script_new(is_without_main=True) == {"FINISHED"}
    node = tree.nodes.active
    assert (names(node.inputs), types(node.inputs)) == (["source", "thickness"], ["Object", "float"])
    assert node.inputs["source"].description_text == "The object, a copy: yours stays as it is."
    node.inputs["source"].default_value = quad()
    found = results(tree)
    assert found["faces"] == 1
    assert [modifier.type for modifier in found["data_blocks"][0].modifiers] == ["SOLIDIFY"]


def test_script_of_the_documentation_has_the_sockets_it_promises_and_runs(tree):
    page = (Path(__file__).parents[2] / "docs" / "scripts.md").read_text(encoding="utf-8")
    (source,) = [
        block
        for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
        if "python_data" in block
    ]
    node = seed(tree, "Node", source)
    assert (names(node.inputs), types(node.inputs)) == (["source", "factor"], ["Object", "float"])
    assert names(node.outputs) == ["faces", "name", "data_blocks"]
    declare(node, ("scaled", "Object"), ("mesh", "Mesh"), is_output=True)
    node.inputs["source"].default_value, node.inputs["factor"].default_value = quad(), 2.0
    found = results(tree)
    assert (found["faces"], found["name"]) == (1, "Quad")
    assert tuple(found["scaled"].scale) == (2.0, 2.0, 2.0)
    assert found["scaled"].data == found["mesh"]
    assert node.inputs["source"].description_text == "The object, a copy: yours stays as it is."


# Where scripts are found, and the command line


def test_texts_that_look_without_main_can_be_added(tree):
    from background_nodes.addon.adding import node_choices

    text("python_data = {'a': size}", "seed")
    text("x = 1", "module")
    text("python_data = {", "broken")
    broken, choice = node_choices.texts()
    assert broken.name == "broken", "as one with a broken main: menus parse nothing, and its node says what is wrong"
    assert (choice.name, choice.sockets(are_outputs=False)[0].label) == ("seed", "size")
    node = choice.add_to(tree)
    assert (names(node.inputs), names(node.outputs)) == (["size"], ["a"])


def test_script_of_a_folder_is_without_main_beyond_doubt_or_left_out(tmp_path):
    from background_nodes.addon.adding import node_choices
    from background_nodes.node_tree.script_folders import ScriptFolders

    (tmp_path / "seed.py").write_text('"""Count."""\nupdate_job_progress(size)')
    (tmp_path / "module.py").write_text("def helper(): ...")
    folders = ScriptFolders(node_choices._folders._read_signature)
    folders.set_folders([str(tmp_path)])
    folders.read()
    (found,) = folders.scripts()
    assert (found.path, found.signature.description) == (str(tmp_path / "seed.py"), "Count.")


def test_searched_socket_is_linked_by_its_name(tree):
    text("python_data = {'a:b': size}", "seed")
    source = value(tree, "FLOAT", 1.0)
    with editor(tree):
        operators.node_search(node_name=source.name, offer="text:seed:size")
        assert ("Input", "Value", "Seed", "size") in links_of(tree)
        use = script(tree, "Use", "def main(value: str): ...")
        offer = "text:seed:a%3Ab"
        operators.node_search(node_name=use.name, use_inputs=True, offer=offer)
    assert use.inputs[0].links[0].from_socket.name == "a:b"


def test_command_line_sets_and_lists_sockets_by_their_names(tree, wired):
    from background_nodes.addon.command_line import report
    from background_nodes.addon.command_line.assignments import assign
    from background_nodes.node_tree.lookup import InputError

    assign(tree, "Node.tag=longer")
    assert wired.inputs["tag"].default_value == "longer"
    with pytest.raises(InputError, match=r"Did you mean \"tag\""):
        assign(tree, "Node.tga=x")
    assert "Node.tag  string" in report.Listing([tree]).as_text()
    wired.keep_result = True
    run = background_nodes.run(tree)
    assert dict(report._results(tree, run))["Node"]["sum"]["value"] == 3 + 6
    assert run.fetch("Node", "sum") == 3 + 6


def test_retry_takes_over_a_fixed_script(tree):
    node = seed(tree, "Node", "python_data = {'a': 1 / zero}", [("zero", "FLOAT")], [("a", "FLOAT")])
    run = background_nodes.run(tree)
    assert "ZeroDivisionError" in run.tasks["Node"].error.message
    node.inputs["zero"].default_value = 2.0
    run.retry()
    run.wait()
    assert node.outputs["a"].result == 0.5


# Defaults and limits


def test_declared_limits_and_default_are_those_of_the_field(tree):
    node = seed(tree, "Node", "python_data = {'r': size}", [("size", "FLOAT")], [("r", "FLOAT")])
    entry, socket = node.declared_inputs[0], node.inputs[0]
    entry.use_minimum, entry.minimum, entry.use_maximum, entry.maximum = True, 0.1, True, 0.7
    assert (node.inputs[0].default_value, results(tree)["r"]) == (pytest.approx(0.1), 0.1)  # 0 is out of the range
    socket.default_value = 9.0
    assert results(tree)["r"] == 0.7
    socket.default_value = 0.5
    declared_sockets.use_as_default(entry, socket)
    assert json.loads(socket.field_json) == {"default": 0.5, "minimum": 0.1, "maximum": 0.7}
    assert fields.is_untouched(socket)


def test_declared_default_that_the_type_can_t_hold_counts_for_nothing(tree):
    node = seed(tree, "Node", "python_data = {'r': 1}", [("tag", "STRING")], tag="x")
    entry = node.declared_inputs[0]
    declared_sockets.use_as_default(entry, node.inputs[0])
    entry.data_type = "INT"
    assert node.inputs[0].default_value == 0
    entry.data_type = "STRING"
    assert node.inputs[0].default_value == "x"


def test_declared_range_without_a_number_in_it_is_a_problem(tree):
    node = seed(tree, "Node", "python_data = {'r': size}", [("size", "FLOAT")])
    entry = node.declared_inputs[0]
    entry.use_minimum, entry.minimum, entry.use_maximum, entry.maximum = True, 2.0, True, 1.0
    assert [fault.message for fault in declared_sockets.faults(node)] == ["its largest value is less than its least"]
    entry.use_maximum = False
    assert not list(declared_sockets.faults(node))


def test_defaults_and_limits_of_a_main_that_is_gone_stay(tree):
    node = script(tree, "Node", "def main(size: Annotated[float, Range(0.1, 5.0)] = 0.7, tag: str = 'a') -> int: ...")
    node.inputs["Tag"].default_value = "own"
    rewrite(node, "python_data = {'result': size}")
    assert json.loads(node.inputs["size"].field_json) == {"default": 0.7, "minimum": 0.1, "maximum": 5.0}
    assert [(fields.is_untouched(socket), socket.get_value()) for socket in node.inputs] == [
        (True, pytest.approx(0.7)),
        (False, "own"),
    ]


def test_value_becomes_the_default_by_a_button(tree):
    node = seed(tree, "Node", "python_data = {'r': size}", [("size", "FLOAT"), ("place", "VECTOR")], place=(1, 2, 3))
    tree.nodes.active, node.active_input_index = node, 1
    with editor(tree):
        assert bpy.ops.background_nodes.socket_default_set() == {"FINISHED"}
    assert [entry.default_json for entry in node.declared_inputs] == ["", "[1.0, 2.0, 3.0]"]
