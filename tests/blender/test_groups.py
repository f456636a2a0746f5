"""Group nodes: their sockets, the graph of what is in them, and that no group gets into itself."""

from __future__ import annotations

import bpy
import pytest

from background_nodes.addon.command_line.assignments import assign
from background_nodes.node_tree import grouping, identity, lookup, reader
from background_nodes.node_tree.grouping import GroupingError
from background_nodes.runtime.planning.graph import Graph, NodeKind

from .graphs import add, editor, link, new_tree, output, script, value

DOUBLE = "def main(value: float = 1.0) -> float: return 2 * value"


def new_group(name: str = "Group", **sockets: str) -> bpy.types.NodeTree:
    """A group with inputs of these types, and an output "Result"."""
    group = new_tree(name)
    for label, kind in sockets.items():
        group.interface.new_socket(label, in_out="INPUT", socket_type=f"BackgroundNodeSocket{kind}")
    group.interface.new_socket("Result", in_out="OUTPUT", socket_type="BackgroundNodeSocketFloat")
    add(group, "NodeGroupInput", "Group Input")
    add(group, "NodeGroupOutput", "Group Output")
    return group


def use(tree: bpy.types.NodeTree, group: bpy.types.NodeTree, name: str = "Use") -> bpy.types.Node:
    node = add(tree, "BackgroundNodeGroup", name)
    node.node_tree = group
    return node


def doubling(name: str = "Doubling") -> bpy.types.NodeTree:
    """A group that doubles its input."""
    group = new_group(name, Value="Float")
    node = script(group, "Double", DOUBLE)
    link(group.nodes["Group Input"].outputs["Value"], node.inputs[0])
    link(node.outputs[0], group.nodes["Group Output"].inputs["Result"])
    return group


def read(tree: bpy.types.NodeTree) -> Graph:
    return reader.read(tree, bpy.context.scene)


def names(graph: Graph) -> list[str]:
    return [node.name for node in graph.nodes]


def problems(graph: Graph) -> list[tuple[str, str]]:
    return [(problem.node, problem.message) for node in graph.nodes for problem in node.problems]


# Sockets


def test_group_node_has_the_defaults_ranges_and_choices_of_the_interface():
    group = new_group(Size="Float", Counts="IntList", Mode="Menu", Data="Any", Turn="Rotation", Angle="FloatAngle")
    items = group.interface.items_tree
    items["Size"].default_value, items["Size"].use_maximum, items["Size"].maximum = 0.1, True, 0.5
    items["Size"].description = "How large"
    items["Counts"].default_value = (1, 2)
    items["Mode"].choices_text = "one, two"
    items["Mode"].default_value = "two"
    items["Data"].default_value = {"a": [1]}
    node = use(new_tree(), group)
    values = {socket.name: socket.get_value() for socket in node.inputs}
    assert values["Size"] == pytest.approx(0.1)
    assert values["Counts"] == (1, 2)
    assert values["Mode"] == "two"
    assert values["Data"] == {"a": [1]}
    assert node.inputs["Size"].description_text == "How large"
    assert node.inputs["Angle"].unit == "ANGLE"
    node.inputs["Size"].default_value = 7.0
    assert node.inputs["Size"].default_value == 0.5


def test_default_that_nobody_touched_follows_the_interface():
    group, tree = new_group(Size="Float", Counts="IntList"), new_tree()
    node, other = use(tree, group), use(tree, group)
    other.inputs["Size"].default_value = 3.0
    group.interface.items_tree["Size"].default_value = 2.0
    group.interface.items_tree["Counts"].default_value = (4,)
    assert node.inputs["Size"].default_value == 2.0
    assert node.inputs["Counts"].get_value() == (4,)
    assert other.inputs["Size"].default_value == 3.0


