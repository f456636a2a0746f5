"""An engine on real background Blenders, and tasks that are a few lines of script each."""

import ast
import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

#: Seconds after which a wait for something that must come is a failed test.
PATIENCE = 200.0


@dataclass
class Outcome:
    """How a task of `Engine.run` ended."""

    state: str
    value: object
    message: str
    traceback: str
    line: int | None
    log: str
    text: str
    progress: float
    attempts: int


def as_script(body: str) -> str:
    """A script whose `main` is `body`, unless `body` has a `main` of its own. `body` returns what is JSON."""
    body = textwrap.dedent(body).strip("\n")
    if re.search(r"^def main\(", body, re.MULTILINE):
        return body
    return "def main():\n" + textwrap.indent(body, "    ")


def planned(body: str, name: str = "task", *, folder: Path | None = None, **settings):
    """A task that runs `body` and has one output, `result`, of any kind."""
    from background_nodes.runtime.planning import plan
    from background_nodes.runtime.planning.graph import NodeSettings
    from background_nodes.runtime.script.signature import ScriptSource
    from background_nodes.runtime.script.socket_types import SocketType

    filename = f"{name}.py" if folder is None else str(folder / f"{name}.py")
    source = ScriptSource(as_script(body), filename, "" if folder is None else str(folder))
    output = plan.TaskOutput("result", "Result", SocketType("ANY"))
    settings = NodeSettings(**{"retries": 0, **settings})
    return plan.PlannedTask(name, name, source, outputs=(output,), settings=settings)


class Engine:
    """A runner with its pool and scratch folder."""

    def __init__(self, launcher, scratch, capacity: int) -> None:
        from background_nodes.runtime.engine.runner import Runner
        from background_nodes.runtime.pool.pool import Pool

        self.pool = Pool(launcher, scratch, capacity)
        self.runner = Runner(self.pool, scratch)
        self.scratch = scratch
        self.capacity = capacity

    def start(self, *tasks, listener=None):
        from background_nodes.runtime.planning.plan import Plan

        return self.runner.start(Plan("test", tasks), {}, self.capacity, listener=listener)

    def wait(self, run, until: Callable[[], object] = lambda: False):
        """Carry a run on to its end, or until something is so."""
        deadline = time.monotonic() + PATIENCE
        while not run.state.is_final and not until():
            assert time.monotonic() < deadline, f"nothing came: {[t.story for t in run.scheduler.tasks.values()]}"
            self.runner.update(0.1)
        return run

    def run(self, body: str, name: str = "task", **options) -> Outcome:
        """Run one script to its end."""
        run = self.wait(self.start(planned(body, name, **options)))
        return self.outcome(run, name)

    def outcome(self, run, name: str = "task") -> Outcome:
        from background_nodes.runtime.scratch import value_files
        from background_nodes.runtime.scratch.logs import read_log

        record = run.scheduler.tasks[name]
        values = run.results.item(name, 0) or {}
        error = record.error
        log = run.log_file(name, 0)
        return Outcome(
            str(record.state),
            value_files.loaded(values["result"], self.scratch.folder).content if "result" in values else None,
            error.message if error else "",
            error.traceback if error else "",
            error.line if error else None,
            read_log(log) if log else "",
            record.text,
            record.items[0].progress,
            record.items[0].attempt,
        )

    def settle(self) -> None:
        """Wait until no worker is busy with becoming clean or with its end."""
        deadline = time.monotonic() + PATIENCE
        while any(worker.state.name != "IDLE" for worker in self.pool._workers):
            assert time.monotonic() < deadline
            self.runner.update(0.1)

    def close(self) -> None:
        self.runner.close()


@pytest.fixture(scope="session")
def launcher():
    """What starts the workers of this Blender."""
    # As on an artist's machine: not every crash is preceded by a flush.
    os.environ.pop("PYTHONUNBUFFERED", None)
    import bpy

    from background_nodes.runtime.pool.launcher import Launcher

    return Launcher.for_blender(bpy.app.binary_path)


@pytest.fixture(scope="session")
def warm(launcher, tmp_path_factory):
    """One engine with one worker for all tests that don't need their own, so each test gets a used worker."""
    from background_nodes.runtime.scratch.scratch import Scratch

    engine = Engine(launcher, Scratch(tmp_path_factory.mktemp("store")), 1)
    yield engine
    engine.close()


@pytest.fixture
def make_engine(launcher, tmp_path):
    """Makes new engines: `make_engine(capacity=2, idle_seconds=0.1)`, `make_engine(command=(...))`."""
    from background_nodes.runtime.scratch.scratch import Scratch

    engines = []

    def make(capacity: int = 1, command: tuple[str, ...] | None = None, devices=None, places=None, **limits) -> Engine:
        chosen = replace(launcher, limits=replace(launcher.limits, **limits))
        if places is not None:
            chosen = replace(chosen, places=places)
        if devices is not None:
            chosen = replace(chosen, devices=devices)
        if command is not None:
            chosen = replace(chosen, command=command)
        engines.append(Engine(chosen, Scratch(tmp_path / "stores"), capacity))
        return engines[-1]

    yield make
    for engine in engines:
        engine.close()


@dataclass
class Process:
    """A process seen from outside: alive until it has ended, be it reaped or not."""

    pid: int
    _started: str = field(init=False)

    def __post_init__(self) -> None:
        self._started = self._stat()[1]

    def _stat(self) -> tuple[str, str]:
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return "X", ""
        return fields[0], fields[19]

    @property
    def is_alive(self) -> bool:
        state, started = self._stat()
        return state not in "XZ" and started == self._started


def files_of(process: int | str) -> set[tuple[str, str]]:
    """The files that a process has open: the number and what it stands for.

    As what an earlier test left may still be closed meanwhile, ask what is there that was not, rather than how many.
    """
    found = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # the folder itself, which was open while it was listed
            found.add((entry.name, str(entry.readlink())))
    return found


def threads_of_this_process() -> set[int]:
    """What the system calls the threads of this process, those that Python does not know of included."""
    return {int(entry.name) for entry in Path("/proc/self/task").iterdir()}


def wait_until(condition: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Wait until a condition holds; return whether it does in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


_FOREGROUND = """
import sys
sys.path.insert(0, {bootstrap!r})
import bootstrap
bootstrap.alias_package()
sys.path.insert(0, {here!r})
from pathlib import Path
from conftest import Engine, planned
from background_nodes.runtime.engine.workers import WorkerLimits
from background_nodes.runtime.pool.launcher import Launcher
from background_nodes.runtime.scratch.scratch import Scratch
launcher = Launcher({command!r})
parent = Path({parent!r})
"""


@pytest.fixture
def start_foreground(launcher, tmp_path):
    """Starts another foreground: `start_foreground("engine = ...")`, a Python program with `launcher` and `parent`."""
    from background_nodes.runtime.pool.launcher import BOOTSTRAP

    parent = tmp_path / "foreground"
    parent.mkdir()
    processes = []

    def start(body: str, *, environment: dict[str, str] | None = None, **options) -> subprocess.Popen[str]:
        values = {"bootstrap": str(BOOTSTRAP.parent), "here": str(Path(__file__).parent)}
        preamble = _FOREGROUND.format(command=launcher.command, parent=str(parent), **values)
        program = tmp_path / f"foreground_{len(processes)}.py"
        program.write_text(preamble + textwrap.dedent(body), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, str(program)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | (environment or {}),
            **options,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def literal(line: str) -> object:
    """The value that another process printed with `print(repr(...))`."""
    return ast.literal_eval(line)
