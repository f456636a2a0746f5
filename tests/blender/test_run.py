"""Runs, end to end: the public Python API on real background Blenders."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from pathlib import Path

import bpy
import pytest

import background_nodes
from background_nodes import RunError

from .graphs import (
    add,
    advance,
    line,
    new_tree,
    quad,
    script,
    socket_of,
    value,
)

DOUBLE = "def main(number: int) -> int: return 2 * number"
FAIL = "def main(number: int) -> int: raise ValueError(f'not {number}')"
#: Runs until the file at `flag` is there.
WAIT = """
    import os

    def main(flag: str, number: int = 0) -> int:
        progress(0.5, "Waiting")
        while not os.path.exists(flag):
            pass
        return number
"""

#: Where Linux lists what a process holds open.
HANDLES = Path("/proc/self/fd")


@pytest.fixture
def tree():
    return new_tree()


@pytest.fixture
def flag(tmp_path) -> Path:
    """A file that a script waits for. It is made at the end of the test, so that no script waits longer."""
    yield tmp_path / "flag"
    (tmp_path / "flag").touch()


def run(tree, **options):
    return background_nodes.run(tree, **options)


def states(run) -> dict[str, str]:
    return {name: str(task.state) for name, task in run.tasks.items()}


def result(node):
    return node.outputs[0].result


# Graphs


def test_diamond_with_a_mapped_list_and_a_failing_branch_tells_each_at_its_node(tree):
    make = script(tree, "Make", "def main() -> list[int]: return list(range(24))")
    left = script(tree, "Left", DOUBLE, number=make)
    right = script(tree, "Right", "def main(number: int) -> int: return number + 1", number=make)
    total = script(
        tree,
        "Total",
        "def main(a: list[int], b: list[int]) -> int: return sum(a) * 1000 + sum(b)",
        a=left,
        b=right,
    )
    script(tree, "Fail", "\ndef main(numbers: list[int]) -> int:\n    raise ValueError(len(numbers))", numbers=make)
    after = script(tree, "After", DOUBLE, number=tree.nodes["Fail"])

    finished = run(tree)

    assert finished.state == "failed"
    assert states(finished) == {
        "Make": "succeeded",
        "Left": "succeeded",
        "Right": "succeeded",
        "Total": "succeeded",
        "Fail": "failed",
        "After": "skipped",
    }
    assert result(total) == 2 * 276 * 1000 + 276 + 24
    assert result(after) is None
    failed = finished.tasks["Fail"].error
    assert failed.message == "ValueError: 24"
    assert failed.line == line(2)
    assert f"line {line(2)}, in main" in failed.traceback
    assert "raise ValueError(len(numbers))" in failed.traceback
    assert "Fail" in finished.tasks["After"].error.message
    left_task = finished.tasks["Left"]
    assert (left_task.is_mapped, left_task.num_items, left_task.num_done, len(left_task.items)) == (True, 24, 24, 24)
    assert finished.tasks["Make"].error is None
    assert finished.progress == 1.0


def test_state_compares_equal_to_its_name(tree):
    script(tree, "Make", "def main() -> int: return 1")
    finished = run(tree)
    assert finished.state == "succeeded" == background_nodes.RunState.SUCCEEDED
    assert finished.tasks["Make"].state == "succeeded" == background_nodes.TaskState.SUCCEEDED
    assert finished.tasks["Make"].cached is False
    assert finished.seconds >= finished.tasks["Make"].seconds > 0.0
    assert finished.is_home


def test_failing_item_fails_the_node_and_keeps_the_others_results(tree):
    source = "def main(number: int) -> int: print('item', number); assert number != 2, 'two'; return number * 10"
    script(tree, "Map", source, number=value(tree, "INT", [1, 2, 3], is_list=True))
    finished = run(tree)
    task = finished.tasks["Map"]
    assert task.state == "failed"
    assert "two" in task.error.message
    assert [str(item.state) for item in task.items] == ["succeeded", "failed", "succeeded"]
    assert [item.log for item in task.items] == ["item 1\n", "item 2\n", "item 3\n"]
    assert [item.index for item in task.items] == [0, 1, 2]
    assert task.items[1].error.message == "AssertionError: two"
    assert [finished.fetch("Map", "result", item=index) for index in (0, 2)] == [10, 30]
    for item in (1, 3):
        with pytest.raises(background_nodes.RunError, match=f"item {item} .* no result"):
            finished.fetch("Map", "result", item=item)
    assert result(tree.nodes["Map"]) is None


@pytest.mark.parametrize(
    ("kind", "annotation", "name"),
    [("Object", "bpy.types.Object", '"Lamp"'), ("STRING", "str", '"Lamp"'), ("INT", "int", "item 1")],
)
def test_item_that_failed_goes_by_the_name_of_what_it_works_on(tree, kind, annotation, name):
    items = {"Object": [quad("Fine"), quad("Lamp")], "STRING": ["Fine", "Lamp"], "INT": [3, 4]}[kind]
    source = f"""
    import bpy

    def main(item: {annotation}) -> int:
        assert getattr(item, "name", item) in ("Fine", 3), "no surface"
        return 1
    """
    script(tree, "Look", source, item=value(tree, kind, items, is_list=True))
    task = run(tree).tasks["Look"]
    assert task.error.message == f"1 of 2 items failed; {name}: AssertionError: no surface"
    assert task.items[1].error.message == "AssertionError: no surface"


@pytest.mark.parametrize("expression", ["studio(2)", "1 / (frame - 1)", "1 +", "missing", "frame + 1"])
def test_driver_that_fails_in_a_worker_is_told_by_the_run_and_the_log(tree, expression):
    """The first of them works at home: an add-on may have given Blender the function. The fourth one reads nothing."""
    item = quad("Wheel")
    driver = item.driver_add("location", 0).driver
    driver.expression = expression
    if expression == "missing":
        variable = driver.variables.new()
        variable.name, variable.targets[0].id, variable.targets[0].data_path = "missing", item, '["missing"]'
    script(tree, "Pass", "def main(source: bpy.types.Object) -> bpy.types.Object: return source", source=item)
    run = background_nodes.run(tree)
    assert run.state == "succeeded"
    is_wrong = expression != "frame + 1"
    told = 'driver of location of Object "Wheel" failed'
    assert (f"The {told}" in run.tasks["Pass"].log) is is_wrong
    assert run.notes == ((f'"Pass": the {told} in the background; see the log',) if is_wrong else ())


def test_data_blocks_of_single_items_are_fetched(tree):
    source = """
        def main(number: int) -> list[bpy.types.Mesh]:
            assert number
            return [bpy.data.meshes.new(f"{number} {letter}") for letter in "ab"]
    """
    script(tree, "Map", source, number=value(tree, "INT", [0, 1, 2], is_list=True))
    finished = run(tree)
    assert not bpy.data.meshes
    fetched = finished.fetch("Map", "Meshes", item=2)
    assert [mesh.name for mesh in fetched] == ["2 a", "2 b"] == [mesh.name for mesh in bpy.data.meshes]


def test_chain_of_mapped_nodes_stays_in_order(tree):
    numbers = value(tree, "INT", [5, 3, 4], is_list=True)
    double = script(tree, "Double", DOUBLE, number=numbers)
    text = script(tree, "Text", "def main(number: int, tag: str = '') -> str: return f'{number}{tag}'", number=double)
    text.inputs["Tag"].default_value = "!"
    both = script(
        tree, "Both", "def main(text: str, number: int) -> str: return f'{number}: {text}'", text=text, number=numbers
    )
    run(tree)
    assert result(both) == ("5: 10!", "3: 6!", "4: 8!")


def test_mapping_over_an_empty_list_succeeds_with_an_empty_list(tree):
    none = script(tree, "None", "def main() -> list[int]: return []")
    double = script(tree, "Double", DOUBLE, number=none)
    total = script(tree, "Total", "def main(numbers: list[int]) -> int: return sum(numbers)", numbers=double)
    assert run(tree).state == "succeeded"
    assert result(total) == 0


def test_lists_of_different_lengths_fail_the_node(tree):
    make = script(tree, "Make", "def main() -> list[int]: return [1, 2]")
    three = value(tree, "INT", [1, 2, 3], is_list=True)
    script(tree, "Add", "def main(a: int, b: int) -> int: return a + b", a=make, b=three)
    task = run(tree).tasks["Add"]
    assert task.state == "failed"
    assert "differ in length" in task.error.message


def test_until_runs_only_what_the_node_needs(tree):
    first = script(tree, "First", DOUBLE, number=1)
    script(tree, "Second", DOUBLE, number=first)
    script(tree, "Other", DOUBLE, number=2)
    assert set(run(tree, until="First").tasks) == {"First"}
    assert set(run(tree, until=["Second"]).tasks) == {"First", "Second"}
    assert set(run(tree, until=("First", "Other")).tasks) == {"First", "Other"}
    with pytest.raises(background_nodes.CompileError, match=r'no node "Secund".*Second'):
        run(tree, until="Secund")


@pytest.mark.any_blender
@pytest.mark.parametrize("workers", [1, 2])
def test_no_more_workers_work_for_a_run_than_it_may_have(tree, workers, session):
    session.close()
    source = "import os\ndef main(number: int) -> int: return os.getpid()"
    node = script(tree, "Map", source, number=value(tree, "INT", list(range(6)), is_list=True))
    run(tree, workers=workers)
    assert 1 <= len(set(result(node))) <= workers
    assert len(session.worker_process_ids) <= workers


def test_run_with_no_worker_is_refused(tree):
    script(tree, "Make", "def main() -> int: return 1")
    with pytest.raises(background_nodes.RunError, match="at least one worker"):
        run(tree, workers=0)


def test_tree_of_another_type_is_refused():
    with pytest.raises(background_nodes.RunError, match="no background node tree"):
        run(bpy.data.node_groups.new("Shader", "ShaderNodeTree"))


# Time and cancelling


def test_run_that_takes_too_long_times_out(tree, flag):
    script(tree, "Wait", WAIT, flag=str(flag))
    script(tree, "After", DOUBLE, number=tree.nodes["Wait"])
    finished = run(tree, timeout=1.0)
    assert finished.state == "failed"
    assert finished.tasks["Wait"].state == "timed_out"
    assert finished.tasks["After"].state == "skipped"


@pytest.mark.any_blender
def test_node_that_takes_too_long_times_out_alone(tree, flag):
    script(tree, "Wait", WAIT, flag=str(flag)).timeout = 0.5
    script(tree, "Other", DOUBLE, number=1)
    assert states(run(tree)) == {"Wait": "timed_out", "Other": "succeeded"}


def test_cancelled_run_keeps_what_was_done(tree, flag, session):
    done = script(tree, "Done", DOUBLE, number=1)
    script(tree, "Wait", WAIT, flag=str(flag), number=done)
    script(tree, "After", DOUBLE, number=tree.nodes["Wait"])
    done.keep_result = True
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].progress == 0.5)
    assert going.tasks["Wait"].text == "Waiting"
    going.cancel()
    assert going.wait() == "cancelled"
    assert states(going) == {"Done": "succeeded", "Wait": "cancelled", "After": "cancelled"}
    assert result(tree.nodes["Done"]) == 2
    going.cancel()
    assert going.state == "cancelled"


@pytest.mark.any_blender
def test_cancelled_node_skips_what_needs_it_and_no_more(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    script(tree, "After", DOUBLE, number=tree.nodes["Wait"])
    script(tree, "Other", DOUBLE, number=1)
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].state == "running")
    with pytest.raises(background_nodes.RunError, match='no node "Wiat"'):
        going.cancel("Wiat")
    going.cancel("Wait")
    assert going.wait() == "failed"
    assert states(going) == {"Wait": "cancelled", "After": "skipped", "Other": "succeeded"}


def test_second_run_of_a_running_tree_is_refused(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    with pytest.raises(background_nodes.RunError, match="running already"):
        run(tree)
    flag.touch()
    assert going.wait() == "succeeded"
    assert run(tree).state == "succeeded"


@pytest.mark.any_blender
def test_two_trees_run_side_by_side(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    waiting = session.start(tree)
    other = new_tree("Other")
    double = script(other, "Double", DOUBLE, number=4)
    assert run(other).state == "succeeded"
    assert result(double) == 8
    assert not waiting.state.is_final
    flag.touch()
    assert waiting.wait() == "succeeded"


def test_wait_with_a_timeout_comes_back_while_the_run_goes_on(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    assert going.wait(0.01) == "running"
    assert not going.is_home
    flag.touch()
    going.wait()


# Events


def test_events_tell_of_each_change_in_order_and_of_the_end_last(tree):
    script(tree, "First", DOUBLE, number=1)
    script(tree, "Second", DOUBLE, number=tree.nodes["First"])
    told = []
    run(tree, on_event=lambda event: told.append((event.name, event.task and (event.task.name, str(event.task.state)))))
    assert told[-1] == ("finished", None)
    changes = list(dict.fromkeys(detail for name, detail in told if name == "task"))
    assert changes == [("First", "running"), ("First", "succeeded"), ("Second", "running"), ("Second", "succeeded")]


def test_results_are_home_when_the_end_is_told(tree):
    node = script(tree, "Make", "def main() -> int: return 5")
    told = []
    run(tree, on_event=lambda event: told.append(result(node)) if event.name == "finished" else None)
    assert told == [5]


def test_callback_that_raises_is_noted_once_and_breaks_nothing(tree):
    node = script(tree, "Make", "def main() -> int: return 5")
    calls = []

    def on_event(event):
        calls.append(event.name)
        raise RuntimeError("mine")

    finished = run(tree, on_event=on_event)
    assert finished.state == "succeeded"
    assert result(node) == 5
    assert [note for note in finished.notes if "mine" in note] == ["on_event raised RuntimeError: mine"]
    assert calls[-1] == "finished"


def test_callback_may_cancel_the_run(tree, flag):
    script(tree, "Wait", WAIT, flag=str(flag))
    session_run = []

    def on_event(event):
        if event.task is not None and event.task.progress == 0.5:
            session_run[0].cancel()

    from background_nodes.addon.session.current import session

    session_run.append(session.start(tree, on_event=on_event))
    assert session_run[0].wait() == "cancelled"


# What scripts get and give


CONVERSIONS = [
    ("INT", 3, "value: float", "float 3.0"),
    ("BOOLEAN", True, "value: int", "int 1"),
    ("FLOAT", 0.5, "value: Vector", "Vector Vector((0.5, 0.5, 0.5))"),
    ("FLOAT", 0.5, "value: Color", "Color Color((0.5, 0.5, 0.5))"),
    ("INT", 3, "value: list[int]", "list [3]"),
    ("INT", 3, "value: str", "str '3'"),
    ("STRING", "a/b", "value: Path", "PosixPath PosixPath('a/b')"),
    ("ROTATION", (0.0, 0.0, 0.0), "value: Quaternion", "Quaternion Quaternion((1.0, 0.0, 0.0, 0.0))"),
    ("ROTATION", (0.0, 0.0, 0.0), "value: Vector", "Vector Vector((0.0, 0.0, 0.0))"),
    ("ANY", 4, "value: int", "int 4"),
    ("INT", 4, "value: Any", "int 4"),
    ("STRING", "b c", "value: Literal['a', 'b c']", "str 'b c'"),
]


def test_values_are_converted_as_the_script_wants_them(tree):
    nodes = []
    for number, (data_type, content, parameter, _wanted) in enumerate(CONVERSIONS):
        source = (
            f"from pathlib import Path\ndef main({parameter}) -> str: return f'{{type(value).__name__}} {{value!r}}'"
        )
        nodes.append(script(tree, str(number), source, value=value(tree, data_type, content)))
    finished = run(tree)
    errors = {name: task.error.message for name, task in finished.tasks.items() if task.error is not None}
    assert errors == {}
    assert [result(node) for node in nodes] == [wanted for *_given, wanted in CONVERSIONS]


def test_data_blocks_are_converted_as_the_script_wants_them(tree):
    source = quad("Source")
    source.modifiers.new("Array", "ARRAY")
    collection = bpy.data.collections.new("Group")
    bpy.context.scene.collection.children.link(collection)
    for name in ("B", "A"):
        collection.objects.link(bpy.data.objects.new(name, source.data))
    sources = {
        kind: value(tree, kind, block)
        for kind, block in [("Object", source), ("Collection", collection), ("Mesh", source.data)]
    }
    scripts = {
        "mesh": (
            "mesh: bpy.types.Mesh",
            "f'{len(mesh.vertices)} {mesh.name.startswith(\"Source\")}'",
            sources["Object"],
        ),
        "objects": (
            "objects: list[bpy.types.Object]",
            "' '.join(sorted(o.name for o in objects))",
            sources["Collection"],
        ),
        "one": ("objects: list[bpy.types.Object]", "str([o.name for o in objects])", sources["Object"]),
        "object": ("item: bpy.types.Object", "f'{item.type} {item.data.name}'", sources["Mesh"]),
        "any": ("item: bpy.types.ID", "item.bl_rna.identifier", sources["Mesh"]),
    }
    nodes = {}
    for name, (parameter, expression, given) in scripts.items():
        node = nodes[name] = script(tree, name, f"def main({parameter}) -> str: return {expression}")
        tree.links.new(given.outputs[0], node.inputs[0])
    finished = run(tree)
    errors = {name: task.error.message for name, task in finished.tasks.items() if task.error is not None}
    assert errors == {}
    assert {name: result(node) for name, node in nodes.items()} == {
        "mesh": "8 True",
        "objects": "A B",
        "one": "['Source']",
        "object": "MESH Source",
        "any": "Mesh",
    }


def test_scene_of_the_worker_has_frame_rate_and_units_of_the_artists(tree):
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 5, 50
    scene.frame_set(12)
    scene.render.fps, scene.render.fps_base = 30, 1.001
    scene.unit_settings.system, scene.unit_settings.scale_length = "IMPERIAL", 0.5
    source = """
        def main() -> list[float]:
            scene = bpy.context.scene
            units = scene.unit_settings
            return [scene.frame_current, scene.frame_start, scene.frame_end, scene.render.fps, scene.render.fps_base,
                    units.system == "IMPERIAL", units.scale_length].copy() if units.system else []
    """
    node = script(tree, "Scene", source.replace('units.system == "IMPERIAL"', 'float(units.system == "IMPERIAL")'))
    assert run(tree).state == "succeeded"
    assert result(node) == pytest.approx((12, 5, 50, 30, 1.001, 1, 0.5))


def test_script_tells_its_progress_and_log(tree):
    source = """
        def main() -> int:
            log("one", 2)
            print("größe")
            return sum(1 for _ in track(range(1_000_000), text="Counting"))
    """
    script(tree, "Talk", source)
    heard = []
    finished = run(tree, on_event=lambda event: event.task and heard.append((event.task.progress, event.task.text)))
    task = finished.tasks["Talk"]
    assert task.log == "one 2\ngröße\n"
    assert (task.progress, task.text) == (1.0, "Counting")
    assert [fraction for fraction, _ in heard] == sorted(fraction for fraction, _ in heard)
    assert len(heard) < 1000


def test_error_of_a_driver_is_in_the_log_of_each_task_that_meets_it(tree):
    """Blender prints it while it opens the task's inputs and evaluates them, before the script begins."""
    driven = bpy.data.objects.new("Driven", None)
    bpy.context.collection.objects.link(driven)
    driven.driver_add("location", 0).driver.expression = "1 / 0 + no_such_name"
    hear = script(tree, "Hear", "def main(data: bpy.types.Object) -> bpy.types.Object: return data", data=driven)
    script(tree, "Next", "def main(data: bpy.types.Object) -> None: print('here')", data=hear)
    finished = run(tree)
    for name in ("Hear", "Next"):
        log = finished.tasks[name].log
        assert "no_such_name" in log
        assert 'name="Driven"' in log
        assert "Read blend" not in log, "what Blender prints of our own files is none of the script's"
        assert "loading empty scene" not in log
    assert "\nhere\nThe driver of location" in finished.tasks["Next"].log


