"""Fifty jobs of an add-on through the JobManager, against a new Blender for each job, as background_processing does it.

Both get the same script, data-blocks and values, and as many processes at a time. A job takes an object and numbers,
reports progress, and gives the object and a dict back.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import stage
from row import Row

import background_nodes
from background_nodes.addon.session.current import session

#: Seconds between two looks at what has become of the jobs, for both alike.
_INTERVAL = 0.005
#: Jobs that one way does before it is the other's turn.
_TURN = 10
#: Vertices on a side of the object that each job is given.
_SIDE = 32

#: Carries out a job for each object, so many at a time; gives their `python_data`.
_Way = Callable[[list[bpy.types.Object], int, Path], list[dict[str, float]]]

SCRIPT = """\
import bpy

obj = bpy.data.objects[object_name]
vertices = obj.data.vertices[:]
for step in range(10):
    for vertex in vertices[step::10]:
        vertex.co.z = vertex.co.z * factor + offset
    update_job_progress((step + 1) / 10)

python_data = {"highest": max(vertex.co.z for vertex in vertices), "factor": factor}
data_blocks = [obj]
"""
#: Around the script, for a Blender that knows nothing of jobs.
BEFORE = """\
import json
import sys

import bpy

bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
with bpy.data.libraries.load(PASSED) as (available, wanted):
    wanted.objects = available.objects


def update_job_progress(share):
    with open(PROGRESS, "w") as file:
        file.write(str(share))


"""
AFTER = """
bpy.data.libraries.write(RESULTS, set(data_blocks), fake_user=True)
with open(DATA, "w") as file:
    json.dump(python_data, file)
sys.stdout.flush()
__import__("os")._exit(0)  # the quickest exit, so that the comparison is fair to new Blenders
"""


def two_at_a_time(quick: bool) -> Row:
    return _measure(2, quick)


def five_at_a_time(quick: bool) -> Row:
    return _measure(5, quick)


def _measure(num_processes: int, quick: bool) -> Row:
    count = 6 if quick else 50
    stage.empty_file()
    items = [stage.grid_object(_SIDE) for _ in range(count)]
    session.close()  # our workers have to start, too
    ours = theirs = 0.0
    for start in range(0, count, _TURN):  # by turns, so that other load on the machine slows both alike
        turn = items[start : start + _TURN]
        ours += _seconds(turn, _with_job_manager, num_processes)
        theirs += _seconds(turn, _with_new_blenders, num_processes)
    return Row(
        f"{count} jobs, {num_processes} at a time",
        f"{ours:.2f} s",
        f"{theirs:.2f} s with a new Blender for each",
        theirs / ours,
        "" if quick else ">= 5 times faster",
        None if quick else theirs / ours >= 5.0,
        {"seconds": ours, "new_blender_seconds": theirs, "processes": num_processes},
    )


def _seconds(items: list[bpy.types.Object], carry_out: _Way, num_processes: int) -> float:
    """How long it takes until all is home. Raises RuntimeError if that is not what it should be."""
    before = set(bpy.data.objects)
    wanted = [2.0 * _highest(item) + index for index, item in enumerate(items)]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = carry_out(items, num_processes, Path(folder))
        seconds = time.perf_counter() - start
    results = set(bpy.data.objects) - before
    for heights in ([data["highest"] for data in found], sorted(map(_highest, results))):
        if [round(height, 3) for height in heights] != [round(height, 3) for height in wanted]:
            raise RuntimeError("what came home is wrong")
    stage.remove(results)
    return seconds


def _highest(item: bpy.types.Object) -> float:
    return max(vertex.co.z for vertex in item.data.vertices)


def _values(index: int, item: bpy.types.Object) -> dict[str, object]:
    return {"object_name": item.name, "factor": 2.0, "offset": float(index)}


def _with_job_manager(items: list[bpy.types.Object], num_processes: int, folder: Path) -> list[dict[str, float]]:
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    manager = background_nodes.JobManager()
    manager.max_workers = num_processes
    for index, item in enumerate(items):
        added, reason = manager.add_job(item.name, str(script), 0, _values(index, item), {item})
        if not added:
            raise RuntimeError(reason)
    while not manager.jobs_complete():
        if manager.num_dropped_jobs():
            raise RuntimeError(manager.get_issue_string(manager.get_dropped_job_names()[0]))
        manager.process_jobs()
        time.sleep(_INTERVAL)
    found = [manager.get_retrieved_python_data(name) for name in manager.get_job_names()]
    manager.kill_all()
    return found


def _with_new_blenders(items: list[bpy.types.Object], num_processes: int, folder: Path) -> list[dict[str, float]]:
    waiting = [_NewBlender(folder / str(index), item, _values(index, item)) for index, item in enumerate(items)]
    jobs, running = list(waiting), []
    while waiting or running:
        while waiting and len(running) < num_processes:
            running.append(waiting.pop(0))
            running[-1].start()
        for job in [job for job in running if job.has_ended]:
            running.remove(job)
            job.bring_home()
        for job in running:
            job.read_progress()
        time.sleep(_INTERVAL)
    return [job.data for job in jobs]


class _NewBlender:
    """A job with a Blender of its own, and what passes between the two in files."""

    def __init__(self, folder: Path, item: bpy.types.Object, values: dict[str, object]) -> None:
        folder.mkdir()
        paths = {name: folder / f"{name.lower()}.{ending}" for name, ending in _FILES.items()}
        bpy.data.libraries.write(str(paths["PASSED"]), {item}, fake_user=True)
        variables = {name: str(path) for name, path in paths.items()} | values
        lines = [f"{name} = {value!r}\n" for name, value in variables.items()]
        self.data: dict[str, float] = {}
        self._paths = paths
        self._script = folder / "script.py"
        self._script.write_text("".join(lines) + BEFORE + SCRIPT + AFTER, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--background", "--factory-startup", "-noaudio", "--python"]
        program = [bpy.app.binary_path, *options] if bpy.app.binary_path else [sys.executable]
        self._process = subprocess.Popen([*program, str(self._script)], stdout=subprocess.DEVNULL)

    @property
    def has_ended(self) -> bool:
        return self._process is not None and self._process.poll() is not None

    def read_progress(self) -> str:
        path = self._paths["PROGRESS"]
        return path.read_text(encoding="utf-8") if path.exists() else ""

    def bring_home(self) -> None:
        self.data = json.loads(self._paths["DATA"].read_text(encoding="utf-8"))
        stage.append_objects(self._paths["RESULTS"])


_FILES = {"PASSED": "blend", "RESULTS": "blend", "DATA": "json", "PROGRESS": "txt"}
