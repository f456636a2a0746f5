"""The command line as a pipeline sees it: a process of its own, its exit code and what it prints.

On a wheel that is `python -m background_nodes.cli`, in a real Blender `blender FILE --command background_nodes`.
"""

import hashlib
import json
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import bpy
import pytest

from background_nodes import cli
from background_nodes.addon.command_line import command
from background_nodes.addon.preferences import preferences
from background_nodes.addon.session.blender_host import store_folder
from background_nodes.addon.session.current import session
from background_nodes.node_tree.text_form.dumping import dump
from background_nodes.runtime.text_form.files import write_file

ROOT = Path(__file__).resolve().parents[2]
IS_WHEEL = not bpy.app.binary_path
TIMEOUT = 120


@dataclass(frozen=True)
class Ended:
    exit_code: int
    out: str
    err: str

    @property
    def report(self) -> dict:
        return json.loads(self.out)

    @property
    def report_after_blender_s_own_words(self) -> dict:
        """A real Blender opens the file before it calls the command, and complains on standard output."""
        return self.report if IS_WHEEL else json.loads(self.out[self.out.index("{\n") :])


@pytest.fixture
def start(tmp_path_factory):
    """Starts the command on a file, whose scripts it allows."""
    environment = dict(os.environ)
    if IS_WHEEL:
        folder = tmp_path_factory.mktemp("package")
        (folder / "background_nodes").symlink_to(ROOT, target_is_directory=True)
        environment["PYTHONPATH"] = str(folder)

    def start(
        command: str, file: Path | str, *arguments: str, allow_scripts: bool = True, **options
    ) -> subprocess.Popen:
        if command in ("run", "plan") and allow_scripts:
            arguments = ("--allow-scripts", *arguments)
        if IS_WHEEL:
            argv = [sys.executable, "-m", "background_nodes.cli", command, str(file), *arguments]
        else:
            argv = [bpy.app.binary_path, str(file), "--command", "background_nodes", command, *arguments]
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": Path(file).parent} | options
        options["env"] = environment | options.get("env", {})
        return subprocess.Popen(argv, stdin=subprocess.DEVNULL, **options)

    return start


@pytest.fixture
def run_cli(start):
    """Runs the command to its end."""

    def run_cli(command: str, file: Path | str, *arguments: str, **options) -> Ended:
        with start(command, file, *arguments, **options) as process:
            out, err = process.communicate(timeout=TIMEOUT)
        return Ended(process.returncode, out.decode(), err.decode("utf-8", "replace"))

    return run_cli


@pytest.fixture
def here(good_file, monkeypatch, capfd):
    """Carries the command out in this process, on the open file, as a Blender does that was started for it."""
    monkeypatch.setattr(session, "close", lambda: None)  # the next test uses it, too
    monkeypatch.chdir(good_file.parent)

    def here(*arguments: str) -> Ended:
        capfd.readouterr()
        try:
            exit_code = cli.command([*arguments, "--allow-scripts"])
        except SystemExit as end:
            exit_code = end.code
        return Ended(exit_code, *capfd.readouterr())

    return here


# Files to run


def new_tree(name: str = "Tree"):
    tree = bpy.data.node_groups.new(name, "BackgroundNodeTree")
    tree.use_fake_user = True
    return tree


def script(tree, name: str, source: str, **links):
    node = tree.nodes.new("BackgroundNodeScript")
    node.name = name
    text = bpy.data.texts.new(f"{name}.py")
    text.from_string(source)
    node.script = text
    for identifier, other in links.items():
        tree.links.new(other.outputs[0], next(item for item in node.inputs if item.identifier == identifier))
    return node


def save(path: Path) -> Path:
    bpy.ops.wm.save_as_mainfile(filepath=str(path), copy=True)
    return path


DOUBLE = "def main(value: int = 3) -> int:\n    print('doubling')\n    return 2 * value\n"
FAIL = "def main(value: int) -> int:\n    limit = 5\n    raise ValueError(f'{value} is over {limit}')\n"
LIST = "def main() -> list[int]:\n    return [1, 2, 3]\n"


@pytest.fixture
def good_file(awkward_path) -> Path:
    """Double, then double again."""
    tree = new_tree()
    first = script(tree, "First", DOUBLE)
    script(tree, "Second", DOUBLE, value=first)
    return save(awkward_path / "a good 'file' ü.blend")


