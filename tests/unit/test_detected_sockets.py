"""What a script without `main` takes and gives, as its source tells."""

from __future__ import annotations

import textwrap

import pytest

from background_nodes.runtime.errors import SignatureError
from background_nodes.runtime.script import detected_sockets


def inputs(source: str) -> list[str]:
    """Each input of a script, with its type."""
    source = textwrap.dedent(source) + "\nupdate_job_progress(1.0)\n"
    return [f"{item.label}: {item.type}" for item in detected_sockets.signature(source).inputs]


def names(source: str) -> list[str]:
    return [item.partition(":")[0] for item in inputs(source)]


def outputs(source: str) -> list[str]:
    source = textwrap.dedent(source) + "\nupdate_job_progress(1.0)\n"
    return [f"{item.label}: {item.type}" for item in detected_sockets.signature(source).outputs]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("x = a + b", ["a", "b"]),
        ("a = 1; x = a", []),
        ("x = a; a = 1", ["a"]),
        ("a += 1", ["a"]),
        ("try:\n    a\nexcept NameError:\n    a = 1", ["a"]),
        ("for item in items: print(item)", ["items"]),
        ("[item * factor for item in items]", ["factor", "items"]),
        ("with open(path) as file: file.read()", ["path"]),
        ("import numpy as np, os.path; np.zeros(3), os.sep", []),
        ("from math import *; sin(angle)", ["angle"]),
        ("def scaled(value): return value * factor\nscaled(1)", ["factor"]),
        ("def scaled(value): return value * factor\nfactor = 2", []),
        ("def set_it():\n    global count\n    count = 1\nset_it(); print(count)", ["count"]),
        ("class Shape:\n    size = width\n    area = size * size", ["width"]),
        ("def all(): return [item * factor for item in [items]]", ["factor", "items"]),
        ("x = {item: y for item in items if (y := item)}; print(y, item)", ["item", "items"]),
        ("key = lambda item: item + offset", ["offset"]),
        ("if (n := len(items)) > 1: print(n)", ["items"]),
        (
            "match kind:\n    case [first, *rest]: print(first, rest)\n    case {'a': x, **more}: print(x, more)",
            ["kind"],
        ),
        ("try: pass\nexcept ValueError as error: print(error)", []),
        ("a: int\nprint(a)", ["a"]),
        ("passed_data_blocks[0].name, bpy.app, os.sep, __file__, python_data", []),
        ("print(len(max([1, 2])))", []),
        ("helper(value)", ["value"]),
        ("größe * 2", ["größe"]),
    ],
)
def test_name_that_is_read_before_it_is_set_is_an_input(source, found):
    assert names(source) == found


def test_use_of_an_input_tells_its_type():
    source = """
        scene_object = bpy.data.objects[object_name]
        other = bpy.data.meshes.get(mesh_name)
        for _ in range(count):
            source.scale *= factor
        if is_smooth:
            bpy.ops.wm.save_as_mainfile(filepath=file)
    """
    assert inputs(source) == [
        "object_name: string",
        "mesh_name: string",
        "count: int",
        "source: Object",
        "factor: float",
        "is_smooth: boolean",
        "file: path",
    ]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("python_data = {'a': 1, 'b': 'x', 'c': len([]), 'd': [1]}", ["a: int", "b: string", "c: int", "d: any"]),
        ("python_data['faces'] = 6; python_data[1] = 2", ["faces: int"]),
        ("if True:\n    python_data: dict = {'flag': 1 > 2}", ["flag: boolean"]),
        ("python_data = {**other, 'a b': 0.5, '': 1}", ["a b: float"]),
        ("python_data = dict(a=1)", []),
        ("data_blocks = []", []),
        ("data_blocks = list()", []),
        ("data_blocks = [bpy.context.scene]", ["data_blocks: list of ID"]),
        ("data_blocks = passed_data_blocks", ["data_blocks: list of ID"]),
        ("data_blocks.append(mesh)", ["data_blocks: list of ID"]),
        ("data_blocks += [mesh]; python_data = {'a': 1}", ["a: int", "data_blocks: list of ID"]),
    ],
)
def test_what_is_written_is_an_output(source, found):
    assert outputs(source) == found


@pytest.mark.parametrize("source", ["x = 1", "import bpy", "'text'", "def helper(): ..."])
def test_script_without_main_is_without_main_but_not_marked_as_one(source):
    assert detected_sockets.is_without_main(source)
    assert not detected_sockets.has_marks(source)
    with pytest.raises(SignatureError, match="no function main"):
        detected_sockets.signature(source)


@pytest.mark.parametrize("source", ["", "\n# nothing\n", "def main(): ...", "async def main(): ...", "def main(", "\0"])
def test_empty_text_and_main_and_syntax_errors_are_not_without_main(source):
    assert not detected_sockets.is_without_main(source)
    assert not detected_sockets.has_marks(source)


@pytest.mark.parametrize(
    "source",
    ["python_data = {}", "data_blocks.append(1)", "print(passed_data_blocks)", "def f():\n    update_job_progress(1)"],
)
def test_what_only_without_main_scripts_have_is_a_mark(source):
    assert detected_sockets.has_marks(source)


@pytest.mark.parametrize(
    "source", ["def collect():\n    data_blocks = []", "def update_job_progress(x): ...\nupdate_job_progress(1)"]
)
def test_names_that_a_module_has_for_itself_are_no_mark(source):
    assert not detected_sockets.has_marks(source)


def test_docstring_tells_of_the_script_and_its_inputs():
    source = '"""Count faces.\n\nArgs:\n    source: What to count.\n"""\npython_data = {}'
    assert detected_sockets.signature(source).description == "Count faces."
    assert detected_sockets.docstring(source).names == {"source": "What to count."}


def test_source_that_is_nested_deeply_is_no_crash():
    assert not detected_sockets.is_without_main("x = " + "(" * 5000 + ")" * 5000)
    detected_sockets.has_marks("x = " + "+".join(["a"] * 5000))


def test_more_outputs_than_blender_can_make_are_refused():
    source = "\n".join(f"python_data['key {index}'] = 1" for index in range(20_000))
    assert detected_sockets.has_marks(source)
    with pytest.raises(SignatureError, match="there are 20000 outputs, and a node has 500 at most"):
        detected_sockets.detect(source)


@pytest.mark.parametrize(
    ("source", "seems"),
    [
        ("python_data = {}", True),
        ("for block in passed_data_blocks: ...", True),
        ("def f():\n    update_job_progress(1)", True),
        ("python_data = (", True),
        ("# python_data", False),
        ("x = 1  # python_data", False),
        ("my_python_data = {}", False),
        ("import bpy", False),
    ],
)
def test_marks_are_seen_without_parsing(source, seems):
    assert detected_sockets.seems_to_have_marks(source) is seems
