"""From a .blend file to a job, its steps one by one, and home again."""

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import bpy
import psutil
import pytest

from background_nodes.addon.consent.consent import ConsentError
from background_nodes.node_tree.lookup import InputError
from background_nodes.runtime.blender import online_access
from background_nodes.runtime.engine import kept_results
from background_nodes.runtime.errors import CompileError
from background_nodes.runtime.store.store import Store
from background_nodes.submit import collecting, openjd, step_command, submitting, warm_session
from background_nodes.submit.job import PROGRAM, Job, JobError
from background_nodes.submit.working import JobWorker

from ..blender.graphs import link, new_tree, quad, script, value
from ..blender.test_group_runs import larger_and_aside, use
from ..blender.test_repeats import repeated
from ..farm.conftest import wait_until
from ..flamenco_manager import TYPES, manager

LIFT = """
def main(source: bpy.types.Object, height: float) -> bpy.types.Object:
    progress(0.5, "Lifting")
    print("openjd_fail: lifts by", height)
    source.data.vertices[0].co.z = height
    return source
"""
HIGHEST = """
def main(objects: list[bpy.types.Object]) -> float:
    return max(each.data.vertices[0].co.z for each in objects)
"""


class Heard:
    """What a step told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.faults: list[str] = []
        self.fractions: list[float] = []

    def progressed(self, fraction: float, _text: str) -> None:
        self.fractions.append(fraction)

    def printed(self, line: str) -> None:
        self.lines.append(line)

    def failed(self, message: str) -> None:
        self.faults.append(message)

    def is_over(self) -> bool:
        return False


def options(file: Path, folder: Path, *arguments: str) -> argparse.Namespace:
    from background_nodes import cli

    argv = ["submit", str(file), "--to", "openjd", "--into", str(folder), *arguments]
    return cli._parser("background-nodes", has_file=True).parse_args(argv)


def submit(file: Path, folder: Path, *arguments: str) -> Job:
    return submitting.submit(options(file, folder, "--allow-scripts", *arguments), folder)


@pytest.fixture
def scene(tmp_path):
    """Heights -> Lift -> Highest, where Heights is a constant list."""
    tree = lift_each(tmp_path / "project" / "scene.blend")
    assert tree.name == "Tree"
    return save(tmp_path / "project" / "scene.blend")


def lift_each(_path: Path):
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    tree = new_tree()
    tree.use_fake_user = True
    heights = value(tree, "FLOAT", [3.0, 1.0, 2.0], is_list=True, name="Heights")
    lift = script(tree, "Lift", LIFT, source=bpy.data.objects["Cube"], height=heights)
    script(tree, "Highest", HIGHEST, objects=lift)
    return tree


def save(path: Path) -> Path:
    path.parent.mkdir(exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(path))
    return path


@pytest.fixture
def new_worker():
    workers = []

    def new_worker(folder: Path) -> JobWorker:
        workers.append(JobWorker(folder, 1))
        return workers[-1]

    yield new_worker
    for worker in workers:
        worker.close()


@pytest.fixture
def new_store():
    with contextlib.ExitStack() as stack:
        yield lambda folder: stack.enter_context(contextlib.closing(Store(folder)))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def run_at_home(file: Path, store: Path, *arguments: str) -> dict:
    argv = [sys.executable, "-m", "background_nodes.cli", "run", str(file), "--store", str(store), "--allow-scripts"]
    run = subprocess.run([*argv, "--json", *arguments], capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


# The whole way


def test_job_is_run_by_openjd_and_a_run_at_home_finds_all_of_it_kept(scene, tmp_path, new_store):
    job = tmp_path / "job"
    submitting.submit(options(scene, job, "--allow-scripts", "--items-per-task", "2"), job)
    programs = Path(sys.executable).parent
    argv = [programs / "openjd", "run", job / openjd.TEMPLATE, "-p", f"Command={programs / 'background-nodes'}"]
    run = subprocess.run(argv, capture_output=True, text=True, timeout=500)
    assert run.returncode == 0, run.stdout + run.stderr
    said = [line.partition("\t")[2].rstrip() for line in run.stdout.splitlines()]
    assert [line for line in said if line.startswith(("Lift", "Highest"))] == [
        "Lift, item 0: succeeded",
        "Lift, item 1: succeeded",
        "Lift, item 2: succeeded",
        "Highest: succeeded",
    ]
    assert said.count("openjd_progress: 100") == 3, "two tasks of Lift, one of Highest"
    assert not [line for line in said if line.startswith("openjd_fail")], (
        "a script that prints such a line tells nothing"
    )
    assert len([line for line in said if line.startswith("openjd_env: ")]) == 1, "one process for the whole session"
    place = next(line.partition("=")[2] for line in said if line.startswith("openjd_env: "))
    assert not Path(place).exists(), "it has ended"

    home = tmp_path / "home"
    collected = collecting.collect(job, new_store(home))
    assert (collected.num_results, collected.missing, collected.elsewhere) == (4, [], [])
    report = run_at_home(scene, home)
    assert {name: task["cached"] for name, task in report["tasks"].items()} == {"Lift": True, "Highest": True}, report[
        "tasks"
    ]
    assert report["results"]["Highest"]["result"]["value"] == 3.0


# Steps


def test_step_that_comes_too_early_is_refused_and_runs_nothing_of_another_step(scene, tmp_path, new_worker):
    submit(scene, tmp_path / "job")
    heard = Heard()
    assert not new_worker(tmp_path / "job").run(1, None, heard)
    assert "a step of the job before this one should have kept its result" in heard.faults[0]
    assert not list((tmp_path / "job" / "store").rglob("records/*/*"))


def test_items_are_done_by_several_tasks_and_nothing_is_done_twice(scene, tmp_path, new_worker, new_store):
    submit(scene, tmp_path / "job")
    worker, heard, again = new_worker(tmp_path / "job"), Heard(), Heard()
    assert worker.run(0, range(2, 3), heard)
    assert [line for line in heard.lines if line.startswith("Lift")] == ["Lift, item 2: succeeded"]
    assert worker.run(0, range(2), heard)
    assert worker.run(0, range(1, 3), again)
    assert again.lines == ["Lift, item 1: kept already", "Lift, item 2: kept already"]
    assert worker.run(1, None, heard)
    store = new_store(tmp_path / "job" / "store")
    kept = kept_results.last(store, f"{worker.job.steps[1].tasks[0]} 0")
    assert kept.values["result"].content == 3.0


def test_item_that_fails_fails_its_task_and_says_why(tmp_path, new_worker):
    tree = lift_each(tmp_path)
    fault = (
        "\ndef main(height: float) -> float:\n    if height == 1.0: raise ValueError('too low')\n    return height\n"
    )
    script(tree, "Check", fault, height=tree.nodes["Heights"])
    submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job", "--until", "Check")
    worker, heard = new_worker(tmp_path / "job"), Heard()
    assert [step.name for step in worker.job.steps] == ["Check"]
    assert worker.run(0, range(1), heard)
    assert not heard.faults
    assert not worker.run(0, range(1, 2), heard)
    assert heard.faults == ['"Check", item 1: ValueError: too low']


def test_never_kept_node_is_in_one_step_with_what_takes_it(tmp_path, new_worker, new_store):
    tree = lift_each(tmp_path)
    tree.nodes["Lift"].script.write("\nCACHE = False\n")
    tree.nodes["Lift"].script = tree.nodes["Lift"].script
    job = submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job")
    assert [(step.name, step.num_items) for step in job.steps] == [("Lift, Highest", 0)]
    heard = Heard()
    assert new_worker(tmp_path / "job").run(0, None, heard), heard.faults
    collected = collecting.collect(tmp_path / "job", new_store(tmp_path / "home"))
    assert (collected.num_results, collected.missing) == (1, []), "that of Highest"


def test_script_that_is_none_of_the_submitters_is_refused(scene, tmp_path, new_worker):
    """Somebody puts another script into the packed file."""
    submit(scene, tmp_path / "job")
    packed = tmp_path / "job" / "files" / "scene.blend"
    bpy.ops.wm.open_mainfile(filepath=str(packed))
    bpy.data.texts["Lift.py"].write("\nprint('other')\n")
    save(packed)
    heard = Heard()
    assert not new_worker(tmp_path / "job").run(0, None, heard)
    assert 'its script "Lift.py" is none that' in heard.faults[0]


def test_no_name_of_a_node_passes_for_what_a_farm_is_told():
    told: list[str] = []
    lines = step_command.Lines(told.append, lambda: False)
    lines.printed("openjd_fail: is the name of a node: succeeded")
    lines.printed("\nopenjd_env: so is this: succeeded")
    lines.failed("it is not there")
    assert [line for line in told if line.startswith("openjd_")] == ["openjd_fail: it is not there"]


def test_two_steps_that_write_the_same_file_do_not_both_succeed(tmp_path, new_worker):
    """They run one after the other, or on two machines: none has the claims of the other one's run."""
    tree = lift_each(tmp_path)
    write = "from background_nodes.script import OutputPath, claim\n"
    write += "def main(to: OutputPath, text: str) -> None:\n    claim(to).write_text(text)\n"
    for name in ("First", "Second"):
        script(tree, name, write, to="//same.txt", text=name)
    submit(save(tmp_path / "project" / "scene.blend"), tmp_path / "job", "--until", "First", "--until", "Second")
    worker, heard = new_worker(tmp_path / "job"), Heard()
    assert worker.run(0, None, heard), heard.faults
    assert not worker.run(1, None, heard)
    assert f'same.txt is written by item 1 of "{worker.job.steps[0].name}" in this run, too' in heard.faults[0]
    heard.faults.clear()
    assert worker.run(0, None, heard), "what was tried again has its own claims"


