"""Chains of tasks give what new Blenders give, one for each task, whatever scripts leave behind and who is killed.

BACKGROUND_NODES_FUZZ_SEED=7 pytest tests/processes/test_chains.py     another graph
BACKGROUND_NODES_TEST_ALL=1 pytest tests/processes/test_chains.py      200 more of them
"""

import json
import os
import random
import signal
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import Engine

SEED = int(os.environ.get("BACKGROUND_NODES_FUZZ_SEED", "3"))
NUM_GRAPHS = 200 if "BACKGROUND_NODES_TEST_ALL" in os.environ else 3

#: What scripts do with `item`, their object, and leave behind in Blender and in Python.
STEPS = {
    "vertices that Blender is not told of": """
        [polygon.normal[:] for polygon in item.data.polygons], item.bound_box[0][:]
        places = numpy.linspace(0, 1, 3 * len(item.data.vertices), dtype=numpy.float32)
        item.data.vertices.foreach_set("co", places)
        """,
    "corners that Blender is not told of": """
        [normal.vector[:] for normal in item.data.vertex_normals], item.data.calc_loop_triangles()
        corners = [corner.vertex_index for corner in item.data.loops]
        item.data.loops.foreach_set("vertex_index", corners[::-1])
        """,
    "an attribute that Blender is not told of": """
        item.bound_box[0][:], item.data.calc_loop_triangles()
        places = numpy.linspace(0, 2, 3 * len(item.data.vertices), dtype=numpy.float32)
        item.data.attributes["position"].data.foreach_set("vector", places)
        """,
    "edit mode": """
        bpy.context.view_layer.objects.active = item
        bpy.ops.object.mode_set(mode="EDIT")
        """,
    "a parent that was moved": """
        parent = bpy.data.objects.new("Parent", None)
        item.parent = parent
        bpy.context.view_layer.update()
        parent.location.x += 1
        """,
    "a driver that fails": """
        item.driver_add("location", 0).driver.expression = "nonsense()"
        bpy.context.view_layer.update()
        """,
    "a picture that is written again": """
        path = os.path.join(FOLDER, f"{name}.png")
        picture = bpy.data.images.new("Picture", 2, 2)
        picture.filepath_raw, picture.file_format = path, "PNG"
        picture.save()
        item["picture"] = bpy.data.images.load(path)
        item["picture"].pixels[0]
        picture.pixels[0] = 0.5
        picture.save()
        """,
    "tangents": """
        item.data.uv_layers.new()
        item.data.calc_tangents()
        """,
    "a modifier": 'item.modifiers.new("Solid", "SOLIDIFY").thickness += 0.25',
    "a shared material": """
        stone = bpy.data.materials.get("Stone") or bpy.data.materials.new("Stone")
        item.data.materials.append(stone)
        """,
    "a key frame": 'item.keyframe_insert("scale", frame=3); bpy.context.scene.frame_set(7)',
    "another scene": """
        scene = bpy.data.scenes.new("Scene")
        scene.collection.objects.link(item)
        item.hide_set(True)
        scene.render.fps = 7
        """,
    "handlers, functions and modules": """
        bpy.app.handlers.depsgraph_update_post.append(lambda *a: 1 / 0)
        bpy.types.Object.left = bpy.props.IntProperty(default=3)
        item.left = 4
        os.getcwd = lambda: "mine"
        os.mine = 1
        """,
    "another name": 'item.name = "Cube"; bpy.data.objects.new("Item", None)',
    "its mesh alone": 'item = bpy.data.objects.new("Copy", item.data)',
    "a copy": "item = item.copy(); item.data = item.data.copy()",
}
#: The files that this one writes have the name of its task.
PICTURE = "a picture that is written again"
ERROR = 'raise ValueError("no luck")'
SCRIPT = """
import os
from typing import NamedTuple

import bpy
import numpy

FOLDER = {folder!r}


class Output(NamedTuple):
    seen: str
    item: bpy.types.Object


def look(item):
    bpy.context.view_layer.update()
    mesh = item.data
    seen = [item.mode, item.name, mesh.name, item.users, mesh.users, [list(row) for row in item.matrix_world]]
    seen += [[list(corner) for corner in item.bound_box], [list(polygon.normal) for polygon in mesh.polygons]]
    seen += [[list(normal.vector) for normal in mesh.vertex_normals]]
    seen += [[list(triangle.vertices) for triangle in mesh.loop_triangles]]
    seen += [[list(row) for row in item.parent.matrix_world] if item.parent else None, sorted(item.keys())]
    seen += [item.animation_data and [curve.driver.is_valid for curve in item.animation_data.drivers]]
    seen += [[list(image.pixels), image.filepath, image.is_dirty] for image in bpy.data.images]
    seen += [mesh.loops[0].tangent[:] if mesh.loops else None, item.hide_get(), item.select_get()]
    lists = ("objects", "meshes", "materials", "images", "actions", "collections")
    seen += [[one.name for one in getattr(bpy.data, each)] for each in lists]
    seen += [bpy.context.scene.frame_current, bpy.context.scene.render.fps, hasattr(item, "left")]
    seen += [len(bpy.app.handlers.depsgraph_update_post), hasattr(os, "mine")]
    return repr(seen)


def main(item=None, others=(), number=0):
    name = {name!r}
    if item is None:
        mesh = bpy.data.meshes.new("Item")
        mesh.from_pydata([(x, y, number) for x in (0, 1) for y in (0, 1)], [], [(0, 1, 3, 2)])
        item = bpy.data.objects.new("Item", mesh)
        bpy.context.scene.collection.objects.link(item)
    seen = "".join(map(look, (item, *others)))
    for place, other in enumerate(others):
        item[f"other {{place}}"] = other
{step}
    return Output(seen, item)
"""