def test_image_of_a_temporary_file_comes_home_packed(tree):
    source = """
        import os, tempfile
        def main() -> bpy.types.Image:
            image = bpy.data.images.new("Made", 2, 2)
            image.pixels = [0.0, 1.0, 0.0, 1.0] * 4
            path = os.path.join(tempfile.mkdtemp(), "made.png")
            image.save(filepath=path)
            return bpy.data.images.load(path)
    """
    make = script(tree, "Make", source)
    use = script(tree, "Use", "def main(image: bpy.types.Image) -> float: return image.pixels[1]", image=make)
    make.keep_result = use.keep_result = True
    assert run(tree).state == "succeeded"
    assert result(use) == 1.0
    image = result(make)
    assert image.packed_file
    assert image.pixels[1] == 1.0


def test_what_a_task_with_data_blocks_prints_is_all_that_its_log_holds(tree):
    data = bpy.data.objects.new("Data", None)
    double = script(
        tree, "Double", "def main(data: bpy.types.Object) -> bpy.types.Object: return data.copy()", data=data
    )
    script(tree, "Print", "def main(data: bpy.types.Object) -> None: print('here')", data=double)
    finished = run(tree)
    assert [finished.tasks[name].log for name in ("Double", "Print")] == ["", "here\n"]


RENDER = (
    "s = bpy.context.scene; s.render.engine = 'CYCLES'; s.cycles.samples = 1; s.render.resolution_x = 8; "
    "s.camera = bpy.data.objects.new('C', bpy.data.cameras.new('C')); s.collection.objects.link(s.camera); "
    "bpy.ops.render.render()"
)

