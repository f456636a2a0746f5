"""Every kind of data-block, both ways: what a worker gets is what was sent, and what comes home is what it gave.

The cases are in data_block_cases/. Each goes on five roads, all in real workers:

    open     sent alone, so that the worker opens its blob; brought home beside the original
    append   sent with the others, so that the worker appends it from theirs; brought home into an empty file
    passed   the same, and on to a second task, which gets what the first one gave
    made     made in the worker; brought home into an empty file
    changed  sent as what an object uses; the script changes one property of it; the object is brought home beside all
             originals, and must use the changed one
"""

from __future__ import annotations

import json
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy
import pytest

from background_nodes.runtime.blender import data_block_kinds, snapshot
from background_nodes.runtime.blender.homecoming import Homecoming
from background_nodes.runtime.blender.snapshot import Snapshot
from background_nodes.runtime.planning.plan import Argument, Delivery, Plan, PlannedTask, TaskOutput
from background_nodes.runtime.planning.sources import Constant, FromTask
from background_nodes.runtime.scratch import value_files
from background_nodes.runtime.script.signature import Parameter, ScriptSource
from background_nodes.runtime.script.socket_types import LiveRef, SocketType, StoredRef

from . import data_block_cases
from .content import differences, dump, reference
from .data_block_cases import Case
from .data_block_cases.exceptions import EXCEPTIONS, Loss, losses

CASES = data_block_cases.all_cases()
ROADS = ("open", "append", "passed", "made", "changed")
#: The road that has most of the others in it: there, on, and back.
ROAD_OF_ALL = "passed"
#: Seconds after which a run that must end is a failed test.
PATIENCE = 500.0

_HERE = Path(__file__).parent
_HEAD = """
import json
from pathlib import Path
from typing import NamedTuple

import bpy
import content
import data_block_cases


class Output(NamedTuple):
    seen: str
    data: bpy.types.ID

"""
_LOOK = """
def main(data):
    return Output(json.dumps(content.dump(data)), data)
"""
_PASS = """
def main(data):
    return Output("", data)
"""
_MAKE = """
def main(name, folder):
    data_block_cases.use_folder(Path(folder))
    data = data_block_cases.all_cases()[name].make()
    bpy.context.view_layer.update()
    return Output(json.dumps(content.dump(data)), data)
"""


_CHANGE = """
import zlib
from data_block_cases import changes


def main(holder, name):
    item = holder["used"]
    # Pixels have tests of their own: those of some images can't be saved.
    found = [change for change in changes.of(item, content.is_compared) if change.name != "pixels"]
    first = zlib.crc32(name.encode()) % len(found)
    before = content.dump(holder)
    for change in found[first:] + found[:first]:
        try:
            change.make(item)
        except changes.ERRORS:
            continue
        after = content.dump(holder)
        if after != before:
            print(change.label)
            return Output(json.dumps(after), holder)
    return Output("null", holder)
"""


def data_collections() -> list[bpy.types.Property]:
    return [prop for prop in bpy.types.BlendData.bl_rna.properties if prop.type == "COLLECTION"]


@dataclass
class Journey:
    """The dumps of a case on one road, and which names were taken when it came home."""

    sent: dict[str, Any] | None = None
    seen: dict[str, Any] | None = None
    home: dict[str, Any] | None = None
    taken: set[str] = field(default_factory=set)
    error: str = ""


# The runs


def task(name: str, text: str, *arguments: Argument) -> PlannedTask:
    outputs = (TaskOutput("seen", "Seen", SocketType("STRING")), TaskOutput("data", "Data", SocketType("ID")))
    return PlannedTask(name, name, ScriptSource(_HEAD + text, f"{name}.py", str(_HERE)), arguments, outputs)


def constant(name: str, value: object, kind: str) -> Argument:
    return Argument(Parameter(name, name, SocketType(kind)), (Constant(value, SocketType(kind)),))


def given(task_id: str) -> Argument:
    return Argument(Parameter("data", "Data", SocketType("ID")), (FromTask(task_id, "data", SocketType("ID")),))


def home_of(task_id: str) -> Delivery:
    return Delivery(task_id, "data", (FromTask(task_id, "data", SocketType("ID")),))


