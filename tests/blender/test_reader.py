"""The reader: reroutes, frames, mutes, paths and numbers; and every problem at once, before anything runs."""

from __future__ import annotations

import os

import bpy
import pytest

import background_nodes
from background_nodes.node_tree import reader
from background_nodes.node_tree.links import is_refused, mark
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.planning.compiler import compile_graph

from .graphs import add, link, new_text, new_tree, output, quad, script, socket_of, value


@pytest.fixture
def tree():
    return new_tree()


def compiled(tree):
    return compile_graph(reader.read(tree, bpy.context.scene))


def constants(tree, task: str, parameter: str) -> list:
    """The values that arrive at a parameter."""
    planned = next(planned for planned in compiled(tree).tasks if planned.name == task)
    argument = next(argument for argument in planned.arguments if argument.parameter.identifier == parameter)
    return [source.value for source in argument.sources]


def outside(tree, name: str, parameter: str, content: float) -> None:
    """A node whose script was given a range of 0 to 1 after the artist had set a value."""
    identifier, kind = parameter.split(": ")
    node = script(tree, name, f"def main({parameter} = 0): ...")
    node.inputs[0].default_value = content
    limited = new_text("limited", f"def main({identifier}: Annotated[{kind}, Range(0, 1)] = 0): ...")
    node.script.from_string(limited.as_string())


def problems(tree) -> list[tuple[str, str]]:
    with pytest.raises(CompileError) as caught:
        compiled(tree)
    assert all(problem.fix for problem in caught.value.problems)
    return [(problem.node, problem.socket) for problem in caught.value.problems]


def reroute(tree, source, *targets):
    node = tree.nodes.new("NodeReroute")
    link(source, node.inputs[0])
    for target in targets:
        link(node.outputs[0], target)
    return node


TAKE = "def main(number: int = 7) -> int: return number"
TAKE_MANY = "def main(numbers: list[int]): ..."


# What is read


def test_reroutes_pass_the_value_of_what_they_are_linked_to(tree):
    take = script(tree, "Take", TAKE)
    first = reroute(tree, value(tree, "INT", 3))
    reroute(tree, first.outputs[0], take.inputs[0])
    assert constants(tree, "Take", "number") == [3]


def test_reroute_linked_to_nothing_leaves_the_sockets_own_value(tree):
    take = script(tree, "Take", TAKE)
    link(tree.nodes.new("NodeReroute").outputs[0], take.inputs[0])
    assert constants(tree, "Take", "number") == [7]


def test_muted_link_leaves_the_sockets_own_value(tree):
    take = script(tree, "Take", TAKE)
    link(value(tree, "INT", 3), take.inputs[0]).is_muted = True
    assert constants(tree, "Take", "number") == [7]


def test_muted_node_passes_its_input_through(tree):
    middle = script(tree, "Middle", "def main(number: int) -> int: ...", number=value(tree, "INT", 3))
    script(tree, "Take", TAKE, number=middle)
    middle.mute = True
    assert constants(tree, "Take", "number") == [3]


def test_frames_and_what_they_hold_are_read_as_if_there_were_none(tree):
    take = script(tree, "Take", TAKE, number=value(tree, "INT", 3))
    frame = tree.nodes.new("NodeFrame")
    for node in tree.nodes:
        if node != frame:
            node.parent = frame
    assert constants(tree, "Take", "number") == [3]
    assert [task.id for task in compiled(tree).tasks] == [take.uid]


def test_links_of_a_list_arrive_in_the_order_in_which_they_were_made(tree):
    inputs = [value(tree, "INT", number) for number in range(5)]
    order = [3, 0, 4, 1, 2]
    script(tree, "Take", TAKE_MANY, numbers=[inputs[index] for index in order])
    assert constants(tree, "Take", "numbers") == order


def test_link_swapped_in_a_list_changes_the_order(tree):
    inputs = [value(tree, "INT", number) for number in range(3)]
    take = script(tree, "Take", TAKE_MANY, numbers=inputs)
    first, _, last = sorted(take.inputs[0].links, key=lambda link: link.multi_input_sort_id)
    first.swap_multi_input_sort_id(last)
    assert constants(tree, "Take", "numbers") == [2, 1, 0]