USE_RENDER = (
    "m = bpy.data.materials.new('M'); m.use_nodes = True; "
    "m.node_tree.nodes.new('ShaderNodeTexImage').image = bpy.data.images['Render Result']"
)

BAD_RESULTS = {
    "wrong type": ("-> bpy.types.Object", "return bpy.data.meshes.new('M')", 'Mesh "M" is no Object'),
    "no data-block": ("-> bpy.types.Object", "return 3", "3 is no Object"),
    "removed": (
        "-> bpy.types.Mesh",
        "m = bpy.data.meshes.new('M'); bpy.data.meshes.remove(m); return m",
        "a data-block that was removed",
    ),
    "evaluated": (
        "-> bpy.types.Scene",
        "return bpy.context.scene.evaluated_get(bpy.context.evaluated_depsgraph_get())",
        "evaluated copy",
    ),
    "render result": ("-> bpy.types.Image", f"{RENDER}; return bpy.data.images['Render Result']", "image.save_render"),
    "render result in a list": (
        "-> list[bpy.types.ID]",
        f"{RENDER}; return [bpy.data.images['Render Result']]",
        "has its pixels in no file",
    ),
    "forgotten": (
        "-> bpy.types.Object",
        "pass",
        'socket "Object": the script gave None, and no Object. Is a return missing?',
    ),
    "forgotten number": ("-> int", "pass", "the script gave None, and no int"),
    "forgotten menu": ("-> Literal['a', 'b']", "pass", "the script gave None"),
    "forgotten dict": ("-> dict", "pass", "the script gave None"),
    "forgotten list": ("-> list[int]", "pass", "the script gave None, and no list of int"),
    "forgotten list of objects": ("-> list[bpy.types.Object]", "pass", "the script gave None, and no list of Object"),
    "forgotten tuple": ("-> Two", "pass", "not the NamedTuple it promised"),
    "forgotten field": ("-> Two", "return Two(1, None)", 'socket "B": the script gave None, and no int'),
    "nothing in a list": ("-> list[int]", "return [1, None]", "None is no int"),
    "nothing in a list of objects": ("-> list[bpy.types.Object]", "return [None]", "None is no Object"),
    "list for a dict": ("-> dict", "return [1]", "[1] is no dict"),
    "list in dicts": ("-> list[dict]", "return ({}, [1])", "[1] is no dict"),
    "render result in a material": (
        "-> bpy.types.Material",
        f"{RENDER}; {USE_RENDER}; return m",
        "uses the Render Result, whose pixels no file holds",
    ),
    "text for a number": ("-> int", "return 'x'", "'x' is no int"),
    "not a number": ("-> float", "return 'x'", "'x' is no float"),
    "one for a list": ("-> list[int]", "return 3", "3 is no list"),
    "no tuple": ("-> Two", "return 3", "not the NamedTuple it promised"),
    "not JSON": ("-> dict", "return {'a': object()}", "['a'] is of type object, which can't be passed on"),
    "a window": ("-> bpy.types.ID", "return bpy.data.window_managers[0]", "can't be passed on"),
}


