"""Scripts without `main`: variables in, `python_data` and `data_blocks` out."""

import textwrap

import pytest


def planned(body: str, inputs=(), outputs=(), filename="job.py"):
    """A task of a script without `main`. `inputs`: (name, kind, wire value); `outputs`: (name, kind, is_list)."""
    from background_nodes.runtime.planning import plan
    from background_nodes.runtime.planning.graph import NodeSettings
    from background_nodes.runtime.script.signature import Parameter, ScriptSource
    from background_nodes.runtime.script.socket_types import SocketType

    arguments = tuple(
        plan.Argument(Parameter(f"in{index}", name, SocketType(kind)), (plan.Constant(value, SocketType(kind)),))
        for index, (name, kind, value) in enumerate(inputs)
    )
    given = tuple(
        plan.TaskOutput(f"out{index}", name, SocketType(kind, is_list))
        for index, (name, kind, is_list) in enumerate([("python_data", "ANY", False), *outputs])
    )
    source = ScriptSource(textwrap.dedent(body), filename, is_without_main=True)
    return plan.PlannedTask("task", "task", source, arguments, given, NodeSettings(retries=0))


@pytest.fixture
def run(warm):
    """Runs a script without `main`: what became of it, and its outputs by name."""

    def run_one(body: str, inputs=(), outputs=()):
        from background_nodes.runtime.blender.python_data import decode

        task = planned(body, inputs, outputs)
        active = warm.wait(warm.start(task))
        values = active.results.item("task", 0) or {}
        names = {output.identifier: output.label for output in task.outputs}
        outcome = warm.outcome(active)
        outcome.value = {names[identifier]: decode(value.content) for identifier, value in values.items()}
        return outcome

    return run_one


def test_inputs_are_variables_and_python_data_is_the_output(run):
    outcome = run(
        "python_data = {'sum': a + b, 'name': __name__}",
        [("a", "INT", 2), ("b", "FLOAT", 0.5)],
        [("sum", "FLOAT", False)],
    )
    assert outcome.value == {"python_data": {"sum": 2.5, "name": "__main__"}, "sum": 2.5}


def test_script_that_sets_nothing_gives_an_empty_dict(run):
    assert run("x = 1").value == {"python_data": {}}
    assert run("python_data = None").value == {"python_data": {}}
    assert run("python_data = list()").value == {"python_data": []}


@pytest.mark.parametrize(
    "body",
    [
        "python_data.append(1)\npython_data.append(2)",
        "python_data.append(1)\npython_data.extend([2])",
        "python_data += [1]\npython_data.append(2)",
        "python_data.append(0)\npython_data = [number + 1 for number in [*python_data, len(python_data)]]",
        "python_data.append(2)\nassert python_data[0] == 2\npython_data = [1, *python_data]",
    ],
)
def test_start_value_of_python_data_may_be_appended_to(run, body):
    assert run(body).value["python_data"] == [1, 2]


def test_start_value_of_python_data_is_a_dict_or_a_list(run):
    assert run("python_data['a'] = len(python_data)").value["python_data"] == {"a": 0}
    assert "make it a dict or a list" in run("python_data['a'] = 1\npython_data.append(2)").message


@pytest.mark.parametrize(("kind", "is_list"), [("INT", False), ("STRING", True)])
def test_value_that_is_none_is_an_error_of_the_output_that_promised_one(run, kind, is_list):
    outcome = run("python_data = {'sum': None}", outputs=[("sum", kind, is_list)])
    assert outcome.message.startswith("output \"sum\": python_data['sum'] is None, and no ")


def test_json_output_may_be_none(run):
    assert run("python_data = {'sum': None}", outputs=[("sum", "ANY", False)]).value["sum"] is None


def test_bpy_is_there_without_an_import_and_the_file_is_empty(run):
    outcome = run("python_data = {'objects': len(bpy.data.objects), 'passed': passed_data_blocks}")
    assert outcome.value["python_data"] == {"objects": 0, "passed": []}


def test_progress_moves_the_bar(run, warm):
    heard = []
    active = warm.start(planned("update_job_progress(0.25)"))
    active.listener = lambda _task: heard.append(active.scheduler.tasks["task"].items[0].progress)
    warm.wait(active)
    assert 0.25 in heard


@pytest.mark.parametrize("given", ["'0.5'", "None", "True"])
def test_progress_that_is_no_number_says_so(run, given):
    assert "update_job_progress takes a number from 0.0 to 1.0" in run(f"update_job_progress({given})").message