def test_list_of_a_group_takes_several_links_in_order():
    group, tree = new_group(Numbers="FloatList"), new_tree()
    node = use(tree, group)
    for index in range(3):
        link(value(tree, "FLOAT", index, name=f"Number {index}"), node.inputs["Numbers"])
    group.interface.new_socket("Other", in_out="INPUT", socket_type="BackgroundNodeSocketFloat")
    ids = {each.id: each.name for each in read(tree).nodes}
    found = [ids[each.from_node] for each in read(tree).links if each.to_node == node.uid]
    assert found == ["Number 0", "Number 1", "Number 2"]


@pytest.mark.parametrize("road", ["reload", "append", "link", "copy", "undo"])
def test_sockets_and_values_are_kept_by(road, tmp_path):
    group = new_group(Size="Float", Counts="IntList")
    group.interface.items_tree["Size"].use_minimum = True
    tree = new_tree("Outer")
    tree.use_fake_user = True
    node = use(tree, group)
    node.inputs["Size"].default_value, node.inputs["Counts"].default_value = 4.0, (7, 8)
    before = [(socket.identifier, socket.bl_idname, socket.field_json) for socket in node.inputs]
    path = str(tmp_path / "groups.blend")
    if road == "undo":
        bpy.ops.ed.undo_push(message="Before")
        node.inputs["Size"].default_value = 5.0
        bpy.ops.ed.undo_push(message="After")
        bpy.ops.ed.undo()
        tree = bpy.data.node_groups["Outer"]
    elif road == "copy":
        tree = tree.copy()
    else:
        bpy.ops.wm.save_as_mainfile(filepath=path)
        if road == "reload":
            bpy.ops.wm.open_mainfile(filepath=path)
        else:
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            with bpy.data.libraries.load(path, link=road == "link") as (_, wanted):
                wanted.node_groups = ["Outer"]
        tree = bpy.data.node_groups["Outer"]
    node = tree.nodes["Use"]
    assert [(socket.identifier, socket.bl_idname, socket.field_json) for socket in node.inputs] == before
    assert node.inputs["Size"].default_value == 4.0
    assert node.inputs["Counts"].get_value() == (7, 8)
    assert [item.name for item in read(tree).nodes] == ["Use"]


# The graph


def test_group_used_twice_is_in_the_graph_twice():
    group, tree = doubling(), new_tree()
    first, second = use(tree, group, "First"), use(tree, group, "Second")
    link(first.outputs[0], second.inputs[0])
    graph = read(tree)
    assert names(graph) == ["First", "First / Double", "Second", "Second / Double"]
    inner = group.nodes["Double"].uid
    assert [node.id for node in graph.nodes] == [
        first.uid,
        f"{first.uid}/{inner}",
        second.uid,
        f"{second.uid}/{inner}",
    ]
    ends = [(each.from_node, each.to_node) for each in graph.links]
    assert (first.uid, f"{first.uid}/{inner}") in ends
    assert (f"{first.uid}/{inner}", first.uid) in ends
    assert (first.uid, second.uid) in ends
    assert len(ends) == 5


def test_muted_group_has_nothing_in_it():
    tree = new_tree()
    use(tree, doubling()).mute = True
    graph = read(tree)
    assert [(node.name, node.kind, node.is_muted) for node in graph.nodes] == [("Use", NodeKind.GROUP, True)]


def test_value_of_group_output_is_that_of_the_output():
    group, tree = new_group(), new_tree()
    group.nodes["Group Output"].inputs["Result"].default_value = 2.5
    use(tree, group)
    assert read(tree).nodes[0].outputs[0].value == 2.5


def test_only_the_active_group_output_counts():
    group, tree = doubling(), new_tree()
    other = add(group, "NodeGroupOutput", "Other")
    other.inputs["Result"].default_value = 8.0
    other.is_active_output = True
    use(tree, group)
    assert read(tree).nodes[0].outputs[0].value == 8.0


def test_group_run_by_itself_gives_its_defaults():
    group = doubling()
    group.interface.items_tree["Value"].default_value = 3.0
    graph = read(group)
    assert [(node.name, node.kind) for node in graph.nodes if node.kind is NodeKind.INPUT] == [
        ("Group Input", NodeKind.INPUT)
    ]
    assert next(node for node in graph.nodes if node.kind is NodeKind.INPUT).outputs[0].value == 3.0


