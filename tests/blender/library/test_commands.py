# SPDX-License-Identifier: GPL-3.0-or-later
"""The nodes that do something to the computer: move and delete files, run programs, notify."""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from pathlib import Path
from urllib.parse import unquote

import bpy
import pytest

import background_nodes
from background_nodes.addon.consent.consent import ConsentError
from background_nodes.script import run_program

from ..graphs import new_tree, script
from .scenes import files_in, load, run, saved_picture
from .test_pipeline import library_node, touch

#: Starts a process that starts another one which leaves its family, then sleeps; both write their numbers down.
FAMILY = """
import os, pathlib, subprocess, sys, time
child = 'import os, pathlib, time; pathlib.Path("child").write_text(str(os.getpid())); time.sleep(600)'
middle = 'import subprocess, sys; subprocess.Popen([sys.executable, "-c", sys.argv[1]], start_new_session=True)'
subprocess.run([sys.executable, "-c", middle, child])
while not pathlib.Path("child").exists() or not pathlib.Path("child").read_text():
    time.sleep(0.01)
print("ready", flush=True)
time.sleep(600 if sys.argv[1] == "stay" else 0)
"""
python = sys.executable if not bpy.app.binary_path else "python3"


def is_there(process_id: int) -> bool:
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class TestRunCommand:
    def test_arguments_arrive_as_they_are_and_no_shell_reads_them(self, tmp_path):
        hard = ["a b", "$HOME", "`id`", "; rm -rf /", '"', "'", "*", "", "ä\n2", "{name}"]
        source = "import json, sys; print(json.dumps(sys.argv[1:]))"
        found = run("pipeline/run_command", python, ["-c", source, *hard])
        assert json.loads(found.text) == hard
        assert (found.file, found.exit_code) == (None, 0)

    def test_program_reads_a_file_and_writes_another_in_its_folder(self, tmp_path):
        touch(tmp_path, "in put.txt")
        source = "import os, pathlib, sys; pathlib.Path(sys.argv[2]).write_text(os.getcwd() + open(sys.argv[1]).read())"
        written = tmp_path / "to" / "out put.txt"
        found = run(
            "pipeline/run_command",
            python,
            ["-c", source, "{source}", "{output}"],
            source=tmp_path / "in put.txt",
            output=written,
            folder=tmp_path,
        )
        assert found.file == written
        assert written.read_text() == f"{tmp_path}in put.txt"
        assert files_in(tmp_path) == ["in put.txt", "to/out put.txt"]

    def test_exit_code_is_an_error_that_tells_what_the_program_said(self, tmp_path):
        source = "import sys; print('the texture is missing'); sys.exit(3)"
        with pytest.raises(ValueError, match=r"failed \(exit code 3\); it said:\nthe texture is missing"):
            run("pipeline/run_command", python, ["-c", source])
        assert run("pipeline/run_command", python, ["-c", source], fail=False).exit_code == 3

    def test_what_is_half_written_takes_the_place_of_nothing(self, tmp_path):
        touch(tmp_path, "out")
        source = "import sys, pathlib; pathlib.Path(sys.argv[1]).write_text('half'); sys.exit(1)"
        with pytest.raises(ValueError, match="exit code 1"):
            run("pipeline/run_command", python, ["-c", source, "{output}"], output=tmp_path / "out")
        assert (tmp_path / "out").read_text() == "out"
        with pytest.raises(ValueError, match="has not written new"):
            run("pipeline/run_command", python, ["-c", ""], output=tmp_path / "new")
        assert files_in(tmp_path) == ["out"]

    def test_bar_moves_with_what_the_program_prints(self, reports):
        source = r"print('frame 1 of 4\rframe 3 of 4', end='', flush=True)"
        run("pipeline/run_command", python, ["-c", source], progress_pattern=r"frame (\d+) of (\d+)")
        assert [reports.fractions[f"frame {each} of 4"] for each in (1, 3)] == [[0.25], [0.75]]
        run("pipeline/run_command", python, ["-c", "print('at 12.5 %')"])
        assert reports.fractions["12.5 %"] == [0.125]

    def test_program_that_takes_too_long_is_ended(self):
        with pytest.raises(ValueError, match=r"took longer than 0\.5 s and was ended; raise Time Limit"):
            run("pipeline/run_command", python, ["-c", "import time; time.sleep(600)"], time_limit=0.5)

    @pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="the system does not tell of children")
    @pytest.mark.parametrize("way", ["stay", "go"])
    def test_all_that_a_program_has_started_ends_with_it(self, tmp_path, way):
        """1. The program starts another one, that starts a third in a session of its own, and ends.

        2. It says that they are there, and either ends (go) or sleeps on (stay), until its listener raises.
        3. Nobody is left.
        """

        def hear(line: str) -> None:
            assert line == "ready"
            if way == "stay":
                raise KeyboardInterrupt

        with contextlib.suppress(KeyboardInterrupt):
            assert run_program([python, "-c", FAMILY, way], folder=tmp_path, on_line=hear) == 0
        assert not is_there(int((tmp_path / "child").read_text()))

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"program": "no-such-program-here"}, "There is no program no-such-program-here"),
            ({"program": " "}, "Program is empty"),
            ({"arguments": ["{source}"]}, "An argument has {source}, and Source is empty"),
            ({"folder": Path("/gone")}, "There is no folder /gone"),
            ({"source": Path("/gone")}, "There is no file /gone"),
            ({"progress_pattern": "("}, "Progress Pattern is no regular expression"),
            ({"progress_pattern": "%"}, "has no group"),
        ],
    )
    def test_what_cannot_be_run_is_a_clear_error(self, options, message):
        with pytest.raises(ValueError, match=re.escape(message)):
            run("pipeline/run_command", **{"program": python, **options})

    def test_command_of_a_tree_is_asked_for_then_runs_each_time(self, tmp_path, store):
        touch(tmp_path, "a.txt", "b.txt")
        tree = new_tree()
        files = library_node(tree, "pipeline/list_files", folder=str(tmp_path), pattern="*.txt")
        source = "import sys; print(open(sys.argv[1]).read().upper())"
        node = library_node(
            tree, "pipeline/run_command", program=python, arguments=["-c", source, "{source}"], source=files
        )
        script(tree, "Joined", "def main(texts: list[str]) -> str: return ' '.join(texts)", texts=node.outputs["Text"])
        with pytest.raises(ConsentError, match=r'its command "Run Command: .*python.*" is not allowed'):
            background_nodes.run(tree, workers=1)
        for is_first in (True, False):
            finished = background_nodes.run(tree, workers=1, allow_scripts=True)
            assert {name: task.error for name, task in finished.tasks.items() if task.error} == {}
            assert tree.nodes["Joined"].outputs[0].result == "A.TXT B.TXT"
            assert not finished.tasks[node.name].cached
            assert finished.tasks["Joined"].cached is not is_first, "what takes the same again is cached"