def test_float_is_read_as_it_was_typed(tree):
    source = "def main(size: Annotated[float, Range(0.1, 0.1)] = 0.1, offset: Vector = (0.1, 0.7, 0)): ..."
    node = script(tree, "Take", source)
    node.inputs["Size"].default_value = 0.1
    assert constants(tree, "Take", "size") == [0.1]
    assert constants(tree, "Take", "offset") == [(0.1, 0.7, 0.0)]


def test_relative_path_is_read_whole(tree, awkward_path):
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "tree.blend"))
    tree = bpy.data.node_groups[0] if bpy.data.node_groups else new_tree()
    script(tree, "Take", "from pathlib import Path\ndef main(file: Path, files: list[Path]): ...")
    node = tree.nodes["Take"]
    node.inputs["File"].default_value = "//out/ä b.png"
    node.inputs["Files"].default_value = ["//1", "/2"]
    assert constants(tree, "Take", "file") == [str(awkward_path / "out/ä b.png")]
    assert constants(tree, "Take", "files") == [(str(awkward_path / "1"), "/2")]


def test_frame_and_units_of_the_scene_are_read(tree):
    script(tree, "Take", TAKE)
    scene = bpy.context.scene
    scene.frame_set(12)
    scene.render.fps = 30
    scene.unit_settings.scale_length = 0.01
    settings = compiled(tree).scene
    assert (settings.frame_current, settings.fps) == (12, 30)
    assert settings.unit_scale_length == pytest.approx(0.01)


def test_unlinked_data_block_is_read_by_its_session_uid(tree):
    node = script(tree, "Take", "def main(source: bpy.types.Object, many: list[bpy.types.ID] = []): ...")
    cube = quad()
    node.inputs["Source"].default_value = cube
    node.inputs["Many"].default_value = [cube.data, cube]
    assert [ref.session_uid for ref in constants(tree, "Take", "source")] == [cube.session_uid]
    (many,) = constants(tree, "Take", "many")
    assert [(ref.kind, ref.session_uid) for ref in many] == [
        ("Mesh", cube.data.session_uid),
        ("Object", cube.session_uid),
    ]


# Problems


def test_required_input_is_a_problem_until_it_is_set(tree):
    node = script(tree, "Take", "def main(source: bpy.types.Object, count: int, names: list[str]): ...")
    assert problems(tree) == [("Take", "Source"), ("Take", "Count"), ("Take", "Names")]
    node.inputs["Source"].default_value = quad()
    node.inputs["Count"].default_value = 0
    assert problems(tree) == [("Take", "Names")]
    node.inputs["Names"].default_value = ["x"]
    assert len(compiled(tree).tasks) == 1


@pytest.mark.parametrize(
    ("kind", "annotation", "shown"),
    [
        ("FLOAT", "float", 0.0),
        ("INT", "int", 0),
        ("BOOLEAN", "bool", False),
        ("STRING", "str", ""),
        ("VECTOR", "Vector", (0.0, 0.0, 0.0)),
    ],
)
def test_input_node_that_nobody_touched_gives_what_it_shows(tree, kind, annotation, shown):
    source = f"from mathutils import Vector\ndef main(v: {annotation}) -> int: return 1"
    script(tree, "Task", source, v=value(tree, kind, None))
    assert constants(tree, "Task", "v") == [shown]


@pytest.mark.parametrize(("kind", "annotation"), [("Object", "bpy.types.Object"), ("PATH", "Path")])
def test_input_node_with_nothing_chosen_is_a_problem(tree, kind, annotation):
    source = f"import bpy\nfrom pathlib import Path\ndef main(v: {annotation}) -> int: return 1"
    script(tree, "Task", source, v=value(tree, kind, None))
    assert problems(tree) == [("Task", "V")]


def test_required_menu_is_a_problem_until_it_is_chosen(tree):
    node = script(tree, "Take", "def main(where: Literal['a', 'b']): ...")
    assert problems(tree) == [("Take", "Where")]
    node.inputs["Where"].default_value = "a"
    assert constants(tree, "Take", "where") == ["a"]


