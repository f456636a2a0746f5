# SPDX-License-Identifier: GPL-3.0-or-later
"""`background-nodes store` as a pipeline sees it, in a Python without Blender."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

ROOT = Path(__file__).resolve().parents[2]
KEYS = ["a" * 64, "b" * 64]


@pytest.fixture
def store(awkward_path: Path):
    """A store with two results, the first of which is needed."""
    store = Store(awkward_path / "store", Limits(min_free=0))
    for key in KEYS:
        store.keep(key, {"value": "x" * 1000})
    store.lease("tree", KEYS[:1])
    yield store
    store.close()


@pytest.fixture
def run_cli(store: Store, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    (tmp_path / "background_nodes").symlink_to(ROOT, target_is_directory=True)
    (tmp_path / "bpy.py").write_text("raise ImportError('there is no Blender here')")
    own = store.folder.path.parent

    def run_cli(*arguments: str, folder: str | None = own.name) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "background_nodes.cli", "store", *arguments]
        command += [] if folder is None else ["--store", folder]
        environment = os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONUTF8": "1"}
        return subprocess.run(command, cwd=own.parent, env=environment, capture_output=True, encoding="utf-8")

    return run_cli


def test_info_is_shown_to_people_and_programs(run_cli, store):
    shown = run_cli("info")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"{store.folder.path.parent}: 2 KB of 20.0 GB; results: 2, needed now: 1; free" in shown.stdout
    report = json.loads(run_cli("info", "--json", "--max-size", "1.5").stdout)
    assert (report["version"], report["exit_code"], report["num_records"], report["num_needed"]) == (1, 0, 2, 1)
    assert report["folder"] == str(store.folder.path.parent)
    assert report["max_size"] == 1.5 * 1024**3


def test_prune_keeps_the_limits_and_leaves_what_is_needed(run_cli, store):
    assert json.loads(run_cli("prune", "--json").stdout)["num_records"] == 0
    assert run_cli("prune", "--max-size", "0").stdout == "results removed: 1, 1 KB\n"
    assert [store.find(key) is not None for key in KEYS] == [True, False]


def test_clear_removes_everything_or_what_is_unused(run_cli, store):
    assert json.loads(run_cli("clear", "--unused", "--json").stdout)["num_records"] == 1
    assert json.loads(run_cli("clear", "--json").stdout)["num_records"] == 1
    assert [store.find(key) for key in KEYS] == [None, None]


def test_verify_fails_once_where_something_is_damaged(run_cli, store):
    record = Path(store.folder.file("records", KEYS[1]))
    record.write_bytes(record.read_bytes()[:-1])
    ended = run_cli("verify", "--json")
    assert ended.returncode == 1
    report = json.loads(ended.stdout)
    assert (report["exit_code"], report["num_records"], report["num_damaged"], len(report["notes"])) == (1, 2, 1, 1)
    assert ended.stderr == f"{report['notes'][0]}\n"
    assert run_cli("verify").returncode == 0


def test_store_that_can_not_be_read_fails_and_says_why(run_cli, store):
    folder = store.folder.path.parent
    folder.rename(folder.with_name("elsewhere"))
    folder.write_text("")
    ended = run_cli("info", "--json")
    assert ended.returncode == 1
    assert "can't be read" in ended.stderr
    assert json.loads(ended.stdout)["exit_code"] == 1
    folder.unlink()
    folder.with_name("elsewhere").rename(folder)


def test_store_that_is_not_there_is_empty_and_said_so(run_cli, store):
    store.folder.path.parent.rename(store.folder.path.parent.with_name("elsewhere"))
    for action in ("info", "verify", "prune", "clear"):
        ended = run_cli(action)
        assert (ended.returncode, ended.stderr) == (0, f"Nothing is kept in {store.folder.path.parent} yet\n"), action
    assert not store.folder.path.parent.exists()


def test_usual_folder_is_the_one_of_the_runs(run_cli, store, monkeypatch):
    monkeypatch.setenv("BACKGROUND_NODES_STORE", str(store.folder.path.parent))
    report = json.loads(run_cli("info", "--json", folder=None).stdout)
    assert (report["folder"], report["num_records"]) == (str(store.folder.path.parent), 2)


@pytest.mark.parametrize(
    "arguments",
    [["none"], [], ["prune", "--max-size", "-1"], ["prune", "--min-free", "inf"], ["prune", "--unused"]],
)
def test_options_that_are_wrong_are_refused(run_cli, arguments):
    ended = run_cli(*arguments)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "usage:" in ended.stderr


def test_every_option_is_on_its_page():
    from background_nodes.cli import _parser

    (commands,) = [action for action in _parser("x", has_file=True)._actions if action.dest == "command"]
    section = (ROOT / "docs" / "automation.md").read_text(encoding="utf-8").partition("### What is kept")[2]
    options = re.findall(r"--[a-z-]+", commands.choices["store"].format_help())
    assert len(options) > 1
    for option in options:
        assert f"`{option}" in section.partition("###")[0] or option == "--help", option