class TestMoveFile:
    def test_file_is_moved_with_what_is_in_it(self, tmp_path):
        touch(tmp_path, "a/wood.png")
        found = run("pipeline/move_file", tmp_path / "a" / "wood.png", f"{tmp_path}/to/new/")
        assert found == tmp_path / "to" / "new" / "wood.png"
        assert found.read_text() == "a/wood.png"
        assert files_in(tmp_path) == ["to/new/wood.png"]

    def test_another_file_in_its_place_is_left_alone(self, tmp_path):
        touch(tmp_path, "new", "old")
        with pytest.raises(ValueError, match="old is there already, and is not the same"):
            run("pipeline/move_file", tmp_path / "new", tmp_path / "old")
        assert (tmp_path / "old").read_text() == "old"
        assert run("pipeline/move_file", tmp_path / "new", tmp_path / "old", "Number") == tmp_path / "old_2"
        run("pipeline/move_file", tmp_path / "old_2", tmp_path / "old", "Replace")
        assert (tmp_path / "old").read_text() == "new"
        assert files_in(tmp_path) == ["old"]

    def test_same_content_takes_its_place(self, tmp_path):
        for name in ("one", "two"):
            (tmp_path / name).write_text("same")
        run("pipeline/move_file", tmp_path / "one", tmp_path / "two")
        assert files_in(tmp_path) == ["two"]

    def test_file_that_is_gone_is_an_error_that_tells_where_it_may_be(self, tmp_path):
        touch(tmp_path, "to/a")
        with pytest.raises(
            ValueError, match=r"There is no file .*a; .*to/a is there, so it may have been moved before"
        ):
            run("pipeline/move_file", tmp_path / "a", f"{tmp_path}/to/")

    def test_empty_file_and_target_of_a_link_are_moved_whole(self, tmp_path):
        (tmp_path / "empty").touch()
        touch(tmp_path, "there")
        (tmp_path / "link").symlink_to(tmp_path / "there")
        assert run("pipeline/move_file", tmp_path / "empty", tmp_path / "e").read_bytes() == b""
        assert run("pipeline/move_file", tmp_path / "link", tmp_path / "l").read_text() == "there"
        assert files_in(tmp_path) == ["e", "l", "there"]

    def test_to_another_disk_it_is_copied_before_it_goes(self, tmp_path, tiny_disk):
        touch(tmp_path, "a")
        run("pipeline/move_file", tmp_path / "a", tiny_disk / "to" / "a")
        assert ((tiny_disk / "to" / "a").read_text(), (tmp_path / "a").exists()) == ("a", False)
        (tmp_path / "large").write_bytes(bytes(3_000_000))
        with pytest.raises(OSError, match="space"):
            run("pipeline/move_file", tmp_path / "large", tiny_disk / "large")
        assert (tmp_path / "large").stat().st_size == 3_000_000
        assert files_in(tiny_disk) == ["to/a"]

    @pytest.mark.any_blender
    def test_move_is_never_taken_from_the_store(self, tmp_path, store):
        tree = new_tree()
        library_node(tree, "pipeline/move_file", source=str(tmp_path / "a"), destination=str(tmp_path / "b"))
        for _ in range(2):
            touch(tmp_path, "a")
            finished = background_nodes.run(tree, workers=1)
            assert finished.state == "succeeded"
            assert not (tmp_path / "a").exists(), "it was there again, so it was moved again"

    @pytest.mark.any_blender
    def test_items_that_would_get_one_name_keep_their_files_apart(self, tmp_path):
        touch(tmp_path, "a/wood.png", "b/wood.png")
        tree = new_tree()
        files = library_node(tree, "pipeline/list_files", folder=str(tmp_path), pattern="*.png", recursive=True)
        library_node(tree, "pipeline/move_file", source=files, destination=f"{tmp_path}/all/")
        finished = background_nodes.run(tree)
        assert {name: task.error for name, task in finished.tasks.items() if task.error} == {}
        found = {name: (tmp_path / name).read_text() for name in files_in(tmp_path)}
        assert found == {"all/wood.png": "a/wood.png", "all/wood_2.png": "b/wood.png"}