def test_deleted_data_block_is_missing(tree):
    cube = quad()
    script(tree, "Take", "def main(source: bpy.types.Object): ...", source=cube)
    script(tree, "Linked", "def main(source: bpy.types.Object): ...", source=value(tree, "Object", cube, name="In"))
    bpy.data.objects.remove(cube)
    assert problems(tree) == [("Take", "Source"), ("Linked", "Source")]


def test_deleted_item_of_a_list_is_left_out(tree):
    first, second = quad("First"), quad("Second")
    script(tree, "Take", "def main(many: list[bpy.types.Object]): ...", many=[first, second])
    bpy.data.objects.remove(first)
    (many,) = constants(tree, "Take", "many")
    assert [ref.name for ref in many] == ["Second"]


def test_value_outside_its_range_is_a_problem(tree):
    outside(tree, "Take", "ratio: float", 1.5)
    assert problems(tree) == [("Take", "Ratio")]


def test_json_that_is_none_is_a_problem_at_its_socket(tree):
    node = script(tree, "Take", "def main(options: dict, more: list[Any] = []): ...")
    node.inputs["Options"].json_value = "{'a': 1}"
    node.inputs["More"].default_value = [1]
    node.inputs["More"].items_of_list[0].value = "{"
    assert problems(tree) == [("Take", "Options"), ("Take", "More")]


def test_relative_path_in_an_unsaved_file_is_a_problem(tree):
    script(tree, "Take", "from pathlib import Path\ndef main(file: Path): ...").inputs[0].default_value = "//a"
    output(tree, "SAVE", value(tree, "Object", quad()), name="Save")
    assert problems(tree) == [("Take", "File"), ("Save", "File")]


@pytest.fixture
def saved(awkward_path):
    """The open file, "main.blend", which links a mesh from "library.blend" beside it."""
    library = str(awkward_path / "library.blend")
    bpy.data.libraries.write(library, {bpy.data.meshes.new("Linked")}, fake_user=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "main.blend"))
    with bpy.data.libraries.load(library, link=True, relative=True) as (_names, wanted):
        wanted.meshes = ["Linked"]
    return awkward_path


def save_problem(tree, path: str) -> tuple[str, str, str]:
    """Socket, message and fix of what is wrong with an Output node that saves to a path."""
    with pytest.raises(CompileError) as caught:
        compiled(tree_that_saves(tree, path))
    (problem,) = caught.value.problems
    assert problem.node == "Save"
    return problem.socket, problem.message, problem.fix


def tree_that_saves(tree, path: str):
    output(tree, "SAVE", value(tree, "Object", quad()), name="Save", filepath=path)
    return tree


@pytest.mark.parametrize(
    "spelling", ["//main.blend", "//main", "//./sub/../main.blend", "//link.blend", "//hard.blend"]
)
def test_saving_over_the_open_file_is_a_problem_by_any_spelling(tree, saved, spelling):
    (saved / "sub").mkdir()
    (saved / "link.blend").symlink_to("main.blend")
    os.link(saved / "main.blend", saved / "hard.blend")
    socket, message, fix = save_problem(tree, spelling)
    assert (socket, fix) == ("File", "Give another name")
    assert message.endswith("is the open file itself, which a run never writes")


def test_saving_over_the_open_file_through_another_name_of_its_folder_is_a_problem(tree, saved, tmp_path):
    (tmp_path / "other name").symlink_to(saved, target_is_directory=True)
    assert "is the open file itself" in save_problem(tree, str(tmp_path / "other name" / "main.blend"))[1]


def test_saving_over_an_open_file_that_is_gone_from_disk_is_a_problem(tree, saved):
    (saved / "main.blend").unlink()
    assert "is the open file itself" in save_problem(tree, "//main.blend")[1]