def test_results_of_the_wrong_type_are_errors_that_name_the_socket(tree):
    for name, (annotation, body, _message) in BAD_RESULTS.items():
        script(tree, name, f"class Two(NamedTuple):\n    a: int\n    b: int\n\ndef main() {annotation}: {body}")
    finished = run(tree)
    for name, (_annotation, _body, message) in BAD_RESULTS.items():
        task = finished.tasks[name]
        assert task.state == "failed", name
        assert message in task.error.message, name


@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        ("int", "HUGE"),
        ("list[int]", "[1, HUGE]"),
        ("float", "HUGE"),
        ("Any", "{'a': [HUGE]}"),
        ("Any", "{HUGE: 1}"),
        ("dict", "{'a': (-HUGE,)}"),
        ("Literal[1, 2]", "HUGE"),
    ],
)
def test_number_too_long_for_any_message_is_an_error_that_names_the_socket(tree, session, annotation, result):
    body = f"    sys.set_int_max_str_digits(0)\n    return {result}"
    source = f"import sys\nHUGE = 10 ** 5000\ndef main() -> {annotation}:\n{body}"
    script(tree, "Huge", source)
    script(tree, "Good", "def main() -> int: return 10 ** 4299")
    script(tree, "Before", "def main() -> int: return 1")
    run(tree, until="Before", workers=1)
    processes = set(session.worker_process_ids)
    ended = run(tree, workers=1)
    message = ended.tasks["Huge"].error.message
    assert "Result" in message
    assert "a whole number of more than 4300 digits" in message
    assert ended.tasks["Good"].state == "succeeded"
    assert tree.nodes["Good"].outputs[0].result == 10**4299
    assert set(session.worker_process_ids) == processes  # no worker died of it