def make_task(name: str, step: str, folder, item=None, others=(), *, is_mapped: bool = False):
    """A task that carries out a step. It takes what other tasks gave; without `item` it makes an object.

    Args:
        name: its name.
        step: lines of `main`.
        folder: where it may write files.
        item: the task whose object it takes; it is mapped if that one is.
        others: those whose objects it only refers to.
        is_mapped: whether it makes two objects, one in each of two items.
    """
    from background_nodes.runtime.planning.graph import NodeSettings
    from background_nodes.runtime.planning.plan import Argument, PlannedTask, TaskOutput
    from background_nodes.runtime.planning.sources import Constant
    from background_nodes.runtime.script.signature import Parameter, ScriptSource
    from background_nodes.runtime.script.socket_types import SocketType

    object_type, number_type = SocketType("Object"), SocketType("INT")
    step = textwrap.indent(textwrap.dedent(step).strip("\n"), "    ")
    text = SCRIPT.format(folder=str(folder), name=f"picture {name.partition(' ')[0]}", step=step)
    arguments = []
    if item is not None:
        parameter = Parameter("item", "item", object_type)
        arguments.append(Argument(parameter, (object_of(item),), is_mapped=bool(item.mapped)))
    elif is_mapped:
        numbers = Constant((0, 1), replace(number_type, is_list=True))
        arguments.append(Argument(Parameter("number", "number", number_type), (numbers,), is_mapped=True))
    if others:
        parameter = Parameter("others", "others", replace(object_type, is_list=True))
        arguments.append(Argument(parameter, tuple(map(object_of, others))))
    outputs = TaskOutput("seen", "Seen", SocketType("STRING")), TaskOutput("item", "Item", object_type)
    settings = NodeSettings(retries=3)
    return PlannedTask(name, name, ScriptSource(text, f"{name}.py"), tuple(arguments), outputs, settings=settings)


def object_of(task):
    return task.source(task.outputs[1])


def graph(choose: random.Random, folder) -> list:
    """A task for each step. It takes what one or two of those before it gave; the first one makes an object."""
    tasks: list = []
    for number, what in enumerate(choose.sample(list(STEPS), len(STEPS))):
        # Mostly the last one: long chains, with some that fan out and meet again.
        item, *others = [*choose.sample(tasks[-3:], min(len(tasks[-3:]), choose.choice((1, 1, 2)))), None][:2]
        tasks.append(make_task(f"{number} {what}", STEPS[what], folder, item, [one for one in others if one]))
    return tasks


def small_graph(choose: random.Random, folder) -> list:
    """A few steps, some in items of two, and now and then an error."""
    tasks: list = []
    for number, what in enumerate(choose.sample(list(STEPS), choose.randint(2, 4))):
        step = ERROR if number and choose.random() < 0.06 else STEPS[what]
        item = choose.choice(tasks[-3:]) if tasks and choose.random() < 0.9 else None
        if what == PICTURE and item is not None and item.mapped:  # its items would write one file
            item = None
        others = [task for task in tasks[-3:] if task is not item and choose.random() < 0.3]
        is_mapped = what != PICTURE and choose.random() < 0.3
        tasks.append(make_task(f"{number} {what}", step, folder, item, others, is_mapped=is_mapped))
    return tasks


