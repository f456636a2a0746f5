# SPDX-License-Identifier: GPL-3.0-or-later
"""One of the ten jobs: a graph of shipped nodes, as text, that is run and whose outcome is measured.

    examples/ten_jobs/NAME.json            the graph; paths in it begin with //, which is the job's folder here
    tests/blender/ten_jobs/test_NAME.py    makes what the graph works on, runs it, looks at what came out

The tests run it at a size that takes seconds. `make jobs` sets BACKGROUND_NODES_TEN_JOBS to a folder: then they run it
at the size that artists do, and leave there what tools/write_ten_jobs.py writes docs/jobs.md of.
"""

from __future__ import annotations

import inspect
import json
import os
import time
from pathlib import Path
from typing import Any, TypeVar

import bpy

import background_nodes
from background_nodes.addon.command_line.assignments import assign
from background_nodes.node_tree.text_form.building import build
from background_nodes.runtime.text_form import files
from background_nodes.runtime.text_form.paths import absolute_in, with_paths

from .reading import pictures

GRAPHS = Path(__file__).parents[3] / "examples" / "ten_jobs"
#: The folder for what is told of jobs at their whole size; "" where they are small.
KEPT_IN = os.environ.get("BACKGROUND_NODES_TEN_JOBS", "")
#: The longer side of a picture on the page.
PICTURE_SIZE = 900

_Size = TypeVar("_Size")


class Job:
    """A job at the size that is asked for.

    Attributes:
        folder: what // is in its graph: empty, and its own.
        is_whole: whether it has the size that artists do it at.
        graph: the file with its graph.
        seconds: what its runs took.
    """

    def __init__(self, name: str, story: str, folder: Path) -> None:
        self.name, self.folder, self.graph = name, folder, GRAPHS / f"{name}.json"
        self.is_whole = bool(KEPT_IN)
        self._story = inspect.cleandoc(story)
        self._told: list[str] = []
        self._picture: Path | None = None
        self.seconds, self._tasks, self._is_done = 0.0, 0, False

    def size(self, small: _Size, whole: _Size) -> _Size:
        """What is to be taken: in the tests, or at the size of the job."""
        return whole if self.is_whole else small

    def tree(self) -> bpy.types.NodeTree:
        """Its graph in the open file, which has the data-blocks that it names."""
        built = build(with_paths(files.read_file(self.graph), absolute_in(self.folder)))
        assert (built.missing, built.gone) == ([], [])
        assert built.texts == [], "all nodes are shipped"
        return built.tree

    def run(self, tree: bpy.types.NodeTree, /, **settings: Any) -> background_nodes.Run:
        """Run a tree of `tree` and wait for it. It must succeed.

        Args:
            tree: of `tree`.
            settings: inputs by NODE__SOCKET, with _ for spaces of the node's name.
        """
        for target, value in settings.items():
            node, _, socket = target.partition("__")
            text = value if isinstance(value, str) else json.dumps(value)
            assign(tree, f"{node.replace('_', ' ')}{'.' if socket else ''}{socket}={text}")
        started = time.monotonic()
        run = background_nodes.run(tree)
        failed = {name: (task.error, task.log) for name, task in run.tasks.items() if task.error}
        assert (run.state, failed) == ("succeeded", {})
        self.count(time.monotonic() - started, sum(max(1, task.num_items) for task in run.tasks.values()))
        return run

    def count(self, seconds: float, tasks: int) -> None:
        """Count a run: its seconds and tasks are told."""
        self.seconds, self._tasks = self.seconds + seconds, self._tasks + tasks

    def tell(self, *facts: str) -> None:
        """Tell what was measured, a sentence each. To be called when all was."""
        self._told += facts
        self._is_done = True

    def show(self, picture: Path) -> None:
        """Show a picture file on the page."""
        self._picture = picture

    def keep(self) -> None:
        """Write down what was told, if the job has its whole size and came to its end."""
        if not (self.is_whole and self._is_done):
            return
        folder = Path(KEPT_IN)
        folder.mkdir(parents=True, exist_ok=True)
        if self._picture:
            with pictures.open(self._picture) as opened:
                opened.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
                opened.convert("RGB").save(folder / f"{self.name}.jpg", quality=85)
        title, _, story = self._story.partition("\n")
        content = {
            "title": title.rstrip("."),
            "story": story.strip(),
            "facts": self._told,
            "seconds": self.seconds,
            "tasks": self._tasks,
            "blender": bpy.app.version_string,
            "cores": os.cpu_count(),
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{self.name}.json").write_text(text, encoding="utf-8")
