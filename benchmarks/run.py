"""`make bench`: what the engine costs, each figure as a ratio to something else measured in the same run.

Run it in a Python that has `bpy`, `rich` and this project. Absolute times depend on the machine and on what else it
does; the ratios hardly do.
"""

import argparse
import json
import os
import platform
import sys
from pathlib import Path

import bpy
import measurements
from rich.console import Console
from rich.table import Table

import background_nodes

ROOT = Path(__file__).resolve().parents[1]


def main(arguments: list[str]) -> int:
    """Measure, print a table and write JSON; 1 if a figure misses its target."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds, to see whether everything runs")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    options = parser.parse_args(arguments)
    background_nodes.register()
    try:
        figures = [figure for measure in measurements.ALL for figure in measure(options.quick)]
    finally:
        background_nodes.unregister()
    show(figures)
    write(figures, options.output)
    return int(any(figure.is_missed for figure in figures))


def show(figures: list[measurements.Figure]) -> None:
    table = Table(title=f"Background Nodes on Blender {bpy.app.version_string}, {os.cpu_count()} processors")
    for name in ("what", "ours", "compared with", "its", "ratio", "target"):
        table.add_column(name, justify="left" if name in {"what", "compared with"} else "right")
    for figure in figures:
        style = "red" if figure.is_missed else ""
        table.add_row(*figure.cells(), style=style)
    Console(width=140).print(table)


def write(figures: list[measurements.Figure], output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "blender": bpy.app.version_string,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "figures": [figure.record() for figure in figures],
    }
    output.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print(f"written to {output}")


if __name__ == "__main__":
    code = main(sys.argv[1:])
    sys.stdout.flush()
    # Some wheels crash or hang in their own way out; there is nothing left to do.
    os._exit(code)
