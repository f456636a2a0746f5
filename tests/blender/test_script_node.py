"""The script node: its sockets follow its script, and links and values survive what becomes of that."""

from __future__ import annotations

import bpy
import pytest

import background_nodes
from background_nodes.node_tree import sources

from .graphs import add, identifiers, link, new_text, new_tree, script, socket_of, value

TYPED = """
    class Output(NamedTuple):
        low_poly: bpy.types.Object
        num_faces: int


    def main(source: bpy.types.Object, voxel_size: float = 0.25, names: list[str] = []) -> Output: ...
"""


@pytest.fixture
def tree():
    return new_tree()


def rewrite(node, source: str) -> None:
    text = new_text("draft", source)
    node.script.from_string(text.as_string())
    bpy.data.texts.remove(text)
    node.sync()


# Sockets


def test_sockets_are_there_right_after_a_text_is_set(tree):
    node = script(tree, "Typed", TYPED)
    assert identifiers(node.inputs) == ["source", "voxel_size", "names"]
    assert [socket.name for socket in node.inputs] == ["Source", "Voxel Size", "Names"]
    assert identifiers(node.outputs) == ["low_poly", "num_faces"]
    assert node.inputs["Voxel Size"].default_value == 0.25
    node.inputs["Voxel Size"].default_value = 0.5
    assert node.inputs["Voxel Size"].default_value == 0.5
    assert [socket.result for socket in node.outputs] == [None, None]


def test_sockets_come_from_a_file_in_an_awkward_folder(tree, awkward_path):
    path = awkward_path / 'it\'s a "script".py'
    path.write_text("def main(größe: float = 1.5) -> int: ...", encoding="utf-8")
    node = add(tree, "BackgroundNodeScript")
    node.filepath = str(path)
    assert node.source_error == ""
    assert node.inputs["Größe"].default_value == 1.5
    assert node.source().folder == str(awkward_path)


@pytest.mark.parametrize(
    ("before", "encoding"),
    [
        ("", "utf-8-sig"),
        ("# -*- coding: latin-1 -*-\n", "latin-1"),
        ("#!python\n# vim: set fileencoding=cp1252 :\n", "cp1252"),
    ],
)
def test_script_in_an_encoding_that_python_reads_is_read_and_run(tree, awkward_path, before, encoding):
    path = awkward_path / "script.py"
    path.write_text(f"{before}def main(größe: int = 3) -> str:\n    return 'ü' * größe\n", encoding=encoding)
    node = add(tree, "BackgroundNodeScript", "Node")
    node.filepath = str(path)
    assert identifiers(node.inputs) == ["größe"]
    background_nodes.run(tree)
    assert node.outputs[0].result == "üüü"


def test_text_with_the_mark_of_a_utf_8_file_is_read(tree):
    node = add(tree, "BackgroundNodeScript")
    text = bpy.data.texts.new("script.py")
    text.from_string("\ufeffdef main(count: int = 3): ...")
    node.script = text
    assert identifiers(node.inputs) == ["count"]


def test_relative_file_is_found_beside_the_blend_file(tree, awkward_path):
    (awkward_path / "script.py").write_text("def main(number: int = 7): ...")
    bpy.ops.wm.save_as_mainfile(filepath=str(awkward_path / "tree.blend"))
    node = add(tree, "BackgroundNodeScript")
    node.filepath = "//script.py"
    assert node.inputs["Number"].default_value == 7


@pytest.mark.parametrize("name", sources.library_names())
def test_every_shipped_script_makes_sockets(tree, name):
    node = add(tree, "BackgroundNodeScript")
    node.library_script = name
    assert node.source_error == ""
    assert len(node.inputs) + len(node.outputs) > 1


def test_new_source_clears_the_others(tree, tmp_path):
    path = tmp_path / "script.py"
    path.write_text("def main(): ...")
    node = script(tree, "Node", "def main(): ...")
    text = node.script
    node.filepath = str(path)
    assert (node.script, node.library_script) == (None, "")
    node.library_script = "mesh/decimate"
    assert (node.script, node.filepath) == (None, "")
    node.script = text
    assert (node.filepath, node.library_script) == ("", "")