def outcomes(engine, run) -> dict[str, object]:
    """How each task ended, what its items saw, and the digests of all that they gave."""
    from background_nodes.runtime.blend_file.digests import digests
    from background_nodes.runtime.blend_file.outside import Outside
    from background_nodes.runtime.keys.files import FileDigests
    from background_nodes.runtime.scratch import value_files

    found: dict[str, object] = {}
    for name, record in run.scheduler.tasks.items():
        found[name] = [str(record.state), record.error and record.error.message]
        for item in range(len(record.items)):
            values = run.results.item(name, item)
            if values is None:
                continue
            ref = values["item"].content
            blob = digests(engine.scratch.file(ref.blob), Outside(FileDigests()))
            seen = value_files.loaded(values["seen"], engine.scratch.folder).content
            found[name, item] = ref.name, seen, {key: (one.content, one.reason) for key, one in blob.items()}
    return found


def alone(tasks) -> list:
    """The same tasks, each with a new Blender."""
    return [replace(task, settings=replace(task.settings, fresh_process=True)) for task in tasks]


def states(run) -> list[str]:
    return [str(record.state) for record in run.scheduler.tasks.values()]


def test_chains_give_what_they_give_with_a_new_blender_for_each_task(make_engine, tmp_path):
    tasks = graph(random.Random(SEED), tmp_path)
    cold, warm = make_engine(capacity=2), make_engine(capacity=2)
    run = cold.wait(cold.start(*alone(tasks)))
    expected = outcomes(cold, run)
    cold.close()
    assert set(states(run)) == {"succeeded"}
    assert outcomes(warm, warm.wait(warm.start(*tasks))) == expected


def test_chains_give_the_same_whichever_of_their_workers_are_killed(make_engine, tmp_path):
    choose = random.Random(SEED)
    tasks = graph(choose, tmp_path)
    engine = make_engine(capacity=2)
    expected = outcomes(engine, engine.wait(engine.start(*tasks)))
    run = engine.start(*tasks)
    for number in range(1, len(tasks), 2):  # once for every other task that ends, whatever it is doing then
        engine.wait(
            run, lambda least=number: sum(record.state.is_final for record in run.scheduler.tasks.values()) >= least
        )
        os.kill(choose.choice(engine.pool.process_ids), signal.SIGKILL)
    assert outcomes(engine, engine.wait(run)) == expected


@pytest.fixture(scope="module")
def cold_and_warm(launcher, tmp_path_factory):
    """An engine for tasks that get new Blenders, and one whose Blenders have done much."""
    from background_nodes.runtime.scratch.scratch import Scratch

    engines = [Engine(launcher, Scratch(tmp_path_factory.mktemp(name)), 2) for name in ("cold", "warm")]
    yield engines
    for engine in engines:
        engine.close()


@pytest.mark.parametrize("number", range(NUM_GRAPHS))
def test_random_graphs_give_what_they_give_with_a_new_blender_for_each_task(cold_and_warm, tmp_path, number):
    cold, warm = cold_and_warm
    tasks = small_graph(random.Random(1000 * SEED + number), tmp_path)
    expected = outcomes(cold, cold.wait(cold.start(*alone(tasks))))
    assert outcomes(warm, warm.wait(warm.start(*tasks))) == expected


# At each stage of a task