@pytest.mark.any_blender
@pytest.mark.parametrize("way", ["move", "delete"])
def test_file_that_the_open_file_uses_stays_where_it_is(tmp_path, way):
    image = saved_picture(tmp_path / "wall.png", (1, 0, 0, 1))
    tree = new_tree()
    if way == "move":
        node = library_node(tree, "pipeline/move_file", source=image.filepath, destination=f"{tmp_path}/to/")
    else:
        given = {"filepath": image.filepath, "within": str(tmp_path), "dry_run": False}
        node = library_node(tree, "pipeline/delete_file", way="For Good", **given)
    finished = background_nodes.run(tree, workers=1, allow_scripts=True)
    wanted = f"wall.png is an image that the open file uses, so it is not {way}d; choose another file"
    assert wanted in finished.tasks[node.name].error.message
    assert files_in(tmp_path) == ["wall.png"]


class TestDeleteFile:
    def test_nothing_goes_until_it_is_asked_for(self, tmp_path, capfd):
        touch(tmp_path, "a")
        assert run("pipeline/delete_file", tmp_path / "a", tmp_path) == (False, None)
        assert "Would delete" in capfd.readouterr().out
        assert run("pipeline/delete_file", tmp_path / "a", tmp_path, "For Good", dry_run=False) == (True, None)
        assert files_in(tmp_path) == []

    @pytest.mark.parametrize("path", ["outside", "in/../outside", "in/link/outside", "in/inner/../../outside"])
    def test_what_is_elsewhere_is_never_touched(self, tmp_path, path):
        touch(tmp_path, "outside", "in/inner/a")
        (tmp_path / "in" / "link").symlink_to(tmp_path)
        with pytest.raises(ValueError, match="nothing outside of it is deleted"):
            run("pipeline/delete_file", tmp_path / path, tmp_path / "in", "For Good", dry_run=False)
        assert files_in(tmp_path)[-1] == "outside"

    def test_link_goes_itself_and_not_what_it_leads_to(self, tmp_path):
        touch(tmp_path, "outside", "in/a")
        (tmp_path / "in" / "link").symlink_to(tmp_path / "outside")
        run("pipeline/delete_file", tmp_path / "in" / "link", tmp_path / "in", "For Good", dry_run=False)
        assert files_in(tmp_path) == ["in/a", "outside"]

    @pytest.mark.parametrize(
        ("path", "within", "message"),
        [
            ("in", "", "is a folder; only files are deleted"),
            ("a", "gone", "There is no folder"),
            ("gone", "in", "nothing outside of it is deleted"),
            ("in/gone", "in", "There is no file .*switch Allow Missing on"),
        ],
    )
    def test_what_cannot_be_deleted_is_a_clear_error(self, tmp_path, path, within, message):
        touch(tmp_path, "in/a")
        with pytest.raises(ValueError, match=message):
            run("pipeline/delete_file", tmp_path / path, tmp_path / within, dry_run=False, allow_missing=False)

    @pytest.mark.parametrize("within", ["/", str(Path.home())])
    def test_all_that_there_is_and_all_that_is_yours_are_no_folders_to_delete_from(self, within):
        with pytest.raises(ValueError, match="holds far more than what you want to delete from"):
            run("pipeline/delete_file", Path(within) / "gone", Path(within), dry_run=False)

    def test_file_that_is_gone_is_no_error_if_that_is_allowed(self, tmp_path):
        assert run("pipeline/delete_file", tmp_path / "gone", tmp_path, dry_run=False) == (False, None)

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the trash of Linux desktops")
    def test_trash_keeps_the_file_and_where_it_was(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        for content in ("first", "second"):
            touch(tmp_path, "in/ä b%.txt")
            (tmp_path / "in" / "ä b%.txt").write_text(content)
            assert run("pipeline/delete_file", tmp_path / "in" / "ä b%.txt", tmp_path / "in", dry_run=False).deleted
        trash = tmp_path / "data" / "Trash"
        assert [(trash / "files" / name).read_text() for name in ("ä b%.txt", "ä b%.2.txt")] == ["first", "second"]
        note = (trash / "info" / "ä b%.2.txt.trashinfo").read_text().splitlines()
        assert note[0] == "[Trash Info]"
        assert unquote(note[1].removeprefix("Path=")) == str(tmp_path / "in" / "ä b%.txt")
        assert re.fullmatch(r"DeletionDate=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", note[2])

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the trash of Linux desktops")
    def test_file_on_another_disk_goes_to_the_trash_of_that(self, tmp_path, tiny_disk, monkeypatch):
        monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
        touch(tiny_disk, "in/a")
        found = run("pipeline/delete_file", tiny_disk / "in" / "a", tiny_disk / "in", dry_run=False)
        assert found.trashed == tiny_disk / f".Trash-{os.getuid()}" / "files" / "a"
        assert "Path=in/a" in (tiny_disk / f".Trash-{os.getuid()}" / "info" / "a.trashinfo").read_text()

    def test_node_of_a_tree_is_asked_for(self, tmp_path):
        touch(tmp_path, "a")
        tree = new_tree()
        path = str(tmp_path / "a")
        library_node(tree, "pipeline/delete_file", filepath=path, within=str(tmp_path), way="For Good", dry_run=False)
        with pytest.raises(ConsentError, match=r'its command "Delete File: .*" is not allowed'):
            background_nodes.run(tree, workers=1)
        assert files_in(tmp_path) == ["a"]
        assert background_nodes.run(tree, workers=1, allow_scripts=True).state == "succeeded"
        assert files_in(tmp_path) == []


class TestNotify:
    @pytest.fixture
    def shown(self, tmp_path, monkeypatch):
        """A system with a notifier that notes what it is told."""
        program = tmp_path / "bin" / "notify-send"
        program.parent.mkdir()
        program.write_text(
            '#!/bin/sh\nfor each in "$@"; do printf "%s\\n" "$each"; done > "$NOTED"\nexit $NOTIFIER_CODE\n'
        )
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
        monkeypatch.setenv("NOTED", str(tmp_path / "noted"))
        monkeypatch.setenv("NOTIFIER_CODE", "0")
        return tmp_path / "noted"

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the notifier of Linux desktops")
    def test_system_is_told_and_reads_nothing_in_the_text(self, shown):
        assert run("pipeline/notify", "--help; $(id)", "24 icons", urgency="Low")
        assert shown.read_text().splitlines()[-4:] == ["--urgency=low", "--", "24 icons", "--help; $(id)"]

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the notifier of Linux desktops")
    def test_system_that_refuses_is_a_line_of_the_log_or_an_error_if_asked(self, shown, monkeypatch, capfd):
        monkeypatch.setenv("NOTIFIER_CODE", "1")
        assert run("pipeline/notify", "Done") is False
        assert "can't be shown: exit code 1. It says: Blender: Done" in capfd.readouterr().out
        with pytest.raises(ValueError, match="can't be shown: exit code 1"):
            run("pipeline/notify", "Done", fail=True)

    def test_system_without_notifications_is_told(self, monkeypatch, capfd):
        monkeypatch.setenv("PATH", "/nowhere")
        assert run("pipeline/notify", "Done") is False
        assert "there is no" in capfd.readouterr().out

    @pytest.mark.parametrize(("platform", "program"), [("darwin", "osascript"), ("win32", "powershell")])
    def test_texts_are_no_part_of_a_command_of_other_systems(self, platform, program, monkeypatch):
        monkeypatch.setattr(sys, "platform", platform)
        title, text = '"quoted"', "$(id)"
        command, environment = load("pipeline/notify").how(title, text, "low")
        assert command[0] == program
        read = " ".join(command[1:3])
        assert title not in read
        assert text not in read
        given = command[3:] if environment is None else [environment["NOTIFY_TITLE"], environment["NOTIFY_TEXT"]]
        assert given == [title, text]
