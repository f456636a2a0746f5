"""Whole .blend files as inputs of tasks: the worst that a script, a worker, a disk or a file can do."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from ..store_files import files_in
from .conftest import planned

NAMES = "return sorted(item.name for item in __import__('bpy').data.objects)"
#: What a script may do with the file that it has open.
MISDEEDS = {
    "saves it": "bpy.data.objects.remove(bpy.data.objects['Hero']); bpy.ops.wm.save_mainfile()",
    "saves it as another": "bpy.ops.wm.save_as_mainfile(filepath=bpy.data.filepath + '.other.blend')",
    "deletes all": "bpy.data.batch_remove(list(bpy.data.objects)); bpy.data.orphans_purge(do_recursive=True)",
    "opens another": "bpy.ops.wm.read_homefile(use_empty=True); bpy.ops.wm.save_as_mainfile(filepath=other)",
    "removes it": "import os; os.remove(bpy.data.filepath)",
    "leaves a handler": "bpy.app.handlers.load_post.append(lambda *_: bpy.data.objects.new('Ghost', None))",
}


def works_on(path: str, body: str = NAMES, name: str = "task", **settings):
    """A task that works on a file."""
    from background_nodes.runtime.planning import plan
    from background_nodes.runtime.script.signature import Parameter
    from background_nodes.runtime.script.socket_types import SocketType

    kind = SocketType("BLEND_FILE")
    argument = plan.Argument(Parameter("file", "File", kind), (plan.Constant(path, kind),))
    task = planned(body if "def main(" in body else f"def main(file):\n    {body}", name, **settings)
    return replace(task, arguments=(argument,))


def entries(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


def run(engine, *tasks):
    return engine.wait(engine.start(*tasks))


@pytest.fixture
def make_file(warm, tmp_path):
    """Makes a file with one object, as an artist would: `make_file(name)`; `body` adds to it."""

    def make(name: str = "shot.blend", body: str = "", **options) -> str:
        path = tmp_path / name
        save = f"bpy.ops.wm.save_as_mainfile(filepath={str(path)!r}, **{options!r})"
        outcome = warm.run(
            "import bpy\n"
            "bpy.context.scene.collection.objects.link(bpy.data.objects.new('Hero', None))\n"
            f"{body}\n{save}\nreturn True"
        )
        assert outcome.value is True, outcome.message
        return str(path)

    return make


@pytest.mark.parametrize("misdeed", MISDEEDS)
def test_misdeeds_of_a_script_touch_neither_the_file_nor_the_next_task(warm, make_file, tmp_path, misdeed):
    path = make_file()
    content, files = Path(path).read_bytes(), entries(tmp_path)
    body = f"import bpy; other = {str(tmp_path / 'other.blend')!r}; {MISDEEDS[misdeed]}; return 1"
    active = run(warm, works_on(path, body, "bad"), works_on(path, NAMES, "good"))
    assert (warm.outcome(active, "bad").value, warm.outcome(active, "good").value) == (1, ["Hero"])
    assert Path(path).read_bytes() == content
    assert [name for name in entries(tmp_path) if name != "other.blend"] == files
    assert files_in(warm.scratch, "*.file.blend*") == []
    assert warm.run("import bpy; return len(bpy.data.objects)").value == 0


def test_script_that_quits_blender_leaves_the_next_task_alone(warm, make_file):
    path = make_file()
    active = run(warm, works_on(path, "import bpy; bpy.ops.wm.quit_blender(); return 1"))
    outcome = warm.outcome(active)
    assert outcome.message or outcome.value == 1  # the wheel does not end by it
    assert warm.outcome(run(warm, works_on(path))).value == ["Hero"]
    assert files_in(warm.scratch, "*.file.blend*") == []


def test_file_is_copied_once_whoever_wants_it_and_whatever_is_saved_meanwhile(make_engine, make_file, tmp_path):
    path = make_file()
    engine = make_engine(capacity=2)
    save = f"bpy.ops.wm.save_as_mainfile(filepath={path!r})"
    overwrite = f"import bpy; bpy.ops.wm.read_homefile(use_empty=True); {save}; return 1"
    first = works_on(path, overwrite, "first")
    second = works_on(path, NAMES, "second")
    active = run(engine, first, second)
    assert engine.outcome(active, "second").value == ["Hero"]
    assert engine.outcome(run(engine, works_on(path))).value == []
    assert len(active.results.copies) == 1


@pytest.mark.parametrize("option", [{"compress": False}, {"compress": True}])
def test_file_that_is_cut_off_is_a_clear_error(warm, make_file, option):
    path = make_file(**option)
    content = Path(path).read_bytes()
    Path(path).write_bytes(content[: len(content) // 2])
    before = files_in(warm.scratch)
    outcome = warm.outcome(run(warm, works_on(path)))
    assert outcome.state == "failed"
    assert path in outcome.message
    assert (
        "is cut off" if option["compress"] is False else "it is damaged, or needs a Blender newer"
    ) in outcome.message
    assert [Path(name).suffix for name in files_in(warm.scratch) if name not in before] in ([], [".log"])
    assert warm.outcome(run(warm, works_on(make_file("other.blend")))).value == ["Hero"]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "is missing"),
        (lambda path: path.mkdir(), "is no file"),
        (os.mkfifo, "is no file"),
        (lambda path: path.write_text("BLEND"), "is no .blend file"),
        (lambda path: path.write_bytes(b""), "is no .blend file"),
    ],
)
def test_path_that_is_no_blend_file_is_an_error_at_the_socket(warm, tmp_path, make, reason):
    path = tmp_path / "thing.blend"
    make(path)
    outcome = warm.outcome(run(warm, works_on(str(path))))
    assert outcome.state == "failed"
    assert 'socket "File"' in outcome.message
    assert reason in outcome.message


@pytest.mark.any_blender
def test_thousand_items_on_a_missing_file_all_fail(warm, tmp_path):
    from background_nodes.runtime.planning import plan
    from background_nodes.runtime.script.socket_types import SocketType

    task = works_on("")
    source = plan.Constant((str(tmp_path / "gone.blend"),) * 1000, SocketType("PATH", is_list=True))
    mapped = replace(task.arguments[0], sources=(source,), is_mapped=True)
    active = run(warm, replace(task, arguments=(mapped,)))
    record = active.scheduler.tasks["task"]
    assert (str(record.state), record.num_done) == ("failed", 1000)


@pytest.fixture
def stuck_file(make_file, tmp_path):
    """A file that no worker can open to the end, as its library is a pipe; and that pipe."""
    library = make_file("library.blend")
    path = make_file(
        "shot.blend",
        f"with bpy.data.libraries.load({library!r}, link=True) as (names, wanted): wanted.objects = names.objects\n"
        "bpy.context.scene.collection.objects.link(wanted.objects[0])",
    )
    content = Path(library).read_bytes()
    Path(library).unlink()
    os.mkfifo(library)
    return path, Path(library), content


def _copying(engine) -> list[int]:
    """Process ids of the workers that copy a file now."""
    from background_nodes.runtime.engine.messages import CopyFile

    return [
        worker.process.process_id
        for worker in engine.pool._workers
        if worker.request is not None and isinstance(worker.request.task, CopyFile) and worker.state.name == "BUSY"
    ]


@pytest.mark.any_blender
def test_killed_copying_worker_is_replaced(make_engine, stuck_file):
    path, library, content = stuck_file
    engine = make_engine()
    active = engine.start(works_on(path))
    engine.wait(active, lambda: _copying(engine))
    library.unlink()
    library.write_bytes(content)
    os.kill(_copying(engine)[0], signal.SIGKILL)
    engine.wait(active)
    assert engine.outcome(active).value == ["Hero", "Hero"]
    assert set(files_in(engine.scratch, "*.blend")) <= set(active.results.copies[path].blob.split())


@pytest.mark.any_blender
def test_file_over_which_workers_die_is_an_error_that_names_it(make_engine, stuck_file):
    path, _library, _content = stuck_file
    engine = make_engine()
    active = engine.start(works_on(path))
    for _ in range(2):
        engine.wait(active, lambda: _copying(engine))
        os.kill(_copying(engine)[0], signal.SIGKILL)
        engine.wait(active, lambda: not _copying(engine))
    engine.wait(active)
    outcome = engine.outcome(active)
    assert outcome.state == "failed"
    assert outcome.message.startswith(f"Copying {Path(path).name} failed: the background Blender ended")
    assert files_in(engine.scratch, "*.blend") == []


@pytest.mark.any_blender
def test_cancelled_run_stops_the_copying(make_engine, stuck_file):
    path, _library, _content = stuck_file
    engine = make_engine()
    active = engine.start(works_on(path))
    engine.wait(active, lambda: _copying(engine))
    engine.runner.cancel(active)
    engine.wait(active)
    assert (str(active.state), _copying(engine)) == ("cancelled", [])
    assert files_in(engine.scratch, "*.blend") == []
    assert engine.run("return 1").value == 1


def test_full_disk_fails_the_task_and_leaves_nothing_behind(launcher, make_file, tiny_disk):
    from background_nodes.runtime.scratch.scratch import Scratch

    from .conftest import Engine

    path = make_file(body="m = bpy.data.meshes.new('m'); m.vertices.add(500_000); m.use_fake_user = True")
    engine = Engine(launcher, Scratch(tiny_disk), 1)
    outcome = engine.outcome(run(engine, works_on(path)))
    assert outcome.state == "failed"
    assert "can't be written" in outcome.message
    assert files_in(engine.scratch, "*.blend*") == []
    engine.close()