#: What a worker does instead of a function of ours: `die(task)` kills it, once for each task, in its test.
STAGES = {
    "before it starts": """
        take = worker.Worker._next_message
        def next_message(self):
            message = take(self)
            die(message.node)
            return message
        worker.Worker._next_message = next_message
        """,
    "while its inputs are loaded": """
        take = inputs.Inputs._take
        def take_and_die(self, *arguments):
            take(self, *arguments)
            die(doing())
        inputs.Inputs._take = take_and_die
        """,
    "in its script": """
        fields = execution._fields
        def fields_or_die(*arguments):
            die(doing())
            return fields(*arguments)
        execution._fields = fields_or_die
        """,
    "while its blob is written": """
        save = contents.Contents.save
        def save_or_die(self, path):
            with open(path, "rb+") as file:
                file.truncate(500)
            die(doing())
            raise AssertionError
        def save_all(self, path):
            (save_or_die if is_to_die(doing()) else save)(self, path)
        contents.Contents.save = save_all
        """,
    "when its outcome was sent": """
        send = worker.Worker._send
        def send_and_die(self, *messages):
            send(self, *messages)
            die(doing())
        worker.Worker._send = send_and_die
        """,
    "while it is cleaned up": """
        restore = python_state.PythonState.restore
        def restore_and_die(self):
            reason = restore(self)
            die(doing())
            return reason
        python_state.PythonState.restore = restore_and_die
        """,
}
MORTAL = """
import os, signal, sys
sys.path.insert(0, {here!r})
import bootstrap
bootstrap.alias_package()
from background_nodes.runtime.scratch import contents
from background_nodes.runtime.worker import execution, inputs, worker
from background_nodes.runtime.worker.cleaning import python_state

def remembered(node=""):  # a worker puts back what is held otherwise
    def put(found):
        nonlocal node
        node = found
    return put, lambda: node

put, doing = remembered()

def is_to_die(task):
    return os.path.exists(os.path.join({marks!r}, task))

def die(task):
    if is_to_die(task):
        os.unlink(os.path.join({marks!r}, task))
        os.kill(os.getpid(), signal.SIGKILL)

def noted(task, *arguments, execute=execution.execute):
    put(task.node)
    return execute(task, *arguments)

execution.execute = noted
{stage}
bootstrap._main(*sys.argv[sys.argv.index("--") + 1 :])
"""


@pytest.fixture
def mortal(launcher, make_engine, tmp_path):
    """Makes an engine whose worker dies at a stage of each task that has a file of its name in the folder `marks`."""
    from background_nodes.runtime.pool.launcher import BOOTSTRAP

    def make(stage: str, marks: Path):
        program = tmp_path / "mortal.py"
        here = str(BOOTSTRAP.parent)
        program.write_text(MORTAL.format(here=here, marks=str(marks), stage=textwrap.dedent(STAGES[stage])))
        return make_engine(command=tuple(str(program) if part == str(BOOTSTRAP) else part for part in launcher.command))

    return make


def chain(folder, middle: str = 'item.modifiers.new("Solid", "SOLIDIFY").thickness += 0.25') -> list:
    first = make_task("first", STEPS["a shared material"], folder)
    second = make_task("second", middle, folder, first)
    return [first, second, make_task("third", STEPS["a copy"], folder, second, [first])]


@pytest.mark.any_blender
@pytest.mark.skipif(sys.platform == "win32", reason="kills")
@pytest.mark.parametrize("stage", STAGES)
def test_chain_whose_worker_is_killed_at_a_stage_of_each_task_gives_the_same(warm, mortal, tmp_path, stage):
    tasks, marks = chain(tmp_path), tmp_path / "marks"
    marks.mkdir()
    expected = outcomes(warm, warm.wait(warm.start(*tasks)))
    engine = mortal(stage, marks)
    # The first one takes no data-blocks, so none are loaded.
    dying = tasks[1:] if stage == "while its inputs are loaded" else tasks
    for task in dying:
        (marks / task.name).touch()
    run = engine.wait(engine.start(*tasks))
    engine.settle()
    assert list(marks.iterdir()) == [], "each of them has killed its worker"
    assert states(run) == ["succeeded"] * 3
    assert outcomes(engine, run) == expected
    is_lost = stage in {"while its inputs are loaded", "in its script", "while its blob is written"}
    tries = [record.items[0].attempt for record in run.scheduler.tasks.values()]
    assert tries == [1 + (is_lost and task in dying) for task in tasks]


# Interruptions

WAIT = """
    import time
    open({begun!r}, "a").close()
    while not os.path.exists({flag!r}):
        time.sleep(0.01)
    item.location.x = 5
"""


@pytest.fixture
def waiting(warm, tmp_path):
    """A chain whose second task has begun, and waits; what lets it go on; and what it gives in the end."""
    begun, flag = tmp_path / "begun", tmp_path / "flag"
    tasks = chain(tmp_path, WAIT.format(begun=str(begun), flag=str(flag)))
    flag.touch()
    expected = outcomes(warm, warm.wait(warm.start(*tasks)))
    flag.unlink()
    begun.unlink()
    run = warm.start(*tasks)
    warm.wait(run, begun.exists)
    yield run, flag, tasks, expected
    warm.runner.cancel(run)


@pytest.mark.any_blender
def test_chain_that_is_paused_and_goes_on_gives_the_same(warm, waiting):
    run, flag, _tasks, expected = waiting
    warm.runner.pause(run)
    flag.touch()
    warm.runner.update(0.2)
    assert states(run) == ["succeeded", "running", "waiting"]
    warm.runner.resume(run)
    assert outcomes(warm, warm.wait(run)) == expected