@pytest.mark.parametrize(
    ("annotation", "result"),
    [
        ("bpy.types.Object | None", None),
        ("int | None", None),
        ("dict | None", None),
        ("list[int] | None", ()),
        ("list[bpy.types.Object] | None", ()),
        ("Any", None),
        ("list[Any]", (None,)),
    ],
)
def test_nothing_is_a_result_where_the_annotation_allows_it(tree, annotation, result):
    given = [None] if result else None
    give = script(tree, "Give", f"def main() -> {annotation}: return {given}")
    take = script(tree, "Take", f"def main(x: {annotation} = None) -> str: return repr(x)", x=give)
    ended = run(tree)
    assert [task.error for task in ended.tasks.values()] == [None, None]
    assert take.outputs[0].result == repr(list(result) if isinstance(result, tuple) else result)


def test_data_block_inside_of_data_that_was_removed_does_not_break_the_worker(tree, session):
    cube = quad()
    script(
        tree,
        "Remove",
        "def main(source: bpy.types.Object): bpy.data.batch_remove(bpy.data.objects[:])",
        source=value(tree, "Object", cube),
    )
    assert run(tree).state == "succeeded"


@pytest.mark.parametrize("kind", ["text", "file"])
def test_error_names_the_line_of_the_script(tree, kind, awkward_path):
    node = add(tree, "BackgroundNodeScript", "Node")
    body = "def helper():\n    return 1 / 0\n\n\ndef main() -> int:\n    return helper()\n"
    if kind == "text":
        node.script = bpy.data.texts.new("a 'b' \"c\".py")
        node.script.from_string(body)
        where = node.script.name
    else:
        path = awkward_path / "a 'b' \"c\".py"
        path.write_text(body, encoding="utf-8")
        node.filepath = where = str(path)
    error = run(tree).tasks["Node"].error
    assert error.message == "ZeroDivisionError: division by zero"
    assert error.line == 2
    assert f'File "{where}", line 2, in helper' in error.traceback
    assert "return 1 / 0" in error.traceback
    assert "execution.py" not in error.traceback


