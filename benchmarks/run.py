"""Measure, print a table, and write it as JSON. Every comparison is made within this one run.

Figures of different machines, or of one machine on different days, say little; ratios within one run do.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bpy
import data
import digests
import endurance
import foreground
import jobs
import planning
import throughput
import unchanged
import whole_file
from rich.console import Console
from rich.table import Table
from row import Row

import background_nodes

ROOT = Path(__file__).resolve().parents[1]
MEASUREMENTS: dict[str, Callable[[bool], Row]] = {
    "round_trip": data.round_trip,
    "rich_object": data.rich_object,
    "object_list": data.object_list,
    "object_items": data.object_items,
    "object_crowd": data.object_crowd,
    "large_mesh": data.large_mesh,
    "chain": data.chain,
    "chain_kept": data.kept_chain,
    "trivial_tasks": throughput.trivial_tasks,
    "homecoming": data.homecoming,
    "digest_large": digests.large_mesh,
    "digest_many": digests.many_data_blocks,
    "start_again": whole_file.start_again,
    "jobs_two": jobs.two_at_a_time,
    "jobs_five": jobs.five_at_a_time,
    "scheduler": planning.scheduler,
    "compilation": planning.compilation,
    "second_run": unchanged.second_run,
    "short_task": foreground.short_task,
    "many_items": foreground.many_items,
    "results_home": foreground.results_home,
    "results_replace": foreground.results_replace,
    "results_made": foreground.results_made,
    "results_again": foreground.results_again,
    "whole_list": foreground.whole_list,
    "stopped_worker": foreground.stopped_worker,
    "large_request": foreground.large_request,
    "values_on": foreground.values_on,
    "values_home": foreground.values_home,
    "cancelled_worker": foreground.cancelled_worker,
    "killed_worker": foreground.killed_worker,
    "silent_worker": foreground.silent_worker,
    "forgotten_run": foreground.forgotten_run,
    "many_runs": endurance.many_runs,
    "large_runs": endurance.large_runs,
}

console = Console(highlight=False)


def main(arguments: list[str]) -> int:
    """Measure; the exit code."""
    options = parse(arguments)
    background_nodes.register()
    try:
        with tempfile.TemporaryDirectory() as folder:
            tempfile.tempdir = folder  # what others leave in the system's own is not to be counted
            rows = measure(options.only or list(MEASUREMENTS), options.quick)
    except KeyboardInterrupt:
        console.print("Cancelled", style="magenta")
        return 130
    finally:
        background_nodes.unregister()
    console.print(table(rows))
    save(rows, options)
    console.print(f"Written to {options.output}", soft_wrap=True)
    is_missed = any(row.is_met is False for row in rows.values())
    return 1 if options.strict and is_missed else 0


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(prog="run.py", description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rounds and small data: does it run at all?")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a target is missed")
    parser.add_argument("--only", action="append", choices=MEASUREMENTS, help="only this one; may be given again")
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench.json", metavar="FILE")
    return parser.parse_args(arguments)


def measure(names: list[str], quick: bool) -> dict[str, Row]:
    """Carry out the measurements of these names."""
    rows = {}
    for name in names:
        start = time.perf_counter()
        with console.status(f"Measuring {name.replace('_', ' ')}"):
            rows[name] = MEASUREMENTS[name](quick)
        console.print(f"{name}: {time.perf_counter() - start:.0f} s", style="dim")
    return rows


def table(rows: dict[str, Row]) -> Table:
    """What a person reads."""
    result = Table(title=f"Background Nodes {background_nodes.__version__}, Blender {bpy.app.version_string}")
    for heading in ("", "measured", "against", "ratio", "target", ""):
        result.add_column(heading, justify="right" if heading in {"measured", "ratio"} else "left")
    for row in rows.values():
        mark = {None: "", True: "[green]met[/]", False: "[red]missed[/]"}[row.is_met]
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        result.add_row(row.name, row.value, row.against, ratio, row.target, mark)
    return result


def save(rows: dict[str, Row], options: argparse.Namespace) -> None:
    """What a program reads."""
    record = {
        "background_nodes": background_nodes.__version__,
        "blender": bpy.app.version_string,
        "python": platform.python_version(),
        "system": platform.platform(),
        "cpu_count": os.cpu_count(),
        "load_average": os.getloadavg() if hasattr(os, "getloadavg") else None,
        "quick": options.quick,
        "rows": {name: vars(row) for name, row in rows.items()},
    }
    options.output.parent.mkdir(parents=True, exist_ok=True)
    options.output.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
