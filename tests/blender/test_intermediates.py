"""What the tasks in the middle of a chain gave comes home, or into view, as a new Blender for each task gives it.

It is asked for as soon as the task has ended, while the others go on, and once more after the run.
"""

import bpy
import pytest

import background_nodes
from background_nodes.runtime.blend_file.digests import digests
from background_nodes.runtime.blend_file.outside import Outside
from background_nodes.runtime.blender import blobs
from background_nodes.runtime.keys.files import FileDigests

from .graphs import advance, new_tree, script

#: What each task does with the object that it takes, and what it leaves behind in its worker.
STEPS = (
    "item.location.x += 1; item.data.materials.append(bpy.data.materials.new('Stone'))",
    "item.modifiers.new('Solid', 'SOLIDIFY').thickness = 0.25",
    "item.data.vertices.foreach_set('co', [number / 7 for number in range(3 * len(item.data.vertices))])",
    "item.data.uv_layers.new(name='Map'); item.data.materials[0].diffuse_color[0] = 0.125",
    "item.keyframe_insert('scale', frame=3); bpy.context.scene.frame_set(7)",
    "item = item.copy(); item.data = item.data.copy(); item.name = 'Copy'",
    "item.parent = bpy.data.objects.new('Parent', None); item.parent.location.y = 2; bpy.types.Object.left = 1",
    "item.constraints.new('COPY_SCALE').target = bpy.data.objects.new('Other', item.data); bpy.ops.ed.undo_push()",
    "item.vertex_groups.new(name='Some').add([0, 2], 0.5, 'REPLACE')",
    "open({begun!r}, 'a').close()\n    while not os.path.exists({flag!r}): time.sleep(0.01)\n    item.location.z = 3",
)
MAKE = """
import os
import time

def main(source: bpy.types.Object | None = None) -> bpy.types.Object:
    item = source
    if item is None:
        mesh = bpy.data.meshes.new("Item")
        mesh.from_pydata([(x, y, 0) for x in (0, 1) for y in (0, 1)], [], [(0, 1, 3, 2)])
        item = bpy.data.objects.new("Item", mesh)
        bpy.context.scene.collection.objects.link(item)
    {step}
    return item
"""


def chain(folder, **settings):
    tree, before = new_tree(), {}
    places = {"begun": str(folder / "begun"), "flag": str(folder / "flag")}
    for number, step in enumerate(STEPS):
        source = MAKE.replace("{step}", step.format(**places))
        node = script(tree, f"Step {number}", source, **before)
        for name, value in settings.items():
            setattr(node, name, value)
        before = {"source": node}
    return tree


def digests_of(item, folder):
    """Digests of all that is in a file with a data-block, by kinds and names."""
    path = folder / "written.blend"
    blobs.write(path, [item])
    return {key: (one.content, one.reason) for key, one in digests(path, Outside(FileDigests())).items()}


def fetched(run, number, folder):
    """Digests of what a task gave, brought home and removed again."""
    there = {*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials, *bpy.data.actions}
    found = digests_of(run.fetch(f"Step {number}", "result"), folder)
    bpy.data.batch_remove({*bpy.data.objects, *bpy.data.meshes, *bpy.data.materials, *bpy.data.actions} - there)
    return found


def viewed(run, number, folder):
    """The same, only loaded to be looked at."""
    shown = run.view(run.tasks[f"Step {number}"].node_id, "result")
    found = digests_of(shown.results[0], folder)
    bpy.data.batch_remove(shown.came)
    return found


@pytest.fixture(scope="module")
def expected(registered_extension, tmp_path_factory):
    """What each task gives in a Blender of its own."""
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    folder = tmp_path_factory.mktemp("cold")
    (folder / "flag").touch()
    run = background_nodes.run(chain(folder, use_fresh_process=True), cache=False, allow_scripts=True)
    assert run.state == "succeeded"
    return [fetched(run, number, folder) for number in range(len(STEPS))]


@pytest.mark.any_blender
@pytest.mark.parametrize("look", [fetched, viewed])
@pytest.mark.parametrize("keeps", [False, True])
def test_intermediate_results_are_those_of_new_blenders_during_a_run_and_after_it(
    expected, session, request, tmp_path, look, keeps
):
    if keeps:
        request.getfixturevalue("store")
    run = session.start(chain(tmp_path), workers=2)
    last = len(STEPS) - 1
    for number in range(last):
        advance(run, lambda place=number: run.tasks[f"Step {place}"].state.is_final)
        assert look(run, number, tmp_path) == expected[number], f"Step {number}, while the run goes on"
    assert run.tasks[f"Step {last}"].state == "running"
    (tmp_path / "flag").touch()
    assert run.wait() == "succeeded"
    for number in reversed(range(len(STEPS))):
        assert look(run, number, tmp_path) == expected[number], f"Step {number}, after the run"