def test_script_file_imports_the_module_beside_it_as_it_is_now(tree, awkward_path):
    (awkward_path / "beside.py").write_text("ANSWER = 1", encoding="utf-8")
    (awkward_path / "node.py").write_text("import beside\ndef main() -> int: return beside.ANSWER", encoding="utf-8")
    node = add(tree, "BackgroundNodeScript", "Node")
    node.filepath = str(awkward_path / "node.py")
    run(tree, workers=1)
    assert result(node) == 1
    (awkward_path / "beside.py").write_text("ANSWER = 22", encoding="utf-8")
    run(tree, workers=1)
    assert result(node) == 22


def test_muted_reroutes_and_frames_run_as_if_they_were_not_there(tree):
    make = script(tree, "Make", "def main() -> int: return 3")
    middle = script(tree, "Middle", DOUBLE, number=make)
    reroute = tree.nodes.new("NodeReroute")
    tree.links.new(middle.outputs[0], reroute.inputs[0])
    end = script(tree, "End", DOUBLE)
    tree.links.new(reroute.outputs[0], end.inputs[0])
    middle.mute = True
    assert set(run(tree).tasks) == {"Make", "End"}
    assert result(end) == 6


def test_node_without_outputs_runs(tree, tmp_path):
    script(tree, "Touch", "def main(path: str): open(path, 'w').close()", path=str(tmp_path / "x"))
    assert run(tree).state == "succeeded"
    assert (tmp_path / "x").exists()


# Files


def test_file_loaded_in_mid_run_cancels_it_and_frees_the_workers(tree, flag, session, tmp_path):
    empty = str(tmp_path / "empty.blend")
    bpy.ops.wm.save_as_mainfile(filepath=empty, copy=True)
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].state == "running")
    bpy.ops.wm.open_mainfile(filepath=empty)
    assert going.state == "cancelled"
    assert session.runs == ()
    assert not session.is_busy
    other = new_tree("Other")
    double = script(other, "Double", DOUBLE, number=4)
    run(other)
    assert result(double) == 8


def test_broken_file_that_cannot_be_opened_ends_no_run(tree, flag, session, tmp_path):
    node = script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].state == "running")
    broken = tmp_path / "broken.blend"
    broken.write_bytes(b"BLENDER-v402RENDH" + bytes(200))
    with pytest.raises(RuntimeError):
        bpy.ops.wm.open_mainfile(filepath=str(broken))
    with pytest.raises(RuntimeError):
        bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "missing.blend"))
    assert session.run_of(tree) is going
    flag.touch()
    assert going.wait() == "succeeded"
    assert result(node) == 0


def test_run_that_the_file_was_taken_from_can_still_be_asked(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].state == "running")
    bpy.ops.wm.read_homefile(use_empty=True)
    assert going.wait() == "cancelled"
    assert going.tasks["Wait"].log == ""
    with pytest.raises(background_nodes.RunError):
        going.fetch("Wait", "result")


@pytest.mark.any_blender
@pytest.mark.skipif(not HANDLES.exists(), reason="counts open files where Linux lists them")
def test_thousand_tasks_leave_no_process_file_or_handle(tree, session, tmp_path, monkeypatch):
    session.close()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    script(tree, "First", DOUBLE, number=1)
    run(tree, workers=2)
    before = session.worker_process_ids
    handles = len(list(HANDLES.iterdir()))
    tree.nodes.clear()
    numbers = value(tree, "INT", list(range(1000)), is_list=True)
    node = script(tree, "Map", "def main(number: int) -> int: print(number); return -number", number=numbers)
    finished = run(tree, workers=2)
    assert finished.state == "succeeded"
    assert result(node) == tuple(-number for number in range(1000))
    assert finished.tasks["Map"].items[999].log == "999\n"
    for kept in session.history:
        kept.forget()
    (scratch,) = tmp_path.iterdir()
    assert {path.name for path in scratch.iterdir() if path.is_file()} == {"owner.lock"}
    assert len(session.worker_process_ids) <= max(2, len(before))
    assert len(list(HANDLES.iterdir())) <= handles + 4  # a second worker's channel and pipes