class Roads:
    """Sends cases on roads, in one run each."""

    def __init__(self, runner: Any, folder: Path, names: list[str], roads: set[str]) -> None:
        self._runner = runner
        self._folder = folder
        self._names = names
        self._roads = roads
        self.journeys = {road: {name: Journey() for name in names} for road in ROADS}
        self._originals: dict[str, bpy.types.ID] = {}

    def travel(self) -> None:
        data_block_cases.use_folder(self._folder)
        sent = {name: found for name in self._names if (found := self._make(CASES[name])) is not None}
        self._originals = sent
        bpy.context.view_layer.update()
        for name, data_block in sent.items():
            dumped = dump(data_block)
            for road in ("open", "append", "passed"):
                self.journeys[road][name].sent = dumped
        live = {
            name: LiveRef(data_block_kinds.kind_of(item), item.name, item.session_uid) for name, item in sent.items()
        }
        together = snapshot.take([[ref] for ref in live.values()], self._runner.scratch)
        alone = {name: snapshot.take([[ref]], self._runner.scratch) for name, ref in live.items()}
        starts = {
            "open": lambda: self._start(live, {ref: alone[name].stored[ref] for name, ref in live.items()}, [_LOOK]),
            "append": lambda: self._start(live, together.stored, [_LOOK]),
            "passed": lambda: self._start(live, together.stored, [_PASS, _LOOK]),
            "made": self._start_made,
            "changed": lambda: self._start_changed(sent),
        }
        runs = {road: start() for road, start in starts.items() if road in self._roads}
        self._wait(runs.values())
        for name in live if "open" in runs else ():
            self._bring("open", runs["open"], [name], Homecoming(alone[name]), self._taken())
        if "changed" in runs:
            self._bring("changed", runs["changed"], list(live), Homecoming(self._held), self._taken())
        for road in [road for road in ("append", "passed", "made") if road in runs]:
            bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
            for scene in bpy.data.scenes:
                scene.name = "Before"
            self._bring(road, runs[road], self._names, Homecoming(Snapshot(self._runner.scratch.folder)), set())
            self._note_shared_names(road)

    def _make(self, case: Case) -> bpy.types.ID | None:
        try:
            return case.make()
        except Exception as error:  # noqa: BLE001 (the test of that case tells it)
            for road in ("open", "append", "passed"):
                self.journeys[road][case.name].error = f"it could not be made: {error!r}"
            return None

    def _start(self, live: dict[str, LiveRef], stored: dict[LiveRef, StoredRef], texts: list[str]) -> Any:
        tasks = []
        for name, ref in live.items():
            argument = constant("data", ref, "ID")
            for step, text in enumerate(texts):
                last = step == len(texts) - 1
                tasks.append(task(name if last else f"{name} {step}", text, argument))
                argument = given(tasks[-1].id)
        return self._runner.start(Plan("test", tuple(tasks), tuple(map(home_of, live))), stored, 2)

    def _start_made(self) -> Any:
        folder = constant("folder", str(self._folder), "STRING")
        tasks = (task(name, _MAKE, constant("name", name, "STRING"), folder) for name in self._names)
        return self._runner.start(Plan("test", tuple(tasks), tuple(map(home_of, self._names))), {}, 2)

    def _holder(self, name: str, used: bpy.types.ID) -> LiveRef:
        holder = bpy.data.objects.new(f"Holder of {name}", None)
        holder["used"] = used
        self.journeys["changed"][name].sent = dump(holder)
        return LiveRef("Object", holder.name, holder.session_uid)

    def _start_changed(self, sent: dict[str, bpy.types.ID]) -> Any:
        # 4.2 crashes where all of a scene is read that no window shows; scenes count as changed anyway.
        items = {name: item for name, item in sent.items() if not isinstance(item, bpy.types.Scene)}
        holders = {name: self._holder(name, item) for name, item in items.items() if item.library is None}
        self._held = snapshot.take([[ref] for ref in holders.values()], self._runner.scratch)
        tasks = tuple(
            task(name, _CHANGE, constant("holder", ref, "ID"), constant("name", name, "STRING"))
            for name, ref in holders.items()
        )
        return self._runner.start(Plan("test", tasks, tuple(map(home_of, holders))), self._held.stored, 2)

    def _wait(self, runs: Any) -> None:
        deadline = time.monotonic() + PATIENCE
        while not all(run.state.is_final for run in runs):
            assert time.monotonic() < deadline, "the runs did not end"
            self._runner.update(0.1)

    def _bring(self, road: str, run: Any, names: list[str], home: Homecoming, taken: set[str]) -> None:
        refs = {}
        for name in names:
            journey, record = self.journeys[road][name], run.scheduler.tasks.get(name)
            if record is None:
                continue
            values = run.results.item(name, 0)
            if values is None:
                journey.error = f"{record.state}: {record.error.message if record.error else ''}"
                continue
            journey.seen = json.loads(value_files.loaded(values["seen"], self._runner.scratch.folder).content)
            journey.taken = taken
            refs[name] = next(values["data"].refs())
        found = home.bring(refs.values())
        for name, ref in refs.items():
            if ref in found:
                self.journeys[road][name].home = dump(found[ref])

    def _note_shared_names(self, road: str) -> None:
        """Note names that several cases use: when all come home at once, only one data-block can keep its name."""
        journeys = self.journeys[road].values()
        names = Counter(name for journey in journeys if journey.seen for name in journey.seen["blocks"])
        shared = {name for name, count in names.items() if count > 1}
        for journey in journeys:
            journey.taken = shared

    def _taken(self) -> set[str]:
        """The references of all that is in the open file."""
        collections = (getattr(bpy.data, prop.identifier) for prop in data_collections())
        return {reference(item) for collection in collections for item in collection}


