"""Problems before a run: what is found, and when it has to be looked for again."""

from __future__ import annotations

import os
import threading

import bpy
import pytest

from background_nodes.addon.session import problems
from background_nodes.runtime.script import script_files

from .graphs import add, editor, link, new_tree, output, quad, script, value


@pytest.fixture
def tree():
    return new_tree()


def is_fresh(tree) -> bool:
    return problems._findings[tree.session_uid].is_fresh


def told(tree) -> list[tuple[str, str]]:
    return [(problem.node, problem.socket) for problem in problems.find(tree)]


def test_nothing_is_known_of_a_tree_nobody_asked_for(tree):
    assert problems.of(tree) is None
    assert problems.num_tasks(tree) == 0


def test_tree_without_a_problem_tells_how_many_nodes_would_run(tree):
    first = script(tree, "First", "def main() -> int: return 1")
    script(tree, "Second", "def main(value: int) -> int: return value", value=first)
    assert problems.find(tree) == ()
    assert problems.of(tree) == ()
    assert problems.num_tasks(tree) == 2


def test_all_problems_are_found_at_once(tree):
    number = value(tree, "FLOAT", 1.0)
    script(tree, "Broken", "def main(:\n")
    script(tree, "Missing", "def main(source: bpy.types.Object) -> int: return 1")
    script(tree, "Refused", "def main(source: bpy.types.Object) -> int: return 1", source=number)
    assert told(tree) == [("Broken", ""), ("Missing", "Source"), ("Refused", "Source")]


@pytest.mark.parametrize("place", ["itself", "below it", "elsewhere"])
def test_results_are_not_linked_into_the_collection_that_they_are_made_of(tree, place):
    """The next run would take them for inputs: there would be more after each."""
    source, inner, other = (bpy.data.collections.new(name) for name in ("Source", "Inner", "Other"))
    source.children.link(inner)
    split = script(tree, "Split", "def main(c: bpy.types.Collection) -> list[bpy.types.Object]: return []", c=source)
    change = script(tree, "Change", "def main(o: bpy.types.Object) -> bpy.types.Object: return o", o=split)
    out = output(tree, "LINK", change, name="Out")
    out.collection = {"itself": source, "below it": inner, "elsewhere": other}[place]
    assert told(tree) == ([] if place == "elsewhere" else [("Out", "")])
    out.keep_earlier = True
    assert told(tree) == []


def test_problem_of_a_run_that_did_not_start_is_kept(tree):
    node = script(tree, "Missing", "def main(source: bpy.types.Object) -> int: return 1")
    found = problems.find(tree)
    problems._findings.clear()
    problems.show(tree, found)
    assert [problem.node_id for problem in problems.of(tree)] == [node.uid]


def mute(tree, node):
    node.mute = True
    tree.update()  # Blender's own operator lets it be called


@pytest.mark.parametrize(
    "change",
    [
        lambda tree, node: setattr(node.inputs[0], "default_value", 7),
        lambda tree, node: setattr(node, "script", None),
        lambda tree, node: setattr(node, "library_script", "mesh/decimate"),
        lambda tree, node: tree.nodes.remove(node),
        lambda tree, node: add(tree, "BackgroundNodeScript"),
        lambda tree, node: link(value(tree, "INT", 3), node.inputs[0]),
        lambda tree, node: output(tree, "SAVE", node),
        lambda tree, node: setattr(tree.nodes["Give"], "data_type", "STRING"),
        mute,
    ],
)
def test_change_of_the_tree_makes_what_was_found_stale(tree, change):
    value(tree, "INT", 3, name="Give")
    node = script(tree, "Node", "def main(value: int = 1) -> int: return value")
    problems.find(tree)
    assert is_fresh(tree)
    change(tree, node)
    assert not is_fresh(tree)


def test_looking_does_not_make_itself_stale(tree):
    node = script(tree, "Node", "def main(value: int = 1) -> int: return value")
    node.script.from_string("def main(other: float = 1.0) -> float: return other\n")  # sockets change while it is read
    problems.find(tree)
    assert [socket.name for socket in node.inputs] == ["Other"]
    assert is_fresh(tree)