# Pause, stop, retry


def test_paused_run_stands_still_until_it_is_resumed(tree, flag, session):
    wait = script(tree, "Wait", WAIT, flag=str(flag), number=3)
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].progress == 0.5)
    version = going.version
    going.pause()
    assert going.is_paused
    assert going.version > version
    seconds = going.seconds, going.tasks["Wait"].seconds
    flag.touch()
    assert going.wait(0.5) == "running", "a paused run is not waited for"
    time.sleep(0.1)
    assert (going.seconds, going.tasks["Wait"].seconds) == seconds
    going.resume()
    assert not going.is_paused
    assert going.wait() == "succeeded"
    assert result(wait) == 3


def test_run_that_stops_after_the_current_tasks_brings_their_results_home(tree, flag, session):
    wait = script(tree, "Wait", WAIT, flag=str(flag), number=3)
    wait.keep_result = True
    after = script(tree, "After", DOUBLE, number=wait)
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].progress == 0.5)
    going.finish_current()
    assert going.is_finishing
    flag.touch()
    assert going.wait() == "cancelled"
    assert not going.is_finishing
    assert states(going) == {"Wait": "succeeded", "After": "cancelled"}
    assert (result(wait), result(after)) == (3, None)


def test_retry_runs_the_fixed_script_and_what_needs_it_and_keeps_what_is_home(tree, session):
    make = script(tree, "Make", "def main() -> bpy.types.Object: return bpy.data.objects.new('Rock', None)")
    make.keep_result = True
    broken = script(tree, "Broken", "def main(source: bpy.types.Object) -> str: raise ValueError", source=make)
    after = script(tree, "After", "def main(text: str) -> str: return text + '!'", text=broken)
    failed = run(tree)
    assert failed.can_retry
    rock = make.outputs[0].result
    process = failed.tasks["Make"].seconds
    broken.script.from_string(broken.script.as_string().replace("raise ValueError", "return source.name"))
    session.retry(failed)
    assert failed.state == "running"
    assert not failed.is_home
    with pytest.raises(RunError, match="running already"):
        run(tree)
    assert failed.wait() == "succeeded"
    assert failed.is_home
    assert not failed.can_retry
    assert result(after) == "Rock!"
    assert make.outputs[0].result == rock
    assert [item.name for item in bpy.data.objects] == ["Rock"], "nothing came home twice"
    assert failed.tasks["Make"].seconds == process
    assert session.history[-1] is failed
    assert session.history.count(failed) == 1


def test_retry_of_a_mapped_node_runs_the_items_that_failed(tree, tmp_path):
    source = f"""
        import os
        def main(number: int) -> int:
            open(os.path.join({str(tmp_path)!r}, f"{{number}}-{{os.getpid()}}"), "a").write("x")
            if number % 2: raise ValueError(number)
            return number
        """
    make = script(tree, "Make", "def main() -> list[int]: return list(range(5))")
    node = script(tree, "Odd", source, number=make)
    failed = run(tree)
    assert failed.state == "failed"
    node.script.from_string(node.script.as_string().replace("if number % 2", "if number > 9"))
    failed.retry()
    assert failed.wait() == "succeeded"
    assert result(node) == (0, 1, 2, 3, 4)
    written = {name: sum(len(file.read_text()) for file in tmp_path.glob(f"{name}-*")) for name in range(5)}
    assert written == {0: 1, 1: 2, 2: 1, 3: 2, 4: 1}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("-> str", "-> int", "its outputs have changed"),
        ("number: int", "number: float", "its inputs have changed"),
    ],
)
def test_retry_of_a_node_with_another_signature_asks_for_the_whole_run(tree, before, after, message):
    node = script(tree, "Broken", "def main(number: int = 1) -> str: raise ValueError")
    failed = run(tree)
    node.script.from_string(node.script.as_string().replace(before, after))
    with pytest.raises(RunError, match=message):
        failed.retry()
    assert failed.state == "failed"
    assert failed.can_retry


def test_retry_takes_a_fixed_value(tree):
    node = script(tree, "Broken", "def main(number: int = 1) -> float: return 1 / number", number=0)
    failed = run(tree)
    socket_of(node.inputs, "number").default_value = 4
    failed.retry()
    assert failed.wait() == "succeeded"
    assert result(node) == 0.25


def test_retry_of_a_tree_that_is_gone_says_so(tree):
    script(tree, "Broken", "def main() -> str: raise ValueError")
    failed = run(tree)
    bpy.data.node_groups.remove(tree)
    with pytest.raises(RunError, match="gone"):
        failed.retry()


def test_run_that_succeeded_cannot_be_retried(tree):
    script(tree, "Good", "def main() -> int: return 1")
    good = run(tree)
    assert not good.can_retry
    with pytest.raises(RunError, match="nothing"):
        good.retry()


def test_forced_run_meets_no_worker_that_ran_something(tree, session):
    node = script(tree, "Good", "import os\ndef main() -> int: return os.getpid()")
    run(tree)
    used = result(node)
    session.start(tree, force=True).wait()
    assert used not in session.worker_process_ids
    assert result(node) != used


