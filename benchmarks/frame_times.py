"""Measure what the window of a real Blender pays for a run: our timer and all that we draw.

    make frames       a run of 200 tasks on 2 workers, against the same window without a run

Blender's own reading of results, and the undo step after it, are told apart.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "gui"))
from editor import Editor  # noqa: E402 (the path above leads to these)
from screen import Screen  # noqa: E402
from window import Window  # noqa: E402

NUM_TASKS = 200
#: A graph as artists have it, of nodes that run over lists, and one that is nothing but nodes.
NUM_NODES = (20, 200)
SECONDS_WITHOUT = 5.0

#: Of each kind of span, and each state of the window: (milliseconds by the clock, of the processor, in line for it).
Spans = dict[str, list[tuple[float, float, float]]]


def main() -> int:
    """Measure, print, and write it as JSON."""
    screen = Screen(1600, 1000)
    measured = {}
    try:
        for num_nodes in NUM_NODES:
            with tempfile.TemporaryDirectory() as folder, Window(screen, Path(folder)) as window:
                measured[num_nodes] = measure(window, num_nodes)
    finally:
        screen.close()
    for num_nodes, states in measured.items():
        items = NUM_TASKS // num_nodes
        print(f"{num_nodes} nodes in view, {items} tasks each: milliseconds of the processor (by the clock)")
        for state, spans in states.items():
            for kind, series in spans.items():
                print(f"{state:<14} {kind:<8} {row(series)}")
    output = ROOT / "build" / "frame_times.json"
    output.parent.mkdir(exist_ok=True)
    output.write_text(json.dumps(measured) + "\n", encoding="utf-8")
    return 0


def measure(window: Window, num_nodes: int) -> dict[str, Spans]:
    """What a window pays with all nodes in view: redrawn without a run, and during one."""
    editor = Editor(window)
    editor.open("Tree")
    window.run(
        """
        global probe
        import sys
        sys.path.append(folder)
        import frame_probe
        frame_probe.build("Tree", num_nodes, num_items)
        probe = frame_probe.Probe(extension)
        """,
        folder=str(ROOT / "benchmarks"),
        num_nodes=num_nodes,
        num_items=NUM_TASKS // num_nodes,
    )
    editor.frame_all()
    window.run("probe.take()")
    end = time.monotonic() + SECONDS_WITHOUT
    while time.monotonic() < end:
        window.run("places.area().tag_redraw()")
    without = window.run("return probe.take()")
    editor.press_button("background_nodes.run")
    editor.wait_until_home(300.0)
    return {"without a run": without, "with a run": window.run("return probe.take()")}


def row(series: list[tuple[float, float, float]]) -> str:
    """Number, median, 99th percentile and maximum."""
    if not series:
        return "none"
    walls, processors, _ = ([*sorted(values)] for values in zip(*series, strict=True))
    figures = [f"{len(series):>6} x"]
    for name, index in (("p50", len(series) // 2), ("p99", int(0.99 * len(series))), ("max", -1)):
        figures.append(f"{name} {processors[index]:6.2f} ({walls[index]:6.2f})")
    return "  ".join(figures)


if __name__ == "__main__":
    sys.exit(main())