def link_from_library(file: Path) -> None:
    """Let a file link a mesh from library.blend beside it."""
    library = str(file.with_name("library.blend"))
    bpy.data.libraries.write(library, {bpy.data.meshes.new("Linked")}, fake_user=True)
    bpy.ops.wm.open_mainfile(filepath=str(file), load_ui=False, use_scripts=False)
    with bpy.data.libraries.load(library, link=True, relative=True) as (_names, wanted):
        wanted.meshes = ["Linked"]
    wanted.meshes[0].use_fake_user = True
    bpy.context.scene["user"] = wanted.meshes[0]
    bpy.ops.wm.save_mainfile()


@pytest.fixture
def unchanged():
    """Tells whether a file is what it was."""

    def state(path: Path) -> tuple:
        return path.stat().st_mtime_ns, hashlib.sha256(path.read_bytes()).digest(), sorted(path.parent.iterdir())

    return state


# What came of a run


@pytest.mark.any_blender
def test_the_next_process_finds_what_was_kept(run_cli, good_file):
    first = run_cli("run", good_file, "--json").report["tasks"]
    assert [(task["cached"], task["reasons"]) for task in first.values()] == [(False, ["never ran"])] * 2
    second = run_cli("run", good_file, "--json").report
    assert all(task["cached"] and not task["reasons"] for task in second["tasks"].values())
    assert second["results"]["Second"]["result"]["value"] == 12
    changed = run_cli("run", good_file, "--json", "--set", "First.value=4").report
    assert changed["tasks"]["First"]["reasons"] == ['"Value" 3 → 4']
    assert changed["results"]["Second"]["result"]["value"] == 16
    again = run_cli("run", good_file, "--json", "--set", "First.value=4", "--force").report
    assert [task["gave_the_same"] for task in again["tasks"].values()] == [True, True]
    assert "gave the same as before" in run_cli("run", good_file, "--force", "--set", "First.value=4").out


@pytest.mark.any_blender
def test_a_plan_tells_what_a_run_would_do_and_touches_nothing(run_cli, good_file, unchanged):
    before = unchanged(good_file)
    told = run_cli("plan", good_file, "--json").report
    assert [(name, task["state"], task["reasons"]) for name, task in told["tasks"].items()] == [
        ("First", "runs", ["never ran"]),
        ("Second", "runs", ["never ran"]),
    ]
    assert (told["num_run"], told["seconds"]) == (2, None)
    run_cli("run", good_file)
    assert run_cli("plan", good_file, "--json").report["num_cached"] == 2
    ended = run_cli("plan", good_file, "--set", "First.value=4")
    assert ended.exit_code == 0
    assert '"Tree": 1 of 2 nodes would run, about ' in ended.out
    assert '  First   runs: "Value" 3 → 4, ' in ended.out
    assert "  Second  cached unless it gets something new from First\n" in ended.out
    assert unchanged(good_file) == before


@pytest.mark.any_blender
def test_a_plan_of_what_may_not_run_is_refused(run_cli, good_file):
    ended = run_cli("plan", good_file, "--json", allow_scripts=False)
    assert (ended.exit_code, ended.report["state"]) == (2, "invalid")
    assert "--allow-scripts" in ended.report["problems"][0]["fix"]


@pytest.mark.any_blender
def test_nothing_is_taken_from_the_store_or_kept_if_that_is_not_wanted(run_cli, good_file, tmp_path):
    for arguments in (["--no-cache"], ["--store", str(tmp_path / "other")], ["--force"], ["--no-cache"]):
        tasks = run_cli("run", good_file, "--json", *arguments).report["tasks"]
        assert not any(task["cached"] for task in tasks.values()), arguments
    assert (tmp_path / "other").exists()
    assert "cached" in run_cli("run", good_file).out


