"""How many tasks a second, and whether they leave anything behind."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import stage
from row import Row

from background_nodes.addon.session.current import session


def trivial_tasks(quick: bool) -> Row:
    """A thousand tasks that do nothing, on two workers, against one."""
    count = 60 if quick else 1000
    stage.empty_file()
    tree = stage.mapped_tree(stage.COUNT_ON, count)
    few = stage.mapped_tree(stage.COUNT_ON, 4)
    stage.carry_out(few, workers=1)  # the worker starts
    one = _seconds(tree, 1)
    stage.carry_out(few, workers=2)  # the second one, too
    before = _held()
    two = _seconds(tree, 2)
    after = _held()
    are_right = tree.nodes[1].outputs[0].result == tuple(range(1, count + 1))
    is_clean = after["processes"] <= 2 and after["descriptors"] <= before["descriptors"] + 2
    return Row(
        f"{count:,} trivial tasks on 2 workers",
        f"{count / two:,.0f} tasks/s",
        f"{count / one:,.0f} tasks/s on 1 worker",
        one / two,
        "right results, nothing left",
        are_right and is_clean,
        {"one_worker_seconds": one, "two_workers_seconds": two, "before": before, "after": after},
    )


def _seconds(tree: object, workers: int) -> float:
    start = time.perf_counter()
    stage.carry_out(tree, workers=workers)
    return time.perf_counter() - start


def _held() -> dict[str, int]:
    """What this process holds: workers, open files, and files in its temporary folder: blobs, logs."""
    descriptors = Path("/proc/self/fd")
    return {
        "processes": len(session.worker_process_ids),
        "descriptors": sum(1 for _ in descriptors.iterdir()) if descriptors.is_dir() else 0,
        "files": sum(1 for path in Path(tempfile.gettempdir()).rglob("*") if path.is_file()),
    }