@pytest.mark.any_blender
def test_chain_that_is_cancelled_keeps_what_it_has_and_gives_the_same_in_the_next_run(warm, waiting):
    run, flag, tasks, expected = waiting
    warm.runner.cancel(run)
    assert states(warm.wait(run)) == ["succeeded", "cancelled", "cancelled"]
    found = outcomes(warm, run)
    assert found["first", 0] == expected["first", 0]
    assert ("second", 0) not in found
    flag.touch()
    assert outcomes(warm, warm.wait(warm.start(*tasks))) == expected


@pytest.mark.any_blender
def test_cancelled_chain_that_is_retried_goes_on_where_it_was(warm, waiting):
    run, flag, tasks, expected = waiting
    warm.runner.cancel(run)
    flag.touch()
    warm.runner.retry(run, tasks[1:])
    assert outcomes(warm, warm.wait(run)) == expected
    assert run.scheduler.tasks["first"].items[0].attempt == 1


@pytest.mark.any_blender
def test_chain_that_failed_and_is_mended_gives_the_same(warm, tmp_path):
    tasks, broken = chain(tmp_path), chain(tmp_path, ERROR)
    expected = outcomes(warm, warm.wait(warm.start(*tasks)))
    run = warm.wait(warm.start(*broken))
    assert states(run) == ["succeeded", "failed", "skipped"]
    warm.runner.retry(run, tasks[1:])
    assert outcomes(warm, warm.wait(run)) == expected


@pytest.mark.any_blender
@pytest.mark.skipif(sys.platform != "linux", reason="where the system tells what a process holds")
def test_chain_whose_second_task_held_too_much_memory_gives_the_same_when_it_does_not(make_engine, tmp_path):
    from background_nodes.runtime.pool.memory import resident_memory

    engine = make_engine()
    tasks = chain(tmp_path)
    expected = outcomes(engine, engine.wait(engine.start(*tasks)))
    engine.pool.memory_limit = resident_memory(engine.pool.process_ids[0]) + 150 * 1024**2
    hoard = "import time\nheld = numpy.ones(400 * 1024**2, numpy.uint8)\nwhile True: time.sleep(0.01)"
    run = engine.wait(engine.start(*chain(tmp_path, hoard)))
    assert states(run) == ["succeeded", "failed", "skipped"]
    assert "Memory Limit" in run.scheduler.tasks["second"].error.message
    engine.runner.retry(run, tasks[1:])
    assert outcomes(engine, engine.wait(run)) == expected


@pytest.mark.any_blender
def test_result_that_many_tasks_take_on_two_workers_is_the_same_to_each(make_engine, tmp_path):
    engine = make_engine(capacity=2)
    first = make_task("first", STEPS["a shared material"], tmp_path)
    move = "item.data.vertices[0].co.x += 1; item.name = 'Moved'; item.data.materials[0].name = 'Mine'"
    takers = [make_task(f"{number} takes it", move, tmp_path, first) for number in range(6)]
    found = outcomes(engine, engine.wait(engine.start(first, *takers)))
    one, *others = [found[task.name, 0] for task in takers]
    assert others == [one] * 5


# What is kept

#: What scripts do with a large mesh: its arrays are megabytes.
LARGE_STEPS = {
    "make": """
        side = 320
        bpy.ops.mesh.primitive_grid_add(x_subdivisions=side, y_subdivisions=side)
        item = bpy.context.object
        """,
    "give it on": "pass",
    "move one vertex": "item.data.vertices[70_000].co.z += 1",
    "move all": """
        places = numpy.zeros(3 * len(item.data.vertices), numpy.float32)
        item.data.vertices.foreach_get("co", places)
        item.data.vertices.foreach_set("co", places + 1)
        """,
    "add before it": 'item.data.materials.append(bpy.data.materials.new("A")); item.name = "Another"',
    "copy its mesh": 'other = item.copy(); other.data = item.data.copy(); item["copy"] = other',
    "remove a face": """
        work = bmesh.new()
        work.from_mesh(item.data)
        bmesh.ops.delete(work, geom=[*work.faces][-1:], context="FACES_ONLY")
        work.to_mesh(item.data)
        """,
}