def test_run_that_succeeds_reports_it_all_as_json_and_touches_nothing(run_cli, good_file, unchanged):
    before = unchanged(good_file)
    ended = run_cli("run", good_file, "--json", "--set", "First.value=5")
    assert (ended.exit_code, unchanged(good_file)) == (0, before), ended.err
    report = ended.report
    assert (report["state"], report["exit_code"], report["tree"]) == ("succeeded", 0, "Tree")
    assert Path(report["file"]).samefile(good_file)
    assert {name: task["state"] for name, task in report["tasks"].items()} == {
        "First": "succeeded",
        "Second": "succeeded",
    }
    assert report["tasks"]["First"]["log"] == "doubling\n"
    assert report["tasks"]["First"]["progress"] == 1.0
    assert 0.0 <= report["tasks"]["First"]["seconds"] < report["seconds"]
    assert report["results"] == {"Second": {"result": {"label": "Result", "type": "int", "value": 20}}}
    assert (report["problems"], report["notes"], report["output"], report["error"]) == ([], [], None, "")


@pytest.mark.any_blender
def test_run_without_json_is_told_in_words(run_cli, good_file):
    ended = run_cli("run", good_file)
    assert ended.exit_code == 0, ended.err
    assert ended.out.startswith('"Tree" succeeded after ')
    assert "Second.result = 12\n" in ended.out
    lines = [line.partition(",")[0] for line in ended.err.splitlines()]
    assert [line for line in lines if line.startswith(("First", "Second"))] == [
        "First: running",
        "First: succeeded",
        "Second: running",
        "Second: succeeded",
    ]


@pytest.mark.any_blender
def test_until_runs_only_what_the_node_needs(run_cli, good_file):
    report = run_cli("run", good_file, "--json", "--until", "First").report
    assert list(report["tasks"]) == ["First"]
    assert report["results"]["First"]["result"]["value"] == 6


@pytest.mark.any_blender
def test_failed_node_is_told_with_its_line_and_the_others_go_on(run_cli, tmp_path):
    tree = new_tree()
    fail = script(tree, "Fail", FAIL, value=script(tree, "Start", DOUBLE))
    script(tree, "After", DOUBLE, value=fail)
    script(tree, "Beside", DOUBLE)
    ended = run_cli("run", save(tmp_path / "fails.blend"), "--json")
    assert ended.exit_code == 1
    report = ended.report
    states = {name: task["state"] for name, task in report["tasks"].items()}
    assert states == {"Start": "succeeded", "Fail": "failed", "After": "skipped", "Beside": "succeeded"}
    error = report["tasks"]["Fail"]["error"]
    assert (error["message"], error["line"]) == ("ValueError: 6 is over 5", 3)
    assert "line 3, in main" in error["traceback"]
    assert (report["state"], list(report["results"])) == ("failed", ["Beside"])
    assert 'node "Fail" failed: ValueError: 6 is over 5' in ended.err


@pytest.mark.any_blender
def test_result_of_an_earlier_run_is_not_taken_for_this_one_s(run_cli, tmp_path):
    tree = new_tree()
    node = script(tree, "Fail", FAIL)
    node.inputs[0].default_value = 6
    node.outputs[0].set_result(99)
    assert run_cli("run", save(tmp_path / "old.blend"), "--json").report["results"] == {}


@pytest.mark.any_blender
def test_mapped_node_tells_which_items_failed(run_cli, tmp_path):
    tree = new_tree()
    script(tree, "Map", "def main(value: int) -> int:\n    return 6 // (value - 2)\n", value=script(tree, "List", LIST))
    ended = run_cli("run", save(tmp_path / "mapped.blend"), "--json")
    items = ended.report["tasks"]["Map"]["items"]
    assert ended.exit_code == 1
    assert (items["total"], [item["index"] for item in items["not_succeeded"]]) == (3, [1])
    assert "ZeroDivisionError" in items["not_succeeded"][0]["error"]["message"]


@pytest.mark.any_blender
def test_run_over_its_time_fails(run_cli, tmp_path):
    script(new_tree(), "Endless", "def main() -> int:\n    while True:\n        pass\n")
    ended = run_cli("run", save(tmp_path / "endless.blend"), "--json", "--timeout", "5")
    assert ended.exit_code == 1
    assert ended.report["tasks"]["Endless"]["state"] == "timed_out"


# --output


