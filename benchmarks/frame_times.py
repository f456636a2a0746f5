"""Measure what the window of a real Blender pays for a run, and for a large tree.

    make frames       a run of 200 tasks on 2 workers, against the same window without a run;
                      then 100 jobs of a second with 5 workers, against the same window without jobs;
                      then a tiny object there and back, and a task of 100 ms, each in a window at rest;
                      then a redraw of 1,000 nodes that were run, against as many of Geometry Nodes

Blender's own reading of results, and the undo step after it, are told apart.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gui"))
from editor import Editor  # noqa: E402 (the path above leads to these)
from screen import Screen  # noqa: E402
from window import Window  # noqa: E402


class Plan(NamedTuple):
    """How much is measured.

    Attributes:
        num_tasks: of a run.
        num_nodes: how many nodes they are of: few that run over lists, as artists have them, or nothing but nodes.
        seconds_without: for how long redraws without a run are measured.
        num_drawn: nodes of the large tree.
        num_rounds: redraws of it that are measured.
        num_jobs: how many jobs an add-on sends.
        seconds_of_job: how long each of them sleeps.
        num_runs: how often a tree of one node is run.
        rest: seconds between two such runs. For a second after a run Blender flashes the report of its end, which
            draws the window again and again.
    """

    num_tasks: int = 200
    num_nodes: tuple[int, ...] = (20, 200)
    seconds_without: float = 5.0
    num_drawn: int = 1000
    num_rounds: int = 5
    num_jobs: int = 100
    seconds_of_job: float = 1.0
    num_runs: int = 20
    rest: float = 1.5


WHOLE = Plan()
QUICK = Plan(8, (4,), 0.5, 6, 2, 6, 0.1, 4, 0.0)
#: Background Blenders that jobs share.
NUM_JOB_WORKERS = 5
#: How many times the time of Geometry Nodes a redraw may take.
TARGET = 1.3

#: Of each kind of span, and each state of the window: (milliseconds by the clock, of the processor, in line for it).
Spans = dict[str, list[tuple[float, float, float]]]


def main() -> int:
    """Measure, print, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="frame_times.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few tasks and nodes: does it run at all?")
    plan = QUICK if parser.parse_args().quick else WHOLE
    measured: dict[str, object] = {}
    screen = Screen(1600, 1000)
    try:
        for num_nodes in plan.num_nodes:
            with tempfile.TemporaryDirectory() as folder, Window(screen, Path(folder)) as window:
                measured[str(num_nodes)] = states = measure_run(window, num_nodes, plan)
            print("\n".join(table(num_nodes, states, plan)), flush=True)
        with tempfile.TemporaryDirectory() as folder, Window(screen, Path(folder)) as window:
            measured["jobs"] = jobs = measure_jobs(window, plan)
        print("\n".join(jobs_table(jobs, plan)), flush=True)
        with tempfile.TemporaryDirectory() as folder, Window(screen, Path(folder), has_hands=False) as window:
            measured["runs"] = runs = measure_runs(window, plan)
        print("\n".join(runs_table(runs)), flush=True)
        with tempfile.TemporaryDirectory() as folder, Window(screen, Path(folder)) as window:
            measured["redraw"] = drawn = measure_redraw(window, plan)
        print(comparison(drawn, plan))
    finally:
        screen.close()
    output = ROOT / "build" / "frame_times.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(measured) + "\n", encoding="utf-8")
    return 0