def test_source_that_is_cleared_leaves_sockets_and_is_a_problem(tree):
    node = script(tree, "Node", "def main(count: int = 1): ...")
    node.script = None
    assert identifiers(node.inputs) == ["count"]
    with pytest.raises(background_nodes.CompileError, match="no script"):
        background_nodes.run(tree)


def test_addons_are_named_with_commas_in_between(tree):
    node = add(tree, "BackgroundNodeScript")
    assert node.settings().addons == ()
    node.addons = "cycles, io_scene_gltf2 ,"
    assert node.settings().addons == ("cycles", "io_scene_gltf2")


def test_sockets_show_the_docstring(tree):
    source = '''
        def main(ratio: float = 0.5) -> int:
            """Decimate.

            Args:
                ratio: share of the faces that stays
            """
    '''
    node = script(tree, "Documented", source)
    assert node.inputs["Ratio"].description_text == "share of the faces that stays"


# Changed signatures


@pytest.fixture
def linked(tree):
    """A node between two others, with a value of its own."""
    node = script(tree, "Node", "def main(count: int, factor: float = 1.0, tag: str = '') -> int: ...")
    make = script(tree, "Make", "def main() -> int: ...")
    link(make, node.inputs["Count"])
    script(tree, "Use", "def main(value: int): ...", value=node)
    node.inputs["Factor"].default_value = 0.75
    node.inputs["Tag"].default_value = "kept"
    return node


def links_of(tree) -> set[tuple[str, str, str, str]]:
    return {
        (link.from_node.name, link.from_socket.identifier, link.to_node.name, link.to_socket.identifier)
        for link in tree.links
    }


LINKS = {("Make", "result", "Node", "count"), ("Node", "result", "Use", "value")}


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("tag: str, factor: float = 2.0, count: int = 3", ["tag", "factor", "count"]),
        (
            "new: bool, count: int, factor: float = 1.0, tag: str = '', more: int = 1",
            ["new", "count", "factor", "tag", "more"],
        ),
        ("count: float, factor: Annotated[float, Range(0, 1)], tag: str", ["count", "factor", "tag"]),
        ("count: list[int], factor: float, tag: str", ["count", "factor", "tag"]),
    ],
    ids=["reordered", "with new ones", "of another type", "now a list"],
)
def test_changed_signature_keeps_links_and_values(tree, linked, signature, inputs):
    rewrite(linked, f"def main({signature}) -> int: ...")
    assert identifiers(linked.inputs) == inputs
    assert links_of(tree) == LINKS
    assert socket_of(linked.inputs, "factor").default_value == 0.75
    assert socket_of(linked.inputs, "tag").default_value == "kept"


def test_parameter_that_is_gone_takes_its_link_along(tree, linked):
    rewrite(linked, "def main(factor: float = 1.0) -> int: ...")
    assert identifiers(linked.inputs) == ["factor"]
    assert links_of(tree) == LINKS - {("Make", "result", "Node", "count")}


@pytest.mark.parametrize(
    ("signature", "renamed"),
    [
        ("number: int, factor: float = 2.0, tag: str = ''", {"count": "number"}),
        ("factor: float, tag: str, number: int", {"count": "number"}),
        ("number: int, share: float = 2.0, name: str = ''", {"count": "number", "factor": "share", "tag": "name"}),
        ("count: int, more: int, share: float, tag: str = ''", {"factor": "share"}),
        ("number: int, others: int, factor: float, tag: str = ''", {"count": "number"}),
    ],
    ids=["one", "moved", "all", "beside a new one", "in its place"],
)
def test_renamed_parameter_keeps_its_link_and_its_value(tree, linked, signature, renamed):
    rewrite(linked, f"def main({signature}) -> int: ...")
    count, factor, tag = (renamed.get(name, name) for name in ("count", "factor", "tag"))
    assert links_of(tree) == {("Make", "result", "Node", count), ("Node", "result", "Use", "value")}
    assert socket_of(linked.inputs, factor).default_value == 0.75
    assert socket_of(linked.inputs, tag).default_value == "kept"


@pytest.mark.parametrize(
    "signature",
    ["factor: float, tag: str, more: int, others: int", "number: str, factor: float, tag: str"],
    ids=["two new ones", "of another type"],
)
def test_parameter_that_may_be_another_does_not_get_the_link(tree, linked, signature):
    rewrite(linked, f"def main({signature}) -> int: ...")
    assert links_of(tree) == LINKS - {("Make", "result", "Node", "count")}