def test_output_holds_the_results_and_relative_paths_that_still_lead_there(run_cli, awkward_path, unchanged):
    make = "import bpy\n\ndef main() -> bpy.types.Mesh:\n    return bpy.data.meshes.new('Made')\n"
    script(new_tree(), "Make", make)
    image = bpy.data.images.new("Image", 4, 4)
    image.filepath_raw, image.file_format = str(awkward_path / "image.png"), "PNG"
    image.save()
    image.source = "FILE"
    image.use_fake_user = True
    image.filepath = "//image.png"
    file = save(awkward_path / "in.blend")
    folder = awkward_path / "deeper"
    folder.mkdir()
    before = unchanged(file)
    ended = run_cli("run", file, "--json", "--output", str(folder / "out é.blend"))
    assert ended.exit_code == 0, ended.err
    assert unchanged(file) == before
    assert [path.name for path in folder.iterdir()] == ["out é.blend"]
    assert ended.report["output"] == str(folder / "out é.blend")
    assert ended.report["results"]["Make"]["result"]["value"] == {"kind": "Mesh", "name": "Made"}
    bpy.ops.wm.open_mainfile(filepath=str(folder / "out é.blend"), load_ui=False, use_scripts=False)
    assert bpy.data.node_groups["Tree"].nodes["Make"].outputs[0].result == bpy.data.meshes["Made"]
    assert Path(bpy.path.abspath(bpy.data.images["Image"].filepath)).samefile(awkward_path / "image.png")


@pytest.mark.any_blender
def test_output_that_is_there_already_is_replaced(run_cli, good_file):
    output = good_file.with_name("out.blend")
    output.write_text("old")
    assert run_cli("run", good_file, "--output", output.name).exit_code == 0
    bpy.ops.wm.open_mainfile(filepath=str(output), load_ui=False, use_scripts=False)
    assert bpy.data.node_groups["Tree"].nodes["Second"].outputs[0].result == 12


# What reads the report


@pytest.mark.wheel_only
def test_json_is_alone_on_standard_output_whatever_blender_prints(start, good_file):
    complaint = {"OCIO": str(good_file.with_name("no such.ocio"))}  # Blender tells of it while it starts
    with start("run", good_file, "--json", env=complaint) as process:
        out, err = process.communicate(timeout=TIMEOUT)
    assert json.loads(out)["state"] == "succeeded"
    assert b"OpenColorIO" in err


@pytest.mark.any_blender
@pytest.mark.parametrize("command", ["run", "list"])
def test_report_file_holds_the_json_and_nothing_else(run_cli, good_file, command):
    path = good_file.with_name("report ü.json")
    path.write_text("old")
    ended = run_cli(command, good_file, "--report", path.name)
    assert ended.exit_code == 0, ended.err
    assert json.loads(path.read_text(encoding="utf-8"))["version"] == 2
    assert "First" in ended.out
    assert not ended.out.startswith("{")
    assert sorted(path.parent.iterdir()) == [good_file, path]


@pytest.mark.any_blender
def test_report_file_tells_why_a_node_failed(run_cli, tmp_path):
    script(new_tree(), "Fail", FAIL.replace("value: int", "value: int = 9"))
    ended = run_cli("run", save(tmp_path / "fail.blend"), "--report", "report.json")
    report = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert (ended.exit_code, report["exit_code"], report["state"]) == (1, 1, "failed")


ESCAPES = "\x1b[31m[red]\x9b2J\u202e\r"


@pytest.mark.any_blender
def test_what_names_and_errors_tell_a_terminal_is_harmless(run_cli, tmp_path):
    tree = new_tree(f"Tree{ESCAPES}")
    fail = script(tree, "Fail", f"def main() -> int:\n    raise ValueError({ESCAPES + chr(10) + 'more'!r})\n")
    fail.name = f"Fail{ESCAPES}\nTree: succeeded"
    talk = script(tree, "Talk", f"def main() -> str:\n    return {ESCAPES!r}\n")
    talk.label = ESCAPES
    file = save(tmp_path / "escapes.blend")
    told = [run_cli("run", file), run_cli("list", file), run_cli("run", file, "--until", "nobody" + ESCAPES)]
    assert [ended.exit_code for ended in told] == [1, 0, 2]
    for ended in told:
        shown = ended.out + ended.err
        assert "[red]" in shown
        assert not [character for character in shown if not character.isprintable() and character != "\n"]
        assert "\nTree: succeeded" not in shown