@pytest.fixture(scope="module")
def journeys(request, registered_extension, tmp_path_factory):
    """The journeys of the cases and roads whose tests were selected: `-k mesh` takes a few seconds."""
    from background_nodes.runtime.engine.runner import Runner
    from background_nodes.runtime.pool.launcher import Launcher
    from background_nodes.runtime.pool.pool import Pool
    from background_nodes.runtime.scratch.scratch import Scratch

    items = [item for item in request.session.items if item.module is request.module and hasattr(item, "callspec")]
    params = [item.callspec.params for item in items if "road" in item.callspec.params]
    names = list(dict.fromkeys(found["name"] for found in params))
    bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True)
    scratch = Scratch(tmp_path_factory.mktemp("store"))
    runner = Runner(Pool(Launcher.for_blender(bpy.app.binary_path), scratch, 2), scratch)
    roads = Roads(runner, tmp_path_factory.mktemp("cases"), names, {found["road"] for found in params})
    try:
        roads.travel()
    finally:
        runner.close()
    return roads.journeys


# The table


def test_every_kind_has_a_case_or_is_an_exception():
    collections = {prop.identifier: prop.fixed_type.identifier for prop in data_collections()}
    with_case = {case.kind for case in CASES.values()}
    missing = {name for name, kind in collections.items() if kind not in with_case and name not in EXCEPTIONS}
    assert not missing, "add cases, or exceptions with their evidence"


def test_every_kind_that_can_be_carried_has_a_case():
    wanted = {kind for kind, collection in data_block_kinds.collections().items() if collection not in EXCEPTIONS}
    assert wanted <= {case.kind for case in CASES.values()}


@pytest.mark.parametrize("name", CASES)
def test_case_makes_what_it_says(name):
    assert data_block_kinds.kind_of(CASES[name].make()) == CASES[name].kind


# The roads


def compare(first, second, expected: list[Loss]) -> dict[str, str]:
    found, renamed = differences(first, second)
    unexpected = [line for line in found if not any(loss.matches(line) for loss in expected)]
    assert not unexpected, "\n".join(unexpected[:30])
    return renamed


@pytest.mark.parametrize(
    "road",
    [
        ROAD_OF_ALL,
        *(
            pytest.param(road, marks=pytest.mark.oldest_and_newest)
            for road in ROADS
            if road not in (ROAD_OF_ALL, "changed")
        ),
    ],
)
@pytest.mark.parametrize("name", CASES)
def test_data_block_arrives_and_comes_home_as_it_is(journeys, name, road):
    journey = journeys[road][name]
    assert not journey.error
    if journey.sent is not None:
        assert not compare(journey.sent, journey.seen, losses(name, road, "there")), "names are exact in the worker"
    assert journey.home is not None, "it did not come home"
    renamed = compare(journey.seen, journey.home, losses(name, road, "home"))
    for there, here in renamed.items():
        assert there in journey.taken, f"{there} is {here} now, and its name was free"
        assert here not in journey.taken, f"{there} became {here}, which is another one"


@pytest.mark.oldest_and_newest
@pytest.mark.parametrize("road", ["changed"])
@pytest.mark.parametrize("name", CASES)
def test_change_of_what_a_result_uses_comes_home(journeys, name, road):
    journey = journeys[road][name]
    assert not journey.error
    if journey.sent is None:
        pytest.skip("it is of another file, or a scene")
    if name == "annotation" and (4, 5) <= bpy.app.version[:2] < (5, 0):
        pytest.skip("4.5 appends an annotation that only a custom property holds as a Grease Pencil")
    assert journey.seen is not None, "the script found nothing to change"
    assert differences(journey.sent, journey.seen)[0], "the change makes no difference"
    assert journey.home is not None, "it did not come home"
    compare(journey.seen, journey.home, losses(name, road, "home"))