def test_removed_data_block_makes_what_was_found_stale(tree):
    add(tree, "BackgroundNodeInput").outputs[0].default_value = quad()
    bpy.context.view_layer.update()
    problems.find(tree)
    bpy.data.objects.remove(bpy.data.objects["Quad"])
    bpy.context.view_layer.update()
    assert not is_fresh(tree)


def test_undo_makes_what_was_found_stale(tree):
    script(tree, "Node", "def main() -> int: return 1")
    bpy.ops.ed.undo_push(message="before")
    bpy.data.meshes.new("Mesh")
    bpy.ops.ed.undo_push(message="after")
    problems.find(tree)
    bpy.ops.ed.undo()
    assert not is_fresh(bpy.data.node_groups[0])


def test_saving_gives_relative_paths_their_meaning(tree, tmp_path):
    made = script(tree, "Make", "def main() -> bpy.types.Object: return None")
    output(tree, "SAVE", made)
    assert told(tree) == [("Output", "File")]
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "file.blend"))
    assert not is_fresh(tree)
    assert told(tree) == []


def test_another_file_knows_nothing_of_the_problems_of_this_one(tree):
    problems.find(tree)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    assert not problems._findings


def test_remove_link_removes_the_refused_one_only(tree):
    refused = value(tree, "FLOAT", 1.0)
    node = script(
        tree, "Node", "def main(source: bpy.types.Object, count: int) -> int: return 1", source=refused, count=refused
    )
    with editor(tree):
        problems.find(tree)
        result = bpy.ops.background_nodes.links_refused_remove(node_name="Node", identifier="source")
    assert result == {"FINISHED"}
    assert not node.inputs["Source"].is_linked


def test_click_on_a_problem_selects_its_node_alone_though_it_was_renamed(tree):
    first = script(tree, "First", "def main() -> int: return 1")
    second = script(tree, "Second", "def main(value: int) -> int: return value")
    uid = second.uid
    second.name = "Renamed"
    with editor(tree):
        bpy.ops.background_nodes.node_select(node_name="Second", node_id=uid)
    assert [node.name for node in tree.nodes if node.select] == ["Renamed"]
    assert tree.nodes.active == second != first


def test_click_on_a_problem_of_a_removed_node_says_so(tree):
    with editor(tree):
        assert bpy.ops.background_nodes.node_select(node_name="Gone") == {"CANCELLED"}


# A file that somebody else made


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among its files")
def test_node_that_names_a_pipe_or_a_device_is_a_problem_and_is_not_read(tree, tmp_path):
    """Reading /dev/zero would fill the memory; the pipe holds a script, so a node that read it would have sockets."""
    pipe = tmp_path / "pipe.py"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=("def main() -> int: return 1",), daemon=True)
    writer.start()
    for path in (pipe, "/dev/zero"):
        add(tree, "BackgroundNodeScript").filepath = str(path)
    assert [problem.message for problem in problems.find(tree)] == [
        f"{path} is no file that can be read; choose a Python file" for path in (pipe, "/dev/zero")
    ]
    assert pipe.read_text().startswith("def main"), "nobody has read it"
    writer.join()


def test_text_that_is_larger_than_a_script_can_be_is_a_problem(tree):
    text = bpy.data.texts.new("long.py")
    for content in ("\n" * (script_files.MAX_SIZE + 10), "#" * (script_files.MAX_SIZE + 10)):
        text.from_string(content)
        node = add(tree, "BackgroundNodeScript")
        node.script = text
        assert "the text is larger than a script can be (256 KB)" in node.source_error
        assert node.source_error in [problem.message for problem in problems.find(tree)]


def test_script_that_gives_thousands_of_values_is_a_problem(tree):
    node = add(tree, "BackgroundNodeScript")
    text = bpy.data.texts.new("many.py")
    text.from_string("\n".join(f"python_data['{index}'] = 1" for index in range(5_000)))
    node.script = text
    assert "a node has 500 at most" in node.source_error
    assert len(node.outputs) == 0
    assert [problem.message for problem in problems.find(tree)] == [node.source_error]
