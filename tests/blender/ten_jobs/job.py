# SPDX-License-Identifier: GPL-3.0-or-later
"""One of the ten jobs: a preset that comes along, that is run and whose outcome is measured.

    examples/presets/jobs/NAME/            the preset; paths in it begin with //, which is the job's folder here
    tests/blender/ten_jobs/test_NAME.py    makes what it works on, sets what an artist has to, looks at what came out

The tests run it at a size that takes seconds. `make jobs` sets BACKGROUND_NODES_TEN_JOBS to a folder: then they run it
at the size that artists do, and leave there what tools/write_ten_jobs.py writes docs/jobs.md of, and what presets say
of their cost.
"""

from __future__ import annotations

import inspect
import json
import os
import time
from pathlib import Path
from typing import Any, Literal, TypeVar

import bpy

import background_nodes
from background_nodes.addon.command_line.assignments import assign
from background_nodes.addon.presets import pictures as preset_pictures
from background_nodes.addon.presets.costs import Cost, cost_of
from background_nodes.addon.presets.subject import Subject
from background_nodes.node_tree.text_form.building import build
from background_nodes.runtime.presets import dump_folder, png
from background_nodes.runtime.presets.preset import Kind
from background_nodes.runtime.text_form.paths import absolute_in, with_paths

from ..graphs import add, new_tree
from .reading import pictures

PRESETS = Path(__file__).parents[3] / "examples" / "presets" / "jobs"
#: The folder for what is told of jobs at their whole size; "" where they are small.
KEPT_IN = os.environ.get("BACKGROUND_NODES_TEN_JOBS", "")
#: The longer side of a picture on the page.
PICTURE_SIZE = 900
#: Each side of a preset's picture.
PRESET_SIZE = 256

_Size = TypeVar("_Size")


class Job:
    """A job at the size that is asked for.

    Attributes:
        folder: what // is in its graph: empty, and its own.
        is_whole: whether it has the size that artists do it at.
        preset: the folder of its preset as text.
        seconds: what its runs took.
    """

    def __init__(self, name: str, story: str, folder: Path) -> None:
        self.name, self.folder, self.preset = name, folder, PRESETS / name
        self.is_whole = bool(KEPT_IN)
        self._story = inspect.cleandoc(story)
        self._told: list[str] = []
        self._picture: Path | None = None
        self._part: tuple[int, int, int, int] | None = None
        self.seconds, self._tasks, self._is_done = 0.0, 0, False
        self._cost, self._amount, self._drawing = Cost(), (0, ""), b""

    def size(self, small: _Size, whole: _Size) -> _Size:
        """What is to be taken: in the tests, or at the size of the job."""
        return whole if self.is_whole else small

    def tree(self) -> bpy.types.NodeTree:
        """Its graph in the open file; of a group, a tree with the node of it, which is called as the group."""
        preset, data, _picture = dump_folder.read(self.preset)
        built = build(with_paths(data, absolute_in(self.folder)))
        assert (built.missing, built.gone) == ([], [])
        assert built.texts == [], "all nodes are shipped"
        self._drawing = png.write(preset_pictures.of_graph(list(built.tree.nodes)))
        if preset.kind is Kind.TREE:
            return built.tree
        tree = new_tree()
        add(tree, "BackgroundNodeGroup", preset.name).node_tree = built.tree
        return tree

    def run(self, tree: bpy.types.NodeTree, /, **settings: Any) -> background_nodes.Run:
        """Run a tree of `tree` and wait for it. It must succeed.

        Args:
            tree: of `tree`.
            settings: as `set` takes them.
        """
        started = time.monotonic()
        run = self.measure(tree, **settings)
        self.count(time.monotonic() - started, sum(max(1, task.num_items) for task in run.tasks.values()))
        return run

    def measure(self, tree: bpy.types.NodeTree, /, **settings: Any) -> background_nodes.Run:
        """As `run`, for what the preset says of its cost alone: the page does not count it."""
        self.set(tree, **settings)
        run = background_nodes.run(tree)
        failed = {name: (task.error, task.log) for name, task in run.tasks.items() if task.error}
        assert (run.state, failed) == ("succeeded", {})
        self._cost = cost_of(Subject(Kind.TREE, tree))
        return run

    def set(self, tree: bpy.types.NodeTree, /, **settings: Any) -> None:
        """Set inputs by NODE__SOCKET, with _ for spaces of the node's name. // is the job's folder in paths."""
        for target, value in settings.items():
            node, _, socket = target.partition("__")
            text = value if isinstance(value, str) else json.dumps(value)
            assign(tree, f"{node.replace('_', ' ')}{'.' if socket else ''}{socket}={text}", self.folder)

    def count(self, seconds: float, tasks: int) -> None:
        """Count a run: its seconds and tasks are told."""
        self.seconds, self._tasks = self.seconds + seconds, self._tasks + tasks

    def tell(self, *facts: str, on: tuple[int, Literal["faces", "pixels"]]) -> None:
        """Tell what was measured, a sentence each, and on how much it worked. To be called when all was."""
        self._told += facts
        self._amount, self._is_done = on, True

    def show(self, picture: Path, part: tuple[int, int, int, int] | None = None) -> None:
        """Show a picture file on the page.

        Args:
            picture: the file.
            part: left, top, right and bottom of what of it is the picture of the preset, in pixels; None leaves that
                as it is. A job that shows nothing has a drawing of its graph there.
        """
        self._picture, self._part = picture, part

    def keep(self) -> None:
        """Write down what was told, if the job has its whole size and came to its end."""
        if not (self.is_whole and self._is_done):
            return
        folder = Path(KEPT_IN)
        folder.mkdir(parents=True, exist_ok=True)
        if self._picture:
            with pictures.open(self._picture) as opened:
                whole = opened.convert("RGBA")
                opened.thumbnail((PICTURE_SIZE, PICTURE_SIZE))
                opened.convert("RGB").save(folder / f"{self.name}.jpg", quality=85)
                if self._part:
                    part = whole.crop(self._part)
                    part.thumbnail((PRESET_SIZE, PRESET_SIZE))
                    square = pictures.new("RGBA", (PRESET_SIZE, PRESET_SIZE))
                    square.paste(part, ((PRESET_SIZE - part.width) // 2, (PRESET_SIZE - part.height) // 2))
                    square.save(folder / f"{self.name}.png")
        else:
            (folder / f"{self.name}.png").write_bytes(self._drawing)
        title, _, story = self._story.partition("\n")
        content = {
            "title": title.rstrip("."),
            "story": story.strip(),
            "facts": self._told,
            "seconds": self.seconds,
            "tasks": self._tasks,
            "blender": bpy.app.version_string,
            "cores": os.cpu_count(),
            "cost": {
                "cost_seconds": round(self._cost.seconds, 1),
                "cost_memory": round(self._cost.memory, -6),
                "cost_amount": float(self._amount[0]),
                "cost_unit": self._amount[1],
                "runs": self._cost.runs,
            },
        }
        text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
        (folder / f"{self.name}.json").write_text(text, encoding="utf-8")
