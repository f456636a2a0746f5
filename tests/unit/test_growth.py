# SPDX-License-Identifier: GPL-3.0-or-later
"""Nothing costs more than in proportion to the number of nodes, links, items, results, logs or kept files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import pytest

from background_nodes.runtime.engine import going_runs, own_files, run_files
from background_nodes.runtime.engine.cache import Cache
from background_nodes.runtime.engine.own_files import Owner, TaskContext
from background_nodes.runtime.engine.results import Results
from background_nodes.runtime.engine.runner import Runner
from background_nodes.runtime.keys.key import Environment
from background_nodes.runtime.planning.compiler import compile_graph
from background_nodes.runtime.planning.plan import Argument, Plan, PlannedTask
from background_nodes.runtime.planning.sources import Constant
from background_nodes.runtime.presets.library import PresetLibrary
from background_nodes.runtime.scheduling.events import (
    CancelRequested,
    Instruction,
    RunStarted,
    StartTask,
    TaskError,
    TaskFailed,
    TaskProgressed,
    TaskStarted,
    TaskSucceeded,
)
from background_nodes.runtime.scheduling.scheduler import Scheduler
from background_nodes.runtime.scratch.scratch import Scratch
from background_nodes.runtime.scratch.typed_values import TypedValue
from background_nodes.runtime.script.signature import Parameter
from background_nodes.runtime.script.socket_types import SocketType, StoredRef
from background_nodes.runtime.store import upkeep
from background_nodes.runtime.store.limits import Limits
from background_nodes.runtime.store.store import Store

from .fake_engine import FakeEngine
from .graph_text import graph
from .growth import LINEAR, growth
from .plan_text import FLOAT, of_meshes, parse_plan
from .preset_files import blend_file, said

Work = Callable[[], object]


@pytest.fixture
def scratch(tmp_path: Path) -> Iterator[Scratch]:
    made = Scratch(tmp_path / "scratch")
    yield made
    made.close()


def test_what_is_quadratic_is_seen() -> None:
    def make(number: int) -> Work:
        names = [str(index) for index in range(number)]
        return lambda: [name for name in names if sum(name == other for other in names) > 1]

    assert growth(make, 20) > 4 * LINEAR


# The scheduler


def chain(number: int) -> Plan:
    return parse_plan("a0\n" + "\n".join(f"a{index}: a{index - 1}" for index in range(1, number)))


def fan(number: int) -> Plan:
    """One task that many take, and one that takes what all of these give."""
    names = [f"a{index}" for index in range(number)]
    return parse_plan("first\n" + "\n".join(f"{name}: first" for name in names) + f"\nlast: {' '.join(names)}")


def items(number: int) -> Plan:
    return parse_plan(f"a: *{number}\nb: *a\nlast: b")


def whole(number: int) -> Plan:
    return parse_plan(f"a: *{number}\nb: *{number} a")


def element(number: int) -> Plan:
    return parse_plan(f"a: *{number}\nb: *a\nc: *b *a")


def carry_out(plan: Plan, *, fails: bool = False, failing: int = -1) -> Work:
    """All items fail if it `fails`, else only the one of this number."""
    scheduler = Scheduler(plan, num_workers=8)

    def told(order: Instruction, time: float) -> list[Instruction]:
        if not isinstance(order, StartTask):
            return []
        where = time, order.task, order.item, order.attempt
        orders = scheduler.handle(TaskStarted(*where)) + scheduler.handle(TaskProgressed(*where, 0.5, "Half"))
        if fails or order.item == failing:
            return orders + scheduler.handle(TaskFailed(*where, TaskError("no luck")))
        return orders + scheduler.handle(TaskSucceeded(*where, lengths={}))

    def run() -> None:
        orders, time = scheduler.handle(RunStarted(0.0)), 0.0
        while orders:
            time += 1.0
            orders = [new for order in orders for new in told(order, time)]
        assert scheduler.state.is_final

    return run


@pytest.mark.parametrize(("shape", "fails"), [(chain, False), (fan, False), (items, False), (fan, True), (items, True)])
def test_run(shape: Callable[[int], Plan], fails: bool) -> None:
    assert growth(lambda number: carry_out(shape(number), fails=fails)) < LINEAR


@pytest.mark.parametrize("shape", [whole, element])
def test_what_takes_an_item_that_failed_is_skipped(shape: Callable[[int], Plan]) -> None:
    """The last one: who looks for what is missing has looked at all others before."""
    assert growth(lambda number: carry_out(shape(number), failing=number - 1)) < LINEAR


def test_cancelling() -> None:
    def make(number: int) -> Work:
        scheduler = Scheduler(items(number), num_workers=8)
        scheduler.handle(RunStarted(0.0))
        return lambda: scheduler.handle(CancelRequested(1.0, None))

    assert growth(make) < LINEAR


# Planning


def wide(number: int) -> tuple[str, str]:
    """Pairs of nodes side by side."""
    pairs = range(number)
    nodes = " ; ".join(f"a{index}: -> x:FLOAT ; b{index}: v:FLOAT -> y:FLOAT" for index in pairs)
    return nodes, " ; ".join(f"a{index}.x > b{index}.v" for index in pairs)


def together(number: int) -> tuple[str, str]:
    """Many links into one list."""
    nodes = " ; ".join(f"a{index}: -> x:FLOAT" for index in range(number))
    return f"{nodes} ; last: v:[FLOAT] -> y:FLOAT", " ; ".join(f"a{index}.x > last.v" for index in range(number))


def in_row(number: int) -> tuple[str, str]:
    nodes = " ; ".join(f"a{index}: v:FLOAT=1.0 -> x:FLOAT" for index in range(number))
    return nodes, " ; ".join(f"a{index}.x > a{index + 1}.v" for index in range(number - 1))


def through_reroutes(number: int) -> tuple[str, str]:
    nodes = " ; ".join(f"reroute r{index}: in:FLOAT -> out:FLOAT" for index in range(number))
    links = " ; ".join(f"r{index}.out > r{index + 1}.in" for index in range(number - 1))
    return f"first: -> x:FLOAT ; {nodes} ; last: v:FLOAT -> y:FLOAT", (
        f"first.x > r0.in ; {links} ; r{number - 1}.out > last.v"
    )


@pytest.mark.parametrize("shape", [wide, together, in_row, through_reroutes])
def test_compiling(shape: Callable[[int], tuple[str, str]]) -> None:
    def make(number: int) -> Work:
        read = graph(*shape(number))
        return lambda: compile_graph(read)

    assert growth(make) < LINEAR


# Results and logs


def test_results_of_a_list_are_put_and_taken(scratch: Scratch) -> None:
    def make(number: int) -> Work:
        results = Results(scratch, {})
        plan = of_meshes(f"a: *{number}\nlast: a", "last")
        tasks = {task.id: task for task in plan.tasks}
        (output,) = tasks["a"].outputs

        def work() -> None:
            for item in range(number):
                ref = StoredRef("Mesh", f"Mesh {item}", "", f"{item:06d}.blend")
                results.put("a", item, {"result": TypedValue(output.type, ref)})
            (argument,) = tasks["last"].arguments
            assert len(list(results.source(argument.sources[0], tasks).refs())) == number

        return work

    assert growth(make) < LINEAR


def test_values_that_items_are_given(scratch: Scratch) -> None:
    def make(number: int) -> Work:
        results = Results(scratch, {})
        tasks = {task.id: task for task in parse_plan(f"a: *{number}\nb: *a").tasks}
        for item in range(number):
            results.put("a", item, {"result": TypedValue(FLOAT, float(item))})
        return lambda: [list(results.own_refs(tasks["b"], item, tasks)) for item in range(number)]

    assert growth(make) < LINEAR


def test_results_are_gathered_and_taken_from_where_they_are_then(scratch: Scratch) -> None:
    def make(number: int) -> Work:
        results, tasks = Results(scratch, {}), {task.id: task for task in of_meshes(f"a: *{number}\nb: a", "b").tasks}
        refs = [StoredRef("Mesh", f"Mesh {item}", "", f"{item:06d}.blend") for item in range(number)]
        (output,), (argument,) = tasks["a"].outputs, tasks["b"].arguments
        for item, ref in enumerate(refs):
            results.put("a", item, {"result": TypedValue(output.type, ref)})

        def work() -> None:
            places = refs
            for turn in range(2):
                before, places = places, [replace(ref, blob=f"{turn}.blend") for ref in refs]
                for start in range(0, number, 4):
                    results.move(before[start : start + 4], places[start : start + 4])
            assert list(results.source(argument.sources[0], tasks).refs()) == places
            assert list(map(results.first_place, places)) == refs

        return work

    assert growth(make) < LINEAR


# Files that tasks write


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "caches"))


def going_run(scratch: Scratch, name: str, paths: Iterable[Path]) -> going_runs.Mark:
    """A run that goes on and has claimed these paths."""
    mark = going_runs.Mark(going_runs.GoingRun(name, name.title(), "", str(scratch.file(scratch.new_blob()))))
    mark.hold()
    for path in paths:
        own_files.other_owner(own_files.claim_file(path, Path(mark.said.claims)), Owner("theirs"))
    return mark


def test_claim_costs_the_same_however_many_paths_others_have_claimed(
    scratch: Scratch, tmp_path: Path, caches: None
) -> None:
    """1. A run begins; 2. one that has claimed many paths ends; 3. another one goes on; 4. the first one claims."""
    marks: list[going_runs.Mark] = []

    def make(number: int) -> Work:
        while marks:
            marks.pop().release()
        ours = going_run(scratch, f"ours {number}", ())
        others = [tmp_path / f"{name} {index}" for name in ("over", "going") for index in range(number)]
        going_run(scratch, f"over {number}", others[:number]).release()
        marks.extend((going_run(scratch, f"going {number}", others[number:]), ours))

        def work() -> None:
            for index in range(3):
                context = TaskContext(Owner("ours", index), Path(ours.said.claims), going=ours.said)
                with own_files.using(context):
                    own_files.claim(tmp_path / f"out {index}")
                with own_files.using(context), pytest.raises(ValueError, match=r"is written by another task of"):
                    own_files.claim(others[number + index])
            for taken in (others[0], others[number // 2], others[number - 1]):
                with own_files.using(context), pytest.raises(ValueError, match=r"was written by another task of"):
                    own_files.claim(taken)

        return work

    assert growth(make, 50) < 1.2
    for mark in marks:
        mark.release()


def writing(number: int, folder: Path) -> list[PlannedTask]:
    """Tasks that each write to a path of their own."""
    parameter = Parameter("path", "Path", SocketType("PATH"), is_output_path=True)
    (task,) = parse_plan("a").tasks
    paths = [Constant(str(folder / f"{index}"), parameter.type) for index in range(number)]
    return [
        replace(task, id=f"a{index}", arguments=(Argument(parameter, (path,)),)) for index, path in enumerate(paths)
    ]


def test_paths_of_a_run_are_checked_against_those_of_others(
    scratch: Scratch, tmp_path: Path, caches: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    going = going_run(scratch, "theirs", [tmp_path / "taken"])
    read: list[Path] = []
    notes = going_runs._notes
    with monkeypatch.context() as context:
        context.setattr(going_runs, "_notes", lambda place: read.append(place) or notes(place))
        assert growth(lambda number: lambda: run_files.check_free(writing(number, tmp_path))) < LINEAR
    assert len(read) == 2, "what others say is read once"
    going.release()


def test_what_tasks_wrote_is_released_for_a_retry(scratch: Scratch, tmp_path: Path, caches: None) -> None:
    def make(number: int) -> Work:
        tasks = parse_plan("\n".join(f"a{index}: *2" for index in range(number))).tasks
        engine = FakeEngine()
        runner = Runner(engine, scratch)
        run = runner.start(Plan("Test", tasks), {}, number)
        while not run.state.is_final:
            runner.update()
            for name in engine.waiting():
                engine.fail(name)
        for task in tasks:
            assert run.files.claim(Owner(task.id), [str(tmp_path / task.id)])
        changed = [replace(task, arguments=parse_plan("a: *3").tasks[0].arguments) for task in tasks]

        def work() -> None:
            assert len(run.change(changed)) == number

        return work

    assert growth(make, 20) < LINEAR


def test_files_of_the_scratch_folder(scratch: Scratch) -> None:
    def make(number: int) -> Work:
        def work() -> None:
            names = [name for _ in range(number) for name in (scratch.new_blob(), scratch.new_log())]
            for name in names:
                scratch.file(name).touch()
            assert sum(scratch.sizes(names)) == 0
            scratch.remove(names)

        return work

    assert growth(make) < LINEAR


# The store


def test_records_are_kept_found_and_removed(tmp_path: Path) -> None:
    def make(number: int) -> Work:
        store = Store(tmp_path / str(number), Limits(max_size=1024**3, min_free=0), print)
        keys = [blake2b(str(index).encode()).hexdigest() for index in range(number)]

        def work() -> None:
            for key in keys:
                store.keep(key, {"values": [key]}, 1.0, {})
            assert all(store.find(key) for key in keys)
            assert upkeep.info(store).num_records == number
            assert upkeep.clear(store).num_records == number
            store.close()

        return work

    assert growth(make, 30) < LINEAR


def test_store_is_trimmed(tmp_path: Path) -> None:
    def make(number: int) -> Work:
        store = Store(tmp_path / str(number), Limits(max_size=0, min_free=0), print)
        keys = [blake2b(str(index).encode()).hexdigest() for index in range(number)]
        for key in keys:
            store.keep(key, {"values": [key]}, 1.0, {})
        store.lease("somebody", keys[:1])

        def work() -> None:
            assert upkeep.prune(store).num_records == number - 1
            assert upkeep.info(store).num_records == 1
            store.close()

        return work

    assert growth(make, 30) < LINEAR


def test_store_is_tidied_after_many_runs(tmp_path: Path) -> None:
    def make(number: int) -> Work:
        store = Store(tmp_path / str(number), Limits(min_free=0), print)
        cache = Cache(store, lambda _plan: Environment("", ""))

        def work() -> None:
            for index in range(number):
                store.keep(blake2b(str(index).encode()).hexdigest(), {"values": [index]}, 1.0, {})
                cache.settle({}, has_kept=True)
            assert cache.look().num_records == number
            store.close()

        return work

    assert growth(make, 30) < LINEAR


def test_store_that_is_full_is_tidied_after_many_runs(tmp_path: Path) -> None:
    def make(number: int) -> Work:
        store = Store(tmp_path / str(number), Limits(max_size=5000 * number, min_free=0), print)
        cache = Cache(store, lambda _plan: Environment("", ""))
        blob = tmp_path / "blob.blend"

        def keep(index: int) -> None:
            blob.unlink(missing_ok=True)
            blob.write_text(f"{index:4000}")
            store.keep(blake2b(str(index).encode()).hexdigest(), {}, 1.0, {"blob": blob})
            cache.settle({}, has_kept=True)

        for index in range(number):
            keep(index)

        def work() -> None:
            for index in range(number, 2 * number):
                keep(index)
            assert upkeep.info(store).size <= 5000 * number
            assert len(store.reader._stamps) <= 1.25 * number, "what was removed is not remembered"
            store.close()

        return work

    assert growth(make, 40) < LINEAR


# Presets


@pytest.mark.parametrize("has_mirror", [False, True])
def test_library_of_presets_is_read(tmp_path: Path, has_mirror: bool) -> None:
    def make(number: int) -> Work:
        folder = tmp_path / f"{number}"
        folder.mkdir()
        for index in range(number):
            (folder / f"{index}.blend").write_bytes(blend_file(said(index + 1)))
        if has_mirror:
            first = PresetLibrary(str(folder))
            first.read()
            first.write_mirror()
        library = PresetLibrary(str(folder))

        def work() -> None:
            library.read()
            found = library.newest()
            assert len(found) == number
            assert all(library.find(preset.uuid) == preset for preset in found)
            library.forget()
            library.read()

        return work

    assert growth(make, 20) < LINEAR