def test_renamed_output_keeps_its_links(tree):
    source = "class Output(NamedTuple):\n    low: int\n    {name}: str\ndef main() -> Output: ..."
    node = script(tree, "Node", source.format(name="text"))
    script(tree, "Use", "def main(value: str): ...", value=node.outputs[1])
    rewrite(node, source.format(name="words"))
    assert links_of(tree) == {("Node", "words", "Use", "value")}


def test_renamed_sockets_stay_hidden(tree):
    source = "class Output(NamedTuple):\n    {0}: int\n    {1}: str\ndef main({0}: int, {1}: str = '') -> Output: ..."
    node = script(tree, "Node", source.format("number", "text"))
    node.inputs[1].hide = node.outputs[0].hide = True
    rewrite(node, source.format("count", "words"))
    assert [(socket.name, socket.hide) for socket in node.inputs] == [("Count", False), ("Words", True)]
    assert [(socket.name, socket.hide) for socket in node.outputs] == [("Count", True), ("Words", False)]


def test_renamed_list_keeps_the_order_of_its_links(tree):
    makers = [script(tree, name, "def main() -> int: ...") for name in "ABC"]
    node = script(tree, "Node", "def main(numbers: list[int]): ...", numbers=[makers[2], makers[0], makers[1]])
    rewrite(node, "def main(counts: list[int]): ...")
    links = sorted(node.inputs["Counts"].links, key=lambda link: link.multi_input_sort_id)
    assert [link.from_node.name for link in links] == ["C", "A", "B"]


def test_another_script_gets_nothing_of_parameters_with_other_names(tree, linked):
    linked.script = new_text("other", "def main(number: int, share: float = 0.1, tag: str = '') -> int: ...")
    assert links_of(tree) == {("Node", "result", "Use", "value")}
    assert linked.inputs["Share"].default_value == pytest.approx(0.1)
    assert linked.inputs["Tag"].default_value == "kept"


def test_changed_output_type_keeps_its_links(tree, linked):
    rewrite(linked, "def main(count: int) -> list[float]: ...")
    assert links_of(tree) == LINKS


def test_links_of_changed_types_keep_their_order_and_stay_muted(tree):
    makers = [script(tree, name, "def main(size: int = 1) -> int: ...") for name in "ABC"]
    use = script(tree, "Use", "def main(numbers: list[float], one: float): ...", numbers=makers, one=makers[1])
    link(value(tree, "INT", 3, name="Three"), makers[1].inputs[0]).is_muted = True
    use.inputs["One"].links[0].is_muted = True

    def found() -> list[tuple[str, str, bool]]:
        links = sorted(tree.links, key=lambda link: (link.to_socket.identifier, link.multi_input_sort_id))
        return [(each.from_node.name, each.to_socket.identifier, each.is_muted) for each in links]

    before = found()
    assert before == [*((name, "numbers", False) for name in "ABC"), ("B", "one", True), ("Three", "size", True)]
    rewrite(makers[1], "def main(size: float = 1.0) -> float: ...")
    assert found() == before
    rewrite(use, "def main(numbers: list[int], one: int): ...")
    assert found() == before


def test_changed_type_keeps_the_value_where_it_can(tree):
    node = script(tree, "Node", "def main(size: int = 3, name: str = 'x', angle: float = 0.5): ...")
    node.inputs["Size"].default_value = 5
    node.inputs["Name"].default_value = "not a number"
    node.inputs["Angle"].default_value = 0.75
    rewrite(node, "def main(size: float = 0.1, name: float = 0.5, angle: Annotated[float, Range(0, 1)] = 0.2): ...")
    assert node.inputs["Size"].default_value == 5.0
    assert node.inputs["Name"].default_value == 0.5
    assert node.inputs["Angle"].default_value == 0.75


def test_changed_source_of_the_run_is_seen_without_a_sync(tree):
    node = script(tree, "Node", "def main() -> int: return 1")
    node.script.from_string("def main(number: int = 2) -> int: return number")
    background_nodes.run(tree)
    assert node.outputs[0].result == 2
    assert identifiers(node.inputs) == ["number"]