def test_items_that_are_not_there_are_no_success(scene, tmp_path, new_worker):
    submit(scene, tmp_path / "job")
    with pytest.raises(JobError, match="has 3 items, and none with 3"):
        new_worker(tmp_path / "job").run(0, range(3, 4), Heard())


def test_other_version_of_background_nodes_than_submitted_with_is_refused(scene, tmp_path):
    """It could keep results under other keys, which no run at home looks for."""
    submit(scene, tmp_path / "job")
    path = tmp_path / "job" / "job.json"
    path.write_text(path.read_text().replace(PROGRAM, "0.0.1 (1)"))
    with pytest.raises(JobError, match=r"submitted with Background Nodes 0\.0\.1"):
        JobWorker(tmp_path / "job")


def test_other_blender_than_submitted_with_is_refused(scene, tmp_path):
    submit(scene, tmp_path / "job")
    path = tmp_path / "job" / "job.json"
    path.write_text(path.read_text().replace(bpy.app.version_string, "4.2.0"))
    with pytest.raises(JobError, match=r"submitted with Blender 4\.2\.0"):
        JobWorker(tmp_path / "job")


def test_repeated_groups_and_loops_give_what_they_give_at_home(tmp_path, new_worker, new_store):
    """A group is repeated at most 6 times, and stops after 3; another one runs over two objects."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    tree, _node = repeated("UNTIL", 6)
    tree.use_fake_user = True
    objects = value(tree, "Object", [quad("Left"), quad("Right")], is_list=True)
    each = use(tree, larger_and_aside(), "Each")
    link(objects, each.inputs["Object"])
    script(tree, "Count", "def main(numbers: list[int]) -> int: return sum(numbers)", numbers=each.outputs["Count"])
    file, job = save(tmp_path / "project" / "scene.blend"), tmp_path / "job"
    submit(file, job, "--tree", "Outer")
    worker = new_worker(job)
    for number, step in enumerate(worker.job.steps):
        heard = Heard()
        assert worker.run(number, None, heard), (step, heard.faults)
    collected = collecting.collect(job, new_store(tmp_path / "home"))
    assert (collected.elsewhere, collected.missing) == ([], [])
    report = run_at_home(file, tmp_path / "home", "--tree", "Outer")
    ran = {name for name, task in report["tasks"].items() if not task["cached"] and not task["unneeded"]}
    assert not ran
    unneeded = {name for name, task in report["tasks"].items() if task["unneeded"]}
    assert unneeded == {f"Use / {number} / {name}" for number in (4, 5, 6) for name in ("Wider", "Is Wide")}
    assert report["results"]["Count"]["result"]["value"] == 2


def test_step_that_is_killed_ends_its_background_blender_and_the_next_one_finds_the_session_warm(tmp_path):
    """The script of the first step waits for ever, in the process that keeps Blenders warm."""
    bpy.ops.wm.read_homefile(use_factory_startup=True)
    tree = new_tree()
    tree.use_fake_user = True
    wait = "import time\ndef main(seed: int) -> int:\n    progress(0.5)\n"
    wait += "    while seed == 1: time.sleep(0.01)\n    return seed\n"
    script(tree, "Wait", wait, seed=value(tree, "INT", [1, 2], is_list=True))
    job = tmp_path / "job"
    submit(save(tmp_path / "project" / "scene.blend"), job)
    command = [sys.executable, "-m", "background_nodes.cli"]
    started = subprocess.run([*command, "session", "start", str(job)], capture_output=True, text=True)
    (place,) = [line.partition("=")[2] for line in started.stdout.splitlines()]
    environment = os.environ | {warm_session.VARIABLE: place}
    (keeper,) = [each for each in psutil.process_iter(["cmdline"]) if place in (each.info["cmdline"] or ())]
    try:
        step = [*command, "step", str(job), "0", "--first"]
        with subprocess.Popen([*step, "0"], stdout=subprocess.PIPE, text=True, env=environment) as first:
            while "openjd_progress: 50.0" not in (line := first.stdout.readline()):
                assert line, "it has ended"
            (blender,) = keeper.children()
            first.terminate()
        wait_until(lambda: not blender.is_running() or blender.status() == psutil.STATUS_ZOMBIE)
        second = subprocess.run([*step, "1"], capture_output=True, text=True, env=environment)
        assert second.stdout.splitlines()[-2:] == ["Wait, item 1: succeeded", "openjd_progress: 100"], second.stderr
        assert keeper.is_running(), "it was the same process"
    finally:
        subprocess.run([*command, "session", "stop"], env=environment)
    keeper.wait(60)
    assert not Path(place).exists()


@pytest.mark.parametrize(("mask", "mode"), [(0o002, 0o775), (0o077, 0o700)])
def test_folder_of_a_job_is_for_those_whom_new_folders_are_for(scene, tmp_path, mask, mode):
    before = os.umask(mask)
    try:
        submit(scene, tmp_path / "job")
    finally:
        os.umask(before)
    assert (tmp_path / "job").stat().st_mode & 0o777 == mode


# Before anything is submitted


def test_nothing_is_submitted_without_consent(scene, tmp_path):
    with pytest.raises(ConsentError):
        submitting.submit(options(scene, tmp_path / "job"), tmp_path / "job")
    assert names(tmp_path) == ["project"]


def test_nothing_is_submitted_if_the_file_uses_what_is_not_there(tmp_path):
    lift_each(tmp_path)
    bpy.data.images.new("Gone", 8, 8)
    bpy.data.images["Gone"].source = "FILE"
    bpy.data.images["Gone"].filepath = str(tmp_path / "gone.png")
    bpy.data.images["Gone"].use_fake_user = True
    file = save(tmp_path / "project" / "scene.blend")
    with pytest.raises(JobError, match=r"gone\.png"):
        submit(file, tmp_path / "job")
    assert names(tmp_path) == ["project"]


READ = "def main(path: Path) -> str:\n    return path.read_text()\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [("//notes.txt", "is not there"), ("/etc/hostname", "lies outside of what the job takes along")],
)
def test_nothing_is_submitted_if_a_node_names_what_the_farm_has_not(tmp_path, path, message):
    tree = lift_each(tmp_path)
    script(tree, "Read", f"from pathlib import Path\n{READ}", path=path)
    file = save(tmp_path / "project" / "scene.blend")
    with pytest.raises(CompileError, match=message):
        submit(file, tmp_path / "job")
    assert names(tmp_path) == ["project"]


def test_job_is_not_put_into_a_folder_that_it_takes_along(tmp_path):
    """The copy would hold a copy of itself, and so on."""
    tree = lift_each(tmp_path)
    script(tree, "Read", f"from pathlib import Path\n{READ}", path="//")
    file = save(tmp_path / "project" / "scene.blend")
    with pytest.raises(CompileError, match="holds the job's folder"):
        submit(file, tmp_path / "project" / "jobs" / "first")
    assert names(tmp_path / "project") == ["scene.blend"]


def test_folder_that_is_there_is_not_written_to(scene, tmp_path):
    (tmp_path / "job").mkdir()
    (tmp_path / "job" / "mine.txt").touch()
    with pytest.raises(InputError, match="it is there already"):
        submit(scene, tmp_path / "job")
    assert names(tmp_path / "job") == ["mine.txt"]


def test_job_that_flamenco_takes_has_a_folder_and_one_that_it_refuses_has_none(scene, tmp_path, capsys):
    bpy.data.node_groups["Tree"].nodes["Lift"].needs = "GPU=1"
    save(scene)
    argv = ("--to", "flamenco", "--allow-scripts", "--items-per-task", "3")
    with manager((200, TYPES), (200, {"id": "12"}), (200, TYPES), (412, {"message": "no"})) as (url, asked):
        for name, code in (("first", 0), ("second", 2)):
            given = options(scene, tmp_path / name, *argv, "--manager", url)
            assert submitting.carry_out(given) == code
    assert names(tmp_path) == ["first", "project"]
    assert "Flamenco gives tasks to any worker, whatever these need of it: Lift\n" in capsys.readouterr().err
    assert json.loads((tmp_path / "first" / "flamenco.json").read_text()) == {"id": "12"}
    steps = json.loads(asked[1][1]["settings"]["steps"])
    digest = Job.load(tmp_path / "first").digest
    assert [step["tasks"] for step in steps] == [
        [["0", "--job", digest, "--first", "0", "--count", "3"]],
        [["1", "--job", digest]],
    ]


def test_blender_that_is_not_to_go_online_gives_no_job_to_another_machine(scene, tmp_path, capsys, monkeypatch):
    """A real Blender is asked, as if its Python ran the command; the module of Python's own can't be told anything."""
    argv = ("--to", "flamenco", "--allow-scripts", "--manager")
    app = SimpleNamespace(online_access=False, binary_path="/opt/blender")
    with monkeypatch.context() as patched, manager((200, TYPES), (200, {"id": "12"})) as (url, _asked):
        patched.setattr(online_access, "bpy", SimpleNamespace(app=app))
        for name, where, code in (("there", "http://192.0.2.1:8080", 2), ("here", url, 0)):
            assert submitting.carry_out(options(scene, tmp_path / name, *argv, where)) == code
    assert names(tmp_path) == ["here", "project"]
    assert "--manager http://192.0.2.1:8080: Blender is not to go online, and 192.0.2.1 is" in capsys.readouterr().err


# What is packed, and what comes home


def test_files_come_along_and_what_the_job_wrote_comes_home(tmp_path, new_worker, new_store):
    """One file that a node reads, an image outside of the project, and a file that a node writes."""
    tree = lift_each(tmp_path)
    project, elsewhere = tmp_path / "project", tmp_path / "elsewhere"
    project.mkdir()
    (project / "out").mkdir()
    elsewhere.mkdir()
    (project / "notes.txt").write_text("noted")
    image = bpy.data.images.new("Picture", 4, 4)
    image.filepath_raw, image.file_format = str(elsewhere / "picture.png"), "PNG"
    image.save()
    image.source = "FILE"
    image.use_fake_user = True
    copy = (
        "from pathlib import Path\nfrom background_nodes.script import OutputPath, claim\n"
        "def main(path: Path, image: bpy.types.Image, to: OutputPath) -> Path:\n"
        "    assert image.has_data or image.pixels[0] is not None\n"
        "    claim(to).write_text(path.read_text() * 2)\n"
        "    return to\n"
    )
    script(tree, "Copy", copy, path="//notes.txt", image=image, to="//out/copy.txt")
    file = save(project / "scene.blend")
    job = tmp_path / "job"
    submit(file, job, "--until", "Copy")
    shutil.rmtree(elsewhere)
    moved = project.rename(tmp_path / "not there any more")
    heard = Heard()
    assert new_worker(job).run(0, None, heard), heard.faults
    collected = collecting.collect(job, new_store(tmp_path / "home"), tmp_path / "came")
    assert collected.files == [tmp_path / "came" / "out" / "copy.txt"]
    assert collected.files[0].read_text() == "notednoted"
    assert collected.elsewhere == ["Copy"]
    assert not list((tmp_path / "home").rglob("records/*/*")), "its paths mean nothing at home"
    assert names(moved) == ["notes.txt", "out", "scene.blend"]


def test_result_with_an_image_comes_home_with_the_path_that_the_image_has_there(tmp_path, new_worker, new_store):
    """The Cube has a picture that lies in the project; its result holds the picture's path on the farm."""
    lift_each(tmp_path)
    project = tmp_path / "project"
    project.mkdir()
    image = bpy.data.images.new("Picture", 4, 4)
    image.filepath_raw, image.file_format = str(project / "picture.png"), "PNG"
    image.save()
    image.source = "FILE"
    material = bpy.data.objects["Cube"].data.materials[0]
    material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    file = save(project / "scene.blend")
    submit(file, tmp_path / "job", "--until", "Lift")
    worker = new_worker(tmp_path / "job")
    assert worker.run(0, None, Heard())
    worker.close()
    home = tmp_path / "home"
    shutil.move(tmp_path / "job", tmp_path / "moved")  # nothing may be read from there any more
    collected = collecting.collect(tmp_path / "moved", new_store(home))
    assert (collected.num_results, collected.missing, collected.elsewhere) == (3, [], [])
    blobs = [path.read_bytes() for path in home.rglob("files/*/*") if path.is_file()]
    assert not [blob for blob in blobs if str(tmp_path / "job").encode() in blob]
    assert (
        len([blob for blob in blobs if blob[:7] == b"BLENDER" and str(project / "picture.png").encode() in blob]) == 3
    )
    report = run_at_home(file, home)
    assert report["tasks"]["Lift"]["cached"], report["tasks"]["Lift"]["reasons"]
    assert not report["tasks"]["Highest"]["cached"]
    assert report["results"]["Highest"]["result"]["value"] == 3.0