def large_task(name: str, item=None, step: str = ""):
    """As `make_task`, with a step that is done to a large mesh, and nobody looks at each vertex."""
    planned = make_task(name, step or LARGE_STEPS[name], "", item)
    text = planned.script.text.replace("map(look, (item, *others))", "()").replace("import os", "import os, bmesh")
    return replace(planned, script=replace(planned.script, text=text))


@pytest.fixture
def keeping(make_engine, tmp_path):
    """An engine that keeps what its tasks give."""
    from background_nodes.runtime.engine.cache import Cache
    from background_nodes.runtime.engine.runner import Runner
    from background_nodes.runtime.keys.key import Environment
    from background_nodes.runtime.store.store import Store

    engine, store = make_engine(capacity=2), Store(tmp_path / "kept")
    engine.runner = Runner(engine.pool, engine.scratch, Cache(store, lambda _plan: Environment("", "")))
    yield engine, store
    engine.close()
    store.close()


def start_keeping(engine, *tasks):
    from background_nodes.runtime.planning.plan import Plan

    return engine.runner.start(Plan("test", tasks), {}, 2, use_cache=True)


def blob_of(engine, run, task) -> Path:
    return engine.scratch.file(run.results.item(task.id, 0)["item"].content.blob)


def noted_and_true_digests(engine, run, task) -> tuple:
    from background_nodes.runtime.blend_file import blob_digests
    from background_nodes.runtime.blend_file.digests import digests
    from background_nodes.runtime.blend_file.outside import Outside
    from background_nodes.runtime.keys.files import FileDigests

    blob = blob_of(engine, run, task)
    return blob_digests.read(blob), digests(blob, Outside(FileDigests()))


def test_digests_of_a_chain_are_those_of_its_blobs_whatever_its_tasks_change(keeping):
    from background_nodes.runtime.store import upkeep

    engine, store = keeping

    def run(*tasks):
        started = engine.wait(start_keeping(engine, *tasks))
        engine.runner.finish_keeping(started, None)
        assert set(states(started)) == {"succeeded"}, [record.error for record in started.scheduler.tasks.values()]
        return [record.num_cached for record in started.scheduler.tasks.values()], started

    def check(run, tasks):
        for task in tasks:
            noted, true = noted_and_true_digests(engine, run, task)
            assert noted == true, task.name

    tasks = []
    for name in LARGE_STEPS:
        tasks.append(large_task(name, *tasks[-1:]))
    num_cached, first = run(*tasks)
    assert num_cached == [0] * len(tasks)
    check(first, tasks)
    # Another first task that makes the same: all that follows is found by its digest.
    text = f"{tasks[0].script.text}\nNUMBER = 3\n"
    num_cached, _again = run(replace(tasks[0], script=replace(tasks[0].script, text=text)), *tasks[1:])
    assert num_cached == [0, *[1] * (len(tasks) - 1)]
    # A task in the middle that makes something else, out of a kept result.
    other = large_task("move all", tasks[2], "item.data.vertices[0].co.z += 0.5")
    tasks[3:] = [other, replace(tasks[4], arguments=large_task("add before it", other).arguments)]
    num_cached, changed = run(*tasks)
    assert num_cached == [1, 1, 1, 0, 0]
    check(changed, tasks[3:])
    found = upkeep.verify(store)
    assert (found.num_records > len(tasks), found.num_damaged) == (True, 0), (
        "what is kept has the digests that are noted"
    )


@pytest.mark.any_blender
def test_what_a_task_leaves_alone_is_not_hashed_again(keeping, tmp_path):
    """It has the digest that is noted of its input, be it wrong; what was kept with it is then a miss."""
    from background_nodes.runtime.store import upkeep

    engine, store = keeping
    begun, flag = tmp_path / "begun", tmp_path / "flag"
    first = large_task("make")
    second = large_task("wait", first, WAIT.format(begun=str(begun), flag=str(flag)))
    run = start_keeping(engine, first, second)
    engine.wait(run, begun.exists)
    note = blob_of(engine, run, first).with_suffix(".chunks.json")
    record = json.loads(note.read_text())
    for row in record["contents"]:
        row[2] = "00" * 32 + row[2][64:]
    note.unlink()
    note.write_text(json.dumps(record))
    flag.touch()
    engine.runner.finish_keeping(engine.wait(run), None)
    noted, true = noted_and_true_digests(engine, run, second)
    assert noted.keys() == true.keys()
    assert {name.kind for name in true if noted[name].own != true[name].own} == {"Mesh"}
    assert upkeep.verify(store).num_damaged == 1