def test_saving_over_a_library_that_the_open_file_uses_is_a_problem(tree, saved):
    assert "is a library that the open file uses" in save_problem(tree, "//library.blend")[1]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "no file is named"),
        ("results.blend", "results.blend is no whole path"),
        ("~/results.blend", "~/results.blend is no whole path"),
        ("$HOME/results", "$HOME/results.blend is no whole path"),
        ("//", "is a folder"),
        ("//sub/", "is a folder"),
        ("//folder.blend", "is a folder"),
    ],
)
def test_path_that_no_file_can_be_saved_to_is_a_problem(tree, saved, path, message):
    (saved / "folder.blend").mkdir()
    assert message in save_problem(tree, path)[1]


def test_saving_beside_the_open_file_is_no_problem(tree, saved):
    tree_that_saves(tree, "//Main 2")
    assert constants(tree, "Save", "filepath") == [str(saved / "Main 2.blend")]


def test_relative_script_file_in_an_unsaved_file_is_a_problem(tree):
    add(tree, "BackgroundNodeScript", "Take").filepath = "//script.py"
    assert problems(tree) == [("Take", "")]


def test_refused_link_is_marked_and_stops_the_run(tree):
    take = script(tree, "Take", TAKE)
    node = reroute(tree, script(tree, "Make", "def main() -> str: ..."), take.inputs[0])
    good = link(value(tree, "INT", 1), script(tree, "Good", TAKE).inputs[0])
    refused = take.inputs[0].links[0]
    assert is_refused(refused)
    assert not is_refused(good)
    mark(tree)
    assert not refused.is_valid
    assert good.is_valid
    assert problems(tree) == [("Take", "Number")]
    assert node.inputs[0].links[0].is_valid


def test_circle_of_links_is_a_problem_and_no_endless_loop(tree):
    first = script(tree, "First", TAKE)
    second = script(tree, "Second", TAKE, number=first)
    link(second, first.inputs[0])
    assert problems(tree) == [("First", "")]


def test_circle_of_reroutes_is_no_endless_loop(tree):
    take = script(tree, "Take", TAKE)
    first, second = tree.nodes.new("NodeReroute"), tree.nodes.new("NodeReroute")
    link(first.outputs[0], second.inputs[0])
    link(second.outputs[0], first.inputs[0])
    is_refused(link(second.outputs[0], take.inputs[0]))
    mark(tree)
    assert problems(tree) != []


def test_unknown_node_type_is_a_problem(tree):
    class Unknown(bpy.types.Node):
        bl_idname = "BackgroundNodeFromElsewhere"
        bl_label = "From Elsewhere"

        def init(self, _context):
            self.outputs.new("NodeSocketInt", "Number")

    bpy.utils.register_class(Unknown)
    try:
        node = tree.nodes.new("BackgroundNodeFromElsewhere")
        node.name = "Unknown"
        take = script(tree, "Take", TAKE)
        link(node.outputs[0], take.inputs[0])
    finally:
        bpy.utils.unregister_class(Unknown)
    script(tree, "Alone", TAKE)
    assert ("Unknown", "") in problems(tree)


def test_output_node_that_nothing_is_linked_to_is_a_problem(tree):
    add(tree, "BackgroundNodeOutput", "Out")
    assert problems(tree) == [("Out", "")]


def test_all_problems_are_told_at_once_before_a_worker_starts(tree, session):
    session.close()
    broken = add(tree, "BackgroundNodeScript", "Broken")
    broken.script = new_text("broken", "def main(:")
    script(tree, "Missing", "def main(source: bpy.types.Object): ...")
    outside(tree, "Outside", "n: int", 2)
    script(tree, "Refused", TAKE, number=value(tree, "STRING", "x"))
    add(tree, "BackgroundNodeScript", "Empty")
    with pytest.raises(background_nodes.CompileError) as caught:
        background_nodes.run(tree)
    told = {problem.node: problem for problem in caught.value.problems}
    assert list(told) == ["Broken", "Missing", "Outside", "Refused", "Empty"]
    assert told["Broken"].line == 5
    assert told["Missing"].socket == "Source"
    assert all(problem.message and problem.fix for problem in told.values())
    assert [problem.node_id for problem in told.values()] == [tree.nodes[name].uid for name in told]
    assert session.worker_process_ids == ()
    assert session.run_of(tree) is None
    assert socket_of(tree.nodes["Refused"].inputs, "number").default_value == 7