# Consent


def test_script_of_the_file_that_nobody_allowed_does_not_run(run_cli, good_file, unchanged):
    before = unchanged(good_file)
    ended = run_cli("run", good_file, "--json", allow_scripts=False)
    report = ended.report_after_blender_s_own_words
    assert (ended.exit_code, report["state"], report["tasks"], unchanged(good_file)) == (2, "invalid", {}, before)
    assert [problem["node"] for problem in report["problems"]] == ["First", "Second"]
    assert "--allow-scripts" in report["problems"][0]["fix"]


@pytest.mark.blender_only
def test_blender_that_runs_the_scripts_of_the_file_runs_those_of_its_nodes(good_file):
    argv = [bpy.app.binary_path, "-y", str(good_file), "--command", "background_nodes", "run"]
    ended = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False)
    assert ended.returncode == 0, ended.stderr


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--tree", "Tre"], '--tree Tre: there is no such background node tree. Did you mean "Tree"?'),
        (["--until", "Secnd"], '--until Secnd: there is no node "Secnd". Did you mean "Second"?'),
        (["--output", "nowhere/out.blend"], "no file can be written to"),
        (["--output", "out.txt"], "the name does not end in .blend. Call it out.txt.blend."),
        (["--output", "a good 'file' ü.blend"], "that is the file itself, which is never written"),
        (["--workers", "0"], "argument --workers: '0' is no whole number from 1"),
        (["--output", "hard link.blend"], "that is the file itself, which is never written"),
        (["--output", "library.blend"], "library.blend is a library that the open file uses. Give another name."),
        (["--report", "a good 'file' ü.blend"], "that is the file itself, which is never written"),
        (["--report", "./out.blend", "--output", "out.blend"], "that is the file of --output, too. Give another name."),
        (["--report", "nowhere/report.json"], "no file can be written to"),
        (["--timeout", "soon"], "argument --timeout: 'soon' is no number of seconds above 0"),
    ],
)
def test_bad_option_is_refused_before_anything_runs(here, good_file, unchanged, arguments, message):
    link_from_library(good_file)
    os.link(good_file, good_file.with_name("hard link.blend"))
    before = unchanged(good_file)
    ended = here("run", *arguments)
    assert (ended.exit_code, ended.out, unchanged(good_file)) == (2, "", before)
    assert message in ended.err
    assert "running" not in ended.err


@pytest.mark.parametrize("arguments", [["--workers", "0"], ["--until", "Secnd"]])
def test_bad_option_ends_the_process(run_cli, good_file, arguments):
    assert run_cli("run", good_file, *arguments).exit_code == 2


@pytest.mark.any_blender
def test_everything_that_is_wrong_with_the_settings_is_told_at_once(run_cli, good_file):
    settings = [
        f"--set={text}" for text in ("First.value=x", "First.valu=1", "Fist.value=1", "Second.value=1", "First")
    ]
    ended = run_cli("run", good_file, "--json", *settings)
    assert ended.exit_code == 2
    report = ended.report
    assert (report["state"], report["tasks"]) == ("invalid", {})
    assert [(problem["message"], problem["fix"]) for problem in report["problems"]] == [
        ('"x" is no whole number', "Give a whole number, such as 3"),
        ('"First" has no input "valu"', 'Did you mean "value"?'),
        ('there is no node "Fist"', 'Did you mean "First"?'),
        ("the socket is linked, so its own value is not used", 'Set "First", which it is linked to, or unlink it'),
        ("there is no = in it", "Write it as NODE.SOCKET=VALUE"),
    ]


@pytest.mark.any_blender
def test_every_problem_of_the_graph_is_told_with_node_socket_and_fix(run_cli, tmp_path):
    tree = new_tree()
    script(tree, "Lonely", "def main(value: int) -> int:\n    return value\n")
    script(tree, "Broken", "def main(:\n")
    ended = run_cli("run", save(tmp_path / "problems.blend"), "--json")
    assert ended.exit_code == 2
    problems = {problem["node"]: problem for problem in ended.report["problems"]}
    assert list(problems) == ["Lonely", "Broken"]
    assert (problems["Lonely"]["socket"], problems["Lonely"]["fix"]) == ("Value", "Link an int or set one")
    assert problems["Broken"]["line"] == 1
    assert 'node "Lonely", socket "Value": nothing is linked' in ended.err