def test_result_that_somebody_put_in_the_place_of_another_is_not_collected(scene, tmp_path, new_worker, new_store):
    submit(scene, tmp_path / "job", "--until", "Lift")
    worker = new_worker(tmp_path / "job")
    assert worker.run(0, None, Heard())
    store, task = new_store(tmp_path / "job" / "store"), worker.job.steps[0].tasks[0]
    first, second = (store.last(f"{task} {item}") for item in (0, 1))
    forged = store.keep(first.key, second.content, 0.0)
    store.set_last(f"{task} 0", forged)
    collected = collecting.collect(tmp_path / "job", new_store(tmp_path / "home"))
    assert (collected.num_results, collected.missing) == (2, ["Lift, item 0"])


def test_entry_of_the_menu_submits_the_saved_file_with_the_python_of_the_preferences(tmp_path):
    program = Path(__file__).with_name("submit_by_extension.py")
    argv = [sys.executable, program, sys.executable, tmp_path / "scene.blend", tmp_path / "job"]
    place = tmp_path / "started here" / "background_nodes"  # Python would import what lies in the current folder
    place.mkdir(parents=True)
    (place / "__init__.py").write_text("raise SystemExit('this ran')\n")
    run = subprocess.run(argv, capture_output=True, text=True, timeout=300, cwd=place.parent)
    answers = [line.removeprefix("answer: ") for line in run.stderr.splitlines() if line.startswith("answer: ")]
    assert len(answers) == 7, run.stderr
    unsaved, no_python, offline, submitted, there_already, other_script, later = answers
    assert "Save the file first" in unsaved
    assert "nothing is no Python that can be started" in no_python
    assert "Blender is not to go online" in offline
    assert submitted == "FINISHED"
    assert "it is there already" in there_already
    assert 'script "raise.py"' in other_script, "nobody has allowed it"
    assert later == "still looks: True", "though another file was opened"
    assert not (tmp_path / "job of another file").exists()
    job = Job.load(tmp_path / "job")
    assert [step.name for step in job.steps] == ["Raise"]
    assert job.home == str(tmp_path / "scene.blend")
