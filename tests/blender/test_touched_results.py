"""Every way in which an artist can touch a result or its original between two runs: each row of the table is a test.

A cell of the table (docs/results.md) is a function that touches the object, lets the tree run again, and looks. Its
docstring is what the table says.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes import CompileError

from .graphs import link_to_scene, new_text, new_tree, output, quad, script, socket_of, value

DOCS = Path(__file__).parents[2] / "docs" / "results.md"
CHANGE = """
    def main(source: bpy.types.Object, size: float = 1.0) -> bpy.types.Object:
        source.data.vertices[0].co.x += size
        return source
"""
#: The same to a copy: what is linked from another file stays as it is.
COPY = CHANGE.replace("source.data.v", "source = source.copy(); source.data = source.data.copy(); source.data.v")
#: Gets the run that went on after the touch, or the error that it did not start with.
Touch = Callable[[bpy.types.Object], Generator[None, background_nodes.Run | CompileError, None]]


@pytest.fixture(autouse=True)
def tree(store) -> bpy.types.NodeTree:
    """A tree that made a changed copy of "Cube" in the collection "Results"."""
    tree = new_tree()
    results = bpy.data.collections.new("Results")
    bpy.context.scene.collection.children.link(results)
    change = script(tree, "Change", CHANGE, source=value(tree, "Object", quad("Cube"), name="Input"))
    output(tree, "LINK", change, collection=results, name="Output")
    run()
    return tree


def here() -> bpy.types.NodeTree:
    return bpy.data.node_groups["Tree"]


def run() -> background_nodes.Run | CompileError:
    try:
        return background_nodes.run(here())
    except CompileError as error:
        return error


def result() -> bpy.types.Object:
    return here().nodes["Change"].outputs[0].result


def set_size(size: float) -> None:
    socket_of(here().nodes["Change"].inputs, "size").default_value = size


def size_of(item: bpy.types.Object) -> float:
    return item.data.vertices[0].co.x


def is_cached(finished: background_nodes.Run) -> bool:
    return finished.tasks["Change"].cached


# What was done to a result. Then the script makes one of size 2


def result_edited(made):
    """It stays as you made it, and a note says so: see *Changed by Hand*"""
    made.data.vertices[0].co.x = 7
    finished = yield
    assert (size_of(result()), finished.notes) == (7, ('"Cube.001" was changed by hand, so it stays',))


def result_renamed(made):
    """It keeps its name and gets the new content"""
    made.name = "Mine"
    yield
    assert (result().name, size_of(result())) == ("Mine", 2)


def result_moved(made):
    """It stays where you put it, and gets the new content"""
    made.location.z = 7
    yield
    assert (result().location.z, size_of(result())) == (7, 2)


def result_deleted(made):
    """It comes again, with its mesh; a click on *Deleted* brings it back at once"""
    bpy.data.objects.remove(made)
    yield
    assert (collections_of(result()), size_of(result())) == (["Results"], 2)


def result_parented(made):
    """It keeps the parent, and gets the new content"""
    made.parent = quad("Parent")
    yield
    assert (result().parent.name, size_of(result())) == ("Parent", 2)


def result_made_a_parent(made):
    """Its children stay its children"""
    quad("Child").parent = made
    yield
    assert (bpy.data.objects["Child"].parent, size_of(result())) == (result(), 2)


def result_hidden(made):
    """It stays hidden, and gets the new content"""
    made.hide_set(True)
    made.hide_viewport = True
    yield
    assert (result().hide_get(), result().hide_viewport, size_of(result())) == (True, True, 2)


def result_hidden_in_renders(made):
    """It stays hidden, and gets the new content"""
    made.hide_render = True
    yield
    assert (result().hide_render, size_of(result())) == (True, 2)


def result_put_into_another_collection(made):
    """It stays there, and the new one is not in the old collection beside it"""
    bpy.data.collections["Results"].objects.unlink(made)
    place_of_artist().objects.link(made)
    yield
    assert (collections_of(result()), size_of(result())) == (["Mine"], 2)


def result_copied(made):
    """The copy is yours: it stays as it was"""
    copy = link_to_scene(made.copy())
    copy.data = made.data.copy()
    yield
    assert (size_of(bpy.data.objects["Cube.002"]), size_of(result()), collections_of(result())) == (1, 2, ["Results"])


def result_made_local(_made):
    """One that is linked from another file: it is yours, and stays beside the linked one, which comes again"""
    path = library_with_cube()
    source = f"""
        def main(source: bpy.types.Object, size: float = 1.0) -> bpy.types.Object:
            with bpy.data.libraries.load({str(path)!r}, link=True) as (_found, wanted):
                wanted.objects = ["Theirs"]
            return wanted.objects[0]
    """
    here().nodes["Change"].script = new_text("Links.py", source)
    run()
    assert result().library is not None
    local = result().make_local()
    local["mine"] = 7
    yield
    assert (bpy.data.objects["Theirs", None]["mine"], result().library is None) == (7, False)


def result_used_by_a_modifier(made):
    """The modifier uses the new one"""
    quad("Other").modifiers.new("Shrinkwrap", "SHRINKWRAP").target = made
    yield
    assert (bpy.data.objects["Other"].modifiers[0].target, size_of(result())) == (result(), 2)


def result_selected(made):
    """It stays selected and active"""
    made.select_set(True)
    bpy.context.view_layer.objects.active = made
    yield
    assert (bpy.context.selected_objects, bpy.context.object) == ([result()], result())


def result_changed_and_undone(made):
    """It is as if nothing had been done to it"""
    bpy.ops.ed.undo_push(message="before")
    made.data.vertices[0].co.x = 7
    bpy.ops.ed.undo_push(message="edited")
    bpy.ops.ed.undo()
    finished = yield
    assert (size_of(result()), finished.notes) == (2, ())


def result_undone(_made):
    """The results before that are back, and the next ones take their place"""
    bpy.ops.ed.undo_push(message="before")
    set_size(5.0)
    run()
    bpy.ops.ed.undo()
    assert size_of(result()) == 1
    yield
    assert (size_of(result()), len(bpy.data.objects), len(bpy.data.meshes)) == (2, 2, 2)


def result_put_into_another_scene(made):
    """It stays in both scenes, and both show the new content"""
    other = bpy.data.scenes.new("Other")
    other.collection.objects.link(made)
    yield
    assert (other.collection.objects[:], size_of(result())) == ([result()], 2)
    assert collections_of(result()) == ["Results", "Scene Collection"]


def result_run_from_another_scene(_made):
    """It stays in its collection, whichever scene you look at"""
    bpy.context.window.scene = bpy.data.scenes.new("Other")
    yield
    assert (collections_of(result()), size_of(result())) == (["Results"], 2)


def result_put_into_another_file(made):
    """There it is an object as any other; here it is still the result"""
    path = folder() / "other.blend"
    bpy.data.libraries.write(str(path), {made, here()})
    with bpy.data.libraries.load(str(path)) as (available, wanted):
        wanted.node_groups = available.node_groups
        wanted.objects = ["Cube.001"]
    yield
    assert (size_of(wanted.objects[0]), size_of(result())) == (1, 2)
    assert wanted.node_groups[0].nodes["Change"].outputs[0].result is None


def result_saved_and_opened_again(_made):
    """It is found again by its name"""
    save_and_open()
    yield
    assert (collections_of(result()), size_of(result()), len(bpy.data.objects)) == (["Results"], 2, 2)


# What was done to the original, that the result is made of


def original_edited(cube):
    """The node runs again, and the result is made of the new one"""
    cube.data.vertices[0].co.x += 5
    finished = yield
    assert (is_cached(finished), size_of(result()), len(bpy.data.objects)) == (False, 6, 2)


def original_renamed(cube):
    """The node runs again, as scripts see the name; the result keeps its own"""
    cube.name = "Mine"
    finished = yield
    assert (is_cached(finished), result().name, cube.name) == (False, "Cube.001", "Mine")


def original_moved(cube):
    """The node runs again, and the result goes where the original is, unless you moved it"""
    cube.location.z = 7
    finished = yield
    assert (is_cached(finished), result().location.z) == (False, 7)
    result().location.z, cube.location.z = 9, 8
    run()
    assert result().location.z == 9


def original_deleted(cube):
    """The tree does not run, and says which input is empty. The results stay"""
    bpy.data.objects.remove(cube)
    finished = yield
    assert [(problem.node, problem.socket) for problem in finished.problems] == [("Change", "Source")]
    assert (size_of(result()), collections_of(result())) == (1, ["Results"])


def original_parented(cube):
    """The node runs again, and the result has that parent, too"""
    cube.parent = quad("Parent")
    finished = yield
    assert (is_cached(finished), result().parent, len(bpy.data.objects)) == (False, bpy.data.objects["Parent"], 3)


def original_made_a_parent(cube):
    """Nothing runs"""
    quad("Child").parent = cube
    finished = yield
    assert is_cached(finished)
    assert bpy.data.objects["Child"].parent == cube


def original_hidden(cube):
    """Nothing runs, and the result is shown as it was"""
    cube.hide_set(True)
    finished = yield
    assert (is_cached(finished), cube.hide_get(), result().hide_get()) == (True, True, False)


def original_hidden_in_renders(cube):
    """The node runs again, and the result is hidden in renders, too"""
    cube.hide_render = True
    finished = yield
    assert (is_cached(finished), result().hide_render) == (False, True)


def original_put_into_another_collection(cube):
    """Nothing runs, and the result stays in its own"""
    bpy.context.scene.collection.objects.unlink(cube)
    place_of_artist().objects.link(cube)
    finished = yield
    assert (is_cached(finished), collections_of(cube), collections_of(result())) == (True, ["Mine"], ["Results"])


def original_made_local(_cube):
    """One that is linked from another file: the result is the same"""
    linked = linked_cube()
    linked.make_local().data.make_local()
    yield
    assert (size_of(result()), len(bpy.data.objects)) == (1, 3)


def original_used_by_a_modifier(cube):
    """Nothing runs, and the modifier still uses the original"""
    quad("Other").modifiers.new("Shrinkwrap", "SHRINKWRAP").target = cube
    finished = yield
    assert (is_cached(finished), bpy.data.objects["Other"].modifiers[0].target) == (True, cube)


def original_changed_and_undone(cube):
    """Nothing runs: the result is that of the run before"""
    bpy.ops.ed.undo_push(message="before")
    cube.data.vertices[0].co.x += 5
    bpy.ops.ed.undo_push(message="edited")
    run()
    bpy.ops.ed.undo()
    bpy.ops.ed.undo()
    finished = yield
    assert (is_cached(finished), size_of(result())) == (True, 1)


def original_put_into_another_scene(cube):
    """Nothing runs"""
    bpy.data.scenes.new("Other").collection.objects.link(cube)
    finished = yield
    assert is_cached(finished)


def original_saved_and_opened_again(_cube):
    """Nothing runs, also if the file has another name and folder now"""
    save_and_open()
    (folder() / "moved").mkdir(exist_ok=True)
    save_and_open("moved/other.blend")
    finished = yield
    assert is_cached(finished)
    assert len(bpy.data.objects) == 2


def original_changed_in_its_own_file(_cube):
    """One that is linked from another file, which was saved with a change: the node runs again"""
    linked = linked_cube()
    library_with_cube(size=5.0)
    linked.library.reload()
    finished = yield
    assert (is_cached(finished), size_of(result())) == (False, 6)


# What was done to an original whose data the result has replaced


def replaced_edited(cube):
    """The node runs again, on what you made of it"""
    cube.data.vertices[0].co.x = 10
    yield
    assert (size_of(cube), len(bpy.data.objects), len(bpy.data.meshes)) == (11, 1, 1)


def replaced_renamed(cube):
    """It keeps its name and gets the new data"""
    cube.name = "Mine"
    yield
    assert (cube.name, size_of(cube)) == ("Mine", 2)


def replaced_moved(cube):
    """It stays where you put it"""
    cube.location.z = 7
    yield
    assert (cube.location.z, size_of(cube)) == (7, 2)


def replaced_parented(cube):
    """It keeps the parent"""
    cube.parent = quad("Parent")
    yield
    assert (cube.parent.name, size_of(cube)) == ("Parent", 2)


def replaced_made_a_parent(cube):
    """Its children stay its children"""
    quad("Child").parent = cube
    yield
    assert (bpy.data.objects["Child"].parent, size_of(cube)) == (cube, 2)


def replaced_deleted(cube):
    """The tree does not run, and says which input is empty"""
    bpy.data.objects.remove(cube)
    finished = yield
    assert [(problem.node, problem.socket) for problem in finished.problems] == [("Change", "Source")]
    assert not bpy.data.objects


def replaced_hidden(cube):
    """It stays hidden"""
    cube.hide_set(True)
    yield
    assert (cube.hide_get(), size_of(cube)) == (True, 2)


def replaced_put_into_another_collection(cube):
    """It stays where you put it"""
    bpy.context.scene.collection.objects.unlink(cube)
    place_of_artist().objects.link(cube)
    yield
    assert (collections_of(cube), size_of(cube)) == (["Mine"], 2)


def replaced_used_by_a_modifier(cube):
    """The modifier still uses it"""
    quad("Other").modifiers.new("Shrinkwrap", "SHRINKWRAP").target = cube
    yield
    assert (bpy.data.objects["Other"].modifiers[0].target, size_of(cube)) == (cube, 2)


def replaced_copied(cube):
    """The copy stays as it was"""
    copy = link_to_scene(cube.copy())
    copy.data = cube.data.copy()
    yield
    assert (size_of(copy), size_of(cube)) == (1, 2)


def replaced_saved_and_opened_again(_cube):
    """It is replaced again, and once only"""
    save_and_open()
    yield
    assert (size_of(bpy.data.objects["Cube"]), len(bpy.data.objects)) == (2, 1)


def replaced_hidden_in_renders(cube):
    """It stays hidden"""
    cube.hide_render = True
    yield
    assert (cube.hide_render, size_of(cube)) == (True, 2)


def replaced_undone(_cube):
    """The next run replaces it again, and once only"""
    bpy.ops.ed.undo_push(message="before")
    run()
    assert size_of(bpy.data.objects["Cube"]) == 2
    bpy.ops.ed.undo()
    assert size_of(bpy.data.objects["Cube"]) == 1
    yield
    assert (size_of(bpy.data.objects["Cube"]), len(bpy.data.objects)) == (2, 1)


def replaced_put_into_another_scene(cube):
    """It stays in both scenes"""
    other = bpy.data.scenes.new("Other")
    other.collection.objects.link(cube)
    bpy.context.window.scene = other
    yield
    assert (size_of(cube), collections_of(cube)) == (2, ["Scene Collection", "Scene Collection"])


# What the rows need


def save_and_open(name: str = "mine.blend") -> None:
    path = str(folder() / name)
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)


def folder() -> Path:
    return Path(bpy.data.filepath).parent if bpy.data.filepath else Path(bpy.app.tempdir)


def library_with_cube(size: float = 0.0) -> Path:
    path = folder() / "library.blend"
    theirs = quad("Theirs")
    theirs.data.vertices[0].co.x = size
    bpy.data.libraries.write(str(path), {theirs})
    bpy.data.batch_remove([theirs, theirs.data])
    return path


def linked_cube() -> bpy.types.Object:
    """An object of another file, which the tree has made a copy of."""
    with bpy.data.libraries.load(str(library_with_cube()), link=True) as (_found, wanted):
        wanted.objects = ["Theirs"]
    here().nodes["Change"].script.from_string(new_text("Copy.py", COPY).as_string())
    here().nodes["Input"].outputs[0].default_value = wanted.objects[0]
    run()
    assert size_of(result()) == 1
    return wanted.objects[0]


def place_of_artist() -> bpy.types.Collection:
    place = bpy.data.collections.new("Mine")
    bpy.context.scene.collection.children.link(place)
    return place


def collections_of(item: bpy.types.Object) -> list[str]:
    return sorted(collection.name for collection in item.users_collection)


def touches(what: str) -> pytest.MarkDecorator:
    found = [function for name, function in globals().items() if name.startswith(f"{what}_")]
    return pytest.mark.parametrize("touch", found, ids=lambda touch: touch.__name__.removeprefix(f"{what}_"))


def go_on(touch: Touch, item: bpy.types.Object, size: float | None = None) -> None:
    steps = touch(item)
    next(steps)
    if size is not None:
        set_size(size)
    with pytest.raises(StopIteration):
        steps.send(run())


@touches("result")
def test_touched_result_is_what_the_table_says(touch):
    go_on(touch, result(), size=2.0)


@touches("original")
def test_result_of_a_touched_original_is_what_the_table_says(touch):
    go_on(touch, bpy.data.objects["Cube"])


@touches("replaced")
def test_touched_original_that_was_replaced_is_what_the_table_says(touch):
    bpy.data.batch_remove([result(), result().data])
    here().nodes["Output"].mode = "REPLACE"
    run()
    go_on(touch, bpy.data.objects["Cube"])


def test_table_in_the_docs_has_a_test_for_each_cell():
    rows = re.findall(r"^\| ([a-z ]+) \| (.*) \| (.*) \| (.*) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    told = {
        f"{what}_{name.replace(' ', '_')}": cell
        for name, *cells in rows
        for what, cell in zip(("result", "original", "replaced"), cells, strict=True)
        if cell
    }
    tested = {
        name: function.__doc__
        for name, function in globals().items()
        if name.startswith(("result_", "original_", "replaced_"))
    }
    assert told == tested