@pytest.mark.any_blender
def test_file_with_several_trees_wants_a_name(run_cli, tmp_path):
    for name in ("One", "Two"):
        script(new_tree(name), "Node", DOUBLE)
    file = save(tmp_path / "two.blend")
    ended = run_cli("run", file)
    assert ended.exit_code == 2
    assert 'Choose one with --tree: "One", "Two".' in ended.err
    assert run_cli("run", file, "--tree", "Two").exit_code == 0


@pytest.mark.any_blender
def test_file_without_a_tree_is_refused(run_cli, tmp_path):
    ended = run_cli("run", save(tmp_path / "empty.blend"))
    assert (ended.exit_code, ended.out) == (2, "")
    assert "the file has no background node tree" in ended.err


@pytest.mark.any_blender
def test_missing_file_is_refused(run_cli, tmp_path):
    ended = run_cli("run", tmp_path / "missing.blend", "--json")
    assert (ended.exit_code, ended.report_after_blender_s_own_words["state"]) == (2, "invalid")
    assert "there is no such file" in ended.err or "Blender has no file open" in ended.err


@pytest.mark.any_blender
def test_file_that_is_no_blend_file_is_refused(run_cli, tmp_path):
    file = tmp_path / "corrupt.blend"
    file.write_bytes(b"BLENDER" + bytes(100))
    ended = run_cli("run", file, "--json")
    assert (ended.exit_code, ended.report_after_blender_s_own_words["state"]) == (2, "invalid")


@pytest.mark.parametrize("arguments", [["--store", "none"], []])
def test_store_is_told_of_without_a_file(tmp_path, monkeypatch, arguments):
    """Without Blender: tests/unit/test_store_command.py."""
    way_in = ["-m", "background_nodes.cli"] if IS_WHEEL else ["--command", "background_nodes"]
    (tmp_path / "background_nodes").symlink_to(ROOT, target_is_directory=True)
    argv = [sys.executable if IS_WHEEL else bpy.app.binary_path, *way_in, "store", "info", "--json", *arguments]
    monkeypatch.delenv("BACKGROUND_NODES_STORE")
    environment = os.environ | ({"PYTHONPATH": str(tmp_path)} if IS_WHEEL else {})
    ended = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, timeout=TIMEOUT)
    assert ended.returncode == 0, ended.stderr.decode()
    folder = tmp_path / "none" if arguments else store_folder(preferences.settings())
    assert json.loads(ended.stdout)["folder"] == str(folder)
    assert not (tmp_path / "none").exists()


# Ctrl-C


def wait_for_worker(server: socket.socket) -> tuple[socket.socket, int]:
    connection, _ = server.accept()
    connection.settimeout(TIMEOUT)
    return connection, int(connection.recv(32))


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_interrupted_run_ends_its_workers_and_writes_nothing(start, tmp_path, number, exit_code):
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT)
        # It says that it is there, and waits for an answer that never comes.
        source = (
            "import os, socket\n\ndef main() -> int:\n"
            f"    with socket.create_connection({server.getsockname()!r}) as connection:\n"
            "        connection.sendall(str(os.getpid()).encode())\n"
            "        return len(connection.recv(1))\n"
        )
        script(new_tree(), "Waits", source)
        file = save(tmp_path / "waits.blend")
        with start("run", file, "--json", "--output", "out.blend") as process:
            connection, worker = wait_for_worker(server)
            process.send_signal(number)
            out, err = process.communicate(timeout=TIMEOUT)
            with connection:
                assert connection.recv(1) == b""  # the worker's end is closed
    assert process.returncode == exit_code, err.decode()
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    report = json.loads(out)
    assert (report["state"], report["error"], report["output"]) == ("cancelled", "interrupted", None)
    assert report["tasks"]["Waits"]["state"] == "cancelled"
    assert list(tmp_path.iterdir()) == [file]
    assert b"Interrupted" in err


# What is shown


