"""Results are written by Python's own functions, whatever a script has put in their place."""

import textwrap
from dataclasses import replace
from pathlib import Path

import pytest

from .conftest import Outcome, planned

#: What scripts put in the place of what Python or Blender has, for themselves.
REPLACED = {
    "nothing": "pass",
    "paths": """
        import os
        os.path.join = os.path.normpath = os.path.abspath = os.path.exists = os.fspath = lambda *a: "/mine"
        """,
    "the module of paths": "import os, types; os.path = types.SimpleNamespace(join=None)",
    "path objects": """
        import pathlib
        mine = pathlib.Path("/mine")
        pathlib.Path.with_suffix = pathlib.Path.with_name = pathlib.Path.__truediv__ = lambda *a: mine
        pathlib.Path.stat = pathlib.Path.exists = pathlib.Path.open = pathlib.Path.write_text = None
        """,
    "the class of paths": "import pathlib; pathlib.Path = pathlib.PurePath = str",
    "json": """
        import json
        json.dumps = json.loads = json.dump = json.load = lambda *a, **k: "mine"
        json.JSONEncoder.default = json.JSONEncoder.iterencode = json.JSONEncoder.encode = lambda *a: "mine"
        json.decoder.scanstring = json.encoder.encode_basestring_ascii = lambda *a: "mine"
        """,
    "what opens files": """
        import builtins, io, os
        builtins.open = io.open = os.open = lambda *a, **k: None
        os.close = os.dup = os.dup2 = os.stat = os.replace = os.unlink = os.scandir = os.fstat = None
        """,
    "time": """
        import time
        time.time = time.monotonic = time.perf_counter = lambda: 4e9
        """,
    "temporary files": """
        import tempfile
        tempfile.gettempdir = tempfile.mkdtemp = lambda *a, **k: "/mine"
        """,
    "builtins": """
        import builtins
        builtins.open = builtins.print = builtins.sorted = builtins.str = builtins.zip = lambda *a: 0
        builtins.set = builtins.dict = builtins.any = builtins.all = builtins.OSError = None
        """,
    "classes of the library": """
        import collections, contextlib, dataclasses, enum, hashlib, struct
        contextlib.suppress = dataclasses.replace = collections.Counter = hashlib.sha256 = struct.Struct = None
        contextlib._GeneratorContextManager.__exit__ = lambda *a: True
        """,
    "modules": """
        import sys
        for name in ("json", "os", "os.path", "pathlib", "tempfile", "traceback"):
            sys.modules[name] = None
        """,
    "what is Blender's": """
        import bpy
        bpy.path.abspath = bpy.app.tempdir.join
        bpy.types.Object.users_collection = bpy.types.Mesh.from_pydata = None
        """,
    "arrays": "import numpy; numpy.empty = numpy.zeros = numpy.frombuffer = lambda *a, **k: numpy.ones(3)",
}
SCRIPT = """
def main():
    from pathlib import Path
    from typing import NamedTuple

    import bpy

    class Output(NamedTuple):
        item: object
        numbers: object
        file: Path

    mesh = bpy.data.meshes.new("Item")
    mesh.from_pydata([(x, y, 0) for x in (0, 1) for y in (0, 1)], [], [(0, 1, 3, 2)])
    item = bpy.data.objects.new("Item", mesh)
    image = bpy.data.images.new("Image", 4, 4)
    image.pixels[0] = 0.5
    item["image"] = image
    path = Path({path!r})
    path.write_text("written")
    result = Output(item, (number / 7 for number in range(9000)), path)
{replaced}
    return result
"""


def task(path: Path, replaced: str):
    from background_nodes.runtime.planning.plan import TaskOutput
    from background_nodes.runtime.script.socket_types import SocketType

    types = SocketType("Object"), SocketType("FLOAT", is_list=True), SocketType("PATH")
    names = "item", "numbers", "file"
    outputs = (TaskOutput(name, name, kind) for name, kind in zip(names, types, strict=True))
    body = SCRIPT.format(path=str(path), replaced=textwrap.indent(textwrap.dedent(replaced).strip("\n"), "    "))
    return replace(planned(body), outputs=tuple(outputs))


def given(engine, planned_task):
    """What a task gave, and the digests of its data-blocks."""
    from background_nodes.runtime.blend_file.digests import digests
    from background_nodes.runtime.blend_file.outside import Outside
    from background_nodes.runtime.keys.files import FileDigests
    from background_nodes.runtime.scratch import value_files

    run = engine.wait(engine.start(planned_task))
    record = run.scheduler.tasks["task"]
    values = run.results.item("task", 0)
    assert values is not None, record.error
    ref = values["item"].content
    blob = digests(engine.scratch.file(ref.blob), Outside(FileDigests()))
    plain = [value_files.loaded(values[name], engine.scratch.folder).content for name in ("numbers", "file")]
    return ref.name, ref.kind, plain, {key: (one.content, one.reason) for key, one in blob.items()}


@pytest.fixture(scope="module")
def expected(warm, tmp_path_factory):
    path = tmp_path_factory.mktemp("written") / "file.txt"
    return path, given(warm, task(path, "pass"))


@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED.keys())
def test_results_are_written_whatever_a_script_replaced(warm, expected, replaced):
    path, plain = expected
    assert given(warm, task(path, replaced)) == plain


@pytest.mark.parametrize("replaced", REPLACED.values(), ids=REPLACED.keys())
def test_error_is_told_whatever_a_script_replaced(warm, replaced):
    body = f"def main():\n{textwrap.indent(textwrap.dedent(replaced), '    ')}\n    raise ValueError('mine')"
    outcome: Outcome = warm.run(body)
    assert (outcome.state, outcome.message) == ("failed", "ValueError: mine")
    assert "raise ValueError('mine')" in outcome.traceback, "with the line as it is in the script"
    assert outcome.line == body.count("\n") + 1


def test_what_a_script_printed_to_a_stream_of_its_own_is_in_the_log(warm):
    body = "import io, sys; sys.stdout = io.TextIOWrapper(sys.stdout.buffer, 'utf-8'); print('said'); return 1"
    assert warm.run(body).log == "said\n"


def test_list_that_a_script_yields_is_made_with_what_it_replaced(warm):
    from background_nodes.runtime.script.socket_types import SocketType

    planned_task = planned("import json; json.dumps = lambda value: value; return (json.dumps(one) for one in (1, 2))")
    output = replace(planned_task.outputs[0], type=SocketType("INT", is_list=True))
    run = warm.wait(warm.start(replace(planned_task, outputs=(output,))))
    values = run.results.item("task", 0)
    assert values is not None, run.scheduler.tasks["task"].error
    assert values["result"].content == (1, 2)


def test_module_that_a_script_imports_below_one_that_it_changed_stays(warm):
    warm.run("import json; json.loads = None; import json.tool")
    assert warm.run("import json, sys; return [json.loads('[1]'), hasattr(json, 'tool')]").value == [[1], True]


def test_nothing_is_put_back_before_the_results_of_a_script_that_replaced_nothing(warm):
    """Nor is there anything that the worker itself leaves changed: looking for it would take longer than the task."""
    body = """
        import sys
        frame = sys._getframe()
        while "clean" not in frame.f_locals:
            frame = frame.f_back
        return frame.f_locals["clean"]._python._objects.has_watched_changed()
        """
    assert [warm.run(body).value for _ in range(3)] == [False, False, False]
