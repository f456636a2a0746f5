"""The demo's input and graph build, compile and run, small and quick."""

import sys
from pathlib import Path

import bpy
import pytest

from background_nodes.node_tree import reader
from background_nodes.runtime.planning.compiler import compile_graph

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
MODULES = ("demo_graph", "demo_materials", "demo_scene", "demo_shapes", "graph_builder")


@pytest.fixture
def demo(monkeypatch):
    """The modules of the demo, by name."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    for name in MODULES:
        monkeypatch.delitem(sys.modules, name, raising=False)
    import demo_graph
    import demo_scene

    yield {"scene": demo_scene, "graph": demo_graph}
    for name in MODULES:
        sys.modules.pop(name, None)


def tiny(demo):
    return demo["graph"].Sizes(ratios=(0.3, 0.1), textures=(32, 16), tile=(48, 24), tile_samples=1)


def boxes(tree):
    """Left, bottom, right and top of each node, as its height is estimated."""
    from graph_builder import node_height

    return {
        node.name: (
            node.location.x,
            node.location.y - node_height(node),
            node.location.x + node.width,
            node.location.y,
        )
        for node in tree.nodes
        if node.bl_idname != "NodeFrame"
    }


def overlap(first, second) -> bool:
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


def test_the_input_is_a_dozen_objects_with_modifiers_and_shared_materials(demo):
    objects = demo["scene"].build(detail=-1)
    slots = [slot.material for item in objects for slot in item.material_slots]

    assert len({item.name for item in objects}) == 12
    assert all(item.modifiers for item in objects if item.name != "Knot")
    assert all(slots)
    assert len(set(slots)) < len(slots)
    assert demo["scene"].num_faces(objects) > 50_000


def test_the_input_is_the_same_each_time(demo):
    def points():
        objects = demo["scene"].build(3, detail=-2)
        return [tuple(vertex.co) for item in objects for vertex in item.data.vertices]

    first = points()
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)

    assert points() == first


def test_the_graph_compiles_and_maps_over_the_objects(demo):
    objects = demo["scene"].build(2, detail=-2)
    tree = demo["graph"].build("Demo", objects, "/somewhere/")
    plan = compile_graph(reader.read(tree, bpy.context.scene))

    whole = {task.name for task in plan.tasks if not task.mapped}
    assert whole == {"Contact Sheet", "Save Sheet"}


def test_no_node_of_the_graph_covers_another(demo):
    objects = demo["scene"].build(detail=-2)
    placed = list(boxes(demo["graph"].build("Demo", objects, "/somewhere/")).items())

    covered = [(a, b) for i, (a, first) in enumerate(placed) for b, second in placed[:i] if overlap(first, second)]
    assert covered == []


def test_a_tiny_demo_makes_files_and_brings_objects_home(demo, awkward_path, registered_extension):
    objects = demo["scene"].build(2, detail=-3)
    tree = demo["graph"].build("Demo", objects, f"{awkward_path}/", tiny(demo))
    run = registered_extension.run(tree, workers=2, timeout=300)

    assert {name: task.error for name, task in run.tasks.items() if task.error} == {}
    assert run.state == "succeeded"
    names = [f"{item.name}_LOD{number}" for item in objects for number in (1, 2)]
    assert sorted(path.stem for path in (awkward_path / "glTF").glob("*.glb")) == sorted(names)
    assert (awkward_path / "contact sheet.png").stat().st_size > 0
    assert sorted(item.name for number in (1, 2) for item in bpy.data.collections[f"LOD{number}"].objects) == sorted(
        names
    )