def test_group_node_without_a_group_is_a_problem():
    tree = new_tree()
    add(tree, "BackgroundNodeGroup", "Nothing")
    assert problems(read(tree)) == [("Nothing", "there is no group")]


def test_output_node_in_a_group_is_a_problem_of_that_node():
    group, tree = doubling(), new_tree()
    output(group, "LINK", group.nodes["Double"], name="Home")
    use(tree, group)
    assert problems(read(tree)) == [("Use / Home", "results come home from the outer tree only")]


def test_change_in_a_group_is_a_change_of_the_trees_that_use_it():
    from background_nodes.node_tree import changes

    group, middle, tree = doubling(), new_group("Middle"), new_tree()
    use(middle, group)
    use(tree, middle)
    told = []
    changes.listen(told.append)
    try:
        changes.tell(group)
    finally:
        changes.stop_listening(told.append)
    assert told == [group, middle, tree]


# Ids and names


def test_node_in_groups_is_found_by_its_path():
    group, middle, tree = doubling(), new_group("Middle"), new_tree()
    inner, outer = use(middle, group), use(tree, middle)
    double = group.nodes["Double"]
    assert identity.find_node(tree, f"{outer.uid}/{inner.uid}/{double.uid}") == double
    assert identity.find_node(tree, outer.uid) == outer
    assert identity.find_node(tree, f"{outer.uid}/gone/{double.uid}") is None


def test_node_in_a_group_is_found_by_names():
    group, tree = doubling(), new_tree()
    use(tree, group, "Rocks / LODs")
    assert lookup.node(tree, "Rocks / LODs/Double", "--set") == group.nodes["Double"]
    assert lookup.find(tree, "Rocks / LODs / Double", "--until").path.name == "Rocks / LODs / Double"
    whole = script(tree, "Rocks / LODs/Double", DOUBLE)
    assert lookup.node(tree, "Rocks / LODs/Double", "--set") == whole


def test_value_is_set_in_a_group():
    group, tree = new_group(), new_tree()
    script(group, "Double", DOUBLE)
    use(tree, group)
    assign(tree, "Use/Double.value=4.5")
    assert group.nodes["Double"].inputs[0].default_value == 4.5


def test_tree_that_is_only_a_group_is_not_meant_by_the_only_tree():
    tree = new_tree("Outer")
    use(tree, doubling())
    assert lookup.tree(None) == tree


def test_linked_tree_keeps_its_ids_beside_the_same_one_appended(tmp_path):
    path = str(tmp_path / "library.blend")
    doubling("Library").use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    for is_link in (False, True):
        with bpy.data.libraries.load(path, link=is_link) as (_, wanted):
            wanted.node_groups = ["Library"]
    local, linked = sorted(bpy.data.node_groups, key=lambda tree: tree.library is not None)
    before = linked.nodes["Double"].uid
    tree = new_tree()
    use(tree, local, "Local")
    use(tree, linked, "Linked")
    ids = [node.id for node in read(tree).nodes]
    assert linked.nodes["Double"].uid == before
    assert len(ids) == len(set(ids)) == 4


# No group gets into itself


def test_no_group_gets_into_itself_by_its_pointer():
    tree, group, inner = new_tree(), new_group("A"), new_group("B")
    use(tree, group)
    use(group, inner)
    node = add(inner, "BackgroundNodeGroup")
    for wrong in (inner, group, tree):
        node.node_tree = wrong
        assert node.node_tree is None
    assert not grouping.can_use(inner, tree)


def test_grouping_what_would_stand_on_both_sides_is_refused():
    tree = new_tree()
    nodes = [script(tree, name, DOUBLE) for name in ("First", "Between", "Last")]
    link(nodes[0].outputs[0], nodes[1].inputs[0])
    link(nodes[1].outputs[0], nodes[2].inputs[0])
    with pytest.raises(GroupingError, match='"Between" is between'):
        grouping.make(tree, [nodes[0], nodes[2]])
    assert [node.name for node in tree.nodes] == ["First", "Between", "Last"]
    assert list(bpy.data.node_groups) == [tree]