def test_history_keeps_the_last_runs_of_all_trees(tree, session):
    other = new_tree("Other")
    for node_tree in (tree, other):
        script(node_tree, "Good", "def main() -> int: return 1")
    runs = [run(tree), run(other), run(tree)]
    assert session.history[-3:] == tuple(runs)
    assert states(runs[0]) == {"Good": "succeeded"}


def test_workers_tell_what_they_do(tree, flag, session):
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    advance(going, lambda: going.tasks["Wait"].progress == 0.5)
    (working,) = [info for info in session.workers if info.task_name]
    assert (working.state, working.task_name) == ("working", "Wait")
    assert working.memory > 50 * 1024**2 or not HANDLES.exists()
    assert working.process_id in session.worker_process_ids
    going.pause()
    assert {info.state for info in session.workers if info.task_name} == {"paused"}
    going.cancel()


@pytest.mark.skipif(not HANDLES.exists(), reason="where the system tells")
def test_task_tells_the_peak_of_its_memory(tree):
    script(tree, "Hoard", "def main(size: int) -> int: return len(bytes(bytearray(size)))", size=200 << 20)
    script(tree, "Good", "def main() -> int: return 1")
    tasks = run(tree, workers=1).tasks
    assert tasks["Hoard"].peak_memory > 200 * 1024**2
    assert tasks["Hoard"].items[0].peak_memory == tasks["Hoard"].peak_memory


def test_second_run_tells_the_time_left_from_the_first(tree, flag, session):
    script(tree, "Wait", WAIT.replace('progress(0.5, "Waiting")', "progress(0.0)"), flag=str(flag))
    first = session.start(tree)
    advance(first, lambda: first.tasks["Wait"].seconds > 0.3)
    assert first.time_left is first.tasks["Wait"].time_left is None
    flag.touch()
    first.wait()
    flag.unlink()
    second = session.start(tree)
    advance(second, lambda: second.tasks["Wait"].seconds > 0.0)
    assert 0.0 < second.tasks["Wait"].time_left <= 0.5
    assert 0.0 < second.time_left <= 0.5
    second.cancel()
    assert second.time_left is None


# What runs keep on disk


KEEP = "def main(size: int) -> bpy.types.Text: t = bpy.data.texts.new('t'); t.from_string('x' * size); return t"


@pytest.fixture
def store_size():
    """Sets how many bytes finished runs may keep."""
    from background_nodes.addon.preferences import preferences
    from background_nodes.addon.session.current import session

    yield lambda size: session.use_settings(lambda: dataclasses.replace(preferences.settings(), history_size=size))
    session.use_settings(preferences.settings)


@pytest.mark.any_blender
def test_finished_runs_keep_their_results_and_logs_while_there_is_room(tree, session):
    script(tree, "Print", "def main() -> int: print('here'); return 1")
    runs = [run(tree) for _ in range(3)]
    assert all(finished.is_kept for finished in runs)
    assert [finished.tasks["Print"].log for finished in runs] == ["here\n"] * 3
    assert all(finished.size > 0 for finished in runs)


@pytest.mark.any_blender
def test_oldest_runs_make_room_and_say_so(tree, session, store_size):
    node = script(tree, "Keep", KEEP, size=1 << 16)
    script(tree, "Use", "def main(text: bpy.types.Text) -> int: return 1", text=node)
    first, second = run(tree), run(tree)
    assert first.size > 1 << 16
    store_size(first.size + second.size + 1000)
    third = run(tree)
    assert [finished.is_kept for finished in (first, second, third)] == [False, True, True]
    assert states(first) == {"Keep": "succeeded", "Use": "succeeded"}
    with pytest.raises(RunError, match="Last Runs"):
        first.fetch("Keep", "result")
    store_size(0)
    fourth = run(tree)
    assert [finished.is_kept for finished in (second, third, fourth)] == [False, False, True], "the last one stays"
    assert fourth.fetch("Keep", "result").as_string() == "x" * (1 << 16)


@pytest.mark.any_blender
def test_long_history_forgets_its_oldest_run_and_its_files(tree, session):
    script(tree, "Print", "def main() -> int: print('here'); return 1")
    first = run(tree)
    logs = [session._runner.scratch.file(log) for logs in first._active.logs.values() for log in logs.values()]
    assert all(log.exists() for log in logs)
    for _ in range(20):
        run(tree)
    assert len(session.history) == 20
    assert first not in session.history
    session._runner.scratch.wait_for_removals()
    assert not any(log.exists() for log in logs)


def test_earlier_run_cannot_be_retried_after_a_later_one(tree):
    node = script(tree, "Broken", "def main(number: int = 0) -> float: return 1 / number")
    first = run(tree)
    assert first.can_retry
    socket_of(node.inputs, "number").default_value = 1
    run(tree)
    assert not first.can_retry


# The timer


def test_timer_is_quick_only_while_something_runs(tree, flag, session):
    session.close()
    assert session.tick() is None
    script(tree, "Wait", WAIT, flag=str(flag))
    going = session.start(tree)
    assert session.tick() <= 0.05
    advance(going, lambda: going.tasks["Wait"].progress == 0.5)
    going.pause()
    assert 0.05 < session.tick() < 1.0
    going.resume()
    assert session.tick() <= 0.05
    flag.touch()
    going.wait()
    assert session.tick() >= 5.0, "there are warm workers only"
    session.close()
    assert session.tick() is None