def measure_run(window: Window, num_nodes: int, plan: Plan) -> dict[str, Spans]:
    """What a window pays with all nodes in view: redrawn without a run, and during one."""
    editor = opened(window, num_nodes, plan.num_tasks // num_nodes)
    window.run("global probe; probe = frame_probe.Probe(extension)")
    editor.frame_all()
    window.run("probe.take()")
    end = time.monotonic() + plan.seconds_without
    while time.monotonic() < end:
        window.run("places.area().tag_redraw()")
    without = window.run("return probe.take()")
    editor.press_button("background_nodes.run")
    editor.wait_until_home(600.0)
    return {"without a run": without, "with a run": window.run("return probe.take()")}


class Pulse(NamedTuple):
    """What a window was like for a while: our ticks, the time between two calls of a timer, draws of its viewport."""

    spans: Spans
    num_drawn: int


def measure_jobs(window: Window, plan: Plan) -> dict[str, Pulse]:
    """What a window pays for jobs that give values back: nothing is drawn for them."""
    _import_probe(window)
    window.run(
        """
        global pulse
        pulse = frame_probe.Pulse(extension)
        bpy.context.preferences.addons[extension].preferences.num_workers = num_workers
        """,
        num_workers=NUM_JOB_WORKERS,
    )
    window.settle(10)
    window.run("pulse.take()")
    time.sleep(plan.seconds_without)  # that is what is measured
    without = Pulse(*window.run("return pulse.take()"))
    window.run(
        """
        global batch
        manager = places.module("addon.jobs.job_manager").JobManager.get_instance("frames")
        batch = frame_probe.add_jobs(manager, num_jobs, num_workers, seconds)
        """,
        num_jobs=plan.num_jobs,
        num_workers=NUM_JOB_WORKERS,
        seconds=plan.seconds_of_job,
    )
    window.wait_for("return batch.is_over", 600.0)
    with_jobs = Pulse(*window.run("return pulse.take()"))
    assert window.run("return batch.python_data") == list(range(plan.num_jobs))
    return {"without jobs": without, "with jobs": with_jobs}


def measure_runs(window: Window, plan: Plan) -> dict[str, list[float]]:
    """Seconds by the clock of runs of one node, one after the other, but for the first two, which start a worker."""
    _import_probe(window)
    window.run("frame_probe.open_editor(places.area(''))")  # large: else Blender draws the 3D Viewport after each run
    measured = {}
    for name, build in (("tiny object there and back", "build_trip"), ("task of 100 ms", "build_wait")):
        window.run(f"frame_probe.{build}(name)", name=name)
        window.run(
            "global runs; runs = frame_probe.Runs(places.session(), name, count, rest)",
            name=name,
            count=plan.num_runs + 2,
            rest=plan.rest,
        )
        _wait_aside(window, "return len(runs.seconds) == count", count=plan.num_runs + 2)
        measured[name] = window.run("return runs.seconds")[2:]
    return measured


def _wait_aside(window: Window, code: str, **arguments: object) -> None:
    """As `wait_for`, but with few looks: each is Python that Blender runs, and makes runs slower."""
    end = time.monotonic() + 600.0
    while not window.run(code, **arguments):
        if time.monotonic() > end:
            raise TimeoutError(code)
        time.sleep(1.0)


def runs_table(runs: dict[str, list[float]]) -> Iterator[str]:
    """What a person reads of them."""
    for name, seconds in runs.items():
        ordered = sorted(1e3 * each for each in seconds)
        yield f"{name}: median {statistics.median(ordered):.0f} ms by the clock, {ordered[0]:.0f} to {ordered[-1]:.0f}"


def measure_redraw(window: Window, plan: Plan) -> dict[str, list[float]]:
    """Milliseconds of the processor that redraws take: of our nodes after a run, and of as many of Geometry Nodes.

    To make 1,000 nodes, to run them and to draw them takes Blender long: each is done on its own, and as seldom as can
    be.
    """
    Editor(window).open("Tree")
    _import_probe(window)
    names = ("Tree", "Geometry")
    window.run("frame_probe.build('Tree', count, 1, frame_probe.AT_ONCE)", count=plan.num_drawn)
    window.run("frame_probe.build_geometry('Geometry', count)", count=plan.num_drawn)
    window.run("frame_probe.run_unseen(places.area(), places.tree(), places.session())")
    window.wait_for("return not places.session().is_busy", 600.0)
    for name in names:
        window.run("frame_probe.frame_all(places.area(''), name)", name=name)
    drawn: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(plan.num_rounds):
        for name, series in drawn.items():
            series.append(window.run("return frame_probe.redraw(places.area(''), name)", name=name))
    return drawn


def opened(window: Window, num_nodes: int, num_items: int) -> Editor:
    """The editor with a tree of so many nodes."""
    editor = Editor(window)
    editor.open("Tree")
    _import_probe(window)
    window.run('frame_probe.build("Tree", num_nodes, num_items)', num_nodes=num_nodes, num_items=num_items)
    return editor


def _import_probe(window: Window) -> None:
    window.run(
        """
        global frame_probe
        import sys
        sys.path.append(folder)
        import frame_probe
        """,
        folder=str(ROOT / "benchmarks"),
    )


def table(num_nodes: int, states: dict[str, Spans], plan: Plan) -> Iterator[str]:
    """What a person reads of a run."""
    items = plan.num_tasks // num_nodes
    yield f"{num_nodes} nodes in view, {items} tasks each: milliseconds of the processor (by the clock)"
    for state, spans in states.items():
        for kind, series in spans.items():
            yield f"{state:<14} {kind:<8} {row(series)}"


def jobs_table(states: dict[str, Pulse], plan: Plan) -> Iterator[str]:
    """What a person reads of jobs."""
    yield (
        f"{plan.num_jobs} jobs of {plan.seconds_of_job:g} s, {NUM_JOB_WORKERS} workers: milliseconds of the processor "
        "(by the clock); the timer is to be called each 5 ms"
    )
    for state, pulse in states.items():
        for kind, series in pulse.spans.items():
            yield f"{state:<14} {kind:<8} {row(series)}"
        yield f"{state:<14} the 3D Viewport was drawn {pulse.num_drawn} times"


def row(series: list[tuple[float, float, float]]) -> str:
    """Number, median, 99th percentile and maximum."""
    if not series:
        return "none"
    walls, processors, _ = ([*sorted(values)] for values in zip(*series, strict=True))
    figures = [f"{len(series):>6} x"]
    for name, index in (("p50", len(series) // 2), ("p99", int(0.99 * len(series))), ("max", -1)):
        figures.append(f"{name} {processors[index]:6.2f} ({walls[index]:6.2f})")
    return "  ".join(figures)


def comparison(drawn: dict[str, list[float]], plan: Plan) -> str:
    """What a person reads of redraws."""
    ours, theirs = (statistics.median(drawn[name]) for name in ("Tree", "Geometry"))
    ratio = ours / theirs
    word = "met" if ratio <= TARGET else "missed"
    return (
        f"redraw of {plan.num_drawn} nodes after a run: {ours:.0f} ms of the processor, as many of Geometry Nodes "
        f"{theirs:.0f} ms: {ratio:.2f}, target {TARGET} {word}"
    )


if __name__ == "__main__":
    sys.exit(main())