def test_values_come_back_with_their_types(run):
    body = """
        import mathutils
        python_data = {
            "tuple": (1, (2.5, None)), "bytes": b"\\x00\\xff", "keys": {1: "one", None: "none", "$tuple": "not one"},
            "vector": mathutils.Vector((1, 2)), "euler": mathutils.Euler((0, 0, 1), "ZYX"), "path": __file__,
            "matrix": mathutils.Matrix.Diagonal((1, 2)), "text": "ä\\ud800", "nested": [{"a": ({},)}],
        }
    """
    from mathutils import Euler, Matrix, Vector

    assert run(body).value["python_data"] == {
        "tuple": (1, (2.5, None)),
        "bytes": b"\x00\xff",
        "keys": {1: "one", None: "none", "$tuple": "not one"},
        "vector": Vector((1, 2)),
        "euler": Euler((0, 0, 1), "ZYX"),
        "path": "job.py",
        "matrix": Matrix.Diagonal((1, 2)),
        "text": "ä\ud800",
        "nested": [{"a": ({},)}],
    }


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("python_data = {'a': {'b': [0, print]}}", "output \"python_data\"['a']['b'][1] is of type builtin_function"),
        ("python_data = {'a': object}", "output \"python_data\"['a'] is of type type"),
        (
            "python_data = {(1, 2): 3}",
            'output "python_data" has a key of type tuple: (1, 2). Keys are texts or numbers',
        ),
        ("python_data = {}; python_data['a'] = python_data", 'output "python_data" contains itself'),
        (
            "python_data = {'a': bpy.context.scene}",
            "output \"python_data\"['a'] is the data-block bpy.data.scenes['Scene']",
        ),
        ("data_blocks = [None]", "data_blocks[0] is None and no data-block: leave it out"),
        ("data_blocks = bpy.context.scene", "data_blocks is of type Scene: make it a list of data-blocks"),
        ("m = bpy.data.meshes.new('m'); data_blocks = [m]; bpy.data.meshes.remove(m)", "data_blocks[0] was removed"),
        ("data_blocks = [bpy.context.window_manager]", "data_blocks[0] is a WindowManager, which can't be passed on"),
    ],
)
def test_result_that_cant_be_passed_on_is_named(run, body, message):
    outcome = run(body)
    assert outcome.state == "failed"
    assert message in outcome.message


def test_outputs_that_are_not_there_are_named_with_what_is(run):
    outcome = run("python_data = {'a': 1, 'b': 2}", outputs=[("c", "INT", False)])
    assert "output \"c\": python_data has no such key, but 'a', 'b'" in outcome.message
    outcome = run("data_blocks = [bpy.data.meshes.new(n) for n in 'ab']", outputs=[("c", "Mesh", False)])
    assert 'output "c": in data_blocks, "a", "b" are Meshs' in outcome.message
    outcome = run("data_blocks = []", outputs=[("c", "Mesh", False)])
    assert 'output "c": in data_blocks, no Mesh is there' in outcome.message


def test_data_blocks_are_found_by_type_and_name(run):
    body = """
        mesh = bpy.data.meshes.new("Only")
        data_blocks = [bpy.data.objects.new("A", None), bpy.data.objects.new("B", mesh), mesh, mesh]
    """
    wanted = [("B", "Object", False), ("Whatever", "Mesh", False), ("All", "Object", True), ("data_blocks", "ID", True)]
    value = run(body, outputs=wanted).value
    assert value["B"].name == "B"
    assert value["Whatever"].name == "Only"
    assert [item.name for item in value["All"]] == ["A", "B"]
    assert [(item.kind, item.name) for item in value["data_blocks"]] == [
        ("Object", "A"),
        ("Object", "B"),
        ("Mesh", "Only"),
    ]


def test_error_tells_the_scripts_own_line(run):
    outcome = run("x = 1\n\n1 / 0\n")
    assert (outcome.message, outcome.line) == ("ZeroDivisionError: division by zero", 3)


def test_class_of_a_script_is_found_in_its_main_module(run):
    body = """
        import dataclasses, sys, typing
        @dataclasses.dataclass
        class Point:
            x: "typing.ClassVar[int]" = 1
        python_data = {"fields": len(dataclasses.fields(Point)), "own": sys.modules["__main__"].Point is Point}
    """
    assert run(body).value["python_data"] == {"fields": 0, "own": True}
    assert run("import sys; python_data = {'left': hasattr(sys.modules['__main__'], 'Point')}").value == {
        "python_data": {"left": False}
    }


@pytest.fixture
def passed(warm, tmp_path):
    """Two objects of one mesh, one of them passed, in a blob."""
    import bpy

    from background_nodes.runtime.blender import blobs
    from background_nodes.runtime.script.socket_types import LiveRef, StoredRef

    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    mesh = bpy.data.meshes.new("Shared mesh")
    scene_object = bpy.data.objects.new("Ob ject", mesh)
    name = warm.scratch.new_blob()
    blobs.write(warm.scratch.file(name), [scene_object])
    ref = LiveRef("Object", scene_object.name, scene_object.session_uid)
    return ref, {ref: StoredRef("Object", "Ob ject", "", name)}


def test_passed_data_blocks_are_listed_with_what_they_use(warm, passed):
    from background_nodes.runtime.planning.plan import Plan

    ref, snapshot = passed
    body = """
        given = bpy.data.objects["Ob ject"]
        bpy.context.scene.collection.objects.link(given)  # as scripts do that know of no scene
        python_data = {
            "passed": [(type(item).__name__, item.name) for item in passed_data_blocks],
            "evaluated": given.name in bpy.context.evaluated_depsgraph_get().objects,
            "libraries": len(bpy.data.libraries),
        }
    """
    task = planned(body, [("given_by_name", "Object", ref)])
    active = warm.wait(warm.runner.start(Plan("test", (task,)), snapshot, 1))
    from background_nodes.runtime.blender.python_data import decode

    assert warm.outcome(active).message == ""
    assert decode(active.results.item("task", 0)["out0"].content) == {
        "passed": [("Mesh", "Shared mesh"), ("Object", "Ob ject")],
        "evaluated": True,
        "libraries": 0,
    }
