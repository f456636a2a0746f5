"""What others do to a job's folder, and how processes of a job end."""

import argparse
import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

import bpy
import psutil
import pytest

from background_nodes.runtime.errors import CompileError
from background_nodes.submit import warm_session
from background_nodes.submit.job import Job, JobError
from background_nodes.submit.working import JobWorker

from ..blender.graphs import new_tree, script
from ..farm.conftest import wait_until
from .test_submit import Heard, lift_each, save, submit

COMMAND = [sys.executable, "-m", "background_nodes.cli"]
ADDON = 'bl_info = {"name": "Handy", "version": (1, 2, 3), "blender": (4, 2, 0)}\nANSWER = 42\n'
ADDON += "def register(): pass\ndef unregister(): pass\n"


@pytest.fixture
def tree():
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    tree = new_tree()
    tree.use_fake_user = True
    return tree


def test_damaged_result_is_neither_used_nor_collected(tmp_path):
    """A bit of each blob is another one, or it is a link to a file of somebody else."""
    lift_each(tmp_path)
    submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")
    with_worker(tmp_path / "job", 0)
    (tmp_path / "secret").write_text("secret")
    for number, file in enumerate(sorted((tmp_path / "job" / "store").rglob("files/*/*"))):
        data = bytearray(file.read_bytes())
        file.unlink()
        if number % 2:
            file.symlink_to(tmp_path / "secret")
        else:
            data[len(data) // 2] ^= 1
            file.write_bytes(data)
    faults = with_worker(tmp_path / "job", 1)
    assert "should have kept its result, and it is not there" in faults[0]
    argv = [*COMMAND, "collect", str(tmp_path / "job"), "--store", str(tmp_path / "home")]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert ended.returncode == 1
    assert ended.stderr.startswith("0 results are kept here now")


def with_worker(job: Path, step: int) -> list[str]:
    worker, heard = JobWorker(job, 1), Heard()
    try:
        worker.run(step, None, heard)
    finally:
        worker.close()
    return heard.faults


def compile_another(file: Path, source: str) -> None:
    """Put something else in the place of what Python has compiled of a file."""
    other = file.with_name("other.py")
    other.write_text(source)
    compiled = importlib.util.cache_from_source(str(file))
    py_compile.compile(str(other), compiled, doraise=True, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH)
    other.unlink()


def test_addon_goes_along_and_one_that_was_changed_is_refused(tree, tmp_path):
    """It is on no machine of the farm."""
    scripts = tmp_path / "scripts"
    (scripts / "addons").mkdir(parents=True)
    (scripts / "addons" / "handy_in_test.py").write_text(ADDON)
    script(tree, "Ask", "import handy_in_test\ndef main() -> int:\n    return handy_in_test.ANSWER\n")
    tree.nodes["Ask"].addons = "handy_in_test"
    file = save(tmp_path / "project" / "scene.blend")
    with pytest.raises(CompileError, match=r'"Ask".*add-on "handy_in_test", which it needs, is not installed'):
        submit(file, tmp_path / "job")
    entry = bpy.context.preferences.filepaths.script_directories.new()
    entry.name, entry.directory = "scripts", str(scripts)
    bpy.utils.refresh_script_paths()
    try:
        job = submit(file, tmp_path / "job")
    finally:
        bpy.context.preferences.filepaths.script_directories.remove(entry)
        bpy.utils.refresh_script_paths()
        (scripts / "addons" / "handy_in_test.py").unlink()
    assert [each.module for each in job.addons] == ["handy_in_test"]
    assert "hostRequirements" not in (tmp_path / "job" / "template.json").read_text(), "no machine needs to have it"
    packed = tmp_path / "job" / "addons" / "scripts" / "addons" / "handy_in_test.py"
    compile_another(packed, f"open({str(tmp_path / 'hostile')!r}, 'w').close()\n{ADDON}")
    assert with_worker(tmp_path / "job", 0) == []
    assert not (tmp_path / "hostile").exists(), "what is compiled is believed whatever the source is"
    beside = tmp_path / "job" / "addons" / "scripts" / "modules" / "json.py"
    beside.parent.mkdir()
    beside.write_text("# Blender looks for modules there first\n")
    with pytest.raises(JobError, match=r"json\.py was not packed with this job"):
        JobWorker(tmp_path / "job", 1)
    beside.unlink()
    packed.write_text(packed.read_text() + "# other\n")
    with pytest.raises(JobError, match='the add-on "handy_in_test" is not as'):
        JobWorker(tmp_path / "job", 1)


def test_need_that_no_machine_of_the_job_can_serve_is_told_before(tree, tmp_path):
    script(tree, "One", "def main() -> int:\n    return 1\n")
    tree.nodes["One"].needs = "GPU=1, Blender=3.6"
    with pytest.raises(CompileError, match=r"the job runs with Blender .* it needs Blender=3\.6"):
        submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")


def test_job_that_somebody_changed_is_refused_by_what_the_farm_was_told(tree, tmp_path):
    """They let another script run, and add it to those that are allowed."""
    script(tree, "One", "def main() -> int:\n    return 1\n")
    job = submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")
    assert (tmp_path / "job" / "template.json").read_text().count(job.digest) == 2, "for the session and its step"
    JobWorker(tmp_path / "job", 1, job.digest).close()
    text = (tmp_path / "job" / "job.json").read_text()
    (tmp_path / "job" / "job.json").write_text(text.replace(job.scripts[0].digest, "0" * 64))
    Job.load(tmp_path / "job")
    with pytest.raises(JobError, match="somebody has changed it since"):
        JobWorker(tmp_path / "job", 1, job.digest)


@pytest.mark.parametrize("killed", ["session", "step"])
def test_no_blender_outlives_a_process_of_a_job_that_is_killed(tree, tmp_path, killed):
    """A step waits for ever, in the process that keeps Blenders warm, or in one of its own."""
    script(tree, "Wait", "import time\ndef main() -> int:\n    progress(0.5)\n    while True: time.sleep(0.01)\n")
    job = tmp_path / "job"
    submit(save(tmp_path / "project" / "scene.blend"), job)
    environment = dict(os.environ)
    if killed == "session":
        started = subprocess.run([*COMMAND, "session", "start", str(job)], capture_output=True, text=True)
        (place,) = [line.partition("=")[2] for line in started.stdout.splitlines()]
        environment[warm_session.VARIABLE] = place
    step = subprocess.Popen([*COMMAND, "step", str(job), "0"], stdout=subprocess.PIPE, text=True, env=environment)
    with step:
        while "openjd_progress: 50.0" not in (line := step.stdout.readline()):
            assert line, "it has ended"
        owner = psutil.Process(step.pid)
        if killed == "session":
            (owner,) = [each for each in psutil.process_iter(["cmdline"]) if place in (each.info["cmdline"] or ())]
        (blender,) = owner.children()
        owner.kill()
        said = step.stdout.read()
    assert step.returncode != 0
    assert ("the process that keeps Blenders warm has ended in mid-step" in said) == (killed == "session")
    wait_until(lambda: not blender.is_running() or blender.status() == psutil.STATUS_ZOMBIE)


def test_session_that_nobody_asks_ends_by_itself(tree, tmp_path, monkeypatch):
    script(tree, "One", "def main() -> int:\n    return 1\n")
    submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")
    monkeypatch.setattr(warm_session, "_IDLE", 0.01)
    place = tmp_path / "place"
    place.mkdir()
    options = argparse.Namespace(folder=str(tmp_path / "job"), place=str(place), workers=1, job="")
    read, write = os.pipe()
    with os.fdopen(read) as told:
        assert warm_session.serve(options, write) == 0
        os.close(write)
        assert told.read() == "ready\n"
    assert not place.exists()


def test_collect_copies_nothing_that_a_hostile_job_says_it_wrote(tree, tmp_path):
    """Its folder has links in the place of what a step wrote, which lead to a file of the one who collects."""
    write = "from background_nodes.script import OutputPath, claim\n"
    write += "def main(to: OutputPath) -> None:\n    claim(to).write_text('mine')\n"
    script(tree, "Write", write, to="//out.txt")
    submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")
    assert with_worker(tmp_path / "job", 0) == []
    (tmp_path / "secret").write_text("mine")
    written = tmp_path / "job" / "files" / "out.txt"
    written.unlink()
    written.symlink_to(tmp_path / "secret")
    argv = [
        *COMMAND,
        "collect",
        str(tmp_path / "job"),
        "--store",
        str(tmp_path / "home"),
        "--into",
        str(tmp_path / "x"),
    ]
    ended = subprocess.run(argv, capture_output=True, text=True)
    assert ended.returncode == 1
    assert "is a link that leads out of the job" in ended.stderr or "is not as the job has written it" in ended.stderr
    assert not (tmp_path / "x").exists()