@pytest.mark.parametrize(
    ("source", "line"),
    [("\n\ndef main(:", 3), ("def main(a: int, b: Nonsense) -> int: ...", 1), ("x = 1", 0)],
    ids=["syntax", "type", "no main"],
)
def test_script_with_an_error_keeps_sockets_and_shows_it(tree, linked, source, line):
    good = linked.script.as_string()
    linked.script.from_string(source)
    linked.sync()
    assert linked.source_error != ""
    assert linked.source_error_line == line
    assert identifiers(linked.inputs) == ["count", "factor", "tag"]
    assert links_of(tree) == LINKS
    linked.script.from_string(good)
    linked.sync()
    assert (linked.source_error, linked.source_error_line) == ("", 0)
    assert links_of(tree) == LINKS
    assert linked.inputs["Factor"].default_value == 0.75


def test_file_that_vanishes_keeps_sockets_and_shows_it(tree, tmp_path):
    path = tmp_path / "script.py"
    path.write_text("def main(count: int = 1): ...")
    node = add(tree, "BackgroundNodeScript")
    node.filepath = str(path)
    path.unlink()
    node.sync()
    assert "can't be read" in node.source_error
    assert identifiers(node.inputs) == ["count"]


def test_links_and_values_survive_save_and_reload(tree, linked, awkward_path):
    file = str(awkward_path / "tree.blend")
    bpy.ops.wm.save_as_mainfile(filepath=file)
    bpy.ops.wm.open_mainfile(filepath=file)
    tree = bpy.data.node_groups["Tree"]
    node = tree.nodes["Node"]
    assert node.sync() is not None
    assert links_of(tree) == LINKS
    assert node.inputs["Factor"].default_value == 0.75


def test_list_input_keeps_the_order_of_its_links(tree):
    sources = [script(tree, name, "def main() -> int: ...") for name in "ABC"]
    node = script(tree, "Node", "def main(numbers: list[int]): ...", numbers=[sources[2], sources[0], sources[1]])
    rewrite(node, "def main(first: int, numbers: list[float]): ...")
    graph_order = [link.from_node.name for link in sorted(tree.links, key=lambda link: link.multi_input_sort_id)]
    assert graph_order == ["C", "A", "B"]


def test_optional_data_block_input_starts_empty(tree):
    node = script(tree, "Node", "def main(cutter: bpy.types.Object | None = None): ...")
    assert node.inputs["Cutter"].default_value is None


def test_every_type_of_parameter_has_a_socket_that_holds_its_default(tree):
    source = """
        def main(
            flag: bool = True,
            offset: Vector = Vector((1, 2, 3)),
            tint: Color = Color((0.5, 0.25, 1)),
            turn: Euler = Euler((0, 0.5, 0)),
            place: Matrix = Matrix.Identity(4),
            options: dict = {"a": [1, 2]},
            sizes: list[int] = [1, 2],
        ): ...
    """
    node = script(tree, "Node", source)
    assert node.source_error == ""
    flag, offset, tint, turn, place, options, sizes = (socket.default_value for socket in node.inputs)
    assert flag is True
    assert (tuple(offset), tuple(tint), tuple(turn)) == ((1, 2, 3), (0.5, 0.25, 1), (0, 0.5, 0))
    assert [tuple(row)[index] for index, row in enumerate(place)] == [1, 1, 1, 1]
    assert options == {"a": [1, 2]}
    assert sizes == (1, 2)


def test_nodes_of_the_editor_cannot_be_added_to_other_trees():
    shader_tree = bpy.data.node_groups.new("Shader", "ShaderNodeTree")
    for idname in ("BackgroundNodeScript", "BackgroundNodeInput", "BackgroundNodeOutput"):
        with pytest.raises(RuntimeError):
            shader_tree.nodes.new(idname)


def test_value_of_an_unused_node_kind_is_nothing_to_run(tree):
    value(tree, "INT", 1)
    with pytest.raises(background_nodes.CompileError, match="nothing to run"):
        background_nodes.run(tree)


def test_a_matrix_default_has_its_rows_where_the_script_wrote_them():
    node = script(
        new_tree(),
        "Move",
        "def main(matrix: Matrix = ((1, 0, 0, 5), (0, 1, 0, 6), (0, 0, 1, 7), (0, 0, 0, 1))) -> None: ...",
    )
    assert tuple(node.inputs[0].default_value.translation) == (5.0, 6.0, 7.0)
