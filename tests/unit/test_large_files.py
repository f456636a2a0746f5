# SPDX-License-Identifier: GPL-3.0-or-later
"""Large files among the inputs of tasks: their content counts, and the foreground reads none of them."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import pytest

from background_nodes.runtime.engine.active_run import ActiveRun
from background_nodes.runtime.engine.forecast import Outlook
from background_nodes.runtime.engine.forecaster import Forecaster
from background_nodes.runtime.keys import files
from background_nodes.runtime.keys.files import MAX_QUICK
from background_nodes.runtime.planning.plan import Argument, Plan
from background_nodes.runtime.planning.sources import Constant
from background_nodes.runtime.scheduling.states import RunState
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import SocketType

from .plan_text import parse_plan
from .test_forecaster import foresee
from .test_run_cache import Stage

PATHS = SocketType("PATH", is_list=True)
LARGE = 3 * 1024**2


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.close()


class Reads:
    """Bytes that were read in the foreground, and how many files elsewhere."""

    def __init__(self) -> None:
        self.here = 0
        self.num_elsewhere = 0

    def note(self, size: int) -> None:
        if threading.current_thread() is threading.main_thread():
            self.here += size
        else:
            self.num_elsewhere += 1


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    found, read = Reads(), files._digest_of

    def noted(file: BinaryIO, size: int, is_wanted: Callable[[], bool]) -> str:
        found.note(size)
        return read(file, size, is_wanted)

    monkeypatch.setattr(files, "_digest_of", noted)
    return found


def taking(*paths: Path) -> Plan:
    """A plan of one task, which takes these files."""
    plan = parse_plan("a")
    given = Argument(Parameter("files", "Files", PATHS), (Constant(tuple(map(str, paths)), PATHS),))
    return dataclasses.replace(plan, tasks=(dataclasses.replace(plan.tasks[0], arguments=(given,)),))


def is_cached(run: ActiveRun) -> bool:
    return run.scheduler.tasks["a"].is_cached


def several(folder: Path, size: int, number: int = 3) -> list[Path]:
    paths = [folder / f"{index}.obj" for index in range(number)]
    for path in paths:
        path.write_bytes(bytes(size))
    return paths


def test_files_count_by_content_and_are_read_elsewhere(stage: Stage, tmp_path: Path, reads: Reads) -> None:
    paths = several(tmp_path, LARGE)
    assert not is_cached(stage.run(taking(*paths)))
    assert is_cached(stage.run(taking(*paths)))
    paths[1].write_bytes(b"1" * LARGE)
    assert not is_cached(stage.run(taking(*paths)))
    assert reads.here == 0
    assert reads.num_elsewhere >= len(paths)


def test_folder_is_read_elsewhere(stage: Stage, tmp_path: Path, reads: Reads) -> None:
    folder = tmp_path / "textures"
    folder.mkdir()
    several(folder, 2000, number=500)
    assert not is_cached(stage.run(taking(folder)))
    assert is_cached(stage.run(taking(folder)))
    (folder / "7.obj").write_bytes(b"1" * 2000)
    assert not is_cached(stage.run(taking(folder)))
    assert reads.here <= 4 * 2 * MAX_QUICK, "of each look and each check after a run"


def test_forecast_waits_until_files_are_read_elsewhere(stage: Stage, tmp_path: Path, reads: Reads) -> None:
    paths = several(tmp_path, LARGE)
    assert foresee(stage, taking(*paths)).tasks["A"].state is Outlook.RUNS
    stage.run(taking(*paths))
    assert foresee(stage, taking(*paths)).tasks["A"].state is Outlook.CACHED
    paths[2].write_bytes(b"1" * LARGE)
    forecast = foresee(stage, taking(*paths)).tasks["A"]
    assert (forecast.state, forecast.reasons) == (Outlook.RUNS, ('file "2.obj" changed',))
    assert reads.here == 0


def test_files_that_are_known_are_not_read_again(
    stage: Stage, tmp_path: Path, reads: Reads, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = several(tmp_path, LARGE)
    now = files.time.time_ns
    monkeypatch.setattr(files.time, "time_ns", lambda: now() + 10 * files._TICK)  # they are old
    stage.run(taking(*paths))
    foresee(stage, taking(*paths))
    assert is_cached(stage.run(taking(*paths)))
    assert reads.num_elsewhere == len(paths)


def test_result_is_not_kept_if_a_file_changed_while_its_task_ran(stage: Stage, tmp_path: Path, reads: Reads) -> None:
    (path,) = several(tmp_path, LARGE, number=1)
    run = stage.runner.start(taking(path), {}, 2, use_cache=True)
    while not stage.engine.waiting():
        stage.runner.update()
    path.write_bytes(b"1" * LARGE)
    stage.engine.succeed("a")
    while stage.runner.is_active or stage.runner.is_keeping_house:
        stage.runner.update()
    assert run.state is RunState.SUCCEEDED
    path.write_bytes(bytes(LARGE))
    assert not is_cached(stage.run(taking(path))), "it is as it was when it was looked for"
    path.write_bytes(b"1" * LARGE)
    assert not is_cached(stage.run(taking(path))), "it is as it was when the task ended"
    assert reads.here == 0


def test_file_that_can_t_be_read_holds_no_run(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = several(tmp_path, LARGE, number=1)
    monkeypatch.setattr(files, "_digest_of", lambda _file, _size, _is_wanted: "")  # as if it changed
    for _ in range(2):
        run = stage.run(taking(path))
        assert [str(reason) for reason in run.cache.reasons["a", 0]] == [f"can't be cached: {path} is being written"]


class SlowReading:
    """Reading a file goes on until the test lets it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.has_begun, self.may_go_on, self.has_ended = (threading.Event() for _ in range(3))
        self.was_wanted: list[bool] = []
        monkeypatch.setattr(files, "_digest_of", self._read)

    def _read(self, _file: BinaryIO, _size: int, is_wanted: Callable[[], bool]) -> str:
        self.has_begun.set()
        self.may_go_on.wait(60.0)
        self.was_wanted.append(is_wanted())
        self.has_ended.set()
        return "digest"


def test_reading_ends_when_the_run_is_cancelled(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = SlowReading(monkeypatch)
    run = stage.runner.start(taking(*several(tmp_path, LARGE)), {}, 2, use_cache=True)
    stage.runner.update()
    assert reading.has_begun.wait(60.0)
    stage.runner.cancel(run)
    assert run.state is RunState.CANCELLED
    reading.may_go_on.set()
    assert reading.has_ended.wait(60.0)
    assert reading.was_wanted == [False]


def test_reading_ends_when_the_forecast_is_closed(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading = SlowReading(monkeypatch)
    forecaster = Forecaster(taking(*several(tmp_path, LARGE)), stage.cache, stage.runner.scratch, {}, (), 2)
    assert not forecaster.update()
    assert reading.has_begun.wait(60.0)
    forecaster.close()
    reading.may_go_on.set()
    assert reading.has_ended.wait(60.0)
    assert reading.was_wanted == [False]


def test_reading_goes_on_while_the_run_waits(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reading = SlowReading(monkeypatch)
    stage.runner.start(taking(*several(tmp_path, LARGE)), {}, 2, use_cache=True)
    stage.runner.update()
    assert reading.has_begun.wait(60.0)
    assert stage.engine.waiting() == []
    reading.may_go_on.set()
    while not stage.engine.waiting():
        stage.runner.update(30.0)
    assert all(reading.was_wanted)