@pytest.mark.any_blender
def test_list_shows_trees_nodes_and_what_can_be_set(run_cli, good_file):
    ended = run_cli("list", good_file)
    assert ended.exit_code == 0
    assert "    First.value  int  3\n" in ended.out
    assert "    Second.value  int  (linked)\n" in ended.out
    trees = json.loads(run_cli("list", good_file, "--json").out)["trees"]
    assert trees["Tree"]["First"]["sockets"]["value"]["value"] == 3


@pytest.mark.any_blender
def test_list_shows_inputs_as_the_script_calls_them_now(run_cli, good_file):
    bpy.data.texts["First.py"].from_string(DOUBLE.replace("value", "number"))
    assert "    First.number  int  3\n" in run_cli("list", save(good_file)).out


def test_help_tells_options_exit_codes_and_examples(run_cli, good_file):
    ended = run_cli("run", good_file, "--help")
    assert ended.exit_code == 0
    for text in ("--set NODE.SOCKET=VALUE", "exit codes:", "examples:"):
        assert text in ended.out


@pytest.mark.wheel_only
@pytest.mark.skipif(os.name != "posix", reason="terminals of POSIX")
def test_terminal_shows_a_bar_for_each_node(start, good_file):
    pytest.importorskip("rich")
    master, terminal = os.openpty()
    with start("run", good_file, "--json", stderr=terminal) as process:
        os.close(terminal)
        shown = b""
        while chunk := read_terminal(master):
            shown += chunk
        out, _ = process.communicate(timeout=TIMEOUT)
    os.close(master)
    assert process.returncode == 0
    assert json.loads(out)["state"] == "succeeded"
    last = shown.decode().rpartition("Run")[0]
    assert "First" in last
    assert "100%" in last


def read_terminal(master: int) -> bytes:
    try:
        return os.read(master, 65536)
    except OSError:  # nobody writes to it any more
        return b""


# Trees as text


@pytest.fixture
def text_folder(awkward_path) -> Path:
    """A tree as text that gives an object and a path, and a scene that has the object."""
    cube = bpy.data.objects.new("My Cube", bpy.data.meshes.new("My Cube"))
    bpy.context.scene.collection.objects.link(cube)
    tree = new_tree("Named")
    source = (
        "import bpy\nfrom pathlib import Path\n"
        "def main(found: bpy.types.Object, beside: Path, size: float = 0.1) -> str:\n"
        "    return f'{found.name} {beside.read_text()} {size}'\n"
    )
    node = script(tree, "Tell", source)
    node.inputs[0].default_value, node.inputs[1].default_value = cube, "//data/beside.txt"
    (awkward_path / "data").mkdir()
    (awkward_path / "data" / "beside.txt").write_text("beside")
    write_file(awkward_path / "named.json", dump(tree), scripts_beside=True)
    alone = new_tree("Alone")
    script(alone, "Second", DOUBLE, value=script(alone, "First", DOUBLE))
    write_file(awkward_path / "alone.json", dump(alone))
    bpy.data.batch_remove([tree, alone, *bpy.data.texts])
    new_tree("Of the Scene")
    save(awkward_path / "scene.blend")
    return awkward_path


@pytest.fixture
def run_text(run_cli, text_folder):
    """Runs the command on a tree as text, with the data-blocks of a scene if one is given."""

    def run_text(command: str, tree: str, *arguments: str, scene: str = "", **options) -> Ended:
        if IS_WHEEL:
            arguments = ("--open", scene, *arguments) if scene else arguments
            return run_cli(command, tree, *arguments, cwd=text_folder, **options)
        return run_cli(command, scene or "--background", "--text", tree, *arguments, cwd=text_folder, **options)

    return run_text


def test_tree_as_text_runs_as_that_of_a_blend_file_does(run_text, text_folder, unchanged):
    before = unchanged(text_folder / "alone.json")
    ended = run_text("run", "alone.json", "--json", "--set", "First.value=5")
    report = ended.report_after_blender_s_own_words
    assert (ended.exit_code, report["tree"]) == (0, "Alone"), ended.err
    assert Path(report["file"]).samefile(text_folder / "alone.json")
    assert report["results"]["Second"]["result"]["value"] == 20
    assert unchanged(text_folder / "alone.json") == before