def test_inserting_and_separating():
    tree = new_tree()
    nodes = [script(tree, name, DOUBLE) for name in ("First", "Second", "Third")]
    link(nodes[0].outputs[0], nodes[1].inputs[0])
    link(nodes[1].outputs[0], nodes[2].inputs[0])
    node = grouping.make(tree, [nodes[1]])
    grouping.insert(node, [tree.nodes["First"]])
    group = node.node_tree
    ends = sorted((each.from_node.name, each.to_node.name) for each in group.links)
    assert ends == [("First", "Second"), ("Second", "Group Output")]
    assert [socket.name for socket in node.inputs] == []
    grouping.insert(node, [tree.nodes["Third"]])
    assert ("Second", "Third") in [(each.from_node.name, each.to_node.name) for each in group.links]
    grouping.separate(group, [group.nodes["First"]], node, moves=True)
    assert sorted(each.name for each in tree.nodes) == ["First", "Group"]
    assert "First" not in group.nodes


# Runs


def test_grouped_graph_gives_what_it_gave_before(session):
    tree = new_tree()
    numbers = value(tree, "FLOAT", (1.0, 2.0, 3.0), is_list=True, name="Numbers")
    double = script(tree, "Double", DOUBLE, value=numbers)
    again = script(tree, "Again", DOUBLE, value=double)
    script(tree, "Sum", "def main(values: list[float]) -> float: return sum(values)", values=again)
    run = session.start(tree)
    run.wait()
    before = tree.nodes["Sum"].outputs[0].result
    node = grouping.make(tree, [tree.nodes["Double"], tree.nodes["Again"]])
    grouping.make(node.node_tree, [node.node_tree.nodes["Again"]])
    run = session.start(tree)
    run.wait()
    assert tree.nodes["Sum"].outputs[0].result == before == 24.0
    assert {task.name for task in run.tasks.values()} == {"Group / Double", "Group / Group / Again", "Sum"}


# In an editor


@pytest.fixture
def nested():
    """Three trees, each used in the one before."""
    trees = outer, middle, inner = new_tree("Outer"), new_group("Middle"), new_group("Inner")
    use(outer, middle, "To Middle")
    use(middle, inner, "To Inner")
    return trees


def test_pasting_refuses_a_group_that_would_be_in_itself(nested):
    outer, middle, inner = nested
    with editor(outer):
        outer.nodes["To Middle"].select = True
        bpy.ops.node.clipboard_copy()
    for tree in (middle, inner):
        before = len(tree.nodes)
        with editor(tree), pytest.raises(RuntimeError, match="Cannot add node"):
            bpy.ops.node.clipboard_paste()
        assert len(tree.nodes) == before


def test_adding_refuses_a_group_that_would_be_in_itself(nested):
    outer, middle, inner = nested
    with editor(inner):
        for name in ("Outer", "Middle", "Inner"):
            with pytest.raises(RuntimeError, match="it would be in itself"):
                bpy.ops.background_nodes.node_add(choice=f"group:{name}")
        assert not [node for node in inner.nodes if hasattr(node, "uid")]
    with editor(outer):
        bpy.ops.background_nodes.node_add(choice="group:Inner")
    assert [node.node_tree for node in outer.nodes] == [middle, inner]


def test_trees_that_can_be_added_are_those_that_can_be_in_a_tree(nested):
    from background_nodes.addon.adding import node_choices

    assert [[choice.name for choice in node_choices.groups(tree)] for tree in nested] == [
        ["Inner", "Middle"],
        ["Inner"],
        [],
    ]