@pytest.mark.any_blender
def test_tree_as_text_takes_the_data_blocks_of_a_scene_and_its_own_paths(run_text, text_folder):
    ended = run_text("run", "named.json", "--json", "--output", "out.blend", scene="scene.blend")
    report = ended.report_after_blender_s_own_words
    assert ended.exit_code == 0, ended.err
    assert report["results"]["Tell"]["result"]["value"] == "My Cube beside 0.1"
    bpy.ops.wm.open_mainfile(filepath=str(text_folder / "out.blend"), load_ui=False, use_scripts=False)
    assert sorted(tree.name for tree in bpy.data.node_groups) == ["Named", "Of the Scene"]


@pytest.fixture
def carry_out(text_folder, monkeypatch):
    """Carries the command out in this process, as on the module."""
    monkeypatch.setattr(session, "close", lambda: None)  # the next test uses it, too
    monkeypatch.chdir(text_folder)

    def carry_out(*arguments: str) -> dict:
        options = cli._parser("background-nodes", has_file=True).parse_args([*arguments, "--json"])
        exit_code, text = command.carry_out(options, cli.Interruption())
        return json.loads(text) | {"exit_code": exit_code}

    return carry_out


@pytest.mark.any_blender
def test_double_slash_of_an_option_is_the_folder_of_the_text(carry_out, text_folder):
    (text_folder / "other.txt").write_text("other")
    arguments = ("--allow-scripts", "--set", "Tell.beside=//other.txt")
    assert list(carry_out("list", "named.json", "--open", "scene.blend")["trees"]) == ["Named"]
    report = carry_out("run", "named.json", "--open", "scene.blend", *arguments)
    assert report["results"]["Tell"]["result"]["value"] == "My Cube other 0.1"


@pytest.mark.any_blender
def test_data_block_that_a_tree_as_text_lacks_is_said(carry_out):
    report = carry_out("run", "named.json")
    (problem,) = report["problems"]
    assert report["exit_code"] == 2
    assert (problem["node"], problem["socket"]) == ("Tell", "Found")
    assert 'has no Object "My Cube"' in problem["message"]
    assert "--open" in problem["fix"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["broken.json"], "it is no JSON"),
        (["missing.json"], "there is no file"),
        (["foreign.json"], "the type ShaderNodeTexImage is unknown"),
        (["alone.json", "--tree", "Other"], "there is no such background node tree"),
        (["alone.json", "--report", "alone.json"], "that is the file itself"),
        (["broken.json", "--report", "broken.json"], "that is the file itself"),
        (["alone.json", "--open", "missing.blend"], "there is no such file"),
        (["scene.blend", "--open", "scene.blend"], "only a tree as text"),
    ],
)
@pytest.mark.any_blender
def test_tree_as_text_that_can_not_run_is_said(carry_out, text_folder, arguments, said):
    (text_folder / "broken.json").write_text("{")
    foreign = (text_folder / "alone.json").read_text().replace("BackgroundNodeScript", "ShaderNodeTexImage", 1)
    (text_folder / "foreign.json").write_text(foreign)
    before = {file: file.read_bytes() for file in text_folder.glob("*.json")}
    report = carry_out("run", *arguments)
    assert report["exit_code"] == 2
    assert said in report["problems"][0]["message"]
    assert report["problems"][0]["fix"]
    assert {file: file.read_bytes() for file in text_folder.glob("*.json")} == before


@pytest.mark.any_blender
def test_scripts_of_a_tree_as_text_are_asked_for(run_text):
    ended = run_text("run", "alone.json", "--json", allow_scripts=False)
    report = ended.report_after_blender_s_own_words
    assert (ended.exit_code, report["state"]) == (2, "invalid")
    assert "alone.json" in report["problems"][0]["message"]
    assert "--allow-scripts" in report["problems"][0]["fix"]


# Engines


@pytest.mark.any_blender
@pytest.mark.parametrize(
    ("engine", "words"),
    [("nowhere://host", 'there is no engine "nowhere"'), ("pool://host", "is this machine, and has no address")],
)
def test_engine_that_can_not_be_used_is_bad_input(run_cli, good_file, engine, words):
    ended = run_cli("run", good_file, "--engine", engine, "--json")
    assert ended.exit_code == 2
    (problem,) = ended.report_after_blender_s_own_words["problems"]
    assert problem["where"] == f"--engine {engine}"
    assert words in problem["message"]
    assert problem["fix"]