def test_inserting_into_a_group_what_holds_it_is_refused(nested):
    outer, _, inner = nested
    node, other = outer.nodes["To Middle"], use(outer, inner)
    with pytest.raises(GroupingError, match='"To Middle" would be in itself'):
        grouping.insert(other, [node])
    assert len(outer.nodes) == 2


def test_nodes_are_added_to_the_group_that_is_shown_and_the_outer_tree_runs(nested, session):
    outer, middle, _ = nested
    script(middle, "Double", DOUBLE)
    with editor(outer):
        outer.nodes.active = outer.nodes["To Middle"]
        outer.nodes.active.select = True
        bpy.ops.background_nodes.group_edit()
        bpy.ops.background_nodes.node_add(choice="input:FLOAT")
        assert "Float" in middle.nodes
        bpy.ops.background_nodes.run()
        bpy.ops.background_nodes.group_edit(exit=True)
        assert bpy.context.space_data.edit_tree == outer
    assert list(session.run_of(outer).tasks) == ["To Middle / Double"]
    assert session.run_of(middle) is None


def test_running_to_a_node_in_a_group_runs_only_what_it_needs(session):
    tree, group = new_tree(), doubling()
    script(group, "Other", DOUBLE)
    first = use(tree, group, "First")
    use(tree, group, "Second")
    with editor(tree):
        tree.nodes.active = first
        bpy.ops.background_nodes.group_edit(node_name="First")
        group.nodes.active = group.nodes["Double"]
        bpy.ops.background_nodes.run(scope="ACTIVE")
    assert list(session.run_of(tree).tasks) == ["First / Double"]


@pytest.mark.parametrize("is_override", [False, True])
def test_group_of_another_file_is_entered_and_not_changed(is_override, tmp_path):
    path = str(tmp_path / "library.blend")
    doubling("Library").use_fake_user = True
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    with bpy.data.libraries.load(path, link=True) as (_, wanted):
        wanted.node_groups = ["Library"]
    group = bpy.data.node_groups["Library"]
    group = group.override_create() if is_override else group
    tree = new_tree()
    node = use(tree, group)
    tree.nodes.active = node
    with editor(tree):
        bpy.ops.background_nodes.group_edit(node_name=node.name)
        assert bpy.context.space_data.edit_tree == group
        group.nodes["Double"].select = True
        for operator in (bpy.ops.background_nodes.group_make, bpy.ops.background_nodes.group_separate):
            assert not operator.poll()
        assert not bpy.ops.background_nodes.node_add.poll()
        bpy.ops.background_nodes.group_edit(exit=True)
        node.select = True
        bpy.ops.background_nodes.group_ungroup()
    assert [each.name for each in tree.nodes] == ["Double"]


def test_each_operator_is_one_step_of_undo():
    tree = new_tree()
    script(tree, "Double", DOUBLE)
    tree.nodes["Double"].select = True
    bpy.ops.ed.undo_push(message="Before")
    with editor(tree):
        bpy.ops.background_nodes.group_make("EXEC_DEFAULT", True)
        bpy.ops.ed.undo()
    assert [node.name for node in bpy.data.node_groups["Tree"].nodes] == ["Double"]


def test_groups_outlive_the_extension_being_disabled_twice():
    import background_nodes

    group, tree = new_group(Size="Float"), new_tree("Outer")
    use(tree, group).inputs["Size"].default_value = 4.0
    with editor(new_tree()):
        bpy.ops.node.clipboard_copy()  # of nothing: Blender 4.2 crashes later over copied nodes whose types are gone
    for _ in range(2):
        background_nodes.unregister()
        background_nodes.register()
    tree = bpy.data.node_groups["Outer"]
    assert tree.nodes["Use"].inputs["Size"].default_value == 4.0
    interface = tree.nodes["Use"].node_tree.interface  # found anew: Blender knows no type of what was found before
    interface.new_socket("Other", in_out="INPUT", socket_type="BackgroundNodeSocketIntList")
    assert [socket.name for socket in tree.nodes["Use"].inputs] == ["Size", "Other"]
    assert names(read(tree)) == ["Use"]
